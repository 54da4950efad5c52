"""SCIM groups and mapping rules, in each state that looks different."""

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import Page

from groups_provisioning.actions import entity_edits, group_ends, manual_changes, mappings
from groups_provisioning.actions.mappings import apply_rules
from groups_provisioning.engine import worker
from groups_provisioning.models import GroupMapping, MappingRule, PatternType, PushedGroup
from orgs import entities, matters
from orgs.matters import Occurrence
from orgs.models import MatterKind, Organization, Session, User
from tests.browser.conftest import PASSWORD
from tests.browser.scene import Scene
from tests.factories import UserFactory
from tests.groups_provisioning.world import POOL, TEAM, by_admin, give, idp_of, map_to, org_of, push, role_rule, rule

PEOPLE = (
    ("Amara", "Okafor"),
    ("Bjørn", "Halvorsen"),
    ("Chiara", "Lombardi"),
    ("Dmitri", "Volkov"),
    ("Elif", "Yıldız"),
    ("Farid", "Haddad"),
    ("Grace", "Nakamura"),
    ("Hugo", "Lefèvre"),
    ("Ingrid", "Søndergaard"),
    ("Jamal", "Whitaker"),
    ("Katarzyna", "Wiśniewska"),
    ("Liam", "O’Sullivan"),
)


def people(org: Organization, count: int = len(PEOPLE)) -> list[User]:
    """Those of PEOPLE; one of them is deactivated."""
    return [
        UserFactory.create(
            org=org,
            user_name=f"{given}.{family}@northwind.example".lower().replace("’", ""),
            given_name=given,
            family_name=family,
            active=given != "Farid",
        )
        for given, family in PEOPLE[:count]
    ]


def company(owner: User) -> dict[str, PushedGroup]:
    """A company with three rules, and groups of every status."""
    org = org_of(owner)
    everybody = people(org)
    idp = idp_of(org, "Okta production")
    contractors = push(idp, "All contractors", *everybody[9:])
    rule(org, "eng-", TEAM, auto=True, by=owner)
    rule(org, r"^(load|stress)-test", POOL, auto=False, type_=PatternType.REGEX, by=owner)
    rule(org, "eng-sre", POOL, auto=True, by=owner)
    entities.create(org=org, kind=TEAM, name="Quality assurance", at=timezone.now())
    groups = {
        "contractors": contractors,
        "frontend": push(idp, "eng-frontend", *everybody[:5]),
        "sre": push(idp, "eng-sre", *everybody[4:7]),
        "load": push(idp, "load-test runners Frankfurt", *everybody[:8]),
        "office": push(idp, "Berlin office"),
        "qa": push(idp, "Quality assurance (all sites)", *everybody[6:]),
        "design": push(idp, "Product design and user research, Europe, Middle East and Africa", *everybody[1:4]),
    }
    mapping = map_to(groups["qa"], TEAM, "Quality assurance EMEA", by=owner)
    entity_edits.delete_entity(org=org, entity_id=mapping.entity_id, cause=by_admin(owner))
    map_to(groups["design"], TEAM, "Design", by=owner)
    map_to(groups["design"], POOL, "Interactive sessions", by=owner)
    rejected = map_to(groups["office"], by=owner)
    mappings.reject(org=org, mapping_ids=[rejected.id], cause=by_admin(owner))
    PushedGroup.objects.filter(id=contractors.id).update(
        out_of_sync=True, modified_at=timezone.now() - timedelta(days=9)
    )
    worker.drain(5)
    return groups


def _list(owner: User) -> str:
    company(owner)
    return "/groups/"


def _many(owner: User) -> str:
    idp = idp_of(org_of(owner), "Okta production")
    for number in range(60):
        push(idp, f"project-{number:03}")
    return "/groups/?sort=-members"


def _off(owner: User) -> str:
    company(owner)
    org = org_of(owner)
    org.group_provisioning = False
    org.save()
    return "/groups/?q=eng"


def _group(name: str) -> Callable[[User], str]:
    return lambda owner: f"/groups/{company(owner)[name].id}/"


def _settling(owner: User) -> str:
    groups = company(owner)
    waiting = GroupMapping.objects.get(group=groups["load"])
    mappings.approve(org=owner.org, mapping_id=waiting.id, cause=by_admin(owner))
    return f"/groups/{groups['load'].id}/"


def _partly_assigned(owner: User) -> str:
    """A group whose members are assigned, in conflict, removed by hand and deactivated."""
    groups = company(owner)
    org, load = org_of(owner), groups["load"]
    people_of = list(User.objects.filter(org=org, group_memberships__group=load).order_by("user_name"))
    map_to(push(idp_of(org, "Okta"), "Night shift", *people_of[:2]), POOL, by=owner)
    waiting = GroupMapping.objects.get(group=load)
    mappings.approve(org=org, mapping_id=waiting.id, cause=by_admin(owner))
    assert not worker.drain(10)
    entity_id = GroupMapping.objects.get(pk=waiting.pk).entity_id
    assert entity_id
    manual_changes.take_out(org=org, user_id=people_of[6].id, entity_id=entity_id, cause=by_admin(owner))
    return f"/groups/{load.id}/"


def _ended(owner: User) -> str:
    """Ended, and still written."""
    group = company(owner)["design"]
    group_ends.end_group(org=org_of(owner), group_id=group.id, cause=by_admin(owner))
    still = {"name": group.display_name}
    about = (org_of(owner).id, MatterKind.GROUP_ENDED, str(group.id), timezone.now(), None, still)
    matters.note([Occurrence(*about)])
    return f"/groups/{group.id}/"


def _nested(owner: User) -> str:
    groups = company(owner)
    idp = idp_of(org_of(owner), "Entra")
    outer = push(idp, "Engineering", groups["frontend"], groups["sre"])
    return f"/groups/{outer.id}/"


def _mapping(owner: User, name: str, what: str) -> str:
    return f"/mappings/{GroupMapping.objects.live().filter(group=company(owner)[name]).first().id}/{what}/"


def _map_all(to: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.get_by_label("All on this page").check()
        page.get_by_label("Map to").select_option(to)
        page.get_by_role("button", name="Map…").click()
        page.get_by_role("heading", level=1, name="7 groups").wait_for()

    return act


def _choose_all(action: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.get_by_label("All on this page").check()
        page.get_by_role("button", name=action).click()
        page.get_by_role("heading", level=1, name=action.rstrip("…")).wait_for()

    return act


def _open(name: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.get_by_role("link", name=name).first.click()
        page.get_by_role("dialog").wait_for()

    return act


def _rules(owner: User) -> str:
    company(owner)
    return "/groups/rules/"


def _order(page: Page) -> None:
    page.get_by_role("button", name="Move rule 3 up").click()
    page.get_by_text("Not saved yet", exact=True).wait_for()
    page.get_by_role("button", name="Move rule 2 up").click()
    page.get_by_text("would be treated differently").wait_for()


def _unmapped(owner: User) -> str:
    company(owner)
    rule(org_of(owner), "all", by=owner)
    return "/groups/rules/apply/"


def _type_a_rule(pattern: str, type_: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.get_by_label("Match by").select_option(type_)
        page.get_by_label("Pattern").fill(pattern)
        page.locator("#matches :text('groups'), #matches .field__error").first.wait_for()

    return act


def _try(page: Page) -> None:
    page.get_by_label("Group name").fill("eng-sre on call")
    page.get_by_text("Rule 1 applies").wait_for()


def _edit(owner: User) -> str:
    company(owner)
    return f"/groups/rules/{MappingRule.objects.get(pattern='eng-sre').id}/"


def _role_rules(owner: User) -> str:
    groups = company(owner)
    org = org_of(owner)
    role_rule(org, "Admin", "Product design")
    role_rule(org, "Member", auto=False)
    give(groups["qa"], "Admin", by=owner)
    return "/groups/rules/?name=Product+design+EMEA"


def _give_admin(page: Page) -> None:
    page.get_by_role("link", name="Give a role…").click()
    page.get_by_label("Role", exact=True).select_option("Admin")
    page.get_by_text("people will become admins").wait_for()


def _admin_rule(page: Page) -> None:
    page.get_by_label("Match by").select_option("prefix")
    page.get_by_label("Pattern").fill("all")
    page.get_by_label("Give the role").select_option("Admin")
    page.get_by_role("button", name="Review rule").click()
    page.get_by_text("This rule gives the admin role.").wait_for()


def _try_on_the_past(page: Page) -> None:
    page.get_by_label("Match by").select_option(PatternType.ALL)
    page.get_by_role("button", name="Try on the last 30 days").click()
    page.get_by_text("What people would have today").wait_for()


def _roles_of_a_group(owner: User) -> str:
    groups = company(owner)
    role_rule(org_of(owner), "Admin", "Product design", auto=False)
    apply_rules(org=org_of(owner), roles=True, cause=by_admin(owner))
    give(groups["design"], "Member", by=owner)
    return f"/groups/{groups['design'].id}/"


def _admin_by_a_group(owner: User) -> str:
    groups = company(owner)
    role_rule(org_of(owner), "Admin", "Product design")
    apply_rules(org=org_of(owner), roles=True, cause=by_admin(owner))
    worker.drain(5)
    return f"/people/{groups['design'].memberships.first().user_id}/"


def _go_back_to_a_rule(page: Page) -> None:
    page.get_by_label("Pattern").fill("eng-")
    page.get_by_label("Approve automatically").check()
    Session.objects.all().delete()
    page.get_by_role("button", name="Review rule").click()
    page.get_by_label("E-mail address").fill(User.objects.get(is_owner=True).user_name)
    page.keyboard.press("Enter")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Not now").click()  # to a second factor
    page.get_by_text("What you entered before is back").wait_for()


SCENES = {
    "groups": Scene(_list),
    "groups-new": Scene(lambda owner: "/groups/"),
    "groups-many": Scene(_many),
    "groups-found": Scene(_list, lambda page: page.goto("/groups/?q=eng&status=auto_approved") and None),
    "groups-not-found": Scene(_list, lambda page: page.goto("/groups/?q=sales") and None),
    "groups-off": Scene(_off),
    "groups-bulk-approve": Scene(_list, _choose_all("Approve…")),
    "groups-bulk-map": Scene(_list, _map_all("team")),
    "groups-bulk-role": Scene(_list, _map_all("role:Admin")),
    "groups-many-chosen": Scene(_many, lambda page: page.get_by_label("Select all 60 that match").check()),
    "groups-bulk-reject": Scene(_list, _choose_all("Reject…")),
    "group": Scene(_group("design")),
    "group-unmapped": Scene(_group("contractors")),
    "group-target-deleted": Scene(_group("qa")),
    "group-rejected": Scene(_group("office")),
    "group-partly-assigned": Scene(_partly_assigned),
    "group-settling": Scene(_settling),
    "group-nested": Scene(_nested),
    "group-in-sync-dialog": Scene(_group("contractors"), _open("Mark as in sync")),
    "group-end": Scene(lambda owner: f"/groups/{company(owner)['contractors'].id}/end/"),
    "group-end-dialog": Scene(_group("contractors"), _open("End group…")),
    "group-ended": Scene(_ended),
    "group-undo-end-dialog": Scene(_ended, _open("Undo…")),
    "groups-ended": Scene(lambda owner: _ended(owner) and "/groups/?status=ended"),
    "group-map-dialog": Scene(_group("contractors"), _open("Map…")),
    "group-map": Scene(lambda owner: f"/groups/{company(owner)['contractors'].id}/map/"),
    "mapping-approve-dialog": Scene(_group("load"), _open("Approve…")),
    "mapping-retarget": Scene(lambda owner: _mapping(owner, "qa", "retarget")),
    "mapping-reject": Scene(lambda owner: _mapping(owner, "design", "reject")),
    "rules": Scene(_rules),
    "rules-new": Scene(lambda owner: "/groups/rules/"),
    "rules-tried": Scene(_rules, _try),
    "rule-back-test": Scene(_edit, _try_on_the_past),
    "rules-order": Scene(_rules, _order),
    "rules-apply": Scene(_unmapped),
    "rule": Scene(_edit),
    "rule-new": Scene(lambda owner: company(owner) and "/groups/rules/new/", _type_a_rule("e", "prefix")),
    "rule-wrong": Scene(lambda owner: company(owner) and "/groups/rules/new/", _type_a_rule("eng-(", "regex")),
    "rule-restored": Scene(lambda owner: company(owner) and "/groups/rules/new/", _go_back_to_a_rule),
    "role-rules": Scene(_role_rules),
    "role-rule-new": Scene(lambda owner: company(owner) and "/groups/rules/new-role/", _admin_rule),
    "group-role-dialog": Scene(_group("contractors"), _give_admin),
    "group-roles": Scene(_roles_of_a_group),
    "person-role-by-group": Scene(_admin_by_a_group),
    "rule-delete-dialog": Scene(_rules, _open("Delete rule 1")),
}
