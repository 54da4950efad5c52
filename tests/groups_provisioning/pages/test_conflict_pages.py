"""The Conflicts tab: what is open, what is decided with its effect in view, what was decided, and undoing that."""

import csv
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from groups_provisioning.actions import entity_edits, manual_changes, mappings
from groups_provisioning.engine import worker
from groups_provisioning.models import Conflict, Decision, GroupMapping, GroupMember, Preview
from groups_provisioning.pages.conflicts import views
from groups_provisioning.preview import runs
from orgs.models import Change, Organization, User
from tests.factories import OrganizationFactory
from tests.groups_provisioning.world import POOL, SUB, TEAM, by_command, entity, group, person, places, settle, tie
from tests.page_text import text, text_of
from tests.scim.api import crowds

DECIDE = "/groups/conflicts/decide/"


@pytest.fixture
def ada(org: Organization) -> User:
    return person(org, "Ada", "Lovelace")


@pytest.fixture
def conflict(org: Organization, ada: User) -> Conflict:
    """Ada is in Silver, and Gold asks for her as well."""
    silver_and_gold(org, ada)
    return Conflict.objects.get(user=ada)


def silver_and_gold(org: Organization, *people: User) -> tuple[GroupMapping, GroupMapping]:
    made = []
    for name in ("Silver", "Gold"):
        made.append(tie(group(org, f"grp-{name.lower()}", *people), entity(org, name, POOL)))
        settle(*people)
    return made[0], made[1]


def decide(browser: Client, action: str, **chosen: Any) -> Any:
    """Look at what would come of it, then send the form as the page has it."""
    shown = browser.post(DECIDE, {"action": action, **chosen})
    assert shown.status_code == 200, shown.headers
    return browser.post(DECIDE, sent(shown), follow=True)


def sent(shown: Any) -> dict[str, str]:
    """The form of a confirmation, as it is filled in."""
    fields = re.findall(r'<input type="hidden" name="(\w+)"[^>]* value="([^"]*)"', shown.content.decode())
    return {name: value for name, value in fields if name != "csrfmiddlewaretoken"}


class TestTheList:
    def test_has_both_sides_and_why(self, browser: Client, conflict: Conflict) -> None:
        page = text_of(browser, "/groups/conflicts/")
        assert "Conflicts 1" in page
        assert "Ada Lovelace Concurrency group opened just now" in page
        assert re.search(r"Silver SCIM group grp-silver Approved · member since .* Gold SCIM group grp-gold", page)
        assert "Keep current… Ada Lovelace Use incoming… Ada Lovelace" in page

    def test_is_friendly_without_any(self, browser: Client) -> None:
        assert "No open conflicts" in text_of(browser, "/groups/conflicts/")

    def test_says_what_a_sub_organization_is_against(self, browser: Client, org: Organization, ada: User) -> None:
        for name in ("Payments", "Search"):
            tie(group(org, name, ada), entity(org, name))
        tie(group(org, "emea", ada), entity(org, "EMEA", SUB))
        settle(ada)
        page = text_of(browser, "/groups/conflicts/?clash=across")
        assert "Sub-organization or teams" in page
        assert "Payments" in page
        assert "Search Team SCIM group Search" in page

    def test_is_filtered_by_person_place_group_and_kind(self, browser: Client, org: Organization) -> None:
        ada, bo, cy = (person(org, *name) for name in (("Ada", "Lovelace"), ("Bo", "Ek"), ("Cy", "Fox")))
        silver_and_gold(org, ada)
        for name in ("Payments", "EMEA"):
            tie(group(org, f"grp-{name}", bo), entity(org, name, SUB if name == "EMEA" else TEAM))
            settle(bo)
        for name in ("APAC", "LATAM"):
            tie(group(org, f"grp-{name}", cy), entity(org, name, SUB))
            settle(cy)

        def found(query: str) -> list[str]:
            return [
                str(row.conflict.user.given_name) for row in browser.get(f"/groups/conflicts/?{query}").context["rows"]
            ]

        assert found("") == found("clash=nonsense") == found("person=x") == ["Ada", "Bo", "Cy"]
        assert found("sort=newest") == ["Cy", "Bo", "Ada"]
        assert found("q=lovelace") == found(f"person={ada.id}") == found("clash=concurrency_group") == ["Ada"]
        assert found("about=silv") == found("about=GRP-GOLD") == ["Ada"]
        assert found("clash=across") == found("about=emea") == ["Bo"]
        assert found("clash=sub_organization") == ["Cy"]
        assert found("about=nowhere") == []
        assert "No matching conflicts" in text_of(browser, "/groups/conflicts/?about=nowhere")
        assert "Only conflicts of Ada Lovelace" in text_of(browser, f"/groups/conflicts/?person={ada.id}")

    def test_is_a_file(self, browser: Client, conflict: Conflict) -> None:
        (_, row) = csv.reader(b"".join(browser.get("/groups/conflicts.csv?q=ada")).decode().splitlines())
        assert row[:7] == [
            "ada@corp.example",
            "Ada Lovelace",
            "Concurrency group",
            "Silver",
            "grp-silver",
            "Gold",
            "grp-gold",
        ]

    def test_is_of_this_org_alone(self, browser: Client) -> None:  # O7
        other = OrganizationFactory.create()
        silver_and_gold(other, bo := person(other, "Bo", "Ek"))
        theirs = Conflict.objects.get(user=bo)
        assert "Bo Ek" not in text_of(browser, "/groups/conflicts/")
        answer = browser.post(DECIDE, {"action": f"use:{theirs.id}"}, follow=True)
        assert "no longer open" in text(answer)

    def test_is_linked_from_people_who_have_one(self, browser: Client, conflict: Conflict) -> None:
        link = f"/groups/conflicts/?person={conflict.user_id}"
        assert link in browser.get(f"/people/{conflict.user_id}/").content.decode()
        assert link in browser.get("/people/").content.decode()


class TestDeciding:
    def test_shows_the_effect_before_it_is_done(self, browser: Client, conflict: Conflict, ada: User) -> None:  # M9
        shown = browser.post(DECIDE, {"action": f"use:{conflict.id}"})
        assert "Use the incoming assignment of Ada Lovelace?" in text(shown)
        assert "moved from the concurrency group Silver to Gold" in text(shown)
        assert "1 conflict will close" in text(shown)
        assert places(ada) == {"Silver": "claim"}
        assert not Decision.objects.exists()

    def test_use_incoming_moves_at_once(self, browser: Client, conflict: Conflict, ada: User) -> None:
        answer = decide(browser, f"use:{conflict.id}")
        assert "The conflict of Ada Lovelace was resolved" in text(answer)
        assert "No open conflicts" in text(answer)
        assert places(ada) == {"Gold": "claim"}

    def test_names_the_other_conflicts_that_it_closes(
        self, browser: Client, org: Organization, ada: User
    ) -> None:  # C3, M9
        silver_and_gold(org, ada)
        pools(org, ada, 12)
        gold = Conflict.objects.get(incoming__entity__name="Gold")
        shown = browser.post(DECIDE, {"action": f"use:{gold.id}"})
        assert "13 conflicts will close Your decision also closes these 12 other conflicts:" in text(shown)
        assert "Ada Lovelace : Pool Ada 0 from the SCIM group grp-Ada 0 , against Silver" in text(shown)
        assert "and 2 more" in text(shown)
        keeping = browser.post(DECIDE, {"action": f"keep:{gold.id}"})
        assert "1 conflict will close" in text(keeping)
        assert "also closes" not in text(keeping)
        browser.post(DECIDE, sent(shown))
        told = browser.get(f"/activity/{Decision.objects.all()[0].change_id}/")
        assert "Other conflicts closed" in text(told)
        assert "Ada Lovelace : Pool Ada 0 from the SCIM group grp-Ada 0 , against Silver" in text(told)
        assert "and 2 more" in text(told)
        assert "Gold from" not in text(told)
        assert_links_work(browser, told)

    def test_takes_as_many_queries_for_many_other_conflicts(self, browser: Client, org: Organization) -> None:  # C3
        def queries(bo: User, others: int) -> tuple[int, int]:
            pools(org, bo, 2 + others)
            card = Conflict.objects.filter(user=bo)[0]
            with CaptureQueriesContext(connection) as showing:
                shown = browser.post(DECIDE, {"action": f"use:{card.id}"})
            browser.post(DECIDE, sent(shown))
            with CaptureQueriesContext(connection) as telling:
                told = browser.get(f"/activity/{Decision.objects.filter(user=bo)[0].change_id}/")
            assert "Other conflicts closed" in text(told)
            return len(showing), len(telling)

        people = [person(org, f"Bo{n}", "Ek") for n in range(3)]
        queries(people[0], 1)  # what is kept per process is read
        assert queries(people[1], 1) == queries(people[2], 9)

    def test_names_the_other_conflicts_of_many(self, browser: Client, org: Organization) -> None:  # C3, M9
        people = [person(org, f"Bo{n}", "Ek") for n in range(3)]
        silver_and_gold(org, *people)
        bronze = tie(group(org, "grp-bronze", *people), entity(org, "Bronze", POOL))
        other = OrganizationFactory.create()
        silver_and_gold(other, cy := person(other, "Cy", "Fox"))
        settle(*people)
        chosen = Conflict.objects.filter(user__in=people[:2], incoming__entity__name="Gold")
        ids = ",".join(str(each.id) for each in chosen)
        shown = browser.post(DECIDE, {"action": "use", "conflict": ids})
        assert "4 conflicts will close Your decision also closes these 2 other conflicts:" in text(shown)
        browser.post(DECIDE, sent(shown))
        change = Decision.objects.all()[0].change_id
        assert "Other conflicts closed" not in text_of(browser, f"/activity/{change}/")
        worker.drain(5)
        entity_edits.delete_entity(org=org, entity_id=bronze.entity_id, cause=by_command())
        told = browser.get(f"/activity/{change}/")
        for name in ("Bo0 Ek", "Bo1 Ek"):
            assert f"{name} : Bronze from the SCIM group grp-bronze , against Silver" in text(told)
        assert "Bo2 Ek" not in text(told)
        assert_links_work(browser, told)
        assert Conflict.objects.filter(user=cy).exists()

    def test_keep_current_is_remembered(self, browser: Client, conflict: Conflict, ada: User) -> None:
        decide(browser, "keep", conflict=[conflict.id])
        assert places(ada) == {"Silver": "claim"}
        assert not Conflict.objects.exists()
        settle(ada)
        assert not Conflict.objects.exists()

    def test_what_has_changed_is_shown_anew(self, browser: Client, org: Organization, ada: User) -> None:  # M9
        for name, kind in (("Payments", TEAM), ("EMEA", SUB)):
            tie(group(org, f"grp-{name}", ada), entity(org, name, kind))
            settle(ada)
        shown = browser.post(DECIDE, {"action": f"use:{Conflict.objects.get().id}"})
        assert "removed from the team Search" not in text(shown)
        tie(group(org, "grp-search", ada), entity(org, "Search"))
        settle(ada)
        again = browser.post(DECIDE, sent(shown))
        assert "the effects have changed" in text(again)
        assert "removed from the team Search" in text(again)
        assert not Decision.objects.exists()
        browser.post(DECIDE, sent(again))
        assert places(ada) == {"EMEA": "claim"}

    def test_a_conflict_that_stays_open_is_not_said_to_open(
        self, browser: Client, org: Organization, ada: User
    ) -> None:  # M9
        team = tie(group(org, "grp-web", ada), entity(org, "Web"))
        for name, kind in (("Silver", POOL), ("EMEA", SUB)):
            tie(group(org, f"grp-{name}", ada), entity(org, name, kind))
        settle(ada)
        shown = text(browser.get(f"/mappings/{team.id}/reject/"))
        assert "Ada Lovelace: a conflict stays open, with different assignments" in shown
        assert "a conflict will open" not in shown
        rows = list(csv.reader(b"".join(browser.get(f"/mappings/{team.id}/reject/?download")).decode().splitlines()))
        (conflict,) = (row for row in rows if row[1] == "conflict")
        assert sorted(conflict[3].split(", ")) == ["EMEA", "Silver", "Web"]
        assert conflict[4] == "Silver, EMEA"

    def test_what_is_over_is_not_decided(self, browser: Client, conflict: Conflict, ada: User) -> None:
        shown = browser.post(DECIDE, {"action": f"use:{conflict.id}"})
        leave(ada, conflict.holders[0])
        settle(ada)
        assert "no longer open" in text(browser.post(DECIDE, sent(shown), follow=True))
        assert places(ada) == {"Gold": "claim"}

    def test_without_a_choice_it_asks_for_one(self, browser: Client, conflict: Conflict) -> None:
        assert "Select the conflicts first" in text(browser.post(DECIDE, {"action": "keep"}, follow=True))
        assert "Choose whether" in text(browser.post(DECIDE, {"conflict": "1"}, follow=True))
        answer = browser.post(DECIDE, {"action": "keep"}, headers={"HX-Request": "true"})
        assert answer.headers["HX-Redirect"] == "/groups/conflicts/"

    def test_many_are_settled_by_the_worker(self, browser: Client, org: Organization) -> None:
        people = [person(org, f"Bo{n}", "Ek") for n in range(3)]
        silver_and_gold(org, *people)
        answer = decide(browser, "use", all="1", filters="q=ek")
        assert "3 conflicts were resolved" in text(answer)
        assert "3 people still to be updated" in text(answer)
        assert "3 people Concurrency group first opened just now" in text(answer)
        assert text(answer).count("Being applied") == 1
        assert "a decision is being applied" in text(browser.post(DECIDE, {"action": "keep", "all": "1"}, follow=True))
        worker.drain(5)
        assert [places(each) for each in people] == [{"Gold": "claim"}] * 3
        assert "still to be updated" not in text_of(browser, "/groups/conflicts/")

    def test_all_of_a_list_with_the_newest_first_are_decided_as_they_were_shown(
        self, browser: Client, org: Organization
    ) -> None:  # M9
        silver_and_gold(org, *(person(org, f"Bo{n}", "Ek") for n in range(3)))
        answer = decide(browser, "use", all="1", filters="sort=newest")
        assert "3 conflicts were resolved" in text(answer)

    def test_a_file_has_all_differences(self, browser: Client, conflict: Conflict) -> None:
        shown = browser.post(DECIDE, {"action": f"use:{conflict.id}"})
        rows = list(csv.reader(b"".join(browser.post(f"{DECIDE}?download", sent(shown))).decode().splitlines()))
        assert ["ada@corp.example", "place", "concurrency_group", "Silver", "Gold"] in rows
        assert not Decision.objects.exists()


@pytest.fixture
def shared(org: Organization) -> list[User]:
    """Three people who are in Silver and whom Gold asks for, and one who is in Bronze and whom Silver asks for."""
    people = [person(org, f"Bo{n}", "Ek") for n in range(3)]
    alone = person(org, "Cy", "Fox")
    tie(group(org, "grp-bronze", alone), entity(org, "Bronze", POOL))
    settle(alone)
    silver_and_gold(org, *people, alone)
    return [*people, alone]


def rows_of(browser: Client, query: str = "") -> list[tuple[str, int]]:
    return [(row.name, row.people) for row in browser.get(f"/groups/conflicts/?{query}").context["rows"]]


class TestSeveralWithTheSameConflict:  # C3
    def pair(self, browser: Client) -> str:
        return next(row.pair for row in browser.get("/groups/conflicts/").context["rows"] if row.people == 3)

    def test_are_one_row(self, browser: Client, shared: list[User]) -> None:
        assert sorted(rows_of(browser)) == [("3 people, Gold incoming", 3), ("Cy Fox", 1), ("Cy Fox", 1)]
        assert rows_of(browser, "q=bo1") == [("Bo1 Ek", 1)]
        assert rows_of(browser, "about=bronze&sort=newest") == [("Cy Fox", 1), ("Cy Fox", 1)]
        assert rows_of(browser, f"pair={self.pair(browser)}&q=bo") == [("Bo0 Ek", 1), ("Bo1 Ek", 1), ("Bo2 Ek", 1)]
        page = text_of(browser, f"/groups/conflicts/?pair={self.pair(browser)}")
        assert "Only conflicts of incoming Gold with current Silver . Show all" in page
        assert "No matching conflicts" in text_of(browser, "/groups/conflicts/?q=nobody")

    def test_are_decided_by_one_decision(self, browser: Client, shared: list[User]) -> None:  # M9
        shown = browser.post(DECIDE, {"action": f"use:{self.pair(browser)}"})
        assert "Use incoming in 3 conflicts?" in text(shown)
        assert "3 moved from the concurrency group Silver to Gold" in text(shown)
        assert "3 conflicts were resolved" in text(browser.post(DECIDE, sent(shown), follow=True))
        worker.drain(5)
        assert [places(each) for each in shared] == [{"Gold": "claim"}] * 3 + [{"Bronze": "claim"}]
        assert Decision.objects.values("change").distinct().count() == 1

    def test_are_decided_for_those_who_were_chosen(self, browser: Client, shared: list[User]) -> None:
        ids = [Conflict.objects.get(user=each).id for each in shared[:2]]
        decide(browser, "keep", conflict=ids, filters=f"pair={self.pair(browser)}")
        worker.drain(5)
        assert sorted(rows_of(browser)) == [("Bo2 Ek", 1), ("Cy Fox", 1), ("Cy Fox", 1)]

    def test_are_chosen_as_a_row_beside_others(self, browser: Client, shared: list[User]) -> None:
        other = Conflict.objects.filter(user=shared[3])[0]
        answer = decide(browser, "keep", pair=[self.pair(browser)], conflict=[other.id])
        assert "4 conflicts were resolved" in text(answer)

    def test_are_those_that_the_filter_leaves(self, browser: Client, shared: list[User]) -> None:
        shown = browser.post(DECIDE, {"action": "use", "pair": self.pair(browser), "filters": "q=bo1"})
        assert "Use the incoming assignment of Bo1 Ek?" in text(shown)

    def test_one_who_comes_meanwhile_is_shown_first(
        self, browser: Client, org: Organization, shared: list[User]
    ) -> None:  # M9
        for wish in ({"action": f"use:{self.pair(browser)}"}, {"action": "use", "all": "1", "filters": "about=gold"}):
            shown = browser.post(DECIDE, wish)
            new = person(org, f"Di{len(wish)}", "Ng")
            for other in GroupMember.objects.filter(user=shared[0]).order_by("id"):
                GroupMember.objects.create(
                    org=org, group=other.group, user=new, added_at=other.added_at, added_by=other.added_by
                )
                settle(new)
            again = browser.post(DECIDE, sent(shown))
            assert "the effects have changed" in text(again)
            assert "moved from the concurrency group Silver to Gold" in text(again)
            assert not Decision.objects.exists()

    def test_once_all_are_decided_the_others_are_listed(self, browser: Client, shared: list[User]) -> None:
        pair = self.pair(browser)
        decide(browser, f"use:{pair}")
        worker.drain(5)
        answer = browser.get(f"/groups/conflicts/?pair={pair}&clash=concurrency_group&page=2")
        assert answer.headers["Location"] == "/groups/conflicts/?clash=concurrency_group"

    def test_are_undone_as_one(self, browser: Client, shared: list[User]) -> None:
        decide(browser, f"use:{self.pair(browser)}")
        worker.drain(5)
        page = browser.get("/groups/conflicts/resolved/?q=ek")
        assert text(page).count("Undo all 3…") == 3
        address = f"/groups/conflicts/resolved/changes/{Decision.objects.all()[0].change_id}/undo/?q=ek"
        shown = browser.get(address)
        assert "Undo the decisions about 3 people?" in text(shown)
        assert "3 moved from the concurrency group Gold to Silver" in text(shown)  # M9
        assert "3 conflicts will open" in text(shown)
        one = Decision.objects.get(user=shared[0])
        browser.post(undo_one := f"/groups/conflicts/resolved/{one.id}/undo/", sent(browser.get(undo_one)))
        again = browser.post(address, sent(shown))
        assert "the effects have changed" in text(again)
        answer = browser.post(address, sent(again), follow=True)
        assert answer.redirect_chain == [("/groups/conflicts/resolved/?q=ek", 302)]
        assert "The decisions about 2 people were undone" in text(answer)
        worker.drain(5)
        assert [places(each) for each in shared[:3]] == [{"Silver": "claim"}] * 3
        assert "can no longer be undone" in text(browser.get(address, follow=True))

    def test_what_has_ended_stays_ended(self, browser: Client, org: Organization, shared: list[User]) -> None:
        decide(browser, f"use:{self.pair(browser)}")
        gold = GroupMapping.objects.get(entity__name="Gold")
        mappings.reject(org=org, mapping_ids=[gold.id], cause=by_command())
        address = f"/groups/conflicts/resolved/changes/{Decision.objects.all()[0].change_id}/undo/"
        assert "can no longer be undone" in text(browser.get(address, follow=True))
        assert "Undo all" not in text_of(browser, "/groups/conflicts/resolved/")

    def test_more_than_one_request_can_look_at_are_left_to_a_worker(
        self, browser: Client, shared: list[User], monkeypatch: pytest.MonkeyPatch
    ) -> None:  # M9
        monkeypatch.setattr(runs, "AT_ONCE", 2)
        wish = {"action": f"use:{self.pair(browser)}"}
        assert "Working out the effect on 3 people" in text(browser.post(DECIDE, wish))
        assert runs.serve()
        shown = browser.post(DECIDE, wish)
        assert "3 moved from the concurrency group Silver to Gold" in text(shown)
        assert "3 conflicts were resolved" in text(browser.post(DECIDE, sent(shown), follow=True))
        assert Preview.objects.count() == 1


class TestResolved:
    def test_says_what_goes_before_what_and_who_decided(self, browser: Client, conflict: Conflict) -> None:
        decide(browser, f"use:{conflict.id}")
        page = text_of(browser, "/groups/conflicts/resolved/")
        assert "Ada Lovelace Used incoming: Gold instead of Silver" in page
        assert "Mo Adler just now" in page
        assert "In effect" in page

    def test_is_one_row_for_a_card_with_several_holders(self, browser: Client, org: Organization, ada: User) -> None:
        for name in ("Payments", "Search"):
            tie(group(org, name, ada), entity(org, name))
        settle(ada)
        tie(group(org, "emea", ada), entity(org, "EMEA", SUB))
        settle(ada)
        decide(browser, f"keep:{Conflict.objects.get().id}")
        assert Decision.objects.count() == 2
        page = text_of(browser, "/groups/conflicts/resolved/")
        assert "Kept current: Payments, Search instead of EMEA" in page
        assert len(browser.get("/groups/conflicts/resolved/").context["rows"]) == 1

    def test_undoing_asks_again(self, browser: Client, conflict: Conflict, ada: User) -> None:
        decide(browser, f"use:{conflict.id}")
        address = f"/groups/conflicts/resolved/{Decision.objects.get().id}/undo/"
        assert "the conflict opens again" in text_of(browser, address)
        assert "moved from the concurrency group Gold to Silver" in text_of(browser, address)  # M9
        answer = browser.post(address, sent(browser.get(address)), follow=True)
        assert "The decision about Ada Lovelace was undone" in text(answer)
        assert "Undone by Mo Adler" in text(answer)
        assert places(ada) == {"Silver": "claim"}
        assert Conflict.objects.get().incoming_id == conflict.incoming_id
        assert "can no longer be undone" in text(browser.post(address, follow=True))

    def test_says_what_has_become_of_it(self, browser: Client, conflict: Conflict, ada: User) -> None:
        decide(browser, f"use:{conflict.id}")

        def state() -> str:
            return str(browser.get("/groups/conflicts/resolved/").context["rows"][0].state.label)

        assert state() == "In effect"
        leave(ada, conflict.holders[0])
        assert state() == "On hold"
        cause = by_command()
        mappings.reject(org=conflict.org, mapping_ids=[conflict.incoming_id], cause=cause)
        assert state() == "Ended"
        answer = browser.post(f"/groups/conflicts/resolved/{Decision.objects.get().id}/undo/", follow=True)
        assert "can no longer be undone: ended" in text(answer)

    def test_is_remembered_while_a_hand_keeps_one_side_out(
        self, browser: Client, org: Organization, conflict: Conflict, ada: User
    ) -> None:  # R4, C2
        decide(browser, f"use:{conflict.id}")
        gold = GroupMapping.objects.get(id=conflict.incoming_id)
        cause = by_command()
        manual_changes.take_out(org=org, user_id=ada.id, entity_id=gold.entity_id, cause=cause)
        assert places(ada) == {"Silver": "claim"}
        assert "On hold" in text_of(browser, "/groups/conflicts/resolved/")
        manual_changes.put_back(org=org, user_id=ada.id, entity_id=gold.entity_id, cause=cause)
        assert "In effect" in text_of(browser, "/groups/conflicts/resolved/")

    def test_is_remembered_while_the_person_is_inactive(
        self, browser: Client, conflict: Conflict, ada: User
    ) -> None:  # C3
        decide(browser, f"use:{conflict.id}")
        User.objects.filter(id=ada.id).update(active=False)
        assert "On hold" in text_of(browser, "/groups/conflicts/resolved/")

    def test_is_searched_by_person_and_is_a_file(self, browser: Client, conflict: Conflict) -> None:
        decide(browser, f"keep:{conflict.id}")
        assert "No matching decisions" in text_of(browser, "/groups/conflicts/resolved/?q=bo")
        (_, row) = csv.reader(b"".join(browser.get("/groups/conflicts/resolved.csv?q=ada")).decode().splitlines())
        assert row[:6] == ["ada@corp.example", "Ada Lovelace", "Silver", "Gold", "Keep current", "Mo Adler"]
        assert row[7:9] == ["In effect", ""]

    def test_begins_empty(self, browser: Client) -> None:
        assert "No decisions yet" in text_of(browser, "/groups/conflicts/resolved/")


@pytest.fixture
def crowd(org: Organization) -> Organization:
    """A conflict for each of 10,000 people, and a decision about another one."""
    crowds.fill(org, 10_000)
    sides = [tie(group(org, f"grp-{name}"), entity(org, name, POOL)) for name in ("Silver", "Gold")]
    change = Change.objects.filter(org=org).order_by("-id")[0]
    Change.objects.filter(id=change.id).update(verb="conflict.decided", detail={"use": "incoming"})
    values = {"org": org.id, "holder": sides[0].id, "incoming": sides[1].id, "change": change.id}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")  # 10,000 rows whose keys are checked one by one
        cursor.execute(
            "INSERT INTO groups_provisioning_conflict (org_id, user_id, incoming_id, holders, since) "
            "SELECT org_id, id, %(incoming)s, ARRAY[%(holder)s::uuid], now() FROM orgs_user "
            "WHERE org_id = %(org)s AND user_name LIKE 'p%%'",
            values,
        )
        cursor.execute(
            "INSERT INTO groups_provisioning_decision (org_id, user_id, winner_id, loser_id, at, change_id) "
            "SELECT org_id, id, %(incoming)s, %(holder)s, now(), %(change)s FROM orgs_user "
            "WHERE org_id = %(org)s AND user_name LIKE 'p%%'",
            values,
        )
        cursor.execute("ANALYZE")
    return org


def test_is_quick_and_small_with_a_crowd(
    browser: Client, crowd: Organization, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = browser.get("/groups/conflicts/").context["rows"]
    assert row.people == 10_000
    for address in (
        f"/groups/conflicts/?pair={row.pair}",
        f"/groups/conflicts/?pair={row.pair}&page=199",
        f"/groups/conflicts/?pair={row.pair}&q=p99&about=gold&clash=concurrency_group&sort=newest",
        "/groups/conflicts/resolved/",
        "/groups/conflicts/resolved/?q=p99&page=2",
    ):
        with django_assert_max_num_queries(12):
            answer = browser.get(address)
        assert len(answer.content) < 110_000
        assert len(answer.context["rows"]) == 50
    monkeypatch.setattr(views, "MOST", 6_000)
    with django_assert_max_num_queries(20):
        shown = browser.post(DECIDE, {"action": "keep", "all": "1", "filters": ""})
    assert "Keep current in 6,000 conflicts?" in text(shown)
    assert "4,000 more conflicts match the filter" in text(shown)
    assert "Working out the effect on 6,000 people" in text(shown)
    assert len(shown.content) < 100_000


def pools(org: Organization, user: User, count: int) -> None:
    """Further concurrency groups that ask for somebody."""
    for number in range(count):
        name = f"{user.given_name} {number}"
        tie(group(org, f"grp-{name}", user), entity(org, f"Pool {name}", POOL))
    settle(user)


def assert_links_work(browser: Client, answer: Any) -> None:
    (listed,) = re.findall(r'<ul class="closing">.*?</ul>', answer.content.decode(), re.DOTALL)
    for address in re.findall(r'href="([^"]+)"', listed):
        assert browser.get(address).status_code == 200


def leave(user: User, mapping_id: Any) -> None:
    GroupMember.objects.filter(user=user, group__mappings=mapping_id).delete()
