"""The filters of the list of conflicts."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from groups_provisioning.pages.conflicts.open_conflicts import PAIR, Clash, Wanted
from groups_provisioning.pages.search import ANY, Search


class ConflictFilter(Search):
    about = forms.CharField(
        label=_("Group or target"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "placeholder": _("Part of its name")}),
    )
    clash = forms.ChoiceField(label=_("Kind"), required=False, choices=[ANY, *Clash.choices])
    sort = forms.ChoiceField(
        label=_("Order"), required=False, choices=[("", _("Oldest first")), ("newest", _("Newest first"))]
    )
    person = forms.UUIDField(required=False, widget=forms.HiddenInput)
    pair = forms.CharField(max_length=PAIR, required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any) -> None:
        super().__init__(data, for_people=True)
        self.fields["q"].label = _("Person")

    def wanted(self) -> Wanted:
        self.is_valid()
        return Wanted(
            text=self.chosen("q"),
            about=self.chosen("about"),
            clash=self.chosen("clash"),
            person=self.cleaned_data.get("person"),
            pair=self.chosen("pair"),
            newest_first=self.chosen("sort") == "newest",
        )
