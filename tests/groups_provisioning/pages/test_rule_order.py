"""Rules are put in another order: tried with what it would do, then saved, then perhaps undone (SPEC M3, M9)."""

import re
from typing import Any

import pytest
from django.test import Client

from groups_provisioning.models import MappingRule
from orgs.models import Change, Organization
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, OwnerFactory
from tests.groups_provisioning.world import POOL, map_to, push, role_rule, rule
from tests.page_text import text_at_first

HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(org: Organization) -> Client:
    return signed_in(OwnerFactory.create(org=org))


def order(org: Organization, *, roles: bool = False) -> list[str]:
    return [each.pattern for each in MappingRule.objects.for_org(org).of_list(roles=roles)]


def form(answer: Any, last: bool = True) -> dict[str, list[str]]:
    """What the form on a page sends: the last one of a list, or the first, which undoes."""
    source = answer.content.decode()
    forms = re.findall(r'<form class="rules__(?:form|order)".*?</form>', source, re.DOTALL)
    sent: dict[str, list[str]] = {}
    for name, value in re.findall(
        r'<input type="hidden" name="(was|rule|roles)" value="(.*?)"', forms[-1 if last else 0]
    ):
        sent.setdefault(name, []).append(value)
    return sent


def post(browser: Client, sent: dict[str, Any], **more: Any) -> Any:
    return browser.post("/groups/rules/order/", sent | more, headers=HTMX)


class TestAnotherOrder:
    def test_is_shown_with_what_it_would_do_before_it_is_saved(
        self, browser: Client, org: Organization, idp: Idp
    ) -> None:  # M9
        rule(org, "eng-")
        rule(org, "eng-load", POOL, auto=False)
        rule(org, "sales-")
        for name in ("eng-web", "eng-load"):
            push(idp, name)
        shown = post(browser, form(browser.get("/groups/rules/")), move="2 1")
        words = text_at_first(shown)
        assert "Not saved yet" in words
        assert (
            "1 group would be treated differently: eng-load Team, approved automatically "
            "Concurrency group, requires approval" in words
        )
        assert shown.context["announced"] == "Begins with “eng-load” is now rule 1 of 3. Not saved yet."
        assert order(org) == ["eng-", "eng-load", "sales-"]
        saved = post(browser, form(shown), save="1")
        assert "The order was saved." in text_at_first(saved)
        assert order(org) == ["eng-load", "eng-", "sales-"]

    def test_is_undone_by_one_button(self, browser: Client, org: Organization) -> None:
        for pattern in "abc":
            rule(org, pattern)
        shown = post(browser, form(browser.get("/groups/rules/")), move="3 1")
        saved = post(browser, form(shown), save="1")
        assert order(org) == ["c", "a", "b"]
        undone = post(browser, form(saved, last=False), save="1")
        assert order(org) == ["a", "b", "c"]
        post(browser, form(undone, last=False), save="1")
        assert order(org) == ["c", "a", "b"]

    def test_is_made_in_several_moves(self, browser: Client, org: Organization) -> None:
        for pattern in "abcd":
            rule(org, pattern)
        shown = browser.get("/groups/rules/")
        for move in ("1 4", "1 2", "3 1"):
            shown = post(browser, form(shown), move=move)
        post(browser, form(shown), save="1")
        assert order(org) == ["d", "c", "b", "a"]
        assert Change.objects.filter(verb="rules.reordered").count() == 1

    def test_that_is_the_saved_one_again_has_nothing_to_save(self, browser: Client, org: Organization) -> None:
        rule(org, "a")
        rule(org, "b")
        shown = post(browser, form(browser.get("/groups/rules/")), move="1 2")
        assert "Save order" in text_at_first(shown)
        assert "Save order" not in text_at_first(post(browser, form(shown), move="1 2"))

    @pytest.mark.parametrize("senseless", ["", "1", "1 0", "0 1", "1 3", "one two", "1 2 1", "-1 2"])
    def test_is_not_made_by_a_move_that_is_none(self, browser: Client, org: Organization, senseless: str) -> None:
        rule(org, "a")
        rule(org, "b")
        assert "Save order" not in text_at_first(post(browser, form(browser.get("/groups/rules/")), move=senseless))

    def test_works_without_scripting(self, browser: Client, org: Organization) -> None:
        rule(org, "a")
        rule(org, "b")
        role_rule(org, "Admin", "x")
        first = form(browser.get("/groups/rules/"))
        assert first.keys() == {"roles", "was", "rule"}
        mapping_rules = {"was": [str(each.id) for each in MappingRule.objects.for_org(org).of_list(roles=False)]}
        sent = mapping_rules | {"rule": mapping_rules["was"]}
        shown = browser.post("/groups/rules/order/", sent | {"move": "2 1"})
        assert "Role rules" in text_at_first(shown)
        assert "Save order" in text_at_first(shown)
        browser.post("/groups/rules/order/", sent | {"rule": sent["rule"][::-1], "save": "1"})
        assert order(org) == ["b", "a"]

    def test_of_role_rules_leaves_mapping_rules(self, browser: Client, org: Organization, idp: Idp) -> None:  # R6
        rule(org, "a")
        role_rule(org, "Admin", "b")
        role_rule(org, "Member", "bc")
        push(idp, "bcd")
        shown = post(browser, form(browser.get("/groups/rules/")), move="2 1")
        assert shown.context["announced"] == "Begins with “bc” is now role rule 1 of 2. Not saved yet."
        assert 'id="role-rules"' in shown.content.decode()
        assert "bcd Admin, approved automatically Member, approved automatically" in text_at_first(shown)
        post(browser, form(shown), save="1")
        assert (order(org), order(org, roles=True)) == (["a"], ["bc", "b"])

    def test_is_not_saved_over_what_another_admin_did(self, browser: Client, org: Organization) -> None:
        rule(org, "a")
        rule(org, "b")
        shown = post(browser, form(browser.get("/groups/rules/")), move="1 2")
        post(browser, form(shown), save="1")
        for late in ({"save": "1"}, {"move": "1 2", "save": "1"}):
            answer = browser.post("/groups/rules/order/", form(shown) | late, follow=True)
            assert "somebody else has changed these rules" in text_at_first(answer)
        assert order(org) == ["b", "a"]

    def test_has_all_rules_of_its_list_and_no_others(self, browser: Client, org: Organization) -> None:  # O7
        mine = [str(rule(org, pattern).id) for pattern in "ab"]
        theirs = str(rule(OrganizationFactory.create(), "c").id)
        role = str(role_rule(org, "Admin", "d").id)
        for was, now in (
            (mine, mine[:1]),
            (mine, [mine[0], mine[0]]),
            (mine, [*mine, role]),
            ([*mine, role], [role, *mine]),
            ([theirs], [theirs]),
            (mine, ["nonsense", mine[0]]),
            ([], []),
        ):
            for save in ({}, {"save": "1"}):
                answer = browser.post("/groups/rules/order/", {"was": was, "rule": now} | save, follow=True)
                assert answer.status_code == 200
        assert order(org) == ["a", "b"]
        assert not Change.objects.filter(verb="rules.reordered").exists()

    def test_changes_no_mapping(self, browser: Client, org: Organization, idp: Idp) -> None:  # M5
        mapping = map_to(push(idp, "eng-load"))
        rule(org, "eng-")
        rule(org, "eng-load", POOL)
        shown = post(browser, form(browser.get("/groups/rules/")), move="2 1")
        post(browser, form(shown), save="1")
        mapping.refresh_from_db()
        assert mapping.kind == "team"
