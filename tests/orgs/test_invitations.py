"""Invitations by mail, up to the moment at which somebody accepts."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from groups_provisioning.actions import account_switches
from orgs import domains, invitations, outbox
from orgs.catalogue import UnknownRole
from orgs.invitations import Conflicts, NotOpen, Reason
from orgs.models import Change, Ending, Invitation, Mail, Organization, User
from orgs.tasks import send_mails
from tests import mail_server
from tests.factories import OwnerFactory, UserFactory
from tests.groups_provisioning.world import by_admin, by_command

pytestmark = pytest.mark.usefixtures("db")

CLEO = "cleo@partner.example"


def invite(org: Organization, *addresses: str, by: User | None = None, **more: Any) -> Invitation:
    """The last of some invitations."""
    options = {"roles": ["Member"], "days": 7} | more
    return invitations.invite(org=org, addresses=addresses or [CLEO], cause=by_admin(by), **options)[-1]


def mailed() -> str:
    """The secret in the last mail, once the waiting ones are sent."""
    send_mails()
    return secret_in(mail.outbox[-1])


def secret_in(sent: Any) -> str:
    return _secret(sent.body)


def secret_of(invitation: Invitation) -> str:
    """The secret in the mail of an invitation that waits to be sent."""
    return _secret(outbox.content_of(Mail.objects.get(about=invitation.pk)).text)


def _secret(text: str) -> str:
    (line,) = (line for line in text.splitlines() if "/invitation/" in line)
    return line.rstrip("/").rpartition("/")[2]


class TestInviting:
    def test_mails_each_address_a_link_of_its_own(self, org: Organization) -> None:  # U13
        invite(org, CLEO, "dora@partner.example")
        mailed()
        assert sorted(sent.to for sent in mail.outbox) == [[CLEO], ["dora@partner.example"]]
        assert mail.outbox[0].body != mail.outbox[1].body
        send_mails()
        assert len(mail.outbox) == 2

    def test_says_the_org_the_role_and_the_end_in_plain_text(self, org: Organization) -> None:  # N3
        Organization.objects.filter(pk=org.pk).update(name="Evil http://phish.example Ltd")
        invite(org)
        mailed()
        (sent,) = mail.outbox
        assert "as Member" in sent.body
        assert "until" in sent.body
        assert "http://phish" not in sent.body
        assert sent.content_subtype == "plain"

    def test_stores_the_secret_as_a_hash_alone(self, org: Organization) -> None:
        invitation = invite(org)
        secret = mailed()
        stored = str(Invitation.objects.filter(pk=invitation.pk).values().get())
        assert secret not in stored
        assert invitations.of_secret(secret, at=timezone.now()) == invitation

    def test_mails_with_any_name_of_an_org(self, org: Organization) -> None:  # N3
        org.name = "Acme\r\nBcc: eve@elsewhere.example"
        org.save()
        invite(org)
        send_mails()
        assert [sent.subject for sent in mail.outbox] == [
            "You are invited to Acme Bcc: eve@elsewhere.example on Muster"
        ]

    def test_notes_what_the_mail_server_took_and_what_it_refused(
        self, org: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        invite(org, CLEO, "dora@partner.example")
        with mail_server.running() as server:
            mail_server.used_by_the_portal(server, monkeypatch)
            server.answer = lambda command, about: "550 unknown" if command == "RCPT" and about == CLEO else None
            send_mails()
        assert server.recipients == ["dora@partner.example"]
        refused, sent = Invitation.objects.order_by("address")
        assert (refused.refused, refused.sent_at, refused.digest) == (True, None, None)
        assert (sent.refused, sent.sent_at is not None, sent.digest is not None) == (False, True, True)

    @pytest.mark.parametrize("end", [invitations.revoke, invitations.resend])
    def test_does_not_mail_a_link_that_has_ended_meanwhile(self, org: Organization, end: Any) -> None:
        first = invite(org)
        end(org=org, invitation_id=first.id, cause=by_command())
        send_mails()
        assert len(mail.outbox) == (1 if end is invitations.resend else 0)
        if mail.outbox:
            assert invitations.of_secret(secret_in(mail.outbox[0]), at=timezone.now()) == first

    def test_is_one_change(self, org: Organization) -> None:
        invite(org, CLEO, "dora@partner.example")
        change = Change.objects.get(verb="invitation.sent")
        assert len(change.detail["invitations"]) == 2
        assert CLEO not in str(change.detail)

    def test_is_refused_for_a_role_that_the_profile_does_not_have(self, org: Organization) -> None:
        with pytest.raises(UnknownRole):
            invite(org, roles=["Chef"])

    def test_ends_at_so_many_an_hour(self, org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(invitations, "AN_HOUR", 2)
        invite(org, CLEO, "dora@partner.example")
        with pytest.raises(invitations.TooMany):
            invite(org, "eve@partner.example")
        Invitation.objects.update(invited_at=timezone.now() - timedelta(hours=2))
        invite(org, "eve@partner.example")

    CONFLICTS = {
        "not an address": Reason.NOT_AN_ADDRESS,
        "cleo@elsewhere.example": Reason.FOREIGN_DOMAIN,
        "ACTIVE@partner.example": Reason.PERSON,
        "inactive@partner.example": Reason.INACTIVE,
        "deleted@partner.example": Reason.DELETED,
        "back@partner.example": Reason.PERSON,
        "Invited@partner.example": Reason.INVITED,
    }

    def test_tells_every_conflict_and_invites_nobody(self, org: Organization) -> None:
        domains.keep(org=org, names=["partner.example"], cause=by_command())
        for name in ("active", "back"):
            UserFactory.create(org=org, user_name=f"{name}@partner.example")
        UserFactory.create(org=org, user_name="inactive@partner.example", active=False)
        gone = {"active": False, "deleted_at": timezone.now(), "login_email": None}
        for name in ("deleted", "back"):
            UserFactory.create(org=org, user_name=f"{name}@partner.example", **gone)
        UserFactory.create(user_name=CLEO)  # another org's: no obstacle, and no hint (O6)
        invite(org, "invited@partner.example")
        with pytest.raises(Conflicts) as refusal:
            invite(org, CLEO, *self.CONFLICTS)
        assert {each.address: each.reason for each in refusal.value.conflicts} == self.CONFLICTS
        assert {each.person.user_name for each in refusal.value.conflicts if each.person} == {
            f"{name}@partner.example" for name in ("active", "inactive", "deleted", "back")
        }
        assert not Invitation.objects.filter(address=CLEO).exists()

    def test_may_be_to_the_owners_address(self, org: Organization) -> None:  # O8
        invite(org, OwnerFactory.create(org=org).user_name)


class TestResending:
    def test_replaces_the_link_and_counts_anew(self, org: Organization) -> None:
        invitation = invite(org, days=1)
        first = mailed()
        ago = timezone.now() - timedelta(days=3)
        Invitation.objects.update(sent_at=ago, expires_at=ago + timedelta(days=1))
        with pytest.raises(NotOpen):
            invitations.of_secret(first, at=timezone.now())
        invitations.resend(org=org, invitation_id=invitation.id, cause=by_admin())
        second = mailed()
        assert invitations.of_secret(second, at=timezone.now()) == invitation
        with pytest.raises(NotOpen):
            invitations.of_secret(first, at=timezone.now())

    def test_waits_some_minutes(self, org: Organization) -> None:
        invitation = invite(org)
        mailed()
        with pytest.raises(invitations.SentJustNow):
            invitations.resend(org=org, invitation_id=invitation.id, cause=by_admin())

    def test_is_for_what_is_open_in_this_org(self, org: Organization) -> None:  # O7
        theirs = invite(UserFactory.create().org)
        for act in (invitations.resend, invitations.revoke):
            with pytest.raises(NotOpen):
                act(org=org, invitation_id=theirs.id, cause=by_admin())


class TestTheEnd:
    def test_of_a_revoked_one_is_at_once(self, org: Organization) -> None:
        invitation = invite(org)
        secret = mailed()
        invitations.revoke(org=org, invitation_id=invitation.id, cause=by_admin())
        with pytest.raises(NotOpen):
            invitations.of_secret(secret, at=timezone.now())
        invite(org)

    @pytest.mark.parametrize("how", ["deactivated", "deleted"])
    def test_comes_with_the_account_of_the_sender_and_of_the_address(  # U4
        self, how: str, org: Organization, idp: Any
    ) -> None:
        anna = UserFactory.create(org=org, roles=["Admin"])
        UserFactory.create(org=org, roles=["Admin"])
        sent = invite(org, by=anna)
        other = invite(org, "dora@partner.example")
        dora = UserFactory.create(org=org, user_name="Dora@partner.example")
        for person in (anna, dora):
            if how == "deleted":
                idp.delete(f"/Users/{person.id}")
            else:
                idp.patch(f"/Users/{person.id}", {"op": "replace", "path": "active", "value": False})
        ended = Invitation.objects.filter(ending=Ending.DEACTIVATED, digest=None)
        assert set(ended) == {sent, other}

    def test_comes_also_when_support_deactivates(self, org: Organization) -> None:
        anna = UserFactory.create(org=org, roles=["Admin"])
        sent = invite(org, by=anna)
        account_switches.deactivate(org=org, user_id=anna.id, cause=by_admin())
        sent.refresh_from_db()
        assert sent.ending == Ending.DEACTIVATED
