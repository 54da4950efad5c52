"""Signing in and out, passwords, and when sessions end."""

import re
import threading
from dataclasses import replace
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from orgs import people, sign_in
from orgs.models import Organization, User
from tests.factories import OwnerFactory, StaffFactory, UserFactory

PASSWORD = "correct horse battery staple"


def with_password(user: User) -> User:
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    return user


@pytest.fixture
def ada(org: Organization) -> User:
    return with_password(OwnerFactory.create(org=org, user_name="Ada@corp.example"))


def sign_in_as(client: Client, address: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/sign-in/", {"username": address, "password": password, **more})


def last_mail() -> Any:
    for thread in threading.enumerate():
        if thread.name == "mail":
            thread.join()
    return mail.outbox[-1] if mail.outbox else None


class TestSigningIn:
    def test_takes_an_org_admin_to_the_overview(self, client: Client, ada: User) -> None:
        assert sign_in_as(client, "ada@corp.example").headers["Location"] == "/"
        assert client.get("/").status_code == 200

    def test_takes_staff_to_the_admin(self, client: Client, db: None) -> None:
        with_password(StaffFactory.create(user_name="support@muster.example"))
        assert sign_in_as(client, "support@muster.example").headers["Location"] == "/admin/"

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


class TestGuessing:
    def guess(self, client: Client, times: int, address: str = "ada@corp.example") -> Any:
        for _ in range(times):
            answer = sign_in_as(client, address, "wrong")
        return answer

    def test_is_locked_out_and_told_until_when(self, client: Client, ada: User) -> None:
        answer = self.guess(client, 8)
        assert answer.status_code == 429
        assert "Wait 15 minutes" in answer.content.decode()
        assert re.search(r"\d\d:\d\d UTC</time>", answer.content.decode())
        assert sign_in_as(client, "ada@corp.example").status_code == 429

    def test_in_different_letter_case_counts_as_the_same(self, client: Client, ada: User) -> None:
        self.guess(client, 4)
        assert self.guess(client, 4, "ADA@CORP.example").status_code == 429

    def test_at_one_account_leaves_the_others_alone(self, client: Client, ada: User, org: Organization) -> None:
        self.guess(client, 8)
        with_password(UserFactory.create(org=org, user_name="ben@corp.example"))
        assert sign_in_as(client, "ben@corp.example").status_code == 302

    def test_is_forgiven_when_a_new_password_is_set(self, client: Client, ada: User) -> None:
        self.guess(client, 8)
        sign_in.set_password(user=ada, password="another good long one")
        assert sign_in_as(client, "ada@corp.example", "another good long one").status_code == 302


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
        assert client.post(address, new).headers["Location"] == "/sign-in/"
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

    def test_does_not_wait_for_a_mail_server_that_is_down(
        self, client: Client, ada: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(*args: Any, **kwargs: Any) -> None:
            raise ConnectionRefusedError

        monkeypatch.setattr("django.core.mail.EmailMessage.send", refused)
        assert self.ask(client, "ada@corp.example").status_code == 200

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


class TestASession:
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
