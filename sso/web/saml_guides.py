"""How single sign-on by SAML is set up at each identity provider, as `sso.web.guides` says it for OpenID Connect.

The names of an identity provider's fields and buttons are its own, and are not translated.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from sso import connections
from sso.identities import NAME_ID
from sso.models import Connection
from sso.web.guides import Given, Taken

URL, FILE, FIELDS = "url", "file", "fields"
"""How an identity provider's description gets here."""

MICROSOFT = "http://schemas.microsoft.com/identity/claims/"


@dataclass(frozen=True, slots=True)
class Addresses:
    """What a connection gives to its identity provider. entity_id: also where our metadata is."""

    entity_id: str
    acs: str
    start: str


@dataclass(frozen=True, slots=True)
class SamlGuide:
    """where: the application is made. way: the usual one of URL, FILE and FIELDS. notes: what else is chosen there."""

    name: str
    where: str
    given: tuple[Given, ...]
    metadata: Taken
    entity_id: Taken
    sso_url: Taken
    certificate: Taken
    way: str = URL
    name_note: str = ""
    external_id_note: str = ""
    notes: tuple[str, ...] = field(default=())


def saml_guide(connection: Connection) -> SamlGuide:
    """The guide of the identity provider that was chosen, filled in; the general one for any that has none."""
    steps = GUIDES.get(connection.idp, _other)
    start = connections.start_url(connection)
    return steps(Addresses(connections.entity_id(connection), connections.acs_url(connection), start))


def _okta(ours: Addresses) -> SamlGuide:
    return SamlGuide(
        name="Okta",
        where=_("Applications › Create App Integration: SAML 2.0. Then assign the people or groups who may sign in."),
        given=(
            Given("Single sign-on URL", ours.acs, _("With “Use this for Recipient URL and Destination URL” on.")),
            Given("Audience URI (SP Entity ID)", ours.entity_id),
            Given(_("Bookmark App › URL"), ours.start, _("For a tile: see below.")),
        ),
        metadata=Taken(
            "Metadata URL", _("Sign On › Metadata details."), "https://acme.okta.com/app/…/sso/saml/metadata"
        ),
        entity_id=Taken("Issuer", _("Sign On › Metadata details › More details.")),
        sso_url=Taken("Sign on URL", _("Sign On › Metadata details › More details.")),
        certificate=Taken("Signing Certificate", _("Sign On › Metadata details › More details.")),
        name_note=_("Application username decides what the NameID is: choose the same that SCIM sends as userName."),
        notes=(
            _("Name ID format: Unspecified or Persistent. Default RelayState stays empty."),
            _(
                "The tile of this application begins at Okta, which is not accepted. Hide it, and add a Bookmark App"
                " with the start address for the same people."
            ),
        ),
    )


def _entra(ours: Addresses) -> SamlGuide:
    return SamlGuide(
        name="Microsoft Entra ID",
        where=_(
            "Enterprise applications › New application › Create your own application (non-gallery) › Single sign-on:"
            " SAML. Then assign users and groups."
        ),
        given=(
            Given("Identifier (Entity ID)", ours.entity_id),
            Given("Reply URL (Assertion Consumer Service URL)", ours.acs),
            Given("Sign on URL", ours.start, _("For the tile in My Apps.")),
        ),
        metadata=Taken(
            "App Federation Metadata Url",
            _("SAML Certificates."),
            "https://login.microsoftonline.com/…/federationmetadata.xml?appid=…",
        ),
        entity_id=Taken("Microsoft Entra Identifier", _("Set up ….")),
        sso_url=Taken("Login URL", _("Set up ….")),
        certificate=Taken("Certificate (Base64)", _("SAML Certificates.")),
        name_note=_(
            "The NameID is the claim “Unique User Identifier (Name ID)”: its source has to be what your provisioning"
            " maps to userName, which is user.userprincipalname from the start."
        ),
        external_id_note=_(
            "%(claim)s, only if your provisioning maps objectId to externalId; by default it maps mailNickname."
        )
        % {"claim": f"{MICROSOFT}objectidentifier"},
        notes=(
            _("Relay State and Logout Url stay empty."),
            _("A certificate lasts three years. By the metadata address the next one comes here by itself."),
        ),
    )


def _pingone(ours: Addresses) -> SamlGuide:
    return SamlGuide(
        name="PingOne",
        where=_("Applications › Applications › +: SAML Application, Manually Enter. Then switch the application on."),
        given=(
            Given("ACS URLs", ours.acs),
            Given("Entity ID", ours.entity_id),
        ),
        metadata=Taken(
            "IDP Metadata URL", _("Overview › Connection details."), "https://auth.pingone.com/…/saml20/metadata/…"
        ),
        entity_id=Taken("Issuer ID", _("Overview › Connection details.")),
        sso_url=Taken("Single Signon Service", _("Overview › Connection details.")),
        certificate=Taken("Download Signing Certificate", _("Configuration: X509 PEM (.crt).")),
        name_note=_("Attribute Mappings: saml_subject has to be what SCIM sends as userName, for example Username."),
        notes=(
            _("Assertion Validity Duration: 300 seconds. Sign Assertion, Sign Response, or both."),
            _("SLO endpoints stay empty."),
        ),
    )


def _google(ours: Addresses) -> SamlGuide:
    return SamlGuide(
        name="Google Workspace",
        where=_(
            "Admin console › Apps › Web and mobile apps › Add app › Add custom SAML app. Then turn it on for the people"
            " who may sign in."
        ),
        given=(
            Given("ACS URL", ours.acs),
            Given("Entity ID", ours.entity_id),
            Given("Start URL", ours.start),
        ),
        metadata=Taken("Download metadata", _("Google Identity Provider details.")),
        entity_id=Taken("Entity ID", _("Google Identity Provider details.")),
        sso_url=Taken("SSO URL", _("Google Identity Provider details.")),
        certificate=Taken("Certificate", _("Google Identity Provider details.")),
        way=FILE,
        name_note=_("Name ID format: EMAIL; Name ID: Basic Information › Primary email."),
        notes=(
            _("Signed response may be on or off."),
            _(
                "A certificate lasts five years, and Google publishes it at no address: enter the next one here before"
                " you switch there."
            ),
            _("The tile begins at Google, which is not accepted: the page that says so leads to the start address."),
        ),
    )


def _jumpcloud(ours: Addresses) -> SamlGuide:
    return SamlGuide(
        name="JumpCloud",
        where=_("SSO Applications › Add New Application › Custom Application: Configure SSO with SAML."),
        given=(
            Given("SP Entity ID", ours.entity_id),
            Given("ACS URLs", ours.acs),
            Given("Login URL", ours.start, _("For the tile in the user portal.")),
        ),
        metadata=Taken("Export Metadata", _("SSO › JumpCloud Metadata.")),
        entity_id=Taken("IdP Entity ID", _("SSO. Yours to choose, for example with the name of your organization.")),
        sso_url=Taken("IDP URL", _("SSO.")),
        certificate=Taken("IDP Certificate Valid", _("Download certificate.")),
        way=FILE,
        name_note=_("SAMLSubject NameID has to be what SCIM sends as userName: email or username."),
        notes=(_("Sign: Assertion, or Both. Declare Redirect Endpoint is on."),),
    )


def _onelogin(ours: Addresses) -> SamlGuide:
    return SamlGuide(
        name="OneLogin",
        where=_("Applications › Add App › SAML Custom Connector (Advanced). The fields are under Configuration."),
        given=(
            Given("Audience (EntityID)", ours.entity_id),
            Given("Recipient", ours.acs),
            Given("ACS (Consumer) URL Validator", "^" + ours.acs.replace(".", r"\.") + "$", _("A regular expression.")),
            Given("ACS (Consumer) URL", ours.acs),
            Given("Login URL", ours.start, _("With SAML initiator: Service Provider. For the tile in the portal.")),
        ),
        metadata=Taken("Issuer URL", _("SSO."), "https://app.onelogin.com/saml/metadata/…"),
        entity_id=Taken("Issuer URL", _("SSO.")),
        sso_url=Taken("SAML 2.0 Endpoint (HTTP)", _("SSO.")),
        certificate=Taken("X.509 Certificate", _("SSO › View Details.")),
        name_note=_("Parameters › NameID value has to be what SCIM sends as userName, for example Email."),
        notes=(_("Single Logout URL and RelayState stay empty. SAML signature element: Assertion, Response or Both."),),
    )


def _keycloak(ours: Addresses) -> SamlGuide:
    return SamlGuide(
        name="Keycloak",
        where=_("Clients › Create client: SAML."),
        given=(
            Given("Client ID", ours.entity_id),
            Given("Valid redirect URIs", ours.acs),
            Given("Master SAML Processing URL", ours.acs),
            Given("Home URL", ours.start, _("For the list of applications in the account console.")),
        ),
        metadata=Taken(
            "SAML 2.0 Identity Provider Metadata",
            _("Realm settings › General › Endpoints."),
            "https://sso.acme.example/realms/acme/protocol/saml/descriptor",
        ),
        entity_id=Taken(_("Entity ID"), _("The address of the realm.")),
        sso_url=Taken(_("SSO URL"), _("The address of the realm, with /protocol/saml.")),
        certificate=Taken(_("Certificate"), _("Realm settings › Keys › RS256 › Certificate.")),
        name_note=_("Name ID format: username, with “Force name ID format” on."),
        notes=(
            _("Sign assertions on; Client signature required off, under Keys."),
            _("If Keycloak is in your own network, whoever runs this portal has to allow that network."),
        ),
    )


def _other(ours: Addresses) -> SamlGuide:
    return SamlGuide(
        name=_("your identity provider"),
        where=_(
            "Make an application for SAML 2.0 that accepts requests by HTTP-Redirect and signs its assertions or"
            " responses, for example by RSA-SHA256."
        ),
        given=(
            Given(_("Entity ID (audience)"), ours.entity_id, _("Also the address of our metadata.")),
            Given(_("ACS URL (HTTP-POST)"), ours.acs, _("Also as recipient and destination.")),
            Given(_("Start address"), ours.start, _("For a tile: it has to begin here.")),
        ),
        metadata=Taken(
            _("Metadata address"), _("Where it publishes its metadata."), "https://idp.example.com/metadata"
        ),
        entity_id=Taken(_("Entity ID"), _("To the letter.")),
        sso_url=Taken(_("SSO URL"), _("That of HTTP-Redirect.")),
        certificate=Taken(_("Certificate"), _("With which it signs.")),
        notes=(_("Any NameID format but transient. Addresses for single logout stay empty."),),
    )


GUIDES: dict[str, Callable[[Addresses], SamlGuide]] = {
    "okta": _okta,
    "entra": _entra,
    "pingone": _pingone,
    "google": _google,
    "jumpcloud": _jumpcloud,
    "onelogin": _onelogin,
    "keycloak": _keycloak,
    "other": _other,
}

ATTRIBUTES = (NAME_ID, "userName", "uid", "upn")
"""Which usually hold the userName."""
