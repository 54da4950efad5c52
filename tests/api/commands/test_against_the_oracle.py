"""The state machine of tests/groups_provisioning/engine/test_against_the_oracle.py, its admins being a program.

What it does is previewed first: nothing stays of that, and what is said is what the ledger tells afterwards.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from groups_provisioning.actions import (
    account_switches,
    conflict_decisions,
    entity_edits,
    erasing,
    group_ends,
    manual_changes,
    mappings,
    rules,
)
from groups_provisioning.models import ROLE, GroupMapping
from groups_provisioning.preview.plans import Wish
from orgs import organizations
from orgs.models import Change, Entity, Mark, User
from orgs.web import limits
from tests.api import probes
from tests.api.commands.client import ALL, Program
from tests.api.commands.test_commands import as_foreseen, by_text, told_since
from tests.api.consumer import key_of
from tests.api.program import contents
from tests.groups_provisioning.engine import test_against_the_oracle as pages
from tests.groups_provisioning.engine.test_against_the_oracle import Portal, _end_all
from tests.groups_provisioning.outlooks import last_entry

PATHS = {"team": "teams", "concurrency_group": "concurrency-groups", "sub_organization": "sub-organizations"}


def _about(mapping_id: Any, target: Any) -> dict[str, Any]:
    """How the target of a mapping is sent: a role, or the name of an entity."""
    return {"role" if GroupMapping.objects.get(id=mapping_id).role else "name": target} if target else {}


def _cards(cards: Any) -> list[dict[str, Any]]:
    return [{"person": each.user_id, "incoming": each.incoming_id, "holders": each.holders} for each in cards]


def _path_of(entity_id: Any) -> str:
    return f"{PATHS[Entity.objects.get(id=entity_id).kind]}/{entity_id}"


SENT: dict[Callable[..., Any], Callable[..., tuple[Any, ...]]] = {
    manual_changes.place: lambda user_id, entity_id: ("PUT", f"people/{user_id}/places/{entity_id}"),
    manual_changes.take_out: lambda user_id, entity_id: ("DELETE", f"people/{user_id}/places/{entity_id}"),
    manual_changes.put_back: lambda user_id, entity_id: ("DELETE", f"people/{user_id}/removals/{entity_id}"),
    manual_changes.set_roles: lambda user_id, roles: ("PUT", f"people/{user_id}/roles", {"roles": roles or None}),
    account_switches.deactivate: lambda user_id: ("POST", f"people/{user_id}/deactivate"),
    account_switches.activate: lambda user_id: ("POST", f"people/{user_id}/activate"),
    erasing.erase: lambda user_id: (
        "POST",
        f"people/{user_id}/erase",
        {"confirm": User.objects.get(id=user_id).user_name},
    ),
    entity_edits.create_entity: lambda kind, name: ("POST", PATHS[kind], {"name": name}),
    entity_edits.rename_entity: lambda entity_id, name: ("PATCH", _path_of(entity_id), {"name": name}),
    entity_edits.delete_entity: lambda entity_id: ("DELETE", _path_of(entity_id)),
    organizations.change: lambda wishes, on: ("PUT", "kinds", {"on": on}),
    rules.add_rule: lambda facts: ("POST", "rules", asdict(facts)),
    rules.delete_rule: lambda rule_id: ("DELETE", f"rules/{rule_id}"),
    mappings.apply_rules: lambda roles=False: ("POST", "rules/apply", {"list": "roles" if roles else "entities"}),
    mappings.map_group: lambda group_id, kind, target: (
        "POST",
        f"groups/{group_id}/mappings",
        {"kind": kind, "role" if kind == ROLE else "name": target},
    ),
    mappings.approve: lambda mapping_id, target: (
        "POST",
        f"mappings/{mapping_id}/approve",
        _about(mapping_id, target),
    ),
    mappings.retarget: lambda mapping_id, target: (
        "POST",
        f"mappings/{mapping_id}/retarget",
        _about(mapping_id, target),
    ),
    mappings.approve_many: lambda mapping_ids: ("POST", "mappings/approve", {"ids": mapping_ids}),
    mappings.reject: lambda mapping_ids: ("POST", f"mappings/{mapping_ids[0]}/reject"),
    _end_all: lambda ids: ("POST", "groups/end", {"ids": ids}),
    group_ends.undo_end: lambda group_id: ("POST", f"groups/{group_id}/undo-end"),
    conflict_decisions.decide: lambda cards, use_incoming: (
        "POST",
        "conflicts/decide",
        {"use": "incoming" if use_incoming else "current", "conflicts": _cards(cards)},
    ),
    conflict_decisions.undo: lambda decision_ids: ("POST", "decisions/undo", {"decisions": decision_ids}),
}


class Programmed(Portal):
    program: Program | None = None

    def the_feed_has_told_everything(self) -> None:
        """Looked at after each step by the machine that this one extends; it is about the same commands."""

    def _try(self, command: Callable[..., Any], *, foresee: Wish | None = None, **wish: Any) -> Any:
        """Whether anything changed, or None where it is refused, which the preview foresees."""
        if command is organizations.change:
            wish["on"] = (foresee or {})["on"]
        if command is mappings.approve and wish["target"] and GroupMapping.objects.get(id=wish["mapping_id"]).role:
            wish["target"] = None  # it is none of the roles
        limits.Buckets.clear_all()
        self.program = program = self.program or Program(self.org, key_of(None, *ALL))
        asked = SENT[command](**wish)
        waits = Mark.objects.for_org(self.org).exists()
        before, last, changes = contents(), last_entry(), Change.objects.for_org(self.org).count()
        seen = program(*asked, preview=True)
        assert contents() == before
        answer = program(*asked)
        told = seen.json()
        is_refused, knows = answer.status_code >= 300, not waits or "changes" in told
        if knows:  # as for what waits to be settled: a conflict may be gone by then
            assert is_refused == (seen.status_code != 200), (asked, seen.content, answer.content)
        if is_refused:
            assert not knows or answer.json() == told
            return None
        changed = Change.objects.for_org(self.org).count() > changes
        if "changes" in told:
            effects = [effect for each in told["changes"] for effect in each["effects"]]
            assert effects == told_since(self.org, last)
        elif not waits:
            self.org.refresh_from_db()
            self._settled()
            came = as_foreseen(told_since(self.org, last), told)
            assert by_text(told["differences"]) == by_text(came), asked
            assert told["touched"] == len({each["person"] for each in came})
            said = json.loads(answer.content) if answer.content else {}
            assert told["refused"] == (said.get("refused", []) if "refused" in said else told["refused"])
        return changed


@pytest.mark.usefixtures("db")
def test_whatever_a_program_does_comes_as_previewed() -> None:  # E2, M9
    probes.install()
    run_state_machine_as_test(
        Programmed, settings=settings(pages.few, max_examples=max(pages.few.max_examples // 2, 1))
    )
