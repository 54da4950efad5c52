"""What a decision would change of the facts: the overlay of each kind of wish (SPEC M9).

A wish is JSON, so that a worker can be asked for its plan: `{"do": "approve", "ids": [...]}`. What the command
would refuse is refused here with the same exceptions: what a wish takes comes from the same assignments, and what
rules would do from the same proposals.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from groups_provisioning.actions import (
    account_switches,
    conflict_decisions,
    entity_edits,
    group_ends,
    held_changes,
    rule_evaluation,
    rules,
    undo,
)
from groups_provisioning.actions.assignment_state import load
from groups_provisioning.actions.mapping_rows import live_mappings
from groups_provisioning.actions.rules import FACTS, RuleFacts, UnknownRule
from groups_provisioning.engine import holds, loading, resolution, taking_back
from groups_provisioning.engine.breaker import Rule
from groups_provisioning.engine.loading import microseconds
from groups_provisioning.engine.resolution import Decision, Group, Tie
from groups_provisioning.engine.taking_back import Span
from groups_provisioning.engine.undo_outcome import Outcome
from groups_provisioning.engine.undo_plan import TakingBack
from groups_provisioning.models import ROLE, EndedMember, MappingRule, Pending, PushedGroup, takes_rules
from groups_provisioning.preview import back_test
from groups_provisioning.preview.back_test import BackTest
from groups_provisioning.preview.overlay import Deciding, Overlay, Switched, members_of
from groups_provisioning.rules import assignments, patterns, proposals
from groups_provisioning.rules.assignments import Approve, Map, Reject, Retarget, UnknownGroup
from orgs import entities, people, roles
from orgs.catalogue import Catalogue
from orgs.db.keys import fold, uuid7
from orgs.models import KIND_SWITCHES, Organization, User
from orgs.people import UnknownPerson
from orgs.spans import switched

Wish = Mapping[str, Any]

REFUSALS = (
    *assignments.REFUSALS,
    UnknownRule,
    UnknownPerson,
    account_switches.IdpDeactivated,
    group_ends.NotEnded,
    group_ends.NameInUse,
    held_changes.NothingHeld,
    taking_back.NotTaken,
    taking_back.HistoryTooShort,
    undo.NothingToTakeBack,
)
"""Why a wish is refused."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A group that would be mapped. mapping: its id, or what stands for a new one. entity: its id, or what stands for
    one that would be created; or the role.
    """

    mapping: str
    group_id: UUID
    group: str
    kind: str
    entity: str
    name: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A group that would get a Pending mapping, and why it would wait."""

    group_id: UUID
    group: str
    kind: str
    reason: str

    @property
    def reason_in_words(self) -> str:
        return str(Pending(self.reason).label)


@dataclass(slots=True)
class Plan:
    """What would be done. groups: those that it is about. refused: mappings, or groups, and why they would stay as they
    are.

    matched: of a rule, how many groups have such a name. decided: conflicts, by the person and the incoming mapping.
    breach: whose held changes would be let through; held: `holds.facts_digest` of whom they are. back_test: of a rule
    that is only tried. back: what would be taken back.
    """

    overlay: Overlay = field(default_factory=Overlay)
    groups: set[UUID] = field(default_factory=set)
    mapped: list[Mapped] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    refused: dict[str, Exception] = field(default_factory=dict)
    matched: int | None = None
    decided: set[tuple[UUID, str]] = field(default_factory=set)
    breach: UUID | None = None
    held: str = ""
    back_test: BackTest | None = None
    back: TakingBack | None = None

    @property
    def concerns_any(self) -> bool:
        """Whether there is anything to do."""
        if self.back is not None:
            return not self.back.is_nothing
        return bool(self.groups or self.overlay.people or self.overlay.gone or self.breach)


def arguments(wish: Wish) -> dict[str, Any]:
    """What a wish is about."""
    return {name: value for name, value in wish.items() if name != "do"}


def plan(org: Organization, wish: Wish, *, at: datetime) -> Plan:
    """What would be done at a time. Raises what the command would raise."""
    made = Plan()
    concerned = _PLANS[wish["do"]](org, made, at, **arguments(wish))
    made.overlay.people = members_of(made.groups) if concerned is None else concerned
    return made


# --- Mappings ---------------------------------------------------------------------------------------------------------


def _approve(
    org: Organization,
    plan: Plan,
    at: datetime,
    ids: Sequence[str],
    entity: str = "",
    name: str = "",
    many: bool = False,
) -> None:
    """Approve Pending mappings, a single one perhaps with a target. many: which may be one, chosen with others."""
    _assign(org, plan, at, [Approve(UUID(id_), target(entity, name)) for id_ in ids])


def _map(org: Organization, plan: Plan, at: datetime, group: str, kind: str, entity: str = "", name: str = "") -> None:
    """Map a group by hand."""
    _assign(org, plan, at, [Map(UUID(group), kind, target(entity, name))])


def _map_many(org: Organization, plan: Plan, at: datetime, ids: Sequence[str], kind: str, role: str = "") -> None:
    """Map unmapped groups by hand, each to the entity of its name; or give all of them a role."""
    _assign(org, plan, at, [Map(UUID(id_), kind, role or None, as_rules_do=True) for id_ in ids])


def _retarget(org: Organization, plan: Plan, at: datetime, mapping: str, entity: str = "", name: str = "") -> None:
    _assign(org, plan, at, [Retarget(UUID(mapping), target(entity, name))])


def _reject(org: Organization, plan: Plan, at: datetime, ids: Sequence[str]) -> None:
    wishes = [Reject(UUID(id_)) for id_ in ids]
    for ended in assignments.reject(load(org, wishes, lock=False).state, wishes):
        plan.overlay.dropped.add(str(ended.id))
        plan.groups.add(ended.group.id)


def _end(org: Organization, plan: Plan, at: datetime, ids: Sequence[str]) -> None:
    """End groups by hand (SPEC G10)."""
    found = set(PushedGroup.objects.for_org(org).live().filter(id__in=list(ids)).values_list("id", flat=True))
    if gone := {UUID(id_) for id_ in ids} - found:
        raise UnknownGroup(min(gone))
    plan.groups |= found
    plan.overlay.ended = {str(id_) for id_ in found}


def _undo_end(org: Organization, plan: Plan, at: datetime, group: str) -> list[UUID]:
    """Undo the end of a group (SPEC G10)."""
    row = PushedGroup.objects.for_org(org).filter(id=group, ends__isnull=False).first()
    if row is None:
        raise group_ends.NotEnded(group)
    if PushedGroup.objects.for_org(org).live().filter(display_name_key=row.display_name_key).exists():
        raise group_ends.NameInUse(row.display_name)
    plan.groups.add(row.id)
    ties, given = [], {}
    for each in group_ends.returning(row, lock=False):
        mapping = each.mapping
        if each.stays_rejected:
            plan.refused[str(mapping.id)] = assignments.EntityOwned(row.display_name)
        elif mapping.entity_id and each.switched_at and not each.target_deleted:
            spans = loading.spans_of(each.switched_at, on=each.is_approved)
            ties.append(Tie(str(mapping.id), str(mapping.entity_id), mapping.kind, spans))
        elif mapping.role and each.is_approved:
            given[str(mapping.id)] = mapping.role
    plan.overlay.back[str(row.id)] = Group(row.roles, ties, given)
    members = EndedMember.objects.filter(group=row, user__deleted_at=None)
    for user_id, added_at in members.values_list("user_id", "added_at"):
        plan.overlay.joined[user_id] = [(str(row.id), microseconds(added_at))]
    return list(plan.overlay.joined)


def _assign(org: Organization, plan: Plan, at: datetime, wishes: Sequence[assignments.Wish]) -> None:
    """Lay the steps that the wishes take over the facts. A refusal is raised, of wishes about many told."""
    done, refused = assignments.assign_all(load(org, wishes, lock=False).state, wishes)
    for wish, refusal in refused.items():
        about = wish.group_id if isinstance(wish, Map) else wish.mapping_id
        if len(wishes) == 1 and not (isinstance(wish, Map) and wish.as_rules_do):
            raise refusal
        plan.refused[str(about)] = refusal
    for steps in done.values():
        if steps.is_news:
            _lay(plan, at, steps)


def _lay(plan: Plan, at: datetime, steps: assignments.Steps) -> None:
    mapping, place = steps.mapping, steps.mapping.place
    assert place is not None
    if steps.closes:
        plan.overlay.dropped.add(str(steps.closes.id))
    group = mapping.group
    if place.kind == ROLE:
        _give(plan, group.id, group.name, str(mapping.id or uuid7()), place.name)
        return
    target = str(place.id) if place.id else _stand_in(place.kind, place.name)
    if place.is_new:
        plan.overlay.made[target] = (place.kind, place.name)
    tie = Tie(str(mapping.id or uuid7()), target, place.kind, [(microseconds(at), None)])
    _tie(plan, group.id, tie)
    if mapping.was_approved:
        plan.overlay.put_back.add(target)
    plan.mapped.append(Mapped(tie.id, group.id, group.name, place.kind, target, place.name, place.is_new))


def target(entity: str, name: str) -> assignments.Target:
    """The target of a mapping, as a wish has it."""
    return UUID(entity) if entity else name or None


def _tie(plan: Plan, group_id: UUID, tie: Tie) -> None:
    plan.groups.add(group_id)
    plan.overlay.ties.setdefault(str(group_id), []).append(tie)


def _give(plan: Plan, group_id: UUID, group: str, mapping: str, role: str) -> None:
    plan.groups.add(group_id)
    plan.overlay.given.setdefault(str(group_id), {})[mapping] = role
    plan.mapped.append(Mapped(mapping, group_id, group, ROLE, role, role, is_new=False))


def _stand_in(kind: str, name: str) -> str:
    return f"new {kind} {fold(name)}"


# --- Rules ------------------------------------------------------------------------------------------------------------


def _apply(org: Organization, plan: Plan, at: datetime, rule: str = "", roles: bool = False) -> None:
    """Apply one list of rules, or only one rule, to the groups that have no mapping of the list (SPEC M5, R6)."""
    found = list(MappingRule.objects.for_org(org).order_by("position"))
    if rule:
        row = next((each for each in found if str(each.id) == rule), None)
        if row is None:
            raise UnknownRule(rule)
        roles = row.gives_role
    _propose(org, plan, at, [each for each in found if each.gives_role == roles], UUID(rule) if rule else None)


def _save_rule(
    org: Organization, plan: Plan, at: datetime, rule: str = "", approved: bool = False, **facts: Any
) -> None:
    """Save a rule, new or not, and apply it: saving alone changes nothing (SPEC M5).

    approved: as if it approved automatically, whether it does or not: what comes of it once admins approve (SPEC R6).
    """
    listed, row = _drafted(org, rule, facts)
    row.auto_approve = row.auto_approve or approved
    _propose(org, plan, at, listed, row.id)
    names = PushedGroup.objects.for_org(org).live().values_list("display_name", flat=True)
    plan.matched = sum(patterns.matches(row.pattern_type, row.pattern, name) for name in names)


def _back_test(org: Organization, plan: Plan, at: datetime, rule: str = "", **facts: Any) -> None:
    """Have had a rule, new or not, when groups were pushed lately, each mapping approved at once (SPEC T4)."""
    listed, row = _drafted(org, rule, facts)
    row.auto_approve = True
    test = plan.back_test = back_test.run(org, lambda name: proposals.first_match(listed, name) is row, at=at)
    groups = list(PushedGroup.objects.for_org(org).live().filter(id__in=test.tried).order_by("id").only("display_name"))
    candidates = rule_evaluation.candidates(groups, live_mappings(groups, lock=False))
    test.taken = [each.id for each in candidates if row.target_type in each.closed]
    _lay_proposals(org, plan, [(row, each) for each in candidates], lambda group_id: test.tried[group_id].spans)


def _drafted(org: Organization, rule: str, facts: Mapping[str, Any]) -> tuple[list[MappingRule], MappingRule]:
    """The rules of one list, in their order, with one that is new or changed, and that one. Raises UnknownRule, and
    what `rules.check` raises.
    """
    draft = RuleFacts(**facts)
    rules.check(org, draft)
    listed = list(MappingRule.objects.for_org(org).of_list(roles=draft.gives_role).order_by("position"))
    row = next((each for each in listed if str(each.id) == rule), None)
    if row is None:
        if rule:
            raise UnknownRule(rule)
        row = MappingRule(org=org, position=len(listed) + 1)
        listed.append(row)
    for name in FACTS:
        setattr(row, name, getattr(draft, name))
    return listed, row


def _propose(org: Organization, plan: Plan, at: datetime, listed: Sequence[MappingRule], only: UUID | None) -> None:
    """listed: the rules of one list, in their order."""
    of_roles = any(rule.kind == ROLE for rule in listed)
    free = PushedGroup.objects.for_org(org).live().filter(takes_rules(roles=of_roles))
    matched: dict[UUID, MappingRule] = {}
    wanted = []
    for group in free.order_by("id").only("display_name"):
        rule = proposals.first_match(listed, group.display_name)
        if rule is not None and only in (None, rule.id):
            matched[group.id] = rule
            wanted.append(group)
    asked = [(matched[each.id], each) for each in rule_evaluation.candidates(wanted, [])]
    now: Sequence[resolution.Span] = [(microseconds(at), None)]
    _lay_proposals(org, plan, asked, lambda _group_id: now)


def _lay_proposals(
    org: Organization,
    plan: Plan,
    asked: Sequence[tuple[MappingRule, proposals.Candidate]],
    approved: Callable[[UUID], Sequence[resolution.Span]],
) -> None:
    """Lay what rules propose for groups over the facts. approved: when the mapping of a group would be."""
    found = entities.by_name(org, proposals.names_asked_for(asked))
    keys = roles.catalogue(org.profile).keys if any(rule.kind == ROLE for rule, _ in asked) else ()
    ground = rule_evaluation.ground_of(org, found, keys)
    there = {entity.id: entity.name for entity in found.values()}
    given: set[str] = set()
    for rule, candidate in asked:
        proposal = proposals.propose(rule, candidate, ground)
        if proposal is None:
            continue
        kind, fit, spans = rule.kind, proposal.fit, approved(candidate.id)
        fell_back = Pending.RULE_CHANGED if spans[-1][1] is not None else ""
        if kind == ROLE and not fit.reason and not fell_back:
            _give(plan, candidate.id, candidate.name, str(uuid7()), rule.role)
            continue
        target = str(fit.entity_id) if fit.entity_id else _stand_in(kind, fit.new_name)
        # What an earlier group of the same name would have by then.
        reason = fit.reason or (Pending.OWNED if target in given else "")
        plan.groups.add(candidate.id)
        if reason or fell_back:
            plan.waiting.append(Waiting(candidate.id, candidate.name, kind, reason or fell_back))
        if reason or kind == ROLE:
            continue
        given.add(target)
        shown = there[fit.entity_id] if fit.entity_id else fit.new_name
        if not fit.entity_id:
            plan.overlay.made[target] = (kind, shown)
        tie = Tie(str(uuid7()), target, kind, spans)
        _tie(plan, candidate.id, tie)
        if not fell_back:
            plan.mapped.append(Mapped(tie.id, candidate.id, candidate.name, kind, target, shown, fit.entity_id is None))


# --- Entities, switches, roles, conflicts -----------------------------------------------------------------------------


def _delete_entity(org: Organization, plan: Plan, at: datetime, entity: str) -> list[UUID]:
    ended, owner = entity_edits.ending(org, UUID(entity))
    plan.overlay.gone.add(entity)
    if owner is not None:
        plan.overlay.dropped.add(str(owner.id))
        plan.groups.add(owner.group_id)
    return entity_edits.placed(ended, owner)


def _switch_kinds(org: Organization, plan: Plan, at: datetime, on: Sequence[str]) -> list[UUID]:
    """Have just these kinds switched on (SPEC M8)."""
    assert set(on) <= set(KIND_SWITCHES)
    was, plan.overlay.kinds = entities.kinds_on(org), {}
    for kind, times in entities.kinds_switched_at(org).items():
        if (kind in on) != (kind in was):
            times = switched(times, at, on=kind in on)
        plan.overlay.kinds[kind] = loading.spans_of(times, on=kind in on)
    return _everybody(org)


def _roles(
    org: Organization, plan: Plan, at: datetime, keys: Sequence[str], default: str, admin: str, policy: str
) -> list[UUID]:
    """Have these roles in the profile, the highest first (SPEC R1)."""
    plan.overlay.catalogue = Catalogue(tuple(keys), default, admin, policy)
    return _everybody(org)


def _decide(
    org: Organization, plan: Plan, at: datetime, cards: Sequence[Sequence[Any]], use_incoming: bool
) -> list[UUID]:
    """Decide conflicts: of each card the person, the incoming mapping and those that hold against it."""
    by_user: dict[UUID, list[str]] = {}
    for user, incoming, _holders in cards:
        by_user.setdefault(UUID(user), []).append(incoming)
        plan.decided.add((UUID(user), incoming))
    plan.overlay.deciding = Deciding(by_user, use_incoming, microseconds(at))
    return list(by_user)


def _undo(org: Organization, plan: Plan, at: datetime, ids: Sequence[int]) -> list[UUID]:
    """Undo decisions about conflicts."""
    found = conflict_decisions.standing(org, ids)
    for user, winner, loser, made_at in found.values_list("user", "winner", "loser", "at"):
        decision = Decision(str(winner), str(loser), microseconds(made_at))
        plan.overlay.undone.setdefault(user, set()).add(decision)
    return list(plan.overlay.undone)


def _switch_person(org: Organization, plan: Plan, at: datetime, user: str, active: bool) -> list[UUID]:
    """Deactivate somebody by hand, or activate them (SPEC U12)."""
    person = User.objects.for_org(org).live().filter(id=user).first()
    if person is None:
        raise UnknownPerson(user)
    if active and account_switches.needs_silence(person) and not account_switches.is_silent(org, at=at):
        raise account_switches.IdpDeactivated(user)
    was = people.account(person)
    person.active, _ = account_switches.opened(person) if active else person.activity.closed()
    now = people.account(person)
    if was != now:
        plan.overlay.switched[person.id] = Switched(active, microseconds(at), was, now)
    return list(plan.overlay.switched)


def _let_through(
    org: Organization, plan: Plan, at: datetime, breach: str, users: Sequence[str] | None = None
) -> list[UUID]:
    """Let held changes through, for everybody or for some (SPEC T1). For nobody it ends a hold by support (SPEC N4)."""
    going_on = held_changes.found(org, breach)
    held = going_on.holds.filter(released=False)
    if users is not None:
        held = held.filter(user__in=list(users))
    whom = frozenset(held.values_list("user_id", flat=True))
    if not whom and (users is not None or Rule.SUPPORT not in going_on.rules):
        raise held_changes.NothingHeld
    plan.breach, plan.held = going_on.id, holds.facts_digest(whom)
    plan.overlay.released = whom
    return list(whom)


def _take_back(org: Organization, plan: Plan, at: datetime, **span: Any) -> list[UUID]:
    """Take back what a token did from then until then, or what one change did (SPEC T2)."""
    plan.back = taking_back.plan(org, Span.of_json(**span))
    plan.groups |= {UUID(id_) for id_ in plan.back.changed_groups}
    plan.overlay.outcome = Outcome(plan.back)
    plan.overlay.accounts = plan.back.accounts()
    return plan.back.people()


def _everybody(org: Organization) -> list[UUID]:
    return list(User.objects.for_org(org).live().values_list("id", flat=True))


_PLANS: dict[str, Callable[..., list[UUID] | None]] = {
    "approve": _approve,
    "map": _map,
    "map_many": _map_many,
    "retarget": _retarget,
    "reject": _reject,
    "apply": _apply,
    "save_rule": _save_rule,
    "back_test": _back_test,
    "delete_entity": _delete_entity,
    "switch_kinds": _switch_kinds,
    "roles": _roles,
    "decide": _decide,
    "undo": _undo,
    "switch_person": _switch_person,
    "let_through": _let_through,
    "take_back": _take_back,
    "end": _end,
    "undo_end": _undo_end,
}
KNOWN = frozenset(_PLANS)
"""What can be previewed."""
