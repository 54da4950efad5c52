"""An identity provider's keys, responses and metadata, good ones and others.

Signed by signxml, so that what signs is not what verifies.
"""

import base64
import copy
import datetime
from collections.abc import Callable
from functools import cache
from typing import Any

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml import XMLSigner, methods

from sso.saml.certificates import Certificate, KeyPair, certificates_in, make_key_pair
from sso.saml.responses import Assertion, verify
from sso.saml.xml import NAMESPACES, PROTOCOL, name

NOW = datetime.datetime(2026, 11, 29, 12, 0, tzinfo=datetime.UTC)
IDP, SSO_URL = "https://idp.example/entity", "https://idp.example/sso"
ENTITY, ACS = "https://muster.example/sso/1", "https://muster.example/sso/1/acs"
REQUEST = "_request1"
ADA, EVE = "ada@acme.example", "eve@acme.example"
FORMAT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"

Element = Any
PrivateKey = Any


def certified(key: PrivateKey, common_name: str = "idp.example", *, until: datetime.datetime | None = None) -> bytes:
    """A certificate that the key signed itself, in PEM."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1)
        .not_valid_before(NOW - datetime.timedelta(days=1000))
        .not_valid_after(until or NOW + datetime.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


@cache
def private_key(of: str = "idp") -> PrivateKey:
    """of: whoever; `ec` and `dsa` have keys of another kind, `short` one of 1,024 bits."""
    if of == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    if of == "dsa":
        return dsa.generate_private_key(1024)
    return rsa.generate_private_key(65537, 1024 if of == "short" else 2048)


@cache
def pem(of: str = "idp") -> bytes:
    return certified(private_key(of))


@cache
def pin(of: str = "idp") -> Certificate:
    return certificates_in(pem(of))[0]


@cache
def ours(of: str = "muster") -> KeyPair:
    return make_key_pair("muster.example", now=NOW)


def at(minutes: float = 0) -> str:
    return f"{NOW + datetime.timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


def response(**changes: Any) -> Element:
    """A response that is not signed yet; changes: of what is below, None leaves it out."""
    said: dict[str, Any] = {
        "name_id": ADA,
        "format": FORMAT,
        "qualifier": None,
        "request": REQUEST,  # of the assertion
        "answers": REQUEST,  # of the response
        "audience": ENTITY,
        "recipient": ACS,
        "destination": ACS,
        "issuer": IDP,  # of the assertion
        "sender": IDP,  # of the response
        "not_before": at(-5),
        "not_on_or_after": at(5),
        "confirmed_until": at(5),
        "session_ends": None,
        "method": "urn:oasis:names:tc:SAML:2.0:cm:bearer",
        "status": "Success",
        "attributes": {"userName": [ADA], "groups": ["Staff", "Ada's"]},
        "version": "2.0",
        "id": "_assertion1",
        "authenticated": at(),
    } | changes

    def attribute(label: str, value: Any) -> dict[str, str]:
        return {} if value is None else {label: value}

    prefixes = {prefix: NAMESPACES[prefix] for prefix in ("samlp", "saml")}
    root = etree.Element(
        name("samlp:Response"),
        {"ID": "_response1", "Version": said["version"], "IssueInstant": at()}
        | attribute("Destination", said["destination"])
        | attribute("InResponseTo", said["answers"]),
        prefixes,
    )
    if said["sender"] is not None:
        put(root, "saml:Issuer").text = said["sender"]
    put(put(root, "samlp:Status"), "samlp:StatusCode", Value=f"urn:oasis:names:tc:SAML:2.0:status:{said['status']}")
    assertion = put(root, "saml:Assertion", ID=said["id"], Version=said["version"], IssueInstant=at())
    put(assertion, "saml:Issuer").text = said["issuer"]
    subject = put(assertion, "saml:Subject")
    if said["name_id"] is not None:
        qualified = attribute("Format", said["format"]) | attribute("SPNameQualifier", said["qualifier"])
        put(subject, "saml:NameID", **qualified).text = said["name_id"]
    put(
        put(subject, "saml:SubjectConfirmation", Method=said["method"]),
        "saml:SubjectConfirmationData",
        **attribute("NotOnOrAfter", said["confirmed_until"])
        | attribute("Recipient", said["recipient"])
        | attribute("InResponseTo", said["request"]),
    )
    conditions = put(
        assertion,
        "saml:Conditions",
        **attribute("NotBefore", said["not_before"]) | attribute("NotOnOrAfter", said["not_on_or_after"]),
    )
    if said["audience"] is not None:
        put(put(conditions, "saml:AudienceRestriction"), "saml:Audience").text = said["audience"]
    statement = put(
        assertion,
        "saml:AuthnStatement",
        AuthnInstant=said["authenticated"],
        SessionIndex="_session1",
        **attribute("SessionNotOnOrAfter", said["session_ends"]),
    )
    put(
        put(statement, "saml:AuthnContext"), "saml:AuthnContextClassRef"
    ).text = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
    if said["attributes"]:
        attributes = put(assertion, "saml:AttributeStatement")
        for label, values in said["attributes"].items():
            one = put(attributes, "saml:Attribute", Name=label)
            for value in values:
                put(one, "saml:AttributeValue").text = value
    return root


def put(parent: Element, prefixed: str, **attributes: str) -> Element:
    return etree.SubElement(parent, name(prefixed), attributes)


def get(root: Element, path: str) -> Element:
    """The first at a path of prefixed names, from the root or anywhere below with `.//`."""
    found = root.find(path, NAMESPACES)
    assert found is not None, path
    return found


class _Signer(XMLSigner):
    def check_deprecated_methods(self) -> None:
        """What nobody should accept can be made."""


def sign(
    root: Element,
    *,
    by: str = "idp",
    message: bool = False,
    algorithm: str = "rsa-sha256",
    digest: str = "sha256",
    canonical: str = EXCLUSIVE,
) -> Element:
    """The response with its assertion, or the whole message, signed; the signature is after the Issuer, or first."""
    signed = root if message else get(root, "saml:Assertion")
    prepared = copy.deepcopy(signed)
    place = etree.Element(name("ds:Signature"), {"Id": "placeholder"}, {"ds": NAMESPACES["ds"]})
    issuer = prepared.find("saml:Issuer", NAMESPACES)
    prepared.insert(0, place) if issuer is None else issuer.addnext(place)
    signer = _Signer(methods.enveloped, algorithm, digest, canonical)
    done = signer.sign(prepared, key=private_key(by), cert=pem(by).decode(), reference_uri=signed.get("ID"))
    if message:
        return parsed(done)
    root.replace(signed, parsed(done))
    return parsed(root)


def encrypt(
    root: Element,
    *,
    to: str | None = None,
    data: str = "AES256_GCM",
    key: str = "RSA_OAEP",
    path: str = "saml:Assertion",
    written: Callable[[bytes], bytes] = bytes,
) -> Element:
    """The response with its assertion, or what is at the path, encrypted.

    to: PEM of a certificate, ours unless given. data, key: of xmlsec. written: what becomes of the text before.
    """
    assertion = get(root, path)
    place = etree.Element(name("saml:EncryptedAssertion"))
    root.replace(assertion, place)
    template = xmlsec.template.encrypted_data_create(
        place, getattr(xmlsec.Transform, data), type=xmlsec.EncryptionType.ELEMENT, ns="xenc"
    )
    xmlsec.template.encrypted_data_ensure_cipher_value(template)
    info = xmlsec.template.encrypted_data_ensure_key_info(template, ns="ds")
    wrapped = xmlsec.template.add_encrypted_key(info, getattr(xmlsec.Transform, key))
    xmlsec.template.encrypted_data_ensure_cipher_value(wrapped)
    keys = xmlsec.KeysManager()
    certificate = ours().certificate.pem if to is None else to
    keys.add_key(xmlsec.Key.from_memory(certificate, xmlsec.KeyFormat.CERT_PEM, None))
    context = xmlsec.EncryptionContext(keys)
    kind, bits = (xmlsec.KeyData.DES, 192) if data == "DES3" else (xmlsec.KeyData.AES, int(data[3:6]))
    context.key = xmlsec.Key.generate(kind, bits, xmlsec.KeyDataType.SESSION)
    place.append(context.encrypt_binary(template, written(etree.tostring(parsed(assertion)))))
    return parsed(root)


def encrypt_with_oaep(root: Element, digest: hashes.HashAlgorithm) -> Element:
    """The response with its assertion encrypted for us, by the OAEP of XML Encryption 1.1."""
    assertion = get(root, "saml:Assertion")
    session, nonce = AESGCM.generate_key(256), bytes(12)
    text = nonce + AESGCM(session).encrypt(nonce, etree.tostring(parsed(assertion)), None)
    public = x509.load_pem_x509_certificate(ours().certificate.pem.encode()).public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    wrapped = public.encrypt(session, padding.OAEP(padding.MGF1(digest), digest, None))
    place = etree.Element(name("saml:EncryptedAssertion"))
    root.replace(assertion, place)
    data = put(place, "xenc:EncryptedData", Type="http://www.w3.org/2001/04/xmlenc#Element")
    put(data, "xenc:EncryptionMethod", Algorithm="http://www.w3.org/2009/xmlenc11#aes256-gcm")
    key = put(put(data, "ds:KeyInfo"), "xenc:EncryptedKey")
    method = put(key, "xenc:EncryptionMethod", Algorithm="http://www.w3.org/2009/xmlenc11#rsa-oaep")
    digests = {"sha1": NAMESPACES["ds"], "sha256": NAMESPACES["xenc"]}
    put(method, "ds:DigestMethod", Algorithm=f"{digests[digest.name]}{digest.name}")
    put(method, "xenc11:MGF", Algorithm=f"{NAMESPACES['xenc11']}mgf1{digest.name}")
    for element, value in ((key, wrapped), (data, text)):
        put(put(element, "xenc:CipherData"), "xenc:CipherValue").text = base64.b64encode(value).decode()
    return parsed(root)


def parsed(written: Element | bytes) -> Element:
    """A tree of its own, as somebody reads it who gets it."""
    return etree.fromstring(written if isinstance(written, bytes) else etree.tostring(written))


def posted(written: Element | bytes) -> str:
    """What the browser posts."""
    return base64.b64encode(written if isinstance(written, bytes) else etree.tostring(written)).decode()


@cache
def _good(message: bool, assertion: bool) -> bytes:
    root = response()
    if assertion:
        root = sign(root)
    if message:
        root = sign(root, message=True)
    return etree.tostring(root)


def good(*, message: bool = False, assertion: bool = True) -> Element:
    """A response about Ada as it should be, signed once for all tests."""
    return parsed(_good(message, assertion))


def identified(written: Element | bytes | str, **changes: Any) -> Assertion:
    """Whom our side takes it for."""
    expected: dict[str, Any] = {
        "issuer": IDP,
        "certificates": [pin()],
        "entity_id": ENTITY,
        "acs_url": ACS,
        "request_id": REQUEST,
        "now": NOW,
        "key": ours(),
    }
    return verify(written if isinstance(written, str) else posted(written), **expected | changes)


def metadata(
    *certificates: bytes, entity_id: str = IDP, role: str = "IDPSSODescriptor", change: Callable[[Element], Any] = id
) -> bytes:
    """What an identity provider publishes. change: done to it before."""
    root = etree.Element(
        name("md:EntityDescriptor"),
        {"entityID": entity_id},
        {prefix: NAMESPACES[prefix] for prefix in ("md", "ds")},
    )
    descriptor = put(root, f"md:{role}", protocolSupportEnumeration=PROTOCOL)
    for certificate in certificates or (pem(),):
        data = put(put(put(descriptor, "md:KeyDescriptor", use="signing"), "ds:KeyInfo"), "ds:X509Data")
        put(data, "ds:X509Certificate").text = "\n".join(certificate.decode().splitlines()[1:-1])
    for binding in ("HTTP-POST", "HTTP-Redirect"):
        put(
            descriptor,
            "md:SingleSignOnService",
            Binding=f"urn:oasis:names:tc:SAML:2.0:bindings:{binding}",
            Location=SSO_URL if binding == "HTTP-Redirect" else f"{SSO_URL}/post",
        )
    change(root)
    return etree.tostring(root)
