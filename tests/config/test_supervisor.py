import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from config import environment, services, supervisor
from tests.config import processes

RUN = "import sys; from tests.config import small_portal; sys.exit(small_portal.main({names!r}))"


class Portal:
    """A supervisor in a process group of its own, as `make up` is in a terminal."""

    def __init__(self, state: Path, code: str, environ: dict[str, str]):
        self.state = state
        self.process = processes.python(code, state, **environ)
        self.said = ""

    def hear(self, words: str) -> str:
        """The output up to the line with these words. Fails the test if the output ends without them."""
        assert self.process.stdout
        while words not in self.said:
            line = self.process.stdout.readline()
            assert line, f"ended without {words!r}:\n{self.said}"
            self.said += line
        return self.said

    def signal_group(self, signum: int) -> None:
        os.killpg(self.process.pid, signum)

    def end(self) -> int:
        """Wait for the end. Returns the exit status."""
        assert self.process.stdout
        self.said += self.process.stdout.read()
        return self.process.wait(timeout=30)

    def find(self, command: str) -> list[int]:
        """The running processes of a command line."""
        return [pid for pid, line in processes.of(self.state).items() if re.match(command, line)]


Start = Callable[..., Portal]

WEB = r"\S+ -c \nimport http.server"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    portals = []

    def start(
        *names: str, state: Path | None = None, port: int | None = None, code: str = RUN, dev: bool = False
    ) -> Portal:
        """With a state directory it has its own servers there; without one it uses those of the suite."""
        own = {"DATABASE_URL": "", "REDIS_URL": ""} if state else {}
        environ = {**own, "PORT": str(port or free_port()), "MUSTER_DEV": "1" if dev else ""}
        portals.append(Portal(state or tmp_path, code.format(names=list(names)), environ))
        return portals[-1]

    yield start
    for portal in portals:
        if portal.process.poll() is None:
            portal.process.communicate(timeout=30)  # closes its stdin, and with that asks it to leave


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def nothing_of(state: Path) -> bool:
    return processes.of(state) == {}


class TestStarting:
    def test_says_where_it_runs_and_how_to_sign_in(self, start):
        port = free_port()
        said = start("prepare", "web", port=port).hear("Ctrl-C")
        assert f"http://localhost:{port}" in said
        assert "owner@demo.example" in said

    def test_tells_children_where_the_servers_are(self, start, state):
        portal = start("prepare", "web", "family", state=state)
        portal.hear("Ctrl-C")
        [pid] = portal.find("sleep 1001")
        environ = Path(f"/proc/{pid}/environ").read_text().split("\0")
        addresses = services.start(state)
        assert f"DATABASE_URL={addresses.database_url}" in environ
        assert f"REDIS_URL={addresses.redis_url}" in environ

    def test_shows_why_a_preparation_failed_and_leaves_nothing(self, start, state):
        portal = start("prepare-badly", "web", state=state)
        assert portal.end() == 1
        assert "no such table" in portal.said
        assert nothing_of(state)

    def test_refuses_to_run_beside_another_one_on_the_same_state(self, start):
        first = start("prepare", "web")
        first.hear("Ctrl-C")
        second = start("prepare", "web")
        assert second.end() == 1
        assert f"is already running with {first.state}: process {first.process.pid}" in second.said
        assert first.process.poll() is None

    def test_says_that_the_port_is_in_use_and_how_to_choose_another(self, start, state):
        with socket.create_server(("127.0.0.1", 0)) as other:
            portal = start("prepare", "web", state=state, port=other.getsockname()[1])
            assert portal.end() == 1
        assert "Address already in use" in portal.said
        assert "PORT=" in portal.said
        assert nothing_of(state)

    def test_works_for_an_ordinary_user(self, start, state):
        if os.geteuid() == 0:
            for path in (state, *state.rglob("*")):
                os.chown(path, processes.ORDINARY_USER, processes.ORDINARY_USER)
        portal = start("prepare", "family", state=state, code=processes.become(processes.ORDINARY_USER) + ORDINARY)
        portal.hear("Starting family")
        processes.until(lambda: portal.find("sleep 1001"))
        portal.signal_group(signal.SIGTERM)
        assert portal.end() == 0
        assert nothing_of(state)


# Without web, which needs an interpreter that this user may reach; so it never gets ready, and is stopped before.
ORDINARY = "sys.exit(small_portal.main({names!r}))"


class TestStopping:
    @pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_a_signal_to_the_process_group_leaves_nothing(self, start, state, signum):
        portal = start("prepare", "web", "family", state=state)
        portal.hear("Ctrl-C")
        portal.signal_group(signum)
        assert portal.end() == 0
        processes.until(lambda: nothing_of(state), 2)

    def test_many_signals_are_one_orderly_stop(self, start, state):
        portal = start("prepare", "web", "family", state=state)
        portal.hear("Ctrl-C")
        for _ in range(10):
            portal.signal_group(signal.SIGINT)
            portal.signal_group(signal.SIGTERM)
        assert portal.end() == 0
        assert portal.said.count("Stopping") == 1
        processes.until(lambda: nothing_of(state), 2)

    @pytest.mark.parametrize("moment", ["Starting PostgreSQL", "Running prepare-slowly"])
    def test_a_signal_during_the_start_leaves_nothing(self, start, state, moment):
        portal = start("prepare-slowly", "web", state=state)
        portal.hear(moment)
        portal.signal_group(signal.SIGINT)
        assert portal.end() == 0
        processes.until(lambda: nothing_of(state), 2)

    def test_a_child_that_does_not_listen_is_killed(self, start):
        portal = start("prepare", "web", "stubborn")
        portal.hear("Ctrl-C")
        portal.signal_group(signal.SIGTERM)
        assert portal.end() == 0
        assert "stubborn did not stop and is being killed" in portal.said
        processes.until(lambda: nothing_of(portal.state), 2)


class TestChildren:
    def test_a_killed_child_comes_back(self, start):
        portal = start("prepare", "web")
        portal.hear("Ctrl-C")
        [pid] = portal.find(WEB)
        os.kill(pid, signal.SIGKILL)
        portal.hear("web was ended by signal 9; starting it again")
        processes.until(lambda: portal.find(WEB))

    def test_a_dead_childs_own_children_go_with_it(self, start):
        portal = start("prepare", "web", "family")
        portal.hear("Ctrl-C")
        [parent] = portal.find("/bin/sh -c sleep 1001")
        children = portal.find("sleep 100[12]")
        assert len(children) == 2
        os.kill(parent, signal.SIGKILL)
        portal.hear("family was ended")
        processes.until(lambda: not {*children} & {*portal.find("sleep 100[12]")})

    def test_web_that_keeps_ending_stops_everything_and_shows_its_log(self, start):
        portal = start("prepare", "broken-web", "family")
        assert portal.end() == 1
        assert "broken-web ended with status 3, 3 times in a row" in portal.said
        assert "out of cheese" in portal.said
        processes.until(lambda: nothing_of(portal.state), 2)

    def test_web_goes_on_without_another_one_that_keeps_ending(self, start):
        portal = start("prepare", "web", "broken")
        said = portal.hear("THE PORTAL RUNS WITHOUT BROKEN; starting it again in 2 s")
        assert "broken ended with status 3, 3 times in a row" in said
        assert "out of cheese" in said
        portal.hear("WITHOUT BROKEN; starting it again in 4 s")
        assert portal.find(WEB)
        assert portal.process.poll() is None

    def test_dead_servers_are_started_again(self, start, state):
        portal = start("prepare", "web", state=state)
        portal.hear("Ctrl-C")
        os.kill(int((state / "valkey" / "valkey.pid").read_text()), signal.SIGKILL)
        portal.hear("PostgreSQL or Valkey ended")
        processes.until(lambda: services.alive(state))


class TestAKilledSupervisor:
    def test_leaves_nothing_but_the_two_servers(self, start, state):
        portal = start("prepare", "web", "family", state=state)
        portal.hear("Ctrl-C")
        portal.process.kill()
        portal.end()
        processes.until(lambda: all("postgres" in line or "valkey" in line for line in processes.of(state).values()))
        assert services.alive(state)

    def test_is_followed_by_one_that_finds_the_servers_and_the_data(self, start, state):
        port = free_port()
        first = start("prepare", "web", "family", state=state, port=port)
        first.hear("Ctrl-C")
        addresses = services.start(state)
        postmaster = (state / "postgres" / "postmaster.pid").read_text()
        with psycopg.connect(addresses.database_url) as connection:
            connection.execute("CREATE TABLE memory AS SELECT 'kept' AS word")
        first.process.kill()
        second = start("prepare", "web", "family", state=state, port=port)
        second.hear("Ctrl-C")
        assert (state / "postgres" / "postmaster.pid").read_text() == postmaster
        with psycopg.connect(addresses.database_url) as connection:
            assert connection.execute("SELECT word FROM memory").fetchone() == ("kept",)


@pytest.mark.exhaustive
class TestDeveloping:
    def test_shows_what_children_say(self, start):
        portal = start("prepare", "broken-web", dev=True)
        assert portal.end() == 1
        assert portal.said.count("out of cheese") == 3

    def test_starts_a_child_again_when_code_changes(self, start):
        portal = start("prepare", "web", "reloaded", dev=True)
        portal.hear("Ctrl-C")
        portal.hear("started")
        [first] = processes.until(lambda: portal.find("sleep 1004"))
        portal.said = ""
        (portal.state / "code.py").write_text("")
        portal.hear("started")
        processes.until(lambda: set(portal.find("sleep 1004")) - {first})
        portal.signal_group(signal.SIGINT)
        assert portal.end() == 0
        assert portal.find("sleep 1004") == []


RESET = "from pathlib import Path; from config import supervisor; supervisor.start_afresh(Path({state!r}))"


class TestResetting:
    def test_removes_what_a_portal_keeps_and_nothing_else(self, start, state):
        portal = start("prepare", "web", state=state)
        portal.hear("Ctrl-C")
        portal.process.kill()  # and leaves its servers behind
        portal.end()
        (state / "demo_password").write_text("secret")
        (state / "test-template").mkdir()
        (state / "notes.txt").write_text("of somebody")
        said, _ = processes.python(RESET.format(state=str(state)), state).communicate(timeout=60)
        # What it started may still be on its way out, and is then waited for.
        assert said in ("", "Waiting for the processes of an earlier run to end\n")
        assert nothing_of(state)
        left = {path.name for path in state.iterdir() if path.suffix != ".lock"}
        assert left == {"test-template", "notes.txt"}

    def test_refuses_while_a_portal_runs(self, start, state):
        portal = start("prepare", "web", state=state)
        portal.hear("Ctrl-C")
        said, _ = processes.python(RESET.format(state=str(state)), state).communicate(timeout=60)
        assert f"is already running with {state}: process {portal.process.pid}" in said
        assert services.alive(state)
        portal.process.communicate(timeout=30)  # the state directory is removed before `start` ends what it started

    @pytest.mark.parametrize("foreign", [{"MUSTER_VAR": "/srv/muster"}, {"DATABASE_URL": "postgresql:///muster"}])
    def test_refuses_to_touch_data_elsewhere(self, foreign, capfd):
        assert supervisor.reset(environment.read(foreign)) == 1
        assert "only removes the data in .var" in capfd.readouterr().out
