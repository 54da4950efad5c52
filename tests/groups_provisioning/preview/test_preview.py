"""A preview says what then happens (SPEC M9)."""

from collections.abc import Callable
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from groups_provisioning.actions import conflict_decisions, entity_edits, group_intake, mappings, rules
from groups_provisioning.actions.conflict_decisions import Card
from groups_provisioning.actions.group_intake import GroupFacts
from groups_provisioning.actions.rules import RuleFacts
from groups_provisioning.models import ROLE, Conflict, Decision, GroupMapping, PatternType, Preview, PushedGroup
from groups_provisioning.preview import runs
from groups_provisioning.preview.runs import Outlook, Summary
from orgs import organizations
from orgs.models import KIND_SWITCHES, EntityKind, Organization, Standing, User
from tests.conftest import Idp
from tests.factories import EntityFactory, OrganizationFactory, UserFactory
from tests.groups_provisioning import world
from tests.groups_provisioning.outlooks import last_entry, what_came, what_was_said
from tests.groups_provisioning.world import POOL, SUB, TEAM, by_command, settle_marked
from tests.scim.api import crowds


@pytest.fixture
def people(org: Organization, idp: Idp) -> list[str]:
    return [world.push_user(idp, name) for name in ("ada", "bo", "cy", "di")]


@pytest.fixture
def push(org: Organization, idp: Idp) -> Callable[..., PushedGroup]:
    """Push a group, and settle its members."""

    def pushed(name: str, *members: str) -> PushedGroup:
        group = world.push(idp, name, *members)
        settle_marked(org)
        return group

    return pushed


def came_true(org: Organization, wish: dict[str, Any], do: Callable[[], object]) -> Outlook:
    """Look, do it, settle, and compare what was said with what the ledger tells."""
    outlook = runs.look(org, wish)
    assert outlook.summary is not None
    before = last_entry()
    runs.confirmed(org, wish, outlook.fingerprint, do)
    settle_marked(org)
    assert what_came(org, outlook, since=before) == what_was_said(outlook)
    return outlook


def mapped(org: Organization, group: PushedGroup, kind: str = TEAM) -> GroupMapping:
    mapping = world.map_to(group, kind)
    settle_marked(org)
    return mapping


class TestAPreviewComesTrue:
    def test_of_mapping_a_group_to_what_is_new(self, org: Organization, people: list[str], push: Any) -> None:
        group = push("Platform", *people)
        wish = {"do": "map", "group": str(group.id), "kind": TEAM}
        outlook = came_true(
            org, wish, lambda: mappings.map_group(org=org, group_id=group.id, kind=TEAM, cause=by_command())
        )
        assert outlook.plan.overlay.made == {"new team platform": (TEAM, "Platform")}
        assert outlook.summary.entered == {"new team platform": 4}

    def test_of_mapping_many_groups_each_to_its_name(self, org: Organization, people: list[str], push: Any) -> None:
        EntityFactory.create(org=org, kind=POOL, name="gold")
        groups = [push("Gold", *people[:3]), push(" Gold", *people[2:]), push("Silver", *people[1:])]
        wish = {"do": "map_many", "ids": [str(each.id) for each in groups], "kind": POOL}
        outlook = came_true(
            org,
            wish,
            lambda: mappings.map_many(org=org, group_ids=[each.id for each in groups], kind=POOL, cause=by_command()),
        )
        assert [(each.name, each.is_new) for each in outlook.plan.mapped] == [("gold", False), ("Silver", True)]
        assert list(outlook.plan.refused) == [str(groups[1].id)]
        assert outlook.summary.opened == 2

    def test_of_approving(self, org: Organization, people: list[str], push: Any) -> None:
        rules.add_rule(org=org, facts=RuleFacts(PatternType.ALL, POOL), cause=by_command())
        EntityFactory.create(org=org, kind=POOL, name="Gold")
        push("Gold", *people[:3])
        push("Silver", *people[1:])
        ids = [str(each.id) for each in GroupMapping.objects.order_by("id")]
        wish = {"do": "approve", "ids": ids}
        outlook = came_true(
            org, wish, lambda: mappings.approve_many(org=org, mapping_ids=map(UUID, ids), cause=by_command())
        )
        assert outlook.summary.opened == 2

    def test_of_a_new_target(self, org: Organization, people: list[str], push: Any) -> None:
        mapping = mapped(org, push("Gold", *people), POOL)
        other = EntityFactory.create(org=org, kind=POOL, name="Platinum")
        wish = {"do": "retarget", "mapping": str(mapping.id), "entity": str(other.id)}
        outlook = came_true(
            org, wish, lambda: mappings.retarget(org=org, mapping_id=mapping.id, target=other.id, cause=by_command())
        )
        assert outlook.summary.moved == {(str(mapping.entity_id), str(other.id)): 4}

    def test_of_rejecting(self, org: Organization, people: list[str], push: Any) -> None:
        gold, silver = mapped(org, push("Gold", *people), POOL), mapped(org, push("Silver", *people), POOL)
        wish = {"do": "reject", "ids": [str(gold.id)]}
        outlook = came_true(org, wish, lambda: mappings.reject(org=org, mapping_ids=[gold.id], cause=by_command()))
        assert outlook.summary.moved == {(str(gold.entity_id), str(silver.entity_id)): 4}
        assert outlook.summary.closed == 4

    def test_of_applying_rules(self, org: Organization, people: list[str], push: Any) -> None:
        push("eng-platform", *people)
        push("eng-web", people[0])
        push("Sales", *people[1:])
        EntityFactory.create(org=org, name="eng-web")
        facts = RuleFacts(PatternType.PREFIX, TEAM, "ENG-", True)
        rule = rules.add_rule(org=org, facts=facts, cause=by_command())
        wish = {"do": "apply", "rule": str(rule.id)}
        outlook = came_true(org, wish, lambda: mappings.apply_rules(org=org, rule_id=rule.id, cause=by_command()))
        assert [(each.group, each.is_new) for each in outlook.plan.mapped] == [
            ("eng-platform", True),
            ("eng-web", False),
        ]

    def test_of_groups_in_conflict_with_each_other(self, org: Organization, people: list[str], push: Any) -> None:
        for name in ("c", "a", "b"):
            push(name, *people)
        rules.add_rule(org=org, facts=RuleFacts(PatternType.ALL, POOL, "", True), cause=by_command())
        outlook = came_true(org, {"do": "apply"}, lambda: mappings.apply_rules(org=org, cause=by_command()))
        assert outlook.summary.opened == 8

    def test_of_a_rule_that_is_not_saved_yet(self, org: Organization, people: list[str], push: Any) -> None:
        push("eng-platform", *people)
        facts = {"pattern_type": PatternType.PREFIX, "pattern": "eng-", "kind": TEAM, "auto_approve": True}
        wish = {"do": "save_rule", "rule": "", **facts}

        def save_and_apply() -> None:
            rule = rules.add_rule(org=org, facts=RuleFacts(**facts), cause=by_command())
            mappings.apply_rules(org=org, rule_id=rule.id, cause=by_command())

        assert came_true(org, wish, save_and_apply).plan.matched == 1

    def test_of_deleting_an_entity(self, org: Organization, people: list[str], push: Any) -> None:
        mapping = mapped(org, push("Gold", *people), POOL)
        wish = {"do": "delete_entity", "entity": str(mapping.entity_id)}
        assert mapping.entity_id
        entity_id = mapping.entity_id
        came_true(org, wish, lambda: entity_edits.delete_entity(org=org, entity_id=entity_id, cause=by_command()))

    def test_of_switching_a_kind_off(self, org: Organization, people: list[str], push: Any) -> None:
        mapped(org, push("Gold", *people), POOL)
        mapped(org, push("Silver", *people), POOL)
        wish = {"do": "switch_kinds", "on": [TEAM, SUB]}
        outlook = came_true(
            org,
            wish,
            lambda: organizations.change(org=org, wishes={"concurrency_groups": False}, cause=by_command()),
        )
        assert (outlook.summary.closed, outlook.summary.left) == (4, {})

    @pytest.mark.parametrize("use_incoming", [True, False])
    def test_of_deciding_conflicts(self, org: Organization, people: list[str], push: Any, use_incoming: bool) -> None:
        mapped(org, push("Platform", *people))
        mapped(org, push("EMEA", *people[:2]), SUB)
        cards = [Card.of(each) for each in Conflict.objects.order_by("user")]
        assert len(cards) == 2
        told = [[str(card.user_id), str(card.incoming_id), [str(each) for each in card.holders]] for card in cards]
        wish = {"do": "decide", "cards": told, "use_incoming": use_incoming}
        came_true(
            org,
            wish,
            lambda: conflict_decisions.decide(org=org, cards=cards, use_incoming=use_incoming, cause=by_command()),
        )
        ids = list(Decision.objects.order_by("id").values_list("id", flat=True))
        undone = came_true(
            org,
            {"do": "undo", "ids": ids},
            lambda: conflict_decisions.undo(org=org, decision_ids=ids, cause=by_command()),
        )
        assert undone.summary.opened == 2

    def test_of_rejecting_what_made_admins(self, org: Organization, idp: Idp, people: list[str]) -> None:  # R5
        admins = [str(UserFactory.create(org=org, idp_roles=["Admin"], roles=["Admin"]).id) for _ in range(2)]
        wish = {"do": "roles", "keys": ["Admin", "Member"], "default": "Admin", "admin": "Admin", "policy": "highest"}
        summary = runs.look(org, wish).summary
        assert summary.roles == {("Member", "Admin"): 4}
        wish = {"do": "roles", "keys": ["Boss", "Member"], "default": "Member", "admin": "Boss", "policy": "highest"}
        summary = runs.look(org, wish).summary
        assert summary.roles == {("Admin", "Member"): len(admins)}


class TestAPreviewOfRoles:
    """SPEC R6, M9, with the roles Admin and Member of the standard profile."""

    def test_comes_true_from_giving_one_to_taking_it_away(
        self, org: Organization, people: list[str], push: Any
    ) -> None:  # R6, M9, R5
        everybody, some = push("Everybody", *people), push("Some", *people[:2])
        wish: dict[str, Any] = {"do": "map", "group": str(everybody.id), "kind": ROLE, "name": "Admin"}
        given: list[GroupMapping] = []
        outlook = came_true(org, wish, lambda: given.append(world.give(everybody, "Admin")))
        assert outlook.summary.roles == {("Member", "Admin"): 4}
        assert (outlook.summary.gaining("Admin"), outlook.summary.gaining("Member")) == (4, 0)
        assert [(each.kind, each.name, each.is_new) for each in outlook.plan.mapped] == [(ROLE, "Admin", False)]
        both = {"do": "map_many", "ids": [str(everybody.id), str(some.id)], "kind": ROLE, "role": "Admin"}
        assert [each.group for each in runs.look(org, both).plan.mapped] == ["Some"]
        wish |= {"group": str(some.id)}
        assert came_true(org, wish, lambda: world.give(some, "Admin")).summary.touched == 0
        wish = {"do": "retarget", "mapping": str(given[0].id), "name": "Member"}
        outlook = came_true(
            org,
            wish,
            lambda: given.append(
                mappings.retarget(org=org, mapping_id=given[0].id, target="Member", cause=by_command())
            ),
        )
        assert outlook.summary.roles == {("Admin", "Member"): 2}
        ids = [GroupMapping.objects.live().get(group=some).id]
        wish = {"do": "reject", "ids": [str(id_) for id_ in ids]}
        outlook = came_true(org, wish, lambda: mappings.reject(org=org, mapping_ids=ids, cause=by_command()))
        assert outlook.summary.roles == {("Admin", "Member"): 1}  # the last admin stays one

    @pytest.mark.parametrize("auto", [True, False])
    def test_of_a_rule_counts_who_would_get_the_role(
        self, org: Organization, people: list[str], push: Any, auto: bool
    ) -> None:  # R6, M9
        push("adm-1", *people[:2])
        push("adm-2", *people[1:3])
        world.give(push("adm-given", *people), "Member")
        world.map_to(push("adm-team", *people[3:]))
        settle_marked(org)
        facts = {"pattern_type": PatternType.PREFIX, "pattern": "adm", "kind": ROLE, "role": "Admin"}
        wish = {"do": "save_rule", "rule": "", "auto_approve": auto, **facts}

        def save_and_apply() -> None:
            rule = rules.add_rule(org=org, facts=RuleFacts(auto_approve=auto, **facts), cause=by_command())
            mappings.apply_rules(org=org, rule_id=rule.id, cause=by_command())

        outlook = came_true(org, wish, save_and_apply)
        assert outlook.plan.matched == 4
        assert outlook.summary.gaining("Admin") == (4 if auto else 0)
        told = outlook.plan.mapped if auto else outlook.plan.waiting
        assert {each.group for each in told} == {"adm-1", "adm-2", "adm-team"}

    def test_goes_stale_when_the_rules_for_roles_change(
        self, org: Organization, people: list[str], push: Any
    ) -> None:  # M9
        push("Admins", *people)
        rule = world.role_rule(org, "Admin")
        wish = {"do": "apply", "roles": True}
        seen = runs.look(org, wish).fingerprint
        rules.edit_rule(
            org=org, rule_id=rule.id, facts=RuleFacts(PatternType.ALL, ROLE, "", True, "Member"), cause=by_command()
        )
        with pytest.raises(runs.Outdated):
            runs.confirmed(org, wish, seen, lambda: pytest.fail("carried out"))


NAMES = ["Gold", " Gold", "GOLD  ", "Silver", " silver", "Bronze", "Default", "x" * 256]


@pytest.mark.usefixtures("db")
class TestAPreviewOfManyApprovals:
    """Whatever they are called, whoever owns what they would be mapped to, and in whatever order they are approved."""

    @settings(max_examples=settings().max_examples // 4)
    @given(
        kind=st.sampled_from([TEAM, POOL]),
        others=st.lists(st.sampled_from([TEAM, POOL, SUB]), max_size=4),
        groups=st.dictionaries(st.sampled_from(NAMES), st.sets(st.integers(0, 3)), min_size=2),
        there=st.dictionaries(st.sampled_from(["gold", "Silver", "Bronze"]), st.booleans()),
        on=st.booleans(),
        draw=st.randoms(use_true_random=False),
    )
    def test_comes_true_and_foresees_what_is_refused(
        self,
        kind: str,
        others: list[str],
        groups: dict[str, set[int]],
        there: dict[str, bool],
        on: bool,
        draw: Random,
    ) -> None:  # M1, M9
        """others: kinds that some groups are mapped to besides. there: entities; whether another group owns them."""
        with transaction.atomic():
            org = OrganizationFactory.create()
            people = UserFactory.create_batch(4, org=org)
            for name, is_owned in there.items():
                entity = EntityFactory.create(org=org, kind=kind, name=name)
                if is_owned:
                    group = self.push(org, f"Owner of {name}", [people[0]])
                    mappings.map_group(org=org, group_id=group.id, kind=kind, target=entity.id, cause=by_command())
            rules.add_rule(org=org, facts=RuleFacts(PatternType.ALL, kind), cause=by_command())
            pushed = [self.push(org, name, [people[n] for n in members]) for name, members in groups.items()]
            ids = [GroupMapping.objects.get(group=group).id for group in pushed]
            for number, (group, other) in enumerate(zip(pushed, others, strict=False)):
                if other != kind:
                    target = f"Other {number}"
                    mappings.map_group(org=org, group_id=group.id, kind=other, target=target, cause=by_command())
            if not on:
                organizations.change(org=org, wishes={KIND_SWITCHES[EntityKind(kind)]: False}, cause=by_command())
                org.refresh_from_db()
            settle_marked(org)
            draw.shuffle(ids)
            done: list[mappings.Approvals] = []
            outlook = came_true(
                org,
                {"do": "approve", "ids": [str(id_) for id_ in ids]},
                lambda: done.append(mappings.approve_many(org=org, mapping_ids=ids, cause=by_command())),
            )
            assert outlook.plan.refused.keys() == {str(id_) for id_ in done[0].refused}
            for id_, refusal in done[0].refused.items():
                foreseen = outlook.plan.refused[str(id_)]
                assert (type(foreseen), foreseen.args) == (type(refusal), refusal.args)
            assert [(each.group_id, each.name) for each in outlook.plan.mapped] == [
                (mapping.group_id, mapping.entity.name) for mapping in done[0].approved
            ]
            transaction.set_rollback(True)

    def push(self, org: Organization, name: str, members: list[User]) -> PushedGroup:
        ids = [str(user.id) for user in members]
        return group_intake.create_group(org=org, facts=GroupFacts(name), member_ids=ids, cause=by_command())


class TestThePreview:
    def test_of_approving_again_for_another_target_is_refused(
        self, org: Organization, people: list[str], push: Any
    ) -> None:
        approved = mapped(org, push("Platform", *people))
        with pytest.raises(mappings.NotPending):
            runs.look(org, {"do": "approve", "ids": [str(approved.id)], "name": "Web"})

    def test_goes_stale_when_the_name_is_another_entity_s(
        self, org: Organization, people: list[str], push: Any
    ) -> None:  # M9
        group = push("Platform", *people)
        first, second = (EntityFactory.create(org=org, kind=TEAM, name=name) for name in ("Platform", "Web"))
        wish = {"do": "map", "group": str(group.id), "kind": TEAM}
        seen = runs.look(org, wish).fingerprint
        for entity, name in ((first, "Crew"), (second, "Platform")):
            entity_edits.rename_entity(org=org, entity_id=entity.id, name=name, cause=by_command())
        with pytest.raises(runs.Outdated):
            runs.confirmed(org, wish, seen, lambda: pytest.fail("carried out"))

    def test_writes_nothing_and_locks_nothing(self, org: Organization, people: list[str], push: Any) -> None:
        group = push("Platform", *people)
        with CaptureQueriesContext(connection) as queries:
            runs.look(org, {"do": "map", "group": str(group.id), "kind": TEAM})
        statements = [each["sql"] for each in queries]
        assert not [sql for sql in statements if "FOR UPDATE" in sql or "INSERT" in sql or "UPDATE " in sql]

    def test_refuses_what_the_command_would_refuse(self, org: Organization, people: list[str], push: Any) -> None:
        team = mapped(org, push("Platform", *people)).entity
        assert team
        group = push("Web", *people)
        with pytest.raises(mappings.EntityOwned, match="Platform"):
            runs.look(org, {"do": "map", "group": str(group.id), "kind": TEAM, "entity": str(team.id)})

    def test_that_went_stale_is_not_carried_out(
        self, org: Organization, idp: Idp, people: list[str], push: Any
    ) -> None:
        group = push("Platform", *people[:2])
        wish = {"do": "map", "group": str(group.id), "kind": TEAM}
        outlook = runs.look(org, wish)
        idp.patch(f"/Groups/{group.id}", {"op": "add", "path": "members", "value": [{"value": people[2]}]})
        with pytest.raises(runs.Outdated):
            runs.confirmed(org, wish, outlook.fingerprint, lambda: pytest.fail("carried out"))
        assert runs.look(org, wish).fingerprint != outlook.fingerprint

    def test_of_many_people_is_a_worker_s(
        self, org: Organization, people: list[str], push: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runs, "AT_ONCE", 3)
        group = push("Platform", *people)
        wish = {"do": "map", "group": str(group.id), "kind": TEAM}
        outlook = runs.look(org, wish)
        assert outlook.summary is None
        assert outlook.run.people == 4
        assert runs.serve()
        assert not runs.serve()
        again = runs.look(org, wish)
        assert again.run == outlook.run
        assert again.summary.entered == {"new team platform": 4}
        assert again.summary == Summary.of_json(again.summary.as_json())

    def test_of_many_people_is_worked_out_again_once_it_is_old(
        self, org: Organization, people: list[str], push: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # M9
        monkeypatch.setattr(runs, "AT_ONCE", 3)
        group = push("Platform", *people)
        wish = {"do": "map", "group": str(group.id), "kind": TEAM}
        runs.look(org, wish)
        assert runs.serve()
        User.objects.filter(id=people[0]).update(deleted_at=timezone.now(), active=False, login_email=None)
        Preview.objects.update(heard_at=timezone.now() - runs.FRESH)
        assert runs.look(org, wish).summary is None
        assert runs.serve()
        assert runs.look(org, wish).summary.entered == {"new team platform": 3}

    def test_that_a_worker_finds_refused_is_dropped(
        self, org: Organization, people: list[str], push: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runs, "AT_ONCE", 3)
        group = push("Platform", *people)
        runs.look(org, {"do": "map", "group": str(group.id), "kind": TEAM})
        Organization.objects.update(teams=False)
        assert runs.serve()
        assert not Preview.objects.exists()

    def test_is_worked_out_while_no_other_one_is_so_that_a_process_is_left_for_settling(
        self, org: Organization, people: list[str], push: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # S9
        monkeypatch.setattr(runs, "AT_ONCE", 3)
        group = push("Platform", *people)
        runs.look(org, {"do": "map", "group": str(group.id), "kind": TEAM})
        with psycopg.connect(connection.connection.info.dsn) as another_worker:
            another_worker.execute(runs._ALONE)
            assert not runs.serve()
        assert runs.serve()

    def test_costs_statements_in_proportion_to_the_people(self, org: Organization, push: Any) -> None:
        crowds.fill(org, 1500)
        group = push("Everybody", *map(str, User.objects.for_org(org).values_list("id", flat=True)))
        with CaptureQueriesContext(connection) as queries:
            outlook = runs.look(org, {"do": "map", "group": str(group.id), "kind": TEAM})
        assert outlook.summary.touched == 1500
        assert len(outlook.summary.some) == runs.SHOWN
        assert len(queries) <= 3 * 1500 / 500 + 20
        assert Standing.objects.for_org(org).count() == 1500
