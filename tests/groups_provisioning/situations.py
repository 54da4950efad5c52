"""Situations that explanations, checks and pages are about: facts as the commands would leave them, then settled."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from groups_provisioning.engine import reconcile
from groups_provisioning.models import Decision, GroupMapping, GroupMember, MappingRule, PushedGroup, Status
from orgs import history
from orgs.db.keys import uuid7
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import Change, Door, Entity, EntityKind, HandPlacement, Organization, ScimToken, User
from tests.factories import UserFactory, issue_token


class Situation:
    """An org with an identity provider and an admin; every fact comes a minute after the one before."""

    def __init__(self, org: Organization, admin: User, start: datetime | None = None) -> None:
        self.org = org
        self.admin = admin
        self.at = start or timezone.now() - timedelta(days=2)
        self.token: ScimToken = issue_token(org, name="Okta production", idp="okta").token

    def by_scim(self) -> Cause:
        self.at += timedelta(minutes=1)
        return Cause(Door.SCIM, self.at, token=self.token, request_id=uuid7())

    def by_admin(self) -> Cause:
        self.at += timedelta(minutes=1)
        return Cause(Door.PAGE, self.at, person=self.admin)

    def change(self, cause: Cause, verb: str, **detail: Any) -> Change:
        return history.record(self.org, cause, verb, **detail)

    def person(self, name: str, **facts: Any) -> User:
        given, _, family = name.partition(" ")
        address = f"{name.lower().replace(' ', '.')}@northwind.example"
        return UserFactory.create(org=self.org, user_name=address, given_name=given, family_name=family, **facts)

    def group(self, name: str, *members: User, roles: tuple[str, ...] = ()) -> PushedGroup:
        cause = self.by_scim()
        group = PushedGroup.objects.create(
            org=self.org, display_name=name, roles=list(roles), created_at=cause.at, modified_at=cause.at
        )
        change = self.change(cause, "group.created", group=str(group.id), name=name, added=len(members))
        self._join(group, members, change)
        return group

    def join(self, group: PushedGroup, *members: User) -> None:
        change = self.change(
            self.by_scim(), "group.changed", group=str(group.id), name=group.display_name, added=len(members)
        )
        self._join(group, members, change)

    def leave(self, group: PushedGroup, *members: User) -> None:
        self.change(self.by_scim(), "group.changed", group=str(group.id), name=group.display_name, removed=len(members))
        GroupMember.objects.filter(group=group, user__in=members).delete()

    def entity(self, name: str, kind: str = EntityKind.TEAM) -> Entity:
        cause = self.by_admin()
        entity = Entity.objects.create(org=self.org, kind=kind, name=name, created_at=cause.at)
        self.change(cause, "entity.created", entity=str(entity.id), kind=kind, name=name)
        return entity

    def rule(self, pattern: str, kind: str = EntityKind.TEAM) -> MappingRule:
        position = MappingRule.objects.for_org(self.org).count() + 1
        rule = MappingRule.objects.create(
            org=self.org, position=position, pattern_type="prefix", pattern=pattern, kind=kind, created_at=self.at
        )
        self.change(self.by_admin(), "rule.added", rule={"id": str(rule.id), "pattern": pattern, "kind": kind})
        return rule

    def map(
        self,
        group: PushedGroup,
        entity: Entity,
        status: str = Status.APPROVED,
        rule: MappingRule | None = None,
        **columns: Any,
    ) -> GroupMapping:
        cause = self.by_scim() if rule else self.by_admin()
        synced = status in (Status.APPROVED, Status.AUTO_APPROVED)
        mapping = GroupMapping(
            org=self.org, group=group, kind=entity.kind, entity=entity, status=status, rule=rule, created_at=cause.at
        )
        mapping.approved_at = cause.at if synced else None
        mapping.reason = "asked" if status == Status.PENDING else ""
        for name, value in columns.items():
            setattr(mapping, name, value)
        told = {
            "mapping": str(mapping.id),
            "group": str(group.id),
            "group_name": group.display_name,
            "kind": entity.kind,
            "entity": str(entity.id),
            "entity_name": entity.name,
            "rule": rule and {"id": str(rule.id), "pattern_type": rule.pattern_type, "pattern": rule.pattern},
            "was": None,
            "now": status,
            "reason": mapping.reason,
        }
        mapping.change = self.change(cause, f"mapping.{status}", mappings=[told])
        mapping.save(force_insert=True)
        return mapping

    def hand(self, user: User, entity: Entity, *, placed: bool = True) -> HandPlacement:
        change = self.change(
            self.by_admin(), "person.placed" if placed else "person.taken_out", user=str(user.id), entity=str(entity.id)
        )
        return HandPlacement.objects.create(org=self.org, user=user, entity=entity, placed=placed, change=change)

    def decide(self, user: User, winner: GroupMapping, loser: GroupMapping) -> Decision:
        cause = self.by_admin()
        change = self.change(cause, "conflict.decided", user=str(user.id))
        return Decision.objects.create(org=self.org, user=user, winner=winner, loser=loser, at=cause.at, change=change)

    @command
    def settle(self) -> Change:
        """Settle everybody, as of a change of its own."""
        change = self.change(self.by_scim(), "test.settled")
        for user in User.objects.for_org(self.org).order_by("id"):
            effects = reconcile.settle(org=self.org, user=user).effects
            history.enter(self.org.id, [(change.id, effect) for effect in effects])
        return change

    def _join(self, group: PushedGroup, members: tuple[User, ...], change: Change) -> None:
        GroupMember.objects.bulk_create(
            [GroupMember(org=self.org, group=group, user=user, added_at=change.at, added_by=change) for user in members]
        )
