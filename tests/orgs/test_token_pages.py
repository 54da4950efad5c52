"""Tokens: how many there may be, from where they are accepted, and who is asked and told when one is made (SPEC O4)."""

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from orgs import matters, tokens
from orgs.models import Change, IdentityProvider, MatterKind, Organization, ScimToken, User
from orgs.tasks import send_mails
from orgs.web.access import RECENT, SIGNED_IN_AT
from scim import request_log
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory, issue_token
from tests.page_text import text_at_first

SCIM = "/settings/scim/"
NEW = "/settings/scim/tokens/new/"


@pytest.fixture
def ada(org: Organization) -> User:
    return OwnerFactory.create(org=org, user_name="ada@corp.example")


@pytest.fixture
def browser(ada: User) -> Client:
    return signed_in(ada)


def a_form(**changed: str) -> dict[str, str]:
    once = "0190a4e2-0000-7000-8000-000000000001"
    return {"name": "Okta", "idp": "okta", "lifetime": "365", "once": once, **changed}


class TestHowMany:  # O4
    def test_are_at_most_twenty_valid_ones(self, browser: Client, org: Organization) -> None:
        for _ in range(tokens.MOST):
            last = issue_token(org).token
        refused = text_at_first(browser.post(NEW, a_form()))
        assert "20 tokens are active, and no more are possible." in refused
        with pytest.raises(tokens.TooManyTokens):
            issue_token(org)
        ScimToken.objects.filter(id=last.id).update(expires_at=timezone.now())
        assert "Copy your token now" in text_at_first(browser.post(NEW, a_form()))


class TestAddresses:  # O4
    def test_are_chosen_when_a_token_is_made(self, browser: Client, org: Organization) -> None:
        browser.post(NEW, a_form(networks="192.0.2.7\n2001:db8::/32"))
        assert ScimToken.objects.get(org=org).networks == ["192.0.2.7/32", "2001:db8::/32"]
        assert "only from 192.0.2.7/32, 2001:db8::/32" in text_at_first(browser.get(SCIM))

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("192.0.2.7/24", "Did you mean 192.0.2.0/24?"),
            ("corp.example", "“corp.example” is neither an address nor a network"),
            ("\n".join(f"192.0.2.{n}" for n in range(51)), "At most 50 are possible."),
        ],
    )
    def test_that_are_none_are_asked_for_again(self, browser: Client, org: Organization, text: str, told: str) -> None:
        assert told in text_at_first(browser.post(NEW, a_form(networks=text)))
        assert not ScimToken.objects.for_org(org).exists()

    def test_are_changed_later(self, browser: Client, org: Organization, ada: User) -> None:
        token = issue_token(org, networks=["192.0.2.0/24"]).token
        address = f"{SCIM}tokens/{token.id}/addresses/"
        assert "192.0.2.0/24" in browser.get(address).content.decode()
        browser.post(address, {"networks": ""})
        token.refresh_from_db()
        assert token.networks == []
        change = Change.objects.get(org=org, verb="token.limited")
        assert (change.by_person, change.detail["was"], change.detail["now"]) == (ada, ["192.0.2.0/24"], [])

    def test_that_shut_out_the_present_address_are_asked_for_twice(self, browser: Client, org: Organization) -> None:
        token = issue_token(org).token
        tokens.note_use({token.id: (timezone.now(), "203.0.113.7", "Okta")})
        address = f"{SCIM}tokens/{token.id}/addresses/"
        asked = browser.post(address, {"networks": "192.0.2.0/24"})
        assert "The last request with this token came from 203.0.113.7" in text_at_first(asked)
        token.refresh_from_db()
        assert token.networks == []
        assert 'name="anyway" value="1"' in asked.content.decode()
        browser.post(address, {"networks": "192.0.2.0/24", "anyway": "1"})
        token.refresh_from_db()
        assert token.networks == ["192.0.2.0/24"]

    def test_of_another_orgs_token_do_not_exist(self, browser: Client) -> None:  # O7
        token = issue_token(OrganizationFactory.create()).token
        assert browser.get(f"{SCIM}tokens/{token.id}/addresses/").status_code == 404

    @pytest.mark.django_db(transaction=True)
    def test_refuse_calls_from_elsewhere_like_a_dead_token_and_tell(self, transactional_db: None) -> None:
        org = OrganizationFactory.create()
        there, here = (issue_token(org, networks=[network]) for network in ("192.0.2.0/24", "127.0.0.0/8"))
        assert Idp(here.secret).get("/Users").status_code == 200
        refused, guessed = Idp(there.secret).get("/Users"), Idp(tokens.PREFIX + "x" * 43).get("/Users")
        assert (refused.status_code, refused.content) == (401, guessed.content)
        assert request_log.flush(10)
        (matter,) = matters.open_in(org, at=timezone.now())
        assert (matter.kind, matter.subject) == (MatterKind.FOREIGN_ADDRESS, str(there.token.id))
        assert matter.detail["address"] == "127.0.0.1"
        page = text_at_first(signed_in(OwnerFactory.create(org=org)).get("/"))
        assert "is used from an address that is not allowed" in page


class TestMakingOne:  # O4, L6
    @pytest.fixture
    def stale(self, browser: Client) -> Client:
        session = browser.session
        session[SIGNED_IN_AT] = (timezone.now() - RECENT - timedelta(seconds=1)).timestamp()
        session.save()
        return browser

    def test_asks_for_a_recent_sign_in(self, stale: Client, org: Organization) -> None:
        assert "Sign in again" in text_at_first(stale.get(NEW))
        assert "Sign in again" in text_at_first(stale.post(NEW, a_form()))
        assert not ScimToken.objects.for_org(org).exists()
        assert "token-dialog" not in stale.get(SCIM).content.decode()

    def test_goes_on_after_that(self, stale: Client, org: Organization, ada: User) -> None:
        ada.set_password("correct horse battery")
        ada.save()
        stale.force_login(ada)
        asked = stale.post("/sign-out/", {"next": NEW})
        assert asked.headers["Location"] == f"/sign-in/{org.slug}/?next=%2Fsettings%2Fscim%2Ftokens%2Fnew%2F"
        form = {"username": ada.user_name, "password": "correct horse battery", "next": NEW}
        assert stale.post(f"/sign-in/{org.slug}/", form).headers["Location"] == NEW
        assert "Create a SCIM token" in text_at_first(stale.get(NEW))

    def test_is_mailed_to_owner_and_admins_once(self, org: Organization, ada: User) -> None:
        UserFactory.create(org=org, user_name="Grace@corp.example", roles=["Admin"])
        UserFactory.create(org=org, roles=["Member"])
        UserFactory.create(org=org, roles=["Admin"], active=False)
        UserFactory.create(roles=["Admin"])
        issue_token(org, name="Okta\nhttps://evil.example")
        send_mails()
        send_mails()
        assert [sent.to for sent in mail.outbox] == [["ada@corp.example"], ["grace@corp.example"]]
        assert "“Okta https: //evil.example”" in mail.outbox[0].body
        assert "/settings/scim/" in mail.outbox[0].body


def test_a_new_token_is_said_to_replace_one_of_its_identity_provider(browser: Client, org: Organization) -> None:  # O4
    issue_token(org, name="Entra old", idp=IdentityProvider.ENTRA)
    assert "still works. Revoke it" not in text_at_first(browser.post(NEW, a_form()))
    other = a_form(idp="entra", once="0190a4e2-0000-7000-8000-000000000002")
    assert "“Entra old” still works." in text_at_first(browser.post(NEW, other))


def test_an_identity_provider_without_a_name_is_yours_in_a_sentence(browser: Client) -> None:
    assert "Enter both in your identity provider and run" in text_at_first(browser.post(NEW, a_form(idp="other")))
