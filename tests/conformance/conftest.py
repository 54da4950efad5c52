"""The environment of a real identity provider, whose packages are older than those of the suite."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from tests.servers import ROOT

LOCK = ROOT / "requirements" / "canaille.txt"
HOME = ROOT / ".venv-canaille"


@pytest.fixture
def base_url(live_server: LiveServer, settings) -> str:
    """The base URL of a running portal."""
    settings.MUSTER_URL = live_server.url
    return f"{live_server.url}/api/scim"


@pytest.fixture(scope="session")
def canaille_python() -> Path:
    """The interpreter of an environment with exactly what requirements/canaille.txt pins, wheels alone.

    It is made on first use, in seconds, and made again when the lock has changed. Parallel workers wait for each other.
    """
    python = HOME / "bin" / "python"
    installed = HOME / "installed"
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists() or installed.read_bytes() != LOCK.read_bytes():
            installed.unlink(missing_ok=True)
            uv = (sys.executable, "-m", "uv", "--quiet", "--no-config")
            packages = ("--require-hashes", "--no-build", "--python", str(python), str(LOCK))
            subprocess.run([*uv, "venv", "--allow-existing", "--python", sys.executable, str(HOME)], check=True)
            subprocess.run([*uv, "pip", "sync", *packages], check=True)
            installed.write_bytes(LOCK.read_bytes())
    return python
