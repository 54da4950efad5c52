"""Deactivating somebody by hand, and activating them again, after a look at the effect (SPEC U12)."""

from uuid import UUID

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _

from groups_provisioning import refusals
from groups_provisioning.actions import account_switches
from groups_provisioning.engine import explanation, reconcile
from groups_provisioning.pages import changing
from groups_provisioning.pages.deciding import PEOPLE, Question, decide
from groups_provisioning.preview.plans import Wish
from groups_provisioning.proposals import wishes
from orgs.models import User
from orgs.roles import catalogue
from orgs.web.access import OrgRequest, cause

DETAILS = "groups_provisioning/people/_switch_details.html"

deciding = changing.changing("people")


@deciding
def deactivate(request: OrgRequest, user_id: UUID) -> HttpResponseBase:
    user = changing.person(request, user_id)
    if not user.active:
        return _over(request, user, _("%(name)s is deactivated already."))
    try:
        account_switches.refuse_to_close(user, cause(request))
    except (account_switches.OwnerStays, account_switches.OneselfStays) as refusal:
        messages.error(request, refusals.in_words(refusal))
        return redirect("person", user.id)
    wish: Wish = {"do": "switch_person", "user": str(user.id), "active": False}

    def carry_out() -> str:
        wishes.carry_out(request.org, wish, cause(request))
        return _("%(name)s is deactivated.") % {"name": user.label}

    question = Question(
        title=_("Deactivate %(name)s?") % {"name": user.label},
        verb=_("Deactivate"),
        wish=wish,
        back=reverse("person", args=[user.id]),
        lead=_lead_of_deactivating(user),
        destructive=True,
        details=DETAILS,
        above=PEOPLE,
        context={"person": user, "why": explanation.of(request.org, user), "is_last_admin": _is_last_admin(user)},
    )
    return decide(request, question, carry_out)


@deciding
def activate(request: OrgRequest, user_id: UUID) -> HttpResponseBase:
    user = changing.person(request, user_id)
    if user.active:
        return _over(request, user, _("%(name)s is active already."))
    opens = account_switches.needs_silence(user)
    if opens and not account_switches.is_silent(request.org, at=now()):
        messages.error(request, refusals.in_words(account_switches.IdpDeactivated()))
        return redirect("person", user.id)
    wish: Wish = {"do": "switch_person", "user": str(user.id), "active": True}

    def carry_out() -> str:
        wishes.carry_out(request.org, wish, cause(request))
        return _("%(name)s is active.") % {"name": user.label}

    lead = _(
        "They can sign in again, and their roles and assignments take effect again. Sessions and links that ended "
        "stay ended."
    )
    against = _(
        "Your identity provider deactivated them, and none of its tokens was used in the last 24 hours. They stay "
        "active until it sends something about them; from then on it decides again."
    )
    question = Question(
        title=_("Activate %(name)s?") % {"name": user.label},
        verb=_("Activate"),
        wish=wish,
        back=reverse("person", args=[user.id]),
        lead=f"{against} {lead}" if opens else lead,
        second=_("I know that this person is to have access although your identity provider says otherwise.")
        if opens
        else "",
        details=DETAILS,
        above=PEOPLE,
        context={"person": user, "why": explanation.of(request.org, user)},
    )
    return decide(request, question, carry_out)


def _lead_of_deactivating(user: User) -> str:
    if user.activity.is_opened:
        return _("Your identity provider deactivated them, and somebody activated them by hand. This ends that.")
    lead = _(
        "They are signed out everywhere, and cannot sign in. Their roles and assignments stay on record, but have no "
        "effect until they are active again."
    )
    if not user.scim_managed:
        return lead
    return f"{lead} " + _(
        "Your identity provider does not learn of this. It ends when an admin activates them, or when your identity "
        "provider deactivates and then activates them."
    )


def _is_last_admin(user: User) -> bool:
    """Whether nobody else administers the org by a role (SPEC R5)."""
    assert user.org is not None
    admin = catalogue(user.org.profile).admin
    standing = getattr(user, "standing", None)
    is_one = standing is not None and admin in standing.roles and not user.is_owner
    return is_one and not reconcile.other_admins(user.org, admin, [user.id])


def _over(request: OrgRequest, user: User, words: str) -> HttpResponseBase:
    messages.info(request, words % {"name": user.label})
    return redirect("person", user.id)
