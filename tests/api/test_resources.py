"""Resources by id and in lists: the states of the feed, page by page, for nobody else (SPEC E2)."""

from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from api import states
from groups_provisioning.actions import entity_edits
from orgs import feed, matters
from orgs.matters import Occurrence
from orgs.models import Entity, MatterKind, Organization, User
from tests.api.consumer import Consumer, key_of
from tests.conftest import Idp
from tests.factories import MappingFactory, OrganizationFactory, OwnerFactory, UserFactory
from tests.groups_provisioning import world
from tests.groups_provisioning.world import POOL, SUB, TEAM, by_command, entity, map_to, push, push_user, settle_marked

pytestmark = pytest.mark.usefixtures("db")

PATHS = {
    "person": "people",
    "team": "teams",
    "concurrency_group": "concurrency-groups",
    "sub_organization": "sub-organizations",
    "group": "groups",
}


class Reader:
    """A program that reads an org. org: whose key it has; None for the operator's."""

    def __init__(self, org: Organization | None) -> None:
        self.http = Client(headers={"Authorization": f"Bearer {key_of(org).secret}"})

    def ask(self, path: str, **asked: Any) -> HttpResponse:
        return self.http.get(f"/api/v1/organizations{path}", asked)

    def get(self, path: str, **asked: Any) -> Any:
        answer = self.ask(path, **asked)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def all(self, path: str, **asked: Any) -> list[Any]:
        """Every item of a list, page by page."""
        items: list[Any] = []
        page = self.get(path, **asked)
        items += page["items"]
        while page["has_more"]:
            page = self.get(path, after=page["next"], **asked)
            items += page["items"]
        assert page["next"] is None
        return items


class Here(Reader):
    """One that reads below its own org."""

    def __init__(self, org: Organization) -> None:
        super().__init__(org)
        self.org = org

    def ask(self, path: str, **asked: Any) -> HttpResponse:
        return super().ask(f"/{self.org.id}{path}", **asked)


@pytest.fixture
def here(org: Organization) -> Here:
    return Here(org)


@pytest.fixture
def ada(org: Organization, idp: Idp) -> str:
    """Somebody with a team by Platform, and a concurrency group by Batch."""
    ada = push_user(idp, "Ada Brandt")
    map_to(push(idp, "Platform", ada), TEAM)
    map_to(push(idp, "Batch", ada), POOL)
    settle_marked(org)
    return ada


class TestResources:
    def test_are_what_the_feed_tells_by_id_and_in_lists(self, org: Organization, ada: str, here: Here) -> None:  # E2
        owner, lab = OwnerFactory.create(org=org), entity(org, "Lab", SUB)
        feed.touch(org.id, [("person", str(owner.id)), (SUB, str(lab.id)), ("organization", str(org.id))])
        operator = Consumer(None)
        operator.poll()
        told = operator.states()
        assert {kind for kind, _ in told} == {*PATHS, "organization"}
        for kind, path in PATHS.items():
            found = {item["id"]: item for item in here.all(f"/{path}")}
            states_of = {id_: {"id": id_} | state for (of, id_), state in told.items() if of == kind}
            assert found == states_of
            assert {id_: here.get(f"/{path}/{id_}") for id_ in found} == states_of
        for reader in (Reader(None), Reader(org)):
            mine = {"id": str(org.id)} | told["organization", str(org.id)]
            assert reader.get(f"/{org.id}") == mine
            assert reader.all("") == [mine]

    def test_that_are_gone_are_not_there(self, org: Organization, idp: Idp, ada: str, here: Here) -> None:  # E2
        team = Entity.objects.get(kind=TEAM)
        group = push(idp, "Short-lived")
        entity_edits.delete_entity(org=org, entity_id=team.id, cause=by_command())
        idp.delete(f"/Users/{ada}")
        idp.delete(f"/Groups/{group.id}")
        for path in (f"/people/{ada}", f"/people/{ada}/explanation", f"/teams/{team.id}", f"/groups/{group.id}"):
            assert here.ask(path).status_code == 404
        assert here.all("/people") == here.all("/teams") == []
        assert [each["display_name"] for each in here.all("/groups")] == ["Platform", "Batch"]

    def test_of_another_kind_are_not_there(self, ada: str, here: Here) -> None:
        team = Entity.objects.get(kind=TEAM)
        assert here.ask(f"/concurrency-groups/{team.id}").status_code == 404
        assert here.ask(f"/groups/{ada}").status_code == 404

    def test_of_another_org_are_not_there(self, org: Organization, ada: str) -> None:  # O7
        stranger = Here(OrganizationFactory.create())
        team = Entity.objects.get(kind=TEAM)
        assert stranger.ask(f"/people/{ada}").status_code == stranger.ask(f"/teams/{team.id}").status_code == 404
        assert stranger.all("/people") == []
        assert [each["id"] for each in Reader(stranger.org).all("")] == [str(stranger.org.id)]
        assert len(Reader(None).all("", limit=1)) == 2

    def test_of_a_group_are_its_members(self, org: Organization, idp: Idp, here: Here) -> None:
        people = [push_user(idp, f"Ada {number}") for number in range(5)]
        group = push(idp, "Platform", *people)
        told = here.all(f"/groups/{group.id}/members", limit=2)
        assert [each["person"] for each in told] == sorted(people)
        assert {each["since"][-1] for each in told} == {"Z"}
        assert here.ask(f"/groups/{uuid4()}/members").status_code == 404


class TestFilters:
    def test_find_by_name_in_any_case_and_by_external_id(self, org: Organization, idp: Idp, here: Here) -> None:  # E2
        OrganizationFactory.create(name="Elsewhere", slug="elsewhere")
        push_user(idp, "Bo Lind")
        ada = idp.post("/Users", {"userName": "Ada@Corp.example", "externalId": "X 1"}).json()["id"]
        group = push(idp, "Größe", externalId="g+1")
        team = entity(org, "STRASSE")
        found = {
            "/people?user_name=ada@corp.EXAMPLE": ada,
            "/people?external_id=X 1": ada,
            "/groups?display_name=GRÖSSE": str(group.id),
            "/groups?external_id=g%2B1": str(group.id),
            "/teams?name=straße": str(team.id),
        }
        for address, id_ in found.items():
            assert [each["id"] for each in here.all(address)] == [id_], address
        for address in ("/people?external_id=x 1", "/people?user_name=ada@corp.example&external_id=2", "/teams?name=S"):
            assert here.all(address) == []
        assert [each["id"] for each in Reader(None).all(f"?slug={org.slug}")] == [str(org.id)]
        assert [each["slug"] for each in Reader(None).all("?name=ELSEWHERE")] == ["elsewhere"]
        assert Reader(org).all("?slug=elsewhere") == []

    def test_that_are_not_known_are_refused(self, ada: str, here: Here) -> None:  # E2
        addresses = ["", "/changes", "/people", f"/people/{ada}", f"/people/{ada}/explanation", "/rules", "/matters"]
        for address in addresses:
            answer = here.ask(address, active="true")
            assert (answer.status_code, answer.json()["errors"]) == (
                400,
                {"active": ["There is no such name here."]},
            ), address

    @pytest.mark.parametrize(
        "asked", ["limit=0", "limit=1001", "limit=x", "user_name=", "user_name=%00", "external_id=", "after="]
    )
    def test_with_impossible_values_are_refused(self, here: Here, asked: str) -> None:
        answer = here.ask(f"/people?{asked}")
        assert (answer.status_code, answer.json()["type"]) == (400, f"{settings.MUSTER_URL}/problems/invalid-value")


class TestPages:
    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
    def test_together_are_the_list(self, org: Organization, here: Here, limit: int) -> None:  # E2
        people = UserFactory.create_batch(7, org=org)
        UserFactory.create_batch(2, org=OrganizationFactory.create())
        assert [each["id"] for each in here.all("/people", limit=limit)] == sorted(str(user.id) for user in people)

    def test_cost_the_same_whatever_their_size(self, org: Organization, here: Here) -> None:  # E2
        counts: list[dict[str, int]] = []
        here.get("/people")  # when a key was first used is noted
        for number in (1, 25):
            people = UserFactory.create_batch(number, org=org)
            for each in people:
                group = world.group(org, f"Group {number} {each.id}", each)
                for kind in (TEAM, POOL, SUB):
                    MappingFactory.create(group=group, kind=kind, entity=entity(org, f"{kind} {each.id}", kind))
            lists = [*PATHS.values(), "mappings", "rules", "conflicts", f"groups/{group.id}/members"]
            counted = {}
            for place, path in enumerate(lists):
                with CaptureQueriesContext(connection) as asked:
                    here.get(f"/{path}")
                counted[str(place)] = len(asked)
            counts.append(counted)
        assert counts[0] == counts[1]
        assert max(counts[0].values()) <= 7

    def test_end_where_they_have_grown_large(
        self, org: Organization, here: Here, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(states, "MOST", 100)
        people = [UserFactory.create(org=org, attributes={"title": "x" * length}) for length in (400, 60, 60)]
        assert len(here.get("/people")["items"]) == 1
        assert [each["id"] for each in here.all("/people")] == [str(user.id) for user in people]

    def test_go_on_with_the_same_question_alone(self, org: Organization, idp: Idp, here: Here) -> None:  # E2
        for number in range(3):
            push_user(idp, f"Ada {number}")
        after = here.get("/people", limit=1)["next"]
        assert len(here.get("/people", limit=2, after=after)["items"]) == 2
        other = Here(OrganizationFactory.create())
        questions = [
            here.ask("/people", after=after, user_name="ada.1@corp.example"),
            here.ask("/groups", after=after),
            other.ask("/people", after=after),
            here.ask("/people", after=after[:-1] + ("A" if after[-1] != "A" else "B")),
            here.ask("/people", after="x"),
            here.ask("/people", after="é.é"),
        ]
        for answer in questions:
            assert (answer.status_code, answer.json()["type"]) == (
                400,
                f"{settings.MUSTER_URL}/problems/cursor-mismatch",
            )


class TestMappings:
    def test_and_rules_have_the_ids_that_commands_name(self, org: Organization, idp: Idp, here: Here) -> None:  # E2
        rule = world.rule(org, "eng-", auto=False)
        given = world.role_rule(org, "Admin", "boss", auto=False)
        group = push(idp, "eng-core")
        push(idp, "other")
        mapping = world.only(group)
        told = here.get(f"/mappings/{mapping.id}")
        assert told == {
            "id": str(mapping.id),
            "group": str(group.id),
            "kind": "team",
            "status": "pending",
            "entity": None,
            "role": None,
            "reason": "asked",
            "target_deleted": False,
            "rule": str(rule.id),
            "created_at": told["created_at"],
        }
        assert here.all("/mappings", group=group.id, status="pending", kind="team") == [told]
        assert here.all("/mappings", status="rejected") == here.all("/mappings", entity=uuid4()) == []
        first, second = here.all("/rules")
        assert (first["id"], first["pattern"], first["role"], first["position"]) == (str(rule.id), "eng-", None, 1)
        assert (second["id"], second["kind"], second["role"], second["position"]) == (str(given.id), "role", "Admin", 1)
        assert here.get(f"/rules/{rule.id}") == first
        idp.delete(f"/Groups/{group.id}")
        assert here.all("/mappings") == []
        assert here.ask(f"/mappings/{mapping.id}").status_code == 404

    def test_whose_target_was_deleted_have_none(self, org: Organization, idp: Idp, here: Here) -> None:  # M7
        group = push(idp, "Platform")
        team = map_to(group, TEAM).entity
        assert team
        entity_edits.delete_entity(org=org, entity_id=team.id, cause=by_command())
        (told,) = here.all("/mappings")
        assert (told["entity"], told["target_deleted"]) == (None, True)
        assert here.get(f"/groups/{group.id}")["mappings"] == [
            {name: told[name] for name in ("id", "kind", "status", "entity", "role")}
        ]

    def test_that_exclude_each_other_are_conflicts(self, org: Organization, idp: Idp, here: Here) -> None:  # C3
        people = [push_user(idp, f"Ada {number}") for number in range(3)]
        first, second = (map_to(push(idp, name, *people), POOL) for name in ("Batch", "Night"))
        settle_marked(org)
        told = here.all("/conflicts", limit=1)
        assert {each["person"] for each in told} == set(people)
        assert {(each["incoming"], *each["holders"]) for each in told} == {(str(second.id), str(first.id))}
        assert here.all("/conflicts", person=people[1]) == [each for each in told if each["person"] == people[1]]
        assert here.all("/conflicts", incoming=first.id) == []


class TestMatters:
    def test_are_told_in_words_with_what_they_are_about(self, org: Organization, here: Here) -> None:  # N2
        at, refused = timezone.now(), {"status": "400", "error": "The userName is not an address."}
        matters.note([Occurrence(org.id, MatterKind.USER_REFUSED, "ada", at, detail=refused) for _ in range(3)])
        group = world.group(org, "Nobody's")
        told, unmapped = here.all("/matters")
        assert (told["kind"], told["severity"], told["times"]) == ("user.refused", "warning", 3)
        assert told["subjects"] == [{"type": "person", "id": "", "name": "ada"}]
        assert told["title"] == "The person “ada” could not be created"
        assert told["text"].startswith("The userName is not an address.")
        assert (unmapped["kind"], unmapped["severity"], unmapped["times"]) == ("group.unmapped", "note", None)
        assert unmapped["subjects"] == [{"type": "group", "id": str(group.id), "name": "Nobody's"}]
        assert unmapped["page"].endswith("/groups/?status=unmapped")
        assert here.all("/matters", kind="group.unmapped") == here.all("/matters", severity="note") == [unmapped]
        assert here.all("/matters", severity="urgent") == []


def test_nothing_is_told_of_people_who_are_staff(org: Organization, here: Here) -> None:
    User.objects.create_superuser("help@muster.example", "correct horse")
    assert here.all("/people") == []
