"""An upgrade refuses nobody: the version before, then this one, on one database, while requests come."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.config.processes import until
from tests.deploy.upgrade import DRIFTED, PATIENCE, SEED, Load, Portal, check_out, version_before
from tests.servers import ROOT


@pytest.fixture
def portal() -> Iterator[Portal]:
    portal = Portal()
    try:
        yield portal
    finally:
        portal.close()


@pytest.mark.timeout(1800)
def test_an_upgrade_fails_no_request(portal: Portal, tmp_path: Path) -> None:
    commit = version_before()
    if commit is None:
        pytest.skip("the history of this checkout has no version before")
    former = tmp_path / "former"
    check_out(commit, former)
    seeded = json.loads(portal.run(former, "-c", SEED))
    webs = [portal.web(former), portal.web(former)]
    background = [portal.start(name, former) for name in ("worker", "beat")]
    migrations = portal.ask("SELECT count(*) FROM django_migrations")

    with Load(portal, **seeded) as load:
        load.go_on()
        portal.run(ROOT, "manage.py", "migrate", "--noinput", "--verbosity=0")
        assert portal.ask("SELECT count(*) FROM django_migrations") > migrations
        load.go_on()  # code of before on the tables of after
        for number, web in enumerate(webs):  # one after the other, as pods are
            newer = portal.web(ROOT)
            load.go_on()  # both versions answer
            web.stop()
            webs[number] = newer
        for process in background:
            process.stop()
        background = [portal.start(name, ROOT) for name in ("worker", "beat")]
        load.go_on()
        for web in webs:  # at once, as on a single machine: requests wait at the socket
            web.stop()
        portal.web(ROOT)
        load.go_on()
    load.catch_up()

    print(f"\n{commit[:9]} to this version: {sum(load.done.values())} requests, the slowest took {load.slowest:.1f} s")  # noqa: T201
    assert dict(load.refused) == {}
    until(lambda: portal.ask("SELECT count(*) FROM orgs_mark") == 0, PATIENCE)
    ids = "SELECT coalesce(array_agg({}::text), '{{}}') FROM {}"
    assert set(portal.ask(ids.format("user_id", "groups_provisioning_groupmember"))) == load.members
    assert set(portal.ask(ids.format("user_id", "groups_provisioning_membership"))) == load.members
    assert set(load.created) <= load.seen
    assert len(load.epochs) == 1
    assert portal.run(ROOT, "-c", DRIFTED) == "0\n"
