"""Forms of single sign-on's pages."""

from datetime import datetime
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orgs.db.sealed import Unreadable, seal, unseal
from orgs.models.sign_in import LONGEST_ISSUER
from sso.claim_names import check_claim
from sso.connections import Facts
from sso.identification import USUAL_CLAIM
from sso.models import Connection, Protocol, Revision
from sso.refusal_words import in_words
from sso.refusals import Reason, Refused
from sso.saml import metadata
from sso.saml.certificates import Certificate, certificates_in
from sso.saml.xml import LONGEST
from sso.web.guides import PROVIDERS, USUALLY_SAML, Guide

TYPED = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
OF_SECRET = (Reason.SECRET_MISSING, Reason.SECRET_UNREADABLE)


def content_of(file: UploadedFile | None) -> bytes:
    """Certificates or metadata that were handed in as a file; nothing for none. Raises ValidationError."""
    if file is None:
        return b""
    if (file.size or 0) > LONGEST:
        raise forms.ValidationError(in_words(Refused(Reason.TOO_LONG, file.name or "")))
    content: bytes = file.read()
    return content


class ProviderForm(forms.Form):
    idp = forms.ChoiceField(
        label=gettext_lazy("Identity provider"),
        choices=[(key, name) for key, (name, _steps) in PROVIDERS.items()],
        widget=forms.RadioSelect,
    )
    asked_protocol = forms.ChoiceField(choices=Protocol.choices, required=False, widget=forms.HiddenInput)

    def protocol(self) -> Protocol:
        """The one that was asked for, or the usual one of the identity provider."""
        usual = Protocol.SAML if self.cleaned_data["idp"] in USUALLY_SAML else Protocol.OIDC
        return Protocol(self.cleaned_data["asked_protocol"] or usual)


class RenewalForm(forms.Form):
    """The next certificate of an identity provider: as a file, or pasted; by itself or in metadata."""

    file = forms.FileField(
        label=gettext_lazy("A file"),
        required=False,
        help_text=gettext_lazy("The certificate (.cer, .crt, .pem), or the metadata that has it (.xml)."),
        widget=forms.FileInput(attrs={"accept": ".cer,.crt,.pem,.der,.xml,application/xml,text/xml"}),
    )
    text = forms.CharField(
        label=gettext_lazy("Or its text"),
        required=False,
        help_text=gettext_lazy("Everything from BEGIN CERTIFICATE to END CERTIFICATE."),
        widget=forms.Textarea(attrs=TYPED | {"rows": 5, "class": "mono"}),
    )

    def clean_file(self) -> bytes:
        return content_of(self.cleaned_data["file"])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and bool(cleaned.get("file")) == bool(cleaned.get("text")):
            self.add_error(None, _("Choose a file or paste the text, one of the two."))
        return cleaned

    def certificates(self, active: Revision, *, now: datetime, plain_http: bool) -> tuple[Certificate, ...]:
        """What was handed in. active: whose they have to be, where metadata says so. Raises Refused."""
        given: bytes = self.cleaned_data["file"] or self.cleaned_data["text"].strip().encode()
        if not given.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            return certificates_in(given)
        described = metadata.read(given, now=now, entity_id=active.issuer, plain_http=plain_http)
        if described.entity_id != active.issuer:
            raise Refused(Reason.OTHER_ENTITY, active.issuer)
        return described.certificates

    def refuse(self, refused: Refused) -> None:
        """Say what is wrong with it, beside the field that has it."""
        self.add_error("file" if self.cleaned_data["file"] else "text", in_words(refused))


class ConfigurationForm(forms.Form):
    """What is copied from the identity provider, under its own names.

    A secret that was typed goes with a form that has to be corrected, sealed: no page ever shows it.
    """

    issuer = forms.CharField(max_length=LONGEST_ISSUER, widget=forms.TextInput(attrs=TYPED | {"inputmode": "url"}))
    client_id = forms.CharField(max_length=255, widget=forms.TextInput(attrs=TYPED))
    client_secret = forms.CharField(
        max_length=2000, required=False, widget=forms.PasswordInput(attrs=TYPED | {"autocomplete": "new-password"})
    )
    sealed_secret = forms.CharField(required=False, widget=forms.HiddenInput)
    secret_ends_on = forms.DateField(
        label=gettext_lazy("The secret ends on"),
        required=False,
        help_text=gettext_lazy("If it does. The admins are warned here from 90 days before."),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    name_claim = forms.CharField(
        label=gettext_lazy("Claim with the userName"),
        max_length=100,
        widget=forms.TextInput(attrs=TYPED | {"list": "claims"}),
    )
    external_id_claim = forms.ChoiceField(
        label=gettext_lazy("Claim that is SCIM's externalId"),
        required=False,
        choices=[("", gettext_lazy("None")), ("sub", "sub"), ("oid", "oid")],
    )

    def __init__(
        self, data: Any, *, connection: Connection, guide: Guide, present: Revision | None, readable: bool
    ) -> None:
        """present: what is changed; readable: whether its secret can be kept."""
        super().__init__(data, initial=_initial(guide, present))
        self.connection, self.readable = connection, present is not None and readable
        for name in ("issuer", "client_id", "client_secret"):
            taken = getattr(guide, name)
            self.fields[name].label = taken.name
            self.fields[name].help_text = taken.where
            self.fields[name].widget.attrs["placeholder"] = taken.example
        if self.readable:
            kept = _("Leave empty to keep the current one.")
            self.fields["client_secret"].help_text = f"{guide.client_secret.where} {kept}"
        self.fields["name_claim"].help_text = guide.name_note or _("Its value has to be what SCIM sends as userName.")
        self.fields["external_id_claim"].help_text = guide.external_id_note or _(
            "If it is, people are found by it even after their userName has changed, and a differing one is refused."
        )

    def clean_name_claim(self) -> str:
        name: str = self.cleaned_data["name_claim"]
        check_claim(name)
        return "" if name == USUAL_CLAIM else name

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not cleaned.get("client_secret") and cleaned.get("sealed_secret"):
            try:
                cleaned["client_secret"] = unseal(cleaned["sealed_secret"], owner=self.connection.id)
            except Unreadable:
                cleaned["client_secret"] = ""
        if not cleaned.get("client_secret") and not self.readable:
            self.add_error("client_secret", in_words(Refused(Reason.SECRET_MISSING)))
        return cleaned

    def facts(self) -> Facts:
        chosen = self.cleaned_data
        return Facts(
            issuer=chosen["issuer"],
            client_id=chosen["client_id"],
            client_secret=chosen["client_secret"] or None,
            name_claim=chosen["name_claim"],
            external_id_claim=chosen["external_id_claim"],
            secret_ends_on=chosen["secret_ends_on"],
            idp=self.connection.idp,
        )

    def refuse(self, refused: Refused) -> None:
        """Say beside the field that it is about what is wrong."""
        self.add_error("client_secret" if refused.reason in OF_SECRET else "issuer", in_words(refused))

    def keep_secret(self) -> None:
        """Let the form that is shown again take the typed secret along, so that it need not be typed again."""
        typed = self.cleaned_data.get("client_secret")
        if typed:
            sealed = seal(typed, owner=self.connection.id)
            self.data = {**self.data.dict(), "sealed_secret": sealed}  # type: ignore[attr-defined]
            self["client_secret"].help_text = _("The one that you entered is kept.")


class SignInFilter(forms.Form):
    """Filters of the list of sign-ins. Links send them as well: invalid values are ignored."""

    q = forms.CharField(
        label=gettext_lazy("Search"),
        max_length=255,
        required=False,
        widget=forms.TextInput(
            attrs={"type": "search", "placeholder": gettext_lazy("Part of a userName"), "autocomplete": "off"}
        ),
    )
    outcome = forms.ChoiceField(
        label=gettext_lazy("Outcome"),
        required=False,
        choices=[
            ("", gettext_lazy("Any")),
            ("in", gettext_lazy("Signed in")),
            ("refused", gettext_lazy("Refused")),
        ],
    )

    def __init__(self, data: Any) -> None:
        super().__init__(data, auto_id="filter_%s")

    def wanted(self) -> tuple[str, str]:
        """Part of a name, and the outcome."""
        self.is_valid()
        return self.cleaned_data.get("q", ""), self.cleaned_data.get("outcome", "")


def _initial(guide: Guide, present: Revision | None) -> dict[str, Any]:
    if present is None:
        fixed = guide.issuer.example if guide.issuer.example in FIXED else ""
        return {
            "issuer": fixed,
            "name_claim": guide.name_claim or USUAL_CLAIM,
            "external_id_claim": guide.external_id_claim,
        }
    return {
        "issuer": present.issuer,
        "client_id": present.client_id,
        "secret_ends_on": present.secret_ends_on,
        "name_claim": present.name_claim or USUAL_CLAIM,
        "external_id_claim": present.external_id_claim,
    }


FIXED = ("https://accounts.google.com",)
"""Issuers that are the same for everybody."""
