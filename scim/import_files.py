"""Files that are imported, as records: CSV with a header, or JSON resources (SPEC E6). Plain Python.

A file is read once, from its beginning, and never held as a whole; a record of it is.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator
from json import JSONDecodeError
from typing import Any, BinaryIO, NamedTuple

MOST_BYTES = 50 * 2**20
MOST_BYTES_OF_A_REQUEST = 10 * 2**20
"""Which reads the file before it answers: some 100,000 people, and about as many seconds as MB."""
MOST_TEXT = 16 * 2**20
"""Characters of one JSON resource."""
_PIECE = 64 * 2**10
_DELIMITERS = ",;\t|"
_LISTS = ("resources", "users", "people", "groups")
"""Members of a JSON object that are lists of resources, as SCIM's ListResponse has them, in lower case."""


class Unreadable(Exception):
    """The file cannot be read, from a row on or at all. why: a word for it. place: the row, or None."""

    def __init__(self, why: str, *, place: int | None = None, **about: Any) -> None:
        super().__init__(why)
        self.why, self.place, self.about = why, place, about


class Sheet(NamedTuple):
    """A CSV file. rows: each with its number, as spreadsheets show it; the header is row 1."""

    header: list[str]
    rows: Iterator[tuple[int, list[str]]]


def read(file: BinaryIO) -> Sheet | Iterator[tuple[int, Any]]:
    """The rows of a CSV file, or the resources of a JSON one, each with its number. Both raise Unreadable."""
    start = file.read(4)
    file.seek(0)
    is_utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = io.TextIOWrapper(file, encoding="utf-16" if is_utf16 else "utf-8-sig", newline="")
    try:
        beginning = text.read(_PIECE)
    except UnicodeError:
        raise Unreadable("encoding") from None
    if beginning.lstrip()[:1] in ("{", "["):
        return _resources(text, beginning)
    return _sheet(text, beginning)


# --- CSV --------------------------------------------------------------------------------------------------------------


def _sheet(text: io.TextIOWrapper, beginning: str) -> Sheet:
    first = next((line for line in beginning.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    rows = _rows(csv.reader(_lines(text, beginning), delimiter=delimiter, strict=True))
    header = next(rows, None)
    if header is None:
        raise Unreadable("empty")
    return Sheet([cell.strip() for cell in header[1]], rows)


def _rows(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    place = 0
    while True:
        place += 1
        try:
            row = next(reader, None)
        except UnicodeError:
            raise Unreadable("encoding", place=place) from None
        except csv.Error as error:
            raise Unreadable("csv", place=place, detail=str(error)) from None
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield place, row


def _lines(text: io.TextIOWrapper, beginning: str) -> Iterator[str]:
    """The lines of the file, with their ends. A line break inside quotes is csv's to see."""
    yield from io.StringIO(beginning + text.readline(), newline="")  # the last line of the beginning goes on
    yield from text


# --- JSON -------------------------------------------------------------------------------------------------------------


def _resources(text: io.TextIOWrapper, beginning: str) -> Iterator[tuple[int, Any]]:
    """The resources of an array, of a ListResponse, or one after another (JSON Lines)."""
    found = _Scanner(text, beginning)
    while (first := found.peek()) in ("[", "{"):
        found.skip()
        for resource in _elements(found) if first == "[" else _members(found):
            found.resources += 1
            yield found.resources, resource
    if found.peek():
        raise found.unreadable()


def _members(found: "_Scanner") -> Iterator[Any]:
    """What an object has whose brace was read: the resources of its lists, or else it is one itself."""
    itself: dict[str, Any] = {}
    is_list = False
    while found.peek() != "}":
        name = found.value()
        if not isinstance(name, str) or found.peek() != ":":
            raise found.unreadable()
        found.skip()
        if name.lower() in _LISTS and found.peek() == "[" and not _is_resource(itself):
            is_list = True
            found.skip()
            yield from _elements(found)
        else:
            itself[name] = found.value()
        if found.peek() == ",":
            found.skip()
        elif found.peek() != "}":
            raise found.unreadable()
    found.skip()
    if not is_list:
        yield itself


def _is_resource(members: dict[str, Any]) -> bool:
    """Whether an object with these members is a user or a group, whose own `groups` are none of the file's."""
    names = {name.lower() for name in members}
    return bool(names & {"username", "displayname", "id"})


def _elements(found: "_Scanner") -> Iterator[Any]:
    """The elements of an array whose bracket was read, as they come."""
    while True:
        if found.peek() == "]":
            found.skip()
            return
        yield found.value()
        if found.peek() == ",":
            found.skip()
        elif found.peek() != "]":
            raise found.unreadable()


class _Scanner:
    """A text of JSON values, read in pieces. resources: how many were found so far."""

    def __init__(self, text: io.TextIOWrapper, beginning: str) -> None:
        self._text, self._buffer, self._at = text, beginning, 0
        self._decoder = json.JSONDecoder(parse_constant=_no_number)
        self.resources = 0

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            self._at = _SPACE.match(self._buffer, self._at).end()  # type: ignore[union-attr]  # it matches nothing, too
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more(_PIECE):
                return ""

    def skip(self) -> None:
        self._at += 1

    def unreadable(self, why: str = "json") -> Unreadable:
        return Unreadable(why, place=self.resources + 1)

    def value(self) -> Any:
        """The next value. Raises Unreadable."""
        self.peek()
        size = _PIECE
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except (ValueError, RecursionError) as error:
                # It may only be cut off. Twice as much each time, or a large one would be read again and again.
                is_over = len(self._buffer) - self._at > MOST_TEXT
                if is_over or not isinstance(error, JSONDecodeError) or not self._more(size):
                    raise self.unreadable("too_large" if is_over else "json") from None
                size = len(self._buffer) - self._at
                continue
            # A number may go on in the next piece.
            if end == len(self._buffer) and self._more(_PIECE):
                continue
            self._at = end
            return value

    def _more(self, size: int) -> bool:
        try:
            piece = self._text.read(size)
        except UnicodeError:
            raise self.unreadable("encoding") from None
        self._buffer, self._at = self._buffer[self._at :] + piece, 0
        return bool(piece)


_SPACE = re.compile(r"[ \t\r\n]*")


def _no_number(name: str) -> Any:
    raise ValueError(name)
