"""Accepting an invitation makes a person."""

import pytest
from django.utils import timezone

from groups_provisioning.actions import accepting, account_switches, erasing
from groups_provisioning.actions.accepting import Name
from groups_provisioning.pages.activity import change_words
from groups_provisioning.pages.activity.change_list import Wanted
from orgs import domains, invitations
from orgs.db.sealed import hashed
from orgs.invitations import Conflicts, NotOpen, Reason
from orgs.models import Change, Ending, Invitation, LedgerEntry, Organization, Standing, User
from tests.conftest import Idp
from tests.factories import UserFactory
from tests.groups_provisioning.world import by_admin, by_command
from tests.orgs.test_invitations import CLEO, invite, mailed

pytestmark = pytest.mark.usefixtures("db")


def accept(secret: str) -> User:
    return accepting.accept(secret=secret, name=Name("Cleo", "Adler"), password="a long enough one", at=timezone.now())


def test_makes_a_person_with_the_role_whom_scim_does_not_manage(org: Organization) -> None:  # U13
    invitation = invite(org, roles=["Admin"])
    cleo = accept(mailed())
    assert (cleo.user_name, cleo.login_email, cleo.scim_managed, cleo.manual_roles) == (CLEO, CLEO, False, ["Admin"])
    assert cleo.check_password("a long enough one")
    assert Standing.objects.get(user=cleo).roles == ["Admin"]
    invitation.refresh_from_db()
    assert (invitation.ending, invitation.user) == (Ending.ACCEPTED, cleo)
    change = Change.objects.get(verb="user.joined")
    assert change.by_person == cleo
    assert set(LedgerEntry.objects.filter(change=change).values_list("slot", flat=True)) == {"account", "roles"}


def test_of_a_union_profile_gives_every_role() -> None:
    user = UserFactory.create(org__dialect="testomat")
    assert user.org
    invite(user.org, roles=["qa", "billing"])
    assert Standing.objects.get(user=accept(mailed())).roles == ["billing", "qa"]


def test_works_once(org: Organization) -> None:
    invite(org)
    secret = mailed()
    accept(secret)
    with pytest.raises(NotOpen):
        accept(secret)
    assert User.objects.for_org(org).count() == 1


def test_leaves_the_person_to_scim_when_it_creates_them(org: Organization, idp: Idp) -> None:  # U3
    invite(org, roles=["Admin"])
    cleo = accept(mailed())
    answer = idp.post("/Users", {"userName": CLEO.upper(), "name": {"givenName": "Cleopatra"}})
    assert (answer.status_code, answer.json()["id"]) == (201, str(cleo.id))
    cleo.refresh_from_db()
    assert (cleo.scim_managed, cleo.given_name, cleo.manual_roles) == (True, "Cleopatra", ["Admin"])
    assert cleo.check_password("a long enough one")


@pytest.mark.parametrize("reason", [Reason.PERSON, Reason.INACTIVE, Reason.DELETED, Reason.FOREIGN_DOMAIN])
def test_is_refused_for_what_has_happened_since(reason: Reason, org: Organization, idp: Idp) -> None:  # L5
    invite(org)
    secret = mailed()
    if reason == Reason.FOREIGN_DOMAIN:
        domains.keep(org=org, names=["corp.example"], cause=by_command())
    else:
        user_id = idp.post("/Users", {"userName": CLEO}).json()["id"]
        if reason == Reason.INACTIVE:
            idp.patch(f"/Users/{user_id}", {"op": "replace", "path": "active", "value": False})
        if reason == Reason.DELETED:
            idp.delete(f"/Users/{user_id}")
        Invitation.objects.update(ended_at=None, ending="", digest=hashed(secret))
    with pytest.raises(Conflicts) as refusal:
        accept(secret)
    assert refusal.value.conflicts[0].reason == reason
    assert not User.objects.filter(user_name=CLEO, scim_managed=False).exists()


def test_leaves_nothing_of_who_is_erased(org: Organization) -> None:  # U5
    invite(org)
    cleo = accept(mailed())
    other = invite(org, "dora@partner.example")
    account_switches.deactivate(org=org, user_id=cleo.id, cause=by_admin())
    erasing.erase(org=org, user_id=cleo.id, cause=by_admin())
    assert list(Invitation.objects.all()) == [other]
    sent = Change.objects.filter(verb="invitation.sent").earliest("id")
    known = change_words.names(org, [sent], [], Wanted())
    assert change_words.change(sent, known) == "somebody who was erased was invited as Member"


def test_is_refused_once_revoked(org: Organization) -> None:
    invitation = invite(org)
    secret = mailed()
    invitations.revoke(org=org, invitation_id=invitation.id, cause=by_admin())
    with pytest.raises(NotOpen):
        accept(secret)
