"""Real processes, as the tests of the services and the supervisor see them."""

import os
import pwd
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent.parent
ORDINARY_USER = pwd.getpwnam("nobody").pw_uid
NAMELESS_USER = 12345

T = TypeVar("T")


def until(condition: Callable[[], T], seconds: float = 20) -> T:
    """The condition's first true result. Fails the test if there is none in time."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return answer


def of(state: Path) -> dict[int, str]:
    """Command lines of the running processes of a state directory, by pid: they inherit its name or work in it."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environ = (process / "environ").read_bytes().split(b"\0")
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            works_in = (process / "cwd").readlink()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if f"MUSTER_VAR={state}".encode() in environ or works_in.is_relative_to(state):
            found[int(process.name)] = command
    return found


def become(uid: int) -> str:
    """Code that makes root somebody else, after the imports: what root installed may be out of others' reach."""
    return f"""
import encodings.idna, os, sys
from config import environment, services, supervisor
from tests.config import small_portal
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid({uid})
    os.setuid({uid})
"""


def python(code: str, state: Path, **environ: str) -> "subprocess.Popen[str]":
    """A Python process of the project for a state directory, in a process group of its own.

    It inherits the addresses of the suite's servers; empty ones say that it needs its own.
    """
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "MUSTER_VAR": str(state), **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
