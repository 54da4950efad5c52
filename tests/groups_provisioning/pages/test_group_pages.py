"""SCIM groups and mapping rules, as an org's admins see and change them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from groups_provisioning.actions import entity_edits, group_ends, mappings
from groups_provisioning.engine import worker
from groups_provisioning.models import GroupMapping, MappingRule, PatternType, Preview, PushedGroup, Status
from groups_provisioning.pages.rules import matched_groups
from groups_provisioning.preview import runs
from orgs import entities, matters, profiles
from orgs.matters import Occurrence
from orgs.models import Change, Entity, MatterKind, Organization, Past, User
from orgs.open_matters import everything
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory, issue_token
from tests.groups_provisioning.world import (
    POOL,
    SUB,
    TEAM,
    by_command,
    give,
    map_to,
    only,
    push,
    push_user,
    role_rule,
    rule,
    settle_marked,
)
from tests.page_text import text_at_first
from tests.scim.api.crowds import fill

CHOOSE = {"name": "Runners"}


@pytest.fixture
def ada(org: Organization) -> User:
    return OwnerFactory.create(org=org, user_name="ada@corp.example", given_name="Ada", family_name="Brandt")


@pytest.fixture
def browser(ada: User) -> Client:
    """Ada, the owner, signed in."""
    return signed_in(ada)


def rows(answer: Any) -> list[str]:
    """The names in the list, in their order."""
    return [str(row.group) for row in answer.context["rows"]]


def seen(answer: Any) -> str:
    """The fingerprint that is in the form."""
    found = re.search(r'name="seen" id="seen" value="(\w*)"', answer.content.decode())
    assert found
    return found[1]


def decide(browser: Client, address: str, **chosen: Any) -> Any:
    """Look at what would happen, then send the form as the page has it."""
    shown = browser.post(address, chosen) if address.endswith("bulk/") else browser.get(address, chosen)
    assert shown.status_code == 200, shown
    return browser.post(address, chosen | {"seen": seen(shown)}, follow=True)


class TestTheList:
    def test_shows_where_each_group_stands(self, browser: Client, org: Organization, idp: Idp) -> None:
        rule(org, "eng-")
        rule(org, "load", POOL, auto=False)
        push(idp, "eng-web")
        push(idp, "load runners")
        push(idp, "Office")
        map_to(push(idp, "Design"))
        deleted = map_to(push(idp, "Quality"))
        entity_edits.delete_entity(org=org, entity_id=deleted.entity_id, cause=by_command())
        rejected = map_to(push(idp, "Sales"))
        mappings.reject(org=org, mapping_ids=[rejected.id], cause=by_command())
        found = {str(row.group): row for row in browser.get("/groups/").context["rows"]}
        assert {name: row.status.label for name, row in found.items()} == {
            "eng-web": "Auto-Approved",
            "load runners": "Pending",
            "Office": "Unmapped",
            "Design": "Approved",
            "Quality": "Target deleted",
            "Sales": "Rejected",
        }
        matched = [[rule.position for rule in found[name].rules] for name in ("eng-web", "load runners", "Office")]
        assert matched == [[1], [2], []]

    def test_shows_the_role_rule_that_matches_too(self, browser: Client, org: Organization, idp: Idp) -> None:  # R6
        for_teams, for_admins = rule(org, "it"), rule(org, "it", kind="role", role="Admin")
        group = push(idp, "IT")
        (row,) = browser.get("/groups/").context["rows"]
        assert (row.group, row.rules) == (group, [for_teams, for_admins])

    def test_marks_what_is_out_of_sync(self, browser: Client, org: Organization, idp: Idp) -> None:  # O3
        group = push(idp, "Office")
        push(idp, "Design")
        org.group_provisioning = False
        org.save()
        rename = {"op": "replace", "path": "displayName", "value": "x"}
        assert idp.patch(f"/Groups/{group.id}", rename).status_code == 403
        words = text_at_first(browser.get("/groups/"))
        assert "1 group is out of sync It may have other members than in your identity provider." in words
        assert "Group provisioning is off" in words
        assert rows(browser.get("/groups/?status=out_of_sync")) == ["Office"]

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("q=ENG", ["eng-api", "eng-web"]),
            ("status=unmapped", ["Office"]),
            ("kind=team", ["eng-api", "eng-web"]),
            ("kind=concurrency_group", []),
            ("q=web&status=auto_approved&kind=team", ["eng-web"]),
            ("sort=-members", ["eng-web", "eng-api", "Office"]),
            ("sort=-name", ["Office", "eng-web", "eng-api"]),
            ("status=nonsense&sort=nonsense&kind=nonsense&page=nonsense", ["eng-api", "eng-web", "Office"]),
        ],
    )
    def test_can_be_searched_filtered_and_sorted(
        self, browser: Client, org: Organization, idp: Idp, query: str, names: list[str]
    ) -> None:
        rule(org, "eng-")
        push(idp, "Office")
        push(idp, "eng-web", UserFactory.create(org=org))
        push(idp, "eng-api")
        assert rows(browser.get(f"/groups/?{query}")) == names

    def test_is_downloaded_with_the_same_filters(self, browser: Client, org: Organization, idp: Idp) -> None:
        rule(org, "eng-")
        push(idp, "eng-web")
        push(idp, "Office")
        lines = b"".join(browser.get("/groups.csv?q=eng").streaming_content).decode().splitlines()
        assert len(lines) == 2
        assert lines[1].startswith('"eng-web","Auto-Approved","","0","","Team: eng-web","1 Begins with eng-",')

    def test_knows_no_group_of_another_org(self, browser: Client, idp: Idp) -> None:  # O7
        other = OrganizationFactory.create()
        group = push(Idp(issue_token(other).secret), "Theirs")
        assert rows(browser.get("/groups/")) == []
        mapping = map_to(group)
        for address in (f"/groups/{group.id}/", f"/groups/{group.id}/map/", f"/groups/{group.id}/progress/"):
            assert browser.get(address).status_code == 404
        for action in ("approve", "retarget", "reject"):
            answer = browser.post(f"/mappings/{mapping.id}/{action}/", follow=True)
            assert "This mapping no longer exists" in text_at_first(answer)
        browser.post("/groups/bulk/", {"action": "reject", "group": [str(group.id)]})
        assert only(group) == mapping


class TestTheGroup:
    def test_says_what_the_identity_provider_manages(self, browser: Client, org: Organization, idp: Idp) -> None:
        group = push(idp, "Office", UserFactory.create(org=org, user_name="grace@corp.example"))
        words = text_at_first(browser.get(f"/groups/{group.id}/"))
        assert "Name, members and roles are managed by your identity provider" in words
        assert "grace@corp.example" in words
        assert "No mapping rule matches its current name." in words

    def test_says_that_nesting_is_not_expanded(self, browser: Client, idp: Idp) -> None:  # G3
        inner = push(idp, "Berlin")
        answer = idp.post("/Groups", {"displayName": "Europe", "members": [{"value": str(inner.id)}]})
        words = text_at_first(browser.get(f"/groups/{answer.json()['id']}/"))
        assert "This group contains 1 group Nested groups are not expanded" in words

    def test_searches_and_sorts_its_members(self, browser: Client, org: Organization, idp: Idp) -> None:
        people = [UserFactory.create(org=org, user_name=f"{name}@corp.example") for name in ("amara", "bo", "chiara")]
        group = push(idp, "Office", *people)
        found = browser.get(f"/groups/{group.id}/?q=CORP", headers={"HX-Request": "true"})
        assert [str(member.user) for member in found.context["page"]] == [person.user_name for person in people]
        found = browser.get(f"/groups/{group.id}/?q=AMA", headers={"HX-Request": "true"})
        assert [str(member.user) for member in found.context["page"]] == ["amara@corp.example"]
        found = browser.get(f"/groups/{group.id}/?q=corp&sort=-name", headers={"HX-Request": "true"})
        assert [member.user for member in found.context["page"]] == people[::-1]
        lines = b"".join(browser.get(f"/groups/{group.id}/members.csv?q=bo").streaming_content).decode().splitlines()
        assert len(lines) == 2

    def test_shows_how_far_a_decision_has_come(self, browser: Client, org: Organization, idp: Idp) -> None:
        group = push(idp, "Office", *(UserFactory.create(org=org) for _ in range(3)))
        worker.drain(5)
        map_to(group)
        assert "0 of 3 people have been updated" in text_at_first(browser.get(f"/groups/{group.id}/"))
        worker.drain(5)
        assert "updated" not in text_at_first(browser.get(f"/groups/{group.id}/"))
        assert "Everybody has been updated" in text_at_first(browser.get(f"/groups/{group.id}/progress/"))

    def test_tells_what_happened_to_it(self, browser: Client, org: Organization, idp: Idp) -> None:
        rule(org, "eng-")
        group = push(idp, "eng-web")
        decide(browser, f"/mappings/{only(group).id}/retarget/", name="Web")
        told = text_at_first(browser.get(f"/groups/{group.id}/history/", headers={"HX-Request": "true"}))
        assert told.index("eng-web was mapped to Web instead") < told.index("The group eng-web was pushed")
        assert "by Ada Brandt" in told


class TestAGroupThatIsOutOfSync:  # O3
    @pytest.fixture
    def office(self, org: Organization, idp: Idp) -> PushedGroup:
        group = push(idp, "Office")
        PushedGroup.objects.for_org(org).update(out_of_sync=True)
        return PushedGroup.objects.get(id=group.id)

    def test_says_since_when(self, browser: Client, org: Organization, office: PushedGroup) -> None:  # N1
        became = Past.objects.get(about=office.id, was__out_of_sync=False)
        Past.objects.filter(id=became.id).update(at=datetime(2026, 5, 4, 12, 30, tzinfo=UTC))
        PushedGroup.objects.filter(id=office.id).update(out_of_sync=True)  # another refused write
        assert "all of them. Since 4 May 2026, 12:30 UTC" in text_at_first(browser.get(f"/groups/{office.id}/"))
        (matter,) = [each for each in everything(org, at=timezone.now()) if each.kind == "group.out_of_sync"]
        assert matter.since == datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
        Past.objects.filter(about=office.id).delete()
        assert "sends all of them. Since" not in text_at_first(browser.get(f"/groups/{office.id}/"))

    def confirm(self, browser: Client, group: PushedGroup) -> str:
        """Follow the link on the group's page as it was shown."""
        address = f"/groups/{group.id}/in-sync/"
        shown = browser.get(address, {"revision": str(group.revision)})
        assert f'name="revision" value="{group.revision}"' in shown.content.decode()
        return text_at_first(browser.post(address, {"revision": str(group.revision), "seen": ""}, follow=True))

    def test_is_in_sync_once_an_admin_says_that_its_members_are_right(
        self, browser: Client, ada: User, office: PushedGroup
    ) -> None:
        page = browser.get(f"/groups/{office.id}/").content.decode()
        assert f"/groups/{office.id}/in-sync/?revision={office.revision}" in page
        assert "“Office” is in sync." in self.confirm(browser, office)
        office.refresh_from_db()
        assert not office.out_of_sync
        change = Change.objects.get(verb="group.confirmed")
        assert (change.by_person, change.detail["revision"]) == (ada, office.revision)

    def test_stays_so_if_it_was_written_meanwhile(
        self, browser: Client, org: Organization, idp: Idp, office: PushedGroup
    ) -> None:
        person = UserFactory.create(org=org)
        members = {"op": "add", "path": "members", "value": [{"value": str(person.id)}]}
        assert idp.patch(f"/Groups/{office.id}", members).status_code == 200
        assert "the group has changed since you saw it" in self.confirm(browser, office)
        office.refresh_from_db()
        assert office.out_of_sync

    def test_stays_so_while_writes_are_refused(self, browser: Client, org: Organization, office: PushedGroup) -> None:
        Organization.objects.filter(pk=org.pk).update(group_provisioning=False)
        assert "in-sync" not in browser.get(f"/groups/{office.id}/").content.decode()
        assert "Switch group provisioning on first" in self.confirm(browser, office)
        office.refresh_from_db()
        assert office.out_of_sync


class TestApproving:
    def test_says_what_is_created_and_then_creates_it(self, browser: Client, org: Organization, idp: Idp) -> None:
        rule(org, "load", POOL, auto=False)
        group = push(idp, "load runners", UserFactory.create(org=org))
        address = f"/mappings/{only(group).id}/approve/"
        words = text_at_first(browser.get(address))
        assert "The concurrency group “load runners” will be created" in words
        assert "1 person will be affected +1 added to the concurrency group load runners New" in words
        answer = decide(browser, address, name="load runners")
        assert answer.redirect_chain == [(f"/groups/{group.id}/", 302)]
        assert only(group).status == Status.APPROVED
        assert only(group).entity.name == "load runners"
        assert Change.objects.get(verb="mapping.approved").by_person is not None

    def test_uses_what_is_there(self, browser: Client, org: Organization, idp: Idp) -> None:
        rule(org, "load", POOL, auto=False)
        pool = entities.create(org=org, kind=POOL, name="Runners", at=timezone.now())
        group = push(idp, "load runners")
        decide(browser, f"/mappings/{only(group).id}/approve/", name=" runners ")
        assert only(group).entity == pool

    def test_does_nothing_that_was_not_seen(self, browser: Client, org: Organization, idp: Idp) -> None:  # M9
        rule(org, "load", POOL, auto=False)
        group = push(idp, "load runners")
        address = f"/mappings/{only(group).id}/approve/"
        shown = seen(browser.get(address))
        again = browser.post(address, {"name": "Runners", "seen": shown})
        assert "The concurrency group “Runners” will be created" in text_at_first(again)
        assert only(group).status == Status.PENDING
        idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "externalId", "value": "x"})
        late = browser.post(address, {"name": "Runners", "seen": seen(again)})
        assert "Not done yet: the effects have changed" in text_at_first(late)
        assert only(group).status == Status.PENDING

    def test_names_the_owner_of_what_is_taken(self, browser: Client, org: Organization, idp: Idp) -> None:  # M1
        map_to(push(idp, "Night shift"), POOL, "Runners")
        rule(org, "load", POOL, auto=False)
        group = push(idp, "load runners")
        answer = decide(browser, f"/mappings/{only(group).id}/approve/", name="Runners")
        assert "“Night shift” is already mapped to this target" in text_at_first(answer)
        assert only(group).status == Status.PENDING

    def test_of_what_is_decided_leads_to_the_group(self, browser: Client, idp: Idp) -> None:
        mapping = map_to(push(idp, "Office"))
        answer = browser.get(f"/mappings/{mapping.id}/approve/", follow=True)
        assert "This mapping has already been decided: Approved." in text_at_first(answer)


class TestAnEffectOnVeryMany:
    def test_is_worked_out_by_a_worker_and_decided_about_then(
        self, browser: Client, org: Organization, idp: Idp, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # M9
        monkeypatch.setattr(runs, "AT_ONCE", 1)
        group = push(idp, "Everybody", UserFactory.create(org=org), UserFactory.create(org=org))
        address, chosen = f"/groups/{group.id}/map/", {"kind": TEAM, "name": "Everybody"}
        shown = browser.get(address, chosen)
        assert "Working out the effect on 2 people: 0 done." in text_at_first(shown)
        assert seen(shown) == ""
        browser.post(address, chosen | {"seen": ""})
        assert not GroupMapping.objects.exists()
        run = Preview.objects.get()
        assert "Working out" in text_at_first(browser.get(f"/previews/{run.id}/"))
        assert runs.serve()
        done = browser.get(f"/previews/{run.id}/")
        assert "2 people will be affected" in text_at_first(done)
        browser.post(address, chosen | {"seen": seen(done)})
        assert only(group).entity.name == "Everybody"

    def test_of_a_rule_leaves_the_editor_as_it_is(
        self, browser: Client, org: Organization, idp: Idp, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # M9
        monkeypatch.setattr(runs, "AT_ONCE", 1)
        push(idp, "Everybody", UserFactory.create(org=org), UserFactory.create(org=org))
        facts = {"pattern_type": PatternType.ALL, "kind": TEAM, "auto_approve": "on"}
        shown = browser.post("/groups/rules/new/", facts)
        assert "Working out the effect on 2 people: 0 done." in text_at_first(shown)
        again = browser.post("/groups/rules/new/", facts | {"seen": seen(shown)})
        assert "Check what the rule matches" in text_at_first(again)
        assert "data-saves" not in again.content.decode()
        assert runs.serve()
        done = browser.get(f"/previews/{Preview.objects.get().id}/")
        assert "data-saves" in done.content.decode()
        browser.post("/groups/rules/new/", facts | {"seen": seen(done)})
        assert MappingRule.objects.count() == 1

    def test_is_downloaded(self, browser: Client, org: Organization, idp: Idp) -> None:
        group = push(idp, "Office", UserFactory.create(org=org, user_name="grace@corp.example"))
        shown = browser.get(f"/groups/{group.id}/map/", {"kind": TEAM, "name": "Berlin"})
        lines = b"".join(browser.get(shown.context["download"]).streaming_content).decode().splitlines()
        assert lines[1:] == ['"grace@corp.example","place","team","","Berlin"']


class TestMappingByHand:
    def test_offers_the_kinds_that_are_on(self, browser: Client, org: Organization, idp: Idp) -> None:  # M8
        org.sub_organizations = False
        org.save()
        group = push(idp, "Office")
        shown = browser.get(f"/groups/{group.id}/map/")
        assert [kind for kind, _ in shown.context["form"].fields["kind"].choices] == [TEAM, POOL]
        decide(browser, f"/groups/{group.id}/map/", kind=POOL, name="Runners")
        assert (only(group).kind, only(group).entity.name) == (POOL, "Runners")

    def test_is_refused_beside_the_field_where_something_excludes_it(self, browser: Client, idp: Idp) -> None:  # M1
        group = push(idp, "Office")
        map_to(group, TEAM)
        answer = decide(browser, f"/groups/{group.id}/map/", kind=SUB, name="Berlin")
        assert "A group that is mapped to a sub-organization cannot" in answer.context["form"].errors["name"][0]
        assert not Entity.objects.filter(name="Berlin").exists()

    def test_of_a_deleted_target_is_a_new_choice(self, browser: Client, org: Organization, idp: Idp) -> None:  # M7
        group = push(idp, "Office")
        mapping = map_to(group)
        entity_edits.delete_entity(org=org, entity_id=mapping.entity_id, cause=by_command())
        assert "its target was deleted" in text_at_first(browser.get(f"/groups/{group.id}/"))
        decide(browser, f"/mappings/{mapping.id}/retarget/", name="Berlin")
        assert (only(group).status, only(group).entity.name) == (Status.APPROVED, "Berlin")

    def test_is_undone_by_rejecting(self, browser: Client, idp: Idp) -> None:  # M2
        group = push(idp, "Office")
        mapping = map_to(group)
        decide(browser, f"/mappings/{mapping.id}/reject/")
        assert not GroupMapping.objects.live().filter(group=group).exists()
        assert "You rejected mapping this group to a team" in text_at_first(browser.get(f"/groups/{group.id}/"))


class TestManyAtOnce:
    @pytest.fixture
    def pending(self, org: Organization, idp: Idp) -> list[PushedGroup]:
        """Two that can be approved, and one whose name another group has taken."""
        map_to(push(idp, "Night shift"), POOL, "load c")
        rule(org, "load", POOL, auto=False)
        return [push(idp, name) for name in ("load a", "load b", "load c")]

    def test_approves_what_can_be_and_lists_what_cannot(self, browser: Client, pending: list[PushedGroup]) -> None:
        chosen = {"action": "approve", "group": [str(group.id) for group in pending]}
        shown = text_at_first(browser.post("/groups/bulk/", chosen))
        assert "Approve 3 mappings?" in shown
        assert "1 cannot be approved this way load c The group “Night shift” is already mapped to this target" in shown
        answer = decide(browser, "/groups/bulk/", **chosen)
        assert "2 mappings were approved." in text_at_first(answer)
        assert [only(group).status for group in pending] == [Status.APPROVED, Status.APPROVED, Status.PENDING]
        assert "1 was refused: “load c”: The group “Night shift” is already mapped to this target." in text_at_first(
            answer
        )

    def test_foresees_and_tells_that_of_namesakes_one_is_refused(
        self, browser: Client, org: Organization, idp: Idp
    ) -> None:  # M1, M9
        rule(org, auto=False)
        groups = [push(idp, name, UserFactory.create(org=org)) for name in ("Gold", " Gold")]
        chosen = {"action": "approve", "group": [str(group.id) for group in groups]}
        shown = browser.post("/groups/bulk/", chosen)
        words = text_at_first(shown)
        assert "1 person will be affected +1 added to the team" in words
        assert "1 cannot be approved this way" in words
        ((group, _),) = shown.context["refused"]
        answer = text_at_first(decide(browser, "/groups/bulk/", **chosen))
        assert "1 mapping was approved." in answer
        assert f"1 was refused: “{group}”: The group “" in answer
        assert {only(group).status for group in groups} == {Status.APPROVED, Status.PENDING}
        assert only(group).status == Status.PENDING

    def test_rejects_all_that_a_filter_leaves(self, browser: Client, pending: list[PushedGroup]) -> None:
        answer = decide(browser, "/groups/bulk/", action="reject", all="1", filters="q=load")
        assert "3 mappings were rejected." in text_at_first(answer)
        assert GroupMapping.objects.live().get().group.display_name == "Night shift"

    def test_what_comes_meanwhile_is_shown_first(self, browser: Client, pending: list[PushedGroup], idp: Idp) -> None:
        """All that match are looked for again: nobody confirms what they have not seen (SPEC M9)."""
        for wish in ({"action": "reject"}, {"action": "map", "to": "role:Member"}):
            chosen = {"all": "1", "filters": "q=load", **wish}
            shown = browser.post("/groups/bulk/", chosen)
            name = f"load to {wish['action']}"
            assert name not in text_at_first(shown)
            new = push(idp, name)
            again = browser.post("/groups/bulk/", chosen | {"seen": seen(shown)})
            assert "the effects have changed" in text_at_first(again)
            assert new.display_name in text_at_first(again)
        assert only(pending[0]).status == Status.PENDING

    def test_returns_to_the_same_page_of_the_list(self, browser: Client, pending: list[PushedGroup]) -> None:
        filters = "q=load&sort=-members&page=2"
        page = browser.get(f"/groups/?{filters}")
        assert page.context["filters"] == filters
        answer = decide(browser, "/groups/bulk/", action="approve", group=[str(pending[0].id)], filters=filters)
        assert answer.redirect_chain == [(f"/groups/?{filters}", 302)]

    def test_asks_to_choose_first(self, browser: Client) -> None:
        assert "Select the groups first." in text_at_first(
            browser.post("/groups/bulk/", {"action": "approve"}, follow=True)
        )

    def test_never_recreates_what_was_deleted(self, browser: Client, org: Organization, idp: Idp) -> None:  # M7
        mapping = map_to(push(idp, "Office"))
        entity_edits.delete_entity(org=org, entity_id=mapping.entity_id, cause=by_command())
        shown = browser.post("/groups/bulk/", {"action": "approve", "group": [str(mapping.group_id)]})
        assert "its target was deleted" in text_at_first(shown)
        assert "These mappings cannot be approved in bulk" in text_at_first(shown)


class TestMappingMany:
    @pytest.fixture
    def free(self, org: Organization, idp: Idp) -> list[PushedGroup]:
        """One that can be mapped to a team of its name, one that has one, and one whose name another group has."""
        map_to(push(idp, "Night shift"), TEAM, "Payments")
        map_to(web := push(idp, "Web"))
        return [push(idp, "Platform", UserFactory.create(org=org)), web, push(idp, "Payments")]

    def test_shows_and_does_all_at_once(self, browser: Client, free: list[PushedGroup]) -> None:  # M9
        chosen = {"action": "map", "to": "team", "group": [str(group.id) for group in free]}
        shown = text_at_first(browser.post("/groups/bulk/", chosen))
        assert "Map 3 groups?" in shown
        assert "Each group is mapped to the team with its own name, because a target can have only one group" in shown
        assert "Platform Platform New" in shown
        assert "2 cannot be mapped this way" in shown
        assert "Payments The group “Night shift” is already mapped to this target" in shown
        assert "Web This group already has a mapping. Add another on the group's page." in shown
        assert "+1 added to the team Platform New" in shown
        answer = text_at_first(decide(browser, "/groups/bulk/", **chosen))
        assert "1 group was mapped." in answer
        assert "2 were refused: “" in answer
        assert "“Payments”: The group “Night shift” is already mapped to this target." in answer
        assert only(free[0]).status == Status.APPROVED

    def test_gives_all_that_match_a_role(self, browser: Client, free: list[PushedGroup]) -> None:  # R6
        chosen = {"action": "map", "to": "role:Member", "all": "1", "filters": "q=pa"}
        assert "Give 1 group a role?" in text_at_first(browser.post("/groups/bulk/", chosen))
        assert "1 group was mapped." in text_at_first(decide(browser, "/groups/bulk/", **chosen))
        assert GroupMapping.objects.get(role="Member").group.display_name == "Payments"

    def test_asks_twice_before_it_makes_admins(self, browser: Client, free: list[PushedGroup]) -> None:  # R6
        chosen = {"action": "map", "to": "role:Admin", "group": [str(group.id) for group in free]}
        shown = text_at_first(browser.post("/groups/bulk/", chosen))
        assert "I know that the members of these groups become admins" in shown
        assert "change role from Member to Admin" in shown
        decide(browser, "/groups/bulk/", **chosen)
        assert not GroupMapping.objects.filter(role="Admin").exists()
        decide(browser, "/groups/bulk/", **chosen, anyway="1")
        assert GroupMapping.objects.filter(role="Admin").count() == 3

    def test_offers_what_the_organization_has(
        self, browser: Client, org: Organization, free: list[PushedGroup]
    ) -> None:  # M8
        type(org).objects.filter(pk=org.pk).update(concurrency_groups=False)
        page = browser.get("/groups/").content.decode()
        assert re.findall(r'<option value="([\w:]+)">\w', page[page.index('id="to"') :]) == [
            "team",
            "sub_organization",
            "role:Admin",
            "role:Member",
        ]
        for to in ("concurrency_group", "role:Boss", ""):
            answer = browser.post("/groups/bulk/", {"action": "map", "to": to, "group": str(free[0].id)}, follow=True)
            assert "Choose what to map the groups to." in text_at_first(answer)

    def test_of_what_is_refused_altogether_has_nothing_to_confirm(
        self, browser: Client, free: list[PushedGroup]
    ) -> None:
        shown = browser.post("/groups/bulk/", {"action": "map", "to": "sub_organization", "group": str(free[0].id)})
        assert "There is no sub-organization “Platform”. Create it first" in text_at_first(shown)
        assert not shown.context["possible"]


def saved(browser: Client, address: str, **facts: str) -> Any:
    shown = browser.post(address, facts)
    return browser.post(address, facts | {"seen": shown.context["seen"]}, follow=True)


class TestRules:
    def test_say_how_many_groups_follow_them(self, browser: Client, org: Organization, idp: Idp) -> None:  # M3
        for name in ("eng-web", "ENG-api", "eng-load", "Office"):
            push(idp, name)
        rule(org, "eng-l")
        rule(org, "eng")
        rule(org, "^eng-", POOL, type_=PatternType.REGEX)
        shown = browser.get("/groups/rules/")
        assert [(tally.winning, tally.matching) for _, tally, _ in shown.context["lists"][0].rows] == [
            (1, 1),
            (2, 3),
            (0, 2),
        ]
        assert "1 group matches no rule." in text_at_first(shown)
        assert "2 groups match first of 3 that match; earlier rules apply to the others" in text_at_first(shown)

    def test_say_that_an_earlier_one_wins_the_only_match(self, browser: Client, org: Organization, idp: Idp) -> None:
        push(idp, "eng-web")
        rule(org, "eng")
        later = rule(org, "eng-web")
        assert "0 groups match first 1 group matches; an earlier rule applies to it" in text_at_first(
            browser.get("/groups/rules/")
        )
        assert "Applies to None. Earlier rules apply." in text_at_first(browser.get(f"/groups/rules/{later.id}/"))

    def test_ask_for_a_pattern_before_they_call_its_absence_wrong(self, browser: Client) -> None:
        facts = {"pattern_type": "regex", "pattern": "", "kind": "team"}
        shown = browser.get("/groups/rules/test/", facts, headers={"HX-Request": "true"})
        assert "field__error" not in shown.content.decode()
        assert "Enter a pattern to see the groups it matches." in text_at_first(shown)

    def test_tell_which_one_a_name_follows(self, browser: Client, org: Organization) -> None:
        rule(org, "eng-")
        assert "Rule 1 applies: Begins with eng- , map to a team." in text_at_first(
            browser.get("/groups/rules/?name=Eng-web")
        )
        assert "No mapping rule matches" in text_at_first(browser.get("/groups/rules/test/?name=web"))

    def test_are_saved_once_their_matches_were_seen(self, browser: Client, org: Organization, idp: Idp) -> None:  # M9
        push(idp, "eng-web")
        facts = {"pattern_type": "prefix", "pattern": "eng-", "kind": "team", "auto_approve": "on"}
        live = browser.get("/groups/rules/test/", facts, headers={"HX-Request": "true"})
        assert "data-saves" not in live.content.decode()
        first = browser.post("/groups/rules/new/", facts | {"seen": seen(live)})
        assert "Check what the rule matches and what it would do" in text_at_first(first)
        assert "data-saves" in first.content.decode()
        assert first.context["outcome"].outlook.plan.matched == 1
        assert not MappingRule.objects.exists()
        answer = saved(browser, "/groups/rules/new/", **facts)
        assert "Preview the effects" in text_at_first(answer)
        assert MappingRule.objects.get().auto_approve
        assert not GroupMapping.objects.exists()  # M5

    def test_are_saved_at_once_where_nothing_would_change(self, browser: Client, idp: Idp) -> None:  # M9
        map_to(push(idp, "eng-web"), TEAM)
        facts = {"pattern_type": "prefix", "pattern": "eng-", "kind": "team"}
        live = browser.get("/groups/rules/test/", facts, headers={"HX-Request": "true"})
        assert "data-saves" in live.content.decode()
        browser.post("/groups/rules/new/", facts | {"seen": seen(live)})
        assert MappingRule.objects.count() == 1

    def test_show_what_they_would_do_to_groups_that_are_not_counted_too(
        self, browser: Client, org: Organization, idp: Idp, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # M9
        monkeypatch.setattr(matched_groups, "COUNTED", 1)
        push(idp, "Accounting")
        push(idp, "eng-web")
        facts = {"pattern_type": "prefix", "pattern": "eng-", "kind": "team", "auto_approve": "on"}
        shown = browser.post("/groups/rules/new/", facts)
        assert [each.group for each in shown.context["outcome"].outlook.plan.mapped] == ["eng-web"]
        answer = saved(browser, "/groups/rules/new/", **facts)
        assert "Preview the effects" in text_at_first(answer)
        assert "Apply to unmapped groups" in text_at_first(answer)

    def test_are_tried_on_recent_pushes_without_saving_them(
        self, browser: Client, org: Organization, idp: Idp
    ) -> None:  # T4
        ada = push_user(idp, "Ada")
        push(idp, "eng-web", ada)
        map_to(push(idp, "eng-old", ada), TEAM, "Veterans")
        idp.delete(f"/Groups/{push(idp, 'eng-gone').id}")
        facts = {"pattern_type": "prefix", "pattern": "eng-", "kind": "team", "auto_approve": "on", "back_test": "1"}
        before = Change.objects.count()
        shown = text_at_first(browser.post("/groups/rules/new/", facts))
        assert "There were 3 pushes. The rule would have mapped 1 group. Group First pushed" in shown
        assert "1 group that it matches has such a mapping already eng-old Veterans" in shown
        assert "1 group that it matched was deleted since eng-gone" in shown
        assert "1 person would have something else" in shown
        assert (MappingRule.objects.count(), Change.objects.count()) == (0, before)
        nothing = text_at_first(browser.post("/groups/rules/new/", facts | {"pattern": "ops-"}))
        assert "The rule was the first to match none of them." in nothing

    def test_with_a_bad_pattern_say_where_it_is_bad(self, browser: Client) -> None:
        facts = {"pattern_type": "regex", "pattern": "eng-[z-a]", "kind": "team"}
        shown = browser.get("/groups/rules/test/", facts, headers={"HX-Request": "true"})
        assert "At character" in text_at_first(shown)
        assert "invalid character class range" in text_at_first(browser.post("/groups/rules/new/", facts))

    def test_are_deleted_after_a_question(self, browser: Client, org: Organization, idp: Idp) -> None:
        first = rule(org, "a")
        group = push(idp, "a1")
        decide(browser, f"/groups/rules/{first.id}/delete/")
        assert not MappingRule.objects.exists()
        assert only(group).rule is None

    def test_are_applied_to_unmapped_groups_after_a_preview(
        self, browser: Client, org: Organization, idp: Idp
    ) -> None:  # M5
        for name in ("eng-web", "eng-api", "Office"):
            push(idp, name)
        map_to(push(idp, "eng-old"))
        entities.create(org=org, kind=TEAM, name="eng-api", at=timezone.now())
        rule(org, "eng-")
        shown = text_at_first(browser.get("/groups/rules/apply/"))
        assert "2 groups will be mapped eng-web eng-web New eng-api eng-api" in shown
        answer = decide(browser, "/groups/rules/apply/")
        assert "2 groups were mapped." in text_at_first(answer)
        assert rows(browser.get("/groups/?status=auto_approved")) == ["eng-api", "eng-web"]

    def test_of_a_kind_that_is_off_cannot_be_made(self, browser: Client, org: Organization) -> None:  # M8
        org.concurrency_groups = False
        org.save()
        facts = {"pattern_type": "all", "pattern": "", "kind": POOL}
        assert "This kind is switched off" in text_at_first(browser.post("/groups/rules/new/", facts))

    def test_of_another_org_do_not_exist(self, browser: Client) -> None:  # O7
        theirs = rule(OrganizationFactory.create(), "a")
        for address in (f"/groups/rules/{theirs.id}/", f"/groups/rules/apply/?rule={theirs.id}"):
            assert browser.get(address).status_code == 404
        answer = browser.post(f"/groups/rules/{theirs.id}/delete/", follow=True)
        assert "Somebody else has deleted this rule." in text_at_first(answer)
        theirs.refresh_from_db()
        assert browser.get("/groups/rules/apply/?rule=nonsense").status_code == 404


class TestRoleRules:
    """SPEC R6, with the roles Admin and Member of the standard profile."""

    NEW = "/groups/rules/new-role/"

    def test_are_a_list_of_their_own_beside_the_mapping_rules(
        self, browser: Client, org: Organization, idp: Idp
    ) -> None:  # R6
        assert "No role rules yet" in text_at_first(browser.get("/groups/rules/"))
        for name in ("eng-web", "Office"):
            push(idp, name)
        rule(org, "eng-", auto=False)
        role_rule(org, "Admin", "eng-", auto=False)
        role_rule(org, "Member")
        shown = browser.get("/groups/rules/")
        mapping, role = shown.context["lists"]
        assert [(words, tally.winning) for _, tally, words in mapping.rows] == [("rule 1", 1)]
        assert [(words, tally.winning) for _, tally, words in role.rows] == [("role rule 1", 1), ("role rule 2", 1)]
        assert (mapping.matches.unmatched, role.matches.unmatched) == (1, 0)
        assert (mapping.matches.unmapped, role.matches.unmapped) == (1, 2)

    def test_are_tried_beside_the_mapping_rules(self, browser: Client, org: Organization) -> None:
        rule(org, "eng-")
        role_rule(org, "Admin", "eng-", auto=False)
        words = text_at_first(browser.get("/groups/rules/test/?name=eng-web"))
        assert "Rule 1 applies: Begins with eng- , map to a team." in words
        assert (
            "Role rule 1 applies: Begins with eng- , give the role Admin. Members get it once you approve it." in words
        )
        assert "No role rule matches. Members would get no role" in text_at_first(
            browser.get("/groups/rules/?name=web")
        )

    def test_are_made_edited_and_deleted(self, browser: Client, org: Organization, idp: Idp) -> None:
        push(idp, "Staff", UserFactory.create(org=org))
        form = browser.get(self.NEW).context["form"]
        assert form["role"].value() == "Member"  # the default role
        facts = {"pattern_type": "prefix", "pattern": "staff", "role": "Member", "auto_approve": "on"}
        live = browser.get("/groups/rules/test/", facts, headers={"HX-Request": "true"})
        assert "You can apply the rule to 1 existing group." in text_at_first(live)
        answer = saved(browser, self.NEW, **facts)
        assert "The rule does not give its role to existing groups" in text_at_first(answer)
        made = MappingRule.objects.get()
        assert (made.gives_role, made.role, made.auto_approve) == (True, "Member", True)
        saved(browser, f"/groups/rules/{made.id}/", **facts | {"pattern": "x"})
        made.refresh_from_db()
        assert (made.pattern, made.gives_role) == ("x", True)
        decide(browser, f"/groups/rules/{made.id}/delete/")
        assert not MappingRule.objects.exists()

    def test_give_no_role_that_the_profile_lacks(self, browser: Client, org: Organization) -> None:
        facts = {"pattern_type": "all", "role": "Chef"}
        assert "Select a valid choice" in text_at_first(browser.post(self.NEW, facts))
        lost = role_rule(org, "Member", "x")
        MappingRule.objects.filter(id=lost.id).update(role="Chef")
        assert "Role no longer exists" in text_at_first(browser.get("/groups/rules/"))
        address = f"/groups/rules/{lost.id}/"
        assert browser.get(address).context["form"]["role"].value() == "Chef"  # and not the first there is, Admin
        answer = saved(browser, address, pattern_type="prefix", pattern="y", role="Chef")
        assert "This role no longer exists. Choose another." in text_at_first(answer)

    def test_are_applied_to_the_groups_that_were_given_no_role(
        self, browser: Client, org: Organization, idp: Idp
    ) -> None:  # M5, R6
        rule(org, auto=True)
        staff, other = push(idp, "Staff"), push(idp, "Other")
        give(other, "Member")
        mapping = role_rule(org, "Member")
        role_rule(org, "Admin", "never reached")
        shown = text_at_first(browser.get("/groups/rules/apply/?roles=1"))
        assert "1 group will be given a role Staff Member" in shown
        assert "1 group will be given a role" in text_at_first(browser.get(f"/groups/rules/apply/?rule={mapping.id}"))
        answer = decide(browser, "/groups/rules/apply/", roles="1")
        assert "1 group was given a role." in text_at_first(answer)
        assert GroupMapping.objects.get(group=staff, kind="role").role == "Member"
        assert "no role rule matches a group" in text_at_first(browser.get("/groups/rules/apply/?roles=1")).lower()

    def test_are_downloaded_with_the_mapping_rules(self, browser: Client, org: Organization) -> None:
        role_rule(org, "Admin", "b", auto=False)
        rule(org, "a")
        lines = b"".join(browser.get("/groups/rules.csv").streaming_content).decode().splitlines()
        assert [line.rsplit(",", 1)[0] for line in lines[1:]] == [
            '"1","Begins with","a","Team","","yes"',
            '"1","Begins with","b","Role","Admin","no"',
        ]

    @pytest.mark.parametrize("auto", ["on", ""])
    def test_for_the_admin_role_ask_twice_and_say_who_would_get_it(
        self, browser: Client, org: Organization, idp: Idp, auto: str
    ) -> None:  # R6
        people = [UserFactory.create(org=org) for _ in range(3)]
        push(idp, "Admins", *people[:2])
        give(push(idp, "Others", people[1]), "Admin")
        worker.drain(5)
        facts = {"pattern_type": "prefix", "pattern": "admins", "role": "Admin"} | (
            {"auto_approve": auto} if auto else {}
        )
        live = browser.get("/groups/rules/test/", facts, headers={"HX-Request": "true"})
        first = browser.post(self.NEW, facts | {"seen": seen(live)})
        assert "This rule gives the admin role." in text_at_first(first)
        assert "1 person will become an admin" in text_at_first(first)
        assert not MappingRule.objects.exists()
        other = browser.post(self.NEW, facts | {"pattern": "adm", "seen": seen(first)})
        assert not MappingRule.objects.exists()
        switched = dict(facts)
        switched.pop("auto_approve", None)
        browser.post(self.NEW, (switched if auto else facts | {"auto_approve": "on"}) | {"seen": seen(first)})
        assert not MappingRule.objects.exists()  # what was seen was another rule
        browser.post(self.NEW, facts | {"pattern": "adm", "seen": seen(other)})
        assert MappingRule.objects.get().auto_approve == bool(auto)

    def test_for_the_admin_role_ask_twice_if_nobody_would_get_it(self, browser: Client) -> None:  # R6
        facts = {"pattern_type": "prefix", "pattern": "admins", "role": "Admin"}
        first = browser.post(self.NEW, facts)
        assert "0 people will become admins" in text_at_first(first)
        assert not MappingRule.objects.exists()
        browser.post(self.NEW, facts | {"seen": seen(first)})
        assert MappingRule.objects.count() == 1


_GROUPS = """
INSERT INTO groups_provisioning_pushedgroup (id, org_id, display_name, display_name_key, external_id, attributes,
    folded, extension_urn, roles, member_count, out_of_sync, created_at, modified_at, revision)
SELECT gen_random_uuid(), %(org)s, 'Department ' || n, 'department ' || n, '', '{}', '{}', '', '{}', 0, false, now(),
    now(), 1
FROM generate_series(1, 3000) AS n
"""
_MEMBERS = """
INSERT INTO groups_provisioning_groupmember (org_id, group_id, user_id, added_at, added_by_id)
SELECT %(org)s, %(group)s, id, now(), %(change)s FROM orgs_user WHERE org_id = %(org)s AND scim_managed
"""


class TestOfThousands:
    """3,000 groups, most of them mapped, 20 rules, and a group of 10,000 members."""

    @pytest.fixture
    def big(self, org: Organization, idp: Idp) -> PushedGroup:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute(_GROUPS, {"org": org.id})
        rule(org, "department 1")
        rule(org, "department 2", POOL, auto=False)
        mappings.apply_rules(org=org, cause=by_command())
        for number in range(9):
            rule(org, f"team {number}")
            rule(org, rf"\b{number}\d+{number}$", POOL, type_=PatternType.REGEX)
        fill(org, 10_000)
        big = push(idp, "Everybody")
        with connection.cursor() as cursor:
            change = Change.objects.filter(org=org).latest("id").id
            # As autovacuum would, had it seen these rows. Keys are checked by the plans of when the tables were empty.
            cursor.execute("ANALYZE groups_provisioning_pushedgroup, orgs_user, orgs_change")
            cursor.execute(_MEMBERS, {"org": org.id, "group": big.id, "change": change})
            cursor.execute("ANALYZE groups_provisioning_groupmember")
        PushedGroup.objects.filter(id=big.id).update(member_count=10_000)
        return big

    def test_every_page_is_small_and_takes_few_queries(
        self, browser: Client, org: Organization, big: PushedGroup, django_assert_max_num_queries: Any
    ) -> None:
        pages = (
            "/groups/",
            "/groups/?q=department+1&sort=-push",
            "/groups/?status=pending&kind=concurrency_group&page=3",
            f"/groups/{big.id}/",
            f"/groups/{big.id}/?page=199",
            f"/groups/{big.id}/?q=p99",
            "/groups/rules/",
            f"/groups/rules/{MappingRule.objects.for_org(org)[0].id}/",
        )
        for address in pages:
            searched = 1 if address.endswith("?q=p99") else 0  # the index of people
            with django_assert_max_num_queries(12 + searched):
                answer = browser.get(address)
            assert answer.status_code == 200
            assert len(answer.content) < 105_000, address

    def test_a_download_takes_queries_by_the_thousand(
        self, browser: Client, big: PushedGroup, django_assert_max_num_queries: Any
    ) -> None:
        with django_assert_max_num_queries(13):
            assert b"".join(browser.get("/groups.csv")).count(b"\r\n") == 3_002


class TestARoleOfAGroup:
    """SPEC R6, with the roles Admin and Member of the standard profile."""

    def test_is_shown_approved_re_targeted_and_rejected(self, browser: Client, org: Organization, idp: Idp) -> None:
        role_rule(org, "Member", auto=False)  # R6, M2
        group = push(idp, "Staff", UserFactory.create(org=org))
        (row,) = browser.get("/groups/", {"kind": "role"}).context["rows"]
        assert (row.status.label, [each.target for each in row.mappings]) == ("Pending", ["Member"])
        page = browser.get(f"/groups/{group.id}/").content.decode()
        assert "Member" in page
        assert "Switched off" not in page
        decide(browser, f"/mappings/{only(group).id}/approve/", name="Member")
        assert (only(group).status, only(group).role) == (Status.APPROVED, "Member")
        assert (
            "change role from"
            in browser.get(f"/mappings/{only(group).id}/retarget/", {"name": "Admin"}).content.decode()
        )
        decide(browser, f"/mappings/{only(group).id}/retarget/", name="Admin")
        assert only(group).role == "Admin"
        answer = browser.get(f"/mappings/{only(group).id}/retarget/", {"name": "Chef"})
        assert "Select a valid choice" in answer.content.decode()
        shown = text_at_first(browser.get(f"/mappings/{only(group).id}/reject/"))
        assert "Members will lose this role, unless something else also gives it." in shown
        answer = decide(browser, f"/mappings/{only(group).id}/reject/")
        assert "The role Admin of “Staff” was rejected." in text_at_first(answer)
        assert not GroupMapping.objects.live().exists()
        page = text_at_first(browser.get(f"/groups/{group.id}/"))
        assert "You rejected the role Admin for this group, so no rule will give it again." in page

    def test_is_given_by_hand_after_a_look_at_the_effects(self, browser: Client, org: Organization, idp: Idp) -> None:
        group = push(idp, "Staff", *(UserFactory.create(org=org) for _ in range(2)))  # R6, M9
        address = f"/groups/{group.id}/role/"
        assert address in browser.get(f"/groups/{group.id}/").content.decode()
        shown = browser.get(address)
        assert shown.context["form"]["name"].value() == "Member"  # the default role, which gives nobody more
        assert "No effect on the 2 people checked." in text_at_first(shown)
        assert "admin role" not in text_at_first(shown)
        assert "2 people will become admins" in text_at_first(browser.get(address, {"name": "Admin"}))
        answer = decide(browser, address, name="Admin")
        assert "“Staff” now gives its members the role Admin." in text_at_first(answer)
        assert (only(group).status, only(group).role) == (Status.APPROVED, "Admin")

    def test_is_explained_by_the_role_rule_that_matches(self, browser: Client, org: Organization, idp: Idp) -> None:
        rule(org, "staff", auto=False)
        role_rule(org, "Admin", "staff")
        words = text_at_first(browser.get(f"/groups/{push(idp, 'Staff').id}/"))
        assert "is rule 1 : Begins with staff , map to a team." in words
        assert "is role rule 1 : Begins with staff , give the role Admin." in words
        assert "Role · by role rule 1" in words

    def test_that_was_lost_is_offered_again_once_it_is_back(self, browser: Client, org: Organization, idp: Idp) -> None:
        group = push(idp, "Auditors")  # R6, M7
        mapping = give(group, "Member")
        GroupMapping.objects.filter(id=mapping.id).update(role="Auditor")
        profile = org.profile
        mappings.release_roles(profile=profile, cause=by_command())
        assert "the role no longer exists. Choose another." in text_at_first(browser.get(f"/groups/{group.id}/"))
        form = browser.get(f"/mappings/{mapping.id}/retarget/").context["form"]
        assert form["name"].value() == "Member"  # and not the first in the list, which is Admin
        shown = browser.post("/groups/bulk/", {"action": "approve", "group": [str(group.id)]})
        assert "its target was deleted" in text_at_first(shown)

        roles = [
            profiles.RoleFacts(each.key, each.rank, each.is_default, each.is_admin) for each in profile.roles.all()
        ]
        roles.append(profiles.RoleFacts("Auditor", 500))
        profiles.keep(profile=profile, roles=roles, attributes=[], cause=by_command())
        assert "the role was removed and is back." in text_at_first(browser.get(f"/groups/{group.id}/"))
        answer = decide(browser, "/groups/bulk/", action="approve", group=[str(group.id)])
        assert "1 mapping was approved." in text_at_first(answer)
        assert (only(group).status, only(group).role) == (Status.APPROVED, "Auditor")


class TestEndingAGroup:
    """SPEC G10."""

    def quiet(self) -> None:
        """As if the last push were two days old."""
        Change.objects.update(at=timezone.now() - timedelta(days=2))

    def test_shows_the_effect_and_then_does_it_and_undoes_it(
        self, browser: Client, org: Organization, idp: Idp
    ) -> None:
        group = push(idp, "Engineers", push_user(idp, "Bo"))
        map_to(group)
        settle_marked(org)
        self.quiet()
        page = text_at_first(browser.get(f"/groups/{group.id}/end/"))
        assert "its members lose what only this group gives them" in page
        assert "removed from the team Engineers" in page
        assert "last pushed by test over SCIM" in page
        answer = decide(browser, f"/groups/{group.id}/end/")
        settle_marked(org)
        assert "“Engineers” was ended." in text_at_first(answer)
        page = text_at_first(browser.get(f"/groups/{group.id}/"))
        assert "Ended by Ada Brandt, just now" in page
        assert "with the token test" in page
        answer = decide(browser, f"/groups/{group.id}/undo-end/")
        assert "“Engineers” is back." in text_at_first(answer)

    def test_asks_twice_where_it_was_pushed_within_a_day(self, browser: Client, org: Organization, idp: Idp) -> None:
        group = push(idp, "Engineers")
        answer = decide(browser, f"/groups/{group.id}/end/")
        assert "Not done yet: tick this" in text_at_first(answer)
        assert PushedGroup.objects.live().exists()
        decide(browser, f"/groups/{group.id}/end/", anyway="1")
        assert not PushedGroup.objects.live().exists()

    def test_of_many_is_one_decision_in_the_list(self, browser: Client, org: Organization, idp: Idp) -> None:
        chosen = [str(push(idp, name).id) for name in ("A", "B")]
        self.quiet()
        answer = decide(browser, "/groups/bulk/", action="end", group=chosen)
        assert "2 groups were ended." in text_at_first(answer)
        assert rows(browser.get("/groups/")) == []
        answer = browser.get("/groups/?status=ended")
        assert rows(answer) == ["A", "B"]
        assert "Ended (2)" in text_at_first(answer)

    def test_says_what_to_do_in_the_idp_that_still_writes_it(
        self, browser: Client, org: Organization, idp: Idp
    ) -> None:
        group = push(idp, "Engineers")
        group_ends.end_group(org=org, group_id=group.id, cause=by_command())
        still = {"name": "Engineers"}
        matters.note([Occurrence(org.id, MatterKind.GROUP_ENDED, str(group.id), timezone.now(), None, still)])
        page = text_at_first(browser.get(f"/groups/{group.id}/"))
        assert "was ended here, and is still being pushed" in page
        assert "restart provisioning, or unlink the group and push it again" in page
        assert "was ended here, and is still being pushed" in text_at_first(browser.get("/"))
