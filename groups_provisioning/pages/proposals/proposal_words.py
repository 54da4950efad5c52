"""What a proposal asks for, in words."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from groups_provisioning.choices import TARGET_KINDS
from groups_provisioning.models import ROLE, Breach, GroupMapping, MappingRule, PushedGroup
from groups_provisioning.pages.rules.rule_list import pattern_in_words
from groups_provisioning.preview.plans import Wish
from orgs.choices import HoldLimits
from orgs.models import Change, Entity, Invitation, Organization, ScimToken, User

NAMED = 3  # of several


def told(org: Organization, wish: Wish) -> str:
    """A sentence that says what will be done."""
    arguments = {name: value for name, value in wish.items() if name != "do"}
    return _WORDS[wish["do"]](org, **arguments)


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


# --- Groups -----------------------------------------------------------------------------------------------------------


def _map(org: Organization, group: str, kind: str, entity: str = "", name: str = "") -> str:
    words = {"group": _groups(org, [group]), "target": _target(org, entity, name)}
    if kind == ROLE:
        return _("Give the members of %(group)s the role %(target)s") % words
    return _("Map %(group)s to the %(kind)s “%(target)s”") % {**words, "kind": dict(TARGET_KINDS)[kind].lower()}


def _map_many(org: Organization, ids: Sequence[str], kind: str, role: str = "") -> str:
    words = {"groups": _groups(org, ids), "role": role}
    if role:
        return _("Give the members of %(groups)s the role %(role)s") % words
    return _("Map %(groups)s to targets of their names") % words


def _approve(org: Organization, ids: Sequence[str], entity: str = "", name: str = "", many: bool = False) -> str:
    rows = list(GroupMapping.objects.for_org(org).select_related("group", "entity").filter(id__in=list(ids)))
    target = _target(org, entity, name) or ", ".join(sorted({str(row.target) for row in rows if row.target}))
    words = {"groups": _quoted(row.group.display_name for row in rows), "target": target}
    if target:
        return _("Approve the mapping of %(groups)s to %(target)s") % words
    return _("Approve the mapping of %(groups)s") % words


def _retarget(org: Organization, mapping: str, entity: str = "", name: str = "") -> str:
    words = {"group": _of_mappings(org, [mapping]), "target": _target(org, entity, name)}
    return _("Map %(group)s to %(target)s instead") % words


def _reject(org: Organization, ids: Sequence[str]) -> str:
    return _("Reject the mapping of %(groups)s") % {"groups": _of_mappings(org, ids)}


def _end(org: Organization, ids: Sequence[str]) -> str:
    return _("End %(groups)s") % {"groups": _groups(org, ids)}


def _undo_end(org: Organization, group: str) -> str:
    return _("Undo the end of %(group)s") % {"group": _groups(org, [group])}


# --- Rules ------------------------------------------------------------------------------------------------------------


def _apply(org: Organization, rule: str = "", roles: bool = False) -> str:
    if rule:
        return _("Apply the rule %(rule)s to existing groups") % {"rule": _rule(org, rule)}
    return _("Apply the role rules to existing groups") if roles else _("Apply the mapping rules to unmapped groups")


def _keep_rule(org: Organization, rule: str, facts: Mapping[str, Any], apply: bool = False) -> str:
    new = MappingRule(org=org, **facts)
    words = {"rule": pattern_in_words(new), "gives": new.role or new.get_kind_display(), "was": _rule(org, rule)}
    if rule:
        text = _("Change the rule %(was)s to: %(rule)s gives %(gives)s") % words
    else:
        text = _("Add the rule: %(rule)s gives %(gives)s") % words
    if new.auto_approve:
        text = _("%(text)s, approved automatically") % {"text": text}
    return _("%(text)s; and apply it") % {"text": text} if apply else text


def _delete_rule(org: Organization, rule: str) -> str:
    return _("Delete the rule %(rule)s") % {"rule": _rule(org, rule)}


def _move_rule(org: Organization, rule: str, position: int) -> str:
    return _("Move the rule %(rule)s to position %(position)d") % {"rule": _rule(org, rule), "position": position}


def _order_rules(org: Organization, was: Sequence[str], order: Sequence[str]) -> str:
    rules = {str(each.id): pattern_in_words(each) for each in MappingRule.objects.for_org(org).filter(id__in=order)}
    named = ", ".join(rules[id_] for id_ in order if id_ in rules)
    return _("Put the role rules into this order: %(rules)s") % {"rules": named}


# --- People -----------------------------------------------------------------------------------------------------------


def _switch_person(org: Organization, user: str, active: bool) -> str:
    words = {"name": _person(org, user)}
    return _("Activate %(name)s") % words if active else _("Deactivate %(name)s") % words


def _set_roles(org: Organization, user: str, roles: Sequence[str] | None) -> str:
    return _("Give %(name)s the role %(roles)s by hand") % {
        "name": _person(org, user),
        "roles": ", ".join(roles or ()),
    }


def _invite(org: Organization, addresses: Sequence[str], roles: Sequence[str], days: int) -> str:
    return _("Invite %(addresses)s with the role %(roles)s") % {
        "addresses": ", ".join(addresses),
        "roles": ", ".join(roles),
    }


def _resend(org: Organization, invitation: str) -> str:
    found = Invitation.objects.for_org(org).filter(id=invitation).first()
    words = {"address": found.address if found else "–", "roles": ", ".join(found.roles) if found else "–"}
    return _("Send the invitation of %(address)s with the role %(roles)s again") % words


def _hand_over(org: Organization, address: str) -> str:
    return _("Hand over the owner account to %(address)s") % {"address": address}


# --- What identity providers did --------------------------------------------------------------------------------------


def _let_through(org: Organization, breach: str, users: Sequence[str] | None = None) -> str:
    found = Breach.objects.for_org(org).select_related("token").filter(id=breach).first()
    words = {"token": found.token.name if found else "–"}
    if users is None:
        return _("Let through what is held because of the token “%(token)s”") % words
    text = ngettext(
        "Let through what is held for %(count)d person because of the token “%(token)s”",
        "Let through what is held for %(count)d people because of the token “%(token)s”",
        len(users),
    )
    return text % {**words, "count": len(users)}


def _take_back(org: Organization, token: str | None = None, change: str | None = None, **_span: Any) -> str:
    if token:
        found = ScimToken.objects.for_org(org).filter(id=token).first()
        return _("Take back what the token “%(token)s” did") % {"token": found.name if found else "–"}
    known = change is not None and Change.objects.for_org(org).filter(id=change).exists()
    return _("Take back a change") if known else _("Take back a change that history no longer has")


# --- Settings ---------------------------------------------------------------------------------------------------------


def _hold_limits(org: Organization, limits: str) -> str:
    return _("Change the limits for held changes to “%(limits)s”") % {"limits": HoldLimits(limits).label}


def _two_persons(org: Organization, on: bool) -> str:
    return _("Switch on two-person approval") if on else _("Switch off two-person approval")


# --- Names ------------------------------------------------------------------------------------------------------------


def _quoted(names: Iterable[str]) -> str:
    names = sorted(names)
    text = ", ".join(_("“%s”") % name for name in names[:NAMED]) or "–"
    more = len(names[NAMED:])
    return _("%(names)s and %(count)d more") % {"names": text, "count": more} if more else text


def _groups(org: Organization, ids: Sequence[str]) -> str:
    rows = PushedGroup.objects.for_org(org).filter(id__in=list(ids))
    return _quoted(rows.values_list("display_name", flat=True))


def _of_mappings(org: Organization, ids: Sequence[str]) -> str:
    rows = GroupMapping.objects.for_org(org).filter(id__in=list(ids))
    return _quoted(rows.values_list("group__display_name", flat=True))


def _target(org: Organization, entity: str, name: str) -> str:
    found = Entity.objects.for_org(org).filter(id=entity).first() if entity else None
    return found.name if found else name


def _rule(org: Organization, rule: str) -> str:
    found = MappingRule.objects.for_org(org).filter(id=rule).first() if rule else None
    return pattern_in_words(found) if found else "–"


def _person(org: Organization, user: str) -> str:
    """With the userName, since people choose what else they are called."""
    found = User.objects.for_org(org).filter(id=user).first()
    if found is None:
        return "–"
    return found.label if found.label == found.user_name else f"{found.label} ({found.user_name})"


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
