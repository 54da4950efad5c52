"""Ending groups that nobody pushes any more, and undoing that, after a look at the effect (SPEC G10)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from groups_provisioning import refusals
from groups_provisioning.actions import group_ends
from groups_provisioning.models import PushedGroup
from groups_provisioning.pages import changing
from groups_provisioning.pages.deciding import Question, decide
from groups_provisioning.preview.plans import Wish
from groups_provisioning.proposals import wishes
from groups_provisioning.rules.assignments import EntityOwned
from orgs.models import Change
from orgs.web.access import OrgRequest, cause

MOST = 500  # groups that are ended together, one after the other

deciding = changing.changing("groups")


@deciding
def end(request: OrgRequest, group_id: UUID) -> HttpResponseBase:
    group = changing.group(request, group_id)
    wish: Wish = {"do": "end", "ids": [str(group.id)]}

    def carry_out() -> str:
        wishes.carry_out(request.org, wish, cause(request))
        return _("“%(group)s” was ended.") % {"group": group}

    written = group_ends.last_written(request.org, [group.id])
    question = Question(
        title=_("End “%(group)s”?") % {"group": group},
        verb=_("End group"),
        wish=wish,
        back=reverse("group", args=[group.id]),
        lead=_lead(1),
        destructive=True,
        second=_second([group.id], written, now()),
        details="groups_provisioning/groups/_last_written.html",
        context={"pushes": [(group, written.get(group.id))]},
    )
    return decide(request, question, carry_out)


def end_many(request: OrgRequest, chosen: Sequence[UUID], back: str, context: dict[str, Any]) -> HttpResponseBase:
    """End the groups that were chosen in the list, together."""
    groups = list(PushedGroup.objects.for_org(request.org).live().filter(id__in=chosen).order_by("display_name_key"))
    if not groups:
        messages.info(request, _("Select the groups first."))
        return redirect(back)
    if len(groups) > MOST:
        messages.info(request, _("End at most %(count)d groups at a time.") % {"count": MOST})
        return redirect(back)
    ids = sorted(group.id for group in groups)
    wish: Wish = {"do": "end", "ids": [str(id_) for id_ in ids]}

    def carry_out() -> str:
        wishes.carry_out(request.org, wish, cause(request))
        return ngettext("%(count)d group was ended.", "%(count)d groups were ended.", len(ids)) % {"count": len(ids)}

    written = group_ends.last_written(request.org, ids)
    question = Question(
        title=ngettext("End %(count)d group?", "End %(count)d groups?", len(ids)) % {"count": len(ids)},
        verb=ngettext("End group", "End groups", len(ids)),
        wish=wish,
        back=back,
        lead=_lead(len(ids)),
        destructive=True,
        second=_second(ids, written, now()),
        details="groups_provisioning/groups/_bulk.html",
        context=context | {"pushes": [(group, written.get(group.id)) for group in groups]},
    )
    return decide(request, question, carry_out)


@deciding
def undo_end(request: OrgRequest, group_id: UUID) -> HttpResponseBase:
    group = changing.ended_group(request, group_id)
    stay = [
        (each.mapping, refusals.in_words(EntityOwned(group.display_name)))
        for each in group_ends.returning(group, lock=False)
        if each.stays_rejected
    ]
    wish: Wish = {"do": "undo_end", "group": str(group.id)}

    def carry_out() -> str:
        wishes.carry_out(request.org, wish, cause(request))
        return _("“%(group)s” is back.") % {"group": group}

    question = Question(
        title=_("Undo the end of “%(group)s”?") % {"group": group},
        verb=_("Bring back"),
        wish=wish,
        back=reverse("group", args=[group.id]),
        lead=_(
            "The group is restored as it was, with its members, mappings and their times, except for people whom SCIM "
            "has deleted since."
        ),
        refused=stay,
        details="groups_provisioning/groups/_stay_rejected.html",
    )
    return decide(request, question, carry_out)


def _lead(count: int) -> str:
    return ngettext(
        "As if your identity provider had deleted it: its members lose what only this group gives them, and its "
        "mappings are rejected. If it is pushed again, it is restored and the mapping rules are evaluated. You can "
        "undo this as long as no other group has its name.",
        "As if your identity provider had deleted them: their members lose what only these groups give them, and "
        "their mappings are rejected. A group that is pushed again is restored and the mapping rules are evaluated. "
        "You can undo this for each group, as long as no other has its name.",
        count,
    )


def _second(asked: Collection[UUID], written: Mapping[UUID, Change], at: datetime) -> str:
    """The second question, where an IdP wrote one of the groups within a day."""
    recent = len(group_ends.recently_written(written.values(), at=at))
    if not recent:
        return ""
    if len(asked) == 1:
        return _(
            "I know that this group was pushed in the last 24 hours, and that further changes to it will be refused."
        )
    return ngettext(
        "I know that %(count)d of these groups was pushed in the last 24 hours, and that further changes to it will be "
        "refused.",
        "I know that %(count)d of these groups were pushed in the last 24 hours, and that further changes to them will "
        "be refused.",
        recent,
    ) % {"count": recent}
