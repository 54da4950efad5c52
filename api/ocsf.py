"""History as events of the Open Cybersecurity Schema Framework, for SIEMs (SPEC E4). Plain Python.

One event for a change, and one for each effect; an effect that says only what its change says has none of its own. What
the schema has no place for is `unmapped`. https://schema.ocsf.io/1.5.0/categories/iam
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

VERSION = "1.5.0"
CATEGORY = (3, "Identity & Access Management")
INFORMATIONAL, SUCCESS, FAILURE = (1, "Informational"), (1, "Success"), (2, "Failure")
OTHER, OTHER_ID = "Other", 99

ACCOUNT, ENTITY, ACCESS, GROUP = 3001, 3004, 3005, 3006
CLASSES = {
    ACCOUNT: "Account Change",
    ENTITY: "Entity Management",
    ACCESS: "User Access Management",
    GROUP: "Group Management",
}
ACTIVITIES = {
    ACCOUNT: {"Create": 1, "Enable": 2, "Disable": 5, "Delete": 6, "MFA Factor Enable": 10, "MFA Factor Disable": 11},
    ENTITY: {"Create": 1, "Update": 3, "Delete": 4, "Enable": 8, "Disable": 9, "Activate": 10, "Deactivate": 11},
    ACCESS: {"Assign Privileges": 1, "Revoke Privileges": 2},
    GROUP: {"Add User": 3, "Remove User": 4, "Delete": 5, "Create": 6},
}
"""Those that there are here, with their ids; everything else is OTHER."""
TYPES = {
    "team": "Team",
    "concurrency_group": "Concurrency group",
    "sub_organization": "Sub-organization",
}
"""Of what the schema calls a group, besides pushed ones."""
PUSHED = "SCIM group"
ORGANIZATION = "Organization"

Detail = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """How a verb is told: the class, the activity (or how the detail says it), and of an entity its type.

    uid, name: where the detail has those of the entity; `rule.id` is in `rule`.
    """

    class_uid: int
    activity: str | Callable[[Detail], str] = OTHER
    type: str = ""
    uid: str = ""
    name: str = ""


def _switched(detail: Detail) -> str:
    return "Enable" if detail["on"] else "Disable"


def _set_roles(detail: Detail) -> str:
    return "Assign Privileges" if detail["now"] else "Revoke Privileges"


_rule = partial(Shape, ENTITY, type="Mapping rule", uid="rule.id", name="rule.pattern")
_rules = partial(Shape, ENTITY, type="Mapping rules")
_mapping = partial(Shape, ENTITY, type="Mapping")
_conflict = partial(Shape, ENTITY, type="Conflict")
_org = partial(Shape, ENTITY, type=ORGANIZATION)
_domain = partial(Shape, ENTITY, type="Domain", uid="name", name="name")
_sso = partial(Shape, ENTITY, type="Single sign-on", uid="issuer", name="issuer")
_profile = partial(Shape, ENTITY, type="Schema profile", uid="profile", name="profile")
_token = partial(Shape, ENTITY, type="SCIM token", uid="token", name="name")
_key = partial(Shape, ENTITY, type="API key", uid="key", name="name")
_link = partial(Shape, ENTITY, type="Setup link", uid="link", name="purpose")
_webhook = partial(Shape, ENTITY, type="Webhook", uid="webhook", name="host")
_view = partial(Shape, ENTITY, type="View by support", uid="view")
_proposal = partial(Shape, ENTITY, type="Decision for a second admin", uid="proposal", name="do")
_invitation = partial(Shape, ENTITY, type="Invitation", uid="invitation")

SHAPES: dict[str, Shape] = {
    "user.created": Shape(ACCOUNT, "Create"),
    "user.changed": Shape(ACCOUNT),
    "user.adopted": Shape(ACCOUNT),
    "user.revived": Shape(ACCOUNT, "Create"),
    "user.deleted": Shape(ACCOUNT, "Delete"),
    "user.erased": Shape(ACCOUNT, "Delete"),
    "user.activated": Shape(ACCOUNT, "Enable"),
    "user.deactivated": Shape(ACCOUNT, "Disable"),
    "user.opened": Shape(ACCOUNT, "Enable"),
    "user.signed_out": Shape(ACCOUNT),
    "user.renamed": Shape(ACCOUNT),
    "user.factor_added": Shape(ACCOUNT, "MFA Factor Enable"),
    "user.factor_removed": Shape(ACCOUNT, "MFA Factor Disable"),
    "user.factors_reset": Shape(ACCOUNT, "MFA Factor Disable"),
    "user.recovery_codes_made": Shape(ACCOUNT),
    "user.joined": Shape(ACCOUNT, "Create"),
    "user.enrolled": Shape(ACCOUNT, "Create"),
    "user.unlinked": Shape(ACCOUNT),
    "user.placed": Shape(GROUP, "Add User"),
    "user.taken_out": Shape(GROUP, "Remove User"),
    "user.put_back": Shape(GROUP),
    "user.roles_set": Shape(ACCESS, _set_roles),
    "invitation.sent": _invitation("Create"),
    "invitation.resent": _invitation("Update"),
    "invitation.revoked": _invitation("Delete"),
    "group.created": Shape(GROUP, "Create"),
    "group.restored": Shape(GROUP, "Create"),
    "group.imported": Shape(GROUP, "Create"),
    "group.adopted": Shape(GROUP),
    "group.changed": Shape(GROUP),
    "group.deleted": Shape(GROUP, "Delete"),
    "group.ended": Shape(GROUP, "Delete"),
    "group.brought_back": Shape(GROUP, "Create"),
    "group.confirmed": Shape(GROUP),
    "mapping.approved": _mapping("Activate"),
    "mapping.rejected": _mapping("Deactivate"),
    "mapping.retargeted": _mapping("Update"),
    "rule.added": _rule("Create"),
    "rule.changed": _rule("Update"),
    "rule.deleted": _rule("Delete"),
    "rules.started": _rules("Create"),
    "rules.reordered": _rules("Update"),
    "rules.applied": _rules(),
    "entity.created": Shape(GROUP, "Create"),
    "entity.renamed": Shape(GROUP),
    "entity.limited": Shape(GROUP),
    "entity.deleted": Shape(GROUP, "Delete"),
    "conflict.decided": _conflict("Update"),
    "conflict.undone": _conflict("Update"),
    "org.founded": _org("Create"),
    "org.changed": _org("Update"),
    "org.group_provisioning_switched": Shape(ENTITY, _switched, type="Group provisioning"),
    "org.hold_limits_changed": Shape(ENTITY, "Update", type="Limits for holding changes"),
    "org.two_persons_switched": Shape(ENTITY, _switched, type="Two persons"),
    "org.owner_changed": Shape(ENTITY, "Update", type="Owner account", uid="owner", name="now"),
    "org.domains_changed": Shape(ENTITY, "Update", type="Domains"),
    "org.domain_asked": _domain("Create"),
    "org.domain_dropped": _domain("Delete"),
    "org.sso_prepared": Shape(ENTITY, "Create", type="Single sign-on", name="idp"),
    "org.sso_drafted": _sso("Update"),
    "org.saml_drafted": _sso("Update"),
    "org.sso_certificates_changed": _sso("Update"),
    "org.sso_unlinked": Shape(ENTITY, type="Single sign-on"),
    "org.sso_discarded": _sso("Delete"),
    "org.sso_activated": _sso("Activate"),
    "org.sso_switched_off": _sso("Deactivate"),
    "org.sso_accounts_switched": Shape(ENTITY, _switched, type="Accounts made by signing in"),
    "profile.changed": _profile("Update"),
    "profile.roles_removed": _profile("Update"),
    "token.issued": _token("Create"),
    "token.limited": _token("Update"),
    "token.revoked": _token("Delete"),
    "token.confirmed": _token("Activate"),
    "token.taken_over": _token("Update"),
    "setup_link.made": _link("Create"),
    "setup_link.opened": _link("Activate"),
    "setup_link.finished": _link("Deactivate"),
    "setup_link.revoked": _link("Delete"),
    "key.issued": _key("Create"),
    "webhook.created": _webhook("Create"),
    "webhook.changed": _webhook("Update"),
    "webhook.secret_rotated": _webhook("Update"),
    "webhook.enabled": _webhook("Enable"),
    "webhook.disabled": _webhook("Disable"),
    "webhook.deleted": _webhook("Delete"),
    "webhook.tested": _webhook("Update"),
    "webhook.replayed": _webhook("Update"),
    "key.revoked": _key("Delete"),
    "key.taken_over": _key("Update"),
    "matter.dismissed": Shape(ENTITY, "Deactivate", type="Notice", name="name"),
    "support_view.began": _view("Activate"),
    "support_view.ended": _view("Deactivate"),
    "support_view.tried": Shape(ENTITY, type="Request tried by support", uid="request"),
    "import.people": Shape(ENTITY, "Update", type="Import"),
    "import.ended": Shape(ENTITY, "Update", type="Import"),
    "hold.began": Shape(ENTITY, "Deactivate", type="Roles and assignments"),
    "hold.ended": Shape(ENTITY, "Activate", type="Roles and assignments"),
    "hold.let_through": Shape(ENTITY, "Activate", type="Roles and assignments"),
    "changes.taken_back": Shape(ENTITY, "Update", type="Changes that were taken back"),
    "proposal.made": _proposal("Create"),
    "proposal.approved": _proposal("Activate"),
    "proposal.refused": _proposal("Deactivate"),
    "proposal.withdrawn": _proposal("Deactivate"),
    "proposal.expired": _proposal("Deactivate"),
    "engine.drift_found": Shape(ENTITY, type="Roles and assignments"),
    "engine.rebuilt": Shape(ENTITY, "Update", type="Roles and assignments"),
}
"""Every verb of `orgs.change_details`."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an event says. about: the objects that its class has for it, such as `user` and `group`."""

    class_uid: int
    activity: str
    about: dict[str, Any]
    status: tuple[int, str] = SUCCESS

    def is_said_by(self, other: "Told") -> bool:
        """Whether the other one says the same of the same; names may differ, since they are of different times."""
        return (self.class_uid, self.activity, self._whom()) == (other.class_uid, other.activity, other._whom())

    def _whom(self) -> list[Any]:
        uids = [self.about.get(name, {}).get("uid") for name in ("user", "group")]
        return [*uids, self.about.get("privileges")]


def events(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The events of an item of history in its native form (`api.history_items`)."""
    change = item["change"]
    told: list[tuple[Told, str, dict[str, Any]]] = []
    if item["kind"] == "change":
        more = {name: change[name] for name in ("detail", "door", "request_id")}
        told.append((_of_change(item), change["message"], more))
    of_change = [each for each, *_ in told]
    for effect in item["effects"]:
        more = {name: effect[name] for name in ("slot", "was", "now")}
        for each in _of_effect(effect, item["names"]):
            if not any(each.is_said_by(other) for other in of_change):
                told.append((each, effect["message"], more))
    return [_event(item, number, *each) for number, each in enumerate(told)]


def _event(item: Mapping[str, Any], number: int, told: Told, message: str, more: dict[str, Any]) -> dict[str, Any]:
    change = item["change"]
    class_name = CLASSES[told.class_uid]
    activity_id = ACTIVITIES[told.class_uid].get(told.activity, OTHER_ID)
    return {
        "class_uid": told.class_uid,
        "class_name": class_name,
        "category_uid": CATEGORY[0],
        "category_name": CATEGORY[1],
        "activity_id": activity_id,
        "activity_name": told.activity,
        "type_uid": told.class_uid * 100 + activity_id,
        "type_name": f"{class_name}: {told.activity}",
        "severity_id": INFORMATIONAL[0],
        "severity": INFORMATIONAL[1],
        "status_id": told.status[0],
        "status": told.status[1],
        "time": int(change["at"].timestamp() * 1000),
        "message": message,
        "metadata": {
            "version": VERSION,
            "product": {"name": "Muster", "vendor_name": "Muster"},
            "log_name": "history",
            "uid": f"{item['position']}.{number}",
            "correlation_uid": change["id"],
            "event_code": change["verb"],
            "tenant_uid": item["organization"],
        },
        "actor": _actor(change["by"], item["names"]),
        "unmapped": more,
    } | told.about


def _actor(by: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    if by["kind"] == "person":
        return {"user": _user(by["id"], names)}
    return {"app_name": by["name"]} | ({"app_uid": by["id"]} if by["id"] else {})


def _user(id_: str, names: Mapping[str, str]) -> dict[str, Any]:
    return {"uid": id_, "type_id": 1, "type": "User"} | ({"name": names[id_]} if id_ in names else {})


def _group(id_: str, type_: str, name: str | None) -> dict[str, Any]:
    return {"uid": id_, "type": type_} | ({"name": name} if name else {})


# --- Changes ----------------------------------------------------------------------------------------------------------


def _of_change(item: Mapping[str, Any]) -> Told:
    verb, detail, names = item["change"]["verb"], item["change"]["detail"], item["names"]
    shape = SHAPES.get(verb) or Shape(ENTITY, type=verb)
    about: dict[str, Any] = {}
    if shape.class_uid == ENTITY:
        about["entity"] = _entity(shape, item)
    if shape.class_uid == GROUP and "group" in detail:
        about["group"] = _group(detail["group"], PUSHED, detail["name"])
    elif shape.class_uid == GROUP:
        about["group"] = _group(detail["entity"], TYPES[detail["kind"]], detail["name"])
    if shape.class_uid != ENTITY and "user" in detail:
        about["user"] = _user(detail["user"], names)
    if shape.class_uid == ACCESS:
        about["privileges"] = detail["now"] or detail["was"] or []
    activity = shape.activity(detail) if callable(shape.activity) else shape.activity
    return Told(shape.class_uid, activity, about)


def _entity(shape: Shape, item: Mapping[str, Any]) -> dict[str, Any]:
    detail = item["change"]["detail"]
    if shape.type == ORGANIZATION:
        return {"type_id": 4, "type": ORGANIZATION, "uid": item["organization"], "org": {"uid": item["organization"]}}
    found = {name: _at(detail, path) for name, path in (("uid", shape.uid), ("name", shape.name)) if path}
    named = {name: value for name, value in found.items() if value} or {"name": shape.type}
    return {"type_id": OTHER_ID, "type": shape.type, "data": detail} | named


def _at(detail: Detail, path: str) -> Any:
    value: Any = detail
    for key in path.split("."):
        value = value.get(key, {})
    return value


# --- Effects ----------------------------------------------------------------------------------------------------------

_ACCOUNTS = {"active": "Enable", "inactive": "Disable", "deleted": "Delete", "erased": "Delete"}


def _of_effect(effect: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Told]:
    was, now = effect["was"], effect["now"]
    user = {"user": _user(effect["person"], names)}
    match effect["slot"]:
        case "account":
            yield Told(ACCOUNT, _ACCOUNTS.get(now, OTHER) if was else "Create", user)
        case "roles":
            lost, gained = set(was or ()) - set(now or ()), set(now or ()) - set(was or ())
            if lost:
                yield Told(ACCESS, "Revoke Privileges", user | {"privileges": sorted(lost)})
            if gained:
                yield Told(ACCESS, "Assign Privileges", user | {"privileges": sorted(gained)})
            if not lost and not gained:
                yield Told(ACCESS, OTHER, user | {"privileges": now or []})
        case slot if slot in TYPES:
            if was:
                yield Told(GROUP, "Remove User", user | {"group": _group(was, TYPES[slot], names.get(was))})
            if now:
                yield Told(GROUP, "Add User", user | {"group": _group(now, TYPES[slot], names.get(now))})
        case "skipped":
            yield Told(GROUP, "Add User", user | {"group": _group(now, PUSHED, names.get(now))}, FAILURE)
        case "refused":
            yield Told(ACCOUNT, OTHER, user, FAILURE)
        case _:
            yield Told(ACCOUNT, OTHER, user)
