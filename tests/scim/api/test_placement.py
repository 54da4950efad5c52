"""The placement attribute (SPEC U10)."""

import pytest
from django.utils import timezone

from groups_provisioning.actions import user_intake
from orgs import entities, organizations
from orgs.models import Entity, EntityKind, Organization, User
from orgs.people import Facts
from tests.conftest import Idp
from tests.factories import EntityFactory, OrganizationFactory, issue_token
from tests.groups_provisioning.world import by_command, places, settle

URN = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:User"
PATH = f"{URN}:LambdatestGroup"


@pytest.fixture
def org(db: None) -> Organization:
    return OrganizationFactory.create(dialect="lambdatest")


@pytest.fixture
def pool(org: Organization) -> Entity:
    return Entity.objects.create(
        org=org, kind=EntityKind.CONCURRENCY_GROUP, name="Fast lane", created_at=timezone.now()
    )


def create(idp: Idp, name: str):
    return idp.post("/Users", {"userName": "ada@corp.example", URN: {"LambdatestGroup": name}})


def put_in(idp: Idp, user: User, name: str):
    return idp.patch(f"/Users/{user.id}", {"op": "replace", "path": PATH, "value": name})


def test_refers_to_the_group_and_shows_its_present_name(idp: Idp, pool: Entity) -> None:
    created = create(idp, "FAST LANE").json()
    assert created[URN]["LambdatestGroup"] == "Fast lane"
    assert User.objects.get(id=created["id"]).placement == pool
    Entity.objects.filter(id=pool.id).update(name="Slow lane", name_key="slow lane")
    assert idp.get(f"/Users/{created['id']}").json()[URN]["LambdatestGroup"] == "Slow lane"


def test_an_unknown_group_is_400(idp: Idp, pool: Entity) -> None:
    answer = create(idp, "Nowhere")
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    assert "Nowhere" in answer.json()["detail"]


def test_a_group_of_another_org_is_unknown(idp: Idp) -> None:  # O7
    Entity.objects.create(
        org=OrganizationFactory.create(), kind=EntityKind.CONCURRENCY_GROUP, name="Theirs", created_at=timezone.now()
    )
    assert create(idp, "Theirs").status_code == 400


@pytest.mark.parametrize("name", ["Fast lane", "Slow lane"])
def test_the_name_as_stored_or_shown_is_never_refused(idp: Idp, pool: Entity, name: str) -> None:
    user = User.objects.get(id=create(idp, "Fast lane").json()["id"])
    Entity.objects.filter(id=pool.id).update(name="Slow lane", name_key="slow lane", deleted_at=timezone.now())
    assert put_in(idp, user, name).status_code == 200
    user.refresh_from_db()
    assert user.placement == pool


def test_a_former_name_means_the_same_group(idp: Idp, pool: Entity) -> None:
    user = User.objects.get(id=create(idp, "Fast lane").json()["id"])
    for name in ("Slow lane", "Lane"):
        entities.rename(pool, name)
    for name in ("FAST LANE", "slow lane"):
        answer = put_in(idp, user, name)
        assert answer.json()[URN]["LambdatestGroup"] == "Lane"
        user.refresh_from_db()
        assert user.placement == pool


def test_a_former_name_that_another_group_has_now_means_that_one(idp: Idp, pool: Entity, org: Organization) -> None:
    user = User.objects.get(id=create(idp, "Fast lane").json()["id"])
    for name in ("Slow lane", "Lane"):
        entities.rename(pool, name)
    other = EntityFactory.create(org=org, kind=EntityKind.CONCURRENCY_GROUP, name="Slow lane")
    assert put_in(idp, user, "Slow lane").status_code == 200
    user.refresh_from_db()
    assert user.placement == other


def test_a_new_group_of_the_name_is_meant_once_the_old_is_deleted(idp: Idp, pool: Entity, org: Organization) -> None:
    user = User.objects.get(id=create(idp, "Fast lane").json()["id"])
    Entity.objects.filter(id=pool.id).update(deleted_at=timezone.now())
    other = EntityFactory.create(org=org, kind=EntityKind.CONCURRENCY_GROUP, name="Fast lane")
    assert put_in(idp, user, "Fast lane").status_code == 200
    user.refresh_from_db()
    assert user.placement == other


@pytest.mark.parametrize("name", ["Default", "default"])
def test_the_default_group_can_be_named(idp: Idp, pool: Entity, name: str) -> None:
    user = User.objects.get(id=create(idp, "Fast lane").json()["id"])
    assert put_in(idp, user, name).json()[URN]["LambdatestGroup"] == name
    user.refresh_from_db()
    assert user.placement is None


def test_who_is_created_while_the_group_is_deleted_is_not_placed_in_it(org: Organization, pool: Entity) -> None:  # C4
    Entity.objects.filter(id=pool.id).update(deleted_at=timezone.now())
    facts = Facts("ada@corp.example", "ada@corp.example", placement_id=pool.id)
    assert places(user_intake.create_user(org=org, facts=facts, cause=by_command()).user) == {}


def test_a_removal_ends_it(idp: Idp, pool: Entity) -> None:
    user = User.objects.get(id=create(idp, "Fast lane").json()["id"])
    answer = idp.patch(f"/Users/{user.id}", {"op": "remove", "path": PATH})
    assert "LambdatestGroup" not in answer.json()[URN]
    user.refresh_from_db()
    assert user.placement is None


def test_is_stored_without_effect_where_concurrency_groups_are_off(idp: Idp, org: Organization) -> None:
    org.concurrency_groups = False
    org.save()
    created = create(idp, "Nowhere")
    assert created.status_code == 201
    assert created.json()[URN]["LambdatestGroup"] == "Nowhere"
    assert User.objects.get().placement is None


def test_what_was_named_while_concurrency_groups_were_off_counts_once_they_are_on(
    idp: Idp, pool: Entity, org: Organization
) -> None:
    organizations.change(org=org, wishes={"concurrency_groups": False}, cause=by_command())
    user = User.objects.get(id=create(idp, "Fast lane").json()["id"])
    assert places(user) == {}
    organizations.change(org=org, wishes={"concurrency_groups": True}, cause=by_command())
    settle(user)
    assert places(user) == {"Fast lane": "attribute"}


def test_a_deactivation_goes_through_beside_an_unknown_group(idp: Idp, pool: Entity) -> None:  # U4
    user = User.objects.get(id=create(idp, "Fast lane").json()["id"])
    value = {"active": False, URN: {"LambdatestGroup": "Nowhere"}}
    answer = idp.patch(f"/Users/{user.id}", {"op": "replace", "value": value})
    assert answer.status_code == 200
    assert answer.json()[URN]["LambdatestGroup"] == "Fast lane"
    user.refresh_from_db()
    assert (user.active, user.placement) == (False, pool)


@pytest.fixture
def idp(org: Organization) -> Idp:
    return Idp(issue_token(org).secret)
