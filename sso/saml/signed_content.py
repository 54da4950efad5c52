"""The one assertion of a response that an identity provider vouches for.

python3-saml does the work: it decrypts, checks against the schemas of SAML, and verifies signatures by xmlsec. Its
`is_valid` is not used, since that reads the clock and compares addresses by their beginnings; what the assertion says
is judged in `sso.saml.responses`.

Importing this imports xmlsec, which fails where its libxml2 is another than lxml's.
"""

import base64
from collections.abc import Mapping, Sequence

import xmlsec  # noqa: F401 - the reason why this module is imported late
from lxml import etree
from onelogin.saml2.errors import OneLogin_Saml2_ValidationError
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

from sso.refusals import Reason, Refused
from sso.saml.certificates import Certificate, KeyPair
from sso.saml.xml import NAMESPACES, Element, name

_SCHEMA = "saml-schema-protocol-2.0.xsd"
_RESPONSE, _ASSERTION, _ENCRYPTED = name("samlp:Response"), name("saml:Assertion"), name("saml:EncryptedAssertion")

_DSIG, _DSIG_MORE, _MORE_2007 = (
    *(NAMESPACES["ds"], "http://www.w3.org/2001/04/xmldsig-more#", "http://www.w3.org/2007/05/xmldsig-more#"),
)
_XENC, _XENC11 = NAMESPACES["xenc"], NAMESPACES["xenc11"]
_CANONICAL = (
    "http://www.w3.org/2001/10/xml-exc-c14n#",
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
)
_TRANSFORM = "ds:SignedInfo/ds:Reference/ds:Transforms/ds:Transform"
_LONGEST_PREFIX_LIST = 256  # each of its prefixes is looked up for each element
_SIGNED_BY: Mapping[str, Sequence[str]] = {
    "ds:SignedInfo/ds:CanonicalizationMethod": _CANONICAL,
    "ds:SignedInfo/ds:SignatureMethod": (
        *(f"{_DSIG_MORE}rsa-sha256", f"{_DSIG_MORE}rsa-sha384", f"{_DSIG_MORE}rsa-sha512"),
        *(f"{_DSIG_MORE}ecdsa-sha256", f"{_DSIG_MORE}ecdsa-sha384", f"{_DSIG_MORE}ecdsa-sha512"),
        *(f"{_MORE_2007}sha256-rsa-MGF1", f"{_MORE_2007}sha384-rsa-MGF1", f"{_MORE_2007}sha512-rsa-MGF1"),
    ),
    _TRANSFORM: (f"{_DSIG}enveloped-signature", *_CANONICAL),
    "ds:SignedInfo/ds:Reference/ds:DigestMethod": (f"{_XENC}sha256", f"{_DSIG_MORE}sha384", f"{_XENC}sha512"),
}
_ENCRYPTED_BY: Mapping[str, Sequence[str]] = {
    name("xenc:EncryptedData"): [
        *(f"{_XENC11}aes128-gcm", f"{_XENC11}aes192-gcm", f"{_XENC11}aes256-gcm"),
        *(f"{_XENC}aes128-cbc", f"{_XENC}aes192-cbc", f"{_XENC}aes256-cbc"),
    ],
    name("xenc:EncryptedKey"): [f"{_XENC}rsa-oaep-mgf1p", f"{_XENC11}rsa-oaep"],
}
# None of them makes xmlsec fetch anything, a RetrievalMethod aside, which is looked at.
_ENCRYPTION = {
    *map(name, ("xenc:EncryptedData", "xenc:EncryptedKey", "xenc:EncryptionMethod", "xenc:KeySize", "xenc:OAEPparams")),
    *map(name, ("xenc:CipherData", "xenc:CipherValue", "xenc:ReferenceList", "xenc:DataReference")),
    *map(name, ("xenc:CarriedKeyName", "xenc11:MGF", "ds:DigestMethod", "ds:KeyInfo", "ds:KeyName", "ds:X509Data")),
    *map(name, ("ds:X509Certificate", "ds:X509IssuerSerial", "ds:X509IssuerName", "ds:X509SerialNumber")),
    *map(name, ("ds:X509SKI", "ds:X509SubjectName", "ds:RetrievalMethod")),
}


def signed_assertion(response: Element, *, certificates: Sequence[Certificate], key: KeyPair | None) -> Element:
    """The assertion, apart from what it came in: it was read again from the form that was signed.

    response: as `sso.saml.xml.parsed` gives it. key: ours, if the identity provider may encrypt.

    Raises Refused: BAD_RESPONSE, ENCRYPTED, ENCRYPTED_WEAKLY, NOT_DECRYPTED, UNSIGNED, SIGNED_WEAKLY,
    NO_CERTIFICATE_FITS.
    """
    _check_number(response)
    if (encrypted := response.find(_ENCRYPTED)) is not None:
        _check_encryption(encrypted, key)
    reader = _reader(response, key)
    document = reader.get_xml_document()
    _check_number(document)
    if isinstance(OneLogin_Saml2_XML.validate_xml(document, _SCHEMA), str):  # ids are unique, among much else
        raise Refused(Reason.BAD_RESPONSE, _SCHEMA)
    assertion = document.find(_ASSERTION)
    if assertion is None:
        raise Refused(Reason.BAD_RESPONSE, "Assertion")
    _check_signatures(reader, certificates)
    try:
        return etree.fromstring(etree.tostring(assertion, method="c14n", exclusive=True, with_comments=False))
    except etree.LxmlError:
        raise Refused(Reason.BAD_RESPONSE, "Assertion") from None


def _check_number(document: Element) -> None:
    """One response with one assertion, however deep another could be hidden."""
    if len(document.xpath("//samlp:Response", namespaces=NAMESPACES)) != 1:
        raise Refused(Reason.BAD_RESPONSE, "Response")
    if len(document.xpath("//saml:Assertion | //saml:EncryptedAssertion", namespaces=NAMESPACES)) != 1:
        raise Refused(Reason.BAD_RESPONSE, "Assertion")


def _check_encryption(encrypted: Element, key: KeyPair | None) -> None:
    """Before xmlsec decrypts whatever it is told to, and fetches it first."""
    if key is None:
        raise Refused(Reason.ENCRYPTED)
    for element in encrypted.iterdescendants():
        if element.tag not in _ENCRYPTION:
            raise Refused(Reason.BAD_RESPONSE, etree.QName(element).localname)
        if element.tag == name("ds:RetrievalMethod") and not element.get("URI", "").startswith("#"):
            raise Refused(Reason.BAD_RESPONSE, "RetrievalMethod")
        if (accepted := _ENCRYPTED_BY.get(element.tag)) is not None:
            method = element.find("xenc:EncryptionMethod", NAMESPACES)
            algorithm = "" if method is None else method.get("Algorithm")
            if algorithm not in accepted:
                raise Refused(Reason.ENCRYPTED_WEAKLY, algorithm)


def _reader(response: Element, key: KeyPair | None) -> OneLogin_Saml2_Response:
    """The library's view of the response, decrypted. It is told what was read here, and not what was sent."""
    settings = OneLogin_Saml2_Settings(
        {
            "strict": True,
            "sp": {
                "entityId": "not compared here",
                "assertionConsumerService": {"url": "https://not-compared-here.example"},
                "privateKey": "" if key is None else key.private_key,
            },
        },
        sp_validation_only=True,
    )
    try:
        return OneLogin_Saml2_Response(settings, base64.b64encode(etree.tostring(response)).decode())
    except Exception as error:  # of xmlsec, of lxml and of Python, according to what the plain text turns out to be
        raise Refused(Reason.NOT_DECRYPTED) from error


def _check_signatures(reader: OneLogin_Saml2_Response, certificates: Sequence[Certificate]) -> None:
    """That of the response, of the assertion, or both: each that is there has to be right."""
    decrypted = reader.get_xml_document()
    if not decrypted.xpath("//ds:Signature", namespaces=NAMESPACES):
        raise Refused(Reason.UNSIGNED)
    try:
        signed = reader.process_signed_elements()
    except OneLogin_Saml2_ValidationError:
        raise Refused(Reason.BAD_RESPONSE, "Signature") from None
    pins = [certificate.pem for certificate in certificates]
    for tag, document, path in (
        (_RESPONSE, reader.document, OneLogin_Saml2_Utils.RESPONSE_SIGNATURE_XPATH),
        (_ASSERTION, decrypted, OneLogin_Saml2_Utils.ASSERTION_SIGNATURE_XPATH),
    ):
        if tag in signed:
            for signature in document.xpath(path, namespaces=NAMESPACES):
                _check_signature(signature)
            if not OneLogin_Saml2_Utils.validate_sign(document, xpath=path, multicerts=pins):
                raise Refused(Reason.NO_CERTIFICATE_FITS)


def _check_signature(signature: Element) -> None:
    """What python3-saml does not ask: that a signature is of its parent alone and all of it, in a way that holds.

    An identity provider signs more than responses, such as its metadata. If that were hidden in a response and had the
    ID of the assertion, it would depend on their order which of them xmlsec verifies.
    """
    signed_id = signature.getparent().get("ID")
    references = signature.findall("ds:SignedInfo/ds:Reference", NAMESPACES)
    if [reference.get("URI") for reference in references] != [f"#{signed_id}"]:
        raise Refused(Reason.BAD_RESPONSE, "Reference")
    if len(signature.xpath("//@*[translate(local-name(), 'ID', 'id') = 'id'][. = $id]", id=signed_id)) != 1:
        raise Refused(Reason.BAD_RESPONSE, "ID")
    if signature.find("ds:Object", NAMESPACES) is not None:
        raise Refused(Reason.BAD_RESPONSE, "Object")
    for path, accepted in _SIGNED_BY.items():
        for method in signature.findall(path, NAMESPACES):
            if method.get("Algorithm") not in accepted:
                raise Refused(Reason.SIGNED_WEAKLY, method.get("Algorithm"))
    if len(signature.findall(_TRANSFORM, NAMESPACES)) > 2:  # saml-core section 5.4.4 knows no more
        raise Refused(Reason.BAD_RESPONSE, "Transform")
    if any(len(prefixes) > _LONGEST_PREFIX_LIST for prefixes in signature.xpath(".//@PrefixList")):
        raise Refused(Reason.BAD_RESPONSE, "PrefixList")
