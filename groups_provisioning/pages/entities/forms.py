"""The filters of the lists of entities, and the forms to create and change them."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from groups_provisioning.models import Source
from groups_provisioning.pages.entities import entity_list
from groups_provisioning.pages.people import people_list
from groups_provisioning.pages.search import ANY, Search
from orgs.entity_names import LONGEST
from orgs.models import EntityKind


class EntityFilter(Search):
    owned = forms.ChoiceField(label=_("SCIM group"), required=False, choices=[ANY, *entity_list.Owned.choices])

    def __init__(self, data: Any) -> None:
        super().__init__(data, orders=entity_list.ORDERS)

    def wanted(self) -> entity_list.Wanted:
        return entity_list.Wanted(self.chosen("q"), self.chosen("owned"))


class MembersFilter(Search):
    source = forms.ChoiceField(label=_("Assigned by"), required=False, choices=[ANY, *Source.choices])

    def __init__(self, data: Any) -> None:
        super().__init__(data, orders=people_list.MEMBER_ORDERS)


class EntityForm(forms.Form):
    """A new entity."""

    name = forms.CharField(
        label=_("Name"), max_length=LONGEST, widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True})
    )
    session_limit = forms.IntegerField(
        label=_("Parallel sessions"),
        required=False,
        min_value=1,
        max_value=1_000_000,
        help_text=_("How many sessions its members together may have at once. Leave empty for no limit."),
    )

    def __init__(self, *args: Any, kind: str, **options: Any) -> None:
        super().__init__(*args, **options)
        if kind != EntityKind.CONCURRENCY_GROUP:
            del self.fields["session_limit"]


class RenameForm(EntityForm):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, kind="", **options)


class LimitForm(EntityForm):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, kind=EntityKind.CONCURRENCY_GROUP, **options)
        del self.fields["name"]
        self.fields["session_limit"].widget.attrs["autofocus"] = True
