"""Which decisions wait for a second admin (SPEC T6): decided here and nowhere else.

It looks once the command has its locks, so that nothing comes between. What identity providers send has no gate: what
is too much of that is held (SPEC T1). Nor has what support and the operator do.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from groups_provisioning.models import ROLE, SYNCED, GroupMapping, MappingRule, PushedGroup
from groups_provisioning.preview import plans, runs
from groups_provisioning.preview.plans import Plan, Wish
from groups_provisioning.preview.runs import Outlook
from groups_provisioning.proposals import wishes
from orgs import owners, proposals
from orgs.change_details import OrgTwoPersonsSwitched
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import Change, Invitation, Organization, Proposal, Standing, User
from orgs.models.history import FAMILY
from orgs.people import OPEN, UnknownPerson
from orgs.roles import catalogue

T = TypeVar("T")

OF_PLACES = ("decide", "undo", "delete_entity")
"""Wishes from which nobody's role follows."""
ADDING = ("map", "map_many", "approve", "apply")
"""Those that give what they name and nothing else, so that people need not be looked at."""
ENDING = ("reject", "retarget", "end")
"""Those that take away what groups give: where that was another role, one that somebody was given by hand counts again
(SPEC R1).
"""


def is_asked(cause: Cause) -> bool:
    """Whether it is done by an admin, or by a key of the org."""
    if cause.key is not None:
        return cause.key.org_id is not None
    return cause.person is not None and not cause.person.is_staff


def may_make_admins(org: Organization, cause: Cause) -> bool:
    """Whether an admin, or a key, may do so alone: for imports, which cannot be asked about row by row."""
    return not (org.two_persons and is_asked(cause))


def needs_second(org: Organization, wish: Wish, cause: Cause) -> bool:
    """Whether a second admin has to agree to what this would do now. Raises what its preview raises."""
    is_on = org.two_persons or wish["do"] == "two_persons"
    return is_on and is_asked(cause) and gives_admin(org, wish)


def gives_admin(org: Organization, wish: Wish) -> bool:
    """Whether this would make somebody an admin now, or let that be done later. Raises what its preview raises."""
    return wish["do"] not in OF_PLACES and _gives_admin(org, wish)


@command
def carry_out(org: Organization, wish: Wish, cause: Cause, do: Callable[[], T]) -> T | Proposal:
    """Do it, or ask a second admin instead. Raises what it raises, and proposals.TooManyProposals.

    Within a command that has compared what was seen, or else in one of its own.
    """
    if org.two_persons:  # of two decisions at once, none overlooks the other
        Organization.objects.select_for_update(no_key=True).get(pk=org.pk)
    if not needs_second(org, wish, cause):
        return do()
    if wishes.previewed(wish) is None:
        _rehearse(do)
    return proposals.propose(org=org, wish=wish, fingerprint=fingerprint(org, wish), cause=cause)


def _rehearse(do: Callable[[], Any]) -> None:
    """Have it refused now, if it would be, and not when somebody agrees."""
    with transaction.atomic():
        do()
        transaction.set_rollback(True)


# --- What is seen of a wish -------------------------------------------------------------------------------------------


def look(org: Organization, wish: Wish) -> Outlook | None:
    """Its effects; None if no preview knows them, and it is told in words. Raises what the command would raise."""
    preview = wishes.previewed(wish)
    return None if preview is None else runs.look(org, preview)


def fingerprint(org: Organization, wish: Wish) -> str:
    """Of what somebody sees of a wish. Raises what the command would raise."""
    preview = wishes.previewed(wish)
    if preview is None:
        return proposals.fingerprint(wish, _seen(org, wish))
    return runs.fingerprint(org, preview, plans.plan(org, preview, at=timezone.now()))


def _seen(org: Organization, wish: Wish) -> Any:
    """What is told of a wish besides itself: how it is now."""
    match wish["do"]:
        case "set_roles":
            found = person(org, wish["user"])
            return [found.user_name, found.manual_roles]
        case "hand_over":
            return owners.check(org, wish["address"]).user_name
        case "hold_limits":
            return org.hold_limits
        case "two_persons":
            return org.two_persons
        case "delete_rule" | "move_rule" | "order_rules":
            rules = MappingRule.objects.for_org(org).order_by("gives_role", "position")
            return [[str(each.id), each.pattern_type, each.pattern, each.role, each.auto_approve] for each in rules]
    return None


def person(org: Organization, id_: str) -> User:
    """Raises UnknownPerson."""
    found = User.objects.for_org(org).live().filter(id=id_).first()
    if found is None:
        raise UnknownPerson(id_)
    return found


# --- What gives the admin role ----------------------------------------------------------------------------------------


def _gives_admin(org: Organization, wish: Wish) -> bool:
    admin = catalogue(org.profile).admin
    match wish["do"]:
        case "two_persons" | "hold_limits" | "hand_over":
            return True
        case "invite":
            return admin in wish["roles"]
        case "resend":  # while its link works, it is the same invitation, which a second has agreed to
            over = Q(expires_at__lte=timezone.now()) | Q(invited_at__lt=_decide_since(org))
            found = Invitation.objects.for_org(org).filter(over, id=wish["invitation"])
            return found.filter(roles__contains=[admin]).exists()
        case "switch_person" if not wish["active"]:  # what was held is on record then, and asked about on their return
            return False
        case "set_roles":
            return admin in (wish["roles"] or ()) and admin not in (person(org, wish["user"]).manual_roles or ())
        case "delete_rule" | "move_rule" | "order_rules":
            return _uncovers(org, wish, admin)
        case "keep_rule":
            return wish["facts"]["role"] == admin or _uncovers(org, wish, admin)
    return _plan_gives(org, wish, admin)


def _decide_since(org: Organization) -> datetime:
    """Since when two persons decide, as far as history says so."""
    changes = Change.objects.for_org(org).alias(family=FAMILY)
    switches = changes.filter(family="org", verb=OrgTwoPersonsSwitched.verb)
    return switches.order_by("-id").values_list("at", flat=True).first() or org.created_at


def _plan_gives(org: Organization, wish: Wish, admin: str) -> bool:
    plan = plans.plan(org, wish, at=timezone.now())
    if _names(plan, admin) or _opens(plan, admin):
        return True
    if wish["do"] in ADDING or (wish["do"] in ENDING and not _ends_roles(plan)):
        return False
    summary = runs.known(org, plan, runs.fingerprint(org, wish, plan))
    return summary is None or summary.gaining(admin) > 0


def _names(plan: Plan, admin: str) -> bool:
    """Whether a group gives the role by it, be there members or not."""
    if any(each.kind == ROLE and each.entity == admin for each in plan.mapped):
        return True
    if any(admin in (*group.roles, *group.given.values()) for group in plan.overlay.back.values()):
        return True
    if plan.back is None:
        return False
    restored = (each.then for each in plan.back.groups.values() if {"roles", "deleted_at"} & each.was.keys())
    if any(admin in then["roles"] and then["deleted_at"] is None for then in restored):
        return True
    mappings = (each.then for each in plan.back.mappings.values())
    return any(then["role"] == admin and then["status"] in SYNCED for then in mappings)


def _ends_roles(plan: Plan) -> bool:
    """Whether a group would no longer give a role."""
    given = Q(id__in=plan.overlay.dropped) | Q(group__in=plan.overlay.ended, status__in=SYNCED)
    if GroupMapping.objects.filter(given).exclude(role="").exists():
        return True
    return PushedGroup.objects.filter(id__in=plan.overlay.ended).exclude(roles=[]).exists()


def _opens(plan: Plan, admin: str) -> bool:
    """Whether it opens the account of somebody who has the role, or owns the org."""
    switched = {id_: (each.was, each.now) for id_, each in plan.overlay.switched.items()} | {**plan.overlay.accounts}
    opened = [id_ for id_, (was, now) in switched.items() if was not in OPEN and now in OPEN]
    if not opened:
        return False
    has_role = Standing.objects.filter(user__in=opened, roles__contains=[admin]).exists()
    return has_role or User.objects.filter(id__in=opened, is_owner=True).exists()


def _uncovers(org: Organization, wish: Wish, admin: str) -> bool:
    """Whether a rule for the admin role would match groups that another one has kept from it. One for that role too
    keeps them from being approved automatically, if it does not do that itself.
    """
    listed = list(MappingRule.objects.for_org(org).of_list(roles=True).order_by("position"))
    ids = [each.id for each in listed]
    after = _order_after(ids, wish)
    changed = {UUID(wish["rule"])} if wish["do"] == "keep_rule" and wish["rule"] else set()
    return any(
        _ahead(ids, rule.id) & _keeping_from(rule, listed) - (_ahead(after, rule.id) - changed)
        for rule in listed
        if rule.role == admin and rule.id in after
    )


def _keeping_from(rule: MappingRule, listed: Sequence[MappingRule]) -> set[UUID]:
    """Those of these rules that give less than `rule` to the groups that they match before it."""
    return {each.id for each in listed if each.role != rule.role or each.auto_approve < rule.auto_approve}


def _order_after(ids: Sequence[UUID], wish: Wish) -> Sequence[UUID]:
    if wish["do"] == "order_rules":
        return [UUID(id_) for id_ in wish["order"]]
    if wish["do"] == "keep_rule" or (rule := UUID(wish["rule"])) not in ids:
        return ids
    rest = [id_ for id_ in ids if id_ != rule]
    if wish["do"] == "move_rule":
        rest.insert(max(0, wish["position"] - 1), rule)
    return rest


def _ahead(ids: Sequence[UUID], rule: UUID) -> set[UUID]:
    return set(ids[: ids.index(rule)])
