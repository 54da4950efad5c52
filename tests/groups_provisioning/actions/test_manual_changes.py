"""What admins change by hand about one person, and how SCIM outranks it."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from groups_provisioning.actions import account_switches, manual_changes
from groups_provisioning.models import Decision, GroupMember
from orgs import entities, history, people, queue
from orgs.catalogue import UnknownRole
from orgs.change_details import ConflictDecided
from orgs.entities import KindOff
from orgs.models import Change, Entity, EntityKind, HandPlacement, LedgerEntry, Organization, User
from orgs.people import UnknownPerson
from tests.conftest import Idp
from tests.factories import OrganizationFactory, UserFactory
from tests.groups_provisioning.states import drift
from tests.groups_provisioning.world import (
    POOL,
    SUB,
    by_command,
    entity,
    group,
    placed,
    places,
    settle,
    settle_marked,
    tie,
)


@pytest.fixture
def ada(org: Organization) -> User:
    return UserFactory.create(org=org, user_name="ada@corp.example")


@pytest.fixture
def platform(org: Organization) -> Entity:
    return entity(org, "Platform")


@pytest.fixture(autouse=True)
def _effects_are_what_the_facts_amount_to(org: Organization) -> Iterator[None]:
    yield
    assert drift(org) == []  # C4


def place(user: User, target: Entity) -> bool:
    return manual_changes.place(org=user.org, user_id=user.id, entity_id=target.id, cause=by_command())


def take_out(user: User, target: Entity) -> bool:
    return manual_changes.take_out(org=user.org, user_id=user.id, entity_id=target.id, cause=by_command())


def put_back(user: User, target: Entity) -> bool:
    return manual_changes.put_back(org=user.org, user_id=user.id, entity_id=target.id, cause=by_command())


def set_roles(user: User, *roles: str) -> bool:
    return manual_changes.set_roles(org=user.org, user_id=user.id, roles=roles or None, cause=by_command())


def is_taken_out(user: User) -> bool:
    return HandPlacement.objects.filter(user=user, placed=False).exists()


class TestPlacing:
    def test_puts_her_there_at_once_and_says_so(self, ada: User, platform: Entity) -> None:  # R3
        assert place(ada, platform)
        assert places(ada) == {"Platform": "hand"}
        change = Change.objects.get(verb="user.placed")
        assert change.detail == {
            "user": str(ada.id),
            "entity": str(platform.id),
            "kind": "team",
            "name": "Platform",
        }
        assert [(entry.slot, entry.was, entry.now) for entry in change.entries.all()] == [
            ("team", None, str(platform.id))
        ]
        assert HandPlacement.objects.get().change == change

    def test_twice_changes_nothing(self, ada: User, platform: Entity) -> None:
        place(ada, platform)
        assert not place(ada, platform)
        assert Change.objects.filter(verb="user.placed").count() == 1

    def test_in_another_concurrency_group_moves_her(self, org: Organization, ada: User) -> None:  # R2
        place(ada, entity(org, "Small", POOL))
        place(ada, entity(org, "Large", POOL))
        assert places(ada) == {"Large": "hand"}
        assert HandPlacement.objects.count() == 1
        (entry,) = Change.objects.order_by("id").last().entries.all()
        assert (entry.slot, entry.was is None, entry.now is None) == ("concurrency_group", False, False)

    def test_in_a_concurrency_group_yields_to_her_group_s(self, org: Organization, ada: User) -> None:  # R4
        placed(org, entity(org, "Large", POOL), ada)
        assert place(ada, entity(org, "Small", POOL))
        assert places(ada) == {"Large": "claim"}

    def test_ends_a_removal(self, org: Organization, ada: User, platform: Entity) -> None:
        placed(org, platform, ada)
        take_out(ada, platform)
        place(ada, platform)
        assert not is_taken_out(ada)
        assert places(ada) == {"Platform": "claim"}

    def test_outlives_the_group_that_placed_her_too(
        self, org: Organization, ada: User, platform: Entity, idp: Idp
    ) -> None:  # R3
        pushed = placed(org, platform, ada)
        place(ada, platform)
        assert places(ada) == {"Platform": "claim"}
        idp.patch(f"/Groups/{pushed.id}", {"op": "remove", "path": f'members[value eq "{ada.id}"]'})
        settle_marked(org)
        assert places(ada) == {"Platform": "hand"}

    def test_works_in_what_is_there_and_on(self, org: Organization, ada: User, platform: Entity) -> None:  # O7, M8
        stranger = UserFactory.create()
        with pytest.raises(entities.UnknownEntity):
            place(stranger, platform)
        with pytest.raises(entities.UnknownEntity):
            place(ada, entity(org, "Gone", deleted_at=timezone.now()))
        with pytest.raises(UnknownPerson):
            manual_changes.place(org=org, user_id=stranger.id, entity_id=platform.id, cause=by_command())
        org.teams = False
        ada.org = org
        with pytest.raises(KindOff):
            place(ada, platform)
        assert not HandPlacement.objects.exists()


class TestTakingOut:
    def test_of_a_place_by_hand_leaves_nothing_behind(self, ada: User, platform: Entity) -> None:
        place(ada, platform)
        assert take_out(ada, platform)
        assert places(ada) == {}
        assert not HandPlacement.objects.exists()

    def test_of_a_group_s_place_is_noted_against_it(self, org: Organization, ada: User, platform: Entity) -> None:  # R4
        placed(org, platform, ada)
        place(ada, platform)
        assert take_out(ada, platform)
        assert places(ada) == {}
        assert is_taken_out(ada)
        assert Change.objects.get(verb="user.taken_out").detail["against_scim"] is True
        settle(ada)
        assert places(ada) == {}

    def test_of_what_she_is_not_in_is_nothing(self, ada: User, platform: Entity) -> None:
        assert not take_out(ada, platform)
        assert not Change.objects.filter(verb="user.taken_out").exists()

    def test_of_what_she_is_not_in_settles_nothing_without_a_cause(
        self, org: Organization, ada: User, platform: Entity
    ) -> None:  # P2
        team = entity(org, "Waiting")
        placed(org, team, ada)
        GroupMember.objects.filter(user=ada).delete()
        change = Change.objects.order_by("id").last()
        assert change
        queue.mark(org.id, [ada.id], change.id)
        assert not take_out(ada, platform)
        assert places(ada) == {"Waiting": "claim"}
        settle_marked(org)
        assert places(ada) == {}
        assert LedgerEntry.objects.get(user=ada, slot="team", was=str(team.id)).change == change

    def test_of_a_concurrency_group_leads_to_the_attribute_s(self, ada: User, org: Organization) -> None:  # R3
        small = entity(org, "Small", POOL)
        User.objects.filter(id=ada.id).update(placement=small)
        large = entity(org, "Large", POOL)
        placed(org, large, ada)
        take_out(ada, large)
        assert places(ada) == {"Small": "attribute"}
        take_out(ada, small)
        assert places(ada) == {}

    def test_can_be_undone(self, org: Organization, ada: User, platform: Entity) -> None:
        placed(org, platform, ada)
        take_out(ada, platform)
        assert put_back(ada, platform)
        assert places(ada) == {"Platform": "claim"}
        assert not put_back(ada, platform)
        (entry,) = Change.objects.get(verb="user.put_back").entries.all()
        assert (entry.slot, entry.now) == ("team", str(platform.id))


class TestARemoval:
    """R4: it holds until the next SCIM write that names the user or a group they are in."""

    @pytest.fixture
    def pushed(self, org: Organization, ada: User, platform: Entity):
        pushed = placed(org, platform, ada)
        take_out(ada, platform)
        return pushed

    def test_ends_when_the_idp_changes_her(self, idp: Idp, ada: User, pushed) -> None:
        idp.patch(f"/Users/{ada.id}", {"op": "replace", "path": "title", "value": "Engineer"})
        assert places(ada) == {"Platform": "claim"}
        (entry,) = LedgerEntry.objects.filter(change__verb="user.changed")
        assert entry.slot == "team"

    def test_ends_when_the_idp_repeats_what_she_is(self, idp: Idp, ada: User, platform: Entity, pushed) -> None:
        resource = idp.put(f"/Users/{ada.id}", idp.get(f"/Users/{ada.id}").json()).json()
        take_out(ada, platform)
        answer = idp.put(f"/Users/{ada.id}", resource)
        assert places(ada) == {"Platform": "claim"}
        assert answer.json()["meta"] == resource["meta"]  # what changes nothing bumps nothing

    def test_ends_when_the_idp_adopts_her(self, idp: Idp, ada: User, pushed) -> None:  # U3
        User.objects.filter(id=ada.id).update(scim_managed=False)
        assert idp.post("/Users", {"userName": ada.user_name}).status_code == 201
        assert places(ada) == {"Platform": "claim"}

    def test_survives_a_write_that_is_refused(self, idp: Idp, ada: User, pushed) -> None:
        assert idp.patch(f"/Users/{ada.id}", {"op": "replace", "path": "active", "value": 7}).status_code == 400
        assert is_taken_out(ada)

    def test_survives_what_is_about_somebody_else(self, org: Organization, idp: Idp, ada: User, pushed) -> None:
        bo = UserFactory.create(org=org)
        idp.patch(f"/Users/{bo.id}", {"op": "replace", "path": "title", "value": "Engineer"})
        other = group(org, "Sales", bo)
        idp.patch(f"/Groups/{other.id}", {"op": "replace", "value": {"displayName": "Selling"}})
        idp.delete(f"/Groups/{other.id}")
        settle_marked(org)
        assert is_taken_out(ada)

    def test_ends_when_her_group_is_repeated(self, org: Organization, idp: Idp, ada: User, pushed) -> None:
        resource = idp.get(f"/Groups/{pushed.id}").json()
        answer = idp.put(f"/Groups/{pushed.id}", resource)
        assert answer.json()["meta"] == resource["meta"]
        settle_marked(org)
        assert places(ada) == {"Platform": "claim"}
        change = Change.objects.filter(verb="group.changed").get()
        assert [entry.slot for entry in change.entries.all()] == ["team"]

    def test_ends_when_another_group_of_hers_is_changed(self, org: Organization, idp: Idp, ada: User, pushed) -> None:
        other = group(org, "Everybody", ada)
        bo = UserFactory.create(org=org)
        idp.patch(f"/Groups/{other.id}", {"op": "add", "path": "members", "value": [{"value": str(bo.id)}]})
        settle_marked(org)
        assert places(ada) == {"Platform": "claim"}

    def test_ends_when_she_is_added_to_a_group(self, org: Organization, idp: Idp, ada: User, pushed) -> None:
        other = group(org, "Everybody")
        idp.patch(f"/Groups/{other.id}", {"op": "add", "path": "members", "value": [{"value": str(ada.id)}]})
        settle_marked(org)
        assert places(ada) == {"Platform": "claim"}

    def test_ends_when_a_group_is_created_with_her(self, org: Organization, idp: Idp, ada: User, pushed) -> None:
        idp.post("/Groups", {"displayName": "Everybody", "members": [{"value": str(ada.id)}]})
        settle_marked(org)
        assert places(ada) == {"Platform": "claim"}

    @pytest.mark.parametrize("deleted", [False, True])
    def test_ends_when_she_leaves_a_group(self, org: Organization, idp: Idp, ada: User, pushed, deleted: bool) -> None:
        other = group(org, "Everybody", ada)
        if deleted:
            idp.delete(f"/Groups/{other.id}")
        else:
            idp.patch(f"/Groups/{other.id}", {"op": "replace", "path": "members", "value": []})
            idp.put(f"/Groups/{other.id}", {"displayName": "Everybody", "members": []})
            idp.patch(f"/Groups/{other.id}", {"op": "remove", "path": "members"})
        settle_marked(org)
        assert places(ada) == {"Platform": "claim"}

    def test_costs_other_groups_no_query(self, org: Organization, idp: Idp) -> None:
        bo = UserFactory.create(org=org)
        other = group(org, "Everybody")
        add = {"op": "add", "path": "members", "value": [{"value": str(bo.id)}]}
        with CaptureQueriesContext(connection) as queries:
            idp.patch(f"/Groups/{other.id}", add)
        assert not [query["sql"] for query in queries if "DELETE FROM orgs_handplacement" in query["sql"]]


class TestRolesByHand:
    def test_count_where_nobody_else_gives_one(self, ada: User) -> None:  # R1
        assert set_roles(ada, "Admin")
        ada.standing.refresh_from_db()
        assert ada.standing.roles == ["Admin"]
        assert Change.objects.get(verb="user.roles_set").detail == {
            "user": str(ada.id),
            "was": None,
            "now": ["Admin"],
        }
        assert not set_roles(ada, "Admin")

    def test_yield_to_those_of_the_idp(self, idp: Idp, ada: User) -> None:  # R1
        idp.patch(f"/Users/{ada.id}", {"op": "replace", "path": "roles", "value": [{"value": "Member"}]})
        set_roles(ada, "Admin")
        ada.standing.refresh_from_db()
        assert ada.standing.roles == ["Member"]

    def test_can_be_taken_away(self, ada: User, org: Organization) -> None:
        UserFactory.create(org=org, roles=["Admin"], manual_roles=["Admin"])
        set_roles(ada, "Admin")
        assert set_roles(ada)
        ada.standing.refresh_from_db()
        assert ada.standing.roles == ["Member"]
        assert User.objects.get(id=ada.id).manual_roles is None

    def test_are_those_of_the_profile(self, ada: User) -> None:
        with pytest.raises(UnknownRole, match="Chef"):
            set_roles(ada, "Admin", "Chef")

    def test_show_in_what_the_idp_reads(self, idp: Idp, ada: User) -> None:
        before = idp.get(f"/Users/{ada.id}")
        set_roles(ada, "Admin")
        after = idp.get(f"/Users/{ada.id}", if_none_match=before["ETag"])
        assert after.status_code == 200
        assert after.json()["roles"] == [{"value": "Admin"}]

    def test_are_kept_in_the_profile_s_order(self, db: None) -> None:
        ada = UserFactory.create(org=OrganizationFactory.create(dialect="testomat"), roles=["qa"])
        set_roles(ada, "qa", "billing")
        assert User.objects.get(id=ada.id).manual_roles == ["billing", "qa"]


class TestBeingDeactivated:
    """M2: deactivation ends a held place for good, so its time is a fact."""

    def test_is_noted_when_the_idp_says_so(self, idp: Idp, ada: User) -> None:
        def activate(active: bool) -> None:
            idp.patch(f"/Users/{ada.id}", {"op": "replace", "path": "active", "value": active})

        activate(True)
        assert User.objects.get(id=ada.id).deactivated_at == []
        activate(False)
        (at,) = User.objects.get(id=ada.id).deactivated_at
        assert at == Change.objects.latest("id").at
        activate(True)
        assert User.objects.get(id=ada.id).deactivated_at == [at]

    def test_is_noted_when_an_admin_says_so(self, org: Organization, ada: User) -> None:
        account_switches.deactivate(org=org, user_id=ada.id, cause=by_command())
        account_switches.activate(org=org, user_id=ada.id, cause=by_command())
        assert len(User.objects.get(id=ada.id).deactivated_at) == 1

    def test_is_remembered_so_many_times(self, org: Organization, ada: User) -> None:
        for number in range(2 * people.DEACTIVATIONS + 2):
            switch = account_switches.activate if number % 2 else account_switches.deactivate
            switch(org=org, user_id=ada.id, cause=by_command())
        assert len(User.objects.get(id=ada.id).deactivated_at) == people.DEACTIVATIONS


def test_who_is_deleted_by_scim_leaves_no_decisions_behind(org: Organization, idp: Idp, ada: User) -> None:  # U3
    small, large = entity(org, "Small", POOL), entity(org, "Large", POOL)
    one, other = (tie(group(org, each.name, ada), each) for each in (small, large))
    change = history.record(org, by_command(), ConflictDecided(user=str(ada.id), use="current", conflicts=1))
    decision = Decision.objects.create(org=org, user=ada, winner=other, loser=one, at=timezone.now(), change=change)
    idp.delete(f"/Users/{ada.id}")
    decision.refresh_from_db()
    assert decision.undone_by == Change.objects.get(verb="user.deleted")


def test_a_sub_organization_by_hand_takes_her_out_of_the_root(org: Organization, ada: User, platform: Entity) -> None:
    place(ada, platform)
    lab = entity(org, "Lab", SUB)
    place(ada, lab)
    assert places(ada) == {"Lab": "hand"}  # R2
    take_out(ada, lab)
    assert places(ada) == {"Platform": "hand"}
    assert lab.kind == EntityKind.SUB_ORGANIZATION
    with pytest.raises(UnknownPerson):
        manual_changes.place(org=org, user_id=uuid4(), entity_id=lab.id, cause=by_command())
