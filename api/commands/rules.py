"""The two lists of mapping rules, and applying them to groups that are open to them (SPEC M3, M5, R6)."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request

from api import mappings as readings
from api import problems
from api.base import Answer
from api.commands.previews import DecisionView, shown
from api.description import describes
from api.serializers import Exact, Foreseen, Progress
from groups_provisioning import refusals
from groups_provisioning.actions.rules import RuleFacts, UnknownRule
from groups_provisioning.choices import TARGET_KINDS, PatternType
from groups_provisioning.models import MappingRule
from groups_provisioning.preview.plans import Wish
from groups_provisioning.rules.patterns import LONGEST, BadPattern

KINDS = [kind for kind, _label in TARGET_KINDS]
MOST = 1_000_000  # of a position; numbers beyond the last mean the last


class RuleFactsBody(Exact):
    """pattern: of a rule for all groups empty. role: of role rules, and of no others."""

    pattern_type = serializers.ChoiceField(PatternType.values)
    pattern = serializers.CharField(trim_whitespace=False, allow_blank=True, max_length=LONGEST, default="")
    kind = serializers.ChoiceField(KINDS)
    role = serializers.CharField(allow_blank=True, default="")
    auto_approve = serializers.BooleanField(default=False)


class BackTestBody(RuleFactsBody):
    """A rule. rule: the id of one that would be changed to this; null for a new one, after all others of its list."""

    rule = serializers.UUIDField(allow_null=True, default=None)


class RuleBody(RuleFactsBody):
    """A rule.

    apply: whether the rule is applied at once to the groups that are open to it. Otherwise saving it changes nothing
    for groups that are there.
    """

    apply = serializers.BooleanField(default=False)


class MoveBody(Exact):
    """position: in its list; 1 is the first."""

    position = serializers.IntegerField(min_value=1, max_value=MOST)


class ApplyBody(Exact):
    """list: `entities` or `roles`."""

    list = serializers.ChoiceField(["entities", "roles"])


class Applied(serializers.Serializer[Any]):
    """What rules did to groups. approved: how many were mapped. pending: how many wait for somebody to approve it."""

    approved = serializers.IntegerField()
    pending = serializers.IntegerField()


class SavedRule(readings.Rule):
    """A rule. approved, pending: how many groups were mapped, and wait, if it was applied."""

    approved = serializers.IntegerField(required=False)
    pending = serializers.IntegerField(required=False)


class RuleView(DecisionView):
    def save(self, request: Request, *, present: MappingRule | None = None, status: int = 200) -> Answer:
        """Save a rule, new or not. What it would do to groups is only known if it is to be applied."""
        asked = self.body(request, RuleBody)
        apply, facts = asked.pop("apply"), _facts(asked)
        if present and facts.gives_role != present.gives_role:
            raise problems.invalid({"kind": ["A rule stays in its list. Delete it, and add one to the other list."]})
        self.may_give(facts.role)
        if present:
            self.may_uncover(present)

        rule = str(present.id) if present else ""
        meant: Wish = {"do": "keep_rule", "rule": rule, "facts": asdict(facts), "apply": apply}

        def do() -> Any:
            saved, applied = self.run(meant)
            return _told(saved) | (asdict(applied) if applied else {})

        wish = {"do": "save_rule", "rule": rule, **asdict(facts)} if apply else None
        try:
            return self.decide(request, wish, do, status=status, meant=meant)
        except BadPattern as bad:
            raise problems.invalid({"pattern": [refusals.bad_pattern(facts.pattern, bad)]}) from None

    def may_uncover(self, rule: MappingRule) -> None:
        """Whether this rule may match less, or later: groups that it kept from those behind it are theirs then, and
        from now on. Raises Problem.
        """
        behind = MappingRule.objects.for_org(self.org).of_list(roles=rule.gives_role)
        self.may_give(*behind.filter(position__gt=rule.position).values_list("role", flat=True))

    def rule(self, rule: UUID) -> MappingRule:
        """Raises UnknownRule."""
        found = MappingRule.objects.for_org(self.org).filter(id=rule).first()
        if found is None:
            raise UnknownRule(rule)
        return found


class Rules(RuleView, readings.Rules):
    @describes(
        "Add a rule",
        body=RuleBody,
        answer=SavedRule,
        status=201,
        asks=True,
        previews=True,
        foresees=True,
        problems=("kind-off", "unknown-role"),
    )
    def post(self, request: Request, org: UUID) -> Answer:
        """After all others of its list."""
        return self.save(request, status=201)


class OneRule(RuleView, readings.OneRule):
    @describes(
        "Replace a rule",
        body=RuleBody,
        answer=SavedRule,
        asks=True,
        previews=True,
        foresees=True,
        problems=("unknown-rule", "kind-off", "unknown-role"),
    )
    def put(self, request: Request, org: UUID, rule: UUID) -> Answer:
        """The whole rule; its position stays."""
        return self.save(request, present=self.rule(rule))

    @describes("Delete a rule", answer=None, status=204, asks=True, previews=True, problems=("unknown-rule",))
    def delete(self, request: Request, org: UUID, rule: UUID) -> Answer:
        """What it mapped stays mapped."""
        self.may_uncover(self.rule(rule))

        wish: Wish = {"do": "delete_rule", "rule": str(rule)}
        return self.decide(request, None, lambda: self.run(wish), status=204, meant=wish)


class BackTest(RuleView):
    @describes(
        "Try a rule on recent pushes",
        body=BackTestBody,
        answer=Foreseen,
        also={202: Progress},
        problems=("unknown-rule", "kind-off", "unknown-role"),
    )
    def post(self, request: Request, org: UUID) -> Answer:
        """What it would have done with the groups of the last thirty days, had it alone been there, and what people
        would have now. Nothing is saved, and there is nothing to confirm.
        """
        asked = self.body(request, BackTestBody)
        rule = asked.pop("rule")
        if rule:
            self.rule(rule)
        facts = _facts(asked)
        try:
            return shown(self.org, {"do": "back_test", "rule": str(rule) if rule else "", **asdict(facts)})
        except BadPattern as bad:
            raise problems.invalid({"pattern": [refusals.bad_pattern(facts.pattern, bad)]}) from None


class MoveRule(RuleView):
    @describes("Move a rule", body=MoveBody, answer=readings.Rule, asks=True, previews=True, problems=("unknown-rule",))
    def post(self, request: Request, org: UUID, rule: UUID) -> Answer:
        position, moved = self.body(request, MoveBody)["position"], self.rule(rule)
        if position < moved.position:
            self.may_give(moved.role)
        else:
            self.may_uncover(moved)

        wish: Wish = {"do": "move_rule", "rule": str(rule), "position": position}

        def do() -> Any:
            self.run(wish)
            return _told(self.rule(rule))

        return self.decide(request, None, do, meant=wish)


class ApplyRule(RuleView):
    @describes(
        "Apply a rule",
        answer=Applied,
        asks=True,
        foresees=True,
        problems=("unknown-rule",),
    )
    def post(self, request: Request, org: UUID, rule: UUID) -> Answer:
        """Only to groups that this rule is the first of its list to match."""
        self.may_give(self.rule(rule).role)
        wish: Wish = {"do": "apply", "rule": str(rule)}
        return self.decide(request, wish, lambda: asdict(self.run(wish)))


class ApplyRules(RuleView):
    @describes("Apply the rules of a list", body=ApplyBody, answer=Applied, asks=True, foresees=True)
    def post(self, request: Request, org: UUID) -> Answer:
        """In their order, to the groups that have no mapping of the list."""
        roles = self.body(request, ApplyBody)["list"] == "roles"
        listed = MappingRule.objects.for_org(self.org).of_list(roles=roles)
        self.may_give(*listed.values_list("role", flat=True))
        wish: Wish = {"do": "apply", "roles": roles}
        return self.decide(request, wish, lambda: asdict(self.run(wish)))


def _facts(asked: dict[str, Any]) -> RuleFacts:
    """Raises Problem."""
    facts = RuleFacts(**asked)
    if facts.gives_role != bool(facts.role):
        raise problems.invalid({"role": ["Rules of the kind `role` name a role, and others none."]})
    return facts


def _told(rule: MappingRule) -> dict[str, Any]:
    told: dict[str, Any] = readings.Rule().to_representation(rule)
    return told
