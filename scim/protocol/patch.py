"""PATCH bodies (RFC 7644 §3.5.2) read into writes: what is asked, whatever the state; `apply.py` carries them out.

Every dialect ends as the same writes: an object without a path is one write per attribute, null and "" are removals,
and the members of a group come apart as changes of a set of ids, so that a group need not be loaded (SPEC G8).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from .errors import InvalidFilter, InvalidPath, InvalidSyntax, InvalidValue, Mutability, NoTarget, ScimError, quote
from .filters import MAX_LENGTH, And, Compare, Filter, Or
from .paths import Path, UnknownAttribute, read_path, spelling_of
from .schema import Ref, ResourceType
from .text import is_storable
from .undescribed import OpenWrite, described_part, is_undescribed
from .values import Refusal, is_empty, notable, read_element, read_member_ids, read_opaque, read_value

MAX_OPERATIONS = 1000

Op = Literal["add", "replace", "remove"]
_OPS = frozenset(("add", "replace", "remove"))
_ABSENT: Any = object()


@dataclass(frozen=True, slots=True)
class Write:
    """One attribute, extension, element or sub-attribute and its new value, in canonical form; removals have None.

    A removal from a multi-valued attribute may have the list of elements to remove.
    """

    op: Op
    path: Path
    value: Any

    @property
    def name(self) -> str:
        return self.path.ref.name


@dataclass(frozen=True, slots=True)
class MembersWrite:
    """Ids to add, to remove, or to be all that there are; without ids `replace` removes everybody."""

    op: Op
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Patch:
    """What a PATCH asks, in its order."""

    writes: tuple[Write | OpenWrite, ...]
    members: tuple[MembersWrite, ...]
    refusals: tuple[Refusal, ...]

    @property
    def deactivates(self) -> bool:
        """Whether it leaves the user inactive (SPEC U4)."""
        last = [write.value for write in self.writes if isinstance(write, Write) and write.name == "active"][-1:]
        return last == [False]


def read_patch(body: Any, kind: ResourceType, *, max_operations: int = MAX_OPERATIONS) -> Patch:
    """The writes of a PatchOp. Wrong values and paths are among its refusals.

    Raises InvalidSyntax where the body is not well-formed, and InvalidFilter for members that cannot be selected so.
    """
    operations = _field(body, "Operations")
    if not isinstance(operations, list) or not operations:
        raise InvalidSyntax("A PATCH needs Operations, an array with at least one operation.")
    if len(operations) > max_operations:
        raise ScimError(f"A PATCH may have at most {max_operations} operations; send several.", status=413)
    reader = _Reader(kind, max_operations)
    for operation in operations:
        reader.operation(operation)
    return Patch(tuple(reader.writes), tuple(reader.members), tuple(reader.refusals))


def _field(record: Any, name: str) -> Any:
    """A field of the envelope, in any letter case."""
    if not isinstance(record, dict):
        raise InvalidSyntax("A PATCH and each of its operations have to be JSON objects.")
    if name in record:
        return record[name]
    return next((value for key, value in record.items() if key.lower() == name.lower()), _ABSENT)


class _Reader:
    """Collects writes; `named` tells a target that the client named by a path from one inside a value (SPEC U7)."""

    def __init__(self, kind: ResourceType, max_keys: int) -> None:
        self._kind = kind
        self._max_keys = max_keys
        self._keys = 0
        self.writes: list[Write | OpenWrite] = []
        self.members: list[MembersWrite] = []
        self.refusals: list[Refusal] = []

    def operation(self, operation: Any) -> None:
        op, text, value = (_field(operation, name) for name in ("op", "path", "value"))
        if not isinstance(op, str) or op.lower() not in _OPS:
            shown = "nothing" if op is _ABSENT else quote(op)
            raise InvalidSyntax(f"op has to be add, replace or remove, not {shown}.")
        op = cast(Op, op.lower())
        if text in (_ABSENT, None, ""):
            self._pathless(op, value)
        elif not isinstance(text, str):
            raise InvalidSyntax(f"path has to be a string, not {quote(text)}.")
        elif is_undescribed(text.lstrip(), self._kind):
            self._open(op, text.lstrip(), value, by_path=True)
        else:
            try:
                path = read_path(text, self._kind)
            except (InvalidPath, InvalidFilter) as error:
                self._refuse(notable(text), error)
            else:
                self._target(op, path, value, named=True)

    def _pathless(self, op: Op, value: Any) -> None:
        if op == "remove":
            self._refuse("", NoTarget("remove needs a path that says what to remove."))
        elif not isinstance(value, dict):
            raise InvalidSyntax(f"{op} needs a path, or as its value an object with attributes.")
        else:
            self._object(op, value)

    def _object(self, op: Op, value: Mapping[str, Any], *, nested: bool = False) -> None:
        """Attributes without a path; keys may themselves be paths (SPEC S3).

        An attribute of an extension may be named without its URN, or under the core one; where the same object names
        it with its URN, that counts (SPEC P8).
        """
        known: list[tuple[str, Path, Any]] = []
        for key, item in value.items():
            # A key is an operation too. Deactivating is never refused for what comes with it (SPEC U4).
            self._keys += 1
            if self._keys > self._max_keys and key.lower() != "active":
                if self._keys == self._max_keys + 1:
                    detail = f"A PATCH may name at most {self._max_keys} attributes; send several."
                    self._refuse(notable(key), ScimError(detail, status=413))
                continue
            if is_undescribed(key, self._kind):
                self._open(op, key, item)
                continue
            try:
                path = read_path(key, self._kind)
            except UnknownAttribute as error:
                if key.lower().startswith("urn:") and described_part(key, self._kind)[0]:
                    self._refuse(notable(key), error)
                continue
            except (InvalidPath, InvalidFilter) as error:
                if "[" in key:
                    self._refuse(notable(key), error)
                continue
            known.append((key, path, item))
        qualified = {name for _, path, item in known if path.spelling for name in _named(path.ref, item)}
        for _, path, item in sorted(known, key=lambda entry: (entry[1].spelling is not None, ":" in entry[0])):
            if path.ref.schema and path.spelling is None and path.ref.top in qualified:
                continue
            if path.ref.attribute or path.ref.schema or not nested:
                self._target(op, path, item, named=False)

    def _open(self, op: Op, name: str, value: Any, *, key: str | None = None, by_path: bool = False) -> None:
        """A write into what no schema describes: where it leads is found out when it meets the resource (SPEC P3)."""
        schema, _ = described_part(name, self._kind)
        shown = notable(name if key is None else f"{name}:{key}")
        try:
            if not is_storable(name) or len(name) > MAX_LENGTH:
                raise InvalidPath(f"The name of an extension has at most {MAX_LENGTH} characters that can be stored.")
            if value is _ABSENT and op != "remove":
                raise InvalidValue(f"{op} of {shown} needs a value.")
            read_opaque(None, {} if key is None else {key: None})
            value = None if value is _ABSENT else read_opaque(None, value)
        except (InvalidPath, InvalidValue) as error:
            self._refuse(shown, error)
            return
        spelling = spelling_of(name, schema) if schema else None
        self.writes.append(OpenWrite(op, name, value, key, by_path, spelling))

    def _target(self, op: Op, path: Path, value: Any, *, named: bool) -> None:
        ref = path.ref
        try:
            if ref.attribute is None:
                self._whole(op, path, value)
            elif "readOnly" in (ref.attribute.mutability, ref.leaf.mutability):
                if named and ref.top != "schemas":  # which follows from what is in the resource (SPEC S3)
                    raise Mutability(f"{ref.name} is read-only; remove its mapping.")
            elif ref.attribute is self._kind.members:
                self._members(op, path, value)
            elif ref.attribute.returned != "never":
                self._attribute(op, path, value)
        except (InvalidValue, Mutability, NoTarget) as error:
            whole = op != "remove" and ref.sub is None and path.filter is None
            self._refuse(ref.top, error, value if whole else None)

    def _whole(self, op: Op, path: Path, value: Any) -> None:
        """An extension, or the resource itself under its core URN."""
        schema = path.ref.schema
        if op == "remove" or value is None or value == "":
            if schema is None:
                raise NoTarget("A resource cannot be removed by PATCH; use DELETE.")
            self.writes.append(Write("remove", path, None))
        elif not isinstance(value, dict):
            raise InvalidValue(f"{path.ref.name or 'value'} has to be an object with attributes.")
        elif schema is None:
            self._object(op, value, nested=True)
        else:
            for key, item in value.items():
                if attribute := schema.by_name.get(key.lower()):
                    inner = Ref(f"{schema.id}:{attribute.name}", schema, attribute, None)
                    self._target(op, Path(inner, None, path.spelling), item, named=False)
                else:
                    self._open(op, path.spelling or schema.id, item, key=key)

    def _attribute(self, op: Op, path: Path, value: Any) -> None:
        ref, attribute = path.ref, path.ref.leaf
        if value is _ABSENT:
            if op != "remove":
                raise InvalidValue(f"{op} of {ref.name} needs a value.")
            value = None
        if op == "remove" and not (attribute.multi_valued and not path.filter):
            value = None
        if attribute.required and value is None:
            raise Mutability(f"{ref.name} cannot be removed; it is required.")
        if attribute.type == "complex" and not attribute.multi_valued and not attribute.is_reference:
            self._parts(op, path, value)
            return
        read = self._value(path, value)
        if read is None and (
            attribute.default is not None or op == "add" or (op == "remove" and value not in (None, ""))
        ):
            return  # Nothing to add or to remove, or an attribute that always has a value (SPEC S3).
        self._write(op, path, read)

    def _value(self, path: Path, value: Any) -> Any:
        ref = path.ref
        if path.filter and ref.sub is None:
            single = value[0] if isinstance(value, list) and len(value) == 1 else value
            return read_element(ref.leaf, single)
        return read_value(ref.leaf, value, loose=ref.schema is not None)

    def _parts(self, op: Op, path: Path, value: Any) -> None:
        """A complex value such as `name` changes the sub-attributes that it has (RFC 7644 §3.5.2.3)."""
        ref, attribute = path.ref, path.ref.leaf
        if value is None or value in ("", {}) or (is_empty(value) and not attribute.strict):
            if op != "add":
                self._write("remove", path, None)
        elif not isinstance(value, dict):
            raise InvalidValue(f"{ref.name} has to be an object, not {quote(value)}.")
        else:
            for key, item in value.items():
                if sub := attribute.subs.get(key.lower()):
                    inner = Ref(f"{ref.name}.{sub.name}", ref.schema, attribute, sub)
                    self._target(op, Path(inner, None, path.spelling), item, named=False)

    def _write(self, op: Op, path: Path, value: Any) -> None:
        self.writes.append(Write("remove" if value is None else op, path, value))

    def _members(self, op: Op, path: Path, value: Any) -> None:
        if path.ref.sub:
            raise Mutability(f"{path.ref.name} cannot change; add or remove the member.")
        if path.filter:
            if op != "remove":
                raise InvalidValue("Add members by a list of values with path members.")
            self.members.append(MembersWrite("remove", tuple(dict.fromkeys(_ids(path.filter)))))
        elif value is _ABSENT and op == "remove":
            self.members.append(MembersWrite("replace", ()))
        elif value is _ABSENT:
            raise InvalidValue(f"{op} of members needs a value.")
        elif (ids := read_member_ids(value)) is not None and (ids or op == "replace"):
            self.members.append(MembersWrite(op, ids))

    def _refuse(self, name: str, error: ScimError, sent: Any = None) -> None:
        self.refusals.append(Refusal(name, error, sent))


def _named(ref: Ref, value: Any) -> list[str]:
    """The attributes of an extension that a key names, itself or in its value."""
    if ref.attribute or not ref.schema or not isinstance(value, dict):
        return [ref.top]
    by_name = ref.schema.by_name
    return [f"{ref.schema.id}:{by_name[key.lower()].name}" for key in value if key.lower() in by_name]


def _ids(found: Filter) -> list[str]:
    """The ids of `value eq "..."`, alone or joined by `or`. Raises InvalidFilter."""
    if isinstance(found, Or):
        return [id_ for term in found.terms for id_ in _ids(term)]
    if isinstance(found, And):
        rest = [term for term in found.terms if not _is_user(term)]
        if len(rest) == 1:
            return _ids(rest[0])
    if isinstance(found, Compare) and found.op == "eq" and found.ref.name == "value" and isinstance(found.value, str):
        return [found.value]
    raise InvalidFilter('Members can be removed by members[value eq "<id>"] only, also joined by or.')


def _is_user(found: Filter) -> bool:
    """Whether this is `type eq "User"`, which says nothing about an id that a client has from `/Users` (SPEC S3)."""
    return (
        isinstance(found, Compare)
        and (found.ref.name, found.op) == ("type", "eq")
        and isinstance(found.value, str)
        and found.value.lower() == "user"
    )
