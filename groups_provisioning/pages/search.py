"""The search field and the filters of a list."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

ANY = ("", _("Any"))


class Search(forms.Form):
    """Filters of a list. Links send them too, so invalid values are ignored."""

    q = forms.CharField(
        label=_("Search"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )

    def __init__(self, data: Any, *, for_people: bool = False) -> None:
        super().__init__(data, auto_id="filter_%s")
        self.fields["q"].widget.attrs["placeholder"] = _("Name, address or ID") if for_people else _("Name")

    def chosen(self, name: str) -> str:
        self.is_valid()
        return self.cleaned_data.get(name, "")

    @property
    def is_used(self) -> bool:
        """Whether any filter is set."""
        return any(self.chosen(name) for name in self.fields)
