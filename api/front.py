"""The way in to the API: everything below `/api/v1` is answered here.

It comes before the middleware that is for browsers: sessions, cookies, CSRF, redirects, HTML pages.
"""

import time
from collections.abc import Callable
from typing import cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import resolve

from api import problems
from api.base import ApiRequest, told
from orgs.db.keys import uuid7
from orgs.web import request_lines

BASE = "/api/v1"


class ApiFrontDoor:
    """Sends requests of the API to their views, and passes everything else on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if path != BASE and not path.startswith(f"{BASE}/"):
            return self.get_response(request)
        began, request_id, endpoint = time.perf_counter(), uuid7(), "none"
        cast(ApiRequest, request).request_id = request_id
        with request_lines.of(request_id):
            try:
                match = resolve(f"/{path.removeprefix(BASE).strip('/')}", urlconf="api.urls")
                endpoint = match.route
                response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
            except Exception as error:
                response = told(problems.of(error))
        seconds = time.perf_counter() - began
        request_lines.ended("api", request_id, request.method, endpoint, response.status_code, seconds)
        return response
