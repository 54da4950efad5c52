"""Answers with SCIM messages: whole if they are short, otherwise sent while they are made (SPEC S9)."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, cast

import orjson
import structlog
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from scim import request_log

CONTENT_TYPE = "application/scim+json"
BLOCK = 2**20
"""Bytes up to which an answer is made before any of it is sent, and then between two writes to the client."""

log = structlog.get_logger(__name__)


class ScimResponse(HttpResponse):
    """A SCIM message that is there as a whole."""

    def __init__(self, message: Any = None, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """message: the JSON value, or its bytes."""
        content = b"" if message is None else message if isinstance(message, bytes) else orjson.dumps(message)
        super().__init__(content, status=status, headers=headers, content_type=CONTENT_TYPE)
        _protect(self)
        if status not in (204, 304):  # these must not have one (RFC 9110 §8.6)
            self["Content-Length"] = str(len(content))


class ScimStream(StreamingHttpResponse):
    """A SCIM message that is made while it is sent. What goes wrong then can only break it off.

    begin: its first bytes so far, as many as the request log keeps. size: the bytes so far. error: what broke it off.
    """

    def __init__(self, blocks: Iterable[bytes], *, status: int, headers: dict[str, str] | None) -> None:
        self.begin, self.size, self.error = b"", 0, ""
        super().__init__(self._noted(blocks), status=status, headers=headers, content_type=CONTENT_TYPE)
        _protect(self)

    def on_end(self, call: Callable[[], None]) -> None:
        """Have something called once the answer is sent, or its client is gone."""
        cast(Any, self)._resource_closers.append(call)

    def _noted(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        try:
            for block in blocks:
                if len(self.begin) < request_log.BODY:
                    self.begin += block[: request_log.BODY - len(self.begin)]
                self.size += len(block)
                yield block
        except Exception as error:
            self.error = f"The answer broke off after {self.size} bytes."
            log.error("scim_answer_broke_off", bytes=self.size, exc_info=error)
            raise


Answer = ScimResponse | ScimStream


def answer(pieces: Iterable[bytes], *, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """A message that is made in pieces. Up to BLOCK bytes it is made here, so that what fails can be told."""
    blocks = _blocks(pieces)
    first, second = next(blocks, b""), next(blocks, None)
    if second is None:
        return ScimResponse(first, status=status, headers=headers)
    return ScimStream(chain((first, second), blocks), status=status, headers=headers)


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    block = bytearray()
    for piece in pieces:
        block += piece
        if len(block) >= BLOCK:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def _protect(response: HttpResponseBase) -> None:
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
