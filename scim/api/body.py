"""Reads a request's JSON, with its size and depth limited before anything uses it."""

from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest

from scim.protocol.errors import InvalidSyntax, ScimError

MEDIA_TYPES = ("application/scim+json", "application/json")
BOM = b"\xef\xbb\xbf"


def read_bytes(request: HttpRequest) -> bytes:
    """The body as it was sent, chunked or not.

    Raises ScimError: 413 beyond SCIM_MAX_BODY bytes, 400 if the body is cut off, even if the part is valid JSON.
    """
    limit: int = settings.SCIM_MAX_BODY
    too_large = ScimError(
        f"The body is larger than {limit // 2**20} MiB. Send fewer operations or members in one request.", status=413
    )
    if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        raw = _read(request, limit + 1)
        if len(raw) > limit:
            raise too_large
        return raw
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length > limit:
        raise too_large
    raw = _read(request, length) if length > 0 else b""
    if len(raw) < length:
        raise InvalidSyntax(f"The body ends after {len(raw)} of {length} bytes.")
    return raw


def _read(request: HttpRequest, length: int) -> bytes:
    try:
        raw: bytes = request.META["wsgi.input"].read(length)
    except Exception as error:  # whatever the server raises when it cannot read on
        raise InvalidSyntax("The body could not be read to the end.") from error
    return raw


def read_json(raw: bytes, content_type: str) -> Any:
    """The JSON value of a body. Raises ScimError: 415 for another media type, 400 for JSON that cannot be used.

    content_type: the header's value; an empty one is treated as SCIM's own.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type and media_type not in MEDIA_TYPES:
        raise ScimError(f"Send application/scim+json, not {media_type[:60]}.", status=415)
    if not raw:
        raise InvalidSyntax("The body is empty; send a JSON object.")
    try:
        value = orjson.loads(raw.removeprefix(BOM))
    except orjson.JSONDecodeError as error:
        raise InvalidSyntax(f"The body is not valid JSON in UTF-8: {error}.") from None
    _refuse_depth(value)
    return value


def _refuse_depth(value: Any) -> None:
    level, depth = [value], 0
    while level := [outer for outer in level if isinstance(outer, (dict, list))]:
        depth += 1
        if depth > settings.SCIM_MAX_DEPTH:
            raise InvalidSyntax(f"The body is nested deeper than {settings.SCIM_MAX_DEPTH} levels.")
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
