"""The account of whoever is signed in: what it shows, and what they change there."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from orgs import deletions, people, time_zones
from orgs.history import Cause
from orgs.models import Change, Door, Organization, Session, SignInFailures, User
from orgs.web import browsers
from tests.conftest import Idp, signed_in
from tests.factories import OwnerFactory, StaffFactory, UserFactory
from tests.orgs.test_sign_in import PASSWORD, sign_in_as, with_password
from tests.page_text import text_at_first

NEW = "three unrelated words here"


@pytest.fixture
def ada(org: Organization) -> User:
    return with_password(OwnerFactory.create(org=org, user_name="ada@corp.example", given_name="Ada"))


@pytest.fixture
def browser(ada: User) -> Client:
    return signed_in(ada)


@pytest.fixture
def mo(org: Organization) -> User:
    """No admin, and managed by SCIM."""
    return with_password(UserFactory.create(org=org, user_name="mo@corp.example", given_name="Mo"))


def said(answer: Any) -> str:
    return text_at_first(answer)


def is_in(browser: Client) -> bool:
    return browser.get("/account/").status_code == 200


class TestSomebodyWhoIsNoAdmin:
    def test_comes_to_their_account_and_sees_whom_to_ask(self, client: Client, ada: User, mo: User) -> None:
        hidden = UserFactory.create(org=mo.org, user_name="colleague@corp.example")
        gone = UserFactory.create(org=mo.org, user_name="gone@corp.example", roles=["Admin"], active=False)
        landed = client.get(sign_in_as(client, "mo@corp.example").headers["Location"], follow=True)
        assert landed.redirect_chain == [("/account/", 302)]
        assert "You are not an admin" in said(landed)
        assert "ada@corp.example" in said(landed)
        assert hidden.user_name not in said(landed)
        assert gone.user_name not in said(landed)
        assert 'href="/people/"' not in landed.content.decode()

    def test_gets_the_way_there_on_pages_for_admins(self, mo: User) -> None:
        answer = signed_in(mo).get("/people/")
        assert answer.status_code == 403
        assert 'href="/account/"' in answer.content.decode()

    def test_has_no_account_once_their_org_is_closed(self, ada: User, mo: User) -> None:
        open_before = signed_in(mo)
        deletions.begin(org=mo.org, cause=Cause(Door.COMMAND, timezone.now()))
        for path in ("/", "/account/", "/account/password/"):
            answer = open_before.get(path)
            assert answer.status_code == 403
            assert "/account/" not in answer.content.decode()

    def test_is_not_told_of_another_org_s_admins(self, ada: User) -> None:
        stranger = UserFactory.create()
        assert "Contact support" in said(signed_in(stranger).get("/account/"))


class TestEverybody:
    def test_reaches_it_from_every_page(self, browser: Client) -> None:
        for path in ("/", "/people/", "/settings/scim/", "/account/"):
            page = browser.get(path).content.decode()
            assert page.count('<a class="nav__link" href="/account/"') == 2  # at the side, and in the menu

    def test_of_support_reaches_it_from_the_admin_and_goes_back(self, db: None) -> None:
        support = signed_in(StaffFactory.create())
        assert 'href="/account/"' in support.get("/admin/orgs/organization/").content.decode()
        assert 'href="/admin/"' in support.get("/account/").content.decode()
        assert support.get("/admin/password_change/").headers["Location"] == "/account/password/"


class TestTheName:
    def test_of_the_owner_is_theirs_to_change(self, browser: Client, ada: User) -> None:
        browser.post("/account/name/", {"given": " Ada ", "family": "Lovelace"})
        ada.refresh_from_db()
        assert (ada.label, ada.folded["name"]) == ("Ada Lovelace", {"givenName": "ada", "familyName": "lovelace"})
        assert [change.by_person for change in Change.objects.filter(verb="user.renamed")] == [ada]
        browser.post("/account/name/", {"given": "Ada", "family": "Lovelace"})
        assert Change.objects.filter(verb="user.renamed").count() == 1

    def test_of_support_too(self, db: None) -> None:
        support = StaffFactory.create()
        signed_in(support).post("/account/name/", {"given": "Sam", "family": "Porter"})
        support.refresh_from_db()
        assert support.label == "Sam Porter"

    def test_of_somebody_invited_moves_what_scim_shows(self, org: Organization, idp: Idp) -> None:
        invited = UserFactory.create(org=org, scim_managed=False)
        before = idp.get(f"/Users/{invited.id}").headers["ETag"]
        signed_in(invited).post("/account/name/", {"given": "Ines", "family": ""})
        shown = idp.get(f"/Users/{invited.id}")
        assert (shown.json()["name"]["givenName"], shown.headers["ETag"] != before) == ("Ines", True)
        assert len(idp.get('/Users?filter=name.givenName eq "ines"').json()["Resources"]) == 1

    def test_that_scim_manages_is_shown_with_who_manages_it(self, mo: User) -> None:
        browser = signed_in(mo)
        page = browser.get("/account/")
        assert "Your identity provider manages your name" in said(page)
        assert "/account/name/" not in page.content.decode()
        answer = browser.post("/account/name/", {"given": "Max", "family": ""}, follow=True)
        assert "Your identity provider manages your name." in said(answer)
        mo.refresh_from_db()
        assert mo.given_name == "Mo"


class TestThePassword:
    def change(self, browser: Client, present: str = PASSWORD, new: str = NEW, **more: Any) -> Any:
        form = {"current": present, "new_password1": new, "new_password2": new}
        return browser.post("/account/password/", form, **more)

    def test_asks_for_the_present_one_and_ends_the_other_sessions(self, browser: Client, ada: User) -> None:  # L7
        other = signed_in(ada)
        key = browser.cookies["sessionid"].value
        assert self.change(browser).headers["Location"] == "/account/"
        assert (is_in(browser), is_in(other)) == (True, False)
        assert browser.cookies["sessionid"].value != key
        assert Session.objects.filter(user=ada).count() == 1
        assert sign_in_as(Client(), "ada@corp.example").status_code == 200
        assert sign_in_as(Client(), "ada@corp.example", NEW).status_code == 302

    def test_stays_with_a_wrong_present_one(self, browser: Client, ada: User) -> None:
        other = signed_in(ada)
        assert "This is not your current password" in said(self.change(browser, "wrong"))
        assert is_in(other)
        assert sign_in_as(Client(), "ada@corp.example").status_code == 302

    def test_is_not_guessed_by_somebody_who_finds_a_browser_open(self, browser: Client, ada: User) -> None:  # L1
        answers = [self.change(browser, "wrong").status_code for _ in range(6)]
        assert answers == [200] * 6
        assert self.change(browser).status_code == 429
        assert SignInFailures.objects.filter(subject="ada@corp.example").exists()

    def test_is_their_own_where_the_owner_has_the_same_address(self, ada: User) -> None:  # O8
        beside = UserFactory.create(org=ada.org, user_name="ada@corp.example")
        beside.set_password("the password of the other")
        beside.save()
        assert self.change(signed_in(beside), "the password of the other").status_code == 302
        assert self.change(signed_in(ada)).status_code == 302

    def test_has_to_be_a_good_one(self, browser: Client) -> None:
        assert "too short" in said(self.change(browser, new="short"))

    @pytest.mark.parametrize("password", ["!unusable", "one beside a connection"])
    def test_is_not_there_for_who_signs_in_without(self, mo: User, password: str) -> None:  # L6
        if not password.startswith("!"):
            mo.org.sso_connection = mo.id
            mo.org.save()
        else:
            User.objects.filter(pk=mo.pk).update(password=password)
        browser = signed_in(User.objects.get(pk=mo.pk))
        assert "/account/password/" not in browser.get("/account/").content.decode()
        assert browser.get("/account/password/").status_code == 404
        assert self.change(browser).status_code == 404


class TestSessions:
    @pytest.fixture
    def other(self, ada: User) -> Client:
        other = Client(REMOTE_ADDR="203.0.113.9")
        sign_in_as(other, "ada@corp.example")
        return other

    def test_are_listed_and_this_one_is_marked(self, browser: Client, other: Client) -> None:  # L7
        Session.objects.filter(pk=browser.session.row_key).update(connection=uuid4())
        page = said(browser.get("/account/"))
        assert page.count("This session") == 1
        assert "203.0.113.9" in page
        assert "by single sign-on" in page
        assert "with a password" in page

    def test_of_other_people_are_neither_seen_nor_ended(self, browser: Client, other: Client, mo: User) -> None:
        key = other.session.row_key
        for who in (mo, StaffFactory.create(), UserFactory.create()):
            stranger = signed_in(who)
            assert "203.0.113.9" not in said(stranger.get("/account/"))
            assert stranger.get(f"/account/sessions/{key}/end/").status_code == 404
            assert stranger.post(f"/account/sessions/{key}/end/").headers["Location"] == "/account/"
            assert stranger.post("/account/sessions/end/").status_code == 302
        assert (is_in(other), is_in(browser)) == (True, True)

    def test_end_one_by_one(self, browser: Client, other: Client) -> None:  # L7
        address = f"/account/sessions/{other.session.row_key}/end/"
        assert f'href="{address}"' in browser.get("/account/").content.decode()
        assert "203.0.113.9" in said(browser.get(address))
        assert is_in(other)
        assert "The session has ended" in said(browser.post(address, follow=True))
        assert not is_in(other)
        assert "had already ended" in said(browser.post(address, follow=True))
        assert is_in(browser)

    def test_end_all_but_this_one(self, browser: Client, other: Client, ada: User) -> None:  # L7
        third = signed_in(ada)
        assert "2 other browsers" in said(browser.get("/account/sessions/end/"))
        browser.post("/account/sessions/end/")
        assert [is_in(each) for each in (browser, other, third)] == [True, False, False]

    def test_do_not_end_from_under_the_page_that_asks(self, browser: Client) -> None:
        own = f"/account/sessions/{browser.session.row_key}/end/"
        assert browser.get(own).status_code == 404
        browser.post(own)
        assert is_in(browser)

    @pytest.mark.parametrize(
        ("agent", "words"),
        [
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Windows"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) … Version/18.6 Safari/605.1.15", "Safari on macOS"),
            ("Mozilla/5.0 (Wayland; Linux x86_64) … Chrome/142.0.0.0 Safari/537.36", "Chrome on Linux"),
            ("Mozilla/5.0 (Windows NT 10.0) … Chrome/142.0.0.0 Safari/537.36 Edg/142.0", "Edge on Windows"),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) … CriOS/142.0 Safari/604.1", "Chrome on iPhone"),
            ("Mozilla/5.0 (Linux; Android 16) … Chrome/142.0 Mobile Safari/537.36", "Chrome on Android"),
            ("curl/8.14.1", "curl"),
            ("<script>alert(1)</script>", "<script>alert(1)<"),
            ("", "Unknown browser"),
        ],
    )
    def test_are_named_by_their_browser(self, agent: str, words: str) -> None:
        assert browsers.in_words(agent) == words


class TestTheTimeZone:
    def test_is_chosen_and_shown(self, browser: Client, ada: User) -> None:
        page = browser.get("/account/")
        assert '<option value="Europe/Berlin">' in page.content.decode()
        assert re.search(r"\d\d:\d\d UTC", said(page))
        browser.post("/account/time-zone/", {"time_zone": "asia/kolkata"})
        ada.refresh_from_db()
        assert ada.time_zone == "Asia/Kolkata"
        assert re.search(r"\d\d:\d\d IST", said(browser.get("/account/")))
        browser.post("/account/time-zone/", {"time_zone": ""})
        assert re.search(r"\d\d:\d\d UTC", said(browser.get("/account/")))

    @pytest.mark.parametrize("name", ["Atlantis", "Europe/Atlantis", "../../etc/passwd", "UTC+1", "x" * 100])
    def test_has_to_be_one_that_there_is(self, browser: Client, ada: User, name: str) -> None:
        answer = browser.post("/account/time-zone/", {"time_zone": name})
        assert answer.status_code == 200
        assert 'class="field__error"' in answer.content.decode()
        ada.refresh_from_db()
        assert ada.time_zone == ""
        if len(name) <= 64:
            with pytest.raises(time_zones.UnknownTimeZone):
                people.set_time_zone(user=ada, name=name)

    def test_that_is_gone_from_this_machine_hides_nothing(self, browser: Client, ada: User) -> None:
        User.objects.filter(pk=ada.pk).update(time_zone="Europe/Atlantis")
        assert re.search(r"\d\d:\d\d UTC", said(browser.get("/account/")))

    def test_is_nobody_else_s(self, browser: Client, ada: User, mo: User) -> None:
        people.set_time_zone(user=ada, name="Asia/Kolkata")
        browser.get("/account/")
        assert re.search(r"\d\d:\d\d UTC", said(signed_in(mo).get("/account/")))
        assert timezone.get_current_timezone_name() == "UTC"

    def test_knows_summer_and_winter(self, browser: Client, ada: User) -> None:
        people.set_time_zone(user=ada, name="Europe/Berlin")
        shown = []
        for began in ("2026-03-29T00:59:00Z", "2026-03-29T01:01:00Z", "2026-10-25T00:59:00Z", "2026-10-25T01:01:00Z"):
            Session.objects.update(began_at=began)
            shown += re.findall(r"\d\d:\d\d CES?T", said(browser.get("/account/")))
        assert shown == ["01:59 CET", "03:01 CEST", "02:59 CEST", "02:01 CET"]

    def test_ends_with_the_account(self, ada: User, mo: User) -> None:  # U5, U13
        for user in (ada, mo):
            people.set_time_zone(user=user, name="Europe/Berlin")
        people.hand_over_owner(org=ada.org, address="new@corp.example", at=timezone.now())
        people.delete(user=mo, at=timezone.now())
        people.erase(user=mo, at=timezone.now())
        assert {user.time_zone for user in User.objects.filter(pk__in=[ada.pk, mo.pk])} == {""}
