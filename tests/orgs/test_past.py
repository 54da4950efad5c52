"""What facts were before: what triggers keep of it, whose doing it was, and what is dropped again (SPEC T3)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from groups_provisioning.actions import manual_changes, members
from groups_provisioning.models import GroupMapping, GroupMember, MappingRule, MemberPast, PushedGroup
from orgs import history, past, people
from orgs.change_details import GroupConfirmed
from orgs.db.transactions import command
from orgs.models import Change, FactKind, HandPlacement, Organization, Past, PastBegin, Role, Standing, User
from tests.conftest import Idp
from tests.factories import EntityFactory, OrganizationFactory, StaffFactory, UserFactory
from tests.groups_provisioning.world import by_command, map_to, push, push_user, rule

pytestmark = pytest.mark.usefixtures("db")
TITLE = {"op": "replace", "path": "title", "value": "Engineer"}
NICK_NAME = {"op": "replace", "path": "nickName", "value": "Ada"}


def told(**about: Any) -> list[tuple[str, Any]]:
    """(kind, was) of what is kept, in order."""
    return list(Past.objects.filter(**about).order_by("id").values_list("kind", "was"))


def after() -> int:
    """The last row that is kept so far."""
    return Past.objects.order_by("-id").values_list("id", flat=True).first() or 0


class TestWhatIsKept:
    def test_is_that_a_row_did_not_exist_what_differed_and_what_was_deleted(self, org: Organization) -> None:
        begin, user, team = after(), UserFactory.create(org=org), EntityFactory.create(org=org)
        cause = by_command()
        manual_changes.place(org=org, user_id=user.id, entity_id=team.id, cause=cause)
        row = HandPlacement.objects.get()
        User.objects.filter(pk=user.pk).update(display_name="Ada", active=False)
        row.delete()
        (made, placed, named, removed) = told(id__gt=begin, about=user.id)
        assert (made, placed) == ((FactKind.USER, None), (FactKind.HAND, None))
        assert named == (FactKind.USER, {"display_name": "", "active": True})
        assert removed[1]["entity_id"] == str(team.id)
        assert removed[1]["placed"] is True

    def test_is_nothing_where_nothing_differs_that_counts(self, org: Organization) -> None:
        user = UserFactory.create(org=org)
        begin = after()
        User.objects.filter(pk=user.pk).update(
            revision=7, modified_at=timezone.now(), password="secret", session_epoch=3, last_login=timezone.now()
        )
        assert told(id__gt=begin) == []

    def test_has_no_password_from_the_beginning_to_the_end(self, org: Organization) -> None:
        user = UserFactory.create(org=org, password="secret")
        Standing.objects.filter(user=user).delete()
        User.objects.filter(pk=user.pk).delete()
        (_, (_, was)) = told(about=user.id)
        assert "password" not in was
        assert was["user_name"] == user.user_name

    def test_is_nothing_of_support(self) -> None:
        begin, support = after(), StaffFactory.create()
        User.objects.filter(pk=support.pk).update(display_name="Sue")
        assert told(id__gt=begin) == []

    def test_is_seen_whoever_writes(self, org: Organization, admin_page: Client) -> None:
        """Raw SQL, `bulk_update` and the admin write without a command, and so without a change."""
        (ada, bo), begin = [UserFactory.create(org=org) for _ in range(2)], after()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE orgs_user SET idp_roles = '{qa}' WHERE org_id = %s", [org.id])
        ada.display_name, bo.display_name = "Ada", "Bo"
        User.objects.bulk_update([ada, bo], ["display_name"])
        role = Role.objects.filter(profile=org.profile).order_by("rank")[0]
        role.save()
        Role.objects.filter(pk=role.pk).update(rank=99)
        kept = Past.objects.filter(id__gt=begin).order_by("id")
        assert [row.kind for row in kept] == [FactKind.USER] * 4 + [FactKind.ROLE]
        assert [list(row.was) for row in kept] == [["idp_roles"]] * 2 + [["display_name"]] * 2 + [["rank"]]
        assert {row.change_id for row in kept} == {None}
        answer = admin_page.post(f"/admin/orgs/organization/{org.pk}/change/", {"name": "Renamed"})
        assert answer.status_code in (200, 302)

    def test_of_a_profile_has_no_org(self, org: Organization) -> None:
        Role.objects.filter(profile=org.profile, is_default=True).update(rank=77)
        row = Past.objects.latest("id")
        assert (row.org_id, row.about) == (None, org.profile_id)


@pytest.fixture
def admin_page() -> Client:
    client = Client()
    client.force_login(StaffFactory.create())
    return client


class TestMembers:
    def test_who_left_were_members_from_then_until_then(self, org: Organization, idp: Idp) -> None:
        ada = push_user(idp, "Ada")
        group = push(idp, "Engineers", ada)
        row = GroupMember.objects.get()
        idp.patch(f"/Groups/{group.id}", {"op": "remove", "path": "members", "value": [{"value": ada}]})
        was = MemberPast.objects.get()
        assert (str(was.user_id), was.group_id, was.added_at) == (ada, group.id, row.added_at)
        assert (was.added_by_id, was.written_at) == (row.added_by_id, row.written_at)
        assert was.removed_by_id == Change.objects.latest("id").id
        assert was.written_at
        assert was.written_at < was.removed_at

    def test_that_are_rewritten_begin_anew(self, org: Organization, idp: Idp) -> None:
        push(idp, "Engineers", push_user(idp, "Ada"))
        row = GroupMember.objects.get()
        earlier = row.added_at - timedelta(days=3)
        GroupMember.objects.update(added_at=earlier)
        again, was = GroupMember.objects.get(), MemberPast.objects.get()
        assert (was.added_at, again.added_at) == (row.added_at, earlier)
        assert was.removed_at == again.written_at


class TestWhoseDoingItWas:
    def test_is_the_change_of_the_command(self, org: Organization, idp: Idp) -> None:
        begin = after()
        ada = push_user(idp, "Ada")
        idp.patch(f"/Users/{ada}", TITLE)
        team = map_to(group := push(idp, "Engineers", ada))
        verbs = dict(Change.objects.values_list("id", "verb"))
        found = [(row.kind, verbs[row.change_id]) for row in Past.objects.filter(id__gt=begin).order_by("id")]
        assert found == [
            (FactKind.USER, "user.created"),
            (FactKind.USER, "user.changed"),
            (FactKind.GROUP, "group.created"),
            (FactKind.ENTITY, "mapping.approved"),
            (FactKind.MAPPING, "mapping.approved"),
        ]
        assert Past.objects.get(kind=FactKind.GROUP, about=group.id).change_id == GroupMember.objects.get().added_by_id
        assert Past.objects.get(kind=FactKind.MAPPING).change_id == GroupMapping.objects.get(pk=team.pk).change_id

    def test_is_each_commands_own_where_one_follows_another(self, org: Organization) -> None:
        ada, bo = (UserFactory.create(org=org) for _ in range(2))

        @command
        def rename(user: User) -> Change:
            User.objects.filter(pk=user.pk).update(display_name="New")
            detail = GroupConfirmed(group=str(user.id), name="x", members=0, revision=1)
            return history.record(org, by_command(), detail)

        @command
        def both() -> list[Change]:
            return [rename(ada), rename(bo)]

        with transaction.atomic():
            changes = both()
            User.objects.filter(pk=ada.pk).update(display_name="By nobody")
        kept = Past.objects.exclude(was=None).order_by("id").values_list("about", "change_id")
        assert list(kept) == [(ada.id, changes[0].id), (bo.id, changes[1].id), (ada.id, None)]

    def test_is_the_commands_after_what_was_rolled_back(self, org: Organization) -> None:
        user = UserFactory.create(org=org)

        @command
        def fail() -> None:
            people.set_manual_roles(user=user, roles=["qa"], at=timezone.now())
            raise RuntimeError

        with pytest.raises(RuntimeError):
            fail()
        User.objects.filter(pk=user.pk).update(manual_roles=["qa"])
        assert Past.objects.latest("id").change_id is None


class TestWhatAWriteCosts:
    """Beside its own rows, in its own statements."""

    @pytest.mark.parametrize(
        ("rows", "members_", "request_"),
        [
            (1, 0, lambda idp, group, user: idp.post("/Users", {"userName": "grace@acme.example"})),
            (1, 0, lambda idp, group, user: idp.patch(f"/Users/{user}", TITLE, NICK_NAME)),
            (0, 0, lambda idp, group, user: idp.patch(f"/Users/{user}", {"op": "remove", "path": "title"})),
            (0, 1, lambda idp, group, user: idp.patch(f"/Groups/{group}", {"op": "remove", "path": "members"})),
            (1, 0, lambda idp, group, user: idp.patch(f"/Groups/{group}", {"op": "replace", "path": "displayName",
             "value": "Staff"})),
            (1, 1, lambda idp, group, user: idp.delete(f"/Groups/{group}")),
        ],
        ids=["create", "change", "change nothing", "remove a member", "rename", "delete a group"],
    )  # fmt: skip
    def test_is_a_row_for_each_that_differs(
        self, org: Organization, idp: Idp, rows: int, members_: int, request_: Any
    ) -> None:
        user = push_user(idp, "Ada")
        group = push(idp, "Engineers", user)
        begin = after()
        assert request_(idp, str(group.id), user).status_code < 300
        assert (len(told(id__gt=begin)), MemberPast.objects.count()) == (rows, members_)

    def test_is_nothing_for_a_new_member(self, org: Organization, idp: Idp) -> None:
        group, ada = push(idp, "Engineers"), push_user(idp, "Ada")
        begin = after()
        idp.patch(f"/Groups/{group.id}", {"op": "add", "path": "members", "value": [{"value": ada}]})
        assert (told(id__gt=begin), MemberPast.objects.count()) == ([], 0)


class TestDropping:
    def test_moves_the_beginning_and_leaves_what_is_younger(
        self, org: Organization, idp: Idp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(past, "CHUNK", 2)
        ada = push_user(idp, "Ada")
        group = push(idp, "Engineers", ada)
        idp.patch(f"/Groups/{group.id}", {"op": "remove", "path": "members"})
        rule(org, "Eng")
        MappingRule.objects.all().delete()
        now, old = timezone.now(), Past.objects.count()
        User.objects.filter(pk=ada).update(display_name="Ada")
        assert past.drop_before(now) == old > 3
        assert told() == [(FactKind.USER, {"display_name": ""})]
        assert members.drop_past(before=now) == 1
        assert (PastBegin.objects.get().at, past.began(org)) == (now, now)
        past.drop_before(now - timedelta(days=1))
        assert PastBegin.objects.get().at == now

    def test_a_young_org_begins_with_itself(self) -> None:
        org = OrganizationFactory.create()
        assert past.began(org) == org.created_at


def test_what_is_deleted_with_its_org_has_no_past(org: Organization) -> None:
    PushedGroup.objects.create(org=org, display_name="Gone", created_at=timezone.now(), modified_at=timezone.now())
    begin = after()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL muster.keep_past = 'off'")
        PushedGroup.objects.all().delete()
    assert told(id__gt=begin) == []
