"""What the request log may store of a request: no password, no credential (SPEC U7, U8). Plain Python.

A password is anything that an IdP sends under that name, in any letter case and in any position: a key of a body, a
PATCH path, the value beside such a path, a filter. In doubt, too much is hidden rather than too little.
"""

import codecs
import json
import re
from typing import Any
from urllib.parse import quote_plus, unquote, unquote_plus

HIDDEN = "(hidden)"
WORD = "password"

_HARMLESS = "changepassword"  # a feature, in every ServiceProviderConfig
_NAMES = {"path", "name", "attribute"}  # keys whose value names the attribute that the object is about
_TOLD = _NAMES | {"op", "method", "bulkid"}
_JSON_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_PARAMETERS = {"access_token", "authorization", "token"}


def path(text: str) -> str:
    """A path with its query string, unchanged except for what is hidden."""
    base, mark, query = text.partition("?")
    return base + mark + "&".join(map(_parameter, query.split("&")))


def line(text: str) -> str:
    """A sentence, such as an error's detail, which may repeat part of the request."""
    return _cut(text)


def body(raw: bytes, *, size: int) -> str:
    """The text of a body that had `size` bytes, of which `raw` is the beginning.

    A body that mentions no password stays as it is, JSON or not. Any other must be parsed before it can be stored.
    """
    whole = len(raw) == size
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(raw, final=whole)
    except UnicodeDecodeError:
        return f"({size} bytes that are not UTF-8)"
    if not _mentions_password(text):
        return text if whole else f"{text}\n(cut: {size} bytes)"
    if not whole:
        return f"({size} bytes that mention a password, too many to keep)"
    try:
        return json.dumps(json.loads(text, object_pairs_hook=_object), ensure_ascii=False)
    except (ValueError, RecursionError):
        return f"({size} bytes that mention a password and are not JSON)"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose inner objects are done already. If a key occurs twice, both occurrences count."""
    about_password = any(
        name.casefold() in _NAMES and isinstance(value, str) and _mentions_password(value) for name, value in pairs
    )
    kept: dict[str, Any] = {}
    for name, value in pairs:
        folded = name.casefold()
        if (WORD in folded and folded != _HARMLESS) or (about_password and folded not in _TOLD):
            kept[_cut(name)] = HIDDEN
        else:
            kept[name] = _strings(value, always=folded == "filter")
    return kept


def _strings(value: Any, *, always: bool) -> Any:
    if isinstance(value, str):
        return _cut(value, always=always)
    if isinstance(value, list):
        return [_strings(element, always=always) for element in value]
    return value


def _parameter(text: str) -> str:
    plain = unquote_plus(text)
    name, _, value = text.partition("=")
    if unquote_plus(name).casefold() in _PARAMETERS:
        return f"{name}={HIDDEN}"
    if not _mentions_password(plain):
        return text
    if WORD in unquote_plus(name).casefold():
        return f"{WORD}={HIDDEN}"
    return f"{name}={quote_plus(_cut(unquote_plus(value), always=True), safe='()')}"


def _cut(text: str, *, always: bool = False) -> str:
    """`text` cut after its first `password` if a value seems to follow, or `always`."""
    if not _mentions_password(text):
        return text
    at = text.casefold().find(WORD)
    if at < 0 or len(text.casefold()) != len(text):
        return HIDDEN
    end = at + len(WORD)
    # The quote that closes a quoted `password` does not begin a value.
    if not always and not re.search(r'["=:\\]', text[end:].removeprefix('"')):
        return text
    return text[:end] + (HIDDEN if text[end:] else "")


def _mentions_password(text: str) -> bool:
    """Whether the word occurs, in plain text or as encoded in JSON, a form or UTF-16."""
    if WORD in text.casefold():
        return True
    if "\\u" in text:
        text = _JSON_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text)
    return WORD in unquote(text).replace("\0", "").casefold()
