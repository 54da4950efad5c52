"""What the browser takes to an identity provider."""

import base64
import zlib
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509 import load_pem_x509_certificate
from lxml import etree
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

from sso.saml.requests import authentication_url, new_request_id
from sso.saml.xml import NAMESPACES, name
from tests.sso.saml.identity_provider import ACS, ENTITY, NOW, SSO_URL, Element, get, ours, parsed


def asked(url: str) -> Element:
    (given,) = parse_qs(urlsplit(url).query)["SAMLRequest"]
    return parsed(zlib.decompress(base64.b64decode(given), -15))


def made(sso_url: str = SSO_URL, *, request_id: str = "_1", **more: object) -> str:
    return authentication_url(sso_url, request_id=request_id, entity_id=ENTITY, acs_url=ACS, now=NOW, **more)


class TestARequest:
    def test_says_who_asks_and_where_the_answer_goes(self) -> None:  # L2
        request = asked(made())
        assert request.tag == name("samlp:AuthnRequest")
        assert request.attrib == {
            "ID": "_1",
            "Version": "2.0",
            "IssueInstant": "2026-11-29T12:00:00Z",
            "Destination": SSO_URL,
            "ProtocolBinding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
            "AssertionConsumerServiceURL": ACS,
        }
        assert get(request, "saml:Issuer").text == ENTITY

    def test_may_have_the_identity_provider_ask_again_who_it_is(self) -> None:  # L6
        assert asked(made(fresh=True)).get("ForceAuthn") == "true"

    def test_leaves_to_the_identity_provider_how_people_sign_in_and_what_it_calls_them(self) -> None:
        request = asked(made())
        assert request.find("samlp:RequestedAuthnContext", NAMESPACES) is None
        assert get(request, "samlp:NameIDPolicy").attrib == {"AllowCreate": "true"}

    def test_is_to_the_letter_of_the_schema(self) -> None:
        request = etree.tostring(asked(made(request_id=new_request_id())))
        assert not isinstance(OneLogin_Saml2_XML.validate_xml(request, "saml-schema-protocol-2.0.xsd"), str)

    @pytest.mark.parametrize(
        ("sso_url", "begins"),
        [(SSO_URL, f"{SSO_URL}?SAMLRequest="), (f"{SSO_URL}?a=b&c", f"{SSO_URL}?a=b&c&SAMLRequest=")],
    )
    def test_is_all_that_is_added_to_the_address(self, sso_url: str, begins: str) -> None:
        url = made(sso_url)
        assert url.startswith(begins)
        assert "RelayState" not in url
        assert asked(url).get("Destination") == sso_url

    def test_may_have_addresses_of_any_characters(self) -> None:
        url = authentication_url(
            'https://idp.example/?a=<"&', request_id="_1", entity_id="a&<b>%s", acs_url=ACS, now=NOW
        )
        assert get(asked(url), "saml:Issuer").text == "a&<b>%s"

    def test_has_an_id_that_nobody_guesses(self) -> None:
        assert new_request_id() != new_request_id()
        assert len(new_request_id()) == 41


class TestASignedRequest:
    def test_is_signed_as_it_is_sent(self) -> None:
        url = made(f"{SSO_URL}?a=b", signed_by=ours())
        signed, _, signature = url.partition("?a=b&")[2].partition("&Signature=")
        key = load_pem_x509_certificate(ours().certificate.pem.encode()).public_key()
        value = base64.b64decode(parse_qs(f"s={signature}")["s"][0])
        key.verify(value, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        assert parse_qs(signed)["SigAlg"] == ["http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"]
        assert list(parse_qs(signed)) == ["SAMLRequest", "SigAlg"]
