"""The forms of whoever invites, and of whoever is invited."""

import re
from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from orgs import invitations
from orgs.db.keys import fold
from orgs.forms import SetPasswordForm
from orgs.models import Organization, User
from orgs.roles import catalogue

_BETWEEN = re.compile(r"[\s,;]+")


class InvitationsForm(forms.Form):
    """Whom to invite, as what, and for how long. seen: the admin role was asked about."""

    addresses = forms.CharField(
        label=gettext_lazy("E-mail addresses"),
        max_length=(254 + 1) * invitations.AT_ONCE,
        help_text=gettext_lazy("One on each line, or separated by commas."),
        widget=forms.Textarea(
            attrs={"rows": 4, "autocapitalize": "none", "spellcheck": "false", "autocomplete": "off", "autofocus": True}
        ),
    )
    days = forms.TypedChoiceField(
        label=gettext_lazy("Expires after"),
        coerce=int,
        initial=invitations.USUAL_DAYS,
        choices=lambda: [
            (days, ngettext("%(count)d day", "%(count)d days", days) % {"count": days}) for days in invitations.DAYS
        ],
    )

    field_order = ("addresses", "roles", "days")

    def __init__(self, data: Any = None, *, org: Organization) -> None:
        super().__init__(data)
        self._roles = catalogue(org.profile)
        named = [(key, key) for key in self._roles.keys]
        if self._roles.policy == "union":
            self.fields["roles"] = forms.MultipleChoiceField(
                label=_("Roles"), choices=named, initial=[self._roles.default], widget=forms.CheckboxSelectMultiple
            )
        else:
            self.fields["roles"] = forms.ChoiceField(
                label=_("Role"), choices=named, initial=self._roles.default, widget=forms.RadioSelect
            )
        self.order_fields(self.field_order)

    def clean_addresses(self) -> list[str]:
        """Each once, as it was first written."""
        written = [text for text in _BETWEEN.split(self.cleaned_data["addresses"]) if text]
        addresses = list({fold(address): address for address in reversed(written)}.values())[::-1]
        if not addresses:
            raise ValidationError(_("Enter an address."))
        if len(addresses) > invitations.AT_ONCE:
            raise ValidationError(_("Invite at most %(most)d people at once.") % {"most": invitations.AT_ONCE})
        return addresses

    def clean_roles(self) -> list[str]:
        chosen = self.cleaned_data["roles"]
        return chosen if isinstance(chosen, list) else [chosen]

    @property
    def makes_admins(self) -> bool:
        return self._roles.admin in self.cleaned_data["roles"]


class JoinForm(forms.Form):
    """The name and password of whoever accepts. Both names, since lists call people by them."""

    given_name = forms.CharField(
        label=gettext_lazy("First name"),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "given-name", "autofocus": True}),
    )
    family_name = forms.CharField(
        label=gettext_lazy("Last name"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "family-name"})
    )
    new_password1, new_password2 = SetPasswordForm.create_password_fields(
        label1=gettext_lazy("Password"), label2=gettext_lazy("Confirm password")
    )

    def __init__(self, data: Any = None, *, address: str) -> None:
        super().__init__(data)
        self._address = address
        self.fields["new_password1"].help_text = _("At least 10 characters. A few unrelated words make a good one.")
        self.fields["new_password2"].help_text = ""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        password, again = cleaned.get("new_password1"), cleaned.get("new_password2")
        if password and again and password != again:
            self.add_error("new_password2", _("The two passwords differ."))
        elif password:
            names = {name: cleaned.get(name, "") for name in ("given_name", "family_name")}
            somebody = User(user_name=self._address, login_email=self._address, **names)
            try:
                password_validation.validate_password(password, somebody)
            except ValidationError as error:
                self.add_error("new_password1", error)
        return cleaned
