"""The overview, activity, and single changes, in an org where a lot goes on."""

from django.utils import timezone

from groups_provisioning.actions import entity_edits, manual_changes
from groups_provisioning.engine import worker
from groups_provisioning.models import GroupMapping, PushedGroup
from orgs import tokens
from orgs.models import Change, Entity, IdentityProvider, User
from tests.browser.scene import Scene
from tests.conftest import Idp
from tests.groups_provisioning.world import POOL, TEAM, by_admin, map_to, org_of, push, push_user, rule

STAFF = (
    "Grace Hopper",
    "Linus Berg",
    "Amélie Fournier",
    "Tomasz Zieliński",
    "Priya Raghunathan",
    "Bartholomew Featherstonehaugh-Cholmondeley",
    "Yuki Tanaka",
    "Noah Okafor",
)


def _idp(owner: User) -> Idp:
    issued = tokens.issue(org=org_of(owner), name="Okta production", idp=IdentityProvider.OKTA, cause=by_admin(owner))
    tokens.note_use({issued.token.id: (timezone.now(), "203.0.113.24", "Okta SCIM Client 1.0.0")})
    return Idp(issued.secret)


def _lively(owner: User) -> Idp:
    """People and groups of all states, a conflict, changes by hand."""
    org, cause, idp = org_of(owner), by_admin(owner), _idp(owner)
    rule(org, "eng-", by=owner)
    rule(org, "^(sales|support)-[a-z]+$", auto=False, type_="regex", by=owner)
    people = [push_user(idp, name) for name in STAFF]
    platform = push(idp, "eng-platform", *people[:5])
    push(idp, "support-emea", *people[4:])
    days, nights = (
        push(idp, "Shift: days", *people[2:4]),
        push(idp, "Shift: nights", people[3], people[6]),
    )
    push(idp, "All of Northwind Logistics, contractors and everybody on leave included", *people)
    worker.drain(10)
    for group, name in ((days, "Day shift"), (nights, "Night shift")):
        map_to(group, POOL, name, by=owner)
        worker.drain(10)
    gone = entity_edits.create_entity(org=org, kind=TEAM, name="Warehouse robots", cause=cause)
    robots = push(idp, "Robots", people[7])
    map_to(robots, TEAM, gone.id, by=owner)
    entity_edits.delete_entity(org=org, entity_id=gone.id, cause=cause)
    team = Entity.objects.get(org=org, name="eng-platform")
    manual_changes.place(org=org, user_id=User.objects.get(id=people[6]).id, entity_id=team.id, cause=cause)
    idp.patch(f"/Groups/{platform.id}", {"op": "replace", "path": "displayName", "value": "eng-platform-core"})
    idp.put(f"/Users/{people[7]}", {"userName": "grace.hopper@corp.example", "active": False})
    worker.drain(10)
    PushedGroup.objects.filter(org=org, display_name="support-emea").update(out_of_sync=True)
    return idp


def _overview(owner: User) -> str:
    _lively(owner)
    return "/"


def _activity(owner: User) -> str:
    _lively(owner)
    return "/activity/"


def _about_a_person(owner: User) -> str:
    _lively(owner)
    return f"/activity/?person={User.objects.get(org=owner.org, family_name='Zieliński').id}"


def _which(owner: User) -> str:
    _lively(owner)
    return "/activity/?q=eng"


def _nothing_fits(owner: User) -> str:
    _lively(owner)
    return "/activity/?kind=checks"


def _change(owner: User) -> str:
    _lively(owner)
    renamed = Change.objects.get(org=owner.org, verb="group.changed", detail__was="eng-platform")
    return f"/activity/{renamed.id}/"


def _effects(owner: User) -> str:
    _lively(owner)
    pushed = Change.objects.get(org=owner.org, verb="group.created", detail__name="eng-platform")
    return f"/activity/{pushed.id}/"


def _under_way(owner: User) -> str:
    idp = _lively(owner)
    members = list(User.objects.filter(org=owner.org, scim_managed=True, deleted_at=None).values_list("id", flat=True))
    push(idp, "eng-everybody", *map(str, members))
    mapping = GroupMapping.objects.filter(org=owner.org).latest("id")
    return f"/activity/{mapping.change_id}/"


SCENES = {
    "overview-busy": Scene(_overview),
    "activity": Scene(_activity),
    "activity-new": Scene(lambda owner: "/activity/"),
    "activity-of-a-person": Scene(_about_a_person),
    "activity-which": Scene(_which),
    "activity-nothing-fits": Scene(_nothing_fits),
    "change": Scene(_change),
    "change-effects": Scene(_effects),
    "change-under-way": Scene(_under_way),
}
