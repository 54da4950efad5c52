"""TXT records in the DNS, by which an org proves that a domain is its own (SPEC O6)."""

from django.utils.translation import gettext as _
from dns import exception, resolver

PATIENCE = 4.0  # seconds for one name, all name servers and repetitions included


class Unanswered(Exception):
    """The DNS could not be asked; the argument says why, in words."""


def texts(name: str) -> set[str]:
    """What the TXT records of `name` say; nothing where it has none. Takes up to PATIENCE. Raises Unanswered."""
    try:
        answer = resolver.resolve(f"{name}.", "TXT", lifetime=PATIENCE)
    except (resolver.NXDOMAIN, resolver.NoAnswer):
        return set()
    except exception.Timeout as error:
        raise Unanswered(_("The name servers of this domain did not answer in time.")) from error
    except exception.DNSException as error:
        raise Unanswered(_("The name servers of this domain answered with an error.")) from error
    # A long text comes in several strings.
    return {b"".join(record.strings).decode(errors="replace").strip() for record in answer}
