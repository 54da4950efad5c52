"""What an org's admins see and do."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.template.loader import get_template
from django.test import Client
from django.utils import timezone

from orgs import tokens
from orgs.history import Cause
from orgs.models import Change, Door, IdentityProvider, Organization, Plan, ScimToken, User
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory, issue_token
from tests.page_text import text_at_first

SCIM = "/settings/scim/"
NEW = "/settings/scim/tokens/new/"
SECRET = re.compile(r"muster_scim_[\w-]{43}")


@pytest.fixture
def ada(org: Organization) -> User:
    return OwnerFactory.create(org=org, user_name="ada@corp.example", given_name="Ada", family_name="Brandt")


@pytest.fixture
def browser(ada: User) -> Client:
    """Ada, the owner, signed in."""
    return signed_in(ada)


def a_form(**changed: str) -> dict[str, str]:
    once = "0190a4e2-0000-7000-8000-000000000001"
    return {"name": "Okta production", "idp": "okta", "lifetime": "365", "once": once, **changed}


def revoke(token: ScimToken) -> None:
    tokens.revoke(org=token.org, token_id=token.id, cause=Cause(Door.COMMAND, timezone.now()))


class TestConnection:
    def test_is_none_before_there_is_a_token(self, browser: Client) -> None:
        assert "SCIM provisioning Not connected" in text_at_first(browser.get(SCIM))
        assert "Connect your identity provider" in text_at_first(browser.get("/"))

    def test_waits_for_the_first_request(self, browser: Client, org: Organization) -> None:
        issue_token(org)
        assert "SCIM provisioning Waiting for the first request" in text_at_first(browser.get(SCIM))

    def test_is_there_once_a_token_was_used(self, browser: Client, org: Organization) -> None:
        token = issue_token(org, name="Okta production").token
        tokens.note_use({token.id: (timezone.now() - timedelta(minutes=3), "203.0.113.7", "Okta SCIM Client")})
        page = text_at_first(browser.get(SCIM))
        assert "SCIM provisioning Connected" in page
        assert "Last request 3 minutes ago Okta production · 203.0.113.7" in page
        assert "Okta SCIM Client" in page
        assert "Your identity provider is connected" in text_at_first(browser.get("/"))

    def test_of_long_ago_does_not_deny_the_requests_that_the_log_has_forgotten(
        self, browser: Client, org: Organization
    ) -> None:
        token = issue_token(org).token
        assert "Recent failures No requests yet" in text_at_first(browser.get(SCIM))
        tokens.note_use({token.id: (timezone.now() - timedelta(days=40), "203.0.113.7", "Okta SCIM Client")})
        assert "Recent failures No requests in the log" in text_at_first(browser.get(SCIM))

    def test_shows_the_address_to_copy(self, browser: Client, settings: Any) -> None:  # O4, O5
        settings.MUSTER_URL = "https://muster.example.org"
        page = browser.get(SCIM).content.decode()
        assert 'value="https://muster.example.org/api/scim"' in page
        assert "<code>/scim/v2</code>" in page

    def test_tells_users_of_entra_about_its_flag(self, browser: Client, org: Organization) -> None:  # O5
        assert "aadOptscim062020" not in browser.get(SCIM).content.decode()
        issue_token(org, idp=IdentityProvider.ENTRA)
        assert "?aadOptscim062020" in text_at_first(browser.get(SCIM))

    def test_is_told_in_few_queries(
        self, browser: Client, org: Organization, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(5):
            issue_token(org)
        with django_assert_max_num_queries(12):
            browser.get(SCIM)


class TestPrerequisites:  # O1
    @pytest.fixture(params=["plan", "sso"])
    def lacking(self, request: pytest.FixtureRequest, org: Organization) -> str:
        if request.param == "plan":
            Organization.objects.filter(pk=org.pk).update(plan=Plan.TEAM)
            return "SCIM provisioning is part of the Enterprise plan."
        Organization.objects.filter(pk=org.pk).update(sso_configured=False)
        return "Set up single sign-on first"

    def test_are_named_in_place_of_a_token(self, browser: Client, lacking: str) -> None:
        answer = browser.get(SCIM)
        page = text_at_first(answer)
        assert "Not yet available" in page
        assert lacking in page
        assert ("Set up single sign-on first" in page) is ('<p><a href="/settings/single-sign-on/">' in answer.text)
        assert "Create token" not in answer.text

    def test_are_asked_for_by_the_form_as_well(self, browser: Client, org: Organization, lacking: str) -> None:
        assert browser.get(NEW).headers["Location"] == SCIM
        assert browser.post(NEW, a_form()).headers["Location"] == SCIM
        assert not ScimToken.objects.for_org(org).exists()

    def test_that_lapse_later_leave_tokens_working_under_a_warning(
        self, browser: Client, org: Organization, idp: Idp
    ) -> None:
        Organization.objects.filter(pk=org.pk).update(plan=Plan.TEAM)
        page = text_at_first(browser.get(SCIM))
        assert "A prerequisite for SCIM is no longer met" in page
        assert "The tokens below keep working" in page
        assert idp.get("/Users").status_code == 200


class TestCreatingAToken:
    def test_shows_the_secret_once(self, browser: Client, org: Organization, ada: User) -> None:  # O4
        answer = browser.post(NEW, a_form())
        secret = SECRET.search(answer.content.decode())
        assert secret
        assert "no-store" in answer.headers["Cache-Control"]
        assert "You will not see it again" in text_at_first(answer)
        token = ScimToken.objects.get(org=org)
        assert tokens.recognise(secret[0]) == token
        assert (token.name, token.idp, token.created_by) == ("Okta production", "okta", ada)
        for address in (SCIM, NEW, "/"):
            assert secret[0] not in browser.get(address).content.decode()
        assert secret[0] not in str(dict(browser.session))
        assert Change.objects.get(org=org, verb="token.issued").by_person == ada

    def test_makes_one_that_works(self, browser: Client) -> None:
        secret = SECRET.search(browser.post(NEW, a_form()).content.decode())
        assert secret
        assert Idp(secret[0]).get("/ServiceProviderConfig").status_code == 200

    def test_makes_no_second_one_when_the_form_is_sent_again(self, browser: Client, org: Organization) -> None:
        browser.post(NEW, a_form())
        again = browser.post(NEW, a_form(), follow=True)
        assert "This token already exists" in text_at_first(again)
        assert not SECRET.search(again.content.decode())
        assert ScimToken.objects.for_org(org).count() == 1

    @pytest.mark.parametrize(("chosen", "days"), [("90", 90), ("365", 365), ("never", None)])
    def test_gives_it_the_chosen_time(self, browser: Client, org: Organization, chosen: str, days: int | None) -> None:
        browser.post(NEW, a_form(lifetime=chosen))
        token = ScimToken.objects.get(org=org)
        assert token.expires_at == (token.created_at + timedelta(days=days) if days else None)

    @pytest.mark.parametrize(
        "wrong", [{"name": " "}, {"name": "x" * 101}, {"idp": "nobody"}, {"lifetime": "36500"}, {"once": "x"}]
    )
    def test_asks_again_when_something_is_wrong(
        self, browser: Client, org: Organization, wrong: dict[str, str]
    ) -> None:
        assert "Create a SCIM token" in text_at_first(browser.post(NEW, a_form(**wrong)))
        assert not ScimToken.objects.for_org(org).exists()

    def test_gives_entra_the_address_with_its_flag(self, browser: Client) -> None:  # O5
        assert "/api/scim?aadOptscim062020" in browser.post(NEW, a_form(idp="entra")).content.decode()


class TestTheTokenTable:
    def test_tells_everything_but_the_secret(self, browser: Client, org: Organization, ada: User) -> None:  # O4
        issued = tokens.issue(
            org=org,
            name="Okta production",
            idp="okta",
            lifetime=timedelta(days=365),
            cause=Cause(Door.PAGE, timezone.now() - timedelta(days=2), person=ada),
        )
        page = text_at_first(browser.get(SCIM))
        assert f"Okta production Okta · muster_scim_…{issued.secret[-4:]}" in page
        assert "Ada Brandt" in page
        assert "in 12 months" in page
        assert issued.secret not in browser.get(SCIM).content.decode()

    def test_names_the_command_line_as_creator(self, browser: Client, org: Organization) -> None:
        issue_token(org)
        assert "Command line" in text_at_first(browser.get(SCIM))

    def test_tells_moments_exactly_with_their_zone(self, browser: Client, org: Organization) -> None:
        token = issue_token(org).token
        exactly = token.created_at.strftime("%H:%M:%S UTC")
        assert re.search(rf'<time datetime="[^"]+" title="[^"]*{exactly}">', browser.get(SCIM).content.decode())

    @pytest.mark.parametrize(("days", "warned"), [(31, False), (29, True)])
    def test_warns_a_month_before_a_token_expires(
        self, browser: Client, org: Organization, days: int, warned: bool
    ) -> None:
        issue_token(org, name="Okta", lifetime=timedelta(days=days))
        for page in (text_at_first(browser.get(SCIM)), text_at_first(browser.get("/"))):
            assert (f"“Okta” expires in {days} days" in page) is warned

    def test_names_the_token_that_can_take_the_place_of_one_that_expires(
        self, browser: Client, org: Organization
    ) -> None:
        issue_token(org, name="Old", lifetime=timedelta(days=20))
        issue_token(org, name="Elsewhere", idp=IdentityProvider.JUMPCLOUD)
        assert "Create another token" in text_at_first(browser.get(SCIM))
        issue_token(org, name="New")
        page = text_at_first(browser.get(SCIM))
        assert "“New” can replace it" in page
        assert "Create another token" not in page

    def test_says_how_to_finish_a_rotation(self, browser: Client, org: Organization) -> None:  # O4
        issue_token(org)
        assert "revoke the older one" not in text_at_first(browser.get(SCIM))
        issue_token(org)
        assert "update your identity provider, then revoke the older one" in text_at_first(browser.get(SCIM))

    def test_keeps_revoked_and_expired_ones_below(self, browser: Client, org: Organization) -> None:
        revoke(issue_token(org, name="The revoked").token)
        expired = issue_token(org, name="The expired", lifetime=timedelta(days=1)).token
        ScimToken.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(days=1))
        issue_token(org, name="The valid")
        page = text_at_first(browser.get(SCIM))
        assert page.index("The valid") < page.index("The expired") < page.index("The revoked")
        assert browser.get(SCIM).content.decode().count('data-dialog="revoke-') == 2  # an expired one too

    def test_shows_no_other_org(self, browser: Client) -> None:  # O7
        issue_token(OrganizationFactory.create(), name="Somebody else's")
        assert "Somebody else" not in text_at_first(browser.get(SCIM))


class TestRevoking:
    @pytest.fixture
    def token(self, org: Organization) -> ScimToken:
        return issue_token(org, name="Okta production", idp="okta").token

    def address(self, token: ScimToken) -> str:
        return f"/settings/scim/tokens/{token.id}/revoke/"

    def test_says_first_what_will_fail(self, browser: Client, token: ScimToken) -> None:
        page = text_at_first(browser.get(self.address(token)))
        assert "Requests from Okta with this token will be refused at once." in page
        assert "This is the only active token." in page
        assert "Last used Never" in page
        token.refresh_from_db()
        assert token.revoked_at is None

    def test_takes_effect_on_the_next_request(  # O4
        self, browser: Client, org: Organization, ada: User
    ) -> None:
        issued = issue_token(org)
        idp = Idp(issued.secret)
        assert idp.get("/ServiceProviderConfig").status_code == 200
        assert "is revoked" in text_at_first(browser.post(self.address(issued.token), follow=True))
        assert idp.get("/ServiceProviderConfig").status_code == 401
        issued.token.refresh_from_db()
        assert issued.token.revoked_by == ada

    def test_twice_is_no_error(self, browser: Client, token: ScimToken) -> None:
        browser.post(self.address(token))
        assert browser.post(self.address(token)).headers["Location"] == SCIM
        assert browser.get(self.address(token)).headers["Location"] == SCIM

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_a_token_of_another_org_finds_nothing(self, browser: Client, method: str) -> None:  # O7
        foreign = issue_token(OrganizationFactory.create()).token
        assert getattr(browser, method)(self.address(foreign)).status_code == 404
        foreign.refresh_from_db()
        assert foreign.revoked_at is None


class TestGroupProvisioning:
    address = "/settings/scim/groups/"

    def test_says_first_what_stays_and_what_is_refused(self, browser: Client) -> None:  # O3
        page = text_at_first(browser.get(self.address))
        assert "Every change to a group that your identity provider sends, with status 403" in page
        assert "Groups, their members and mappings" in page

    def test_is_switched_by_the_orgs_admin(self, browser: Client, org: Organization, ada: User) -> None:  # O2
        browser.post(self.address, {"on": "0"})
        org.refresh_from_db()
        assert not org.group_provisioning
        assert "Changes to groups are refused with status 403" in text_at_first(browser.get(SCIM))
        browser.post(self.address, {"on": "1"})
        org.refresh_from_db()
        assert org.group_provisioning
        switched = Change.objects.filter(org=org, verb="org.group_provisioning_switched").order_by("at")
        assert [(change.detail, change.by_person) for change in switched] == [({"on": False}, ada), ({"on": True}, ada)]

    def test_records_nothing_when_it_stays_as_it_was(self, browser: Client, org: Organization) -> None:
        browser.post(self.address, {"on": "1"})
        assert not Change.objects.filter(org=org, verb="org.group_provisioning_switched").exists()

    def test_is_supports_to_activate(self, browser: Client, org: Organization) -> None:  # O2
        Organization.objects.filter(pk=org.pk).update(group_provisioning_activated=False, group_provisioning=False)
        assert "Ask support to activate group provisioning" in text_at_first(browser.get(SCIM))
        assert browser.get(self.address).headers["Location"] == SCIM
        browser.post(self.address, {"on": "1"})
        org.refresh_from_db()
        assert not org.group_provisioning


class TestAuthentication:
    def test_tells_plan_and_single_sign_on(self, browser: Client, org: Organization) -> None:
        page = text_at_first(browser.get("/settings/authentication/"))
        assert "Enterprise" in page
        assert "Configured" in page
        assert "ada@corp.example" in page
        Organization.objects.filter(pk=org.pk).update(plan=Plan.FREE, sso_configured=False)
        page = text_at_first(browser.get("/settings/authentication/"))
        assert "Free" in page
        assert "People sign in with passwords. Set up single sign-on" in page


class TestWhatGoesWrong:
    def test_is_told_in_words(self, browser: Client) -> None:
        answer = browser.get("/nowhere/")
        assert answer.status_code == 404
        assert "Page not found" in text_at_first(answer)

    def test_is_told_without_a_session_or_a_database(self) -> None:
        for name in ("400", "403", "403_csrf", "404", "500"):
            assert "<h1>" in get_template(f"{name}.html").render()

    def test_explains_a_stale_form(self, ada: User) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(ada)
        answer = strict.post(NEW, a_form(), headers={"Referer": f"http://testserver{NEW}?idp=okta"})
        assert answer.status_code == 403
        assert "This form is out of date" in text_at_first(answer)
        assert f'href="{NEW}?idp=okta"' in answer.content.decode()

    def test_says_that_nothing_was_saved_where_the_session_has_ended(self, client: Client, ada: User) -> None:
        for sender, back in (
            ({}, "/account/sessions/end/"),
            ({"Referer": "http://testserver/account/?a=b"}, "/account/?a=b"),
            ({"Referer": "https://elsewhere.example/account/"}, "/account/sessions/end/"),
        ):
            answer = client.post("/account/sessions/end/", headers=sender, follow=True)
            assert answer.redirect_chain[-1][0] == f"/sign-in/?{urlencode({'next': back}, safe='/')}&unsent=1"
            assert "You are no longer signed in, so nothing was saved." in text_at_first(answer)
        assert "nothing was saved" not in text_at_first(client.get("/account/", follow=True))

    def test_goes_on_where_somebody_signed_in_in_another_tab(self, ada: User) -> None:
        strict = Client(enforce_csrf_checks=True)
        form = {"username": ada.user_name, "password": "wrong", "next": "/people/"}
        assert strict.post("/sign-in/", form).status_code == 403
        strict.force_login(ada)
        assert strict.post("/sign-in/", form).url == "/people/"

    def test_hides_nothing_from_a_member_but_the_pages(self, client: Client, org: Organization) -> None:
        client.force_login(UserFactory.create(org=org))
        answer = client.get(SCIM)
        assert answer.status_code == 403
        assert f"These pages are for the admins of {org.name}" in text_at_first(answer)

    def test_has_htmx_reload_a_page_that_is_not_open_to_the_user(self, client: Client, org: Organization) -> None:
        for who in (None, UserFactory.create(org=org)):
            if who:
                client.force_login(who)
            answer = client.get(SCIM, headers={"HX-Request": "true"})
            assert (answer.headers["HX-Refresh"], answer.content) == ("true", b"")


def test_every_page_forbids_inline_script_and_style(browser: Client, org: Organization) -> None:
    issue_token(org)
    for address in ("/", SCIM, NEW, "/settings/authentication/", "/settings/scim/groups/"):
        answer = browser.get(address)
        assert "'unsafe" not in answer.headers["Content-Security-Policy"]
        page = answer.content.decode()
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script>", page)
