"""The pages of whoever invites and of whoever is invited, and the list of admins."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from groups_provisioning.actions import account_switches, manual_changes
from orgs import invitations
from orgs.models import Ending, Invitation, LastAdmin, Organization, User
from orgs.web.access import SIGNED_IN_AT
from tests.conftest import Idp, signed_in
from tests.factories import OwnerFactory, UserFactory
from tests.groups_provisioning.world import by_admin, give, push, settle
from tests.orgs.test_invitations import CLEO, invite, mailed
from tests.page_text import text as text_of

pytestmark = pytest.mark.usefixtures("db")

NEW, LIST = "/people/invitations/new/", "/people/invitations/"
JOIN = {
    "given_name": "Cleo",
    "family_name": "Adler",
    "new_password1": "correct horse battery",
    "new_password2": "correct horse battery",
}


@pytest.fixture
def owner(org: Organization) -> User:
    return OwnerFactory.create(org=org)


@pytest.fixture
def desk(owner: User) -> Client:
    return signed_in(owner)


class TestInviting:
    def test_takes_several_addresses_however_they_are_separated(self, desk: Client) -> None:
        addresses = "cleo@partner.example, dora@partner.example;\r\n eve@partner.example CLEO@partner.example"
        desk.post(NEW, {"addresses": addresses, "roles": "Member", "days": "14"})
        found = Invitation.objects.values_list("address", "roles", "days").order_by("address")
        assert list(found) == [(f"{name}@partner.example", ["Member"], 14) for name in ("cleo", "dora", "eve")]

    def test_says_who_has_an_address_and_invites_nobody(self, desk: Client, org: Organization) -> None:
        anna = UserFactory.create(org=org, given_name="Anna", family_name="Weber")
        answer = desk.post(NEW, {"addresses": f"{CLEO} {anna.user_name}", "roles": "Member", "days": "7"})
        assert f'href="{reverse("person", args=[anna.id])}">Open Anna Weber' in answer.content.decode()
        assert not Invitation.objects.exists()

    def test_asks_twice_about_admins(self, desk: Client) -> None:
        form = {"addresses": CLEO, "roles": "Admin", "days": "7"}
        answer = desk.post(NEW, form)
        assert "administers the whole organization" in text_of(answer)
        assert not Invitation.objects.exists()
        desk.post(NEW, form | {"seen": "1"})
        assert Invitation.objects.get().roles == ["Admin"]

    def test_of_admins_needs_a_recent_sign_in(self, desk: Client) -> None:  # L6
        session = desk.session
        session[SIGNED_IN_AT] = timezone.now().timestamp() - 3600
        session.save()
        answer = desk.post(NEW, {"addresses": CLEO, "roles": "Admin", "days": "7", "seen": "1"})
        assert "Sign in again" in text_of(answer)
        assert not Invitation.objects.exists()
        desk.post(NEW, {"addresses": CLEO, "roles": "Member", "days": "7"})
        assert Invitation.objects.exists()

    @pytest.mark.parametrize("addresses", [" ,; ", " ".join(f"a{n}@b.example" for n in range(invitations.AT_ONCE + 1))])
    def test_of_nobody_or_of_too_many_is_refused(self, desk: Client, addresses: str) -> None:
        desk.post(NEW, {"addresses": addresses, "roles": "Member", "days": "7"})
        assert not Invitation.objects.exists()


class TestTheList:
    def test_says_what_became_of_each(self, desk: Client, org: Organization, owner: User) -> None:
        now = timezone.now()
        names = ("open", "waiting", "expired", "refused", "person", "revoked", "ended")
        rows = {name: invite(org, f"{name}@partner.example", by=owner) for name in names}
        changes = {
            "open": {"sent_at": now},
            "expired": {"sent_at": now, "expires_at": now},
            "refused": {"refused": True},
            "person": {"sent_at": now},
            "revoked": {"ended_at": now, "ending": Ending.REVOKED},
            "ended": {"ended_at": now, "ending": Ending.DEACTIVATED},
        }
        for name, values in changes.items():
            Invitation.objects.filter(pk=rows[name].pk).update(**values)
        UserFactory.create(org=org, user_name="person@partner.example")
        page = desk.get(LIST).content.decode()
        told = {}
        for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL)[1:]:
            told[re.search(r"(\w+)@partner", row)[1]] = re.search(r'chip[^>]*">([^<]+)<', row)[1]  # type: ignore[index]
        assert told == {
            "open": "Open",
            "waiting": "Being sent",
            "expired": "Expired",
            "refused": "Not delivered",
            "person": "Not needed",
            "revoked": "Revoked",
            "ended": "Ended",
        }

    def test_sends_again_and_revokes(self, desk: Client, org: Organization) -> None:
        invitation = invite(org)
        Invitation.objects.update(sent_at=timezone.now() - invitations.SENT_JUST_NOW)
        answer = desk.post(f"{LIST}{invitation.id}/resend/", follow=True)
        assert f"Another mail is being sent to {CLEO}" in text_of(answer)
        answer = desk.post(f"{LIST}{invitation.id}/revoke/", follow=True)
        assert f"The invitation of {CLEO} is revoked" in text_of(answer)
        for act in ("resend", "revoke"):
            assert "This invitation has ended" in text_of(desk.post(f"{LIST}{invitation.id}/{act}/", follow=True))


class TestAccepting:
    def test_is_done_by_the_form_and_not_by_whatever_opens_the_link(self, org: Organization) -> None:  # U13
        invite(org)
        address = f"/invitation/{mailed()}/"
        for method in ("get", "head", "get"):
            assert getattr(Client(), method)(address).status_code == 200
        assert not User.objects.filter(user_name=CLEO).exists()
        answer = Client().post(address, JOIN)
        assert answer["Location"] == f"/sign-in/{org.slug}/"
        browser = Client()
        browser.post(f"/sign-in/{org.slug}/", {"username": CLEO, "password": JOIN["new_password1"]})
        assert browser.session["_auth_user_id"] == str(User.objects.get(user_name=CLEO).id)
        assert Client().get(address).status_code == 404

    WRONG = {
        "a password that is too short": {"new_password1": "short", "new_password2": "short"},
        "two passwords": {"new_password2": "correct horse batter"},
        "a password like the name": {"new_password1": "cleo@partner", "new_password2": "cleo@partner"},
        "no name": {"given_name": " "},
    }

    @pytest.mark.parametrize("wrong", WRONG)
    def test_refuses(self, wrong: str, org: Organization) -> None:
        invite(org)
        address = f"/invitation/{mailed()}/"
        answer = Client().post(address, JOIN | self.WRONG[wrong])
        assert answer.context["form"].errors
        assert not User.objects.filter(user_name=CLEO).exists()

    def test_says_that_there_is_an_account_by_now(self, org: Organization) -> None:
        invite(org)
        address = f"/invitation/{mailed()}/"
        UserFactory.create(org=org, user_name=CLEO)
        for answer in (Client().get(address), Client().post(address, JOIN)):
            assert (answer.status_code, "You have an account already" in text_of(answer)) == (409, True)

    @pytest.mark.parametrize("secret", ["x", "\N{PILE OF POO}", "%00", "a" * 5000])
    def test_of_a_secret_that_nobody_was_sent_is_404(self, secret: str) -> None:
        answer = Client().get(f"/invitation/{secret}/")
        assert (answer.status_code, "no longer works" in text_of(answer)) == (404, True)


class TestTheAdmins:
    def test_are_listed_with_what_makes_each_one(self, desk: Client, org: Organization, owner: User, idp: Idp) -> None:
        names = ("byhand", "bygroup", "byidp", "bymapping", "nobody", "gone")
        users = {name: UserFactory.create(org=org, user_name=f"{name}@corp.example") for name in names}
        settle(owner, *users.values())
        for name in ("byhand", "gone"):
            manual_changes.set_roles(org=org, user_id=users[name].id, roles=["Admin"], cause=by_admin(owner))
        account_switches.deactivate(org=org, user_id=users["gone"].id, cause=by_admin(owner))
        User.objects.filter(pk=users["byidp"].pk).update(idp_roles=["Admin"])
        group = push(idp, "Administrators", users["bygroup"])
        type(group).objects.filter(pk=group.pk).update(roles=["Admin"])
        give(push(idp, "Operators", users["bymapping"]), "Admin", by=owner)
        settle(*users.values())
        page = desk.get("/people/admins/").content.decode()
        rows = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in re.findall(r"<tr>.*?</tr>", page, re.DOTALL)]
        told = {row.split("@")[0].split()[0]: row for row in rows[1:]}
        assert list(told)[1:] == ["bygroup", "byhand", "byidp", "bymapping"]
        assert "Owner of the organization" in rows[1]
        assert "Set by hand" in told["byhand"]
        assert f"by {owner.label}" in told["byhand"]
        assert "SCIM group Administrators" in told["bygroup"]
        assert "Your identity provider (roles)" in told["byidp"]
        assert "Given here to the SCIM group Operators" in told["bymapping"]

    def test_say_who_is_kept_as_the_last_one(self, desk: Client, org: Organization, owner: User) -> None:  # R5
        user = UserFactory.create(org=org, roles=["Admin"])
        LastAdmin.objects.create(org=org, user=user)
        settle(owner)
        assert "Last active admin" in text_of(desk.get("/people/admins/"))

    def test_say_who_was_invited_as_one(self, desk: Client, org: Organization, owner: User) -> None:
        settle(owner)
        invite(org, roles=["Admin"])
        Client().post(f"/invitation/{mailed()}/", JOIN)
        assert "with an invitation" in text_of(desk.get("/people/admins/"))
