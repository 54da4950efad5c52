"""How admins decide: they see the effects of a decision, and then exactly that is done (SPEC M9).

`decide` is the only place that shows previews and carries out decisions; `run` carries out what has none. Both ask for
a recent sign-in where somebody may become an admin by it (SPEC L6).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from groups_provisioning import refusals
from groups_provisioning.models import GroupMapping, PushedGroup
from groups_provisioning.pages.targets import TargetForm, suggested
from groups_provisioning.preview import runs, shown
from groups_provisioning.preview.plans import Wish
from groups_provisioning.preview.runs import Outlook
from groups_provisioning.proposals import gate, wishes
from orgs.models import Proposal
from orgs.web.access import OrgRequest, cause, is_recent, require_recent
from orgs.web.downloads import as_csv
from orgs.web.second_admin import second_asked


class Above(NamedTuple):
    """A parent page: its URL name, its title, and the section of the navigation that it is in."""

    url: str
    words: Promise | str
    section: Promise | str = gettext_lazy("Provisioning")


SCIM_GROUPS = Above("groups", gettext_lazy("SCIM groups"))
RULES = Above("rules", gettext_lazy("Rules"))
OUTDATED = gettext_lazy("Not done yet: the effects have changed since you saw them. Review them, then confirm.")
PEOPLE = Above("people", gettext_lazy("People"))


@dataclass(frozen=True, slots=True)
class Question:
    """A question to an admin. title: the question. verb: on the button. wish: for `preview.plans`, or None.

    back: the URL to go to afterwards. form: the choices to make. lead: an introduction. asked: if there are several,
    the groups, by the ids by which `Plan.refused` has them; refused: what stays as it is, and why. second: a second
    question, which has to be ticked as well. details: a template with further details, and its context. above: the
    parent page. command: the wish that is carried out, if it is another one, or has no preview; without any, it gives
    nobody a role. The function that carries out the decision is not a field: templates call whatever is callable.
    """

    title: str
    verb: str
    wish: Wish | None
    back: str
    form: TargetForm | None = None
    lead: str = ""
    destructive: bool = False
    second: str = ""
    asked: Mapping[str, PushedGroup] = field(default_factory=dict)
    refused: Sequence[tuple[GroupMapping | PushedGroup, str]] = ()
    details: str = ""
    above: Above = SCIM_GROUPS
    command: Wish | None = None
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def meant(self) -> Wish | None:
        """The wish that is carried out."""
        return self.command or self.wish


def decide(request: OrgRequest, question: Question, carry_out: Callable[[], str]) -> HttpResponseBase:
    """Show the effects of confirming; carry it out if exactly these effects were seen.

    carry_out: returns what to say then; raises those in refusals.REFUSALS. With `download` in the query all differences
    are a CSV file. For htmx: what stands in the dialog, or in it the effect alone while the form is filled in.
    """
    form, wish = question.form, question.wish
    is_filled_in = form is None or not form.is_bound or form.is_valid()
    is_sure = not question.second or "anyway" in request.POST
    if wish is not None and is_filled_in and "download" in request.GET:
        header = (_("userName"), _("What"), _("Kind"), _("Before"), _("After"))
        return as_csv("effect", header, shown.rows(request.org, wish))
    if request.method == "POST" and is_filled_in and is_sure and "seen" in request.POST:
        try:
            done = _carried_out(request, question, carry_out)
            if isinstance(done, Proposal):
                return second_asked(request, done)
            messages.success(request, done)
            return redirect(question.back)
        except runs.Outdated:
            messages.info(request, OUTDATED)
        except refusals.GONE:
            raise  # where to go back to is its own page, which is gone as well
        except refusals.REFUSALS as refusal:
            if form is None:
                messages.error(request, refusals.in_words(refusal))
                return redirect(question.back)
            form.add_error("name", refusals.in_words(refusal))
            is_filled_in = False
    outlook, refusal_words = _looked_at(request, wish) if wish is not None and is_filled_in else (None, "")
    template = "decision.html"
    if request.htmx:
        template = "_effect.html" if request.htmx.target == "effect" else "_decision.html"
    context = {
        "question": question,
        "form": form,
        "outlook": outlook,
        "asks_second": _asks_second(request, question) if is_filled_in and not refusal_words else False,
        "outcome": shown.show(request.org, outlook) if outlook else None,
        "refusal": refusal_words,
        "refused": [*question.refused, *_refused(question.asked, outlook)],
        "is_unanswered": not is_sure and "seen" in request.POST,
        "download": _download(request, question),
        "possible": wish is None or form is not None or bool(outlook and outlook.plan.concerns_any),
        "suggested": suggested(request.org, form.chosen_kind, form.text) if form else (),
    }
    return render(request, f"groups_provisioning/{template}", {**question.context, **context})


def _carried_out(request: OrgRequest, question: Question, carry_out: Callable[[], str]) -> str | Proposal:
    wish, meant = question.wish, question.meant
    if meant is not None:
        _require_recent(request, meant, back="" if _has_a_page(question) else question.back)

    def do() -> str | Proposal:
        return carry_out() if meant is None else gate.carry_out(request.org, meant, cause(request), carry_out)

    return do() if wish is None else runs.confirmed(request.org, wish, request.POST["seen"], do)


def run(request: OrgRequest, wish: Wish, *, back: str = "") -> Any:
    """Carry out a wish that this page shows no effects of, or ask a second admin: what the command returns, or the
    proposal. Raises what it raises, and SignInTooOld.

    back: the page to return to after signing in again; the present one if empty.
    """
    _require_recent(request, wish, back=back)
    by = cause(request)
    return gate.carry_out(request.org, wish, by, lambda: wishes.carry_out(request.org, wish, by))


def _require_recent(request: OrgRequest, wish: Wish, *, back: str) -> None:
    """Before what makes admins (SPEC L6), or what is too much to see here whether it does."""
    if not is_recent(request) and gate.gives_admin(request.org, wish):
        require_recent(request, back=back)


def _asks_second(request: OrgRequest, question: Question) -> bool:
    """Whether confirming asks a second admin (SPEC T6)."""
    return question.meant is not None and gate.needs_second(request.org, question.meant, cause(request))


def _looked_at(request: OrgRequest, wish: Wish) -> tuple[Outlook | None, str]:
    """The effects, or why the decision is refused."""
    try:
        return runs.look(request.org, wish), ""
    except refusals.REFUSALS as refusal:
        return None, refusals.in_words(refusal)


def _refused(asked: Mapping[str, PushedGroup], outlook: Outlook | None) -> Iterator[tuple[PushedGroup, str]]:
    for id_, refusal in outlook.plan.refused.items() if outlook else ():
        if id_ in asked:
            yield asked[id_], refusals.in_words(refusal)


def _download(request: OrgRequest, question: Question) -> str:
    """The URL of the download of all changes, if the question has a URL of its own."""
    if not _has_a_page(question):
        return ""
    chosen = {"download": "1", "name": question.form.text, "kind": question.form.chosen_kind} if question.form else {}
    query = QueryDict(request.GET.urlencode(), mutable=True)
    query.update(chosen or {"download": "1"})
    return f"{request.path}?{query.urlencode()}"


def _has_a_page(question: Question) -> bool:
    """Whether a GET of the same address asks it again: what was selected in a list is in the form alone."""
    return not question.asked and "action" not in question.context
