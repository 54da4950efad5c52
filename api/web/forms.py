"""Forms for keys and webhooks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from api.webhooks import endpoints
from orgs.feed import NUMBERS
from orgs.guarded_http import LONGEST_URL
from orgs.models import Organization, Scope
from orgs.web.sent_forms import once_field
from scim.forms import Lifetime

KINDS = {
    "person": _("People"),
    "team": _("Teams"),
    "concurrency_group": _("Concurrency groups"),
    "sub_organization": _("Sub-organizations"),
    "group": _("SCIM groups"),
    "organization": _("Organizations"),
}
"""The kinds of resources that a webhook tells of, in words."""


class KeyForm(forms.Form):
    """A key to create. A person may give it every scope."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        help_text=_("The program that will use it, such as “Payroll export”."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        choices=Scope.choices,
        initial=[Scope.READ],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Give it no more than the program needs. It cannot be changed later."),
    )
    lifetime = Lifetime(
        label=_("Expires after"), initial="365", help_text=_("The program is refused when the key has expired.")
    )
    once = once_field()

    def clean_scopes(self) -> list[Scope]:
        return [Scope(each) for each in self.cleaned_data["scopes"]]


class WebhookForm(forms.Form):
    """An address, what is told there, and how much at once. org: whose it is; None for the operator."""

    url = forms.CharField(
        label=_("Address"),
        max_length=LONGEST_URL,
        widget=forms.TextInput(
            attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
        ),
    )
    kinds = forms.MultipleChoiceField(label=_("Notify about"), widget=forms.CheckboxSelectMultiple)
    max_items = forms.IntegerField(
        label=_("Items of a message, at most"),
        min_value=1,
        max_value=endpoints.MOST_ITEMS,
        initial=endpoints.ITEMS,
        help_text=_("From 1 to 500."),
    )

    def __init__(self, *args: Any, org: Organization | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = endpoints.kinds_for(org)
        choices = [(kind, KINDS[kind]) for kind in NUMBERS if kind in known]
        self.fields["kinds"].choices = choices  # type: ignore[attr-defined]
        self.fields["kinds"].initial = [kind for kind, _words in choices]
        self.fields["url"].help_text = (
            _("It starts with https://. Whoever has the secret can check that messages come from here.")
            if org is None
            else _("It starts with https:// and is reached over the internet, on port 443 or 8443.")
        )
        self._has_ports = org is not None

    def refuse(self, refusal: endpoints.BadUrl | endpoints.TooManyWebhooks) -> None:
        """Say why the command refused what the form has."""
        if isinstance(refusal, endpoints.TooManyWebhooks):
            words = _("There are %(most)d webhooks, and no more are possible. Delete one first.")
            self.add_error(None, words % {"most": endpoints.MOST})
        elif self._has_ports:
            self.add_error("url", _("Enter the address of a server, with https://, on port 443 or 8443."))
        else:
            self.add_error("url", _("Enter the address of a server, with https://."))


class NewWebhookForm(WebhookForm):
    once = once_field()


class RotateForm(forms.Form):
    once = once_field()


class ReplayForm(forms.Form):
    """From where a webhook tells again. latest: now. zone: the name of the reader's."""

    START, TIME = "start", "time"
    beginning = forms.ChoiceField(
        label=_("Tell again"),
        choices=[(TIME, _("What has changed since a time")), (START, _("Everything"))],
        initial=TIME,
        widget=forms.RadioSelect,
    )
    time = forms.DateTimeField(
        label=_("Since"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )

    def __init__(self, *args: Any, latest: datetime, zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.latest = latest
        self.fields["time"].help_text = _("In your time zone, %(zone)s.") % {"zone": zone}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("beginning") == self.TIME and "time" not in self.errors:
            time = cleaned.get("time")
            if time is None:
                self.add_error("time", _("Enter a time."))
            elif time > self.latest:
                self.add_error("time", _("Enter a time in the past."))
        return cleaned

    @property
    def since(self) -> datetime | None:
        """The time; None for everything there is."""
        return self.cleaned_data["time"] if self.cleaned_data["beginning"] == self.TIME else None


def kinds_in_words(kinds: Sequence[str]) -> list[str]:
    """The names of kinds, in the order of the form."""
    return [str(words) for kind, words in KINDS.items() if kind in kinds]
