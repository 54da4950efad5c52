"""Support on an org's own pages (SPEC N4): for how long, and that nothing is changed meanwhile.

The session says which view it is; the database says whether it goes on. While it does, the middleware refuses every
method but the safe ones, on every page, the admin included. Pages that are opened by the safe ones run in a transaction
in which the database refuses to write.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.contrib import messages
from django.db import InternalError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg import errors

from orgs import support_views
from orgs.db.keys import as_uuid
from orgs.history import Cause
from orgs.models import Door, SupportView, User

VIEW = "support_view"
"""The key in a session of the id of a view."""
SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")


class ChangesSomething(Exception):
    """A page would have written something, though it was asked by a safe method."""


def begun(request: HttpRequest) -> SupportView | None:
    """The view that goes on in this session; None for everybody but support."""
    if not hasattr(request, "support_view"):
        request.support_view = _begun(request)  # type: ignore[attr-defined]
    return cast(Any, request).support_view


def _begun(request: HttpRequest) -> SupportView | None:
    user = cast(User, request.user)
    if not user.is_authenticated or not user.is_staff:
        return None
    view_id = as_uuid(request.session.get(VIEW, ""))
    return support_views.present(view_id, user, at=timezone.now()) if view_id else None


def end(request: HttpRequest) -> bool:
    """End the view of this session, if there is one. Returns whether it went on until now."""
    view_id = as_uuid(request.session.pop(VIEW, ""))
    cause = Cause(Door.ADMIN, timezone.now(), person=cast(User, request.user))
    return view_id is not None and support_views.end(view_id=view_id, cause=cause)


@contextmanager
def reading() -> Iterator[None]:
    """A transaction in which the database writes nothing. Raises ChangesSomething."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION READ ONLY")
            yield
    except InternalError as error:
        if isinstance(error.__cause__, errors.ReadOnlySqlTransaction):
            raise ChangesSomething from error
        raise


class NothingIsChanged:
    """Stands behind the middleware for messages. What ends a view, and signing out, which does too, stay possible; so
    does choosing how pages look, which only this browser remembers.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method in SAFE or begun(request) is None:
            return self.get_response(request)
        if request.path_info in (reverse("support-view-end"), reverse("display")):
            return self.get_response(request)
        if request.path_info == reverse("sign-out"):
            end(request)
            return self.get_response(request)
        return refused(request)


def refused(request: HttpRequest) -> HttpResponse:
    """The page that says so. htmx, which shows no page that is refused, reloads the present one with a message."""
    if request.headers.get("HX-Request"):
        messages.error(request, _("Nothing was changed: you are viewing the organization as support."))
        return HttpResponse(status=403, headers={"HX-Refresh": "true"})
    return render(request, "orgs/viewing_only.html", status=403)
