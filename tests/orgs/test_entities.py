"""Entities and their names (SPEC M1, M4, U10)."""

import pytest
from django.utils import timezone

from orgs import entities
from orgs.entities import NameTaken, ReservedName, UnknownEntity, UnusableName
from orgs.models import Entity, EntityKind, Organization
from tests.factories import OrganizationFactory

pytestmark = pytest.mark.usefixtures("db")

TEAM, POOL = EntityKind.TEAM, EntityKind.CONCURRENCY_GROUP


def create(org: Organization, name: str, kind: str = TEAM, **more) -> Entity:
    return entities.create(org=org, kind=kind, name=name, at=timezone.now(), **more)


class TestAName:
    def test_belongs_to_one_live_entity_of_a_kind_without_letter_case(self, org: Organization) -> None:  # M4
        team = create(org, " Straße ")
        assert team.name == "Straße"
        with pytest.raises(NameTaken):
            create(org, "STRASSE")
        create(org, "STRASSE", POOL)
        create(OrganizationFactory.create(), "Straße")
        entities.delete(team, at=timezone.now())
        create(org, "STRASSE")

    @pytest.mark.parametrize("name", ["", " ", "x" * 256])
    def test_has_1_to_255_characters(self, org: Organization, name: str) -> None:
        with pytest.raises(UnusableName):
            create(org, name)
        create(org, "x" * 255)

    def test_is_not_that_of_the_default_concurrency_group(self, org: Organization) -> None:  # M1
        with pytest.raises(ReservedName):
            create(org, "default", POOL)
        pool = create(org, "Pool", POOL)
        with pytest.raises(ReservedName):
            entities.rename(pool, "DEFAULT")
        assert create(org, "Default").name == "Default"


class TestRenaming:
    def test_remembers_the_former_names(self, org: Organization) -> None:  # U10
        pool = create(org, "One", POOL)
        assert entities.rename(pool, "Two")
        assert entities.rename(pool, "Three")
        pool.refresh_from_db()
        assert (pool.name, pool.name_key, pool.former_keys) == ("Three", "three", ["one", "two"])

    def test_forgets_a_name_that_it_has_again(self, org: Organization) -> None:
        pool = create(org, "One", POOL)
        for name in ("Two", "One", "Two"):
            entities.rename(pool, name)
        assert pool.former_keys == ["one"]

    def test_remembers_the_last_twenty(self, org: Organization) -> None:
        pool = create(org, "0", POOL)
        for name in range(1, 30):
            entities.rename(pool, str(name))
        assert pool.former_keys == [str(name) for name in range(9, 29)]

    def test_in_letter_case_alone_leaves_no_former_name(self, org: Organization) -> None:
        pool = create(org, "One", POOL)
        assert entities.rename(pool, "ONE")
        assert (pool.name, pool.former_keys) == ("ONE", [])
        assert not entities.rename(pool, "ONE")

    def test_is_refused_where_another_has_the_name(self, org: Organization) -> None:
        create(org, "One")
        with pytest.raises(NameTaken):
            entities.rename(create(org, "Two"), "ONE")


class TestLocking:
    def test_finds_live_entities_of_the_org_and_kind(self, org: Organization) -> None:  # O7
        team, stranger = create(org, "One"), create(OrganizationFactory.create(), "One")
        assert entities.locked(org, team.id, TEAM) == team
        for wrong in ((stranger.id, TEAM), (team.id, POOL)):
            with pytest.raises(UnknownEntity):
                entities.locked(org, *wrong)
        entities.delete(team, at=timezone.now())
        with pytest.raises(UnknownEntity):
            entities.locked(org, team.id)

    def test_by_name_finds_pairs_of_kind_and_name(self, org: Organization) -> None:
        team, pool = create(org, "One"), create(org, "Two", POOL)
        create(org, "Two")
        found = entities.by_name(org, {(TEAM, "one"), (POOL, "two"), (POOL, "three")}, lock=True)
        assert found == {(TEAM, "one"): team, (POOL, "two"): pool}


def test_what_is_missing_is_made_and_what_is_there_is_left(org: Organization) -> None:
    create(org, "One")
    made = entities.create_missing(org, [(TEAM, "ONE"), (TEAM, "Two"), (POOL, "One")], at=timezone.now())
    assert set(made) == {(TEAM, "two"), (POOL, "one")}
    assert Entity.objects.count() == 3


def test_a_limit_is_set_once(org: Organization) -> None:
    pool = create(org, "Pool", POOL, session_limit=5)
    assert entities.set_limit(pool, None)
    assert not entities.set_limit(pool, None)
    pool.refresh_from_db()
    assert pool.session_limit is None
