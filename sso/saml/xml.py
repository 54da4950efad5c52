"""XML that somebody else wrote, read without anything that it could have a parser do, and the words of SAML 2.0."""

from datetime import UTC, datetime
from typing import Any

from lxml import etree

LONGEST = 512 * 1024

PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
NAMESPACES = {
    "samlp": PROTOCOL,
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "xenc": "http://www.w3.org/2001/04/xmlenc#",
    "xenc11": "http://www.w3.org/2009/xmlenc11#",
}
REDIRECT_BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST_BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"

Element = Any  # lxml has no types


class Unreadable(Exception):
    """A text is not XML as it is exchanged here; the argument says why, in the parser's words."""


def name(prefixed: str) -> str:
    """`saml:Issuer` as lxml has it."""
    prefix, _, local = prefixed.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


def parsed(text: bytes) -> Element:
    """The root of a document in UTF-8, without comments and processing instructions. Raises Unreadable.

    A DTD is refused before a parser sees it, since attributes expand entities whatever the parser is told.
    """
    if b"\0" in text:
        raise Unreadable("not UTF-8")
    if b"<!DOCTYPE" in text:
        raise Unreadable("DOCTYPE")
    if not text.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):  # libxml2 would also tell standard error
        raise Unreadable("no XML")
    parser = etree.XMLParser(
        encoding="utf-8",  # whatever it says of itself
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        huge_tree=False,
    )
    try:
        return etree.fromstring(text, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable(str(error)) from None


def text_in(element: Element) -> str:
    """All of an element's text, in one piece however it is written."""
    return str(element.xpath("string()"))


def time(text: str) -> datetime:
    """A time of the schema; one without a time zone is in UTC, as SAML has it. Raises ValueError."""
    at = datetime.fromisoformat(text.strip())
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise ValueError(text) from None


def written_time(at: datetime) -> str:
    """A time as SAML has it."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
