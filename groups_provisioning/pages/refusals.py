"""What is refused, in an admin's words."""

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from groups_provisioning.actions.rules import UnknownRule
from groups_provisioning.models import PushedGroup
from groups_provisioning.preview import plans
from groups_provisioning.rules import assignments
from orgs import entity_names

REFUSALS = plans.REFUSALS
NAMED = 10
"""Groups that one message names."""


def in_words(refusal: Exception) -> str:
    """One of REFUSALS."""
    match refusal:
        case assignments.EntityOwned():
            return _("The group “%(group)s” is mapped to it already. It can have one group only.") % {
                "group": refusal.args[0]
            }
        case assignments.Excluded():
            return _("A sub-organization excludes every other mapping of the same group. Reject the other one first.")
        case assignments.SecondOfItsKind():
            return _("This group has a mapping of this kind, and can have one only. Give that one a new target.")
        case assignments.NotPending():
            return _("Somebody has approved it meanwhile, for another target.")
        case assignments.AlreadyRejected():
            return _("Somebody has rejected it meanwhile. Map the group anew.")
        case UnknownRule():
            return _("Somebody has deleted this rule meanwhile.")
        case assignments.UnknownMapping() | assignments.UnknownGroup():
            return _("It is gone: the group was deleted meanwhile.")
        case entity_names.KindOff():
            return _("This kind is switched off for your organization. Ask support to switch it on.")
        case entity_names.UnknownEntity():
            return _("It was deleted meanwhile. Choose another one.")
        case entity_names.NameTaken():
            return _("Somebody has created one of this name meanwhile. Try again to use it.")
        case entity_names.ReservedName():
            return _("The default concurrency group cannot be mapped: it is where everybody is who is in no other.")
        case entity_names.UnusableName():
            return _("A name has 1 to %(longest)d characters.") % {"longest": entity_names.LONGEST}
    raise AssertionError(refusal)


def told(refused: Sequence[tuple[PushedGroup, str]]) -> str:
    """One message about mappings that stay as they are: the groups, and why."""
    count, more = len(refused), len(refused[NAMED:])
    words = [_("“%(group)s”: %(why)s") % {"group": group, "why": why} for group, why in refused[:NAMED]]
    if more:
        words.append(_("%(count)d more.") % {"count": more})
    text = ngettext("%(count)d was refused: %(groups)s", "%(count)d were refused: %(groups)s", count)
    return text % {"count": count, "groups": " ".join(words)}
