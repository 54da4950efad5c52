"""The filter grammar of RFC 7644 §3.4.2.2, parsed into a typed tree whose names are resolved and types checked.

The work is bounded and linear in the text: recursion only follows parentheses, and those are counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, cast

from .errors import InvalidFilter, quote
from .schema import Attribute, Ref, ResourceType
from .text import fold, is_storable, read_datetime
from .values import is_number, truth_of

MAX_LENGTH = 4096
MAX_COMPARISONS = 100
MAX_DEPTH = 20

Operator = Literal["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]
Value = str | bool | int | float | datetime | None


def comparable(attribute: Attribute, value: Any) -> Any:
    """The value in the form in which values of the attribute are compared and ordered.

    What is no time, although the attribute is described as one by now, is itself.
    """
    if attribute.type == "dateTime" and isinstance(value, str):
        try:
            return read_datetime(value)
        except ValueError:
            return value
    if isinstance(value, str) and not attribute.case_exact:
        return fold(value)
    return value


@dataclass(frozen=True, slots=True)
class Compare:
    """`ref op value`; the value has the attribute's type, a dateTime is in UTC, null comes with eq and ne alone.

    `wanted` is the value as values of the attribute are compared, worked out once.
    """

    ref: Ref
    op: Operator
    value: Value
    wanted: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "wanted", comparable(self.ref.leaf, self.value))

    def __str__(self) -> str:
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        return f"{self.ref.name} {self.op} {json.dumps(value, ensure_ascii=False)}"


@dataclass(frozen=True, slots=True)
class Present:
    """`ref pr`: the attribute has a value."""

    ref: Ref

    def __str__(self) -> str:
        return f"{self.ref.name} pr"


@dataclass(frozen=True, slots=True)
class And:
    terms: tuple[Filter, ...]

    def __str__(self) -> str:
        return " and ".join(f"({term})" if isinstance(term, And | Or) else str(term) for term in self.terms)


@dataclass(frozen=True, slots=True)
class Or:
    terms: tuple[Filter, ...]

    def __str__(self) -> str:
        return " or ".join(f"({term})" if isinstance(term, Or) else str(term) for term in self.terms)


@dataclass(frozen=True, slots=True)
class Not:
    term: Filter

    def __str__(self) -> str:
        return f"not ({self.term})"


@dataclass(frozen=True, slots=True)
class ElementMatch:
    """`emails[...]`: one element satisfies the whole inner filter, whose refs are relative to the element."""

    ref: Ref
    filter: Filter

    def __str__(self) -> str:
        return f"{self.ref.name}[{self.filter}]"


Filter = Compare | Present | And | Or | Not | ElementMatch

_SPACE = re.compile(r"\s*")
_WORD = re.compile(r'\s*([^\s()\[\]"]+)')
_JOIN = {word: re.compile(rf'\s*{word}(?=[\s("]|$)', re.IGNORECASE) for word in ("and", "or")}
_STRING = re.compile(r'\s*("(?:[^"\\]|\\.)*")', re.DOTALL)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_LITERALS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}
_OPERATORS = frozenset(("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"))
_TEXT_OPERATORS = frozenset(("co", "sw", "ew"))
_ORDER_OPERATORS = frozenset(("gt", "ge", "lt", "le"))


def count_terms(found: Filter) -> int:
    """How many comparisons the filter makes with one value."""
    match found:
        case And() | Or():
            return sum(map(count_terms, found.terms))
        case Not():
            return count_terms(found.term)
        case ElementMatch():
            return count_terms(found.filter)
        case _:
            return 1


def read_filter(text: str, kind: ResourceType) -> Filter:
    """The filter of a query. Raises InvalidFilter, which names what is unknown or out of place."""
    if len(text) > MAX_LENGTH:
        raise InvalidFilter(f"The filter is longer than {MAX_LENGTH} characters; ask in several requests.")
    parser = FilterParser(text, kind)
    found = parser.expression(0)
    parser.end()
    return found


class FilterParser:
    """Recursive descent over one text. Inside `attribute[...]` names mean the attribute's sub-attributes."""

    __slots__ = ("_comparisons", "_element", "_kind", "pos", "text")

    def __init__(self, text: str, kind: ResourceType, *, pos: int = 0) -> None:
        self.text = text
        self.pos = pos
        self._kind = kind
        self._element: Attribute | None = None
        self._comparisons = 0

    def expression(self, depth: int) -> Filter:
        """FILTER: alternatives of conjunctions; `and` binds tighter than `or`."""
        terms = [self._conjunction(depth)]
        while self._take(_JOIN["or"]):
            terms.append(self._conjunction(depth))
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def element_filter(self, attribute: Attribute, depth: int) -> Filter:
        """valFilter with its closing bracket; the opening one has been read."""
        self._element = attribute
        found = self.expression(depth + 1)
        self._element = None
        self._expect("]")
        return found

    def end(self) -> None:
        self._take(_SPACE)
        if self.pos < len(self.text):
            raise InvalidFilter(f"The filter does not end where it should: {quote(self.text[self.pos :])}.")

    def _conjunction(self, depth: int) -> Filter:
        terms = [self._term(depth)]
        while self._take(_JOIN["and"]):
            terms.append(self._term(depth))
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def _term(self, depth: int) -> Filter:
        if depth > MAX_DEPTH:
            raise InvalidFilter(f"The filter is nested deeper than {MAX_DEPTH} levels.")
        if self._next("("):
            return self._group(depth)
        name = self._take(self._kind.name_pattern)
        if name is None:
            raise InvalidFilter(f"An attribute is missing in the filter before {quote(self.text[self.pos :])}.")
        if name.lower() == "not" and self._next("("):
            return Not(self._group(depth))
        ref = self._ref(name)
        if self._element is None and self._next("["):
            return self._value_path(ref, depth)
        return self._comparison(ref)

    def _group(self, depth: int) -> Filter:
        self.pos += 1
        found = self.expression(depth + 1)
        self._expect(")")
        return found

    def _value_path(self, ref: Ref, depth: int) -> Filter:
        """valuePath; what Entra writes, `emails[type eq "work"].value eq "x"`, is one more condition on the element."""
        attribute = ref.attribute
        if attribute is None or ref.sub or not (attribute.multi_valued or attribute.sub_attributes):
            raise InvalidFilter(f"{quote(ref.name)} has no elements that [...] could choose from.")
        self.pos += 1
        inner = self.element_filter(attribute, depth)
        if self.text.startswith(".", self.pos):
            self.pos += 1
            self._element = attribute
            comparison = self._comparison(self._ref(self._take(_WORD) or ""))
            self._element = None
            inner = And((inner, comparison))
        return ElementMatch(ref, inner)

    def _comparison(self, ref: Ref) -> Filter:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            raise InvalidFilter(f"The filter has more than {MAX_COMPARISONS} comparisons; ask in several requests.")
        word = self._take(_WORD)
        op = word.lower() if word else ""
        if op == "pr":
            return Present(ref)
        if op not in _OPERATORS:
            raise InvalidFilter(f"{quote(word or '')} after {quote(ref.name)} is no filter operator.")
        ref = self._comparable(ref)
        value, sent = self._value(ref.name)
        return Compare(ref, cast(Operator, op), _typed(ref, op, value, sent))

    def _ref(self, name: str) -> Ref:
        ref = self._element.element_names.get(name.lower()) if self._element else self._kind.find(name)
        if ref is None or ref.attribute is None:
            inside = f" inside {self._element.name}[...]" if self._element else ""
            raise InvalidFilter(f"{quote(name)} is no attribute that can be filtered on{inside}.")
        if ref.attribute.returned == "never":
            raise InvalidFilter(f"{quote(ref.name)} cannot be filtered on.")
        return ref

    def _comparable(self, ref: Ref) -> Ref:
        """A complex attribute is compared by its `value` (RFC 7643 §2.4): `emails co "example.com"`."""
        if ref.leaf.type != "complex":
            return ref
        if self._element or "value" not in ref.leaf.subs:
            raise InvalidFilter(f"{quote(ref.name)} cannot be compared as a whole; compare one of its sub-attributes.")
        return self._ref(f"{ref.name}.value")

    def _value(self, name: str) -> tuple[Value, str]:
        """A value, and its text as it was sent; a bare word is the text it is (SPEC S3)."""
        string = self._take(_STRING)
        if string is not None:
            try:
                text: str = json.loads(string, strict=False)
            except ValueError:
                text = "\x00"
            if not is_storable(text):
                raise InvalidFilter(f"The value compared with {quote(name)} is not valid as a JSON string.")
            return text, text
        word = self._take(_WORD)
        if not word or not is_storable(word):
            raise InvalidFilter(
                f"A value is missing after {quote(name)} before {quote(self.text[self.pos :])}; "
                "put text in double quotes."
            )
        if word.lower() in _LITERALS:
            return _LITERALS[word.lower()], word
        if _NUMBER.fullmatch(word):
            return float(word) if any(mark in word for mark in ".eE") else int(word), word
        return word, word

    def _next(self, char: str) -> bool:
        self._take(_SPACE)
        return self.text.startswith(char, self.pos)

    def _expect(self, char: str) -> None:
        if not self._next(char):
            raise InvalidFilter(f"{quote(char)} is missing in the filter before {quote(self.text[self.pos :])}.")
        self.pos += 1

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        """What the pattern matches here: its group if it has one; None, and nothing taken, if it does not match."""
        match = pattern.match(self.text, self.pos)
        if match is None:
            return None
        self.pos = match.end()
        return match[pattern.groups]


def _typed(ref: Ref, op: str, value: Value, sent: str) -> Value:
    """The value in the attribute's type, if the operator makes sense for it (RFC 7644 table 3).

    sent: the value's text; compared with text, a number or a literal but null is that text (SPEC S3).
    """
    name, kind = ref.name, ref.leaf.type
    textual = kind in ("string", "reference", "binary")
    if textual and value is not None:
        value = sent
    if op in _TEXT_OPERATORS and not (textual and isinstance(value, str)):
        raise InvalidFilter(f"{op} compares text, but {quote(name)} is {kind}; use eq, ne, gt, ge, lt or le.")
    if value is None:
        if op in _ORDER_OPERATORS:
            raise InvalidFilter(f"{quote(name)} cannot be compared with null by {op}.")
        return None
    if op in _ORDER_OPERATORS and kind in ("boolean", "binary"):
        raise InvalidFilter(f"{op} has no meaning for {quote(name)}, which is {kind}; use eq or ne.")
    if textual:
        return value
    if kind == "boolean":
        if (truth := truth_of(ref.leaf, value)) is not None:
            return truth
    elif kind in ("integer", "decimal") and is_number(value):
        return value
    elif kind == "dateTime" and isinstance(value, str):
        try:
            return read_datetime(value)
        except ValueError:
            pass
    hint = "; in a URL, write + as %2B" if kind == "dateTime" and " " in sent else ""
    raise InvalidFilter(f"{quote(sent)} is no {kind}, which {quote(name)} is{hint}.")
