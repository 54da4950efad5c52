"""JSON in pieces, so that a long answer need not be held as a whole (SPEC S9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson


class Parts:
    """A list that is read while it is sent: some elements at a time, and once only."""

    def __init__(self, parts: Iterable[list[Any]]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[list[Any]]:
        return iter(self._parts)

    def map(self, change: Callable[[list[Any]], list[Any]]) -> Parts:
        """The list with each of its parts changed, when its turn comes."""
        return Parts(map(change, self._parts))


def resource_pieces(resource: Mapping[str, Any]) -> Iterator[bytes]:
    """A resource; attributes that are `Parts` come last."""
    long = {name: value for name, value in resource.items() if isinstance(value, Parts)}
    if not long:
        yield orjson.dumps(resource)
        return
    rest = orjson.dumps({name: value for name, value in resource.items() if name not in long})
    comma = b"," if len(rest) > len(b"{}") else b""
    yield rest[:-1]
    for name, parts in long.items():
        yield comma + orjson.dumps(name) + b":["
        comma = b""
        for part in parts:
            if part:
                yield comma + orjson.dumps(part)[1:-1]
                comma = b","
        yield b"]"
        comma = b","
    yield b"}"
