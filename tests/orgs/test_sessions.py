"""Sessions: whose they are, what the database has of them, and how they end."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orgs import people, sessions
from orgs.activity import Activity
from orgs.models import Organization, Session, User
from orgs.web.sessions import SEEN, SSO_CONNECTION, SSO_SESSION, SessionStore
from tests.conftest import signed_in
from tests.factories import OwnerFactory, StaffFactory, UserFactory
from tests.orgs.test_sign_in import PASSWORD, sign_in_as, with_password


@pytest.fixture
def ada(org: Organization) -> User:
    return with_password(OwnerFactory.create(org=org, user_name="ada@corp.example"))


def by_sso(user: User, connection_id: UUID, sid: str = "") -> Client:
    browser = signed_in(user)
    session = browser.session
    session[SSO_CONNECTION] = str(connection_id)
    if sid:
        session[SSO_SESSION] = sid
    session.save()
    return browser


def is_in(browser: Client) -> bool:
    return browser.get("/").status_code == 200


class TestASession:
    def test_says_whose_it_is_since_when_and_where(self, ada: User) -> None:  # L7
        browser = Client(REMOTE_ADDR="203.0.113.9", headers={"User-Agent": "Firefox " + "x" * 300})
        before = timezone.now()
        sign_in_as(browser, "ada@corp.example")
        session = Session.objects.get()
        assert (session.user, session.address) == (ada, "203.0.113.9")
        assert session.agent == ("Firefox " + "x" * 300)[:200]
        assert before <= session.began_at <= session.seen_at <= timezone.now()
        assert (session.connection, session.provider_session) == (None, "")

    def test_says_by_which_connection_it_came(self, ada: User) -> None:  # L7
        by_sso(ada, there := uuid4(), "idp-session-1")
        session = Session.objects.get()
        assert (session.connection, session.provider_session) == (there, "idp-session-1")

    @pytest.mark.parametrize("address", ["", "unix:", "fe80::1%eth0"])
    def test_needs_no_address_that_the_database_understands(self, ada: User, address: str) -> None:
        sign_in_as(Client(REMOTE_ADDR=address), "ada@corp.example")
        assert Session.objects.get().address in (None, "fe80::1")

    def test_cannot_be_taken_over_by_who_reads_the_database(self, ada: User) -> None:
        browser = signed_in(ada)
        key = browser.cookies["sessionid"].value
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_jsonb(each)::text FROM orgs_session AS each")
            assert not any(key in row for (row,) in cursor.fetchall())
        thief = Client()
        thief.cookies["sessionid"] = Session.objects.get().pk
        assert not is_in(thief)
        assert is_in(browser)

    def test_is_noted_as_seen_once_in_some_minutes(self, ada: User) -> None:
        browser = signed_in(ada)
        long_ago = timezone.now() - SEEN - timedelta(seconds=1)
        Session.objects.update(seen_at=long_ago)
        began = Session.objects.get().began_at

        def writes() -> int:
            with CaptureQueriesContext(connection) as queries:
                browser.get("/", REMOTE_ADDR="198.51.100.7", headers={"User-Agent": "Another"})
            return sum("UPDATE" in query["sql"] and "orgs_session" in query["sql"] for query in queries)

        assert [writes(), writes()] == [1, 0]
        session = Session.objects.get()
        assert (session.seen_at > long_ago, session.began_at) == (True, began)
        assert (session.address, session.agent) == ("198.51.100.7", "Another")

    def test_gets_a_new_key_and_stays_one_when_somebody_signs_in(self, ada: User) -> None:
        browser = signed_in(ada)
        before = browser.cookies["sessionid"].value
        session = browser.session
        session.cycle_key()
        session.save()
        assert not SessionStore(before).load()
        assert SessionStore(session.session_key).load()["_auth_user_id"] == str(ada.pk)
        assert Session.objects.count() == 1


class TestEnding:
    @pytest.fixture
    def browsers(self, ada: User) -> list[Client]:
        """Three of Ada's, the last one seen first."""
        return [signed_in(ada) for _ in range(3)]

    def test_one_is_out_on_the_next_request(self, ada: User, browsers: list[Client]) -> None:  # L7
        assert sessions.end(user=ada, key=browsers[1].session.row_key)
        assert [is_in(browser) for browser in browsers] == [True, False, True]
        assert [session.pk for session in sessions.open_sessions(ada)] == [
            browsers[2].session.row_key,
            browsers[0].session.row_key,
        ]

    def test_of_another_persons_does_nothing(self, ada: User, browsers: list[Client]) -> None:
        for other in (UserFactory.create(org=ada.org, roles=["Admin"]), UserFactory.create(), StaffFactory.create()):
            signed_in(other)
            assert not sessions.end(user=other, key=browsers[0].session.row_key)
            assert sessions.end_all(user=other) == 1
        assert all(is_in(browser) for browser in browsers)

    def test_all_but_one_leaves_that_one(self, ada: User, browsers: list[Client]) -> None:  # L7
        assert sessions.end_all(user=ada, but=browsers[1].session.row_key) == 2
        assert [is_in(browser) for browser in browsers] == [False, True, False]

    def test_of_one_that_is_in_use_ends_it_all_the_same(self, ada: User) -> None:
        """A request that began before writes its session at the end: it must not come back."""
        browser = signed_in(ada)
        in_use = browser.session
        in_use["something"] = 1
        sessions.end_all(user=ada)
        with pytest.raises(UpdateError):
            in_use.save()
        assert not Session.objects.exists()

    def test_a_deactivation_leaves_no_row(self, ada: User) -> None:  # U4
        ben = UserFactory.create(org=ada.org, roles=["Admin"])
        browser = signed_in(ben)
        people.switch_by_hand(user=ben, to=Activity(False), at=timezone.now())
        assert not Session.objects.filter(user=ben).exists()
        assert not is_in(browser)
        people.switch_by_hand(user=ben, to=Activity(True), at=timezone.now())
        assert not is_in(browser)

    def test_a_new_password_leaves_only_where_it_was_set(self, ada: User, browsers: list[Client]) -> None:  # L7
        assert people.set_password(user=ada, password=PASSWORD + "!", but=browsers[0].session.row_key)
        assert [session.pk for session in sessions.open_sessions(ada)] == [browsers[0].session.row_key]

    def test_an_expired_one_is_not_listed(self, ada: User, browsers: list[Client]) -> None:
        Session.objects.filter(pk=browsers[0].session.row_key).update(expire_date=timezone.now())
        assert len(sessions.open_sessions(ada)) == 2


class TestTheEndOfAConnection:
    @pytest.fixture
    def there(self) -> UUID:
        return uuid4()

    def test_ends_whoever_signed_in_with_it_and_nobody_else(self, ada: User, there: UUID) -> None:  # L7
        ben = UserFactory.create(org=ada.org, roles=["Admin"])
        password, other = signed_in(ada), by_sso(ada, uuid4(), "1")
        here = [by_sso(ada, there, "1"), by_sso(ben, there, "2")]
        assert sessions.end_of_connection(there) == 2
        assert [is_in(browser) for browser in (password, other, *here)] == [True, True, False, False]

    def test_ends_one_session_of_the_provider(self, ada: User, there: UUID) -> None:  # L7
        browsers = [by_sso(ada, there, "1" * 300), by_sso(ada, there, "2"), by_sso(ada, there)]
        assert sessions.end_of_connection(there, provider_session="1" * 300) == 1
        assert [is_in(browser) for browser in browsers] == [False, True, True]
        assert sessions.end_of_connection(there, provider_session="unknown") == 0

    def test_ends_all_of_one_person(self, ada: User, there: UUID) -> None:  # L7
        ben = UserFactory.create(org=ada.org, roles=["Admin"])
        browsers = [by_sso(ada, there, "1"), by_sso(ada, there), by_sso(ben, there, "3"), signed_in(ada)]
        assert sessions.end_of_connection(there, user=ada) == 2
        assert [is_in(browser) for browser in browsers] == [False, False, True, True]
        assert sessions.end_of_connection(there, provider_session="3", user=ada) == 0
