"""SCIM groups: the list, and the page of one."""

from collections.abc import Iterator
from itertools import islice
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from groups_provisioning.actions import group_ends
from groups_provisioning.models import EndedGroup, EndedMapping, EndedMember, MappingRule, PushedGroup
from groups_provisioning.pages.activity import change_list, change_words
from groups_provisioning.pages.groups import group_list, group_page, member_assignments
from groups_provisioning.pages.people import people_list
from groups_provisioning.pages.targets import bulk_targets
from orgs import matter_words, matters
from orgs.models import MatterKind
from orgs.web.access import OrgRequest, org_admin
from orgs.web.downloads import as_csv
from orgs.web.long_list import LongList

PAGE = 50
ATTRIBUTES = 200
HISTORY = 6  # changes on a group's page
MOST = 2_000  # groups in one bulk decision


@require_safe
@org_admin
def groups(request: OrgRequest) -> HttpResponse:
    """The list. For htmx requests, which change filters and pages, only the part below the filters."""
    tabs = group_list.tabs(request.org)
    counts = group_list.statuses(request.org) | {group_list.GroupStatus.ENDED.value: tabs.ended}
    chosen = group_list.GroupFilter(request.GET, org=request.org, counts=counts)
    rules = list(MappingRule.objects.for_org(request.org))
    page = Paginator(chosen.qs, PAGE).get_page(request.GET.get("page"))
    rows = group_list.rows(request.org, page.object_list, rules)
    about, text, at = [row.group.id for row in rows], chosen.form.cleaned_data.get("q") or "", now()
    return render(
        request,
        "groups_provisioning/groups/_groups.html" if request.htmx else "groups_provisioning/groups/groups.html",
        {
            "tabs": tabs,
            "chosen": chosen,
            "filters": request.GET.urlencode(),
            "counts": counts,
            "page": page,
            "most": MOST,
            "bulk_targets": bulk_targets(request.org),
            "rows": rows,
            "refused": matters.subjects_of(request.org, group_list.REFUSED, about, at=at) if about else (),
            "told": matter_words.tell_refused_creates(request.org, MatterKind.GROUP_REFUSED, text, at=at)
            if not about
            else (),
        },
    )


@require_safe
@org_admin
def export(request: OrgRequest) -> StreamingHttpResponse:
    chosen = group_list.GroupFilter(request.GET, org=request.org)
    rules = list(MappingRule.objects.for_org(request.org))
    header = (
        _("Name"),
        _("Status"),
        _("Out of sync"),
        _("Members"),
        _("Roles"),
        _("Mapped to"),
        _("Matched rule"),
        _("First push"),
        _("Last push"),
        _("External ID"),
        _("ID"),
    )
    found = group_list.everything(request.org, chosen.qs, rules)
    return as_csv(f"scim-groups-{now():%Y-%m-%d}", header, _cells(found))


def _cells(rows: Iterator[group_list.Row]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        group = row.group
        matching = [f"{rule.position} {rule.get_pattern_type_display()} {rule.pattern}".strip() for rule in row.rules]
        named = [f"{mapping.get_kind_display()}: {mapping.target or _('none yet')}" for mapping in row.mappings]
        yield (
            group.display_name,
            row.status.label,
            _("yes") if group.out_of_sync else "",
            group.member_count,
            ", ".join(group.roles),
            "; ".join(named),
            "; ".join(matching),
            group.created_at,
            group.modified_at,
            group.external_id,
            group.id,
        )


@require_safe
@org_admin
def group(request: OrgRequest, group_id: UUID) -> HttpResponse:
    found = group_ends.with_last_write(group_list.with_status(request.org)).filter(id=group_id).first()
    if found is None:
        end = get_object_or_404(group_page.ends(request.org), group=group_id)
        return render(request, "groups_provisioning/groups/ended_group.html", _ended(request, end))
    tied = None if request.htmx else group_page.ties(request.org, found)
    giving = member_assignments.giving(tied.live if tied else group_page.live_mappings(found))
    form = group_page.MemberSearch(request.GET, giving)
    members = LongList(group_page.members(found, form), PAGE, total=None if form.is_used else found.member_count)
    page = members.get_page(request.GET.get("page"))
    missing = member_assignments.missing(request.org, [member.user_id for member in page], giving)
    context = {
        "group": found,
        "form": form,
        "page": page,
        "giving": giving,
        "rows": [(member, missing.get(member.user_id, ())) for member in page],
    }
    if tied is None:
        return render(request, "groups_provisioning/groups/_members.html", context)
    here = [(MatterKind.GROUP_UNWRITTEN, str(found.id)), (MatterKind.GROUP_REFUSED, found.display_name)]
    context |= {
        "told": matter_words.tell(request.org, matters.about(request.org, *here, at=now())),
        "status": group_list.GroupStatus(found.status),
        "ties": tied,
        "out_of_sync_since": group_page.out_of_sync_since(found),
        "nested": group_page.nested(found),
        "progress": group_page.progress(found),
        "attributes": list(islice(people_list.leaves(found.attributes), ATTRIBUTES)),
    }
    return render(request, "groups_provisioning/groups/group.html", context)


def _ended(request: OrgRequest, end: EndedGroup) -> dict[str, Any]:
    """Of a group that was ended by hand (SPEC G10)."""
    still = matters.open_in(request.org, at=now()).filter(kind=MatterKind.GROUP_ENDED, subject_key=str(end.group_id))
    return {
        "group": group_ends.with_last_write(group_list.ended(request.org)).get(id=end.group_id),
        "end": end,
        "members": EndedMember.objects.filter(group=end.group_id).count(),
        "mappings": EndedMapping.objects.filter(mapping__group=end.group_id).select_related("mapping__entity"),
        "matters": matter_words.tell(request.org, still),
    }


@require_safe
@org_admin
def export_members(request: OrgRequest, group_id: UUID) -> StreamingHttpResponse:
    found = get_object_or_404(PushedGroup.objects.for_org(request.org).live(), id=group_id)
    header = (_("userName"), _("Name"), _("Active"), _("Member since"), _("ID"))
    giving = member_assignments.giving(group_page.live_mappings(found))
    rows = group_page.member_rows(found, group_page.MemberSearch(request.GET, giving))
    return as_csv(f"members-{now():%Y-%m-%d}", header, rows)


@require_safe
@org_admin
def progress(request: OrgRequest, group_id: UUID) -> HttpResponse:
    """The progress of settling, for a page that polls."""
    found = get_object_or_404(PushedGroup.objects.for_org(request.org).live(), id=group_id)
    context = {"group": found, "progress": group_page.progress(found), "polled": True}
    return render(request, "groups_provisioning/groups/_progress.html", context)


@require_safe
@org_admin
def history(request: OrgRequest, group_id: UUID) -> HttpResponse:
    """The last changes to a group or its mappings, which its page fetches; the activity has all of them."""
    group = get_object_or_404(PushedGroup.objects.for_org(request.org), id=group_id)
    if not request.htmx:
        return redirect(f"{reverse('activity')}?group={group.id}")
    wanted = change_list.Wanted(group=group.id)
    changes = [line.change for line in change_list.page(request.org, wanted, size=HISTORY).lines]
    known = change_words.names(request.org, changes, [], wanted)
    told = [{"change": change, "what": change_words.change(change, known)} for change in changes]
    return render(request, "groups_provisioning/activity/_history.html", {"group": group, "lines": told})


def _without(request: OrgRequest, *names: str) -> str:
    """The query string without these parameters."""
    query = request.GET.copy()
    for name in names:
        query.pop(name, None)
    return query.urlencode()
