"""A browser on its way to the identity provider and back.

What has to be known when it is back travels with it, sealed, in a cookie: strangers who begin and never come back leave
nothing here. It lasts ten minutes and counts once; another journey of the same browser replaces it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from orgs.db.sealed import Unreadable, seal, unseal
from sso import assertions, connections, fetching, issuers, seen
from sso.identities import Identity
from sso.models import Connection, Revision, State
from sso.oidc import flow
from sso.oidc.documents import Provider
from sso.oidc.flow import Attempt
from sso.oidc.tokens import verify_id_token
from sso.refusals import Reason, Refused
from sso.saml import requests

LASTS = timedelta(minutes=10)
LONGEST_WANTED = 1000
BEYOND_THE_CALENDAR = 253_402_300_800  # the first second of the year 10000


@dataclass(frozen=True, slots=True)
class Journey:
    """revision_id, changed_at: by which configuration it goes, and of when. attempt: what the way back is known by.

    tester: who tests the configuration, a person or a setup link; None where somebody wants to sign in. wanted: the
    path to go on to.
    """

    connection_id: UUID
    revision_id: UUID
    changed_at: datetime
    attempt: Attempt
    begun_at: datetime
    tester: UUID | None
    wanted: str

    def sealed(self) -> str:
        """What the browser takes along."""
        told = {
            "revision": str(self.revision_id),
            "changed_at": self.changed_at.isoformat(),
            "state": self.attempt.state,
            "nonce": self.attempt.nonce,
            "verifier": self.attempt.verifier,
            "begun_at": self.begun_at.isoformat(),
            "tester": self.tester and str(self.tester),
            "wanted": self.wanted,
        }
        return seal(json.dumps(told), owner=self.connection_id)


def opened(sealed: str, *, connection: Connection, now: datetime) -> Journey:
    """The journey that a browser took along. Raises Refused: STATE, where it is none of this connection or too old."""
    try:
        told = json.loads(unseal(sealed, owner=connection.id))
    except Unreadable:
        raise Refused(Reason.STATE) from None
    begun_at = datetime.fromisoformat(told["begun_at"])
    if not begun_at <= now < begun_at + LASTS:
        raise Refused(Reason.STATE)
    return Journey(
        connection_id=connection.id,
        revision_id=UUID(told["revision"]),
        changed_at=datetime.fromisoformat(told["changed_at"]),
        attempt=Attempt(told["state"], told["nonce"], told["verifier"]),
        begun_at=begun_at,
        tester=UUID(told["tester"]) if told["tester"] else None,
        wanted=told["wanted"],
    )


def begin(
    *,
    revision: Revision,
    tester: UUID | None = None,
    wanted: str = "",
    max_age: timedelta | None = None,
    now: datetime,
) -> tuple[Journey, str]:
    """A journey, and the URL where it leads first. revision: with its connection.

    max_age: whoever showed longer ago who they are, is to do so again.

    May take ten seconds, for which no transaction should be open. Raises Refused, as `issuers.provider`;
    KEY_UNREADABLE.
    """
    wanted = wanted if len(wanted) <= LONGEST_WANTED else ""
    attempt, url = (_saml_request if revision.is_saml else _oidc_request)(revision, max_age, now)
    return Journey(revision.connection_id, revision.id, revision.changed_at, attempt, now, tester, wanted), url


def _saml_request(revision: Revision, max_age: timedelta | None, now: datetime) -> tuple[Attempt, str]:
    """The state of such a journey is the id of its request."""
    attempt = Attempt(state=requests.new_request_id(), nonce="", verifier="")
    return attempt, assertions.request_url(revision, request_id=attempt.state, fresh=max_age is not None, now=now)


def _oidc_request(revision: Revision, max_age: timedelta | None, now: datetime) -> tuple[Attempt, str]:
    provider = issuers.provider(revision.issuer, now=now)
    attempt = Attempt()
    url = flow.authorization_url(
        provider,
        attempt,
        client_id=revision.client_id,
        redirect_uri=connections.callback_url(revision.connection),
        max_age=None if max_age is None else int(max_age.total_seconds()),
    )
    return attempt, url


def arrive(
    journey: Journey, *, connection: Connection, parameters: Mapping[str, Sequence[str]], now: datetime
) -> Identity:
    """Whom the identity provider means, by what the browser brought back, once. parameters: all values of each.

    May take forty seconds, for which no transaction should be open. Raises Refused, among others STATE where the
    configuration is another one by now, or the journey is over.
    """
    revision = _revision(journey, connection)
    return (_by_saml if revision.is_saml else _by_oidc)(journey, revision, parameters, now)


def _by_saml(journey: Journey, revision: Revision, parameters: Mapping[str, Sequence[str]], now: datetime) -> Identity:
    brought = parameters.get("SAMLResponse", ())
    if len(brought) != 1:
        raise Refused(Reason.BAD_PARAMETERS, "SAMLResponse")
    request_id = journey.attempt.state
    assertions.check_answers(brought[0], request_id=request_id, revision=revision)
    _count(journey, revision.connection)
    return assertions.identity(brought[0], request_id=request_id, revision=revision, now=now)


def _by_oidc(journey: Journey, revision: Revision, parameters: Mapping[str, Sequence[str]], now: datetime) -> Identity:
    provider = issuers.provider(revision.issuer, now=now)
    code = flow.read_callback(parameters, provider=provider, state=journey.attempt.state)
    _count(journey, revision.connection)
    claims = _claims(provider, revision, journey.attempt, code, now)
    session = claims.get("sid")
    return Identity(
        issuer=revision.authority,
        subject=claims["sub"],
        claims=claims,
        provider_session=session if isinstance(session, str) and len(session) <= 255 else "",
        ends_at=_time(claims, "session_expiry"),
        authenticated_at=_time(claims, "auth_time"),
    )


def _count(journey: Journey, connection: Connection) -> None:
    """It counts once."""
    if not seen.is_first(connection, seen.Kind.JOURNEY, journey.attempt.state, until=journey.begun_at + LASTS):
        raise Refused(Reason.STATE)


def _revision(journey: Journey, connection: Connection) -> Revision:
    """By which configuration the journey goes, if it is the same as when it began and serves that purpose."""
    revision = (
        Revision.objects.for_org(connection.org_id)
        .filter(id=journey.revision_id, connection=connection, changed_at=journey.changed_at)
        .exclude(state=State.PAST)
        .first()
    )
    if revision is None or (journey.tester is None and revision.state != State.ACTIVE):
        raise Refused(Reason.STATE)
    revision.connection = connection
    return revision


def _claims(provider: Provider, revision: Revision, attempt: Attempt, code: str, now: datetime) -> dict[str, Any]:
    request = flow.token_request(
        provider,
        code=code,
        verifier=attempt.verifier,
        redirect_uri=connections.callback_url(revision.connection),
        client_id=revision.client_id,
        client_secret=connections.secret_in(revision),
    )
    tokens = flow.read_tokens(
        fetching.fetch(
            provider.token_endpoint, networks=settings.IDP_NETWORKS, form=request.form, headers=request.headers
        )
    )
    claims = issuers.with_keys(
        provider,
        lambda keys: verify_id_token(
            tokens.id_token,
            keys=keys,
            issuer=provider.issuer,
            client_id=revision.client_id,
            nonce=attempt.nonce,
            now=now,
        ),
        now=now,
    )
    wanted = {revision.user_name_claim, revision.external_id_claim} - {""}
    if wanted <= claims.keys() or provider.userinfo_endpoint is None or tokens.access_token is None:
        return claims
    headers = {"Authorization": f"Bearer {tokens.access_token}"}
    answer = fetching.fetch(provider.userinfo_endpoint, networks=settings.IDP_NETWORKS, headers=headers)
    return flow.add_userinfo(claims, answer)


def _time(claims: Mapping[str, Any], name: str) -> datetime | None:
    """A time that the provider says, if it says one."""
    said = claims.get(name)
    if isinstance(said, bool) or not isinstance(said, int) or not 0 < said < BEYOND_THE_CALENDAR:
        return None
    return datetime.fromtimestamp(said, UTC)
