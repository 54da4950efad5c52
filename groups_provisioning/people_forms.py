"""What admins look for among people, and which roles they give."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from groups_provisioning import people_list
from orgs.models import Organization
from orgs.roles import catalogue

ANY = ("", _("Any"))


class Search(forms.Form):
    """Filters of a list. Sent by links as well: what makes no sense is as if it were left out."""

    q = forms.CharField(
        label=_("Search"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )

    def __init__(self, data: Any, *, for_people: bool = False) -> None:
        super().__init__(data, auto_id="filter_%s")
        self.fields["q"].widget.attrs["placeholder"] = _("Name, address or id") if for_people else _("Name")

    def chosen(self, name: str) -> str:
        self.is_valid()
        return self.cleaned_data.get(name, "")

    @property
    def is_used(self) -> bool:
        """Whether anything is left out of the list."""
        return any(self.chosen(name) for name in self.fields)


class PeopleFilter(Search):
    role = forms.ChoiceField(label=_("Role"), required=False)
    added_by = forms.ChoiceField(label=_("Added by"), required=False, choices=[ANY, *people_list.AddedBy.choices])
    account = forms.ChoiceField(label=_("Status"), required=False, choices=[ANY, *people_list.Account.choices])

    def __init__(self, data: Any, *, org: Organization) -> None:
        super().__init__(data, for_people=True)
        self.fields["role"].choices = [ANY, *((key, key) for key in catalogue(org.profile).keys)]  # type: ignore[attr-defined]

    def wanted(self) -> people_list.Wanted:
        return people_list.Wanted(
            self.chosen("q"), self.chosen("role"), self.chosen("added_by"), self.chosen("account")
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
                help_text=_("None means that nothing is set by hand."),
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
