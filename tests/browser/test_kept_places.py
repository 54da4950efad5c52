"""After a decision its list stands where it stood, with the focus on the next row."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from groups_provisioning.actions import conflict_decisions, manual_changes
from groups_provisioning.actions.conflict_decisions import Card
from groups_provisioning.engine import worker
from groups_provisioning.models import Conflict
from groups_provisioning.pages.conflicts import open_conflicts
from groups_provisioning.pages.conflicts import views as conflict_views
from groups_provisioning.pages.entities import views as entity_views
from groups_provisioning.pages.groups import views as group_views
from orgs.models import User
from tests.browser.conftest import sign_in
from tests.browser.scenes_conflicts import crowd
from tests.factories import UserFactory
from tests.groups_provisioning.world import (
    POOL,
    by_admin,
    entity,
    group,
    idp_of,
    map_to,
    org_of,
    placed,
    push,
    rule,
    settle,
)

ROWS = 6  # of a page


def one_conflict_after_the_other(owner: User) -> str:
    crowd(owner, 14)
    pair = open_conflicts.pairs(org_of(owner), open_conflicts.Wanted())[0]["pair"]
    return f"/groups/conflicts/?pair={pair}&sort=newest&page=2"


def decided(owner: User) -> str:
    crowd(owner, 14)
    cards = [Card.of(conflict) for conflict in Conflict.objects.for_org(org_of(owner))]
    conflict_decisions.decide(org=org_of(owner), cards=cards, use_incoming=False, cause=by_admin(owner))
    worker.drain(10)
    return "/groups/conflicts/resolved/?page=2"


def groups(owner: User) -> str:
    rule(org_of(owner), "eng", auto=False)
    idp = idp_of(org_of(owner))
    for number in range(14):
        push(idp, f"eng {number:02}")
    return "/groups/?q=eng&sort=-name&page=2"


def unmapped(owner: User) -> str:
    for number in range(14):
        group(org_of(owner), f"eng {number:02}")
    return "/groups/?q=eng&sort=-name&page=2"


def mappings(owner: User) -> str:
    made = push(idp_of(org_of(owner)), "Engineers")
    for name in ("Payments", "Platform", "Quality"):
        map_to(made, target=name, by=owner)
    return f"/groups/{made.id}/"


def rules(owner: User) -> str:
    for name in ("a", "b", "c", "d", "e", "f", "g", "h"):
        rule(org_of(owner), name)
    return "/groups/rules/"


def _staff(owner: User) -> list[User]:
    org = org_of(owner)
    return [UserFactory.create(org=org, given_name="Amara", family_name=f"No {number}") for number in range(14)]


def members(owner: User) -> str:
    team = entity(org_of(owner), "Platform")
    placed(org_of(owner), team, *_staff(owner))
    return f"/entities/{team.id}/?source=claim&page=2"


def taken_out(owner: User) -> str:
    team, people = entity(org_of(owner), "Platform"), _staff(owner)
    placed(org_of(owner), team, *people)
    for person in people:
        manual_changes.take_out(org=org_of(owner), user_id=person.id, entity_id=team.id, cause=by_admin(owner))
    return f"/entities/{team.id}/?tab=taken-out&page=2"


def places(owner: User) -> str:
    person = UserFactory.create(org=org_of(owner))
    for name in ("Payments", "Platform", "Quality"):
        placed(org_of(owner), entity(org_of(owner), name), person)
    placed(org_of(owner), entity(org_of(owner), "Gold", POOL), person)
    settle(person)
    return f"/people/{person.id}/"


def in_row(button: str, confirm: str = "") -> Callable[[Page, int], None]:
    def act(page: Page, number: int) -> None:
        page.locator("[data-row]").nth(number).get_by_text(button, exact=False).first.click()
        if confirm:
            page.get_by_role("button", name=confirm, exact=True).last.click()

    return act


def checked(button: str, confirm: str) -> Callable[[Page, int], None]:
    def act(page: Page, number: int) -> None:
        for each in (number - 1, number):
            page.locator("[data-row]").nth(each).get_by_role("checkbox").check()
        page.locator(".many").get_by_role("button", name=button, exact=True).click()
        page.get_by_role("button", name=confirm, exact=True).last.click()

    return act


class Decision(NamedTuple):
    """scene: makes the rows; returns the address of their list. act: decides about the row of this number."""

    scene: Callable[[User], str]
    act: Callable[[Page, int], None]
    number: int = 3


DECISIONS = {
    "keep current": Decision(one_conflict_after_the_other, in_row("Keep current…", "Keep current")),
    "use incoming, two": Decision(one_conflict_after_the_other, checked("Use incoming…", "Use incoming")),
    "undo a decision": Decision(decided, in_row("Undo…", "Undo decision")),
    "approve groups": Decision(groups, checked("Approve…", "Approve")),
    "reject groups": Decision(groups, checked("Reject…", "Reject")),
    "map groups": Decision(unmapped, checked("Map…", "Map groups")),
    "end groups": Decision(unmapped, checked("End…", "End groups")),
    "reject a mapping": Decision(mappings, in_row("Reject…", "Reject"), 1),
    "delete a rule": Decision(rules, in_row("Delete…", "Delete rule")),
    "take out of an entity": Decision(members, in_row("Remove…", "Remove")),
    "put back into an entity": Decision(taken_out, in_row("Undo removal")),
    "take a place away": Decision(places, in_row("Remove…", "Remove"), 1),
}


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (conflict_views, entity_views, group_views):
        monkeypatch.setattr(module, "PAGE", ROWS)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("decision", DECISIONS.values(), ids=DECISIONS)
def test_after_a_decision_its_list_stands_where_it_stood(
    decision: Decision, owner: User, context: BrowserContext, page: Page, live_server: Any
) -> None:
    sign_in(context, owner, live_server.url)
    page.set_viewport_size({"width": 1280, "height": 420})
    address = decision.scene(owner)
    page.goto(address)
    rows = page.locator("[data-row]").evaluate_all("rows => rows.map(row => row.id)")
    page.locator("[data-row]").nth(decision.number).scroll_into_view_if_needed()
    at = page.evaluate("scrollY")
    assert at > 0
    decision.act(page, decision.number)
    said = page.locator(".flashes")
    expect(said).to_be_visible()
    assert page.url.removeprefix(live_server.url) == address
    focused = page.evaluate("document.activeElement.closest('[data-row]')?.id")
    assert focused == rows[decision.number + 1]
    assert said.get_attribute("role") == "status"
    assert abs(page.evaluate("scrollY") - at) < 200
    expect(page.locator(":focus")).to_be_in_viewport()
    expect(said).to_be_in_viewport()
