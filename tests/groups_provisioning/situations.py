"""Situations that explanations, checks and pages are about: facts as the commands would leave them, then settled."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from groups_provisioning.actions.mapping_rows import told
from groups_provisioning.engine import reconcile
from groups_provisioning.models import ROLE, Decision, GroupMapping, GroupMember, MappingRule, PushedGroup, Status
from orgs import history
from orgs.change_details import (
    ConflictDecided,
    Detail,
    EntityCreated,
    GroupChanged,
    GroupCreated,
    MappingApproved,
    ProfileChanged,
    RuleAdded,
    RulesApplied,
    UserPlaced,
    UserTakenOut,
)
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

    def change(self, cause: Cause, detail: Detail) -> Change:
        return history.record(self.org, cause, detail)

    def person(self, name: str, **facts: Any) -> User:
        given, _, family = name.partition(" ")
        address = f"{name.lower().replace(' ', '.')}@northwind.example"
        return UserFactory.create(org=self.org, user_name=address, given_name=given, family_name=family, **facts)

    def group(self, name: str, *members: User, roles: tuple[str, ...] = ()) -> PushedGroup:
        cause = self.by_scim()
        group = PushedGroup.objects.create(
            org=self.org, display_name=name, roles=list(roles), created_at=cause.at, modified_at=cause.at
        )
        change = self.change(cause, GroupCreated(**_about(group), added=len(members), removed=0, nested=0, marked=0))
        self._join(group, members, change)
        return group

    def join(self, group: PushedGroup, *members: User) -> None:
        change = self.change(
            self.by_scim(), GroupChanged(**_about(group), added=len(members), removed=0, nested=0, marked=0)
        )
        self._join(group, members, change)

    def leave(self, group: PushedGroup, *members: User) -> None:
        self.change(self.by_scim(), GroupChanged(**_about(group), added=0, removed=len(members), nested=0, marked=0))
        GroupMember.objects.filter(group=group, user__in=members).delete()

    def entity(self, name: str, kind: str = EntityKind.TEAM) -> Entity:
        cause = self.by_admin()
        entity = Entity.objects.create(org=self.org, kind=kind, name=name, created_at=cause.at)
        self.change(cause, EntityCreated(entity=str(entity.id), kind=kind, name=name, session_limit=None))
        return entity

    def rule(self, pattern: str, kind: str = EntityKind.TEAM, role: str = "") -> MappingRule:
        """role: of a role rule."""
        kind = ROLE if role else kind
        position = MappingRule.objects.for_org(self.org).of_list(roles=bool(role)).count() + 1
        rule = MappingRule.objects.create(
            org=self.org,
            position=position,
            pattern_type="prefix",
            pattern=pattern,
            kind=kind,
            role=role,
            created_at=self.at,
        )
        self.change(
            self.by_admin(),
            RuleAdded(
                rule={
                    "id": str(rule.id),
                    "pattern_type": rule.pattern_type,
                    "kind": kind,
                    "pattern": pattern,
                    "auto_approve": rule.auto_approve,
                }
            ),
        )
        return rule

    def map(
        self,
        group: PushedGroup,
        entity: Entity,
        status: str = Status.APPROVED,
        rule: MappingRule | None = None,
        **columns: Any,
    ) -> GroupMapping:
        mapping = GroupMapping(group=group, kind=entity.kind, entity=entity, status=status, rule=rule)
        return self._mapped(mapping, columns)

    def give(
        self, group: PushedGroup, role: str, status: str = Status.APPROVED, rule: MappingRule | None = None
    ) -> GroupMapping:
        return self._mapped(GroupMapping(group=group, kind=ROLE, role=role, status=status, rule=rule), {})

    def _mapped(self, mapping: GroupMapping, columns: dict[str, Any]) -> GroupMapping:
        group, status, rule = mapping.group, mapping.status, mapping.rule
        cause = self.by_scim() if rule else self.by_admin()
        synced = status in (Status.APPROVED, Status.AUTO_APPROVED)
        mapping.org, mapping.created_at = self.org, cause.at
        mapping.switched_at = [cause.at] if synced else []
        mapping.reason = "asked" if status == Status.PENDING else ""
        for name, value in columns.items():
            setattr(mapping, name, value)
        story = told(mapping, group, was=None)
        if rule:
            pending = int(status == Status.PENDING)
            detail: Detail = RulesApplied(rule=None, approved=1 - pending, pending=pending, mappings=[story], marked=0)
        else:
            detail = MappingApproved(mappings=[story], marked=0)
        mapping.change = self.change(cause, detail)
        mapping.save(force_insert=True)
        return mapping

    def hand(self, user: User, entity: Entity, *, placed: bool = True) -> HandPlacement:
        about = {"user": str(user.id), "entity": str(entity.id), "kind": entity.kind, "name": entity.name}
        change = self.change(
            self.by_admin(), UserPlaced(**about) if placed else UserTakenOut(**about, against_scim=True)
        )
        return HandPlacement.objects.create(org=self.org, user=user, entity=entity, placed=placed, change=change)

    def decide(self, user: User, winner: GroupMapping, loser: GroupMapping) -> Decision:
        cause = self.by_admin()
        change = self.change(cause, ConflictDecided(user=str(user.id), use="current", conflicts=1))
        return Decision.objects.create(org=self.org, user=user, winner=winner, loser=loser, at=cause.at, change=change)

    @command
    def settle(self) -> Change:
        """Settle everybody, as of a change of its own."""
        change = self.change(self.by_scim(), ProfileChanged(profile=self.org.profile.key, marked=0))
        for user in User.objects.for_org(self.org).order_by("id"):
            effects = reconcile.settle(org=self.org, user=user).effects
            history.enter(self.org.id, [(change.id, effect) for effect in effects])
        return change

    def _join(self, group: PushedGroup, members: tuple[User, ...], change: Change) -> None:
        GroupMember.objects.bulk_create(
            [GroupMember(org=self.org, group=group, user=user, added_at=change.at, added_by=change) for user in members]
        )


def _about(group: PushedGroup) -> dict[str, Any]:
    return {"group": str(group.id), "name": group.display_name}
