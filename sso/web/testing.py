"""Testing a configuration in the browser of the admin who set it up (SPEC L3)."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from sso import test_runs
from sso.journeys import Journey
from sso.models import Connection


def outcome(request: HttpRequest, connection: Connection, journey: Journey) -> HttpResponseBase:
    """The page about what a test run brought back. journey: of `connection`, and with a tester."""
    brought = {name: request.GET.getlist(name) for name in request.GET}
    found = test_runs.finish(journey, connection=connection, parameters=brought, now=timezone.now())
    return HttpResponse("passed" if found.passed else "failed", content_type="text/plain")
