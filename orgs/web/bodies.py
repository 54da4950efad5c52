"""The bodies of requests as servers hand them on, chunked or not, for the doors that read them by themselves."""

from typing import Any

from django.http import HttpRequest

_PIECE = 64 * 2**10


class TooLarge(Exception):
    """The body has, or announces, more bytes than it may."""


class CutOff(Exception):
    """The body ended before what was announced had come. As words, what can be said of it."""


def receive(request: HttpRequest, file: Any, *, most: int) -> None:
    """Write the body into a file, as it comes.

    Raises TooLarge beyond `most` bytes, and CutOff, since a part can be good JSON or CSV as well.
    """
    is_chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    length = 0 if is_chunked else int(request.META.get("CONTENT_LENGTH") or 0)
    left = most + 1 if is_chunked else length
    if length > most:
        raise TooLarge
    try:
        while left and (piece := request.META["wsgi.input"].read(min(left, _PIECE))):
            left -= file.write(piece)
    except Exception as error:  # whatever the server raises when it cannot read on
        raise CutOff("The body could not be read to the end.") from error
    if is_chunked and not left:
        raise TooLarge
    if left and not is_chunked:
        raise CutOff(f"The body ends after {length - left} of {length} bytes.")
