"""Changes that are held, for programs: which, whom, and letting them through (SPEC T1)."""

from typing import Any

import pytest

from groups_provisioning.engine import holds
from groups_provisioning.models import Breach, BreachState, Hold, Membership
from groups_provisioning.preview import runs
from orgs.models import Entity, Organization, ScimToken, Scope
from tests.api.commands.client import MANAGE, Program
from tests.api.consumer import Consumer, key_of
from tests.conftest import Idp
from tests.groups_provisioning.world import TEAM, empty, map_to, push, push_user, settle_marked

pytestmark = pytest.mark.usefixtures("db")


class Case:
    """Ada and Bo, who are kept in the team Platform, which an identity provider emptied."""

    def __init__(self, org: Organization, idp: Idp) -> None:
        self.org, self.idp = org, idp
        self.ada, self.bo = (push_user(idp, name) for name in ("Ada Brandt", "Bo Lind"))
        self.group = push(idp, "Platform", self.ada, self.bo)
        map_to(self.group, TEAM)
        settle_marked(org)
        self.breach = empty(idp, self.group)
        self.path = f"held-changes/{self.breach.id}"
        self.program = Program(org)

    def get(self, path: str = "") -> Any:
        answer = self.program("GET", path or "held-changes")
        assert answer.status_code == 200, answer.content
        return answer.json()

    def let_through(self, body: Any, program: Program | None = None, **more: Any) -> Any:
        return (program or self.program)("POST", f"{self.path}/let-through", body, **more)


@pytest.fixture
def consumer(org: Organization) -> Consumer:
    return Consumer(org)


@pytest.fixture
def case(org: Organization, idp: Idp) -> Case:
    return Case(org, idp)


class TestTheList:
    def test_names_the_token_the_rules_and_how_many_are_held(self, case: Case) -> None:  # T1
        (told,) = case.get()["items"]
        assert told == {
            "id": str(case.breach.id),
            "token": str(case.breach.token_id),
            "rules": ["losses"],
            "people": 2,
            "since": told["since"],
            "last": told["last"],
        }
        assert told["since"] <= told["last"]

    def test_is_empty_when_nothing_is_held(self, case: Case) -> None:
        case.let_through({})
        assert case.get() == {"items": [], "next": None, "has_more": False}


class TestThePeople:
    def test_are_told_with_the_change_and_what_would_become_of_them(self, case: Case) -> None:  # T1
        told = case.get(f"{case.path}/people")["items"]
        assert [each["person"] for each in told] == [case.ada, case.bo]
        assert told[0]["change"]["verb"] == "group.changed"
        platform = str(Entity.objects.get(name="Platform").id)
        assert told[0]["differences"] == [{"slot": "team", "was": platform, "now": None}]

    def test_come_page_by_page(self, case: Case) -> None:
        first = case.program.http.get(f"/api/v1/organizations/{case.org.id}/{case.path}/people", {"limit": 1}).json()
        assert first["has_more"]
        asked = {"limit": 1, "after": first["next"]}
        rest = case.program.http.get(f"/api/v1/organizations/{case.org.id}/{case.path}/people", asked).json()
        assert [each["person"] for each in first["items"] + rest["items"]] == [case.ada, case.bo]
        assert not rest["has_more"]

    def test_are_nobody_once_it_is_over(self, case: Case) -> None:
        case.let_through({})
        settle_marked(case.org)
        assert case.program("GET", f"{case.path}/people").status_code == 404


class TestLettingThrough:
    def test_some_leaves_the_others_held(self, case: Case) -> None:  # T1
        assert case.let_through({"people": [case.ada]}).json() == {"people": 1}
        settle_marked(case.org)
        assert [str(id_) for id_ in Membership.objects.values_list("user_id", flat=True)] == [case.bo]
        assert str(Hold.objects.get().user_id) == case.bo
        assert Breach.objects.get().reset_at is None

    def test_all_has_the_token_count_anew(self, case: Case) -> None:  # T1
        assert case.let_through({}).json() == {"people": 2}
        settle_marked(case.org)
        assert not Membership.objects.exists()
        assert Breach.objects.get().reset_at

    def test_what_is_no_longer_as_it_was_shown_is_refused(self, case: Case) -> None:  # M9
        seen = case.let_through({}, preview=True)
        assert seen.json()["touched"] == 2
        case.let_through({"people": [case.ada]})
        answer = case.let_through({}, if_match=seen["ETag"])
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (412, "outdated")
        assert str(Hold.objects.get(released=False).user_id) == case.bo

    def test_of_nobody_ends_a_hold_by_support(self, org: Organization, idp: Idp) -> None:  # N4
        push_user(idp, "Ada Brandt")
        token = ScimToken.objects.for_org(org).get()
        breach_id = holds.begin(org.id, token.id)
        program = Program(org, key_of(org, *MANAGE))
        (told,) = program("GET", "held-changes").json()["items"]
        assert (told["rules"], told["people"]) == (["support"], 0)
        seen = program("POST", f"held-changes/{breach_id}/let-through", {}, preview=True)
        assert seen.status_code == 200, seen.json()
        answer = program("POST", f"held-changes/{breach_id}/let-through", {})
        assert (answer.status_code, answer.json()) == (200, {"people": 0})
        assert Breach.objects.get().state == BreachState.ENDED

    def test_more_people_than_are_looked_at_at_once_needs_the_scope_of_who_makes_admins(
        self, case: Case, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # E5
        monkeypatch.setattr(runs, "AT_ONCE", 1)
        managing = Program(case.org, key_of(case.org, *MANAGE))
        assert case.let_through({}, managing).status_code == 403
        assert case.let_through({"people": [case.ada]}, managing).status_code == 200
        assert case.let_through({}, Program(case.org, key_of(case.org, *Scope))).status_code == 200


class TestTheFeed:
    def test_says_who_is_held_since_when_and_by_which_change(self, case: Case, consumer: Consumer) -> None:  # E1
        consumer.poll()
        hold = Hold.objects.get(user=case.ada)
        state = consumer.state("person", case.ada)
        assert len(state["teams"]) == 1
        assert state["held"] == {
            "since": hold.at.isoformat().replace("+00:00", "Z"),
            "change": str(hold.change_id),
        }

    def test_says_so_when_it_is_over(self, case: Case, consumer: Consumer) -> None:  # E1
        consumer.poll()
        case.let_through({"people": [case.ada]})
        settle_marked(case.org)
        consumer.poll()
        assert consumer.state("person", case.ada)["held"] is None
        assert consumer.state("person", case.bo)["held"]
