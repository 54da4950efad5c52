"""Scenes of people, teams, concurrency groups and sub-organizations."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

from django.utils import timezone
from playwright.sync_api import Page

from groups_provisioning.actions import account_switches, erasing, manual_changes
from groups_provisioning.models import GroupMember, Membership, PushedGroup, Status
from orgs.models import Entity, Erasure, Organization, User
from tests.browser.scene import Scene
from tests.factories import UserFactory
from tests.groups_provisioning.world import (
    POOL,
    SUB,
    TEAM,
    by_admin,
    entity,
    group,
    idp_of,
    org_of,
    role_rule,
    rule,
    settle,
    tie,
)
from tests.scim.api import crowds

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
STAFF = (
    ("Amara", "Okafor", "Staff engineer", "Platform"),
    ("Benedikt", "Sørensen", "Test engineer", "Quality"),
    ("Chiara", "Rossi", "Engineering manager", "Payments"),
    ("Daniyar", "Zhaksybekov", "Test engineer", "Quality"),
    ("Esi", "Mensah-Boateng", "Designer", "Design systems"),
    ("Farid", "Haddad", "Site reliability engineer", "Platform"),
    ("Gudrun", "Þorsteinsdóttir", "Accountant", "Finance"),
    ("Hiroshi", "Tanaka", "Contractor", "Payments"),
)


def _staff(owner: User) -> dict[str, User]:
    """Some people, by given name; the last one is deactivated, and one was added by hand."""
    org = org_of(owner)
    people = {}
    for number, (given, family, title, department) in enumerate(STAFF):
        address = f"{given.lower()}.{family.lower().replace('þ', 'th').replace('ø', 'o').replace('ó', 'o')}"
        email = f"{address}@northwind.example"
        people[given] = UserFactory.create(
            org=org,
            user_name=email,
            external_id=f"00u8k2m4x{number}QpZ",
            given_name=given,
            family_name=family,
            active=given != "Hiroshi",
            scim_managed=given != "Gudrun",
            attributes={
                "title": title,
                "emails": [{"type": "work", "value": email, "primary": True}],
                "phoneNumbers": [{"type": "work", "value": "+49 30 901820"}],
                ENTERPRISE: {"department": department, "employeeNumber": f"NW-{1042 + number}"},
            },
            folded={"name": {"givenName": given.lower(), "familyName": family.lower()}},
        )
    return people


def _world(owner: User) -> tuple[dict[str, User], dict[str, Entity]]:
    """A small organization with everything in it."""
    org, people = org_of(owner), _staff(owner)
    names = {
        "Platform": "team",
        "Payments": "team",
        "Quality": "team",
        "Standard sessions": POOL,
        "Load tests": POOL,
        "Research lab": SUB,
    }
    places = {name: entity(org, name, kind) for name, kind in names.items()}
    places["Load tests"].session_limit = 120
    places["Load tests"].save()
    everybody = list(people.values())
    engineers = group(org, "Engineering", *everybody[:6], roles=["Member"])
    platform = group(org, "Platform", people["Amara"], people["Farid"], roles=["Admin"])
    loads = group(org, "Performance testers", people["Amara"], people["Daniyar"])
    ago = timezone.now() - timedelta(days=40)
    GroupMember.objects.filter(org=org).update(added_at=ago)
    tie(engineers, places["Standard sessions"], status=Status.AUTO_APPROVED, approved_at=ago)
    tie(platform, places["Platform"], status=Status.APPROVED, approved_at=ago)
    tie(group(org, "Payments", people["Chiara"], people["Hiroshi"]), places["Payments"], status=Status.AUTO_APPROVED)
    tie(loads, places["Load tests"], status=Status.APPROVED, approved_at=ago + timedelta(days=30))
    settle(*everybody, owner)
    manual_changes.place(org=org, user_id=people["Amara"].id, entity_id=places["Quality"].id, cause=by_admin(owner))
    manual_changes.place(org=org, user_id=people["Gudrun"].id, entity_id=places["Quality"].id, cause=by_admin(owner))
    manual_changes.take_out(org=org, user_id=people["Farid"].id, entity_id=places["Platform"].id, cause=by_admin(owner))
    return people, places


def _crowd(owner: User) -> str:
    crowds.fill(org_of(owner), 10_000)
    return "/people/?sort=-added&page=101"


def _compact(page: Page) -> None:
    """As with the cookie, which later scenes would have too."""
    page.evaluate("document.documentElement.dataset.rows = 'compact'")


def _people(query: str = "") -> Callable[[User], str]:
    def set_up(owner: User) -> str:
        _world(owner)
        return f"/people/{query}"

    return set_up


def _person(name: str, page: str = "") -> Callable[[User], str]:
    return lambda owner: f"/people/{_world(owner)[0][name].id}/{page}"


def _entity(name: str, page: str = "") -> Callable[[User], str]:
    return lambda owner: f"/entities/{_world(owner)[1][name].id}/{page}"


def _list(address: str) -> Callable[[User], str]:
    def set_up(owner: User) -> str:
        _world(owner)
        return address

    return set_up


def _take_out(owner: User) -> str:
    people, places = _world(owner)
    return f"/people/{people['Amara'].id}/places/{places['Platform'].id}/take-out/"


def _deleted(owner: User) -> str:
    user = UserFactory.create(
        org=owner.org,
        given_name="Ilse",
        family_name="Brandt",
        active=False,
        deleted_at=timezone.now(),
        login_email=None,
    )
    settle(user)
    return f"/people/{user.id}/"


def _erased(owner: User) -> str:
    org, people = org_of(owner), _staff(owner)
    settle(*people.values(), owner)
    user = people["Hiroshi"]
    erasing.erase(org=org, user_id=user.id, cause=by_admin(owner))
    done = {"scim_requestlog": 41, "scim_requestlogbody": 38, "orgs_matter": 1, "orgs_session": 2, "orgs_user": 2}
    Erasure.objects.update(completed_at=timezone.now(), traces=None, counts=done)
    return f"/people/{user.id}/"


def _closed(owner: User) -> str:
    """Closed by an admin, and then by the identity provider as well."""
    org, (people, _) = org_of(owner), _world(owner)
    account_switches.deactivate(org=org, user_id=people["Amara"].id, cause=by_admin(owner))
    value = {"op": "replace", "path": "active", "value": False}
    assert idp_of(org, "Okta").patch(f"/Users/{people['Amara'].id}", value).status_code == 200
    return f"/people/{people['Amara'].id}/"


def _opened(owner: User) -> str:
    address = _person("Hiroshi")(owner)
    hiroshi = User.objects.get(org=owner.org, given_name="Hiroshi")
    account_switches.activate(org=org_of(owner), user_id=hiroshi.id, cause=by_admin(owner))
    return address


def _off(owner: User) -> str:
    Organization.objects.filter(pk=owner.org_id).update(teams=False)
    return "/teams/"


def _click(name: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.get_by_role("link", name=name).first.click()
        page.get_by_role("dialog").wait_for()

    return act


def _then(owner: User) -> str:
    """As she was before she left her teams. She has no ledger, which the page says beside."""
    people, _ = _world(owner)
    at = timezone.now()
    GroupMember.objects.filter(user=people["Amara"]).delete()
    return f"/people/{people['Amara'].id}/then/?{urlencode({'at': at.isoformat()})}"


def _group_then(owner: User) -> str:
    people, _ = _world(owner)
    at = timezone.now()
    GroupMember.objects.filter(user=people["Amara"]).delete()
    group_id = PushedGroup.objects.get(display_name="Platform").id
    return f"/groups/{group_id}/then/?{urlencode({'at': at.isoformat()})}"


def _entity_then(owner: User) -> str:
    _world(owner)
    asked = urlencode({"at": timezone.now().isoformat()})
    return f"/entities/{Membership.objects.order_by('entity').first().entity_id}/then/?{asked}"


def _rules_then(owner: User) -> str:
    for name, kind in (("eng-", TEAM), ("lab-", SUB)):
        rule(org_of(owner), name, kind)
    role_rule(org_of(owner), "Admin", "boss-", auto=False)
    return f"/groups/rules/then/?{urlencode({'at': timezone.now().isoformat()})}"


SCENES = {
    "people": Scene(_people()),
    "people-compact": Scene(_people(), _compact),
    "people-crowd": Scene(_crowd),
    "people-narrowed": Scene(_people("?role=Member&added_by=scim&sort=-added")),
    "people-nobody-fits": Scene(_people("?q=zaphod")),
    "person": Scene(_person("Amara")),
    "person-then": Scene(_then),
    "person-then-asked": Scene(_person("Amara", "then/?at=2020-01-01T12:00:00")),
    "group-then": Scene(_group_then),
    "entity-then": Scene(_entity_then),
    "rules-then": Scene(_rules_then),
    "person-taken-out": Scene(_person("Farid")),
    "person-deactivated": Scene(_person("Hiroshi")),
    "person-closed": Scene(_closed),
    "person-opened": Scene(_opened),
    "person-deactivate": Scene(_person("Amara", "deactivate/")),
    "person-deactivate-dialog": Scene(_person("Amara"), _click("Deactivate…")),
    "person-activate": Scene(_person("Hiroshi", "activate/")),
    "person-deleted": Scene(_deleted),
    "person-erase": Scene(_person("Hiroshi", "erase/")),
    "person-erased": Scene(_erased),
    "person-owner": Scene(lambda owner: f"/people/{owner.id}/"),
    "person-roles": Scene(_person("Amara", "roles/")),
    "person-roles-dialog": Scene(_person("Amara"), _click("Set by hand")),
    "person-place": Scene(_person("Amara", "places/new/")),
    "take-out": Scene(_take_out),
    "teams": Scene(_list("/teams/")),
    "teams-sorted": Scene(_list("/teams/?sort=-created")),
    "teams-nothing-fits": Scene(_list("/teams/?q=zaphod")),
    "teams-empty": Scene(lambda owner: "/teams/"),
    "teams-off": Scene(_off),
    "teams-new": Scene(lambda owner: "/teams/new/"),
    "concurrency-groups": Scene(_list("/concurrency-groups/")),
    "concurrency-group-new": Scene(lambda owner: "/concurrency-groups/new/"),
    "sub-organizations": Scene(_list("/sub-organizations/")),
    "team": Scene(_entity("Platform")),
    "team-taken-out": Scene(_entity("Platform", "?tab=taken-out")),
    "concurrency-group": Scene(_entity("Load tests")),
    "concurrency-group-empty": Scene(_entity("Research lab")),
    "entity-place": Scene(_entity("Quality", "members/new/")),
    "entity-rename": Scene(_entity("Platform", "rename/")),
    "entity-limit": Scene(_entity("Load tests", "limit/")),
    "entity-delete": Scene(_entity("Platform", "delete/")),
    "entity-delete-dialog": Scene(_entity("Standard sessions"), _click("Delete")),
}
