"""Matters of people, groups, mappings and conflicts, read from their tables (SPEC N1)."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from groups_provisioning.models import ROLE, SYNCED
from orgs import entities, roles
from orgs.models import Organization
from orgs.models.people import label
from orgs.open_matters import FEW, OpenMatter, Subject
from orgs.templatetags.muster import relative
from orgs.web.long_list import COUNTED

RECENT = timedelta(days=30)
"""For how long refused values are told, if nothing ends it before."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is open of a kind. count: one more than COUNTED at most, but for groups. names: of the first FEW, each with
    its id. request_id: of the last call that shows it.
    """

    kind: str
    count: int
    since: datetime | None
    last: datetime | None
    request_id: UUID | None
    names: list[list[str]]

    @property
    def is_many(self) -> bool:
        return self.count > COUNTED

    @property
    def figure(self) -> str:
        return f"{min(self.count, COUNTED):,}"


_MAPPED = "EXISTS (SELECT FROM groups_provisioning_mapping m WHERE m.group_id = g.id AND {})".format
_NOT_UNMAPPED = "(m.status <> 'rejected' OR m.barred)"  # as `is_unmapped` has it
_PENDING, _DELETED = "m.status = 'pending' AND NOT m.target_deleted", "m.status = 'pending' AND m.target_deleted"
_PERSON = "ARRAY[u.id::text, u.user_name, u.display_name, u.given_name, u.family_name]"
_CHANGED = """(
    SELECT min(c.at) FROM groups_provisioning_mapping m
    JOIN groups_provisioning_pushedgroup g ON g.id = m.group_id AND g.deleted_at IS NULL
    JOIN orgs_change c ON c.id = m.change_id
    WHERE m.org_id = o.org_id AND {}
)""".format

# As the past of the groups' facts tells it; null if they have been so for longer than that is kept.
_OUT_OF_SYNC_SINCE = """(
    SELECT min(since.at) FROM each_group g CROSS JOIN LATERAL (
        SELECT p.at FROM orgs_past p
        WHERE p.about = g.id AND p.kind = 'group' AND p.was -> 'out_of_sync' = 'false' ORDER BY p.at DESC LIMIT 1
    ) AS since WHERE g.out_of_sync
)"""


def _of_groups(kind: str, condition: str, since: str) -> str:
    """Of the groups in `each_group`."""
    return f"""SELECT '{kind}', (SELECT count(*) FROM each_group g WHERE {condition}), {since}, NULL::timestamptz,
        NULL::uuid,
        ARRAY(SELECT ARRAY[id::text, name] FROM each_group g WHERE {condition} ORDER BY key LIMIT %(few)s)
    WHERE EXISTS (SELECT FROM each_group g WHERE {condition})"""  # noqa: S608 - of constants


def _of_people(kind: str, rows: str, order: str = "at, user_id") -> str:
    """rows: a statement for user_id, at and request_id, a row each."""
    return f"""SELECT '{kind}', count(*), min(at), max(at), (array_agg(request_id ORDER BY at DESC))[1],
        ARRAY(
            SELECT {_PERSON}
            FROM unnest((array_agg(user_id ORDER BY {order}))[1:%(few)s]) WITH ORDINALITY AS few (id, n)
            JOIN orgs_user u ON u.id = few.id ORDER BY n
        )
    FROM ({rows} LIMIT %(counted)s) AS found HAVING count(*) > 0"""  # noqa: S608 - of constants


_CONFLICTS = """SELECT user_id, since AS at, NULL::uuid AS request_id FROM groups_provisioning_conflict
        WHERE org_id = %(org)s ORDER BY since, id"""
_REMOVED = """SELECT h.user_id, min(c.at) AS at, NULL::uuid AS request_id
        FROM orgs_handplacement h
        JOIN groups_provisioning_mapping m ON m.entity_id = h.entity_id AND m.status = ANY(%(synced)s)
        JOIN groups_provisioning_groupmember gm ON gm.group_id = m.group_id AND gm.user_id = h.user_id
        JOIN orgs_user u ON u.id = h.user_id AND u.active
        JOIN orgs_change c ON c.id = h.change_id
        WHERE h.org_id = %(org)s AND NOT h.placed GROUP BY h.user_id"""
_OPENED = """SELECT id AS user_id, NULL::timestamptz AS at, NULL::uuid AS request_id FROM orgs_user
        WHERE org_id = %(org)s AND active AND idp_active IS NOT NULL"""
# Until the person is written again: their change is the last one then, as on their page.
_REFUSED = """SELECT l.user_id, c.at, c.request_id FROM orgs_ledgerentry l
        JOIN orgs_change c ON c.id = l.change_id AND c.at >= %(recent)s
        JOIN orgs_user u ON u.id = l.user_id AND u.modified_at <= c.at
        WHERE l.org_id = %(org)s AND l.slot = 'refused' ORDER BY l.change_id DESC"""
_LAST_ADMIN = """SELECT a.user_id, (
            SELECT max(c.at) FROM orgs_ledgerentry l JOIN orgs_change c ON c.id = l.change_id
            WHERE l.org_id = %(org)s AND l.slot = 'last_admin' AND l.now = '"kept"' AND l.user_id = a.user_id
        ) AS at, NULL::uuid AS request_id
        FROM orgs_lastadmin a WHERE a.org_id = %(org)s"""
_HELD = """SELECT h.user_id, h.at, c.request_id FROM groups_provisioning_breach b
        JOIN groups_provisioning_hold h ON h.breach_id = b.id AND NOT h.released
        JOIN orgs_change c ON c.id = h.change_id
        WHERE b.org_id = %(org)s AND b.state = 'open' AND b.rules <> ARRAY['support']::varchar[]"""
_ADMIN_GONE = """SELECT l.user_id, c.at, c.request_id FROM orgs_ledgerentry l JOIN orgs_change c ON c.id = l.change_id
        WHERE l.org_id = %(org)s AND l.slot = 'last_admin' AND l.now = '"gone"' ORDER BY l.change_id DESC"""

_KINDS = (
    _of_groups("group.pending", "pending AND NOT deleted", _CHANGED(_PENDING)),
    _of_groups("group.target_deleted", "deleted", _CHANGED(_DELETED)),
    _of_groups("group.out_of_sync", "out_of_sync", _OUT_OF_SYNC_SINCE),
    _of_groups("group.unmapped", "NOT known", "(SELECT min(created_at) FROM each_group WHERE NOT known)"),
    _of_groups("group.kind_off", "TRUE", "NULL::timestamptz").replace("each_group", "kind_off"),
    _of_people("conflict.open", _CONFLICTS),
    _of_people("member.unplaced", _REMOVED),
    _of_people("user.opened", _OPENED),
    _of_people("value.refused", _REFUSED),
    _of_people("admin.last", _LAST_ADMIN),
    _of_people("admin.none", _ADMIN_GONE, "at DESC"),
    _of_people("changes.held", _HELD),
    """SELECT 'changes.held_by_support', count(*), min(b.opened_at), NULL::timestamptz, NULL::uuid,
        array_agg(ARRAY[t.id::text, t.name] ORDER BY b.opened_at)
    FROM groups_provisioning_breach b JOIN orgs_scimtoken t ON t.id = b.token_id
    WHERE b.org_id = o.org_id AND b.state = 'open' AND 'support' = ANY(b.rules) HAVING count(*) > 0""",
    """SELECT 'proposal.open', count(*), min(asked_at), NULL::timestamptz, NULL::uuid, ARRAY[]::text[]
    FROM orgs_proposal WHERE org_id = o.org_id AND state = 'open' AND expires_at > %(at)s HAVING count(*) > 0""",
    "SELECT 'effects.held', 1, served_at, retry_at, NULL::uuid, ARRAY[]::text[] FROM orgs_turn"
    " WHERE org_id = o.org_id AND retry_at IS NOT NULL",
)
# Of mappings by the group alone: a condition on the org, whose index it would also use, makes plans of old statistics
# slow.
_STATEMENT = f"""
SELECT o.org_id, found.* FROM jsonb_to_recordset(%(orgs)s) AS o (org_id uuid, kinds text[]) CROSS JOIN LATERAL (
    WITH each_group AS MATERIALIZED (
        SELECT g.id, g.display_name AS name, g.display_name_key AS key, g.out_of_sync, g.created_at,
            {_MAPPED(_DELETED)} AS deleted, {_MAPPED(_PENDING)} AS pending, {_MAPPED(_NOT_UNMAPPED)} AS known
        FROM groups_provisioning_pushedgroup g WHERE g.org_id = o.org_id AND g.deleted_at IS NULL
    ), kind_off AS MATERIALIZED (
        SELECT DISTINCT g.id, g.name, g.key FROM groups_provisioning_mapping m JOIN each_group g ON g.id = m.group_id
        WHERE m.org_id = o.org_id AND m.status = ANY(%(synced)s) AND m.kind <> ALL(o.kinds)
    )
    {" UNION ALL ".join(_KINDS).replace("%(org)s", "o.org_id")}
) AS found
"""  # noqa: S608 - of constants


def read(orgs: Collection[Organization], at: datetime) -> Iterator[tuple[UUID, OpenMatter]]:
    """Two statements at most."""
    of_orgs = [{"org_id": org.id, "kinds": [ROLE, *entities.kinds_on(org)]} for org in orgs]
    about: dict[str, Any] = {
        "orgs": orjson.dumps(of_orgs).decode(),
        "few": FEW,
        "counted": COUNTED + 1,
        "recent": at - RECENT,
        "at": at,
        "synced": list(SYNCED),
    }
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, about)
        rows = [(org_id, Found(*row)) for org_id, *row in cursor.fetchall()]
    lost = {org_id for org_id, found in rows if found.kind == "admin.none"}
    led = roles.led([org for org in orgs if org.id in lost]) if lost else set()
    for org_id, found in rows:
        if found.kind != "admin.none" or org_id not in led:
            yield org_id, _TELL[found.kind](found)


def _groups(found: Found, title: str, text: str) -> OpenMatter:
    return _matter(found, title, text, f"{reverse('groups')}?status={found.kind.partition('.')[2]}")


def _matter(found: Found, title: str, text: str, address: str) -> OpenMatter:
    """title: with a place for the count."""
    return OpenMatter(
        kind=found.kind,
        title=title % {"count": found.figure} if "%(count)s" in title else title,
        text=text,
        address=address,
        count=found.count,
        subjects=tuple(_subject(found.kind, *each) for each in found.names),
        since=found.since,
        last=found.last,
        request_id=found.request_id,
    )


def _subject(kind: str, id_: str, *names: str) -> Subject:
    if kind.startswith("group."):
        return Subject("group", id_, names[0], reverse("group", args=[id_]))
    if kind == "changes.held_by_support":
        return Subject("token", id_, names[0], reverse("held-changes"))
    return Subject("person", id_, label(*names), reverse("person", args=[id_]))


def _pending(found: Found) -> OpenMatter:
    title = ngettext("%(count)s group is pending", "%(count)s groups are pending", found.count)
    text = ngettext(
        "Its mapping is waiting for approval. Members get their assignment or role once you approve it.",
        "Their mappings are waiting for approval. Members get their assignments or roles once you approve them.",
        found.count,
    )
    return _groups(found, title, text)


def _target_deleted(found: Found) -> OpenMatter:
    title = ngettext(
        "The target of %(count)s group was deleted", "The targets of %(count)s groups were deleted", found.count
    )
    text = ngettext(
        "Its members lost this assignment or role. Choose a new target, or reject the mapping.",
        "Their members lost these assignments or roles. Choose new targets, or reject the mappings.",
        found.count,
    )
    return _groups(found, title, text)


def _out_of_sync(found: Found) -> OpenMatter:
    title = ngettext("%(count)s group is out of sync", "%(count)s groups are out of sync", found.count)
    text = ngettext(
        "A change to this group was refused while group provisioning was off. Push it again from your identity "
        "provider.",
        "Changes to these groups were refused while group provisioning was off. Push them again from your identity "
        "provider.",
        found.count,
    )
    return _groups(found, title, text)


def _unmapped(found: Found) -> OpenMatter:
    title = ngettext("%(count)s group is unmapped", "%(count)s groups are unmapped", found.count)
    text = ngettext(
        "Its members get no assignment, and only the roles that your identity provider sends. Map the group, give "
        "it a role, or add a rule.",
        "Their members get no assignments, and only the roles that your identity provider sends. Map the groups, "
        "give them roles, or add a rule.",
        found.count,
    )
    return _groups(found, title, text)


def _kind_off(found: Found) -> OpenMatter:
    title = ngettext(
        "The members of %(count)s approved group are not assigned",
        "The members of %(count)s approved groups are not assigned",
        found.count,
    )
    text = _("What they are mapped to is of a kind that is switched off. Ask support to switch it on.")
    return _matter(found, title, text, reverse("groups"))


def _conflicts(found: Found) -> OpenMatter:
    title = ngettext("%(count)s open conflict", "%(count)s open conflicts", found.count)
    if found.is_many:
        title = _("More than %(count)s open conflicts")
    text = _("SCIM groups give people assignments that exclude each other. They keep the current one until you decide.")
    return _matter(found, title, text, reverse("conflicts"))


def _unplaced(found: Found) -> OpenMatter:
    title = ngettext(
        "%(count)s member of an approved group is not assigned",
        "%(count)s members of approved groups are not assigned",
        found.count,
    )
    text = ngettext(
        "They were removed by hand. This lasts until your identity provider writes them or a group they are in: remove "
        "them from the group there, or undo the removal on their page.",
        "They were removed by hand. This lasts until your identity provider writes them or a group they are in: remove "
        "them from the group there, or undo the removal on their pages.",
        found.count,
    )
    return _matter(found, title, text, _page_of(found) if found.count == 1 else reverse("people"))


def _opened(found: Found) -> OpenMatter:
    title = ngettext(
        "%(count)s person is active although your identity provider deactivated them",
        "%(count)s people are active although your identity provider deactivated them",
        found.count,
    )
    text = _(
        "They were activated by hand while it was not sending requests. This lasts until your "
        "identity provider sends something about them again."
    )
    return _matter(found, title, text, f"{reverse('people')}?account=opened")


def _refused(found: Found) -> OpenMatter:
    title = ngettext("%(count)s value refused", "%(count)s values refused", found.count)
    text = _(
        "Requests that deactivated people also contained values that could not be accepted. Correct them in your "
        "identity provider."
    )
    return _matter(found, title, text, _page_of(found) if found.count == 1 else f"{reverse('activity')}?kind=people")


def _last_admin(found: Found) -> OpenMatter:
    title = _("%(name)s keeps the admin role") % {"name": _name_of(found)}
    text = _("Your identity provider took it away, but nobody else is an active admin. Make somebody else an admin.")
    return _matter(found, title, text, _page_of(found))


def _no_admin(found: Found) -> OpenMatter:
    text = _("%(name)s was the last one, and was deactivated or deleted. Only the owner can open these pages.")
    text = f"{text % {'name': _name_of(found)}} {_('Make somebody else an admin.')}"
    return _matter(found, _("Nobody is an admin any more"), text, reverse("admins"))


def _changes_held(found: Found) -> OpenMatter:
    title = ngettext("Changes to %(count)s person are held", "Changes to %(count)s people are held", found.count)
    if found.is_many:
        title = _("Changes to more than %(count)s people are held")
    text = _(
        "Your identity provider would take a role or an assignment from many people at once, or make many people "
        "admins. Everybody keeps what they had until you let the changes through, or undo them there."
    )
    return _matter(found, title, text, reverse("held-changes"))


def _held_by_support(found: Found) -> OpenMatter:
    title = ngettext(
        "Support holds changes by %(count)s token", "Support holds changes by %(count)s tokens", found.count
    )
    text = _(
        "Whoever would lose a role or an assignment because of it, or get the admin role, keeps what they had until "
        "support or an admin lets the changes through."
    )
    return _matter(found, title, text, reverse("held-changes"))


def _proposals(found: Found) -> OpenMatter:
    title = ngettext(
        "%(count)s decision waits for a second admin", "%(count)s decisions wait for a second admin", found.count
    )
    text = _(
        "It makes somebody an admin, or changes what guards that. Another admin than who asked approves or refuses it; "
        "after seven days it expires."
    )
    return _matter(found, title, text, reverse("proposals"))


def _held(found: Found) -> OpenMatter:
    assert found.last is not None
    text = _("The next attempt is %(when)s. Nothing is lost. If this continues, contact support.")
    return OpenMatter(
        kind=found.kind,
        title=_("Applying changes was interrupted"),
        text=text % {"when": relative(found.last)},
        address=reverse("activity"),
        since=found.since,
    )


def _page_of(found: Found) -> str:
    return reverse("person", args=[found.names[0][0]])


def _name_of(found: Found) -> str:
    return label(*found.names[0][1:])


_TELL: dict[str, Callable[[Found], OpenMatter]] = {
    "group.pending": _pending,
    "group.target_deleted": _target_deleted,
    "group.out_of_sync": _out_of_sync,
    "group.unmapped": _unmapped,
    "group.kind_off": _kind_off,
    "conflict.open": _conflicts,
    "member.unplaced": _unplaced,
    "user.opened": _opened,
    "value.refused": _refused,
    "admin.last": _last_admin,
    "admin.none": _no_admin,
    "changes.held": _changes_held,
    "changes.held_by_support": _held_by_support,
    "proposal.open": _proposals,
    "effects.held": _held,
}
