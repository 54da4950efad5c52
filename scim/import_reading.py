"""What a file says, in the words of an org's schema profile (SPEC E6): its records become rows of an import.

A record is read as SCIM would read the same resource, so that what is imported is what a first sync would have made.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from groups_provisioning.actions import group_intake
from groups_provisioning.actions.imports import NewRow
from groups_provisioning.models import Kind
from orgs import people
from orgs.models import Organization
from orgs.web.downloads import FORMULA
from scim import import_files
from scim.import_files import Sheet, Unreadable
from scim.mapping import group_requests, user_requests
from scim.mapping.profiles import dialect
from scim.protocol.core import GROUP_URN
from scim.protocol.dialect import Dialect
from scim.protocol.errors import ScimError
from scim.protocol.schema import Ref, ResourceType
from scim.protocol.text import is_storable

LONGEST_KEY = 500  # characters of an id, and of what a membership calls its group and its member
MOST_ROWS = 1_000_000
"""A membership can be two bytes of a file, and a kilobyte of the database."""
_NOT_FACTS = {"id", "meta", "groups", "members", "schemas"}

_COLUMNS = {
    "id": "id",
    "reference": "id",
    "username": "userName",
    "externalid": "externalId",
    "displayname": "displayName",
    "givenname": "name.givenName",
    "firstname": "name.givenName",
    "familyname": "name.familyName",
    "lastname": "name.familyName",
    "email": "email",
    "role": "role",
    "roles": "role",
    "group": "group",
    "groups": "groups",
    "member": "member",
    "members": "members",
}
"""What columns may be called, without case, spaces and underscores."""
PEOPLE = ("userName", "id", "externalId", "givenName", "familyName", "displayName", "email", "active", "role", "groups")
GROUPS = ("displayName", "id", "externalId", "role", "members")
MEMBERSHIPS = ("group", "member")
"""The usual columns of the three kinds of CSV files; of people and groups every SCIM attribute may be one."""
SEVERAL = ";"
"""Between several values in one cell."""


def rows(org: Organization, file: BinaryIO) -> Iterator[NewRow]:
    """The rows of a file. Raises Unreadable where the file ends being one; a record that is wrong is a refused row."""
    read = import_files.read(file)
    own = dialect(org.profile)
    if isinstance(read, Sheet):
        found = _sheet(org, own, read)
    else:
        found = (row for place, resource in read for row in _resource(org, own, place, resource))
    for number, row in enumerate(found):
        if number == MOST_ROWS:
            raise Unreadable("too_many", place=row.place, most=MOST_ROWS)
        yield row


# --- CSV --------------------------------------------------------------------------------------------------------------


def _sheet(org: Organization, own: Dialect, sheet: Sheet) -> Iterator[NewRow]:
    kind: ResourceType | None = None
    usual: Sequence[str] = MEMBERSHIPS
    make = _membership_of_cells
    columns = [_COLUMNS.get(_plain(cell), cell) for cell in sheet.header]
    names = set(columns)
    if "userName" in names:
        kind, usual, make = own.user, PEOPLE, _person_of_cells
    elif "displayName" in names:
        kind, usual, make = own.group, GROUPS, _group_of_cells
    elif not names >= set(MEMBERSHIPS):
        raise Unreadable("header", place=1, columns=sheet.header[:20])
    known = [_known(name, own, kind, usual) for name in columns]
    for number, (name, cell) in enumerate(zip(known, sheet.header, strict=True)):
        if not name:
            raise Unreadable("column", place=1, column=cell, columns=usual)
        if name in known[:number]:
            raise Unreadable("column_twice", place=1, column=cell)
    for place, cells in sheet.rows:
        said, wrong = _cells(known, cells)
        if wrong:
            name = next((said[each] for each in ("userName", "displayName", "member") if each in said), "")
            row_kind = Kind.MEMBERSHIP if kind is None else Kind.PERSON if kind is own.user else Kind.GROUP
            yield _refused(row_kind, place, name, **wrong)
        else:
            yield from make(org, own, place, said)


def _plain(cell: str) -> str:
    return cell.lower().replace(" ", "").replace("_", "").replace("-", "")


def _known(name: str, own: Dialect, kind: ResourceType | None, usual: Sequence[str]) -> str:
    """A column as rows are made of it; empty if there is none of this name."""
    short = name.removeprefix("name.")
    if short in usual and not (name == "role" and kind is own.group and own.group_role is None):
        return name
    ref = kind.find(name) if kind else None
    return ref.name if ref is not None and _fits_a_cell(ref) and ref.name.lower() not in _NOT_FACTS else ""


def _fits_a_cell(ref: Ref) -> bool:
    """Whether an attribute is text, a number or a truth, or a list of texts."""
    if ref.attribute is None or ref.leaf.mutability == "readOnly" or ref.leaf.sub_attributes:
        return False
    return ref.sub is None or not ref.attribute.multi_valued


def _cells(columns: Sequence[str], cells: Sequence[str]) -> tuple[dict[str, str], dict[str, Any]]:
    """What a row says, by column, without empty cells; and what is wrong with it."""
    said: dict[str, str] = {}
    wrong: dict[str, Any] = {}
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        wrong = {"why": "cells", "cells": len(cells), "columns": len(columns)}
    for column, cell in zip(columns, cells, strict=False):
        text = cell.strip()
        if text.startswith("'") and text[1:].startswith(FORMULA):
            text = text[1:]  # as this portal writes what a spreadsheet would run
        elif text.startswith("="):
            wrong = wrong or {"why": "formula", "column": column}
        if not is_storable(text):
            wrong = wrong or {"why": "characters", "column": column}
        elif text:
            said[column] = text
    return said, wrong


def _person_of_cells(org: Organization, own: Dialect, place: int, said: Mapping[str, str]) -> Iterator[NewRow]:
    body: dict[str, Any] = {}
    for column, text in said.items():
        if column == "email":
            body["emails"] = [{"value": text, "type": "work", "primary": True}]
        elif column == "role":
            body[own.role.name] = _values(own.role, text)
        elif column not in ("id", "groups"):
            ref = own.user.find(column)
            assert ref
            body[column] = _values(ref, text)
    yield _person(org, place, said.get("id", ""), body)
    member = said.get("id") or said.get("userName", "")
    yield from (_membership(place, group, member) for group in _several(said.get("groups", "")))


def _group_of_cells(org: Organization, own: Dialect, place: int, said: Mapping[str, str]) -> Iterator[NewRow]:
    body: dict[str, Any] = {}
    for column, text in said.items():
        if column not in ("id", "members"):
            ref = own.group_role if column == "role" else own.group.find(column)
            assert ref
            body[ref.name] = _values(ref, text)
    yield _group(org, place, said.get("id", ""), body)
    group = said.get("id") or said.get("displayName", "")
    yield from (_membership(place, group, member) for member in _several(said.get("members", "")))


def _membership_of_cells(org: Organization, own: Dialect, place: int, said: Mapping[str, str]) -> Iterator[NewRow]:
    yield _membership(place, said.get("group", ""), said.get("member", ""))


def _values(ref: Ref, text: str) -> Any:
    """The text of a cell as the attribute has it."""
    if ref.leaf.type in ("integer", "decimal"):
        try:
            return int(text) if ref.leaf.type == "integer" else float(text)
        except ValueError:
            return text  # which is then refused, as SCIM would
    if not ref.leaf.multi_valued:
        return text
    return [{"value": each} if ref.leaf.sub_attributes else each for each in _several(text)]


def _several(text: str) -> list[str]:
    return [each.strip() for each in text.split(SEVERAL) if each.strip()]


# --- JSON -------------------------------------------------------------------------------------------------------------


def _resource(org: Organization, own: Dialect, place: int, resource: Any) -> Iterator[NewRow]:
    if not isinstance(resource, dict):
        yield _refused(Kind.PERSON, place, "", why="no_object")
        return
    folded = {name.lower(): value for name, value in resource.items()}
    body = {name: value for name, value in resource.items() if name.lower() not in _NOT_FACTS}
    reference = _text(folded.get("id"))
    if not _is_group(folded):
        yield _person(org, place, reference, body)
        return
    yield _group(org, place, reference, body)
    members = folded.get("members")
    group = reference or _text(folded.get("displayname"))
    for member in members if isinstance(members, list) else []:
        inner = {name.lower(): value for name, value in member.items()} if isinstance(member, dict) else {}
        value = _text(inner.get("value") if isinstance(member, dict) else member)
        yield _membership(place, group, value, nested=_text(inner.get("type")).lower() == "group")


def _is_group(folded: Mapping[str, Any]) -> bool:
    schemas, meta = folded.get("schemas"), folded.get("meta")
    if isinstance(schemas, list) and any(isinstance(urn, str) and urn.lower() == GROUP_URN.lower() for urn in schemas):
        return True
    if isinstance(meta, dict) and meta.get("resourceType") == "Group":
        return True
    return "username" not in folded and "displayname" in folded


def _text(value: Any) -> str:
    """An id as text: some systems have numbers."""
    return value if isinstance(value, str) else str(value) if type(value) is int else ""


# --- Rows -------------------------------------------------------------------------------------------------------------


def _person(org: Organization, place: int, reference: str, body: dict[str, Any]) -> NewRow:
    def facts() -> dict[str, Any]:
        read = user_requests.read_new(org, body)
        return {column: getattr(read, column) for column in people.FACTS}

    return _row(Kind.PERSON, place, reference, body, ("userName", "user_name"), facts)


def _group(org: Organization, place: int, reference: str, body: dict[str, Any]) -> NewRow:
    def facts() -> dict[str, Any]:
        read, _ = group_requests.read_new(org, body)
        return {column: getattr(read, column) for column in group_intake.FACTS}

    return _row(Kind.GROUP, place, reference, body, ("displayName", "display_name"), facts)


def _row(
    kind: Kind,
    place: int,
    reference: str,
    body: Mapping[str, Any],
    name: tuple[str, str],
    read: Callable[[], dict[str, Any]],
) -> NewRow:
    attribute, column = name
    shown = next((value for key, value in body.items() if key.lower() == attribute.lower()), "")
    shown = shown if isinstance(shown, str) and is_storable(shown) else ""
    if reason := _key_refused(id=reference):
        return _refused(kind, place, shown, **reason)
    try:
        facts = read()
    except ScimError as error:
        return _refused(kind, place, shown, why="invalid", detail=error.detail)
    external_id = facts.pop("external_id")
    return NewRow(kind, place, facts.pop(column), external_id, reference, facts=facts)


def _membership(place: int, group: str, member: str, *, nested: bool = False) -> NewRow:
    if reason := _key_refused(group=group, member=member, needed=True):
        return _refused(Kind.MEMBERSHIP, place, member if is_storable(member) else "", **reason)
    told = {"nested": True} if nested else {}
    return NewRow(Kind.MEMBERSHIP, place, member, group=group, told=told)


def _key_refused(*, needed: bool = False, **keys: str) -> dict[str, Any]:
    """What is wrong with texts that name something, by column."""
    for column, text in keys.items():
        if needed and not text:
            return {"why": "missing", "column": column}
        if not is_storable(text):
            return {"why": "characters", "column": column}
        if len(text) > LONGEST_KEY:
            return {"why": "too_long", "column": column, "most": LONGEST_KEY}
    return {}


def _refused(kind: Kind, place: int, name: str, **told: Any) -> NewRow:
    return NewRow(kind, place, name[:LONGEST_KEY], told=told, is_refused=True)
