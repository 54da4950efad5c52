"""Whose turn it is, and what becomes of an org whose people cannot be settled (SPEC section 7)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from groups_provisioning import tasks
from groups_provisioning.actions import mapping_rows
from groups_provisioning.engine import effect_checks, reconcile, worker
from groups_provisioning.models import Membership
from orgs import history, nudge, organizations, queue
from orgs.change_details import ProfileChanged
from orgs.models import Change, Mark, Organization, Standing, Turn, User
from tests.config.processes import until
from tests.conftest import Idp
from tests.factories import MappingFactory, OrganizationFactory, UserFactory, issue_token
from tests.groups_provisioning.world import by_command, idp_of, push
from tests.scim.api.races import waiting as waiting_for_locks


@pytest.fixture
def orgs(db: None) -> list[Organization]:
    """Three, of which the first has waited longest."""
    made = OrganizationFactory.create_batch(3)
    for place, org in enumerate(made):
        Turn.objects.filter(org=org).update(served_at=timezone.now() - timedelta(minutes=10 - place))
    return made


def mark(org: Organization, people: int = 1) -> list[User]:
    """New people of an org who wait to be settled."""
    users = UserFactory.create_batch(people, org=org)
    change = history.record(org, by_command(), ProfileChanged(profile="x", marked=people))
    Mark.objects.bulk_create(Mark(org=org, user=user, change=change) for user in users)
    return users


def waiting(*orgs: Organization) -> list[int]:
    return [Mark.objects.for_org(org).count() for org in orgs]


def in_another_process(work: Callable[[], object]) -> object:
    """What `work` returns on a connection of its own."""

    def run() -> object:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(run).result(20)


def poison(org: Organization) -> None:
    """Make settling people of this org fail."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            CREATE OR REPLACE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'poison' USING DETAIL = 'Key (user_name)=(ann) is in the row.'; END $$
            """
        )
        cursor.execute(
            f"CREATE TRIGGER poison BEFORE DELETE ON orgs_mark FOR EACH ROW WHEN (OLD.org_id = '{org.id}')"
            " EXECUTE FUNCTION poison()"
        )


def heal() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER poison ON orgs_mark")


def the_pause_is_over(org: Organization) -> timedelta:
    """Let an org's pause be over; how long it was."""
    turn = Turn.objects.get(org=org)
    assert turn.retry_at
    pause = turn.retry_at - turn.served_at
    early = F("retry_at") - timezone.now() + timedelta(seconds=1)
    Turn.objects.filter(org=org).update(served_at=F("served_at") - early, retry_at=F("retry_at") - early)
    return pause


class TestATurn:
    def test_is_nobodys_where_nobody_waits(self, orgs):
        assert worker.serve() is None

    def test_is_that_of_the_org_which_waited_longest(self, orgs):
        mark(orgs[2])
        mark(orgs[1])
        assert worker.serve() == 1
        assert waiting(*orgs) == [0, 0, 1]

    def test_of_a_small_org_comes_between_the_batches_of_a_big_one(self, orgs, monkeypatch):
        monkeypatch.setattr(worker, "BATCH", 2)
        mark(orgs[0], 6)
        mark(orgs[1], 1)
        mark(orgs[2], 1)
        assert [worker.serve() for _ in range(3)] == [2, 1, 1]
        assert [worker.serve() for _ in range(3)] == [2, 2, None]

    @pytest.mark.django_db(transaction=True)
    def test_that_one_worker_has_is_passed_over_by_the_others(self, orgs):
        mark(orgs[0])
        mark(orgs[1])
        with transaction.atomic():
            taken = queue.take_turn()
            assert taken
            assert taken.org_id == orgs[0].id
            assert in_another_process(worker.serve) == 1
            assert in_another_process(worker.serve) is None
        assert waiting(*orgs) == [1, 0, 0]


class TestAnOrgThatFails:
    def test_is_held_for_a_while_and_keeps_nobody_else_waiting(self, orgs):
        for org in orgs:
            mark(org)
        poison(orgs[0])
        assert worker.drain(10) is False
        assert waiting(*orgs) == [1, 0, 0]
        turn = Turn.objects.get(org=orgs[0])
        assert turn.held_reason == "ProgrammingError: poison"
        assert turn.retry_at == turn.served_at + timedelta(seconds=5)

    def test_waits_twice_as_long_each_time_but_five_minutes_at_most(self, orgs):
        mark(orgs[0])
        poison(orgs[0])
        pauses = []
        for _ in range(8):
            assert worker.serve() == 0
            assert worker.serve() is None
            pauses.append(the_pause_is_over(orgs[0]).total_seconds())
        assert pauses == [5, 10, 20, 40, 80, 160, 300, 300]

    def test_is_as_good_as_any_once_it_succeeds(self, orgs):
        mark(orgs[0])
        poison(orgs[0])
        worker.serve()
        heal()
        the_pause_is_over(orgs[0])
        assert worker.serve() == 1
        turn = Turn.objects.get(org=orgs[0])
        assert (turn.held_reason, turn.retry_at) == ("", None)

    def test_is_tried_again_at_once_where_somebody_asks_for_it(self, orgs, django_capture_on_commit_callbacks):
        mark(orgs[0])
        poison(orgs[0])
        worker.serve()
        heal()
        with django_capture_on_commit_callbacks() as told:
            assert queue.release(org.id for org in orgs) == 1
        assert told == [nudge.wake]
        assert worker.serve() == 1

    def test_is_not_held_where_another_worker_served_it_meanwhile(self, orgs):
        mark(orgs[0])
        with transaction.atomic():
            taken = queue.take_turn()
            assert taken
            transaction.set_rollback(True)
        worker.serve()
        queue.hold(taken, reason="late news")
        assert Turn.objects.get(org=orgs[0]).held_reason == ""


@pytest.mark.django_db(transaction=True)
class TestContention:
    def test_lets_the_others_go_first_and_is_no_reason_to_be_held(self, orgs):
        (busy,) = mark(orgs[0])
        mark(orgs[1])

        def two_batches() -> list[int | None]:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '100ms'")
            try:
                return [worker.serve(), worker.serve()]
            finally:
                with connection.cursor() as cursor:
                    cursor.execute("RESET lock_timeout")

        with transaction.atomic():
            Standing.objects.select_for_update().get(user=busy)
            assert in_another_process(two_batches) == [0, 1]
        assert waiting(*orgs) == [1, 0, 0]
        assert Turn.objects.get(org=orgs[0]).held_reason == ""
        assert worker.serve() == 1


class TestDraining:
    def test_ends_when_nobody_waits(self, orgs, monkeypatch):
        monkeypatch.setattr(worker, "BATCH", 1)
        mark(orgs[0], 3)
        mark(orgs[2], 2)
        assert worker.drain(10) is False
        assert waiting(*orgs) == [0, 0, 0]

    def test_says_so_where_time_is_up(self, orgs, monkeypatch):
        monkeypatch.setattr(worker, "BATCH", 1)
        mark(orgs[0], 3)
        assert worker.drain(0) is True
        assert waiting(orgs[0]) == [2]

    def test_goes_on_in_another_task_so_that_other_tasks_have_their_turn(self, orgs, monkeypatch):
        nudged: list[bool] = []
        monkeypatch.setattr(worker, "BATCH", 1)
        monkeypatch.setattr(tasks, "SECONDS", 0)
        monkeypatch.setattr(nudge, "wake", lambda: nudged.append(True))
        mark(orgs[0], 2)
        tasks.settle_pending()
        assert (waiting(orgs[0]), nudged) == ([1], [True])
        tasks.settle_pending()
        tasks.settle_pending()
        assert (waiting(orgs[0]), len(nudged)) == ([0], 2)


class TestSomebodyWhomARequestIsAbout:
    def test_is_waited_for_by_the_worker_before_it_stands_in_the_way(self, transactional_db: None) -> None:
        org = OrganizationFactory.create()
        user = UserFactory.create(org=org)
        MappingFactory.create(group=push(idp_of(org), "Platform", user))
        with ThreadPoolExecutor(1) as thread:
            with transaction.atomic():
                User.objects.select_for_update().get(id=user.id)
                served = thread.submit(in_another_process, worker.serve)
                until(lambda: waiting_for_locks() == 1)
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = '200ms'")
                reconcile.settle(org=org, user=user)
            assert served.result(20) == 1
        assert Membership.objects.filter(user=user).count() == 1

    def test_is_settled_with_the_switches_of_now(self, transactional_db: None) -> None:  # M8
        org = OrganizationFactory.create()
        user = UserFactory.create(org=org, active=False)
        MappingFactory.create(group=push(idp_of(org), "Platform", user))
        worker.serve()
        idp = Idp(issue_token(org).secret)
        operation = {"op": "replace", "path": "active", "value": True}
        with ThreadPoolExecutor(1) as thread:
            with transaction.atomic():
                User.objects.select_for_update(no_key=True).get(id=user.id)
                answer = thread.submit(in_another_process, lambda: idp.patch(f"/Users/{user.id}", operation))
                until(lambda: waiting_for_locks() == 1)
                switch = {"org": org, "wishes": {"teams": False}, "cause": by_command()}
                in_another_process(lambda: organizations.change(**switch))
                in_another_process(lambda: worker.drain(10))
            assert answer.result(20).status_code == 200
        assert effect_checks.check(org.id, seconds=60).drifted == 0

    def test_releases_the_last_admin_who_is_noted_meanwhile(self, transactional_db: None) -> None:  # R5
        org = OrganizationFactory.create()
        idp = Idp(issue_token(org).secret)
        admin, other = (
            idp.post("/Users", {"userName": name, "active": active, "roles": [{"value": "Admin"}]}).json()["id"]
            for name, active in (("ada", True), ("bo", False))
        )
        demote = {"op": "replace", "path": "roles", "value": [{"value": "Member"}]}
        activate = {"op": "replace", "path": "active", "value": True}
        with ThreadPoolExecutor(1) as thread:
            with transaction.atomic():
                assert idp.patch(f"/Users/{admin}", demote).status_code == 200
                answer = thread.submit(in_another_process, lambda: idp.patch(f"/Users/{other}", activate))
                until(lambda: waiting_for_locks() == 1 or answer.done())
            assert answer.result(20).status_code == 200
        assert Standing.objects.get(user=admin).roles == ["Member"]

    def test_may_be_changed_while_their_groups_mappings_are(self, transactional_db: None) -> None:
        org = OrganizationFactory.create()
        user = UserFactory.create(org=org)
        group = push(idp_of(org), "Platform", user)
        MappingFactory.create(group=group)
        idp = Idp(issue_token(org).secret)
        with transaction.atomic():
            mapping_rows.live_mappings([group])
            operation = {"op": "replace", "path": "active", "value": False}
            answer = in_another_process(lambda: idp.patch(f"/Users/{user.id}", operation))
            assert answer.status_code == 200
        assert Membership.objects.filter(user=user).count() == 1


class TestANewOrg:
    def test_has_a_place_in_the_queue(self, org):
        mark(org)
        assert worker.serve() == 1


class TestAPush:
    def test_tells_a_worker_and_counts_whom_it_touched(self, org, idp, django_capture_on_commit_callbacks):
        users = UserFactory.create_batch(3, org=org)
        members = [{"value": str(user.id)} for user in users]
        with django_capture_on_commit_callbacks() as told:
            idp.post("/Groups", {"displayName": "All", "members": members})
        assert set(told) == {nudge.wake}
        change = Change.objects.get(verb="group.created")
        assert queue.progress(change) == (3, 3)
        worker.drain(10)
        assert queue.progress(change) == (0, 3)

    def test_that_touches_nobody_tells_nobody(self, org, idp, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks() as told:
            idp.post("/Groups", {"displayName": "Nobody"})
        assert told == []
