"""Ending a group that nobody pushes any more, and undoing that (SPEC G10)."""

import json
from typing import Any

import pytest

from groups_provisioning.actions import entity_edits, group_ends
from groups_provisioning.models import (
    Conflict,
    EndedGroup,
    EndedMapping,
    EndedMember,
    GroupMapping,
    GroupMember,
    PushedGroup,
    Status,
)
from groups_provisioning.rules.assignments import UnknownGroup
from orgs.models import Change, HandPlacement, Matter, MatterKind, Organization, User
from scim import request_log
from tests.conftest import Idp
from tests.factories import OrganizationFactory, issue_token
from tests.groups_provisioning.states import drift, exported
from tests.groups_provisioning.world import (
    POOL,
    by_admin,
    by_command,
    entity,
    map_to,
    only,
    places,
    push,
    push_user,
    rule,
    settle_marked,
)


@pytest.fixture
def ada(org: Organization, idp: Idp) -> User:
    return User.objects.get(id=push_user(idp, "Ada"))


@pytest.fixture
def group(idp: Idp, ada: User) -> PushedGroup:
    made = push(idp, "Engineers", ada)
    map_to(made)
    settle_marked(made.org)
    return made


def end(group: PushedGroup) -> None:
    group_ends.end_group(org=group.org, group_id=group.id, cause=by_admin())
    settle_marked(group.org)


def undo(group: PushedGroup) -> None:
    group_ends.undo_end(org=group.org, group_id=group.id, cause=by_admin())
    settle_marked(group.org)


def patch(idp: Idp, group: PushedGroup) -> Any:
    return idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "displayName", "value": "Makers"})


def is_forgotten() -> bool:
    return not (EndedGroup.objects.exists() or EndedMember.objects.exists() or EndedMapping.objects.exists())


class TestEnding:
    def test_is_as_a_deletion_by_scim(self, org: Organization, idp: Idp, group: PushedGroup, ada: User) -> None:  # G4
        end(group)
        assert idp.get(f"/Groups/{group.id}").status_code == 404
        assert json.loads(idp.get("/Groups").content)["totalResults"] == 0
        assert "groups" not in json.loads(idp.get(f"/Users/{ada.id}").content)
        assert places(ada) == {}
        assert [mapping.status for mapping in GroupMapping.objects.filter(group=group)] == [Status.REJECTED]
        assert drift(org) == []
        assert Change.objects.get(verb="group.ended").detail["removed"] == 1

    def test_leaves_removals_by_hand_as_they_are(self, org: Organization, group: PushedGroup, ada: User) -> None:  # R4
        HandPlacement.objects.create(
            org=org, user=ada, entity=entity(org, "Other"), placed=False, change=Change.objects.latest("id")
        )
        end(group)
        assert HandPlacement.objects.filter(user=ada, placed=False).exists()

    def test_closes_conflicts_for_what_remains(self, org: Organization, idp: Idp, ada: User) -> None:  # G4
        first, second = push(idp, "A", ada), push(idp, "B", ada)
        map_to(first, POOL)
        map_to(second, POOL)
        settle_marked(org)
        assert Conflict.objects.count() == 1
        end(first)
        assert not Conflict.objects.exists()
        assert places(ada) == {"B": "claim"}
        undo(first)
        assert places(ada) == {"A": "claim"}
        assert Conflict.objects.count() == 1

    def test_is_refused_twice_and_in_another_org(self, group: PushedGroup) -> None:  # O7
        with pytest.raises(UnknownGroup):
            group_ends.end_group(org=OrganizationFactory.create(), group_id=group.id, cause=by_command())
        end(group)
        with pytest.raises(UnknownGroup):
            end(group)

    def test_works_while_group_provisioning_is_off(self, org: Organization, group: PushedGroup) -> None:  # O3
        Organization.objects.filter(pk=org.pk).update(group_provisioning=False)
        end(group)
        undo(group)
        assert PushedGroup.objects.live().filter(id=group.id).exists()


class TestUndoing:
    def test_brings_everything_back_as_it_was(self, org: Organization, idp: Idp, ada: User) -> None:  # G10
        bob = User.objects.get(id=push_user(idp, "Bob"))
        inner = push(idp, "Inner", bob)
        group = push(idp, "Outer", ada, inner)
        push(idp, "Outermost", group)
        map_to(group)
        settle_marked(org)
        before = exported(org)
        members = set(GroupMember.objects.values_list("group", "user", "added_at", "added_by"))
        end(group)
        undo(group)
        after = exported(org)
        for state in (before, after):
            for each in state["groups"]:
                each["revision"] = each["modified_at"] = None
        assert after == before
        assert set(GroupMember.objects.values_list("group", "user", "added_at", "added_by")) == members
        assert is_forgotten()

    def test_leaves_out_whom_scim_deleted_meanwhile(self, idp: Idp, group: PushedGroup, ada: User) -> None:
        end(group)
        idp.delete(f"/Users/{ada.id}")
        undo(group)
        group.refresh_from_db()
        assert (group.member_count, group.memberships.count()) == (0, 0)
        assert Change.objects.get(verb="group.brought_back").detail["lost"] == 1

    def test_is_refused_while_another_group_has_the_name(self, idp: Idp, group: PushedGroup) -> None:
        end(group)
        other = push(idp, "Others")
        idp.patch(f"/Groups/{other.id}", {"op": "replace", "path": "displayName", "value": "ENGINEERS"})
        with pytest.raises(group_ends.NameInUse):
            undo(group)
        idp.delete(f"/Groups/{other.id}")
        undo(group)

    def test_is_over_once_the_group_is_pushed_again(
        self, org: Organization, idp: Idp, group: PushedGroup
    ) -> None:  # G5
        rule(org, kind=POOL)
        end(group)
        assert push(idp, "Engineers").id == group.id
        with pytest.raises(group_ends.NotEnded):
            undo(group)
        assert is_forgotten()
        assert only(group).status == Status.AUTO_APPROVED

    def test_flags_a_mapping_whose_target_was_deleted_meanwhile(self, org: Organization, group: PushedGroup) -> None:
        mapping = only(group)
        end(group)
        assert mapping.entity_id
        entity_edits.delete_entity(org=org, entity_id=mapping.entity_id, cause=by_command())
        undo(group)
        mapping.refresh_from_db()
        assert (mapping.status, mapping.target_deleted) == (Status.PENDING, True)  # M7
        assert drift(org) == []

    def test_leaves_a_mapping_rejected_whose_target_has_another_group(
        self, org: Organization, idp: Idp, group: PushedGroup
    ) -> None:  # M1
        mapping = only(group)
        end(group)
        map_to(push(idp, "Others"), target=mapping.entity_id)
        undo(group)
        mapping.refresh_from_db()
        assert mapping.status == Status.REJECTED
        assert drift(org) == []


class TestALaterWriteByTheOldId:
    def test_is_404_and_a_matter_until_the_group_is_back(self, idp: Idp, group: PushedGroup) -> None:
        end(group)
        answer = patch(idp, group)
        assert answer.status_code == 404
        assert "an admin of the portal ended it" in json.loads(answer.content)["detail"]
        undo(group)
        group.refresh_from_db()
        assert group.out_of_sync  # what it missed

    def test_is_told_of_bulk_requests_too(self, idp: Idp, group: PushedGroup) -> None:
        end(group)
        schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]
        operation = {"method": "PUT", "path": f"/Groups/{group.id}", "data": {"displayName": "Engineers"}}
        idp.post("/Bulk", {"schemas": schemas, "Operations": [operation]})
        assert EndedGroup.objects.get().missed

    def test_is_an_ordinary_404_where_scim_deleted_the_group(self, idp: Idp, group: PushedGroup) -> None:
        idp.delete(f"/Groups/{group.id}")
        assert "an admin" not in patch(idp, group).content.decode()


@pytest.mark.usefixtures("transactional_db")
def test_a_matter_says_that_an_ended_group_is_still_written() -> None:  # N1
    org = OrganizationFactory.create()
    idp = Idp(issue_token(org).secret)
    group = push(idp, "Engineers")
    end(group)
    patch(idp, group)
    request_log.flush(5)
    matter = Matter.objects.get(kind=MatterKind.GROUP_ENDED)
    assert (matter.subject, matter.detail["name"]) == (str(group.id), "Engineers")
    undo(group)
    assert not Matter.objects.exists()


def test_the_last_write_is_by_a_token(org: Organization, idp: Idp, group: PushedGroup) -> None:
    last = group_ends.last_written(org, [group.id])[group.id]
    assert last.by_token
    assert (last.verb, last.by_token.name) == ("group.created", "test")
    patch(idp, group)
    assert group_ends.last_written(org, [group.id])[group.id].verb == "group.changed"
