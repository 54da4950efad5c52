"""The middleware that lets no org have more than its share of the threads for pages (SPEC S9)."""

from collections.abc import Callable, Hashable
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from orgs.web import in_flight
from orgs.web.limits import client_address, client_network


class FairShare:
    """Stands behind the middleware that knows who is signed in. Health checks are always answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith("/health/"):
            return self.get_response(request)
        try:
            return in_flight.requests.until_closed(_whose(request), lambda: self.get_response(request))
        except in_flight.Busy:
            return busy(request)


def busy(request: HttpRequest) -> HttpResponse:
    """The page that says so, and when to try again."""
    answer = render(request, "429.html", status=429)
    answer["Retry-After"] = str(in_flight.RETRY_AFTER)
    return answer


def _whose(request: HttpRequest) -> Hashable:
    """The org of who is signed in; the person where there is none; the client where nobody is."""
    user = cast(Any, request.user)
    if user.is_authenticated:
        return user.org_id or user.pk
    return client_network(client_address(request))
