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
    Reason.REDIRECTED: _("The address leads on to another one. Enter the one where it ends: %(detail)s"),
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
    Reason.STATE: _("This sign-in did not begin in this browser, or began more than ten minutes ago. Start it again."),
    Reason.MIXED_UP: _("The answer is from another identity provider: “%(detail)s”."),
    Reason.BAD_PARAMETERS: _("The identity provider sent the browser back without, or with two of: %(detail)s"),
    Reason.CANCELLED: _(
        "The identity provider let nobody sign in: they stopped, or the application is not assigned to them. %(detail)s"
    ),
    Reason.PROVIDER_ERROR: _("The identity provider reports an error. %(detail)s"),
    Reason.SECRET_REFUSED: _(
        "The identity provider does not accept the client ID and client secret. Is the secret the present one, and its"
        " value rather than its ID? %(detail)s"
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
    Reason.EXPIRED: _("The token has expired. Is the clock of the identity provider right?"),
    Reason.NOT_YET_VALID: _("The token is from the future (%(detail)s). Is the clock of the identity provider right?"),
    Reason.TOO_OLD: _("The logout token was issued more than ten minutes ago."),
    Reason.BAD_CLAIM: _("The token has no usable value of: %(detail)s"),
    Reason.NONCE: _("The token belongs to another sign-in (nonce)."),
    Reason.OTHER_SUBJECT: _("The userinfo endpoint answers about somebody else: “%(detail)s”."),
    Reason.NOT_A_LOGOUT: _("This is not a logout token: %(detail)s"),
    Reason.SECRET_MISSING: _("Enter the client secret."),
    Reason.SECRET_UNREADABLE: _(
        "The client secret cannot be read any more, since this portal has another key than when it was entered. Enter"
        " it again."
    ),
    Reason.NO_NAME: _("The identity provider says no userName: it sends no usable “%(detail)s”."),
    Reason.EMAIL_NOT_VERIFIED: _(
        "The address %(detail)s does not say who it is: the identity provider has not verified it, or its domain is not"
        " one of your verified domains."
    ),
    Reason.NOBODY: _("Nobody here has the userName %(detail)s."),
    Reason.DEACTIVATED: _("%(detail)s is deactivated."),
}


def in_words(refused: Refused) -> str:
    """One or two sentences. They may quote the identity provider, so they are text and not HTML."""
    return str(WORDS[refused.reason]) % {"detail": refused.detail}
