"""The forms of mapping rules and role rules."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from groups_provisioning import refusals
from groups_provisioning.actions.rules import FACTS, RuleFacts
from groups_provisioning.models import ROLE, MappingRule, PatternType
from groups_provisioning.rules import patterns
from orgs import entities
from orgs.models import EntityKind, Organization
from orgs.roles import catalogue


class RuleForm(forms.Form):
    """What rules of both lists have, without their position (SPEC M3). target: the field that says what they give."""

    target: str

    pattern_type = forms.ChoiceField(label=_("Match by"), choices=PatternType.choices)
    pattern = forms.CharField(
        label=_("Pattern"),
        required=False,
        strip=False,
        max_length=patterns.LONGEST,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )
    auto_approve = forms.BooleanField(label=_("Approve automatically"), required=False)

    def __init__(self, data: Any = None, *, org: Organization, rule: MappingRule | None = None) -> None:
        initial = {name: getattr(rule, name) for name in FACTS} if rule else None
        super().__init__(data, initial=initial, auto_id="rule_%s")
        self.org, self.rule = org, rule

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("pattern_type") == PatternType.ALL:
            cleaned["pattern"] = ""
        elif "pattern_type" in cleaned and "pattern" in cleaned:
            try:
                patterns.check(cleaned["pattern_type"], cleaned["pattern"])
            except patterns.BadPattern as bad:
                self.add_error("pattern", refusals.bad_pattern(cleaned["pattern"], bad))
        return cleaned

    def facts(self) -> RuleFacts:
        """For a valid form."""
        return RuleFacts(**self.cleaned_data)

    @property
    def gives_admin(self) -> bool:
        """Whether a valid form gives the admin role, so that it asks twice (SPEC R6)."""
        return self.facts().role == catalogue(self.org.profile).admin


class MappingRuleForm(RuleForm):
    """A rule for entities. A kind that is off is offered only if the rule already has it."""

    target = "kind"

    kind = forms.ChoiceField(label=_("Map to"))

    def __init__(self, data: Any = None, *, org: Organization, rule: MappingRule | None = None) -> None:
        super().__init__(data, org=org, rule=rule)
        on = entities.kinds_on(org)
        kinds = [(value, label) for value, label in EntityKind.choices if value in on or (rule and rule.kind == value)]
        self.fields["kind"].choices = kinds  # type: ignore[attr-defined]
        self.fields["kind"].error_messages["invalid_choice"] = refusals.in_words(entities.KindOff())


class RoleRuleForm(RuleForm):
    """A role rule (SPEC R6); a new one has the default role. One that is gone is offered only if the rule has it."""

    target = "role"

    role = forms.ChoiceField(label=_("Give the role"))

    def __init__(self, data: Any = None, *, org: Organization, rule: MappingRule | None = None) -> None:
        super().__init__(data, org=org, rule=rule)
        roles = catalogue(org.profile)
        keys = [*roles.keys, *([rule.role] if rule and rule.role not in roles.keys else [])]
        self.fields["role"].choices = [(key, key) for key in keys]  # type: ignore[attr-defined]
        self.fields["role"].initial = roles.default

    def facts(self) -> RuleFacts:
        return RuleFacts(kind=ROLE, **self.cleaned_data)


def form_for(gives_roles: bool) -> type[RuleForm]:
    """The form of the rules of one list."""
    return RoleRuleForm if gives_roles else MappingRuleForm
