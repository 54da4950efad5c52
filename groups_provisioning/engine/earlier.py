"""What a fact was before some changes wrote it (SPEC T2). Pure: rows and their past in, what they would be out.

A row is taken back attribute by attribute, to what it was before the changes that wrote it last: not further than to
what somebody else wrote in between. Where somebody else wrote it afterwards, it stays. What only makes sense together
is one attribute: whether an account is active with all that says so, or a mapping as a whole.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

Row = dict[str, Any]
"""A row as `to_jsonb` writes it."""
Id = TypeVar("Id")

EXISTS = "exists"
"""The attribute that there is such a row at all."""
ACCOUNT, NAME, MAPPING = "account", "name", "mapping"

TOGETHER: Mapping[str, Mapping[str, str]] = {
    "user": {
        "active": ACCOUNT,
        "idp_active": ACCOUNT,
        "deactivated_at": ACCOUNT,
        "deleted_at": ACCOUNT,
        "user_name": NAME,
        "login_email": NAME,
    },
    "mapping": dict.fromkeys(
        ("status", "reason", "switched_at", "change_id", "target_deleted", "barred", "entity_id", "role"),
        MAPPING,
    ),
    "entity": {"name": NAME, "former_keys": NAME},
}
"""By kind, columns that are one attribute."""
DOCUMENT = "attributes"
"""A column of many attributes, of which each is one."""


class Event(NamedTuple):
    """One change of a row. was: the columns that differed, or the whole row, as they were; None if there was none."""

    change_id: UUID | None
    was: Row | None


@dataclass(slots=True)
class Traced:
    """A row, and what it would be. now: None where it is gone.

    was: by attribute, what it would be where that differs; None for absent. stays: the attributes that somebody else
    has written since. created: the changes made it. others: somebody else has written anything of it since.
    """

    now: Row | None
    was: dict[str, Any] = field(default_factory=dict)
    stays: set[str] = field(default_factory=set)
    created: bool = False
    others: bool = False

    @property
    def columns(self) -> Row:
        """The columns that would differ."""
        columns: Row = {}
        document = dict((self.now or {}).get(DOCUMENT) or {})
        for name, value in self.was.items():
            if not name.startswith(f"{DOCUMENT}."):
                columns |= {} if name == EXISTS else value or {}
                continue
            columns[DOCUMENT] = document
            document.pop(key := name.removeprefix(f"{DOCUMENT}."), None)
            if value is not None:
                document[key] = value
        return columns

    @property
    def then(self) -> Row:
        """The row as it would be."""
        return (self.now or {}) | self.columns


def trace(kind: str, now: Row | None, events: Iterable[Event], changes: Collection[UUID]) -> Traced:
    """What a row would be without some changes. events: since the first of these, the newest first."""
    traced, row, after = Traced(now), now, _attributes(kind, now)
    present, was = after, dict[str, Any]()
    ended: set[str] = set()  # the attributes that somebody else wrote before the last of the changes did
    for change_id, delta in events:
        row = None if delta is None else (row or {}) | delta
        before = _attributes(kind, row)
        is_ours = change_id in changes
        traced.others = traced.others or not is_ours
        for name in before.keys() | after.keys():
            if before.get(name) == after.get(name):
                continue
            if is_ours and name not in ended:
                was[name] = before.get(name)
            elif not is_ours:
                (ended if name in was and name not in traced.stays else traced.stays).add(name)
        after = before
    traced.created = was.get(EXISTS, True) is None and EXISTS not in traced.stays
    differing = {name: value for name, value in was.items() if value != present.get(name)}
    traced.was = {name: value for name, value in differing.items() if name not in traced.stays}
    traced.stays &= differing.keys()
    return traced


def _attributes(kind: str, row: Row | None) -> dict[str, Any]:
    if row is None:
        return {}
    found: dict[str, Any] = {EXISTS: True}
    together = TOGETHER.get(kind, {})
    for column, value in row.items():
        if column == DOCUMENT:
            found |= {f"{DOCUMENT}.{key}": each for key, each in value.items()}
        else:
            found.setdefault(together.get(column, column), {})[column] = value
    return found


State = TypeVar("State")


class Word(NamedTuple, Generic[State]):
    """What there would be of a membership, None for nothing. stays: somebody else has decided about it since."""

    was: State | None
    stays: bool = False


def before_last(events: Sequence[tuple[UUID | None, State | None]], changes: Collection[UUID]) -> Word[State]:
    """What there was before some changes: the last ones in a row.

    events: each with what there was afterwards, the oldest first; one of them at least is one of these changes.
    """
    ours = [change_id in changes for change_id, _ in events]
    present = events[-1][1]
    if ours[-1]:
        place = len(ours) - len(list(takewhile(bool, reversed(ours))))
        return Word(events[place - 1][1] if place else None)
    place = ours.index(True)
    was = events[place - 1][1] if place else None
    return Word(present, stays=(was is None) != (present is None))


def in_order(wanted: Mapping[Id, tuple[Any, Any]], held: dict[Any, Id]) -> tuple[list[Id], set[Id]]:
    """The order in which rows can have their names back, and those that cannot, since another has the name.

    wanted: of each the name that it has, and that it would have; None while it is deleted. held: who has a name now.
    """
    waiting, order, before = dict(wanted), list[Id](), -1
    while len(order) != before:
        before = len(order)
        for id_, (now, then) in list(waiting.items()):
            if then is not None and held.get(then, id_) != id_:
                continue
            if now is not None and now != then and held.get(now) == id_:
                del held[now]
            if then is not None:
                held[then] = id_
            order.append(id_)
            del waiting[id_]
    return order, set(waiting)
