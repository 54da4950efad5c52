"""The settings that `make dev` switches on, in a process that has them."""

from pathlib import Path

from django.conf import settings
from django.test import Client

from tests.config import processes

SHOW_SIGN_IN = """
import django
django.setup()
from django.test import Client
answer = Client(headers={"host": "localhost"}).get("/sign-in/")
print(answer.status_code, answer["Content-Security-Policy"])
print(answer.content.decode())
"""


def test_pages_have_the_debug_toolbar_under_the_same_content_security_policy(tmp_path: Path) -> None:
    process = processes.python(SHOW_SIGN_IN, tmp_path, MUSTER_DEV="1", DJANGO_SETTINGS_MODULE="config.settings")
    said, _ = process.communicate(timeout=60)
    status, _, page = said.partition("\n")
    strict = Client(headers={"host": "localhost"}).get("/sign-in/")["Content-Security-Policy"]
    assert status.startswith("200 ")
    assert set(status[4:].split("; ")) == set(strict.split("; "))
    assert 'id="djDebug"' in page


def test_otherwise_there_is_none() -> None:
    assert not settings.DEBUG
    assert "debug_toolbar" not in settings.INSTALLED_APPS
