"""Real identity providers on this machine. Where they are not installed they are skipped, but not in CI."""

import fcntl
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sso.saml import metadata
from tests.servers import ROOT
from tests.sso.saml.identity_provider import ACS, ENTITY, certified, ours, private_key

HERE = Path(__file__).parent
PINS = ("package.json", "package-lock.json")
HOME = ROOT / ".node"
PEM = serialization.Encoding.PEM


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


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with the identity provider's key and certificate, and what it has of ours."""
    certificate = ours().certificate
    public = x509.load_pem_x509_certificate(certificate.pem.encode()).public_key()
    (tmp_path / "idp.key").write_bytes(
        private_key().private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (tmp_path / "idp.pem").write_bytes(certified(private_key()))
    (tmp_path / "muster.pem").write_text(certificate.pem)
    (tmp_path / "muster.pub").write_bytes(public.public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "muster.xml").write_bytes(metadata.ours(entity_id=ENTITY, acs_url=ACS, certificate=certificate))
    return tmp_path
