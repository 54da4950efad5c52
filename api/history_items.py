"""Items of the history as they leave the portal (SPEC E4): changes, by whom, and the effects, in ids and in words.

Everything is read from its own tables when it is asked for, so that what was erased is gone from here too (SPEC U5).
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.utils.translation import override

from groups_provisioning.pages.activity import change_words
from groups_provisioning.pages.activity.change_list import Wanted as Subject
from orgs import history, history_feed
from orgs.change_details import PersonDetail
from orgs.history_feed import Item
from orgs.models import Change, LedgerEntry
from orgs.models.history import BY, PLACES

Native = dict[str, Any]
"""kind: `change`, or `effects` for those that a change had later. position: in the feed. change: what was done; its
detail is told once. effects: in their order. names: what people (by userName) and entities are called now, by id; who
was erased is not among them.
"""


def native(org_id: UUID | None, items: Sequence[Item]) -> list[Native]:
    """Items of an org, or of several, in the caller's snapshot: a few statements however many there are."""
    changes = Change.objects.select_related(*BY).in_bulk([item.change_id for item in items])
    entries = history_feed.entries(items)
    told = [entry for group in entries.values() for entry in group]
    with override("en"):
        known = change_words.names(org_id, changes.values(), told, Subject())
        return [_item(item, changes[item.change_id], entries.get(item.position, []), known) for item in items]


def _item(item: Item, change: Change, entries: list[LedgerEntry], known: change_words.Names) -> Native:
    return {
        "kind": item.kind,
        "position": item.position,
        "organization": str(change.org_id),
        "change": {
            "id": str(change.id),
            "at": change.at,
            "verb": change.verb,
            "door": change.door,
            "by": _by(change),
            "request_id": change.request_id,
            "detail": change.detail if item.kind == "change" else None,
            "message": change_words.change(change, known),
        },
        "effects": [
            {
                "person": str(entry.user_id),
                "slot": entry.slot,
                "was": entry.was,
                "now": entry.now,
                "message": change_words.effect(entry, known),
            }
            for entry in entries
        ],
        "names": _names(change, entries, known),
    }


def _by(change: Change) -> dict[str, str | None]:
    """Who asked for it, as the activity page says it: of support nothing more than that it was they."""
    kind, id_ = "nobody", None
    if change.by_token_id:
        kind, id_ = "token", str(change.by_token_id)
    elif change.by_person:
        kind, id_ = ("support", None) if change.by_person.is_staff else ("person", str(change.by_person_id))
    elif change.by_key:
        kind, id_ = ("support", None) if change.by_key.org_id is None else ("key", str(change.by_key_id))
    return {"kind": kind, "id": id_, "name": change_words.by(change)}


def _names(change: Change, entries: list[LedgerEntry], known: change_words.Names) -> dict[str, str]:
    names = {}
    if change.by_person and not change.by_person.is_staff:
        names[str(change.by_person_id)] = change.by_person.user_name
    detail = history.read(change)
    people = {detail.user} if isinstance(detail, PersonDetail) else set()
    people |= {str(entry.user_id) for entry in entries}
    places = {id_ for entry in entries if entry.slot in PLACES for id_ in (entry.was, entry.now) if id_}
    names |= {id_: known.user_names[id_] for id_ in people if id_ in known.user_names}
    names |= {id_: known.entities[id_] for id_ in places if id_ in known.entities}
    return {id_: name for id_, name in names.items() if name}
