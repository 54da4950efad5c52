"""The form with which a list is limited to days."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

FIRST, LAST = date(2000, 1, 1), date(2999, 12, 31)  # between which there is a midnight, and an id, of each day


def _day(label: Any) -> forms.DateField:
    attrs = {"type": "date", "min": FIRST.isoformat(), "max": LAST.isoformat()}
    return forms.DateField(
        label=label,
        required=False,
        widget=forms.DateInput(attrs, "%Y-%m-%d"),
        validators=[MinValueValidator(FIRST), MaxValueValidator(LAST)],
    )


class DayRange(forms.Form):
    """Days in the zone of the reader. until: the last one."""

    since = _day(_("From"))
    until = _day(_("To"))

    def moments(self) -> tuple[datetime | None, datetime | None]:
        """The first moment, and the first that is too late; None where there is no valid day. For a cleaned form."""
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        return (_midnight(since) if since else None, _midnight(until + timedelta(days=1)) if until else None)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
