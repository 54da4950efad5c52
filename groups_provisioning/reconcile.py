"""The engine: turns facts into effects. It alone writes `Standing`."""

import structlog
from django.db import connection
from django.db.models import QuerySet

from orgs import roles
from orgs.history import Effect
from orgs.models import LastAdmin, Organization, Standing, User

log = structlog.get_logger(__name__)


# On the way of every change: plain SQL, since building the query anew would cost more than running it.
_GROUP_ROLES = """
SELECT DISTINCT unnest(g.roles) FROM groups_provisioning_groupmember m
JOIN groups_provisioning_pushedgroup g ON g.id = m.group_id WHERE m.user_id = %s
"""


def settle(*, org: Organization, user: User, is_new: bool = False, ended: bool = False) -> list[Effect]:
    """Bring one person's roles up to date with the facts (SPEC R1, R5); what differed.

    user: the facts, of a row that is locked or new, or that were read after its Standing was locked. ended: their
    account was active before this command and is not now. is_new: nothing was ever settled for them, and they are in
    no group. Runs in the transaction of the command that changed the facts.
    """
    # What came with the user's row may be older than the row, which was waited for.
    standing = None if is_new else Standing.objects.select_for_update().filter(user=user).first()
    catalogue = roles.catalogue(org.profile)
    was = standing.roles if standing else []
    written = {*(user.idp_roles or ()), *(() if is_new else _group_roles(user))}
    now = catalogue.effective(written, user.manual_roles or ())
    loses_admin = catalogue.admin in was and (ended or catalogue.admin not in now)
    is_last = loses_admin and not _other_admins(org, user, catalogue.admin).exists()
    held = is_last and not ended and user.is_active
    if held:
        now = catalogue.with_admin(now)
    effects = []
    user.standing = Standing(user=user, org=org, roles=now)
    if standing is None or was != now:
        user.standing.save(force_insert=standing is None, force_update=standing is not None)
    if was != now:
        effects.append(Effect(user.id, "roles", was or None, now))
    if held and LastAdmin.objects.get_or_create(org=org, defaults={"user": user})[1]:
        effects.append(Effect(user.id, "last_admin", None, "kept"))
    if is_last and ended:
        log.warning("org_without_admin", org=str(org.id), user=str(user.id))
        effects.append(Effect(user.id, "last_admin", None, "gone"))
    if catalogue.admin in now and user.is_active and not held:
        effects += _release(org, user)
    return effects


def _group_roles(user: User) -> set[str]:
    """The roles of the pushed groups that the user is in, mapped or not (SPEC G1, G7)."""
    with connection.cursor() as cursor:
        cursor.execute(_GROUP_ROLES, [user.id])
        return {key for (key,) in cursor.fetchall()}


def _other_admins(org: Organization, user: User, admin: str) -> QuerySet[Standing]:
    """Who else administers the org through a role.

    Asked by one transaction at a time: two admins who lose the role at once would each count on the other.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"last admin of {org.id}"])
    others = Standing.objects.filter(org=org, roles__contains=[admin], user__active=True, user__is_owner=False)
    return others.exclude(user=user)


def _release(org: Organization, admin: User) -> list[Effect]:
    """Those who only kept the admin role for want of another admin follow the facts again (SPEC R5)."""
    noted = LastAdmin.objects.filter(org=org).exclude(user=admin).select_related("user").first()
    if noted is None:
        return []
    noted.delete()
    return settle(org=org, user=noted.user)
