"""What the feed tells, by id and by list: the same states (SPEC E2). What is deleted is not there."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from api import lists, problems, states
from api.base import ApiView, OrgView
from api.description import describes
from api.explanations import AT, past_of
from api.lists import Show, serialized
from api.serializers import (
    RESOURCES,
    STATES,
    EntitiesQuery,
    GroupsQuery,
    OrganizationsQuery,
    PageQuery,
    PeopleQuery,
    page_of,
)
from groups_provisioning.engine import as_of
from groups_provisioning.models import GroupMember, PushedGroup
from orgs.models import Entity, EntityKind, Organization, User


def in_states(kind: str) -> Show[Any]:
    """Shows rows of a kind by their states."""

    def show(rows: Sequence[Any]) -> list[dict[str, Any]]:
        found = states.of_kind(kind, [str(row.id) for row in rows])
        serializer = STATES[kind]()
        items = []
        for row in rows:
            one = found[str(row.id)]
            if one is None:  # more than is read at once
                break
            items.append({"id": str(row.id)} | serializer.to_representation(one.state))
        return items

    return show


class Organizations(ApiView):
    @describes("List organizations", query=OrganizationsQuery, answer=page_of(RESOURCES["organization"]))
    def get(self, request: Request) -> dict[str, Any]:
        """All of them for a key of the operator, its own for a key of an organization."""
        rows = Organization.objects.filter(closed_at=None)
        if self.key_of is not None:
            rows = rows.filter(id=self.key_of)
        return lists.answer(self, request, OrganizationsQuery, rows.only("id"), in_states("organization"))


class OneOrganization(OrgView):
    @describes("Read an organization", answer=RESOURCES["organization"])
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        return lists.one(Organization.objects.filter(closed_at=None), in_states("organization"), org)


class People(OrgView):
    @describes("List people", query=PeopleQuery, answer=page_of(RESOURCES["person"]))
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        """Inactive people too, and the owner."""
        return lists.answer(self, request, PeopleQuery, people(self.org), in_states("person"))


class OnePerson(OrgView):
    @describes("Read a person", answer=RESOURCES["person"])
    def get(self, request: Request, org: UUID, person: UUID) -> dict[str, Any]:
        return lists.one(people(self.org), in_states("person"), person)


def people(org: Organization) -> QuerySet[User]:
    return User.objects.for_org(org).live().only("id")


def entities(org: Organization, kind: EntityKind) -> QuerySet[Entity]:
    return Entity.objects.for_org(org).live().filter(kind=kind).only("id")


class Entities(OrgView):
    """The entities of one kind."""

    kind: EntityKind

    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        return lists.answer(self, request, EntitiesQuery, entities(self.org, self.kind), in_states(self.kind))


class OneEntity(OrgView):
    kind: EntityKind

    def get(self, request: Request, org: UUID, entity: UUID) -> dict[str, Any]:
        return lists.one(entities(self.org, self.kind), in_states(self.kind), entity)


class Teams(Entities):
    kind = EntityKind.TEAM

    @describes("List teams", query=EntitiesQuery, answer=page_of(RESOURCES["team"]))
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        return super().get(request, org)


class OneTeam(OneEntity):
    kind = EntityKind.TEAM

    @describes("Read a team", answer=RESOURCES["team"])
    def get(self, request: Request, org: UUID, entity: UUID) -> dict[str, Any]:
        return super().get(request, org, entity)


class ConcurrencyGroups(Entities):
    kind = EntityKind.CONCURRENCY_GROUP

    @describes("List concurrency groups", query=EntitiesQuery, answer=page_of(RESOURCES["concurrency_group"]))
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        """Without the default one, which everybody else is in."""
        return super().get(request, org)


class OneConcurrencyGroup(OneEntity):
    kind = EntityKind.CONCURRENCY_GROUP

    @describes("Read a concurrency group", answer=RESOURCES["concurrency_group"])
    def get(self, request: Request, org: UUID, entity: UUID) -> dict[str, Any]:
        return super().get(request, org, entity)


class SubOrganizations(Entities):
    kind = EntityKind.SUB_ORGANIZATION

    @describes("List sub-organizations", query=EntitiesQuery, answer=page_of(RESOURCES["sub_organization"]))
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        return super().get(request, org)


class OneSubOrganization(OneEntity):
    kind = EntityKind.SUB_ORGANIZATION

    @describes("Read a sub-organization", answer=RESOURCES["sub_organization"])
    def get(self, request: Request, org: UUID, entity: UUID) -> dict[str, Any]:
        return super().get(request, org, entity)


class Groups(OrgView):
    @describes("List groups", query=GroupsQuery, answer=page_of(RESOURCES["group"]))
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        """The groups that identity providers pushed, each with its mappings."""
        return lists.answer(self, request, GroupsQuery, groups(self.org), in_states("group"))


class OneGroup(OrgView):
    @describes("Read a group", answer=RESOURCES["group"])
    def get(self, request: Request, org: UUID, group: UUID) -> dict[str, Any]:
        return lists.one(groups(self.org), in_states("group"), group)


def groups(org: Organization) -> QuerySet[PushedGroup]:
    return PushedGroup.objects.for_org(org).live().only("id")


class MemberState(serializers.Serializer[Any]):
    """A member of a group. since: when they were added."""

    person = serializers.UUIDField(source="user_id")
    since = serializers.DateTimeField(source="added_at")


class MembersQuery(PageQuery):
    at = serializers.DateTimeField(required=False, help_text=AT)


class Members(OrgView):
    @describes("List the members of a group", query=MembersQuery, answer=page_of(MemberState))
    def get(self, request: Request, org: UUID, group: UUID) -> dict[str, Any]:
        """People whom the identity provider made members, whether this places them anywhere or not."""
        if not groups(self.org).filter(id=group).exists():
            raise problems.not_found()
        rows = GroupMember.objects.for_org(self.org).filter(group=group)
        at = self.asked(request, MembersQuery).get("at")
        if at is not None:
            past_of(self.org, at)
        with as_of.members_laid(at) if at is not None else nullcontext():
            show = serialized(MemberState)
            return lists.answer(self, request, MembersQuery, rows, show, by=("user_id",), beside=("at",))
