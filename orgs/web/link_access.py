"""Who may open a page through a setup link (SPEC L8): the browser that opened that link, and nobody else.

Such a page acts in the org of the link. Whoever is signed in beside it is nobody here.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django_htmx.middleware import HtmxDetails

from orgs import setup_links
from orgs.history import Cause
from orgs.models import Door, Organization, Purpose, SetupLink
from orgs.setup_links import NotOpen
from orgs.web.limits import Buckets, client_address, client_network

P = ParamSpec("P")

PATH = "/setup/"
guesses, uses = Buckets("setup-links"), Buckets("setup-link-uses")
GUESSES = {"rate": 10 / 60, "burst": 20}  # of a client; what finds an open link does not count
USES = {"rate": 1 / 60, "burst": 30}  # of a link
PAGES = {
    Purpose.SSO: "setup-sso",
    Purpose.SCIM: "setup-scim",
    Purpose.DOMAIN: "setup-domains",
    Purpose.RENEWAL: "setup-certificate",
}
"""By purpose, the name of the page that a link leads to."""


class LinkRequest(HttpRequest):
    """A request through `link`, in `org`."""

    link: SetupLink
    org: Organization
    htmx: HtmxDetails


class TooMany(Exception):
    """The client has guessed too often, or the link is used too often."""


def find(request: HttpRequest, look: Callable[[], SetupLink]) -> SetupLink:
    """The link that `look` finds, which raises NotOpen if there is none; each such attempt counts.

    Raises NotOpen, TooMany.
    """
    client = client_network(client_address(request))
    if guesses.take(client, **GUESSES):
        raise TooMany
    link = look()
    guesses.give_back(client, **GUESSES)
    return link


def is_known(request: HttpRequest, link: SetupLink) -> bool:
    """Whether this is the browser that opened a link."""
    try:
        setup_links.of_browser(link.id, _secret(request, link.id), at=timezone.now())
    except NotOpen:
        return False
    return True


def address(made: setup_links.Made) -> str:
    """Where a new link is opened."""
    return settings.MUSTER_URL + reverse("setup", args=[made.secret])


def page(link: SetupLink) -> str:
    """Where a link leads to."""
    return reverse(PAGES[Purpose(link.purpose)], args=[link.id])


def remember(response: HttpResponse, link: SetupLink, browser: str) -> None:
    """Let the browser keep the secret by which it is known, as long as the link lasts."""
    response.set_cookie(
        _cookie(link.id),
        browser,
        path=PATH,
        expires=link.expires_at,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def forget(response: HttpResponse, link: SetupLink) -> None:
    response.delete_cookie(_cookie(link.id), path=PATH, samesite="Lax")


def through_link(
    *purposes: Purpose,
) -> Callable[[Callable[Concatenate[LinkRequest, P], HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """For pages below PATH whose address has the id of a link. purposes: which links lead there.

    Everybody else gets one page, which says the same to all of them. No cache keeps what is shown.
    """

    def decorate(view: Callable[Concatenate[LinkRequest, P], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        @never_cache
        def guarded(request: Any, link_id: UUID, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            browser, now = _secret(request, link_id), timezone.now()
            try:
                link = find(request, lambda: setup_links.of_browser(link_id, browser, at=now))
                if link.purpose not in purposes:
                    raise NotOpen
                if request.method == "POST":
                    count_use(link)
                request.link, request.org = link, link.org
                return view(request, *args, **kwargs)
            except NotOpen:
                return gone(request)
            except TooMany:
                return too_many(request)

        return guarded

    return decorate


def count_use(link: SetupLink) -> None:
    """Raises TooMany. Forms are counted by themselves."""
    if uses.take(link.id, **USES):
        raise TooMany


def cause() -> Cause:
    """The cause of what is done through a link, now."""
    return Cause(Door.LINK, timezone.now())


def gone(request: HttpRequest) -> HttpResponse:
    return render(request, "setup/gone.html", status=404)


def too_many(request: HttpRequest) -> HttpResponse:
    answer = render(request, "setup/too_many.html", status=429)
    answer["Retry-After"] = "60"
    return answer


def _secret(request: HttpRequest, link_id: UUID) -> str:
    secret: str = request.COOKIES.get(_cookie(link_id), "")
    return secret


def _cookie(link_id: UUID) -> str:
    """One for each link: whoever sets up SCIM may have been given the domains to do as well."""
    return f"setup-{link_id.hex}"
