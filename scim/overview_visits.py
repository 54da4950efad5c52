"""When an admin last visited the overview, so that it can say what has changed since (SPEC N2).

A visit lasts while the overview is opened again within BREAK. What has changed is told from the end of the visit before
this one, so that a reload does not take it away.
"""

from datetime import datetime, timedelta

from django.db import connection

from orgs.models import Organization, User

BREAK = timedelta(minutes=30)

_SEEN = """
INSERT INTO scim_overviewvisit AS v (org_id, user_id, seen_at) VALUES (%(org)s, %(user)s, %(at)s)
ON CONFLICT (org_id, user_id) DO UPDATE SET
    since = CASE WHEN v.seen_at < %(break)s THEN v.seen_at ELSE v.since END,
    seen_at = greatest(v.seen_at, excluded.seen_at)
RETURNING since
"""


def note(*, org: Organization, user: User, at: datetime) -> datetime | None:
    """Note that an admin opens the overview. Returns when their visit before this one ended; None if there was none.

    Support, which may look at an org's pages too, has no visits. One statement.
    """
    if user.org_id != org.pk:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, {"org": org.pk, "user": user.pk, "at": at, "break": at - BREAK})
        since: datetime | None = cursor.fetchone()[0]
    return since
