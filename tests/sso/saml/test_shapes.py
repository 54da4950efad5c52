"""Responses as Okta, Microsoft Entra ID and Google Workspace write them."""

from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from sso.saml.responses import Assertion
from tests.sso.saml.identity_provider import ACS, ADA, ENTITY, IDP, NOW, REQUEST, Element, at, encrypt, identified, sign

# Okta: prefixes with a 2, attributes with a type, a NameFormat on each.
OKTA = f"""<?xml version="1.0" encoding="UTF-8"?>
<saml2p:Response Destination="{ACS}" ID="id61" InResponseTo="{REQUEST}" IssueInstant="{at()}" Version="2.0"
  xmlns:saml2p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <saml2:Issuer Format="urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
    xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion">{IDP}</saml2:Issuer>
  <saml2p:Status xmlns:saml2p="urn:oasis:names:tc:SAML:2.0:protocol">
    <saml2p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></saml2p:Status>
  <saml2:Assertion ID="id62" IssueInstant="{at()}" Version="2.0"
    xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xs="http://www.w3.org/2001/XMLSchema">
    <saml2:Issuer Format="urn:oasis:names:tc:SAML:2.0:nameid-format:entity">{IDP}</saml2:Issuer>
    <saml2:Subject>
      <saml2:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified">{ADA}</saml2:NameID>
      <saml2:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">
        <saml2:SubjectConfirmationData InResponseTo="{REQUEST}" NotOnOrAfter="{at(5)}" Recipient="{ACS}"/>
      </saml2:SubjectConfirmation></saml2:Subject>
    <saml2:Conditions NotBefore="{at(-5)}" NotOnOrAfter="{at(5)}">
      <saml2:AudienceRestriction><saml2:Audience>{ENTITY}</saml2:Audience></saml2:AudienceRestriction>
    </saml2:Conditions>
    <saml2:AuthnStatement AuthnInstant="{at(-1)}" SessionIndex="{REQUEST}"><saml2:AuthnContext>
      <saml2:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml2:AuthnContextClassRef>
    </saml2:AuthnContext></saml2:AuthnStatement>
    <saml2:AttributeStatement>
      <saml2:Attribute Name="userName" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified">
        <saml2:AttributeValue xmlns:xs="http://www.w3.org/2001/XMLSchema"
          xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">{ADA}</saml2:AttributeValue>
      </saml2:Attribute></saml2:AttributeStatement>
  </saml2:Assertion></saml2p:Response>"""

# Entra: no prefix in the assertion, milliseconds, claims named by addresses, all in one line.
CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
ENTRA = f"""<samlp:Response ID="_8e8dc5f6" Version="2.0" IssueInstant="2026-11-29T12:00:00.437Z" Destination="{ACS}"
InResponseTo="{REQUEST}" xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"><Issuer
xmlns="urn:oasis:names:tc:SAML:2.0:assertion">{IDP}</Issuer><samlp:Status><samlp:StatusCode
Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status><Assertion ID="_edc15efd"
IssueInstant="2026-11-29T12:00:00.433Z" Version="2.0" xmlns="urn:oasis:names:tc:SAML:2.0:assertion"
><Issuer>{IDP}</Issuer><Subject
><NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">{ADA}</NameID><SubjectConfirmation
Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><SubjectConfirmationData InResponseTo="{REQUEST}"
NotOnOrAfter="2026-11-29T13:00:00.183Z" Recipient="{ACS}"/></SubjectConfirmation></Subject><Conditions
NotBefore="2026-11-29T11:55:00.183Z" NotOnOrAfter="2026-11-29T13:00:00.183Z"><AudienceRestriction
><Audience>{ENTITY}</Audience></AudienceRestriction></Conditions><AttributeStatement><Attribute
Name="http://schemas.microsoft.com/identity/claims/objectidentifier"><AttributeValue>f6b4</AttributeValue></Attribute>
<Attribute Name="{CLAIMS}/name"><AttributeValue>{ADA}</AttributeValue></Attribute></AttributeStatement><AuthnStatement
AuthnInstant="2026-11-29T11:59:58.120Z" SessionIndex="_edc15efd"><AuthnContext>
<AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</AuthnContextClassRef></AuthnContext>
</AuthnStatement></Assertion></samlp:Response>"""

# Google: a standalone="no", attributes without a statement where none are mapped, the response signed if ticked.
GOOGLE = f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<saml2p:Response xmlns:saml2p="urn:oasis:names:tc:SAML:2.0:protocol" Destination="{ACS}" ID="_c8a1"
  InResponseTo="{REQUEST}" IssueInstant="2026-11-29T12:00:00.123Z" Version="2.0">
  <saml2:Issuer xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion">{IDP}</saml2:Issuer>
  <saml2p:Status><saml2p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></saml2p:Status>
  <saml2:Assertion xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion" ID="_5d0f"
    IssueInstant="2026-11-29T12:00:00.123Z" Version="2.0">
    <saml2:Issuer>{IDP}</saml2:Issuer>
    <saml2:Subject><saml2:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">{ADA}</saml2:NameID>
      <saml2:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml2:SubjectConfirmationData
        InResponseTo="{REQUEST}" NotOnOrAfter="2026-11-29T12:05:00.123Z" Recipient="{ACS}"/></saml2:SubjectConfirmation>
    </saml2:Subject>
    <saml2:Conditions NotBefore="2026-11-29T11:55:00.123Z" NotOnOrAfter="2026-11-29T12:05:00.123Z">
      <saml2:AudienceRestriction><saml2:Audience>{ENTITY}</saml2:Audience></saml2:AudienceRestriction></saml2:Conditions>
    <saml2:AuthnStatement AuthnInstant="2026-11-29T10:21:47.000Z" SessionIndex="_5d0f"><saml2:AuthnContext>
      <saml2:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified</saml2:AuthnContextClassRef>
    </saml2:AuthnContext></saml2:AuthnStatement></saml2:Assertion></saml2p:Response>"""

EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
SAID: dict[str, Assertion] = {
    OKTA: Assertion(
        issuer=IDP,
        subject=ADA,
        name_id_format="urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
        attributes={"userName": (ADA,)},
        session_index=REQUEST,
        session_ends_at=None,
        authenticated_at=NOW - timedelta(minutes=1),
        assertion_id="id62",
        expires_at=NOW + timedelta(minutes=7),
    ),
    ENTRA: Assertion(
        issuer=IDP,
        subject=ADA,
        name_id_format=EMAIL,
        attributes={
            "http://schemas.microsoft.com/identity/claims/objectidentifier": ("f6b4",),
            f"{CLAIMS}/name": (ADA,),
        },
        session_index="_edc15efd",
        session_ends_at=None,
        authenticated_at=NOW - timedelta(seconds=1, milliseconds=880),
        assertion_id="_edc15efd",
        expires_at=NOW + timedelta(minutes=62, milliseconds=183),
    ),
    GOOGLE: Assertion(
        issuer=IDP,
        subject=ADA,
        name_id_format=EMAIL,
        attributes={},
        session_index="_5d0f",
        session_ends_at=None,
        authenticated_at=datetime(2026, 11, 29, 10, 21, 47, tzinfo=UTC),
        assertion_id="_5d0f",
        expires_at=NOW + timedelta(minutes=7, milliseconds=123),
    ),
}


def signed(written: Element, how: str) -> Element:
    if how != "the response":
        written = sign(written)
    if "encrypted" in how:
        written = encrypt(written, data="AES256" if "CBC" in how else "AES256_GCM")
    return written if how == "the assertion" or "encrypted" in how else sign(written, message=True)


@pytest.mark.parametrize("how", ["the assertion", "the response", "both", "encrypted (CBC)", "encrypted (GCM)"])
@pytest.mark.parametrize("written", SAID, ids=["Okta", "Entra", "Google"])
def test_it_is_understood_whatever_is_signed(written: str, how: str) -> None:  # L2
    assert identified(signed(etree.fromstring(written.encode()), how)) == SAID[written]
