"""Who is held, and what each would lose or get if that were let through (SPEC T1). Reads only."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, Max, Min, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from groups_provisioning.engine.breaker import Rule
from groups_provisioning.engine.hold_counts import LATELY
from groups_provisioning.models import Breach, BreachState, Hold
from groups_provisioning.pages.people import people_list
from groups_provisioning.preview import overlay, plans, shown
from groups_provisioning.preview.plans import Plan
from groups_provisioning.preview.shown import PersonLine
from orgs.history import Effect
from orgs.models import IdentityProvider, Organization, User

REASONS: dict[str, Promise] = {
    Rule.LOSSES: _("Many people would lose a role or an assignment."),
    Rule.DEMOTIONS: _("More than half of the admins would lose the admin role."),
    Rule.PROMOTIONS: _("Many people would get the admin role."),
    Rule.SUPPORT: _(
        "Support holds what this token does: whoever would lose a role or an assignment, or get the admin role, keeps "
        "what they had."
    ),
}
MENDING: dict[str, Promise] = {
    IdentityProvider.OKTA: _(
        "In Okta, assign the people or groups again. For a pushed group, correct its members, and choose Push now for "
        "it under Push Groups."
    ),
    IdentityProvider.ENTRA: _(
        "In Entra ID, correct the members of the group or the assignments of the application. The next provisioning "
        "cycle sends them, or Provision on demand does."
    ),
}
OTHERWISE = _(
    "In your identity provider, put people back into their groups, or give them their roles again, and have it "
    "provision them."
)


@dataclass(frozen=True, slots=True)
class Summary:
    """What goes on because of one token. count: how many people are held. If support holds it, it may be none yet, and
    since and last are when that began.
    """

    breach: Breach
    count: int
    since: datetime
    last: datetime

    @property
    def reasons(self) -> list[Promise]:
        return [REASONS[rule] for rule in self.breach.rules]

    @property
    def is_by_support(self) -> bool:
        return Rule.SUPPORT in self.breach.rules

    @property
    def asked(self) -> str:
        """The query of the page that takes back what the token has done since then (SPEC T2)."""
        return urlencode({"at": (self.breach.began_at - LATELY).isoformat()})

    @property
    def mending(self) -> Promise:
        return MENDING.get(self.breach.token.idp, OTHERWISE)


class Row(NamedTuple):
    hold: Hold
    lines: list[PersonLine]


def summaries(org: Organization) -> list[Summary]:
    """The breaches that an admin has to decide about, the oldest first."""
    held = Q(holds__released=False)
    going_on = Breach.objects.for_org(org).filter(state=BreachState.OPEN)
    counted = going_on.annotate(
        count=Count("holds", filter=held),
        since=Coalesce(Min("holds__at", filter=held), "opened_at"),
        last=Coalesce(Max("holds__at", filter=held), "opened_at"),
    ).filter(Q(count__gt=0) | Q(rules__contains=[Rule.SUPPORT]))
    found = counted.select_related("token").order_by("began_at", "id")
    return [Summary(breach, breach.count, breach.since, breach.last) for breach in found]


def holds(org: Organization, breach: Breach, text: str = "") -> QuerySet[Hold]:
    """Whom it holds, by name. text: what was searched for."""
    found = Hold.objects.for_org(org).filter(breach=breach, released=False)
    if text:
        found = found.filter(user__in=people_list.matching(User.objects.for_org(org).live(), org.id, text))
    return found.select_related("user", "change", "change__by_token").order_by("user__user_name_key", "user")


def effects(org: Organization, breach: Breach, page: Sequence[Hold]) -> list[Effect]:
    """What would become of these people."""
    return _outlook(org, breach, page)[1] if page else []


def rows(org: Organization, breach: Breach, page: Sequence[Hold]) -> list[Row]:
    """What each of these people would lose, or get."""
    if not page:
        return []
    lines = defaultdict[UUID, list[PersonLine]](list)
    for line in shown.lines(org, *_outlook(org, breach, page)):
        lines[line.user.id].append(line)
    return [Row(hold, lines[hold.user_id]) for hold in page]


def _outlook(org: Organization, breach: Breach, page: Sequence[Hold]) -> tuple[Plan, list[Effect]]:
    wish = {"do": "let_through", "breach": str(breach.id), "users": [str(hold.user_id) for hold in page]}
    plan = plans.plan(org, wish, at=timezone.now())
    return plan, [effect for _, effect in overlay.differences(org, plan.overlay) if effect]
