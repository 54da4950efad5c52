"""How single sign-on is set up at each identity provider: where, and by which names it calls what has to be entered.

The names of an identity provider's fields and buttons are its own, and are not translated.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sso import connections
from sso.identification import USUAL_CLAIM
from sso.models import Connection


@dataclass(frozen=True, slots=True)
class Addresses:
    """What a connection gives to its identity provider."""

    callback: str
    initiate: str
    start: str
    logout: str
    revoke: str


@dataclass(frozen=True, slots=True)
class Given:
    """One of our values. name: of the field at the identity provider."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """What has to be copied from the identity provider. where: it is shown there."""

    name: str
    where: str
    example: str = ""


@dataclass(frozen=True, slots=True)
class Guide:
    """where: the application is made. name_claim: which holds the userName; empty for the usual one.

    external_id_claim: which holds SCIM's externalId as the identity provider sends it from the start; empty if none.
    notes: what else has to be chosen there.
    """

    name: str
    where: str
    given: tuple[Given, ...]
    issuer: Taken
    client_id: Taken
    client_secret: Taken
    name_claim: str = ""
    name_note: str = ""
    external_id_claim: str = ""
    external_id_note: str = ""
    notes: tuple[str, ...] = field(default=())


def guide(connection: Connection) -> Guide:
    """The guide of the identity provider that was chosen, filled in; the general one for any that has none."""
    _name, steps = PROVIDERS.get(connection.idp, PROVIDERS["other"])
    base = f"{settings.MUSTER_URL}/sso/{connection.id}"
    revoke = connections.revocation_url(connection)
    return steps(
        Addresses(connections.callback_url(connection), f"{base}/initiate", f"{base}/start", f"{base}/logout", revoke)
    )


def _secret(where: str, name: str = "Client secret") -> Taken:
    return Taken(name, where)


def _okta(ours: Addresses) -> Guide:
    return Guide(
        name="Okta",
        where=_(
            "Applications › Create App Integration: OIDC - OpenID Connect, Web Application. Grant type: Authorization"
            " Code. Then assign the people or groups who may sign in."
        ),
        given=(
            Given("Sign-in redirect URIs", ours.callback),
            Given(
                "Initiate login URI",
                ours.initiate,
                _("For the tile. Login initiated by: Either Okta or App; login flow: Redirect to app."),
            ),
            Given(
                "Global token revocation endpoint",
                ours.revoke,
                _("For Universal Logout, where you use it. Subject format: Issuer and Subject identifier."),
            ),
        ),
        issuer=Taken(
            "Issuer",
            _("The address of your Okta organization, with your own domain if you have one."),
            "https://acme.okta.com",
        ),
        client_id=Taken("Client ID", _("General › Client Credentials.")),
        client_secret=_secret(_("General › Client Credentials › CLIENT SECRETS.")),
        external_id_claim="sub",
        external_id_note=_("Okta sends its own user ID as both."),
        notes=(
            _("Sign-out redirect URIs may stay empty."),
            _("Use the organization itself as the issuer, not a custom authorization server such as /oauth2/default."),
        ),
    )


def _entra(ours: Addresses) -> Guide:
    return Guide(
        name="Microsoft Entra ID",
        where=_(
            "App registrations › New registration: accounts in this organizational directory only. Say under Enterprise"
            " applications › Properties whether assignment is required."
        ),
        given=(
            Given("Redirect URI", ours.callback, _("Platform: Web.")),
            Given("Home page URL", ours.start, _("Branding & properties. For the tile in My Apps.")),
        ),
        issuer=Taken(
            _("Issuer"),
            _("Overview › Directory (tenant) ID, in this address. Not “common” or “organizations”."),
            "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0",
        ),
        client_id=Taken("Application (client) ID", _("Overview.")),
        client_secret=_secret(
            _("Certificates & secrets › New client secret: the Value, not the Secret ID. It is shown once."),
            "Client secret value",
        ),
        name_note=_("preferred_username is the user principal name (UPN), which may change."),
        external_id_note=_(
            "Choose oid only if your provisioning maps objectId to externalId; by default Entra ID maps mailNickname."
        ),
        notes=(
            _("Front-channel logout URL stays empty: Entra ID calls it without saying who it is."),
            _("A secret ends after 24 months at most. Enter its end here, so that you are warned."),
            _("In a new registration everybody has another subject (sub): unlink all people before using it."),
        ),
    )


def _pingone(ours: Addresses) -> Guide:
    return Guide(
        name="PingOne",
        where=_(
            "Applications › Applications › +: OIDC Web App. Response type: Code; grant type: Authorization Code; token"
            " endpoint authentication: Client Secret Basic. Then switch the application on."
        ),
        given=(
            Given("Redirect URIs", ours.callback),
            Given("Initiate Login URI", ours.initiate, _("For the tile in the application portal.")),
        ),
        issuer=Taken("Issuer ID", _("Overview › Connection details."), "https://auth.pingone.com/ENVIRONMENT-ID/as"),
        client_id=Taken("Client ID", _("Overview.")),
        client_secret=_secret(_("Overview."), "Client Secret"),
        name_note=_(
            "preferred_username is the Username. If SCIM sends the e-mail address as userName, map preferred_username"
            " to Email Address under Attribute Mappings."
        ),
        notes=(_("Signoff URLs may stay empty."), _("Resources: allow the scopes profile and email.")),
    )


def _google(ours: Addresses) -> Guide:
    return Guide(
        name="Google Workspace",
        where=_(
            "Google Cloud console › APIs & Services › Credentials › Create credentials › OAuth client ID: Web"
            " application. On the consent screen, the user type is Internal."
        ),
        given=(Given("Authorized redirect URIs", ours.callback),),
        issuer=Taken(_("Issuer"), _("The same for everybody."), "https://accounts.google.com"),
        client_id=Taken("Client ID", _("Shown when the client has been made.")),
        client_secret=_secret(_("Shown when the client has been made.")),
        name_claim="email",
        name_note=_("Google sends no preferred_username. The address counts only in your verified domains."),
        notes=(_("There is no tile, and Google does not tell when somebody signs out there."),),
    )


def _jumpcloud(ours: Addresses) -> Guide:
    return Guide(
        name="JumpCloud",
        where=_(
            "SSO Applications › Add New Application › Custom Application: Configure SSO with OIDC. Grant type:"
            " Authorization Code; client authentication type: Client Secret Basic. Scopes: Email and Profile."
        ),
        given=(
            Given("Redirect URIs", ours.callback),
            Given("Login URL", ours.start, _("For the tile in the user portal.")),
        ),
        issuer=Taken(
            _("Issuer"), _("The same for everybody; with oauth.id.eu in the EU."), "https://oauth.id.jumpcloud.com/"
        ),
        client_id=Taken("Client ID", _("Shown when the application is activated.")),
        client_secret=_secret(_("Shown once, when the application is activated."), "Client Secret"),
        name_note=_(
            "If the test run shows no preferred_username, add it under Attribute Mapping, from what SCIM sends as"
            " userName."
        ),
    )


def _onelogin(ours: Addresses) -> Guide:
    return Guide(
        name="OneLogin",
        where=_("Applications › Add App › OpenId Connect (OIDC). SSO › Application Type: Web; Token Endpoint: Basic."),
        given=(
            Given("Redirect URIs", ours.callback, _("Configuration.")),
            Given("Login Url", ours.start, _("Configuration. For the tile in the portal.")),
        ),
        issuer=Taken("Issuer URL", _("SSO › Issuer URL."), "https://acme.onelogin.com/oidc/2"),
        client_id=Taken("Client ID", _("SSO.")),
        client_secret=_secret(_("SSO › Show client secret."), "Client Secret"),
    )


def _keycloak(ours: Addresses) -> Guide:
    return Guide(
        name="Keycloak",
        where=_("Clients › Create client: OpenID Connect, Client authentication on, Standard flow."),
        given=(
            Given("Valid redirect URIs", ours.callback),
            Given("Home URL", ours.start, _("For the list of applications in the account console.")),
            Given(
                "Backchannel logout URL",
                ours.logout,
                _("With “Backchannel logout session required” on: signing out there then ends the session here."),
            ),
        ),
        issuer=Taken(
            "Issuer", _("Realm settings › OpenID Endpoint Configuration."), "https://sso.acme.example/realms/acme"
        ),
        client_id=Taken("Client ID", _("As you chose it.")),
        client_secret=_secret(_("Credentials › Client Secret."), "Client Secret"),
        notes=(_("If Keycloak is in your own network, whoever runs this portal has to allow that network."),),
    )


def _other(ours: Addresses) -> Guide:
    return Guide(
        name=_("your identity provider"),
        where=_(
            "Make a confidential client (a web application) for OpenID Connect with the authorization code flow. PKCE"
            " (S256) is always used. ID tokens are signed, by default with RS256, and not encrypted."
        ),
        given=(
            Given(_("Redirect URI"), ours.callback),
            Given(_("Initiate login URI"), ours.initiate, _("For a tile or link at the identity provider.")),
            Given(_("Start address"), ours.start, _("Where only a plain link can be entered.")),
            Given(_("Back-channel logout URI"), ours.logout, _("Signing out there then ends the session here.")),
        ),
        issuer=Taken(_("Issuer"), _("The address of its description is accepted as well."), "https://idp.example.com"),
        client_id=Taken(_("Client ID"), _("Shown when the client has been made.")),
        client_secret=_secret(_("Shown when the client has been made."), _("Client secret")),
    )


PROVIDERS: dict[str, tuple[str, Callable[[Addresses], Guide]]] = {
    "okta": ("Okta", _okta),
    "entra": ("Microsoft Entra ID", _entra),
    "pingone": ("PingOne", _pingone),
    "google": ("Google Workspace", _google),
    "jumpcloud": ("JumpCloud", _jumpcloud),
    "onelogin": ("OneLogin", _onelogin),
    "keycloak": ("Keycloak", _keycloak),
    "other": (gettext_lazy("Another"), _other),  # type: ignore[dict-item]
}
"""By the key that is kept: the name, and what makes the guide."""

USUALLY_SAML = ("google", "jumpcloud")
"""Which are usually connected by SAML."""

CLAIMS = (USUAL_CLAIM, "upn", "email")
"""Which usually hold the userName."""
