"""History that is older than the operator keeps it, as everything here is a month after the limit."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from groups_provisioning.models import PushedGroup
from orgs import feed, history_retention
from orgs.models import Change, HistoryItem, LedgerEntry, Organization, SupportNotice, User
from tests.conftest import Idp
from tests.factories import OrganizationFactory
from tests.groups_provisioning.world import entity, idp_of, map_to, person, push, settle_all


@dataclass
class World:
    """Ada is in a team by a group."""

    idp: Idp
    ada: User
    team: str
    group: PushedGroup

    def leave(self) -> None:
        removal = {"op": "remove", "path": f'members[value eq "{self.ada.id}"]'}
        assert self.idp.patch(f"/Groups/{self.group.id}", removal).status_code in (200, 204)
        settle_all()


@pytest.fixture
def world(db: None, settings: Settings) -> World:
    settings.HISTORY_DAYS = 400
    org: Organization = OrganizationFactory.create(group_provisioning=True)
    idp, ada, team = idp_of(org), person(org, "Ada", "Lovelace"), entity(org, "Platform")
    group = push(idp, "Platform", ada)
    map_to(group, target=team.id)
    settle_all()
    return World(idp, ada, str(team.id), group)


def forget(days: int = 430) -> None:
    feed.stamp_all()
    assert history_retention.forget(at=timezone.now() + timedelta(days=days), seconds=60) is None


def verbs() -> set[str]:
    return set(Change.objects.values_list("verb", flat=True))


def slots(user: User) -> Iterator[tuple[object, object]]:
    yield from LedgerEntry.objects.filter(user=user, slot="team").order_by("id").values_list("was", "now")


def test_what_explains_the_present_stays(world: World) -> None:
    forget()
    assert {"group.created", "mapping.approved"} <= verbs()
    assert list(slots(world.ada)) == [(None, world.team)]


def test_what_is_over_goes(world: World) -> None:
    world.leave()
    joined = LedgerEntry.objects.get(user=world.ada, slot="team", was__isnull=True)
    SupportNotice.objects.create(entry=joined, told_at=timezone.now())
    forget()
    assert "group.created" not in verbs()
    assert "mapping.approved" in verbs()  # the mapping is still there
    assert list(slots(world.ada)) == [(world.team, None)]
    assert not SupportNotice.objects.exists()


def test_the_feed_of_history_begins_later(world: World) -> None:
    feed.stamp_all()
    assert HistoryItem.objects.exists()
    forget()
    assert not HistoryItem.objects.exists()


def test_what_is_not_old_stays(world: World) -> None:
    world.leave()
    before = Change.objects.count(), LedgerEntry.objects.count()
    forget(days=399)
    assert (Change.objects.count(), LedgerEntry.objects.count()) == before
    assert HistoryItem.objects.exists()


def test_all_stays_unless_the_operator_says_how_long(world: World, settings: Settings) -> None:
    world.leave()
    settings.HISTORY_DAYS = 0
    before = Change.objects.count(), LedgerEntry.objects.count()
    forget(days=4000)
    assert (Change.objects.count(), LedgerEntry.objects.count()) == before


def test_it_goes_on_where_time_was_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.leave()
    monkeypatch.setattr(history_retention, "BATCH", 1)
    feed.stamp_all()
    at, after, turns = timezone.now() + timedelta(days=430), history_retention.FIRST, 0
    while reached := history_retention.forget(at=at, after=after, seconds=-1):
        after, turns = reached, turns + 1
    assert turns > 2
    assert "group.created" not in verbs()
    assert not HistoryItem.objects.exists()
