"""Who signs in through an identity provider, and which doors are closed to them then."""

import re
from typing import Any
from uuid import UUID

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from groups_provisioning.actions import accepting
from groups_provisioning.actions.accepting import Name
from orgs import invitations, people, sign_in
from orgs.db.keys import uuid7
from orgs.models import Organization, User
from orgs.web.signing_in import HALF_SIGNED
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory, UserFactory
from tests.orgs.test_invitations import invite, mailed
from tests.orgs.test_sign_in import PASSWORD, last_mail, sign_in_as, with_password

pytestmark = pytest.mark.usefixtures("db")


def connected(org: Organization, domain: str = "corp.example", **more: Any) -> Organization:
    """With an active connection, as `sso.connections.activate` leaves the org."""
    org.sso_connection = uuid7()
    org.save()
    org.verified_domains.create(name=domain, verified_at=timezone.now(), **more)
    return org


@pytest.fixture
def org(org: Organization) -> Organization:
    return connected(org)


@pytest.fixture
def ada(org: Organization) -> User:
    return with_password(UserFactory.create(org=org, user_name="Ada@corp.example", roles=["Admin"]))


@pytest.fixture
def owner(org: Organization) -> User:
    return with_password(OwnerFactory.create(org=org, user_name="owner@corp.example"))


def enter(client: Client, address: str, to: str = "/sign-in/", **more: str) -> str:
    """The page after the one for the address."""
    answer = client.post(to, {"username": address} | more)
    assert answer.status_code == 200
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())


def start(connection_id: UUID | None) -> str:
    return f'href="/sso/{connection_id}/start"'


class TestAnAddress:
    def test_leads_to_the_provider_of_its_domain_by_a_link(self, client: Client, org: Organization) -> None:  # L1, O6
        page = enter(client, "Ada@CORP.example")
        assert start(org.sso_connection) in page
        assert 'name="password"' not in page
        page = enter(client, "ada@corp.example", next="/people/?q=1")
        assert f"/sso/{org.sso_connection}/start?next=%2Fpeople%2F%3Fq%3D1" in page
        assert "next" not in enter(client, "ada@corp.example", next="https://evil.example/")

    def test_leads_there_whether_it_has_an_account_or_not(
        self, client: Client, org: Organization, ada: User, owner: User
    ) -> None:  # L1
        said = set()
        for name in ("ada", "owner", "nobody"):
            with CaptureQueriesContext(connection) as queries:
                page = enter(client, f"{name}@corp.example").replace(name, "…")
            said.add((page, len(queries)))
        assert len(said) == 1

    @pytest.mark.parametrize(
        "address", ["ada@sub.corp.example", "ada@corp.example.net", "corp.example", "ada@corp.example@x.example"]
    )
    def test_of_another_domain_leads_to_the_password(self, client: Client, org: Organization, address: str) -> None:
        assert 'name="password"' in enter(client, address)  # L1

    def test_leads_nowhere_without_an_active_connection(self, client: Client, org: Organization) -> None:  # L1
        for closing in ({"sso_connection": None}, {"sso_connection": uuid7(), "closed_at": timezone.now()}):
            Organization.objects.filter(pk=org.pk).update(**closing)
            assert 'name="password"' in enter(client, "ada@corp.example")

    def test_leads_nowhere_once_the_record_of_the_domain_is_gone(self, client: Client, org: Organization) -> None:  # L1
        org.verified_domains.update(gone_since=timezone.now())
        assert 'name="password"' in enter(client, "ada@corp.example")

    def test_of_several_orgs_asks_for_the_short_name_of_one(self, client: Client, org: Organization) -> None:  # L1
        other = connected(OrganizationFactory.create(name="Sandbox", slug="sandbox"))
        elsewhere = connected(OrganizationFactory.create(slug="elsewhere"), "other.example")
        page = enter(client, "ada@corp.example", next="/people/")
        assert 'name="org"' in page
        for told in (org.name, "Sandbox", "sandbox", str(org.sso_connection)):
            assert told not in page
        page = enter(client, "ada@corp.example", next="/people/", org="SandBox")
        assert f"/sso/{other.sso_connection}/start?next=%2Fpeople%2F" in page
        for wrong in (elsewhere.slug, "nowhere", " "):
            assert "/start" not in enter(client, "ada@corp.example", org=wrong)

    def test_can_have_a_password_instead(self, client: Client, org: Organization, owner: User) -> None:  # L1
        assert 'name="by" value="password"' in enter(client, "owner@corp.example")
        assert 'name="password"' in enter(client, "owner@corp.example", by="password")
        assert sign_in_as(client, "owner@corp.example").status_code == 302


class TestThePageOfAnOrg:
    def test_leads_to_its_provider_first(self, client: Client, org: Organization) -> None:  # L1
        page = client.get(f"/sign-in/{org.slug}/").content.decode()
        assert start(org.sso_connection) in page
        assert 'href="?by=password"' in page

    def test_has_the_password_for_the_owner(self, client: Client, org: Organization, owner: User) -> None:  # L6
        there = f"/sign-in/{org.slug}/"
        assert 'name="username"' in client.get(f"{there}?by=password").content.decode()
        assert 'name="password"' in enter(client, "owner@corp.example", to=there)
        assert sign_in_as(client, "owner@corp.example", to=there).status_code == 302

    def test_is_as_before_without_a_connection(self, client: Client) -> None:
        other = OrganizationFactory.create()
        assert 'name="username"' in client.get(f"/sign-in/{other.slug}/").content.decode()


class TestWhileAConnectionIsActive:
    """Passwords of the org's people do nothing, those of others do what they did (SPEC L6)."""

    def test_no_password_signs_in(self, client: Client, org: Organization, ada: User) -> None:  # L6
        for there in ("/sign-in/", f"/sign-in/{org.slug}/"):
            assert sign_in_as(client, "ada@corp.example", to=there).status_code == 200

    def test_a_password_comes_back_when_it_is_switched_off(
        self, client: Client, org: Organization, ada: User
    ) -> None:  # L6
        Organization.objects.update(sso_connection=None)
        assert sign_in_as(client, "ada@corp.example").status_code == 302

    def test_those_of_other_orgs_the_owner_and_support_sign_in(self, org: Organization, ada: User) -> None:  # L1, L6
        with_password(StaffFactory.create(user_name="desk@corp.example"))
        elsewhere = UserFactory.create(user_name="ada@corp.example")
        beside = OwnerFactory.create(org=org, user_name="ada@corp.example")
        for number, user in enumerate((elsewhere, beside)):
            user.set_password(f"{PASSWORD} {number}")
            user.save()
        assert sign_in_as(Client(), "desk@corp.example").headers["Location"].startswith("/second-factor/")
        assert sign_in_as(Client(), "ada@corp.example", f"{PASSWORD} 0").wsgi_request.user == elsewhere
        assert sign_in_as(Client(), "ada@corp.example", f"{PASSWORD} 1").wsgi_request.user == beside

    def test_its_people_take_nobodys_turn(self, org: Organization) -> None:  # L1
        for _ in range(4):
            with_password(UserFactory.create(org=connected(OrganizationFactory.create()), user_name="a@corp.example"))
        other = with_password(UserFactory.create(user_name="a@corp.example"))
        assert sign_in_as(Client(), "a@corp.example").wsgi_request.user == other

    def test_no_link_sets_a_password(self, client: Client, ada: User, org: Organization, owner: User) -> None:  # L6
        link = sign_in.password_link(ada).removeprefix("http://localhost:8000")
        assert "This link no longer works" in client.get(link, follow=True).content.decode()
        theirs = sign_in.password_link(owner).removeprefix("http://localhost:8000")
        assert 'name="new_password1"' in client.get(theirs, follow=True).content.decode()

    def test_no_form_that_is_open_sets_a_password(self, ada: User, org: Organization, owner: User) -> None:  # L6
        assert not people.set_password(user=ada, password="another good long one")
        assert people.set_password(user=owner, password="another good long one")
        ada.refresh_from_db()
        assert ada.check_password(PASSWORD)

    def test_the_second_step_of_a_password_leads_nowhere(self, client: Client, org: Organization, ada: User) -> None:
        session = client.session  # L6
        session[HALF_SIGNED] = [str(ada.pk), ada.get_session_auth_hash(), timezone.now().timestamp()]
        session.save()
        assert client.get("/second-factor/").headers["Location"].startswith("/sign-in/")
        Organization.objects.update(sso_connection=None)
        assert client.get("/second-factor/").headers["Location"].startswith("/account/second-factor/")

    def test_the_mail_says_where_to_sign_in_instead(self, client: Client, ada: User, org: Organization) -> None:  # L6
        client.post("/forgotten-password/", {"email": "ada@corp.example"})
        told = last_mail().body
        assert "/set-password/" not in told
        assert "identity provider" in told
        assert f"{org.name}\nhttp://localhost:8000/sign-in/{org.slug}/" in told

    def test_the_mail_has_links_for_the_other_accounts(self, client: Client, ada: User, org: Organization) -> None:
        other = with_password(UserFactory.create(user_name="ada@corp.example"))  # L6
        client.post("/forgotten-password/", {"email": "ada@corp.example"})
        told = last_mail().body
        assert len(mail.outbox) == 1
        assert re.findall(r"(\S.*)\nhttp://\S+/set-password/", told) == [other.org.name]
        assert f"{org.name}\nhttp://localhost:8000/sign-in/{org.slug}/" in told

    def test_whoever_has_an_account_elsewhere_is_not_told_of_providers(self, client: Client) -> None:
        with_password(UserFactory.create(user_name="eve@corp.example"))
        client.post("/forgotten-password/", {"email": "eve@corp.example"})
        assert "identity provider" not in last_mail().body


class TestAnInvitation:
    def test_is_accepted_at_the_provider(self, client: Client, org: Organization) -> None:  # U13
        invite(org, "eve@corp.example")
        secret = mailed()
        assert "identity provider" in mail.outbox[-1].body
        names = {"given_name": "Eve", "family_name": "Ito"}
        typed = names | {"new_password1": PASSWORD, "new_password2": PASSWORD}
        for answer in (client.get(f"/invitation/{secret}/"), client.post(f"/invitation/{secret}/", typed)):
            page = answer.content.decode()
            assert f'href="/sign-in/{org.slug}/"' in page
            assert 'name="new_password1"' not in page
        assert not User.objects.for_org(org).exists()

    def test_makes_no_account_that_has_a_password(self, org: Organization) -> None:  # U13, L6
        invite(org, "eve@corp.example")
        with pytest.raises(invitations.ThroughProvider):
            accepting.accept(secret=mailed(), name=Name("Eve", "Ito"), password=PASSWORD, at=timezone.now())
