"""The form that asks how something was at a moment (SPEC T3)."""

from datetime import datetime
from typing import Any

from django import forms
from django.template.defaultfilters import date as told
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orgs import past
from orgs.models import Organization


class MomentForm(forms.Form):
    """A date and a time in the reader's zone; links may name the zone, and microseconds."""

    at = forms.DateTimeField(
        label=gettext_lazy("Date and time"),
        widget=forms.DateTimeInput(format="%Y-%m-%dT%H:%M:%S", attrs={"type": "datetime-local", "step": "1"}),
    )

    def __init__(self, data: Any, *, org: Organization) -> None:
        super().__init__(data if data.get("at") else None)
        self.org = org
        self.began = past.began(org)

    def clean_at(self) -> datetime:
        at: datetime = self.cleaned_data["at"]
        try:
            past.check(self.org, at)
        except past.NotYet:
            raise forms.ValidationError(_("This is in the future.")) from None
        except past.NotKept as refusal:
            since = told(refusal.began, "DATETIME_FORMAT")
            raise forms.ValidationError(_("What was is known since %(since)s.") % {"since": since}) from None
        return at

    @property
    def moment(self) -> datetime | None:
        """What was asked for, if it is known."""
        return self.cleaned_data["at"] if self.is_bound and self.is_valid() else None
