"""Setup links: somebody without an account sets one thing up for an org (SPEC L8)."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from dns import resolver

from groups_provisioning.actions import account_switches
from orgs import deletions, domains, setup_links, txt_records
from orgs.history import Cause
from orgs.models import Change, Door, Organization, PendingDomain, Plan, Purpose, ScimToken, SetupLink, User
from orgs.setup_links import AlreadyOpen, Made, NotOpen
from orgs.tasks import send_mails
from orgs.tokens import PrerequisiteMissing
from orgs.traces import Traces
from orgs.web import link_access
from orgs.web.access import RECENT, SIGNED_IN_AT
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory, UserFactory
from tests.groups_provisioning.world import by_admin, by_command
from tests.orgs.name_server import NameServer
from tests.page_text import text, text_at_first
from tests.scim.api.races import at_once

LIST, NEW = "/settings/setup-links/", "/settings/setup-links/new/"
PAGES = {Purpose.SSO: "sso", Purpose.SCIM: "scim", Purpose.DOMAIN: "domains"}
FORM = {"purpose": "scim", "recipient": "Carol Diaz"}


def make(org: Organization, purpose: Purpose = Purpose.SCIM, by: User | None = None, name: str = "Carol Diaz") -> Made:
    return setup_links.make(org=org, purpose=purpose, recipient=name, cause=by_admin(by))


def address(made: Made) -> str:
    return f"/setup/{made.secret}/"


def page(made: Made) -> str:
    return f"/setup/{made.link.id}/{PAGES[Purpose(made.link.purpose)]}/"


def opened_by(made: Made, browser: Client | None = None) -> Client:
    """The browser in which somebody began."""
    browser = browser or Client()
    assert browser.post(address(made)).headers["Location"] == page(made)
    return browser


@pytest.fixture
def ada(org: Organization) -> User:
    return OwnerFactory.create(org=org, user_name="ada@corp.example")


@pytest.fixture
def browser(ada: User) -> Client:
    return signed_in(ada)


class TestMaking:
    def test_shows_the_link_once_and_keeps_a_hash(self, browser: Client, org: Organization) -> None:
        answer = browser.post(NEW, FORM)
        found = re.search(rf'"{settings.MUSTER_URL}/setup/([^"]+)/"', answer.content.decode())
        assert found
        secret = found[1]
        link = SetupLink.objects.get(org=org)
        assert setup_links.of_secret(secret, at=timezone.now()) == link
        assert secret not in str(SetupLink.objects.filter(pk=link.pk).values().get())
        assert secret not in str(list(Change.objects.values()))
        assert "no-store" in answer["Cache-Control"]
        assert secret not in browser.get(LIST).content.decode()
        assert link.expires_at - link.made_at == timedelta(days=7)

    def test_asks_for_a_recent_sign_in(self, browser: Client, org: Organization) -> None:  # L6
        session = browser.session
        session[SIGNED_IN_AT] = (timezone.now() - RECENT - timedelta(seconds=1)).timestamp()
        session.save()
        for answer in (browser.get(NEW), browser.post(NEW, FORM)):
            assert "Sign in again" in text_at_first(answer)
        assert not SetupLink.objects.for_org(org).exists()

    def test_waits_for_what_scim_needs(self, browser: Client, org: Organization) -> None:  # O1
        Organization.objects.filter(pk=org.pk).update(plan=Plan.TEAM)
        assert "part of the Enterprise plan" in text_at_first(browser.post(NEW, FORM))
        org.refresh_from_db()
        with pytest.raises(PrerequisiteMissing):
            make(org)
        assert make(org, Purpose.DOMAIN)

    def test_makes_one_for_a_purpose(self, browser: Client, org: Organization) -> None:
        first = make(org)
        assert "Carol Diaz has a link for this. Revoke it first." in text_at_first(browser.post(NEW, FORM))
        with pytest.raises(AlreadyOpen):
            make(org)
        with pytest.raises(IntegrityError, match="setup_link_once_for_a_purpose"), transaction.atomic():
            SetupLink.objects.filter(pk=make(org, Purpose.DOMAIN).link.pk).update(purpose=Purpose.SCIM)
        make(OrganizationFactory.create())
        setup_links.revoke(org=org, link_id=first.link.id, cause=by_command())
        second = make(org)
        SetupLink.objects.filter(pk=second.link.pk).update(expires_at=timezone.now())
        assert make(org)

    def test_lists_whom_it_is_for_and_whether_it_was_opened(
        self, browser: Client, org: Organization, ada: User
    ) -> None:
        made = make(org, by=ada)
        make(org, Purpose.DOMAIN, by=StaffFactory.create(), name="Dora Ng")
        make(OrganizationFactory.create(), name="Somebody else")
        assert "Carol Diaz SCIM provisioning just now" in (before := text(browser.get(LIST)))
        assert "Support Not yet" in before
        assert "Somebody else" not in before
        opened_by(made)
        assert f"{ada.label} just now Never" in text(browser.get(LIST))

    def test_revokes_after_a_question(self, browser: Client, org: Organization) -> None:
        made = make(org)
        contact = opened_by(made)
        question = f"{LIST}{made.link.id}/revoke/"
        assert "It stops working at once" in text_at_first(browser.get(question))
        assert contact.get(page(made)).status_code == 200
        assert "no longer works" in text(browser.post(question, follow=True))
        assert contact.get(page(made)).status_code == 404
        assert "has ended already" in text(browser.post(question, follow=True))
        assert list(Change.objects.filter(org=org).values_list("verb", "door")) == [
            ("setup_link.made", Door.PAGE),
            ("setup_link.opened", Door.LINK),
            ("setup_link.revoked", Door.PAGE),
        ]


class TestSupport:
    def test_makes_and_revokes_links(self, org: Organization, ada: User) -> None:
        desk = signed_in(StaffFactory.create())
        place = f"/admin/orgs/organization/{org.pk}/setup-links/"
        assert place in desk.get(f"/admin/orgs/organization/{org.pk}/change/").content.decode()
        shown = desk.post(place, FORM).content.decode()
        found = re.search(r"(/setup/[\w-]{43}/)", shown)
        assert found
        assert Client().get(found[1]).status_code == 200
        assert "Carol Diaz has a link for this" in text(desk.post(place, FORM))
        link = SetupLink.objects.get()
        assert found[1] not in desk.get(place).content.decode()
        assert "The link is revoked." in text(desk.post(place, {"revoke": str(link.id)}, follow=True))
        assert "has ended already" in text(desk.post(place, {"revoke": str(link.id)}, follow=True))
        assert Client().get(found[1]).status_code == 404
        assert set(Change.objects.values_list("verb", "door")) == {
            ("setup_link.made", Door.ADMIN),
            ("setup_link.revoked", Door.ADMIN),
        }

    def test_has_to_have_signed_in_just_now(self, org: Organization) -> None:  # L6
        desk = signed_in(StaffFactory.create())
        session = desk.session
        session[SIGNED_IN_AT] -= RECENT.total_seconds() + 1
        session.save()
        assert "Sign in again" in text(desk.post(f"/admin/orgs/organization/{org.pk}/setup-links/", FORM))
        assert not SetupLink.objects.exists()


class TestOpening:
    def test_happens_by_the_form_alone(self, org: Organization) -> None:
        made = make(org)
        for _ in range(3):
            shown = Client().get(address(made))
            assert f"Set up SCIM provisioning for {org.name}" in text(shown)
            assert not shown.cookies.get(f"setup-{made.link.id.hex}")
        assert SetupLink.objects.get().opened_at is None
        opened_by(made)

    def test_gives_the_browser_a_secret_of_its_own(self, org: Organization, settings: Any) -> None:
        settings.SESSION_COOKIE_SECURE = True
        made = make(org)
        browser = opened_by(made)
        cookie = browser.cookies[f"setup-{made.link.id.hex}"]
        assert (cookie["path"], cookie["httponly"], cookie["secure"], cookie["samesite"]) == (
            "/setup/",
            True,
            True,
            "Lax",
        )
        link = SetupLink.objects.get()
        assert cookie.value not in str(SetupLink.objects.filter(pk=link.pk).values().get())
        assert made.secret != cookie.value
        assert "sessionid" not in browser.cookies

    def test_leaves_the_secret_in_no_address_and_no_cache(self, org: Organization) -> None:
        made = make(org)
        browser = Client()
        answers = [browser.get(address(made)), browser.post(address(made)), browser.get(address(made))]
        assert [answer.status_code for answer in answers] == [200, 302, 302]
        for answer in answers:
            assert answer["Referrer-Policy"] == "strict-origin"
            assert "no-store" in answer["Cache-Control"]
        assert made.secret not in answers[1]["Location"]

    def test_goes_on_in_the_same_browser(self, org: Organization) -> None:
        first, second = make(org), make(org, Purpose.DOMAIN)
        browser = opened_by(second, opened_by(first))
        assert browser.get(address(first))["Location"] == page(first)
        assert browser.post(address(first))["Location"] == page(first)
        assert browser.get(page(first)).status_code == browser.get(page(second)).status_code == 200

    def test_twice_at_once_gives_it_to_one(self, transactional_db: None) -> None:
        made = make(OrganizationFactory.create())
        answers = at_once("", *[lambda _: Client().post(address(made))] * 4)
        assert sorted(answer.status_code for answer in answers) == [302, 404, 404, 404]
        assert Change.objects.filter(verb="setup_link.opened").count() == 1

    def test_is_refused_in_the_same_words_for_every_reason(self, org: Organization, ada: User) -> None:
        told = set()

        def refused(made: Made, browser: Client) -> None:
            for answer in (browser.get(address(made)), browser.post(address(made)), browser.get(page(made))):
                assert answer.status_code == 404
                told.add(answer.content)

        def again(purpose: Purpose = Purpose.SCIM) -> tuple[Made, Client]:
            SetupLink.objects.update(ended_at=timezone.now())
            made = make(org, purpose, by=UserFactory.create(org=org, roles=["Admin"]))
            return made, opened_by(made)

        made, _ = again()
        refused(made, Client())
        made, browser = again()
        SetupLink.objects.filter(pk=made.link.pk).update(expires_at=timezone.now())
        refused(made, browser)
        made, browser = again()
        setup_links.revoke(org=org, link_id=made.link.id, cause=by_command())
        refused(made, browser)
        made, browser = again()
        assert "You are done" in text(browser.post(f"/setup/{made.link.id}/finish/"))
        refused(made, browser)
        made, browser = again()
        account_switches.deactivate(org=org, user_id=made.link.made_by_id, cause=by_admin(ada))  # U4
        refused(made, browser)
        made, browser = again()
        deletions.begin(org=org, cause=by_command())
        refused(made, browser)
        for unknown in ("/setup/nonsense/", f"/setup/{UUID(int=1)}/", f"/setup/{UUID(int=1)}/scim/"):
            told.add(Client().get(unknown).content)
        assert len(told) == 1

    def test_is_slowed_down_for_who_guesses(self, org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(link_access.GUESSES, "burst", 3)
        made = make(org)
        contact = opened_by(made)
        for _ in range(4):
            assert contact.get(page(made)).status_code == 200  # what is found does not count
        guesses = [Client().get(f"/setup/{number}/").status_code for number in range(5)]
        assert guesses == [404] * 3 + [429] * 2
        assert Client().get(f"/setup/{UUID(int=1)}/scim/")["Retry-After"] == "60"
        assert contact.get(page(made), REMOTE_ADDR="192.0.2.1").status_code == 200


@pytest.mark.parametrize("purpose", PAGES)  # without that of renewing certificates, which has to have some
class TestALinkOfOnePurpose:
    def test_does_not_open_the_pages_of_another(self, org: Organization, purpose: Purpose) -> None:
        made = make(org, purpose)
        browser = opened_by(made)
        assert browser.get(page(made)).status_code == (302 if purpose == Purpose.SSO else 200)
        others = {"certificate", "sso", "sso/provider", "sso/test", "scim", "domains", "domains/corp.example/look"}
        for other in (each for each in others if each.partition("/")[0] != PAGES[purpose]):
            answers = [browser.get(f"/setup/{made.link.id}/{other}/"), browser.post(f"/setup/{made.link.id}/{other}/")]
            assert {answer.status_code for answer in answers} <= {404, 405}
            assert 404 in {answer.status_code for answer in answers}

    def test_says_for_whom_and_until_when(self, org: Organization, purpose: Purpose) -> None:
        made = make(org, purpose)
        shown = opened_by(made).get(page(made), follow=True)
        assert f"Organization {org.name} For Carol Diaz Works until" in text(shown)
        assert "no-store" in shown["Cache-Control"]

    def test_is_not_used_without_end(
        self, org: Organization, purpose: Purpose, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(link_access.USES, "burst", 2)
        made = make(org, purpose)
        browser = opened_by(made)
        answers = [browser.post(page(made)) for _ in range(3)]
        assert [answer.status_code == 429 for answer in answers] == [False, False, True]
        assert browser.get(page(made)).status_code != 429

    def test_cannot_be_used_by_a_request_that_was_under_way_when_it_ended(
        self, org: Organization, purpose: Purpose
    ) -> None:
        link = make(org, purpose).link
        setup_links.revoke(org=org, link_id=link.id, cause=by_command())
        cause = Cause(Door.LINK, timezone.now())
        with pytest.raises(NotOpen):
            setup_links.issue_token(link=link, name="Okta", cause=cause)
        with pytest.raises(NotOpen):
            setup_links.ask_domain(link=link, name="corp.example", cause=cause)
        with pytest.raises(NotOpen):
            setup_links.finish(link=link, cause=cause)
        assert not ScimToken.objects.exists()
        assert not PendingDomain.objects.exists()


class TestDomains:
    @pytest.fixture
    def made(self, org: Organization) -> Made:
        return make(org, Purpose.DOMAIN)

    @pytest.fixture
    def contact(self, made: Made) -> Client:
        return opened_by(made)

    @pytest.fixture
    def dns(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        with NameServer() as server:
            monkeypatch.setattr(resolver, "default_resolver", server.resolver())
            monkeypatch.setattr(txt_records, "PATIENCE", 0.5)
            yield server

    def test_are_added_and_left_for_an_admin_to_verify(
        self, org: Organization, made: Made, contact: Client, dns: NameServer, browser: Client
    ) -> None:
        assert contact.post(page(made), {"name": "Corp.Example"})["Location"] == page(made)
        pending = PendingDomain.objects.get(org=org)
        shown = contact.get(page(made)).content.decode()
        assert f"_muster-verification.{pending.name}" in shown
        assert domains.record_value(pending) in shown
        assert Change.objects.get(verb="org.domain_asked").door == Door.LINK
        look = f"/setup/{made.link.id}/domains/corp.example/look/"
        assert "The record was not found" in text(contact.post(look))
        assert "Waiting for a DNS record" in text(browser.get("/settings/authentication/"))
        dns.records["corp.example"] = [domains.record_value(pending)]
        assert "Record found" in text(contact.post(look))
        assert "Record found verify it" in text(browser.get("/settings/authentication/"))
        assert "1 domain can be verified" in text(browser.get("/"))
        assert not org.verified_domains.exists()
        browser.post("/settings/authentication/domains/corp.example/check/")
        assert "Verified already: corp.example" in text(contact.get(page(made)))
        assert "can be verified" not in text(browser.get("/"))

    def test_that_an_admin_added_show_their_records(self, org: Organization, made: Made, contact: Client) -> None:
        domains.ask(org=org, name="acme.example", cause=by_command())
        domains.ask(org=OrganizationFactory.create(), name="other.example", cause=by_command())
        shown = text(contact.get(page(made)))
        assert "acme.example Waiting for a DNS record" in shown
        assert "other.example" not in shown
        assert contact.post(f"/setup/{made.link.id}/domains/other.example/look/").status_code == 302

    def test_that_are_none_are_asked_for_again(self, made: Made, contact: Client) -> None:
        assert "This is not a valid domain" in text(contact.post(page(made), {"name": "nonsense"}))


class TestMails:
    def test_tell_owner_and_admins_of_each_step(self, org: Organization, ada: User) -> None:  # N3
        grace = UserFactory.create(org=org, user_name="grace@corp.example", roles=["Admin"])
        made = make(org, Purpose.DOMAIN, by=grace, name="Carol\nhttps://evil.example")
        send_mails()
        assert [sent.to for sent in mail.outbox] == [["ada@corp.example"], ["grace@corp.example"]]
        assert "“Carol https: //evil.example”" in mail.outbox[0].body
        assert f"{grace.label} made it on" in mail.outbox[0].body
        assert made.secret not in mail.outbox[0].body
        browser = opened_by(made)
        send_mails()
        assert "It was opened on" in mail.outbox[2].body
        for name in ("corp.example", "acme.example"):
            browser.post(page(made), {"name": name})
        send_mails()
        assert "Something was set up through it" in mail.outbox[4].body
        assert "made it on" not in mail.outbox[4].body
        send_mails()
        assert len(mail.outbox) == 6

    def test_tell_of_a_token_that_it_waits(self, org: Organization, ada: User) -> None:
        made = make(org)
        opened_by(made).post(page(made), {"name": "Okta", "idp": "okta", "lifetime": "365"})
        send_mails()
        (sent,) = (each for each in mail.outbox if "SCIM token" in each.subject)
        assert "made through the setup link for “Carol Diaz”" in sent.body
        assert "before one of you confirms it" in sent.body


def test_a_recipient_who_is_erased_is_forgotten(org: Organization, browser: Client) -> None:  # U5
    made = make(org, name="Carol <carol@corp.example>")
    make(OrganizationFactory.create(), name="carol@corp.example")
    assert setup_links.forget_person(org.id, Traces(UUID(int=1), ["carol@corp.example"])) == 1
    made.link.refresh_from_db()
    assert made.link.recipient == ""
    assert browser.get(LIST).status_code == opened_by(made).get(page(made)).status_code == 200
    assert "A setup link was made for somebody who was erased" in text(browser.get("/activity/"))
