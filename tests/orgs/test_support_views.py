"""Support looks at an org's own pages, changes nothing, and history has it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orgs import support_views
from orgs.history import Cause
from orgs.models import Change, Door, Organization, SupportView, User
from orgs.models.support_views import LASTS
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, StaffFactory, UserFactory

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def support() -> User:
    return StaffFactory.create(display_name="Sam Ortiz")


@pytest.fixture
def desk(support: User) -> Client:
    return signed_in(support)


def view(desk: Client, org: Organization, next: str = "") -> str:
    return desk.post(reverse("admin:view_as", args=[org.id]), {"next": next})["Location"]


def history_of(org: Organization) -> list[tuple[str, str, User | None]]:
    found = Change.objects.for_org(org).order_by("id").select_related("by_person")
    return [(change.verb, change.door, change.by_person) for change in found]


class TestViewing:
    """N4."""

    def test_begins_at_the_page_that_was_wanted_and_is_in_history(
        self, desk: Client, support: User, org: Organization
    ) -> None:
        assert view(desk, org, "/people/") == "/people/"
        page = desk.get("/people/").content.decode()
        assert "Sam Ortiz" in page
        assert f"viewing <strong>{org.name}</strong> as support" in page
        assert history_of(org) == [("support_view.began", "admin", support)]

    def test_does_not_lead_elsewhere(self, desk: Client, org: Organization) -> None:
        assert view(desk, org, "https://evil.example/") == reverse("overview")

    def test_sees_no_other_org(self, desk: Client, org: Organization) -> None:
        stranger = UserFactory.create(display_name="Bo Lind")
        view(desk, org)
        answer = desk.get(reverse("person", args=[stranger.id]), follow=True)
        assert answer.redirect_chain[0][0].startswith(reverse("admin:opened"))
        assert f"Stop viewing {org.name} first" in answer.content.decode()

    def test_ends_by_the_button(self, desk: Client, support: User, org: Organization) -> None:
        view(desk, org)
        assert desk.post("/support-view/end/", {"next": "/admin/"})["Location"] == "/admin/"
        assert desk.get("/people/")["Location"].startswith("/admin/")
        assert history_of(org)[1:] == [("support_view.ended", "admin", support)]
        desk.post("/support-view/end/")
        assert len(history_of(org)) == 2

    def test_ends_after_half_an_hour_and_the_clock_says_so(self, desk: Client, org: Organization) -> None:
        view(desk, org)
        began = timezone.now() - LASTS - timedelta(seconds=1)
        SupportView.objects.update(began_at=began)
        assert desk.get("/people/")["Location"].startswith("/admin/")
        assert desk.post("/admin/").status_code != 403
        assert support_views.end_due(at=timezone.now()) == 1
        assert support_views.end_due(at=timezone.now()) == 0
        assert history_of(org)[1:] == [("support_view.ended", "clock", None)]
        assert SupportView.objects.get().ended_at == began + LASTS

    def test_of_an_org_that_is_being_deleted_is_refused(self, desk: Client, org: Organization) -> None:
        Organization.objects.filter(pk=org.pk).update(closed_at=timezone.now())
        assert view(desk, org) == reverse("admin:org", args=[org.pk])
        assert history_of(org) == []

    def test_is_of_one_session_alone(self, desk: Client, support: User, org: Organization) -> None:
        view(desk, org)
        assert signed_in(support).get("/people/")["Location"].startswith("/admin/")

    def test_is_of_nobody_else(self, support: User, org: Organization) -> None:
        theirs = support_views.begin(org=org, cause=Cause(Door.ADMIN, timezone.now(), person=support))
        thief = signed_in(StaffFactory.create())
        session = thief.session
        session["support_view"] = str(theirs.id)
        session.save()
        assert thief.get("/people/")["Location"].startswith("/admin/")

    def test_tells_htmx_that_nothing_was_changed(self, desk: Client, org: Organization) -> None:
        view(desk, org)
        answer = desk.post("/people/import/", headers={"HX-Request": "true"})
        assert (answer.status_code, answer["HX-Refresh"]) == (403, "true")
        assert "Nothing was changed" in desk.get("/people/").content.decode()

    def test_is_told_to_the_admins_of_the_org(self, desk: Client, org: Organization) -> None:
        view(desk, org)
        page = signed_in(UserFactory.create(org=org, roles=["Admin"])).get("/activity/").content.decode()
        assert "Support began to view the organization’s pages" in page
        assert 'class="viewing"' not in page

    def test_cannot_begin_while_another_goes_on(self, desk: Client, org: Organization) -> None:
        view(desk, org)
        other = OrganizationFactory.create()
        assert desk.post(reverse("admin:view_as", args=[other.id])).status_code == 403
        assert history_of(other) == []
