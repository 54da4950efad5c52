"""What org admins change by hand about one person (SPEC R1, R4). Each command settles that person before it returns.

The only module that writes `HandPlacement`, except `orgs.people.delete`. SCIM outranks all of it: an exclusive place
yields to a claim, a removal ends with the next SCIM write that names the person or a group they are in, and roles count
if the IdP writes none, on the person or a group.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from groups_provisioning.engine import holds, reconcile
from groups_provisioning.models import EXCLUSIVE, Membership, PushedGroup
from orgs import admin_news, entities, history, people
from orgs.catalogue import UnknownRole
from orgs.change_details import PlacementAbout, UserPlaced, UserPutBack, UserRolesSet, UserTakenOut
from orgs.db import transactions
from orgs.db.prepared import Prepared
from orgs.db.transactions import command
from orgs.entities import KindOff
from orgs.history import Cause
from orgs.models import Entity, HandPlacement, Organization, User
from orgs.people import UnknownPerson
from orgs.queue import MARK, announce
from orgs.roles import catalogue


@command
def place(*, org: Organization, user_id: UUID, entity_id: UUID, cause: Cause) -> bool:
    """Place somebody in an entity, and end a removal from it. Returns whether it changed.

    In an entity of an exclusive kind, it replaces another place by hand.
    Raises entities.UnknownEntity, KindOff, UnknownPerson, holds.Held.
    """
    entity = entities.locked(org, entity_id)
    if entity.kind not in entities.kinds_on(org):
        raise KindOff(entity.kind)
    user = _locked(org, user_id)
    change_id = transactions.next_change()
    placements = HandPlacement.objects.for_org(org).filter(user=user)
    if placements.filter(entity=entity, placed=True).exists():
        return False
    if entity.kind in EXCLUSIVE:
        placements.filter(entity__kind=entity.kind, placed=True).delete()
    placements.filter(entity=entity).delete()
    HandPlacement.objects.create(org=org, user=user, entity=entity, placed=True, change_id=change_id)
    effects = reconcile.settle(org=org, user=user).effects
    history.record(org, cause, UserPlaced(**_about(user, entity)), effects, change_id=change_id)
    return True


@command
def take_out(*, org: Organization, user_id: UUID, entity_id: UUID, cause: Cause) -> bool:
    """Take somebody out of an entity. Returns whether it changed.

    A place by hand is deleted. If SCIM still places them, a removal is stored against it.
    Raises entities.UnknownEntity, UnknownPerson, holds.Held.
    """
    entity = entities.locked(org, entity_id)
    user = _locked(org, user_id)
    change_id = transactions.next_change()
    with transaction.atomic():
        dropped, _ = HandPlacement.objects.for_org(org).filter(user=user, entity=entity, placed=True).delete()
        effects = reconcile.settle(org=org, user=user).effects
        still_in = Membership.objects.for_org(org).filter(user=user, entity=entity).exists()
        if still_in:
            HandPlacement.objects.create(org=org, user=user, entity=entity, placed=False, change_id=change_id)
            effects += reconcile.settle(org=org, user=user).effects
        if dropped or still_in:
            detail = UserTakenOut(**_about(user, entity), against_scim=still_in)
            history.record(org, cause, detail, effects, change_id=change_id)
        else:  # what waited for a worker has a cause of its own, by which it is entered
            transaction.set_rollback(True)
    return bool(dropped or still_in)


@command
def put_back(*, org: Organization, user_id: UUID, entity_id: UUID, cause: Cause) -> bool:
    """End a removal by hand, so that SCIM places them again. Returns whether there was one.

    Raises entities.UnknownEntity, UnknownPerson, holds.Held.
    """
    entity = entities.locked(org, entity_id)
    user = _locked(org, user_id)
    dropped, _ = HandPlacement.objects.for_org(org).filter(user=user, entity=entity, placed=False).delete()
    if dropped:
        effects = reconcile.settle(org=org, user=user).effects
        history.record(org, cause, UserPutBack(**_about(user, entity)), effects)
    return bool(dropped)


@command
def set_roles(*, org: Organization, user_id: UUID, roles: Collection[str] | None, cause: Cause) -> bool:
    """Give somebody roles by hand, or None for none. Returns whether it changed.

    Raises UnknownRole, UnknownPerson, holds.Held.
    """
    keys = catalogue(org.profile).keys
    if unknown := set(roles or ()) - set(keys):
        raise UnknownRole(*sorted(unknown))
    user = _locked(org, user_id)
    was = user.manual_roles
    now = [key for key in keys if key in roles] if roles else None
    if not people.set_manual_roles(user=user, roles=now, at=cause.at):
        return False
    effects = reconcile.settle(org=org, user=user).effects
    history.record(org, cause, UserRolesSet(user=str(user.id), was=was, now=now), effects)
    for each in effects:
        if each.slot == "roles" and each.user_id == user.id:
            admin_news.about_roles(org, user, was=each.was or (), now=each.now or (), by=cause.person, at=cause.at)
    return True


# --- What SCIM ends (SPEC R4) -----------------------------------------------------------------------------------------


_TAKEN_OUT = Prepared("""
SELECT EXISTS (SELECT FROM orgs_handplacement WHERE org_id = %s AND user_id = %s AND NOT placed)
""")
_ANYBODY_TAKEN_OUT = Prepared("SELECT EXISTS (SELECT FROM orgs_handplacement WHERE org_id = %s AND NOT placed)")


def ask_for_removals(org_id: UUID, user_id: UUID | None = None) -> Callable[[], bool]:
    """Ask whether this user, or anybody in the org, was taken out of anything by hand.

    It goes with the lock of the row that is written, and after it: a column beside the lock would be read before the
    wait for it.
    """
    if user_id is None:
        rows = transactions.ask(_ANYBODY_TAKEN_OUT, [org_id])
    else:
        rows = transactions.ask(_TAKEN_OUT, [org_id, user_id])
    return lambda: bool(rows()[0][0])


def end_removals(user: User) -> bool:
    """End removals of this user, who is locked, since a SCIM write names them; the caller settles them.

    Returns whether a removal ended.
    """
    with connection.cursor() as cursor:
        cursor.execute(_END_OF_USER, {"org": user.org_id, "user": user.id})
        return cursor.rowcount > 0


# A removal outlasts SCIM's writes if the entity's mapping claims nobody, because it fell back or its kind is off.
# Ending it would place somebody whom nothing claims. It ends when the mapping is approved again (SPEC R4).
_ENDS = """NOT h.placed AND NOT EXISTS (
    SELECT FROM groups_provisioning_mapping m JOIN orgs_organization o ON o.id = m.org_id
    WHERE m.entity_id = h.entity_id AND m.status <> 'rejected' AND NOT m.target_deleted AND (
        m.status = 'pending' OR NOT CASE m.kind
            WHEN 'team' THEN o.teams WHEN 'concurrency_group' THEN o.concurrency_groups ELSE o.sub_organizations END
    )
)"""
_END_OF_USER = f"DELETE FROM orgs_handplacement h WHERE h.org_id = %(org)s AND h.user_id = %(user)s AND {_ENDS}"

_END = f"""
WITH ended AS (
    DELETE FROM orgs_handplacement h WHERE h.org_id = %(org)s AND {_ENDS} AND (
        EXISTS (
            SELECT FROM groups_provisioning_groupmember m WHERE m.group_id = %(group)s AND m.user_id = h.user_id
        )
        OR EXISTS (SELECT FROM orgs_mark k WHERE k.change_id = %(change)s AND k.user_id = h.user_id)
    ) RETURNING user_id
), unmarked AS (
    SELECT user_id FROM ended EXCEPT SELECT user_id FROM orgs_mark WHERE change_id = %(change)s
), marked AS ({MARK.format(touched="unmarked")})
SELECT count(*) FROM unmarked
"""


def end_removals_around(group: PushedGroup, *, change_id: UUID) -> int:
    """End removals around this group, which is locked, since a SCIM write names it.

    They end for its members, and for those whom the write added or removed. The change has already marked the latter;
    this marks the others. Returns how many others it marked.
    """
    about: dict[str, Any] = {"org": group.org_id, "group": group.id, "change": change_id}
    with connection.cursor() as cursor:
        cursor.execute(_END, about)
        (count,) = cursor.fetchone()
    if count:
        announce()
    return int(count)


def end_removals_from(entity_ids: Collection[UUID]) -> None:
    """End all removals from these entities, since their mappings are approved again (SPEC R4).

    The mappings then claim the people who were taken out of what was held. The caller marks the members.
    """
    HandPlacement.objects.filter(entity__in=entity_ids, placed=False).delete()


def restore(org: Organization, rows: Sequence[Mapping[str, Any]], gone: Sequence[Mapping[str, Any]]) -> None:
    """Have placements of people, who are locked, as they were before (SPEC T2); the caller settles them.

    rows: with their ids. gone: those that go.
    """
    HandPlacement.objects.for_org(org).filter(id__in=[row["id"] for row in gone]).delete()
    known = history.kept({row["change_id"] for row in rows})
    change_id = transactions.change_id()
    HandPlacement.objects.bulk_create(
        HandPlacement(**{**row, "change_id": row["change_id"] if row["change_id"] in known else change_id})
        for row in rows
    )


def _locked(org: Organization, user_id: UUID) -> User:
    """Raises UnknownPerson, holds.Held: what is done to somebody who is held would have no effect (SPEC T1)."""
    user = User.objects.for_org(org).live().filter(id=user_id).select_for_update(no_key=True).first()
    if user is None:
        raise UnknownPerson(user_id)
    holds.refuse(org, [user_id])
    return user


def _about(user: User, entity: Entity) -> PlacementAbout:
    return {"user": str(user.id), "entity": str(entity.id), "kind": entity.kind, "name": entity.name}
