"""Setting up an identity provider: the guide, the automatic checklist, the token that is safe to revoke."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orgs import tokens
from orgs.history import Cause
from orgs.models import Door, IdentityProvider, Organization, ScimToken
from scim import request_log
from scim.models import RequestLog
from scim.setup_guide import guide
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, OwnerFactory, issue_token
from tests.page_text import text
from tests.scim.test_log_page import fill
from tests.scim.test_request_log import made

SCIM = "/settings/scim/"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
EXTENSION = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:User"
POLL = {"HX-Request": "true", "HX-Target": "checklist"}


def browser_of(org: Organization) -> Client:
    return signed_in(OwnerFactory.create(org=org, user_name=f"ada@{org.slug}.example"))


@pytest.fixture
def browser(org: Organization) -> Client:
    """The org's owner, signed in."""
    return browser_of(org)


def copied(answer: Any) -> dict[str, str]:
    """What can be copied from the guide, by the field's name."""
    page = answer.content.decode()
    fields = re.findall(r'id="guide-\d+-\d+" value="([^"]*)"[^>]*aria-label="([^"]*)"', page)
    fields += [(value, name) for name, value in re.findall(r'<textarea[^>]*aria-label="([^"]*)">([^<]*)<', page)]
    return {name: value.replace("&quot;", '"') for value, name in fields}


class TestTheGuide:
    @pytest.mark.parametrize("dialect", ["standard", "lambdatest", "testomat"])
    @pytest.mark.parametrize("idp", guide.GUIDES)
    def test_is_there_for_every_identity_provider_and_profile(self, db: None, dialect: str, idp: str) -> None:
        org = OrganizationFactory.create(dialect=dialect)
        answer = browser_of(org).get(SCIM, {"idp": idp})
        said = text(answer)
        assert "PingOne JumpCloud OneLogin Google Other" in said
        assert f"Steps for {guide.guide_for(idp, org, '').name}" in said
        assert org.profile.role_attribute in said
        assert "Assign one person first" in said
        roles = "No attribute of your identity provider is needed for roles: give them here"  # R6
        assert (roles in said) == (idp != IdentityProvider.GOOGLE)  # which has no groups to give them to
        assert len(answer.content) < 100_000

    def test_leads_to_a_token_for_its_identity_provider(self, browser: Client) -> None:
        for headers in ({}, {"HX-Request": "true", "HX-Target": "setup-guide"}):
            page = browser.get(SCIM, {"idp": "entra"}, headers=headers).content.decode()
            assert "Create a token for Entra ID" in page
            (address,) = re.findall(r'href="(/settings/scim/tokens/new/\?[^"]*)"', page)
            assert browser.get(address).context["form"]["idp"].value() == "entra"

    def test_has_the_fields_that_okta_has(self, db: None, settings: Any) -> None:
        settings.MUSTER_URL = "https://muster.example.org"
        answer = browser_of(OrganizationFactory.create(dialect="lambdatest")).get(SCIM, {"idp": "okta"})
        fields = copied(answer)
        assert fields["SCIM connector base URL"] == "https://muster.example.org/api/scim"
        assert fields["Unique identifier field for users"] == "userName"
        assert fields["External namespace"] == EXTENSION
        assert "Enum Admin, User, Guest" in text(answer)
        assert f"{EXTENSION}:LambdatestGroup" in text(answer)

    def test_has_the_fields_that_entra_has(self, db: None, settings: Any) -> None:  # O5
        settings.MUSTER_URL = "https://muster.example.org"
        org = OrganizationFactory.create(dialect="lambdatest")
        fields = copied(browser_of(org).get(SCIM, {"idp": "entra"}))
        assert fields["Tenant URL"] == "https://muster.example.org/api/scim?aadOptscim062020"
        assert fields["Target attribute"] == f"{EXTENSION}:OrganizationRole"
        assert fields["Expression"] == (
            'IIF(SingleAppRoleAssignment([appRoleAssignments])="Admin", "Admin", '
            'IIF(SingleAppRoleAssignment([appRoleAssignments])="Guest", "Guest", "User"))'
        )

    def test_has_the_fields_that_pingone_has(self, db: None) -> None:  # S6
        answer = browser_of(OrganizationFactory.create(dialect="lambdatest")).get(SCIM, {"idp": "pingone"})
        assert copied(answer)["User Filter Expression"] == 'userName eq "%s"'
        assert copied(answer)["Custom Attribute Schema URNs"] == EXTENSION
        assert "Group Membership Handling Merge" in text(answer)

    def test_says_what_google_does_not_do(self, db: None, settings: Any) -> None:
        settings.MUSTER_URL = "https://muster.example.org"
        answer = browser_of(OrganizationFactory.create(dialect="lambdatest")).get(SCIM, {"idp": "google"})
        assert copied(answer)["Endpoint URL"] == "https://muster.example.org/api/scim"
        assert "do not expect it of an application that you add as a custom SAML app" in text(answer)
        assert "Google does not push groups" in text(answer)
        assert "Push groups, if you want" not in text(answer)
        assert "Roles that every member of the group will have" not in text(answer)

    @pytest.mark.parametrize("idp", sorted(guide.HELP))
    def test_leads_to_the_identity_providers_own_documents(self, browser: Client, idp: str) -> None:
        page = browser.get(SCIM, {"idp": idp}).content.decode()
        links = re.findall(r'<a href="(https://[^"]+)" target="_blank" rel="noopener noreferrer">', page)
        assert links == [url for _title, url in guide.HELP[idp]]
        assert links

    def test_gives_onelogin_a_template_that_is_accepted(
        self, org: Organization, browser: Client, idp: Idp
    ) -> None:  # S6
        page = browser.get(SCIM, {"idp": "onelogin"}).content.decode()
        template = re.search(r"<textarea[^>]*>(.*?)</textarea>", page, re.S)
        assert template
        filled = template[1].replace("&quot;", '"')
        for name, value in (("$parameters.scimusername", "mo@corp.example"), ("$parameters.roles", "Member")):
            filled = filled.replace(f"{{{name}}}", value)
        assert idp("POST", "/Users", filled.encode()).status_code == 201

    def test_is_at_first_that_of_the_newest_token(self, browser: Client, org: Organization) -> None:
        assert "Steps for Okta" in text(browser.get(SCIM))
        issue_token(org, idp=IdentityProvider.JUMPCLOUD)
        assert "Steps for JumpCloud" in text(browser.get(SCIM))
        issue_token(org, idp=IdentityProvider.GOOGLE)
        assert "Steps for Google" in text(browser.get(SCIM))
        issue_token(org, idp=IdentityProvider.OTHER)
        assert "Steps for your identity provider" in text(browser.get(SCIM))
        assert "Steps for PingOne" in text(browser.get(SCIM, {"idp": "pingone"}))
        assert "Steps for your identity provider" in text(browser.get(SCIM, {"idp": "nonsense"}))

    def test_is_one_part_of_the_page_for_htmx(self, browser: Client) -> None:
        answer = browser.get(SCIM, {"idp": "entra"}, headers={"HX-Request": "true", "HX-Target": "setup-guide"})
        assert text(answer).startswith("Setup guide")
        assert "<html" not in answer.content.decode()

    def test_says_what_has_no_effect_here(self, db: None) -> None:  # U10, O3
        org = OrganizationFactory.create(dialect="lambdatest", concurrency_groups=False, group_provisioning=False)
        said = text(browser_of(org).get(SCIM))
        assert "concurrency groups are off" in said
        assert "refused until group provisioning is on" in said


class TestTheChecklist:
    def ticked(self, browser: Client) -> list[str]:
        assert request_log.flush(10)
        return re.findall(r"([A-Z][a-z ]+?) : done", text(browser.get(SCIM, headers=POLL)))

    def test_ticks_as_requests_arrive(self, browser: Client, org: Organization, idp: Idp) -> None:
        assert self.ticked(browser) == []
        idp.get("/ServiceProviderConfig")
        assert self.ticked(browser) == ["Signed in", "Read supported features"]
        idp.get("/Users?filter=userName+eq+%22mo%40corp.example%22")
        assert self.ticked(browser)[-1] == "Looked up a person"
        idp.post("/Users", {"schemas": [USER], "userName": "mo@corp.example"})
        assert self.ticked(browser)[-1] == "Created a person"
        idp.post("/Groups", {"displayName": "Engineers"})
        assert self.ticked(browser)[-1] == "Pushed a group"

    def test_polls_until_it_is_complete(self, browser: Client, org: Organization, idp: Idp) -> None:
        assert 'hx-trigger="every 5s"' in browser.get(SCIM, headers=POLL).content.decode()
        idp.post("/Users", {"schemas": [USER], "userName": "mo@corp.example"})
        idp.post("/Groups", {"displayName": "Engineers"})
        request_log.flush(10)
        answer = browser.get(SCIM, headers=POLL)
        assert "hx-trigger" not in answer.content.decode()
        assert "Your identity provider is set up" in text(answer)

    def test_is_complete_without_groups_where_they_are_off(self, browser: Client, org: Organization, idp: Idp) -> None:
        Organization.objects.filter(pk=org.pk).update(group_provisioning=False)
        idp.post("/Users", {"schemas": [USER], "userName": "mo@corp.example"})
        request_log.flush(10)
        assert "Your identity provider is set up" in text(browser.get(SCIM, headers=POLL))

    def test_keeps_its_ticks_when_log_entries_expire(self, browser: Client, org: Organization, idp: Idp) -> None:
        idp.post("/Users", {"schemas": [USER], "userName": "mo@corp.example"})
        idp.post("/Groups", {"displayName": "Engineers"})
        request_log.flush(10)
        RequestLog.objects.filter(org=org).delete()
        assert self.ticked(browser)[-2:] == ["Created a person", "Pushed a group"]

    def test_ticks_nothing_for_what_was_refused(self, browser: Client, idp: Idp) -> None:
        idp.post("/Users", {"schemas": [USER]})
        assert self.ticked(browser) == ["Signed in"]

    def test_tells_how_much_was_refused_lately(self, browser: Client, idp: Idp) -> None:
        idp.get("/Users")
        idp.post("/Users", {"schemas": [USER]})
        request_log.flush(10)
        assert "1 of the last 2 requests See why" in text(browser.get(SCIM))

    def test_is_told_in_few_queries_and_little_html_whatever_the_log_holds(
        self, browser: Client, org: Organization, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(20):
            token = issue_token(org).token
            tokens.revoke(org=org, token_id=token.id, cause=Cause(Door.COMMAND, timezone.now()))
        token = issue_token(org).token
        fill(org, token.id, 100_000)
        with django_assert_max_num_queries(12):
            answer = browser.get(SCIM)
        assert len(answer.content) < 100_000
        assert "Showing the newest 10 of 20 revoked or expired tokens." in text(answer)


class TestATokenThatWasReplaced:
    def used(self, token: ScimToken, *ago: timedelta) -> None:
        """Calls with the token; the token has the time of the last one."""
        for span in ago:
            at = timezone.now() - span
            request_log.write(
                request_log.Entry(
                    id=made(at),
                    at=at,
                    method="GET",
                    path="/api/scim/Users",
                    status=200,
                    duration=1000,
                    org_id=token.org_id,
                    token_id=token.id,
                )
            )
        assert request_log.flush(10)
        ScimToken.objects.filter(id=token.id).update(last_used_at=timezone.now() - min(ago))

    @pytest.fixture
    def old(self, org: Organization) -> ScimToken:
        return self.issued(org, "old", days=40)

    @pytest.fixture
    def new(self, org: Organization) -> ScimToken:
        return self.issued(org, "new", days=3)

    def issued(self, org: Organization, name: str, days: int, idp: str = "okta") -> ScimToken:
        cause = Cause(Door.COMMAND, timezone.now() - timedelta(days=days))
        return tokens.issue(org=org, name=name, idp=idp, cause=cause).token

    def said(self, browser: Client) -> bool:
        return "Safe to revoke" in text(browser.get(SCIM))

    def test_may_be_revoked_once_it_is_quiet_for_longer_than_ever_before(
        self, browser: Client, old: ScimToken, new: ScimToken
    ) -> None:
        self.used(old, timedelta(hours=29), timedelta(hours=30), timedelta(hours=31))
        self.used(new, timedelta(minutes=5))
        page = text(browser.get(SCIM))
        assert "Safe to revoke: it has not been used for 1 day, and “new” is in use." in page
        assert "The longest pause between its requests before that was 1 hour." in page

    def test_may_not_be_revoked_during_what_may_be_a_pause(
        self, browser: Client, old: ScimToken, new: ScimToken
    ) -> None:
        self.used(old, timedelta(hours=30), timedelta(hours=90))
        self.used(new, timedelta(minutes=5))
        assert not self.said(browser)

    def test_may_not_be_revoked_within_a_day(self, browser: Client, old: ScimToken, new: ScimToken) -> None:
        self.used(old, timedelta(hours=23), timedelta(hours=23, seconds=1))
        self.used(new, timedelta(minutes=5))
        assert not self.said(browser)

    def test_may_not_be_revoked_before_the_new_one_is_used(
        self, browser: Client, old: ScimToken, new: ScimToken
    ) -> None:
        self.used(old, timedelta(days=3), timedelta(days=3, seconds=1))
        assert not self.said(browser)

    def test_may_not_be_revoked_for_one_of_another_identity_provider(
        self, browser: Client, org: Organization, old: ScimToken
    ) -> None:
        other = self.issued(org, "Contractors", days=3, idp="jumpcloud")
        self.used(old, timedelta(days=3), timedelta(days=3, seconds=1))
        self.used(other, timedelta(minutes=5))
        assert not self.said(browser)

    def test_may_be_revoked_when_it_was_never_used(self, browser: Client, old: ScimToken, new: ScimToken) -> None:
        self.used(new, timedelta(minutes=5))
        assert self.said(browser)

    def test_may_be_revoked_when_its_last_call_is_no_longer_kept(
        self, browser: Client, old: ScimToken, new: ScimToken
    ) -> None:
        ScimToken.objects.filter(id=old.id).update(last_used_at=timezone.now() - timedelta(days=35))
        self.used(new, timedelta(minutes=5))
        assert self.said(browser)


def test_tokens_can_be_downloaded_without_their_secrets(browser: Client, org: Organization) -> None:  # O4
    issued = issue_token(org, name="=1+1", idp=IdentityProvider.OKTA)
    content = browser.get("/settings/scim/tokens.csv").getvalue().decode()
    assert '"\'=1+1","Okta","muster_scim_…' in content
    assert issued.secret not in content
