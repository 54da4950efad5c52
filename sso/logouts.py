"""Sessions that an identity provider ends: OpenID Connect Back-Channel Logout 1.0 (SPEC L7)."""

from datetime import datetime

from orgs import sessions
from orgs.db.transactions import command
from orgs.models import IdentityLink
from sso import issuers, seen
from sso.models import Revision
from sso.oidc.tokens import Logout, verify_logout_token
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
