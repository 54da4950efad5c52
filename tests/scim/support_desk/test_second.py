"""Support is the second person where an admin is alone (SPEC T6, N4)."""

import pytest
from django.test import Client
from django.urls import reverse

from groups_provisioning.proposals import gate
from orgs import proposals
from orgs.models import Change, Mail, Organization, Proposal, User
from orgs.staff_groups import StaffRole
from tests.conftest import signed_in
from tests.factories import OwnerFactory, StaffFactory, UserFactory
from tests.groups_provisioning.world import by_admin, person
from tests.page_text import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Client:
    return signed_in(StaffFactory.create(role=StaffRole.SUPPORT))


@pytest.fixture
def owner(org: Organization) -> User:
    Organization.objects.filter(pk=org.pk).update(two_persons=True)
    return OwnerFactory.create(org=org)


@pytest.fixture
def asked(org: Organization, owner: User) -> Proposal:
    """The owner, who has no other admin, asks that Bo becomes one."""
    wish = {"do": "set_roles", "user": str(person(org, "Bo", "Diddley").id), "roles": ["Admin"]}
    seen = gate.fingerprint(org, wish)
    return proposals.propose(org=org, wish=wish, fingerprint=seen, cause=by_admin(owner))


def page_of(proposal: Proposal) -> str:
    return reverse("admin:second", args=[proposal.org_id, proposal.id])


class TestWhatAnAdminAsksWhoIsAlone:
    def test_is_listed_and_approved_by_support_and_the_owner_is_mailed(
        self, desk: Client, org: Organization, owner: User, asked: Proposal
    ) -> None:  # T6
        assert page_of(asked) in desk.get(reverse("admin:org", args=[org.pk])).content.decode()
        shown = desk.get(page_of(asked))
        assert "Give Bo Diddley (bo@corp.example) the role Admin by hand" in text(shown)
        desk.post(page_of(asked), {"_seen": shown.context["seen"]})
        asked.refresh_from_db()
        assert asked.state == "approved"
        assert asked.decided_by is not None
        assert asked.decided_by.is_staff
        assert Change.objects.get(verb="user.roles_set").by_person == asked.decided_by
        assert Mail.objects.filter(person=owner, about=asked.id).exists()
        told = signed_in(owner).get(f"/activity/{Change.objects.get(verb='user.roles_set').id}/")
        assert "approved by support" in text(told)

    def test_is_not_for_those_who_may_only_look(self, asked: Proposal) -> None:  # N4
        desk = signed_in(StaffFactory.create(role=StaffRole.READ_ONLY))
        assert desk.get(page_of(asked)).status_code == 403
        assert page_of(asked) not in desk.get(reverse("admin:org", args=[asked.org_id])).content.decode()

    def test_is_not_for_support_while_another_admin_can(self, desk: Client, org: Organization, asked: Proposal) -> None:
        UserFactory.create(org=org, roles=["Admin"], created_at=org.created_at)
        assert "does not wait for support" in text(desk.get(page_of(asked), follow=True))
        assert "Another admin decides" in text(desk.get(reverse("admin:org", args=[org.pk])))
        desk.post(page_of(asked), {"_seen": asked.fingerprint})
        asked.refresh_from_db()
        assert asked.state == "open"
