"""Finds a person in text that others wrote: logged requests, references in other people's attributes (SPEC U5).

Plain Python. Names are no traces: "A" is in everything, and "Anna Weber" is somebody else as well. What is looked for
identifies: the id, the userName, the externalId, the e-mail addresses.
"""

import re
from collections.abc import Collection
from typing import Any
from urllib.parse import unquote, unquote_plus
from uuid import UUID

from orgs.db.keys import fold

TELLING = 6
"""Characters from which on a text is looked for within others. A shorter one counts only as the value of an attribute
that identifies, in a body or in a filter.
"""

GONE = object()
"""In place of a value that has to go."""

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_CONTROL = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
# Text in which letters may be written in another way, or be others that fold to the same (ß, the Kelvin sign).
_DISGUISED = r"[^\u0001-\u007f]|\\u|%[0-9a-f]"
_RUN = re.compile("[a-z0-9]+")


class Traces:
    """What identifies one person. known_by: their userName, externalId and addresses."""

    def __init__(self, id_: UUID, known_by: Collection[str]) -> None:
        self.id = str(id_)
        self.known_by = sorted({fold(text) for text in known_by if text})
        self._ids = self.id, id_.hex
        self._names = [(text, re.compile(_pattern(text))) for text in self.known_by]

    def found_in(self, *texts: str) -> bool:
        """Whether one of these texts shows the person, plain or as encoded in JSON and URLs."""
        return any(self._has_id(form) or self._has_name(form) for text in texts if text for form in _forms(text))

    def without(self, value: Any) -> Any:
        """A JSON value without what it says of the person; GONE if nothing is left of it.

        A reference by id keeps the id and loses the name beside it; one by anything else goes.
        """
        if isinstance(value, dict):
            if self._refers(value):
                value = {key: each for key, each in value.items() if key.lower() in ("value", "$ref", "type")}
            kept = {key: self.without(each) for key, each in value.items() if not self._named_in(key)}
            left = {key: each for key, each in kept.items() if each is not GONE}
            return GONE if kept and (not left or kept.get("value") is GONE) else left
        if isinstance(value, list):
            rest = [each for each in map(self.without, value) if each is not GONE]
            return rest if rest or not value else GONE
        return GONE if isinstance(value, str) and self._named_in(value) else value

    def candidates(self) -> str:
        """A PostgreSQL regular expression, to be matched without case, for every text in which they may be found.

        In plain ASCII it looks for the longest run of letters and digits of each; any other text may show them.
        """
        plain = [text for text in (*self.known_by, self.id) if text.isascii()]
        runs = {max(_RUN.findall(text), key=len, default="") for text in plain}
        return "" if "" in runs else "|".join([*sorted(runs), _DISGUISED])

    def _refers(self, value: dict[str, Any]) -> bool:
        return any(
            isinstance(each, str) and self._has_id(each.lower())
            for key, each in value.items()
            if key.lower() in ("value", "$ref")
        )

    def _named_in(self, text: str) -> bool:
        return self._has_name(fold(text))

    def _has_id(self, folded: str) -> bool:
        return any(id_ in folded for id_ in self._ids)

    def _has_name(self, folded: str) -> bool:
        # Most texts do not have the name at all, which is found out a hundred times faster than the rest.
        return any(text in folded and pattern.search(folded) for text, pattern in self._names)


def _pattern(text: str) -> str:
    if len(text) < TELLING:
        return rf"(?:username|externalid|value)\W+(?:\w\w\W+)?(?<=[\"']){re.escape(text)}[\"']"
    # Not the end of another address, nor the beginning of one.
    return rf"(?<![\w.+-]){re.escape(text)}(?![\w-]|\.\w)"


def _forms(text: str) -> set[str]:
    """The text, and what it says without the escapes of JSON, of URLs, of URLs in JSON and of filters in URLs."""
    forms = {text}
    for plain in (_without_escapes, unquote, unquote_plus, _without_escapes):
        forms |= {plain(form) for form in forms}
    return {fold(_joined(form)) for form in forms}


def _without_escapes(text: str) -> str:
    return _ESCAPE.sub(_unescaped, text) if "\\" in text else text


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else _CONTROL.get(escape[2], escape[2])


def _joined(text: str) -> str:
    """The text with its pairs of surrogates as the characters that they stand for."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
