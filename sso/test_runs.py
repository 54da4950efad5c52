"""Test runs of a draft: they go all the way to the identity provider and back, and sign nobody in (SPEC L3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from orgs.db.keys import uuid7
from orgs.db.sealed import Unreadable, seal, unseal
from orgs.models import Organization, User
from sso import connections, fetching, identification, issuers
from sso.models import Revision, TestRun
from sso.oidc import flow
from sso.oidc.flow import Attempt
from sso.oidc.tokens import verify_id_token
from sso.refusals import Reason, Refused

LASTS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Begun:
    """run_id: to be kept in the session of the browser that goes to `url`, and given to `finish` from there alone."""

    run_id: UUID
    url: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came, and what it would come to. Kept nowhere: it is about a person.

    claims: empty where none could be trusted. person: who would be signed in; None if refused. refused: why not.
    """

    claims: Mapping[str, Any]
    person: User | None
    refused: Refused | None


def begin(*, revision: Revision, now: datetime) -> Begun:
    """Begin a test run. May take ten seconds, for which no transaction should be open.

    Raises Refused, as `issuers.provider`.
    """
    provider = issuers.provider(revision.issuer, now=now)
    attempt = Attempt()
    run = TestRun(id=uuid7(), org_id=revision.org_id, revision=revision, begun_at=now)
    run.state, run.nonce, run.verifier = attempt.state, attempt.nonce, seal(attempt.verifier, owner=run.id)
    run.save(force_insert=True)
    return Begun(
        run.id,
        flow.authorization_url(
            provider,
            attempt,
            client_id=revision.client_id,
            redirect_uri=connections.callback_url(revision.connection),
        ),
    )


def finish(*, org: Organization, run_id: UUID, parameters: Mapping[str, Sequence[str]], now: datetime) -> Outcome:
    """What the browser brought back from a test run, once. parameters: all values of each.

    The draft counts as tested if a trusted token has a userName, whoever it is: it is often nobody in the org who sets
    the connection up. May take forty seconds, for which no transaction should be open.
    """
    try:
        run = _used(org, run_id, now)
        claims = _claims(run, parameters, now)
    except Refused as refused:
        return Outcome({}, None, refused)
    try:
        name = identification.user_name(org, claims, claim=run.revision.name_claim)
        _passed(run, now)
        return Outcome(claims, identification.person(org, name), None)
    except Refused as refused:
        return Outcome(claims, None, refused)


def forget(*, at: datetime) -> None:
    """Delete what no browser can come back to."""
    TestRun.objects.filter(begun_at__lt=at - LASTS).delete()


def _used(org: Organization, run_id: UUID, now: datetime) -> TestRun:
    runs = TestRun.objects.for_org(org).filter(id=run_id, used_at=None, begun_at__gt=now - LASTS)
    if not runs.update(used_at=now):
        raise Refused(Reason.STATE)
    return TestRun.objects.for_org(org).select_related("revision__connection").get(id=run_id)


def _passed(run: TestRun, now: datetime) -> None:
    """Unless the revision was changed since the run read it."""
    same = Revision.objects.for_org(run.org_id).filter(id=run.revision_id, changed_at=run.revision.changed_at)
    same.update(tested_at=now)


def _claims(run: TestRun, parameters: Mapping[str, Sequence[str]], now: datetime) -> dict[str, Any]:
    revision = run.revision
    provider = issuers.provider(revision.issuer, now=now)
    code = flow.read_callback(parameters, provider=provider, state=run.state)
    try:
        verifier = unseal(run.verifier, owner=run.id)
    except Unreadable:
        raise Refused(Reason.STATE) from None
    request = flow.token_request(
        provider,
        code=code,
        verifier=verifier,
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
            nonce=run.nonce,
            now=now,
        ),
        now=now,
    )
    wanted = revision.name_claim or identification.USUAL_CLAIM
    if wanted in claims or provider.userinfo_endpoint is None or tokens.access_token is None:
        return claims
    headers = {"Authorization": f"Bearer {tokens.access_token}"}
    answer = fetching.fetch(provider.userinfo_endpoint, networks=settings.IDP_NETWORKS, headers=headers)
    return flow.add_userinfo(claims, answer)
