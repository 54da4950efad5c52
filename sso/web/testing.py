"""Testing a configuration in the browser of the admin who set it up (SPEC L3)."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from orgs.web.access import OrgRequest, org_admin
from orgs.web.fair_share import busy
from orgs.web.in_flight import Busy
from sso import journeys, test_runs
from sso.identities import NAME_ID
from sso.journeys import Journey
from sso.models import Connection
from sso.refusal_advice import advice
from sso.refusal_words import in_words
from sso.refusals import Refused
from sso.status import status
from sso.test_runs import Outcome
from sso.web import asking, journey_cookie

LONGEST = 200  # characters of a claim that the page shows


@require_safe
@org_admin
def begin(request: OrgRequest) -> HttpResponse:
    """On to the identity provider: by a GET, since the content security policy lets no form lead to another site."""
    revision = status(request.org, at=timezone.now()).revision
    if revision is None:
        return redirect("sso")
    try:
        with asking.place(revision.connection):
            journey, url = journeys.begin(revision=revision, tester=request.user.pk, now=timezone.now())
    except Busy:
        return busy(request)
    except Refused as refused:
        return _page(request, Outcome(None, False, None, refused), begun=False)
    response = redirect(url)
    journey_cookie.keep(response, journey)
    return response


def outcome(request: HttpRequest, connection: Connection, journey: Journey) -> HttpResponseBase:
    """The page about what a test run brought back. journey: of `connection`, and with a tester.

    Only for the admin who began it, in whose session the browser has to be. May take forty seconds, for which no
    transaction should be open.
    """
    user = request.user
    if not user.is_authenticated or user.pk != journey.tester or user.org_id != connection.org_id:
        return _not_yours(request)
    return _outcome(request, connection, journey)


@never_cache
def _not_yours(request: HttpRequest) -> HttpResponse:
    return render(request, "sso/test_not_yours.html", status=403)


@org_admin
def _outcome(request: OrgRequest, connection: Connection, journey: Journey) -> HttpResponse:
    brought = journey_cookie.brought(request)
    found = test_runs.finish(journey, connection=connection, parameters=brought, now=timezone.now())
    return _page(request, found)


def _page(request: OrgRequest, found: Outcome, *, begun: bool = True) -> HttpResponse:
    present = status(request.org, at=timezone.now())
    context: dict[str, Any] = {"outcome": found, "status": present, "begun": begun}
    if found.refused is not None:
        context |= {"refused": in_words(found.refused), "advice": advice(found.refused.reason)}
    if found.identity is not None:
        revision = present.revision
        used = {"sub", NAME_ID}
        if revision is not None:
            used |= {revision.user_name_claim, revision.external_id_claim}
        context["claims"] = [(name, _shown(value), name in used) for name, value in found.identity.claims.items()]
    return render(request, "sso/test_outcome.html", context)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
