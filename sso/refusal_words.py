"""Why an identity provider or a sign-in is refused, in words for whoever sets the connection up."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from sso.refusals import Reason, Refused

WORDS: Mapping[Reason, str | Promise] = {
    Reason.BAD_ADDRESS: _("This is not a web address: %(detail)s. It must begin with https:// and name a host."),
    Reason.NOT_HTTPS: _("The address must begin with https://: %(detail)s"),
    Reason.NO_PUBLIC_ADDRESS: _(
        "%(detail)s has no public address. If the identity provider is in your own network, ask whoever runs this"
        " portal to allow that network."
    ),
    Reason.TLS: _("No secure connection could be made, or the certificate is not trusted. %(detail)s"),
    Reason.UNREACHABLE: _("The identity provider cannot be reached. %(detail)s"),
    Reason.TOO_SLOW: _("The identity provider did not answer within ten seconds: %(detail)s"),
    Reason.TOO_LONG: _("The answer is longer than 512 KiB: %(detail)s"),
    Reason.REDIRECTED: _("The address redirects to another one. Enter that one: %(detail)s"),
    Reason.BAD_STATUS: _("The identity provider answered with an error. %(detail)s"),
    Reason.NOT_JSON: _("The answer is not JSON, so this is not the address of an identity provider. %(detail)s"),
    Reason.OTHER_ISSUER: _(
        "The identity provider calls itself “%(detail)s”. Enter the issuer exactly like that. In Microsoft Entra ID it"
        " has the ID of your tenant in it, and not “common”."
    ),
    Reason.INCOMPLETE: _("The identity provider's description of itself lacks %(detail)s."),
    Reason.BAD_ENDPOINT: _("The identity provider names an address that is not a safe one. %(detail)s"),
    Reason.NO_CODE_FLOW: _("The identity provider does not support the authorization code flow."),
    Reason.NO_CLIENT_SECRET: _("The identity provider accepts no client secret, only: %(detail)s"),
    Reason.NO_ALGORITHM: _("The identity provider signs its tokens only in ways that are not safe: %(detail)s"),
    Reason.NO_KEYS: _("The identity provider publishes no key that could have signed a token: %(detail)s"),
    Reason.NOT_METADATA: _(
        "This is not the SAML metadata of an identity provider, which is XML that begins with EntityDescriptor."
        " %(detail)s"
    ),
    Reason.SEVERAL_PROVIDERS: _(
        "The metadata describes several identity providers. Use one that describes a single one, or enter its three"
        " values by hand. It describes: %(detail)s"
    ),
    Reason.OTHER_ENTITY: _("The metadata does not describe the identity provider “%(detail)s”."),
    Reason.METADATA_EXPIRED: _("The metadata was valid until %(detail)s. Get it from the identity provider again."),
    Reason.NO_REDIRECT: _(
        "The identity provider accepts requests through %(detail)s only. Switch HTTP-Redirect on there, which is how"
        " requests are sent from here."
    ),
    Reason.NO_CERTIFICATE: _("The metadata contains no signing certificate that can be used. %(detail)s"),
    Reason.TOO_MANY_CERTIFICATES: _("These are %(detail)s certificates. A connection takes ten at most."),
    Reason.OTHER_SSO_URL: _(
        "The metadata names another URL for sign-ins than the one that was tested: %(detail)s. Save the configuration"
        " again, test it and activate it."
    ),
    Reason.NOT_A_CERTIFICATE: _(
        "This is not an X.509 certificate. Paste everything from BEGIN CERTIFICATE to END CERTIFICATE. If the identity"
        " provider offers several formats, choose PEM or Base64."
    ),
    Reason.PRIVATE_KEY: _(
        "This contains a private key, which nobody except the identity provider should have. It was not stored. Enter"
        " only the certificate, and consider replacing the key."
    ),
    Reason.UNSUITABLE_KEY: _(
        "The key in this certificate is not accepted: %(detail)s. It has to be RSA with at least 2,048 bits, or ECDSA"
        " on P-256, P-384 or P-521."
    ),
    Reason.KNOWN_CERTIFICATE: _("This certificate has already been entered. Submit the next one."),
    Reason.ENDED_CERTIFICATE: _("This certificate ended on %(detail)s. Submit the one that comes after it."),
    Reason.OTHER_CONFIGURATION: _(
        "The organization's admins are changing how people sign in, so that no certificate can be added now. Ask them."
    ),
    Reason.STATE: _("This sign-in did not begin in this browser, or began more than ten minutes ago. Start it again."),
    Reason.MIXED_UP: _("The answer is from another identity provider: “%(detail)s”."),
    Reason.BAD_PARAMETERS: _("The identity provider sent the browser back without, or with two of: %(detail)s"),
    Reason.CANCELLED: _(
        "The identity provider let nobody sign in: they stopped, or the application is not assigned to them. %(detail)s"
    ),
    Reason.PROVIDER_ERROR: _("The identity provider reports an error. %(detail)s"),
    Reason.SECRET_REFUSED: _(
        "The identity provider does not accept the client ID and client secret. Is the secret the current one, and "
        "its value rather than its ID? %(detail)s"
    ),
    Reason.CODE_REFUSED: _(
        "The identity provider does not accept its own code. Is the redirect address entered there exactly as shown"
        " here? %(detail)s"
    ),
    Reason.TOKEN_REFUSED: _("The identity provider refuses to give a token. %(detail)s"),
    Reason.PROVIDER_FAILED: _("The identity provider failed while it was asked for a token: %(detail)s"),
    Reason.NO_ID_TOKEN: _("The identity provider gave no ID token. Is it an OpenID Connect application there?"),
    Reason.MALFORMED: _("The token cannot be read. If the identity provider encrypts ID tokens, switch that off."),
    Reason.ALGORITHM: _("The token is not signed in an accepted way: “%(detail)s”. Choose RS256."),
    Reason.NO_KEY_ID: _("The token does not say which of several keys signed it (kid)."),
    Reason.UNKNOWN_KEY: _("The token is signed with a key that the identity provider does not publish: %(detail)s"),
    Reason.SIGNATURE: _("The signature of the token is wrong."),
    Reason.TOKEN_TYPE: _("The token is one for another purpose: %(detail)s"),
    Reason.ISSUER: _("The token is from another issuer: “%(detail)s”."),
    Reason.AUDIENCE: _("The token is for another application: %(detail)s"),
    Reason.EXPIRED: _("The identity provider's answer has expired. Is its clock right?"),
    Reason.NOT_YET_VALID: _("The identity provider's answer is from the future (%(detail)s). Is its clock right?"),
    Reason.TOO_OLD: _("The logout token was issued more than ten minutes ago."),
    Reason.BAD_CLAIM: _("The token has no usable value of: %(detail)s"),
    Reason.NONCE: _("The token belongs to another sign-in (nonce)."),
    Reason.OTHER_SUBJECT: _("The userinfo endpoint answers about somebody else: “%(detail)s”."),
    Reason.NOT_A_LOGOUT: _("This is not a logout token: %(detail)s"),
    Reason.UNAVAILABLE: _(
        "SAML does not work in this portal at the moment. Tell whoever runs it that xmlsec cannot be loaded. %(detail)s"
    ),
    Reason.NOT_A_RESPONSE: _("This is not a SAML 2.0 response: %(detail)s"),
    Reason.ENCRYPTED: _(
        "The assertion is encrypted, and this connection has no key to decrypt it. Switch encryption off at the"
        " identity provider."
    ),
    Reason.ENCRYPTED_WEAKLY: _(
        "The assertion is encrypted in a way that is not safe: “%(detail)s”. Choose AES-256-GCM with RSA-OAEP."
    ),
    Reason.NOT_DECRYPTED: _(
        "The assertion cannot be decrypted. Does the identity provider have the certificate that is shown here?"
    ),
    Reason.UNSIGNED: _(
        "Neither the assertion nor the response is signed. Switch on signing of assertions at the identity provider."
    ),
    Reason.SIGNED_WEAKLY: _(
        "The response is signed in a way that is not accepted: “%(detail)s”. Choose RSA-SHA256 at the identity"
        " provider."
    ),
    Reason.NO_CERTIFICATE_FITS: _(
        "The signature does not match any of the certificates entered here, or what it signs was changed. Does the"
        " identity provider sign with a new certificate?"
    ),
    Reason.BAD_RESPONSE: _(
        "The response is not a valid response for single sign-on. What is wrong with it: %(detail)s"
    ),
    Reason.UNSOLICITED: _(
        "The sign-in was started at the identity provider (the response has no InResponseTo), which is not accepted."
        " Enter the start address as its sign-on URL or start URL: %(detail)s"
    ),
    Reason.USED_BEFORE: _("The assertion was used before. An identity provider gives each of them an ID of its own."),
    Reason.OTHER_REQUEST: _("The response answers another sign-in (InResponseTo). Start again."),
    Reason.OTHER_RECIPIENT: _(
        "The response is for another URL: “%(detail)s”. Enter the ACS URL exactly as shown here, also as Recipient and"
        " Destination."
    ),
    Reason.OTHER_AUDIENCE: _(
        "The response is for another service: “%(detail)s”. Enter the entity ID exactly as shown here, also as"
        " Audience."
    ),
    Reason.NO_NAME_ID: _("The NameID of the response is missing, encrypted or cannot be used. %(detail)s"),
    Reason.TRANSIENT_NAME_ID: _(
        "The NameID is different at each sign-in (transient). Choose another format for it, such as persistent or email"
        " address."
    ),
    Reason.SECRET_MISSING: _("Enter the client secret."),
    Reason.SECRET_UNREADABLE: _(
        "The client secret cannot be read any more, since the key of this portal has changed since it was entered. "
        "Enter"
        " it again."
    ),
    Reason.KEY_UNREADABLE: _(
        "Our private key cannot be read any more, since the key of this portal has changed since it was made. Save the"
        " configuration again, which makes a new one, and give its certificate to the identity provider."
    ),
    Reason.NO_NAME: _("The identity provider gives no userName: it sends no usable “%(detail)s”."),
    Reason.EMAIL_NOT_VERIFIED: _(
        "The address %(detail)s does not say who it is: the identity provider has not verified it, or its domain is not"
        " one of your verified domains."
    ),
    Reason.NOBODY: _("Nobody here has the userName %(detail)s."),
    Reason.SEVERAL_PEOPLE: _("Several people here have the externalId that “%(detail)s” holds."),
    Reason.OTHER_EXTERNAL_ID: _(
        "%(detail)s has another externalId here than the identity provider says, so it is somebody else."
    ),
    Reason.LINKED_TO_ANOTHER: _(
        "%(detail)s is linked to another account at the identity provider. If it is the same person, unlink them; they"
        " are linked again when they sign in."
    ),
    Reason.DEACTIVATED: _("%(detail)s is deactivated."),
    Reason.DELETED: _("%(detail)s was deleted. Only provisioning by SCIM brings somebody back."),
    Reason.NO_ACCOUNT: _(
        "Nobody here has the userName %(detail)s, and no account is created for it, because it is not an address in "
        "one of your verified domains."
    ),
}


def in_words(refused: Refused) -> str:
    """One or two sentences. They may quote the identity provider, so they are text and not HTML."""
    return str(WORDS[refused.reason]) % {"detail": refused.detail}
