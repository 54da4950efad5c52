"""The overview, activity, and single changes, in an org where a lot goes on."""

from django.utils import timezone

from groups_provisioning.actions import entity_edits, manual_changes, mappings, rules
from groups_provisioning.actions.rules import RuleFacts
from groups_provisioning.engine import worker
from groups_provisioning.models import GroupMapping, PushedGroup
from orgs import tokens
from orgs.history import Cause
from orgs.models import Change, Door, Entity, EntityKind, IdentityProvider, Organization, User
from tests.browser.scene import Scene
from tests.conftest import Idp

TEAM, POOL = EntityKind.TEAM, EntityKind.CONCURRENCY_GROUP
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


def _cause(owner: User) -> Cause:
    return Cause(Door.PAGE, timezone.now(), person=owner)


def _idp(owner: User) -> Idp:
    issued = tokens.issue(org=_org(owner), name="Okta production", idp=IdentityProvider.OKTA, cause=_cause(owner))
    tokens.note_use({issued.token.id: (timezone.now(), "203.0.113.24", "Okta SCIM Client 1.0.0")})
    return Idp(issued.secret)


def _org(owner: User) -> Organization:
    assert owner.org
    return owner.org


def _push_person(idp: Idp, name: str) -> str:
    given, _, family = name.partition(" ")
    address = f"{given}.{family}@northwind.example".encode("ascii", "ignore").decode().lower()
    body = {"userName": address, "name": {"givenName": given, "familyName": family}}
    return str(idp.post("/Users", body).json()["id"])  # type: ignore[attr-defined]


def _push_group(idp: Idp, name: str, *members: str) -> PushedGroup:
    body = {"displayName": name, "members": [{"value": member} for member in members]}
    return PushedGroup.objects.get(id=idp.post("/Groups", body).json()["id"])  # type: ignore[attr-defined]


def _lively(owner: User) -> Idp:
    """People and groups of all states, a conflict, changes by hand."""
    org, cause, idp = _org(owner), _cause(owner), _idp(owner)
    rules.add_rule(org=org, facts=RuleFacts("prefix", TEAM, "eng-", auto_approve=True), cause=cause)
    rules.add_rule(org=org, facts=RuleFacts("regex", TEAM, "^(sales|support)-[a-z]+$"), cause=cause)
    people = [_push_person(idp, name) for name in STAFF]
    platform = _push_group(idp, "eng-platform", *people[:5])
    _push_group(idp, "support-emea", *people[4:])
    days, nights = (
        _push_group(idp, "Shift: days", *people[2:4]),
        _push_group(idp, "Shift: nights", people[3], people[6]),
    )
    _push_group(idp, "All of Northwind Logistics, contractors and everybody on leave included", *people)
    worker.drain(10)
    for group, name in ((days, "Day shift"), (nights, "Night shift")):
        mappings.map_group(org=org, group_id=group.id, kind=POOL, target=name, cause=cause)
        worker.drain(10)
    gone = entity_edits.create_entity(org=org, kind=TEAM, name="Warehouse robots", cause=cause)
    robots = _push_group(idp, "Robots", people[7])
    mappings.map_group(org=org, group_id=robots.id, kind=TEAM, target=gone.id, cause=cause)
    entity_edits.delete_entity(org=org, entity_id=gone.id, cause=cause)
    team = Entity.objects.get(org=org, name="eng-platform")
    manual_changes.place(org=org, user_id=User.objects.get(id=people[6]).id, entity_id=team.id, cause=cause)
    idp.patch(f"/Groups/{platform.id}", {"op": "replace", "path": "displayName", "value": "eng-platform-core"})
    idp.put(f"/Users/{people[7]}", {"userName": "grace.hopper@northwind.example", "active": False})
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
    _push_group(idp, "eng-everybody", *map(str, members))
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
