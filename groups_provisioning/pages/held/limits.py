"""From when on changes are held: what an admin can choose, each with what it would have held lately (SPEC T1)."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django import forms
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import F, Q, Window
from django.db.models.functions import Lag
from django.utils.functional import Promise

from groups_provisioning.engine.breaker import LIMITS, Limits
from groups_provisioning.engine.hold_counts import LATELY
from groups_provisioning.engine.holds import WEEKS
from groups_provisioning.models import Excess
from orgs.choices import HoldLimits
from orgs.models import Organization

QUIET = LATELY + timedelta(minutes=1)
"""What a token does after this pause is another time: excesses are noted once a minute."""


class LimitsForm(forms.Form):
    limits = forms.ChoiceField(choices=HoldLimits.choices)

    def clean_limits(self) -> HoldLimits:
        return HoldLimits(self.cleaned_data["limits"])


class Choice(NamedTuple):
    """times: how often it would have held changes."""

    value: str
    label: str | Promise
    limits: Limits
    times: int


def choices(org: Organization, *, since: datetime) -> Sequence[Choice]:
    before = Window(Lag("at"), partition_by=[F("token"), F("limits")], order_by="at")
    begun = (
        Excess.objects.for_org(org)
        .filter(at__gte=since)
        .annotate(before=before)
        .filter(Q(before=None) | Q(at__gt=F("before") + QUIET))
    )
    times = Counter(begun.values_list("limits", flat=True))
    return [Choice(each.value, each.label, LIMITS[each], times[each.value]) for each in HoldLimits]


def tried_since(org: Organization, *, at: datetime) -> datetime:
    """Since when excesses of this org are noted and kept."""
    done = MigrationRecorder.Migration.objects.filter(
        app="groups_provisioning", name="0016_holds_mended_and_tried"
    ).values_list("applied", flat=True)
    return max(at - WEEKS, org.created_at, *done)
