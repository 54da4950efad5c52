"""A test run in the browser of an admin: to the provider, back, and a page about what came."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.db import connection as database
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from orgs.history import Cause
from orgs.models import Door, IdentityLink, Organization, User
from sso import connections, fetching
from sso.connections import Facts
from sso.models import Revision, State
from sso.web import journey_cookie
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory
from tests.page_text import text_at_first
from tests.sso.oidc.issuer import CLIENT, SECRET
from tests.sso.open_id_provider import OpenIdProvider

PAGE = "/settings/single-sign-on/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def org() -> Organization:
    return OrganizationFactory.create()


@pytest.fixture
def ada(org: Organization) -> User:
    return OwnerFactory.create(org=org, user_name="ada@corp.example")


@pytest.fixture
def browser(ada: User) -> Client:
    return signed_in(ada)


@pytest.fixture
def draft(org: Organization, idp: OpenIdProvider) -> Revision:
    idp.now = timezone.now().timestamp()
    idp.claims = {"sub": "1", "preferred_username": "bo@corp.example", "groups": ["a" * 300]}
    cause = Cause(Door.PAGE, timezone.now())
    return connections.draft(org=org, facts=Facts(idp.issuer, CLIENT, SECRET), cause=cause)


def run(browser: Client, idp: OpenIdProvider, *, meanwhile: Callable[[], object] = lambda: None) -> HttpResponse:
    begun = browser.get(PAGE + "test/")
    assert begun.status_code == 302
    brought = urlencode(idp.authorize(begun.headers["Location"]), doseq=True)
    meanwhile()
    back = urlsplit(connections.callback_url(Revision.objects.get().connection)).path
    return browser.get(f"{back}?{brought}")


def test_it_shows_what_came_and_who_it_would_be(
    browser: Client, draft: Revision, idp: OpenIdProvider, org: Organization
) -> None:  # L3
    UserFactory.create(org=org, user_name="bo@corp.example", display_name="Bo Lind")
    answer = run(browser, idp)
    page = text_at_first(answer)
    assert "The test run has passed" in page
    assert "Who it would be Bo Lind" in page
    assert "preferred_username Used bo@corp.example" in page
    assert "a" * 190 in page
    assert "a" * 200 not in page
    assert "no-store" in answer.headers["Cache-Control"]
    assert f'href="{PAGE}activate/"' in answer.text
    assert Revision.objects.get().tested_at is not None


def test_it_signs_nobody_in(
    browser: Client, draft: Revision, idp: OpenIdProvider, org: Organization, ada: User
) -> None:  # L3
    UserFactory.create(org=org, user_name="bo@corp.example")
    run(browser, idp)
    assert browser.session["_auth_user_id"] == str(ada.pk)
    assert not IdentityLink.objects.exists()
    assert Revision.objects.get().state == State.DRAFT


def test_it_passes_and_says_that_this_person_would_be_refused(
    browser: Client, draft: Revision, idp: OpenIdProvider
) -> None:  # L3, L4
    page = text_at_first(run(browser, idp))
    assert "The configuration works, but this person would be refused" in page
    assert "Nobody here has the userName bo@corp.example. Assign the person" in page


def test_it_says_what_is_wrong_with_what_came(browser: Client, draft: Revision, idp: OpenIdProvider) -> None:  # L3
    del idp.claims["preferred_username"]
    answer = run(browser, idp)
    page = text_at_first(answer)
    assert "The test run has not passed" in page
    assert "Everybody would be refused like this" in page
    assert "it sends no usable “preferred_username”" in page
    assert f'href="{PAGE}activate/"' not in answer.text
    idp.secret = "another"
    assert "No response that can be trusted came back" in text_at_first(run(browser, idp))


def test_it_says_that_the_provider_cannot_be_reached(
    browser: Client, draft: Revision, idp: OpenIdProvider, settings: Settings
) -> None:
    settings.IDP_NETWORKS = []
    answer = browser.get(PAGE + "test/")
    assert "has no public address" in text_at_first(answer)
    assert journey_cookie.NAME not in answer.cookies


def test_it_is_of_the_admin_who_began_it(
    browser: Client, draft: Revision, idp: OpenIdProvider, org: Organization
) -> None:  # L3
    another = UserFactory.create(org=org, roles=["Admin"])
    for answer in (
        run(browser, idp, meanwhile=lambda: browser.force_login(another)),
        run(browser, idp, meanwhile=lambda: signed_out(browser)),
    ):
        assert answer.status_code == 403
        assert "no-store" in answer.headers["Cache-Control"]
    assert "/token" not in idp.asked
    assert Revision.objects.get().tested_at is None


def signed_out(browser: Client) -> None:
    """Sign out, and keep the journey."""
    journey = browser.cookies[journey_cookie.NAME].value
    browser.logout()
    browser.cookies[journey_cookie.NAME] = journey


def test_no_transaction_is_open_while_the_provider_is_asked(
    browser: Client, draft: Revision, idp: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = fetching.fetch
    outside, open_then = list(database.savepoint_ids), []

    def noted(*args: Any, **options: Any) -> Any:
        open_then.append(database.savepoint_ids != outside)
        return fetch(*args, **options)

    monkeypatch.setattr(fetching, "fetch", noted)
    run(browser, idp)
    assert open_then
    assert not any(open_then)
