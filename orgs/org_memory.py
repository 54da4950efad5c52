"""The orgs that a process has read, with their profiles: what a request is decided by has to be the present, but an org
that is as it was need not be read again.

PostgreSQL says what is present: no two versions of a row were written by the same transaction (`xmin`) and are in the
same place (`ctid`). A request asks for both of the org and of its profile, in a statement that it needs anyway.
"""

import copy
from functools import cache
from uuid import UUID

from orgs.db.cached_select import Joined
from orgs.models import Organization

MOST = 10_000

VERSION = """
SELECT concat_ws(' ', o.xmin, o.ctid, p.xmin, p.ctid)
FROM orgs_organization o JOIN orgs_schemaprofile p ON p.id = o.profile_id WHERE o.id = {org}
""".format
"""SQL for the present version of an org and its profile."""

_kept: dict[UUID, tuple[str, Organization]] = {}


def present(org_id: UUID, version: str) -> Organization:
    """An org with its profile as it is now. version: what VERSION has just said."""
    kept = _kept.get(org_id)
    if kept is None or kept[0] != version:
        org = _with_profile().get("id", org_id)
        if len(_kept) >= MOST:
            _kept.clear()
        kept = _kept[org_id] = (org.version, org)
    return _copied(kept[1])


def _copied(org: Organization) -> Organization:
    """An org that is its caller's alone."""
    copied = copy.copy(org)
    copied.profile = copy.copy(org.profile)
    return copied


@cache
def _with_profile() -> Joined:
    return Joined(Organization, "profile", also={"version": VERSION(org="t0.id")})
