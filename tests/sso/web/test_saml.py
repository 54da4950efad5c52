"""A browser on its way to an identity provider by SAML and back. What is forged is tested in tests/sso/saml."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection as database
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from lxml import html

from orgs.models import IdentityLink, Organization, Session, SsoSignIn, User
from sso import connections, journeys
from sso.models import Connection, Revision, SeenToken
from sso.refusals import Reason
from sso.saml.xml import LONGEST, NAMESPACES, written_time
from sso.web import asking, journey_cookie, sign_in
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory
from tests.page_text import text_at_first
from tests.sso.saml.identity_provider import ADA, EVE, IDP, SSO_URL, parsed, pin
from tests.sso.saml_provider import SamlProvider, asked, keep_our_key, saml_facts
from tests.sso.web.conftest import address, by_admin

pytestmark = pytest.mark.django_db


def connected(org: Organization, **facts: Any) -> Revision:
    """The active configuration of an org's connection."""
    keep_our_key(org)
    made = connections.draft(org=org, facts=saml_facts(**facts), cause=by_admin())
    Revision.objects.filter(id=made.id).update(tested_at=timezone.now())
    active = connections.activate(org=org, revision_id=made.id, cause=by_admin())
    org.refresh_from_db()
    return active


@pytest.fixture
def org() -> Organization:
    org = OrganizationFactory.create(name="Acme")
    connected(org)
    return org


@pytest.fixture
def ada(org: Organization) -> User:
    return UserFactory.create(org=org, user_name=ADA)


@dataclass
class Browser:
    """It sends no cookie with what another site has it post, unlike the client inside it."""

    idp: SamlProvider = field(default_factory=SamlProvider)
    client: Client = field(default_factory=Client)

    def start(self, org: Organization, next: str = "") -> str:
        there = self.client.get(address("start", org), {"next": next} if next else {})
        assert there.status_code == 302, there.content
        return there.headers["Location"]

    def post(self, org: Organization, response: str) -> HttpResponse:
        """As the identity provider's page does, and then ours."""
        bounced = Client().post(address("acs", org), {"SAMLResponse": response, "RelayState": "x"})
        if bounced.status_code != 200:
            return bounced
        (form,) = html.fromstring(bounced.content).forms
        assert (form.method, form.action) == ("POST", None)  # to where it is
        return self.client.post(address("acs", org), dict(form.fields))

    def sign_in(self, org: Organization, next: str = "", **changes: Any) -> HttpResponse:
        return self.post(org, self.idp.answer(self.start(org, next), **changes))

    @property
    def user_id(self) -> str | None:
        return self.client.session.get("_auth_user_id")


@pytest.fixture
def visitor() -> Browser:
    return Browser()


def refused(org: Organization) -> list[str]:
    return list(SsoSignIn.objects.for_org(org).order_by("id").values_list("reason", flat=True))


def said(answer: HttpResponse) -> str:
    """A page, without what differs each time."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|<time.*?</time>", "…", answer.content.decode())


class TestSigningIn:
    def test_leads_to_the_provider_and_back_to_the_page_that_was_wanted(
        self, visitor: Browser, org: Organization, ada: User
    ) -> None:  # L2
        url = visitor.start(org, next="/people/?q=1")
        assert url.startswith(SSO_URL)
        assert asked(url).find("saml:Issuer", NAMESPACES).text == connections.entity_id(org.sso_connections.get())
        back = visitor.post(org, visitor.idp.answer(url))
        assert (back.status_code, back.headers["Location"]) == (302, "/people/?q=1")
        assert visitor.user_id == str(ada.id)
        assert back.cookies[journey_cookie.NAME]["max-age"] == 0

    def test_links_the_name_id_of_the_entity_and_knows_its_session(
        self, visitor: Browser, org: Organization, ada: User
    ) -> None:  # L4, L7
        visitor.sign_in(org)
        link = IdentityLink.objects.get(user=ada)
        assert (link.issuer, link.subject) == (f"saml:{IDP}", ADA)
        session = Session.objects.get(user=ada)
        assert (session.connection, session.provider_session) == (org.sso_connection, "_session1")
        (row,) = SsoSignIn.objects.for_org(org)
        assert (row.name, row.reason) == (ADA, "")

    def test_lasts_no_longer_than_the_session_there(self, visitor: Browser, org: Organization, ada: User) -> None:  # L7
        visitor.sign_in(org, session_ends=written_time(timezone.now() + timedelta(hours=1)))
        left = Session.objects.get(user=ada).expire_date - timezone.now()
        assert timedelta(minutes=58) < left <= timedelta(hours=1, minutes=1)

    def test_goes_by_the_attributes_that_the_connection_names(
        self, visitor: Browser, org: Organization, ada: User
    ) -> None:  # L4
        connected(org, name_claim="userName", external_id_claim="oid")
        User.objects.filter(id=ada.id).update(external_id="17")
        attributes = {"userName": [ADA], "oid": ["17"], "groups": ["Staff", "Ada's"], "NameID": [EVE]}
        visitor.sign_in(org, name_id="subject-1", attributes=attributes)
        assert visitor.user_id == str(ada.id)
        assert IdentityLink.objects.get(user=ada).subject == "subject-1"

    def test_takes_an_encrypted_assertion(self, visitor: Browser, org: Organization, ada: User) -> None:  # L2
        visitor.idp.encrypts = True
        visitor.sign_in(org)
        assert visitor.user_id == str(ada.id)

    @pytest.mark.parametrize(("minutes", "is_recent"), [(10, True), (20, False)])
    def test_is_as_recent_as_the_provider_says(
        self, visitor: Browser, org: Organization, minutes: int, is_recent: bool
    ) -> None:  # L6
        UserFactory.create(org=org, user_name=ADA, roles=["Admin"])
        visitor.sign_in(org, authenticated=written_time(timezone.now() - timedelta(minutes=minutes)))
        page = visitor.client.get("/settings/scim/tokens/new/").content.decode()
        assert ("Sign in again" not in page) is is_recent

    def test_again_has_the_provider_ask_who_it_is(self, visitor: Browser, org: Organization, ada: User) -> None:  # L6
        visitor.sign_in(org)
        assert asked(visitor.start(org)).get("ForceAuthn") is None
        visitor.client.post("/sign-out/", {"next": "/people/"})
        assert asked(visitor.start(org)).get("ForceAuthn") == "true"

    def test_calls_a_newcomer_by_the_names_that_come(self, visitor: Browser, org: Organization) -> None:  # L5
        org.verified_domains.create(name="acme.example", verified_at=timezone.now())
        connections.switch_accounts(org=org, on=True, cause=by_admin())
        surname = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname"
        visitor.sign_in(org, attributes={"firstName": ["Ada"], surname: ["Lovelace"]})
        person = User.objects.for_org(org).get(user_name=ADA)
        assert (person.given_name, person.family_name) == ("Ada", "Lovelace")


class TestThePageInBetween:
    """A browser sends no cookie with what another site has it post."""

    def test_posts_what_came_from_here_by_itself_or_by_a_button(self, org: Organization) -> None:
        answer = Client().post(address("acs", org), {"SAMLResponse": 'a"<b>'})
        (form,) = html.fromstring(answer.content).forms
        assert form.fields["SAMLResponse"] == 'a"<b>'
        assert "data-go-on" in form.attrib
        assert form.findall(".//button")
        assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
        assert "no-store" in answer.headers["Cache-Control"]
        assert not Session.objects.exists()
        assert not SeenToken.objects.exists()
        assert refused(org) == []

    def test_is_left_out_where_the_cookie_comes(self, visitor: Browser, org: Organization, ada: User) -> None:
        response = visitor.idp.answer(visitor.start(org))
        visitor.client.post(address("acs", org), {"SAMLResponse": response})
        assert visitor.user_id == str(ada.id)

    def test_takes_no_more_than_a_response_can_be(self, org: Organization) -> None:
        answer = Client().post(address("acs", org), {"SAMLResponse": "x" * (2 * LONGEST)})
        assert (answer.status_code, b"data-go-on" in answer.content) == (403, False)


def without_a_request(visitor: Browser, org: Organization) -> str:
    """A response that answers none."""
    return visitor.idp.answer(visitor.start(org), request=None, answers=None)


def of_another_connection(visitor: Browser, org: Organization) -> str:
    """The same provider's response for another org, to the request of this browser."""
    other = OrganizationFactory.create()
    connected(other)
    theirs = asked(Browser().start(other))
    mine = visitor.start(org)
    return visitor.idp.answer(
        mine,
        audience=theirs.find("saml:Issuer", NAMESPACES).text,
        recipient=theirs.get("AssertionConsumerServiceURL"),
        destination=None,
    )


def of_another_browser(visitor: Browser, org: Organization) -> str:
    visitor.start(org)
    return visitor.idp.answer(Browser().start(org))


def with_an_assertion_of_before(visitor: Browser, org: Organization) -> str:
    visitor.sign_in(org, id="_same")
    visitor.client = Client()
    SsoSignIn.objects.all().delete()
    return visitor.idp.answer(visitor.start(org), id="_same")


def signed_by(key: str) -> Callable[[Browser, Organization], str]:
    def answered(visitor: Browser, org: Organization) -> str:
        visitor.idp.by = key
        return visitor.idp.answer(visitor.start(org))

    return answered


def with_a_removed_certificate(visitor: Browser, org: Organization) -> str:
    connected(org, certificates=(pin(), pin("second")))
    connected(org, certificates=(pin(),))
    return signed_by("second")(visitor, org)


def of_the_draft(visitor: Browser, org: Organization) -> str:
    connections.draft(org=org, facts=saml_facts(certificates=(pin("second"),)), cause=by_admin())
    return signed_by("second")(visitor, org)


def of_a_session_that_is_over(visitor: Browser, org: Organization) -> str:
    return visitor.idp.answer(visitor.start(org), session_ends=written_time(timezone.now() - timedelta(minutes=1)))


class TestARefusal:
    @pytest.mark.parametrize(
        ("answered", "reason"),
        [
            (without_a_request, Reason.UNSOLICITED),
            (of_another_connection, Reason.OTHER_RECIPIENT),
            (of_another_browser, Reason.OTHER_REQUEST),
            (with_an_assertion_of_before, Reason.USED_BEFORE),
            (signed_by("eve"), Reason.NO_CERTIFICATE_FITS),
            (with_a_removed_certificate, Reason.NO_CERTIFICATE_FITS),
            (of_the_draft, Reason.NO_CERTIFICATE_FITS),
            (of_a_session_that_is_over, Reason.EXPIRED),
            (lambda visitor, org: visitor.start(org) and "?", Reason.NOT_A_RESPONSE),
            (lambda visitor, org: visitor.idp.answer(visitor.start(org), name_id=EVE), Reason.NOBODY),
        ],
    )
    def test_is_one_page_whatever_the_reason_which_the_org_is_told(
        self,
        visitor: Browser,
        org: Organization,
        ada: User,
        answered: Callable[[Browser, Organization], str],
        reason: Reason,
    ) -> None:  # L2, L4
        without_a_cookie = said(Browser().post(org, "?"))
        page = visitor.post(org, answered(visitor, org))
        assert (page.status_code, said(page)) == (403, without_a_cookie)
        assert (visitor.user_id, refused(org)) == (None, [reason])
        assert not IdentityLink.objects.filter(subject=EVE).exists()

    def test_of_what_began_at_the_provider_says_where_to_begin(self, visitor: Browser, org: Organization) -> None:  # L2
        page = visitor.post(org, without_a_request(visitor, org))
        url = connections.start_url(org.sso_connections.get())
        assert url in page.content.decode()
        assert SsoSignIn.objects.for_org(org).get().detail == url

    def test_of_the_same_response_again(self, visitor: Browser, org: Organization, ada: User) -> None:
        response = visitor.idp.answer(visitor.start(org))
        kept = visitor.client.cookies[journey_cookie.NAME].value
        assert visitor.post(org, response).status_code == 302
        visitor.client.logout()
        visitor.client.cookies[journey_cookie.NAME] = kept
        assert visitor.post(org, response).status_code == 403
        assert (visitor.user_id, refused(org)) == (None, ["", Reason.STATE])

    def test_of_a_journey_of_more_than_ten_minutes(
        self, visitor: Browser, org: Organization, ada: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = visitor.start(org)
        late = datetime.now(UTC) + journeys.LASTS
        monkeypatch.setattr(sign_in.timezone, "now", lambda: late)
        assert visitor.post(org, visitor.idp.answer(url)).status_code == 403
        assert visitor.user_id is None

    def test_of_two_responses(self, visitor: Browser, org: Organization, ada: User) -> None:
        response = visitor.idp.answer(visitor.start(org))
        visitor.client.post(address("acs", org), {"SAMLResponse": [response, response]})
        assert refused(org) == [Reason.BAD_PARAMETERS]

    def test_where_our_key_is_lost_is_only_of_what_is_encrypted(
        self, visitor: Browser, org: Organization, ada: User
    ) -> None:  # L9
        Connection.objects.update(key="lost")
        assert visitor.sign_in(org).status_code == 302
        visitor.idp.encrypts = True
        assert visitor.sign_in(org).status_code == 403
        connected(org, wants_signed_requests=True)
        Connection.objects.update(key="lost")
        assert visitor.client.get(address("start", org)).status_code == 403
        assert refused(org) == ["", Reason.KEY_UNREADABLE]


def test_a_second_certificate_may_sign(visitor: Browser, org: Organization, ada: User) -> None:  # L2
    connected(org, certificates=(pin(), pin("second")))
    assert visitor.post(org, signed_by("second")(visitor, org)).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_moment_one_wins(
    transactional_db: None, visitor: Browser, org: Organization, ada: User
) -> None:  # L2
    response = visitor.idp.answer(visitor.start(org))
    kept = visitor.client.cookies[journey_cookie.NAME].value

    def post(_: int) -> int:
        client = Client()
        client.cookies[journey_cookie.NAME] = kept
        try:
            return client.post(address("acs", org), {"SAMLResponse": response}).status_code
        finally:
            database.close()

    with ThreadPoolExecutor(2) as both:
        assert sorted(both.map(post, range(2))) == [302, 403]
    assert Session.objects.filter(user=ada).count() == 1


def test_where_too_many_wait_it_begins_again(
    visitor: Browser, org: Organization, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking.of_each, "waiting", 0)  # nobody more may wait
    response = visitor.idp.answer(visitor.start(org))
    with ExitStack() as others:
        for _ in range(asking.of_each.running):
            others.enter_context(asking.place(org.sso_connections.get()))
        back = visitor.post(org, response)
    assert (back.status_code, back["Retry-After"]) == (503, "1")
    assert f'href="{address("start", org)}"' in back.content.decode()


def test_it_cannot_be_logged_out_of_by_a_token(org: Organization) -> None:
    assert Client().post(address("logout", org), {"logout_token": "x"}).status_code == 404


class TestOurMetadata:
    def test_is_at_the_entity_id_from_the_first_choice_of_saml(self) -> None:  # L2
        org = OrganizationFactory.create()
        connection = connections.prepare(org=org, idp="okta", cause=by_admin())
        url = urlsplit(connections.entity_id(connection)).path
        assert Client().get(url).status_code == 404
        keep_our_key(org)
        answer = Client().get(url)
        assert answer.headers["Content-Type"] == "application/samlmetadata+xml"
        ours = parsed(answer.content)
        assert ours.get("entityID") == connections.entity_id(connection)
        (acs,) = ours.iter("{*}AssertionConsumerService")
        assert acs.get("Location") == connections.acs_url(connection)

    def test_has_our_certificate_and_not_our_key(self, org: Organization) -> None:  # L9
        answer = Client().get(address("metadata", org)).content.decode()
        certificate = "".join(org.sso_connections.get().certificate.split("-----")[2].split())
        assert certificate in answer
        assert "PRIVATE" not in answer


class TestATestRun:
    @pytest.fixture
    def owner(self, org: Organization) -> User:
        return OwnerFactory.create(org=org, user_name="owner@acme.example")

    def test_shows_what_came_and_who_it_would_be(
        self, visitor: Browser, org: Organization, ada: User, owner: User
    ) -> None:  # L3
        draft = connections.draft(org=org, facts=saml_facts(name_claim="userName"), cause=by_admin())
        visitor.client = signed_in(owner)
        url = visitor.client.get("/settings/single-sign-on/test/").headers["Location"]
        page = text_at_first(visitor.post(org, visitor.idp.answer(url)))
        assert "The test run has passed" in page
        assert f"NameID Used {ADA}" in page
        assert f"userName Used {ADA}" in page
        assert 'groups ["Staff", "Ada\'s"]' in page
        draft.refresh_from_db()
        assert draft.tested_at is not None
        assert visitor.user_id == str(owner.id)
        assert not IdentityLink.objects.exists()

    def test_is_by_the_draft(self, visitor: Browser, org: Organization, owner: User) -> None:  # L3
        connections.draft(org=org, facts=saml_facts(certificates=(pin("second"),)), cause=by_admin())
        visitor.client = signed_in(owner)
        url = visitor.client.get("/settings/single-sign-on/test/").headers["Location"]
        page = text_at_first(visitor.post(org, visitor.idp.answer(url)))
        assert "No response that can be trusted came back" in page
        assert "does not match any of the certificates" in page
