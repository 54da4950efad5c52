"""Metadata: what can be used, and what is refused in which words."""

import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from sso.refusals import Reason, Refused
from sso.saml.metadata import IdentityProvider, ours, read, sso_url_in
from sso.saml.xml import NAMESPACES, name
from tests.sso.saml.identity_provider import (
    ACS,
    ENTITY,
    IDP,
    NOW,
    SSO_URL,
    Element,
    get,
    metadata,
    parsed,
    pem,
    pin,
    put,
)
from tests.sso.saml.identity_provider import (
    ours as our_keys,
)

ROLE = "md:IDPSSODescriptor"
OTHER = "https://other.example/entity"


def refusal(document: bytes, **choice: Any) -> tuple[Reason, str]:
    with pytest.raises(Refused) as refused:
        read(document, now=NOW, **choice)
    return refused.value.reason, refused.value.detail


def aggregate(*documents: bytes, **attributes: str) -> bytes:
    root = etree.Element(name("md:EntitiesDescriptor"), attributes, {"md": NAMESPACES["md"]})
    root.extend(map(parsed, documents))
    return etree.tostring(root)


def endpoint(**attributes: str) -> Callable[[Element], Any]:
    """The endpoint of HTTP-Redirect, changed."""
    return lambda root: root.findall(f"{ROLE}/md:SingleSignOnService", NAMESPACES)[1].attrib.update(attributes)


def valid_until(when: str) -> Callable[[Element], Any]:
    return lambda root: root.set("validUntil", when)


class TestMetadata:
    def test_says_where_to_go_and_who_signs(self) -> None:  # L2
        assert read(metadata(), now=NOW) == IdentityProvider(
            entity_id=IDP, sso_url=SSO_URL, certificates=(pin(),), valid_until=None, wants_signed_requests=False
        )

    def test_may_have_several_certificates(self) -> None:  # L2
        assert read(metadata(pem(), pem("next"), pem()), now=NOW).certificates == (pin(), pin("next"))

    def test_may_leave_out_what_a_key_is_for_but_not_mean_encryption(self) -> None:
        def change(root: Element) -> None:
            first, second = root.findall(f"{ROLE}/md:KeyDescriptor", NAMESPACES)
            del first.attrib["use"]
            second.set("use", "encryption")

        assert read(metadata(pem(), pem("next"), change=change), now=NOW).certificates == (pin(),)

    def test_may_have_certificates_that_cannot_be_used_beside_others(self) -> None:
        assert read(metadata(pem("short"), pem()), now=NOW).certificates == (pin(),)

    def test_may_want_signed_requests(self) -> None:
        got = read(metadata(change=lambda root: get(root, ROLE).set("WantAuthnRequestsSigned", "true")), now=NOW)
        assert got.wants_signed_requests

    def test_may_end(self) -> None:
        got = read(aggregate(metadata(change=valid_until("2027-01-01T00:00:00Z")), validUntil="2026-12-01"), now=NOW)
        assert got.valid_until is not None
        assert got.valid_until - NOW == timedelta(days=1, hours=12)

    def test_may_be_of_several_if_one_is_named(self) -> None:
        document = aggregate(metadata(), aggregate(metadata(entity_id=OTHER)))
        assert read(document, now=NOW, entity_id=OTHER).entity_id == OTHER
        assert refusal(document, entity_id="x") == (Reason.OTHER_ENTITY, "x")

    def test_may_be_of_several_if_one_alone_is_an_identity_provider(self) -> None:
        document = aggregate(metadata(entity_id=OTHER, role="SPSSODescriptor"), metadata())
        assert read(document, now=NOW).entity_id == IDP

    def test_is_of_the_one_that_was_expected(self) -> None:
        assert refusal(metadata(), entity_id=OTHER) == (Reason.OTHER_ENTITY, OTHER)

    def test_of_plain_http_is_for_the_operator_to_allow(self) -> None:
        document = metadata(change=endpoint(Location="http://idp.example/sso"))
        assert refusal(document) == (Reason.BAD_ENDPOINT, "SingleSignOnService: http://idp.example/sso")
        assert read(document, now=NOW, plain_http=True).sso_url == "http://idp.example/sso"

    @pytest.mark.parametrize(
        ("document", "refused"),
        [
            (lambda: b"", (Reason.NOT_METADATA, "no XML")),
            (lambda: b"<html><body>Sign in</body></html>", (Reason.NOT_METADATA, "html")),
            (lambda: b"<!DOCTYPE html><html>", (Reason.NOT_METADATA, "DOCTYPE")),
            (lambda: b"<!DOCTYPE r>" + metadata(), (Reason.NOT_METADATA, "DOCTYPE")),
            (lambda: metadata().decode().encode("utf-16"), (Reason.NOT_METADATA, "not UTF-8")),
            (lambda: metadata(role="SPSSODescriptor"), (Reason.NOT_METADATA, "IDPSSODescriptor")),
            (lambda: metadata(change=of_saml_1), (Reason.NOT_METADATA, "IDPSSODescriptor")),
            (lambda: metadata(change=in_an_extension), (Reason.NOT_METADATA, "IDPSSODescriptor")),
            (
                lambda: aggregate(metadata(), metadata(entity_id=OTHER)),
                (Reason.SEVERAL_PROVIDERS, f"{IDP}, {OTHER}"),
            ),
            (lambda: metadata(change=twice(ROLE)), (Reason.SEVERAL_PROVIDERS, f"{IDP}, {IDP}")),
            (lambda: metadata() + b" " * 600_000, (Reason.TOO_LONG, "EntityDescriptor")),
            (lambda: metadata(change=valid_until("2001-01-01T00:00:00Z")), (Reason.METADATA_EXPIRED, "2001-01-01")),
            (lambda: aggregate(metadata(), validUntil="2026-11-29"), (Reason.METADATA_EXPIRED, "2026-11-29")),
            (lambda: metadata(change=valid_until("soon")), (Reason.NOT_METADATA, "validUntil: soon")),
            (lambda: metadata(change=no_redirect), (Reason.NO_REDIRECT, "HTTP-POST")),
            (lambda: metadata(change=no_endpoint), (Reason.INCOMPLETE, "SingleSignOnService")),
            (
                lambda: metadata(change=endpoint(Location="javascript:alert(1)")),
                (Reason.BAD_ENDPOINT, "SingleSignOnService: javascript:alert(1)"),
            ),
            (
                lambda: metadata(change=endpoint(Location=f"{SSO_URL}#x")),
                (Reason.BAD_ENDPOINT, f"SingleSignOnService: {SSO_URL}#x"),
            ),
            (lambda: metadata(entity_id=""), (Reason.INCOMPLETE, "entityID")),
            (lambda: metadata(entity_id="x" * 1025), (Reason.INCOMPLETE, "entityID")),
            (lambda: metadata(pem("short")), (Reason.NO_CERTIFICATE, "RSA, 1024")),
            (lambda: metadata(change=no_certificate), (Reason.NO_CERTIFICATE, "")),
        ],
        ids=range(22),
    )
    def test_that_sign_ins_cannot_use_is_refused(
        self, document: Callable[[], bytes], refused: tuple[Reason, str]
    ) -> None:  # L2
        assert refusal(document()) == refused

    @given(data=st.data())
    def test_does_no_more_than_being_refused_whatever_it_says(self, data: st.DataObject) -> None:
        text = bytearray(metadata())
        for _ in range(data.draw(st.integers(1, 4))):
            text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
        try:
            got = read(bytes(text), now=NOW)
        except Refused:
            return
        assert got.sso_url.startswith("https://")


def of_saml_1(root: Element) -> None:
    get(root, ROLE).set("protocolSupportEnumeration", "urn:oasis:names:tc:SAML:1.1:protocol")


def in_an_extension(root: Element) -> None:
    role = get(root, ROLE)
    put(put(root, "md:Extensions"), "md:EntityDescriptor", entityID=IDP).append(role)


def twice(path: str) -> Callable[[Element], Any]:
    return lambda root: root.append(copy.deepcopy(get(root, path)))


def no_redirect(root: Element) -> None:
    endpoint(Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST")(root)


def no_endpoint(root: Element) -> None:
    for each in root.findall(f"{ROLE}/md:SingleSignOnService", NAMESPACES):
        each.getparent().remove(each)


def no_certificate(root: Element) -> None:
    get(root, ROLE).remove(get(root, f"{ROLE}/md:KeyDescriptor"))


class TestAUrlEnteredByHand:
    def test_is_taken(self) -> None:
        assert sso_url_in(f" {SSO_URL}?tenant=1\n") == f"{SSO_URL}?tenant=1"

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("", Reason.BAD_ADDRESS),
            ("javascript:alert(1)", Reason.BAD_ADDRESS),
            ("/sso", Reason.BAD_ADDRESS),
            (f"{SSO_URL}#", Reason.BAD_ADDRESS),
            ("http://idp.example/sso", Reason.NOT_HTTPS),
        ],
    )
    def test_is_one_that_browsers_may_be_sent_to(self, url: str, reason: Reason) -> None:
        with pytest.raises(Refused) as refused:
            sso_url_in(url)
        assert refused.value.reason == reason


class TestOurs:
    def test_says_who_we_are_and_where_to_answer(self) -> None:  # L2
        root = parsed(ours(entity_id=ENTITY, acs_url=ACS, certificate=None))
        assert root.attrib == {"entityID": ENTITY}  # and no end: many read it once
        service = get(root, "md:SPSSODescriptor/md:AssertionConsumerService")
        assert (service.get("Location"), service.get("Binding").rpartition(":")[2]) == (ACS, "HTTP-POST")
        assert root.find(".//md:KeyDescriptor", NAMESPACES) is None

    def test_has_the_certificate_of_our_key(self) -> None:
        root = parsed(ours(entity_id=ENTITY, acs_url=ACS, certificate=our_keys().certificate))
        text = get(root, ".//ds:X509Certificate").text
        assert text in our_keys().certificate.pem.replace("\n", "")

    @pytest.mark.parametrize("with_key", [False, True])
    def test_is_to_the_letter_of_the_schema(self, with_key: bool) -> None:
        from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

        document = ours(entity_id=ENTITY, acs_url=ACS, certificate=our_keys().certificate if with_key else None)
        checked = OneLogin_Saml2_XML.validate_xml(document, "saml-schema-metadata-2.0.xsd")
        assert not isinstance(checked, str)
