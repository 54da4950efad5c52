"""What is posted to a webhook, and how it is signed: Standard Webhooks (SPEC E3). Nothing is sent from here."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from api import cursors
from api.cursors import Cursor

LARGEST = 256 * 1024
"""Bytes of the items of a message; one item alone may have more."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Message(NamedTuple):
    """id: the same for the same body to the same webhook. items: how many it has. first, last: their positions."""

    id: str
    body: bytes
    items: int = 0
    first: int | None = None
    last: int | None = None


def of_changes(
    endpoint_id: UUID, org_id: UUID | None, kinds: Sequence[str], epoch: UUID, items: Sequence[Any], *, has_more: bool
) -> Message:
    """As many of these items as there is room for, and the first in any case. has_more: whether the feed has others.

    Depends on nothing else, so that a message that is sent again is the same one, and has the same id. Its time is that
    of the last item: positions are microseconds.
    """
    fitting: list[orjson.Fragment] = []
    size = 0
    for item in items:
        said = orjson.dumps(item, option=orjson.OPT_UTC_Z)
        size += len(said)
        if fitting and size > LARGEST:
            has_more = True
            break
        fitting.append(orjson.Fragment(said))
    last = items[len(fitting) - 1]["position"]
    data = {
        "organization": str(org_id) if org_id else None,
        "epoch": str(epoch),
        "items": fitting,
        "next": cursors.write(Cursor(epoch, last), org_id=org_id, kinds=kinds),
        "has_more": has_more,
    }
    body = _body("changes", _EPOCH + timedelta(microseconds=last), data)
    return Message(_id(endpoint_id, body), body, len(fitting), items[0]["position"], last)


def of_test(endpoint_id: UUID, org_id: UUID | None, *, at: datetime) -> Message:
    """A message of its own type, which changes nothing for whoever receives it."""
    data = {"organization": str(org_id) if org_id else None, "webhook": str(endpoint_id)}
    body = _body("test", at, data)
    return Message(_id(endpoint_id, body), body)


def headers(message: Message, secrets: Iterable[str], *, at: datetime) -> dict[str, str]:
    """secrets: as they were shown, each of which signs. at: the time of this attempt."""
    stamp = str(int(at.timestamp()))
    signed = f"{message.id}.{stamp}.".encode() + message.body
    return {
        "Content-Type": "application/json",
        "User-Agent": "Muster",
        "webhook-id": message.id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets),
    }


def _body(type_: str, at: datetime, data: dict[str, Any]) -> bytes:
    return orjson.dumps({"type": type_, "timestamp": at, "data": data}, option=orjson.OPT_UTC_Z)


def _id(endpoint_id: UUID, body: bytes) -> str:
    digest = hashlib.sha256(endpoint_id.bytes + body).digest()[:16]
    return "msg_" + base64.b32encode(digest).decode().rstrip("=")


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.partition("_")[2])
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
