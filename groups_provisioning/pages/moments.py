"""The form that asks how something was at a moment (SPEC T3)."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orgs import past
from orgs.models import Organization
from orgs.templatetags.muster import exactly


class MomentInput(forms.DateTimeInput):
    """Shows what a link asked for in the reader's zone, as the browser's own control needs it."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(attrs={"step": "1"})

    def format_value(self, value: Any) -> str | None:
        try:
            at = datetime.fromisoformat(value)
            local = timezone.localtime(at) if at.tzinfo else at
        except (TypeError, ValueError, OverflowError):
            return value  # nothing, no time, or none of the reader's calendar
        return local.replace(tzinfo=None, microsecond=0).isoformat()


class MomentForm(forms.Form):
    """A date and a time in the reader's zone; links may name the zone, and microseconds."""

    at = forms.DateTimeField(label=gettext_lazy("Date and time"), widget=MomentInput)

    def __init__(self, data: Any, *, org: Organization) -> None:
        super().__init__(data if data.get("at") else None)
        self.org = org
        self.fields["at"].help_text = _("History goes back to %(since)s.") % {"since": exactly(past.began(org))}

    def clean_at(self) -> datetime:
        at: datetime = self.cleaned_data["at"]
        try:
            past.check(self.org, at)
        except past.NotYet:
            raise forms.ValidationError(_("This is in the future.")) from None
        except past.NotKept:
            raise forms.ValidationError(_("History does not go back this far.")) from None
        return at

    @property
    def moment(self) -> datetime | None:
        """What was asked for, if it is known."""
        return self.cleaned_data["at"] if self.is_bound and self.is_valid() else None
