"""How a session begins: every way of signing in ends in `complete`.

Between the right password and the second factor (SPEC L6) nobody is signed in: the session holds whose password it was,
and only the pages that ask for the factor, or have support staff add their first, look at that.
"""

from datetime import timedelta
from urllib.parse import urlencode

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme

from orgs import second_factors
from orgs.db.keys import as_uuid
from orgs.models import User
from orgs.web import signed_in_before
from orgs.web.access import SIGNED_IN_AT

HALF = timedelta(minutes=10)
"""For how long a password counts until the second factor is given."""
HALF_SIGNED = "half_signed"
AGAIN = "signs_in_again"
"""The key in a session of somebody who has just left another one to sign in again."""


def complete(request: HttpRequest, user: User, *, next: str = "") -> HttpResponse:
    """Sign in whoever has proved all that this account asks for, and go on.

    next: a page of this site (`wanted`); empty for where the account begins. An owner without a second factor is asked
    once to add one, on the way there.
    """
    is_again = request.session.pop(AGAIN, False)
    begin_session(request, user)
    onward = next or landing(user)
    if not is_again and second_factors.is_advised(user):
        onward = with_next(reverse("second-factors"), onward)
    response = redirect(onward)
    signed_in_before.remember(request, response, user)
    return response


def begin_session(request: HttpRequest, user: User) -> None:
    """Sign in, for a page that has something to show before it goes on; the others call `complete`."""
    request.session.pop(HALF_SIGNED, None)
    login(request, user)
    request.session[SIGNED_IN_AT] = timezone.now().timestamp()


def after_password(request: HttpRequest, user: User, *, next: str = "") -> HttpResponse:
    """Go on from the right password: to the second factor, where the account has one or cannot be without."""
    if not second_factors.is_compulsory(user) and not second_factors.has_one(user):
        return complete(request, user, next=next)
    is_again = request.session.get(AGAIN, False)
    request.session.flush()
    request.session[HALF_SIGNED] = [str(user.pk), user.get_session_auth_hash(), timezone.now().timestamp()]
    if is_again:
        request.session[AGAIN] = True
    return redirect(with_next(reverse("second-factor"), next))


def half_signed(request: HttpRequest) -> User | None:
    """Whose right password was entered in this session a moment ago. The second factor is still to be given.

    None also if the account has been closed since then, its sessions ended, or passwords no longer count.
    """
    id_, password, at = request.session.get(HALF_SIGNED) or ("", "", 0)
    if timezone.now().timestamp() - at > HALF.total_seconds():
        return None
    known = User.objects.with_passwords().filter(pk=as_uuid(id_), active=True, deleted_at=None)
    user = known.select_related("org").first()
    if user is None or (user.org is not None and user.org.closed_at is not None):
        return None
    return user if constant_time_compare(password, user.get_session_auth_hash()) else None


def wanted(request: HttpRequest) -> str:
    """The page that was requested before signing in; empty if there is none or it is not on this site."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure())
    return asked if ours else ""


def landing(user: User) -> str:
    """Where an account begins."""
    return resolve_url("admin:index" if user.is_staff else "overview")


def with_next(path: str, next: str) -> str:
    """A path that remembers where to go on afterwards."""
    return f"{path}?{urlencode({'next': next})}" if next else path
