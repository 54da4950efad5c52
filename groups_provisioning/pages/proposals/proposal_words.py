"""What a proposal asks for, in words."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from groups_provisioning.choices import TARGET_KINDS
from groups_provisioning.models import ROLE, Breach, GroupMapping, MappingRule, PushedGroup
from groups_provisioning.pages.rules.rule_list import pattern_in_words
from groups_provisioning.preview.plans import Wish, arguments
from orgs.choices import HoldLimits
from orgs.db.keys import as_uuid
from orgs.db.tenancy import TenantQuerySet
from orgs.models import Change, Entity, Invitation, Organization, ScimToken, User

NAMED = 3  # of several


def told(org: Organization, wishes: Sequence[Wish]) -> list[str]:
    """A sentence for each, which says what will be done. As many queries for many as for one."""
    known = _Known(org, wishes)
    return [_WORDS[wish["do"]](known, **arguments(wish)) for wish in wishes]


def follows(org: Organization, wish: Wish) -> str:
    """What comes of it, where that is not in its preview; empty if all is."""
    match wish["do"]:
        case "keep_rule" if not wish.get("apply"):
            return _("Saving the rule changes nothing yet. This is what follows once it is applied and approved.")
        case "delete_rule" | "move_rule" | "order_rules":
            return _("A rule for the admin role will match groups that another rule has kept from it.")
        case "set_roles":
            found = User.objects.for_org(org).filter(id=wish["user"]).first()
            was = ", ".join(found.manual_roles or ()) if found else ""
            return _(
                "Role by hand now: %(role)s. A role by hand applies as long as the identity provider gives this person "
                "none."
            ) % {"role": was or _("none")}
        case "invite" | "resend":
            return _(
                "Whoever opens the link in the mail can administer the whole organization. Check each address letter "
                "by letter."
            )
        case "hand_over":
            return _(
                "Whoever reads the mail of %(address)s owns the organization. The account’s password, its sessions, "
                "its invitations and the API keys that it made end."
            ) % {"address": wish["address"]}
        case "hold_limits":
            words = _("From then on changes are held if they exceed these limits. Limits now: %(limits)s.")
            return words % {"limits": HoldLimits(org.hold_limits).label}
        case "two_persons" if wish["on"]:
            return _("From then on, nobody becomes an admin through an admin here until a second one has approved it.")
        case "two_persons":
            return _("From then on, every admin can make others admins alone.")
    return ""


# --- Names ------------------------------------------------------------------------------------------------------------


class _Known:
    """The rows that wishes name, by their ids; each table is read once, if at all."""

    def __init__(self, org: Organization, wishes: Sequence[Wish]) -> None:
        self.org = org
        self._ids = {id_ for wish in wishes for id_ in _ids(wish)}

    def _read(self, rows: TenantQuerySet[Any]) -> dict[str, Any]:
        return {str(row.pk): row for row in rows.for_org(self.org).filter(pk__in=self._ids)}

    @cached_property
    def groups(self) -> dict[str, PushedGroup]:
        return self._read(PushedGroup.objects.only("display_name"))

    @cached_property
    def mappings(self) -> dict[str, GroupMapping]:
        return self._read(GroupMapping.objects.select_related("group", "entity"))

    @cached_property
    def entities(self) -> dict[str, Entity]:
        return self._read(Entity.objects.all())

    @cached_property
    def rules(self) -> dict[str, MappingRule]:
        return self._read(MappingRule.objects.all())

    @cached_property
    def people(self) -> dict[str, User]:
        return self._read(User.objects.defer("attributes", "folded"))

    @cached_property
    def invitations(self) -> dict[str, Invitation]:
        return self._read(Invitation.objects.all())

    @cached_property
    def breaches(self) -> dict[str, Breach]:
        return self._read(Breach.objects.select_related("token"))

    @cached_property
    def tokens(self) -> dict[str, ScimToken]:
        return self._read(ScimToken.objects.all())

    @cached_property
    def changes(self) -> dict[str, Change]:
        return self._read(Change.objects.only("id"))


def _ids(value: Any) -> Iterator[UUID]:
    """All ids in a wish, which is JSON."""
    if isinstance(value, str):
        if id_ := as_uuid(value):
            yield id_
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _ids(each)
    elif isinstance(value, Sequence):
        for each in value:
            yield from _ids(each)


def _quoted(names: Iterable[str]) -> str:
    names = sorted(names)
    text = ", ".join(_("“%s”") % name for name in names[:NAMED]) or "–"
    more = len(names[NAMED:])
    return _("%(names)s and %(count)d more") % {"names": text, "count": more} if more else text


def _groups(known: _Known, ids: Sequence[str]) -> str:
    return _quoted(known.groups[id_].display_name for id_ in ids if id_ in known.groups)


def _of_mappings(known: _Known, ids: Sequence[str]) -> str:
    return _quoted(known.mappings[id_].group.display_name for id_ in ids if id_ in known.mappings)


def _target(known: _Known, entity: str, name: str) -> str:
    return known.entities[entity].name if entity in known.entities else name


def _rule(known: _Known, rule: str) -> str:
    return pattern_in_words(known.rules[rule]) if rule in known.rules else "–"


def _person(known: _Known, user: str) -> str:
    """With the userName, since people choose what else they are called."""
    found = known.people.get(user)
    if found is None:
        return "–"
    return found.label if found.label == found.user_name else f"{found.label} ({found.user_name})"


# --- Groups -----------------------------------------------------------------------------------------------------------


def _map(known: _Known, group: str, kind: str, entity: str = "", name: str = "") -> str:
    words = {"group": _groups(known, [group]), "target": _target(known, entity, name)}
    if kind == ROLE:
        return _("Give the members of %(group)s the role %(target)s") % words
    return _("Map %(group)s to the %(kind)s “%(target)s”") % {**words, "kind": dict(TARGET_KINDS)[kind].lower()}


def _map_many(known: _Known, ids: Sequence[str], kind: str, role: str = "") -> str:
    words = {"groups": _groups(known, ids), "role": role}
    if role:
        return _("Give the members of %(groups)s the role %(role)s") % words
    return _("Map %(groups)s to targets of their names") % words


def _approve(known: _Known, ids: Sequence[str], entity: str = "", name: str = "", many: bool = False) -> str:
    rows = [known.mappings[id_] for id_ in ids if id_ in known.mappings]
    target = _target(known, entity, name) or ", ".join(sorted({str(row.target) for row in rows if row.target}))
    words = {"groups": _quoted(row.group.display_name for row in rows), "target": target}
    if target:
        return _("Approve the mapping of %(groups)s to %(target)s") % words
    return _("Approve the mapping of %(groups)s") % words


def _retarget(known: _Known, mapping: str, entity: str = "", name: str = "") -> str:
    words = {"group": _of_mappings(known, [mapping]), "target": _target(known, entity, name)}
    return _("Map %(group)s to %(target)s instead") % words


def _reject(known: _Known, ids: Sequence[str]) -> str:
    return _("Reject the mapping of %(groups)s") % {"groups": _of_mappings(known, ids)}


def _end(known: _Known, ids: Sequence[str]) -> str:
    return _("End %(groups)s") % {"groups": _groups(known, ids)}


def _undo_end(known: _Known, group: str) -> str:
    return _("Undo the end of %(group)s") % {"group": _groups(known, [group])}


# --- Rules ------------------------------------------------------------------------------------------------------------


def _apply(known: _Known, rule: str = "", roles: bool = False) -> str:
    if rule:
        return _("Apply the rule %(rule)s to existing groups") % {"rule": _rule(known, rule)}
    return _("Apply the role rules to existing groups") if roles else _("Apply the mapping rules to unmapped groups")


def _keep_rule(known: _Known, rule: str, facts: Mapping[str, Any], apply: bool = False) -> str:
    new = MappingRule(org=known.org, **facts)
    words = {"rule": pattern_in_words(new), "gives": new.role or new.get_kind_display(), "was": _rule(known, rule)}
    if rule:
        text = _("Change the rule %(was)s to: %(rule)s gives %(gives)s") % words
    else:
        text = _("Add the rule: %(rule)s gives %(gives)s") % words
    if new.auto_approve:
        text = _("%(text)s, approved automatically") % {"text": text}
    return _("%(text)s; and apply it") % {"text": text} if apply else text


def _delete_rule(known: _Known, rule: str) -> str:
    return _("Delete the rule %(rule)s") % {"rule": _rule(known, rule)}


def _move_rule(known: _Known, rule: str, position: int) -> str:
    return _("Move the rule %(rule)s to position %(position)d") % {"rule": _rule(known, rule), "position": position}


def _order_rules(known: _Known, was: Sequence[str], order: Sequence[str]) -> str:
    named = ", ".join(_rule(known, id_) for id_ in order if id_ in known.rules)
    return _("Put the role rules into this order: %(rules)s") % {"rules": named}


# --- People -----------------------------------------------------------------------------------------------------------


def _switch_person(known: _Known, user: str, active: bool) -> str:
    words = {"name": _person(known, user)}
    return _("Activate %(name)s") % words if active else _("Deactivate %(name)s") % words


def _set_roles(known: _Known, user: str, roles: Sequence[str] | None) -> str:
    return _("Give %(name)s the role %(roles)s by hand") % {
        "name": _person(known, user),
        "roles": ", ".join(roles or ()),
    }


def _invite(known: _Known, addresses: Sequence[str], roles: Sequence[str], days: int) -> str:
    return _("Invite %(addresses)s with the role %(roles)s") % {
        "addresses": ", ".join(addresses),
        "roles": ", ".join(roles),
    }


def _resend(known: _Known, invitation: str) -> str:
    found = known.invitations.get(invitation)
    words = {"address": found.address if found else "–", "roles": ", ".join(found.roles) if found else "–"}
    return _("Send the invitation of %(address)s with the role %(roles)s again") % words


def _hand_over(known: _Known, address: str) -> str:
    return _("Hand over the owner account to %(address)s") % {"address": address}


# --- What identity providers did --------------------------------------------------------------------------------------


def _let_through(known: _Known, breach: str, users: Sequence[str] | None = None) -> str:
    found = known.breaches.get(breach)
    words = {"token": found.token.name if found else "–"}
    if users is None:
        return _("Let through what is held because of the token “%(token)s”") % words
    text = ngettext(
        "Let through what is held for %(count)d person because of the token “%(token)s”",
        "Let through what is held for %(count)d people because of the token “%(token)s”",
        len(users),
    )
    return text % {**words, "count": len(users)}


def _take_back(known: _Known, token: str | None = None, change: str | None = None, **_span: Any) -> str:
    if token:
        found = known.tokens.get(token)
        return _("Take back what the token “%(token)s” did") % {"token": found.name if found else "–"}
    return _("Take back a change") if change in known.changes else _("Take back a change that history no longer has")


# --- Settings ---------------------------------------------------------------------------------------------------------


def _hold_limits(known: _Known, limits: str) -> str:
    return _("Change the limits for held changes to “%(limits)s”") % {"limits": HoldLimits(limits).label}


def _two_persons(known: _Known, on: bool) -> str:
    return _("Switch on two-person approval") if on else _("Switch off two-person approval")


_WORDS: Mapping[str, Callable[..., str]] = {
    "approve": _approve,
    "map": _map,
    "map_many": _map_many,
    "retarget": _retarget,
    "reject": _reject,
    "end": _end,
    "undo_end": _undo_end,
    "apply": _apply,
    "keep_rule": _keep_rule,
    "delete_rule": _delete_rule,
    "move_rule": _move_rule,
    "order_rules": _order_rules,
    "switch_person": _switch_person,
    "set_roles": _set_roles,
    "invite": _invite,
    "resend": _resend,
    "hand_over": _hand_over,
    "let_through": _let_through,
    "take_back": _take_back,
    "hold_limits": _hold_limits,
    "two_persons": _two_persons,
}
