"""Groups and mappings as the commands would leave them, and the effects of it all."""

from typing import Any

from django.utils import timezone

from groups_provisioning.engine import reconcile
from groups_provisioning.models import GroupMapping, GroupMember, Membership, PushedGroup
from orgs import history
from orgs.history import Cause
from orgs.models import Door, Entity, EntityKind, Organization, User
from tests.factories import EntityFactory, MappingFactory

TEAM, POOL, SUB = EntityKind.TEAM, EntityKind.CONCURRENCY_GROUP, EntityKind.SUB_ORGANIZATION


def by_command() -> Cause:
    return Cause(Door.COMMAND, timezone.now())


def entity(org: Organization, name: str, kind: str = TEAM, **more: Any) -> Entity:
    return EntityFactory.create(org=org, kind=kind, name=name, **more)


def group(org: Organization, name: str, *people: User, **more: Any) -> PushedGroup:
    """A pushed group with these members. Nobody is settled."""
    now = timezone.now()
    made = PushedGroup.objects.create(
        org=org,
        display_name=name,
        folded={"schemas": ["urn:ietf:params:scim:schemas:core:2.0:group"]},
        member_count=len(people),
        created_at=now,
        modified_at=now,
        **more,
    )
    change = history.record(org, by_command(), "group.created", group=str(made.id), name=name)
    GroupMember.objects.bulk_create(
        GroupMember(org=org, group=made, user=user, added_at=now, added_by=change) for user in people
    )
    return made


def tie(pushed: PushedGroup, target: Entity, **more: Any) -> GroupMapping:
    return MappingFactory.create(group=pushed, entity=target, kind=target.kind, **more)


def placed(org: Organization, target: Entity, *people: User) -> PushedGroup:
    """A group of the entity's name, mapped to it, with these members, who are in it thereby."""
    made = group(org, target.name, *people)
    tie(made, target)
    settle(*people)
    return made


def settle(*people: User) -> None:
    for user in people:
        assert user.org
        reconcile.settle(org=user.org, user=user)


def places(user: User) -> dict[str, str]:
    """What somebody is in, and by which source."""
    return dict(Membership.objects.filter(user=user).values_list("entity__name", "source"))
