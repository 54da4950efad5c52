"""Who it is that a provider names."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from orgs import erasures, invitations
from orgs.history import Cause
from orgs.models import Door, Erasure, IdentityLink, Invitation, Organization, User
from sso import connections, identification
from sso.connections import Facts
from sso.identification import Meant
from sso.identities import Identity
from sso.models import Connection, Revision
from sso.refusals import Reason, Refused
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory, UserFactory
from tests.sso.oidc.issuer import CLIENT, ISSUER, NOW, SECRET

pytestmark = pytest.mark.django_db


@pytest.fixture
def org() -> Organization:
    org = OrganizationFactory.create()
    org.verified_domains.create(name="acme.example", verified_at=timezone.now())
    return org


def refusal(call: Any) -> Reason:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.reason


class TestTheUserName:
    def test_is_the_usual_claim_or_the_one_that_was_chosen(self, org: Organization) -> None:  # L4
        claims = {"preferred_username": "ada@acme.example", "upn": "a1"}
        assert identification.user_name(org, claims, claim="") == "ada@acme.example"
        assert identification.user_name(org, claims, claim="upn") == "a1"

    @pytest.mark.parametrize("value", [None, "", 7, ["ada"], "a\0da", "x" * 256])
    def test_is_a_text(self, org: Organization, value: object) -> None:
        assert refusal(lambda: identification.user_name(org, {"upn": value}, claim="upn")) == Reason.NO_NAME

    @pytest.mark.parametrize("email", ["ada@acme.example", "Ada@ACME.example"])
    def test_is_an_address_that_is_verified_in_both_ways(self, org: Organization, email: str) -> None:  # L4
        claims = {"email": email, "email_verified": True}
        assert identification.user_name(org, claims, claim="email") == email

    @pytest.mark.parametrize(
        "claims",
        [
            {"email": "ada@acme.example"},
            {"email": "ada@acme.example", "email_verified": False},
            {"email": "ada@acme.example", "email_verified": "true"},
            {"email": "ada@other.example", "email_verified": True},
            {"email": "ada@sub.acme.example", "email_verified": True},
            {"email": "ada", "email_verified": True},
        ],
    )
    def test_is_no_other_address(self, org: Organization, claims: dict[str, Any]) -> None:  # L4
        name = lambda: identification.user_name(org, claims, claim="email")  # noqa: E731
        assert refusal(name) == Reason.EMAIL_NOT_VERIFIED

    def test_is_never_an_address_unless_that_was_chosen(self, org: Organization) -> None:  # L4
        claims = {"email": "ada@acme.example", "email_verified": True}
        assert refusal(lambda: identification.user_name(org, claims, claim="")) == Reason.NO_NAME


def drafted(org: Organization, **facts: Any) -> Revision:
    made = connections.draft(org=org, facts=Facts(ISSUER, CLIENT, SECRET, **facts), cause=Cause(Door.PAGE, NOW))
    return Revision.objects.select_related("connection__org").get(id=made.id)


def identity(name: str | None, subject: str = "1", issuer: str = ISSUER, **claims: Any) -> Identity:
    named = {} if name is None else {"preferred_username": name}
    return Identity(issuer, subject, {"sub": subject} | named | claims)


def link(user: User, subject: str = "1", issuer: str = ISSUER) -> IdentityLink:
    return IdentityLink.objects.create(
        org=user.org, user=user, issuer=issuer, subject=subject, linked_at=NOW, last_used_at=NOW
    )


@pytest.fixture
def revision(org: Organization) -> Revision:
    return drafted(org)


@pytest.fixture
def ada(org: Organization) -> User:
    return UserFactory.create(org=org, user_name="Ada@acme.example")


def meant(revision: Revision, name: str | None, **more: Any) -> Meant:
    return identification.meant_by(identity(name, **more), revision=revision, now=NOW)


def nobody(revision: Revision, name: str | None, **more: Any) -> tuple[Reason, str]:
    with pytest.raises(Refused) as refused:
        meant(revision, name, **more)
    return refused.value.reason, refused.value.detail


class TestTheUserNameSays:
    def test_who_it_is_in_any_case_of_letters(self, revision: Revision, ada: User) -> None:  # L4
        assert meant(revision, "ADA@acme.example") == Meant(ada, "Ada@acme.example")

    def test_nothing_of_another_org(self, revision: Revision) -> None:  # L4, O7
        UserFactory.create(user_name="ada")
        assert nobody(revision, "ada") == (Reason.NOBODY, "ada")

    def test_nothing_by_an_address(self, revision: Revision, org: Organization) -> None:  # L4
        emails = [{"value": "ada@acme.example"}]
        UserFactory.create(org=org, user_name="ada", attributes={"emails": emails}, email_keys=["ada@acme.example"])
        assert nobody(revision, "ada@acme.example")[0] == Reason.NOBODY

    def test_nothing_of_the_owner_and_support(self, revision: Revision, org: Organization) -> None:  # L4
        for somebody in (OwnerFactory.create(org=org), StaffFactory.create()):
            assert nobody(revision, somebody.user_name)[0] == Reason.NOBODY

    def test_who_it_is_beside_an_owner_of_the_same_name(self, revision: Revision, org: Organization) -> None:  # O8
        owner = OwnerFactory.create(org=org)
        beside = UserFactory.create(org=org, user_name=owner.user_name)
        assert meant(revision, owner.user_name).person == beside

    def test_that_somebody_is_deactivated_or_deleted(self, revision: Revision, ada: User) -> None:  # L4
        ada.active = False
        ada.save()
        assert nobody(revision, "ada@acme.example") == (Reason.DEACTIVATED, "Ada@acme.example")
        ada.deleted_at, ada.login_email = timezone.now(), None
        ada.save()
        assert nobody(revision, "ada@acme.example") == (Reason.DELETED, "ada@acme.example")


class TestALinkedSubject:
    def test_wins_over_the_userName(self, revision: Revision, ada: User, org: Organization) -> None:  # L4
        link(ada)
        UserFactory.create(org=org, user_name="ben@acme.example")
        for name in ("ben@acme.example", "nobody", None):
            assert meant(revision, name) == Meant(ada, "Ada@acme.example", is_linked=True)

    def test_is_of_one_issuer_and_one_org(self, revision: Revision, ada: User, org: Organization) -> None:  # L2, O7
        link(UserFactory.create())
        link(UserFactory.create(org=org), issuer="https://other.example")
        assert nobody(revision, "nobody")[0] == Reason.NOBODY
        assert meant(revision, "ada@acme.example").person == ada

    def test_keeps_another_out_who_has_got_the_userName(self, revision: Revision, ada: User) -> None:  # L4
        link(ada)
        assert nobody(revision, "ada@acme.example", subject="2") == (Reason.LINKED_TO_ANOTHER, "Ada@acme.example")
        link(ada, issuer="https://other.example", subject="2")
        assert meant(revision, "ada@acme.example", subject="2", issuer="https://third.example").person == ada

    def test_is_let_in_while_they_are_active(self, revision: Revision, ada: User) -> None:  # L4, U4
        link(ada)
        User.objects.filter(id=ada.id).update(active=False)
        assert nobody(revision, None) == (Reason.DEACTIVATED, "Ada@acme.example")


class TestTheExternalId:
    @pytest.fixture
    def revision(self, org: Organization) -> Revision:
        return drafted(org, external_id_claim="oid")

    @pytest.fixture
    def ada(self, org: Organization) -> User:
        return UserFactory.create(org=org, user_name="ada@acme.example", external_id="A1")

    def test_wins_over_the_userName(self, revision: Revision, ada: User, org: Organization) -> None:  # L4
        UserFactory.create(org=org, user_name="ben@acme.example")
        for name in ("ada@acme.example", "renamed@acme.example", "ben@acme.example", None):
            assert meant(revision, name, oid="A1").person == ada

    def test_keeps_somebody_else_out_who_has_got_the_userName(self, revision: Revision, ada: User) -> None:  # L4
        for other in ("B2", "a1"):
            assert nobody(revision, "Ada@acme.example", oid=other) == (Reason.OTHER_EXTERNAL_ID, "Ada@acme.example")

    def test_says_nothing_about_somebody_without_one(self, revision: Revision, org: Organization) -> None:  # L4
        invited = UserFactory.create(org=org, user_name="ben@acme.example", scim_managed=False)
        assert meant(revision, "ben@acme.example", oid="B2").person == invited

    @pytest.mark.parametrize("odd", [None, "", 7, ["A1"], "A1\0", "A" * 256])
    def test_has_to_come(self, revision: Revision, ada: User, odd: object) -> None:  # L4
        assert nobody(revision, "ada@acme.example", oid=odd) == (Reason.BAD_CLAIM, "oid")

    def test_that_several_have_says_nothing(self, revision: Revision, ada: User, org: Organization) -> None:
        UserFactory.create(org=org, external_id="A1")
        assert nobody(revision, "ada@acme.example", oid="A1") == (Reason.SEVERAL_PEOPLE, "oid")

    def test_of_somebody_who_was_deleted_makes_nobody_under_a_new_name(
        self, revision: Revision, ada: User
    ) -> None:  # L5
        Connection.objects.update(creates_people=True)
        revision.connection.refresh_from_db()
        User.objects.filter(id=ada.id).update(active=False, login_email=None, deleted_at=NOW)
        assert nobody(revision, "renamed@acme.example", oid="A1")[0] == Reason.DELETED
        assert meant(revision, "another@acme.example", oid="C3").person is None


class TestAnAccountIsMade:
    @pytest.fixture
    def revision(self, org: Organization) -> Revision:
        revision = drafted(org)
        revision.connection.creates_people = True
        return revision

    def test_for_an_address_in_a_verified_domain(self, revision: Revision) -> None:  # L5
        assert meant(revision, "New@ACME.example") == Meant(None, "New@ACME.example")

    @pytest.mark.parametrize(
        "name",
        [
            "new",
            "acme.example",
            "@acme.example",
            "a b@acme.example",
            "new@other.example",
            "new@sub.acme.example",
            "new@acme.example@other.example",
            "n" * 242 + "@acme.example",
        ],
    )
    def test_for_nothing_else(self, revision: Revision, name: str) -> None:  # L5, O6
        assert nobody(revision, name) == (Reason.NO_ACCOUNT, name)

    def test_only_where_the_org_has_switched_it_on(self, org: Organization) -> None:  # L5
        assert nobody(drafted(org), "new@acme.example")[0] == Reason.NOBODY

    def test_for_nobody_who_was_erased(self, revision: Revision, org: Organization, settings: Settings) -> None:  # U5
        gone = UserFactory.create(org=org, active=False, deleted_at=NOW, login_email=None)
        digest = erasures.digest(org.id, "Gone@acme.example")
        Erasure.objects.create(user=gone, org=org, at=NOW, name_digest=digest, traces={})
        assert nobody(revision, "gone@acme.example") == (Reason.DELETED, "gone@acme.example")
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = (
            "another key, of 32 characters or more",
            [settings.SECRET_KEY],
        )
        assert nobody(revision, "gone@acme.example") == (Reason.DELETED, "gone@acme.example")
        assert meant(revision, "gone2@acme.example").person is None
        assert not erasures.was_erased(OrganizationFactory.create(), "gone@acme.example")


class TestWhoeverWasInvited:
    @pytest.fixture
    def invitation(self, org: Organization) -> Invitation:
        cause = Cause(Door.PAGE, NOW)
        return invitations.invite(org=org, addresses=["Eve@acme.example"], roles=["Admin"], days=7, cause=cause)[0]

    def test_is_known_by_the_userName(self, revision: Revision, invitation: Invitation) -> None:  # U13
        assert meant(revision, "eve@acme.example") == Meant(None, "Eve@acme.example", invitation=invitation)

    def test_is_so_while_the_invitation_is_good(self, revision: Revision, invitation: Invitation) -> None:  # U13
        late = NOW + timedelta(days=7)
        with pytest.raises(Refused):
            identification.meant_by(identity("eve@acme.example"), revision=revision, now=late)
        invitations.revoke(org=revision.org, invitation_id=invitation.id, cause=Cause(Door.PAGE, NOW))
        assert nobody(revision, "eve@acme.example")[0] == Reason.NOBODY

    def test_is_so_in_this_org_and_its_domains(self, revision: Revision, invitation: Invitation) -> None:  # O6, O7
        assert nobody(drafted(OrganizationFactory.create()), "eve@acme.example")[0] == Reason.NOBODY
        revision.org.verified_domains.update(name="other.example")
        assert nobody(revision, "eve@acme.example")[0] == Reason.NOBODY
