"""Signing in by SAML, by one configuration of a connection: our request, and whom the answer to it names."""

from datetime import datetime

from sso import connections, seen
from sso.identities import NAME_ID, Identity
from sso.models import Revision
from sso.refusals import Reason, Refused
from sso.saml import requests, responses
from sso.saml.certificates import certificates_in
from sso.saml.responses import Assertion


def request_url(revision: Revision, *, request_id: str, fresh: bool, now: datetime) -> str:
    """Where to send the browser. fresh: whether the identity provider is to ask again who it is.

    Raises Refused: KEY_UNREADABLE, where it wants requests to be signed.
    """
    connection = revision.connection
    return requests.authentication_url(
        revision.sso_url,
        request_id=request_id,
        entity_id=connections.entity_id(connection),
        acs_url=connections.acs_url(connection),
        now=now,
        fresh=fresh,
        signed_by=connections.key_pair(connection) if revision.signs_requests else None,
    )


def check_answers(response: str, *, request_id: str, revision: Revision) -> None:
    """Raises Refused unless a response, of which nothing is verified yet, says that it answers this request."""
    try:
        answered = responses.request_id_in(response)
    except Refused as refused:
        raise _with_address(refused, revision) from None
    if answered != request_id:
        raise Refused(Reason.OTHER_REQUEST)


def identity(response: str, *, request_id: str, revision: Revision, now: datetime) -> Identity:
    """Whom a response names, once. response: the form's `SAMLResponse`. Raises Refused, as `responses.verify`."""
    assertion = _verified(response, request_id, revision, now)
    if not seen.is_first(revision.connection, seen.Kind.ASSERTION, assertion.assertion_id, until=assertion.expires_at):
        raise Refused(Reason.USED_BEFORE)
    said = {name: values[0] if len(values) == 1 else list(values) for name, values in assertion.attributes.items()}
    return Identity(
        issuer=revision.authority,
        subject=assertion.subject,
        claims=said | {NAME_ID: assertion.subject},
        provider_session=assertion.session_index or "",
        ends_at=assertion.session_ends_at,
        authenticated_at=assertion.authenticated_at,
    )


def _verified(response: str, request_id: str, revision: Revision, now: datetime) -> Assertion:
    """A key of ours that cannot be read matters only where the identity provider encrypts."""
    connection = revision.connection
    lost, key = None, None
    try:
        key = connections.key_pair(connection)
    except Refused as unreadable:
        lost = unreadable
    try:
        return responses.verify(
            response,
            issuer=revision.issuer,
            certificates=[each for pem in revision.certificates for each in certificates_in(pem.encode())],
            entity_id=connections.entity_id(connection),
            acs_url=connections.acs_url(connection),
            request_id=request_id,
            now=now,
            key=key,
        )
    except Refused as refused:
        if lost is not None and refused.reason == Reason.ENCRYPTED:
            raise lost from None
        raise _with_address(refused, revision) from None


def _with_address(refused: Refused, revision: Revision) -> Refused:
    """Words about a sign-in that was started at the identity provider say where it is to start instead."""
    if refused.reason != Reason.UNSOLICITED:
        return refused
    return Refused(Reason.UNSOLICITED, connections.start_url(revision.connection))
