"""The search over everything: its page, and the options of the palette."""

import html
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from groups_provisioning.pages.global_search import destinations
from groups_provisioning.pages.global_search.found import find
from orgs import matters
from orgs.db.keys import uuid7
from orgs.matters import Occurrence
from orgs.models import MatterKind, Organization, User
from orgs.templatetags.muster import icon
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory
from tests.groups_provisioning import world
from tests.groups_provisioning.world import POOL
from tests.page_text import text
from tests.scim.api.crowds import fill

HTMX = {"HX-Request": "true"}
LINK = re.compile(r'<a class="find"[^>]*? href="([^"]+)"[^>]*>(.*?)</a>', re.S)


@pytest.fixture
def browser(org: Organization) -> Client:
    return signed_in(OwnerFactory.create(org=org, user_name="ada@corp.example"))


@pytest.fixture
def grace(org: Organization) -> User:
    return UserFactory.create(org=org, user_name="grace.hopper@corp.example", given_name="Grace", family_name="Hopper")


def found(browser: Client, wanted: str, **options: Any) -> dict[str, str]:
    """What is found, and where each leads; by the page and by the palette, which are the same."""
    by_page, by_palette = (
        {
            re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", title)).strip(): html.unescape(address)
            for address, title in LINK.findall(browser.get("/search/", {"q": wanted}, **each).content.decode())
        }
        for each in (options, options | {"headers": HTMX})
    )
    assert by_page == {title: address for title, address in by_palette.items() if not title.startswith("A create of")}
    return by_palette


class TestIt:
    def test_finds_people_groups_and_entities_by_name(self, browser: Client, org: Organization, grace: User) -> None:
        group, team, pool = world.group(org, "Hoppers"), world.entity(org, "Team Hop"), world.entity(org, "hops", POOL)
        shown = found(browser, " HOP ")
        assert shown["Grace Hopper grace.hopper@corp.example"] == f"/people/{grace.id}/"
        assert shown["Hoppers"] == f"/groups/{group.id}/"
        assert shown["Team Hop Team"] == f"/entities/{team.id}/"
        assert list(shown)[:4] == [
            "Grace Hopper grace.hopper@corp.example",
            "Hoppers",
            "hops Concurrency group",
            "Team Hop Team",
        ]
        assert shown["hops Concurrency group"] == f"/entities/{pool.id}/"

    def test_finds_each_by_its_id_and_offers_the_request(self, browser: Client, org: Organization, grace: User) -> None:
        group, team = world.group(org, "Hoppers"), world.entity(org, "Team Hop")
        for each, address in ((grace, "people"), (group, "groups"), (team, "entities")):
            shown = list(found(browser, str(each.id)).values())
            assert shown[:2] == [f"/{address}/{each.id}/", f"/settings/scim/log/{each.id}/"]

    def test_finds_nothing_of_another_org(self, browser: Client) -> None:  # O7
        other = OrganizationFactory.create()
        person = UserFactory.create(org=other, user_name="hopper@other.example")
        group, team = world.group(other, "Hoppers"), world.entity(other, "Team Hop")
        for wanted in ("hop", str(person.id), str(group.id), str(team.id)):
            shown = " ".join(found(browser, wanted).values())
            assert not re.search(r"/(people|groups|entities)/", shown)

    def test_finds_no_kind_that_is_off_nor_who_is_gone(
        self, browser: Client, org: Organization, grace: User
    ) -> None:  # M8
        world.entity(org, "Hop")
        Organization.objects.filter(pk=org.pk).update(teams=False)
        User.objects.filter(pk=grace.pk).update(active=False, login_email=None, deleted_at=timezone.now())
        assert [each for each in found(browser, "hop") if "Search" not in each] == []
        assert "Teams" not in found(browser, "")

    @pytest.mark.parametrize("wanted", ["%", "_", "'", "\\", "<b>", "&", "…", "a" * 300, "\x00", "::"])
    def test_takes_any_text(self, browser: Client, org: Organization, grace: User, wanted: str) -> None:
        world.group(org, "Everybody")
        assert "<b>" not in browser.get("/search/", {"q": wanted}).content.decode()
        assert not [each for each in found(browser, wanted).values() if each.startswith(("/people/0", "/groups/0"))]

    def test_tells_of_a_refused_create_where_there_is_nobody(self, browser: Client, org: Organization) -> None:  # N2
        request = uuid7()
        matters.note([Occurrence(org.id, MatterKind.GROUP_REFUSED, "Payroll", timezone.now(), request, {})])
        assert found(browser, "pay")["A create of “Payroll” was refused"] == f"/settings/scim/log/{request}/"
        assert "A create of “Payroll” was refused" in text(browser.get("/search/", {"q": "pay"}))

    def test_leads_on_to_the_lists_where_there_are_more(self, browser: Client, org: Organization) -> None:
        for n in range(8):
            UserFactory.create(org=org, user_name=f"hop{n}@corp.example")
            world.group(org, f"hop {n}")
            world.entity(org, f"hop {n}")
        shown = browser.get("/search/", {"q": "hop"}).content.decode()
        for listed in ("people", "groups", "teams"):
            assert f'href="/{listed}/?q=hop"' in shown
        assert shown.count('href="/people/0') == 6

    def test_of_very_many_takes_few_queries(
        self, browser: Client, org: Organization, django_assert_max_num_queries: Any
    ) -> None:
        fill(org, 10_000)
        with django_assert_max_num_queries(4), CaptureQueriesContext(connection) as asked:
            assert find(org, "p", at=timezone.now()).sections[0].more
        with django_assert_max_num_queries(6):
            find(org, "nobody at all", at=timezone.now())
        with django_assert_max_num_queries(10):
            browser.get("/search/", {"q": "p"}, headers=HTMX)
        assert "count(" not in str(asked.captured_queries).lower()


class TestDestinations:
    def test_are_there(self, browser: Client, org: Organization) -> None:
        for each in (*destinations.pages(org, ""), *destinations.actions(org, "")):
            assert browser.get(each.address).status_code in (200, 302), each
            assert icon(each.icon)

    @pytest.mark.parametrize(
        ("wanted", "first"),
        [
            ("conf", "Conflicts"),
            ("token", "Create SCIM token"),
            ("new rule", "New mapping rule"),
            ("audit", "Activity"),
            ("MFA", "Second factors"),
            ("prov log", "Provisioning log"),
            ("nothing of the kind", None),
            ("%", None),
        ],
    )
    def test_are_found_by_words(self, org: Organization, wanted: str, first: str | None) -> None:
        by_words = [*destinations.actions(org, wanted), *destinations.pages(org, wanted)]
        titles = [str(each.title) for each in by_words]
        assert titles[:1] == ([first] if first else [])

    def test_are_all_listed_at_first(self, browser: Client, org: Organization) -> None:
        everywhere = {*destinations.pages(org, ""), *destinations.actions(org, "")}
        assert found(browser, "") == {str(each.title): each.address for each in everywhere}
