"""The portal, and a real identity provider, whose packages are older than those of the suite."""

from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from tests.environments import python_with


@pytest.fixture
def base_url(live_server: LiveServer, settings) -> str:
    """The base URL of a running portal."""
    settings.MUSTER_URL = live_server.url
    return f"{live_server.url}/api/scim"


@pytest.fixture(scope="session")
def canaille_python() -> Path:
    """The interpreter of an environment with exactly what requirements/canaille.txt pins."""
    return python_with("canaille")
