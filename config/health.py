"""Health checks, for load balancers, monitoring and the supervisor."""

from typing import Any

from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from config import vitals
from orgs import queue


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """200 if the process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 if requests can be answered, 503 if not: the database does not answer, or has not had all migrations.

    What else it tells is for people. Requests need neither the broker nor a worker, and a load balancer that took the
    web processes away because a backlog grows would make it worse.
    """
    told: dict[str, Any] = {"ready": False, "database": False}
    try:
        pending = vitals.pending_migrations()
        told |= {"database": True, "pending_migrations": pending}
        if not pending:
            now = vitals.read()
            told |= {
                "ready": True,
                "broker": now.tasks is not None,
                "oldest_mark_seconds": now.oldest_mark,
                "oldest_feed_seconds": now.oldest_touch,
                "oldest_webhook_seconds": now.oldest_delivery,
                "oldest_mail_seconds": now.oldest_mail,
            }
    except Error:
        told = {"ready": False, "database": False}
    return JsonResponse(told, status=200 if told["ready"] else 503)


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
