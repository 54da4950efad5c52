"""The units of systemd."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from config import environment
from tests.deploy import processes
from tests.deploy.processes import DEPLOY

UNITS = DEPLOY / "systemd"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd")
def test_systemd_understands_them(tmp_path: Path) -> None:
    """With programs that exist, since it looks for them too."""
    units = tmp_path / "units"
    shutil.copytree(UNITS, units)
    for path in units.glob("*.service"):
        path.write_text(path.read_text().replace("/opt/muster/.venv/bin/", f"{tmp_path}/"))
    for program in ("python", "gunicorn", "celery"):
        (tmp_path / program).symlink_to("/bin/true")
    checked = subprocess.run(
        ["systemd-analyze", "verify", units / "muster.target", *units.glob("*.service")],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:"},
        capture_output=True,
        text=True,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_migrations_come_first_and_the_target_stops_everything() -> None:
    for path in processes.unit_files():
        unit = processes.unit(path)
        assert unit["PartOf"] == "muster.target"
        if path.stem != "muster-migrate":
            assert unit["Requires"] == unit["After"]
            assert "muster-migrate.service" in unit["Requires"].split()
            assert unit["Restart"] == "always"


def test_the_target_starts_every_process() -> None:
    wanted = dict(processes.unit_lines(UNITS / "muster.target", "Unit"))["Wants"].split()
    assert {*wanted, "muster-migrate.service"} == {path.name for path in processes.unit_files()}


def test_a_restart_of_web_leaves_its_socket_open_and_the_target_closes_it() -> None:
    assert "muster-web.socket" in processes.unit(UNITS / "muster-web.service")["Requires"].split()
    socket = UNITS / "muster-web.socket"
    assert dict(processes.unit_lines(socket, "Unit"))["PartOf"] == "muster.target"
    env = environment.read({})
    assert dict(processes.unit_lines(socket, "Socket"))["ListenStream"] == f"{env.bind}:{env.port}"


def test_forked_processes_finish_what_they_do() -> None:
    assert {processes.unit(path)["KillMode"] for path in processes.unit_files()} == {"mixed"}


def test_they_write_to_their_state_directory_alone() -> None:
    for path in processes.unit_files():
        unit = processes.unit(path)
        assert (unit["ProtectSystem"], unit["StateDirectory"]) == ("strict", "muster")
    for process in processes.in_systemd().values():
        assert process.variables["MUSTER_RECEIPTS"].startswith("/var/lib/muster/")
