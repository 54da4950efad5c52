"""Scenes of the support desk, in the admin, and of an organization's own page as support views it."""

from collections.abc import Callable

from django.contrib import admin
from django.db.models import Model
from django.urls import reverse
from playwright.sync_api import Page

from groups_provisioning.models import Decision, PushedGroup
from orgs.models import Organization, OrgDeletion, ScimToken, User
from scim import request_log
from scim.models import RequestLog
from scim.support_desk.search import list_of, page_of
from tests.browser import scenes_two_persons
from tests.browser.scene import Scene
from tests.browser.scenes_held import held_by_support
from tests.conftest import Idp
from tests.factories import StaffFactory, issue_token
from tests.groups_provisioning.world import TEAM, map_to, org_of, push, push_user, settle
from tests.orgs.test_deletions import full_org


def _staff(owner: User) -> User:
    return StaffFactory.create(display_name="Sam Ortiz", user_name="sam@muster.example")


def _pushed(owner: User) -> tuple[User, PushedGroup]:
    """Ada in Engineers, which is mapped, and Payroll, which was refused."""
    org = org_of(owner)
    idp = Idp(issue_token(org, "Okta production", idp="okta").secret)
    ada = User.objects.get(id=push_user(idp, "Ada Lovelace"))
    engineers = push(idp, "Engineers", ada)
    map_to(engineers, TEAM)
    settle(ada)
    org.group_provisioning = False
    org.save()
    idp.post("/Groups", {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Payroll"})
    org.group_provisioning = True
    org.save()
    request_log.flush(10)
    return ada, engineers


def _search(owner: User) -> str:
    _pushed(owner)
    return f"{reverse('admin:find')}?q=payroll"


def _org(owner: User) -> str:
    _pushed(owner)
    return reverse("admin:org", args=[owner.org_id])


def _person(owner: User) -> str:
    return reverse("admin:orgs_user_change", args=[_pushed(owner)[0].pk])


def _group(owner: User) -> str:
    return reverse("admin:groups_provisioning_pushedgroup_change", args=[_pushed(owner)[1].pk])


def _list_of(model: type[Model]) -> Callable[[User], str]:
    def set_up(owner: User) -> str:
        full_org()
        _pushed(owner)
        return list_of(model)

    return set_up


def _one_of(model: type[Model]) -> Callable[[User], str]:
    def set_up(owner: User) -> str:
        full_org()
        _pushed(owner)
        return page_of(model._default_manager.latest("pk"))

    return set_up


def _request(owner: User) -> str:
    _pushed(owner)
    return reverse("admin:scim_requestlog_change", args=[RequestLog.objects.latest("id").pk])


def _settings(owner: User) -> str:
    return reverse("admin:orgs_organization_change", args=[owner.org_id])


def _link(owner: User) -> str:
    return reverse("group", args=[_pushed(owner)[1].pk])


def _refused(owner: User) -> str:
    _pushed(owner)
    return reverse(
        "admin:try_again", args=[RequestLog.objects.for_org(org_of(owner)).filter(status=403).latest("id").id]
    )


def _hold(owner: User) -> str:
    _pushed(owner)
    return reverse("admin:hold", args=[owner.org_id, ScimToken.objects.for_org(org_of(owner)).get().pk])


def _org_with_a_hold(owner: User) -> str:
    held_by_support(owner)
    return reverse("admin:org", args=[owner.org_id])


def _release(owner: User) -> str:
    return reverse("admin:release", args=[owner.org_id, held_by_support(owner).pk])


def _try(page: Page) -> None:
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("heading", name="Now it would be answered 201").wait_for()


def _view(page: Page) -> None:
    page.get_by_role("button", name="View as").click()
    page.get_by_role("complementary", name="View by support").wait_for()


_WITH_ROWS = [model for model in admin.site._registry if model not in (Decision, Organization, OrgDeletion)]
SCENES = {
    "desk-search": Scene(_search, who=_staff),
    "desk-organization": Scene(_org, who=_staff),
    "desk-organization-settings": Scene(_settings, who=_staff),
    "desk-person": Scene(_person, who=_staff),
    "desk-group": Scene(_group, who=_staff),
    "desk-request": Scene(_request, who=_staff),
    "desk-try-again": Scene(_refused, _try, _staff),
    "desk-hold": Scene(_hold, who=_staff),
    "desk-organization-held": Scene(_org_with_a_hold, who=_staff),
    "desk-release": Scene(_release, who=_staff),
    "desk-organization-second": Scene(scenes_two_persons.desk, who=_staff),
    "desk-second": Scene(scenes_two_persons.alone, who=_staff),
    "desk-link": Scene(_link, who=_staff),
    "viewing": Scene(_link, _view, _staff),
    **{f"admin-{model.__name__.lower()}": Scene(_list_of(model), who=_staff) for model in admin.site._registry},
    **{f"admin-{model.__name__.lower()}-one": Scene(_one_of(model), who=_staff) for model in _WITH_ROWS},
}
"""Beside the others: the admin has a style and a content security policy of its own."""
