"""Who came back from the org's identity provider, and what became of it (SPEC L4)."""

from collections.abc import Iterable

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orgs import sso_sign_ins
from orgs.models import SsoSignIn
from orgs.web.access import OrgRequest, org_admin
from orgs.web.long_list import COUNTED, LongList
from sso.models import Connection
from sso.refusal_advice import advice
from sso.refusal_words import in_words
from sso.refusals import Reason, Refused
from sso.web.forms import SignInFilter

PAGE = 50


@require_safe
@org_admin
def sign_ins(request: OrgRequest) -> HttpResponse:
    form = SignInFilter(request.GET)
    text, outcome = form.wanted()
    page = LongList(_found(request, text, outcome), PAGE).get_page(request.GET.get("page"))
    explain(page.object_list)
    return render(
        request,
        "sso/sign_ins.html",
        {
            "form": form,
            "page": page,
            "is_filtered": bool(text or outcome),
            "is_set_up": Connection.objects.for_org(request.org).exists(),
            "days": sso_sign_ins.KEPT.days,
        },
    )


def _found(request: OrgRequest, text: str, outcome: str) -> QuerySet[SsoSignIn]:
    """The newest first. Searched is among the newest COUNTED alone: no index finds part of a name."""
    rows = SsoSignIn.objects.for_org(request.org).order_by("-id")
    if text or outcome:
        newest = rows.values("id")[:COUNTED]
        rows = SsoSignIn.objects.for_org(request.org).filter(id__in=newest).order_by("-id")
    if text:
        rows = rows.filter(name__icontains=text)
    if outcome:
        rows = rows.filter(reason="") if outcome == "in" else rows.exclude(reason="")
    return rows


def explain(rows: Iterable[SsoSignIn]) -> None:
    """Set `refused` and `advice`, in words; empty for who was signed in."""
    for row in rows:
        reason = Reason(row.reason) if row.reason else None
        row.refused = in_words(Refused(reason, row.detail)) if reason else ""  # type: ignore[attr-defined]
        row.advice = advice(reason) if reason else ""  # type: ignore[attr-defined]
