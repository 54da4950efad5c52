"""Whoever is held while others write to them: real connections, a worker and two writers at once (SPEC T1, S7)."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from groups_provisioning.actions import held_changes
from groups_provisioning.engine import breaker, holds, worker
from groups_provisioning.engine.breaker import Limits
from groups_provisioning.models import Breach, Hold, Membership
from groups_provisioning.preview import runs
from orgs.models import Change, Mark, Organization
from tests.conftest import Idp
from tests.factories import OrganizationFactory, UserFactory, issue_token
from tests.groups_provisioning.states import drift
from tests.groups_provisioning.world import by_command, map_to, push
from tests.scim.api.races import at_once

WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def writes(people: Sequence[str], value: Any) -> Callable[[Idp], Any]:
    """Writes something to each of these people."""

    def write(idp: Idp) -> Any:
        answers = [idp.patch(f"/Users/{id_}", {"op": "replace", "value": value}) for id_ in people]
        assert {answer.status_code for answer in answers} == {200}
        return answers[-1]

    return write


def work(_: Idp) -> Any:
    """Settles everybody who waits; no batch fails."""
    while (settled := worker.serve()) is not None:
        assert settled


@pytest.mark.usefixtures("transactional_db")
def test_a_worker_and_writers_at_once_hold_everybody_but_the_inactive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(breaker.LIMITS, "standard", Limits(many=10, few=4, admins=2, percentage=20))
    monkeypatch.setattr(worker, "BATCH", 5)
    org: Organization = OrganizationFactory.create()
    secret = issue_token(org).secret
    idp = Idp(secret)
    month = timezone.now() - timedelta(days=30)
    people = [str(user.id) for user in UserFactory.create_batch(60, org=org, created_at=month)]
    group = push(idp, "Everybody", *people)
    map_to(group)
    work(idp)
    assert idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "members", "value": []}).status_code == 200
    leaving, staying = people[::3], set(people) - set(people[::3])
    at_once(secret, work, writes(leaving, {"active": False}), writes(people[1::3], {"title": "Engineer"}))
    work(idp)
    held = {str(id_) for id_ in Hold.objects.values_list("user_id", flat=True)}
    assert held == staying
    assert {str(id_) for id_ in Membership.objects.values_list("user_id", flat=True)} == staying
    assert drift(org) == []


class Died(BaseException):
    """A worker was killed: nothing of it handles that."""


class Dying:
    """Kills the worker, and its connection, at the nth statement."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, execute: Callable[..., Any], *statement: Any) -> Any:
        self.left -= 1
        if not self.left:
            beside = connection.copy()
            with beside.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])
            beside.close()
            raise Died
        return execute(*statement)


def work_and_die() -> int:
    """Settle everybody who waits by workers of which each dies a statement later than the one before, until one gets
    through a batch. Returns how many died.
    """
    deaths, at = 0, 1
    while True:
        connection.ensure_connection()
        try:
            with connection.execute_wrapper(Dying(at)):
                if worker.serve() is None:
                    return deaths
            at = 1
        except Died:
            connection.close()
            deaths, at = deaths + 1, at + 1


@pytest.mark.usefixtures("transactional_db")
def test_workers_that_die_while_they_assess_let_nobody_slip_through(monkeypatch: pytest.MonkeyPatch) -> None:  # T1, S7
    monkeypatch.setitem(breaker.LIMITS, "standard", Limits(many=10, few=4, admins=2, percentage=20))
    monkeypatch.setattr(worker, "BATCH", 10)
    org: Organization = OrganizationFactory.create()
    idp = Idp(issue_token(org).secret)
    month = timezone.now() - timedelta(days=30)
    people = [str(user.id) for user in UserFactory.create_batch(25, org=org, created_at=month)]
    group = push(idp, "Everybody", *people)
    map_to(group)
    work(idp)
    assert idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "members", "value": []}).status_code == 200
    assert work_and_die() > 30
    assert {str(id_) for id_ in Hold.objects.values_list("user_id", flat=True)} == {*people}
    assert Membership.objects.count() == len(people)
    assert not Mark.objects.exists()
    assert drift(org) == []


@pytest.mark.usefixtures("transactional_db")
def test_a_hold_that_is_ended_while_it_is_assessed_ends_once() -> None:  # N4
    org: Organization = OrganizationFactory.create()
    breach_id = holds.begin(org.id, issue_token(org).token.id)
    assert breach_id
    Breach.objects.update(assessed_from=timezone.now())

    def finish() -> None:
        try:
            with transaction.atomic():
                holds.finish(org.id)
        finally:
            connection.close()

    assessing = Thread(target=finish)
    with transaction.atomic():
        held_changes.let_through(org=org, breach_id=breach_id, cause=by_command())
        ended_at = Breach.objects.get().ended_at
        assessing.start()
        with connection.cursor() as cursor:
            while cursor.execute(WAITING).fetchone() is None:
                assert assessing.is_alive()
    assessing.join()
    assert Breach.objects.get().ended_at == ended_at
    assert not Change.objects.filter(verb="hold.ended").exists()


@pytest.mark.usefixtures("transactional_db")
def test_nobody_begins_to_be_held_while_what_was_seen_is_let_through() -> None:  # M9
    org: Organization = OrganizationFactory.create()
    breach_id = holds.begin(org.id, issue_token(org).token.id)
    wish = {"do": "let_through", "breach": str(breach_id)}
    beside = connection.copy()

    def join() -> None:
        with beside.cursor() as cursor:
            cursor.execute("SELECT 1 FROM groups_provisioning_breach WHERE id = %s FOR SHARE NOWAIT", [breach_id])

    try:
        with pytest.raises(OperationalError, match="could not obtain lock"):
            runs.confirmed(org, wish, runs.look(org, wish).fingerprint, join)
    finally:
        beside.close()
