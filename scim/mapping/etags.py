"""ETags and the conditions that requests put on them (RFC 7644 §3.14). All of ours are weak, and are compared so."""

import re

# The revisions that a request accepts; None accepts any.
Expected = frozenset[int] | None

_OURS = re.compile(r'(?:W/)?"(\d{1,18})(?:\.[^"]*)?"')


def etag(revision: int, digest: str = "") -> str:
    """The validator of a representation; the digest is of what is shown with it and has a revision of its own."""
    return f'W/"{revision}.{digest}"' if digest else f'W/"{revision}"'


def unchanged(header: str | None, present: str) -> bool:
    """Whether If-None-Match names the present representation."""
    if not header:
        return False
    opaque = present.removeprefix("W/")
    return header.strip() == "*" or any(tag.strip().removeprefix("W/") == opaque for tag in header.split(","))


def revisions(header: str | None) -> Expected:
    """What If-Match names; a tag that is none of ours matches nothing."""
    if not header or header.strip() == "*":
        return None
    return frozenset(int(match) for match in _OURS.findall(header))
