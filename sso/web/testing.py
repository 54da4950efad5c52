"""Testing a configuration in the browser of the admin who set it up (SPEC L3), or of whoever has a setup link (L8)."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from orgs import setup_links
from orgs.models import Purpose, SetupLink
from orgs.web.access import OrgRequest, org_admin
from orgs.web.fair_share import busy
from orgs.web.in_flight import Busy
from orgs.web.link_access import page
from sso import journeys, test_runs
from sso.journeys import Journey
from sso.models import Connection
from sso.refusals import Refused
from sso.status import status
from sso.test_runs import Outcome
from sso.web import asking, journey_cookie
from sso.web.outcomes import described


@require_safe
@org_admin
def begin(request: OrgRequest) -> HttpResponse:
    """On to the identity provider: by a GET, since the content security policy lets no form lead to another site."""
    if request.user.org_id is None:  # support, who only looks
        raise PermissionDenied
    revision = status(request.org, at=timezone.now()).revision
    if revision is None:
        return redirect("sso")
    try:
        with asking.place(revision.connection):
            journey, url = journeys.begin(revision=revision, tester=request.user.pk, now=timezone.now())
    except Busy:
        return busy(request)
    except Refused as refused:
        words = described(request.org, Outcome(None, False, None, refused), begun=False)
        return render(request, "sso/test_outcome.html", words)
    response = redirect(url)
    journey_cookie.keep(response, journey)
    return response


def outcome(request: HttpRequest, connection: Connection, journey: Journey) -> HttpResponseBase:
    """The page about what a test run brought back. journey: of `connection`, and with a tester.

    Only for the admin who began it, in whose session the browser has to be; or for the browser of a setup link, which
    is the one that has brought the journey. May take forty seconds, for which no transaction should be open.
    """
    user = request.user
    if user.is_authenticated and user.pk == journey.tester and user.org_id == connection.org_id:
        return _outcome(request, connection, journey)
    assert journey.tester is not None
    links = setup_links.open_in(connection.org, at=timezone.now())
    link = links.filter(id=journey.tester, purpose__in=(Purpose.SSO, Purpose.RENEWAL)).first()
    return _not_yours(request) if link is None else _outcome_of_link(request, connection, journey, link)


@never_cache
def _not_yours(request: HttpRequest) -> HttpResponse:
    return render(request, "sso/test_not_yours.html", status=403)


@org_admin
def _outcome(request: OrgRequest, connection: Connection, journey: Journey) -> HttpResponse:
    found = _finished(request, connection, journey)
    return render(request, "sso/test_outcome.html", described(request.org, found))


@never_cache
def _outcome_of_link(request: HttpRequest, connection: Connection, journey: Journey, link: SetupLink) -> HttpResponse:
    """An admin has to see what comes of the draft: this run does not count as its test."""
    found = _finished(request, connection, journey, counts=False)
    words = described(connection.org, found) | {"link": link, "back": page(link)}
    return render(request, "setup/sso_outcome.html", words)


def _finished(request: HttpRequest, connection: Connection, journey: Journey, *, counts: bool = True) -> Outcome:
    brought = journey_cookie.brought(request)
    return test_runs.finish(journey, connection=connection, parameters=brought, now=timezone.now(), counts=counts)
