"""Changes and their effects in the words of an org's admins. A verb or slot that has none is shown as it is."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from groups_provisioning.models import GroupMapping, PatternType, PushedGroup, Status
from groups_provisioning.pages.activity.change_list import Wanted
from orgs.models import Change, Entity, EntityKind, LedgerEntry, Organization, User
from orgs.models.history import PLACES

# --- Names ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Names:
    """What people, entities, groups and mappings are called now, by the text of their id."""

    people: dict[str, str] = field(default_factory=dict)
    entities: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    mappings: dict[str, str] = field(default_factory=dict)

    def person(self, id_: Any) -> str:
        return self.people.get(str(id_)) or _("somebody who was erased")

    def entity(self, id_: Any) -> str:
        return self.entities.get(str(id_)) or str(id_)

    def group(self, id_: Any) -> str:
        return self.groups.get(str(id_)) or str(id_)

    def mapping(self, id_: Any) -> str:
        return self.mappings.get(str(id_)) or str(id_)


def names(org: Organization, changes: Iterable[Change], entries: Iterable[LedgerEntry], about: Wanted) -> Names:
    """The names that these are told with, and that of whatever they are about. Four queries at most."""
    ids: dict[str, set[str]] = {"people": set(), "entities": set(), "groups": set(), "mappings": set()}
    people, entities, groups, mappings = ids.values()
    people.update(change.detail["user"] for change in changes if "user" in change.detail)
    for wanted, kept in ((about.person, people), (about.entity, entities), (about.group, groups)):
        if wanted:
            kept.add(str(wanted))
    for entry in entries:
        people.add(str(entry.user_id))
        values = [value for value in (entry.was, entry.now) if value]
        if entry.slot in PLACES:
            entities.update(values)
        elif entry.slot == "skipped":
            groups.update(values)
        elif entry.slot == "conflict":
            mappings.update(id_ for value in values for id_ in (value["incoming"], *value["holders"]))
    found = Names()
    if people:
        rows = User.objects.for_org(org).filter(id__in=people)
        found.people = {
            str(row.id): row.label for row in rows.only("display_name", "given_name", "family_name", "user_name")
        }
    if entities:
        found.entities = _by_id(Entity.objects.for_org(org).filter(id__in=entities).values_list("id", "name"))
    if groups:
        found.groups = _by_id(PushedGroup.objects.for_org(org).filter(id__in=groups).values_list("id", "display_name"))
    if mappings:
        rows = GroupMapping.objects.for_org(org).filter(id__in=mappings)
        found.mappings = {
            str(id_): f"{group} → {entity}"
            for id_, group, entity in rows.values_list("id", "group__display_name", "entity__name")
        }
    return found


def _by_id(rows: Iterable[tuple[UUID, str]]) -> dict[str, str]:
    return {str(id_): name for id_, name in rows}


# --- Changes ----------------------------------------------------------------------------------------------------------

KINDS: dict[str, Promise] = {
    "people": gettext_lazy("People"),
    "groups": gettext_lazy("SCIM groups"),
    "mappings": gettext_lazy("Mappings"),
    "rules": gettext_lazy("Mapping rules"),
    "entities": gettext_lazy("Teams and the like"),
    "conflicts": gettext_lazy("Conflicts"),
    "settings": gettext_lazy("Settings and tokens"),
    "checks": gettext_lazy("Checks"),
}
"""Of `activity.KINDS`."""

_PEOPLE: dict[str, Promise] = {
    "user.created": gettext_lazy("%(person)s was created"),
    "user.changed": gettext_lazy("%(person)s was updated"),
    "user.adopted": gettext_lazy("%(person)s, who had been invited, is managed by SCIM"),
    "user.revived": gettext_lazy("%(person)s, whom SCIM had deleted, came back"),
    "user.deleted": gettext_lazy("%(person)s was deleted"),
    "user.activated": gettext_lazy("%(person)s was activated"),
    "user.deactivated": gettext_lazy("%(person)s was deactivated"),
    "user.signed_out": gettext_lazy("Every session of %(person)s was ended"),
    "user.placed": gettext_lazy("%(person)s was placed in %(name)s by hand"),
    "user.taken_out": gettext_lazy("%(person)s was taken out of %(name)s by hand"),
    "user.put_back": gettext_lazy("%(person)s may be placed in %(name)s again"),
}
_NAMED: dict[str, Promise] = {
    "group.created": gettext_lazy("The group %(name)s was pushed"),
    "group.restored": gettext_lazy("The group %(name)s was pushed again"),
    "group.deleted": gettext_lazy("The group %(name)s was deleted"),
    "entity.created": gettext_lazy("%(kind)s %(name)s was created"),
    "entity.renamed": gettext_lazy("%(kind)s %(was)s was renamed to %(name)s"),
    "entity.deleted": gettext_lazy("%(kind)s %(name)s was deleted"),
    "token.issued": gettext_lazy("The SCIM token “%(name)s” was created"),
    "token.revoked": gettext_lazy("The SCIM token “%(name)s” was revoked"),
    "org.domain_asked": gettext_lazy("The domain %(name)s is to be verified by a DNS record"),
    "org.domain_dropped": gettext_lazy("The domain %(name)s is no longer to be verified"),
    "org.founded": gettext_lazy("The organization %(name)s was created"),
}


def change(told: Change, known: Names) -> str:
    """What was done."""
    detail = told.detail
    if told.verb in _PEOPLE:
        return _PEOPLE[told.verb] % {"person": known.person(detail["user"]), "name": detail.get("name", "")}
    if told.verb in _NAMED:
        kind = _kind(detail["kind"]) if "kind" in detail else ""
        words = _NAMED[told.verb] % {"kind": kind, "name": detail["name"], "was": detail.get("was", "")}
        return _and(words, _members(detail)) if told.verb.startswith("group.") else words
    more = _OTHERS.get(told.verb)
    return more(detail, known) if more else told.verb


def also(told: Change) -> list[str]:
    """What else the change did, to mappings and entities."""
    lines = [_mapping(mapping) for mapping in told.detail.get("mappings", ())]
    return lines + [_renamed(entity) for entity in told.detail.get("entities", ())]


def by(told: Change) -> str:
    """Who asked for it."""
    if told.by_token:
        return told.by_token.name
    if told.by_person:
        return _("Support") if told.by_person.is_staff else told.by_person.label
    return str(told.get_door_display())


def _group_changed(detail: Mapping[str, Any], known: Names) -> str:
    if "was" in detail:
        words = _("The group %(was)s was renamed to %(name)s") % detail
    else:
        words = _("The group %(name)s was updated") % detail
    return _and(words, _members(detail))


def _members(detail: Mapping[str, Any]) -> str:
    added, removed = detail.get("added", 0), detail.get("removed", 0)
    parts = []
    if added:
        parts.append(ngettext("%(count)s member added", "%(count)s members added", added) % {"count": f"{added:,}"})
    if removed:
        words = ngettext("%(count)s member removed", "%(count)s members removed", removed)
        parts.append(words % {"count": f"{removed:,}"})
    return ", ".join(parts)


def _about_mappings(one: Promise, many: Promise) -> Callable[[Mapping[str, Any], Names], str]:
    def tell(detail: Mapping[str, Any], known: Names) -> str:
        mappings = detail.get("mappings", [])
        if len(mappings) != 1:
            return many % {"count": len(mappings)}
        return one % {"mapping": _tie(mappings[0])}

    return tell


def _retargeted(detail: Mapping[str, Any], known: Names) -> str:
    now = next((each for each in detail.get("mappings", ()) if each["now"] != Status.REJECTED), None)
    if now is None:
        return _("A mapping was given another target")
    return _("%(group)s was mapped to %(entity)s instead") % {"group": now["group_name"], "entity": now["entity_name"]}


def _about_rule(words: Promise) -> Callable[[Mapping[str, Any], Names], str]:
    return lambda detail, known: words % {"rule": _rule(detail["rule"])}


def _rules_applied(detail: Mapping[str, Any], known: Names) -> str:
    return _("Rules were applied to unmapped groups: %(approved)s mapped, %(pending)s waiting for approval") % {
        "approved": f"{detail.get('approved', 0):,}",
        "pending": f"{detail.get('pending', 0):,}",
    }


def _roles_set(detail: Mapping[str, Any], known: Names) -> str:
    person = known.person(detail["user"])
    if detail["now"]:
        return _("%(person)s was given a role by hand: %(roles)s") % {
            "person": person,
            "roles": ", ".join(detail["now"]),
        }
    return _("The role that %(person)s had by hand was taken away") % {"person": person}


def _limited(detail: Mapping[str, Any], known: Names) -> str:
    if detail["now"] is None:
        return _("%(name)s may have any number of parallel sessions") % detail
    return _("%(name)s may have %(now)s parallel sessions") % detail


def _decided(detail: Mapping[str, Any], known: Names) -> str:
    use = _("use incoming") if detail.get("use") == "incoming" else _("keep current")
    if "user" in detail:
        return _("A conflict of %(person)s was resolved: %(use)s") % {
            "person": known.person(detail["user"]),
            "use": use,
        }
    return _("%(count)s conflicts were resolved: %(use)s") % {"count": detail.get("conflicts", 0), "use": use}


def _undone(detail: Mapping[str, Any], known: Names) -> str:
    if "user" in detail:
        return _("A decision about %(person)s was undone") % {"person": known.person(detail["user"])}
    return _("%(count)s decisions were undone") % {"count": detail.get("decisions", 0)}


def _org_changed(detail: Mapping[str, Any], known: Names) -> str:
    fields = "; ".join(
        f"{_column(name)}: {_value(told['was'])} → {_value(told['now'])}" for name, told in detail["fields"].items()
    )
    return _("Support changed the organization: %(fields)s") % {"fields": fields}


def _switched(detail: Mapping[str, Any], known: Names) -> str:
    return _("Group provisioning was switched on") if detail["on"] else _("Group provisioning was switched off")


def _drift(detail: Mapping[str, Any], known: Names) -> str:
    words = ngettext(
        "A check found %(count)s person whose roles or places were not what they should be; they are set right",
        "A check found %(count)s people whose roles or places were not what they should be; they are set right",
        detail["people"],
    )
    return words % {"count": f"{detail['people']:,}"}


_OTHERS: dict[str, Callable[[Mapping[str, Any], Names], str]] = {
    "group.changed": _group_changed,
    "user.roles_set": _roles_set,
    "mapping.approved": _about_mappings(
        gettext_lazy("Mapping %(mapping)s was approved"), gettext_lazy("%(count)s mappings were approved")
    ),
    "mapping.rejected": _about_mappings(
        gettext_lazy("Mapping %(mapping)s was rejected"), gettext_lazy("%(count)s mappings were rejected")
    ),
    "mapping.retargeted": _retargeted,
    "rule.added": _about_rule(gettext_lazy("A mapping rule was added: %(rule)s")),
    "rule.changed": _about_rule(gettext_lazy("A mapping rule was changed: %(rule)s")),
    "rule.deleted": _about_rule(gettext_lazy("A mapping rule was deleted: %(rule)s")),
    "rules.started": lambda detail, known: _("The first mapping rules came with the organization"),
    "rules.reordered": lambda detail, known: _("The mapping rules were put in another order"),
    "rules.applied": _rules_applied,
    "entity.limited": _limited,
    "conflict.decided": _decided,
    "conflict.undone": _undone,
    "org.changed": _org_changed,
    "org.group_provisioning_switched": _switched,
    "org.domains_changed": lambda detail, known: (
        _("The verified domains are now: %(names)s") % {"names": ", ".join(detail["now"]) or _("none")}
    ),
    "profile.changed": lambda detail, known: _("Support changed the roles of the schema profile"),
    "engine.drift_found": _drift,
    "engine.rebuilt": lambda detail, known: _("All roles and places were made anew from what is known"),
}


def _kind(kind: str) -> str:
    return str(EntityKind(kind).label) if kind in EntityKind.values else kind


def _tie(mapping: Mapping[str, Any]) -> str:
    """A mapping of a change's detail: `Engineering → Platform`, or the kind where there is no entity yet."""
    return f"{mapping['group_name']} → {mapping['entity_name'] or _kind(mapping['kind']).lower()}"


def _mapping(mapping: Mapping[str, Any]) -> str:
    now = Status(mapping["now"]).label
    status = f"{Status(mapping['was']).label} → {now}" if mapping["was"] not in (None, mapping["now"]) else str(now)
    tie = f"{_tie(mapping)} ({_kind(mapping['kind']).lower()})" if mapping["entity_name"] else _tie(mapping)
    words = _("Mapping %(mapping)s: %(status)s") % {"mapping": tie, "status": status}
    # A rule makes mappings; what becomes of them later is somebody else's doing.
    rule = mapping.get("rule") if mapping["was"] is None else None
    return _("%(words)s, by the rule %(rule)s") % {"words": words, "rule": _pattern(rule)} if rule else words


def _renamed(entity: Mapping[str, Any]) -> str:
    about = {"kind": _kind(entity["kind"]), "was": entity["was"], "now": entity.get("now", "")}
    if entity.get("kept"):
        return _("%(kind)s %(was)s keeps its name: the new one is taken or cannot be used") % about
    return _("%(kind)s %(was)s was renamed to %(now)s") % about


def _rule(rule: Mapping[str, Any]) -> str:
    words = f"{_pattern(rule)} → {_kind(rule['kind']).lower()}"
    return _("%(rule)s, auto-approve") % {"rule": words} if rule.get("auto_approve") else words


def _pattern(rule: Mapping[str, Any]) -> str:
    label = PatternType(rule["pattern_type"]).label
    return f"{label} “{rule['pattern']}”" if rule.get("pattern") else str(label)


def _column(name: str) -> str:
    return capfirst(str(Organization._meta.get_field(name).verbose_name))  # type: ignore[union-attr]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return _("on") if value else _("off")
    return str(value)


def _and(words: str, more: str) -> str:
    return f"{words}: {more}" if more else words


# --- Effects ----------------------------------------------------------------------------------------------------------

_ACCOUNTS: dict[str, Promise] = {
    "active": gettext_lazy("%(person)s is active"),
    "inactive": gettext_lazy("%(person)s is deactivated"),
    "invited": gettext_lazy("%(person)s is invited"),
    "deleted": gettext_lazy("%(person)s is deleted"),
}


def effect(entry: LedgerEntry, known: Names) -> str:
    """What came of a change for one person."""
    person, was, now = known.person(entry.user_id), entry.was, entry.now
    about: dict[str, Any] = {"person": person, "was": was, "now": now, "slot": entry.slot}
    match entry.slot:
        case "account" if now in _ACCOUNTS:
            return _ACCOUNTS[now] % about
        case "roles":
            about |= {"was": ", ".join(was or ()), "now": ", ".join(now or ())}
            return (_("Role of %(person)s: %(was)s → %(now)s") if was else _("Role of %(person)s: %(now)s")) % about
        case "team" | "concurrency_group" | "sub_organization" as kind:
            return _place(kind, was, now, known, about)
        case "conflict":
            return _conflict(was, now, known, about)
        case "refused":
            return _("Of %(person)s, %(was)s was refused: %(now)s") % about
        case "skipped":
            return _("%(person)s was not added to %(group)s: SCIM has deleted them") % (
                about | {"group": known.group(now)}
            )
        case "last_admin" if now == "kept":
            return _("%(person)s keeps the admin role: there is no other active admin") % about
        case "last_admin":
            return _("%(person)s was the last active admin") % about
    return f"{person}: {entry.slot} {_value(was)} → {_value(now)}"


def _place(kind: str, was: Any, now: Any, known: Names, about: dict[str, Any]) -> str:
    about = about | {
        "kind": _kind(kind).lower(),
        "was": known.entity(was) if was else "",
        "now": known.entity(now) if now else "",
    }
    if was and now:
        return _("%(person)s moved from the %(kind)s %(was)s to %(now)s") % about
    return (_("%(person)s joined the %(kind)s %(now)s") if now else _("%(person)s left the %(kind)s %(was)s")) % about


def _conflict(was: Any, now: Any, known: Names, about: dict[str, Any]) -> str:
    told = now or was
    about = about | {
        "incoming": known.mapping(told["incoming"]),
        "holders": ", ".join(known.mapping(holder) for holder in told["holders"]),
    }
    if now and not was:
        return _("Conflict of %(person)s opened: %(incoming)s against %(holders)s") % about
    if was and not now:
        return _("Conflict of %(person)s closed: %(incoming)s against %(holders)s") % about
    return _("Conflict of %(person)s: %(incoming)s is now against %(holders)s") % about
