"""Metadata (saml-metadata-2.0-os): what an identity provider publishes of itself, and what it is given of ours."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from lxml import etree

from sso import fetching
from sso.refusals import Reason, Refused
from sso.saml.certificates import Certificate, certificates_in
from sso.saml.xml import (
    LONGEST,
    NAMESPACES,
    POST_BINDING,
    PROTOCOL,
    REDIRECT_BINDING,
    Element,
    Unreadable,
    name,
    parsed,
    text_in,
    time,
)

LONGEST_ENTITY_ID = 1024  # saml-core section 8.3.6


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """entity_id: as it is in responses, to the letter. sso_url: where browsers are sent with requests.

    valid_until: when the metadata expires, if it does.
    """

    entity_id: str
    sso_url: str
    certificates: tuple[Certificate, ...]
    valid_until: datetime | None
    wants_signed_requests: bool


def read(document: bytes, *, now: datetime, entity_id: str | None = None, plain_http: bool = False) -> IdentityProvider:
    """The identity provider that the metadata describes. entity_id: which one, if there can be several.

    plain_http: whether the operator allows it. Signatures of metadata are not verified: whoever enters it, or the https
    URL that it comes from, is trusted.

    Raises Refused: TOO_LONG, NOT_METADATA, SEVERAL_PROVIDERS, OTHER_ENTITY, INCOMPLETE, METADATA_EXPIRED, NO_REDIRECT,
    BAD_ENDPOINT, NO_CERTIFICATE.
    """
    if len(document) > LONGEST:
        raise Refused(Reason.TOO_LONG, "EntityDescriptor")
    try:
        root = parsed(document)
    except Unreadable as error:
        raise Refused(Reason.NOT_METADATA, str(error)) from None
    if root.tag not in (name("md:EntityDescriptor"), name("md:EntitiesDescriptor")):
        raise Refused(Reason.NOT_METADATA, etree.QName(root).localname)
    role = _role(root, entity_id)
    entity = role.getparent()
    if not 0 < len(entity.get("entityID", "")) <= LONGEST_ENTITY_ID or not entity.get("entityID").isprintable():
        raise Refused(Reason.INCOMPLETE, "entityID")
    return IdentityProvider(
        entity_id=entity.get("entityID"),
        valid_until=_valid_until(role, now),
        sso_url=_sso_url(role, plain_http),
        certificates=_certificates(role),
        wants_signed_requests=role.get("WantAuthnRequestsSigned", "").strip() in ("true", "1"),
    )


def sso_url_in(given: str, *, plain_http: bool = False) -> str:
    """A URL that somebody enters, if browsers may be sent there. Raises Refused: BAD_ADDRESS, NOT_HTTPS."""
    url = given.strip()
    parts = fetching.split(url)
    if "#" in url:
        raise Refused(Reason.BAD_ADDRESS, url)
    if parts.scheme != "https" and not plain_http:
        raise Refused(Reason.NOT_HTTPS, url)
    return url


def ours(*, entity_id: str, acs_url: str, certificate: Certificate | None) -> bytes:
    """Our metadata for one connection. certificate: of our key, if it has one, which decrypts and can sign requests.

    It never expires, since many identity providers read it once.
    """
    descriptor = _new("md:EntityDescriptor", entityID=entity_id)
    role = _under(descriptor, "md:SPSSODescriptor", protocolSupportEnumeration=PROTOCOL, WantAssertionsSigned="true")
    if certificate is not None:
        key = _under(role, "md:KeyDescriptor")
        data = _under(_under(key, "ds:KeyInfo"), "ds:X509Data")
        _under(data, "ds:X509Certificate").text = "".join(certificate.pem.splitlines()[1:-1])
        for algorithm in (
            "http://www.w3.org/2009/xmlenc11#aes256-gcm",
            "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
            "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
        ):
            _under(key, "md:EncryptionMethod", Algorithm=algorithm)
    _under(role, "md:AssertionConsumerService", Binding=POST_BINDING, Location=acs_url, index="0", isDefault="true")
    return etree.tostring(descriptor, xml_declaration=True, encoding="UTF-8")


def _role(root: Element, entity_id: str | None) -> Element:
    """The IDPSSODescriptor that is meant."""
    roles = [
        role
        for role in root.iter(name("md:IDPSSODescriptor"))
        if PROTOCOL in role.get("protocolSupportEnumeration", "").split() and _is_described(role)
    ]
    if not roles:
        raise Refused(Reason.NOT_METADATA, "IDPSSODescriptor")
    if entity_id is not None:
        roles = [role for role in roles if role.getparent().get("entityID") == entity_id]
        if not roles:
            raise Refused(Reason.OTHER_ENTITY, entity_id)
    if len(roles) > 1:
        raise Refused(Reason.SEVERAL_PROVIDERS, ", ".join(role.getparent().get("entityID", "") for role in roles))
    return roles[0]


def _is_described(role: Element) -> bool:
    """Whether it is where a description has it, and not in an extension, which may hold anything."""
    parents = [parent.tag for parent in role.iterancestors()]
    return parents[:1] == [name("md:EntityDescriptor")] and set(parents[1:]) <= {name("md:EntitiesDescriptor")}


def _valid_until(role: Element, now: datetime) -> datetime | None:
    ends = []
    for element in chain([role], role.iterancestors()):
        if (text := element.get("validUntil")) is not None:
            try:
                ends.append(time(text))
            except ValueError:
                raise Refused(Reason.NOT_METADATA, f"validUntil: {text}") from None
    if not ends:
        return None
    if min(ends) <= now:
        raise Refused(Reason.METADATA_EXPIRED, f"{min(ends):%Y-%m-%d}")
    return min(ends)


def _sso_url(role: Element, plain_http: bool) -> str:
    services = role.findall("md:SingleSignOnService", NAMESPACES)
    if not services:
        raise Refused(Reason.INCOMPLETE, "SingleSignOnService")
    urls = [service.get("Location", "") for service in services if service.get("Binding") == REDIRECT_BINDING]
    if not urls:
        bindings = dict.fromkeys(service.get("Binding", "").rpartition(":")[2] for service in services)
        raise Refused(Reason.NO_REDIRECT, ", ".join(bindings))
    try:
        return sso_url_in(urls[0], plain_http=plain_http)
    except Refused:
        raise Refused(Reason.BAD_ENDPOINT, f"SingleSignOnService: {urls[0]}") from None


def _certificates(role: Element) -> tuple[Certificate, ...]:
    """Those that sign; one that cannot be used does not spoil the others."""
    usable: dict[str, Certificate] = {}
    refused = ""
    for text in _signing_certificates(role):
        try:
            usable |= {each.fingerprint: each for each in certificates_in(text.encode())}
        except Refused as error:
            refused = error.detail
    if not usable:
        raise Refused(Reason.NO_CERTIFICATE, refused)
    return tuple(usable.values())


def _signing_certificates(role: Element) -> Iterator[str]:
    for key in role.findall("md:KeyDescriptor", NAMESPACES):
        if key.get("use", "signing") == "signing":
            yield from map(text_in, key.findall("ds:KeyInfo/ds:X509Data/ds:X509Certificate", NAMESPACES))


def _new(prefixed: str, **attributes: str) -> Element:
    return etree.Element(name(prefixed), attributes, {prefix: NAMESPACES[prefix] for prefix in ("md", "ds")})


def _under(parent: Element, prefixed: str, **attributes: str) -> Element:
    return etree.SubElement(parent, name(prefixed), attributes)
