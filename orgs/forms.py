"""Forms for signing in, passwords, domains, setup links, and erasing somebody."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.auth import forms as auth_forms
from django.utils.translation import gettext_lazy as _

from orgs import mail_choices, setup_links, sign_in, time_zones, tokens
from orgs.db.keys import fold
from orgs.models import MailTime, Purpose, User


def _address(**attributes: Any) -> forms.CharField:
    # Not type="email": browsers rewrite addresses that they consider wrong.
    typed = {"autocomplete": "username", "inputmode": "email", "autocapitalize": "none", "spellcheck": "false"}
    return forms.CharField(
        label=_("E-mail address"), max_length=sign_in.ADDRESS, widget=forms.TextInput(attrs=typed | attributes)
    )


class AddressForm(forms.Form):
    """The first step of signing in."""

    username = _address(autofocus=True)


class OrgForm(forms.Form):
    """Between the two, where an address leads to several orgs."""

    username = _address(readonly=True)
    org = forms.CharField(
        label=_("Short name of your organization"),
        max_length=80,
        help_text=_("The last part of its own sign-in address."),
        widget=forms.TextInput(
            attrs={"autocomplete": "organization", "autocapitalize": "none", "spellcheck": "false", "autofocus": True}
        ),
    )


class SignInForm(forms.Form):
    """The second step. The address is shown, for people and for what keeps their passwords; changing it goes back."""

    username = _address(readonly=True)
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )


class MailForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=sign_in.ADDRESS,
        widget=_address(autofocus=True).widget,
    )


class SetPasswordForm(auth_forms.SetPasswordForm):
    new_password1, new_password2 = auth_forms.SetPasswordForm.create_password_fields(
        label1=_("New password"), label2=_("Confirm new password")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].help_text = _("At least 10 characters. A few unrelated words make a good one.")
        self.fields["new_password1"].widget.attrs["autofocus"] = True
        self.fields["new_password2"].help_text = ""

    def save(self, commit: bool = True) -> User:
        sign_in.set_password(user=self.user, password=self.cleaned_data["new_password1"])
        return self.user


class ChangePasswordForm(SetPasswordForm):
    """By somebody who is signed in. The view finds out whether the present password is theirs."""

    current = forms.CharField(
        label=_("Current password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )
    field_order = ("current", "new_password1", "new_password2")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["new_password1"].widget.attrs["autofocus"]


class NameForm(forms.Form):
    """Of somebody whom SCIM does not manage."""

    given = forms.CharField(
        label=_("First name"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
    )
    family = forms.CharField(
        label=_("Last name"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
    )


class TimeZoneForm(forms.Form):
    """The page offers the zones beside the field, so that typing a few letters of a city finds it."""

    time_zone = forms.CharField(
        label=_("Time zone"),
        max_length=64,
        required=False,
        widget=forms.TextInput(
            attrs={"list": "time-zones", "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        ),
    )

    def clean_time_zone(self) -> str:
        typed: str = self.cleaned_data["time_zone"]
        try:
            return typed and time_zones.named(typed.replace(" ", "_"))
        except time_zones.UnknownTimeZone:
            raise forms.ValidationError(
                _("There is no time zone with this name. Choose one from the list, such as Europe/Berlin.")
            ) from None


class MailChoicesForm(forms.Form):
    """When somebody is mailed of each kind of matter."""

    def __init__(self, times: Mapping[str, str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for _title, kinds in mail_choices.AREAS.values():
            for kind, label in kinds.items():
                self.fields[kind] = forms.ChoiceField(
                    label=label, choices=MailTime.choices, initial=times[kind], required=True
                )

    def areas(self) -> list[tuple[str, Any, list[forms.BoundField]]]:
        """Key, title and fields of each."""
        return [(key, title, [self[kind] for kind in kinds]) for key, (title, kinds) in mail_choices.AREAS.items()]

    @property
    def times(self) -> dict[str, str]:
        return self.cleaned_data


class DomainForm(forms.Form):
    name = forms.CharField(
        label=_("Domain"),
        max_length=255,
        help_text=_("The part after the @, such as corp.example. Subdomains are verified separately."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "autofocus": True}
        ),
    )


_CODE = {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}


class CodeForm(forms.Form):
    """A code of an app, or a recovery code, on the way in. has_app: whether the account has an authenticator app."""

    code = forms.CharField(max_length=40, widget=forms.TextInput(attrs=_CODE))

    def __init__(self, data: Any = None, *, has_app: bool) -> None:
        super().__init__(data)
        self.fields["code"].label = _("Code") if has_app else _("Recovery code")
        if has_app:
            self.fields["code"].help_text = _("From your authenticator app, or one of your recovery codes.")


class FactorForm(forms.Form):
    """What somebody calls their new second factor."""

    name = forms.CharField(
        label=_("Name"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    )


class AppForm(FactorForm):
    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        help_text=_("The six digits that the app shows now."),
        widget=forms.TextInput(attrs=_CODE | {"inputmode": "numeric"}),
    )

    field_order = ("code", "name")

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial={"name": _("Authenticator app")})


class PasskeyForm(FactorForm):
    """passkey: what the browser has made, as JSON; a script fills it in."""

    passkey = forms.CharField(max_length=20_000, widget=forms.HiddenInput)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial={"name": _("Passkey")})


class RecipientForm(forms.Form):
    """Whom a setup link is for."""

    recipient = forms.CharField(
        label=_("Who gets the link"),
        max_length=100,
        help_text=_("Their name, for the list of links and for history. Muster sends them nothing: you hand it over."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    about = "recipient"
    """The field beside which it is said why no link was made."""

    def refuse(self, refusal: setup_links.AlreadyOpen | tokens.PrerequisiteMissing) -> None:
        """Say why no link was made."""
        if isinstance(refusal, tokens.PrerequisiteMissing):
            words = " ".join(map(str, refusal.missing))
        else:
            (there,) = refusal.args
            words = _("%(recipient)s has a link for this. Revoke it first.") % {"recipient": there.recipient}
        self.add_error(self.about, words)


class SetupLinkForm(RecipientForm):
    """What they are to set up, too. A link for renewing certificates is made beside these (`sso.renewals`)."""

    purpose = forms.ChoiceField(
        label=_("What they set up"),
        choices=[(value, label) for value, label in Purpose.choices if value != Purpose.RENEWAL],
        widget=forms.RadioSelect,
    )
    field_order = ("purpose", "recipient")
    about = "purpose"

    def clean_purpose(self) -> Purpose:
        return Purpose(self.cleaned_data["purpose"])


class NewOwnerForm(forms.Form):
    """To whom the owner account is handed over."""

    address = _address(autofocus=True, autocomplete="off")


class HandOverForm(forms.Form):
    """The second step: the address once more, and the password of the account."""

    address = forms.CharField(max_length=sign_in.ADDRESS, widget=forms.HiddenInput)
    again = forms.CharField(
        label=_("Type the new address once more"),
        max_length=sign_in.ADDRESS,
        widget=_address(autofocus=True, autocomplete="off").widget,
    )
    password = forms.CharField(
        label=_("Current password of the owner account"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class EraseForm(forms.Form):
    """Asks for the userName, so that nobody is erased by a wrong click."""

    user_name = forms.CharField(
        label=_("userName of the person"),
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )

    def __init__(self, data: Any = None, *, person: User) -> None:
        super().__init__(data)
        self.person = person
        self.fields["user_name"].help_text = _("To confirm, type: %(name)s") % {"name": person.user_name}

    def clean_user_name(self) -> str:
        typed: str = self.cleaned_data["user_name"]
        if fold(typed.strip()) != fold(self.person.user_name.strip()):
            raise forms.ValidationError(_("This is not the userName of the person."))
        return typed
