"""Handing over the owner account."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client

from orgs import api_keys, owners, people, sign_in
from orgs.models import ApiKey, Change, Invitation, Organization, Scope, User
from orgs.tasks import send_mails
from tests.conftest import Idp, signed_in
from tests.factories import OwnerFactory, StaffFactory, UserFactory
from tests.groups_provisioning.world import by_admin
from tests.orgs.test_invitations import invite

pytestmark = pytest.mark.usefixtures("db")

PAGE = "/settings/authentication/owner/"
PASSWORD = "correct horse battery"
ADA, BO = "ada@corp.example", "bo@corp.example"


@pytest.fixture
def owner(org: Organization) -> User:
    owner = OwnerFactory.create(org=org, user_name=ADA, given_name="Ada", family_name="Brandt")
    owner.set_password(PASSWORD)
    owner.save()
    return owner


def mailed() -> dict[str, str]:
    """What waits about the owner account, sent: the text by its recipient."""
    mail.outbox.clear()
    send_mails()
    return {sent.to[0]: sent.body for sent in mail.outbox if " own" in sent.subject}


class TestHandingOver:
    def test_ends_whatever_opened_the_account(self, org: Organization, owner: User, idp: Idp) -> None:  # U13
        browser, link = signed_in(owner), sign_in.password_link(owner).removeprefix(settings.MUSTER_URL)
        invite(org, by=owner)
        owners.hand_over(org=org, address="Bo@corp.example", cause=by_admin(owner))
        owner.refresh_from_db()
        assert (owner.user_name, owner.login_email, owner.label) == ("Bo@corp.example", BO, "Bo@corp.example")
        assert not owner.has_usable_password()
        assert browser.get("/").status_code == 302
        assert "no longer works" in Client().get(link, follow=True).content.decode()
        assert Invitation.objects.get().ending == "deactivated"
        assert idp.get("/Users").json()["totalResults"] == 0  # O8

    def test_ends_the_keys_it_answers_for(self, org: Organization, owner: User) -> None:  # U13
        bo = UserFactory.create(org=org, user_name=BO, roles=["Admin"])
        own, given, taken, hers = (
            api_keys.issue(org=org, name=name, scopes=[Scope.READ], cause=by_admin(by)).key
            for name, by in (("own", owner), ("given", owner), ("taken", bo), ("hers", bo))
        )
        api_keys.take_over(org=org, key_id=given.id, cause=by_admin(bo))
        api_keys.take_over(org=org, key_id=taken.id, cause=by_admin(owner))
        owners.hand_over(org=org, address="cleo@corp.example", cause=by_admin(owner))
        assert set(ApiKey.objects.filter(revoked_at=None)) == {given, hers}
        told = Change.objects.filter(verb="key.revoked").order_by("id").values_list("detail__name", flat=True)
        assert list(told) == [own.name, taken.name]

    def test_tells_both_and_gives_the_new_one_a_link(self, org: Organization, owner: User) -> None:
        owners.hand_over(org=org, address=BO, cause=by_admin(owner))
        told = mailed()
        assert told.keys() == {ADA, BO}
        assert BO in told[ADA]
        assert "set-password" not in told[ADA]
        link = re.search(r"https?://\S+/set-password/\S+", told[BO])
        assert link
        address = link[0].removeprefix(settings.MUSTER_URL)
        new = {"new_password1": "another long one", "new_password2": "another long one"}
        browser = Client()
        browser.post(browser.get(address)["Location"], new)
        owner.refresh_from_db()
        assert owner.check_password("another long one")
        assert mailed() == {}

    def test_twice_gives_the_first_no_link(self, org: Organization, owner: User) -> None:
        owners.hand_over(org=org, address=BO, cause=by_admin(owner))
        owners.hand_over(org=org, address="cleo@corp.example", cause=by_admin(owner))
        told = mailed()
        assert "cleo@corp.example" in told[BO]
        assert [address for address, text in told.items() if "set-password" in text] == ["cleo@corp.example"]

    def test_is_told_with_any_name_of_an_org(self, org: Organization, owner: User) -> None:  # N3
        org.name = "Acme\r\nBcc: eve@elsewhere.example"
        org.save()
        owners.hand_over(org=org, address=BO, cause=by_admin(owner))
        assert mailed().keys() == {ADA, BO}

    def test_is_a_change(self, org: Organization, owner: User) -> None:
        owners.hand_over(org=org, address=BO, cause=by_admin(owner))
        change = Change.objects.get()
        told = {"was": ADA, "now": BO, "owner": str(owner.id)}
        assert (change.verb, change.detail, change.by_person) == ("org.owner_changed", told, owner)

    def test_may_be_to_the_address_of_a_person(self, org: Organization, owner: User) -> None:  # O8
        bo = UserFactory.create(org=org, user_name=BO)
        owners.hand_over(org=org, address=BO, cause=by_admin(owner))
        bo.refresh_from_db()
        assert (bo.is_owner, bo.session_epoch) == (False, 0)

    @pytest.mark.parametrize(("address", "refusal"), [("bo", people.NotAnAddress), (ADA.upper(), owners.SameAddress)])
    def test_is_refused_without_another_address(
        self, address: str, refusal: Any, org: Organization, owner: User
    ) -> None:
        with pytest.raises(refusal):
            owners.hand_over(org=org, address=address, cause=by_admin(owner))


class TestThePage:
    def test_asks_for_the_address_twice_and_the_password(self, org: Organization, owner: User) -> None:
        browser = signed_in(owner)
        shown = browser.post(PAGE, {"address": BO}).content.decode()
        assert "You cannot take this back yourself" in shown
        for wrong in ({"again": "bob@corp.example", "password": PASSWORD}, {"again": BO, "password": "wrong"}):
            assert browser.post(PAGE, {"address": BO, **wrong}).context["form"].errors
        assert not Change.objects.exists()
        answer = browser.post(PAGE, {"address": BO, "again": BO.upper(), "password": PASSWORD}, follow=True)
        assert f"The owner account now belongs to {BO}" in answer.content.decode()
        assert User.objects.get(pk=owner.pk).user_name == BO

    def test_slows_down_who_tries_passwords(self, owner: User) -> None:  # L1
        browser = signed_in(owner)
        answers = [browser.post(PAGE, {"address": BO, "again": BO, "password": f"wrong {n}"}) for n in range(7)]
        assert [answer.status_code for answer in answers][-1] == 429

    def test_is_for_the_owner(self, org: Organization, owner: User) -> None:
        admin = signed_in(UserFactory.create(org=org, roles=["Admin"]))
        for answer in (admin.get(PAGE), admin.post(PAGE, {"address": BO})):
            assert (answer.status_code, "For the owner only" in answer.content.decode()) == (403, True)


class TestSupport:
    def test_sees_the_effects_first(self, org: Organization, owner: User) -> None:
        desk = signed_in(StaffFactory.create())
        address = f"/admin/orgs/organization/{org.pk}/hand-over/"
        assert address in desk.get(f"/admin/orgs/organization/{org.pk}/change/").content.decode()
        assert ADA in desk.get(address).content.decode()
        assert "already" in desk.post(address, {"address": ADA}).content.decode()
        assert "not an e-mail address" in desk.post(address, {"address": "x"}).content.decode()
        assert "every session" in desk.post(address, {"address": BO}).content.decode()
        assert not Change.objects.exists()
        desk.post(address, {"address": BO, "sure": "1"})
        assert User.objects.get(pk=owner.pk).user_name == BO
        assert mailed().keys() == {ADA, BO}

    def test_founds_an_org_whose_owner_is_mailed(self) -> None:
        desk = signed_in(StaffFactory.create())
        profile = str(Organization._meta.get_field("profile").related_model.objects.get(key="testomat").pk)  # type: ignore[union-attr]
        form = {"name": "Acme", "slug": "", "owner": ADA, "plan": "enterprise", "profile": profile, "teams": "on"}
        form |= {"domains": "corp.example", "group_provisioning_activated": "on", "sso_configured": "on"}
        address = "/admin/orgs/organization/add/"
        assert desk.post(address, form | {"owner": "ada"}).status_code == 200
        assert (
            desk.post(address, form | {"group_provisioning": "on", "group_provisioning_activated": ""}).status_code
            == 200
        )
        assert not Organization.objects.exists()
        assert desk.post(address, form).status_code == 302
        org = Organization.objects.get()
        told = (org.slug, org.plan, org.teams, org.concurrency_groups, org.group_provisioning_activated)
        assert told == ("acme", "enterprise", True, False, True)
        assert [domain.name for domain in org.verified_domains.all()] == ["corp.example"]
        owner = User.objects.for_org(org).get()
        assert (owner.user_name, owner.is_owner, owner.standing.roles) == (ADA, True, ["qa"])
        assert "set-password" in mailed()[ADA]
        assert Change.objects.get(verb="org.founded").by_person is not None
        again = desk.post(address, form | {"name": "Acme!"})
        assert "Another organization has this slug" in again.content.decode()

    def test_deletes_an_org_by_typing_its_slug(self, org: Organization, owner: User) -> None:
        desk = signed_in(StaffFactory.create())
        address = f"/admin/orgs/organization/{org.pk}/delete/"
        assert "people: 1" in desk.get(address).content.decode()
        assert "This is not the slug" in desk.post(address, {"slug": org.slug + "x"}).content.decode()
        assert Organization.objects.get(pk=org.pk).closed_at is None
        shown = desk.post(address, {"slug": org.slug}, follow=True).content.decode()
        assert "is closed and being deleted" in shown
        assert "Waiting for a worker" in shown
        assert Organization.objects.get(pk=org.pk).closed_at is not None
        assert "Being deleted" in desk.get("/admin/orgs/organization/").content.decode()
        assert desk.get(f"/admin/orgs/organization/{org.pk}/hand-over/").status_code == 403
        assert desk.get(address)["Location"] == "/admin/orgs/orgdeletion/"
