"""Responses, good and forged: what is signed is what counts, and nothing else is let through."""

import base64
import copy
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from sso.refusals import Reason, Refused
from sso.saml import responses, signed_content, xml
from sso.saml.responses import Assertion, request_id_in
from sso.saml.xml import NAMESPACES, name
from tests.sso.saml.identity_provider import (
    ACS,
    ADA,
    ENTITY,
    EVE,
    EXCLUSIVE,
    FORMAT,
    IDP,
    NOW,
    REQUEST,
    at,
    encrypt,
    encrypt_with_oaep,
    get,
    good,
    identified,
    metadata,
    ours,
    parsed,
    pem,
    pin,
    posted,
    put,
    response,
    sign,
)

Element = Any
Written = Element | bytes | str


def refusal(written: Written, **changes: Any) -> Reason:
    with pytest.raises(Refused) as refused:
        identified(written, **changes)
    return refused.value.reason


class TestAGoodResponse:
    @pytest.mark.parametrize(
        "written",
        [
            lambda: good(),
            lambda: good(message=True, assertion=False),
            lambda: good(message=True),
            lambda: encrypt(good()),
            lambda: encrypt(good(), data="AES128"),
            lambda: encrypt(good(), data="AES256"),
            lambda: sign(encrypt(response()), message=True),
            lambda: beside_its_key(encrypt(good())),
            lambda: encrypt_with_oaep(good(), hashes.SHA1()),
            lambda: encrypt_with_oaep(good(), hashes.SHA256()),
            lambda: sign(encrypt(good()), message=True),
            lambda: sign(response(), algorithm="rsa-sha512", digest="sha512"),
            lambda: sign(response(), algorithm="sha256-rsa-MGF1"),
            lambda: sign(response(), message=True, canonical="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"),
            lambda: sign(response(destination=None)),
            lambda: sign(response(sender=None)),
            lambda: sign(response(qualifier=ENTITY)),
            lambda: sign(response(session_ends=None)),
            lambda: sign(edited(response(), "saml:Assertion/saml:Conditions", lambda x: put(x, "saml:OneTimeUse"))),
        ],
        ids=range(19),
    )
    def test_says_who_it_is_however_it_is_signed_and_encrypted(self, written: Callable[[], Element]) -> None:  # L2
        assert identified(written()) == Assertion(
            issuer=IDP,
            subject=ADA,
            name_id_format=FORMAT,
            attributes={"userName": (ADA,), "groups": ("Staff", "Ada's")},
            session_index="_session1",
            session_ends_at=None,
            authenticated_at=NOW,
            assertion_id="_assertion1",
            expires_at=NOW + timedelta(minutes=7),
        )

    def test_may_be_signed_with_an_elliptic_curve(self) -> None:
        written = sign(response(), by="ec", algorithm="ecdsa-sha256")
        assert identified(written, certificates=[pin("ec")]).subject == ADA

    def test_may_be_signed_by_any_of_the_pinned_certificates(self) -> None:  # L2
        assert identified(sign(response(), by="next"), certificates=[pin(), pin("next")]).subject == ADA
        assert refusal(sign(response(), by="next"), certificates=[pin()]) == Reason.NO_CERTIFICATE_FITS

    def test_needs_no_attributes_and_no_format(self) -> None:
        got = identified(sign(response(attributes=None, format=None)))
        assert (got.attributes, got.name_id_format) == ({}, responses.UNSPECIFIED)

    def test_may_repeat_attributes_and_leave_their_values_out(self) -> None:
        root = response(attributes={"groups": ["Staff", "", " \n "], "empty": []})
        again = put(get(root, ".//saml:AttributeStatement"), "saml:Attribute", Name="groups")
        put(again, "saml:AttributeValue").text = " Ada's "
        put(put(again, "saml:AttributeValue"), "saml:NameID").text = "no text"
        assert identified(sign(root)).attributes == {"groups": ("Staff", "Ada's"), "empty": ()}

    def test_says_when_the_session_ends(self) -> None:  # L7
        assert identified(sign(response(session_ends=at(60)))).session_ends_at == NOW + timedelta(hours=1)

    @pytest.mark.parametrize(
        ("written", "ends"),
        [
            ("2026-11-29T12:05:00.1234567Z", NOW + timedelta(minutes=5, microseconds=123456)),
            ("2026-11-29T14:05:00+02:00", NOW + timedelta(minutes=5)),
            ("2026-11-29T12:05:00", NOW + timedelta(minutes=5)),
        ],
    )
    def test_has_times_as_the_schema_allows_them(self, written: str, ends: datetime) -> None:
        got = identified(sign(response(confirmed_until=written, not_on_or_after=None)))
        assert got.expires_at == ends + responses.LEEWAY

    def test_may_be_valid_until_the_end_of_time(self) -> None:
        written = sign(response(confirmed_until="9999-12-31T23:59:59Z", not_on_or_after=None))
        assert identified(written).expires_at == datetime.max.replace(tzinfo=UTC)

    @pytest.mark.parametrize(
        "changes",
        [
            {"not_before": at(2)},
            {"not_on_or_after": at(-1.9)},
            {"confirmed_until": at(-1.9)},
            {"session_ends": at(-1.9)},
        ],
    )
    def test_may_come_from_a_clock_that_is_two_minutes_off(self, changes: dict[str, str]) -> None:
        assert identified(sign(response(**changes))).subject == ADA

    def test_is_refused_from_when_its_id_may_be_forgotten(self) -> None:
        until = identified(good()).expires_at
        assert identified(good(), now=until - timedelta(seconds=1)).subject == ADA
        assert refusal(good(), now=until) == Reason.EXPIRED

    @pytest.mark.parametrize("end", ["not_on_or_after", "confirmed_until"])
    def test_ends_with_the_first_of_its_ends(self, end: str) -> None:
        assert identified(sign(response(**{end: at(3)}))).expires_at == NOW + timedelta(minutes=3) + responses.LEEWAY

    def test_is_read_apart_from_what_it_came_in(self) -> None:
        got = signed_content.signed_assertion(xml.parsed(etree.tostring(good())), certificates=[pin()], key=None)
        assert (got.tag, got.getparent()) == (name("saml:Assertion"), None)

    def test_may_be_broken_into_lines(self) -> None:
        assert identified("\r\n".join([*_pieces(posted(good()), 76), ""])).subject == ADA

    def test_may_be_in_the_namespaces_of_what_was_around_it_when_it_was_encrypted(self) -> None:
        def bare(text: bytes) -> bytes:
            declared = re.sub(rb' xmlns:saml(p?)="[^"]*"', b"", text)
            assert declared != text
            return declared

        assert identified(encrypt(good(), written=bare)).subject == ADA


def _pieces(text: str, length: int) -> Iterator[str]:
    return (text[start : start + length] for start in range(0, len(text), length))


# --- forgeries -------------------------------------------------------------------------------------------------------


def edited(root: Element, path: str, change: Callable[[Element], Any]) -> Element:
    change(get(root, path))
    return root


def assigned(label: str, value: str) -> Callable[[Element], Any]:
    return lambda element: element.set(label, value)


def written_as(text: str) -> Callable[[Element], Any]:
    def change(element: Element) -> None:
        element.text = text

    return change


def replaced(old: bytes, new: bytes, *, of: Element | None = None) -> bytes:
    text = etree.tostring(good() if of is None else of)
    assert old in text
    return text.replace(old, new)


def unsigned_copy(signed: Element, **attributes: str) -> Element:
    """What was signed, about Eve and without its signature. attributes: `id`, and others by their names."""
    forged = copy.deepcopy(signed)
    for signature in forged.findall("ds:Signature", NAMESPACES):
        forged.remove(signature)
    get(forged, ".//saml:NameID").text = EVE
    for label, value in attributes.items():
        forged.set(label, value)
    return forged


def placed(root: Element, what: Element, *, before: bool) -> Element:
    get(root, "samlp:Status").addnext(what) if before else root.append(what)
    return root


def hiding_place(root: Element, forged: Element, where: str) -> Element:
    """An element of a kind that may hold anything."""
    if where == "Extensions":
        extensions = etree.Element(name("samlp:Extensions"))
        get(root, "saml:Issuer").addnext(extensions)
        return extensions
    if where == "StatusDetail":
        return put(get(root, "samlp:Status"), "samlp:StatusDetail")
    if where == "Advice":
        advice = etree.Element(name("saml:Advice"))
        get(forged, "saml:Conditions").addnext(advice)
        return advice
    if where == "AttributeValue":
        attribute = put(get(forged, "saml:AttributeStatement"), "saml:Attribute", Name="x")
        return put(attribute, "saml:AttributeValue")
    if where == "SubjectConfirmationData":
        return get(forged, ".//saml:SubjectConfirmationData")
    raise AssertionError(where)


SAME_ID: Mapping[str, str] = {
    "an ID of its own": "",
    "the same ID": "ID",
    "its ID as samlp:ID": name("samlp:ID"),
    "its ID as xml:id": "{http://www.w3.org/XML/1998/namespace}id",
}
HIDING_PLACES = ("Extensions", "StatusDetail", "Advice", "AttributeValue", "SubjectConfirmationData")


def wrapped(where: str, same: str, *, moved: bool, encrypted: bool = False) -> Element:
    """Eve's assertion in the place of Ada's, which is hidden; moved: the signature is Eve's now."""
    root = good()
    signed = get(root, "saml:Assertion")
    forged = unsigned_copy(signed, ID="_forged")
    if SAME_ID[same]:
        forged.set(SAME_ID[same], signed.get("ID"))
    root.replace(signed, forged)
    place = hiding_place(root, forged, where)
    if moved:
        get(forged, "saml:Issuer").addnext(get(signed, "ds:Signature"))
    place.append(signed)
    return encrypt(root) if encrypted else root


def in_its_signature(same: str) -> Element:
    """Ada's assertion as an Object of the signature, which is in Eve's."""
    root = good()
    signed = get(root, "saml:Assertion")
    forged = unsigned_copy(signed, ID="_forged")
    if SAME_ID[same]:
        forged.set(SAME_ID[same], signed.get("ID"))
    root.replace(signed, forged)
    signature = get(signed, "ds:Signature")
    get(forged, "saml:Issuer").addnext(signature)
    put(signature, "ds:Object").append(signed)
    return root


def message_in(where: str, *, moved: bool) -> Element:
    """A signed response hidden in Eve's."""
    signed = good(message=True, assertion=False)
    forged = unsigned_copy(signed, ID="_forged")
    if where == "Object":
        signature = get(signed, "ds:Signature")
        get(forged, "saml:Issuer").addnext(signature)
        put(signature, "ds:Object").append(signed)
        return forged
    if where == "below":
        forged.append(signed)
        return forged
    if moved:
        get(forged, "saml:Issuer").addnext(get(signed, "ds:Signature"))
    hiding_place(forged, get(forged, "saml:Assertion"), where).append(signed)
    return forged


def with_the_signature_of(other: Element, where: str, *, same: str = "ID", message: bool = False) -> Element:
    """Something else that the identity provider signed, hidden; its signature is on Eve's assertion, or message."""
    signed = sign(other, message=True)
    root = response(name_id=EVE)
    forged = root if message else get(root, "saml:Assertion")
    forged.set(same, signed.get("ID"))
    get(forged, "saml:Issuer").addnext(get(signed, "ds:Signature"))
    hiding_place(root, get(root, "saml:Assertion"), where).append(signed)
    return root


def described() -> Element:
    root = parsed(metadata())
    root.set("ID", "_metadata1")
    return root


def logout_request() -> Element:
    root = response()
    for path in ("samlp:Status", "saml:Assertion"):
        root.remove(get(root, path))
    root.tag = name("samlp:LogoutRequest")
    del root.attrib["InResponseTo"]
    put(root, "saml:NameID").text = EVE
    return root


def assertion_in_extensions() -> Element:
    root = response()
    assertion = get(root, "saml:Assertion")
    hiding_place(root, assertion, "Extensions").append(assertion)
    return root


def around() -> Element:
    root = good()
    signed = get(root, "saml:Assertion")
    forged = unsigned_copy(signed, ID="_forged")
    root.replace(signed, forged)
    forged.append(signed)
    return root


def beside_encrypted(*, original: str) -> Element:
    """Ada's assertion, and Eve's encrypted and not signed."""
    root = good()
    forged = get(encrypt(response(name_id=EVE)), "saml:EncryptedAssertion")
    if original == "kept":
        root.append(forged)
    else:
        signed = get(root, "saml:Assertion")
        root.replace(signed, forged)
        hiding_place(root, forged, "Extensions").append(signed)
    return root


def encrypted_in(change: Callable[[Element], Any], path: str = "saml:EncryptedAssertion/xenc:EncryptedData") -> Element:
    return edited(encrypt(good()), path, change)


def beside_its_key(root: Element) -> Element:
    """As .NET and Shibboleth may write it: the key is beside what it decrypts, which refers to it."""
    info = get(root, ".//xenc:EncryptedData/ds:KeyInfo")
    key = get(info, "xenc:EncryptedKey")
    key.set("Id", "key1")
    get(root, ".//xenc:EncryptedData").addnext(key)
    put(info, "ds:RetrievalMethod", Type="http://www.w3.org/2001/04/xmlenc#EncryptedKey", URI="#key1")
    return root


def cipher_reference(uri: str) -> Element:
    def change(data: Element) -> None:
        for child in list(data):
            data.remove(child)
        put(data, "xenc:CipherReference", URI=uri)

    return encrypted_in(change, "saml:EncryptedAssertion/xenc:EncryptedData/xenc:CipherData")


def retrieval_method(uri: str) -> Element:
    def change(info: Element) -> None:
        for child in list(info):
            info.remove(child)
        put(info, "ds:RetrievalMethod", Type="http://www.w3.org/2001/04/xmlenc#EncryptedKey", URI=uri)

    return encrypted_in(change, "saml:EncryptedAssertion/xenc:EncryptedData/ds:KeyInfo")


def doctype(declarations: bytes, entity: bytes = b"&e;") -> bytes:
    return b"<!DOCTYPE r [" + declarations + b"]>" + replaced(b">ada@acme.example</saml:NameID>", b">" + entity + b"<")


LAUGHS = b'<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%b">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in b"bcdefghij"
)
SIGNED_INFO = "saml:Assertion/ds:Signature/ds:SignedInfo"
REFERENCE = f"{SIGNED_INFO}/ds:Reference"
HMAC = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
XSLT, XPATH = "http://www.w3.org/TR/1999/REC-xslt-19991116", "http://www.w3.org/TR/1999/REC-xpath-19991116"
CONFIRMATION = "saml:Assertion/saml:Subject/saml:SubjectConfirmation"
CONDITIONS = "saml:Assertion/saml:Conditions"


def twice(path: str) -> Callable[[], Element]:
    """A good response with an element doubled, under a signature that is made afterwards."""

    def make() -> Element:
        root = response()
        element = get(root, path)
        element.addnext(copy.deepcopy(element))
        return sign(root)

    return make


def without(path: str, *, attribute: str = "") -> Callable[[], Element]:
    def make() -> Element:
        root = response()
        element = get(root, path)
        if attribute:
            del element.attrib[attribute]
        else:
            element.getparent().remove(element)
        return sign(root)

    return make


def status(*codes: str, message: str = "") -> Element:
    """A response without an assertion, as identity providers answer when they sign nobody in; most do not sign it."""
    root = response(status=codes[0])
    root.remove(get(root, "saml:Assertion"))
    for code in codes[1:]:
        put(
            get(root, "samlp:Status/samlp:StatusCode"),
            "samlp:StatusCode",
            Value=f"urn:oasis:names:tc:SAML:2.0:status:{code}",
        )
    if message:
        put(get(root, "samlp:Status"), "samlp:StatusMessage").text = message
    return root


def many_prefixes() -> Element:
    """It takes xmlsec six seconds."""
    root = good(message=True, assertion=False)
    transform = root.findall("ds:Signature/ds:SignedInfo/ds:Reference/ds:Transforms/ds:Transform", NAMESPACES)[1]
    prefixes = " ".join(f"n{number}" for number in range(20_000))
    etree.SubElement(transform, f"{{{EXCLUSIVE}}}InclusiveNamespaces", PrefixList=prefixes)
    attribute = get(root, ".//saml:Attribute")
    attribute.extend([copy.deepcopy(attribute[0]) for _ in range(2500)])
    return root


B = Reason.BAD_RESPONSE
FORGED: Mapping[str, tuple[Callable[[], Written], Reason]] = {
    # 1-4: who signed what
    "unsigned": (lambda: response(), Reason.UNSIGNED),
    "unsigned, encrypted": (lambda: encrypt(response()), Reason.UNSIGNED),
    "signed by another, whose certificate it brings": (lambda: sign(response(), by="eve"), Reason.NO_CERTIFICATE_FITS),
    "message signed by another": (lambda: sign(response(), by="eve", message=True), Reason.NO_CERTIFICATE_FITS),
    "message signed by another, assertion right": (
        lambda: sign(good(), by="eve", message=True),
        Reason.NO_CERTIFICATE_FITS,
    ),
    "assertion signed by another, message right": (
        lambda: sign(sign(response(), by="eve"), message=True),
        Reason.NO_CERTIFICATE_FITS,
    ),
    "encrypted, signed by another": (lambda: encrypt(sign(response(), by="eve")), Reason.NO_CERTIFICATE_FITS),
    "another NameID": (
        lambda: edited(good(), ".//saml:NameID", written_as(EVE)),
        Reason.NO_CERTIFICATE_FITS,
    ),
    "another NameID in a signed message": (
        lambda: edited(good(message=True, assertion=False), ".//saml:NameID", written_as(EVE)),
        Reason.NO_CERTIFICATE_FITS,
    ),
    "another NameID, both signed": (
        lambda: edited(good(message=True), ".//saml:NameID", written_as(EVE)),
        Reason.NO_CERTIFICATE_FITS,
    ),
    "another NameID, then encrypted": (
        lambda: encrypt(edited(good(), ".//saml:NameID", written_as(EVE))),
        Reason.NO_CERTIFICATE_FITS,
    ),
    "an attribute more": (
        lambda: edited(good(), ".//saml:AttributeStatement", lambda x: put(x, "saml:Attribute", Name="admin")),
        Reason.NO_CERTIFICATE_FITS,
    ),
    "another format of the NameID": (
        lambda: edited(good(), ".//saml:NameID", assigned("Format", "urn:x")),
        Reason.NO_CERTIFICATE_FITS,
    ),
    "a signature value of nothing": (
        lambda: edited(good(), ".//ds:SignatureValue", written_as("")),
        Reason.NO_CERTIFICATE_FITS,
    ),
    "another signature value": (
        lambda: edited(good(), ".//ds:SignatureValue", written_as("AAAA")),
        Reason.NO_CERTIFICATE_FITS,
    ),
    "the signature of another assertion": (
        lambda: edited(
            response(name_id=EVE, attributes=None),
            "saml:Assertion/saml:Issuer",
            lambda issuer: issuer.addnext(get(good(), ".//ds:Signature")),
        ),
        Reason.NO_CERTIFICATE_FITS,
    ),
    "no certificate in it, signed by another": (
        lambda: edited(sign(response(), by="eve"), ".//ds:Signature", lambda x: x.remove(get(x, "ds:KeyInfo"))),
        Reason.NO_CERTIFICATE_FITS,
    ),
    # 5-11: wrapped
    "forged before the signed": (
        lambda: placed(good(), unsigned_copy(get(good(), "saml:Assertion"), ID="_forged"), before=True),
        B,
    ),
    "forged after the signed": (
        lambda: placed(good(), unsigned_copy(get(good(), "saml:Assertion"), ID="_forged"), before=False),
        B,
    ),
    "forged before the signed, same id": (
        lambda: placed(good(), unsigned_copy(get(good(), "saml:Assertion")), before=True),
        B,
    ),
    "forged after the signed, same id": (
        lambda: placed(good(), unsigned_copy(get(good(), "saml:Assertion")), before=False),
        B,
    ),
    "forged around the signed": (around, B),
    **{
        f"signed in {where}, forged has {same}{', signature moved' if moved else ''}": (
            lambda where=where, same=same, moved=moved: wrapped(where, same, moved=moved),
            B,
        )
        for where, same, moved in product(HIDING_PLACES, SAME_ID, (False, True))
    },
    **{
        f"signed in {where}, all of it encrypted": (
            lambda where=where: wrapped(where, "an ID of its own", moved=True, encrypted=True),
            B,
        )
        for where in ("Advice", "AttributeValue", "SubjectConfirmationData")
    },
    **{
        f"signed in its signature, forged has {same}": (lambda same=same: in_its_signature(same), B) for same in SAME_ID
    },
    **{
        f"signed message in {where}{', signature moved' if moved else ''}": (
            lambda where=where, moved=moved: message_in(where, moved=moved),
            B,
        )
        for where, moved in [*product(("Extensions", "StatusDetail", "AttributeValue"), (False, True))]
    },
    "the only assertion in Extensions": (lambda: sign(assertion_in_extensions(), message=True), B),
    "signed message in its signature": (lambda: message_in("Object", moved=True), B),
    "signed message below the forged": (lambda: message_in("below", moved=False), B),
    **{
        f"signed {what} in {where}, its signature on the {'message' if message else 'assertion'}": (
            lambda make=make, where=where, message=message: with_the_signature_of(make(), where, message=message),
            B,
        )
        for (what, make), where, message in product(
            (("metadata", described), ("logout", logout_request)), HIDING_PLACES, (False, True)
        )
    },
    **{
        f"signed metadata in Extensions, the assertion has {same}": (
            lambda same=same: with_the_signature_of(described(), "Extensions", same=SAME_ID[same]),
            B,
        )
        for same in ("its ID as samlp:ID", "its ID as xml:id")
    },
    "the ID of a signed message again in what is encrypted": (
        lambda: edited(sign(encrypt(good()), message=True), ".//xenc:EncryptedKey", assigned("ID", "_response1")),
        B,
    ),
    "an assertion of SAML 1 beside": (
        lambda: placed(
            good(), etree.Element("{urn:oasis:names:tc:SAML:1.0:assertion}Assertion", ID="_forged"), before=True
        ),
        B,
    ),
    "signature over the message moved into the assertion": (
        lambda: edited(
            good(message=True, assertion=False),
            "saml:Assertion/saml:Issuer",
            lambda issuer: issuer.addnext(get(issuer.getroottree().getroot(), "ds:Signature")),
        ),
        B,
    ),
    "signature over the assertion moved to the message": (
        lambda: edited(good(), "saml:Issuer", lambda x: x.addnext(get(x.getparent(), ".//ds:Signature"))),
        B,
    ),
    # 12: plain and encrypted
    "signed, and unsigned encrypted": (lambda: beside_encrypted(original="kept"), B),
    "signed in Extensions, unsigned encrypted": (lambda: beside_encrypted(original="hidden"), B),
    # 14-16: for somebody else
    "another's audience": (lambda: sign(response(audience="https://other.example")), Reason.OTHER_AUDIENCE),
    "the audience of another connection of ours": (
        lambda: sign(response(audience=ENTITY + "1")),
        Reason.OTHER_AUDIENCE,
    ),
    "no audience": (lambda: sign(response(audience=None)), Reason.OTHER_AUDIENCE),
    "our audience, and a restriction to another's": (
        lambda: sign(
            edited(
                response(),
                CONDITIONS,
                lambda x: written_as("x")(put(put(x, "saml:AudienceRestriction"), "saml:Audience")),
            )
        ),
        Reason.OTHER_AUDIENCE,
    ),
    "the NameID of another service": (lambda: sign(response(qualifier="https://other.example")), Reason.OTHER_AUDIENCE),
    "another recipient": (lambda: sign(response(recipient="https://other.example/acs")), Reason.OTHER_RECIPIENT),
    "a recipient that contains ours": (
        lambda: sign(response(recipient=f"https://evil.example/?x={ACS}")),
        Reason.OTHER_RECIPIENT,
    ),
    "a recipient that begins with ours": (lambda: sign(response(recipient=f"{ACS}/x")), Reason.OTHER_RECIPIENT),
    "no recipient": (lambda: sign(response(recipient=None)), Reason.OTHER_RECIPIENT),
    "another destination": (lambda: sign(response(destination="https://other.example")), Reason.OTHER_RECIPIENT),
    "a destination that begins with ours": (
        lambda: sign(response(destination=f"{ACS}.evil.example")),
        Reason.OTHER_RECIPIENT,
    ),
    "a destination in capitals": (lambda: sign(response(destination=ACS.replace("m", "M"))), Reason.OTHER_RECIPIENT),
    "an empty destination": (lambda: sign(response(destination="")), Reason.OTHER_RECIPIENT),
    # 17: for another request
    "another request": (lambda: sign(response(request="_other", answers="_other")), Reason.OTHER_REQUEST),
    "another request in the assertion": (lambda: sign(response(request="_other")), Reason.OTHER_REQUEST),
    "another request in the response": (lambda: sign(response(answers="_other")), Reason.OTHER_REQUEST),
    "unsolicited": (lambda: sign(response(request=None, answers=None)), Reason.UNSOLICITED),
    "unsolicited, in a response to ours": (lambda: sign(response(request=None)), Reason.UNSOLICITED),
    "ours, in a response to none": (lambda: sign(response(answers=None)), Reason.UNSOLICITED),
    "our request beside another confirmation": (
        lambda: sign(
            edited(
                response(request="_other"),
                CONFIRMATION,
                lambda x: x.addnext(copy.deepcopy(get(response(), CONFIRMATION))),
            )
        ),
        B,
    ),
    # 19: at another time
    "expired": (lambda: sign(response(not_on_or_after=at(-2))), Reason.EXPIRED),
    "not yet valid": (lambda: sign(response(not_before=at(2.1))), Reason.NOT_YET_VALID),
    "confirmed until before": (lambda: sign(response(confirmed_until=at(-2))), Reason.EXPIRED),
    "confirmed not yet": (
        lambda: sign(edited(response(), f"{CONFIRMATION}/saml:SubjectConfirmationData", assigned("NotBefore", at(3)))),
        Reason.NOT_YET_VALID,
    ),
    "confirmed for ever": (lambda: sign(response(confirmed_until=None)), B),
    "session over": (lambda: sign(response(session_ends=at(-2))), Reason.EXPIRED),
    "an end at the beginning of time": (
        lambda: sign(response(confirmed_until="0001-01-01T00:00:00+14:00")),
        B,
    ),
    "a long session index": (
        lambda: sign(edited(response(), ".//saml:AuthnStatement", assigned("SessionIndex", "x" * 256))),
        B,
    ),
    "an end that is no time": (lambda: sign(response(confirmed_until="tomorrow")), B),
    "an end in the year 10000": (lambda: sign(response(confirmed_until="10000-01-01T00:00:00Z")), B),
    "an end before Christ": (lambda: sign(response(confirmed_until="-0001-01-01T00:00:00Z")), B),
    # 20: by another
    "another issuer, same key": (lambda: sign(response(issuer="https://evil.example")), Reason.MIXED_UP),
    "another issuer in the response": (lambda: sign(response(sender="https://evil.example")), Reason.MIXED_UP),
    "an issuer that begins with it": (lambda: sign(response(issuer=f"{IDP}/")), Reason.MIXED_UP),
    "an empty issuer": (lambda: sign(response(issuer="")), Reason.MIXED_UP),
    # 21: nobody
    "status Responder": (lambda: status("Responder"), Reason.PROVIDER_ERROR),
    "status NoAuthnContext": (lambda: status("Requester", "NoAuthnContext"), Reason.PROVIDER_ERROR),
    "cancelled": (lambda: status("Responder", "AuthnFailed", message="User cancelled"), Reason.CANCELLED),
    "passive": (lambda: status("Responder", "NoPassive"), Reason.CANCELLED),
    "not assigned": (lambda: status("Requester", "RequestDenied"), Reason.CANCELLED),
    "an assertion beside a failure": (lambda: sign(response(status="Responder"), message=True), Reason.PROVIDER_ERROR),
    "no status": (lambda: edited(good(), "samlp:Status", lambda x: x.getparent().remove(x)), Reason.PROVIDER_ERROR),
    "success without an assertion": (lambda: status("Success"), B),
    # 22: signatures of another form
    "SHA-1 signature": (lambda: sign(response(), algorithm="rsa-sha1"), Reason.SIGNED_WEAKLY),
    "SHA-1 digest": (lambda: sign(response(), digest="sha1"), Reason.SIGNED_WEAKLY),
    "SHA-1 signature of the message": (
        lambda: sign(good(), message=True, algorithm="rsa-sha1"),
        Reason.SIGNED_WEAKLY,
    ),
    "HMAC": (
        lambda: edited(good(), f"{SIGNED_INFO}/ds:SignatureMethod", assigned("Algorithm", HMAC)),
        Reason.SIGNED_WEAKLY,
    ),
    "an algorithm that nobody knows": (
        lambda: edited(good(), f"{SIGNED_INFO}/ds:SignatureMethod", assigned("Algorithm", "urn:x")),
        Reason.SIGNED_WEAKLY,
    ),
    "a canonical form that nobody knows": (
        lambda: edited(good(), f"{SIGNED_INFO}/ds:CanonicalizationMethod", assigned("Algorithm", "urn:x")),
        Reason.SIGNED_WEAKLY,
    ),
    "XSLT": (
        lambda: edited(good(), f"{REFERENCE}/ds:Transforms", lambda x: put(x, "ds:Transform", Algorithm=XSLT)),
        Reason.SIGNED_WEAKLY,
    ),
    "XPath": (
        lambda: edited(
            good(),
            f"{REFERENCE}/ds:Transforms",
            lambda x: written_as("false()")(put(put(x, "ds:Transform", Algorithm=XPATH), "ds:XPath")),
        ),
        Reason.SIGNED_WEAKLY,
    ),
    "two references": (lambda: edited(good(), REFERENCE, lambda x: x.addnext(copy.deepcopy(x))), B),
    "two signed infos": (lambda: edited(good(), SIGNED_INFO, lambda x: x.addnext(copy.deepcopy(x))), B),
    "two signatures": (
        lambda: edited(good(), "saml:Assertion/ds:Signature", lambda x: x.addnext(copy.deepcopy(x))),
        B,
    ),
    "thousands of transforms": (
        lambda: edited(
            good(),
            f"{REFERENCE}/ds:Transforms",
            lambda x: x.extend([copy.deepcopy(x[1]) for _ in range(3000)]),
        ),
        B,
    ),
    "thousands of prefixes, for thousands of elements": (many_prefixes, B),
    "no reference": (lambda: edited(good(), REFERENCE, lambda x: x.getparent().remove(x)), B),
    "a reference to everything": (lambda: edited(good(), REFERENCE, assigned("URI", "")), B),
    "a reference to nothing": (lambda: edited(good(), REFERENCE, lambda x: x.attrib.pop("URI")), B),
    "a reference elsewhere": (lambda: edited(good(), REFERENCE, assigned("URI", "#_response1")), B),
    "a reference to an address": (lambda: edited(good(), REFERENCE, assigned("URI", "https://evil.example/a")), B),
    "a reference by XPointer": (
        lambda: edited(good(), REFERENCE, assigned("URI", "#xpointer(id('_assertion1'))")),
        B,
    ),
    "a manifest in the signature": (
        lambda: edited(good(), "saml:Assertion/ds:Signature", lambda x: put(put(x, "ds:Object"), "ds:Manifest")),
        B,
    ),
    "something in the signature": (
        lambda: edited(good(), "saml:Assertion/ds:Signature", lambda x: put(x, "ds:Object")),
        B,
    ),
    "a signature on the subject": (
        lambda: edited(good(), ".//saml:Subject", lambda x: x.append(get(good(), ".//ds:Signature"))),
        B,
    ),
    "a signature in an attribute": (
        lambda: sign(edited(response(), ".//saml:AttributeValue", lambda x: x.append(get(good(), ".//ds:Signature")))),
        B,
    ),
    # 23: encrypted in another way
    "RSA 1.5": (lambda: encrypt(good(), data="AES256", key="RSA_PKCS1"), Reason.ENCRYPTED_WEAKLY),
    "Triple DES": (lambda: encrypt(good(), data="DES3"), Reason.ENCRYPTED_WEAKLY),
    "both": (lambda: encrypt(good(), data="DES3", key="RSA_PKCS1"), Reason.ENCRYPTED_WEAKLY),
    "for somebody else": (lambda: encrypt(good(), to=pem("eve").decode()), Reason.NOT_DECRYPTED),
    "for somebody else, in a signed message": (
        lambda: sign(encrypt(good(), to=pem("eve").decode()), message=True),
        Reason.NOT_DECRYPTED,
    ),
    "an encryption that nobody knows": (
        lambda: encrypted_in(lambda x: get(x, "xenc:EncryptionMethod").set("Algorithm", "urn:x")),
        Reason.ENCRYPTED_WEAKLY,
    ),
    "an encryption that is not said": (
        lambda: encrypted_in(lambda x: x.remove(get(x, "xenc:EncryptionMethod"))),
        Reason.ENCRYPTED_WEAKLY,
    ),
    "another ciphertext": (
        lambda: encrypted_in(lambda x: written_as("AAAA")(get(x, "xenc:CipherData/xenc:CipherValue"))),
        Reason.NOT_DECRYPTED,
    ),
    "no ciphertext": (lambda: encrypted_in(lambda x: x.getparent().remove(x)), B),
    "a ciphertext in a file": (lambda: cipher_reference("file:///etc/passwd"), B),
    "a ciphertext elsewhere": (lambda: cipher_reference("http://127.0.0.1:1/"), B),
    "a key elsewhere": (lambda: retrieval_method("http://127.0.0.1:1/"), B),
    "a key that is not there": (lambda: retrieval_method("#nowhere"), Reason.NOT_DECRYPTED),
    "encrypted, and not an assertion": (
        lambda: encrypt(edited(good(), "saml:Assertion", lambda x: setattr(x, "tag", "other")), path="other"),
        B,
    ),
    "encrypted twice": (
        lambda: placed(encrypt(good()), get(encrypt(good()), "saml:EncryptedAssertion"), before=True),
        B,
    ),
    "an encrypted attribute": (
        lambda: sign(
            edited(
                response(),
                ".//saml:AttributeStatement",
                lambda x: put(x, "saml:EncryptedAttribute").append(get(encrypt(good()), ".//xenc:EncryptedData")),
            )
        ),
        B,
    ),
    # 24: no XML that is exchanged
    "a DTD": (lambda: b"<!DOCTYPE r>" + etree.tostring(good()), Reason.NOT_A_RESPONSE),
    "an entity of its own": (lambda: doctype(b'<!ENTITY e "eve@acme.example">'), Reason.NOT_A_RESPONSE),
    "an entity that is a file": (lambda: doctype(b'<!ENTITY e SYSTEM "file:///etc/passwd">'), Reason.NOT_A_RESPONSE),
    "billions of laughs": (lambda: doctype(LAUGHS, b"&j;"), Reason.NOT_A_RESPONSE),
    "a DTD in UTF-16": (
        lambda: doctype(b'<!ENTITY e "eve@acme.example">').decode().encode("utf-16"),
        Reason.NOT_A_RESPONSE,
    ),
    "a DTD in UTF-7": (
        lambda: (
            b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE r+AD4-'
            + etree.tostring(good()).decode().encode("utf-7")
        ),
        Reason.NOT_A_RESPONSE,
    ),
    "an entity that nobody knows": (lambda: replaced(b">ada@", b">&ada;@"), Reason.NOT_A_RESPONSE),
    "half of it": (lambda: etree.tostring(good())[:1000], Reason.NOT_A_RESPONSE),
    "two of it": (lambda: etree.tostring(good()) * 2, Reason.NOT_A_RESPONSE),
    "depths": (lambda: b"<a>" * 10_000, Reason.NOT_A_RESPONSE),
    "no XML": (lambda: b"hello", Reason.NOT_A_RESPONSE),
    "empty": (lambda: "", Reason.NOT_A_RESPONSE),
    "no base64": (lambda: "%%%%", Reason.NOT_A_RESPONSE),
    "base64 of a form that was decoded twice": (lambda: posted(good()).replace("g", " "), Reason.NOT_A_RESPONSE),
    "base64 of another alphabet": (lambda: posted(b"<\xff\xfe\xfd>").replace("/", "_"), Reason.NOT_A_RESPONSE),
    "not ASCII": (lambda: "é" * 8, Reason.NOT_A_RESPONSE),
    "too long": (lambda: "A" * 5_000_000, Reason.TOO_LONG),
    "another message": (lambda: edited_tag("samlp:LogoutResponse"), Reason.NOT_A_RESPONSE),
    "an assertion alone": (lambda: parsed(get(good(), "saml:Assertion")), Reason.NOT_A_RESPONSE),
    "a response of SAML 1": (lambda: sign(response(version="1.1")), Reason.NOT_A_RESPONSE),
    "a response of another version": (lambda: edited(good(), ".", assigned("Version", "2.1")), Reason.NOT_A_RESPONSE),
    "an assertion of SAML 1": (
        lambda: sign(edited(response(), "saml:Assertion", assigned("Version", "1.1"))),
        Reason.NOT_A_RESPONSE,
    ),
    "a namespace that is no address": (
        lambda: replaced(b"<saml:Subject>", b'<saml:Subject xmlns:r="rel">'),
        Reason.NO_CERTIFICATE_FITS,
    ),
    # 26: nobody
    "no NameID": (lambda: sign(response(name_id=None)), Reason.NO_NAME_ID),
    "an empty NameID": (lambda: sign(response(name_id="")), Reason.NO_NAME_ID),
    "a NameID of spaces": (lambda: sign(response(name_id="  ")), Reason.NO_NAME_ID),
    "a NameID with a space at its end": (lambda: sign(response(name_id=f"{ADA} ")), Reason.NO_NAME_ID),
    "a NameID of two lines": (lambda: sign(response(name_id=f"{ADA}\n{EVE}")), Reason.NO_NAME_ID),
    "a NameID that turns around": (lambda: sign(response(name_id=f"\u202e{ADA}")), Reason.NO_NAME_ID),
    "a long NameID": (lambda: sign(response(name_id="a" * 256)), Reason.NO_NAME_ID),
    "a transient NameID": (
        lambda: sign(response(format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient")),
        Reason.TRANSIENT_NAME_ID,
    ),
    "an encrypted NameID": (
        lambda: sign(
            edited(
                response(name_id=None),
                ".//saml:Subject",
                lambda x: x.insert(0, _encrypted_id()),
            )
        ),
        Reason.NO_NAME_ID,
    ),
    # What a signed assertion has to have, once
    "another method": (
        lambda: sign(response(method="urn:oasis:names:tc:SAML:2.0:cm:sender-vouches")),
        B,
    ),
    "two confirmations": (twice(CONFIRMATION), B),
    "no confirmation": (without(CONFIRMATION), B),
    "an empty confirmation": (without(f"{CONFIRMATION}/saml:SubjectConfirmationData"), B),
    "no subject": (without("saml:Assertion/saml:Subject"), B),
    "two subjects": (twice("saml:Assertion/saml:Subject"), B),
    "two NameIDs": (twice(".//saml:NameID"), B),
    "no conditions": (without(CONDITIONS), B),
    "two conditions": (twice(CONDITIONS), B),
    "two statements": (twice("saml:Assertion/saml:AuthnStatement"), B),
    "no statement": (without("saml:Assertion/saml:AuthnStatement"), B),
    "two issuers": (twice("saml:Assertion/saml:Issuer"), B),
    "an attribute without a name": (without(".//saml:Attribute", attribute="Name"), B),
    "an element in the NameID": (
        lambda: sign(edited(response(), ".//saml:NameID", lambda x: put(x, "saml:Issuer"))),
        B,
    ),
    "a condition that nobody knows": (
        lambda: sign(
            edited(
                response(),
                CONDITIONS,
                lambda x: put(x, "saml:Condition").set(
                    "{http://www.w3.org/2001/XMLSchema-instance}type", "saml:OneTimeUseType"
                ),
            )
        ),
        B,
    ),
}


def edited_tag(prefixed: str) -> Element:
    root = good()
    root.tag = name(prefixed)
    return root


def _encrypted_id() -> Element:
    element = etree.Element(name("saml:EncryptedID"))
    element.append(get(encrypt(good()), ".//xenc:EncryptedData"))
    return element


@cache
def forged(label: str) -> str:
    written = FORGED[label][0]()
    return written if isinstance(written, str) else posted(written)


class TestAForgery:
    @pytest.mark.parametrize("label", FORGED)
    def test_is_refused(self, label: str) -> None:  # L2
        """What would expand without end does not end before the suite's timeout."""
        assert refusal(forged(label)) == FORGED[label][1]

    def test_is_one_of_many(self) -> None:
        assert len({forged(label) for label in FORGED}) == len(FORGED) > 200

    @pytest.mark.parametrize(
        ("written", "detail"),
        [
            (around, "Assertion"),
            (lambda: wrapped("Advice", "the same ID", moved=True, encrypted=True), "Assertion"),
            (lambda: message_in("Extensions", moved=True), "Response"),
            (lambda: in_its_signature("an ID of its own"), "Assertion"),
            (lambda: with_the_signature_of(described(), "Extensions"), "ID"),
            (lambda: with_the_signature_of(described(), "AttributeValue", message=True), "ID"),
        ],
    )
    def test_is_said_to_have_more_than_one(self, written: Callable[[], Element], detail: str) -> None:
        with pytest.raises(Refused) as refused:
            identified(written())
        assert refused.value.detail == detail

    def test_of_a_connection_without_a_key_is_refused_even_if_it_is_encrypted_well(self) -> None:
        assert refusal(encrypt(good()), key=None) == Reason.ENCRYPTED

    def test_of_a_connection_without_a_certificate_is_refused(self) -> None:
        assert refusal(good(), certificates=[]) == Reason.NO_CERTIFICATE_FITS

    def test_is_told_in_the_words_of_the_identity_provider(self) -> None:
        with pytest.raises(Refused) as refused:
            identified(status("Responder", "AuthnFailed", message="User cancelled"))
        assert refused.value.detail == "Responder AuthnFailed User cancelled"


class TestANameInPieces:
    """The identity provider vouches for a name that begins with Ada's."""

    NAME = "ada@acme.example.evil.example"

    @pytest.mark.parametrize("piece", [b"<!---->", b"<?x y?>", b"<![CDATA[]]>", b"<!-- - --><?x?>"])
    @pytest.mark.parametrize("message", [False, True])
    def test_is_one_name(self, piece: bytes, message: bool) -> None:
        signed = sign(response(name_id=self.NAME), message=message)
        assert identified(replaced(b"example.evil", b"example" + piece + b".evil", of=signed)).subject == self.NAME

    @pytest.mark.parametrize("piece", [b"&#46;", b"<![CDATA[.]]>", b"&#x2e;"])
    def test_is_the_same_however_it_is_written(self, piece: bytes) -> None:
        signed = sign(response(name_id=self.NAME))
        assert identified(replaced(b"example.evil", b"example" + piece + b"evil", of=signed)).subject == self.NAME

    @pytest.mark.parametrize("piece", [b"<!---->", b"<?x y?>"])
    def test_is_one_name_or_none_where_the_pieces_are_encrypted(self, piece: bytes) -> None:
        def in_pieces(text: bytes) -> bytes:
            assert b"example.evil" in text
            return text.replace(b"example.evil", b"example" + piece + b".evil")

        root = encrypt(sign(response(name_id=self.NAME)), written=in_pieces)
        if piece == b"<!---->":
            assert identified(root).subject == self.NAME
        else:
            assert refusal(root) == Reason.NO_CERTIFICATE_FITS

    def test_may_have_any_characters(self) -> None:
        assert identified(sign(response(name_id="a&b<c>@añada.example"))).subject == "a&b<c>@añada.example"

    @pytest.mark.parametrize("where", [b"<ds:DigestValue>", b"<ds:SignatureValue>"])
    def test_of_a_digest_or_a_signature_is_read_whole(self, where: bytes) -> None:
        assert identified(replaced(where, where + b"<!--AAAA-->")).subject == ADA


SHAPES = [{"assertion": True}, {"assertion": False, "message": True}, {"assertion": True, "message": True}]


def same_or_refused(written: Element | bytes) -> bool:
    """Whether something that was changed on its way is refused; otherwise it says what it said before."""
    try:
        got = identified(written)
    except Refused:
        return True
    assert got == identified(good())
    return False


def mutants(root: Element) -> Iterator[Element]:
    """The response with one node changed, for each node and each change."""
    for index, element in enumerate(root.iter()):

        def fresh(index: int = index) -> tuple[Element, Element]:
            again = copy.deepcopy(root)
            return again, list(again.iter())[index]

        changed, node = fresh()
        node.text = (node.text or "") + "x"
        yield changed
        changed, node = fresh()
        node.tag += "x"
        yield changed
        for label in element.attrib:
            changed, node = fresh()
            node.set(label, node.get(label) + "x")
            yield changed
            changed, node = fresh()
            del node.attrib[label]
            yield changed
        if element is not root:
            changed, node = fresh()
            node.getparent().remove(node)
            yield changed
            changed, node = fresh()
            node.addnext(copy.deepcopy(node))
            yield changed
            changed, node = fresh()
            put(node, "saml:NameID", Format=FORMAT).text = EVE
            yield changed


class TestAChangeOnTheWay:
    @pytest.mark.parametrize("shape", SHAPES[:2])
    def test_of_one_node_is_refused_or_changes_nothing(self, shape: dict[str, bool]) -> None:  # L2
        judged = [same_or_refused(mutant) for mutant in mutants(good(**shape))]
        assert len(judged) > 200
        assert judged.count(True) > len(judged) * 0.8

    @settings(max_examples=max(150, settings().max_examples))
    @given(data=st.data(), shape=st.sampled_from(SHAPES))
    def test_of_one_byte_is_refused_or_changes_nothing(self, data: st.DataObject, shape: dict[str, bool]) -> None:
        text = bytearray(etree.tostring(good(**shape)))
        position = data.draw(st.integers(0, len(text) - 1))
        text[position] = data.draw(st.integers(0, 255).filter(lambda byte: byte != text[position]))
        same_or_refused(bytes(text))

    @given(data=st.data())
    def test_of_several_bytes_is_refused_or_changes_nothing(self, data: st.DataObject) -> None:
        text = etree.tostring(good())
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 40)))
        same_or_refused(text[:start] + data.draw(st.binary(max_size=20)) + text[end:])


class TestTheRequestThatIsAnswered:
    def test_is_read_before_anything_is_verified(self) -> None:
        assert request_id_in(posted(response(request="_other"))) == REQUEST

    @pytest.mark.parametrize(
        ("written", "reason"),
        [
            ("", Reason.NOT_A_RESPONSE),
            ("A" * 600_000, Reason.TOO_LONG),
            (posted(b"<Response InResponseTo='_request1'/>"), Reason.NOT_A_RESPONSE),
            (posted(response(answers=None)), Reason.UNSOLICITED),
            (posted(response(answers="")), Reason.UNSOLICITED),
            (posted(doctype(LAUGHS, b"&j;")), Reason.NOT_A_RESPONSE),
        ],
        ids=["empty", "long", "other", "none", "nothing", "laughs"],
    )
    def test_has_to_be_there(self, written: str, reason: Reason) -> None:
        with pytest.raises(Refused) as refused:
            request_id_in(written)
        assert refused.value.reason == reason

    @given(text=st.text("<>&!aé \0", max_size=99) | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
    def test_is_read_or_refused_whatever_comes(self, text: str) -> None:
        with pytest.raises(Refused):
            request_id_in(text)
        with pytest.raises(Refused):
            identified(text)


class TestWithoutXmlsec:
    def test_responses_are_refused_and_nothing_else_breaks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "sso.saml.signed_content", None)
        monkeypatch.delattr("sso.saml.signed_content", raising=False)
        assert refusal(good()) == Reason.UNAVAILABLE
        assert request_id_in(posted(good())) == REQUEST
        assert ours().certificate
