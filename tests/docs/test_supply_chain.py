"""What production installs: licences that may be distributed with ours, and the bill of materials."""

import json
import re
import subprocess
import sys

from docs import from_code
from docs.from_code import ROOT

LOCK = (ROOT / "requirements" / "production.txt").read_text()

ALLOWED = {
    "Apache Software License",
    "Apache-2.0",
    "BSD 3-Clause",
    "BSD License",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "LGPL-3.0-only",  # psycopg: a library of its own, which anybody can replace
    "MIT",
    "MIT License",
    "MIT-0",
    "MPL-2.0",  # its own files, which are not changed here
    "PSF-2.0",
}


def parts(licence: str) -> set[str]:
    """The licences that an expression is made of."""
    return {part for part in re.split(r" (?:AND|OR) |, |[()]", licence) if part.strip()}


def test_every_licence_is_allowed() -> None:
    found = {name: parts(licence) for name, _version, licence in from_code.locked_licences()}
    assert len(found) > 40
    assert {name: licence for name, licence in found.items() if not licence or licence - ALLOWED} == {}


def test_each_locked_package_has_hashes() -> None:
    pins = re.split(r"^(?=[\w.-]+(?:\[[\w,]+\])?==)", LOCK, flags=re.MULTILINE)[1:]
    assert len(pins) > 40
    assert [pin.partition(" ")[0] for pin in pins if "--hash=sha256:" not in pin] == []


def test_the_bill_of_materials_has_every_locked_package_with_its_hashes() -> None:
    command = [sys.executable, "-W", "ignore::UserWarning", "-m", "cyclonedx_py", "requirements"]
    command += ["--pyproject", "pyproject.toml", "--no-validate", "--output-reproducible", "--output-format", "JSON"]
    made = subprocess.run(
        [*command, "requirements/production.txt"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    components = json.loads(made.stdout)["components"]
    locked = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s;]+)", LOCK, re.MULTILINE)
    assert sorted((each["name"], each["version"]) for each in components) == sorted(locked)
    assert [each["name"] for each in components if not each["externalReferences"][0].get("hashes")] == []
