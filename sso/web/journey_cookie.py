"""The cookie in which a browser takes a journey along."""

from datetime import datetime

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from sso import journeys
from sso.journeys import Journey
from sso.models import Connection
from sso.refusals import Reason, Refused

NAME = "muster_journey"
PATH = "/sso/"


def keep(response: HttpResponseBase, journey: Journey) -> None:
    """Give the browser this journey to take along, instead of the one that it may have.

    Lax: the identity provider sends the browser back by a GET from another site.
    """
    response.set_cookie(
        NAME,
        journey.sealed(),
        max_age=journeys.LASTS,
        path=PATH,
        secure=bool(settings.SESSION_COOKIE_SECURE),
        httponly=True,
        samesite="Lax",
    )


def taken(request: HttpRequest, connection: Connection, now: datetime) -> Journey:
    """The journey that the browser has brought back. Raises Refused: STATE, as `journeys.opened`, or without any."""
    sealed = request.COOKIES.get(NAME)
    if sealed is None:
        raise Refused(Reason.STATE)
    return journeys.opened(sealed, connection=connection, now=now)


def brought(request: HttpRequest) -> dict[str, list[str]]:
    """What else the browser has brought back: all values of each parameter."""
    said = request.POST if request.method == "POST" else request.GET
    return {name: said.getlist(name) for name in said}


def drop(response: HttpResponseBase) -> None:
    """Have the browser forget the journey: it counts once."""
    response.delete_cookie(NAME, path=PATH, samesite="Lax")
