"""Decisions about mappings: each is shown with its effects, then carried out by one command."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from groups_provisioning import refusals
from groups_provisioning.actions import group_intake
from groups_provisioning.choices import TARGET_KINDS
from groups_provisioning.models import ROLE, GroupMapping, PushedGroup, Status
from groups_provisioning.pages import changing
from groups_provisioning.pages.deciding import Question, decide
from groups_provisioning.pages.groups import end_views, group_list
from groups_provisioning.pages.groups.views import MOST
from groups_provisioning.pages.targets import TargetForm, bulk_targets
from groups_provisioning.preview.plans import Wish
from groups_provisioning.proposals import wishes
from orgs import entities, roles
from orgs.choices import RolePolicy
from orgs.db.keys import as_uuid
from orgs.models import KIND_SWITCHES, Organization
from orgs.web.access import OrgRequest, cause

deciding = changing.changing("groups")


@deciding
def map_group(request: OrgRequest, group_id: UUID) -> HttpResponseBase:
    group = changing.group(request, group_id)
    kinds = [kind for kind in KIND_SWITCHES if kind in entities.kinds_on(request.org)]
    if not kinds:
        messages.info(
            request,
            _("Teams, concurrency groups and sub-organizations are all switched off. Ask support to switch one on."),
        )
        return redirect("group", group.id)
    form = TargetForm(_data(request), org=request.org, kinds=kinds, name=group.display_name)
    wish: Wish = {"do": "map", "group": str(group.id), "kind": form.chosen_kind, **form.wish}

    def carry_out() -> str:
        return _mapped(group, wishes.carry_out(request.org, wish, cause(request)))

    question = Question(
        title=_("Map “%(group)s”") % {"group": group},
        verb=_("Map group"),
        wish=wish,
        back=_page(group),
        form=form,
    )
    return decide(request, question, carry_out)


@deciding
def give_role(request: OrgRequest, group_id: UUID) -> HttpResponseBase:
    """Give a group a role by hand (SPEC R6)."""
    group = changing.group(request, group_id)
    form = TargetForm(_data(request), org=request.org, kinds=[ROLE])
    wish: Wish = {"do": "map", "group": str(group.id), "kind": ROLE, **form.wish}

    def carry_out() -> str:
        return _mapped(group, wishes.carry_out(request.org, wish, cause(request)))

    question = Question(
        title=_("Give the members of “%(group)s” a role") % {"group": group},
        verb=_("Give role"),
        wish=wish,
        back=_page(group),
        form=form,
        lead=_beside_other_roles(request.org),
    )
    return decide(request, question, carry_out)


@deciding
def approve(request: OrgRequest, mapping_id: UUID) -> HttpResponseBase:
    mapping = changing.mapping(request, mapping_id)
    group = mapping.group
    if mapping.status != Status.PENDING:
        return _over(request, mapping)
    proposed = group.display_name if mapping.entity and mapping.target_deleted else str(mapping.target or group)
    form = TargetForm(_data(request), org=request.org, kinds=[mapping.kind], name=proposed)
    wish: Wish = {"do": "approve", "ids": [str(mapping.id)], **form.wish}

    def carry_out() -> str:
        return _mapped(group, wishes.carry_out(request.org, wish, cause(request)))

    question = Question(
        title=(_("Approve the role of “%(group)s”?") if mapping.role else _("Approve the mapping of “%(group)s”?"))
        % {"group": group},
        verb=_("Approve"),
        wish=wish,
        back=_page(group),
        form=form,
        lead=_beside_other_roles(request.org) if mapping.role else "",
    )
    return decide(request, question, carry_out)


@deciding
def retarget(request: OrgRequest, mapping_id: UUID) -> HttpResponseBase:
    mapping = changing.mapping(request, mapping_id)
    group = mapping.group
    if mapping.status == Status.REJECTED:
        return _over(request, mapping)
    # A deleted target is only created again if the admin enters its name.
    proposed = str(mapping.target or group)
    form = TargetForm(_data(request), org=request.org, kinds=[mapping.kind], name=proposed)
    wish: Wish = {"do": "retarget", "mapping": str(mapping.id), **form.wish}

    def carry_out() -> str:
        return _mapped(group, wishes.carry_out(request.org, wish, cause(request)))

    if mapping.role:
        title, verb = _("Choose another role for “%(group)s”"), _("Change role")
        lead = _("Members will get the new role instead of the old one, which they keep if something else gives it.")
    else:
        title, verb = _("Choose a new target for “%(group)s”"), _("Re-target")
        lead = _("People who are assigned through this mapping will move from the old target to the new one.")
    question = Question(
        title=title % {"group": group},
        verb=verb,
        wish=wish,
        back=_page(group),
        form=form,
        lead="" if mapping.target_deleted else lead,
    )
    return decide(request, question, carry_out)


@deciding
def reject(request: OrgRequest, mapping_id: UUID) -> HttpResponseBase:
    mapping = changing.mapping(request, mapping_id)
    group = mapping.group
    if mapping.status == Status.REJECTED:
        return _over(request, mapping)
    wish: Wish = {"do": "reject", "ids": [str(mapping.id)]}

    def carry_out() -> str:
        wishes.carry_out(request.org, wish, cause(request))
        if mapping.role:
            return _("The role %(role)s of “%(group)s” was rejected.") % {"role": mapping.role, "group": group}
        return _("The mapping of “%(group)s” was rejected.") % {"group": group}

    if mapping.role:
        title = _("Reject the role %(role)s for “%(group)s”?")
        lead = _(
            "Members will lose this role, unless something else also gives it. No rule will give the group this role "
            "again until you give it yourself. The group itself and its members stay, and so do the roles that your "
            "identity provider sends for it."
        )
    else:
        title = _("Reject the mapping of “%(group)s”?")
        lead = _(
            "People assigned through this mapping will lose the assignment, unless something else also gives it. No "
            "rule will map the group to this kind again until you map it yourself. The group itself, its members and "
            "its roles stay."
        )
    question = Question(
        title=title % {"group": group, "role": mapping.role},
        verb=_("Reject"),
        wish=wish,
        back=_page(group),
        lead=lead,
        destructive=True,
    )
    return decide(request, question, carry_out)


@deciding
def in_sync(request: OrgRequest, group_id: UUID) -> HttpResponseBase:
    """What an admin has compared is what they were shown: the revision comes from the page that shows the members."""
    group = changing.group(request, group_id)
    if not group.out_of_sync:
        return redirect(_page(group))
    text = request.POST.get("revision") or request.GET.get("revision") or ""
    revision = int(text) if text.isascii() and text.isdecimal() else group.revision

    def carry_out() -> str:
        group_intake.confirm_members(org=request.org, group_id=group.id, revision=revision, cause=cause(request))
        return _("“%(group)s” is in sync.") % {"group": group}

    question = Question(
        title=_("Mark “%(group)s” as in sync?") % {"group": group},
        verb=_("Mark as in sync"),
        wish=None,
        back=_page(group),
        lead=_(
            "Compare the members on the group's page with those in your identity provider. If they are the same, the "
            "group is no longer out of sync. Nobody is added or removed."
        ),
        details="groups_provisioning/groups/_in_sync.html",
        context={"group": group, "revision": revision},
    )
    try:
        return decide(request, question, carry_out)
    except group_intake.GroupProvisioningOff:
        messages.info(request, _("Switch group provisioning on first: while it is off, further changes are refused."))
        return redirect(_page(group))


@changing.changing("groups", "POST")
def bulk(request: OrgRequest) -> HttpResponseBase:
    """Decide about many groups together: those selected, or all that match a filter.

    Those that match are looked for again when it is confirmed: if it is not what was shown, it is shown anew.
    """
    filters = request.POST.get("filters", "")
    back = f"{reverse('groups')}?{filters}" if filters else reverse("groups")
    is_all = bool(request.POST.get("all"))
    chosen = _chosen(request, filters) if is_all else _selected(request)
    if not chosen:
        messages.info(request, _("Select the groups first."))
        return redirect(back)
    action = request.POST.get("action", "")
    context = {"chosen": () if is_all else chosen, "all": is_all, "filters": filters, "action": action}
    if action == "end":
        return end_views.end_many(request, chosen, back, context)
    if action == "map":
        return _map_many(request, chosen, back, context)
    live = GroupMapping.objects.for_org(request.org).live().filter(group__in=chosen).select_related("group", "entity")
    live = live.order_by("group__display_name_key", "id")
    is_rejection = action == "reject"
    asked = list(live if is_rejection else live.filter(status=Status.PENDING))
    if not asked:
        messages.info(request, _("None of these groups has a mapping that you can approve or reject."))
        return redirect(back)
    return _reject_many(request, asked, back, context) if is_rejection else _approve_many(request, asked, back, context)


def _map_many(request: OrgRequest, chosen: Sequence[UUID], back: str, context: dict[str, Any]) -> HttpResponseBase:
    """Each to an entity of its name, or all to one role: an entity has only one group (SPEC M1)."""
    to = request.POST.get("to", "")
    kind, _colon, role = to.partition(":")
    if to not in {value for _label, choices in bulk_targets(request.org) for value, _name in choices}:
        messages.info(request, _("Choose what to map the groups to."))
        return redirect(back)
    groups = {str(each.id): each for each in PushedGroup.objects.for_org(request.org).live().filter(id__in=chosen)}

    is_admin = kind == ROLE and role == roles.catalogue(request.org.profile).admin
    wish: Wish = {"do": "map_many", "ids": sorted(groups), "kind": kind, "role": role}

    def do() -> tuple[str, list[tuple[PushedGroup, str]]]:
        done = wishes.carry_out(request.org, wish, cause(request))
        count = len({mapping.group_id for mapping in done.approved})
        return (
            ngettext("%(count)d group was mapped.", "%(count)d groups were mapped.", count) % {"count": count},
            [(groups[str(id_)], refusals.in_words(refusal)) for id_, refusal in done.refused.items()],
        )

    if kind == ROLE:
        title = ngettext("Give %(count)d group a role?", "Give %(count)d groups a role?", len(groups))
        lead = _("Members get the role %(role)s in addition to roles from elsewhere.")
    else:
        title = ngettext("Map %(count)d group?", "Map %(count)d groups?", len(groups))
        lead = _(
            "Each group is mapped to the %(kind)s with its own name, because a target can have only one group. What "
            "does "
            "not exist is created, except sub-organizations. Groups that have a mapping stay as they are."
        )
    question = Question(
        title=title % {"count": len(groups)},
        verb=_("Give role") if kind == ROLE else _("Map groups"),
        wish=wish,
        back=back,
        lead=lead % {"kind": dict(TARGET_KINDS)[kind].lower(), "role": role},
        second=_("I know that the members of these groups become admins.") if is_admin else "",
        asked=groups,
        details="groups_provisioning/groups/_bulk.html",
        context=context | {"to": to},
    )
    return _decide_many(request, question, do)


def _decide_many(
    request: OrgRequest, question: Question, do: Callable[[], tuple[str, list[tuple[PushedGroup, str]]]]
) -> HttpResponseBase:
    """Decide, and tell which groups were refused. do: carries it out; returns what to say, and the refused."""
    refused: list[tuple[PushedGroup, str]] = []

    def carry_out() -> str:
        said, refused[:] = do()
        return said

    answer = decide(request, question, carry_out)
    if refused:
        messages.warning(request, refusals.told(refused))
    return answer


def _approve_many(
    request: OrgRequest, pending: Sequence[GroupMapping], back: str, context: dict[str, Any]
) -> HttpResponseBase:
    # If the target was deleted, an admin chooses the new one (SPEC M7), but for a role that is back.
    why = _("its target was deleted; choose a new one.")
    there = roles.catalogue(request.org.profile).keys
    stays = {mapping.id for mapping in pending if mapping.target_deleted and mapping.role not in there}
    lost = [(mapping.group, why) for mapping in pending if mapping.id in stays]
    asked = {str(mapping.id): mapping.group for mapping in pending if mapping.id not in stays}
    wish: Wish = {"do": "approve", "ids": list(asked), "many": True}

    def do() -> tuple[str, list[tuple[PushedGroup, str]]]:
        done = wishes.carry_out(request.org, wish, cause(request))
        count = len(done.approved)
        return (
            ngettext("%(count)d mapping was approved.", "%(count)d mappings were approved.", count) % {"count": count},
            lost + [(asked[str(id_)], refusals.in_words(refusal)) for id_, refusal in done.refused.items()],
        )

    title = ngettext("Approve %(count)d mapping?", "Approve %(count)d mappings?", len(asked)) % {"count": len(asked)}
    question = Question(
        title=title if asked else _("These mappings cannot be approved in bulk"),
        verb=_("Approve"),
        wish=wish,
        back=back,
        asked=asked,
        refused=lost,
        details="groups_provisioning/groups/_bulk.html",
        context=context,
    )
    return _decide_many(request, question, do)


def _reject_many(
    request: OrgRequest, live: Sequence[GroupMapping], back: str, context: dict[str, Any]
) -> HttpResponseBase:
    wish: Wish = {"do": "reject", "ids": [str(mapping.id) for mapping in live]}

    def carry_out() -> str:
        count = wishes.carry_out(request.org, wish, cause(request))
        return ngettext("%(count)d mapping was rejected.", "%(count)d mappings were rejected.", count) % {
            "count": count
        }

    question = Question(
        title=ngettext("Reject %(count)d mapping?", "Reject %(count)d mappings?", len(live)) % {"count": len(live)},
        verb=_("Reject"),
        wish=wish,
        back=back,
        lead=_(
            "People will lose the assignments and roles that these mappings give them, unless something else also "
            "gives them. No rule will map these groups to these kinds or roles again until you do it yourself."
        ),
        destructive=True,
        details="groups_provisioning/groups/_bulk.html",
        context=context | {"rejected": live},
    )
    return decide(request, question, carry_out)


def _chosen(request: OrgRequest, filters: str) -> list[UUID]:
    """The groups that match, at most MOST of them."""
    wanted = group_list.GroupFilter(QueryDict(filters), org=request.org).qs
    return list(wanted.values_list("id", flat=True)[:MOST])


def _selected(request: OrgRequest) -> list[UUID]:
    found = PushedGroup.objects.for_org(request.org).live().filter(id__in=_ids(request.POST.getlist("group")))
    return list(found.order_by("id").values_list("id", flat=True))


def _ids(texts: Sequence[str]) -> list[UUID]:
    """The valid ids; our own forms send no others."""
    return [id_ for text in texts if (id_ := as_uuid(text))]


def _data(request: OrgRequest) -> QueryDict | None:
    """The values of the form: submitted, or sent for a preview while somebody types."""
    if request.method == "POST":
        return request.POST
    return request.GET if "name" in request.GET else None


def _over(request: OrgRequest, mapping: GroupMapping) -> HttpResponseBase:
    messages.info(
        request, _("This mapping has already been decided: %(status)s.") % {"status": mapping.get_status_display()}
    )
    return redirect(_page(mapping.group))


def _page(group: PushedGroup) -> str:
    return reverse("group", args=[group.id])


def _beside_other_roles(org: Organization) -> str:
    """What a role that a group gives does beside others (SPEC R1, R6)."""
    if org.profile.role_policy == RolePolicy.UNION:
        return _("Every member gets this role in addition to roles from elsewhere.")
    return _(
        "Every member gets this role, unless they have a higher one from your identity provider, from another group or "
        "by hand."
    )


def _mapped(group: PushedGroup, mapping: GroupMapping) -> str:
    if mapping.role:
        return _("“%(group)s” now gives its members the role %(role)s.") % {"group": group, "role": mapping.role}
    return _("“%(group)s” is now mapped to the %(kind)s “%(target)s”.") % {
        "group": group,
        "kind": mapping.get_kind_display().lower(),
        "target": mapping.target,
    }
