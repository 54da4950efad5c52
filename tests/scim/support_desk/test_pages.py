"""The page of one organization, and where a link that was mailed leads (N4)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from groups_provisioning.models import PushedGroup
from orgs import matters
from orgs.db.keys import uuid7
from orgs.matters import Occurrence
from orgs.models import Change, EntityKind, Mark, MatterKind, Organization, User
from scim import request_days, request_log
from scim.models import RequestLog
from scim.request_days import Call
from scim.support_desk import cockpit
from tests.conftest import Idp, signed_in
from tests.factories import EntityFactory, OrganizationFactory, StaffFactory, UserFactory
from tests.groups_provisioning.world import group, map_to, push, push_user, settle
from tests.orgs.test_deletions import full_org
from tests.page_text import text

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def desk() -> Client:
    return signed_in(StaffFactory.create())


class TestAnOrganization:
    def test_is_at_a_glance(self, desk: Client, django_assert_max_num_queries: Callable[..., Any]) -> None:
        org, _owner, idp = full_org()
        idp.post("/Groups", {})
        request_log.flush(10)
        with django_assert_max_num_queries(60):
            page = desk.get(reverse("admin:org", args=[org.pk])).content.decode()
        for told in (org.slug, "Features", "corp.example", "SCIM tokens", "The group “Makers” could not be created"):
            assert told in page
        assert "was created" in page  # a change
        assert "400" in page  # a request

    def test_has_the_requests_of_thirty_days_as_a_chart(self, desk: Client, org: Organization) -> None:  # N4
        address = reverse("admin:org", args=[org.pk])
        assert '<svg class="block' not in desk.get(address).content.decode()
        now = timezone.now()
        request_days.add([Call(org.pk, now, "user.create", 201), Call(org.pk, now, "group.create", 403)])
        page = text(desk.get(address))
        assert "2 requests · 1 refused · 0 failed · last change accepted" in page

    def test_leads_to_every_list_filtered(self, desk: Client, org: Organization) -> None:
        mine, theirs = group(org, "Mine"), group(OrganizationFactory.create(), "Theirs")
        page = desk.get(reverse("admin:org", args=[org.pk])).content.decode()
        for _title, address in cockpit.lists(org):
            assert f'href="{address}"' in page
            assert desk.get(address).status_code == 200
        listed = desk.get(cockpit.listed(PushedGroup, org)).context["cl"].result_list
        assert list(listed) == [mine]
        assert theirs not in listed

    def test_says_how_long_its_queue_is(self, desk: Client, org: Organization, idp: Idp) -> None:
        assert "Everything is applied." in desk.get(reverse("admin:org", args=[org.pk])).content.decode()
        engineers = push(idp, "Engineers", *(UserFactory.create(org=org) for _ in range(3)))
        map_to(engineers, EntityKind.TEAM)
        queue = cockpit.queue_of(org)
        assert queue.figure == str(Mark.objects.for_org(org).count()) != "0"
        assert queue.oldest is not None

    def test_that_is_being_deleted_offers_no_view(self, desk: Client, org: Organization) -> None:
        Organization.objects.filter(pk=org.pk).update(closed_at=timezone.now())
        page = desk.get(reverse("admin:org", args=[org.pk])).content.decode()
        assert "Being deleted" in page
        assert reverse("admin:view_as", args=[org.pk]) not in page

    def test_is_where_the_list_of_organizations_leads(self, desk: Client, org: Organization) -> None:
        page = desk.get(reverse("admin:orgs_organization_changelist")).content.decode()
        assert reverse("admin:org", args=[org.pk]) in page


class TestALink:
    """That a customer mailed."""

    def test_leads_to_its_page_in_the_admin_and_to_a_view(self, desk: Client, org: Organization, idp: Idp) -> None:
        ada = User.objects.get(id=push_user(idp, "Ada Brandt"))
        engineers = push(idp, "Engineers", ada)
        team = EntityFactory.create(org=org)
        request_log.flush(10)
        call = RequestLog.objects.for_org(org).first()
        assert call is not None
        for name, row, kind in (
            ("group", engineers, "groups_provisioning_pushedgroup"),
            ("person", ada, "orgs_user"),
            ("entity", team, "orgs_entity"),
            ("scim-log-entry", call, "scim_requestlog"),
        ):
            link = reverse(name, args=[row.pk]) + "?x=1"
            page = desk.get(link, follow=True).content.decode()
            assert org.name in page
            assert f'href="{reverse(f"admin:{kind}_change", args=[row.pk])}"' in page
            assert f'name="next" value="{link}"' in page

    def test_with_the_id_in_its_query_does_too(self, desk: Client, org: Organization) -> None:
        ada = UserFactory.create(org=org)
        page = desk.get(f"{reverse('activity')}?person={ada.pk}", follow=True).content.decode()
        assert reverse("admin:orgs_user_change", args=[ada.pk]) in page

    def test_to_what_is_nowhere_leads_to_the_search(self, desk: Client) -> None:
        answer = desk.get(reverse("group", args=[uuid7()]), follow=True)
        assert answer.redirect_chain[-1][0] == reverse("admin:find")
        assert "Nothing has the ID" in answer.content.decode()
        assert desk.get("/groups/", follow=True).redirect_chain[-1][0] == reverse("admin:find")

    def test_to_what_the_viewed_org_no_longer_has_says_so(self, desk: Client, org: Organization) -> None:
        desk.post(reverse("admin:view_as", args=[org.pk]))
        gone = group(org, "Gone")
        PushedGroup.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
        page = desk.get(reverse("group", args=[gone.pk]), follow=True).content.decode()
        assert "no such page" in page
        assert desk.get(reverse("group", args=[uuid7()]), follow=True).status_code == 404


class TestRecords:
    """A person and a group in the admin, with the reasons."""

    def test_a_group_has_status_mapping_members_requests_and_matters(
        self, desk: Client, org: Organization, idp: Idp, django_assert_max_num_queries: Callable[..., Any]
    ) -> None:
        ada = User.objects.get(id=push_user(idp, "Ada Brandt"))
        engineers = push(idp, "Engineers", ada)
        map_to(engineers, EntityKind.TEAM)
        settle(ada)
        detail = {"name": "Engineers", "error": "A reason."}
        matters.note([Occurrence(org.id, MatterKind.GROUP_UNWRITTEN, str(engineers.pk), timezone.now(), None, detail)])
        assert idp.patch(f"/Groups/{engineers.pk}", {"op": "replace", "path": "x y", "value": 1}).status_code == 400
        request_log.flush(10)
        with django_assert_max_num_queries(40):
            page = desk.get(reverse("admin:groups_provisioning_pushedgroup_change", args=[engineers.pk]))
        told = page.content.decode()
        for words in ("Status: Approved", "1 of 1 members have it", "Ada Brandt", "A change to the group", "400"):
            assert words in told

    def test_a_person_has_groups_assignments_and_why(self, desk: Client, idp: Idp) -> None:
        ada = User.objects.get(id=push_user(idp, "Ada Brandt"))
        engineers = push(idp, "Engineers", ada)
        map_to(engineers, EntityKind.TEAM)
        settle(ada)
        page = desk.get(reverse("admin:orgs_user_change", args=[ada.pk])).content.decode()
        for words in ("They are in the SCIM group Engineers, which is mapped to", "Open conflicts: 0", "Last requests"):
            assert words in page

    def test_effects_are_told_in_words_and_chosen_by_words(
        self, desk: Client, org: Organization, idp: Idp, django_assert_max_num_queries: Callable[..., Any]
    ) -> None:  # N4
        for name in ("Ada", "Bo", "Cy"):
            settle(User.objects.get(id=push_user(idp, f"{name} Lovelace")))
        with django_assert_max_num_queries(12):
            listed = text(desk.get(reverse("admin:orgs_ledgerentry_changelist")))
        assert "Role of Ada Lovelace: Member" in listed
        assert "Ada Lovelace was created" in listed
        assert "What the identity provider says of an account" in listed
        chosen = text(desk.get(reverse("admin:orgs_ledgerentry_changelist"), {"effect_on": "team"}))
        assert "Role of Ada Lovelace" not in chosen
        change = Change.objects.for_org(org).filter(verb="user.created").earliest("id")
        assert "Ada Lovelace was created" in text(desk.get(reverse("admin:orgs_change_change", args=[change.pk])))

    def test_a_group_that_is_out_of_sync_says_since_when(self, desk: Client, idp: Idp) -> None:  # N1
        group = push(idp, "Engineers")
        PushedGroup.objects.filter(id=group.id).update(out_of_sync=True)
        page = text(desk.get(reverse("admin:groups_provisioning_pushedgroup_change", args=[group.id])))
        assert f"Out of sync since {timezone.now():%-d %b %Y}" in page

    def test_a_person_is_titled_by_their_address_and_has_one_history(self, desk: Client, idp: Idp) -> None:  # N4
        ada = User.objects.get(id=push_user(idp, "Ada Brandt"))
        address = reverse("admin:orgs_user_change", args=[ada.pk])
        page = desk.get(address).content.decode()
        assert ada.user_name.capitalize() not in page
        assert reverse("admin:orgs_user_history", args=[ada.pk]) not in page

    def test_a_member_of_the_staff_has_none_of_that(self, desk: Client) -> None:
        staff = User.objects.get(is_staff=True)
        page = desk.get(reverse("admin:orgs_user_change", args=[staff.pk])).content.decode()
        assert "Last requests" not in page

    def test_groups_are_listed_with_state_and_mapping_in_few_queries(
        self, desk: Client, idp: Idp, django_assert_max_num_queries: Callable[..., Any]
    ) -> None:
        for n in range(4):
            map_to(push(idp, f"Team {n}"), EntityKind.TEAM)
        PushedGroup.objects.filter(display_name="Team 0").update(out_of_sync=True)
        with django_assert_max_num_queries(8):
            page = desk.get(reverse("admin:groups_provisioning_pushedgroup_changelist")).content.decode()
        assert "Out of sync" in page
        assert "Team 1 (Approved)" in page
