"""A preview: the effects of a wish, counted and with examples, with a fingerprint (SPEC M9).

Up to AT_ONCE people it is computed within the request; above that by a worker, which records its progress.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from groups_provisioning.models import Breach, Conflict, GroupMapping, MappingRule, Preview, PushedGroup
from groups_provisioning.preview import overlay, plans
from groups_provisioning.preview.plans import Plan, Wish
from orgs.db.transactions import command, snapshot
from orgs.entities import kinds_on
from orgs.history import Effect
from orgs.models import Organization, User
from orgs.queue import announce

T = TypeVar("T")

AT_ONCE = 5_000  # people; above that, a worker does it
SHOWN = 100  # differences that are shown in full
CLOSING = 10  # conflicts that a decision closes besides those that it is about
KEPT = timedelta(days=1)
FRESH = timedelta(minutes=10)
"""How long the result of a worker is used: it also depends on facts that the fingerprint does not cover."""
SILENCE = timedelta(minutes=1)


class Outdated(Exception):
    """The basis of the preview has changed: preview again."""


@dataclass(slots=True)
class Summary:
    """The effects, counted. Entities are ids, or stand-ins from `Overlay.made`.

    looked_at: people of whom it was worked out. touched: those with a difference. moved: from one entity of an
    exclusive kind to another. accounts: (was, now) to how many people. roles: (was, now) to how many people. closed:
    conflicts; besides: those of them that a decision closes although it is about others of the same people (SPEC C3);
    closing: the first of these. some: the first differences.
    """

    looked_at: int = 0
    touched: int = 0
    entered: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    moved: Counter[tuple[str, str]] = field(default_factory=Counter)
    accounts: Counter[tuple[str, str]] = field(default_factory=Counter)
    roles: Counter[tuple[str, str]] = field(default_factory=Counter)
    opened: int = 0
    closed: int = 0
    besides: int = 0
    closing: list[Effect] = field(default_factory=list)
    some: list[Effect] = field(default_factory=list)

    def add(self, effect: Effect, plan: Plan) -> None:
        """Count one difference."""
        was, now = effect.was, effect.now
        match effect.slot:
            case "account":
                self.accounts[was, now] += 1
            case "roles":
                self.roles[", ".join(was or ()), ", ".join(now or ())] += 1
            case "conflict":
                self.opened += was is None
                self.closed += now is None
                if now is None and plan.decided and (effect.user_id, was["incoming"]) not in plan.decided:
                    self.besides += 1
                    self.closing += [effect][: CLOSING - len(self.closing)]
            case _ if was is None:
                self.entered[now] += 1
            case _ if now is None:
                self.left[was] += 1
            case _:
                self.moved[was, now] += 1
        if len(self.some) < SHOWN:
            self.some.append(effect)

    def gaining(self, role: str) -> int:
        """How many people would get a role that they do not have."""
        return sum(
            count for (was, now), count in self.roles.items() if role in now.split(", ") and role not in was.split(", ")
        )

    def as_json(self) -> dict[str, Any]:
        """As a row keeps it; `of_json` reads it."""
        return {
            "looked_at": self.looked_at,
            "touched": self.touched,
            "entered": self.entered,
            "left": self.left,
            "moved": [[*pair, count] for pair, count in self.moved.items()],
            "accounts": [[*pair, count] for pair, count in self.accounts.items()],
            "roles": [[*pair, count] for pair, count in self.roles.items()],
            "opened": self.opened,
            "closed": self.closed,
            "besides": self.besides,
            "closing": [_kept(effect) for effect in self.closing],
            "some": [_kept(effect) for effect in self.some],
        }

    @classmethod
    def of_json(cls, kept: dict[str, Any]) -> "Summary":
        kept = {"accounts": [], "besides": 0, "closing": [], **kept}  # a release without these may have kept it
        return cls(
            **{name: kept[name] for name in ("looked_at", "touched", "opened", "closed", "besides")},
            entered=Counter(kept["entered"]),
            left=Counter(kept["left"]),
            moved=Counter({(was, now): count for was, now, count in kept["moved"]}),
            accounts=Counter({(was, now): count for was, now, count in kept["accounts"]}),
            roles=Counter({(was, now): count for was, now, count in kept["roles"]}),
            closing=[_effect(each) for each in kept["closing"]],
            some=[_effect(each) for each in kept["some"]],
        )


def _kept(effect: Effect) -> list[Any]:
    return [str(effect.user_id), effect.slot, effect.was, effect.now]


def _effect(kept: list[Any]) -> Effect:
    user_id, *rest = kept
    return Effect(UUID(user_id), *rest)


@dataclass(slots=True)
class Outlook:
    """The effects of a wish. summary: None while a worker computes it; its progress is in `run`."""

    plan: Plan
    fingerprint: str
    summary: Summary | None
    run: Preview | None = None


def look(org: Organization, wish: Wish) -> Outlook:
    """Compute the effects of a wish, or have a worker do it. Raises what the command itself would raise."""
    at = timezone.now()
    with snapshot():
        plan = plans.plan(org, wish, at=at)
        print_ = fingerprint(org, wish, plan)
        if len(plan.overlay.people) <= AT_ONCE:
            return Outlook(plan, print_, summarize(org, plan))
    run = _asked(org, wish, print_, len(plan.overlay.people), at)
    return Outlook(plan, print_, Summary.of_json(run.summary) if run.summary else None, run)


@command
def confirmed(org: Organization, wish: Wish, seen: str, do: Callable[[], T]) -> T:
    """Carry out what was previewed under the fingerprint `seen`, if that is still true.

    Raises Outdated, and what `do` raises.
    """
    at = timezone.now()
    about = plans.plan(org, wish, at=at)
    groups = PushedGroup.objects.for_org(org).filter(id__in=about.groups)
    list(groups.order_by("id").select_for_update().values_list("id"))
    if about.breach:  # whoever is being held by it at this moment counts
        list(Breach.objects.for_org(org).filter(id=about.breach).select_for_update().values_list("id"))
    if fingerprint(org, wish, plans.plan(org, wish, at=at)) != seen:
        raise Outdated
    return do()


def known(org: Organization, plan: Plan, seen: str) -> Summary | None:
    """The effects of a plan, now; None if they are those of many people whom no worker has looked at lately.

    seen: its fingerprint.
    """
    if len(plan.overlay.people) <= AT_ONCE:
        return summarize(org, plan)
    done = Preview.objects.for_org(org).filter(fingerprint=seen, heard_at__gte=timezone.now() - FRESH)
    run = done.exclude(summary=None).order_by("-id").first()
    return Summary.of_json(run.summary) if run and run.summary else None


def differences(org: Organization, wish: Wish) -> Iterator[tuple[Effect, Plan]]:
    """All differences, person by person, for a download."""
    with snapshot():
        plan = plans.plan(org, wish, at=timezone.now())
        for _, effect in overlay.differences(org, plan.overlay):
            if effect is not None:
                yield effect, plan


def summarize(org: Organization, plan: Plan, progress: Callable[[int], None] | None = None) -> Summary:
    """Count the differences. progress: called after each batch with the number of people processed."""
    summary = Summary()
    touched: set[UUID] = set()
    for looked_at, effect in overlay.differences(org, plan.overlay):
        if effect is None:
            summary.looked_at = looked_at
            if progress:
                progress(looked_at)
        else:
            touched.add(effect.user_id)
            summary.add(effect, plan)
    summary.touched = len(touched)
    return summary


def fingerprint(org: Organization, wish: Wish, plan: Plan) -> str:
    """What a preview was made of: the wish, switches, rules, and the groups, mappings and conflicts that it is about.

    A different one means that the preview may no longer be true.
    """
    rules = MappingRule.objects.for_org(org).order_by("gives_role", "position")
    groups = PushedGroup.objects.for_org(org).filter(id__in=plan.groups).order_by("id")
    live = GroupMapping.objects.live().filter(group_id__in=plan.groups).order_by("id")
    switched = User.objects.for_org(org).filter(id__in=list(plan.overlay.switched)).order_by("id")
    deciding = plan.overlay.deciding
    whose = [*(deciding.incoming if deciding else ()), *plan.overlay.undone]
    asked = Conflict.objects.for_org(org).filter(user_id__in=whose).order_by("user", "incoming")
    seen = [
        wish,
        sorted(kinds_on(org)),
        [[each.group_id, each.entity] for each in plan.mapped],
        {mapping: type(refusal).__name__ for mapping, refusal in plan.refused.items()},
        list(rules.values_list("id", "pattern_type", "pattern", "kind", "role", "auto_approve")),
        list(groups.values_list("id", "revision")),
        list(live.values_list("id", "status", "entity", "role", "switched_at")),
        list(asked.values_list("user", "incoming", "holders")),
        list(switched.values_list("id", "revision", "active", "idp_active")),
        len(plan.overlay.people),
        plan.held,
        plan.back and plan.back.digest(),
    ]
    return hashlib.sha256(orjson.dumps(seen, option=orjson.OPT_SORT_KEYS)).hexdigest()


# --- Too many people for a request ------------------------------------------------------------------------------------


def _asked(org: Organization, wish: Wish, seen: str, people: int, at: datetime) -> Preview:
    """The run of this preview: one that is under way or was done a moment ago, or a new one for a worker."""
    usable = Q(summary__isnull=True) | Q(heard_at__gte=at - FRESH)
    known = Preview.objects.for_org(org).filter(usable, fingerprint=seen, asked_at__gte=at - KEPT)
    run = known.order_by("-id").first()
    if run is None:
        with transaction.atomic():
            run = Preview.objects.create(org=org, wish=wish, fingerprint=seen, people=people, asked_at=at)
            announce()
    return run


def serve() -> bool:
    """Compute one waiting preview; whether it did.

    One at a time in all workers, so that previews never take the last process that could settle people. One whose
    worker died, or failed, is tried again after a minute.
    """
    silent = Q(heard_at=None) | Q(heard_at__lt=timezone.now() - SILENCE)
    # Progress is written beside the snapshot, which only reads.
    beside = connection.copy()

    def tell(looked_at: int) -> None:
        with beside.cursor() as cursor:
            cursor.execute(_TELL, [looked_at, run.pk])

    try:
        with snapshot():
            with connection.cursor() as cursor:
                cursor.execute(_ALONE)
                (alone,) = cursor.fetchone()
            waiting = Preview.objects.filter(silent, summary__isnull=True).order_by("id").first() if alone else None
            if waiting is None:
                return False
            run = waiting
            tell(0)
            org = Organization.objects.select_related("profile").get(pk=run.org_id)
            plan = plans.plan(org, run.wish, at=run.asked_at)
            summary = summarize(org, plan, tell)
    except plans.REFUSALS:
        run.delete()  # the next request gets the reason
        return True
    finally:
        beside.close()
    Preview.objects.filter(pk=run.pk).update(
        summary=summary.as_json(), looked_at=summary.looked_at, heard_at=timezone.now()
    )
    return True


_ALONE = "SELECT pg_try_advisory_xact_lock(hashtextextended('previews', 0))"
_TELL = "UPDATE groups_provisioning_preview SET looked_at = %s, heard_at = now() WHERE id = %s"


def forget(now: datetime) -> None:
    """Delete expired runs."""
    Preview.objects.filter(asked_at__lt=now - KEPT).delete()
