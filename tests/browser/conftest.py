"""A browser with the pages in it: Debian's Chromium, and a live server on the real database.

The headless shell is Chromium without windows, tabs and profiles. A new context takes it a sixth of the processor time.
"""

import os
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Page

from orgs.models import Organization, User
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, OwnerFactory

# Playwright's own event loop runs in this thread; Django would take the test's queries for a mistake.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or "/usr/bin/chromium"
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return browser_type_launch_args | {
        "executable_path": CHROMIUM,
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            # A page lives for a second or two: compiling its scripts well costs more than it saves.
            "--js-flags=--no-maglev --no-opt",
        ],
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any], live_server: Any) -> dict[str, Any]:
    return browser_context_args | {
        "base_url": live_server.url,
        "viewport": {"width": 1280, "height": 800},
        "reduced_motion": "reduce",
    }


@pytest.fixture(autouse=True)
def _at_its_address(live_server: Any, settings: Any) -> None:
    settings.MUSTER_URL = live_server.url


@pytest.fixture
def page(page: Page) -> Generator[Page]:
    with uncomplaining(page):
        yield page


@contextmanager
def uncomplaining(page: Page) -> Generator[None]:
    """A page that must not complain: no script error, nothing that the content security policy refused."""
    complaints: list[str] = []

    def on_error(error: Error) -> None:
        complaints.append(str(error))

    def on_message(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    page.on("pageerror", on_error)
    page.on("console", on_message)
    yield
    page.remove_listener("pageerror", on_error)
    page.remove_listener("console", on_message)
    # Chromium and htmx also report documents that answer 403, 404 or 429, which some tests are about.
    refused = re.compile(r"responded with a status of 4\d\d|Response Status Error Code 4\d\d")
    assert [words for words in complaints if not refused.search(words)] == []


@pytest.fixture
def org(live_server: Any) -> Organization:
    return OrganizationFactory.create(name="Northwind Logistics")


@pytest.fixture
def owner(org: Organization) -> User:
    owner = OwnerFactory.create(
        org=org, user_name="ada@northwind.example", given_name="Ada", family_name="Brandt", roles=None
    )
    owner.set_password(PASSWORD)
    owner.save(update_fields=["password"])
    return owner


def sign_in(context: BrowserContext, user: User, url: str) -> None:
    """Without the form, for tests that are about something else."""
    client = signed_in(user)
    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": url}])
