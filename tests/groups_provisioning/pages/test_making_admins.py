"""Every way in which an admin makes others admins asks for a recent sign-in (SPEC L6); other roles do not."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from groups_provisioning.actions import account_switches, group_ends
from groups_provisioning.models import GroupMapping
from orgs.models import Change, Invitation, Organization, User
from orgs.web.access import RECENT, SIGNED_IN_AT
from tests.conftest import Idp, signed_in
from tests.factories import OwnerFactory, UserFactory
from tests.groups_provisioning.pages.test_group_pages import decide, saved
from tests.groups_provisioning.world import (
    by_command,
    give,
    group,
    only,
    person,
    push,
    push_user,
    role_rule,
    settle,
    settle_marked,
)


def by_hand(browser: Client, org: Organization, idp: Idp, role: str) -> Any:
    return browser.post(f"/people/{UserFactory.create(org=org).id}/roles/", {"roles": role}, follow=True)


def by_a_group(browser: Client, org: Organization, idp: Idp, role: str) -> Any:
    return decide(browser, f"/groups/{push(idp, 'Staff').id}/role/", name=role)


def by_approving(browser: Client, org: Organization, idp: Idp, role: str) -> Any:
    role_rule(org, "Member", auto=False)
    return decide(browser, f"/mappings/{only(push(idp, 'Staff')).id}/approve/", name=role)


def by_choosing_another(browser: Client, org: Organization, idp: Idp, role: str) -> Any:
    give(push(idp, "Staff"), "Member" if role == "Admin" else "Admin")
    return decide(browser, f"/mappings/{GroupMapping.objects.get().id}/retarget/", name=role)


def by_mapping_many(browser: Client, org: Organization, idp: Idp, role: str) -> Any:
    group = str(push(idp, "Staff").id)
    return decide(browser, "/groups/bulk/", action="map", to=f"role:{role}", group=group, anyway="1")


def by_approving_many(browser: Client, org: Organization, idp: Idp, role: str) -> Any:
    role_rule(org, role, auto=False)
    return decide(browser, "/groups/bulk/", action="approve", group=str(push(idp, "Staff").id))


def by_a_rule(browser: Client, org: Organization, idp: Idp, role: str) -> Any:
    return saved(browser, "/groups/rules/new-role/", pattern_type="all", role=role)


def by_applying_a_rule(browser: Client, org: Organization, idp: Idp, role: str) -> Any:
    push(idp, "Staff")
    role_rule(org, role)
    return decide(browser, "/groups/rules/apply/", roles="1")


def by_inviting(browser: Client, org: Organization, idp: Idp, role: str) -> Any:
    form = {"addresses": "cleo@partner.example", "roles": role, "days": "7", "seen": "1"}
    return browser.post("/people/invitations/new/", form, follow=True)


def by_inviting_again(browser: Client, org: Organization, idp: Idp, role: str) -> Any:
    past = timezone.now() - timedelta(days=8)
    found = Invitation.objects.create(
        org=org, address="zoe@corp.example", roles=[role], days=7, invited_at=past, expires_at=past + timedelta(days=7)
    )
    return browser.post(f"/people/invitations/{found.id}/resend/", follow=True)


def by_ending_what_stands_before(browser: Client, org: Organization, idp: Idp, role: str) -> Any:
    members = group(org, "Members", person(org, "Bo", "Diddley", manual_roles=[role]), roles=["Member"])
    settle(*User.objects.filter(user_name="bo@corp.example"))
    return decide(browser, f"/groups/{members.id}/end/")


def by_bringing_back(browser: Client, org: Organization, idp: Idp, role: str) -> Any:
    staff = push(idp, "Staff")
    give(staff, role)
    group_ends.end_group(org=org, group_id=staff.id, cause=by_command())
    return decide(browser, f"/groups/{staff.id}/undo-end/")


def by_activating(browser: Client, org: Organization, idp: Idp, role: str) -> Any:
    bo = person(org, "Bo", "Diddley", manual_roles=[role])
    account_switches.deactivate(org=org, user_id=bo.id, cause=by_command())
    return decide(browser, f"/people/{bo.id}/activate/")


def by_taking_back(browser: Client, org: Organization, idp: Idp, role: str) -> Any:
    staff = push(idp, "Staff", push_user(idp, "Bo Diddley"))
    give(staff, role)
    settle_marked(org)
    idp.patch(f"/Groups/{staff.id}", {"op": "replace", "path": "members", "value": []})
    settle_marked(org)
    return decide(browser, f"/activity/{Change.objects.filter(verb='group.changed').latest('id').id}/take-back/")


def by_moving_a_rule(browser: Client, org: Organization, idp: Idp, role: str) -> Any:
    rules = [str(each.id) for each in (role_rule(org, "Member", "a"), role_rule(org, role))]
    form = {"roles": "1", "was": rules, "rule": rules[::-1], "save": "1"}
    return browser.post("/groups/rules/order/", form, follow=True)


def by_deleting_a_rule(browser: Client, org: Organization, idp: Idp, role: str) -> Any:
    first, _ = role_rule(org, "Member", "a"), role_rule(org, role)
    return decide(browser, f"/groups/rules/{first.id}/delete/")


def by_narrowing_a_rule(browser: Client, org: Organization, idp: Idp, role: str) -> Any:
    first, _ = role_rule(org, "Member", "a"), role_rule(org, role)
    return saved(browser, f"/groups/rules/{first.id}/", pattern_type="prefix", pattern="ab", role="Member")


WAYS = (
    *(by_hand, by_a_group, by_approving, by_choosing_another, by_mapping_many, by_approving_many),
    *(by_a_rule, by_applying_a_rule, by_moving_a_rule, by_deleting_a_rule, by_narrowing_a_rule),
    *(by_inviting, by_inviting_again, by_ending_what_stands_before, by_bringing_back, by_activating, by_taking_back),
)


def is_done() -> bool:
    """Whether the owner, whose browser it is, has changed something."""
    return Change.objects.filter(by_person__is_owner=True).exists()


@pytest.fixture
def browser(org: Organization) -> Client:
    UserFactory.create(org=org, roles=["Admin"])  # so that nobody keeps the role for being the last (R5)
    return signed_in(OwnerFactory.create(org=org))


def grow_old(browser: Client) -> None:
    session = browser.session
    session[SIGNED_IN_AT] = (timezone.now() - RECENT).timestamp() - 1
    session.save()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_asks_to_sign_in_again(way: Callable[..., Any], browser: Client, org: Organization, idp: Idp) -> None:  # L6
    grow_old(browser)
    answer = way(browser, org, idp, "Admin")
    assert "<title>Sign in again" in answer.content.decode()
    assert browser.get(answer.context["next"]).status_code == 200
    assert not is_done()


@pytest.mark.parametrize("role", ["Admin", "Member"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_is_done_where_nothing_is_to_be_asked(
    way: Callable[..., Any], browser: Client, org: Organization, idp: Idp, role: str
) -> None:
    if role == "Member":
        grow_old(browser)
    way(browser, org, idp, role)
    assert is_done()


def test_asks_htmx_in_the_place_of_the_whole_page(browser: Client, org: Organization) -> None:  # L6
    rules = [str(each.id) for each in (role_rule(org, "Member", "a"), role_rule(org, "Admin"))]
    grow_old(browser)
    form = {"roles": "1", "was": rules, "rule": rules[::-1], "save": "1"}
    answer = browser.post("/groups/rules/order/", form, headers={"HX-Request": "true"})
    assert answer["HX-Retarget"] == "body"
    assert "<title>Sign in again" in answer.content.decode()
