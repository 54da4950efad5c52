"""The middleware that has every page show times in the zone of its reader."""

from collections.abc import Callable
from typing import Any, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from orgs import time_zones


class ReadingZone:
    """Stands behind the middleware that knows who is signed in. Who has chosen no zone reads in TIME_ZONE.

    A download is written after this, and has its times in UTC, whoever reads it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith("/health/"):  # asks for no session
            return self.get_response(request)
        user = cast(Any, request.user)
        with timezone.override(time_zones.zone(user.time_zone) if user.is_authenticated else None):
            return self.get_response(request)
