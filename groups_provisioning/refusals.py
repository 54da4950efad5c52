"""What is refused, in words: to an org's admin, and to support."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from groups_provisioning.actions.rules import UnknownRule
from groups_provisioning.models import PushedGroup
from groups_provisioning.rules import assignments
from orgs import entity_names
from orgs.models import EntityKind


@dataclass(frozen=True, slots=True)
class Words:
    """Why something is refused. admin: a sentence. support: what follows a group's name and a colon."""

    admin: str | Promise
    support: str | Promise


WORDS: Mapping[type[Exception], Words] = {
    assignments.EntityOwned: Words(
        _("The group “%(group)s” is mapped to it already. It can have one group only."),
        _("another group owns the target: %(group)s"),
    ),
    assignments.Excluded: Words(
        _("A sub-organization excludes every other mapping of the same group. Reject the other one first."),
        _("a sub-organization excludes other mappings of the same group"),
    ),
    assignments.SecondOfItsKind: Words(
        _("This group has a mapping of this kind, and can have one only. Give that one a new target."),
        _("the group has another mapping of this kind"),
    ),
    assignments.NotPending: Words(
        _("Somebody has approved it meanwhile, for another target."),
        _("it is approved for another target"),
    ),
    assignments.AlreadyRejected: Words(
        _("Somebody has rejected it meanwhile. Map the group anew."),
        _("it is rejected; the organization's admin can map the group anew"),
    ),
    assignments.UnknownMapping: Words(
        _("It is gone: the group was deleted meanwhile."),
        _("the mapping is gone"),
    ),
    assignments.UnknownGroup: Words(
        _("It is gone: the group was deleted meanwhile."),
        _("the group was deleted"),
    ),
    UnknownRule: Words(
        _("Somebody has deleted this rule meanwhile."),
        _("the rule was deleted"),
    ),
    entity_names.KindOff: Words(
        _("This kind is switched off for your organization. Ask support to switch it on."),
        _("this kind is switched off for the organization"),
    ),
    entity_names.UnknownEntity: Words(
        _("It was deleted meanwhile. Choose another one."),
        _("its target was deleted"),
    ),
    entity_names.NameTaken: Words(
        _("Somebody has created one of this name meanwhile. Try again to use it."),
        _("the name of its target is taken"),
    ),
    entity_names.ReservedName: Words(
        _("The default concurrency group cannot be mapped: it is where everybody is who is in no other."),
        _("the default concurrency group cannot be mapped"),
    ),
    entity_names.UnusableName: Words(
        _("A name has 1 to %(longest)d characters."),
        _("nothing can have the group's name"),
    ),
}

NAMED = 10
"""Groups that one message names."""

REFUSALS = tuple(WORDS)
"""What pages catch, to say why."""

# For what is caught and has no words yet: a dull answer is better than none.
OTHER = Words(_("It cannot be done as things are now, and nothing was changed. Reload the page."), _("it is refused"))

_TAKEN = {
    EntityKind.TEAM: _("Another team has this name."),
    EntityKind.CONCURRENCY_GROUP: _("Another concurrency group has this name."),
    EntityKind.SUB_ORGANIZATION: _("Another sub-organization has this name."),
}


def in_words(refusal: Exception) -> str:
    """A sentence to an org's admin."""
    return _filled(WORDS.get(type(refusal), OTHER).admin, refusal)


def for_support(refusal: Exception) -> str:
    """The same in an admin site's list: what follows a group's name and a colon."""
    return _filled(WORDS.get(type(refusal), OTHER).support, refusal)


def of_a_name(refusal: Exception, kind: str) -> str:
    """Why an entity of this kind cannot have the name that an admin gives it: one of entity_names.BAD_NAMES."""
    match refusal:
        case entity_names.NameTaken():
            return str(_TAKEN[EntityKind(kind)])
        case entity_names.ReservedName():
            return str(_("That is what the default concurrency group is called."))
    return in_words(refusal)


def told(refused: Sequence[tuple[PushedGroup, str]]) -> str:
    """One message about mappings that stay as they are: the groups, and why."""
    count, more = len(refused), len(refused[NAMED:])
    words = [_("“%(group)s”: %(why)s") % {"group": group, "why": why} for group, why in refused[:NAMED]]
    if more:
        words.append(_("%(count)d more.") % {"count": more})
    text = ngettext("%(count)d was refused: %(groups)s", "%(count)d were refused: %(groups)s", count)
    return text % {"count": count, "groups": " ".join(words)}


def _filled(words: str | Promise, refusal: Exception) -> str:
    about = refusal.args[0] if refusal.args else ""
    return str(words) % {"group": about, "longest": entity_names.LONGEST}
