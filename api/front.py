"""The way in to the API: everything below `/api/v1` is answered here.

It comes before the middleware that is for browsers: sessions, cookies, CSRF, redirects, HTML pages.
"""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import resolve

from api import problems
from api.base import told

BASE = "/api/v1"


class ApiFrontDoor:
    """Sends requests of the API to their views, and passes everything else on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if path != BASE and not path.startswith(f"{BASE}/"):
            return self.get_response(request)
        try:
            view, args, kwargs = resolve(f"/{path.removeprefix(BASE).strip('/')}", urlconf="api.urls")
            response: HttpResponseBase = view(request, *args, **kwargs)
        except Exception as error:
            return told(problems.of(error))
        return response
