"""One search over all organizations (N4)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orgs import matters
from orgs.matters import Occurrence
from orgs.models import MatterKind, Organization, User
from scim import request_log
from scim.models import RequestLog
from scim.support_desk import search
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, StaffFactory, UserFactory, issue_token
from tests.groups_provisioning.world import group, push_user

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def desk() -> Client:
    return signed_in(StaffFactory.create())


def find(text: str, org: Organization | None = None) -> dict[str, list[str]]:
    """By section, the titles of what was found."""
    found = search.find(text, at=timezone.now(), org=org)
    return {str(section.title): [each.title for each in section.found] for section in found}


@pytest.fixture
def world(idp: Idp, org: Organization) -> User:
    """Ada in one org, a namesake in another, and strangers."""
    org.name = "Acme Rockets"
    org.save()
    OrganizationFactory.create(name="Globex")
    UserFactory.create_batch(3)
    ada = User.objects.get(
        id=idp.post(
            "/Users",
            {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": "ada@acme.example",
                "externalId": "00u77",
                "name": {"givenName": "Ada", "familyName": "Lovelace"},
                "emails": [{"value": "countess@acme.example", "primary": True}],
            },
        ).json()["id"]
    )
    group(org, "Finance")
    request_log.flush(10)
    return ada


class TestWhatIsFound:
    @pytest.mark.parametrize(
        ("text", "section"),
        [
            ("ada@acme.example", "People"),
            ("ADA@acme", "People"),
            ("countess@acme.example", "People"),
            ("lovelace", "People"),
            ("Love", "People"),
            ("ada lovelace", "People"),
            ("00u77", "People"),
            ("fin", "SCIM groups"),
            ("rockets", "Organizations"),
        ],
    )
    def test_by_names_and_addresses(self, world: User, text: str, section: str) -> None:
        assert list(find(text)) == [section]
        assert len(find(text)[section]) == 1

    def test_by_the_id_of_anything(self, world: User, desk: Client) -> None:
        call = RequestLog.objects.for_org(world.org).get()
        token = issue_token(OrganizationFactory.create()).token
        for row in (world, world.org, call, token):
            answer = desk.get(reverse("admin:find"), {"q": str(row.pk)}).content.decode()
            assert f'href="{search.page_of(row)}"' in answer

    def test_in_every_org_and_says_which(self, world: User, desk: Client) -> None:
        other = UserFactory.create(user_name="lovelace@globex.example")
        page = desk.get(reverse("admin:find"), {"q": "lovelace"}).content.decode()
        assert "Acme Rockets" in page
        assert other.org is not None
        assert other.org.name in page
        assert find("lovelace", other.org) == {"People": ["lovelace@globex.example"]}

    def test_leaves_out_who_was_erased(self, world: User) -> None:
        User.objects.filter(pk=world.pk).update(
            erased_at=timezone.now(), deleted_at=timezone.now(), user_name="", active=False, login_email=None
        )
        assert "People" not in find("lovelace")

    @pytest.mark.parametrize("text", ["", " ", "'; --", "\x00", "\U0001f4a1", "a" * 500, "nobody@nowhere.example"])
    def test_nothing_is_an_answer(self, desk: Client, text: str) -> None:
        assert desk.get(reverse("admin:find"), {"q": text}).status_code == 200


class TestWhatWasRefused:
    """Payroll, which is nowhere but in the log and in a matter."""

    @pytest.fixture
    def payroll(self, org: Organization, idp: Idp) -> str:
        """The name of the group, which no other test has: the log stays when a test is over."""
        name = f"Payroll {org.pk}"
        Organization.objects.filter(pk=org.pk).update(group_provisioning=False)
        body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name}
        assert idp.post("/Groups", body).status_code == 403
        request_log.flush(10)
        # Its writer has a connection of its own, to which this test's org is not there yet.
        call = RequestLog.objects.for_org(org).get()
        detail = {"status": "403", "error": call.detail}
        matters.note([Occurrence(org.id, MatterKind.GROUP_REFUSED, name, call.at, call.id, detail)])
        return name

    def test_is_found_by_name_and_by_request(self, payroll: str, org: Organization) -> None:
        found = find(payroll.upper())
        assert found["Needs attention"] == [f"The group “{payroll}” could not be created"]
        assert found["Refused requests"] == [f"Push group · {payroll}"]
        assert "With this ID" in find(str(RequestLog.objects.for_org(org).get().pk))

    def test_is_explained_within_three_clicks(self, payroll: str, desk: Client) -> None:
        """From the first page of the admin: the search, what it found, and there the reason."""
        home = desk.get("/admin/", follow=True)  # where support is after signing in
        assert 'name="q"' in home.content.decode()
        page = desk.get(home.request["PATH_INFO"], {"q": "payroll"}).content.decode()  # the first click: Search
        assert "Group provisioning was off" in page  # which answers it at once
        links = [part.split('"')[0] for part in page.split('href="')[1:] if "/scim/requestlog/0" in part]
        request = desk.get(links[0]).content.decode()  # the second: the request itself, in full
        assert payroll in request
        assert "403" in request
        assert "Group provisioning is" in request

    def test_by_any_part_of_the_name(self, payroll: str) -> None:
        assert find(payroll[3:]) == {"Refused requests": [f"Push group · {payroll}"]}

    def test_of_a_person_or_group_that_is_there_is_found_by_name(self, org: Organization, idp: Idp) -> None:
        finance = group(org, "Finance")
        detail = {"name": "Finance", "error": "No."}
        matters.note([Occurrence(org.id, MatterKind.GROUP_UNWRITTEN, str(finance.id), timezone.now(), None, detail)])
        assert find("finance")["Needs attention"] == ["A change to the group “Finance” was refused"]

    def test_of_one_org_has_what_was_accepted_too(self, org: Organization, idp: Idp) -> None:
        push_user(idp, "Ada Brandt")
        request_log.flush(10)
        ada = User.objects.for_org(org).get()
        assert "Refused requests" not in find(ada.user_name)
        assert len(find(ada.user_name, org)["Requests"]) == 1


class TestTheCost:
    def test_is_the_same_for_many_orgs(self, world: User, django_assert_max_num_queries: Callable[..., Any]) -> None:
        for n in range(10):
            other = OrganizationFactory.create()
            UserFactory.create(org=other, user_name=f"lovelace{n}@corp.example")
            matters.note([Occurrence(other.id, MatterKind.USER_REFUSED, f"lovelace {n}", timezone.now())])
        with django_assert_max_num_queries(24):  # one for the words of the matters of each org, at most FEW
            assert len(find("lovelace")["People"]) == 11
        with django_assert_max_num_queries(40):  # one for each table
            find(str(world.pk))


def test_the_palette_finds_what_the_search_finds(desk: Client, org: Organization) -> None:  # N4
    ada = UserFactory.create(org=org, user_name="ada@corp.example")
    found = desk.get(reverse("admin:search"), {"s": "ADA@corp", "extended": "1"}).content.decode()
    assert reverse("admin:orgs_user_change", args=[ada.pk]) in found
    assert org.name in found
