"""Totals and places that are kept: never wrong about what is committed, and found again only after a change."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from orgs import feed
from orgs.db.keys import uuid7
from orgs.models import FeedHead, FeedTouch, Organization, User
from scim.mapping import users, whole_lists
from tests.api import probes
from tests.api.test_touches import COMMANDS, Scene
from tests.conftest import Idp
from tests.factories import OrganizationFactory, issue_token
from tests.groups_provisioning.actions.test_undo import Accident
from tests.groups_provisioning.world import push, push_user, settle_marked
from tests.scim.lists import check_lists
from tests.scim.people import few
from tests.scim.test_imports import GROUPS, PEOPLE, do


def total(org: Organization) -> int:
    return users.whole_list.page(org.id, skip=0, count=0)[1]


def remove_by_hand(user_id: str) -> None:
    """As no command does it: nothing is named in the outbox, and what is kept stays."""
    User.objects.filter(id=user_id).update(deleted_at="2026-01-01T00:00Z", active=False, login_email=None)


@pytest.fixture
def people(idp: Idp) -> list[str]:
    """Five people, whom a worker has stamped."""
    ids = [push_user(idp, name) for name in ("Ada Brandt", "Bo Lind", "Cy Ekman", "Di Prince", "Ed Moss")]
    feed.stamp_all()
    return ids


class TestATotal:
    @pytest.fixture(autouse=True)
    def _kept(self, org: Organization, people: list[str]) -> None:
        assert total(org) == 5
        remove_by_hand(people[0])

    def test_is_kept_while_nothing_changes(self, org: Organization) -> None:
        assert (total(org), total(org)) == (5, 5)

    def test_is_kept_while_others_change(self, org: Organization) -> None:
        stranger = OrganizationFactory.create()
        feed.touch(stranger.id, [("person", str(uuid7()))])
        assert total(org) == 5
        feed.stamp_all()
        assert (total(org), total(stranger)) == (5, 0)

    def test_is_kept_while_the_orgs_groups_change(self, org: Organization, idp: Idp) -> None:
        push(idp, "Engineers")
        assert total(org) == 5
        feed.stamp_all()
        assert total(org) == 5

    def test_is_found_again_once_somebody_is_touched(self, org: Organization, people: list[str]) -> None:
        feed.touch(org.id, [("person", people[1])])
        assert total(org) == 4
        remove_by_hand(people[2])
        assert total(org) == 3  # nothing is kept while something is yet to be stamped
        feed.stamp_all()
        assert total(org) == 3
        remove_by_hand(people[3])
        assert total(org) == 3

    def test_is_found_again_in_another_epoch(self, org: Organization) -> None:
        FeedHead.objects.update(epoch=uuid4())
        assert total(org) == 4

    def test_is_found_again_in_a_feed_that_ends_before(self, org: Organization) -> None:
        FeedHead.objects.update(position=FeedHead.objects.get().position - 1)
        assert total(org) == 4

    def test_is_found_again_after_a_while(self, org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(whole_lists, "SECONDS", -1)
        assert total(org) == 4

    def test_is_not_looked_for_in_an_outbox_that_nobody_empties(self, org: Organization) -> None:
        stranger = OrganizationFactory.create()
        FeedTouch.objects.bulk_create(
            FeedTouch(org=stranger, kind=1, resource_id=UUID(int=number)) for number in range(feed.MANY)
        )
        assert total(org) == 4

    def test_is_forgotten_where_too_many_are_kept(self, org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(whole_lists, "MOST", 1)
        total(OrganizationFactory.create())
        assert len(whole_lists._kept) == 1
        assert total(org) == 4


def revive(scene: Scene) -> None:
    scene.idp.delete(f"/Users/{scene.ada}")
    assert push_user(scene.idp, "Ada Brandt") == scene.ada


def push_again(scene: Scene) -> None:
    scene.idp.delete(f"/Groups/{scene.group.id}")
    push(scene.idp, "Platform")


def take_back(scene: Scene) -> None:
    accident = Accident(scene.org)
    push_user(accident.idp, "Cy Ekman")
    accident.idp.delete(f"/Users/{scene.ada}")
    accident.idp.delete(f"/Groups/{scene.group.id}")
    check_lists(scene.org)
    accident.take_back()


MORE: dict[str, Callable[[Scene], Any]] = {
    "somebody is created": lambda scene: push_user(scene.idp, "Cy Ekman"),
    "somebody is revived": revive,
    "a group is pushed": lambda scene: push(scene.idp, "Engineers"),
    "a group is deleted": lambda scene: scene.idp.delete(f"/Groups/{scene.group.id}"),
    "a group is pushed again": push_again,
    "people are imported": lambda scene: do(scene.org, PEOPLE),
    "groups are imported": lambda scene: do(scene.org, GROUPS),
    "changes are taken back": take_back,
}


@pytest.mark.parametrize("what", COMMANDS | MORE)
def test_lists_are_exact_after_each_command(org: Organization, idp: Idp, what: str) -> None:  # S1
    scene = Scene(org, idp)
    probes.install()  # one of the commands asks them
    check_lists(org)
    with transaction.atomic():
        (COMMANDS | MORE)[what](scene)
    check_lists(org)
    settle_marked(org)
    check_lists(org)


STEPS = st.one_of(
    st.tuples(st.just("ask"), st.integers(0, 6), st.integers(0, 3)),
    st.tuples(st.just("ask"), st.integers(0, 6), st.integers(0, 3)),
    st.tuples(st.just("create"), st.integers(0, 5), st.none()),
    st.tuples(st.just("delete"), st.integers(0, 5), st.none()),
    st.tuples(st.just("stamp"), st.none(), st.none()),
)


@few
@given(steps=st.lists(STEPS, min_size=4, max_size=12))
def test_every_page_of_a_walk_is_that_of_its_moment(
    people: list[str], org: Organization, idp: Idp, steps: list
) -> None:
    with transaction.atomic():
        for step, first, second in steps:
            if step == "ask":
                ids = [str(id_) for id_ in User.objects.for_org(org).provisionable().values_list("id", flat=True)]
                answer = idp.get(f"/Users?startIndex={first + 1}&count={second}").json()
                found = [user["id"] for user in answer["Resources"]]
                assert (found, answer["totalResults"]) == (ids[first : first + second], len(ids))
            elif step == "create":
                idp.post("/Users", {"userName": f"new{first}@corp.example"})
            elif step == "delete":
                idp.delete(f"/Users/{people[first % 5]}")
            else:
                feed.stamp_all()
        transaction.set_rollback(True)


class TestOthersWhoCommitLate:
    @pytest.fixture
    def here(self, transactional_db: None) -> Organization:
        return OrganizationFactory.create()

    def test_are_counted_from_their_commit_on(self, here: Organization) -> None:
        """Though others were created, stamped and counted in the meantime."""
        idp = Idp(issue_token(here).secret)
        wrote, may_commit = threading.Event(), threading.Event()

        def create_slowly() -> None:
            try:
                with transaction.atomic():
                    push_user(idp, "Ada Brandt")
                    wrote.set()
                    assert may_commit.wait(20)
            finally:
                connections.close_all()

        slow = threading.Thread(target=create_slowly)
        slow.start()
        assert wrote.wait(20)
        push_user(idp, "Bo Lind")
        feed.stamp_all()
        assert (total(here), total(here)) == (1, 1)
        FeedHead.objects.update(floor=FeedTouch.objects.count() + 10**6)  # as if thousands had been stamped since
        may_commit.set()
        slow.join(20)
        assert total(here) == 2
        FeedHead.objects.update(floor=0)
        feed.stamp_all()
        assert (total(here), total(here)) == (2, 2)
