"""What needs attention, as the pages of an org's admins tell it."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orgs import matters, tokens
from orgs.db.keys import uuid7
from orgs.history import Cause
from orgs.matters import Occurrence
from orgs.models import Change, Door, IdentityProvider, Matter, MatterKind, Organization, ScimToken
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, OwnerFactory, issue_token
from tests.page_text import text_at_first

SCIM = "/settings/scim/"
CALL = {"method": "GET", "path": "/api/scim/Users", "address": "203.0.113.7", "agent": "Okta SCIM Client"}


@pytest.fixture
def browser(org: Organization) -> Client:
    return signed_in(OwnerFactory.create(org=org))


def occurs(org: Organization, kind: MatterKind, subject: str, **detail: str) -> None:
    matters.note([Occurrence(org.id, kind, subject, timezone.now(), uuid7(), detail)])


def dismiss(browser: Client, org: Organization) -> Any:
    return browser.post(f"{SCIM}matters/{Matter.objects.for_org(org).get().id}/dismiss/", follow=True)


@pytest.fixture
def revoked(org: Organization) -> ScimToken:
    token = issue_token(org, name="Okta production", idp=IdentityProvider.OKTA).token
    tokens.note_use({token.id: (timezone.now() - timedelta(hours=2), "203.0.113.7", "Okta SCIM Client")})
    return tokens.revoke(org=org, token_id=token.id, cause=Cause(Door.COMMAND, timezone.now()))


class TestATokenThatIsStillUsed:  # O4, N2
    def test_is_urgent_on_the_overview_and_in_the_settings(
        self, browser: Client, org: Organization, revoked: ScimToken
    ) -> None:
        occurs(org, MatterKind.DEAD_TOKEN, str(revoked.id), **CALL)
        occurs(org, MatterKind.DEAD_TOKEN, str(revoked.id), **CALL)
        for page in ("/", SCIM):
            shown = text_at_first(browser.get(page))
            assert "“Okta production” was revoked, but is still used" in shown
            assert "Okta SCIM Client at 203.0.113.7 sent GET /api/scim/Users." in shown
            assert "Nothing needs your attention" not in shown
        settings = browser.get(SCIM).content.decode()
        assert "2 times since" in text_at_first(browser.get(SCIM))
        assert "UTC" in text_at_first(browser.get(SCIM)).split("2 times since")[1][:40]
        assert f"/settings/scim/log/{Matter.objects.get(org=org).request_id}/" in settings
        assert "Still used" in settings

    def test_is_no_matter_once_an_admin_knows_the_caller(
        self, browser: Client, org: Organization, revoked: ScimToken
    ) -> None:
        occurs(org, MatterKind.DEAD_TOKEN, str(revoked.id), **CALL)
        assert "Nothing needs your attention" in text_at_first(dismiss(browser, org))
        occurs(org, MatterKind.DEAD_TOKEN, str(revoked.id), **CALL)
        assert "still used" not in text_at_first(browser.get("/"))
        change = Change.objects.get(org=org, verb="matter.dismissed")
        assert change.detail == {"kind": "token.dead", "name": "Okta production"}

    def test_does_not_make_the_org_a_newcomer(self, browser: Client, revoked: ScimToken) -> None:
        page = text_at_first(browser.get("/"))
        assert "No token is accepted any more" in page
        assert "Connect your identity provider" not in page


class TestAnExpiredToken:  # O4
    @pytest.fixture
    def expired(self, org: Organization) -> ScimToken:
        token = issue_token(org, name="Okta", idp=IdentityProvider.OKTA).token
        tokens.note_use({token.id: (timezone.now() - timedelta(days=4), None, "")})
        ScimToken.objects.filter(id=token.id).update(expires_at=timezone.now() - timedelta(days=3))
        return token

    def warned(self, browser: Client) -> bool:
        (warned,) = {"“Okta” expired 3 days ago" in text_at_first(browser.get(page)) for page in ("/", SCIM)}
        return warned

    def test_is_warned_of_until_it_is_replaced(self, browser: Client, org: Organization, expired: ScimToken) -> None:
        issue_token(org, idp=IdentityProvider.ENTRA)
        assert self.warned(browser)
        issue_token(org, idp=IdentityProvider.OKTA)
        assert not self.warned(browser)

    def test_is_warned_of_until_it_is_revoked(self, browser: Client, expired: ScimToken) -> None:
        assert "It has expired and is no longer accepted." in text_at_first(
            browser.get(f"{SCIM}tokens/{expired.id}/revoke/")
        )
        browser.post(f"{SCIM}tokens/{expired.id}/revoke/")
        assert not self.warned(browser)


def test_only_tokens_of_one_identity_provider_are_told_to_replace_each_other(
    browser: Client, org: Organization
) -> None:  # O4
    issue_token(org, idp=IdentityProvider.OKTA)
    issue_token(org, idp=IdentityProvider.ENTRA)
    assert "replac" not in text_at_first(browser.get("/"))
    assert "one replaces another" not in text_at_first(browser.get(SCIM))
    newer = issue_token(org, idp=IdentityProvider.ENTRA).token
    tokens.note_use({newer.id: (timezone.now(), None, "")})
    assert "Finish replacing the token" in text_at_first(browser.get("/"))


class TestWhatWasRefused:  # O3, N2
    def test_is_listed_by_name(self, browser: Client, org: Organization) -> None:
        for name in ("Days", "Nights", "Weekends", "Holidays"):
            occurs(org, MatterKind.GROUP_REFUSED, name, status="403", error="Group provisioning is off.")
        overview = text_at_first(browser.get("/"))
        assert "4 groups could not be created “Holidays”, “Weekends”, “Nights” and 1 more" in overview
        settings = text_at_first(browser.get(SCIM))
        assert "The group “Days” could not be created Group provisioning was off." in settings

    def test_is_shown_in_part_until_all_is_asked_for(self, browser: Client, org: Organization) -> None:
        for n in range(11):
            occurs(org, MatterKind.USER_REFUSED, f"p{n}", status="400", error="No.")
        assert "“p0”" not in text_at_first(browser.get(SCIM))
        assert "Show all 11" in text_at_first(browser.get(SCIM))
        assert "“p0”" in text_at_first(browser.get(f"{SCIM}?matters=all"))

    def test_of_another_org_is_neither_shown_nor_dismissed(self, browser: Client) -> None:  # O7
        other = OrganizationFactory.create()
        occurs(other, MatterKind.USER_REFUSED, "ada", status="400", error="No.")
        assert "ada" not in text_at_first(browser.get(SCIM))
        assert "This is already over." in text_at_first(dismiss(browser, other))
        assert Matter.objects.get(org=other).dismissed_at is None

    def test_is_told_as_text(self, browser: Client, org: Organization) -> None:
        occurs(org, MatterKind.USER_REFUSED, "<b>%(idp)s", status="400", error="<i>%s {x}")
        page = browser.get(SCIM).content.decode()
        assert "&lt;b&gt;%(idp)s" in page
        assert "&lt;i&gt;%s {x}" in page


def test_an_unknown_attribute_is_told_with_the_one_that_was_meant(browser: Client, org: Organization) -> None:  # P3
    occurs(
        org, MatterKind.UNDESCRIBED, "urn:x:OrganisationRole", attribute="OrganisationRole", meant="OrganizationRole"
    )
    for page in ("/", SCIM):
        shown = text_at_first(browser.get(page))
        assert "has no attribute “OrganisationRole”" in shown
        assert "Did you mean OrganizationRole?" in shown
