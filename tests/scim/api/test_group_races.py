"""Requests about groups at the same moment: no member is lost, none is left behind, and nobody sees contention."""

import time
from typing import Any

import pytest
from django.http import HttpResponse

from groups_provisioning.models import GroupMember, NestedGroup, PushedGroup
from orgs.models import Mark, Organization, User
from tests.conftest import Idp
from tests.factories import OrganizationFactory, UserFactory, issue_token
from tests.scim.api.races import ROUNDS, Call, at_once, behind, statuses

CLIENTS = 20


@pytest.fixture
def org(transactional_db: None) -> Organization:
    return OrganizationFactory.create()


@pytest.fixture
def secret(org: Organization) -> str:
    return issue_token(org).secret


@pytest.fixture
def people(org: Organization) -> list[User]:
    return UserFactory.create_batch(CLIENTS, org=org)


def listed(rows: list[User] | list[PushedGroup]) -> list[dict[str, str]]:
    return [{"value": str(row.id)} for row in rows]


def push(secret: str, name: str, members: list[User]) -> PushedGroup:
    return PushedGroup.objects.get(id=create(name, *members)(Idp(secret)).json()["id"])


def create(name: str, *members: User) -> Call:
    return lambda idp: idp.post("/Groups", {"displayName": name, "members": listed([*members])})


def patch(group: PushedGroup, **operation: Any) -> Call:
    return lambda idp: idp.patch(f"/Groups/{group.id}", operation)


def add(group: PushedGroup, *members: User | PushedGroup) -> Call:
    return patch(group, op="add", path="members", value=listed([*members]))


def remove(group: PushedGroup, member: User) -> Call:
    return patch(group, op="remove", path=f'members[value eq "{member.id}"]')


def rename(group: PushedGroup, name: str) -> Call:
    return patch(group, op="replace", path="displayName", value=name)


def put(group: PushedGroup, *members: User) -> Call:
    return lambda idp: idp.put(
        f"/Groups/{group.id}", {"displayName": group.display_name, "members": listed([*members])}
    )


def delete(row: User | PushedGroup) -> Call:
    kind = "Users" if isinstance(row, User) else "Groups"
    return lambda idp: idp.delete(f"/{kind}/{row.id}")


def after_a_look(group: PushedGroup, call: Call) -> Call:
    """Read the group, think, write: what a client saw must not decide what others lose."""

    def run(idp: Idp) -> HttpResponse:
        idp.get(f"/Groups/{group.id}")
        time.sleep(0.05)
        return call(idp)

    return run


def members_of(group: PushedGroup) -> set[Any]:
    """Who is in the group, having checked that it is counted right and that nobody in it is deleted."""
    group.refresh_from_db()
    rows = GroupMember.objects.filter(group=group)
    found = set(rows.values_list("user_id", flat=True))
    assert group.member_count == len(found)
    assert not rows.filter(user__deleted_at__isnull=False).exists()
    return found


def ids(users: list[User]) -> set[Any]:
    return {user.id for user in users}


class TestTwentyClients:
    def test_add_and_remove_different_people_and_nothing_is_lost(  # S2, S7, G8
        self, secret: str, people: list[User]
    ) -> None:
        come, go = people[::2], people[1::2]
        group = push(secret, "All", go)
        Mark.objects.all().delete()
        calls = [*[add(group, user) for user in come], *[remove(group, user) for user in go]]
        assert set(statuses(at_once(secret, *[after_a_look(group, call) for call in calls]))) == {200}
        assert members_of(group) == ids(come)
        assert group.revision == 1 + CLIENTS
        assert sorted(Mark.objects.values_list("user_id", flat=True)) == sorted(ids(people))

    def test_wait_for_each_other_and_nothing_is_lost(self, secret: str, people: list[User]) -> None:  # S2, S7
        group = push(secret, "All", people[10:])
        for first in (0, 5):
            calls = [*[add(group, user) for user in people[first : first + 5]]]
            calls += [remove(group, user) for user in people[first + 10 : first + 15]]
            assert set(statuses(behind(group, secret, *calls))) == {200}
        assert members_of(group) == ids(people[:10])

    def test_add_and_remove_one_person(self, secret: str, people: list[User]) -> None:  # S7
        group = push(secret, "All", [])
        calls = [add(group, people[0]), remove(group, people[0])] * (CLIENTS // 2)
        assert set(statuses(at_once(secret, *calls))) == {200}
        assert members_of(group) <= ids(people[:1])

    def test_change_members_and_the_name_of_one_group(self, secret: str, people: list[User]) -> None:  # S7, G6
        group = push(secret, "All", people[:1])
        calls = [rename(group, "Everybody"), *[add(group, user) for user in people[1:10]]]
        assert set(statuses(behind(group, secret, *calls))) == {200}
        assert members_of(group) == ids(people[:10])
        assert group.display_name == "Everybody"

    def test_replace_all_members_one_after_the_other(self, secret: str, people: list[User]) -> None:  # S7, G9
        group = push(secret, "All", people)
        halves = people[:10], people[10:]
        assert set(statuses(behind(group, secret, *[put(group, *half) for half in halves * 3]))) == {200}
        assert members_of(group) in (ids(halves[0]), ids(halves[1]))


class TestDeletingUsers:
    def test_while_they_are_added_leaves_no_dead_membership(self, secret: str, people: list[User]) -> None:  # U5, G3
        group = push(secret, "All", [])
        for user in people[:ROUNDS]:
            added, deleted = behind(user, secret, add(group, user), delete(user))
            assert (added.status_code, deleted.status_code) == (200, 204)
            assert members_of(group) == set()

    def test_while_others_come_and_go(self, secret: str, people: list[User]) -> None:  # U5, S7
        gone, come, go = people[:5], people[5:10], people[10:15]
        group = push(secret, "All", [*gone, *go])
        calls = [*[delete(user) for user in gone], *[add(group, user) for user in come]]
        calls += [remove(group, user) for user in go]
        assert set(statuses(behind(group, secret, *calls[:14]))) == {200, 204}
        assert calls[14](Idp(secret)).status_code == 200
        assert members_of(group) == ids(come)

    def test_while_they_are_added_and_removed_at_any_moment(self, secret: str, people: list[User]) -> None:  # U5, S2
        group = push(secret, "All", people[:10])
        calls = [call for user in people[:7] for call in (delete(user), remove(group, user), add(group, user))]
        answers = at_once(secret, *calls)
        assert statuses(answers) == [*[200] * 14, *[204] * 7]
        assert members_of(group) == ids(people[7:10])

    def test_who_share_groups_leaves_all_of_them(self, secret: str, people: list[User]) -> None:  # U5, S2
        groups = [push(secret, f"Group {number}", people) for number in range(8)]
        assert set(statuses(at_once(secret, *[delete(user) for user in people]))) == {204}
        for group in groups:
            assert members_of(group) == set()
            assert group.revision == 1 + CLIENTS

    def test_who_are_being_added_to_several_groups(self, secret: str, people: list[User]) -> None:  # U5, S2
        groups = [push(secret, f"Group {number}", []) for number in range(4)]
        calls = [*[delete(user) for user in people[:4]], *[add(group, *people[:6]) for group in reversed(groups)]]
        assert set(statuses(at_once(secret, *calls))) == {200, 204}
        for group in groups:
            assert members_of(group) == ids(people[4:6])


class TestDeletingAGroup:
    def test_while_its_members_change_leaves_no_rows(self, secret: str, people: list[User]) -> None:  # G4, S7
        for number in range(ROUNDS):
            group = push(secret, f"Group {number}", people[:5])
            calls = [put(group, *people), *[add(group, user) for user in people[5:9]], remove(group, people[0])]
            deleted, *answers = behind(group, secret, delete(group), *calls)
            assert deleted.status_code == 204
            assert {answer.status_code for answer in answers} <= {200, 404}
            assert members_of(group) == set()

    def test_while_its_members_are_deleted(self, secret: str, people: list[User]) -> None:  # G4, U5
        group = push(secret, "All", people)
        assert set(statuses(behind(group, secret, delete(group), *[delete(user) for user in people[:9]]))) == {204}
        assert members_of(group) == set()

    def test_twice(self, secret: str, people: list[User]) -> None:
        group = push(secret, "All", people)
        assert statuses(behind(group, secret, delete(group), delete(group))) == [204, 404]

    def test_while_it_is_nested_leaves_no_dead_nesting(self, secret: str, people: list[User]) -> None:  # G3, G4
        outer = push(secret, "Outer", [])
        for number in range(ROUNDS):
            inner = push(secret, f"Inner {number}", people[:1])
            nested, deleted = behind(inner, secret, add(outer, inner), delete(inner))
            assert (nested.status_code, deleted.status_code) == (200, 204)
            assert not NestedGroup.objects.exists()


class TestOneName:
    def test_pushed_twice_is_one_group(self, org: Organization, secret: str, people: list[User]) -> None:  # G2
        for number in range(ROUNDS):
            name = f"group {number}"
            answers = at_once(secret, create(name, people[0]), create(name.upper(), people[1]))
            assert statuses(answers) == [201, 409]
            assert {answer.json().get("scimType") for answer in answers} == {None, "uniqueness"}
            assert PushedGroup.objects.for_org(org).live().count() == number + 1
            assert GroupMember.objects.count() == number + 1

    def test_of_a_deleted_group_restores_it_once(
        self, org: Organization, secret: str, people: list[User]
    ) -> None:  # G5
        for number in range(ROUNDS):
            group = push(secret, f"Group {number}", people)
            delete(group)(Idp(secret))
            answers = at_once(secret, *[create(group.display_name, user) for user in people[:3]])
            assert statuses(answers) == [201, 409, 409]
            (restored,) = (answer.json() for answer in answers if answer.status_code == 201)
            assert restored["id"] == str(group.id)
            assert len(members_of(group)) == 1

    def test_of_a_group_that_is_being_deleted_is_taken_or_restores_it(  # G5
        self, org: Organization, secret: str, people: list[User]
    ) -> None:
        for number in range(ROUNDS):
            group = push(secret, f"Group {number}", people)
            created, deleted = behind(group, secret, create(group.display_name, people[0]), delete(group))
            assert deleted.status_code == 204
            assert created.status_code in (201, 409)
            if created.status_code == 201:
                assert created.json()["id"] == str(group.id)
            assert members_of(group) == (ids(people[:1]) if created.status_code == 201 else set())

    def test_cannot_be_swapped_with_another(self, secret: str) -> None:  # G2, S2
        one, two = push(secret, "One", []), push(secret, "Two", [])
        answers = at_once(secret, rename(one, "Two"), rename(two, "One"))
        assert statuses(answers) == [409, 409]
        one.refresh_from_db(), two.refresh_from_db()
        assert (one.display_name, two.display_name) == ("One", "Two")

    def test_is_given_once_to_a_new_and_a_renamed_group(self, org: Organization, secret: str) -> None:  # G2, G6
        for number in range(ROUNDS):
            group = push(secret, f"Old {number}", [])
            answers = at_once(secret, rename(group, f"New {number}"), create(f"New {number}"))
            assert statuses(answers) in ([200, 409], [201, 409])
            assert PushedGroup.objects.for_org(org).live().filter(display_name=f"New {number}").count() == 1
