"""What an org's admin does with groups, mappings and rules, in a browser."""

import re
from typing import Any

import pytest
from playwright.sync_api import APIRequestContext, BrowserContext, Page, Playwright, expect

from groups_provisioning.actions import entity_edits
from groups_provisioning.engine import worker
from groups_provisioning.models import GroupMapping, MappingRule, Membership, Preview, Status
from groups_provisioning.preview import runs
from orgs.models import Standing, User
from tests.browser.conftest import sign_in
from tests.browser.scenes_groups import company, people
from tests.factories import issue_token
from tests.groups_provisioning.world import by_admin, idp_of, map_to, push, role_rule, rule


@pytest.fixture
def admin(owner: User, context: BrowserContext, live_server: Any) -> User:
    sign_in(context, owner, live_server.url)
    return owner


class Provider:
    """An identity provider that pushes over HTTP."""

    def __init__(self, http: APIRequestContext, owner: User, url: str) -> None:
        self.http = http
        self.base = f"{url}/api/scim"
        self.headers = {"Authorization": f"Bearer {issue_token(owner.org, 'Okta production').secret}"}

    def post(self, path: str, body: dict[str, Any]) -> str:
        answer = self.http.post(f"{self.base}{path}", headers=self.headers, data=body)
        assert answer.status == 201, answer.text()
        return answer.json()["id"]

    def person(self, address: str) -> str:
        return self.post("/Users", {"userName": address})

    def group(self, name: str, *members: str) -> str:
        return self.post("/Groups", {"displayName": name, "members": [{"value": member} for member in members]})


@pytest.fixture
def okta(playwright: Playwright, owner: User, live_server: Any) -> Provider:
    return Provider(playwright.request.new_context(), owner, live_server.url)


def test_approving_a_pending_group(admin: User, page: Page) -> None:
    group = company(admin)["load"]
    page.goto("/groups/?status=pending")
    page.get_by_role("link", name="load-test runners Frankfurt").click()
    page.get_by_role("link", name="Approve…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The concurrency group “load-test runners Frankfurt” will be created.")
    dialog.get_by_label("Concurrency group").fill("Interactive sessions")
    expect(dialog).to_contain_text("is already mapped to this target")
    dialog.get_by_label("Concurrency group").fill("Frankfurt")
    expect(dialog).to_contain_text("The concurrency group “Frankfurt” will be created.")
    expect(dialog).to_contain_text("added to the concurrency group Frankfurt")
    dialog.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("is now mapped to the concurrency group “Frankfurt”")).to_be_visible()
    expect(page.get_by_text("of 8 people have been updated")).to_be_visible()
    worker.drain(5)
    expect(page.get_by_text("Everybody has been updated.")).to_be_visible()
    assert GroupMapping.objects.get(group=group).status == Status.APPROVED


def test_mapping_a_group_whose_effect_takes_long(admin: User, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "AT_ONCE", 1)
    group = push(idp_of(admin.org), "Everybody", *people(admin.org, 3))
    page.goto(f"/groups/{group.id}/")
    page.get_by_role("link", name="Map…").click()
    dialog = page.get_by_role("dialog")
    for done in (0, 1, 2):
        expect(dialog).to_contain_text(f"Working out the effect on 3 people: {done} done.")
        Preview.objects.update(looked_at=done + 1)
    runs.serve()
    expect(dialog).to_contain_text("added to the team Everybody")
    dialog.get_by_role("combobox", name="Team").fill("All hands")
    expect(dialog).to_contain_text("The team “All hands” will be created.")
    expect(dialog).to_contain_text("Working out the effect on 3 people: 0 done.")
    runs.serve()
    expect(dialog).to_contain_text("added to the team All hands")  # M9
    dialog.get_by_role("button", name="Map group").click()
    expect(page.get_by_text("is now mapped to the team “All hands”")).to_be_visible()
    assert GroupMapping.objects.get(group=group).status == Status.APPROVED


@pytest.mark.parametrize("where", ["rule editor", "dialog without choices"])
def test_an_effect_that_takes_long_is_shown_everywhere(
    where: str, admin: User, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:  # M9
    monkeypatch.setattr(runs, "AT_ONCE", 1)
    push(idp_of(admin.org), "Everybody", *people(admin.org, 3))
    made = rule(admin.org, "every", by=admin)
    if where == "rule editor":
        page.goto(f"/groups/rules/{made.id}/")
        page.get_by_role("button", name="Review rule").click()
    else:
        page.goto("/groups/rules/")
        page.get_by_role("link", name="Apply to unmapped groups…").click()
    shown = page.locator("#matches" if where == "rule editor" else "dialog[open]")
    for done in (0, 1, 2):
        expect(shown).to_contain_text(f"Working out the effect on 3 people: {done} done.")
        Preview.objects.update(looked_at=done + 1)
    runs.serve()
    expect(shown).to_contain_text("3 people will be affected")
    page.get_by_role("button", name="Save rule" if where == "rule editor" else "Apply", exact=True).click()
    expect(page.get_by_text(re.compile("was saved|was mapped"))).to_be_visible()


def test_a_rule_is_tried_on_recent_pushes_of_many_people_and_then_saved(
    admin: User, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:  # T4
    monkeypatch.setattr(runs, "AT_ONCE", 1)
    push(idp_of(admin.org), "Everybody", *people(admin.org, 3))
    page.goto("/groups/rules/new/")
    page.get_by_label("Pattern").fill("every")
    page.get_by_label("Approve automatically").check()
    page.get_by_role("button", name="Try on the last 30 days").click()
    shown = page.locator("#back-test")
    expect(shown).to_contain_text("Working out the effect on 3 people: 0 done.")
    runs.serve()
    expect(shown).to_contain_text("3 people would have something else")
    page.get_by_role("button", name="Review rule").click()
    expect(page.get_by_role("heading", name="Review rule")).to_be_visible()  # M9: its effect is another question


def test_all_unmapped_groups_are_mapped_at_once(admin: User, page: Page) -> None:  # M9, M4
    company(admin)
    idp = idp_of(admin.org, "Entra ID")
    for number in range(60):
        push(idp, f"unit {number}")
    page.goto("/groups/?q=unit&status=unmapped")
    page.get_by_label("All on this page").check()
    expect(page.get_by_text("50 selected")).to_be_visible()
    page.get_by_label("Select all 60 that match").check()
    expect(page.get_by_text("60 selected")).to_be_visible()
    page.get_by_role("checkbox", name="Select unit 3", exact=True).uncheck()
    expect(page.get_by_text("49 selected")).to_be_visible()
    page.get_by_label("Select all 60 that match").check()
    page.get_by_role("button", name="Map…").click()
    expect(page.get_by_role("heading", name="Map 60 groups?")).to_be_visible()
    push(idp, "unit of somebody else")
    page.get_by_role("button", name="Map groups").click()
    expect(page.get_by_role("heading", name="Map 61 groups?")).to_be_visible()
    expect(page.get_by_text("the effects have changed")).to_be_visible()
    page.get_by_role("button", name="Map groups").click()
    expect(page.get_by_text("61 groups were mapped.")).to_be_visible()
    assert GroupMapping.objects.filter(group__display_name__startswith="unit", status=Status.APPROVED).count() == 61


def test_a_rule_is_tested_and_applied(admin: User, page: Page) -> None:
    company(admin)
    page.goto("/groups/rules/")
    page.get_by_role("link", name="New rule").click()
    page.get_by_label("Match by").select_option("regex")
    page.get_by_label("Pattern").fill("(contractors")
    expect(page.locator("#matches")).to_contain_text("missing )")
    page.get_by_label("Pattern").fill("contractors$")
    expect(page.locator("#matches")).to_contain_text("1 of 7 groups")
    page.get_by_label("Approve automatically").check()
    page.get_by_role("button", name="Review rule").click()
    expect(page.locator("#matches")).to_contain_text("added to the team All contractors")  # M9
    expect(page.get_by_role("button", name="Review rule")).to_be_hidden()
    page.get_by_label("Pattern").fill("^All contractors$")  # which was not shown
    expect(page.get_by_role("button", name="Save rule")).to_be_hidden()
    page.get_by_role("button", name="Review rule").click()
    page.get_by_role("button", name="Save rule").click()
    page.get_by_role("link", name="Preview the effects").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 group will be mapped")
    expect(dialog).to_contain_text("added to the team All contractors")
    dialog.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("row", name="All contractors")).to_contain_text("Auto-Approved")


def test_from_nothing_to_synced_teams_with_one_rule(admin: User, page: Page, okta: Provider) -> None:
    page.goto("/groups/rules/")
    expect(page.get_by_text("No rules yet")).to_be_visible()
    page.get_by_role("link", name="New rule").click()
    page.get_by_label("Match by").select_option("all")
    page.get_by_label("Approve automatically").check()
    expect(page.locator("#matches")).to_contain_text("0 of 0 groups")
    page.get_by_role("button", name="Save rule").click()
    expect(page.get_by_text("The rule was saved.")).to_be_visible()

    amara, hugo = okta.person("amara@northwind.example"), okta.person("hugo@northwind.example")
    okta.group("Platform", amara, hugo)
    okta.group("Payments", hugo)
    worker.drain(5)
    page.goto("/groups/")
    expect(page.get_by_role("row", name="Platform")).to_contain_text("Auto-Approved")
    expect(page.get_by_role("row", name="Payments")).to_contain_text("Auto-Approved")
    page.get_by_role("link", name="Platform").click()
    expect(page.get_by_role("row", name="amara@northwind.example")).to_be_visible()
    expect(page.get_by_text("The group Platform was pushed: 2 members added")).to_be_visible()
    teams = Membership.objects.values_list("user__user_name", "entity__name")
    assert set(teams) == {
        ("amara@northwind.example", "Platform"),
        ("hugo@northwind.example", "Platform"),
        ("hugo@northwind.example", "Payments"),
    }


def test_a_group_whose_target_was_deleted_is_mapped_anew(admin: User, page: Page) -> None:
    members = people(admin.org, 3)
    group = push(idp_of(admin.org), "Quality assurance", *members)
    mapping = map_to(group, target="QA EMEA", by=admin)
    entity_edits.delete_entity(org=admin.org, entity_id=mapping.entity_id, cause=by_admin(admin))
    page.goto("/groups/?status=target_deleted")
    page.get_by_role("link", name="Quality assurance").click()
    page.get_by_role("link", name="Choose a target…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Team").fill("QA worldwide")
    expect(dialog).to_contain_text("The team “QA worldwide” will be created.")
    dialog.get_by_role("button", name="Re-target").click()
    expect(page.get_by_text("is now mapped to the team “QA worldwide”")).to_be_visible()
    worker.drain(5)
    assert Membership.objects.filter(entity__name="QA worldwide").count() == 3


def test_rules_are_moved_by_keyboard_and_by_dragging(admin: User, page: Page) -> None:
    for pattern in ("a-", "b-", "c-"):
        rule(admin.org, pattern, by=admin)
        role_rule(admin.org, "Member", f"role-{pattern}")

    def order(roles: bool = False) -> list[str]:
        return [each.pattern for each in MappingRule.objects.for_org(admin.org).of_list(roles=roles)]

    page.goto("/groups/rules/")
    page.get_by_role("button", name="Move rule 1 down").focus()
    page.keyboard.press("Alt+ArrowDown")
    announcements = page.locator("[data-announcements]")
    expect(announcements).to_have_text("Begins with “a-” is now rule 2 of 3. Not saved yet.")
    expect(page.get_by_role("button", name="Move rule 2 down")).to_be_focused()
    page.keyboard.press("Enter")
    expect(announcements).to_have_text("Begins with “a-” is now rule 3 of 3. Not saved yet.")
    assert order() == ["a-", "b-", "c-"]
    page.get_by_role("button", name="Save order").click()
    expect(announcements).to_have_text("The order was saved.")
    assert order() == ["b-", "c-", "a-"]

    handles = page.locator("[data-handle]")
    last = handles.nth(2).bounding_box()
    first = handles.nth(0).bounding_box()
    assert last
    assert first
    page.mouse.move(last["x"] + 8, last["y"] + 8)
    page.mouse.down()
    page.mouse.move(first["x"] + 8, first["y"] + 40, steps=8)
    page.mouse.move(first["x"] + 8, first["y"] - 8, steps=4)
    page.mouse.up()
    expect(announcements).to_have_text("Begins with “a-” is now rule 1 of 3. Not saved yet.")

    page.get_by_role("button", name="Move role rule 1 down").focus()  # R6
    page.keyboard.press("Alt+ArrowDown")
    expect(announcements).to_have_text("Begins with “role-a-” is now role rule 2 of 3. Not saved yet.")
    page.locator("#role-rules").get_by_role("button", name="Save order").click()
    expect(announcements).to_have_text("The order was saved.")
    assert (order(), order(roles=True)) == (["b-", "c-", "a-"], ["role-b-", "role-a-", "role-c-"])
    expect(page.locator(".rules")).to_have_count(2)
    page.locator("#rules").get_by_role("button", name="Save order").click()
    page.locator("#rules").get_by_role("button", name="Undo").click()
    expect(page.locator("#rules").get_by_role("listitem").first).to_contain_text("b-")
    assert order() == ["b-", "c-", "a-"]


def test_the_admins_group_gets_the_admin_role_by_a_rule(admin: User, page: Page) -> None:  # R6
    members = people(admin.org, 3)
    group = push(idp_of(admin.org), "Admins", *members)
    rule(admin.org, "a-", by=admin)
    page.goto("/groups/rules/")
    expect(page.get_by_text("No role rules yet")).to_be_visible()
    page.get_by_role("link", name="New role rule").click()
    expect(page.get_by_label("Give the role")).to_have_value("Member")
    page.get_by_label("Pattern").fill("admins")
    expect(page.locator("#matches")).to_contain_text("1 of 1 groups")
    page.get_by_label("Give the role").select_option("Admin")
    page.get_by_label("Approve automatically").check()
    page.get_by_role("button", name="Review rule").click()
    expect(page.get_by_text("This rule gives the admin role.")).to_be_visible()
    expect(page.locator("#matches")).to_contain_text("3 people will become admins")
    page.get_by_role("button", name="Save rule").click()
    page.get_by_role("link", name="Preview the effects").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 group will be given a role")
    expect(dialog).to_contain_text("3 people will become admins")
    dialog.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("row", name="Admins")).to_contain_text("Auto-Approved")
    worker.drain(5)
    assert set(Standing.objects.filter(user__in=members).values_list("roles__0", flat=True)) == {"Admin"}
    mapping = GroupMapping.objects.get(group=group)
    assert (mapping.role, mapping.status) == ("Admin", Status.AUTO_APPROVED)


def test_a_role_is_given_by_hand_and_explained_on_the_persons_page(admin: User, page: Page) -> None:  # R6
    (amara,) = people(admin.org, 1)
    group = push(idp_of(admin.org), "Platform", amara)
    page.goto(f"/groups/{group.id}/")
    page.get_by_role("link", name="Give a role…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("No effect on the 1 person checked.")
    dialog.get_by_label("Role", exact=True).select_option("Admin")
    expect(dialog).to_contain_text("1 person will become an admin")
    dialog.get_by_role("button", name="Give role").click()
    expect(page.get_by_text("“Platform” now gives its members the role Admin.")).to_be_visible()
    worker.drain(5)
    page.get_by_role("link", name="Amara Okafor").click()
    roles = page.get_by_role("region", name="Roles")
    expect(roles).to_contain_text("Given to the members of the SCIM group Platform by an admin.")
    roles.get_by_role("link", name="change the role of the group").click()
    expect(page.get_by_role("heading", level=1, name="Platform")).to_be_visible()


def test_many_are_approved_at_once(admin: User, page: Page) -> None:
    groups = company(admin)
    page.goto("/groups/?status=pending")
    page.get_by_label("All on this page").check()
    page.get_by_role("button", name="Approve…").click()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("1 mapping was approved.")).to_be_visible()
    assert GroupMapping.objects.get(group=groups["load"]).status == Status.APPROVED


def test_ending_a_group_and_bringing_it_back(admin: User, page: Page) -> None:  # G10
    group = company(admin)["design"]
    page.goto(f"/groups/{group.id}/")
    page.get_by_role("link", name="End group…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("removed from")
    dialog.get_by_label("pushed in the last 24 hours").check()
    dialog.get_by_role("button", name="End group").click()
    expect(page.get_by_text("was ended.")).to_be_visible()
    page.goto("/groups/?status=ended")
    page.get_by_role("link", name=group.display_name).click()
    page.get_by_role("link", name="Undo…").click()
    page.get_by_role("dialog").get_by_role("button", name="Bring back").click()
    expect(page.get_by_text("is back.")).to_be_visible()
