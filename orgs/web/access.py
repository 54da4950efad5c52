"""Who may open which page: decided here and nowhere else.

Every page acts in the org of the person who is signed in (those of setup links in that of the link:
`orgs.web.link_access`), so no URL names an org that would have to be checked; rows of
another org do not exist for its views (SPEC O7).
"""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, cast
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django_htmx.http import HttpResponseClientRefresh, reswap, retarget
from django_htmx.middleware import HtmxDetails

from orgs.history import Cause
from orgs.models import Door, Organization, Standing, User
from orgs.roles import catalogue
from orgs.web import viewing

if TYPE_CHECKING:
    from orgs.web.sessions import SessionStore

P = ParamSpec("P")


class SignedInRequest(HttpRequest):
    """A request by somebody who is signed in. org: which they administer, if they do."""

    user: User
    org: Organization | None
    htmx: HtmxDetails
    session: "SessionStore"


class OrgRequest(SignedInRequest):
    """A request by somebody who administers `org`."""

    org: Organization


def administers(user: User) -> bool:
    """Whether this person administers their org: as its owner (SPEC O8) or through the admin role."""
    if user.org_id is None:
        return False
    standing = Standing.objects.select_related("org__profile").filter(user=user).first()
    if standing is None:
        return user.is_owner and user.org is not None and user.org.closed_at is None
    if standing.org.closed_at is not None:
        return False
    user.org = standing.org  # loaded here, since every page needs it next
    return user.is_owner or catalogue(standing.org.profile).admin in standing.roles


def org_admin(view: Callable[Concatenate[OrgRequest, P], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """For pages of an org's admins. Anonymous: sign in first; support: to the admin, unless they view this org, which
    changes nothing; anybody else: a 403 page.

    No cache keeps such a page: it may show a secret, and somebody else may use the browser next. htmx, which asks for
    part of a page, is told to reload the page instead of being redirected.
    """

    @wraps(view)
    @never_cache
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        user, admin_request = cast(Any, request.user), cast(OrgRequest, request)
        looking = viewing.begun(request)
        is_admin = user.is_authenticated and not user.is_staff and administers(user)
        if not is_admin and looking is None and admin_request.htmx:
            return HttpResponseClientRefresh()
        if not user.is_authenticated:
            return _to_sign_in(request)
        if looking is not None:
            admin_request.org = looking.org
            return _only_read(view, admin_request, *args, **kwargs)
        if user.is_staff:
            return _opened_by_support(request)
        if not is_admin:
            return _not_an_admin(request, user)
        admin_request.org = user.org
        try:
            return view(admin_request, *args, **kwargs)
        except SignInTooOld as error:
            return sign_in_again(request, back=error.back)

    return guarded


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in first, then go on. What a form sent is not saved: the page says so, and leads back to the form."""
    if request.method in ("GET", "HEAD"):
        return redirect_to_login(request.get_full_path())
    answer = redirect_to_login(form_page(request))
    return redirect(f"{answer.url}&{UNSENT}=1")


def form_page(request: HttpRequest) -> str:
    """The page that a form was sent from, as far as the browser says so; otherwise where it was sent to."""
    sender = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(sender, {request.get_host()}):
        return request.get_full_path()
    return urlsplit(sender)._replace(scheme="", netloc="", fragment="").geturl() or "/"


UNSENT = "unsent"
"""In the URL of a sign-in page that somebody is led to by a form of which nothing was saved."""


def _only_read(
    view: Callable[..., HttpResponseBase], request: OrgRequest, *args: Any, **kwargs: Any
) -> HttpResponseBase:
    """The page, for support who look at it (SPEC N4)."""
    try:
        with viewing.reading():
            return view(request, *args, **kwargs)
    except viewing.ChangesSomething:
        return viewing.refused(request)
    except SignInTooOld as error:
        return sign_in_again(request, back=error.back)
    except Http404:
        if request.htmx:
            raise
        return _opened_by_support(request)


def _opened_by_support(request: HttpRequest) -> HttpResponse:
    """Where a page leads that support opened without viewing its org: to what it is about (SPEC N4)."""
    if request.method != "GET":
        return redirect("admin:index")
    return redirect(f"{reverse('admin:opened')}?{urlencode({'page': request.get_full_path()})}")


def _not_an_admin(request: HttpRequest, user: User) -> HttpResponse:
    """Signing in leads to the overview, whoever it is: from there people who are no admins go to their account."""
    assert user.org
    is_open = user.org.closed_at is None
    if is_open and request.path == reverse("overview"):
        return redirect("account")
    return render(request, "orgs/not_an_admin.html", {"org": user.org, "is_open": is_open}, status=403)


def signed_in(view: Callable[Concatenate[SignedInRequest, P], HttpResponse]) -> Callable[..., HttpResponseBase]:
    """For pages about oneself, which everybody has: anonymous, sign in first. As `org_admin` in all else."""

    @wraps(view)
    @never_cache
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        known = cast(SignedInRequest, request)
        if not known.user.is_authenticated:
            return HttpResponseClientRefresh() if known.htmx else _to_sign_in(request)
        user = known.user
        viewing.begun(request)  # which the page says at its top
        known.org = user.org if not user.is_staff and administers(user) else None
        if user.org is not None and user.org.closed_at is not None:
            return _not_an_admin(request, user)
        return view(known, *args, **kwargs)

    return guarded


def owner_only(view: Callable[Concatenate[OrgRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """Below `org_admin`, for what the owner alone may do: other admins get the 403 page."""

    @wraps(view)
    def guarded(request: OrgRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_owner:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


RECENT = timedelta(minutes=15)
SIGNED_IN_AT = "signed_in_at"
"""The key in a session of the time of its sign-in, in seconds since 1970."""


def is_recent(request: HttpRequest) -> bool:
    """Whether the session began within RECENT: somebody who finds a browser open cannot make credentials with it."""
    return timezone.now().timestamp() - request.session.get(SIGNED_IN_AT, 0) < RECENT.total_seconds()


class SignInTooOld(Exception):
    """What is asked for gives access to others, and the session is too old for it. back: where to go on afterwards."""

    def __init__(self, back: str) -> None:
        super().__init__(back)
        self.back = back


def require_recent(request: HttpRequest, *, back: str = "") -> None:
    """Before something that gives access to others (SPEC L6). `org_admin` and support's site show how to go on.

    back: the page to return to after signing in again; the present one if empty. Raises SignInTooOld.
    """
    if not is_recent(request):
        raise SignInTooOld(back or request.get_full_path())


def sign_in_again(request: HttpRequest, *, back: str) -> HttpResponse:
    """The page that asks to sign in again, and then returns to `back`; for htmx, in the place of the whole page."""
    page = render(request, "orgs/sign_in_again.html", {"next": back, "minutes": RECENT.seconds // 60})
    return reswap(retarget(page, "body"), "innerHTML") if cast(Any, request).htmx else page


def recently_signed_in(
    view: Callable[Concatenate[OrgRequest, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Below `org_admin`, for pages that give access to others whatever is chosen there (SPEC L6, O4)."""

    @wraps(view)
    def guarded(request: OrgRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        require_recent(request)
        return view(request, *args, **kwargs)

    return guarded


def cause(request: SignedInRequest) -> Cause:
    """The cause of what somebody does on a page, now."""
    return Cause(Door.PAGE, timezone.now(), person=request.user)
