"""The engine: turns facts into effects. It alone writes `Standing`."""

from orgs import roles
from orgs.history import Effect
from orgs.models import Organization, Standing, User


def settle(*, org: Organization, user: User) -> list[Effect]:
    """Bring one person's roles up to date with the facts (SPEC R1); what differed.

    Runs in the transaction of the command that changed the facts, the user's row locked or new.
    """
    standing: Standing | None = getattr(user, "standing", None)
    was = standing.roles if standing else None
    now = roles.catalogue(org.profile).effective(user.idp_roles, user.manual_roles)
    if was == now:
        return []
    user.standing = Standing(user=user, org=org, roles=now)
    user.standing.save(force_insert=standing is None, force_update=standing is not None)
    return [Effect(user.id, "roles", was, now)]
