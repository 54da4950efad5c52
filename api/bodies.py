"""The bodies of requests, chunked or not."""

from typing import Any

from django.http import HttpRequest

from api.problems import Problem

_PIECE = 64 * 2**10


def receive(request: HttpRequest, file: Any, *, most: int) -> None:
    """Write the body into a file, as it comes.

    Raises Problem: 413 beyond `most` bytes; 400 if the body is cut off, since a part can be good JSON or CSV as well.
    """
    is_chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    length = 0 if is_chunked else int(request.META.get("CONTENT_LENGTH") or 0)
    left = most + 1 if is_chunked else length
    if length > most:
        raise _too_large(most)
    try:
        while left and (piece := request.META["wsgi.input"].read(min(left, _PIECE))):
            left -= file.write(piece)
    except Exception as error:  # whatever the server raises when it cannot read on
        raise Problem(400, "The body could not be read to the end.") from error
    if is_chunked and not left:
        raise _too_large(most)
    if left and not is_chunked:
        raise Problem(400, f"The body ends after {length - left} of {length} bytes.")


def _too_large(most: int) -> Problem:
    return Problem(413, f"A body may have {most} bytes here.")
