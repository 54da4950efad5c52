"""The overview: the connection, totals, and what needs attention."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from groups_provisioning.pages.overview import counts as numbers
from groups_provisioning.pages.overview.counts import Overview
from orgs import open_matters, scim_connection
from orgs.models import Organization
from orgs.web.access import OrgRequest, org_admin
from orgs.web.long_list import COUNTED


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
    there = numbers.of(request.org)
    return render(
        request,
        "groups_provisioning/overview/overview.html",
        {
            "connection": scim_connection.of(request.org, at=now),
            "numbers": list(_numbers(request.org, there)),
            "updating": _updating(there),
            "attention": open_matters.everything(request.org, at=now),
        },
    )


def _numbers(org: Organization, there: Overview) -> Iterator[Number]:
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


def _updating(there: Overview) -> str:
    """That people are being updated; empty if none are."""
    title = ngettext("%(count)s person is being updated", "%(count)s people are being updated", there.waiting)
    if there.waiting > COUNTED:
        title = _("More than %(count)s people are being updated")
    return title % {"count": f"{min(there.waiting, COUNTED):,}"} if there.waiting else ""


def _figure(count: int) -> str:
    """A number that is counted to a limit."""
    return f"{count:,}" if count <= COUNTED else f"{COUNTED:,}+"
