"""Whatever an IdP sends and admins decide, in whatever order, effects are what the oracle reads in SPEC sections 5, 6.

Hypothesis plays the IdP over HTTP, the org's admins and support by their commands, on the real database. The worker
comes now and then; whom a request is about is settled when it answers (SPEC S7).
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

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
from groups_provisioning.actions.conflict_decisions import Card
from groups_provisioning.actions.rules import RuleFacts
from groups_provisioning.engine import reconcile
from groups_provisioning.models import (
    ROLE,
    Conflict,
    Decision,
    EndedGroup,
    GroupMapping,
    MappingRule,
    PatternType,
    PushedGroup,
    Status,
)
from groups_provisioning.preview import plans
from groups_provisioning.preview.plans import Wish
from groups_provisioning.preview.runs import Outlook
from orgs import entities, organizations
from orgs.history import Cause
from orgs.models import KIND_SWITCHES, Door, Entity, EntityKind, Mark, Organization, ScimToken, Turn, User
from tests import oracle
from tests.api import probes
from tests.api.consumer import Consumer, everything_in
from tests.conftest import Idp
from tests.factories import OrganizationFactory, issue_token
from tests.groups_provisioning.outlooks import foreseen, last_entry, what_came, what_was_said
from tests.groups_provisioning.states import effects_of, exported, facts_of
from tests.scim.lists import check_lists

PROFILES = {
    "lambdatest": {
        "user": "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:User",
        "group": "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:Group",
        "roles": ["Admin", "User", "Guest"],
    },
    "testomat": {
        "user": "urn:ietf:params:scim:schemas:extension:testomat:2.0:User",
        "roles": ["manager", "billing", "read", "qa"],
    },
}
NAMES = ["Red", "Green", "Blue", "Gold"]
REFUSALS = (*plans.REFUSALS, conflict_decisions.ConflictGone)
ANSWERS = {200, 201, 204, 400, 404, 409}

# An example takes many requests; HYPOTHESIS_PROFILE=deep looks longer.

few = settings(max_examples=settings().max_examples // 12, stateful_step_count=25)
one = st.integers(0, 3)
some = st.sets(one, max_size=4)
names = st.sampled_from(NAMES)
group_names = st.sampled_from([*NAMES, " Red", "Gold ", " gold"])  # blanks tell groups apart, and no entities
kinds = st.sampled_from(EntityKind.values)


class Portal(RuleBasedStateMachine):
    """One org with its IdP, admins and support; four people, four groups, four names for whatever has a name."""

    @initialize(
        dialect=st.sampled_from(sorted(PROFILES)),
        mapped_to=st.lists(kinds, max_size=4),
        given=st.lists(one, min_size=1, max_size=4),
    )
    def begin(self, dialect: str, mapped_to: list[str], given: list[int]) -> None:
        self.erased: list[UUID] = []
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.org = OrganizationFactory.create(dialect=dialect)
        self.profile = PROFILES[dialect]
        self.idp = Idp(issue_token(self.org).secret)
        self.said: dict[int, list[tuple[str, bool]]] = {number: [] for number in range(4)}
        for number in range(4):
            self.create_user(number, None, None, True)
        for number, (name, kind) in enumerate(zip(NAMES, mapped_to, strict=False)):
            self.push_group(name, {0, 1, 2, 3}, None)
            self.map_group(number, kind, name)
        for number, role in enumerate(given):
            self.push_group(NAMES[number], {0, 1, 2, 3}, None)
            self.give_group_a_role(number, role)
        for name in NAMES[:2]:
            self.create_entity(EntityKind.CONCURRENCY_GROUP, name)
        self.create_entity(EntityKind.TEAM, "By hand")
        self._settled()
        probes.untouched()
        self.consumer = Consumer(self.org)

    def teardown(self) -> None:
        if hasattr(self, "undo"):
            transaction.set_rollback(True)
            self.undo.__exit__(None, None, None)

    # --- The IdP ------------------------------------------------------------------------------------------------------

    @rule(number=one, role=st.none() | one, pool=st.none() | names, active=st.booleans())
    def create_user(self, number: int, role: int | None, pool: str | None, active: bool) -> None:
        body = {"userName": self._name(number), "active": active, **self._extension(role, pool)}
        if self._send("POST", "/Users", body, about=number):
            self.said[number].append(("idp", active))

    @rule(number=one, role=st.none() | one, pool=st.none() | names, active=st.booleans())
    def put_user(self, number: int, role: int | None, pool: str | None, active: bool) -> None:
        body = {"userName": self._name(number), "active": active, **self._extension(role, pool)}
        if (user := self._user(number)) and self._send("PUT", f"/Users/{user.id}", body, about=number):
            self.said[number].append(("idp", active))

    @rule(number=one, active=st.booleans())
    def switch_user(self, number: int, active: bool) -> None:
        if user := self._user(number):
            self._patch(f"/Users/{user.id}", {"op": "replace", "path": "active", "value": active}, about=number)
            self.said[number].append(("idp", active))

    @rule(number=one, role=one)
    def give_role(self, number: int, role: int) -> None:
        if user := self._user(number):
            self._patch(f"/Users/{user.id}", {"op": "replace", "value": self._extension(role, None)}, about=number)
            self.said[number].append(("idp", oracle.activity_of(self.said[number])[1]))

    @rule(number=one)
    def delete_user(self, number: int) -> None:
        if user := self._user(number):
            self._send("DELETE", f"/Users/{user.id}")
            self.said[number].append(("idp", False))

    @rule(number=one)
    def erase_user(self, number: int) -> None:  # U5
        closed = User.objects.for_org(self.org).filter(active=False, is_owner=False, erased_at=None)
        if user := self._pick(closed, number):
            self._try(erasing.erase, user_id=user.id)
            self.erased.append(user.id)

    @rule(name=group_names, members=some, role=st.none() | one)
    def push_group(self, name: str, members: set[int], role: int | None) -> None:
        self._send("POST", "/Groups", {"displayName": name, "members": self._ids(members), **self._group_roles(role)})

    @rule(number=one, name=group_names, members=st.none() | some, role=st.none() | one)
    def put_group(self, number: int, name: str, members: set[int] | None, role: int | None) -> None:
        if group := self._pick(PushedGroup.objects.for_org(self.org).live(), number):
            told = {} if members is None else {"members": self._ids(members)}
            self._send("PUT", f"/Groups/{group.id}", {"displayName": name, **told, **self._group_roles(role)})

    @rule(number=one, op=st.sampled_from(["add", "remove", "replace"]), members=some)
    def change_members(self, number: int, op: str, members: set[int]) -> None:
        if group := self._pick(PushedGroup.objects.for_org(self.org).live(), number):
            self._patch(f"/Groups/{group.id}", {"op": op, "path": "members", "value": self._ids(members)})

    @rule(number=one, name=group_names)
    def rename_group(self, number: int, name: str) -> None:
        if group := self._pick(PushedGroup.objects.for_org(self.org).live(), number):
            self._patch(f"/Groups/{group.id}", {"op": "replace", "path": "displayName", "value": name})

    @rule(number=one)
    def delete_group(self, number: int) -> None:
        if group := self._pick(PushedGroup.objects.for_org(self.org).live(), number):
            self._send("DELETE", f"/Groups/{group.id}")

    # --- Admins and support -------------------------------------------------------------------------------------------

    @rule(kind=kinds, pattern=st.sampled_from(["", "r", "g"]), auto=st.booleans(), apply=st.booleans())
    def add_rule(self, kind: str, pattern: str, auto: bool, apply: bool) -> None:
        pattern_type = PatternType.PREFIX if pattern else PatternType.ALL
        self._try(rules.add_rule, facts=RuleFacts(pattern_type, kind, pattern, auto))
        if apply:
            self._try(mappings.apply_rules, foresee={"do": "apply"})

    @rule(role=one, pattern=st.sampled_from(["", "r", "g"]), auto=st.booleans(), apply=st.booleans())
    def add_role_rule(self, role: int, pattern: str, auto: bool, apply: bool) -> None:
        pattern_type = PatternType.PREFIX if pattern else PatternType.ALL
        self._try(rules.add_rule, facts=RuleFacts(pattern_type, ROLE, pattern, auto, self._role(role)))
        if apply:
            self._try(mappings.apply_rules, foresee={"do": "apply", "roles": True}, roles=True)

    @rule(number=one)
    def delete_rule(self, number: int) -> None:
        if found := self._pick(MappingRule.objects.for_org(self.org), number):
            self._try(rules.delete_rule, rule_id=found.id)

    @rule(number=one, kind=kinds, name=names)
    def map_group(self, number: int, kind: str, name: str) -> None:
        if group := self._pick(PushedGroup.objects.for_org(self.org).live(), number):
            wish = {"do": "map", "group": str(group.id), "kind": kind, "name": name}
            self._try(mappings.map_group, foresee=wish, group_id=group.id, kind=kind, target=name)

    @rule(number=one, role=one)
    def give_group_a_role(self, number: int, role: int) -> None:
        if group := self._pick(PushedGroup.objects.for_org(self.org).live(), number):
            wish = {"do": "map", "group": str(group.id), "kind": ROLE, "name": self._role(role)}
            self._try(mappings.map_group, foresee=wish, group_id=group.id, kind=ROLE, target=self._role(role))

    @rule(number=one, name=st.none() | names)
    def approve(self, number: int, name: str | None) -> None:
        if mapping := self._pick(GroupMapping.objects.for_org(self.org).filter(status=Status.PENDING), number):
            wish = {"do": "approve", "ids": [str(mapping.id)], "name": name or ""}
            self._try(mappings.approve, foresee=wish, mapping_id=mapping.id, target=name)

    @rule(places=st.sets(st.integers(0, 7), min_size=2))
    def approve_many(self, places: set[int]) -> None:
        pending = list(GroupMapping.objects.for_org(self.org).filter(status=Status.PENDING).order_by("-id"))
        ids = [pending[place].id for place in places if place < len(pending)]
        if len(ids) > 1:
            wish = {"do": "approve", "ids": [str(id_) for id_ in ids]}
            self._try(mappings.approve_many, foresee=wish, mapping_ids=ids)

    @rule(number=one, name=names)
    def retarget(self, number: int, name: str) -> None:
        if mapping := self._pick(GroupMapping.objects.live().for_org(self.org), number):
            name = self._role(NAMES.index(name)) if mapping.role else name
            wish = {"do": "retarget", "mapping": str(mapping.id), "name": name}
            self._try(mappings.retarget, foresee=wish, mapping_id=mapping.id, target=name)

    @rule(number=one)
    def reject(self, number: int) -> None:
        if mapping := self._pick(GroupMapping.objects.live().for_org(self.org), number):
            wish = {"do": "reject", "ids": [str(mapping.id)]}
            self._try(mappings.reject, foresee=wish, mapping_ids=[mapping.id])

    @rule(numbers=st.sets(one, min_size=1, max_size=2))
    def end_groups(self, numbers: set[int]) -> None:
        live = list(PushedGroup.objects.for_org(self.org).live().order_by("id"))
        ids = sorted({live[number % len(live)].id for number in numbers}) if live else []
        if ids:
            self._try(_end_all, foresee={"do": "end", "ids": [str(id_) for id_ in ids]}, ids=ids)

    @rule(number=one)
    def undo_end(self, number: int) -> None:
        if end := self._pick(EndedGroup.objects.for_org(self.org), number):
            wish = {"do": "undo_end", "group": str(end.group_id)}
            self._try(group_ends.undo_end, foresee=wish, group_id=end.group_id)

    @rule(number=one)
    def end_and_undo_at_once(self, number: int) -> None:
        """The facts are as they were, and so is everybody (G10)."""
        if group := self._pick(PushedGroup.objects.for_org(self.org).live(), number):
            before = _but_for_revisions(self._settled())
            group_ends.end_group(org=self.org, group_id=group.id, cause=self._cause())
            group_ends.undo_end(org=self.org, group_id=group.id, cause=self._cause())
            assert _but_for_revisions(self._settled()) == before

    @rule(kind=kinds, name=names)
    def create_entity(self, kind: str, name: str) -> None:
        self._try(entity_edits.create_entity, kind=kind, name=name)

    @rule(number=one, name=names)
    def rename_entity(self, number: int, name: str) -> None:
        if entity := self._pick(Entity.objects.live().for_org(self.org), number):
            self._try(entity_edits.rename_entity, entity_id=entity.id, name=name)

    @rule(number=one)
    def delete_entity(self, number: int) -> None:
        if entity := self._pick(Entity.objects.live().for_org(self.org), number):
            wish = {"do": "delete_entity", "entity": str(entity.id)}
            self._try(entity_edits.delete_entity, foresee=wish, entity_id=entity.id)

    @rule(kind=kinds)
    def switch_kind(self, kind: str) -> None:
        switch = KIND_SWITCHES[EntityKind(kind)]
        wish = {"do": "switch_kinds", "on": sorted(entities.kinds_on(self.org) ^ {kind})}
        self._try(organizations.change, foresee=wish, wishes={switch: not getattr(self.org, switch)})
        self.org.refresh_from_db()

    @rule(number=one, entity=st.integers(0, 6))
    def place(self, number: int, entity: int) -> None:
        self._by_hand(manual_changes.place, number, entity)

    @rule(
        number=one,
        entity=st.integers(0, 6),
        command=st.sampled_from([manual_changes.take_out, manual_changes.put_back]),
    )
    def take_out(self, number: int, entity: int, command: Callable[..., Any]) -> None:
        self._by_hand(command, number, entity)

    def _by_hand(self, command: Callable[..., Any], number: int, entity: int) -> None:
        user, where = self._user(number), self._pick(Entity.objects.live().for_org(self.org), entity)
        if user and where and self._try(command, user_id=user.id, entity_id=where.id):
            self._check_settled(user)

    @rule(number=one, roles=st.none() | some)
    def set_roles(self, number: int, roles: set[int] | None) -> None:
        user, keys = self._user(number), roles and [self._role(role) for role in roles]
        if user and self._try(manual_changes.set_roles, user_id=user.id, roles=keys):
            self._check_settled(user)

    @rule(number=one, active=st.booleans(), silent=st.booleans())
    def switch_by_hand(self, number: int, active: bool, silent: bool) -> None:
        if user := self._user(number):
            last_used_at = timezone.now() - (account_switches.SILENT if silent else timedelta())
            ScimToken.objects.for_org(self.org).update(last_used_at=last_used_at)
            wish = {"do": "switch_person", "user": str(user.id), "active": active}
            command = account_switches.activate if active else account_switches.deactivate
            self.said[number].append(("admin", active))
            done = self._try(command, foresee=wish, user_id=user.id)
            if done is None:
                self.said[number].pop()
            elif done:
                self._check_settled(user)

    @rule(number=one, use_incoming=st.booleans())
    def decide(self, number: int, use_incoming: bool) -> None:
        if conflict := self._pick(Conflict.objects.for_org(self.org), number):
            card = Card.of(conflict)
            told = [[str(card.user_id), str(card.incoming_id), [str(holder) for holder in card.holders]]]
            wish = {"do": "decide", "cards": told, "use_incoming": use_incoming}
            self._try(conflict_decisions.decide, foresee=wish, cards=[card], use_incoming=use_incoming)

    @rule(number=one)
    def undo_decision(self, number: int) -> None:
        if decision := self._pick(Decision.objects.for_org(self.org).filter(undone_by=None), number):
            self._try(conflict_decisions.undo, decision_ids=[decision.id])

    # --- The worker, and what is true after it ------------------------------------------------------------------------

    @rule()
    def settle(self) -> None:
        self._settled()

    @rule()
    def rebuild(self) -> None:
        settled = self._settled()
        probes.untouched()
        reconcile.rebuild(org=self.org)
        probes.untouched()  # whoever has it rebuilt touches everybody
        assert exported(self.org) == settled
        with connection.cursor() as cursor:  # what is checked on commit: each change that is named was recorded
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")

    @invariant()
    def the_feed_has_told_everything(self) -> None:  # E1
        """Every row that it shows and that changed was touched, and who keeps a cursor has what newcomers get.

        What SCIM keeps of its lists for as long as nothing is touched is right too.
        """
        if hasattr(self, "consumer"):
            check_lists(self.org)
            assert probes.untouched() == []
            self.consumer.poll()
            anew = Consumer(self.org, self.consumer.secret)
            anew.poll()
            told, present = self.consumer.states(), anew.states()
            for kind, id_ in present:
                if kind == "person":  # who comes to wait is not told until it is over
                    assert not told[kind, id_].pop("pending") or present[kind, id_]["pending"]
                    del present[kind, id_]["pending"]
            assert told == present
            assert self.consumer.table.keys() == anew.table.keys() == everything_in(self.org)

    def _settled(self) -> dict[str, Any]:
        """The state after a worker came: nobody waits, and the effects are those that the facts ask for."""
        before = exported(self.org)
        admin = next(role["key"] for role in before["organization"]["roles"] if role["admin"])
        admins = {person["id"] for person in before["people"] if admin in person["roles"]}
        # One batch for all, so that of several who lose the admin role at once it is known who keeps it (R5).
        Turn.objects.for_org(self.org).update(reached=None)
        reconcile.settle_marked(self.org.id)
        after = exported(self.org)
        assert after["waiting"] == []
        for number, words in self.said.items():
            if user := self._user(number):
                assert (user.active, user.activity.said) == oracle.activity_of(words)
        assert effects_of(after) == oracle.expected(facts_of(before), admins)
        return after

    def _check_settled(self, user: User) -> None:
        """Whom a request or command was about is where the facts say (SPEC S7)."""
        state = exported(self.org)
        told = effects_of(state)["people"][str(user.id)]
        wanted = oracle.expected(facts_of(state))["people"][str(user.id)]
        assert told | {"roles": None} == wanted | {"roles": None}  # those may hang on others who wait (R5)

    # --- How ----------------------------------------------------------------------------------------------------------

    def _send(self, method: str, path: str, body: Any = None, *, about: int | None = None) -> bool:
        """Whether it was done. about: the person whom the request is to settle, where it changes anything."""
        before = about is not None and self._user(about)
        answer = self.idp(method, path, body)
        assert answer.status_code in ANSWERS, answer.content
        after = about is not None and self._user(about)
        if after and (not before or before.revision != after.revision):
            self._check_settled(after)
        return answer.status_code < 400

    def _patch(self, path: str, operation: dict[str, Any], *, about: int | None = None) -> None:
        schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
        self._send("PATCH", path, {"schemas": schemas, "Operations": [operation]}, about=about)

    def _try(self, command: Callable[..., Any], *, foresee: Wish | None = None, **wish: Any) -> Any:
        """What the command says, or None where it refuses.

        foresee: look at what would come of it, and see that just this comes of it (SPEC M9). Only where nobody waits to
        be settled, whose settling would mix with it.
        """
        looks = foresee is not None and not Mark.objects.for_org(self.org).exists()
        outlook = foreseen(self.org, foresee) if looks else None
        before, said, refusal = last_entry(), None, None
        try:
            said = command(org=self.org, cause=self._cause(), **wish)
        except REFUSALS as refused:
            refusal = refused
        if looks and refusal:
            assert type(outlook) is type(refusal)
        elif looks:
            self.org.refresh_from_db()
            self._settled()
            assert isinstance(outlook, Outlook)
            assert what_came(self.org, outlook, since=before) == what_was_said(outlook)
            if not isinstance(said, mappings.Approvals):
                return said
            refused = said.refused
            assert {id_: type(each) for id_, each in outlook.plan.refused.items()} == {
                str(id_): type(each) for id_, each in refused.items()
            }
        return said

    def _cause(self) -> Cause:
        return Cause(Door.COMMAND, timezone.now())

    def _pick(self, rows: Any, number: int) -> Any:
        found = list(rows.order_by("id"))
        return found[number % len(found)] if found else None

    def _name(self, number: int) -> str:
        return f"{number}@{self.org.slug}.example"

    def _user(self, number: int) -> User | None:
        return User.objects.for_org(self.org).provisionable().filter(user_name=self._name(number)).first()

    def _ids(self, numbers: set[int]) -> list[dict[str, str]]:
        """Those of the people; the erased are sent by an IdP that does not know, and are skipped (SPEC G3)."""
        ids = [user.id for number in sorted(numbers) if (user := self._user(number))]
        return [{"value": str(id_)} for id_ in (*ids, *self.erased)]

    def _role(self, number: int) -> str:
        return self.profile["roles"][number % len(self.profile["roles"])]

    def _extension(self, role: int | None, pool: str | None) -> dict[str, Any]:
        if "group" not in self.profile:
            return {self.profile["user"]: {"testomat_roles": [] if role is None else [self._role(role)]}}
        told = {"OrganizationRole": None if role is None else self._role(role), "LambdatestGroup": pool}
        return {self.profile["user"]: {name: value for name, value in told.items() if value}}

    def _group_roles(self, role: int | None) -> dict[str, Any]:
        if role is None or "group" not in self.profile:
            return {}
        return {self.profile["group"]: {"LambdatestRoles": [self._role(role)]}}


def _end_all(*, org: Organization, ids: list[UUID], cause: Cause) -> None:
    with transaction.atomic():
        for id_ in ids:
            group_ends.end_group(org=org, group_id=id_, cause=cause)


def _but_for_revisions(state: dict[str, Any]) -> dict[str, Any]:
    """An exported state without what tells that groups were written."""
    groups = [{**group, "revision": None, "modified_at": None} for group in state["groups"]]
    return {**state, "groups": groups}


@pytest.mark.usefixtures("db")
def test_whatever_happens_the_engine_and_the_oracle_agree() -> None:
    probes.install()
    run_state_machine_as_test(Portal, settings=few)
