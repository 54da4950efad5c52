"""What pages are about goes away before they are sent, or while the command runs: they say so (SPEC S7, O7, M8).

One table of all forms; `test_every_form_is_in_the_table` keeps it complete.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import pytest
from django.test import Client
from django.urls import reverse

from groups_provisioning.actions import (
    account_switches,
    conflict_decisions,
    entity_edits,
    group_ends,
    manual_changes,
    mappings,
    rules,
)
from groups_provisioning.models import Conflict, Decision, PushedGroup, Status
from groups_provisioning.pages import deciding
from groups_provisioning.pages.conflicts import views as conflict_views
from groups_provisioning.pages.deciding import runs
from groups_provisioning.pages.entities import views as entity_views
from groups_provisioning.pages.groups import end_views, mapping_views
from groups_provisioning.pages.people import account_views, placement_views
from groups_provisioning.pages.rules import views as rule_views
from orgs import profiles
from orgs.models import Organization
from tests.architecture.test_access_matrix import MATRIX
from tests.conftest import Idp
from tests.groups_provisioning.world import POOL, by_command, entity, group, person, placed, rule, settle, tie
from tests.page_text import text_at_first

MODULES = (
    end_views,
    account_views,
    conflict_views,
    entity_views,
    mapping_views,
    deciding,
    placement_views,
    rule_views,
)


class Form(NamedTuple):
    """A form: where it is sent, and with what; gone: ends what it is about; words: a pattern of what is said then."""

    name: str
    args: list[Any]
    data: dict[str, Any]
    gone: Callable[[], Any]
    words: str


class World:
    """An org with one of each thing that a page can be about, and the ways in which each of them goes."""

    def __init__(self, org: Organization, idp: Idp) -> None:
        self.org, self.idp = org, idp
        self.ada = person(org, "Ada", "Lovelace", scim_managed=True)
        self.platform, self.gold = entity(org, "Platform"), entity(org, "Gold", POOL)
        self.engineers = placed(org, self.platform, self.ada)
        self.mapping = self.engineers.mappings.get()
        self.free = group(org, "Free", self.ada)
        self.rule = rule(org, "eng-")

    @cache  # noqa: B019 - lives as long as its test
    def conflict(self) -> Conflict:
        tie(group(self.org, "grp-gold", self.ada), self.gold)
        settle(self.ada)
        tie(group(self.org, "grp-silver", self.ada), entity(self.org, "Silver", POOL))
        settle(self.ada)
        return Conflict.objects.get(user=self.ada)

    @cache  # noqa: B019
    def decision(self) -> Decision:
        card = conflict_decisions.Card.of(self.conflict())
        conflict_decisions.decide(org=self.org, cards=[card], use_incoming=True, cause=by_command())
        return Decision.objects.get(user=self.ada)

    @cache  # noqa: B019
    def pending(self) -> Any:
        made = tie(self.free, entity(self.org, "Proposed"))
        made.cease(Status.PENDING, "asked", by_command().at)
        made.save()
        return made

    def delete_person(self) -> None:
        assert self.idp.delete(f"/Users/{self.ada.id}").status_code == 204

    def delete_group(self, which: Any) -> Callable[[], None]:
        def gone() -> None:
            assert self.idp.delete(f"/Groups/{which.id}").status_code == 204

        return gone

    def ended(self, which: Any) -> Any:
        group_ends.end_group(org=self.org, group_id=which.id, cause=by_command())
        return which

    def push_again(self, which: Any) -> Callable[[], None]:
        def back() -> None:
            assert self.idp.post("/Groups", {"displayName": which.display_name}).status_code == 201

        return back

    def out_of_sync(self, which: Any) -> Any:
        PushedGroup.objects.filter(id=which.id).update(out_of_sync=True)
        return which

    def delete_entity(self, which: Any) -> Callable[[], None]:
        return lambda: entity_edits.delete_entity(org=self.org, entity_id=which.id, cause=by_command())

    def delete_rule(self) -> None:
        rules.delete_rule(org=self.org, rule_id=self.rule.id, cause=by_command())

    def switch_off(self) -> None:
        Organization.objects.filter(pk=self.org.pk).update(teams=False, concurrency_groups=False)

    def auditor(self) -> str:
        """One more role, in the profile of the org."""
        profile = self.org.profile
        self.roles = [
            profiles.RoleFacts(each.key, each.rank, each.is_default, each.is_admin) for each in profile.roles.all()
        ]
        more = [*self.roles, profiles.RoleFacts("Auditor", 500)]
        profiles.keep(profile=profile, roles=more, attributes=[], cause=by_command())
        return "Auditor"

    def lose_auditor(self) -> None:
        profiles.keep(profile=self.org.profile, roles=self.roles, attributes=[], cause=by_command())

    def take_name(self) -> None:
        entity_edits.create_entity(org=self.org, kind="team", name="Taken", cause=by_command())

    @cache  # noqa: B019
    def deactivated(self) -> Any:
        bo = person(self.org, "Bo", "Ek", scim_managed=True)
        account_switches.deactivate(org=self.org, user_id=bo.id, cause=by_command())
        return bo

    def take_out(self) -> None:
        manual_changes.take_out(org=self.org, user_id=self.ada.id, entity_id=self.platform.id, cause=by_command())


CONFLICT = "no longer open|effects have changed"
PERSON, ENTITY, GROUP = "This person was deleted.", "was deleted.", "This group was deleted."
MAPPING, RULE = (
    "This mapping no longer exists|This group was deleted.|effects have changed",
    "Somebody else has deleted this rule.",
)
UNDONE = "can no longer be undone|effects have changed"
OFF, TAKEN = "switched off", "Another team has this name."
NO_ROLE = "Select a valid choice|This role no longer exists|effects have changed"


def forms() -> dict[str, Callable[[World], Form]]:
    team = {"pattern_type": "prefix", "pattern": "x", "kind": "team"}
    return {
        "roles of a person": lambda w: Form("person-roles", [w.ada.id], {"roles": "Admin"}, w.delete_person, PERSON),
        "a person to deactivate": lambda w: Form(
            "person-deactivate", [w.ada.id], {}, w.delete_person, f"{PERSON}|effects have changed"
        ),
        "a person to activate": lambda w: Form(
            "person-activate",
            [w.deactivated().id],
            {},
            lambda: w.idp.delete(f"/Users/{w.deactivated().id}"),
            f"{PERSON}|effects have changed",
        ),
        "a person to place": lambda w: Form("person-place", [w.ada.id], {"entity": w.gold.id}, w.delete_person, PERSON),
        "a place for a person": lambda w: Form(
            "person-place", [w.ada.id], {"entity": w.gold.id}, w.delete_entity(w.gold), ENTITY
        ),
        "a place of a kind that is off": lambda w: Form(
            "person-place", [w.ada.id], {"entity": w.gold.id}, w.switch_off, OFF
        ),
        "a person for a place": lambda w: Form(
            "entity-place", [w.gold.id], {"person": w.ada.id}, w.delete_person, PERSON
        ),
        "a place to fill": lambda w: Form(
            "entity-place", [w.gold.id], {"person": w.ada.id}, w.delete_entity(w.gold), ENTITY
        ),
        "a place to fill of a kind that is off": lambda w: Form(
            "entity-place", [w.gold.id], {"person": w.ada.id}, w.switch_off, OFF
        ),
        "a person to take out": lambda w: Form(
            "person-take-out", [w.ada.id, w.platform.id], {}, w.delete_person, PERSON
        ),
        "a place to take out of": lambda w: Form(
            "person-take-out", [w.ada.id, w.platform.id], {}, w.delete_entity(w.platform), ENTITY
        ),
        "a person to put back": lambda w: (
            w.take_out(),
            Form("person-put-back", [w.ada.id, w.platform.id], {}, w.delete_person, PERSON),
        )[1],
        "a place to put back in": lambda w: (
            w.take_out(),
            Form("person-put-back", [w.ada.id, w.platform.id], {}, w.delete_entity(w.platform), ENTITY),
        )[1],
        "a team of a kind that is off": lambda w: Form("teams-new", [], {"name": "New"}, w.switch_off, OFF),
        "a pool of a kind that is off": lambda w: Form(
            "concurrency-groups-new", [], {"name": "New"}, w.switch_off, OFF
        ),
        "a new name that is taken": lambda w: Form("teams-new", [], {"name": "Taken"}, w.take_name, TAKEN),
        "a team to rename": lambda w: Form(
            "entity-rename", [w.platform.id], {"name": "New"}, w.delete_entity(w.platform), ENTITY
        ),
        "a name that is taken": lambda w: Form("entity-rename", [w.platform.id], {"name": "Taken"}, w.take_name, TAKEN),
        "a pool to limit": lambda w: Form(
            "entity-limit", [w.gold.id], {"session_limit": "5"}, w.delete_entity(w.gold), ENTITY
        ),
        "a team to delete": lambda w: Form("entity-delete", [w.platform.id], {}, w.delete_entity(w.platform), ENTITY),
        "a group to map": lambda w: Form(
            "group-map", [w.free.id], {"kind": "team", "name": "New"}, w.delete_group(w.free), GROUP
        ),
        "a group to map to a kind that is off": lambda w: Form(
            "group-map", [w.free.id], {"kind": "team", "name": "New"}, w.switch_off, OFF
        ),
        "a group to end": lambda w: Form(
            "group-end", [w.free.id], {}, w.delete_group(w.free), f"{GROUP}|effects have changed"
        ),
        "a group to bring back": lambda w: Form(
            "group-undo-end", [w.ended(w.free).id], {}, w.push_again(w.free), "back already|effects have changed"
        ),
        "a group to give a role": lambda w: Form(
            "group-role", [w.free.id], {"name": "Member"}, w.delete_group(w.free), GROUP
        ),
        "a role to give": lambda w: Form("group-role", [w.free.id], {"name": w.auditor()}, w.lose_auditor, NO_ROLE),
        "a group to confirm": lambda w: Form(
            "group-in-sync", [w.out_of_sync(w.free).id], {}, w.delete_group(w.free), GROUP
        ),
        "a mapping to approve": lambda w: Form(
            "mapping-approve", [w.pending().id], {"name": "Proposed"}, w.delete_group(w.free), MAPPING
        ),
        "a mapping to re-target": lambda w: Form(
            "mapping-retarget", [w.mapping.id], {"name": "New"}, w.delete_group(w.engineers), MAPPING
        ),
        "a mapping to reject": lambda w: Form(
            "mapping-reject", [w.mapping.id], {}, w.delete_group(w.engineers), MAPPING
        ),
        "a mapping that somebody else rejected": lambda w: Form(
            "mapping-retarget",
            [w.mapping.id],
            {"name": "New"},
            lambda: mappings.reject(org=w.org, mapping_ids=[w.mapping.id], cause=by_command()),
            "already",
        ),
        "groups to approve": lambda w: (
            w.pending(),
            Form("groups-bulk", [], {"action": "approve", "group": w.free.id}, w.delete_group(w.free), ""),
        )[1],
        "groups to reject": lambda w: Form(
            "groups-bulk", [], {"action": "reject", "group": w.engineers.id}, w.delete_group(w.engineers), ""
        ),
        "a rule to add": lambda w: Form("rule-new", [], team, w.switch_off, OFF),
        "a rule to edit": lambda w: Form("rule", [w.rule.id], team, w.delete_rule, RULE),
        "a rule of a kind that is off": lambda w: Form("rule", [w.rule.id], team, w.switch_off, OFF),
        "a rule to delete": lambda w: Form("rule-delete", [w.rule.id], {}, w.delete_rule, RULE),
        "rules to put in order": lambda w: Form(
            "rules-order", [], {"was": w.rule.id, "rule": w.rule.id, "save": 1}, w.delete_rule, "else has changed"
        ),
        "a rule to apply": lambda w: Form("rules-apply", [], {"rule": w.rule.id}, w.delete_rule, RULE),
        "a conflict to decide": lambda w: Form(
            "conflicts-decide",
            [],
            {"action": "use", "conflict": w.conflict().id},
            w.delete_person,
            "no longer open|effects have changed",
        ),
        "a decision to undo": lambda w: Form("conflict-undo", [w.decision().id], {}, w.delete_person, UNDONE),
        "decisions to undo": lambda w: Form("conflicts-undo", [w.decision().change_id], {}, w.delete_person, UNDONE),
    }


FORMS = forms()
# What cannot go away: the kinds of the other lists are as those of teams; a rule for a role that is gone makes mappings
# that wait (decision 26).
ALIKE = {"sub-organizations-new", "role-rule-new"}
ELSEWHERE = {
    "person-erase": "tests/scim/test_erasing.py",
    "invitation-new": "test_invitation_pages.py",
    "invitation-resend": "test_invitation_pages.py",
    "invitation-revoke": "test_invitation_pages.py",
    "invitation": "test_invitation_pages.py",
    "owner-hand-over": "tests/orgs/test_owners.py",
    "held-changes-let-through": "test_held_pages.py",
    "held-changes-limits": "test_held_pages.py",
    "proposal": "test_proposal_pages.py",
    "proposal-refuse": "test_proposal_pages.py",
    "proposal-withdraw": "test_proposal_pages.py",
    "two-persons": "test_proposal_pages.py",
    "take-back-change": "tests/scim/test_undo_pages.py",
    "take-back-token": "tests/scim/test_undo_pages.py",
}


@pytest.fixture
def world(org: Organization, idp: Idp) -> World:
    return World(org, idp)


def seen(answer: Any) -> dict[str, str]:
    """The fingerprint of what a page showed, if it asks for a second look."""
    return dict(re.findall(r'name="(seen)"[^>]* value="([^"]*)"', answer.content.decode()))


@pytest.mark.parametrize("about", FORMS)
@pytest.mark.parametrize("moment", ["before", "meanwhile"])
def test_what_is_gone_is_said(
    about: str, moment: str, browser: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = FORMS[about](world)
    address = reverse(form.name, args=form.args)
    data = form.data | (seen(browser.post(address, form.data)) if _asks_twice(form) else {})
    if moment == "before":
        form.gone()
    else:
        _go_meanwhile(form, monkeypatch)
    answer = browser.post(address, data, follow=True)
    assert answer.status_code == 200
    assert re.search(form.words, text_at_first(answer))


def test_every_form_is_in_the_table(world: World) -> None:
    pages = {name for name, method in MATRIX if method == "POST"}
    other_apps = ("sign-", "domain-", "scim-", "matter-", "account-", "second-factor", "sso-", "setup", "mails-")
    # tests/scim/test_import_doors.py, tests/api/web, tests/orgs/test_support_views.py, tests/orgs/test_display.py
    other_apps += ("import", "api-key-", "webhook", "support-view", "display")
    others = {name for name in pages if name.startswith(other_apps)}
    assert {build(world).name for build in FORMS.values()} == pages - others - ALIKE - ELSEWHERE.keys()


def _asks_twice(form: Form) -> bool:
    shown = ("group", "mapping", "rule", "conflict", "entity-delete", "person-deactivate", "person-activate")
    return form.name.startswith(shown) and form.name != "rules-order"


def _go_meanwhile(form: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes after the view has looked, right before the command: as the cause is made, or before the second look."""
    left = [form.gone]

    def go() -> None:
        if left:
            left.pop()()

    for module in MODULES:
        monkeypatch.setattr(module, "cause", _after(go, module.cause))
    monkeypatch.setattr(runs, "confirmed", _after(go, runs.confirmed))


def _after(go: Callable[[], None], what: Callable[..., Any]) -> Callable[..., Any]:
    def both(*args: Any, **options: Any) -> Any:
        go()
        return what(*args, **options)

    return both
