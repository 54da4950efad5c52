"""Reads a request's JSON, with its size and depth limited before anything uses it."""

import json
import math
import re
from io import BytesIO
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest

from orgs.web import bodies
from scim.protocol.errors import InvalidSyntax, ScimError

MEDIA_TYPES = ("application/scim+json", "application/json")
BOM = b"\xef\xbb\xbf"

_LONGEST_NUMBER = 300
_HUGE_NUMBER = re.compile(rf"[0-9]{{{_LONGEST_NUMBER}}}|[0-9][eE]\+?[0-9]{{3}}")


def read_bytes(request: HttpRequest) -> bytes:
    """The body as it was sent, chunked or not.

    Raises ScimError: 413 beyond SCIM_MAX_BODY bytes, 400 if the body is cut off, even if the part is valid JSON.
    """
    limit: int = settings.SCIM_MAX_BODY
    raw = BytesIO()
    try:
        bodies.receive(request, raw, most=limit)
    except bodies.TooLarge:
        detail = f"The body is larger than {limit // 2**20} MiB. Send fewer operations or members in one request."
        raise ScimError(detail, status=413) from None
    except bodies.CutOff as error:
        raise InvalidSyntax(str(error)) from error
    return raw.getvalue()


def read_json(raw: bytes, content_type: str, *, any_number: bool = False) -> Any:
    """The JSON value of a body. Raises ScimError: 415 for another media type, 400 for JSON that cannot be used.

    content_type: the header's value; an empty one is treated as SCIM's own, and a charset means nothing (SPEC S10).
    any_number: read a number that is too large for JSON encoders as infinity. Every attribute refuses infinity by
    itself, so such a number does not stop a deactivation (SPEC U4).
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type and media_type not in MEDIA_TYPES:
        raise ScimError(f"Send application/scim+json, not {media_type[:60]}.", status=415)
    if not raw:
        raise InvalidSyntax("The body is empty; send a JSON object.")
    raw = raw.removeprefix(BOM)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        text = _utf8(raw)
        if not (any_number and _HUGE_NUMBER.search(text)):
            raise InvalidSyntax(f"The body is not valid JSON: {error}.") from None
        value = _read_huge_numbers(text)
    _refuse_depth(value)
    return value


def _utf8(raw: bytes) -> str:
    """The text of a body. Raises InvalidSyntax, which says what the bytes may be instead."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if raw.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
            detail = "The body is compressed. Send it as it is, without Content-Encoding."
        elif raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            detail = "The body is in UTF-16. Send it in UTF-8."
        else:
            byte = f"byte 0x{raw[error.start]:02x} at position {error.start}"
            detail = f"The body is not in UTF-8 ({byte}). Send it in UTF-8, not in Latin-1 or another encoding."
        raise InvalidSyntax(detail) from None


def _read_huge_numbers(text: str) -> Any:
    try:
        value = json.loads(text, parse_int=_integer, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode()  # no half surrogate pairs, as in every other body
    except (ValueError, RecursionError):
        raise InvalidSyntax("The body is not valid JSON.") from None
    return value


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < _LONGEST_NUMBER else math.copysign(math.inf, -1 if digits[0] == "-" else 1)


def _no_constant(word: str) -> Any:
    raise ValueError(word)


def _refuse_depth(value: Any) -> None:
    level, depth = [value], 0
    while level := [outer for outer in level if isinstance(outer, (dict, list))]:
        depth += 1
        if depth > settings.SCIM_MAX_DEPTH:
            raise InvalidSyntax(f"The body is nested deeper than {settings.SCIM_MAX_DEPTH} levels.")
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
