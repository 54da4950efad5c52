"""Held changes: who keeps what they had, why, and letting the changes through (SPEC T1)."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRedirect

from groups_provisioning.actions import held_changes as commands
from groups_provisioning.engine.breaker import Rule
from groups_provisioning.engine.holds import WEEKS
from groups_provisioning.pages import changing
from groups_provisioning.pages.deciding import Above, Question, decide, run
from groups_provisioning.pages.held import held_list
from groups_provisioning.pages.held.limits import LimitsForm, choices, tried_since
from groups_provisioning.pages.search import Search
from groups_provisioning.preview.plans import Wish
from groups_provisioning.proposals import wishes
from orgs.db.keys import as_uuid
from orgs.db.transactions import snapshot
from orgs.models import Proposal
from orgs.web.access import OrgRequest, cause, org_admin, recently_signed_in
from orgs.web.second_admin import second_asked

PAGE = 50


@require_safe
@org_admin
def held_changes(request: OrgRequest) -> HttpResponse:
    """What is held because of one token, the oldest if several are; for htmx requests the list of people alone."""
    asked = as_uuid(request.GET.get("breach", ""))
    with snapshot():  # in which whoever is listed is still held
        summaries = held_list.summaries(request.org)
        summary = next((each for each in summaries if each.breach.id == asked), summaries[0] if summaries else None)
        context: dict[str, Any] = {"summaries": summaries, "summary": summary}
        if summary is not None:
            form = Search(request.GET, for_people=True)
            held = held_list.holds(request.org, summary.breach, form.chosen("q"))
            page = Paginator(held, PAGE).get_page(request.GET.get("page"))
            rows = held_list.rows(request.org, summary.breach, list(page.object_list))
            context |= {"form": form, "page": page, "rows": rows}
    fragment = "_held_people" if request.htmx and summary else "held_changes"
    return render(request, f"groups_provisioning/held/{fragment}.html", context)


@changing.changing("held-changes")
@recently_signed_in
def limits(request: OrgRequest) -> HttpResponseBase:
    """From when on changes are held."""
    if request.method == "POST":
        form = LimitsForm(request.POST)
        if form.is_valid():
            wish: Wish = {"do": "hold_limits", "limits": form.cleaned_data["limits"].value}
            if wish["limits"] == request.org.hold_limits:
                return redirect("held-changes")
            done = run(request, wish)
            if isinstance(done, Proposal):
                return second_asked(request, done)
            messages.success(request, _("Saved. Whoever is held stays held."))
            return redirect("held-changes")
    since = tried_since(request.org, at=timezone.now())
    context = {"choices": choices(request.org, since=since), "since": since, "weeks": WEEKS.days // 7}
    return render(request, "groups_provisioning/held/limits.html", context)


@changing.changing("held-changes")
def let_through(request: OrgRequest, breach_id: UUID) -> HttpResponseBase:
    """Let through what is held: for those who are selected, or for everybody if the form names nobody."""
    breach = commands.found(request.org, breach_id)
    is_some = "some" in request.POST
    chosen = [id_ for text in request.POST.getlist("person") if (id_ := as_uuid(text))] if is_some else None
    back = reverse("held-changes")
    if chosen == []:
        messages.info(request, _("Select the people first."))
        return HttpResponseClientRedirect(back) if request.htmx else redirect(back)
    held = held_list.holds(request.org, breach)
    people = held.filter(user__in=chosen) if chosen is not None else held
    count = people.count()
    is_empty = chosen is None and not count and Rule.SUPPORT in breach.rules

    wish: Wish = {"do": "let_through", "breach": str(breach_id)}
    if chosen is not None:
        wish = {**wish, "users": [str(id_) for id_ in chosen]}

    def carry_out() -> str:
        done = wishes.carry_out(request.org, wish, cause(request))
        if not done:
            return _("The hold has ended.")
        words = ngettext(
            "The held changes of %(count)s person are being applied.",
            "The held changes of %(count)s people are being applied.",
            done,
        )
        return words % {"count": intcomma(done)}

    title = ngettext(
        "Let the held changes of %(count)s person through?", "Let the held changes of %(count)s people through?", count
    )
    question = Question(
        title=_("End the hold by support?") if is_empty else title % {"count": intcomma(count)},
        verb=_("End the hold") if is_empty else _("Let through"),
        wish=wish,
        back=back,
        lead=_("Nobody is held. What your identity provider sends takes effect again from now on.")
        if is_empty
        else _("Your identity provider decides about these people again from now on."),
        destructive=True,
        details="groups_provisioning/held/_chosen_people.html" if chosen is not None else "",
        above=Above("held-changes", _("Held changes")),
        # Who was selected is in the form alone, so there is no download of what is decided about them.
        context={} if chosen is None else {"chosen": chosen, "action": "some"},
    )
    return decide(request, question, carry_out)
