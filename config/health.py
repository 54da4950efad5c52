"""Health checks, for load balancers and the supervisor."""

from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from orgs import queue


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """200 if the process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 if the process and its database answer, otherwise 503. The broker is not checked: requests do not need it."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return HttpResponse("the database does not answer\n", status=503, content_type="text/plain")
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def settling(request: HttpRequest) -> HttpResponse:
    """200 if workers settle whom they should, 503 if people have waited for a minute and no worker does anything.

    For monitoring, not for load balancers: requests are answered well without a worker. Orgs on hold are counted only.
    """
    try:
        backlog = queue.backlog()
    except Error:
        return HttpResponse("the database does not answer\n", status=503, content_type="text/plain")
    told = {
        "stalled": backlog.is_stalled,
        "oldest_mark_seconds": backlog.oldest,
        "last_served_seconds": backlog.served,
        "held_organizations": backlog.held,
    }
    return JsonResponse(told, status=503 if backlog.is_stalled else 200)
