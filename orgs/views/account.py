"""The account of whoever is signed in: name, password, time zone, sessions (SPEC L7)."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orgs import people, sessions, sign_in, time_zones
from orgs.forms import ChangePasswordForm, NameForm, TimeZoneForm
from orgs.models import Session
from orgs.roles import admins
from orgs.views.sign_in import too_many_attempts
from orgs.web import browsers
from orgs.web.access import SignedInRequest, cause, signed_in
from orgs.web.fair_share import busy
from orgs.web.in_flight import Busy
from orgs.web.limits import client_address

LISTED = 50
"""Sessions on the page, the last ones."""
ASKED = 5
"""Admins who are named to somebody who is none."""


@require_safe
@signed_in
def account(request: SignedInRequest) -> HttpResponse:
    return _page(request)


@require_POST
@signed_in
def rename(request: SignedInRequest) -> HttpResponse:
    form = NameForm(request.POST)
    if not form.is_valid():
        return _page(request, name=form)
    try:
        people.rename(user_id=request.user.pk, **form.cleaned_data, cause=cause(request))
    except people.UnknownPerson:
        messages.error(request, _("Your identity provider manages your name."))
    else:
        messages.success(request, _("Your name is saved."))
    return redirect("account")


@require_POST
@signed_in
def time_zone(request: SignedInRequest) -> HttpResponse:
    form = TimeZoneForm(request.POST)
    if form.is_valid():
        people.set_time_zone(user=request.user, name=form.cleaned_data["time_zone"])
        messages.success(request, _("Times are shown in your time zone."))
        return redirect("account")
    return _page(request, zone=form)


@sensitive_post_parameters("current", "new_password1", "new_password2")
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def password(request: SignedInRequest) -> HttpResponse:
    """Asks for the present one. Every other session ends."""
    if not signs_in_with_a_password(request):
        raise Http404
    form = ChangePasswordForm(request.user, request.POST or None)
    if form.is_valid():
        present, new = form.cleaned_data["current"], form.cleaned_data["new_password1"]
        try:
            known = sign_in.confirms(request.user, present, client=client_address(request), at=timezone.now())
        except sign_in.TooManyAttempts as error:
            return too_many_attempts(request, *error.args)
        except Busy:
            return busy(request)
        if known and sign_in.set_password(user=request.user, password=new, but=request.session.row_key):
            request.user.refresh_from_db(fields=["password"])
            update_session_auth_hash(request, request.user)
            messages.success(request, _("Your password is changed. Your other sessions have ended."))
            return redirect("account")
        form.add_error("current", _("This is not your current password."))
    return render(request, "account/password.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def end_session(request: SignedInRequest, key: str) -> HttpResponse:
    """One of the others. key: of its row."""
    if request.method == "POST":
        if key != request.session.row_key and sessions.end(user=request.user, key=key):
            messages.success(request, _("The session has ended."))
        else:
            messages.info(request, _("This session had already ended."))
        return redirect("account")
    session = get_object_or_404(_others(request), pk=key)
    return render(request, "account/end_session.html", {"session": _shown(request, session)})


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def end_others(request: SignedInRequest) -> HttpResponse:
    """All but the one that asks."""
    if request.method == "POST":
        sessions.end_all(user=request.user, but=request.session.row_key)
        messages.success(request, _("All other sessions have ended."))
        return redirect("account")
    return render(request, "account/end_others.html", {"count": _others(request).count()})


def signs_in_with_a_password(request: SignedInRequest) -> bool:
    """Whether the account has one that counts (SPEC L6)."""
    return request.user.has_usable_password() and request.user.password_counts


def _page(request: SignedInRequest, *, name: NameForm | None = None, zone: TimeZoneForm | None = None) -> HttpResponse:
    user = request.user
    words: dict[str, Any] = {
        "name": name or NameForm(initial={"given": user.given_name, "family": user.family_name}),
        "zone": zone or TimeZoneForm(initial={"time_zone": user.time_zone}),
        "zones": time_zones.offered(),
        "usual_zone": settings.TIME_ZONE,
        "has_password": signs_in_with_a_password(request),
        "sessions": [_shown(request, session) for session in sessions.open_sessions(user)[:LISTED]],
        "listed": LISTED,
    }
    if user.org is not None and request.org is None:
        words["ask"] = admins(user.org)[:ASKED]
    return render(request, "account/account.html", words)


def _others(request: SignedInRequest) -> QuerySet[Session]:
    return sessions.open_sessions(request.user).exclude(pk=request.session.row_key)


def _shown(request: SignedInRequest, session: Session) -> dict[str, Any]:
    return {
        "key": session.pk,
        "is_this": session.pk == request.session.row_key,
        "browser": browsers.in_words(session.agent),
        "address": session.address,
        "began_at": session.began_at,
        "seen_at": session.seen_at,
        "by_sso": session.connection is not None,
    }
