"""Whoever comes back from the identity provider is linked, or made, once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection as database

from orgs import people
from orgs.change_details import UserEnrolled, UserJoined, UserUnlinked
from orgs.history import Cause, read
from orgs.models import Change, Door, Ending, IdentityLink, Mark, Organization, Standing, User
from sso import admission, connections, links
from sso.models import Revision, State
from sso.refusals import Reason, Refused
from tests.conftest import Idp
from tests.factories import OrganizationFactory, UserFactory, issue_token
from tests.groups_provisioning.world import settle_marked
from tests.orgs.test_invitations import invite
from tests.sso.oidc.issuer import NOW
from tests.sso.test_identification import drafted, identity

BY_ADMIN = Cause(Door.PAGE, NOW)


@pytest.fixture
def org(db: None) -> Organization:
    return an_org()


def an_org() -> Organization:
    org = OrganizationFactory.create()
    org.verified_domains.create(name="acme.example", verified_at=NOW)
    activated(org)
    return org


def activated(org: Organization) -> Revision:
    made = drafted(org)
    Revision.objects.filter(id=made.id).update(tested_at=NOW)
    return connections.activate(org=org, revision_id=made.id, cause=BY_ADMIN)


def admit(org: Organization, name: str | None, **more: Any) -> User:
    connection = Revision.objects.for_org(org).select_related("connection__org").get(state=State.ACTIVE).connection
    return admission.admit(identity(name, **more), connection=connection, at=NOW)


def refusal(call: Callable[[], object]) -> Reason:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.reason


def accounts_are_made(org: Organization) -> None:
    connections.switch_accounts(org=org, on=True, cause=BY_ADMIN)


class TestTheFirstSignIn:
    def test_links_the_person(self, org: Organization) -> None:  # L4
        ada = UserFactory.create(org=org, user_name="ada@acme.example")
        assert admit(org, "ada@acme.example", subject="1") == ada
        assert admit(org, "renamed@acme.example", subject="1") == ada
        assert refusal(lambda: admit(org, "ada@acme.example", subject="2")) == Reason.LINKED_TO_ANOTHER
        (link,) = IdentityLink.objects.for_org(org)
        assert (link.user, link.subject, link.linked_at) == (ada, "1", NOW)

    def test_says_nothing_in_another_org(self, org: Organization) -> None:  # O7
        ada, namesake = UserFactory.create(org=org, user_name="ada@acme.example"), an_org()
        admit(org, "ada@acme.example", subject="1")
        assert refusal(lambda: admit(namesake, "ada@acme.example", subject="1")) == Reason.NOBODY
        other = UserFactory.create(org=namesake, user_name="ada@acme.example")
        assert admit(namesake, "ada@acme.example", subject="1") == other
        assert admit(org, None, subject="1") == ada

    def test_links_nobody_who_is_refused(self, org: Organization) -> None:  # L4
        UserFactory.create(org=org, user_name="ada@acme.example", active=False)
        assert refusal(lambda: admit(org, "ada@acme.example")) == Reason.DEACTIVATED
        assert not IdentityLink.objects.exists()

    def test_needs_an_active_connection_of_that_issuer(self, org: Organization) -> None:  # L2
        UserFactory.create(org=org, user_name="ada@acme.example")
        connection = Revision.objects.get().connection
        assert refusal(lambda: admit(org, "ada@acme.example", issuer="https://other.example")) == Reason.STATE
        connections.switch_off(org=org, cause=BY_ADMIN)
        come = identity("ada@acme.example")
        assert refusal(lambda: admission.admit(come, connection=connection, at=NOW)) == Reason.STATE


class TestUnlinking:
    def test_lets_another_account_of_the_provider_in(self, org: Organization) -> None:  # L4
        ada = UserFactory.create(org=org, user_name="ada@acme.example")
        admit(org, "ada@acme.example", subject="1")
        assert links.unlink(org=org, user_id=ada.id, cause=BY_ADMIN) == 1
        assert admit(org, "ada@acme.example", subject="2") == ada
        assert refusal(lambda: admit(org, "ada@acme.example", subject="1")) == Reason.LINKED_TO_ANOTHER
        change = Change.objects.for_org(org).get(verb=UserUnlinked.verb)
        told = read(change)
        assert isinstance(told, UserUnlinked)
        assert told.user == str(ada.id)
        assert "'1'" not in str(change.detail)  # no subject

    def test_of_nobody_who_is_linked_changes_nothing(self, org: Organization) -> None:
        ada = UserFactory.create(org=org)
        assert links.unlink(org=org, user_id=ada.id, cause=BY_ADMIN) == 0
        assert not Change.objects.for_org(org).filter(verb=UserUnlinked.verb).exists()

    def test_is_for_admins_of_this_org(self, org: Organization) -> None:  # O7
        theirs = UserFactory.create()
        with pytest.raises(people.UnknownPerson):
            links.unlink(org=org, user_id=theirs.id, cause=BY_ADMIN)


class TestWhoeverHasNoAccount:
    def test_gets_one_where_the_org_has_switched_that_on(self, org: Organization) -> None:  # L5
        assert refusal(lambda: admit(org, "eve@acme.example")) == Reason.NOBODY
        accounts_are_made(org)
        eve = admit(org, "Eve@acme.example", given_name="Eve", family_name="x" * 101)
        assert (eve.user_name, eve.label) == ("Eve@acme.example", f"Eve {'x' * 100}")
        assert (eve.scim_managed, eve.manual_roles, eve.has_usable_password()) == (False, None, False)
        change = Change.objects.for_org(org).get(verb=UserEnrolled.verb)
        assert (read(change), change.by_person) == (UserEnrolled(user=str(eve.id)), eve)
        assert Mark.objects.get(user=eve).change == change
        assert admit(org, "eve@acme.example") == eve

    def test_has_the_default_role(self, org: Organization) -> None:  # L5
        accounts_are_made(org)
        eve = admit(org, "eve@acme.example")
        settle_marked(org)
        assert Standing.objects.get(user=eve).roles == ["Member"]

    def test_is_adopted_by_scim(self, org: Organization) -> None:  # L5, U3
        accounts_are_made(org)
        eve = admit(org, "eve@acme.example")
        idp = Idp(issue_token(org).secret)
        made = idp.post("/Users", {"userName": "EVE@acme.example", "externalId": "E1"})
        assert (made.status_code, made.json()["id"]) == (201, str(eve.id))
        eve.refresh_from_db()
        assert (eve.scim_managed, eve.external_id) == (True, "E1")
        assert admit(org, None) == eve
        assert idp.post("/Users", {"userName": "eve@acme.example"}).status_code == 409

    def test_is_not_made_anew_once_scim_has_deleted_them(self, org: Organization) -> None:  # L5, U3
        accounts_are_made(org)
        idp = Idp(issue_token(org).secret)
        eve = idp.post("/Users", {"userName": "eve@acme.example"}).json()["id"]
        admit(org, "eve@acme.example")
        idp.patch(f"/Users/{eve}", {"op": "replace", "path": "active", "value": False})
        assert refusal(lambda: admit(org, "eve@acme.example")) == Reason.DEACTIVATED
        idp.delete(f"/Users/{eve}")
        assert refusal(lambda: admit(org, "eve@acme.example")) == Reason.DELETED
        assert not IdentityLink.objects.exists()
        assert idp.post("/Users", {"userName": "eve@acme.example"}).json()["id"] == eve
        assert not IdentityLink.objects.exists()  # a revival brings no link back
        assert str(admit(org, "eve@acme.example", subject="2").id) == eve


def test_whoever_was_invited_joins_with_the_roles_of_the_invitation(org: Organization) -> None:  # U13
    invitation = invite(org, "Eve@acme.example", roles=["Admin"])
    eve = admit(org, "eve@acme.example")
    settle_marked(org)
    assert (eve.user_name, eve.has_usable_password()) == ("Eve@acme.example", False)
    assert Standing.objects.get(user=eve).roles == ["Admin"]
    invitation.refresh_from_db()
    assert (invitation.user, invitation.ending) == (eve, Ending.ACCEPTED)
    change = Change.objects.for_org(org).get(verb=UserJoined.verb)
    assert read(change) == UserJoined(user=str(eve.id), invitation=str(invitation.id), roles=["Admin"])
    assert admit(org, "eve@acme.example") == eve


@pytest.mark.usefixtures("transactional_db")
class TestTwoAtOnce:
    def test_make_one_person(self) -> None:  # L5
        org = an_org()
        accounts_are_made(org)
        got = together(lambda number: admit(org, "eve@acme.example", subject="1").id, 3)
        assert len(set(got)) == 1
        assert User.objects.for_org(org).count() == IdentityLink.objects.count() == 1

    def test_link_one_of_two_subjects(self) -> None:  # L4
        org = an_org()
        UserFactory.create(org=org, user_name="ada@acme.example")

        def come(number: int) -> str:
            try:
                return str(admit(org, "ada@acme.example", subject=str(number)).user_name)
            except Refused as refused:
                return refused.reason

        assert sorted(together(come, 2)) == ["ada@acme.example", Reason.LINKED_TO_ANOTHER]
        assert IdentityLink.objects.count() == 1


def together(call: Callable[[int], Any], number: int) -> list[Any]:
    got, barrier = [], threading.Barrier(number)

    def one(place: int) -> None:
        barrier.wait()
        try:
            got.append(call(place))
        finally:
            database.close()

    threads = [threading.Thread(target=one, args=(place,)) for place in range(number)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(got) == number
    return got
