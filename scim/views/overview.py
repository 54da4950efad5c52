"""The overview: the connection and its requests, totals, what needs attention, and what has changed since last time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from groups_provisioning.pages import org_numbers
from groups_provisioning.pages.activity import change_list, change_words
from groups_provisioning.pages.org_numbers import OrgNumbers
from orgs import open_matters, scim_connection
from orgs.db.keys import id_at
from orgs.models import Change, Organization
from orgs.web.access import OrgRequest, org_admin
from orgs.web.long_list import COUNTED
from scim import overview_visits, request_days

CHANGES = 5  # since the last visit, that are shown


@dataclass(frozen=True, slots=True)
class Number:
    """How many there are of something. more: a further detail."""

    name: str
    count: int
    address: str
    more: str = ""

    @property
    def figure(self) -> str:
        return _figure(self.count)


@require_safe
@org_admin
def overview(request: OrgRequest) -> HttpResponse:
    now = timezone.now()
    there = org_numbers.of(request.org)
    since = overview_visits.note(org=request.org, user=request.user, at=now)
    return render(
        request,
        "scim/overview.html",
        {
            "connection": scim_connection.of(request.org, at=now),
            "numbers": list(_numbers(request.org, there)),
            "updating": _updating(there),
            "attention": open_matters.everything(request.org, at=now),
            "chart": request_days.of(request.org, at=now),
            "news": _news(request.org, since) if since else None,
        },
    )


@dataclass(frozen=True, slots=True)
class News:
    """What has changed since a moment. figure: the count, to a limit. lines: the newest changes, in words. address:
    of all changes since that day.
    """

    since: datetime
    address: str
    count: int
    figure: str
    lines: list[dict[str, Any]]


def _news(org: Organization, since: datetime) -> News:
    """Seven queries at most, whatever there is."""
    wanted = change_list.Wanted(since=since)
    changes = [line.change for line in change_list.page(org, wanted, size=CHANGES).lines]
    known = change_words.names(org, changes, [], wanted)
    count = Change.objects.for_org(org).filter(id__gte=id_at(since)).values("id")[: COUNTED + 1].count()
    lines = [{"change": change, "what": change_words.change(change, known)} for change in changes]
    address = f"{reverse('activity')}?since={timezone.localtime(since):%Y-%m-%d}"
    return News(since, address, count, _figure(count), lines)


def _numbers(org: Organization, there: OrgNumbers) -> Iterator[Number]:
    active = _("%(count)s active, without the owner") % {"count": _figure(there.active)}
    if there.people > COUNTED:  # the active among some of them say nothing
        active = _("Without the owner")
    yield Number(_("People"), there.people, reverse("people"), active)
    yield Number(_("SCIM groups"), there.groups, reverse("groups"))
    if org.teams or there.teams:
        yield Number(_("Teams"), there.teams, reverse("teams"))
    if org.concurrency_groups or there.concurrency_groups:
        yield Number(_("Concurrency groups"), there.concurrency_groups, reverse("concurrency-groups"))
    if org.sub_organizations or there.sub_organizations:
        yield Number(_("Sub-organizations"), there.sub_organizations, reverse("sub-organizations"))


def _updating(there: OrgNumbers) -> str:
    """That people are being updated; empty if none are."""
    title = ngettext("%(count)s person is being updated", "%(count)s people are being updated", there.waiting)
    if there.waiting > COUNTED:
        title = _("More than %(count)s people are being updated")
    return title % {"count": f"{min(there.waiting, COUNTED):,}"} if there.waiting else ""


def _figure(count: int) -> str:
    """A number that is counted to a limit."""
    return f"{count:,}" if count <= COUNTED else f"{COUNTED:,}+"
