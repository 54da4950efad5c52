"""Mapping rules and role rules: their order, the editor, which groups they match, and applying them."""

from dataclasses import asdict
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRedirect

from groups_provisioning import refusals
from groups_provisioning.actions import rules
from groups_provisioning.models import MappingRule
from groups_provisioning.pages import changing
from groups_provisioning.pages.deciding import RULES, Question, decide, run
from groups_provisioning.pages.groups import group_list
from groups_provisioning.pages.rules import matched_groups
from groups_provisioning.pages.rules.back_tested import back_tested
from groups_provisioning.pages.rules.forms import RuleForm, form_for
from groups_provisioning.pages.rules.rule_list import RuleList, pattern_in_words, place_in_words, rule_list
from groups_provisioning.preview import runs, shown
from groups_provisioning.preview.plans import Wish
from groups_provisioning.proposals import gate, wishes
from groups_provisioning.rules.proposals import first_matches
from orgs import entities, roles
from orgs.catalogue import UnknownRole
from orgs.entities import KindOff
from orgs.models import Organization, Proposal
from orgs.web.access import OrgRequest, cause, org_admin
from orgs.web.downloads import as_csv
from orgs.web.second_admin import second_asked

editing = changing.changing("rules")


@require_safe
@org_admin
def both_lists(request: OrgRequest) -> HttpResponse:
    return _page(request)


@require_safe
@org_admin
def export(request: OrgRequest) -> StreamingHttpResponse:
    header = (
        _("Position"),
        _("Match by"),
        _("Pattern"),
        _("Mapped to"),
        _("Role"),
        _("Approves automatically"),
        _("ID"),
    )
    rows = (
        (
            rule.position,
            rule.get_pattern_type_display(),
            rule.pattern,
            rule.get_kind_display(),
            rule.role,
            _("yes") if rule.auto_approve else _("no"),
            rule.id,
        )
        for rule in MappingRule.objects.for_org(request.org).order_by("gives_role", "position")
    )
    return as_csv(f"rules-{now():%Y-%m-%d}", header, rows)


@editing
def new(request: OrgRequest) -> HttpResponseBase:
    if not entities.kinds_on(request.org):
        messages.info(
            request,
            _("Teams, concurrency groups and sub-organizations are all switched off. Ask support to switch one on."),
        )
        return redirect("rules")
    return _edit(request, None, gives_roles=False)


@editing
def new_role_rule(request: OrgRequest) -> HttpResponseBase:
    return _edit(request, None, gives_roles=True)


@editing
def edit(request: OrgRequest, rule_id: UUID) -> HttpResponseBase:
    rule = changing.rule(request, rule_id)
    return _edit(request, rule, gives_roles=rule.gives_role)


@changing.changing("rules", "GET", "HEAD")
def test(request: OrgRequest) -> HttpResponse:
    """For htmx, while somebody types: which rules apply to a name, or what the rule in the editor matches."""
    if "name" in request.GET:
        return render(request, "groups_provisioning/rules/_tried.html", _tried(request))
    rule = _asked_for(request, request.GET)
    gives_roles = rule.gives_role if rule else "role" in request.GET
    form = form_for(gives_roles)(request.GET, org=request.org, rule=rule)
    context = {"form": form, "gives_roles": gives_roles, **_matched(request.org, form, gives_roles)}
    return render(request, "groups_provisioning/rules/_rule_matches.html", context)


@changing.changing("rules", "POST")
def order(request: OrgRequest) -> HttpResponseBase:
    """Try another order of one list, or save it.

    was, rule: the ids of its rules, as saved and as tried; move: `3 1` for the third to become the first, before that;
    save: what is tried becomes the order, which can be undone on the page that follows.
    """
    gives_roles = "roles" in request.POST
    was, tried = (_ids(request.POST.getlist(name)) for name in ("was", "rule"))
    moved = _move(tried, request.POST.get("move", ""))
    if "save" in request.POST:
        wish: Wish = {"do": "order_rules", "was": [*map(str, was)], "order": [*map(str, tried)]}
        done = run(request, wish, back=reverse("rules"))
        if isinstance(done, Proposal):
            there = second_asked(request, done)
            return HttpResponseClientRedirect(there.url) if request.htmx else there
        announced = _("The order was saved.")
        shown_list = rule_list(request.org, gives_roles=gives_roles, before=was)
    else:
        shown_list = rule_list(request.org, gives_roles=gives_roles, order=tried)
        announced = _moved_in_words(shown_list, moved) if moved else ""
    if request.htmx:
        context = {"list": shown_list, "announced": announced}
        return render(request, "groups_provisioning/rules/_rules.html", context)
    return _page(request, shown_list)


@editing
def delete(request: OrgRequest, rule_id: UUID) -> HttpResponseBase:
    rule = changing.rule(request, rule_id)
    wish: Wish = {"do": "delete_rule", "rule": str(rule.id)}

    def carry_out() -> str:
        wishes.carry_out(request.org, wish, cause(request))
        return _("The rule was deleted.")

    question = Question(
        title=_("Delete %(place)s, %(rule)s?") % _named(rule),
        verb=_("Delete rule"),
        wish=None,
        command=wish,
        back=reverse("rules"),
        lead=_(
            "Groups that it gave a role keep it. The other role rules apply to groups that are pushed or renamed later."
        )
        if rule.gives_role
        else _(
            "Groups that it has mapped stay mapped. The other rules apply to groups that are pushed or renamed later."
        ),
        destructive=True,
        above=RULES,
    )
    return decide(request, question, carry_out)


@editing
def apply(request: OrgRequest) -> HttpResponseBase:
    """Apply the rules of one list, or only one rule, to the groups that are open to them (SPEC M5, R6)."""
    sent = request.POST if request.method == "POST" else request.GET
    rule = _asked_for(request, sent)
    gives_roles = rule.gives_role if rule else bool(sent.get("roles"))
    wish: Wish = {"do": "apply", "rule": str(rule.id) if rule else "", "roles": gives_roles}

    def carry_out() -> str:
        done = wishes.carry_out(request.org, wish, cause(request))
        if gives_roles:
            words = ngettext("%(count)d group was given a role.", "%(count)d groups were given a role.", done.approved)
        else:
            words = ngettext("%(count)d group was mapped.", "%(count)d groups were mapped.", done.approved)
        waiting = ngettext("%(count)d group waits for approval.", "%(count)d groups wait for approval.", done.pending)
        told = [(words, done.approved)] if done.approved or not done.pending else []
        told += [(waiting, done.pending)] if done.pending else []
        return " ".join(sentence % {"count": count} for sentence, count in told)

    if rule:
        title = _("Apply %(place)s, %(rule)s?") % _named(rule)
    elif gives_roles:
        title = _("Apply the role rules to existing groups?")
    else:
        title = _("Apply the rules to unmapped groups?")
    question = Question(
        title=title,
        verb=_("Apply"),
        wish=wish,
        back=reverse("groups"),
        details="groups_provisioning/rules/_applied.html",
        above=RULES,
        context={"rule": rule, "gives_roles": gives_roles},
    )
    return decide(request, question, carry_out)


def _page(request: OrgRequest, shown_list: RuleList | None = None) -> HttpResponse:
    """Both lists. shown_list: one of them, if it is not as saved."""
    lists = [
        shown_list
        if shown_list and shown_list.gives_roles == gives_roles
        else rule_list(request.org, gives_roles=gives_roles)
        for gives_roles in (False, True)
    ]
    context = {
        "tabs": group_list.tabs(request.org),
        "lists": lists,
        "roles": roles.catalogue(request.org.profile),
        "saved": _just_saved(request, lists),
        **_tried(request),
    }
    return render(request, "groups_provisioning/rules/rules.html", context)


def _ids(sent: list[str]) -> list[UUID]:
    """Raises OrderChanged for what is no id."""
    try:
        return [UUID(text) for text in sent]
    except ValueError as error:
        raise rules.OrderChanged from error


def _move(ids: list[UUID], move: str) -> int:
    """Move one id, as `move` says; returns its new place, 0 if none was moved."""
    places = [int(text) for text in move.split() if text.isdecimal() and len(text) < 6]
    if len(places) != 2 or not all(1 <= place <= len(ids) for place in places):
        return 0
    ids.insert(places[1] - 1, ids.pop(places[0] - 1))
    return places[1]


def _moved_in_words(shown_list: RuleList, place: int) -> str:
    moved = shown_list.rules[place - 1]
    words = _("%(rule)s is now %(place)s of %(count)d.") % {
        "rule": pattern_in_words(moved),
        "place": place_in_words(moved),
        "count": len(shown_list.rules),
    }
    return f"{words} {_('Not saved yet.')}" if shown_list.is_tried else words


def _edit(request: OrgRequest, rule: MappingRule | None, *, gives_roles: bool) -> HttpResponseBase:
    """Save only after showing what the rule matches, and what applying it would do (SPEC M9).

    With `back_test` nothing is saved: what the rule would have done lately is shown (SPEC T4).

    One for the admin role is always shown first with the number of people who would get it (SPEC R6). Where the page
    has shown all of that while somebody typed, and there is no effect, nothing is asked again.
    """
    form = form_for(gives_roles)(request.POST if request.method == "POST" else None, org=request.org, rule=rule)
    new = _("New role rule") if gives_roles else _("New rule")
    context = {
        "title": capfirst(place_in_words(rule)) if rule else new,
        "form": form,
        "rule": rule,
        "gives_roles": gives_roles,
        **_matched(request.org, form, gives_roles),
    }
    if request.method == "POST" and form.is_valid():
        try:
            if "back_test" in request.POST:
                context["tested"] = back_tested(request.org, form)
                return render(request, "groups_provisioning/rules/rule.html", context)
            if context["does_something"]:
                context |= _effect(request, form)
            if gate.needs_second(request.org, _wish(form), cause(request)):
                # That somebody will be asked is to be read first.
                context |= {"asks_second": True, "seen": f"{context['seen']} second"}
            if request.POST.get("seen") == context["seen"]:
                return _saved(request, form)
            context |= {"is_review": True, "title": _("Review rule")}
        except (KindOff, UnknownRole) as refusal:
            form.add_error(form.target, refusals.in_words(refusal))
        except rules.UnknownRule:
            messages.info(request, _("Somebody else has deleted this rule."))
            return redirect("rules")
    return render(request, "groups_provisioning/rules/rule.html", context)


def _effect(request: OrgRequest, form: RuleForm) -> dict[str, Any]:
    wish = {"do": "save_rule", "rule": str(form.rule.id) if form.rule else "", **asdict(form.facts())}
    if form.gives_admin:
        wish["approved"] = True
    outlook = runs.look(request.org, wish)
    return {
        "outlook": outlook,
        "outcome": shown.show(request.org, outlook),
        "seen": outlook.fingerprint,
        "gives_admin": form.gives_admin,
    }


def _wish(form: RuleForm) -> Wish:
    """Of a valid form."""
    return {"do": "keep_rule", "rule": str(form.rule.id) if form.rule else "", "facts": asdict(form.facts())}


def _saved(request: OrgRequest, form: RuleForm) -> HttpResponseBase:
    done = run(request, _wish(form))
    if isinstance(done, Proposal):
        return second_asked(request, done)
    saved, _applied = done
    messages.success(request, _("The rule was saved. It applies to groups that are pushed or renamed from now on."))
    return redirect(f"{reverse('rules')}?saved={saved.id}")


def _just_saved(request: OrgRequest, lists: list[RuleList]) -> MappingRule | None:
    """The rule that was saved a moment ago, if it can be applied to a group."""
    for each in lists:
        for rule, tally, _words in each.rows:
            if str(rule.id) == request.GET.get("saved") and (tally.unmapped or each.matches.is_cut):
                return rule
    return None


def _tried(request: OrgRequest) -> dict[str, Any]:
    """The rules that would apply to the name that somebody tries: at most one of each list."""
    name = request.GET.get("name", "").strip()
    followed = first_matches(list(MappingRule.objects.for_org(request.org)), name) if name else []
    return {
        "tried": name,
        "mapping_rule": next((rule for rule in followed if not rule.gives_role), None),
        "role_rule": next((rule for rule in followed if rule.gives_role), None),
    }


def _matched(org: Organization, form: RuleForm, gives_roles: bool) -> dict[str, Any]:
    """What the rule in the editor matches at its position; nothing while it is not valid.

    does_something: whether it could be applied to a group, or gives the admin role.
    """
    if form.is_bound:
        if not form.is_valid():
            return {"tally": None, "seen": ""}
        facts: dict[str, Any] = asdict(form.facts())
    elif form.rule is not None:
        facts = {name: getattr(form.rule, name) for name in rules.FACTS}
    else:
        return {"tally": None, "seen": ""}
    found = list(MappingRule.objects.for_org(org).of_list(roles=gives_roles))
    edited = MappingRule(org=org, **facts)
    place = next((index for index, each in enumerate(found) if each == form.rule), len(found))
    tried = [*found[:place], edited, *found[place + 1 :]]
    matches = matched_groups.count(org, tried, roles=gives_roles)
    tally = matches.tallies[place]
    about = repr((facts["pattern_type"], facts["pattern"], tally.matching, tally.winning, tally.unmapped))
    return {
        "tally": tally,
        "matches": matches,
        "counted": matched_groups.COUNTED,
        "place": place + 1,
        "does_something": bool(tally.unmapped or matches.is_cut or edited.role == roles.catalogue(org.profile).admin),
        "seen": sha256(about.encode()).hexdigest(),
    }


def _asked_for(request: OrgRequest, sent: QueryDict) -> MappingRule | None:
    """The rule whose id was sent, if any."""
    text = sent.get("rule")
    return changing.rule(request, text) if text else None


def _named(rule: MappingRule) -> dict[str, str]:
    return {"place": place_in_words(rule), "rule": pattern_in_words(rule)}
