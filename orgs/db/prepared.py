"""Statements that PostgreSQL reads and plans once for each connection."""

import hashlib
import re
from typing import Any, Self

from psycopg import OperationalError

Rows = list[tuple[Any, ...]]
"""What a statement returns."""

_PLACEHOLDER = re.compile(r"%(?:\((\w+)\))?s|%%")


class PlanOutdated(OperationalError):
    """A statement was planned for other types than its columns have now. The next attempt is without a plan."""


class Prepared(str):
    """SQL of every request, to be given with its parameters like any other SQL.

    For most statements that touch a row or two, reading and planning takes longer than carrying them out.
    `config.postgresql` therefore declares it once on each connection and then calls it, except behind a pooler, where
    the next transaction may have another connection: there the text is sent.

    The types of the parameters have to follow from the text. The plan is made for no particular values, so it is for
    rows that are found by a key. Make each once, as a constant or in a cache: name, declaration and call are derived
    from the text.
    """

    name: str
    declaration: str
    """PREPARE, without parameters."""
    call: str
    """EXECUTE, with the parameters of the text."""

    def __new__(cls, sql: str) -> Self:
        self = super().__new__(cls, sql)
        placeholders: list[str] = []

        def numbered(found: re.Match[str]) -> str:
            text = found[0]
            if text == "%%":
                return "%"
            if text == "%s" or text not in placeholders:
                placeholders.append(text)
                return f"${len(placeholders)}"
            return f"${placeholders.index(text) + 1}"

        body = _PLACEHOLDER.sub(numbered, sql)
        self.name = f"muster_{hashlib.sha256(sql.encode()).hexdigest()[:16]}"
        self.declaration = f"PREPARE {self.name} AS {body}"
        self.call = f"EXECUTE {self.name}" + (f" ({', '.join(placeholders)})" if placeholders else "")
        return self
