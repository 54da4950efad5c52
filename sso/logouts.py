"""Sessions that an identity provider ends (SPEC L7), by OpenID Connect Back-Channel Logout 1.0 or by global token
revocation (draft-parecki-oauth-global-token-revocation), which Okta calls Universal Logout.
"""

from datetime import datetime

from orgs import sessions
from orgs.db.keys import fold
from orgs.db.transactions import command
from orgs.models import IdentityLink, User
from sso import connections, issuers, seen
from sso.models import Revision
from sso.oidc.revocation import Revoked, read_revocation
from sso.oidc.tokens import Logout, verify_logout_token, verify_revocation_token
from sso.refusals import Reason, Refused


def log_out(token: str, *, revision: Revision, now: datetime) -> int:
    """End the sessions that a logout token is about, once. revision: the active one, with its connection.

    Returns how many there were: to a provider it makes no difference. May take thirty seconds, for which no transaction
    should be open. Raises Refused, as `verify_logout_token`; NOT_A_LOGOUT also for one that has come before.
    """
    provider = issuers.provider(revision.issuer, now=now)
    logout = issuers.with_keys(
        provider,
        lambda keys: verify_logout_token(
            token, keys=keys, issuer=provider.issuer, client_id=revision.client_id, now=now
        ),
        now=now,
    )
    return _end_sessions(logout, revision)


def revoke(token: str, body: bytes, *, revision: Revision, now: datetime) -> int | None:
    """End all sessions of the person whom a request for revocation is about, once. token: that came with it.

    Returns how many there were; None where nobody is meant by that name. May take thirty seconds, for which no
    transaction should be open. Raises Refused, as `verify_revocation_token` and `read_revocation`.
    """
    provider = issuers.provider(revision.issuer, now=now)
    audience = connections.revocation_url(revision.connection)
    token_id, until = issuers.with_keys(
        provider,
        lambda keys: verify_revocation_token(token, keys=keys, issuer=provider.issuer, audience=audience, now=now),
        now=now,
    )
    revoked = read_revocation(body, issuer=provider.issuer)
    return _end_all(revoked, revision, token_id, until)


@command
def _end_all(revoked: Revoked, revision: Revision, token_id: str, until: datetime) -> int | None:
    """An address that ends sessions need not prove who it is, as one that begins them has to (SPEC L4)."""
    connection = revision.connection
    if not seen.is_first(connection, seen.Kind.REVOCATION, token_id, until=until):
        raise Refused(Reason.NOT_A_LOGOUT, "jti")
    people = User.objects.for_org(connection.org_id).provisionable()
    if revoked.subject:
        links = IdentityLink.objects.for_org(connection.org_id)
        linked = links.filter(issuer=revision.issuer, subject=revoked.subject).values("user")
        person = people.filter(id__in=linked).first()
    else:
        person = people.filter(user_name_key=fold(revoked.email)).first()
    return None if person is None else sessions.end_all(user=person)


@command
def _end_sessions(logout: Logout, revision: Revision) -> int:
    connection = revision.connection
    if not seen.is_first(connection, seen.Kind.LOGOUT, logout.token_id, until=logout.until):
        raise Refused(Reason.NOT_A_LOGOUT, "jti")
    if logout.subject is None:
        return sessions.end_of_connection(connection.id, provider_session=logout.sid)
    links = IdentityLink.objects.for_org(connection.org_id).filter(issuer=revision.issuer, subject=logout.subject)
    link = links.select_related("user").first()
    if link is None:
        return 0
    return sessions.end_of_connection(connection.id, provider_session=logout.sid, user=link.user)
