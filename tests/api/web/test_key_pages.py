"""The pages about keys to the API."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orgs import api_keys
from orgs.models import ApiKey, Change, Organization, Scope, User
from tests.api.consumer import key_of
from tests.conftest import signed_in
from tests.factories import OwnerFactory, UserFactory, issue_token
from tests.groups_provisioning.world import by_admin
from tests.page_text import text_at_first

KEYS = "/settings/api-keys/"
NEW = f"{KEYS}new/"


@pytest.fixture
def ada(org: Organization) -> User:
    return OwnerFactory.create(org=org, user_name="ada@corp.example")


@pytest.fixture
def browser(ada: User) -> Client:
    return signed_in(ada)


def a_form(**changed: Any) -> dict[str, Any]:
    once = "0190a4e2-0000-7000-8000-000000000001"
    return {"name": "Payroll", "scopes": ["read", "credentials"], "lifetime": "365", "once": once, **changed}


class TestCreatingAKey:
    def test_shows_the_secret_once_and_an_example(self, browser: Client, org: Organization, ada: User) -> None:  # E5
        page = browser.post(NEW, a_form())
        key = ApiKey.objects.get(org=org)
        secret = page.context["secret"]
        found = api_keys.recognise(secret)
        assert found == key
        assert (key.name, key.scopes, key.created_by) == ("Payroll", ["read", "credentials"], ada)
        assert f"/api/v1/organizations/{org.id}/changes" in page.content.decode()
        assert "no-store" in page["Cache-Control"]
        again = text_at_first(browser.post(NEW, a_form(), follow=True))
        assert "This key already exists." in again
        assert ApiKey.objects.for_org(org).count() == 1
        row = text_at_first(browser.get(KEYS))
        assert secret not in browser.get(KEYS).content.decode()
        for words in ("Payroll", key.hint, "Read people, groups and their targets", ada.label, "Never"):
            assert words in row

    @pytest.mark.parametrize("scope", Scope)
    def test_may_give_every_scope(self, browser: Client, org: Organization, scope: Scope) -> None:  # E5
        browser.post(NEW, a_form(scopes=[scope.value]))
        assert ApiKey.objects.get(org=org).scopes == [scope.value]

    def test_the_example_works(self, browser: Client, org: Organization) -> None:
        page = browser.post(NEW, a_form(scopes=["history"]))
        path = page.context["example"].rpartition("/api/")[2].rstrip('"')
        header = {"Authorization": f"Bearer {page.context['secret']}"}
        assert Client(headers=header).get(f"/api/{path}").status_code == 200

    def test_asks_for_what_is_missing(self, browser: Client, org: Organization) -> None:
        assert "This field is required." in text_at_first(browser.post(NEW, a_form(scopes=[])))
        assert not ApiKey.objects.for_org(org).exists()

    def test_is_refused_where_there_are_too_many(
        self, browser: Client, org: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(api_keys, "MOST", 1)
        other = key_of(org).key
        assert "1 keys are active, and no more are possible." in text_at_first(browser.post(NEW, a_form()))
        ApiKey.objects.filter(id=other.id).update(expires_at=timezone.now())
        assert browser.post(NEW, a_form()).context["secret"]


class TestRevokingAKey:
    def test_says_what_stops_and_stops_it(self, browser: Client, org: Organization) -> None:  # E5
        issued = key_of(org, Scope.HISTORY)
        api_keys.note_use(issued.key, address="192.0.2.7", agent="payroll/2")
        address = f"{KEYS}{issued.key.id}/revoke/"
        asked = text_at_first(browser.get(address))
        for words in ("refused at once", "Read the history", "192.0.2.7", "payroll/2"):
            assert words in asked
        said = text_at_first(browser.post(address, follow=True))
        assert "“consumer” is revoked." in said
        assert not ApiKey.objects.get(id=issued.key.id).is_valid(timezone.now())
        assert browser.get(address).status_code == 302  # it is done


class TestAMakerWhoLeft:
    """E5: read from who is an admin now."""

    @pytest.fixture
    def bo(self, org: Organization) -> User:
        return UserFactory.create(org=org, roles=["Admin"], user_name="bo@corp.example")

    def leave(self, bo: User) -> None:
        User.objects.filter(id=bo.id).update(active=False)

    def test_stands_on_the_overview_and_at_the_key_until_somebody_answers_for_it(
        self, browser: Client, org: Organization, bo: User
    ) -> None:
        key = api_keys.issue(org=org, name="CRM", scopes=[Scope.READ], cause=by_admin(bo)).key
        words = "Nobody is responsible for “CRM” any more"
        assert words not in text_at_first(browser.get("/"))
        self.leave(bo)
        for page in ("/", KEYS):
            assert words in text_at_first(browser.get(page))
        said = text_at_first(browser.post(f"{KEYS}{key.id}/take-over/", follow=True))
        assert "You are now responsible for “CRM”." in said
        assert Change.objects.for_org(org).filter(verb="key.taken_over").count() == 1
        for page in ("/", KEYS):
            assert words not in text_at_first(browser.get(page))

    def test_stands_at_a_token_too(self, browser: Client, org: Organization, bo: User) -> None:
        token = issue_token(org).token
        type(token).objects.filter(id=token.id).update(created_by=bo)
        self.leave(bo)
        words = f"Nobody is responsible for “{token.name}” any more"
        for page in ("/", "/settings/scim/"):
            assert words in text_at_first(browser.get(page))
        browser.post(f"/settings/scim/tokens/{token.id}/take-over/")
        for page in ("/", "/settings/scim/"):
            assert words not in text_at_first(browser.get(page))

    def test_is_no_matter_of_a_key_that_ended_meanwhile(self, browser: Client, org: Organization, bo: User) -> None:
        key = api_keys.issue(org=org, name="CRM", scopes=[Scope.READ], cause=by_admin(bo)).key
        ApiKey.objects.filter(id=key.id).update(expires_at=timezone.now() - timedelta(days=1))
        said = text_at_first(browser.post(f"{KEYS}{key.id}/take-over/", follow=True))
        assert "“CRM” has ended" in said
