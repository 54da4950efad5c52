"""Pushed groups over HTTP: what the answer says, and then what the database says."""

from datetime import timedelta
from typing import Any

import pytest

from groups_provisioning.models import GroupMember, NestedGroup, PushedGroup
from orgs.models import Change, LedgerEntry, Mark, Organization, User
from tests.conftest import Idp
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory, issue_token

URN = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:Group"
SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"


@pytest.fixture
def people(org: Organization) -> list[User]:
    return UserFactory.create_batch(3, org=org)


def push(idp: Idp, *members: User, name: str = "Engineers", **attributes: Any):
    body = {"schemas": [SCHEMA], "displayName": name, "members": [{"value": str(user.id)} for user in members]}
    return idp.post("/Groups", body | attributes)


def group_of(answer) -> PushedGroup:
    assert answer.status_code in (200, 201), answer.content
    return PushedGroup.objects.get(id=answer.json()["id"])


def members_of(group: PushedGroup) -> set[Any]:
    """Who is in the group, having checked that it is counted right."""
    group.refresh_from_db()
    found = set(GroupMember.objects.filter(group=group).values_list("user_id", flat=True))
    assert group.member_count == len(found)
    return found


def ids(*users: User) -> set[Any]:
    return {user.id for user in users}


def add(*users: User) -> dict[str, Any]:
    return {"op": "add", "path": "members", "value": [{"value": str(user.id)} for user in users]}


class TestPushing:
    def test_stores_the_group_and_its_members(self, idp: Idp, people: list[User]) -> None:  # G1
        answer = push(idp, *people[:2], externalId="g1")
        assert answer.status_code == 201
        group = group_of(answer)
        assert members_of(group) == ids(*people[:2])
        assert answer.json()["displayName"] == "Engineers"
        assert {member["value"] for member in answer.json()["members"]} == {str(user.id) for user in people[:2]}
        assert answer["Location"] == answer.json()["meta"]["location"]

    def test_says_of_each_member_since_when_and_by_which_change(self, idp: Idp, people: list[User]) -> None:
        member = GroupMember.objects.get(group=group_of(push(idp, people[0])))
        assert member.added_by == Change.objects.get(verb="group.created")
        assert member.added_at == member.added_by.at

    def test_marks_those_who_came(self, idp: Idp, people: list[User]) -> None:  # G1
        push(idp, *people[:2])
        assert set(Mark.objects.values_list("user_id", flat=True)) == ids(*people[:2])

    def test_without_a_name_is_400(self, idp: Idp, org: Organization) -> None:  # G2
        for name in ("", " ", None):
            assert push(idp, name=name).status_code == 400

    def test_a_name_that_is_taken_is_409_in_any_letter_case(self, idp: Idp, org: Organization) -> None:  # G2
        push(idp)
        answer = push(idp, name="ENGINEERS")
        assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")

    def test_unknown_members_are_400_and_nothing_is_applied(self, idp: Idp, people: list[User]) -> None:  # G3
        stranger = UserFactory.create()
        for nobody in (str(stranger.id), "nonsense", "01900000-0000-7000-8000-000000000000"):
            answer = idp.post(
                "/Groups", {"displayName": "x", "members": [{"value": str(people[0].id)}, {"value": nobody}]}
            )
            assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
            assert nobody in answer.json()["detail"]
        assert not PushedGroup.objects.exists()
        assert not Mark.objects.exists()
        assert not Change.objects.filter(verb__startswith="group").exists()

    def test_the_owner_is_no_member(self, idp: Idp, org: Organization) -> None:  # O8
        assert push(idp, OwnerFactory.create(org=org)).status_code == 400

    def test_somebody_listed_twice_counts_once(self, idp: Idp, people: list[User]) -> None:  # G3
        assert members_of(group_of(push(idp, people[0], people[0]))) == ids(people[0])

    def test_somebody_whom_scim_deleted_is_skipped_and_the_ledger_says_so(
        self, idp: Idp, people: list[User]
    ) -> None:  # G3
        idp.delete(f"/Users/{people[0].id}")
        group = group_of(push(idp, *people[:2]))
        assert members_of(group) == ids(people[1])
        assert LedgerEntry.objects.get(slot="skipped").user == people[0]

    def test_somebody_whom_scim_deleted_is_skipped_and_the_ledger_says_so_though_nothing_changes(
        self, idp: Idp, people: list[User]
    ) -> None:  # G3
        group = group_of(push(idp, people[1]))
        idp.delete(f"/Users/{people[0].id}")
        answer = idp.patch(f"/Groups/{group.id}", add(people[0]))
        assert (answer.status_code, answer.json()["meta"]["version"]) == (200, 'W/"1"')
        assert LedgerEntry.objects.get(slot="skipped").user == people[0]

    def test_a_group_in_a_group_is_kept_as_such(self, idp: Idp, people: list[User]) -> None:  # G3
        inner = group_of(push(idp, people[0]))
        outer = idp.post("/Groups", {"displayName": "All", "members": [{"value": str(inner.id)}]})
        assert outer.json()["members"][0]["type"] == "Group"
        assert members_of(group_of(outer)) == set()
        assert NestedGroup.objects.get().member == inner


class TestAddingAndRemoving:
    def test_adds_one(self, idp: Idp, people: list[User]) -> None:
        group = group_of(push(idp, people[0]))
        assert idp.patch(f"/Groups/{group.id}", add(people[1])).status_code == 200
        assert members_of(group) == ids(*people[:2])

    def test_adding_a_present_member_changes_nothing(self, idp: Idp, people: list[User]) -> None:  # G3
        pushed = push(idp, people[0])
        changes, marks = Change.objects.count(), Mark.objects.count()
        answer = idp.patch(f"/Groups/{pushed.json()['id']}", add(people[0]))
        assert (answer.status_code, answer["ETag"]) == (200, pushed["ETag"])
        assert (Change.objects.count(), Mark.objects.count()) == (changes, marks)

    @pytest.mark.parametrize(
        "removal",
        [
            lambda id_: {"op": "remove", "path": f'members[value eq "{id_}"]'},
            lambda id_: {"op": "Remove", "path": "members", "value": [{"value": id_, "$ref": None}]},
            lambda id_: {"op": "remove", "path": "members", "value": [{"value": id_}]},
            lambda id_: {"op": "remove", "path": f'members[value eq "{id_}" or value eq "nobody"]'},
        ],
    )
    def test_removes_one_in_every_form(self, idp: Idp, people: list[User], removal) -> None:  # S3
        group = group_of(push(idp, *people))
        Mark.objects.all().delete()
        assert idp.patch(f"/Groups/{group.id}", removal(str(people[0].id))).status_code == 200
        assert members_of(group) == ids(*people[1:])
        assert set(Mark.objects.values_list("user_id", flat=True)) == ids(people[0])

    @pytest.mark.parametrize("nobody", ["nonsense", "01900000-0000-7000-8000-000000000000"])
    def test_removing_nobody_is_no_error(self, idp: Idp, people: list[User], nobody: str) -> None:  # G3
        group = group_of(push(idp, *people))
        answer = idp.patch(f"/Groups/{group.id}", {"op": "remove", "path": f'members[value eq "{nobody}"]'})
        assert answer.status_code == 200
        assert members_of(group) == ids(*people)

    def test_removing_wholesale_empties_the_group(self, idp: Idp, people: list[User]) -> None:  # S3
        group = group_of(push(idp, *people))
        assert idp.patch(f"/Groups/{group.id}", {"op": "remove", "path": "members"}).status_code == 200
        assert members_of(group) == set()

    @pytest.mark.parametrize("value", [[], None])
    def test_removing_an_empty_list_removes_nobody(self, idp: Idp, people: list[User], value: Any) -> None:  # S3
        group = group_of(push(idp, *people))
        operation = {"op": "remove", "path": "members", "value": value}
        assert idp.patch(f"/Groups/{group.id}", operation).status_code == 200
        assert members_of(group) == ids(*people)

    def test_replacing_keeps_since_when_those_who_stay_are_members(
        self, idp: Idp, people: list[User]
    ) -> None:  # C2, G3
        group = group_of(push(idp, *people[:2]))
        since = GroupMember.objects.get(group=group, user=people[1]).added_at
        replacement = {"op": "replace", "path": "members", "value": [{"value": str(u.id)} for u in people[1:]]}
        assert idp.patch(f"/Groups/{group.id}", replacement).status_code == 200
        assert members_of(group) == ids(*people[1:])
        assert GroupMember.objects.get(group=group, user=people[1]).added_at == since

    @pytest.mark.parametrize(
        "removal",
        [
            lambda id_: {"op": "remove", "path": "members"},
            lambda id_: {"op": "replace", "path": "members", "value": []},
            lambda id_: {"op": "remove", "path": f'members[value eq "{id_}"]'},
        ],
    )
    def test_who_is_removed_and_added_again_in_one_request_has_stayed(
        self, idp: Idp, people: list[User], removal
    ) -> None:  # C2
        group = group_of(push(idp, people[0]))
        since = GroupMember.objects.get(group=group).added_at
        again = {"op": "add", "path": "members", "value": [{"value": str(people[0].id).upper()}]}
        assert idp.patch(f"/Groups/{group.id}", removal(people[0].id), again).status_code == 200
        assert members_of(group) == ids(people[0])
        assert GroupMember.objects.get(group=group).added_at == since

    def test_who_is_removed_and_added_and_removed_is_out(self, idp: Idp, people: list[User]) -> None:
        group = group_of(push(idp, *people[:2]))
        removal = {"op": "remove", "path": f'members[value eq "{people[0].id}"]'}
        idp.patch(f"/Groups/{group.id}", removal, add(people[0]), removal, add(people[2]))
        assert members_of(group) == ids(*people[1:])

    def test_an_unknown_member_that_is_removed_again_is_400_all_the_same(
        self, idp: Idp, people: list[User]
    ) -> None:  # G3
        group = group_of(push(idp, people[0]))
        stranger = UserFactory.create()
        answer = idp.patch(f"/Groups/{group.id}", add(stranger), {"op": "replace", "path": "members", "value": []})
        assert answer.status_code == 400
        assert members_of(group) == ids(people[0])

    def test_an_empty_replacement_empties_the_group(self, idp: Idp, people: list[User]) -> None:  # S4
        group = group_of(push(idp, *people))
        assert idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "members", "value": []}).status_code == 200
        assert members_of(group) == set()

    def test_an_unknown_member_undoes_the_whole_request(self, idp: Idp, people: list[User]) -> None:  # G3, S7
        group = group_of(push(idp, people[0]))
        stranger = UserFactory.create()
        rename = {"op": "replace", "path": "displayName", "value": "Other"}
        answer = idp.patch(f"/Groups/{group.id}", rename, add(people[1]), add(stranger))
        assert answer.status_code == 400
        assert members_of(group) == ids(people[0])
        assert group.display_name == "Engineers"

    def test_operations_are_carried_out_in_their_order(self, idp: Idp, people: list[User]) -> None:
        group = group_of(push(idp, people[0]))
        removal = {"op": "remove", "path": f'members[value eq "{people[1].id}"]'}
        idp.patch(f"/Groups/{group.id}", add(people[1]), removal, add(people[2]))
        assert members_of(group) == ids(people[0], people[2])

    def test_a_deleted_member_does_not_set_the_group_s_clock_back(
        self, idp: Idp, people: list[User]
    ) -> None:  # M2: those who were in before a rename are told by that clock
        group = group_of(push(idp, *people))
        later = group.modified_at + timedelta(minutes=1)  # of a request that came after, and was quicker
        PushedGroup.objects.update(modified_at=later)
        idp.delete(f"/Users/{people[0].id}")
        assert members_of(group) == ids(*people[1:])
        assert group.modified_at == later


class TestRenaming:
    @pytest.mark.parametrize(
        "operation",
        [
            {"op": "replace", "path": "displayName", "value": "Makers"},
            {"op": "Replace", "value": {"displayName": "Makers"}},
        ],
    )
    def test_changes_the_name_and_no_member(self, idp: Idp, people: list[User], operation: dict) -> None:  # G6
        group = group_of(push(idp, *people))
        assert idp.patch(f"/Groups/{group.id}", operation).json()["displayName"] == "Makers"
        assert members_of(group) == ids(*people)

    def test_to_its_own_name_with_its_id_changes_nothing(self, idp: Idp, people: list[User]) -> None:  # S4
        pushed = push(idp, *people)
        id_ = pushed.json()["id"]
        answer = idp.patch(f"/Groups/{id_}", {"op": "replace", "value": {"id": id_, "displayName": "Engineers"}})
        assert (answer.status_code, answer["ETag"]) == (200, pushed["ETag"])
        assert members_of(group_of(pushed)) == ids(*people)

    def test_to_a_name_that_is_taken_is_409(self, idp: Idp, org: Organization) -> None:  # G2
        push(idp, name="Makers")
        group = group_of(push(idp))
        operation = {"op": "replace", "path": "displayName", "value": "MAKERS"}
        assert idp.patch(f"/Groups/{group.id}", operation).status_code == 409

    def test_onto_a_deleted_group_s_name_restores_nothing(self, idp: Idp, people: list[User]) -> None:  # G5
        gone = group_of(push(idp, people[0], name="Makers"))
        idp.delete(f"/Groups/{gone.id}")
        group = group_of(push(idp))
        idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "displayName", "value": "Makers"})
        gone.refresh_from_db()
        assert gone.deleted_at is not None


class TestReplacing:
    def test_leaves_members_alone_that_it_does_not_mention(self, idp: Idp, people: list[User]) -> None:  # G9
        group = group_of(push(idp, *people))
        for body in ({"displayName": "Makers"}, {"members": None}):
            assert idp.put(f"/Groups/{group.id}", body).status_code == 200
            assert members_of(group) == ids(*people)
        assert group.display_name == "Makers"

    def test_takes_the_difference(self, idp: Idp, people: list[User]) -> None:  # G9
        group = group_of(push(idp, *people[:2]))
        Mark.objects.all().delete()
        idp.put(
            f"/Groups/{group.id}", {"displayName": "Engineers", "members": [{"value": str(u.id)} for u in people[1:]]}
        )
        assert members_of(group) == ids(*people[1:])
        assert set(Mark.objects.values_list("user_id", flat=True)) == ids(people[0], people[2])

    def test_with_an_empty_list_empties(self, idp: Idp, people: list[User]) -> None:  # G9
        group = group_of(push(idp, *people))
        idp.put(f"/Groups/{group.id}", {"displayName": "Engineers", "members": []})
        assert members_of(group) == set()


class TestDeletingAndPushingAgain:
    def test_hides_the_group_and_lets_its_members_go(self, idp: Idp, people: list[User]) -> None:  # G4
        group = group_of(push(idp, *people))
        Mark.objects.all().delete()
        assert idp.delete(f"/Groups/{group.id}").status_code == 204
        assert idp.get(f"/Groups/{group.id}").status_code == 404
        assert members_of(group) == set()
        assert set(Mark.objects.values_list("user_id", flat=True)) == ids(*people)

    def test_changes_the_groups_that_it_was_in(self, idp: Idp, org: Organization) -> None:  # G4
        inner = group_of(push(idp, name="Inner"))
        outer = idp.post("/Groups", {"displayName": "Outer", "members": [{"value": str(inner.id)}]})
        idp.delete(f"/Groups/{inner.id}")
        answer = idp.get(f"/Groups/{outer.json()['id']}", if_none_match=outer["ETag"])
        assert answer.status_code == 200
        assert answer.json()["members"] == []
        assert answer.json()["meta"]["lastModified"] > outer.json()["meta"]["lastModified"]

    def test_restores_the_record_with_the_new_request_alone(self, idp: Idp, people: list[User]) -> None:  # G5
        group = group_of(push(idp, *people[:2], externalId="g1"))
        idp.delete(f"/Groups/{group.id}")
        again = push(idp, people[2], name="engineers")
        assert again.status_code == 201
        assert group_of(again) == group
        assert members_of(group) == ids(people[2])
        assert (group.display_name, group.external_id, group.deleted_at) == ("engineers", "", None)


class TestGroupProvisioningOff:
    @pytest.fixture
    def off(self, idp: Idp, org: Organization, people: list[User]) -> PushedGroup:
        group = group_of(push(idp, people[0]))
        org.group_provisioning = False
        org.save()
        return group

    def test_every_write_is_403_and_reads_work(self, idp: Idp, off: PushedGroup, people: list[User]) -> None:  # O3
        path = f"/Groups/{off.id}"
        for answer in (
            push(idp, name="Other"),
            idp.patch(path, add(people[1])),
            idp.put(path, {"displayName": "x"}),
            idp.delete(path),
        ):
            assert answer.status_code == 403
            assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        assert idp.get(path).status_code == 200
        assert members_of(off) == ids(people[0])

    def test_the_403_says_whom_to_ask(self, idp: Idp, org: Organization, off: PushedGroup) -> None:  # O3
        for answer in (push(idp, name="Other"), idp.patch(f"/Groups/{off.id}"), idp.delete(f"/Groups/{off.id}")):
            assert "Ask an admin of the organization" in answer.json()["detail"] or answer.status_code == 400
        org.group_provisioning_activated = False
        org.save()
        for answer in (push(idp, name="Other"), idp.put(f"/Groups/{off.id}", {"displayName": "x"})):
            assert answer.status_code == 403
            assert "support" in answer.json()["detail"]
            assert "settings" not in answer.json()["detail"]

    def test_a_refused_write_leaves_the_group_out_of_sync_until_pushed_in_full(  # O3
        self, idp: Idp, org: Organization, off: PushedGroup, people: list[User]
    ) -> None:
        idp.patch(f"/Groups/{off.id}", add(people[1]))
        off.refresh_from_db()
        assert off.out_of_sync
        org.group_provisioning = True
        org.save()
        idp.patch(f"/Groups/{off.id}", add(people[2]))
        off.refresh_from_db()
        assert off.out_of_sync
        idp.put(f"/Groups/{off.id}", {"displayName": "Engineers", "members": [{"value": str(people[1].id)}]})
        off.refresh_from_db()
        assert not off.out_of_sync


class TestGroupRoles:
    @pytest.fixture
    def org(self, db: None) -> Organization:
        return OrganizationFactory.create(dialect="lambdatest")

    def test_are_kept_and_shown(self, idp: Idp, people: list[User]) -> None:  # G7
        pushed = push(idp, people[0], **{URN: {"LambdatestRoles": ["Admin"]}})
        assert pushed.json()[URN] == {"LambdatestRoles": ["Admin"]}
        assert group_of(pushed).roles == ["Admin"]

    def test_outside_the_profile_are_400(self, idp: Idp, org: Organization) -> None:  # P2
        assert push(idp, **{URN: {"LambdatestRoles": ["Emperor"]}}).status_code == 400

    def test_mark_every_member_when_they_change(self, idp: Idp, people: list[User]) -> None:  # G7
        group = group_of(push(idp, *people))
        Mark.objects.all().delete()
        idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": f"{URN}:LambdatestRoles", "value": ["Guest"]})
        assert set(Mark.objects.values_list("user_id", flat=True)) == ids(*people)

    def test_count_when_a_member_is_settled(self, idp: Idp, people: list[User]) -> None:  # R1
        push(idp, people[0], **{URN: {"LambdatestRoles": ["Admin"]}})
        idp.patch(f"/Users/{people[0].id}", {"op": "replace", "path": "displayName", "value": "x"})
        people[0].standing.refresh_from_db()
        assert people[0].standing.roles == ["Admin"]

    def test_survive_a_put_that_leaves_them_out(self, idp: Idp, people: list[User]) -> None:  # G9
        group = group_of(push(idp, **{URN: {"LambdatestRoles": ["Admin"]}}))
        idp.put(f"/Groups/{group.id}", {"displayName": "Makers"})
        group.refresh_from_db()
        assert group.roles == ["Admin"]


class TestAUserInGroups:
    def test_lists_them(self, idp: Idp, people: list[User]) -> None:  # U9
        group = group_of(push(idp, people[0]))
        listed = idp.get(f"/Users/{people[0].id}").json()["groups"]
        ref = f"http://localhost:8000/api/scim/Groups/{group.id}"
        assert listed == [{"value": str(group.id), "$ref": ref, "display": "Engineers", "type": "direct"}]

    def test_has_another_etag_when_they_change(self, idp: Idp, people: list[User]) -> None:
        before = idp.get(f"/Users/{people[0].id}")["ETag"]
        group = group_of(push(idp, people[0]))
        after = idp.get(f"/Users/{people[0].id}")
        assert after["ETag"] != before
        assert idp.get(f"/Users/{people[0].id}", if_none_match=after["ETag"]).status_code == 304
        idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "displayName", "value": "Makers"})
        assert idp.get(f"/Users/{people[0].id}", if_none_match=after["ETag"]).status_code == 200

    def test_can_be_changed_with_the_etag_of_before(self, idp: Idp, people: list[User]) -> None:
        before = idp.get(f"/Users/{people[0].id}")["ETag"]
        push(idp, people[0])
        rename = {"op": "replace", "path": "displayName", "value": "x"}
        assert idp.patch(f"/Users/{people[0].id}", rename, if_match=before).status_code == 200

    def test_leaves_them_all_when_deleted(self, idp: Idp, people: list[User]) -> None:  # U5
        groups = [group_of(push(idp, *people, name=name)) for name in ("A", "B")]
        idp.delete(f"/Users/{people[0].id}")
        for group in groups:
            assert members_of(group) == ids(*people[1:])

    def test_keeps_them_while_deactivated(self, idp: Idp, people: list[User]) -> None:  # U4
        group = group_of(push(idp, people[0]))
        idp.patch(f"/Users/{people[0].id}", {"op": "replace", "path": "active", "value": False})
        assert members_of(group) == ids(people[0])

    def test_is_read_in_two_queries(self, idp: Idp, people: list[User], django_assert_max_num_queries) -> None:
        push(idp, people[0])
        with django_assert_max_num_queries(2):
            assert idp.get(f"/Users/{people[0].id}").json()["groups"]


class TestQuerying:
    @pytest.mark.parametrize(
        "query",
        [
            'displayName eq "engineers"',
            'externalId eq "g1"',
            'members.value eq "{0}"',
            'members[value eq "{0}"]',
            'members eq "{0}"',
            'displayName sw "Eng" and members pr',
            'id eq "{group}"',
            'displayName eq "engineers" and schemas eq "urn:ietf:params:scim:schemas:core:2.0:GROUP"',
            'displayName eq "engineers" and schemas pr',
            'schemas eq "urn:acme:2.0:Group"',
            'meta.resourceType eq "Group" and not (displayName co "zzz") and externalId eq "g1"',
        ],
    )
    def test_finds_the_group(self, idp: Idp, people: list[User], query: str) -> None:  # S1
        group = group_of(push(idp, people[0], externalId="g1", **{"urn:acme:2.0:Group": {"badge": 7}}))
        push(idp, people[1], name="Others")
        found = idp.get("/Groups?filter=" + query.format(people[0].id, group=group.id)).json()
        assert [each["id"] for each in found["Resources"]] == [str(group.id)]

    def test_finds_users_by_their_group(self, idp: Idp, people: list[User]) -> None:
        group = group_of(push(idp, people[0]))
        found = idp.get(f'/Users?filter=groups.value eq "{group.id}"').json()
        assert [each["id"] for each in found["Resources"]] == [str(people[0].id)]
        found = idp.get('/Users?filter=groups.display eq "ENGINEERS"').json()
        assert [each["id"] for each in found["Resources"]] == [str(people[0].id)]

    def test_a_group_of_another_org_does_not_exist(self, idp: Idp, people: list[User]) -> None:  # O7
        theirs = Idp(issue_token(OrganizationFactory.create()).secret)
        group = group_of(push(theirs, name="Theirs"))
        assert idp.get(f"/Groups/{group.id}").status_code == 404
        assert idp.patch(f"/Groups/{group.id}", add(people[0])).status_code == 404
        assert idp.delete(f"/Groups/{group.id}").status_code == 404
        assert idp.get("/Groups").json()["totalResults"] == 0

    @pytest.mark.parametrize("query", ["excludedAttributes=members", "attributes=displayName"])
    def test_without_members_does_not_read_them(  # G8
        self, idp: Idp, people: list[User], django_assert_num_queries, query: str
    ) -> None:
        group = group_of(push(idp, *people))
        # The token; the resource, or what is on the page and then its resources.
        for path, count in ((f"/Groups/{group.id}", 2), ("/Groups", 3)):
            with django_assert_num_queries(count) as queries:
                answer = idp.get(f"{path}?{query}")
            assert b"members" not in answer.content
            assert not [q for q in queries.captured_queries if "groupmember" in q["sql"]]

    def test_walks_by_cursor_and_sorts_by_name(self, idp: Idp, org: Organization) -> None:
        for name in ("c", "A", "b"):
            push(idp, name=name)
        first = idp.get("/Groups?cursor=&count=2&sortBy=displayName").json()
        rest = idp.get(f"/Groups?cursor={first['nextCursor']}&count=2&sortBy=displayName").json()
        assert [g["displayName"] for g in first["Resources"] + rest["Resources"]] == ["A", "b", "c"]

    def test_searches_by_post(self, idp: Idp, org: Organization) -> None:
        push(idp)
        assert idp.post("/Groups/.search", {"filter": 'displayName eq "Engineers"'}).json()["totalResults"] == 1


class TestBulk:
    def test_refers_from_a_group_to_a_new_user(self, idp: Idp, org: Organization) -> None:
        operations = [
            {
                "method": "POST",
                "path": "/Groups",
                "bulkId": "g",
                "data": {"displayName": "Engineers", "members": [{"value": "bulkId:u"}]},
            },
            {"method": "POST", "path": "/Users", "bulkId": "u", "data": {"userName": "ada"}},
        ]
        answer = idp.post("/Bulk", {"Operations": operations})
        assert [result["status"] for result in answer.json()["Operations"]] == ["201", "201"]
        assert members_of(PushedGroup.objects.get()) == ids(User.objects.get(user_name="ada"))
