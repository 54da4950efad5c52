"""Held changes: a team that was emptied, and where that shows."""

from datetime import timedelta
from uuid import UUID

from django.utils import timezone
from playwright.sync_api import Page

from groups_provisioning.actions import held_changes
from groups_provisioning.engine import worker
from groups_provisioning.models import Breach, Hold
from orgs.history import Cause
from orgs.models import Door, IdentityProvider, User
from tests.browser.scene import Scene
from tests.browser.scenes_groups import PEOPLE
from tests.conftest import Idp
from tests.factories import StaffFactory, UserFactory, issue_token
from tests.groups_provisioning.world import give, map_to, org_of, push


def emptied(owner: User) -> UUID:
    """Two groups that are emptied at once: a team and the admins. The first of the people who are held."""
    org = org_of(owner)
    month = timezone.now() - timedelta(days=30)
    everybody = [
        UserFactory.create(
            org=org, given_name=PEOPLE[n % 12][0], family_name=PEOPLE[(n + n // 12) % 12][1], created_at=month
        )
        for n in range(24)
    ]
    idp = Idp(issue_token(org, "Okta production", idp=IdentityProvider.OKTA).secret)
    platform, leads = push(idp, "Platform engineering", *everybody), push(idp, "Engineering leads", *everybody[:8])
    map_to(platform, by=owner)
    give(leads, "Admin", by=owner)
    worker.drain(10)
    for group in (leads, platform):
        idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "members", "value": []})
    worker.drain(10)
    assert Breach.objects.for_org(org).get().rules == ["demotions", "losses"]
    return Hold.objects.for_org(org).order_by("user")[0].user_id


def held_by_support(owner: User, *, removed: int = 3) -> Breach:
    """Support holds a token, which then removes some of a team."""
    org = org_of(owner)
    month = timezone.now() - timedelta(days=30)
    team = [UserFactory.create(org=org, given_name=g, family_name=f, created_at=month) for g, f in PEOPLE[:8]]
    issued = issue_token(org, "Okta production", idp=IdentityProvider.OKTA)
    platform = push(Idp(issued.secret), "Platform engineering", *team)
    map_to(platform, by=owner)
    worker.drain(10)
    support = StaffFactory.create(display_name="Kim Larsen", user_name="kim@muster.example")
    held_changes.hold(org=org, token=issued.token, cause=Cause(Door.ADMIN, timezone.now(), person=support))
    for person in team[:removed]:
        operation = {"op": "remove", "path": f'members[value eq "{person.id}"]'}
        Idp(issued.secret).patch(f"/Groups/{platform.id}", operation)
    worker.drain(10)
    return Breach.objects.for_org(org).get()


def _by_support(owner: User) -> str:
    held_by_support(owner)
    return "/held-changes/"


def _by_support_none(owner: User) -> str:
    held_by_support(owner, removed=0)
    return "/held-changes/"


def _by_support_overview(owner: User) -> str:
    held_by_support(owner)
    return "/"


def _page(owner: User) -> str:
    emptied(owner)
    return "/held-changes/"


def _let_all_through(page: Page) -> None:
    page.get_by_role("link", name="Let all through…").click()
    page.get_by_role("dialog").get_by_role("button", name="Let through").wait_for()


def _overview(owner: User) -> str:
    emptied(owner)
    return "/"


SCENES = {
    "held-changes": Scene(_page),
    "held-changes-limits": Scene(lambda owner: f"{_page(owner)}limits/"),
    "held-changes-none": Scene(lambda owner: "/held-changes/"),
    "held-changes-dialog": Scene(_page, _let_all_through),
    "held-changes-none-fits": Scene(lambda owner: _page(owner) + "?q=nobody"),
    "held-changes-by-support": Scene(_by_support),
    "held-changes-by-support-none": Scene(_by_support_none),
    "overview-held-by-support": Scene(_by_support_overview),
    "person-held": Scene(lambda owner: f"/people/{emptied(owner)}/"),
    "overview-held": Scene(_overview),
}
