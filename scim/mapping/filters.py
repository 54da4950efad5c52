"""Filters as SQL, with the rules of scim.protocol.evaluate: on columns if an attribute has one, otherwise on jsonb.

Values are always parameters. Text that is compared without case is folded when it is written, since no cluster's locale
can be relied on; `folded` returns the whole resource in that form.
"""

import hashlib
from collections.abc import Callable, Container, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from scim.protocol.errors import InvalidFilter
from scim.protocol.filters import And, Compare, ElementMatch, Filter, Not, Or, Present, comparable
from scim.protocol.schema import Attribute, Ref, ResourceType
from scim.protocol.text import fold, write_datetime

Sql = tuple[str, list[Any]]

_SQL_OPERATORS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


class FilterSql:
    """Compiles filters for one kind of resource.

    columns: an attribute's canonical name to a column expression that is NULL if the attribute is absent, or to None if
    it cannot be filtered on; text columns hold folded text unless the attribute is caseExact, and are collated as "C".
    homes: expressions for the jsonb of attributes that are not in the document. shortcuts: expressions for an equality
    on a name, true for every row that can satisfy it and served by an index; they are added to the full condition.
    lookups: expressions that replace the condition for an equality on a name. indexed: the columns of which an index
    answers an equality.
    """

    def __init__(
        self,
        *,
        document: str,
        columns: Mapping[str, str | None],
        indexed: Container[str],
        homes: Mapping[str, Sql],
        shortcuts: Mapping[str, Callable[[Any], Sql]],
        lookups: Mapping[str, Callable[[Any], Sql]],
    ) -> None:
        self._document = document
        self._columns = columns
        self._indexed = indexed
        self._homes = homes
        self._shortcuts = shortcuts
        self._lookups = lookups

    def condition(self, found: Filter) -> RawSQL:
        """The filter as a condition for `QuerySet.filter`."""
        sql, params = self._filter(found)
        return RawSQL(sql, params, output_field=BooleanField())  # noqa: S611 - values are parameters

    def is_search(self, found: Filter) -> bool:
        """Whether no index answers the filter, so that every row is looked at."""
        match found:
            case And():
                return all(map(self.is_search, found.terms))
            case Or():
                return any(map(self.is_search, found.terms))
            case ElementMatch():
                return not self._element_shortcuts(found)
            case Compare(op="eq", value=value) if value is not None:
                name = found.ref.name
                return not (name in self._indexed or name in self._shortcuts or name in self._lookups)
            case _:
                return True

    def sort_key(self, ref: Ref) -> Sql:
        """The sort key of rows: of several values the primary one, or else the first (RFC 7644 §3.4.2.3)."""
        if ref.name in self._columns:
            return self._columns[ref.name] or 'NULL::text COLLATE "C"', []
        assert ref.attribute is not None
        sql, params = self._home(ref)
        if ref.attribute.multi_valued:
            sql = f"COALESCE(jsonb_path_query_first({sql}, '$[*] ? (@.primary == true)'), {sql} -> 0)"
            params = [*params, *params]
        if ref.sub:
            sql, params = f"{sql} -> %s", [*params, ref.sub.name]
        if ref.leaf.type in ("integer", "decimal"):
            number = f"CASE WHEN jsonb_typeof({sql}) = 'number' THEN (({sql}) #>> '{{}}')::numeric END"
            return number, [*params, *params]
        return f"(({sql}) #>> '{{}}') COLLATE \"C\"", params

    def _filter(self, found: Filter) -> Sql:
        match found:
            case And():
                return _join(" AND ", [self._filter(term) for term in found.terms])
            case Or():
                return _join(" OR ", [self._filter(term) for term in found.terms])
            case Not():
                sql, params = self._filter(found.term)
                return f"(({sql}) IS NOT TRUE)", params
            case ElementMatch():
                if found.ref.name in self._columns:
                    raise InvalidFilter(f"{found.ref.name}[...] cannot be filtered on; leave the brackets out.")
                if isinstance(found.filter, Compare) and (
                    lookup := self._lookup(_inside(found, found.filter), found.filter)
                ):
                    return lookup
                condition = _any_element(self._home(found.ref), _element_filter(found.filter, found.ref))
                return _join(" AND ", [condition, *self._element_shortcuts(found)])
            case Compare() | Present():
                return self._leaf(found)

    def _leaf(self, found: Compare | Present) -> Sql:
        ref = found.ref
        if lookup := self._lookup(ref.name, found):
            return lookup
        if ref.name in self._columns:
            column = self._columns[ref.name]
            if column is None:
                raise InvalidFilter(f"{ref.name} cannot be filtered on.")
            return self._narrowed(_column(column, found), ref.name, found)
        assert ref.attribute is not None
        if not ref.attribute.multi_valued:
            sql, params = self._home(ref)
            if ref.sub:
                sql, params = f"{sql} -> %s", [*params, ref.sub.name]
            return _value((sql, params), found)
        home = self._home(ref)
        part: Sql = ("element -> %s", [ref.sub.name]) if ref.sub else ("element", [])
        anywhere = _any_element(home, _value(part, found))
        if isinstance(found, Present) or (found.op == "ne") is (found.value is None):
            return self._narrowed(anywhere, ref.name, found)
        nothing = _any_element(home, ("TRUE", []))
        return f"({anywhere[0]} OR NOT {nothing[0]})", [*anywhere[1], *nothing[1]]

    def _home(self, ref: Ref) -> Sql:
        """The expression for the jsonb of a whole attribute."""
        if ref.top in self._homes:
            return self._homes[ref.top]
        return in_document(self._document, ref)

    def _narrowed(self, condition: Sql, name: str, found: Compare | Present) -> Sql:
        shortcut = self._shortcut(name, found)
        return _join(" AND ", [shortcut, condition]) if shortcut else condition

    def _shortcut(self, name: str, found: Compare | Present) -> Sql | None:
        return _for_equality(self._shortcuts, name, found)

    def _lookup(self, name: str, found: Compare | Present) -> Sql | None:
        return _for_equality(self._lookups, name, found)

    def _element_shortcuts(self, found: ElementMatch) -> list[Sql]:
        terms = found.filter.terms if isinstance(found.filter, And) else (found.filter,)
        leaves = [term for term in terms if isinstance(term, Compare)]
        shortcuts = [make(_inside(found, leaf), leaf) for leaf in leaves for make in (self._shortcut, self._lookup)]
        return [shortcut for shortcut in shortcuts if shortcut]


def _for_equality(makers: Mapping[str, Callable[[Any], Sql]], name: str, found: Compare | Present) -> Sql | None:
    make = makers.get(name)
    if make is None or isinstance(found, Present) or found.op != "eq" or found.value is None:
        return None
    return make(found.wanted)


def _inside(element: ElementMatch, leaf: Compare) -> str:
    """The full name of a name inside brackets: `members[value eq ...]` is about `members.value`."""
    return f"{element.ref.name}.{leaf.ref.name}"


def in_document(document: str, ref: Ref) -> Sql:
    """The expression for a whole attribute in a document that `folded` created."""
    names = [ref.schema.id] if ref.schema else []
    if ref.attribute:
        names.append(ref.attribute.name)
    return document + " -> %s" * len(names), names


def _element_filter(found: Filter, home: Ref) -> Sql:
    """A filter inside `emails[...]`, on the value `element`."""
    match found:
        case And():
            return _join(" AND ", [_element_filter(term, home) for term in found.terms])
        case Or():
            return _join(" OR ", [_element_filter(term, home) for term in found.terms])
        case Not():
            sql, params = _element_filter(found.term, home)
            return f"(({sql}) IS NOT TRUE)", params
        case Compare() | Present():
            # An element of a plain array is its own `value`.
            if found.ref.attribute is home.attribute:
                return _value(("element", []), found)
            return _value(("element -> %s", [found.ref.name]), found)
        case _:
            raise AssertionError(found)


def _column(column: str, found: Compare | Present) -> Sql:
    if isinstance(found, Present):
        return f"{column} IS NOT NULL", []
    value = found.wanted
    match found.op:
        case "eq":
            return (f"{column} IS NULL", []) if value is None else (f"{column} = %s", [value])
        case "ne":
            return (f"{column} IS NOT NULL", []) if value is None else (f"{column} IS DISTINCT FROM %s", [value])
        case "co" | "sw" | "ew":
            return _part_of((column, []), found.op, str(value))
        case op:
            return f"{column} {_SQL_OPERATORS[op]} %s", [value]


def _value(part: Sql, found: Compare | Present) -> Sql:
    """A comparison on one jsonb value, which is NULL or JSON null if it is absent."""
    sql, params = part
    text = f"(({sql}) #>> '{{}}')"
    if isinstance(found, Present):
        return f"({sql}) <> ALL (ARRAY['\"\"', '[]', '{{}}', 'null']::jsonb[])", params
    value = found.wanted
    if value is None:
        return f"{text} IS {'NOT ' if found.op == 'ne' else ''}NULL", params
    # A value of another JSON type, which is older than its description, differs from this one and has no order with it.
    if isinstance(value, bool | int | float):
        json_value = f"({sql})"
        if found.op in _SQL_OPERATORS:
            condition = (
                f"jsonb_typeof({json_value}) = 'number' AND {json_value} {_SQL_OPERATORS[found.op]} to_jsonb(%s)"
            )
            return f"({condition})", [*params, *params, value]
        operator = "=" if found.op == "eq" else "IS DISTINCT FROM"
        return f"{json_value} {operator} to_jsonb(%s)", [*params, value]
    if isinstance(value, datetime):
        value = write_datetime(value)
    is_text = f"jsonb_typeof({sql}) = 'string'"
    match found.op:
        case "eq":
            return f"({is_text} AND {text} = %s)", [*params, *params, value]
        case "ne":
            return f"(({is_text} AND {text} = %s) IS NOT TRUE)", [*params, *params, value]
        case "co" | "sw" | "ew":
            condition, given = _part_of((text, params), found.op, str(value))
            return f"({is_text} AND {condition})", [*params, *given]
        case op:
            return f'({is_text} AND {text} COLLATE "C" {_SQL_OPERATORS[op]} %s)', [*params, *params, value]


def _any_element(home: Sql, condition: Sql) -> Sql:
    """True if some element of a jsonb array, or a value that is not an array, satisfies the condition on `element`."""
    return (
        f"EXISTS (SELECT FROM jsonb_path_query({home[0]}, '$[*]') AS elements(element) WHERE {condition[0]})",
        [*home[1], *condition[1]],
    )


def _part_of(text: Sql, op: str, value: str) -> Sql:
    """Whether the text contains the value, begins or ends with it. Only a LIKE of a beginning uses indexes.

    Any other LIKE may look at each character once for each of the value's, and does not stop for `statement_timeout`.
    """
    sql, params = text
    match op:
        case "co":
            return f"strpos({sql}, %s) > 0", [*params, value]
        case "ew":
            return f"right({sql}, %s) = %s", [*params, len(value), value]
        case _:
            escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            return f"{sql} LIKE %s", [*params, f"{escaped}%"]


def _join(word: str, terms: list[Sql]) -> Sql:
    if len(terms) == 1:
        return terms[0]
    return f"({word.join(sql for sql, _ in terms)})", [param for _, params in terms for param in params]


def folded(resource: Mapping[str, Any], kind: ResourceType, *, without: Container[str]) -> dict[str, Any]:
    """The document that filters read: the resource's described attributes, with text folded unless it is caseExact.

    without: names that have their own column.
    """
    document: dict[str, Any] = {}
    for name, value in resource.items():
        if name in without:
            continue
        if attribute := kind.by_name.get(name):
            document[name] = _fold_value(value, attribute)
        elif (schema := kind.urns.get(name.lower(), (None, ""))[0]) and isinstance(value, Mapping):
            document[schema.id] = {
                inner: _fold_value(part, schema.by_name[inner])
                for inner, part in value.items()
                if inner in schema.by_name
            }
    return document


def description(kind: ResourceType) -> str:
    """What the documents of `folded` depend on: two kinds with the same description make the same ones."""
    parts: list[Any] = [_FORM]
    for schema in (kind.schema, *kind.extensions):
        parts += [schema.id, *schema.aliases]
        for attribute in schema.attributes:
            for each in (attribute, *attribute.sub_attributes):
                parts.append((each.name, each.type, each.case_exact))
    return hashlib.sha256(repr(parts).encode()).hexdigest()


_FORM = 1  # of the documents: counted up whenever `folded` makes others of the same descriptions


def schema_names(names: Iterable[str], kind: ResourceType) -> list[str]:
    """Every URN, folded, by which a filter may name a schema of a resource with these attributes."""
    shown = {kind.schema.id, *(name for name in names if ":" in name)}
    aliases = {alias for schema in kind.extensions if schema.id in shown for alias in schema.aliases}
    return sorted(map(fold, shown | aliases))


# Stands for what does not fit its description: it is there, and equal to nothing that a filter can name.
_MISFIT = {"": True}


def _fold_value(value: Any, attribute: Attribute) -> Any:
    if isinstance(value, list):
        return [_fold_value(element, attribute) for element in value]
    if isinstance(value, str):
        if attribute.type == "dateTime":
            moment = comparable(attribute, value)
            return write_datetime(moment) if isinstance(moment, datetime) else _MISFIT
        return value if attribute.case_exact else fold(value)
    if isinstance(value, dict):
        if attribute.type != "complex":
            return _MISFIT
        subs = attribute.subs
        return {name: _fold_value(part, subs[name]) for name, part in value.items() if name in subs}
    return value
