"""The bodies of requests to the API."""

from typing import Any

from django.http import HttpRequest

from api.problems import Problem
from orgs.web import bodies


def receive(request: HttpRequest, file: Any, *, most: int) -> None:
    """Write the body into a file, as it comes. Raises Problem: 413 beyond `most` bytes; 400 if the body is cut off."""
    try:
        bodies.receive(request, file, most=most)
    except bodies.TooLarge:
        raise Problem(413, f"A body may have {most} bytes here.") from None
    except bodies.CutOff as error:
        raise Problem(400, str(error)) from error
