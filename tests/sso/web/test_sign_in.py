"""A browser on its way to the identity provider and back, and who is signed in then."""

import re
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from orgs import sso_sign_ins
from orgs.models import IdentityLink, Organization, Session, SignInFailures, SsoSignIn, User
from sso import connections, issuers, journeys, links
from sso.models import Connection, Revision, SeenToken
from sso.refusals import Reason
from sso.web import asking, journey_cookie, sign_in
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory
from tests.sso.open_id_provider import OpenIdProvider
from tests.sso.web.conftest import Browser, address, by_admin, connected


@pytest.fixture
def ada(org: Organization) -> User:
    return UserFactory.create(org=org, user_name="ada@acme.example")


def refused(org: Organization) -> list[str]:
    return list(SsoSignIn.objects.for_org(org).order_by("id").values_list("reason", flat=True))


def said(answer: Any) -> str:
    """A page, without what differs each time."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|<time.*?</time>", "…", answer.content.decode())


class TestSigningIn:
    def test_leads_to_the_provider_and_back_to_the_page_that_was_wanted(
        self, browser: Browser, org: Organization, ada: User
    ) -> None:  # U11, L2
        back = browser.sign_in(org, next="/people/?q=1")
        assert (back.status_code, back.headers["Location"]) == (302, "/people/?q=1")
        assert browser.user_id == str(ada.id)

    def test_is_told_to_the_org(self, browser: Browser, org: Organization, ada: User) -> None:  # L4
        browser.sign_in(org)
        (row,) = SsoSignIn.objects.for_org(org)
        assert (row.name, row.reason, row.address) == ("ada@acme.example", "", "127.0.0.1")
        assert row.connection == org.sso_connection

    def test_is_of_a_session_that_knows_the_connection(
        self, browser: Browser, org: Organization, ada: User
    ) -> None:  # L7
        browser.idp.claims |= {"sid": "s1"}
        browser.sign_in(org)
        (session,) = Session.objects.filter(user=ada)
        assert (session.connection, session.provider_session) == (org.sso_connection, "s1")

    @pytest.mark.parametrize(("hours", "lasts"), [(1, 1), (10_000, 14 * 24), (None, 14 * 24)])
    def test_lasts_as_long_as_the_shorter_of_ours_and_theirs(
        self, browser: Browser, org: Organization, ada: User, hours: int | None, lasts: int
    ) -> None:  # L7
        if hours is not None:
            browser.idp.claims |= {"session_expiry": int(browser.idp.now) + hours * 3600}
        browser.sign_in(org)
        left = Session.objects.get(user=ada).expire_date - timezone.now()
        assert timedelta(hours=lasts, minutes=-2) < left <= timedelta(hours=lasts, minutes=1)

    @pytest.mark.parametrize(("minutes", "is_recent"), [(None, True), (10, True), (20, False), (-10, True)])
    def test_is_as_recent_as_the_provider_says(
        self, browser: Browser, org: Organization, minutes: int | None, is_recent: bool
    ) -> None:  # L6
        UserFactory.create(org=org, user_name="ada@acme.example", roles=["Admin"])
        if minutes is not None:
            browser.idp.claims |= {"auth_time": int(browser.idp.now) - minutes * 60}
        browser.sign_in(org)
        page = browser.client.get("/settings/scim/tokens/new/").content.decode()
        assert ("Sign in again" not in page) is is_recent

    def test_again_has_the_provider_ask_who_it_is(self, browser: Browser, org: Organization, ada: User) -> None:  # L6
        browser.sign_in(org)
        assert "max_age" not in browser.start(org).headers["Location"]
        browser.client.post("/sign-out/", {"next": "/people/"})
        assert "max_age=900" in browser.start(org).headers["Location"]

    @pytest.mark.parametrize("somebody", [False, True])
    def test_begins_another_session(self, browser: Browser, org: Organization, ada: User, somebody: bool) -> None:
        if somebody:
            browser.client.force_login(UserFactory.create())
        session = browser.client.session
        session.save()
        browser.sign_in(org)
        assert browser.client.session.session_key != session.session_key
        assert browser.user_id == str(ada.id)
        assert not session.exists(session.session_key)

    def test_leaves_nothing_of_strangers(self, browser: Browser, org: Organization) -> None:
        browser.start(org)
        assert not Session.objects.exists()
        assert not SeenToken.objects.exists()

    @pytest.mark.parametrize(
        "next", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "http:evil.example"]
    )
    def test_leads_to_no_other_site(self, browser: Browser, org: Organization, ada: User, next: str) -> None:
        assert browser.sign_in(org, next=next).headers["Location"] == "/"

    def test_takes_the_cookie_back(self, browser: Browser, org: Organization, ada: User) -> None:
        cookie = browser.start(org).cookies[journey_cookie.NAME]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/sso/")
        assert cookie["max-age"] == 600
        back = browser.sign_in(org)
        assert back.cookies[journey_cookie.NAME]["max-age"] == 0


class TestAJourneyThatIsNone:
    """Nobody is signed in, and no log is written by whoever has not begun here."""

    def test_has_no_cookie(self, browser: Browser, another: Callable[[], Browser], org: Organization) -> None:
        there = browser.start(org).headers["Location"]
        stranger = another()
        assert stranger.back(org, browser.idp.authorize(there)).status_code == 403
        assert (stranger.user_id, refused(org)) == (None, [])

    def test_has_the_cookie_of_another_connection(
        self, browser: Browser, org: Organization, idp: OpenIdProvider, ada: User
    ) -> None:  # O7
        other = OrganizationFactory.create()
        connected(other, idp)
        theirs = UserFactory.create(org=other, user_name="ada@acme.example")
        there = browser.start(org).headers["Location"]
        assert browser.back(other, idp.authorize(there)).status_code == 403
        assert (browser.user_id, refused(other)) == (None, [])
        assert not IdentityLink.objects.filter(user=theirs).exists()

    def test_came_before(self, browser: Browser, org: Organization, ada: User) -> None:
        there = browser.start(org)
        kept = browser.client.cookies[journey_cookie.NAME].value
        brought = browser.idp.authorize(there.headers["Location"])
        assert browser.back(org, brought).status_code == 302
        browser.client.logout()
        browser.client.cookies[journey_cookie.NAME] = kept
        assert browser.back(org, brought).status_code == 403
        assert browser.user_id is None
        assert refused(org) == ["", Reason.STATE]

    def test_began_in_another_browser(
        self, browser: Browser, another: Callable[[], Browser], org: Organization, ada: User
    ) -> None:
        mine, theirs = browser, another()
        mine.start(org)
        there = theirs.start(org).headers["Location"]
        assert mine.back(org, mine.idp.authorize(there)).status_code == 403
        assert refused(org) == [Reason.STATE]

    def test_took_longer_than_ten_minutes(
        self, browser: Browser, org: Organization, ada: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        there = browser.start(org).headers["Location"]
        late = datetime.now(UTC) + journeys.LASTS
        monkeypatch.setattr(sign_in.timezone, "now", lambda: late)
        assert browser.back(org, browser.idp.authorize(there)).status_code == 403
        assert browser.user_id is None


BROKEN: list[tuple[Callable[[OpenIdProvider], object], dict[str, Any], Reason]] = [
    (lambda idp: None, {"iss": ["https://evil.example"]}, Reason.MIXED_UP),
    (lambda idp: None, {"iss": []}, Reason.MIXED_UP),
    (lambda idp: None, {"state": ["another"]}, Reason.STATE),
    (lambda idp: None, {"state": ["a", "b"]}, Reason.BAD_PARAMETERS),
    (lambda idp: None, {"code": []}, Reason.BAD_PARAMETERS),
    (lambda idp: None, {"error": ["access_denied"]}, Reason.CANCELLED),
    (lambda idp: setattr(idp, "secret", "new"), {}, Reason.SECRET_REFUSED),
    (lambda idp: idp.claims.update(nonce="another"), {}, Reason.NONCE),
    (lambda idp: idp.claims.update(aud="another"), {}, Reason.AUDIENCE),
    (lambda idp: idp.claims.update(session_expiry=1), {}, Reason.EXPIRED),
    (lambda idp: idp.claims.update(preferred_username="eve@acme.example"), {}, Reason.NOBODY),
]


class TestARefusal:
    @pytest.mark.parametrize(("break_it", "changes", "reason"), BROKEN)
    def test_is_one_page_whatever_the_reason_which_the_org_is_told(
        self,
        browser: Browser,
        org: Organization,
        ada: User,
        break_it: Callable[[OpenIdProvider], object],
        changes: dict[str, Any],
        reason: Reason,
    ) -> None:  # L4
        without_a_cookie = said(browser.back(org, {}))
        break_it(browser.idp)
        page = browser.sign_in(org, **changes)
        assert (page.status_code, said(page)) == (403, without_a_cookie)
        assert "<strong>Acme</strong>" in said(page)
        assert (browser.user_id, refused(org)) == (None, [reason])
        row = SsoSignIn.objects.for_org(org).get()
        assert str(row.id) in page.content.decode()

    def test_says_the_userName_where_a_token_has_one(self, browser: Browser, org: Organization) -> None:  # L4
        browser.sign_in(org)
        browser.idp.claims |= {"preferred_username": 7}
        browser.sign_in(org)
        names = SsoSignIn.objects.for_org(org).order_by("id").values_list("name", "reason", "detail")
        assert list(names) == [
            ("ada@acme.example", Reason.NOBODY, "ada@acme.example"),
            ("", Reason.NO_NAME, "preferred_username"),
        ]

    def test_never_says_who_somebody_is_there(self, browser: Browser, org: Organization) -> None:
        del browser.idp.claims["preferred_username"]
        browser.idp.userinfo = {"sub": "the subject of another"}
        browser.sign_in(org)
        row = SsoSignIn.objects.for_org(org).get()
        assert (row.reason, row.detail, row.name) == (Reason.OTHER_SUBJECT, "", "")

    def test_is_written_down_so_many_times_for_one_client(
        self, browser: Browser, org: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sign_in.NOTED, "burst", 2)
        pages = [browser.sign_in(org, state=["another"]).status_code for _ in range(4)]
        assert (pages, len(refused(org))) == ([403] * 4, 2)

    def test_offers_the_owner_the_password(self, browser: Browser, org: Organization) -> None:  # L6
        page = browser.back(org, {}).content.decode()
        assert f'href="/sign-in/{org.slug}/?by=password"' in page
        assert f'href="{address("start", org)}"' in page

    def test_is_forgotten_after_ninety_days(self, browser: Browser, org: Organization) -> None:
        browser.sign_in(org)
        sso_sign_ins.forget(at=timezone.now() + sso_sign_ins.KEPT - timedelta(hours=1))
        assert refused(org)
        sso_sign_ins.forget(at=timezone.now() + sso_sign_ins.KEPT + timedelta(hours=1))
        assert not refused(org)


class TestWhoComesBack:
    def test_is_refused_if_deactivated_meanwhile(self, browser: Browser, org: Organization, ada: User) -> None:  # U4
        there = browser.start(org).headers["Location"]
        User.objects.filter(id=ada.id).update(active=False)
        assert browser.back(org, browser.idp.authorize(there)).status_code == 403
        assert refused(org) == [Reason.DEACTIVATED]

    def test_is_never_the_owner(self, browser: Browser, org: Organization) -> None:  # L4, O8
        OwnerFactory.create(org=org, user_name="ada@acme.example")
        assert browser.sign_in(org).status_code == 403
        assert refused(org) == [Reason.NOBODY]

    def test_is_somebody_new_where_the_org_lets_accounts_be_made(
        self, browser: Browser, org: Organization
    ) -> None:  # L5
        connections.switch_accounts(org=org, on=True, cause=by_admin())
        assert browser.sign_in(org).status_code == 302
        made = User.objects.for_org(org).get()
        assert (made.user_name, browser.user_id) == ("ada@acme.example", str(made.id))

    def test_of_one_orgs_provider_is_nobody_in_another(self, browser: Browser, org: Organization, ada: User) -> None:
        other = OrganizationFactory.create()  # O7
        connected(other, browser.idp)
        assert browser.sign_in(org).status_code == 302
        assert browser.sign_in(other).status_code == 403
        assert refused(other) == [Reason.NOBODY]


class TestBesidePasswords:
    def test_failures_with_one_do_not_lock_single_sign_on(self, browser: Browser, org: Organization, ada: User) -> None:
        for _ in range(25):  # L1
            Client().post("/sign-in/", {"username": "ada@acme.example", "password": "wrong", "by": "password"})
        assert SignInFailures.objects.exists()
        assert browser.sign_in(org).status_code == 302
        assert SignInFailures.objects.exists()

    def test_unlinking_ends_the_sessions_of_the_account_there(
        self, browser: Browser, org: Organization, ada: User
    ) -> None:  # L4, L7
        browser.sign_in(org)
        other = UserFactory.create(org=org, user_name="ben@acme.example")
        browser.idp.claims = {"sub": "2", "preferred_username": "ben@acme.example"}
        Browser(browser.idp).sign_in(org)
        links.unlink(org=org, user_id=ada.id, cause=by_admin())
        assert [session.user for session in Session.objects.all()] == [other]


class TestAnAddress:
    def test_of_a_connection_that_is_not_active_is_none(
        self, browser: Browser, org: Organization, ada: User
    ) -> None:  # L6
        there = browser.start(org).headers["Location"]
        connections.switch_off(org=org, cause=by_admin())
        for name in ("start", "initiate"):
            assert browser.client.get(address(name, org)).status_code == 404
        assert browser.client.post(address("logout", org)).status_code == 404
        assert browser.back(org, browser.idp.authorize(there)).status_code == 403
        assert browser.user_id is None

    def test_of_an_org_that_is_closed_is_none(self, browser: Browser, org: Organization) -> None:
        Organization.objects.update(closed_at=timezone.now())
        for name in ("start", "initiate", "callback"):
            assert browser.client.get(address(name, org)).status_code == 404

    def test_of_the_start_is_asked_for_by_a_link(self, browser: Browser, org: Organization) -> None:
        assert browser.client.post(address("start", org)).status_code == 405

    def test_of_the_start_may_be_asked_for_so_often(
        self, browser: Browser, org: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sign_in.JOURNEYS, "burst", 2)
        assert [browser.start(org).status_code for _ in range(3)] == [302, 302, 429]


class TestATile:
    def test_leads_to_the_start(self, browser: Browser, org: Organization, ada: User) -> None:  # L2
        said = {"iss": browser.idp.issuer, "target_link_uri": "http://testserver/people/"}
        for ask in (browser.client.get, Client(enforce_csrf_checks=True).post):
            answer = ask(address("initiate", org), said)
            assert answer.status_code == 302
        there = browser.client.get(answer.headers["Location"]).headers["Location"]
        back = browser.back(org, browser.idp.authorize(there))
        assert back.headers["Location"] == "http://testserver/people/"

    @pytest.mark.parametrize(
        "said",
        [
            {},
            {"iss": "https://evil.example"},
            {"iss": "{iss}/"},
            {"iss": "{iss}", "target_link_uri": "https://evil.example/"},
            {"iss": "{iss}", "target_link_uri": "//evil.example"},
        ],
    )
    def test_of_another_leads_nowhere(self, browser: Browser, org: Organization, said: dict[str, str]) -> None:  # L2
        said = {name: value.format(iss=browser.idp.issuer) for name, value in said.items()}
        assert browser.client.get(address("initiate", org), said).status_code == 403


class TestAProviderThatHardlyAnswers:
    def test_keeps_so_many_waiting_at_once(
        self, browser: Browser, org: Organization, ada: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(asking.of_each, "waiting", 0)  # nobody more may wait
        brought = browser.idp.authorize(browser.start(org).headers["Location"])
        with ExitStack() as others:
            for _ in range(asking.of_each.running):
                others.enter_context(asking.place(Connection.objects.get()))
            back = browser.back(org, brought)
            assert (back.status_code, back["Retry-After"]) == (503, "1")
            assert browser.client.post(address("logout", org)).status_code == 503
        assert browser.back(org, brought).status_code == 302

    def test_leaves_places_for_other_orgs(self, browser: Browser, org: Organization, ada: User) -> None:  # S9
        another_connection = Connection(org=org)
        with ExitStack() as others:
            for _ in range(asking.of_each.running):
                others.enter_context(asking.place(another_connection))
            assert browser.sign_in(org).status_code == 302

    def test_is_asked_outside_of_any_transaction(
        self, browser: Browser, org: Organization, ada: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        depth, asked = len(connection.savepoint_ids), []
        fetch = issuers.fetching.fetch

        def noting(*args: Any, **more: Any) -> Any:
            asked.append(len(connection.savepoint_ids) - depth)
            return fetch(*args, **more)

        monkeypatch.setattr(issuers.fetching, "fetch", noting)
        assert browser.sign_in(org).status_code == 302
        assert asked == [0, 0, 0]

    def test_is_no_error_at_the_start(self, browser: Browser, org: Organization) -> None:
        Revision.objects.update(issuer="https://idp.example:1")
        assert browser.start(org).status_code == 403
        assert refused(org) == []
