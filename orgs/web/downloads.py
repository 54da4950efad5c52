"""Lists as CSV files, streamed in pieces."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any, TypeVar

from django.http import StreamingHttpResponse

# Spreadsheets treat text that begins with one of these as a formula (OWASP, CSV Injection). The last are full-width.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

BATCH = 1000  # rows of which related ones are read at once
LINES = 200  # sent at once

T = TypeVar("T")


def in_batches(rows: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """The rows in lists, so that what belongs to them can be read for many at once; the last list may be shorter."""
    rows = iter(rows)
    while batch := list(islice(rows, size)):
        yield batch


def as_csv(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """The file `name`.csv. Times are ISO 8601 with a zone; text that a spreadsheet would run gets an apostrophe.

    Every cell is quoted: where a list separator other than the comma is usual, `x;=1+1` would become two cells.
    """
    return StreamingHttpResponse(
        _pieces(header, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


class _Line:
    """What csv writes to: returns the line."""

    def write(self, line: str) -> str:
        return line


def _pieces(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Many lines at a time, since each piece is sent by itself."""
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL)
    lines = chain([writer.writerow(header)], (writer.writerow([_cell(value) for value in row]) for row in rows))
    return map("".join, in_batches(lines, LINES))


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
