"""Mails about who gets access: domains, and the admin role by hand (SPEC N3)."""

import pytest
from django.core import mail
from django.utils import timezone

from groups_provisioning.actions import accepting, account_switches, erasing, manual_changes
from groups_provisioning.actions.accepting import Name
from orgs import deletions, domains, invitations, setup_links, txt_records
from orgs.history import Cause
from orgs.models import Door, Mail, Organization, Purpose, User, VerifiedDomain
from orgs.tasks import send_mails
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory, UserFactory
from tests.groups_provisioning.world import by_admin, by_command

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(org: Organization) -> User:
    return OwnerFactory.create(org=org, user_name="ada@corp.example", display_name="Ada")


@pytest.fixture
def grace(org: Organization, ada: User) -> User:
    return UserFactory.create(org=org, user_name="grace@corp.example", display_name="Grace", roles=["Admin"])


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """The TXT records of every domain, by name."""
    there: dict[str, set[str]] = {}
    monkeypatch.setattr(txt_records, "texts", lambda name: there.get(name, set()))
    return there


def told() -> list[str]:
    """The lines of the one mail about access that each reader got."""
    send_mails()
    bodies = {sent.body for sent in mail.outbox if sent.subject == "Muster: who has access was changed"}
    mail.outbox.clear()
    return [line[2:] for body in bodies for line in str(body).splitlines() if line.startswith("- ")]


def beginning(lines: list[str]) -> list[str]:
    return [line.partition(". ")[0] for line in lines]


class TestDomains:
    def test_are_told_of_as_they_come_and_go(
        self, org: Organization, grace: User, records: dict[str, set[str]]
    ) -> None:
        domains.ask(org=org, name="corp.example", cause=by_admin(grace))
        assert beginning(told()) == ["The domain corp.example was added"]
        pending = org.pending_domains.get()
        records["corp.example"] = {domains.record_value(pending)}
        domains.verify(org=org, name="corp.example", cause=by_admin(grace))
        (line,) = told()
        assert line.startswith("The domain corp.example was verified. Grace, ")
        records.clear()
        for _ in range(2):
            with pytest.raises(domains.NotProven):
                domains.read_again(VerifiedDomain.objects.get(), at=timezone.now())
        (line,) = told()
        assert line.startswith("The DNS record that proved the domain corp.example is gone. ")
        domains.remove(org=org, name="corp.example", cause=by_admin(grace))
        assert beginning(told()) == ["The domain corp.example was removed"]
        assert told() == []

    def test_that_support_lists_are_told_of_one_by_one(self, org: Organization, grace: User) -> None:
        support = by_admin(StaffFactory.create())
        domains.keep(org=org, names=["a.example", "b.example"], cause=support)
        assert beginning(told()) == ["The domain a.example was verified", "The domain b.example was verified"]
        domains.keep(org=org, names=["b.example", "c.example"], cause=support)
        (added, removed) = told()
        assert added.startswith("The domain c.example was verified. Support, ")
        assert removed.startswith("The domain a.example was removed. Support, ")

    def test_that_are_there_already_are_no_news(self, org: Organization, grace: User) -> None:
        for _ in range(2):
            domains.ask(org=org, name="corp.example", cause=by_admin(grace))
        assert len(told()) == 1
        domains.remove(org=org, name="corp.example", cause=by_admin(grace))  # which nobody had proved
        assert told() == []

    def test_asked_for_through_a_setup_link_are_told_of_once(self, org: Organization, grace: User) -> None:
        """By the mail about the link."""
        link = setup_links.make(org=org, purpose=Purpose.DOMAIN, recipient="Carol", cause=by_admin(grace)).link
        setup_links.ask_domain(link=link, name="corp.example", cause=Cause(Door.LINK, timezone.now()))
        assert told() == []


class TestTheAdminRole:
    def test_given_and_taken_by_hand_is_told_of(self, org: Organization, grace: User) -> None:
        bo = UserFactory.create(org=org, display_name="Bo Lind")

        def give(*roles: str) -> list[str]:
            manual_changes.set_roles(org=org, user_id=bo.id, roles=roles, cause=by_admin(grace))
            return beginning(told())

        assert give("Admin") == ["Bo Lind was made an admin"]
        assert give("Admin", "Member") == []
        assert give("Member") == ["Bo Lind is no longer an admin"]
        assert give() == []

    def test_is_told_of_where_it_counts(self, org: Organization, grace: User) -> None:
        """Roles by hand count only where the identity provider writes none (SPEC R1)."""
        bo = UserFactory.create(org=org, idp_roles=["Member"])
        manual_changes.set_roles(org=org, user_id=bo.id, roles=["Admin"], cause=by_admin(grace))
        assert told() == []

    def test_of_somebody_who_was_invited_is_told_of_when_they_accept(self, org: Organization, grace: User) -> None:
        for address, role in (("bo@corp.example", "Admin"), ("cy@corp.example", "Member")):
            invitations.invite(org=org, addresses=[address], roles=[role], days=7, cause=by_admin(grace))
        send_mails()
        secrets = [str(sent.body).partition("/invitation/")[2].partition("/")[0] for sent in mail.outbox]
        mail.outbox.clear()
        for secret in secrets:
            accepting.accept(secret=secret, name=Name("Bo", "Lind"), password="correct horse", at=timezone.now())
        (line,) = told()
        assert line.startswith("Bo Lind was made an admin. Grace, ")


class TestTheMail:
    def test_goes_once_to_each_owner_and_admin_of_that_org(self, org: Organization, grace: User) -> None:
        other = OrganizationFactory.create()
        OwnerFactory.create(org=other, user_name="eve@other.example")
        UserFactory.create(org=org, user_name="ADA@corp.example", roles=["Admin"])  # an admin beside the owner
        UserFactory.create(org=org, roles=["Admin"], active=False)
        UserFactory.create(org=org)
        domains.ask(org=org, name="corp.example", cause=by_admin(grace))
        send_mails()
        send_mails()
        assert sorted(sent.to for sent in mail.outbox) == [["ada@corp.example"], ["grace@corp.example"]]

    def test_is_of_bounded_length_and_has_no_link_that_somebody_else_wrote(
        self, org: Organization, grace: User
    ) -> None:  # N3
        User.objects.filter(pk=grace.pk).update(display_name="see\nhttps://evil.example " + "x" * 200)
        grace.refresh_from_db()
        support = by_admin(grace)
        domains.keep(org=org, names=[f"number{number}.example" for number in range(45)], cause=support)
        send_mails()
        body = str(mail.outbox[0].body)
        assert "- And 25 more changes." in body
        assert "https://evil" not in body
        assert len(body) < 5000

    def test_is_none_for_an_org_that_is_being_deleted(self, org: Organization, grace: User) -> None:
        domains.ask(org=org, name="corp.example", cause=by_admin(grace))
        deletions.begin(org=org, cause=by_command())
        assert told() == []
        while deletions.advance(seconds=5):
            pass
        assert not Mail.objects.exists()

    def test_names_nobody_who_was_erased_meanwhile(self, org: Organization, grace: User) -> None:  # U5
        bo = UserFactory.create(org=org, display_name="Bo Lind")
        manual_changes.set_roles(org=org, user_id=bo.id, roles=["Admin"], cause=by_admin(grace))
        account_switches.deactivate(org=org, user_id=bo.id, cause=by_admin(grace))
        erasing.erase(org=org, user_id=bo.id, cause=by_admin(grace))
        assert told() == []
