"""ETags and the conditions that requests put on them (RFC 7644 §3.14). All of ours are weak, and are compared so."""

import re

# The revisions that a request accepts; None accepts any.
Expected = frozenset[int] | None

_OURS = re.compile(r'(?:W/)?"(\d{1,18})(?:\.[^"]*)?"')


def etag(revision: int) -> str:
    """The validator of a representation."""
    return f'W/"{revision}"'


def revisions(header: str | None) -> Expected:
    """What If-Match or If-None-Match names; a tag that is none of ours matches nothing."""
    if not header or header.strip() == "*":
        return None
    return frozenset(int(match) for match in _OURS.findall(header))
