"""What people type into the pages."""

import uuid
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth import forms as auth_forms
from django.utils.translation import gettext_lazy as _

from orgs import sign_in
from orgs.models import IdentityProvider, User


class SignInForm(auth_forms.AuthenticationForm):
    # Not type="email": browsers rewrite what they think is wrong in an address.
    username = forms.CharField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "inputmode": "email", "autocapitalize": "none", "autofocus": True}
        ),
    )
    error_messages = {
        "invalid_login": _("This address and password do not match an active account."),
        "inactive": _("This address and password do not match an active account."),
    }


class ForgottenPasswordForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "inputmode": "email", "autocapitalize": "none", "autofocus": True}
        ),
    )


class SetPasswordForm(auth_forms.SetPasswordForm):
    new_password1, new_password2 = auth_forms.SetPasswordForm.create_password_fields(
        label1=_("New password"), label2=_("New password, once more")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].help_text = _("At least 10 characters. A few unrelated words make a good one.")
        self.fields["new_password1"].widget.attrs["autofocus"] = True
        self.fields["new_password2"].help_text = ""

    def save(self, commit: bool = True) -> User:
        sign_in.set_password(user=self.user, password=self.cleaned_data["new_password1"])
        return self.user


class Lifetime(forms.ChoiceField):
    """A choice of days, as a timedelta; None for a token that never expires."""

    NEVER = "never"

    def __init__(self, **options: Any) -> None:
        choices = [("90", _("90 days")), ("365", _("1 year")), (self.NEVER, _("Never"))]
        super().__init__(choices=choices, widget=forms.RadioSelect, **options)

    def clean(self, value: Any) -> timedelta | None:
        chosen = super().clean(value)
        return None if chosen == self.NEVER else timedelta(days=int(chosen))


class DomainForm(forms.Form):
    name = forms.CharField(
        label=_("Domain"),
        max_length=255,
        help_text=_("What follows the @, such as corp.example. Each subdomain counts by itself."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "autofocus": True}
        ),
    )


class TokenForm(forms.Form):
    """A SCIM token to be made. `once` tells a form that is sent again, by a reload, from a new one."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        help_text=_("So that you know later what it is for, such as “Okta production”."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    idp = forms.ChoiceField(label=_("Identity provider"), choices=[("", _("Choose…")), *IdentityProvider.choices])
    lifetime = Lifetime(
        label=_("Expires after"),
        initial="365",
        help_text=_("You are reminded here 30 days before. Provisioning stops when a token expires."),
    )
    once = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
