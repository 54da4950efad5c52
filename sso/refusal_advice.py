"""Who can do what about a refused sign-in. `sso.refusal_words` says what is wrong; this, whom to ask for what."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from sso.refusals import Reason

_AGAIN = _("Ask the person to start again, in the same browser and tab.")
_PROVIDER = _("Ask whoever runs the identity provider whether it works, and try again.")
_CONFIGURATION = _("Compare the configuration here with the application at the identity provider.")
_FORGED = _(
    "If it happens again, it is no coincidence: ask whoever runs the identity provider for its log of that time."
)

ADVICE: Mapping[Reason, str | Promise] = {
    Reason.TLS: _PROVIDER,
    Reason.UNREACHABLE: _PROVIDER,
    Reason.TOO_SLOW: _PROVIDER,
    Reason.BAD_STATUS: _PROVIDER,
    Reason.PROVIDER_ERROR: _PROVIDER,
    Reason.PROVIDER_FAILED: _PROVIDER,
    Reason.REDIRECTED: _CONFIGURATION,
    Reason.NOT_JSON: _CONFIGURATION,
    Reason.OTHER_ISSUER: _CONFIGURATION,
    Reason.BAD_PARAMETERS: _CONFIGURATION,
    Reason.SECRET_REFUSED: _CONFIGURATION,
    Reason.CODE_REFUSED: _CONFIGURATION,
    Reason.TOKEN_REFUSED: _CONFIGURATION,
    Reason.NO_ID_TOKEN: _CONFIGURATION,
    Reason.ALGORITHM: _CONFIGURATION,
    Reason.AUDIENCE: _CONFIGURATION,
    Reason.STATE: _AGAIN,
    Reason.EXPIRED: _PROVIDER,
    Reason.NOT_YET_VALID: _PROVIDER,
    Reason.MIXED_UP: _FORGED,
    Reason.SIGNATURE: _FORGED,
    Reason.NONCE: _FORGED,
    Reason.ISSUER: _FORGED,
    Reason.OTHER_SUBJECT: _FORGED,
    Reason.UNSIGNED: _CONFIGURATION,
    Reason.OTHER_RECIPIENT: _CONFIGURATION,
    Reason.OTHER_AUDIENCE: _CONFIGURATION,
    Reason.OTHER_REQUEST: _AGAIN,
    Reason.USED_BEFORE: _FORGED,
    Reason.NO_CERTIFICATE_FITS: _(
        "Compare the fingerprints of the certificates here with those at the identity provider, and add the one that is"
        " missing."
    ),
    Reason.CANCELLED: _("Have the application assigned to the person at the identity provider."),
    Reason.SECRET_MISSING: _("Enter the client secret here."),
    Reason.SECRET_UNREADABLE: _("Enter the client secret here again."),
    Reason.NO_NAME: _(
        "Have the identity provider send this claim, or choose here another one that holds the userName."
    ),
    Reason.EMAIL_NOT_VERIFIED: _("Verify the domain here, or choose another claim."),
    Reason.NOBODY: _(
        "Assign the person to the provisioning application at the identity provider, or make the claim the same as the"
        " userName that SCIM sends."
    ),
    Reason.OTHER_EXTERNAL_ID: _("Compare the person at the identity provider with the one that it provisioned."),
    Reason.SEVERAL_PEOPLE: _("Have the identity provider send each person an externalId of their own."),
    Reason.NO_ACCOUNT: _("Have the person provisioned, or verify the domain here."),
    Reason.DELETED: _("Have the person provisioned again."),
    Reason.DEACTIVATED: _("Activate the person at the identity provider, or on their page here."),
}


def advice(reason: Reason) -> str:
    """What to do; empty where only `refusal_words` says something."""
    return str(ADVICE.get(reason, ""))
