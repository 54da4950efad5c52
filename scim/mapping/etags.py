"""ETags and the conditions that requests put on them (RFC 7644 §3.14). All ETags of the portal are weak."""

import re

# The revisions that a request accepts; None accepts any.
Expected = frozenset[int] | None

_OURS = re.compile(r'(?:W/)?"(\d{1,18})(?:\.[^"]*)?"')


def etag(revision: int, digest: str = "") -> str:
    """The validator of a representation. digest: of shown data that the revision does not cover."""
    return f'W/"{revision}.{digest}"' if digest else f'W/"{revision}"'


def unchanged(header: str | None, present: str) -> bool:
    """Whether If-None-Match names the present representation."""
    if not header:
        return False
    opaque = present.removeprefix("W/")
    return header.strip() == "*" or any(tag.strip().removeprefix("W/") == opaque for tag in header.split(","))


def revisions(header: str | None) -> Expected:
    """The revisions that If-Match names; tags that the portal did not issue match nothing."""
    if not header or header.strip() == "*":
        return None
    return frozenset(int(match) for match in _OURS.findall(header))
