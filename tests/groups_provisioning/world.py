"""The people, groups, mappings and entities that tests are about, and who made them.

`push…` send what an identity provider sends. `rule` and `map_to` are commands. The others write rows as the commands
would leave them. Nobody is settled, except where a function says so.
"""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from groups_provisioning.actions import mappings, rules
from groups_provisioning.actions.rules import RuleFacts
from groups_provisioning.engine import breaker, reconcile, worker
from groups_provisioning.models import (
    ROLE,
    Breach,
    BreachState,
    GroupMapping,
    GroupMember,
    MappingRule,
    Membership,
    PatternType,
    PushedGroup,
)
from orgs import history
from orgs.change_details import GroupCreated
from orgs.history import Cause
from orgs.models import Door, Entity, EntityKind, Organization, User
from tests.conftest import Idp
from tests.factories import EntityFactory, MappingFactory, UserFactory, issue_token

TEAM, POOL, SUB = EntityKind.TEAM, EntityKind.CONCURRENCY_GROUP, EntityKind.SUB_ORGANIZATION


def by_command() -> Cause:
    return Cause(Door.COMMAND, timezone.now())


def by_admin(person: User | None = None) -> Cause:
    """On a page; person: who is signed in."""
    return Cause(Door.PAGE, timezone.now(), person=person)


def org_of(user: User) -> Organization:
    assert user.org
    return user.org


# What an identity provider sends


def idp_of(org: Organization, name: str = "test") -> Idp:
    """A new identity provider of this org, whose token has this name."""
    return Idp(issue_token(org, name).secret)


def push_user(idp: Idp, name: str) -> str:
    """The id of a new user; name: given, or given and family."""
    given, _, family = name.partition(" ")
    body: dict[str, Any] = {"userName": f"{name.lower().replace(' ', '.')}@corp.example"}
    if family:
        body["name"] = {"givenName": given, "familyName": family}
    return _created(idp.post("/Users", body))


def push(idp: Idp, name: str, *members: User | PushedGroup | str, **attributes: Any) -> PushedGroup:
    """A new group; members: users and nested groups, or their ids."""
    ids = [member if isinstance(member, str) else str(member.id) for member in members]
    body = {"displayName": name, "members": [{"value": id_} for id_ in ids]}
    return PushedGroup.objects.get(id=_created(idp.post("/Groups", body | attributes)))


def empty(idp: Idp, pushed: PushedGroup) -> Breach:
    """Empty a group, by which whoever loses something is held. Everybody is settled."""
    User.objects.for_org(pushed.org).update(created_at=timezone.now() - timedelta(days=30))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(breaker.LIMITS, "standard", breaker.LIMITS["standard"]._replace(many=0))
        assert idp.patch(f"/Groups/{pushed.id}", {"op": "replace", "path": "members", "value": []}).status_code == 200
        settle_marked(pushed.org)
    return Breach.objects.for_org(pushed.org).get(state=BreachState.OPEN)


def _created(answer: HttpResponse) -> str:
    assert answer.status_code == 201, answer.content
    return str(json.loads(answer.content)["id"])


# What admins decide


def rule(
    org: Organization,
    pattern: str = "",
    kind: str = TEAM,
    *,
    auto: bool = True,
    type_: str = "",
    role: str = "",
    by: User | None = None,
) -> MappingRule:
    """A rule after the others: a prefix, every group where there is no pattern, or of another type."""
    facts = RuleFacts(type_ or (PatternType.PREFIX if pattern else PatternType.ALL), kind, pattern, auto, role)
    return rules.add_rule(org=org, facts=facts, cause=by_admin(by))


def role_rule(org: Organization, role: str, pattern: str = "", *, auto: bool = True) -> MappingRule:
    """A role rule after the others, like `rule`."""
    return rule(org, pattern, ROLE, auto=auto, role=role)


def give(group: PushedGroup, role: str, *, by: User | None = None) -> GroupMapping:
    """An approved mapping to a role."""
    return map_to(group, ROLE, role, by=by)


def map_to(group: PushedGroup, kind: str = TEAM, target: Any = None, *, by: User | None = None) -> GroupMapping:
    """An approved mapping; target: an entity's id or name, the group's own name where None."""
    return mappings.map_group(org=group.org, group_id=group.id, kind=kind, target=target, cause=by_admin(by))


def only(group: PushedGroup) -> GroupMapping:
    """The group's one mapping that is not Rejected."""
    return GroupMapping.objects.live().get(group=group)


# Rows as the commands would leave them


def person(org: Organization, given: str, family: str, **more: Any) -> User:
    """Somebody with a name that lists find and sort by. She is settled."""
    user = UserFactory.create(
        org=org,
        user_name=f"{given.lower()}@corp.example",
        given_name=given,
        family_name=family,
        folded={"name": {"givenName": given.lower(), "familyName": family.lower()}},
        **more,
    )
    settle(user)
    return user


def entity(org: Organization, name: str, kind: str = TEAM, **more: Any) -> Entity:
    return EntityFactory.create(org=org, kind=kind, name=name, **more)


def group(org: Organization, name: str, *people: User, **more: Any) -> PushedGroup:
    """A pushed group with these members."""
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
    pushed = GroupCreated(group=str(made.id), name=name, added=len(people), removed=0, nested=0, marked=0)
    change = history.record(org, by_command(), pushed)
    GroupMember.objects.bulk_create(
        GroupMember(org=org, group=made, user=user, added_at=now, added_by=change) for user in people
    )
    return made


def tie(pushed: PushedGroup, target: Entity, **more: Any) -> GroupMapping:
    """An approved mapping."""
    return MappingFactory.create(group=pushed, entity=target, kind=target.kind, **more)


def placed(org: Organization, target: Entity, *people: User) -> PushedGroup:
    """A group of the entity's name, mapped to it, with these members, who are in it thereby. They are settled."""
    made = group(org, target.name, *people)
    tie(made, target)
    settle(*people)
    return made


# Effects


def settle(*people: User) -> None:
    for user in people:
        reconcile.settle(org=org_of(user), user=user)


def settle_marked(org: Organization) -> None:
    """Settle everybody of this org who waits for it."""
    while reconcile.settle_marked(org.id):
        pass


def settle_all() -> None:
    """Let the worker settle everybody who waits, org by org."""
    assert not worker.drain(10)


def places(user: User) -> dict[str, str]:
    """What somebody is in, and by which source."""
    return dict(Membership.objects.filter(user=user).values_list("entity__name", "source"))
