"""The check that effects are what the facts amount to, and making them anew (SPEC C4)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from structlog.testing import capture_logs

from groups_provisioning import tasks
from groups_provisioning.engine import effect_checks, loading, reconcile, worker
from groups_provisioning.models import Conflict, Membership, PushedGroup
from orgs.models import Change, Door, Entity, LedgerEntry, Mark, Organization, Standing, User
from tests.conftest import Idp
from tests.factories import OrganizationFactory, UserFactory
from tests.groups_provisioning import world
from tests.groups_provisioning.world import POOL


@pytest.fixture
def ada(org: Organization) -> User:
    """Ada is in a team, and a conflict of hers is open."""
    ada = UserFactory.create(org=org, user_name="ada@northwind.example")
    world.tie(world.group(org, "Engineering", ada), world.entity(org, "Engineering"))
    world.tie(world.group(org, "Days", ada), world.entity(org, "Days", POOL))
    world.tie(world.group(org, "Nights", ada), world.entity(org, "Nights", POOL))
    world.settle(ada)
    return ada


def sql(statement: str) -> Callable[[], None]:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    return run


def effects(org: Organization) -> set[object]:
    return {
        *Standing.objects.for_org(org).values_list("user", "roles__0"),
        *Membership.objects.for_org(org).values_list("user", "entity", "kind", "source", "mapping"),
        *Conflict.objects.for_org(org).values_list("user", "incoming", "holders__0", "since"),
    }


def check(org: Organization) -> int:
    return effect_checks.check(org.id, seconds=60).drifted


BROKEN = {
    "a place that is missing": "DELETE FROM groups_provisioning_membership WHERE kind = 'team'",
    "a place for another reason": "UPDATE groups_provisioning_membership SET source = 'hand' WHERE kind = 'team'",
    "another role": "UPDATE orgs_standing SET roles = '{Guest}'",
    "no role": "DELETE FROM orgs_standing",
    "a conflict that is missing": "DELETE FROM groups_provisioning_conflict",
    "a conflict since another time": "UPDATE groups_provisioning_conflict SET since = now() - interval '1 year'",
}


class TestACheck:
    @pytest.mark.parametrize("what", BROKEN)
    def test_finds_what_was_broken_and_has_it_mended(self, org: Organization, ada: User, what: str) -> None:
        before = effects(org)
        assert check(org) == 0
        sql(BROKEN[what])()
        with capture_logs() as logs:
            assert check(org) == 1
        (event,) = logs
        assert (event["event"], event["log_level"], event["people"]) == ("effects_drifted", "error", 1)
        change = Change.objects.get(org=org, verb="engine.drift_found")
        assert (change.door, change.detail["people"], change.detail["marked"]) == (Door.CLOCK, 1, 1)
        assert Mark.objects.get().change == change
        worker.drain(10)
        assert effects(org) == before
        assert check(org) == 0

    def test_tells_the_first_differences(self, org: Organization, ada: User) -> None:
        sql("DELETE FROM groups_provisioning_membership WHERE kind = 'team'")()
        check(org)
        (told,) = Change.objects.get(verb="engine.drift_found").detail["first"]
        assert (told["user"], told["slot"], told["was"]) == (str(ada.id), "team", None)

    def test_leaves_out_who_waits_to_be_settled(self, org: Organization, ada: User) -> None:
        sql("DELETE FROM groups_provisioning_membership")()
        assert check(org) == 1
        assert check(org) == 0
        assert Change.objects.filter(verb="engine.drift_found").count() == 1

    def test_says_nothing_where_all_is_well(self, org: Organization, ada: User) -> None:
        with capture_logs() as logs:
            assert check(org) == 0
        assert logs == []
        assert not Change.objects.filter(verb="engine.drift_found").exists()

    def test_goes_on_where_its_time_was_up(self, org: Organization, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reconcile, "BATCH", 2)
        people = [ada, *UserFactory.create_batch(4, org=org)]
        sql("DELETE FROM orgs_standing")()
        seen, after = 0, None
        for _ in range(4):
            checked = effect_checks.check(org.id, after=after, seconds=0)
            seen, after = seen + checked.drifted, checked.last
        assert (seen, after) == (len(people), None)

    def test_is_one_orgs_own(self, org: Organization, ada: User) -> None:  # O7
        sql("DELETE FROM groups_provisioning_membership")()
        assert check(OrganizationFactory.create()) == 0


class TestTheClock:
    def test_has_every_org_checked_bit_by_bit(
        self, org: Organization, ada: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Messages are delivered here, one after the other, as a broker would."""
        other = UserFactory.create()
        UserFactory.create_batch(3, org=org)
        monkeypatch.setattr(reconcile, "BATCH", 2)
        monkeypatch.setattr(tasks, "SECONDS", 0)
        messages: list[tuple[str, ...]] = []
        monkeypatch.setattr(tasks.check_effects, "delay", lambda *ids: messages.append(ids))
        sql("DELETE FROM orgs_standing")()
        tasks.check_all_effects()
        assert messages == [(str(id_),) for id_ in sorted((org.id, other.org_id))]
        while messages:
            tasks.check_effects(*messages.pop())
        assert Mark.objects.values("user").distinct().count() == 5


class TestCommands:
    def test_check_tells_what_it_found(self, org: Organization, ada: User) -> None:
        sql("DELETE FROM groups_provisioning_membership")()
        assert self.run("check_effects") == f"{org.slug}: 1 people had drifted, and will be settled again\n"
        assert self.run("check_effects", org.slug) == f"{org.slug}: as it should be\n"

    def test_rebuild_makes_everything_anew_and_compares(self, org: Organization, ada: User) -> None:  # C4
        before = effects(org)
        sql("DELETE FROM groups_provisioning_membership WHERE kind = 'team'")()
        lines = self.run("rebuild", org.slug).splitlines()
        assert [line.split() for line in lines] == [["roles", "1"], ["places", "2", "was", "1"], ["conflicts", "1"]]
        assert effects(org) == before
        change = Change.objects.get(org=org, verb="engine.rebuilt")
        assert (change.detail["was"]["places"], change.detail["now"]["places"]) == (1, 2)

    def test_rebuild_settles_who_waits_and_tells_it(self, org: Organization, idp: Idp) -> None:
        ada = UserFactory.create(org=org, roles=["Admin"])
        group = world.group(org, "Engineering")
        team = world.tie(group, world.entity(org, "Engineering")).entity
        idp.patch(f"/Groups/{group.id}", {"op": "add", "path": "members", "value": [{"value": str(ada.id)}]})
        self.run("rebuild", org.slug)
        assert team
        told = LedgerEntry.objects.filter(user=ada, slot="team").values_list("change__verb", "was", "now")
        assert list(told) == [("group.changed", None, str(team.id))]
        assert Standing.objects.get(user=ada).roles == ["Admin"]  # R5

    @pytest.mark.parametrize("command", ["rebuild", "check_effects"])
    def test_say_that_there_is_no_such_org(self, db: None, command: str) -> None:
        with pytest.raises(CommandError, match="There is no organization nowhere"):
            self.run(command, "nowhere")

    def run(self, *arguments: str) -> str:
        output = StringIO()
        call_command(*arguments, stdout=output)
        return output.getvalue()


def test_what_is_committed_while_it_reads_is_no_drift(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    org = OrganizationFactory.create()
    ada = UserFactory.create(org=org)
    group, team = world.group(org, "Engineering", ada), world.entity(org, "Engineering")
    world.settle(ada)
    original = loading.world
    approvals = [lambda: _approve(group, team, ada)]

    def read(*about: Any, **options: Any) -> Any:
        """People were read; before their groups are, somebody approves a mapping and a worker settles."""
        if approvals:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(approvals.pop()).result()
        return original(*about, **options)

    monkeypatch.setattr(loading, "world", read)
    assert check(org) == 0
    assert Membership.objects.get(user=ada).entity == team


def _approve(group: PushedGroup, team: Entity, ada: User) -> None:
    with transaction.atomic():
        world.tie(group, team)
        world.settle(ada)
    connection.close()
