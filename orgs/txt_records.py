"""TXT records in the DNS, with which an org proves that it owns a domain (SPEC O6)."""

from django.utils.translation import gettext as _
from dns import exception, resolver

PATIENCE = 4.0  # seconds for one name, including all name servers and retries


class Unanswered(Exception):
    """The DNS gave no answer; the argument says why, in words."""


def texts(name: str) -> set[str]:
    """The values of the TXT records of `name`; empty if it has none. Takes up to PATIENCE. Raises Unanswered."""
    try:
        answer = resolver.resolve(f"{name}.", "TXT", lifetime=PATIENCE)
    except (resolver.NXDOMAIN, resolver.NoAnswer):
        return set()
    except exception.Timeout as error:
        raise Unanswered(_("The name servers of this domain did not answer in time.")) from error
    except exception.DNSException as error:
        raise Unanswered(_("The name servers of this domain answered with an error.")) from error
    # A long value comes in several strings.
    return {b"".join(record.strings).decode(errors="replace").strip() for record in answer}
