"""What somebody sees who may agree to a proposal, on pages and at the support desk (SPEC T6, M9)."""

from typing import Any

from django.utils.translation import gettext as _

from groups_provisioning import refusals
from groups_provisioning.pages.proposals import proposal_words
from groups_provisioning.preview import shown
from groups_provisioning.proposals import gate
from orgs import invitations, owners, people
from orgs.models import Organization, Proposal

REFUSALS: tuple[type[Exception], ...] = (
    *refusals.REFUSALS,
    invitations.Conflicts,
    invitations.TooMany,
    invitations.NotOpen,
    invitations.SentJustNow,
    owners.SameAddress,
    people.NotAnAddress,
)
"""Why the world may refuse by now what was asked for."""


def seen(org: Organization, found: Proposal) -> dict[str, Any]:
    """The effects of what is asked for, now: or why it is refused by now."""
    try:
        fingerprint, outlook = gate.fingerprint(org, found.wish), gate.look(org, found.wish)
    except REFUSALS as refusal:
        return {"refusal": in_words(refusal)}
    return {
        "seen": fingerprint,
        "follows": proposal_words.follows(org, found.wish),
        "is_changed": fingerprint != found.fingerprint,
        "outlook": outlook,
        "outcome": shown.show(org, outlook) if outlook else None,
        "is_ready": outlook is None or outlook.summary is not None,
    }


def in_words(refusal: Exception) -> str:
    """Why what is asked for is refused by now."""
    match refusal:
        case invitations.Conflicts():
            named = ", ".join(each.address for each in refusal.conflicts)
            return _("These addresses cannot be invited any more: %(addresses)s.") % {"addresses": named}
        case invitations.TooMany():
            return _("Your organization may invite %(most)d people an hour.") % {"most": invitations.AN_HOUR}
        case invitations.NotOpen():
            return _("This invitation has ended.")
        case invitations.SentJustNow():
            return _("This invitation was sent a moment ago.")
        case owners.SameAddress():
            return _("The owner account has this address already.")
    return refusals.in_words(refusal)
