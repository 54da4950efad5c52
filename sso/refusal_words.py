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
}


def in_words(refused: Refused) -> str:
    """One or two sentences. They may quote the identity provider, so they are text and not HTML."""
    return str(WORDS[refused.reason]) % {"detail": refused.detail}
