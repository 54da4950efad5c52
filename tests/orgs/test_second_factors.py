"""Second factors: signing in with one, adding and removing them, and what must not get past them."""

import html
import re
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core import mail
from django.core.management import CommandError, call_command
from django.db.models import F
from django.test import Client
from django.utils import timezone

from orgs import people, second_factors, sign_in, sign_in_failures, totp
from orgs.db.sealed import seal, unseal
from orgs.history import Cause
from orgs.models import (
    Change,
    Door,
    FactorKind,
    Organization,
    RecoveryCode,
    SecondFactor,
    SignInFailures,
    User,
)
from orgs.tasks import send_mails
from orgs.web.access import RECENT, SIGNED_IN_AT
from orgs.web.signing_in import HALF, HALF_SIGNED
from tests.authenticators import USED, App, Device
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory, UserFactory

PASSWORD = "correct horse battery staple"
CODE = r"(?<![\w-])(?:[a-z2-7]{4}-){3}[a-z2-7]{4}(?![\w-])"  # and no part of an id
GIVE, OWN = "/second-factor/", "/account/second-factor/"
APP, PASSKEY, CODES = f"{OWN}app/", f"{OWN}passkey/", f"{OWN}codes/"


def with_password(user: User) -> User:
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    return user


def by(user: User, at: datetime | None = None) -> Cause:
    return Cause(Door.PAGE, at or timezone.now(), person=user)


@pytest.fixture
def ada(org: Organization) -> User:
    """The owner."""
    return with_password(OwnerFactory.create(org=org, user_name="Ada@corp.example"))


@pytest.fixture
def bo(db: None) -> User:
    """Of the support staff, without a factor yet."""
    return with_password(StaffFactory.create(user_name="bo@muster.example"))


def enter_password(client: Client, user: User, **more: str) -> Any:
    return client.post("/sign-in/", {"username": user.user_name, "password": PASSWORD, **more})


def question(page: Any) -> str:
    """What the page asks the browser's passkeys."""
    return html.unescape(re.search(r'data-options="([^"]*)"', page.content.decode())[1])  # type: ignore[index]


def device() -> Device:
    return Device(settings.MUSTER_URL)


def add_passkey(client: Client, known: Device, name: str = "Laptop") -> Any:
    return client.post(PASSKEY, {"name": name, "passkey": known.create(question(client.get(PASSKEY)))})


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


class TestTheCodesOfAnApp:
    @pytest.mark.parametrize(
        ("at", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
    )
    def test_are_those_of_the_rfc(self, at: int, code: str) -> None:
        """RFC 6238, appendix B, with six digits."""
        assert totp.code("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", at // 30) == code

    @pytest.mark.parametrize(("apart", "counts"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
    def test_count_for_a_minute_and_a_half(self, apart: int, counts: bool) -> None:
        key, now = totp.new_key(), timezone.now()
        step = totp.step_at(now) + apart
        assert totp.step_of(totp.code(key, step), key, at=now) == (step if counts else None)

    @pytest.mark.parametrize("typed", ["", "1", "１２３４５６", "\ud800", "1" * 40])
    def test_may_be_typed_as_anything(self, typed: str) -> None:
        assert totp.step_of(typed, totp.new_key(), at=timezone.now()) is None


class TestSigningIn:
    def test_of_somebody_without_a_factor_is_as_before(self, client: Client, org: Organization) -> None:  # L6
        ben = with_password(UserFactory.create(org=org, roles=["Admin"]))
        assert enter_password(client, ben)["Location"] == "/"

    def test_asks_for_a_code_and_then_goes_on(self, client: Client, ada: User) -> None:  # L6
        app = App(ada)
        asked = enter_password(client, ada, next="/settings/scim/")
        assert asked["Location"] == f"{GIVE}?next=%2Fsettings%2Fscim%2F"
        assert not is_in(client)
        page = client.get(asked["Location"]).content.decode()
        assert '<input type="hidden" name="next" value="/settings/scim/">' in page
        shown = app.shows()
        answer = client.post(GIVE, {"code": f" {shown[:3]} {shown[3:]} ", "next": "/settings/scim/"})
        assert answer["Location"] == "/settings/scim/"
        assert client.get("/settings/scim/").status_code == 200

    def test_goes_nowhere_else(self, client: Client, ada: User) -> None:
        app = App(ada)
        enter_password(client, ada)
        assert client.post(GIVE, {"code": app.shows(), "next": "//evil.example"})["Location"] == "/"

    def test_with_a_code_twice_is_refused(self, ada: User) -> None:  # L6
        code = App(ada).shows()
        for accepted in (True, False):
            client = Client()
            enter_password(client, ada)
            client.post(GIVE, {"code": code})
            assert is_in(client) == accepted

    def test_with_the_code_that_added_the_app_is_refused(self, client: Client, ada: User) -> None:  # L6
        app, now = second_factors.NewApp.make(), timezone.now()
        code = totp.code(app.key, totp.step_at(now))
        second_factors.add_app(user=ada, app=app, code=code, name="Phone", cause=by(ada, now))
        assert not second_factors.accepts_code(ada, code, at=now)

    def test_with_an_earlier_code_than_the_last_is_refused(self, ada: User) -> None:
        app, now = App(ada), timezone.now()
        assert second_factors.accepts_code(ada, app.shows(at=now), at=now)
        assert not second_factors.accepts_code(ada, app.shows(at=now, steps=-1), at=now)
        assert second_factors.accepts_code(ada, app.shows(at=now, steps=1), at=now)

    def test_with_the_code_of_another_account_is_refused(self, client: Client, ada: User) -> None:  # L6
        App(ada)
        other = App(OwnerFactory.create())
        enter_password(client, ada)
        assert "not accepted" in client.post(GIVE, {"code": other.shows()}).content.decode()
        client.post(GIVE, {"code": other.recovery[0]})
        assert not is_in(client)

    def test_changes_the_key_of_the_session_at_each_step(self, client: Client, ada: User) -> None:
        app = App(ada)
        client.get(f"/sign-in/{ada.org.slug}/")  # type: ignore[union-attr]
        enter_password(client, ada)
        half = client.session.session_key
        client.post(GIVE, {"code": app.shows()})
        assert client.session.session_key != half
        assert HALF_SIGNED not in client.session

    def test_ends_the_session_of_another_account_in_this_browser(self, org: Organization, ada: User) -> None:
        App(ada)
        client = signed_in(UserFactory.create(roles=["Admin"]))
        client.post(f"/sign-in/{org.slug}/", {"username": ada.user_name, "password": PASSWORD})
        assert not is_in(client)
        assert client.get("/").status_code == 302

    def test_without_a_password_first_leads_to_the_password(self, client: Client, ada: User) -> None:
        assert client.get(f"{GIVE}?next=/people/")["Location"] == "/sign-in/?next=%2Fpeople%2F"
        assert signed_in(ada).get(GIVE)["Location"] == "/"

    def test_again_asks_for_both(self, client: Client, ada: User) -> None:  # L6
        app = App(ada)
        client = signed_in(ada)
        asked = client.post("/sign-out/", {"next": "/settings/scim/tokens/new/"})
        client.post(asked["Location"], {"username": ada.user_name, "password": PASSWORD})
        assert not is_in(client)
        done = client.post(f"{GIVE}?next=/settings/scim/tokens/new/", {"code": app.shows()})
        assert done["Location"] == "/settings/scim/tokens/new/"


class TestAHalfSignedSession:
    """What it reaches is in tests/architecture/test_access_matrix.py."""

    def half(self, ada: User) -> tuple[Client, App]:
        app, client = App(ada), Client()
        enter_password(client, ada)
        return client, app

    def test_ends_after_ten_minutes(self, ada: User) -> None:  # L6
        client, app = self.half(ada)
        session = client.session
        session[HALF_SIGNED] = [*session[HALF_SIGNED][:2], (timezone.now() - HALF).timestamp() - 1]
        session.save()
        assert client.post(GIVE, {"code": app.shows()})["Location"] == "/sign-in/"
        assert not is_in(client)

    @pytest.mark.parametrize("ends", ["password", "sessions", "deactivated", "org"])
    def test_ends_with_the_account(self, org: Organization, ada: User, ends: str) -> None:  # U4
        client, app = self.half(ada)
        if ends == "password":
            sign_in.set_password(user=ada, password="another good long one")
        elif ends == "sessions":
            people.sign_out(user_id=ada.pk, cause=by(ada))
        elif ends == "deactivated":
            User.objects.filter(pk=ada.pk).update(active=False)
        else:
            Organization.objects.filter(pk=org.pk).update(closed_at=timezone.now())
        assert client.post(GIVE, {"code": app.shows()})["Location"] == "/sign-in/"
        assert not is_in(client)

    def test_cannot_add_a_factor_to_an_account_that_has_one(self, ada: User) -> None:  # L6
        client, _app = self.half(ada)
        assert client.get(OWN)["Location"] == GIVE
        for page in (APP, PASSKEY, CODES, f"{OWN}{uuid4()}/remove/"):
            assert client.get(page)["Location"] == GIVE
            assert client.post(page, {"name": "x", "code": "1", "passkey": "{}"})["Location"] == GIVE
        assert SecondFactor.objects.count() == 1

    def test_loses_the_race_for_the_first_factor(self, bo: User) -> None:
        """Somebody who has only the password adds a factor at the moment when its owner does."""
        as_it_was = User.objects.get(pk=bo.pk)
        App(bo)
        app = second_factors.NewApp.make()
        code = totp.code(app.key, totp.step_at(timezone.now()))
        with pytest.raises(second_factors.SessionEnded):
            second_factors.add_app(user=as_it_was, app=app, code=code, name="x", cause=by(as_it_was))
        assert SecondFactor.objects.count() == 1


class TestGuessingCodes:
    def guess(self, client: Client, times: int) -> Any:
        for _ in range(times):
            answer = client.post(GIVE, {"code": "abcdef"})
        return answer

    def pass_time(self, span: timedelta) -> None:
        SignInFailures.objects.update(last_at=F("last_at") - span, waits_until=F("waits_until") - span)

    def test_has_to_wait_from_wherever_it_comes(self, ada: User) -> None:  # L1, L6
        app = App(ada)
        for number in range(6):
            client = Client(REMOTE_ADDR=f"203.0.113.{number}")
            enter_password(client, ada)
            assert self.guess(client, 1).status_code == 200
        answer = client.post(GIVE, {"code": app.shows()})
        assert answer.status_code == 429
        assert 50 < int(answer["Retry-After"]) <= 60
        assert not is_in(client)

    def test_waits_longer_each_time_but_never_for_good(self, client: Client, ada: User) -> None:  # L1
        app = App(ada)
        enter_password(client, ada)
        self.guess(client, 6)
        waits = []
        for _ in range(5):
            self.pass_time(timedelta(minutes=15))
            self.guess(client, 1)
            waits.append(round(int(client.post(GIVE, {"code": "x"})["Retry-After"]) / 60))
        assert waits == [2, 4, 8, 15, 15]
        self.pass_time(timedelta(minutes=15))
        client.post(GIVE, {"code": app.shows()})
        assert is_in(client)

    def test_is_not_forgiven_for_the_password(self, client: Client, ada: User) -> None:
        App(ada)
        for _ in range(6):
            enter_password(client, ada)
            self.guess(client, 1)
        assert client.post(GIVE, {"code": "x"}).status_code == 429

    def test_keeps_no_passkey_and_no_recovery_code_waiting(self, client: Client, ada: User) -> None:
        app, known = App(ada), device()
        add_passkey(signed_in(ada), known)
        enter_password(client, ada)
        self.guess(client, 7)
        assert client.post(GIVE, {"code": app.recovery[0]}).status_code == 302
        enter_password(other := Client(), ada)
        assert other.post(GIVE, {"passkey": known.get(question(other.get(GIVE)))}).status_code == 302

    def test_is_forgotten_with_a_person_who_is_erased(self, client: Client, ada: User) -> None:  # U5
        App(ada)
        enter_password(client, ada)
        self.guess(client, 1)
        assert sign_in_failures.forget_person(str(ada.pk), []) == 1

    def test_is_forgotten_with_the_right_code(self, client: Client, ada: User) -> None:
        app = App(ada)
        enter_password(client, ada)
        self.guess(client, 4)
        client.post(GIVE, {"code": app.shows()})
        assert not SignInFailures.objects.filter(subject__startswith=f"{ada.pk} ").exists()


class TestRecoveryCodes:
    def test_are_ten_that_sign_in_once_each(self, ada: User) -> None:  # L6
        app = App(ada)
        assert len(set(app.recovery)) == 10
        for accepted in (True, False):
            enter_password(client := Client(), ada)
            client.post(GIVE, {"code": app.recovery[3].upper().replace("-", " ")})
            assert is_in(client) == accepted
        assert second_factors.recovery_codes_left(ada) == 9

    def test_are_not_in_the_database(self, ada: User) -> None:  # L9
        app = App(ada)
        stored = b"".join(bytes(digest) for digest in RecoveryCode.objects.values_list("digest", flat=True))
        assert len(stored) == 320
        assert not any(code.replace("-", "").encode() in stored for code in app.recovery)

    def test_are_replaced_all_at_once(self, ada: User) -> None:
        app = App(ada)
        client = signed_in(ada)
        assert "10 codes left" in client.get(CODES).content.decode()
        page = client.post(CODES).content.decode()
        fresh = re.findall(CODE, page)
        assert len(fresh) == 10
        assert not second_factors.accepts_code(ada, app.recovery[0], at=timezone.now())
        assert second_factors.accepts_code(ada, fresh[0], at=timezone.now())

    def test_need_a_factor(self, ada: User) -> None:
        assert signed_in(ada).post(CODES)["Location"] == OWN
        assert not RecoveryCode.objects.exists()


class TestPasskeys:
    def test_are_added_and_sign_in(self, client: Client, ada: User) -> None:  # L6
        known = device()
        page = add_passkey(signed_in(ada), known)
        assert "Keep your recovery codes" in page.content.decode()
        enter_password(client, ada)
        answer = client.post(GIVE, {"passkey": known.get(question(client.get(GIVE)))})
        assert answer["Location"] == "/"
        assert is_in(client)
        assert SecondFactor.objects.get().used_at

    @pytest.fixture
    def known(self, ada: User) -> Device:
        add_passkey(signed_in(ada), known := device())
        ada.refresh_from_db()
        return known

    def refused(self, client: Client, answer: str) -> bool:
        page = client.post(GIVE, {"passkey": answer})
        return not is_in(client) and "was not accepted" in page.content.decode()

    def test_answer_a_question_once(self, client: Client, ada: User, known: Device) -> None:
        enter_password(client, ada)
        answer = known.get(question(client.get(GIVE)))
        assert client.post(GIVE, {"passkey": answer}).status_code == 302
        enter_password(again := Client(), ada)
        again.get(GIVE)
        assert self.refused(again, answer)
        assert self.refused(again, answer)  # not even a question is open

    def test_of_another_page_are_refused(self, client: Client, ada: User, known: Device) -> None:
        enter_password(client, ada)
        known.origin = "http://localhost.evil.example:8000"
        assert self.refused(client, known.get(question(client.get(GIVE))))

    def test_that_count_backwards_are_refused(self, client: Client, ada: User, known: Device) -> None:
        SecondFactor.objects.update(sign_count=7)
        enter_password(client, ada)
        known.count = 4
        assert self.refused(client, known.get(question(client.get(GIVE))))
        known.count = 7
        client.post(GIVE, {"passkey": known.get(question(client.get(GIVE)))})
        assert is_in(client)
        assert SecondFactor.objects.get().sign_count == 8

    def test_without_finger_or_pin_are_refused(self, client: Client, ada: User, known: Device) -> None:
        enter_password(client, ada)
        known.flags = USED
        assert self.refused(client, known.get(question(client.get(GIVE))))
        stolen = device()
        stolen.flags = USED
        assert "was not added" in add_passkey(signed_in(ada), stolen).content.decode()

    def test_of_another_account_are_refused(self, client: Client, ada: User, known: Device) -> None:
        cleo = OwnerFactory.create()
        add_passkey(signed_in(cleo), hers := device())
        enter_password(client, ada)
        assert self.refused(client, hers.get(question(client.get(GIVE))))

    def test_belong_to_one_account(self, ada: User, known: Device) -> None:
        page = add_passkey(signed_in(OwnerFactory.create()), known)
        assert "was added before" in page.content.decode()
        assert SecondFactor.objects.count() == 1

    @pytest.mark.parametrize("junk", ["", "x", "null", "[]", "{}", '{"rawId": 1}', "{" * 9000])
    def test_may_answer_anything(self, client: Client, ada: User, known: Device, junk: str) -> None:
        enter_password(client, ada)
        client.get(GIVE)
        assert self.refused(client, junk)
        browser = signed_in(ada)
        browser.get(PASSKEY)
        assert browser.post(PASSKEY, {"name": "x", "passkey": junk}).status_code == 200

    def test_that_are_broken_in_any_place_are_no_error(self, client: Client, ada: User, known: Device) -> None:
        browser = signed_in(ada)
        enter_password(client, ada)
        for place in range(40, 900, 53):
            made = device().create(question(browser.get(PASSKEY)))
            broken = made[:place] + ("A" if made[place : place + 1] != "A" else "B") + made[place + 1 :]
            assert browser.post(PASSKEY, {"name": "x", "passkey": broken}).status_code in (200, 302)
            used = known.get(question(client.get(GIVE)))
            assert client.post(GIVE, {"passkey": used[:place] + "A" + used[place + 1 :]}).status_code in (200, 302)
            enter_password(client, ada)

    @pytest.mark.parametrize(
        ("url", "possible"),
        [
            ("https://muster.example.org", True),
            ("http://localhost:8000", True),
            ("http://muster.example.org", False),
            ("https://192.0.2.1", False),
            ("http://127.0.0.1:8000", False),
        ],
    )
    def test_are_offered_where_browsers_make_them(self, settings: Any, ada: User, url: str, possible: bool) -> None:
        browser = signed_in(ada)
        settings.MUSTER_URL = url
        assert ("Add a passkey" in browser.get(OWN).content.decode()) == possible


class TestAddingAnApp:
    def key_on(self, page: Any) -> str:
        return re.search(r'id="key" value="([A-Z2-7 ]+)"', page.content.decode())[1].replace(" ", "")  # type: ignore[index]

    def add(self, client: Client, name: str = "Phone") -> Any:
        key = self.key_on(client.get(APP))
        return client.post(APP, {"code": totp.code(key, totp.step_at(timezone.now())), "name": name})

    def test_shows_the_key_as_picture_and_text_and_the_codes_once(self, ada: User) -> None:  # L6
        client = signed_in(ada)
        page = client.get(APP).content.decode()
        assert 'src="data:image/svg+xml' in page
        answer = self.add(client)
        assert len(re.findall(CODE, answer.content.decode())) == 10
        assert "no-store" in answer["Cache-Control"]
        assert not re.findall(CODE, client.get(OWN).content.decode())
        assert client.get("/").status_code == 200

    def test_keeps_the_key_while_the_page_is_loaded_again(self, ada: User) -> None:
        client = signed_in(ada)
        assert self.key_on(client.get(APP)) == self.key_on(client.get(APP))
        wrong = client.post(APP, {"code": "000000x", "name": "Phone"})
        assert "not the app" in wrong.content.decode()
        assert self.key_on(wrong) == self.key_on(client.get(APP))
        self.add(client)
        assert self.key_on(client.get(APP)) != unseal(
            SecondFactor.objects.get().key, owner=SecondFactor.objects.get().id
        )

    def test_seals_the_key_in_the_session_and_in_the_row(self, ada: User) -> None:  # L9
        client = signed_in(ada)
        key = self.key_on(client.get(APP))
        assert key not in str(dict(client.session.items()))
        self.add(client)
        assert key not in str(SecondFactor.objects.values().get())

    def test_ends_every_other_session_with_the_first_factor(self, ada: User) -> None:
        other, client = signed_in(ada), signed_in(ada)
        self.add(client)
        assert other.get("/").status_code == 302
        assert client.get("/").status_code == 200
        another = signed_in(User.objects.get(pk=ada.pk))
        self.add(client, "Tablet")
        assert another.get("/").status_code == 200

    def test_brings_no_new_codes_with_the_second_one(self, ada: User) -> None:
        App(ada)
        answer = self.add(signed_in(ada), "Tablet")
        assert answer["Location"] == OWN
        assert second_factors.recovery_codes_left(ada) == 10

    def test_has_an_end(self, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
        App(ada)
        monkeypatch.setattr(second_factors, "MOST", 1)
        assert "no more are possible" in self.add(signed_in(ada)).content.decode()
        assert "no more are possible" in add_passkey(signed_in(ada), device()).content.decode()


class TestSupportStaff:
    def test_have_to_add_one_before_anything_else(self, client: Client, bo: User) -> None:  # L6
        asked = enter_password(client, bo, next="/admin/orgs/user/")
        start = client.get(asked["Location"])
        assert start["Location"] == f"{OWN}?next=%2Fadmin%2Forgs%2Fuser%2F"
        page = client.get(start["Location"]).content.decode()
        assert "Not now" not in page
        assert not is_in(client)
        assert "/sign-in/" in client.get("/admin/orgs/user/", follow=True).redirect_chain[-1][0]
        there = f"{PASSKEY}?next=/admin/orgs/user/"
        done = client.post(there, {"name": "Laptop", "passkey": device().create(question(client.get(there)))})
        assert 'href="/admin/orgs/user/"' in done.content.decode()
        assert client.get("/admin/orgs/user/").status_code == 200

    def test_are_asked_for_it_from_then_on(self, client: Client, bo: User) -> None:  # L6
        app = App(bo)
        assert enter_password(client, bo)["Location"] == GIVE
        assert client.post(GIVE, {"code": app.shows()})["Location"] == "/admin/"

    def test_made_on_the_command_line_add_one_first(self, client: Client, db: None) -> None:
        User.objects.create_superuser("new@muster.example", PASSWORD)
        assert enter_password(client, User.objects.get())["Location"] == GIVE
        assert client.get(GIVE)["Location"] == f"{OWN}?next=%2Fadmin%2F"

    def test_cannot_remove_the_last_one(self, bo: User) -> None:  # L6
        app = App(bo)
        desk = signed_in(bo)
        assert "Remove" not in desk.get(OWN).content.decode()
        desk.post(f"{OWN}{app.row.id}/remove/")
        assert SecondFactor.objects.count() == 1
        add_passkey(desk, device())
        desk.post(f"{OWN}{app.row.id}/remove/")
        assert SecondFactor.objects.get().kind == FactorKind.PASSKEY

    def test_find_the_page_on_their_account(self, bo: User) -> None:
        assert f'href="{OWN}"' in signed_in(bo).get("/account/").content.decode()


class TestTheOwner:
    def test_is_asked_to_add_one_and_may_put_it_off(self, client: Client, ada: User) -> None:  # L6
        asked = enter_password(client, ada, next="/people/")
        assert asked["Location"] == f"{OWN}?next=%2Fpeople%2F"
        assert is_in(client)
        page = client.get(asked["Location"]).content.decode()
        assert re.search(r'href="/people/">Not now', page)
        assert client.get("/people/").status_code == 200

    def test_is_not_asked_again_on_the_way_back_to_a_page(self, client: Client, ada: User) -> None:
        client = signed_in(ada)
        asked = client.post("/sign-out/", {"next": "/people/"})
        done = client.post(asked["Location"], {"username": ada.user_name, "password": PASSWORD, "next": "/people/"})
        assert done["Location"] == "/people/"
        client.post("/sign-out/")
        assert enter_password(client, ada)["Location"].startswith(OWN)

    def test_goes_on_to_where_they_wanted_after_adding_one(self, client: Client, ada: User) -> None:
        enter_password(client, ada, next="/people/")
        there = f"{PASSKEY}?next=/people/"
        done = client.post(there, {"name": "Laptop", "passkey": device().create(question(client.get(there)))})
        assert 'href="/people/"' in done.content.decode()

    def test_leaves_none_behind_when_the_account_is_handed_over(self, org: Organization, ada: User) -> None:  # U13
        App(ada)
        people.hand_over_owner(org=org, address="cleo@corp.example", at=timezone.now())
        assert not SecondFactor.objects.exists()
        assert not RecoveryCode.objects.exists()


class TestRemoving:
    def test_leaves_the_others_and_the_codes(self, ada: User) -> None:
        app = App(ada)
        client = signed_in(ada)
        add_passkey(client, device())
        client.post(f"{OWN}{app.row.id}/remove/")
        assert SecondFactor.objects.get().kind == FactorKind.PASSKEY
        assert second_factors.recovery_codes_left(ada) == 10

    def test_takes_the_codes_with_the_last_one(self, ada: User) -> None:
        app = App(ada)
        client = signed_in(ada)
        assert "the password alone" in client.get(f"{OWN}{app.row.id}/remove/").content.decode()
        client.post(f"{OWN}{app.row.id}/remove/")
        assert not RecoveryCode.objects.exists()
        assert enter_password(Client(), ada).status_code == 302

    def test_reaches_nobody_else_s(self, ada: User) -> None:  # O7
        app, client = App(OwnerFactory.create()), signed_in(ada)
        assert client.get(f"{OWN}{app.row.id}/remove/")["Location"] == OWN
        assert client.post(f"{OWN}{app.row.id}/remove/")["Location"] == OWN
        assert SecondFactor.objects.count() == 1

    def test_and_adding_need_a_recent_sign_in(self, ada: User) -> None:  # L6
        app, client = App(ada), signed_in(ada)
        session = client.session
        session[SIGNED_IN_AT] = (timezone.now() - RECENT).timestamp() - 1
        session.save()
        assert client.get(OWN).status_code == 200
        for page in (APP, PASSKEY, CODES, f"{OWN}{app.row.id}/remove/"):
            for answer in (client.get(page), client.post(page)):
                assert "Sign in again" in answer.content.decode()
                assert f'name="next" value="{page}"' in answer.content.decode()
        assert SecondFactor.objects.count() == 1


class TestAKeyThatCannotBeRead:  # L9
    @pytest.fixture(autouse=True)
    def _another_key(self, ada: User) -> None:
        self.app = App(ada)
        SecondFactor.objects.update(key=seal(self.app.key, owner=uuid4()))  # as with another SECRET_KEY

    def test_is_said_where_the_code_is_asked_for(self, client: Client, ada: User) -> None:
        enter_password(client, ada)
        assert "its key cannot be read" in client.get(GIVE).content.decode()
        assert client.post(GIVE, {"code": self.app.shows()}).status_code == 200
        client.post(GIVE, {"code": self.app.recovery[0]})
        assert is_in(client)

    def test_is_said_in_the_list_and_can_be_removed(self, ada: User) -> None:
        client = signed_in(ada)
        assert "Its key cannot be read any more" in client.get(OWN).content.decode()
        client.post(f"{OWN}{self.app.row.id}/remove/")
        assert not SecondFactor.objects.exists()

    def test_of_an_app_that_is_being_added_is_made_again(self, ada: User) -> None:
        client = signed_in(ada)
        client.get(APP)
        session = client.session
        session["new_app"] = [session["new_app"][0], seal("x", owner=uuid4())]
        session.save()
        assert client.get(APP).status_code == 200


class TestTheLastResort:
    def remove(self, *args: str) -> str:
        call_command("remove_second_factor", *args, stdout=(out := StringIO()))
        return out.getvalue()

    def test_removes_everything_and_ends_the_sessions(self, ada: User) -> None:
        App(ada)
        client = signed_in(ada)
        add_passkey(client, device())
        assert "2 removed" in self.remove("ADA@corp.example")
        assert not SecondFactor.objects.exists()
        assert not RecoveryCode.objects.exists()
        assert client.get("/").status_code == 302
        assert Change.objects.filter(verb="user.factors_reset", door=Door.COMMAND).count() == 1

    def test_asks_which_account_if_there_are_several(self, ada: User) -> None:
        App(ada)
        App(other := OwnerFactory.create(org=OrganizationFactory.create(slug="globex"), user_name=ada.user_name))
        App(StaffFactory.create(user_name=ada.user_name))
        with pytest.raises(CommandError, match="globex, support"):
            self.remove(ada.user_name)
        self.remove(ada.user_name, "--org", "globex")
        assert not SecondFactor.objects.filter(user=other).exists()
        self.remove(ada.user_name, "--support")
        assert SecondFactor.objects.get().user == ada

    def test_says_what_it_does_not_find(self, ada: User) -> None:
        for args in (["ada@corp.example"], ["nobody@corp.example"], ["x", "--org", "nowhere"]):
            with pytest.raises(CommandError):
                self.remove(*args)


class TestWhatTheAccountIsTold:
    def test_is_each_change_by_mail_once(self, ada: User) -> None:  # L6
        app = App(ada)
        second_factors.new_recovery_codes(user=ada, cause=by(ada))
        second_factors.remove(user=ada, factor_id=app.row.id, cause=by(ada))
        send_mails()
        send_mails()
        assert [message.to for message in mail.outbox] == [["Ada@corp.example"]] * 3
        said = [message.body.split("\n")[0] for message in mail.outbox]
        assert "app was added" in said[0]
        assert "New recovery codes" in said[1]
        assert "app was removed" in said[2]
        assert all(ada.org.name in message.body for message in mail.outbox)  # type: ignore[union-attr]

    def test_is_a_recovery_code_that_was_used_and_a_reset(self, ada: User) -> None:
        app = App(ada)
        second_factors.accepts_code(ada, app.recovery[0], at=timezone.now())
        second_factors.reset(user=ada, cause=Cause(Door.COMMAND, timezone.now()))
        send_mails()
        assert "recovery code was used" in mail.outbox[1].body
        assert "Whoever runs this portal" in mail.outbox[2].body

    def test_is_nothing_once_nobody_has_the_account(self, ada: User) -> None:
        App(ada)
        User.objects.filter(pk=ada.pk).update(active=False)
        send_mails()
        assert mail.outbox == []

    def test_and_history_has_it(self, ada: User) -> None:
        App(ada)
        assert Change.objects.get(verb="user.factor_added").detail == {"user": str(ada.pk), "kind": "totp"}
