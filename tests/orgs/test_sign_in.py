"""Signing in and out, passwords, and when sessions end."""

import re
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import get_hasher, make_password
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, get_resolver, reverse
from django.utils import timezone
from django.utils.http import urlsafe_base64_decode

from orgs import people, sign_in
from orgs.models import Mail, Organization, Session, SignInFailures, User
from orgs.tasks import forget_expired_sessions, forget_sign_in_failures, send_mails
from orgs.web.signing_in import half_signed
from tests.authenticators import App
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory, UserFactory

PASSWORD = "correct horse battery staple"


def with_password(user: User) -> User:
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    return user


@pytest.fixture
def ada(org: Organization) -> User:
    return with_password(OwnerFactory.create(org=org, user_name="Ada@corp.example"))


def sign_in_as(client: Client, address: str, password: str = PASSWORD, to: str = "/sign-in/", **more: str) -> Any:
    return client.post(to, {"username": address, "password": password, **more})


def last_mail() -> Any:
    send_mails()
    return mail.outbox[-1] if mail.outbox else None


class TestSigningIn:
    """What becomes of owners and support is in test_second_factors.py."""

    @pytest.fixture
    def ada(self, org: Organization) -> User:
        return with_password(UserFactory.create(org=org, user_name="Ada@corp.example", roles=["Admin"]))

    def test_takes_an_org_admin_to_the_overview(self, client: Client, ada: User) -> None:
        assert sign_in_as(client, "ada@corp.example").headers["Location"] == "/"
        assert client.get("/").status_code == 200

    def test_takes_staff_to_the_admin(self, client: Client, db: None) -> None:  # L6
        app = App(with_password(StaffFactory.create(user_name="support@muster.example")))
        sign_in_as(client, "support@muster.example")
        assert client.post("/second-factor/", {"code": app.shows()}).headers["Location"] == "/admin/"

    def test_takes_the_address_in_any_letter_case(self, client: Client, ada: User) -> None:
        assert sign_in_as(client, "ADA@Corp.Example").status_code == 302

    def test_goes_on_to_the_page_that_was_asked_for(self, client: Client, ada: User) -> None:
        assert client.get("/settings/scim/").headers["Location"] == "/sign-in/?next=/settings/scim/"
        page = client.get("/sign-in/?next=/settings/scim/").content.decode()
        assert '<input type="hidden" name="next" value="/settings/scim/">' in page
        assert sign_in_as(client, "ada@corp.example", next="/settings/scim/").headers["Location"] == "/settings/scim/"

    @pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
    def test_goes_nowhere_else(self, client: Client, ada: User, elsewhere: str) -> None:
        assert "evil" not in client.get("/sign-in/", {"next": elsewhere}).content.decode()
        assert sign_in_as(client, "ada@corp.example", next=elsewhere).headers["Location"] == "/"

    def test_says_the_same_about_a_wrong_password_and_an_unknown_or_inactive_account(
        self, client: Client, ada: User, org: Organization
    ) -> None:
        with_password(UserFactory.create(org=org, user_name="gone@corp.example", active=False))
        attempts = [("ada@corp.example", "wrong"), ("nobody@corp.example", PASSWORD), ("gone@corp.example", PASSWORD)]
        for address, password in attempts:
            answer = sign_in_as(client, address, password)
            assert answer.status_code == 200
            assert "do not match an active account" in answer.content.decode()

    def test_knows_nobody_by_an_address_in_their_emails(self, client: Client, ada: User) -> None:  # U11
        User.objects.filter(id=ada.id).update(
            attributes={"emails": [{"value": "alias@corp.example"}]}, email_keys=["alias@corp.example"]
        )
        assert sign_in_as(client, "alias@corp.example").status_code == 200

    def test_ends_with_a_post(self, client: Client, ada: User) -> None:
        client.force_login(ada)
        assert client.get("/sign-out/").status_code == 405
        assert client.post("/sign-out/").headers["Location"] == "/sign-in/"
        assert client.get("/").status_code == 302

    def test_asks_for_the_address_first_and_then_for_the_password(self, client: Client, ada: User) -> None:  # L1
        first = client.get("/sign-in/?next=/settings/scim/").content.decode()
        assert 'name="password"' not in first
        second = client.post("/sign-in/", {"username": "ada@corp.example", "next": "/settings/scim/"}).content.decode()
        assert 'value="ada@corp.example"' in second
        assert '<input type="hidden" name="next" value="/settings/scim/">' in second
        assert 'name="password"' in second
        assert 'name="password"' not in client.post("/sign-in/", {"username": " "}).content.decode()
        assert (
            'class="field__error"'
            in client.post("/sign-in/", {"username": "x@y.example", "password": ""}).content.decode()
        )


class TestWhatIsSaid:
    """The answer and the work for an address are the same, whatever accounts it has (SPEC L1, O6)."""

    @pytest.fixture(autouse=True)
    def _accounts(self, org: Organization, ada: User) -> None:
        others = [OrganizationFactory.create() for _ in range(4)]
        for other in others:
            with_password(UserFactory.create(org=other, user_name="many@corp.example"))
        UserFactory.create(org=org, user_name="unset@corp.example", password="!")
        with_password(UserFactory.create(org=org, user_name="gone@corp.example", active=False))
        with_password(StaffFactory.create(user_name="staff@corp.example"))

    ADDRESSES = ("ada", "many", "unset", "gone", "staff", "nobody")

    def heard(self, monkeypatch: pytest.MonkeyPatch, path: str, name: str, **more: str) -> tuple[str, int, int]:
        """The page without what every page differs in, the number of statements, and of passwords that were hashed."""
        address, hashed = f"{name}@corp.example", []
        hasher = get_hasher()
        encode = type(hasher).encode
        with monkeypatch.context() as patched:
            patched.setattr(type(hasher), "encode", lambda *args: hashed.append(args) or encode(*args))
            with CaptureQueriesContext(connection) as queries:
                answer = Client().post(path, {"username": address, "email": address, **more})
        last_mail()
        page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())
        return f"{answer.status_code} {page.replace(address, '…')}", len(queries), len(hashed)

    @pytest.mark.parametrize("path", ["/sign-in/", "/sign-in/{slug}/", "/forgotten-password/", "/where-to-sign-in/"])
    def test_of_an_address_is_the_same(self, monkeypatch: pytest.MonkeyPatch, org: Organization, path: str) -> None:
        said = {self.heard(monkeypatch, path.format(slug=org.slug), name) for name in self.ADDRESSES}
        assert len(said) == 1

    @pytest.mark.parametrize(("path", "hashes"), [("/sign-in/", 3), ("/sign-in/{slug}/", 1)])
    def test_of_a_wrong_password_is_the_same(
        self, monkeypatch: pytest.MonkeyPatch, org: Organization, path: str, hashes: int
    ) -> None:
        said = {self.heard(monkeypatch, path.format(slug=org.slug), name, password="wrong") for name in self.ADDRESSES}
        assert len(said) == 1
        assert {counted for _, _, counted in said} == {hashes}

    def test_of_an_account_that_waits_is_the_same(self, monkeypatch: pytest.MonkeyPatch, org: Organization) -> None:
        for name in self.ADDRESSES:
            for number in range(25):  # from everywhere, so that no client waits
                address = f"{name}@corp.example"
                sign_in_as(Client(REMOTE_ADDR=f"203.0.113.{number}"), address, "wrong", to=f"/sign-in/{org.slug}/")
        for path in ("/sign-in/", f"/sign-in/{org.slug}/"):
            said = {self.heard(monkeypatch, path, name, password="wrong") for name in self.ADDRESSES}
            said |= {self.heard(monkeypatch, path, name, password=PASSWORD) for name in ("ada", "gone", "nobody")}
            assert len(said) == 1


class TestOneAddressInSeveralOrgs:
    @pytest.fixture
    def accounts(self, db: None) -> list[User]:
        """The oldest first, each with a password of its own."""
        users = [UserFactory.create(user_name="ada@corp.example", roles=["Admin"]) for _ in range(4)]
        for number, user in enumerate(users):
            user.set_password(f"{PASSWORD} {number}")
            user.save(update_fields=["password"])
        return users

    def signed_in_as(self, answer: Any) -> str | None:
        return answer.wsgi_request.user.pk if answer.status_code == 302 else None

    @pytest.mark.parametrize("number", [0, 1, 2])
    def test_the_password_says_which_account_is_meant(self, accounts: list[User], number: int) -> None:  # L1
        answer = sign_in_as(Client(), "ada@corp.example", f"{PASSWORD} {number}")
        assert self.signed_in_as(answer) == accounts[number].pk

    def test_the_fourth_has_the_page_of_its_org(self, accounts: list[User]) -> None:  # L1
        assert sign_in_as(Client(), "ada@corp.example", f"{PASSWORD} 3").status_code == 200
        there = f"/sign-in/{accounts[3].org.slug}/"
        assert self.signed_in_as(sign_in_as(Client(), "ada@corp.example", f"{PASSWORD} 3", to=there)) == accounts[3].pk

    def test_the_page_of_an_org_takes_no_password_of_another(self, accounts: list[User]) -> None:  # L1, O7
        there = f"/sign-in/{accounts[1].org.slug}/"
        assert sign_in_as(Client(), "ada@corp.example", f"{PASSWORD} 0", to=there).status_code == 200

    def test_accounts_without_a_password_take_nobody_s_turn(self, accounts: list[User]) -> None:
        User.objects.filter(pk__in=[user.pk for user in accounts[:3]]).update(password="!")
        assert self.signed_in_as(sign_in_as(Client(), "ada@corp.example", f"{PASSWORD} 3")) == accounts[3].pk

    def test_nobody_can_crowd_support_out(self, accounts: list[User]) -> None:
        app = App(support := with_password(StaffFactory.create(user_name="ada@corp.example")))
        sign_in_as(browser := Client(), "ada@corp.example")
        assert self.signed_in_as(browser.post("/second-factor/", {"code": app.shows()})) == support.pk

    def test_the_owner_signs_in_on_the_org_s_page_and_a_person_beside_them_does_not(
        self, org: Organization
    ) -> None:  # O8
        beside = with_password(UserFactory.create(org=org, user_name="owner@corp.example"))
        owner = OwnerFactory.create(org=org, user_name="owner@corp.example")
        owner.set_password("the owner's own password")
        owner.save()
        there = f"/sign-in/{org.slug}/"
        answer = sign_in_as(Client(), "owner@corp.example", "the owner's own password", to=there)
        assert self.signed_in_as(answer) == owner.pk
        assert sign_in_as(Client(), "owner@corp.example", PASSWORD, to=there).status_code == 200
        assert self.signed_in_as(sign_in_as(Client(), "owner@corp.example")) == beside.pk

    def test_a_session_is_one_account_s_and_another_ends_it(self, client: Client, accounts: list[User]) -> None:  # U2
        sign_in_as(client, "ada@corp.example", f"{PASSWORD} 0")
        other = f"/sign-in/{accounts[1].org.slug}/"
        assert client.get(other).status_code == 200
        assert client.get(f"/sign-in/{accounts[0].org.slug}/").status_code == 302
        assert self.signed_in_as(sign_in_as(client, "ada@corp.example", f"{PASSWORD} 1", to=other)) == accounts[1].pk
        set_active(accounts[0], False)
        assert client.get("/").status_code == 200

    def test_an_org_that_there_is_not_has_no_page(self, client: Client, db: None) -> None:
        assert client.get("/sign-in/nowhere/").status_code == 404

    def test_its_admins_find_the_address_of_their_page(self, client: Client, accounts: list[User]) -> None:  # L1
        client.force_login(accounts[0])
        page = client.get("/settings/authentication/").content.decode()
        assert f'value="http://localhost:8000/sign-in/{accounts[0].org.slug}/"' in page


class TestGuessing:
    def guess(self, client: Client, times: int, address: str = "ada@corp.example") -> Any:
        for _ in range(times):
            answer = sign_in_as(client, address, "wrong")
        return answer

    def pass_time(self, span: timedelta) -> None:
        fields = {"last_at": F("last_at") - span, "waits_until": F("waits_until") - span}
        SignInFailures.objects.update(**fields)

    def test_has_to_wait_and_is_told_until_when(self, client: Client, ada: User) -> None:  # L1
        assert self.guess(client, 6).status_code == 200
        answer = sign_in_as(client, "ada@corp.example")
        assert answer.status_code == 429
        assert 50 < int(answer["Retry-After"]) <= 60
        assert "Wait a minute" in answer.content.decode()
        assert re.search(r"\d\d:\d\d UTC</time>", answer.content.decode())

    def test_waits_longer_each_time_but_never_for_good(self, client: Client, ada: User) -> None:  # L1
        self.guess(client, 6)
        waits = []
        for _ in range(6):
            self.pass_time(timedelta(minutes=15))
            self.guess(client, 1)
            waits.append(round(int(sign_in_as(client, "ada@corp.example")["Retry-After"]) / 60))
        assert waits == [2, 4, 8, 15, 15, 15]
        self.pass_time(timedelta(minutes=15))
        assert sign_in_as(client, "ada@corp.example").status_code == 302

    def test_while_waiting_does_not_prolong_the_wait(self, client: Client, ada: User) -> None:
        self.guess(client, 20)
        self.pass_time(timedelta(minutes=1))
        assert sign_in_as(client, "ada@corp.example").status_code == 302

    def test_is_forgotten_after_an_hour(self, client: Client, ada: User) -> None:
        self.guess(client, 6)
        self.pass_time(timedelta(minutes=61))
        assert self.guess(client, 5).status_code == 200

    def test_in_different_letter_case_counts_as_the_same(self, client: Client, ada: User) -> None:
        self.guess(client, 3)
        assert self.guess(client, 4, "ADA@CORP.example").status_code == 429

    def test_at_one_account_leaves_the_others_alone(self, client: Client, ada: User, org: Organization) -> None:
        self.guess(client, 8)
        with_password(UserFactory.create(org=org, user_name="ben@corp.example"))
        assert sign_in_as(client, "ben@corp.example").status_code == 302

    def test_from_one_client_does_not_make_others_wait(self, client: Client, ada: User) -> None:
        self.guess(client, 8)
        assert sign_in_as(Client(REMOTE_ADDR="203.0.113.9"), "ada@corp.example").status_code == 302

    def test_with_many_addresses_makes_the_client_wait(self, ada: User, settings) -> None:  # L1
        """Behind a proxy it is still the client that waits, whatever it says about itself."""
        settings.TRUSTED_PROXIES = 1
        sprayer = Client(headers={"X-Forwarded-For": "192.0.2.66, 203.0.113.9"})
        answers = [sign_in_as(sprayer, f"p{number}@corp.example", "Spring2026!") for number in range(25)]
        assert [answer.status_code for answer in answers] == [200] * 20 + [429] * 5
        assert 50 < int(answers[-1]["Retry-After"]) <= 60
        assert "Setting a new password" not in answers[-1].content.decode()
        calm = Client(headers={"X-Forwarded-For": "192.0.2.66, 198.51.100.7"})
        assert sign_in_as(calm, "ada@corp.example").status_code == 302

    def test_does_not_lock_an_account_for_clients_behind_the_same_proxy(self, ada: User, settings) -> None:  # L1
        settings.TRUSTED_PROXIES = 1
        for number in range(10):
            self.guess(Client(headers={"X-Forwarded-For": f"203.0.113.{number}"}), 1)
        calm = Client(headers={"X-Forwarded-For": "198.51.100.77"})
        assert sign_in_as(calm, "ada@corp.example").status_code == 302

    def test_is_not_what_success_counts_as(self, ada: User) -> None:
        for _ in range(25):
            assert sign_in_as(Client(), "ada@corp.example").status_code == 302

    def test_looks_at_few_passwords_at_once(self, client: Client, ada: User, monkeypatch) -> None:  # L1
        monkeypatch.setattr(sign_in.hashing, "waiting", 0)
        with sign_in.hashing.place("password"), sign_in.hashing.place("password"):
            answer = sign_in_as(client, "ada@corp.example")
        assert (answer.status_code, answer["Retry-After"]) == (429, "1")
        assert sign_in_as(client, "ada@corp.example").status_code == 302
        assert not SignInFailures.objects.filter(failures__gt=0).exists()

    def test_from_everywhere_makes_the_account_wait_for_a_while(self, ada: User) -> None:  # L1
        for number in range(21):
            self.guess(Client(REMOTE_ADDR=f"203.0.113.{number}"), 1)
        calm = Client(REMOTE_ADDR="198.51.100.7")
        assert sign_in_as(calm, "ada@corp.example").status_code == 200
        self.pass_time(timedelta(minutes=1))
        assert sign_in_as(calm, "ada@corp.example").status_code == 302

    def test_is_not_forgotten_for_one_account_by_success_with_another(self, ada: User) -> None:  # L1
        own = UserFactory.create(user_name="ada@corp.example")
        own.set_password("the guesser's own password")
        own.save(update_fields=["password"])
        for number in range(21):
            guesser = Client(REMOTE_ADDR=f"203.0.113.{number}")
            self.guess(guesser, 1)
            assert sign_in_as(guesser, "ada@corp.example", "the guesser's own password").status_code in (200, 302)
        assert sign_in_as(Client(REMOTE_ADDR="198.51.100.7"), "ada@corp.example").status_code == 200

    def test_is_no_guessing_to_sign_in_again_and_again(self, ada: User) -> None:
        beside = with_password(UserFactory.create(user_name="ada@corp.example"))
        User.objects.filter(pk=ada.pk).update(password=make_password("another"))
        for _ in range(30):
            assert sign_in_as(Client(), "ada@corp.example").status_code == 302
        assert not SignInFailures.objects.filter(subject=str(beside.pk)).exists()
        assert sum(SignInFailures.objects.values_list("failures", flat=True)) == 0

    def test_is_forgiven_when_a_new_password_is_set(self, client: Client, ada: User) -> None:
        self.guess(client, 8)
        sign_in.set_password(user=ada, password="another good long one")
        assert sign_in_as(client, "ada@corp.example", "another good long one").status_code == 302

    def test_leaves_nothing_behind_after_a_day(self, client: Client, ada: User) -> None:
        self.guess(client, 2)
        forget_sign_in_failures()
        assert SignInFailures.objects.exists()
        self.pass_time(timedelta(days=1))
        forget_sign_in_failures()
        assert not SignInFailures.objects.exists()


class TestWhereToSignIn:
    def ask(self, client: Client, address: str) -> Any:
        return client.post("/where-to-sign-in/", {"email": address})

    def test_is_told_in_one_mail_with_one_link_for_each_org(self, client: Client, db: None) -> None:  # L1
        for name in ("Globex", "Acme"):
            org = OrganizationFactory.create(name=name, slug=name.lower())
            UserFactory.create(org=org, user_name="Ada@corp.example", password="!")
        UserFactory.create(org=OrganizationFactory.create(name="Left"), user_name="ada@corp.example", active=False)
        OwnerFactory.create(org=Organization.objects.get(name="Acme"), user_name="ada@corp.example")
        StaffFactory.create(user_name="ada@corp.example")
        UserFactory.create(user_name="ben@corp.example")
        self.ask(client, "ADA@corp.example")
        told = last_mail().body
        assert len(mail.outbox) == 1
        assert re.findall(r"(\S.*)\n(http://\S+)", told) == [
            ("Acme", "http://localhost:8000/sign-in/acme/"),
            ("Globex", "http://localhost:8000/sign-in/globex/"),
            ("Muster support", "http://localhost:8000/sign-in/"),
        ]

    def test_is_not_told_to_another_mailbox_of_the_same_key(self, client: Client, org: Organization) -> None:
        OwnerFactory.create(org=org, user_name="ada@strasse.example")
        OwnerFactory.create(user_name="ada@straße.example", login_email="ada@strasse.example")
        self.ask(client, "ada@strasse.example")
        last_mail()
        assert sorted(message.to[0] for message in mail.outbox) == ["ada@strasse.example", "ada@straße.example"]
        assert org.name not in next(message.body for message in mail.outbox if "ß" in message.to[0])

    def test_is_mailed_three_times_an_hour_at_most(self, client: Client, ada: User) -> None:
        for _ in range(5):
            self.ask(client, "ada@corp.example")
        last_mail()
        assert len(mail.outbox) == 3


class TestAForgottenPassword:
    def ask(self, client: Client, address: str) -> Any:
        return client.post("/forgotten-password/", {"email": address})

    def link_in_mail(self) -> str:
        return re.search(r"http://[^/]+(/set-password/\S+)", last_mail().body)[1]  # type: ignore[index]

    def test_is_replaced_by_way_of_a_mail(self, client: Client, ada: User) -> None:
        self.ask(client, "ADA@corp.example")
        assert last_mail().to == ["Ada@corp.example"]
        form = client.get(self.link_in_mail(), follow=True)
        assert form.status_code == 200
        assert ada.password not in form.content.decode()
        address = form.redirect_chain[-1][0]
        assert address.endswith("/choose/")  # the secret is out of the address before anything is loaded
        new = {"new_password1": "quite another phrase", "new_password2": "quite another phrase"}
        assert client.post(address, new).headers["Location"] == f"/sign-in/{ada.org.slug}/"
        assert sign_in_as(client, "ada@corp.example", "quite another phrase").status_code == 302

    def test_gets_the_same_answer_whether_the_address_is_known_or_not(
        self, client: Client, ada: User, org: Organization
    ) -> None:
        UserFactory.create(org=org, user_name="gone@corp.example", active=False)
        answers = {
            address: self.ask(client, address).content.decode().replace(address, "…")
            for address in ("ada@corp.example", "nobody@corp.example", "gone@corp.example")
        }
        assert len(set(answers.values())) == 1
        assert last_mail().to == ["Ada@corp.example"]
        assert len(mail.outbox) == 1

    def test_is_mailed_about_three_times_an_hour_at_most(self, client: Client, ada: User, org: Organization) -> None:
        asked = [f"{address}@corp.example" for address in ("ada", "ADA", "ada", "Ada", "ada")]
        answers = {self.ask(client, address).content.decode().replace(address, "…") for address in asked}
        assert len(answers) == 1
        last_mail()
        assert [message.to for message in mail.outbox] == [["Ada@corp.example"]] * 3
        UserFactory.create(org=org, user_name="ben@corp.example")
        self.ask(client, "ben@corp.example")
        assert last_mail().to == ["ben@corp.example"]

    def test_is_not_mailed_about_for_a_client_that_keeps_asking(self, client: Client, ada: User) -> None:
        for number in range(30):
            self.ask(client, f"nobody{number}@corp.example")
        assert self.ask(client, "ada@corp.example").status_code == 200
        assert last_mail() is None
        elsewhere = Client(REMOTE_ADDR="203.0.113.9")
        self.ask(elsewhere, "ada@corp.example")
        assert last_mail().to == ["Ada@corp.example"]

    def test_takes_the_same_statements_for_an_address_that_nobody_has(self, client: Client, ada: User) -> None:  # L1
        statements = []
        for address in ("warm@corp.example", "nobody@corp.example", "ada@corp.example"):
            with CaptureQueriesContext(connection) as asked:
                assert self.ask(client, address).status_code == 200
            statements.append([each["sql"].partition(" ")[0] for each in asked])
        assert statements[1] == statements[2]
        assert mail.outbox == []
        assert last_mail().to == ["Ada@corp.example"]
        assert len(mail.outbox) == Mail.objects.count() == 1

    def test_is_replaced_in_each_org_by_itself(self, client: Client, ada: User) -> None:  # L1
        elsewhere = with_password(UserFactory.create(user_name="ada@corp.example"))
        self.ask(client, "ada@corp.example")
        told = last_mail().body
        assert len(mail.outbox) == 1
        links = dict(re.findall(r"(\S.*)\nhttp://[^/]+(/set-password/\S+)", told))
        assert set(links) == {ada.org.name, elsewhere.org.name}
        form = client.get(links[elsewhere.org.name], follow=True).redirect_chain[-1][0]
        client.post(form, {"new_password1": "quite another phrase", "new_password2": "quite another phrase"})
        assert sign_in_as(Client(), "ada@corp.example", to=f"/sign-in/{ada.org.slug}/").status_code == 302
        there = f"/sign-in/{elsewhere.org.slug}/"
        assert sign_in_as(Client(), "ada@corp.example", "quite another phrase", to=there).status_code == 302

    def test_in_an_org_is_the_owner_s_where_a_person_has_the_address_as_well(
        self, client: Client, org: Organization
    ) -> None:  # O8
        UserFactory.create(org=org, user_name="ada@corp.example")
        owner = OwnerFactory.create(org=org, user_name="ada@corp.example")
        self.ask(client, "ada@corp.example")
        uid = self.link_in_mail().split("/")[2]
        assert urlsafe_base64_decode(uid).decode() == str(owner.pk)

    def test_link_works_once(self, client: Client, ada: User) -> None:
        link = sign_in.password_link(ada).removeprefix("http://localhost:8000")
        sign_in.set_password(user=ada, password="another good long one")
        assert "no longer works" in client.get(link, follow=True).content.decode()

    def test_link_ends_with_the_account(self, client: Client, ada: User, org: Organization) -> None:  # U4
        ben = with_password(UserFactory.create(org=org, user_name="ben@corp.example"))
        link = sign_in.password_link(ben).removeprefix("http://localhost:8000")
        form = client.get(link, follow=True).redirect_chain[-1][0]
        set_active(ben, False)
        new = {"new_password1": "quite another phrase", "new_password2": "quite another phrase"}
        assert "no longer works" in client.post(form, new).content.decode()
        set_active(ben, True)
        assert "no longer works" in client.get(link, follow=True).content.decode()

    def test_works_for_somebody_who_never_had_one(self, client: Client, org: Organization) -> None:
        owner = OwnerFactory.create(org=org)
        form = client.get(sign_in.password_link(owner).removeprefix("http://localhost:8000"), follow=True)
        new = {"new_password1": "quite another phrase", "new_password2": "quite another phrase"}
        client.post(form.redirect_chain[-1][0], new)
        assert sign_in_as(client, owner.user_name, "quite another phrase").status_code == 302

    @pytest.mark.parametrize("weak", ["short", "password1234", "1234567890"])
    def test_is_not_replaced_by_a_weak_one(self, client: Client, ada: User, weak: str) -> None:
        form = client.get(sign_in.password_link(ada).removeprefix("http://localhost:8000"), follow=True)
        answer = client.post(form.redirect_chain[-1][0], {"new_password1": weak, "new_password2": weak})
        assert 'class="field__error"' in answer.content.decode()
        assert sign_in_as(client, "ada@corp.example").status_code == 302

    def test_is_not_set_on_an_account_that_ends_at_that_moment(self, org: Organization) -> None:  # U4
        as_offered = UserFactory.create(org=org, user_name="ben@corp.example")
        set_active(User.objects.get(pk=as_offered.pk), False)
        assert not sign_in.set_password(user=as_offered, password="quite another phrase")
        assert not User.objects.get(pk=as_offered.pk).active


class TestAStranger:
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_makes_no_session(self, client: Client, ada: User, method: str) -> None:  # nobody would ever end it
        asked = 0
        for pattern in get_resolver("orgs.urls").url_patterns:
            with suppress(NoReverseMatch):
                sent = {"username": "ada@corp.example", "password": "wrong", "email": "ada@corp.example"}
                getattr(client, method)(reverse(pattern.name), sent)
                asked += 1
        assert asked > 5
        assert not Session.objects.exists()


class TestASession:
    def test_is_forgotten_when_it_has_expired(self, client: Client, ada: User) -> None:
        client.force_login(ada)
        forget_expired_sessions()
        assert Session.objects.count() == 1
        Session.objects.update(expire_date=timezone.now())
        forget_expired_sessions()
        assert Session.objects.count() == 0

    @pytest.fixture
    def ben(self, org: Organization) -> User:
        return with_password(UserFactory.create(org=org, user_name="ben@corp.example", roles=["Admin"]))

    def test_ends_for_good_on_deactivation(self, client: Client, ben: User) -> None:  # U4
        sign_in_as(client, "ben@corp.example")
        assert client.get("/").status_code == 200
        set_active(ben, False)
        assert client.get("/").headers["Location"] == "/sign-in/?next=/"
        assert sign_in_as(client, "ben@corp.example").status_code == 200
        set_active(ben, True)
        assert client.get("/").status_code == 302

    def test_ends_for_good_although_nobody_used_it_in_between(self, client: Client, ben: User) -> None:  # U4
        sign_in_as(client, "ben@corp.example")
        set_active(ben, False)
        set_active(ben, True)
        assert client.get("/").headers["Location"] == "/sign-in/?next=/"

    def test_ends_when_the_password_is_set_anew(self, client: Client, ben: User) -> None:
        sign_in_as(client, "ben@corp.example")
        sign_in.set_password(user=ben, password="another good long one")
        assert client.get("/").status_code == 302


def set_active(user: User, active: bool) -> None:
    facts = replace(people.facts_of(user), active=active)
    people.change(user=user, facts=facts, at=timezone.now())


class TestSupport:
    def test_is_made_by_a_command_beside_people_with_the_same_address(
        self, client: Client, ada: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "support's own password")
        monkeypatch.setenv("DJANGO_SUPERUSER_LOGIN_EMAIL", "ADA@corp.example")
        call_command("createsuperuser", interactive=False, verbosity=0)
        answer = sign_in_as(client, "ada@corp.example", "support's own password")
        assert answer.headers["Location"] == "/second-factor/"
        assert half_signed(answer.wsgi_request) == User.objects.get(is_staff=True)
        with pytest.raises(CommandError, match="has this address already"):
            call_command("createsuperuser", interactive=False, verbosity=0)
