"""What is posted, and how it is signed."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import cursors
from api.webhooks import messages
from orgs.db.keys import uuid7

EPOCH, WEBHOOK, ORG = uuid7(), uuid7(), uuid7()
KINDS = ["person"]
AT = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def made(items: list[dict[str, Any]], **differs: Any) -> messages.Message:
    about = {"endpoint_id": WEBHOOK, "org_id": ORG, "kinds": KINDS, "epoch": EPOCH, "has_more": False} | differs
    return messages.of_changes(items=items, **about)


def items_of(sizes: list[int]) -> list[dict[str, Any]]:
    return [{"position": place + 1, "state": "x" * size} for place, size in enumerate(sizes)]


class TestAMessage:
    @given(sizes=st.lists(st.integers(0, 2 * messages.LARGEST), min_size=1, max_size=6), has_more=st.booleans())
    def test_has_the_first_items_that_there_is_room_for(self, sizes: list[int], has_more: bool) -> None:  # E3
        items = items_of(sizes)
        message = made(items, has_more=has_more)
        data = json.loads(message.body)["data"]
        assert data["items"] == items[: message.items]
        lengths = [len(json.dumps(item, separators=(",", ":"))) for item in items]
        assert message.items == 1 or sum(lengths[: message.items]) <= messages.LARGEST
        left_out = message.items < len(items)
        assert not left_out or sum(lengths[: message.items + 1]) > messages.LARGEST
        assert data["has_more"] == (left_out or has_more)
        assert (message.first, message.last) == (1, message.items)
        assert cursors.read(data["next"], org_id=ORG, kinds=KINDS).position == message.items

    def test_has_an_id_that_depends_on_what_it_says_and_for_whom(self) -> None:
        items = items_of([1, 2])
        same = {made(items).id, made(list(items)).id}
        others = {
            made(items[:1]).id,
            made(items, has_more=True).id,
            made(items, endpoint_id=uuid7()).id,
            made(items, org_id=None).id,
            made(items, epoch=uuid7()).id,
            messages.of_test(WEBHOOK, ORG, at=AT).id,
        }
        assert (len(same), len(others - same)) == (1, 6)
        assert {len(each) for each in same | others} == {30}

    @pytest.mark.parametrize("text", ["Zoë 🐙 \u2028", '"\\</script>', "\x7f"])
    def test_is_signed_as_it_is_sent(self, text: str) -> None:  # E3
        message = made([{"position": 1, "state": text}])
        key = bytes(range(32))
        secrets = [f"whsec_{base64.b64encode(each).decode()}" for each in (key, key[::-1])]
        headers = messages.headers(message, secrets, at=AT)
        signed = f"{headers['webhook-id']}.{int(AT.timestamp())}.".encode() + message.body
        expected = [
            base64.b64encode(hmac.new(each, signed, hashlib.sha256).digest()).decode() for each in (key, key[::-1])
        ]
        assert headers["webhook-signature"] == " ".join(f"v1,{each}" for each in expected)
        assert headers["webhook-timestamp"] == str(int(AT.timestamp()))
        assert json.loads(message.body)["data"]["items"][0]["state"] == text
