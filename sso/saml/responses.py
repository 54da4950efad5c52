"""Responses of an identity provider (saml-profiles-2.0-os section 4.1, HTTP-POST), and whom they name.

Only answers to requests of ours are accepted, each for the connection whose request it was.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import ModuleType

from sso.refusals import Reason, Refused
from sso.saml.certificates import Certificate, KeyPair
from sso.saml.xml import LONGEST, NAMESPACES, Element, Unreadable, name, parsed, text_in, time

LEEWAY = timedelta(minutes=2)  # by which clocks may differ
LONGEST_TEXT = 255  # that is stored

BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"

# What it comes to where somebody gives up, or is not assigned to the application.
_NOBODY_SIGNED_IN = {"AuthnFailed", "RequestDenied", "NoPassive", "UnknownPrincipal"}
_CONDITIONS = {*map(name, ("saml:AudienceRestriction", "saml:OneTimeUse", "saml:ProxyRestriction"))}
_LAST = datetime.max.replace(tzinfo=UTC) - LEEWAY


@dataclass(frozen=True, slots=True)
class Assertion:
    """Who has signed in.

    subject: the NameID, a text that can be stored. attributes: by Name; without those that hold XML.
    session_ends_at: when the identity provider wants the session ended, if it says so. authenticated_at: when it last
    had them show who they are.
    assertion_id: to be remembered until `expires_at`, when the assertion is refused anyway, and to be accepted once.
    """

    issuer: str
    subject: str
    name_id_format: str
    attributes: Mapping[str, tuple[str, ...]]
    session_index: str | None
    session_ends_at: datetime | None
    authenticated_at: datetime | None
    assertion_id: str
    expires_at: datetime


def request_id_in(response: str) -> str:
    """The request that a response, of which nothing is verified yet, says it answers.

    Raises Refused: TOO_LONG, NOT_A_RESPONSE, UNSOLICITED.
    """
    return _answered(_parsed(response))


def verify(
    response: str,
    *,
    issuer: str,
    certificates: Sequence[Certificate],
    entity_id: str,
    acs_url: str,
    request_id: str,
    now: datetime,
    key: KeyPair | None = None,
) -> Assertion:
    """Whom a response names. response: the form's `SAMLResponse`.

    issuer: the identity provider's entity id. certificates: any of which may have signed. entity_id, acs_url: of the
    connection. request_id: of the request that the response is to answer. key: ours, for encrypted assertions.

    Raises Refused. The caller refuses a request that was answered before, and an assertion that it has seen.
    """
    document = _parsed(response)
    _check_message(document, issuer=issuer, acs_url=acs_url, request_id=request_id)
    assertion = _signed_content().signed_assertion(document, certificates=certificates, key=key)
    if assertion.get("Version") != "2.0":
        raise Refused(Reason.NOT_A_RESPONSE, f"Version: {assertion.get('Version')}")
    _check_issuer(assertion, issuer)
    conditions, statement = _one(assertion, "saml:Conditions"), _one(assertion, "saml:AuthnStatement")
    confirmation = _confirmation(assertion)
    if confirmation.get("InResponseTo") is None:
        raise Refused(Reason.UNSOLICITED)
    if confirmation.get("InResponseTo") != request_id:
        raise Refused(Reason.OTHER_REQUEST)
    if confirmation.get("Recipient") != acs_url:
        raise Refused(Reason.OTHER_RECIPIENT, confirmation.get("Recipient", ""))
    _check_conditions(conditions, entity_id)
    ends = [_validity(confirmation, now), _validity(conditions, now)]
    if ends[0] is None:
        raise Refused(Reason.BAD_RESPONSE, "NotOnOrAfter")
    if len(statement.get("SessionIndex", "")) > LONGEST_TEXT:
        raise Refused(Reason.BAD_RESPONSE, "SessionIndex")
    session_ends_at = _not_past(statement, "SessionNotOnOrAfter", now)
    subject, name_id_format = _subject(assertion, entity_id)
    return Assertion(
        issuer=issuer,
        subject=subject,
        name_id_format=name_id_format,
        attributes=_attributes(assertion),
        session_index=statement.get("SessionIndex"),
        session_ends_at=session_ends_at,
        authenticated_at=_time(statement, "AuthnInstant"),
        assertion_id=assertion.get("ID"),
        expires_at=min(end for end in (*ends, _LAST) if end is not None) + LEEWAY,
    )


def _signed_content() -> ModuleType:
    """Imported late, so that whatever is wrong with xmlsec is wrong with SAML alone. Raises Refused: UNAVAILABLE."""
    try:
        from sso.saml import signed_content
    except Exception as error:  # xmlsec.InternalError cannot be imported where xmlsec cannot
        raise Refused(Reason.UNAVAILABLE, str(error)) from error
    return signed_content


def _parsed(response: str) -> Element:
    if len(response) > LONGEST:
        raise Refused(Reason.TOO_LONG, "SAMLResponse")
    try:
        root = parsed(base64.b64decode(response.replace("\r", "").replace("\n", ""), validate=True))
    except Unreadable as error:
        raise Refused(Reason.NOT_A_RESPONSE, str(error)) from None
    except ValueError:
        raise Refused(Reason.NOT_A_RESPONSE, "base64") from None
    if root.tag != name("samlp:Response"):
        raise Refused(Reason.NOT_A_RESPONSE, root.tag)
    if root.get("Version") != "2.0":
        raise Refused(Reason.NOT_A_RESPONSE, f"Version: {root.get('Version', '')}")
    return root


def _answered(response: Element) -> str:
    answered = response.get("InResponseTo")
    if not answered:
        raise Refused(Reason.UNSOLICITED)
    return str(answered)


def _check_message(response: Element, *, issuer: str, acs_url: str, request_id: str) -> None:
    """What the response says around the assertion, which may not be signed: it can only have it refused."""
    if _answered(response) != request_id:
        raise Refused(Reason.OTHER_REQUEST)
    if response.get("Destination", acs_url) != acs_url:
        raise Refused(Reason.OTHER_RECIPIENT, response.get("Destination"))
    if response.find("saml:Issuer", NAMESPACES) is not None:
        _check_issuer(response, issuer)
    codes = [
        code.get("Value", "").rpartition(":")[2]
        for path in ("samlp:Status/samlp:StatusCode", "samlp:Status/samlp:StatusCode/samlp:StatusCode")
        for code in response.findall(path, NAMESPACES)
    ]
    first = response.find("samlp:Status/samlp:StatusCode", NAMESPACES)
    if first is None or first.get("Value") != SUCCESS:
        told = response.find("samlp:Status/samlp:StatusMessage", NAMESPACES)
        reason = Reason.CANCELLED if _NOBODY_SIGNED_IN & set(codes) else Reason.PROVIDER_ERROR
        raise Refused(reason, " ".join([*codes, "" if told is None else text_in(told)]).strip())


def _check_issuer(element: Element, issuer: str) -> None:
    named = [text_in(each) for each in element.findall("saml:Issuer", NAMESPACES)]
    if named != [issuer]:
        raise Refused(Reason.MIXED_UP, ", ".join(named))


def _one(assertion: Element, prefixed: str) -> Element:
    found = assertion.findall(prefixed, NAMESPACES)
    if len(found) != 1:
        raise Refused(Reason.BAD_RESPONSE, prefixed.partition(":")[2])
    return found[0]


def _confirmation(assertion: Element) -> Element:
    """What the only bearer confirmation says."""
    found = assertion.findall(f"saml:Subject/saml:SubjectConfirmation[@Method='{BEARER}']", NAMESPACES)
    data = found[0].find("saml:SubjectConfirmationData", NAMESPACES) if len(found) == 1 else None
    if data is None:
        raise Refused(Reason.BAD_RESPONSE, "SubjectConfirmation")
    return data


def _check_conditions(conditions: Element, entity_id: str) -> None:
    """Every restriction has to name us; a condition that is not known cannot be met (saml-core section 2.5.1)."""
    for condition in conditions:
        if condition.tag not in _CONDITIONS:
            raise Refused(Reason.BAD_RESPONSE, "Condition")
    restrictions = [
        [text_in(audience) for audience in restriction.findall("saml:Audience", NAMESPACES)]
        for restriction in conditions.findall("saml:AudienceRestriction", NAMESPACES)
    ]
    if not restrictions or any(entity_id not in audiences for audiences in restrictions):
        raise Refused(Reason.OTHER_AUDIENCE, ", ".join(each for audiences in restrictions for each in audiences))


def _validity(element: Element, now: datetime) -> datetime | None:
    """When it ends, if it does."""
    begins = _time(element, "NotBefore")
    if begins is not None and begins - now > LEEWAY:
        raise Refused(Reason.NOT_YET_VALID, "NotBefore")
    return _not_past(element, "NotOnOrAfter", now)


def _not_past(element: Element, attribute: str, now: datetime) -> datetime | None:
    end = _time(element, attribute)
    if end is not None and now - end >= LEEWAY:
        raise Refused(Reason.EXPIRED)
    return end


def _time(element: Element, attribute: str) -> datetime | None:
    if (text := element.get(attribute)) is None:
        return None
    try:
        return time(text)
    except ValueError:
        raise Refused(Reason.BAD_RESPONSE, attribute) from None


def _subject(assertion: Element, entity_id: str) -> tuple[str, str]:
    """The NameID and its format."""
    named = assertion.find("saml:Subject/saml:NameID", NAMESPACES)
    if named is None:
        raise Refused(Reason.NO_NAME_ID)
    subject, kind = text_in(named), named.get("Format", UNSPECIFIED)
    if kind == TRANSIENT:
        raise Refused(Reason.TRANSIENT_NAME_ID)
    if not 0 < len(subject) <= LONGEST_TEXT or not subject.isprintable() or subject != subject.strip():
        raise Refused(Reason.NO_NAME_ID, subject)
    if named.get("SPNameQualifier", entity_id) != entity_id:
        raise Refused(Reason.OTHER_AUDIENCE, named.get("SPNameQualifier"))
    return subject, kind


def _attributes(assertion: Element) -> dict[str, tuple[str, ...]]:
    if assertion.find("saml:AttributeStatement/saml:EncryptedAttribute", NAMESPACES) is not None:
        raise Refused(Reason.BAD_RESPONSE, "EncryptedAttribute")
    attributes: dict[str, tuple[str, ...]] = {}
    for attribute in assertion.findall("saml:AttributeStatement/saml:Attribute", NAMESPACES):
        values = [
            text_in(value).strip() for value in attribute.findall("saml:AttributeValue", NAMESPACES) if not len(value)
        ]
        attributes[attribute.get("Name")] = (*attributes.get(attribute.get("Name"), ()), *filter(None, values))
    return attributes
