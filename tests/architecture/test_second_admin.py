"""Every command that can give the admin role waits for a second admin, or is named here with why not (SPEC T6)."""

import ast
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from config.environment import ROOT
from groups_provisioning.pages.activity import change_words
from groups_provisioning.pages.proposals import proposal_words
from groups_provisioning.preview import plans
from groups_provisioning.proposals import gate, wishes

IDP = "what the identity provider sends is not asked about: too much of it is held (T1)"
OPERATOR = "of support, of the operator, of the command line, or of a new org"
NO_ROLE = "nobody's role follows from it"
ALONE = "of the proposals themselves"
IMPORTED = "an import gives no admin role where two persons decide (`gate.may_make_admins`)"

GATED: Mapping[str, str] = {
    "groups_provisioning.actions.mappings.approve": "approve",
    "groups_provisioning.actions.mappings.approve_many": "approve",
    "groups_provisioning.actions.mappings.map_group": "map",
    "groups_provisioning.actions.mappings.map_many": "map_many",
    "groups_provisioning.actions.mappings.retarget": "retarget",
    "groups_provisioning.actions.mappings.reject": "reject",
    "groups_provisioning.actions.mappings.apply_rules": "apply",
    "groups_provisioning.actions.group_ends.end_group": "end",
    "groups_provisioning.actions.group_ends.undo_end": "undo_end",
    "groups_provisioning.actions.rules.add_rule": "keep_rule",
    "groups_provisioning.actions.rules.edit_rule": "keep_rule",
    "groups_provisioning.actions.rules.delete_rule": "delete_rule",
    "groups_provisioning.actions.rules.move_rule": "move_rule",
    "groups_provisioning.actions.rules.reorder_rules": "order_rules",
    "groups_provisioning.actions.account_switches.activate": "switch_person",
    "groups_provisioning.actions.account_switches.deactivate": "switch_person",
    "groups_provisioning.actions.manual_changes.set_roles": "set_roles",
    "groups_provisioning.actions.held_changes.let_through": "let_through",
    "groups_provisioning.actions.undo.take_back": "take_back",
    "orgs.invitations.invite": "invite",
    "orgs.invitations.resend": "resend",
    "orgs.owners.hand_over": "hand_over",
    "orgs.organizations.set_hold_limits": "hold_limits",
    "orgs.organizations.set_two_persons": "two_persons",
}
"""By command, the wish that it is."""

EXEMPT: Mapping[str, str] = {
    "groups_provisioning.actions.accepting.accept": "whoever was to be invited has been asked about",
    "groups_provisioning.actions.conflict_decisions": NO_ROLE,
    "groups_provisioning.actions.entity_edits": NO_ROLE,
    "groups_provisioning.actions.erasing": NO_ROLE,
    "groups_provisioning.actions.founding": OPERATOR,
    "groups_provisioning.actions.group_intake": IDP,
    "groups_provisioning.actions.held_changes.hold": OPERATOR,
    "groups_provisioning.actions.imports": IMPORTED,
    "groups_provisioning.actions.manual_changes.place": NO_ROLE,
    "groups_provisioning.actions.manual_changes.put_back": NO_ROLE,
    "groups_provisioning.actions.manual_changes.take_out": NO_ROLE,
    "groups_provisioning.actions.mappings.release_roles": OPERATOR,
    "groups_provisioning.actions.rules.keep_starting": OPERATOR,
    "groups_provisioning.actions.rules.start": OPERATOR,
    "groups_provisioning.actions.user_intake": IDP,
    "orgs.api_keys": "a key asks as its org's admins do, and agrees to nothing",
    "orgs.deletions": NO_ROLE,
    "orgs.domains": NO_ROLE,
    "orgs.invitations.revoke": NO_ROLE,
    "orgs.matters": NO_ROLE,
    "orgs.organizations.change": OPERATOR,
    "orgs.organizations.found": OPERATOR,
    "orgs.organizations.switch_group_provisioning": NO_ROLE,
    "orgs.people": NO_ROLE,
    "orgs.profiles": OPERATOR,
    "orgs.proposals": ALONE,
    "orgs.second_factors": NO_ROLE,
    "orgs.sessions": NO_ROLE,
    "orgs.setup_links": NO_ROLE,
    "orgs.sign_in_failures": NO_ROLE,
    "orgs.support_views": NO_ROLE,
    "orgs.tokens": "whoever has a token is the identity provider, which is not asked about",
}
"""By command, or by module, why it is not asked about."""
DOORS = ("groups_provisioning/pages", "orgs/views", "scim/views", "api")
"""Where admins and keys of an org come in."""


def commands() -> Iterator[str]:
    for folder in ("groups_provisioning/actions", "orgs"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for each in ast.parse(path.read_text()).body:
                if isinstance(each, ast.FunctionDef) and "command" in map(ast.unparse, each.decorator_list):
                    yield f"{module}.{each.name}"


def test_every_command_is_asked_about_or_says_why_not() -> None:  # T6
    said = {*GATED, *EXEMPT}
    assert [name for name in commands() if name not in said and name.rpartition(".")[0] not in said] == []
    found = {*commands(), *(name.rpartition(".")[0] for name in commands())}
    assert said - found == set()


def test_what_is_asked_about_can_be_carried_out_previewed_and_told() -> None:  # T6
    assert set(wishes.COMMANDS) == set(GATED.values())
    assert set(proposal_words._WORDS) == set(GATED.values())
    assert set(change_words._WISHES) == set(GATED.values())
    assert plans.KNOWN - set(GATED.values()) == {*gate.OF_PLACES, "save_rule", "back_test", "switch_kinds", "roles"}


def called(path: Any) -> Iterator[str]:
    """The names of functions that a module calls, or hands on."""
    for each in ast.walk(ast.parse(path.read_text())):
        if isinstance(each, ast.Attribute):
            yield ast.unparse(each)


@pytest.mark.parametrize("name", GATED)
def test_no_door_runs_it_beside_the_gate(name: str) -> None:  # T6
    module, _, function = name.rpartition(".")
    wanted = {f"{module.rpartition('.')[2]}.{function}", f"commands.{function}"}
    beside = {
        str(path.relative_to(ROOT))
        for folder in DOORS
        for path in (ROOT / folder).rglob("*.py")
        if wanted & set(called(path))
    }
    assert beside - ALLOWED.get(name, set()) == set()


ALLOWED: Mapping[str, set[str]] = {
    # The page asks by itself, since orgs do not know the gate; the API is for the operator alone.
    "orgs.owners.hand_over": {"orgs/views/owner.py", "api/commands/organizations.py"},
}
