"""What happened: the list of changes, its filters, and one change with all that came of it."""

import csv
import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from groups_provisioning.actions import entity_edits, manual_changes, mappings, rules
from groups_provisioning.actions.rules import RuleFacts
from groups_provisioning.models import GroupMapping, PushedGroup
from groups_provisioning.pages.activity import change_list
from groups_provisioning.pages.activity.change_list import Wanted
from orgs import history
from orgs.change_details import MappingApproved, RulesReordered
from orgs.history import Cause, Effect
from orgs.models import Change, Door, Entity, EntityKind, LedgerEntry, Mark, Organization, User
from tests.conftest import Idp
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory
from tests.groups_provisioning.world import by_admin, by_command, push, push_user, settle_all
from tests.page_text import text
from tests.scim.api.crowds import fill, plan

DONE = RulesReordered(rules=[])
"""Any change that is about nobody."""


@pytest.fixture
def ada(org: Organization) -> User:
    return OwnerFactory.create(org=org, given_name="Ada", family_name="Brandt")


@pytest.fixture
def browser(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


@pytest.fixture
def cause(ada: User) -> Cause:
    return by_admin(ada)


@pytest.fixture
def engineering(org: Organization, idp: Idp, cause: Cause) -> dict[str, Any]:
    """Grace and Linus were pushed, then a group with them that a rule maps to a team."""
    rules.add_rule(org=org, facts=RuleFacts("all", EntityKind.TEAM, auto_approve=True), cause=cause)
    grace, linus = push_user(idp, "Grace Hopper"), push_user(idp, "Linus Berg")
    group = str(push(idp, "Engineering", grace, linus).id)
    settle_all()
    return {
        "grace": grace,
        "linus": linus,
        "group": group,
        "entity": str(Entity.objects.get(org=org, name="Engineering").id),
    }


def verbs(org: Organization, **wanted: Any) -> list[str]:
    return [line.change.verb for line in change_list.page(org, Wanted(**wanted)).lines]


class TestTheList:
    def test_says_in_words_what_was_done_and_what_came_of_it(
        self, browser: Client, engineering: dict[str, Any]
    ) -> None:
        page = text(browser.get("/activity/"))
        assert "The group Engineering was pushed: 2 members added" in page
        assert "Grace Hopper joined the team Engineering" in page
        assert "Grace Hopper was created Grace Hopper is active Role of Grace Hopper: Member" in page
        assert "A mapping rule was added: Every group → team, auto-approve" in page
        assert "Ada Brandt" in page

    def test_is_empty_at_first(self, browser: Client) -> None:
        assert "No activity yet" in text(browser.get("/activity/"))

    def test_goes_on_page_by_page(self, browser: Client, org: Organization) -> None:
        for _ in range(120):
            history.record(org, by_command(), DONE)
        address, seen = "/activity/", []
        while address:
            answer = browser.get(address).content.decode()
            seen += re.findall(r'href="/activity/([0-9a-f-]{36})/"', answer)
            older = re.search(r'rel="next" href="([^"]+)"', answer)
            address = html.unescape(older[1]) if older else ""
        assert len(seen) == len(set(seen)) == 120
        assert seen == sorted(seen, reverse=True)

    def test_shows_a_verb_without_words_as_it_is(self, browser: Client, org: Organization) -> None:
        Change.objects.create(org=org, at=timezone.now(), door=Door.COMMAND, verb="moon.landed", detail={"by": "Neil"})
        assert "moon.landed Command line" in text(browser.get("/activity/"))

    def test_knows_no_other_org(self, browser: Client) -> None:  # O7
        stranger = OrganizationFactory.create()
        change = history.record(stranger, by_command(), DONE)
        assert "reordered" not in text(browser.get("/activity/"))
        assert browser.get(f"/activity/{change.id}/").status_code == 404

    def test_gives_htmx_the_part_that_changes(self, browser: Client) -> None:
        answer = browser.get("/activity/", headers={"HX-Request": "true"}).content.decode()
        assert answer.lstrip().startswith("<form")


class TestFilters:
    def test_by_kind(self, org: Organization, engineering: dict[str, Any]) -> None:
        assert verbs(org, kind="groups") == ["group.created"]
        assert verbs(org, kind="rules") == ["rule.added"]
        assert verbs(org, kind="people") == ["user.created"] * 2

    def test_by_person(self, org: Organization, engineering: dict[str, Any]) -> None:
        assert verbs(org, person=engineering["grace"]) == ["group.created", "user.created"]
        lines = change_list.page(org, Wanted(person=engineering["grace"])).lines
        assert {str(entry.user_id) for line in lines for entry in line.effects} == {engineering["grace"]}
        assert verbs(org, person=engineering["grace"], kind="people") == ["user.created"]

    def test_by_group(self, org: Organization, idp: Idp, cause: Cause, engineering: dict[str, Any]) -> None:
        mapping = GroupMapping.objects.get(org=org)
        mappings.reject(org=org, mapping_ids=[mapping.id], cause=cause)
        idp.patch(
            f"/Groups/{engineering['group']}", {"op": "remove", "path": f'members[value eq "{engineering["linus"]}"]'}
        )
        push(idp, "Another")
        assert verbs(org, group=engineering["group"]) == ["group.changed", "mapping.rejected", "group.created"]

    def test_by_entity(self, org: Organization, idp: Idp, cause: Cause, engineering: dict[str, Any]) -> None:
        entity = Entity.objects.get(id=engineering["entity"])
        idp.patch(
            f"/Groups/{engineering['group']}", {"op": "remove", "path": f'members[value eq "{engineering["linus"]}"]'}
        )
        settle_all()
        manual_changes.place(
            org=org, user_id=User.objects.get(id=engineering["linus"]).id, entity_id=entity.id, cause=cause
        )
        idp.patch(f"/Groups/{engineering['group']}", {"op": "replace", "path": "displayName", "value": "Platform"})
        entity_edits.rename_entity(org=org, entity_id=entity.id, name="Platform team", cause=cause)
        push(idp, "Another")
        assert verbs(org, entity=engineering["entity"]) == [
            "entity.renamed",
            "group.changed",
            "user.placed",
            "group.changed",
            "group.created",
        ]
        assert verbs(org, entity=engineering["entity"], kind="people") == ["user.placed"]

    def test_by_day(self, browser: Client, org: Organization, engineering: dict[str, Any]) -> None:
        today, tomorrow = timezone.now().date(), timezone.now().date() + timedelta(days=1)
        assert "Engineering was pushed" in text(browser.get(f"/activity/?since={today}&until={today}"))
        assert "No changes match" in text(browser.get(f"/activity/?since={tomorrow}"))
        assert "No changes match" in text(browser.get(f"/activity/?until={today - timedelta(days=1)}"))

    def test_by_name_leads_to_the_one_who_has_it(self, browser: Client, engineering: dict[str, Any]) -> None:
        answer = browser.get("/activity/?q=grace&kind=people")
        assert answer.headers["Location"] == f"/activity/?kind=people&person={engineering['grace']}"
        page = text(browser.get(answer.headers["Location"]))
        assert "Only activity about Grace Hopper ." in page
        assert "Linus" not in page

    def test_by_name_asks_which_is_meant(self, browser: Client, engineering: dict[str, Any]) -> None:
        page = browser.get("/activity/?q=engin")
        assert "Which one? Engineering SCIM group Engineering Team" in text(page)
        assert f"?entity={engineering['entity']}" in page.content.decode()
        assert "No match" in text(browser.get("/activity/?q=nobody"))

    @pytest.mark.parametrize(
        "nonsense",
        ["kind=x", "person=1", "since=tomorrow", "since=0001-01-01", "until=9999-12-31", "before=x", "group=%00"],
    )
    def test_that_make_no_sense_are_as_if_left_out(self, browser: Client, nonsense: str) -> None:
        assert browser.get(f"/activity/?{nonsense}").status_code == 200


class TestOneChange:
    def test_tells_all_that_came_of_it(self, browser: Client, org: Organization, engineering: dict[str, Any]) -> None:
        change = Change.objects.get(org=org, verb="group.created")
        page = text(browser.get(f"/activity/{change.id}/"))
        assert "Mapping Engineering → Engineering (team): Auto-Approved, by the rule Every group" in page
        assert "Linus Berg joined the team Engineering" in page
        assert str(change.request_id) in page

    def test_names_the_rule_only_where_the_rule_did_it(
        self, browser: Client, org: Organization, cause: Cause, engineering: dict[str, Any]
    ) -> None:
        mappings.reject(org=org, mapping_ids=[GroupMapping.objects.get().id], cause=cause)
        change = Change.objects.get(org=org, verb="mapping.rejected")
        page = text(browser.get(f"/activity/{change.id}/"))
        assert "Mapping Engineering → Engineering (team): Auto-Approved → Rejected" in page
        assert "by the rule" not in page

    def test_shows_the_effects_in_pages(self, browser: Client, org: Organization) -> None:
        people = [UserFactory.create(org=org, given_name=f"P{number:03}", family_name="X") for number in range(60)]
        change = history.record(
            org,
            by_command(),
            DONE,
            [Effect(user.id, "roles", None, ["Member"]) for user in people],
        )
        first = browser.get(f"/activity/{change.id}/")
        assert text(first).count("Role of P") == 50
        following = re.search(r'rel="next" href="([^"]+)"', first.content.decode())
        assert following
        rest = text(browser.get(f"/activity/{change.id}/{following[1]}"))
        assert rest.count("Role of P") == 10
        assert "P059" in rest

    def test_says_how_many_are_still_to_be_settled(
        self, browser: Client, org: Organization, idp: Idp, engineering: dict[str, Any]
    ) -> None:
        push(idp, "Sales", engineering["grace"], engineering["linus"])
        change = Change.objects.filter(org=org, verb="group.created").latest("id")
        assert Mark.objects.filter(change=change).count() == 2
        address = f"/activity/{change.id}/"
        assert "2 people still to be updated" in text(browser.get(address))
        settle_all()
        part = browser.get(f"{address}?progress", headers={"HX-Request": "true"})
        assert "still to be updated" not in text(part)
        assert "<main" not in part.content.decode()

    @pytest.mark.parametrize("after", ["x", "-1", "9" * 30])
    def test_takes_no_harm_from_an_address(self, browser: Client, org: Organization, after: str) -> None:
        change = history.record(org, by_command(), DONE)
        assert browser.get(f"/activity/{change.id}/?after={after}").status_code == 200


def test_the_file_holds_what_the_list_shows(browser: Client, engineering: dict[str, Any]) -> None:
    answer = browser.get(f"/activity.csv?person={engineering['grace']}")
    rows = list(csv.reader(b"".join(answer.streaming_content).decode().splitlines()))  # type: ignore[attr-defined]
    assert rows[0][:4] == ["Time", "Change", "What", "By"]
    assert [row[1] for row in rows[1:]] == ["group.created", "user.created"]
    mapped = "Mapping Engineering → Engineering (team): Auto-Approved, by the rule Every group"
    assert rows[1][6] == f"{mapped}; Grace Hopper joined the team Engineering"


class TestEffectsInWords:
    @pytest.mark.parametrize(
        ("slot", "was", "now", "words"),
        [
            ("account", "inactive", "active", "Grace Hopper is active"),
            ("account", "active", "deleted", "Grace Hopper is deleted"),
            ("roles", ["Member"], ["Admin"], "Role of Grace Hopper: Member → Admin"),
            ("refused", "userName", "x@y.example cannot be used", "userName of Grace Hopper was refused: x@y"),
            ("last_admin", None, "kept", "Grace Hopper keeps the admin role"),
            ("last_admin", None, "gone", "Grace Hopper was the last active admin"),
            ("shoe_size", 41, 42, "Grace Hopper: shoe_size 41 → 42"),
        ],
    )
    def test_of_one_person(self, browser: Client, org: Organization, slot: str, was: Any, now: Any, words: str) -> None:
        grace = UserFactory.create(org=org, given_name="Grace", family_name="Hopper")
        change = history.record(org, by_command(), DONE, [Effect(grace.id, slot, was, now)])
        assert words in text(browser.get(f"/activity/{change.id}/"))

    def test_of_places_conflicts_and_groups(self, browser: Client, org: Organization) -> None:
        now = timezone.now()
        grace = UserFactory.create(org=org, given_name="Grace", family_name="Hopper")
        cause = Cause(Door.COMMAND, now)
        change = history.record(org, cause, DONE)
        days, nights = (
            Entity.objects.create(org=org, kind=EntityKind.CONCURRENCY_GROUP, name=name, created_at=now)
            for name in ("Days", "Nights")
        )
        group = PushedGroup.objects.create(org=org, display_name="Shifts", created_at=now, modified_at=now)
        by_days, by_nights = (
            GroupMapping.objects.create(
                org=org,
                group=PushedGroup.objects.create(
                    org=org, display_name=f"g-{entity.name}", created_at=now, modified_at=now
                ),
                kind=entity.kind,
                entity=entity,
                status="approved",
                switched_at=[now],
                created_at=now,
                change=change,
            )
            for entity in (days, nights)
        )
        conflict = {"incoming": str(by_nights.id), "holders": [str(by_days.id)]}
        effects = [
            Effect(grace.id, "concurrency_group", str(days.id), str(nights.id)),
            Effect(grace.id, "concurrency_group", str(nights.id), None),
            Effect(grace.id, "skipped", None, str(group.id)),
            Effect(grace.id, "conflict", None, conflict),
            Effect(grace.id, "conflict", conflict, None),
        ]
        history.enter(org.id, [(change.id, effect) for effect in effects])
        page = text(browser.get(f"/activity/{change.id}/"))
        for sentence in (
            "Grace Hopper moved from the concurrency group Days to Nights",
            "Grace Hopper left the concurrency group Nights",
            "Grace Hopper was not added to Shifts: SCIM has deleted them",
            "Conflict of Grace Hopper opened: g-Nights → Nights against g-Days → Days",
            "Conflict of Grace Hopper closed: g-Nights → Nights against g-Days → Days",
        ):
            assert sentence in page


_CHANGES = """
INSERT INTO orgs_change (id, org_id, at, door, verb, detail)
SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - n * 1000), 12, '0') || '7'
        || lpad(to_hex(n %% 4096), 3, '0') || '8' || substr(md5(n::text), 1, 15))::uuid,
    %(org)s, now(), 'scim', CASE WHEN n %% 1000 = 0 THEN 'rule.added' ELSE 'group.changed' END,
    CASE WHEN n %% 1000 = 0
    THEN '{"rule": {"id": "1", "pattern_type": "all", "pattern": "", "kind": "team", "auto_approve": false}}'::jsonb
    ELSE '{"name": "Group", "added": 1, "removed": 0, "nested": 0}'::jsonb
        || jsonb_build_object('group', md5((n %% 50)::text)::uuid) END
FROM generate_series(1, %(changes)s) AS n
"""
_ENTRIES = """
INSERT INTO orgs_ledgerentry (org_id, change_id, user_id, slot, was, now)
SELECT %(org)s, %(change)s, id, 'team', NULL, to_jsonb(%(entity)s::text) FROM orgs_user WHERE org_id = %(org)s
"""


class TestAmongVeryMany:
    @pytest.fixture
    def crowd(self, org: Organization) -> dict[str, Any]:
        """10,000 changes, the newest of which placed 2,000 people in a team."""
        fill(org, 2_000)
        entity = Entity.objects.create(org=org, kind=EntityKind.TEAM, name="All hands", created_at=timezone.now())
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute(_CHANGES, {"org": org.id, "changes": 10_000})
            change = history.record(org, by_command(), MappingApproved(mappings=[], marked=2_000))
            cursor.execute(_ENTRIES, {"org": org.id, "change": change.id, "entity": str(entity.id)})
            cursor.execute("SELECT md5('7')::uuid")
            (group,) = cursor.fetchone()
            for table in ("orgs_change", "orgs_ledgerentry", "orgs_user", "groups_provisioning_mapping"):
                cursor.execute(f"ANALYZE {table}")
        return {"entity": entity.id, "group": group, "change": change}

    def test_a_page_is_small_and_takes_few_queries(
        self, crowd: dict[str, Any], browser: Client, django_assert_max_num_queries: Any
    ) -> None:
        person = LedgerEntry.objects.filter(change=crowd["change"]).first()
        assert person
        for query in (
            "",
            "kind=rules",
            f"entity={crowd['entity']}",
            f"group={crowd['group']}",
            f"person={person.user_id}",
            f"entity={crowd['entity']}&kind=mappings&since=2020-01-01",
        ):
            with django_assert_max_num_queries(12):
                answer = browser.get(f"/activity/?{query}")
            assert len(answer.content) < 100_000
            assert "No changes match" not in text(answer)
        with django_assert_max_num_queries(12):
            answer = browser.get(f"/activity/{crowd['change'].id}/")
        assert text(answer).count("joined the team All hands") == 50

    def test_every_way_is_answered_from_an_index(self, org: Organization, crowd: dict[str, Any]) -> None:
        for wanted in (
            Wanted(),
            Wanted(kind="rules"),
            Wanted(entity=crowd["entity"]),
            Wanted(group=crowd["group"]),
            Wanted(person=crowd["entity"]),
        ):
            for way, column in change_list._ways(org, wanted, crowd["change"].id):
                query = way.order_by(f"-{column}")[:51]
                found = query.query.sql_with_params()
                with connection.cursor() as cursor:
                    how = plan(cursor.mogrify(*found))
                assert not re.search("Seq Scan on orgs_", how), how
