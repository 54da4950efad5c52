"""Of any facts at all, the engine makes what the oracle reads in SPEC sections 5 and 6; the two share no code."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, note, settings
from hypothesis import strategies as st

from groups_provisioning.engine import reconcile
from groups_provisioning.models import ROLE, Decision, GroupMapping, GroupMember, Pending, PushedGroup, Status
from groups_provisioning.models.mappings import EXCLUSIVE
from orgs import queue
from orgs.models import (
    KIND_SWITCHES,
    Change,
    Door,
    Entity,
    EntityKind,
    HandPlacement,
    LastAdmin,
    Standing,
    User,
)
from tests import oracle
from tests.factories import OrganizationFactory
from tests.groups_provisioning.states import drift, effects_of, exported, facts_of

START = datetime(2026, 5, 4, tzinfo=UTC)
INSTANTS = [START + timedelta(seconds=seconds) for seconds in range(7)]
instants = st.sampled_from(INSTANTS)
times = st.lists(instants, max_size=4).map(sorted)


class Facts:
    """Rows of one org as hypothesis draws them: whatever commands could have left, at times that often coincide."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.org = OrganizationFactory.create(dialect=draw(st.sampled_from(["lambdatest", "testomat"])))
        for switch in KIND_SWITCHES.values():
            if not self.usually():
                setattr(self.org, switch, False)
            setattr(self.org, f"{switch}_switched_at", draw(times))
        self.org.save()
        about: dict[str, Any] = {"org": self.org, "door": Door.COMMAND, "verb": "drawn"}
        self.changes = {at: Change(at=at, **about) for at in INSTANTS}
        self.change = self.changes[START]
        keys = [role.key for role in self.org.profile.roles.all()]
        self.roles = st.lists(st.sampled_from([*keys, "no role"]), max_size=2)
        pool, sub, team = EntityKind.CONCURRENCY_GROUP, EntityKind.SUB_ORGANIZATION, EntityKind.TEAM
        kinds = [pool, pool, pool, sub, sub, team, team]
        self.entities = [self._entity(number, kind) for number, kind in enumerate(kinds)]
        self.people = [self._person(number) for number in range(3)]
        self.by_hand = [row for user in self.people for row in self._by_hand(user)]
        self.groups = [self._group(number) for number in range(draw(st.sampled_from([5, 4, 3])))]
        self.members = [row for group in self.groups for row in self._members(group)]
        self.mappings: list[GroupMapping] = []
        for group in self.groups:
            for entity in draw(st.lists(st.sampled_from(self.entities), min_size=1, max_size=3, unique=True)):
                self.mappings.append(self._mapping(group, entity))
            for role in set(draw(self.roles)):
                self.mappings.append(self._gift(group, role, exists=role in keys))
        self.decisions = [row for user in self.people for row in self._decisions(user)]
        Change.objects.bulk_create(self.changes.values())
        Entity.objects.bulk_create(self.entities)
        User.objects.bulk_create(self.people)
        HandPlacement.objects.bulk_create(self.by_hand)
        PushedGroup.objects.bulk_create(self.groups)
        GroupMember.objects.bulk_create(self.members)
        GroupMapping.objects.bulk_create(self.mappings)
        Decision.objects.bulk_create(self.decisions)
        self._admins_until_now()

    def usually(self) -> bool:
        return self.draw(st.sampled_from([True] * 7 + [False]))

    def _entity(self, number: int, kind: str) -> Entity:
        deleted_at = None if self.usually() else START
        return Entity(org=self.org, kind=kind, name=f"{kind} {number}", created_at=START, deleted_at=deleted_at)

    def _person(self, number: int) -> User:
        user = User(org=self.org, user_name=f"{number}@{self.org.slug}", created_at=START, modified_at=START)
        user.active = self.usually()
        user.deleted_at = None if user.active or self.usually() else START
        user.deactivated_at = [] if self.usually() else self.draw(times)
        user.idp_roles, user.manual_roles = self.draw(st.none() | self.roles), self.draw(st.none() | self.roles)
        user.placement = self.draw(st.none() | st.sampled_from(self.entities[:3]))
        return user

    def _by_hand(self, user: User) -> Iterator[HandPlacement]:
        for entity in self.entities if user.deleted_at is None else []:
            if not self.usually():
                change = self.changes[self.draw(instants)]
                placed = self.draw(st.booleans())
                yield HandPlacement(org=self.org, user=user, entity=entity, placed=placed, change=change)

    def _group(self, number: int) -> PushedGroup:
        group = PushedGroup(org=self.org, display_name=f"Group {number}", created_at=START, modified_at=START)
        group.deleted_at = None if self.usually() else START
        group.roles = [] if self.usually() else self.draw(self.roles)
        return group

    def _members(self, group: PushedGroup) -> Iterator[GroupMember]:
        for user in self.people:
            if user.deleted_at is None and self.usually():
                added_at = self.draw(instants)
                yield GroupMember(org=self.org, group=group, user=user, added_at=added_at, added_by=self.change)

    def _mapping(self, group: PushedGroup, entity: Entity) -> GroupMapping:
        """Approved, unless SPEC M1 forbids it or it is drawn otherwise."""
        live = [other for other in self.mappings if other.status != Status.REJECTED]
        beside = {other.kind for other in live if other.group == group}
        sub = EntityKind.SUB_ORGANIZATION
        excluded = beside and ((entity.kind in EXCLUSIVE and entity.kind in beside) or sub in {entity.kind, *beside})
        mapping = GroupMapping(org=self.org, group=group, kind=entity.kind, entity=entity, created_at=START)
        mapping.status, mapping.change = Status.APPROVED, self.change
        mapping.switched_at = [self.draw(instants)] if self.usually() else self.draw(times) or [START]
        if group.deleted_at or excluded or entity in [other.entity for other in live]:
            mapping.status = Status.REJECTED
        elif entity.deleted_at:
            mapping.status, mapping.reason, mapping.target_deleted = Status.PENDING, Pending.TARGET_DELETED, True
        elif not self.usually():
            mapping.status, mapping.reason = Status.PENDING, Pending.RULE_CHANGED
            mapping.switched_at = self.draw(times)
        return mapping

    def _gift(self, group: PushedGroup, role: str, *, exists: bool) -> GroupMapping:
        """A mapping to a role: approved, unless the group is deleted, the role does not exist, or it is drawn so."""
        mapping = GroupMapping(org=self.org, group=group, kind=ROLE, role=role, created_at=START, change=self.change)
        mapping.status, mapping.switched_at = Status.APPROVED, [self.draw(instants)]
        if group.deleted_at:
            mapping.status = Status.REJECTED
        elif not exists:
            mapping.status, mapping.reason, mapping.target_deleted = Status.PENDING, Pending.TARGET_DELETED, True
        elif not self.usually():
            mapping.status, mapping.reason, mapping.switched_at = Status.PENDING, Pending.RULE_CHANGED, self.draw(times)
        return mapping

    def _decisions(self, user: User) -> Iterator[Decision]:
        live = [mapping for mapping in self.mappings if mapping.status != Status.REJECTED]
        pairs = [
            pair
            for pair in permutations([each for each in live if each.entity], 2)
            if {mapping.kind for mapping in pair} & {*EXCLUSIVE}
        ]
        number = self.draw(st.integers(0, 5)) if pairs else 0
        for winner, loser in [self.draw(st.sampled_from(pairs)) for _ in range(number)]:
            decision = Decision(org=self.org, user=user, winner=winner, loser=loser, change=self.change)
            decision.at, decision.undone_by = self.draw(instants), None if self.usually() else self.change
            yield decision

    def _admins_until_now(self) -> None:
        """Those who have the admin role until they are settled; one alone may have it against the facts (R5)."""
        role = self.org.profile.roles.get(is_admin=True).key
        admins = [user for user in self.people if not self.usually()]
        Standing.objects.bulk_create(Standing(org=self.org, user=user, roles=[role]) for user in admins)
        self.admins = {str(user.id) for user in admins}
        if len(admins) == 1 and self.draw(st.booleans()):
            LastAdmin.objects.create(org=self.org, user=admins[0])

    def settle(self) -> None:
        queue.mark(self.org.id, [user.id for user in self.people], self.change.id)
        assert reconcile.settle_marked(self.org.id) == len(self.people)


@pytest.mark.usefixtures("db")
@settings(max_examples=settings().max_examples // 4)
@given(st.data())
def test_whatever_was_said_the_engine_and_the_oracle_agree(data: st.DataObject) -> None:
    with transaction.atomic():
        drawn = Facts(data.draw)
        before = exported(drawn.org)
        note(json.dumps(before, indent=1))
        drawn.settle()
        after = exported(drawn.org)
        assert effects_of(after) == oracle.expected(facts_of(before), drawn.admins)
        assert drift(drawn.org) == []
        transaction.set_rollback(True)
