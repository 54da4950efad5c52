"""Renewing a certificate through a setup link: a draft that accepts one more, and that an admin activates (SPEC L8)."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from orgs import deletions, setup_links
from orgs.db.sealed import hashed
from orgs.history import Cause
from orgs.models import Change, Door, Organization, Purpose, SetupLink, User
from orgs.tasks import send_mails
from sso import connections, renewals
from sso.connections import Facts
from sso.models import Connection, Protocol, Revision, State
from sso.refusals import Reason, Refused
from sso.saml.certificates import certificates_in
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, OwnerFactory
from tests.page_text import text_at_first
from tests.sso.saml.identity_provider import IDP, NOW, SSO_URL, certified, metadata, pem, pin, private_key
from tests.sso.saml_provider import SamlProvider, keep_our_key, saml_facts

pytestmark = pytest.mark.django_db
MAKE, OVERVIEW = "/settings/single-sign-on/certificates/link/", "/settings/single-sign-on/"
NEXT = certified(private_key("next"), until=NOW + timedelta(days=36_500))
PIN = certificates_in(NEXT)[0]


def by_admin() -> Cause:
    return Cause(Door.PAGE, timezone.now())


def by_link() -> Cause:
    return Cause(Door.LINK, timezone.now())


def activate(org: Organization, **changes: object) -> Revision:
    keep_our_key(org)
    drafted = connections.draft(org=org, facts=saml_facts(**changes), cause=by_admin())
    Revision.objects.filter(pk=drafted.pk).update(tested_at=timezone.now())
    return connections.activate(org=org, revision_id=drafted.pk, cause=by_admin())


@pytest.fixture
def org() -> Organization:
    org = OrganizationFactory.create()
    activate(org)
    return org


@pytest.fixture
def ada(org: Organization) -> User:
    return OwnerFactory.create(org=org, user_name="ada@corp.example")


@pytest.fixture
def link(org: Organization) -> SetupLink:
    return renewals.make_link(org=org, recipient="Carol Diaz", cause=by_admin()).link


def opened(link: SetupLink) -> Client:
    """The browser in which somebody began."""
    browser, secret = Client(), f"of {link.id}"
    browser.cookies[f"setup-{link.id.hex}"] = secret
    SetupLink.objects.filter(pk=link.pk).update(opened_at=timezone.now(), browser=hashed(secret))
    return browser


@pytest.fixture
def carol(link: SetupLink) -> Client:
    return opened(link)


@pytest.fixture
def page(link: SetupLink) -> str:
    return f"/setup/{link.id}/certificate/"


def fingerprints(revision: Revision) -> set[str]:
    return {each.fingerprint for text in revision.certificates for each in certificates_in(text.encode())}


def revision(org: Organization, state: State = State.DRAFT) -> Revision:
    return Revision.objects.for_org(org).get(state=state)


class TestMakingTheLink:
    def test_is_offered_where_the_certificates_were_given_by_hand(self, ada: User, org: Organization) -> None:
        browser = signed_in(ada)
        assert MAKE in browser.get(OVERVIEW).text
        answer = browser.post(MAKE, {"recipient": "Carol Diaz"})
        found = re.search(rf'"{settings.MUSTER_URL}/setup/([^"]+)/"', answer.text)
        assert found
        made = setup_links.of_secret(found[1], at=timezone.now())
        assert (made.org, made.purpose, made.made_by) == (org, Purpose.RENEWAL, ada)
        assert "no-store" in answer["Cache-Control"]
        assert "Certificate renewal" in text_at_first(browser.get("/settings/setup-links/"))
        assert "Carol Diaz has a link for this" in text_at_first(browser.post(MAKE, {"recipient": "Dora"}))

    def test_is_for_nothing_else(self, ada: User, org: Organization) -> None:
        """Without SAML that is active, or where an address brings the certificates."""
        browser = signed_in(ada)
        other = OrganizationFactory.create()
        for change in (
            lambda: activate(org, metadata_url="https://idp.example/metadata"),
            lambda: connections.switch_off(org=org, cause=by_admin()),
        ):
            change()
            assert MAKE not in browser.get(OVERVIEW).text
            assert browser.post(MAKE, {"recipient": "Carol"}).headers["Location"] == OVERVIEW
        for each in (org, other):
            with pytest.raises(renewals.NotByHand):
                renewals.make_link(org=each, recipient="Carol", cause=by_admin())
        assert not SetupLink.objects.exists()

    def test_is_not_among_the_other_purposes(self, ada: User) -> None:
        answer = signed_in(ada).post("/settings/setup-links/new/", {"purpose": "renew", "recipient": "Carol"})
        assert "renew is not one of the available choices" in text_at_first(answer)

    def test_is_told_by_mail_when_it_is_made_and_used(
        self, ada: User, carol: Client, page: str, mailoutbox: list[object]
    ) -> None:
        carol.post(page, {"text": NEXT.decode()})
        send_mails()
        made, told = mailoutbox
        assert "It was made on" in made.body  # type: ignore[attr-defined]
        assert "(Certificate renewal)" in told.body  # type: ignore[attr-defined]
        assert "waits for one of you" in told.body  # type: ignore[attr-defined]


def handed_in(carol: Client, page: str, way: str) -> HttpResponse:
    described = metadata(NEXT)
    return {
        "pasted": lambda: carol.post(page, {"text": NEXT.decode()}),
        "as base64": lambda: carol.post(page, {"text": "".join(NEXT.decode().splitlines()[1:-1])}),
        "as a file": lambda: carol.post(page, {"file": SimpleUploadedFile("next.cer", NEXT)}),
        "in metadata": lambda: carol.post(page, {"file": SimpleUploadedFile("idp.xml", described)}),
        "as text of metadata": lambda: carol.post(page, {"text": described.decode()}),
    }[way]()


class TestHandingIn:
    @pytest.mark.parametrize("way", ["pasted", "as base64", "as a file", "in metadata", "as text of metadata"])
    def test_adds_it_to_a_draft_like_what_is_active(
        self, carol: Client, page: str, org: Organization, link: SetupLink, way: str
    ) -> None:
        before = Revision.objects.filter(state=State.ACTIVE).values().get()
        answer = handed_in(carol, page, way)
        assert answer.headers.get("Location") == page, text_at_first(answer)
        draft = revision(org)
        assert fingerprints(draft) == {pin().fingerprint, PIN.fingerprint}
        assert (draft.issuer, draft.sso_url, draft.tested_at) == (IDP, SSO_URL, None)
        assert Revision.objects.filter(state=State.ACTIVE).values().get() == before
        assert PIN.fingerprint in carol.get(page).text
        change = Change.objects.get(verb="org.saml_drafted", door=Door.LINK)
        assert PIN.fingerprint in change.detail["certificates"]
        link.refresh_from_db()
        assert link.last_used_at is not None

    def test_adds_to_the_draft_that_there_is(self, carol: Client, page: str, org: Organization) -> None:
        connections.draft(org=org, facts=saml_facts(name_claim="userName"), cause=by_admin())
        assert "userName" not in carol.get(page).text  # it is not about a certificate
        assert carol.get(page.replace("certificate", "sso/test")).headers["Location"] == page
        Revision.objects.filter(state=State.DRAFT).update(tested_at=timezone.now())
        carol.post(page, {"text": NEXT.decode()})
        other = certified(private_key("ec"), until=NOW + timedelta(days=36_500))
        carol.post(page, {"text": other.decode()})
        draft = revision(org)
        assert (len(draft.certificates), draft.name_claim, draft.tested_at) == (3, "userName", None)

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ("", "Choose a file or paste the text"),
            ("nothing", "not an X.509 certificate"),
            (pem().decode(), "already been entered"),
            (certified(private_key("old"), until=NOW - timedelta(days=900)).decode(), "ended on 2024-06-12"),
            (pem("short").decode(), "not accepted"),
            (pem("dsa").decode(), "not accepted"),
            ("-----BEGIN PRIVATE KEY-----", "private key"),
            (metadata(entity_id="https://evil.example/entity").decode(), "does not describe the identity provider"),
            ("<html></html>", "not the SAML metadata"),
        ],
    )
    def test_says_what_is_wrong(self, carol: Client, page: str, given: str, said: str, link: SetupLink) -> None:
        assert said in text_at_first(carol.post(page, {"text": given}))
        assert not Revision.objects.filter(state=State.DRAFT).exists()
        link.refresh_from_db()
        assert link.last_used_at is None

    def test_takes_one_of_two(self, carol: Client, page: str) -> None:
        file = SimpleUploadedFile("next.cer", NEXT)
        assert "one of the two" in text_at_first(carol.post(page, {"text": NEXT.decode(), "file": file}))

    def test_adds_ten_at_most(self, carol: Client, page: str, org: Organization) -> None:
        made = [certificates_in(certified(private_key("ec"), f"number {number}"))[0] for number in range(10)]
        activate(org, certificates=tuple(made))
        assert "A connection takes ten at most" in text_at_first(carol.post(page, {"text": NEXT.decode()}))

    @pytest.mark.parametrize("busy_with", ["another protocol", "another provider", "an address", "choosing"])
    def test_waits_while_admins_prepare_something_else(
        self, carol: Client, page: str, org: Organization, busy_with: str
    ) -> None:
        """Their draft is not lost to it, and no certificate gets into that of another identity provider."""
        facts = {
            "another protocol": Facts("https://idp.example", "client", "secret"),
            "another provider": saml_facts(entity_id="https://other.example"),
            "an address": saml_facts(metadata_url="https://idp.example/metadata"),
        }.get(busy_with)
        if facts is None:
            connections.prepare(org=org, idp="okta", protocol=Protocol.OIDC, cause=by_admin())
        else:
            connections.draft(org=org, facts=facts, cause=by_admin())
        before = list(Revision.objects.order_by("id").values())
        assert "Ask them" in text_at_first(carol.post(page, {"text": NEXT.decode()}))
        assert list(Revision.objects.order_by("id").values()) == before
        assert carol.get(f"/setup/{page.split('/')[2]}/sso/test/").headers["Location"] == page


class TestTheTestRun:
    def run(self, browser: Client, address: str, by: str) -> HttpResponse:
        url = browser.get(address).headers["Location"]
        acs = urlsplit(connections.acs_url(Connection.objects.get())).path
        return browser.post(acs, {"SAMLResponse": SamlProvider(by=by).answer(url)})

    def test_is_of_the_draft_and_does_not_stand_for_that_of_an_admin(
        self, carol: Client, page: str, org: Organization, ada: User
    ) -> None:  # L3
        test = page.replace("certificate", "sso/test")
        assert carol.get(test).headers["Location"] == page  # there is nothing to test yet
        carol.post(page, {"text": NEXT.decode()})
        for by in ("next", "idp"):
            shown = self.run(carol, test, by)
            assert "The test run has passed" in text_at_first(shown)
            assert f'href="{page}"' in shown.text
        draft = revision(org)
        assert draft.tested_at is None
        with pytest.raises(connections.NotTested):
            connections.activate(org=org, revision_id=draft.pk, cause=by_admin())
        assert "No response that can be trusted" in text_at_first(self.run(carol, test, "eve"))

        admin = signed_in(ada)
        assert "The test run has passed" in text_at_first(self.run(admin, f"{OVERVIEW}test/", "next"))
        for address in (OVERVIEW, f"{OVERVIEW}activate/"):
            assert PIN.fingerprint in admin.get(address).text
        admin.post(f"{OVERVIEW}activate/", {"revision": str(draft.pk)})
        assert fingerprints(revision(org, State.ACTIVE)) == {pin().fingerprint, PIN.fingerprint}


class TestWhatALinkDoesNotReach:
    def test_is_everything_but_its_page(self, carol: Client, page: str, link: SetupLink, org: Organization) -> None:
        carol.post(page, {"text": NEXT.decode()})
        before = list(Revision.objects.order_by("id").values())
        for path in ("sso/", "sso/provider/", "scim/", "domains/"):
            for method in ("GET", "POST"):
                assert carol.generic(method, f"/setup/{link.id}/{path}").status_code == 404
        assert list(Revision.objects.order_by("id").values()) == before

    def test_is_its_page_for_another_browser_or_link(self, carol: Client, page: str, org: Organization) -> None:
        other_org = OrganizationFactory.create()
        activate(other_org)
        dora = opened(renewals.make_link(org=other_org, recipient="Dora", cause=by_admin()).link)
        sso = opened(setup_links.make(org=org, purpose=Purpose.SSO, recipient="Eve", cause=by_admin()).link)
        for browser in (Client(), dora, sso):
            for method in ("GET", "POST"):
                assert browser.generic(method, page).status_code == 404
        assert carol.get(page).status_code == 200

    @pytest.mark.parametrize("end", ["revoked", "finished", "expired", "another provider", "off", "an address", "org"])
    def test_is_its_page_once_it_has_ended(
        self, carol: Client, page: str, org: Organization, ada: User, link: SetupLink, end: str
    ) -> None:
        """Also where the org has moved on: whoever ran the former identity provider has no part in the next one."""
        address = carol.get(page).status_code
        assert address == 200
        {
            "revoked": lambda: setup_links.revoke(org=org, link_id=link.id, cause=by_admin()),
            "finished": lambda: carol.post(f"/setup/{link.id}/finish/"),
            "expired": lambda: SetupLink.objects.update(expires_at=timezone.now()),
            "another provider": lambda: activate(org, entity_id="https://other.example"),
            "off": lambda: connections.switch_off(org=org, cause=by_admin()),
            "an address": lambda: activate(org, metadata_url="https://idp.example/metadata"),
            "org": lambda: deletions.begin(org=org, cause=by_admin()),
        }[end]()
        before = list(Revision.objects.order_by("id").values())
        for method in ("GET", "POST"):
            answer = carol.generic(method, page)
            assert (answer.status_code, IDP in answer.text) == (404, False)
        with pytest.raises((setup_links.NotOpen, Refused)):
            renewals.add(link=link, certificates=[PIN], cause=by_link())
        assert list(Revision.objects.order_by("id").values()) == before

    def test_stays_where_only_a_certificate_was_added(self, carol: Client, page: str, org: Organization) -> None:
        activate(org, certificates=(pin(), PIN))
        assert PIN.fingerprint in carol.get(page).text
        with pytest.raises(Refused) as known:
            connections.add_certificates(org=org, certificates=[PIN], cause=by_admin())
        assert known.value.reason == Reason.KNOWN_CERTIFICATE
