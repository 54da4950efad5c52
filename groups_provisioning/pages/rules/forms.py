"""The form of a mapping rule."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from groups_provisioning import refusals
from groups_provisioning.actions.rules import FACTS, RuleFacts
from groups_provisioning.models import MappingRule, PatternType
from groups_provisioning.rules import patterns
from orgs import entities
from orgs.models import EntityKind, Organization


class RuleForm(forms.Form):
    """A mapping rule without its position (SPEC M3). A kind that is off is offered only if the rule already has it."""

    pattern_type = forms.ChoiceField(label=_("Match by"), choices=PatternType.choices)
    pattern = forms.CharField(
        label=_("Pattern"),
        required=False,
        strip=False,
        max_length=patterns.LONGEST,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )
    kind = forms.ChoiceField(label=_("Map to"))
    auto_approve = forms.BooleanField(
        label=_("Approve automatically"),
        required=False,
        help_text=_(
            "A team or concurrency group with the group's name is found or created, and members are assigned at once."
        ),
    )

    def __init__(self, data: Any = None, *, org: Organization, rule: MappingRule | None = None) -> None:
        initial = {name: getattr(rule, name) for name in FACTS} if rule else None
        super().__init__(data, initial=initial, auto_id="rule_%s")
        on = entities.kinds_on(org)
        kinds = [(value, label) for value, label in EntityKind.choices if value in on or (rule and rule.kind == value)]
        self.fields["kind"].choices = kinds  # type: ignore[attr-defined]
        self.fields["kind"].error_messages["invalid_choice"] = refusals.in_words(entities.KindOff())

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
