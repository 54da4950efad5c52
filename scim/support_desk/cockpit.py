"""One organization, as support needs it at a glance (SPEC N4). Reads only, in a number of statements that is fixed."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Model, Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from groups_provisioning.models import Conflict, GroupMapping, Import, MappingRule, PushedGroup
from groups_provisioning.pages.activity import change_list, change_words
from groups_provisioning.pages.held.held_list import Summary
from groups_provisioning.pages.proposals import proposal_words
from orgs import open_matters, proposals
from orgs.models import (
    ApiKey,
    Change,
    Entity,
    LedgerEntry,
    Mark,
    Matter,
    Organization,
    Proposal,
    ScimToken,
    SupportView,
    Turn,
    User,
    VerifiedDomain,
)
from orgs.open_matters import OpenMatter
from scim import provisioning_log
from scim.models import RequestLog
from scim.support_desk.search import Found, list_of, page_of, request

FEW = 10
MOST = 1000  # people counted in the queue


@dataclass(frozen=True, slots=True)
class Queue:
    """waiting: how many marks there are, MOST + 1 for any more. oldest: when the first of them was made."""

    waiting: int
    oldest: datetime | None
    turn: Turn | None

    @property
    def figure(self) -> str:
        return f"{MOST:,}+" if self.waiting > MOST else f"{self.waiting:,}"


SWITCHES: dict[str, Promise] = {
    "user_provisioning": gettext_lazy("User provisioning"),
    "group_provisioning_activated": gettext_lazy("Group provisioning activated by support"),
    "group_provisioning": gettext_lazy("Group provisioning"),
    "teams": gettext_lazy("Teams"),
    "concurrency_groups": gettext_lazy("Concurrency groups"),
    "sub_organizations": gettext_lazy("Sub-organizations"),
    "two_persons": gettext_lazy("Two persons decide about admins"),
}
LISTS: dict[type[Model], Promise] = {
    User: gettext_lazy("People"),
    PushedGroup: gettext_lazy("SCIM groups"),
    GroupMapping: gettext_lazy("Mappings"),
    MappingRule: gettext_lazy("Rules"),
    Conflict: gettext_lazy("Conflicts"),
    Entity: gettext_lazy("Teams, concurrency groups and sub-organizations"),
    Matter: gettext_lazy("Needs attention"),
    RequestLog: gettext_lazy("Request log"),
    Change: gettext_lazy("Changes"),
    LedgerEntry: gettext_lazy("Effects"),
    ScimToken: gettext_lazy("SCIM tokens"),
    ApiKey: gettext_lazy("API keys"),
    Import: gettext_lazy("Imports"),
}
"""The lists that can be filtered by organization."""


def listed(model: type[Model], org: Organization) -> str:
    """The address of the list of an organization's rows."""
    return f"{list_of(model)}?org__id__exact={org.pk}"


def lists(org: Organization) -> list[tuple[Promise, str]]:
    return [(title, listed(model, org)) for model, title in LISTS.items()]


def switches(org: Organization) -> list[tuple[Promise, bool]]:
    return [(title, getattr(org, name)) for name, title in SWITCHES.items()]


def tokens(org: Organization, held: list[Summary]) -> list[tuple[ScimToken, bool]]:
    """Those that are valid, and the newest, which may have ended: a token that is still in use may be one of them.

    Of each, whether support can hold what it does: while it is valid, and that is not held.
    """
    by_support = {each.breach.token_id for each in held if each.is_by_support}
    every = ScimToken.objects.for_org(org).order_by("-id")
    newest = Q(id__in=every.values("id")[:FEW])
    found = every.filter(newest | Q(id__in=every.valid(timezone.now()).values("id")))
    return [(token, token.revoked_at is None and token.id not in by_support) for token in found]


def waiting(org: Organization, *, at: datetime) -> list[tuple[Proposal, str, bool]]:
    """What waits for a second admin, in words, and whether support is the second."""
    rows = proposals.going_on(org, at=at).select_related("asked_by", "asked_key").order_by("id")
    found = [each for each in rows if not proposals.is_asker_gone(each, at=at)]
    words = proposal_words.told(org, [each.wish for each in found])
    return [(each, what, not proposals.seconds(each)) for each, what in zip(found, words, strict=True)]


def domains(org: Organization) -> list[VerifiedDomain]:
    return list(VerifiedDomain.objects.for_org(org)[:FEW])


def queue_of(org: Organization) -> Queue:
    marks = Mark.objects.for_org(org)
    waiting = marks.order_by().values("pk")[: MOST + 1].count()
    # By the order of marking: what is marked again and again does not wait.
    first = marks.select_related("change").order_by("id").first() if waiting else None
    return Queue(waiting, first.change.at if first else None, Turn.objects.for_org(org).first())


def matters(org: Organization, *, at: datetime) -> list[OpenMatter]:
    return open_matters.everything(org, at=at)


def requests(org: Organization) -> list[Found]:
    lines = provisioning_log.page(org, provisioning_log.Wanted(), size=FEW).lines
    return [request(line.call, line.target, None) for line in lines]


def changes(org: Organization) -> list[Found]:
    wanted = change_list.Wanted()
    told = [line.change for line in change_list.page(org, wanted, size=FEW).lines]
    known = change_words.names(org, told, [], wanted)
    return [Found(change_words.change(each, known), page_of(each), text=_by(each), at=each.at) for each in told]


def views(org: Organization) -> list[SupportView]:
    """Who of support looks at the organization's pages now."""
    return list(SupportView.objects.for_org(org).filter(ended_at=None).select_related("person")[:FEW])


def _by(change: Change) -> str:
    if change.by_token:
        return _("%(name)s over SCIM") % {"name": change.by_token.name}
    return change.by_person.label if change.by_person else str(change.get_door_display())
