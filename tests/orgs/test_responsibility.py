"""Who answers for keys and tokens."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from orgs import api_keys, history, responsibility, setup_links, tokens
from orgs.change_details import KeyTakenOver, TokenTakenOver
from orgs.history import Cause
from orgs.models import ApiKey, Change, Door, Organization, Purpose, ScimToken, Scope, Standing, User
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory, UserFactory

pytestmark = pytest.mark.usefixtures("db")


def by(person: User | None) -> Cause:
    return Cause(Door.PAGE, timezone.now(), person=person)


def made_by(person: User | None, org: Organization) -> tuple[ScimToken, ApiKey]:
    token = tokens.issue(org=org, name="Okta", cause=by(person)).token
    return token, api_keys.issue(org=org, name="CRM", scopes=[Scope.READ], cause=by(person)).key


def left(org: Organization) -> set[Any]:
    found = responsibility.unanswered(org, at=timezone.now())
    return {*found.tokens, *found.keys}


def deactivate(person: User) -> None:
    User.objects.filter(id=person.id).update(active=False)


def delete(person: User) -> None:
    User.objects.filter(id=person.id).update(active=False, login_email=None, deleted_at=timezone.now())


def demote(person: User) -> None:
    Standing.objects.filter(user=person).update(roles=["Member"])


@pytest.fixture
def ada(org: Organization) -> User:
    return UserFactory.create(org=org, roles=["Admin"])


class TestATokenAndAKey:
    @pytest.mark.parametrize("leaves", [deactivate, delete, demote])
    def test_stand_out_when_their_maker_leaves_until_somebody_takes_them_over(
        self, org: Organization, ada: User, leaves: Callable[[User], None]
    ) -> None:  # E5
        made = made_by(ada, org)
        assert left(org) == set()
        leaves(ada)
        assert left(org) == set(made)
        bo = OwnerFactory.create(org=org)
        for _ in range(2):
            tokens.take_over(org=org, token_id=made[0].id, cause=by(bo))
            api_keys.take_over(org=org, key_id=made[1].id, cause=by(bo))
        assert left(org) == set()
        taken_over = Change.objects.for_org(org).filter(verb__endswith="taken_over").order_by("id")
        written = [history.read(each) for each in taken_over]
        assert written == [
            TokenTakenOver(token=str(made[0].id), name="Okta"),
            KeyTakenOver(key=str(made[1].id), name="CRM"),
        ]

    def test_stand_out_again_when_who_took_them_over_leaves(self, org: Organization, ada: User) -> None:
        token, key = made_by(ada, org)
        bo = UserFactory.create(org=org, roles=["Admin"])
        tokens.take_over(org=org, token_id=token.id, cause=by(bo))
        api_keys.take_over(org=org, key_id=key.id, cause=by(bo))
        deactivate(bo)
        assert left(org) == {token, key}  # although who made them is still there

    def test_do_not_stand_out_any_more_when_they_end_or_their_maker_comes_back(
        self, org: Organization, ada: User
    ) -> None:
        token, key = made_by(ada, org)
        deactivate(ada)
        tokens.revoke(org=org, token_id=token.id, cause=by(None))
        assert left(org) == {key}
        ApiKey.objects.filter(id=key.id).update(expires_at=timezone.now() - timedelta(seconds=1))
        assert left(org) == set()
        token, key = made_by(ada, org)
        assert left(org) == {token, key}
        User.objects.filter(id=ada.id).update(active=True)
        assert left(org) == set()

    def test_of_nobody_or_of_support_do_not_stand_out(self, org: Organization) -> None:
        made_by(None, org)
        support = made_by(staff := StaffFactory.create(), org)
        assert left(org) == set()
        deactivate(staff)
        assert left(org) == set(support)

    def test_stand_out_in_their_own_org_alone(self, org: Organization, ada: User) -> None:  # O7
        made_by(ada, org)
        deactivate(ada)
        assert left(OrganizationFactory.create()) == set()

    def test_cannot_be_taken_over_in_another_org_or_once_they_have_ended(self, org: Organization, ada: User) -> None:
        token, key = made_by(ada, org)
        other = OrganizationFactory.create()
        with pytest.raises(tokens.UnknownToken):
            tokens.take_over(org=other, token_id=token.id, cause=by(ada))
        with pytest.raises(api_keys.UnknownKey):
            api_keys.take_over(org=other, key_id=key.id, cause=by(ada))
        tokens.revoke(org=org, token_id=token.id, cause=by(ada))
        api_keys.revoke(key_id=key.id, cause=by(ada))
        with pytest.raises(tokens.Ended):
            tokens.take_over(org=org, token_id=token.id, cause=by(ada))
        with pytest.raises(api_keys.Ended):
            api_keys.take_over(org=org, key_id=key.id, cause=by(ada))

    def test_made_through_a_setup_link_is_answered_for_by_who_confirmed_it(self, org: Organization, ada: User) -> None:
        link = setup_links.make(org=org, purpose=Purpose.SCIM, recipient="Carol", cause=by(ada)).link
        token = setup_links.issue_token(link=link, name="Okta", cause=Cause(Door.LINK, timezone.now())).token
        assert tokens.confirm(org=org, token_id=token.id, cause=by(ada)).answered_by == ada
        demote(ada)
        assert left(org) == {token}
