"""Every wish that can wait for a second admin (SPEC T6), and the command that it is.

A wish is JSON: `{"do": "approve", "ids": [...]}`. Whoever decides alone goes the same way, so that what a second admin
agrees to is what would have been done without one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from groups_provisioning.actions import (
    account_switches,
    group_ends,
    held_changes,
    manual_changes,
    mappings,
    rules,
    undo,
)
from groups_provisioning.actions.rules import RuleFacts
from groups_provisioning.engine.taking_back import Span
from groups_provisioning.preview import plans
from groups_provisioning.preview.plans import Wish
from orgs import invitations, organizations, owners
from orgs.choices import HoldLimits
from orgs.history import Cause
from orgs.models import Organization

Result = Any


def carry_out(org: Organization, wish: Wish, cause: Cause) -> Result:
    """Run the command that a wish is, and return what it returns. Raises what it raises."""
    return COMMANDS[wish["do"]](org, cause, **plans.arguments(wish))


def previewed(wish: Wish) -> Wish | None:
    """The wish by which `preview.plans` knows the effects; None if it knows none."""
    if wish["do"] == "keep_rule":
        return {"do": "save_rule", "rule": wish["rule"], **wish["facts"], "approved": True}
    return wish if wish["do"] in plans.KNOWN else None


# --- Mappings ---------------------------------------------------------------------------------------------------------


def _approve(
    org: Organization, cause: Cause, ids: Sequence[str], entity: str = "", name: str = "", many: bool = False
) -> Result:
    if many:
        return mappings.approve_many(org=org, mapping_ids=[UUID(id_) for id_ in ids], cause=cause)
    (id_,) = ids
    return mappings.approve(org=org, mapping_id=UUID(id_), target=plans.target(entity, name), cause=cause)


def _map(org: Organization, cause: Cause, group: str, kind: str, entity: str = "", name: str = "") -> Result:
    return mappings.map_group(org=org, group_id=UUID(group), kind=kind, target=plans.target(entity, name), cause=cause)


def _map_many(org: Organization, cause: Cause, ids: Sequence[str], kind: str, role: str = "") -> Result:
    return mappings.map_many(org=org, group_ids=[UUID(id_) for id_ in ids], kind=kind, role=role, cause=cause)


def _retarget(org: Organization, cause: Cause, mapping: str, entity: str = "", name: str = "") -> Result:
    target = plans.target(entity, name)
    assert target is not None
    return mappings.retarget(org=org, mapping_id=UUID(mapping), target=target, cause=cause)


def _reject(org: Organization, cause: Cause, ids: Sequence[str]) -> Result:
    return mappings.reject(org=org, mapping_ids=[UUID(id_) for id_ in ids], cause=cause)


def _end(org: Organization, cause: Cause, ids: Sequence[str]) -> Result:
    for id_ in sorted(UUID(id_) for id_ in ids):  # in the order in which groups are locked
        group_ends.end_group(org=org, group_id=id_, cause=cause)


def _undo_end(org: Organization, cause: Cause, group: str) -> Result:
    return group_ends.undo_end(org=org, group_id=UUID(group), cause=cause)


# --- Rules ------------------------------------------------------------------------------------------------------------


def _apply(org: Organization, cause: Cause, rule: str = "", roles: bool = False) -> Result:
    return mappings.apply_rules(org=org, rule_id=UUID(rule) if rule else None, roles=roles, cause=cause)


def _keep_rule(org: Organization, cause: Cause, rule: str, facts: Mapping[str, Any], apply: bool = False) -> Result:
    """Add a rule, or change one, and perhaps apply it. Returns the rule, and what came of applying it."""
    about: dict[str, Any] = {"org": org, "facts": RuleFacts(**facts), "cause": cause}
    saved = rules.edit_rule(rule_id=UUID(rule), **about) if rule else rules.add_rule(**about)
    return saved, mappings.apply_rules(org=org, rule_id=saved.id, cause=cause) if apply else None


def _delete_rule(org: Organization, cause: Cause, rule: str) -> Result:
    return rules.delete_rule(org=org, rule_id=UUID(rule), cause=cause)


def _move_rule(org: Organization, cause: Cause, rule: str, position: int) -> Result:
    return rules.move_rule(org=org, rule_id=UUID(rule), position=position, cause=cause)


def _order_rules(org: Organization, cause: Cause, was: Sequence[str], order: Sequence[str]) -> Result:
    return rules.reorder_rules(org=org, was=[UUID(id_) for id_ in was], order=[UUID(id_) for id_ in order], cause=cause)


# --- People -----------------------------------------------------------------------------------------------------------


def _switch_person(org: Organization, cause: Cause, user: str, active: bool) -> Result:
    switch = account_switches.activate if active else account_switches.deactivate
    return switch(org=org, user_id=UUID(user), cause=cause)


def _set_roles(org: Organization, cause: Cause, user: str, roles: Sequence[str] | None) -> Result:
    return manual_changes.set_roles(org=org, user_id=UUID(user), roles=roles, cause=cause)


def _invite(org: Organization, cause: Cause, addresses: Sequence[str], roles: Sequence[str], days: int) -> Result:
    return invitations.invite(org=org, addresses=addresses, roles=roles, days=days, cause=cause)


def _resend(org: Organization, cause: Cause, invitation: str) -> Result:
    return invitations.resend(org=org, invitation_id=UUID(invitation), cause=cause)


def _hand_over(org: Organization, cause: Cause, address: str) -> Result:
    return owners.hand_over(org=org, address=address, cause=cause)


# --- What identity providers did --------------------------------------------------------------------------------------


def _let_through(org: Organization, cause: Cause, breach: str, users: Sequence[str] | None = None) -> Result:
    chosen = None if users is None else [UUID(id_) for id_ in users]
    return held_changes.let_through(org=org, breach_id=UUID(breach), user_ids=chosen, cause=cause)


def _take_back(org: Organization, cause: Cause, **span: Any) -> Result:
    copies = import_string(settings.FILTER_COPIES)  # SCIM's, which this app does not know
    return undo.take_back(org=org, span=Span.of_json(**span), copies=copies, cause=cause)


# --- Settings ---------------------------------------------------------------------------------------------------------


def _hold_limits(org: Organization, cause: Cause, limits: str) -> Result:
    return organizations.set_hold_limits(org=org, limits=HoldLimits(limits), cause=cause)


def _two_persons(org: Organization, cause: Cause, on: bool) -> Result:
    return organizations.set_two_persons(org=org, on=on, cause=cause)


COMMANDS: Mapping[str, Callable[..., Result]] = {
    "approve": _approve,
    "map": _map,
    "map_many": _map_many,
    "retarget": _retarget,
    "reject": _reject,
    "end": _end,
    "undo_end": _undo_end,
    "apply": _apply,
    "keep_rule": _keep_rule,
    "delete_rule": _delete_rule,
    "move_rule": _move_rule,
    "order_rules": _order_rules,
    "switch_person": _switch_person,
    "set_roles": _set_roles,
    "invite": _invite,
    "resend": _resend,
    "hand_over": _hand_over,
    "let_through": _let_through,
    "take_back": _take_back,
    "hold_limits": _hold_limits,
    "two_persons": _two_persons,
}
