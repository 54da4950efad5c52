"""Every way in which an admin makes others admins asks for a recent sign-in (SPEC L6); other roles do not."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from groups_provisioning.models import GroupMapping
from orgs.models import Change, Organization
from orgs.web.access import RECENT, SIGNED_IN_AT
from tests.conftest import Idp, signed_in
from tests.factories import OwnerFactory, UserFactory
from tests.groups_provisioning.pages.test_group_pages import decide, saved
from tests.groups_provisioning.world import give, only, push, role_rule


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


WAYS = (
    *(by_hand, by_a_group, by_approving, by_choosing_another, by_mapping_many, by_approving_many),
    *(by_a_rule, by_applying_a_rule, by_inviting),
)


def is_done() -> bool:
    """Whether the owner, whose browser it is, has changed something."""
    return Change.objects.filter(by_person__is_owner=True).exists()


@pytest.fixture
def browser(org: Organization) -> Client:
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
