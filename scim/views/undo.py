"""Taking back what a token, or one change, did, after a look at what comes of it (SPEC T2)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django import forms
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from groups_provisioning.engine.taking_back import NotTaken, Span, is_undoable
from groups_provisioning.pages import changing
from groups_provisioning.pages.deciding import Above, Question, decide
from groups_provisioning.pages.moments import MomentForm, MomentInput
from groups_provisioning.preview.plans import Wish
from groups_provisioning.proposals import wishes
from orgs.models import Change, ScimToken
from orgs.web.access import OrgRequest, cause

ACTIVITY = Above("activity", gettext_lazy("Activity"))
SCIM = Above("scim-provisioning", gettext_lazy("SCIM provisioning"), gettext_lazy("Settings"))


class SpanForm(MomentForm):
    """From when until when; until now if that is left out."""

    at = forms.DateTimeField(label=gettext_lazy("Since"), widget=MomentInput)
    until = forms.DateTimeField(
        label=gettext_lazy("Until"), required=False, widget=MomentInput, help_text=gettext_lazy("Empty: until now.")
    )

    def clean(self) -> dict[str, Any]:
        chosen: dict[str, Any] = super().clean() or {}
        since, until = chosen.get("at"), chosen.get("until")
        if since and until and until < since:
            self.add_error("until", _("This is before the beginning."))
        return chosen


@changing.changing("activity")
def take_back_change(request: OrgRequest, change_id: UUID) -> HttpResponseBase:
    """What one change did: of an identity provider, or an undo."""
    change = Change.objects.for_org(request.org).filter(id=change_id).first()
    if change is None or not is_undoable(change):
        raise NotTaken
    title = _("Take back this change?")
    return _decide(request, title, Span(change=change.id), reverse("change", args=[change.id]), ACTIVITY)


@changing.changing("scim-provisioning")
def take_back_token(request: OrgRequest, token_id: UUID) -> HttpResponseBase:
    """What a token did from then until then; asks when that was first, and what keeps it from doing so again."""
    token = get_object_or_404(ScimToken.objects.for_org(request.org), id=token_id)
    working = token if token.is_valid(timezone.now()) else None
    form = SpanForm(request.GET, org=request.org)
    if not form.is_bound or not form.is_valid():
        return render(request, "scim/take_back.html", {"token": token, "form": form, "working": working})
    since, until = form.cleaned_data["at"], form.cleaned_data["until"]
    if not until:  # what comes from now on is not meant
        asked = urlencode({"at": since.isoformat(), "until": timezone.now().isoformat()})
        return redirect(f"{request.path}?{asked}")
    span = Span(token=token.id, since=since, until=until)
    title = _("Take back what “%(token)s” did?") % {"token": token.name}
    return _decide(
        request, title, span, reverse("scim-provisioning"), SCIM, {"times": (since, until), "working": working}
    )


def _decide(
    request: OrgRequest,
    title: str,
    span: Span,
    back: str,
    above: Above,
    context: Mapping[str, Any] = MappingProxyType({}),
) -> HttpResponseBase:
    wish: Wish = {"do": "take_back", **span.as_json()}

    def carry_out() -> str:
        wishes.carry_out(request.org, wish, cause(request))
        return _("Taken back. Roles and assignments follow within seconds. Activity has the change, to undo this too.")

    question = Question(
        title=title,
        verb=_("Take back"),
        wish=wish,
        back=back,
        lead=_(
            "People, groups, members and mappings will be as they were before, with their times. Passwords and "
            "sessions that have ended stay ended. Your identity provider may send the same again: correct it there as "
            "well."
        ),
        destructive=True,
        details="scim/_take_back.html",
        above=above,
        context=context,
    )
    return decide(request, question, carry_out)
