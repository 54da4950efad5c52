"""What is refused, in an admin's words."""

from django.utils.translation import gettext as _

from groups_provisioning.actions import mappings
from groups_provisioning.actions.group_intake import UnknownGroup
from groups_provisioning.actions.rules import UnknownRule
from orgs import entities, entity_names

REFUSALS = (*mappings.REFUSALS, UnknownRule)


def in_words(refusal: Exception) -> str:
    """One of REFUSALS."""
    match refusal:
        case mappings.EntityOwned():
            return _("The group “%(group)s” is mapped to it already. It can have one group only.") % {
                "group": refusal.args[0]
            }
        case mappings.Excluded():
            return _("A sub-organization excludes every other mapping of the same group. Reject the other one first.")
        case mappings.SecondOfItsKind():
            return _("This group has a mapping of this kind, and can have one only. Give that one a new target.")
        case mappings.NotPending():
            return _("Somebody has approved it meanwhile, for another target.")
        case mappings.AlreadyRejected():
            return _("Somebody has rejected it meanwhile. Map the group anew.")
        case UnknownRule():
            return _("Somebody has deleted this rule meanwhile.")
        case mappings.UnknownMapping() | UnknownGroup():
            return _("It is gone: the group was deleted meanwhile.")
        case entities.KindOff():
            return _("This kind is switched off for your organization. Ask support to switch it on.")
        case entities.UnknownEntity():
            return _("It was deleted meanwhile. Choose another one.")
        case entities.NameTaken():
            return _("Somebody has created one of this name meanwhile. Try again to use it.")
        case entities.ReservedName():
            return _("The default concurrency group cannot be mapped: it is where everybody is who is in no other.")
        case entities.UnusableName():
            return _("A name has 1 to %(longest)d characters.") % {"longest": entity_names.LONGEST}
    raise AssertionError(refusal)
