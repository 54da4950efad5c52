"""The filters of the list of people, and the form for roles by hand."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from groups_provisioning.pages.people import people_list
from groups_provisioning.pages.search import ANY, Search
from orgs.models import Organization
from orgs.roles import catalogue


class PeopleFilter(Search):
    role = forms.ChoiceField(label=_("Role"), required=False)
    added_by = forms.ChoiceField(label=_("Added by"), required=False, choices=[ANY, *people_list.AddedBy.choices])
    account = forms.ChoiceField(
        label=_("Status"),
        required=False,
        choices=[ANY, *people_list.Account.choices, (people_list.CONFLICT, _("Has a conflict"))],
    )
    within = forms.CharField(
        label=_("Team or group"),
        max_length=255,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Name"), "autocomplete": "off"}),
    )

    def __init__(self, data: Any, *, org: Organization) -> None:
        super().__init__(data, for_people=True, orders=people_list.ORDERS)
        self.fields["role"].choices = [ANY, *((key, key) for key in catalogue(org.profile).keys)]  # type: ignore[attr-defined]

    def wanted(self) -> people_list.Wanted:
        return people_list.Wanted(
            self.chosen("q"),
            self.chosen("role"),
            self.chosen("added_by"),
            self.chosen("account"),
            self.chosen("within"),
        )


class RolesForm(forms.Form):
    """The roles that somebody is given by hand: one, or in a union profile any number (SPEC R1)."""

    def __init__(self, data: Any = None, *, org: Organization, present: list[str] | None, **options: Any) -> None:
        super().__init__(data, **options)
        roles = catalogue(org.profile)
        named = [(key, key) for key in roles.keys]
        if roles.policy == "union":
            self.fields["roles"] = forms.MultipleChoiceField(
                label=_("Roles by hand"),
                choices=named,
                required=False,
                initial=present or [],
                widget=forms.CheckboxSelectMultiple,
                help_text=_("Choose “None” to set no role by hand."),
            )
        else:
            self.fields["roles"] = forms.ChoiceField(
                label=_("Role by hand"),
                choices=[("", _("None")), *named],
                required=False,
                initial=(present or [""])[0],
                widget=forms.RadioSelect,
            )

    def roles(self) -> list[str]:
        chosen = self.cleaned_data["roles"]
        return chosen if isinstance(chosen, list) else [chosen] if chosen else []
