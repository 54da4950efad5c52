"""Taking back, for programs (SPEC T2, E2)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from groups_provisioning.models import GroupMember
from orgs.models import Change, Organization
from tests.api.commands.client import Program
from tests.conftest import Idp
from tests.groups_provisioning.world import TEAM, idp_of, map_to, push, push_user, settle_marked

pytestmark = pytest.mark.usefixtures("db")


class Case:
    """Ada and Bo, who were in the group Platform until an identity provider emptied it."""

    def __init__(self, org: Organization, idp: Idp) -> None:
        self.org, self.idp, self.program = org, idp, Program(org)
        self.ada, self.bo = (push_user(idp, name) for name in ("Ada Brandt", "Bo Lind"))
        self.group = push(idp, "Platform", self.ada, self.bo)
        map_to(self.group, TEAM)
        idp.patch(f"/Groups/{self.group.id}", {"op": "replace", "path": "members", "value": []})
        settle_marked(org)
        self.change = Change.objects.filter(by_token__isnull=False).latest("id")

    def ask(self, body: Any, **more: Any) -> Any:
        return self.program("POST", "take-back", body, **more)

    def members(self) -> set[str]:
        return {str(id_) for id_ in GroupMember.objects.filter(group=self.group).values_list("user_id", flat=True)}


@pytest.fixture
def case(org: Organization, idp: Idp) -> Case:
    return Case(org, idp)


class TestAPreview:
    def test_says_what_would_be_back_and_what_stays(self, case: Case) -> None:  # T2
        for idp in (case.idp, idp_of(case.org, "other")):
            idp.patch(f"/Users/{case.ada}", {"op": "replace", "path": "title", "value": str(idp)})
        window = {"token": case.change.by_token_id, "since": case.change.at, "until": timezone.now()}
        told = case.ask(window, preview=True).json()
        assert told["taken_back"] | {"refused": []} == {
            "people": 0,
            "groups": 1,
            "added": 2,
            "removed": 0,
            "deleted_people": 0,
            "deleted_groups": 0,
            "refused": [],
            "all_refused": 1,
        }
        (left,) = told["taken_back"]["refused"]
        assert (left["kind"], left["reason"], left["id"]) == ("person", "changed", case.ada)
        assert case.members() == set()

    def test_is_carried_out_as_it_was_shown_or_not_at_all(self, case: Case) -> None:  # M9
        seen = case.ask({"change": case.change.id}, preview=True)
        case.idp.patch(f"/Groups/{case.group.id}", {"op": "add", "path": "members", "value": [{"value": case.bo}]})
        assert case.ask({"change": case.change.id}, if_match=seen["ETag"]).status_code == 412
        assert case.members() == {case.bo}


class TestTakingBack:
    def test_answers_with_the_change_by_which_it_is_taken_back_itself(self, case: Case) -> None:  # T2
        answer = case.ask({"change": case.change.id})
        assert answer.status_code == 200, answer.content
        assert case.members() == {case.ada, case.bo}
        assert case.ask(answer.json()).status_code == 200
        assert case.members() == set()

    def test_of_a_token_is_of_its_window(self, case: Case) -> None:  # T2
        window = {"token": case.change.by_token_id, "since": case.change.at, "until": timezone.now()}
        assert case.ask(window).status_code == 200
        assert case.members() == {case.ada, case.bo}

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"token": "{token}"},
            {"token": "{token}", "since": "{at}"},
            {"change": "{change}", "token": "{token}"},
            {"token": "{token}", "since": "{at}", "until": "{before}"},
            {"change": "no"},
        ],
    )
    def test_needs_one_change_or_a_window(self, case: Case, body: dict[str, str]) -> None:
        words = {
            "token": case.change.by_token_id,
            "change": case.change.id,
            "at": case.change.at.isoformat(),
            "before": (case.change.at - timedelta(seconds=1)).isoformat(),
        }
        answer = case.ask({name: value.format(**words) for name, value in body.items()})
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (400, "invalid-value")

    def test_of_what_is_no_change_of_an_identity_provider_is_refused(self, case: Case) -> None:  # T2
        by_hand = Change.objects.filter(by_token=None).latest("id")
        answer = case.ask({"change": by_hand.id})
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "not-taken")
