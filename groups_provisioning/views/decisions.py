"""How admins decide: they see what would come of it, and then it is done (SPEC M9).

`decide` is the one place where a preview is made, and where something is carried out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from groups_provisioning.forms import TargetForm
from groups_provisioning.mappings import REFUSALS
from groups_provisioning.models import PushedGroup
from groups_provisioning.targets import Choice, suggested
from groups_provisioning.views import refusals
from orgs.access import OrgRequest
from orgs.history import Cause
from orgs.models import Door


@dataclass(frozen=True, slots=True)
class Question:
    """What an admin is asked. title: the question. verb: on the button. groups: whose members it is about.

    back: the address to go to then. form: what has to be chosen. lead: what is to be known. details: a template with
    more of it, and its context. What answers it is no part of it, for templates call what they find.
    """

    title: str
    verb: str
    groups: Sequence[PushedGroup]
    back: str
    form: TargetForm | None = None
    lead: str = ""
    destructive: bool = False
    details: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preview:
    """What would come of a decision. people: in all of the groups, those in several counted for each.

    fingerprint: differs where what is looked at does; nothing is carried out that was seen otherwise.
    """

    groups: int
    people: int
    choice: Choice | None
    fingerprint: str


def cause(request: OrgRequest) -> Cause:
    return Cause(Door.PAGE, timezone.now(), person=request.user)


def decide(request: OrgRequest, question: Question, carry_out: Callable[[], str] | None) -> HttpResponse:
    """Show what the answer yes would bring about; carry it out where exactly that was seen.

    carry_out: returns what to say then; raises those in REFUSALS. None where it cannot be done.
    For htmx: what stands in the dialog, or in it the effect alone while the form is filled in.
    """
    form = question.form
    preview = _preview(question)
    if request.method == "POST" and carry_out and (form is None or form.is_valid()):
        if request.POST.get("seen") == preview.fingerprint:
            try:
                messages.success(request, carry_out())
                return redirect(question.back)
            except REFUSALS as refusal:
                if form is None:
                    messages.error(request, refusals.in_words(refusal))
                    return redirect(question.back)
                form.add_error("name", refusals.in_words(refusal))
        elif "seen" in request.POST:
            messages.info(request, _("What would happen has changed since you saw it. Look again before you decide."))
    template = "decision.html"
    if request.htmx:
        template = "_effect.html" if request.htmx.target == "effect" else "_decision.html"
    context = {
        "question": question,
        "possible": carry_out is not None,
        "form": form,
        "preview": preview,
        "suggested": suggested(request.org, form.chosen_kind, form.text) if form else (),
    }
    return render(request, f"groups_provisioning/{template}", {**question.context, **context})


def _preview(question: Question) -> Preview:
    choice = question.form.choice() if question.form and question.form.text else None
    looked_at = [(group.id, group.revision) for group in question.groups]
    about = repr((question.title, choice, looked_at))
    return Preview(
        groups=len(question.groups),
        people=sum(group.member_count for group in question.groups),
        choice=choice,
        fingerprint=sha256(about.encode()).hexdigest(),
    )
