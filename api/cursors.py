"""Cursors: opaque texts that say from where a reader of the feed goes on.

A cursor is good for the same org and kinds (of the history: the same filters) alone, so that nobody takes one from a
narrower question to a wider one, and misses what it had left out. Signed, so that a position cannot be made up.
"""

import base64
import binascii
from collections.abc import Collection
from hmac import compare_digest
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.utils.crypto import salted_hmac

VERSION = "c1."
SIGNATURE = 16  # bytes


class CursorMismatch(Exception):
    """The text is no cursor, or one of another question."""


class Cursor(NamedTuple):
    """A position in the feed, and the epoch in which it was one."""

    epoch: UUID
    position: int


def write(cursor: Cursor, *, org_id: UUID | None, kinds: Collection[str]) -> str:
    """org_id: None for the feed of all orgs."""
    said = cursor.epoch.bytes + cursor.position.to_bytes(8, "big")
    signature = _signature(said, org_id, kinds, settings.SECRET_KEY)
    return VERSION + base64.urlsafe_b64encode(said + signature).decode().rstrip("=")


def read(text: str, *, org_id: UUID | None, kinds: Collection[str]) -> Cursor:
    """The inverse of `write`. Raises CursorMismatch."""
    encoded = text.removeprefix(VERSION)
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise CursorMismatch from None
    said, signature = raw[:-SIGNATURE], raw[-SIGNATURE:]
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(compare_digest(signature, _signature(said, org_id, kinds, key)) for key in keys) or encoded == text:
        raise CursorMismatch
    return Cursor(UUID(bytes=said[:16]), int.from_bytes(said[16:], "big"))


def _signature(said: bytes, org_id: UUID | None, kinds: Collection[str], key: str) -> bytes:
    about = f"{VERSION}{org_id or '*'} {','.join(sorted(kinds))} {said.hex()}"
    return salted_hmac("api.cursors", about, secret=key, algorithm="sha256").digest()[:SIGNATURE]
