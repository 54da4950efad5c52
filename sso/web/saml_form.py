"""The form for what a SAML identity provider says of itself: an address, a file, or three values."""

from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orgs.guarded_http import LONGEST_URL
from orgs.models.sign_in import LONGEST_ISSUER
from sso import metadata_addresses
from sso.claim_names import check_attribute
from sso.connections import SamlFacts
from sso.identities import NAME_ID
from sso.models import Connection, Revision
from sso.refusal_words import in_words
from sso.refusals import Reason, Refused
from sso.saml import metadata
from sso.saml.certificates import Certificate, certificates_in
from sso.saml.metadata import IdentityProvider, sso_url_in
from sso.web.forms import TYPED, content_of
from sso.web.saml_guides import FIELDS, FILE, URL, SamlGuide

PASTED = {"rows": 5, "spellcheck": "false", "autocomplete": "off", "class": "mono"}
OF_CERTIFICATES = (Reason.NOT_A_CERTIFICATE, Reason.PRIVATE_KEY, Reason.UNSUITABLE_KEY, Reason.TOO_MANY_CERTIFICATES)
NEEDED = {URL: ("metadata_url",), FILE: ("metadata_file",), FIELDS: ("entity_id", "sso_url", "certificate")}
"""By way."""


class SamlForm(forms.Form):
    """What belongs to another way than the one that is chosen is not looked at."""

    way = forms.ChoiceField(
        label=gettext_lazy("What describes the identity provider"),
        choices=[
            (URL, gettext_lazy("The address of its metadata")),
            (FILE, gettext_lazy("A metadata file")),
            (FIELDS, gettext_lazy("Three values")),
        ],
        widget=forms.RadioSelect,
    )
    metadata_url = forms.CharField(
        max_length=LONGEST_URL, required=False, widget=forms.TextInput(attrs=TYPED | {"inputmode": "url"})
    )
    metadata_file = forms.FileField(
        required=False, widget=forms.FileInput(attrs={"accept": ".xml,application/xml,text/xml"})
    )
    entity_id = forms.CharField(max_length=LONGEST_ISSUER, required=False, widget=forms.TextInput(attrs=TYPED))
    sso_url = forms.CharField(
        max_length=LONGEST_URL, required=False, widget=forms.TextInput(attrs=TYPED | {"inputmode": "url"})
    )
    certificate = forms.CharField(required=False, widget=forms.Textarea(attrs=PASTED))
    second_certificate = forms.CharField(
        label=gettext_lazy("Second certificate"),
        required=False,
        help_text=gettext_lazy(
            "The next one, before the identity provider begins to sign with it. Remove the first one afterwards."
        ),
        widget=forms.Textarea(attrs=PASTED),
    )
    signs_requests = forms.BooleanField(
        label=gettext_lazy("The identity provider wants requests to be signed"),
        required=False,
        help_text=gettext_lazy("Few do. It then needs our certificate, which is in our metadata."),
    )
    name_claim = forms.CharField(
        label=gettext_lazy("Attribute with the userName"),
        max_length=100,
        widget=forms.TextInput(attrs=TYPED | {"list": "claims"}),
    )
    external_id_claim = forms.CharField(
        label=gettext_lazy("Attribute that is SCIM's externalId"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs=TYPED),
    )

    def __init__(
        self, data: Any, files: Any, *, connection: Connection, guide: SamlGuide, present: Revision | None
    ) -> None:
        """present: what is changed."""
        super().__init__(data, files, initial=_initial(guide, present))
        self.connection = connection
        for name, taken in {
            "metadata_url": guide.metadata,
            "metadata_file": guide.metadata,
            "entity_id": guide.entity_id,
            "sso_url": guide.sso_url,
            "certificate": guide.certificate,
        }.items():
            self.fields[name].label = taken.name
            self.fields[name].help_text = taken.where
            self.fields[name].widget.attrs |= {"placeholder": taken.example} if name == "metadata_url" else {}
        self.fields["metadata_url"].help_text += " " + _("It is read every day, for new certificates.")
        self.fields["name_claim"].help_text = guide.name_note or _("Its value has to be what SCIM sends as userName.")
        self.fields["external_id_claim"].help_text = guide.external_id_note or _(
            "Empty if none is. If one is, people are found by it even after their userName has changed, and a differing"
            " one is refused."
        )

    def clean_name_claim(self) -> str:
        name: str = self.cleaned_data["name_claim"]
        check_attribute(name)
        return "" if name == NAME_ID else name

    def clean_metadata_file(self) -> bytes:
        return content_of(self.cleaned_data["metadata_file"])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        for name in NEEDED.get(cleaned.get("way", ""), ()):
            if not cleaned.get(name) and name not in self.errors:
                self.add_error(name, forms.Field.default_error_messages["required"])
        return cleaned

    def facts(self, *, now: datetime) -> SamlFacts:
        """May take ten seconds. Raises Refused."""
        chosen = self.cleaned_data
        by_address = chosen["way"] == URL
        return SamlFacts(
            self._provider(now),
            metadata_url=chosen["metadata_url"].strip() if by_address else "",
            name_claim=chosen["name_claim"],
            external_id_claim=chosen["external_id_claim"],
            idp=self.connection.idp,
        )

    def _provider(self, now: datetime) -> IdentityProvider:
        chosen, plain_http = self.cleaned_data, bool(settings.IDP_NETWORKS)
        if chosen["way"] == URL:
            return metadata_addresses.read(chosen["metadata_url"].strip(), now=now)
        if chosen["way"] == FILE:
            return metadata.read(chosen["metadata_file"], now=now, plain_http=plain_http)
        return IdentityProvider(
            entity_id=chosen["entity_id"],
            sso_url=sso_url_in(chosen["sso_url"], plain_http=plain_http),
            certificates=self._certificates(),
            valid_until=None,
            wants_signed_requests=chosen["signs_requests"],
        )

    def _certificates(self) -> tuple[Certificate, ...]:
        found: dict[str, Certificate] = {}
        for name in ("certificate", "second_certificate"):
            text = self.cleaned_data[name].strip()
            if text:
                try:
                    found |= {each.fingerprint: each for each in certificates_in(text.encode())}
                except Refused as refused:
                    self.wrong = name
                    raise refused from None
        return tuple(found.values())

    def keep_secret(self) -> None:
        """There is none."""

    def refuse(self, refused: Refused) -> None:
        """Say beside the field that it is about what is wrong."""
        way = self.cleaned_data["way"]
        if way == FIELDS and refused.reason in OF_CERTIFICATES:
            self.add_error(getattr(self, "wrong", "certificate"), in_words(refused))
        elif way == FIELDS:
            about_address = refused.reason == Reason.NOT_HTTPS or refused.detail == self.cleaned_data["sso_url"].strip()
            self.add_error("sso_url" if about_address else "entity_id", in_words(refused))
        else:
            self.add_error(NEEDED[way][0], in_words(refused))


def _initial(guide: SamlGuide, present: Revision | None) -> dict[str, Any]:
    if present is None:
        return {"way": guide.way, "name_claim": NAME_ID}
    described = {"name_claim": present.user_name_claim, "external_id_claim": present.external_id_claim}
    if present.metadata_url:
        return described | {"way": URL, "metadata_url": present.metadata_url}
    first, *others = present.certificates
    return described | {
        "way": FIELDS,
        "entity_id": present.issuer,
        "sso_url": present.sso_url,
        "certificate": first,
        "second_certificate": "".join(others),
        "signs_requests": present.signs_requests,
    }
