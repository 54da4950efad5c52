"""Why something is refused, in words for an org's admin and for support."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from groups_provisioning.actions import account_switches, group_ends
from groups_provisioning.actions.erasing import StillActive
from groups_provisioning.actions.held_changes import NothingHeld
from groups_provisioning.actions.rules import OrderChanged, UnknownRule
from groups_provisioning.actions.undo import NothingToTakeBack
from groups_provisioning.actions.user_intake import Stale
from groups_provisioning.engine.holds import Held
from groups_provisioning.engine.taking_back import HistoryTooShort, NotTaken
from groups_provisioning.models import PushedGroup
from groups_provisioning.rules import assignments, patterns
from orgs import entity_names, organizations, proposals
from orgs.catalogue import UnknownRole
from orgs.models import EntityKind
from orgs.people import UnknownPerson
from orgs.templatetags.muster import exactly
from orgs.web.second_admin import TOO_MANY


@dataclass(frozen=True, slots=True)
class Words:
    """Why something is refused. admin: a sentence. support: what follows a group's name and a colon."""

    admin: str | Promise
    support: str | Promise


WORDS: Mapping[type[Exception], Words] = {
    assignments.EntityOwned: Words(
        _("The group “%(group)s” is already mapped to this target. Choose another: a target has only one group."),
        _("another group is mapped to the target: %(group)s"),
    ),
    assignments.Excluded: Words(
        _("A group that is mapped to a sub-organization cannot have other mappings. Reject the other mapping first."),
        _("a group that is mapped to a sub-organization cannot have other mappings"),
    ),
    assignments.SecondOfItsKind: Words(
        _("This group already has a mapping of this kind, and can have only one. Re-target that mapping instead."),
        _("the group has another mapping of this kind"),
    ),
    assignments.RoleGiven: Words(
        _("This group already has a mapping to the role %(group)s. Choose another role, or approve that mapping."),
        _("the group already has a mapping to the role %(group)s"),
    ),
    assignments.AlreadyMapped: Words(
        _("This group already has a mapping. Add another on the group's page."),
        _("the group already has a mapping"),
    ),
    assignments.NotCreated: Words(
        _("There is no sub-organization “%(group)s”. Create it first: sub-organizations are not created in bulk."),
        _("there is no sub-organization with its name"),
    ),
    UnknownRole: Words(
        _("This role no longer exists. Choose another."),
        _("its role no longer exists"),
    ),
    assignments.NotPending: Words(
        _("Somebody else has already approved this mapping, with another target."),
        _("it is already approved for another target"),
    ),
    assignments.AlreadyRejected: Words(
        _("Somebody else has already rejected this mapping. Map the group again if you need it."),
        _("it is rejected; the organization's admin can map the group again"),
    ),
    assignments.UnknownMapping: Words(
        _("This mapping no longer exists, because the group was deleted."),
        _("the mapping no longer exists"),
    ),
    assignments.UnknownGroup: Words(
        _("This group was deleted."),
        _("the group was deleted"),
    ),
    group_ends.NotEnded: Words(
        _("This group is back already."),
        _("the group is back already"),
    ),
    group_ends.NameInUse: Words(
        _("Another group is called “%(group)s” now, so the end of this one cannot be undone."),
        _("another group has its name now: %(group)s"),
    ),
    Stale: Words(
        _("Not done: the group has changed since you saw it. Compare its members again."),
        _("the group has changed meanwhile"),
    ),
    OrderChanged: Words(
        _("Not saved: somebody else has changed these rules since you saw them. This is their present order."),
        _("the rules have changed meanwhile"),
    ),
    UnknownRule: Words(
        _("Somebody else has deleted this rule."),
        _("the rule was deleted"),
    ),
    UnknownPerson: Words(
        _("This person was deleted."),
        _("the person was deleted"),
    ),
    StillActive: Words(
        _("This person is active. Only somebody who is deactivated or deleted can be erased."),
        _("the person is active"),
    ),
    account_switches.OwnerStays: Words(
        _("The owner's account cannot be deactivated. Ask support to hand it over to somebody else."),
        _("it is the owner's account"),
    ),
    account_switches.OneselfStays: Words(
        _("You cannot deactivate your own account. Ask another admin."),
        _("it is the admin's own account"),
    ),
    account_switches.IdpDeactivated: Words(
        _(
            "Your identity provider deactivated them, and one of its tokens was used in the last 24 hours. Activate "
            "them in your identity provider."
        ),
        _("the identity provider deactivated them, and still calls"),
    ),
    entity_names.KindOff: Words(
        _("This kind is switched off for your organization. Ask support to switch it on."),
        _("this kind is switched off for the organization"),
    ),
    Held: Words(
        _("Nothing was changed: what your identity provider last did to this person is held. Decide about that first."),
        _("changes to this person are held"),
    ),
    NothingHeld: Words(
        _("These changes are no longer held: somebody let them through, or they were undone in the identity provider."),
        _("nothing is held any more"),
    ),
    proposals.TooManyProposals: Words(
        TOO_MANY,
        _("too many decisions are waiting for a second admin"),
    ),
    organizations.TooFewAdmins: Words(
        _("Your organization has only one admin. Make somebody else an admin first."),
        _("the organization has only one admin"),
    ),
    NotTaken: Words(
        _("There is nothing here that can be taken back."),
        _("there is nothing that can be taken back"),
    ),
    NothingToTakeBack: Words(
        _("Nothing is left to take back: it was taken back already, or all of it has been changed since."),
        _("nothing is left to take back"),
    ),
    HistoryTooShort: Words(
        _("History goes back to %(group)s. What was done before that cannot be taken back."),
        _("history goes back to %(group)s only"),
    ),
    entity_names.UnknownEntity: Words(
        _("This team, concurrency group or sub-organization was deleted."),
        _("its target was deleted"),
    ),
    entity_names.NameTaken: Words(
        _("Somebody else has just created a target with this name. Try again to use it."),
        _("the name of its target is taken"),
    ),
    entity_names.ReservedName: Words(
        _("The default concurrency group cannot be mapped: it is for people without another one. Enter another name."),
        _("the default concurrency group cannot be mapped"),
    ),
    entity_names.UnusableName: Words(
        _("Enter a name of 1 to %(longest)d characters."),
        _("the group's name cannot be used for a target"),
    ),
}

NAMED = 10
"""Groups that one message names."""

REFUSALS = tuple(WORDS)
"""The exceptions that pages catch and explain."""

GONE = (assignments.UnknownGroup, assignments.UnknownMapping, UnknownRule, UnknownPerson)
"""Those that say that what a page is about was deleted."""

# For exceptions without words of their own: a general answer is better than none.
OTHER = Words(
    _("This is not possible at the moment. Nothing was changed. Reload the page and try again."), _("it is refused")
)

_TAKEN = {
    EntityKind.TEAM: _("Another team has this name. Enter another name."),
    EntityKind.CONCURRENCY_GROUP: _("Another concurrency group has this name. Enter another name."),
    EntityKind.SUB_ORGANIZATION: _("Another sub-organization has this name. Enter another name."),
}


def in_words(refusal: Exception) -> str:
    """A sentence to an org's admin."""
    return _filled(WORDS.get(type(refusal), OTHER).admin, refusal)


def for_support(refusal: Exception) -> str:
    """The same for a list on the admin site: it follows a group's name and a colon."""
    return _filled(WORDS.get(type(refusal), OTHER).support, refusal)


def of_a_name(refusal: Exception, kind: str) -> str:
    """Why an entity of this kind cannot have the name that an admin gives it: one of entity_names.BAD_NAMES."""
    match refusal:
        case entity_names.NameTaken():
            return str(_TAKEN[EntityKind(kind)])
        case entity_names.ReservedName():
            return str(_("This name is reserved for the default concurrency group. Enter another name."))
    return in_words(refusal)


def told(refused: Sequence[tuple[PushedGroup, str]]) -> str:
    """One message about mappings that were refused: the groups, and why."""
    count, more = len(refused), len(refused[NAMED:])
    words = [_("“%(group)s”: %(why)s") % {"group": group, "why": why} for group, why in refused[:NAMED]]
    if more:
        words.append(_("And %(count)d more.") % {"count": more})
    text = ngettext("%(count)d was refused: %(groups)s", "%(count)d were refused: %(groups)s", count)
    return text % {"count": count, "groups": " ".join(words)}


def _filled(words: str | Promise, refusal: Exception) -> str:
    about = refusal.args[0] if refusal.args else ""
    if isinstance(about, datetime):
        about = exactly(about)
    return str(words) % {"group": about, "longest": entity_names.LONGEST}


def bad_pattern(pattern: str, bad: patterns.BadPattern) -> str:
    """What is wrong with a pattern, and where."""
    if not pattern:
        return str(_("Enter a pattern."))
    if bad.position is None:
        return str(_("This is not a valid RE2 regular expression: %(why)s.") % {"why": bad.message})
    return str(
        _("This is not a valid RE2 regular expression. At character %(place)d: %(why)s.")
        % {"place": bad.position + 1, "why": bad.message}
    )
