"""Real identity providers on this machine. Where they are not installed they are skipped, but not in CI."""

import fcntl
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import ROOT

HERE = Path(__file__).parent
PINS = ("package.json", "package-lock.json")
HOME = ROOT / ".node"


def needs(there: object, what: str) -> None:
    if not there and os.environ.get("CI") == "true":
        pytest.fail(f"needs {what}")
    elif not there:
        pytest.skip(f"needs {what}")


@pytest.fixture(scope="session")
def node() -> Callable[[str], tuple[str, str]]:
    """What runs a script of this folder, beside exactly the packages that package-lock.json pins.

    They are installed on first use, and again when the lock has changed. Parallel workers wait for each other.
    """
    npm = shutil.which("npm")
    needs(npm, "npm (apt-get install npm)")
    assert npm
    installed = HOME / "installed"
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        pinned = b"".join((HERE / name).read_bytes() for name in PINS)
        if not installed.exists() or installed.read_bytes() != pinned:
            installed.unlink(missing_ok=True)
            for name in PINS:
                shutil.copy(HERE / name, HOME)
            subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HOME, check=True)
            installed.write_bytes(pinned)
        for script in HERE.glob("*.mjs"):  # which finds packages beside itself
            shutil.copy(script, HOME)
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), "")
    newer = HOME / "node_modules" / f"node-linux-{machine}" / "bin" / "node"  # than what distributions have
    return lambda script: (str(newer) if newer.exists() else "node", str(HOME / script))


@pytest.fixture(scope="session")
def php() -> str:
    """PHP, beside SimpleSAMLphp."""
    found = shutil.which("php") if Path("/usr/share/simplesamlphp").exists() else None
    needs(found, "SimpleSAMLphp (apt-get install php-cli php-xml php-mbstring simplesamlphp)")
    assert found
    return found
