"""Mapping rules: their order, the editor, which groups they match, and applying them."""

from dataclasses import asdict
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from groups_provisioning import refusals
from groups_provisioning.actions import mappings, rules
from groups_provisioning.models import MappingRule, PatternType
from groups_provisioning.pages import changing
from groups_provisioning.pages.deciding import RULES, Question, decide
from groups_provisioning.pages.groups import group_list
from groups_provisioning.pages.rules import matched_groups
from groups_provisioning.pages.rules.forms import RuleForm
from groups_provisioning.preview import runs, shown
from groups_provisioning.rules.proposals import first_match
from orgs import entities
from orgs.entities import KindOff
from orgs.models import Organization
from orgs.web.access import OrgRequest, cause, org_admin
from orgs.web.downloads import as_csv

editing = changing.changing("rules")


@require_safe
@org_admin
def rule_list(request: OrgRequest) -> HttpResponse:
    return render(request, "groups_provisioning/rules/rules.html", _list(request) | _tried(request))


@require_safe
@org_admin
def export(request: OrgRequest) -> StreamingHttpResponse:
    header = (_("Position"), _("Match by"), _("Pattern"), _("Mapped to"), _("Approves automatically"), _("ID"))
    rows = (
        (
            rule.position,
            rule.get_pattern_type_display(),
            rule.pattern,
            rule.get_kind_display(),
            _("yes") if rule.auto_approve else _("no"),
            rule.id,
        )
        for rule in MappingRule.objects.for_org(request.org).of_list(roles=False)
    )
    return as_csv(f"mapping-rules-{now():%Y-%m-%d}", header, rows)


@editing
def new(request: OrgRequest) -> HttpResponse:
    if not entities.kinds_on(request.org):
        messages.info(
            request,
            _("Teams, concurrency groups and sub-organizations are all switched off. Ask support to switch one on."),
        )
        return redirect("rules")
    return _edit(request, None)


@editing
def edit(request: OrgRequest, rule_id: UUID) -> HttpResponse:
    return _edit(request, changing.rule(request, rule_id))


@changing.changing("rules", "GET", "HEAD")
def test(request: OrgRequest) -> HttpResponse:
    """For htmx, while somebody types: which rule applies to a name, or what the rule in the editor matches."""
    if "name" in request.GET:
        return render(request, "groups_provisioning/rules/_tried.html", _tried(request))
    rule = _asked_for(request, request.GET)
    form = RuleForm(request.GET, org=request.org, rule=rule)
    context = {"form": form, **_matched(request.org, form, rule)}
    return render(request, "groups_provisioning/rules/_rule_matches.html", context)


@changing.changing("rules", "POST")
def move(request: OrgRequest, rule_id: UUID) -> HttpResponse:
    """to: `up`, `down`, or a position, 1 for the first."""
    rule = changing.rule(request, rule_id)
    to = request.POST.get("to", "")
    steps = {"up": rule.position - 1, "down": rule.position + 1}
    place = steps.get(to) or (int(to) if to.isdecimal() and len(to) < 6 else rule.position)
    try:
        rules.move_rule(org=request.org, rule_id=rule.id, position=place, cause=cause(request))
    except rules.UnknownRule:
        messages.info(request, _("Somebody else has deleted this rule."))
    if not request.htmx:
        return redirect("rules")
    context = _list(request)
    moved = next((each for each in context["rules"] if each.id == rule.id), None)
    if moved is not None:
        context["announced"] = _("%(rule)s is now rule %(place)d of %(count)d.") % {
            "rule": _named(moved),
            "place": moved.position,
            "count": len(context["rules"]),
        }
    return render(request, "groups_provisioning/rules/_rules.html", context)


@editing
def delete(request: OrgRequest, rule_id: UUID) -> HttpResponseBase:
    rule = changing.rule(request, rule_id)

    def carry_out() -> str:
        rules.delete_rule(org=request.org, rule_id=rule.id, cause=cause(request))
        return _("The rule was deleted.")

    question = Question(
        title=_("Delete rule %(place)d, %(rule)s?") % {"place": rule.position, "rule": _named(rule)},
        verb=_("Delete rule"),
        wish=None,
        back=reverse("rules"),
        lead=_(
            "Groups that it has mapped stay mapped. The other rules apply to groups that are pushed or renamed later."
        ),
        destructive=True,
        above=RULES,
    )
    return decide(request, question, carry_out)


@editing
def apply(request: OrgRequest) -> HttpResponseBase:
    """Apply all rules, or only one, to the unmapped groups (SPEC M5)."""
    rule = _asked_for(request, request.POST if request.method == "POST" else request.GET)

    def carry_out() -> str:
        done = mappings.apply_rules(org=request.org, rule_id=rule.id if rule else None, cause=cause(request))
        return " ".join(
            [
                ngettext("%(count)d group was mapped.", "%(count)d groups were mapped.", done.approved)
                % {"count": done.approved},
                ngettext("%(count)d group waits for approval.", "%(count)d groups wait for approval.", done.pending)
                % {"count": done.pending},
            ]
        )

    question = Question(
        title=_("Apply rule %(place)d, %(rule)s?") % {"place": rule.position, "rule": _named(rule)}
        if rule
        else _("Apply the rules to unmapped groups?"),
        verb=_("Apply"),
        wish={"do": "apply", "rule": str(rule.id) if rule else ""},
        back=reverse("groups"),
        details="groups_provisioning/rules/_applied.html",
        above=RULES,
        context={"rule": rule},
    )
    return decide(request, question, carry_out)


def _edit(request: OrgRequest, rule: MappingRule | None) -> HttpResponse:
    """Save only after showing what the rule matches, and what applying it would do (SPEC M9)."""
    form = RuleForm(request.POST if request.method == "POST" else None, org=request.org, rule=rule)
    context = {"form": form, "rule": rule, **_matched(request.org, form, rule)}
    if request.method == "POST" and form.is_valid():
        try:
            if context["tally"].unmapped or context["matches"].is_cut:
                context |= _effect(request, form, rule)
            if request.POST.get("seen") == context["seen"]:
                return _saved(request, form, rule)
            context["asked_again"] = True
        except KindOff as refusal:
            form.add_error("kind", refusals.in_words(refusal))
        except rules.UnknownRule:
            messages.info(request, _("Somebody else has deleted this rule."))
            return redirect("rules")
    return render(request, "groups_provisioning/rules/rule.html", context)


def _effect(request: OrgRequest, form: RuleForm, rule: MappingRule | None) -> dict[str, Any]:
    wish = {"do": "save_rule", "rule": str(rule.id) if rule else "", **asdict(form.facts())}
    outlook = runs.look(request.org, wish)
    return {"outlook": outlook, "outcome": shown.show(request.org, outlook), "seen": outlook.fingerprint}


def _saved(request: OrgRequest, form: RuleForm, rule: MappingRule | None) -> HttpResponse:
    if rule is None:
        saved = rules.add_rule(org=request.org, facts=form.facts(), cause=cause(request))
    else:
        saved = rules.edit_rule(org=request.org, rule_id=rule.id, facts=form.facts(), cause=cause(request))
    messages.success(request, _("The rule was saved. It applies to groups that are pushed or renamed from now on."))
    return redirect(f"{reverse('rules')}?saved={saved.id}")


def _list(request: OrgRequest) -> dict[str, Any]:
    found = list(MappingRule.objects.for_org(request.org).of_list(roles=False))
    matches = matched_groups.count(request.org, found)
    rows = list(zip(found, matches.tallies, strict=True))
    saved = request.GET.get("saved")
    return {
        "tabs": group_list.tabs(request.org),
        "rules": found,
        "rows": rows,
        "matches": matches,
        "counted": matched_groups.COUNTED,
        "kinds_on": entities.kinds_on(request.org),
        "saved": next(
            (rule for rule, tally in rows if str(rule.id) == saved and (tally.unmapped or matches.is_cut)), None
        ),
    }


def _tried(request: OrgRequest) -> dict[str, Any]:
    """The rule that would apply to the name that somebody tries."""
    name = request.GET.get("name", "").strip()
    followed = first_match(MappingRule.objects.for_org(request.org).of_list(roles=False), name) if name else None
    return {"tried": name, "followed": followed}


def _matched(org: Organization, form: RuleForm, rule: MappingRule | None) -> dict[str, Any]:
    """What the rule in the editor matches at its position; nothing while it is not valid."""
    if form.is_bound:
        if not form.is_valid():
            return {"tally": None, "seen": ""}
        facts: dict[str, Any] = form.cleaned_data
    elif rule is not None:
        facts = {name: getattr(rule, name) for name in rules.FACTS}
    else:
        return {"tally": None, "seen": ""}
    found = list(MappingRule.objects.for_org(org).of_list(roles=False))
    edited = MappingRule(org=org, **facts)
    place = next((index for index, each in enumerate(found) if each == rule), len(found))
    tried = [*found[:place], edited, *found[place + 1 :]]
    matches = matched_groups.count(org, tried)
    tally = matches.tallies[place]
    about = repr((facts["pattern_type"], facts["pattern"], tally.matching, tally.winning, tally.unmapped))
    return {
        "tally": tally,
        "matches": matches,
        "counted": matched_groups.COUNTED,
        "place": place + 1,
        "seen": sha256(about.encode()).hexdigest(),
    }


def _asked_for(request: OrgRequest, sent: QueryDict) -> MappingRule | None:
    """The rule whose id was sent, if any."""
    text = sent.get("rule")
    return changing.rule(request, text) if text else None


def _named(rule: MappingRule) -> str:
    if rule.pattern_type == PatternType.ALL:
        return str(rule.get_pattern_type_display())
    return f"{rule.get_pattern_type_display()} “{rule.pattern}”"
