"""Environments of their own, for packages that would not fit beside those of the suite."""

import fcntl
import subprocess
import sys
from pathlib import Path

from tests.servers import ROOT


def python_with(name: str) -> Path:
    """The interpreter of an environment with exactly what requirements/NAME.txt pins, wheels alone: .venv-NAME.

    It is made on first use, in seconds, and made again when the lock has changed. Parallel workers wait for each other.
    """
    pinned = ROOT / "requirements" / f"{name}.txt"
    home = ROOT / f".venv-{name}"
    python = home / "bin" / "python"
    installed = home / "installed"
    home.mkdir(exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists() or installed.read_bytes() != pinned.read_bytes():
            installed.unlink(missing_ok=True)
            uv = (sys.executable, "-m", "uv", "--quiet", "--no-config")
            packages = ("--require-hashes", "--no-build", "--python", str(python), str(pinned))
            subprocess.run([*uv, "venv", "--allow-existing", "--python", sys.executable, str(home)], check=True)
            subprocess.run([*uv, "pip", "sync", *packages], check=True)
            installed.write_bytes(pinned.read_bytes())
    return python
