"""Forms for tokens, and the filters of the log."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from orgs import address_limits
from orgs.models import IdentityProvider, Organization, ScimToken
from orgs.web.day_range import DayRange
from orgs.web.sent_forms import once_field
from scim.protocol import errors
from scim.provisioning_log import Wanted

TOKENS = 50  # the newest ones, to choose from
ERROR_TYPES = sorted({each.scim_type for each in vars(errors).values() if getattr(each, "scim_type", None)})


class LogFilter(DayRange):
    """Filters of the provisioning log. Links send them as well: invalid values are ignored."""

    q = forms.CharField(
        label=_("Search"),
        max_length=100,
        required=False,
        widget=forms.TextInput(
            attrs={"type": "search", "placeholder": _("Name, ID or filter"), "autocomplete": "off"},
        ),
    )
    outcome = forms.ChoiceField(
        label=_("Outcome"),
        required=False,
        choices=[
            ("", _("Any")),
            ("ok", _("Succeeded")),
            ("error", _("Refused or failed")),
            ("refused", _("Refused (4xx)")),
            ("failed", _("Failed (5xx)")),
        ],
    )
    method = forms.ChoiceField(
        label=_("Method"),
        required=False,
        choices=[("", _("Any")), *((method, method) for method in ("GET", "POST", "PUT", "PATCH", "DELETE"))],
    )
    error = forms.ChoiceField(
        label=_("Error type"),
        required=False,
        choices=[("", _("Any")), *((scim_type, scim_type) for scim_type in ERROR_TYPES)],
    )
    sent_by = forms.ChoiceField(label=_("Sent by"), required=False)
    about = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, org: Organization) -> None:
        super().__init__(data, auto_id="filter_%s")
        self.tokens = list(ScimToken.objects.for_org(org)[:TOKENS])
        idps = dict.fromkeys(token.idp for token in self.tokens)
        self.fields["sent_by"].choices = [  # type: ignore[attr-defined]
            ("", _("Any token")),
            (_("Identity provider"), [(idp, IdentityProvider(idp).label) for idp in idps]),
            (_("Token"), [(str(token.id), token.name) for token in self.tokens]),
        ]

    def wanted(self) -> Wanted:
        self.is_valid()
        chosen = self.cleaned_data
        since, until = self.moments()
        return Wanted(
            outcome=chosen.get("outcome", ""),
            error=chosen.get("error", ""),
            about=chosen.get("about"),
            method=chosen.get("method", ""),
            tokens=self._tokens(chosen.get("sent_by", "")),
            text=chosen.get("q", ""),
            since=since,
            until=until,
        )

    def _tokens(self, sender: str) -> list[UUID] | None:
        """The ids of the tokens behind a choice: one token, or all of an identity provider."""
        if not sender:
            return None
        return [token.id for token in self.tokens if sender in (token.idp, str(token.id))]


class Lifetime(forms.ChoiceField):
    """A choice of days, as a timedelta; None for a token that never expires."""

    NEVER = "never"

    def __init__(self, **options: Any) -> None:
        choices = [("90", _("90 days")), ("365", _("1 year")), (self.NEVER, _("Never"))]
        super().__init__(choices=choices, widget=forms.RadioSelect, **options)

    def clean(self, value: Any) -> timedelta | None:
        chosen = super().clean(value)
        return None if chosen == self.NEVER else timedelta(days=int(chosen))


class Networks(forms.CharField):
    """Networks in CIDR notation, one a line."""

    def __init__(self, **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off", "class": "mono"})
        super().__init__(
            label=_("Allowed addresses"),
            required=False,
            max_length=50 * address_limits.MOST,
            widget=widget,
            help_text=_(
                "One address or network per line, such as 192.0.2.0/24. Requests from elsewhere are refused. Leave it "
                "empty if your identity provider does not publish fixed addresses."
            ),
            **options,
        )

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        texts = super().clean(value).replace(",", " ").split()
        if len(texts) > address_limits.MOST:
            raise forms.ValidationError(_("At most %(most)d are possible.") % {"most": address_limits.MOST})
        try:
            return address_limits.read(texts)
        except address_limits.BadNetwork as error:
            if error.meant:
                words = _("“%(text)s” is an address within a network. Did you mean %(meant)s?")
            else:
                words = _("“%(text)s” is neither an address nor a network in CIDR notation.")
            raise forms.ValidationError(words % vars(error)) from None


class AddressesForm(forms.Form):
    """From where a token is accepted. anyway: even if that shuts out the address of its last use."""

    networks = Networks()
    anyway = forms.BooleanField(required=False, widget=forms.HiddenInput)


class LinkTokenForm(forms.Form):
    """A SCIM token to create through a setup link. Whoever confirms it may limit it to addresses."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        help_text=_("To recognize it later, such as “Okta production”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    idp = forms.ChoiceField(label=_("Identity provider"), choices=[("", _("Choose…")), *IdentityProvider.choices])
    lifetime = Lifetime(
        label=_("Expires after"),
        initial="365",
        help_text=_("Provisioning stops when the token expires."),
    )


class TokenForm(LinkTokenForm):
    """A SCIM token to create."""

    networks = Networks()
    once = once_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autofocus"] = True
        self.fields["lifetime"].help_text = _(
            "You will see a reminder here 30 days before. Provisioning stops when the token expires."
        )
