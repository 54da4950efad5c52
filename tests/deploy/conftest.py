"""What the tools of Docker and Kubernetes make of deploy/."""

import json
import subprocess
from typing import Any

import pytest

from tests.environments import python_with
from tests.servers import ROOT


@pytest.fixture(scope="session")
def manifests() -> dict[str, Any]:
    """What tests/deploy/manifests.py prints."""
    python = python_with("manifests")
    printed = subprocess.run([python, ROOT / "tests/deploy/manifests.py"], check=True, capture_output=True).stdout
    found: dict[str, Any] = json.loads(printed)
    return found
