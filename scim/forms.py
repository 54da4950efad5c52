"""What people look for."""

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from orgs.models import IdentityProvider, Organization, ScimToken
from scim.provisioning_log import Wanted

TOKENS = 50  # of the newest, to choose from


class LogFilter(forms.Form):
    """What to show of the provisioning log. Sent by links as well: what makes no sense is as if it were left out."""

    q = forms.CharField(
        label=_("Search"),
        max_length=100,
        required=False,
        widget=forms.TextInput(
            attrs={"type": "search", "placeholder": _("Name, id or filter"), "autocomplete": "off"},
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
    sent_by = forms.ChoiceField(label=_("Sent by"), required=False)

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
        return Wanted(
            outcome=chosen.get("outcome", ""),
            method=chosen.get("method", ""),
            tokens=self._tokens(chosen.get("sent_by", "")),
            text=chosen.get("q", ""),
        )

    def _tokens(self, sender: str) -> list[UUID] | None:
        """The ids of the tokens that a choice stands for: one, or all of an identity provider."""
        if not sender:
            return None
        return [token.id for token in self.tokens if sender in (token.idp, str(token.id))]
