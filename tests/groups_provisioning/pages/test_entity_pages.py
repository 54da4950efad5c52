"""The pages about teams, concurrency groups and sub-organizations."""

import csv
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from groups_provisioning.models import GroupMapping
from orgs.models import Entity, EntityKind, Organization, User
from tests.groups_provisioning.world import POOL, SUB, entity, person, placed
from tests.page_text import text, text_of
from tests.scim.api import crowds

LISTS = {EntityKind.TEAM: "/teams/", POOL: "/concurrency-groups/", SUB: "/sub-organizations/"}


@pytest.fixture
def ada(org: Organization) -> User:
    return person(org, "Ada", "Lovelace")


class TestAList:
    @pytest.mark.parametrize(("kind", "address"), LISTS.items())
    def test_has_those_of_its_kind_with_people_and_owner(
        self, browser: Client, org: Organization, ada: User, kind: str, address: str
    ) -> None:
        for each in LISTS:
            entity(org, f"Other {each}", each)
        placed(org, entity(org, "Platform", kind), ada)
        entity(org, "Gone", kind, deleted_at=ada.created_at)
        page = text_of(browser, address)
        assert f"Other {kind}" in page
        assert page.count("Other ") == 1
        assert "Gone" not in page
        assert "Platform Approved" in page
        assert "Other" not in text_of(browser, address + "?owned=mapped")
        assert "Platform" not in text_of(browser, address + "?owned=unmapped")
        assert "No matches" in text_of(browser, address + "?q=sales")

    def test_is_sorted_by_name_or_by_age(self, browser: Client, org: Organization) -> None:
        for name in ("Web", "Alpha", "Mail"):
            entity(org, name)
        for order, names in (
            ("name", ["Alpha", "Mail", "Web"]),
            ("-name", ["Web", "Mail", "Alpha"]),
            ("created", ["Web", "Alpha", "Mail"]),
            ("-created", ["Mail", "Alpha", "Web"]),
        ):
            page = browser.get(f"/teams/?sort={order}").content.decode()
            assert re.findall(r'class="table__name" href="[^"]*">([^<]*)<', page) == names, order

    def test_is_a_file(self, browser: Client, org: Organization, ada: User) -> None:
        placed(org, entity(org, "Large", POOL, session_limit=20), ada)
        (_, row) = csv.reader(b"".join(browser.get("/concurrency-groups.csv?q=lar")).decode().splitlines())
        assert row[:5] == ["Large", "1", "20", "Large", "Approved"]

    def test_of_a_kind_that_is_off_says_to_ask_support(self, browser: Client, org: Organization) -> None:  # M8
        Organization.objects.filter(pk=org.pk).update(teams=False)
        page = text_of(browser, "/teams/")
        assert "Ask support to switch this on" in page
        assert "New team" not in page
        assert "Teams" not in text_of(browser, "/people/").split("Provisioning")[1].split("Settings")[0]
        assert browser.get("/teams/new/").headers["Location"] == "/teams/"

    def test_is_quick_and_small_with_thousands(
        self, browser: Client, org: Organization, django_assert_max_num_queries: Any
    ) -> None:
        Entity.objects.bulk_create(
            Entity(org=org, kind="team", name=f"Team {number}", created_at=org.created_at) for number in range(2000)
        )
        with django_assert_max_num_queries(12):
            answer = browser.get("/teams/?page=3")
        assert len(answer.content) < 100_000
        assert "101–150 of 2,000" in text(answer)


class TestCreating:
    def test_leads_to_it(self, browser: Client, org: Organization) -> None:
        answer = browser.post("/concurrency-groups/new/", {"name": " Large ", "session_limit": "20"}, follow=True)
        assert "“Large” was created." in text(answer)
        assert Entity.objects.get().session_limit == 20

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("platform", "Another team has this name. Enter another name."),
            (" ", "This field is required."),
            ("x" * 256, "at most 255 characters"),
        ],
    )
    def test_says_why_a_name_cannot_be_had(self, browser: Client, org: Organization, name: str, words: str) -> None:
        entity(org, "Platform")
        assert words in text(browser.post("/teams/new/", {"name": name}))
        assert Entity.objects.count() == 1

    def test_leaves_the_default_group_its_name(self, browser: Client, org: Organization) -> None:  # M1
        page = text(browser.post("/concurrency-groups/new/", {"name": "default"}))
        assert "reserved for the default concurrency group" in page


class TestAnEntity:
    @pytest.fixture
    def platform(self, org: Organization, ada: User) -> Entity:
        platform = entity(org, "Platform")
        placed(org, platform, ada)
        return platform

    def test_says_who_is_in_it_and_by_what(
        self, browser: Client, org: Organization, ada: User, platform: Entity
    ) -> None:
        bo = person(org, "Bo", "Ek")
        browser.post(f"/people/{bo.id}/places/new/", {"entity": platform.id})
        address = f"/entities/{platform.id}/"
        page = text_of(browser, address)
        assert "Ada Lovelace ada@corp.example Member SCIM group Platform" in page
        assert "Bo Ek bo@corp.example Member By hand" in page
        assert "Its members are assigned here." in page
        assert "Bo Ek" not in text_of(browser, address + "?source=claim")
        assert "Ada" not in text_of(browser, address + "?q=ek")
        rows = list(csv.reader(b"".join(browser.get(f"{address}members.csv?source=hand")).decode().splitlines()))
        assert [row[0] for row in rows[1:]] == ["bo@corp.example"]

    def test_sorts_its_people_by_name(self, browser: Client, org: Organization) -> None:
        platform = entity(org, "Platform")
        placed(org, platform, *(person(org, *name) for name in (("Ada", "Young"), ("Cy", "Fox"), ("Bo", "Ek"))))
        for order, names in (("name", ["Ada Young", "Bo Ek", "Cy Fox"]), ("-name", ["Cy Fox", "Bo Ek", "Ada Young"])):
            page = browser.get(f"/entities/{platform.id}/?sort={order}").context["page"]
            assert [member.user.label for member in page] == names

    def test_names_those_who_were_taken_out_by_hand(self, browser: Client, ada: User, platform: Entity) -> None:
        browser.post(f"/people/{ada.id}/places/{platform.id}/take-out/")
        assert "Removed by hand 1" in text_of(browser, f"/entities/{platform.id}/")
        page = text_of(browser, f"/entities/{platform.id}/?tab=taken-out")
        assert "Ada Lovelace ada@corp.example just now Mo Adler Undo removal" in page

    def test_is_returned_to_from_its_rows(self, browser: Client, ada: User, platform: Entity) -> None:
        for tab, verb in (("?source=claim&page=2", "take-out"), ("?tab=taken-out", "put-back")):
            back = f"/entities/{platform.id}/{tab}"
            page = browser.get(back).content.decode()
            (address,) = re.findall(rf'"(/people/{ada.id}/places/{platform.id}/{verb}/\?[^"]+)"', page)
            assert browser.post(address).headers["Location"] == back
        for elsewhere in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", ""):
            answer = browser.post(f"/people/{ada.id}/places/{platform.id}/take-out/", query_params={"back": elsewhere})
            assert answer.headers["Location"] == f"/people/{ada.id}/"

    def test_is_renamed_until_the_idp_does(self, browser: Client, platform: Entity) -> None:  # G6
        address = f"/entities/{platform.id}/rename/"
        assert "The name that you enter stays until your identity provider renames that group" in text_of(
            browser, address
        )
        assert "“Platform” was renamed." in text(browser.post(address, {"name": "Foundation"}, follow=True))
        assert Entity.objects.get().name == "Foundation"

    def test_keeps_a_name_that_another_has(self, browser: Client, org: Organization, platform: Entity) -> None:
        entity(org, "Search")
        page = text(browser.post(f"/entities/{platform.id}/rename/", {"name": "search"}))
        assert "Another team has this name. Enter another name." in page

    def test_has_a_limit_if_it_is_a_concurrency_group(
        self, browser: Client, org: Organization, platform: Entity
    ) -> None:
        large = entity(org, "Large", POOL)
        browser.post(f"/entities/{large.id}/limit/", {"session_limit": "12"})
        large.refresh_from_db()
        assert large.session_limit == 12
        assert "Parallel sessions 12" in text_of(browser, f"/entities/{large.id}/")
        assert browser.get(f"/entities/{platform.id}/limit/").status_code == 302

    def test_is_deleted_after_it_is_said_what_happens(self, browser: Client, platform: Entity) -> None:  # M7
        address = f"/entities/{platform.id}/delete/"
        asked = browser.get(address)
        page = text(asked)
        assert "1 person will be removed (SCIM group: 1)." in page
        assert "1 person will be affected" in page
        assert "The mapping of the SCIM group Platform will become Pending and be marked Target deleted" in page
        assert "“Platform” was deleted." in text(
            browser.post(address, {"seen": asked.context["outlook"].fingerprint}, follow=True)
        )
        assert GroupMapping.objects.get().target_deleted
        assert browser.get(f"/entities/{platform.id}/").status_code == 404
        assert "A change is being applied." in text_of(browser, "/teams/")  # a worker does it

    def test_is_quick_and_small_with_a_crowd(
        self, browser: Client, org: Organization, platform: Entity, django_assert_max_num_queries: Any
    ) -> None:
        crowds.fill(org, 10_000)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO groups_provisioning_membership (org_id, user_id, entity_id, kind, source) "
                "SELECT org_id, id, %s, 'team', 'hand' FROM orgs_user WHERE org_id = %s AND external_id <> ''",
                [platform.id, org.id],
            )
        for query in ("", "q=p99", "source=hand&page=7"):
            with django_assert_max_num_queries(12):
                answer = browser.get(f"/entities/{platform.id}/?{query}")
            assert len(answer.content) < 100_000
