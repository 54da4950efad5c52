"""Setting single sign-on up through a setup link: a draft that somebody else activates (SPEC L8)."""

from urllib.parse import urlencode, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from orgs import setup_links
from orgs.db.sealed import hashed
from orgs.history import Cause
from orgs.models import Change, Door, IdentityLink, Mail, MailKind, Organization, Purpose, SetupLink, User
from orgs.web import link_access
from sso import connections, setup
from sso.connections import Facts
from sso.models import Connection, Revision, State
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory
from tests.page_text import text_at_first
from tests.sso.oidc.issuer import CLIENT, ISSUER, SECRET
from tests.sso.open_id_provider import OpenIdProvider
from tests.sso.saml.identity_provider import ADA, IDP, metadata, pin
from tests.sso.saml_provider import SamlProvider, keep_our_key

pytestmark = pytest.mark.django_db


def by_admin() -> Cause:
    return Cause(Door.PAGE, timezone.now())


@pytest.fixture
def org() -> Organization:
    return OrganizationFactory.create()


@pytest.fixture
def ada(org: Organization) -> User:
    return OwnerFactory.create(org=org, user_name="ada@corp.example")


@pytest.fixture
def link(org: Organization) -> SetupLink:
    return setup_links.make(org=org, purpose=Purpose.SSO, recipient="Carol Diaz", cause=by_admin()).link


@pytest.fixture
def carol(link: SetupLink) -> Client:
    """Who has opened the link."""
    browser = Client()
    browser.cookies[f"setup-{link.id.hex}"] = "a secret of this browser"
    digest = hashed("a secret of this browser")
    SetupLink.objects.filter(pk=link.pk).update(opened_at=timezone.now(), browser=digest)
    return browser


@pytest.fixture
def page(link: SetupLink) -> str:
    return f"/setup/{link.id}/sso/"


def a_form(issuer: str = ISSUER, **changed: str) -> dict[str, str]:
    return {
        "issuer": issuer,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "name_claim": "preferred_username",
    } | changed


@pytest.fixture
def draft(carol: Client, page: str, idp: OpenIdProvider) -> Revision:
    """What Carol entered."""
    idp.now = timezone.now().timestamp()
    idp.claims = {"sub": "1", "preferred_username": "bo@corp.example"}
    carol.post(f"{page}provider/", {"idp": "okta"})
    answer = carol.post(page, a_form(idp.issuer))
    assert answer.status_code == 302, text_at_first(answer)
    return Revision.objects.get()


def brought_back(browser: Client, page: str, idp: OpenIdProvider) -> str:
    """Where the identity provider sends a browser after a test run."""
    begun = browser.get(f"{page}test/")
    assert begun.status_code == 302
    brought = urlencode(idp.authorize(begun.headers["Location"]), doseq=True)
    back = urlsplit(connections.callback_url(Connection.objects.get())).path
    return f"{back}?{brought}"


def run(browser: Client, page: str, idp: OpenIdProvider) -> HttpResponse:
    return browser.get(brought_back(browser, page, idp))


class TestTheDraft:
    def test_begins_with_the_identity_provider(self, carol: Client, page: str, org: Organization) -> None:
        assert carol.get(page).headers["Location"] == f"{page}provider/"
        carol.post(f"{page}provider/", {"idp": "okta"})
        assert f"/sso/{Connection.objects.get(org=org).id}/callback" in carol.get(page).content.decode()

    def test_is_entered_and_told_of(self, ada: User, draft: Revision) -> None:
        assert (draft.state, draft.tested_at) == (State.DRAFT, None)
        assert {each.door for each in Change.objects.filter(verb__startswith="org.sso")} == {Door.LINK}
        assert Mail.objects.filter(kind=MailKind.SETUP_LINK, person=ada).count() == 2  # that it was made, and used

    def test_never_takes_a_secret_along_that_somebody_else_entered(
        self, carol: Client, page: str, org: Organization
    ) -> None:
        """It would be sent to whatever issuer is entered here."""
        active = connections.draft(org=org, facts=Facts(ISSUER, CLIENT, SECRET, idp="okta"), cause=by_admin())
        Revision.objects.filter(pk=active.pk).update(tested_at=timezone.now())
        for _ in range(2):
            answer = carol.post(page, a_form("https://evil.example", client_secret=""))
            assert "secret" in text_at_first(answer)
            assert [each.issuer for each in Revision.objects.all()] == [ISSUER]
            connections.activate(org=org, revision_id=active.id, cause=by_admin())
        link = SetupLink.objects.get()
        with pytest.raises(AssertionError):
            setup.draft(link=link, facts=Facts("https://evil.example", CLIENT, None), cause=by_admin())
        assert ISSUER not in carol.get(page).content.decode()  # what is active is nobody's business here

    def test_cannot_be_activated_or_switched_off(self, carol: Client, page: str, draft: Revision) -> None:
        for address in ("activate", "switch-off", "discard", "accounts", "sign-ins"):
            for answer in (carol.get(f"{page}{address}/"), carol.post(f"{page}{address}/")):
                assert answer.status_code == 404
            settings = f"/settings/single-sign-on/{address}/"
            assert carol.post(settings, {"revision": str(draft.id)}).status_code in (302, 405)
        assert Revision.objects.get().state == State.DRAFT


class TestATestRun:
    def test_shows_what_came_and_names_nobody(
        self, carol: Client, page: str, draft: Revision, idp: OpenIdProvider, org: Organization
    ) -> None:
        bo = UserFactory.create(org=org, user_name="bo@corp.example", display_name="Bo Lind")
        answer = run(carol, page, idp)
        shown = text_at_first(answer)
        assert "The test run has passed" in shown
        assert "preferred_username Used bo@corp.example" in shown
        assert "Bo Lind" not in shown
        assert str(bo.id) not in answer.text
        assert "/settings/" not in answer.text
        assert "no-store" in answer.headers["Cache-Control"]
        assert not IdentityLink.objects.exists()

    def test_does_not_stand_for_that_of_an_admin(
        self, carol: Client, page: str, draft: Revision, idp: OpenIdProvider, ada: User
    ) -> None:  # L3
        run(carol, page, idp)
        assert Revision.objects.get().tested_at is None
        with pytest.raises(connections.NotTested):
            connections.activate(org=draft.org, revision_id=draft.id, cause=by_admin())
        run(signed_in(ada), "/settings/single-sign-on/", idp)
        assert Revision.objects.get().tested_at is not None
        run(carol, page, idp)
        assert Revision.objects.get().tested_at is not None
        carol.post(page, a_form(idp.issuer, client_id="another"))
        assert Revision.objects.get().tested_at is None

    def test_says_what_went_wrong(self, carol: Client, page: str, draft: Revision, idp: OpenIdProvider) -> None:
        idp.secret = "another"
        assert "No response that can be trusted came back" in text_at_first(run(carol, page, idp))

    def test_is_over_where_the_link_was_revoked_meanwhile(
        self, carol: Client, page: str, draft: Revision, idp: OpenIdProvider, link: SetupLink
    ) -> None:
        address = brought_back(carol, page, idp)
        setup_links.revoke(org=draft.org, link_id=link.id, cause=by_admin())
        assert carol.get(address).status_code == 403
        assert "/token" not in idp.asked

    def test_is_of_the_browser_that_began_it(
        self, carol: Client, page: str, draft: Revision, idp: OpenIdProvider
    ) -> None:
        address = brought_back(carol, page, idp)
        assert "Carol" not in text_at_first(Client().get(address))
        assert "/token" not in idp.asked
        assert "The test run has passed" in text_at_first(carol.get(address))

    def test_is_not_begun_without_end(
        self, carol: Client, page: str, draft: Revision, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(link_access.USES, "burst", 2)
        link_access.uses.clear()
        assert [carol.get(f"{page}test/").status_code for _ in range(4)] == [302, 302, 429, 429]


def test_it_may_be_by_saml(carol: Client, page: str, org: Organization) -> None:  # L8, L2
    keep_our_key(org)
    carol.post(f"{page}provider/", {"idp": "google"})
    assert f'value="{connections.acs_url(Connection.objects.get())}"' in carol.get(page).text
    file = SimpleUploadedFile("metadata.xml", metadata())
    answer = carol.post(page, {"way": "file", "metadata_file": file, "name_claim": "NameID"})
    assert answer.status_code == 302, text_at_first(answer)
    assert pin().pem in carol.get(page).text
    url = carol.get(f"{page}test/").headers["Location"]
    acs = urlsplit(connections.acs_url(Connection.objects.get())).path
    shown = text_at_first(carol.post(acs, {"SAMLResponse": SamlProvider().answer(url)}))
    assert f"NameID Used {ADA}" in shown
    made = Revision.objects.get()
    assert (made.issuer, made.state, made.tested_at) == (IDP, State.DRAFT, None)
