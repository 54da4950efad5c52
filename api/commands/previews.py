"""Decisions, and what would come of them (SPEC M9, E2).

Of most commands that concern many people `groups_provisioning.preview` works out what would come, without their locks;
its fingerprint lets a client carry out just what was shown. The others are rehearsed.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

from django.utils import timezone
from rest_framework.request import Request

from api import problems, proposals
from api.base import Answer, OrgView, done
from api.description import describes
from api.front import BASE
from api.problem_kinds import name_of
from api.serializers import CommandQuery, Foreseen, Progress
from groups_provisioning.engine.undo_plan import TakingBack
from groups_provisioning.models import ROLE, Preview
from groups_provisioning.preview import plans, runs
from groups_provisioning.preview.back_test import BackTest
from groups_provisioning.preview.plans import Plan, Wish
from groups_provisioning.preview.runs import Outlook, Summary
from groups_provisioning.proposals import gate, wishes
from orgs.choices import RolePolicy
from orgs.db.transactions import command
from orgs.models import Organization, Proposal, Scope
from orgs.roles import catalogue

ANY = tuple(name_of(refusal) for refusal in plans.REFUSALS)
"""What a wish may be refused for, and so its preview."""
POLL = 1  # seconds between two looks at a preview
GONE = 1_000  # names of groups that were deleted since


class DecisionView(OrgView):
    """A view whose commands may have a wish, by which their effects are known beforehand."""

    def decide(
        self,
        request: Request,
        wish: Wish | None,
        do: Callable[[], Any],
        *,
        status: int = 200,
        meant: Wish | None = None,
    ) -> Answer:
        """Carry out a command; with `If-Match` only if what was seen under that fingerprint is still true. With
        `?preview=true`, what would come of it instead. Where two persons decide, a second admin may be asked (SPEC T6).

        wish: None if there is none for it; then it is rehearsed. meant: the wish that is carried out, if it is another
        one. Raises Outdated, and what `do` raises.
        """
        is_preview = self.asked(request, CommandQuery)["preview"]
        if wish is not None and is_preview:
            return shown(self.org, wish)
        seen, meant = request.headers.get("If-Match"), meant or wish
        if meant is None or is_preview or (wish is None and seen is not None):
            return self.carry_out(request, do, status=status)
        gated = partial(self._done_or_asked, meant, do)
        if wish is None or seen is None:
            found = command(gated)()
        else:
            found = runs.confirmed(self.org, wish, seen.strip().strip('"'), gated)
        if not isinstance(found, Proposal):
            return done(request, status, found)
        where = f"{BASE}/organizations/{self.org.id}/proposals/{found.id}"
        return Answer(202, proposals.state(found), {"Location": where})

    def _done_or_asked(self, meant: Wish, do: Callable[[], Any]) -> Any:
        """What `do` returns, or the proposal. Raises Problem if the key may not make admins."""
        found = gate.carry_out(self.org, meant, self.cause, do)
        if isinstance(found, Proposal):
            self.require(Scope.CREDENTIALS)
        return found

    def run(self, wish: Wish) -> Any:
        """Carry out a wish, and return what its command does."""
        return wishes.carry_out(self.org, wish, self.cause)

    def check_roles(self, roles: Collection[str]) -> None:
        """Roles that somebody is to be given by hand: one, where people have one (SPEC R1). Raises Problem."""
        if len(set(roles)) > 1 and catalogue(self.org.profile).policy != RolePolicy.UNION:
            raise problems.invalid({"roles": ["People of this organization have one role."]})
        self.may_give(*roles)

    def may_give(self, *roles: str | None) -> None:
        """Whoever makes admins needs the scope for it (SPEC E5). Raises Problem."""
        if catalogue(self.org.profile).admin in roles:
            self.require(Scope.CREDENTIALS)

    def may_foresee_admins(self, wish: Wish) -> None:
        """Whoever makes admins by what a wish comes to needs the scope for it, and for what is too much to be looked at
        here. Raises Problem, and what the command would raise.
        """
        plan = plans.plan(self.org, wish, at=timezone.now())
        is_much = len(plan.overlay.people) > runs.AT_ONCE
        if is_much or runs.summarize(self.org, plan).gaining(catalogue(self.org.profile).admin):
            self.require(Scope.CREDENTIALS)


class PreviewView(OrgView):
    scope = Scope.MANAGE

    @describes("Read a preview", answer=Foreseen, also={202: Progress}, problems=ANY)
    def get(self, request: Request, org: UUID, preview: UUID) -> Answer:
        """Of many people: how far it is, and then what it says. What it is about is looked at anew."""
        run = Preview.objects.for_org(self.org).filter(id=preview).first()
        if run is None:
            raise problems.not_found()
        return shown(self.org, run.wish)


def shown(org: Organization, wish: Wish) -> Answer:
    """The effects of a wish; of many people, where to ask for them later. Raises what the command would raise."""
    outlook = runs.look(org, wish)
    if outlook.summary is not None:
        return Answer(200, told(outlook, outlook.summary), {"ETag": f'"{outlook.fingerprint}"'})
    assert outlook.run
    where = f"{BASE}/organizations/{org.id}/previews/{outlook.run.id}"
    progress = {"preview": True, "people": outlook.run.people, "looked_at": outlook.run.looked_at}
    return Answer(202, progress, {"Location": where, "Retry-After": str(POLL)})


def told(outlook: Outlook, summary: Summary) -> dict[str, Any]:
    """A preview as JSON.

    Entities that would be created, and new mappings, have an id that stands for them here alone: `created` and `mapped`
    say what they are.
    """
    plan = outlook.plan
    return {
        "preview": True,
        "fingerprint": outlook.fingerprint,
        "people": len(plan.overlay.people),
        "looked_at": summary.looked_at,
        "touched": summary.touched,
        "entered": [{"entity": entity, "people": people} for entity, people in summary.entered.items()],
        "left": [{"entity": entity, "people": people} for entity, people in summary.left.items()],
        "moved": _pairs(summary.moved),
        "accounts": _pairs(summary.accounts),
        "roles": [
            {"was": _split(was), "now": _split(now), "people": people} for (was, now), people in summary.roles.items()
        ],
        "conflicts": {"opened": summary.opened, "closed": summary.closed, "besides": summary.besides},
        "differences": [
            {"person": str(each.user_id), "slot": each.slot, "was": each.was, "now": each.now} for each in summary.some
        ],
        "created": [{"entity": id_, "kind": kind, "name": name} for id_, (kind, name) in plan.overlay.made.items()],
        "mapped": list(_mapped(plan)),
        "waiting": [{"group": str(each.group_id), "kind": each.kind, "reason": each.reason} for each in plan.waiting],
        "refused": refused(plan.refused.items()),
        "matched": plan.matched,
        "back_test": _tried(plan.back_test) if plan.back_test else None,
        "taken_back": _taken_back(plan.back) if plan.back else None,
    }


def _tried(test: BackTest) -> dict[str, Any]:
    return {
        "since": test.since,
        "pushes": test.pushes,
        "taken": [str(id_) for id_ in test.taken],
        "gone": test.gone[:GONE],
    }


def _taken_back(back: TakingBack) -> dict[str, Any]:
    return {**back.told(), "added": back.added, "removed": back.removed}


def refused(them: Iterable[tuple[UUID | str, Exception]]) -> list[dict[str, Any]]:
    """Those of many that are refused, each with its problem."""
    return [{"id": str(id_), "problem": problems.of(refusal).body()} for id_, refusal in them]


def _pairs(counted: Counter[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"was": was, "now": now, "people": people} for (was, now), people in counted.items()]


def _split(roles: str) -> list[str]:
    return roles.split(", ") if roles else []


def _mapped(plan: Plan) -> Iterator[dict[str, Any]]:
    for each in plan.mapped:
        is_role = each.kind == ROLE
        target = {"entity": None if is_role else each.entity, "role": each.entity if is_role else None}
        yield {"mapping": each.mapping, "group": str(each.group_id), "kind": each.kind} | target
