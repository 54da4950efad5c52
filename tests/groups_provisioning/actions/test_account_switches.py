"""Deactivating people by hand, beside what the identity provider says (SPEC U12)."""

import json
from contextlib import nullcontext
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from groups_provisioning.actions import account_switches
from groups_provisioning.models import Membership
from orgs.history import Cause
from orgs.models import Change, Door, LedgerEntry, Organization, ScimToken, User
from orgs.people import UnknownPerson
from tests.api.consumer import key_of
from tests.conftest import Idp, signed_in
from tests.factories import OwnerFactory, StaffFactory
from tests.groups_provisioning.states import drift
from tests.groups_provisioning.world import by_admin, by_command, entity, person, placed, push_user


@pytest.fixture
def ada(org: Organization, idp: Idp) -> User:
    return User.objects.get(id=push_user(idp, "Ada"))


def close(user: User, by: User | None = None) -> bool:
    assert user.org
    return account_switches.deactivate(org=user.org, user_id=user.id, cause=by_admin(by))


def open_(user: User) -> bool:
    assert user.org
    return account_switches.activate(org=user.org, user_id=user.id, cause=by_admin())


def used(org: Organization, ago: timedelta) -> None:
    ScimToken.objects.for_org(org).update(last_used_at=timezone.now() - ago)


def says(idp: Idp, user: User, active: bool) -> None:
    assert idp.patch(f"/Users/{user.id}", {"op": "replace", "path": "active", "value": active}).status_code == 200


def is_active(user: User) -> bool:
    return User.objects.get(id=user.id).active


class TestDeactivatingByHand:
    def test_ends_sessions_for_good(self, ada: User) -> None:  # U12, U4
        browser = signed_in(ada)
        assert close(ada)
        assert not User.objects.get(id=ada.id).is_active
        assert open_(ada)
        assert browser.get("/people/").status_code == 302

    def test_keeps_places_on_record(self, org: Organization, ada: User) -> None:
        placed(org, entity(org, "Platform"), ada)
        close(ada)
        assert Membership.objects.filter(user=ada).exists()
        assert drift(org) == []

    def test_changes_nothing_a_second_time(self, ada: User) -> None:
        assert close(ada)
        assert not close(ada)
        assert Change.objects.filter(verb="user.deactivated").count() == 1

    def test_is_refused_of_the_owner_and_of_oneself_but_support_may(self, org: Organization, ada: User) -> None:  # O8
        owner = OwnerFactory.create(org=org)
        with pytest.raises(account_switches.OwnerStays):
            close(owner, by=ada)
        with pytest.raises(account_switches.OneselfStays):
            close(ada, by=ada)
        assert close(owner, by=StaffFactory.create())

    @pytest.mark.parametrize("is_the_operators", [False, True])
    def test_is_refused_of_the_owner_with_a_key_of_the_org(self, org: Organization, is_the_operators: bool) -> None:
        owner, key = OwnerFactory.create(org=org), key_of(None if is_the_operators else org).key  # O8, E5
        cause = Cause(Door.API, timezone.now(), key=key)
        with nullcontext() if is_the_operators else pytest.raises(account_switches.OwnerStays):
            account_switches.deactivate(org=org, user_id=owner.id, cause=cause)
        assert User.objects.get(id=owner.id).active != is_the_operators

    def test_is_refused_of_whom_scim_deleted_and_of_other_orgs(self, idp: Idp, ada: User, org: Organization) -> None:
        stranger = person(OwnerFactory.create().org, "Eve", "Else")
        with pytest.raises(UnknownPerson):
            account_switches.deactivate(org=org, user_id=stranger.id, cause=by_command())  # O7
        idp.delete(f"/Users/{ada.id}")
        with pytest.raises(UnknownPerson):
            close(ada)

    def test_of_the_last_admin_is_carried_out_and_told(self, org: Organization) -> None:  # R5
        mo = person(org, "Mo", "Adler", manual_roles=["Admin"])
        assert close(mo)
        assert LedgerEntry.objects.get(slot="last_admin").now == "gone"


class TestWhatScimShows:
    """The IdP's last word, whatever an admin decided (SPEC U12)."""

    def seen(self, idp: Idp, user: User) -> tuple[Any, str]:
        answer = idp.get(f"/Users/{user.id}")
        return json.loads(answer.content)["active"], answer.headers["ETag"]

    def found(self, idp: Idp, active: str) -> int:
        return json.loads(idp.get(f"/Users?filter=active+eq+{active}").content)["totalResults"]

    def test_does_not_move_with_a_decision_by_hand(self, idp: Idp, ada: User) -> None:
        before = self.seen(idp, ada)
        close(ada)
        assert self.seen(idp, ada) == before
        assert (self.found(idp, "true"), self.found(idp, "false")) == (1, 0)
        open_(ada)
        assert self.seen(idp, ada) == before

    def test_moves_with_the_idp_while_somebody_is_closed(self, idp: Idp, ada: User) -> None:
        close(ada)
        _, etag = self.seen(idp, ada)
        says(idp, ada, False)
        assert self.seen(idp, ada) == (False, self.seen(idp, ada)[1])
        assert self.seen(idp, ada)[1] != etag
        assert (self.found(idp, "true"), self.found(idp, "false")) == (0, 1)
        entry = LedgerEntry.objects.get(slot="idp_active")
        assert (entry.was, entry.now) == (True, False)

    def test_is_false_while_somebody_is_opened(self, org: Organization, idp: Idp, ada: User) -> None:
        says(idp, ada, False)
        used(org, account_switches.SILENT)
        open_(ada)
        assert self.seen(idp, ada)[0] is False
        assert (self.found(idp, "true"), self.found(idp, "false")) == (0, 1)


class TestWhatEndsIt:
    def test_is_no_echo_of_true(self, idp: Idp, ada: User) -> None:  # U12
        close(ada)
        says(idp, ada, True)
        read = json.loads(idp.get(f"/Users/{ada.id}").content)
        assert idp.put(f"/Users/{ada.id}", read).status_code == 200
        idp.put(f"/Users/{ada.id}", read | {"displayName": "Ada L"})
        assert not is_active(ada)

    def test_is_false_and_later_true(self, org: Organization, idp: Idp, ada: User) -> None:  # U12
        close(ada)
        says(idp, ada, False)
        assert not is_active(ada)
        says(idp, ada, True)
        assert is_active(ada)
        assert LedgerEntry.objects.filter(user=ada, slot="account").latest("id").now == "active"
        assert drift(org) == []

    def test_is_a_deletion_and_a_new_create(self, idp: Idp, ada: User) -> None:  # U3
        close(ada)
        idp.delete(f"/Users/{ada.id}")
        assert push_user(idp, "Ada") == str(ada.id)
        assert is_active(ada)

    def test_is_no_adoption_with_true(self, org: Organization, idp: Idp) -> None:  # U3, U12
        invited = person(org, "Bo", "Ek", scim_managed=False)
        close(invited)
        assert push_user(idp, "Bo") == str(invited.id)
        assert not is_active(invited)

    def test_is_the_admin_s_word(self, ada: User) -> None:
        close(ada)
        assert open_(ada)
        assert not open_(ada)
        assert is_active(ada)


class TestOpeningWhomTheIdpDeactivated:
    def test_is_refused_while_a_token_is_used(self, org: Organization, idp: Idp, ada: User) -> None:  # U12
        says(idp, ada, False)
        used(org, account_switches.SILENT - timedelta(minutes=1))
        with pytest.raises(account_switches.IdpDeactivated):
            open_(ada)

    def test_is_refused_too_where_an_admin_did_so_as_well(self, org: Organization, idp: Idp, ada: User) -> None:
        close(ada)
        says(idp, ada, False)
        used(org, timedelta())
        with pytest.raises(account_switches.IdpDeactivated):
            open_(ada)

    @pytest.mark.parametrize("word", [{"active": False}, {"displayName": "Ada"}, {"active": True}], ids=str)
    def test_lasts_until_the_idp_s_next_word_about_them(
        self, org: Organization, idp: Idp, ada: User, word: dict[str, Any]
    ) -> None:  # U12
        says(idp, ada, False)
        used(org, account_switches.SILENT)
        assert open_(ada)
        assert Change.objects.filter(verb="user.opened").count() == 1
        browser = signed_in(User.objects.get(id=ada.id))
        idp.patch(f"/Users/{ada.id}", {"op": "replace", "value": word})
        assert is_active(ada) == word.get("active", False)
        assert (browser.get("/people/").status_code == 302) == (not is_active(ada))  # U4

    def test_can_be_taken_back(self, org: Organization, idp: Idp, ada: User) -> None:
        says(idp, ada, False)
        used(org, account_switches.SILENT)
        open_(ada)
        assert close(ada)
        says(idp, ada, True)
        assert is_active(ada)  # the IdP's word counts again: there is no decision by hand


def test_whom_support_deactivated_before_there_was_a_word_of_the_idp_is_so_by_hand(
    org: Organization, idp: Idp, ada: User
) -> None:
    """The migration, on rows as they were."""
    bo = User.objects.get(id=push_user(idp, "Bo"))
    close(ada)
    close(bo)
    says(idp, bo, False)
    says(idp, bo, True)
    says(idp, bo, False)
    User.objects.filter(org=org).update(idp_active=None)
    with connection.cursor() as cursor:
        cursor.execute(import_module("orgs.migrations.0023_activity_by_hand").BY_SUPPORT)
    found = {user.id: user.activity.is_closed for user in User.objects.for_org(org)}
    assert found == {ada.id: True, bo.id: False}
