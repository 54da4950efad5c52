"""The search field and the filters of a list."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

ANY = ("", _("Any"))

NAME = "name"
"""The order of every list that can be sorted, if none is chosen. A `-` before the name of an order reverses it."""


class Search(forms.Form):
    """Filters of a list, and its order. Links send them too, so invalid values are ignored.

    orders: those that can be chosen, if any.
    """

    q = forms.CharField(
        label=_("Search"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )

    def __init__(self, data: Any, *, for_people: bool = False, orders: Iterable[str] = ()) -> None:
        super().__init__(data, auto_id="filter_%s")
        self.orders = frozenset(orders)
        self.fields["q"].widget.attrs["placeholder"] = _("Name, address or ID") if for_people else _("Name")

    def chosen(self, name: str) -> str:
        self.is_valid()
        return self.cleaned_data.get(name, "")

    @property
    def is_used(self) -> bool:
        """Whether any filter is set."""
        return any(self.chosen(name) for name in self.fields)

    @property
    def sorted_by(self) -> str:
        wished: str = self.data.get("sort", NAME)
        return wished if wished in self.orders else NAME
