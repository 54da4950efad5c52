"""Groups and memberships of an import: what is meant by each row, what would change, and writing it (SPEC E6, G2).

An imported group is as one that was pushed and that no token has written yet: rules map it, its mappings wait for
approval, and its members are placed once that is given. What a token has written is the IdP's, and stays.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import connection

from groups_provisioning.actions import group_intake, members, rule_evaluation
from groups_provisioning.actions.group_intake import GroupFacts, about, assign, save
from groups_provisioning.actions.import_matching import Claims, Known, asked, claims, differing, merged
from groups_provisioning.actions.members import Delta
from groups_provisioning.actions.rule_evaluation import Outcome
from groups_provisioning.models import (
    ROLE,
    GroupMapping,
    GroupMember,
    Import,
    ImportRow,
    Kind,
    MappingRule,
    PushedGroup,
    Verdict,
)
from groups_provisioning.rules import proposals
from orgs import feed, history
from orgs.change_details import GroupImported
from orgs.db import transactions
from orgs.db.keys import fold
from orgs.history import Cause
from orgs.models import Organization
from orgs.roles import catalogue

GROUPS_AT_ONCE = 50
MEMBERS_AT_ONCE = 2_000
"""Rows that are taken in one transaction."""

_NAMES = {"display_name": "displayName", "external_id": "externalId", "roles": "roles"}


@dataclass(frozen=True, slots=True)
class Wish:
    """A group to write. group: which it is, locked where that was asked for; None for a new one."""

    row: ImportRow
    group: PushedGroup | None
    facts: GroupFacts
    reference: str


# --- Groups -----------------------------------------------------------------------------------------------------------


def plan(run: Import, rows: Sequence[ImportRow], *, lock: bool) -> list[Wish]:
    """Judge rows of groups, as `imported_people.plan` does those of people."""
    org = run.org
    found = PushedGroup.objects.for_org(org).live().filter(asked(rows, name_key="display_name_key")).order_by("id")
    known = Known(found.select_for_update() if lock else found, name=("display_name", "displayName"))
    claimed = claims(run, rows, [group.id for group in known.found])
    barred = None if run.makes_admins else _Barred.of(org)
    wishes = []
    for row in rows:
        if not org.group_provisioning:
            row.judge(Verdict.REFUSED, why="groups_off")
        elif wish := _judge(row, known.meant(row), claimed, barred):
            wishes.append(wish)
    return wishes


def carry_out(run: Import, wishes: Sequence[Wish], cause: Cause) -> None:
    """Write groups, each as a change of its own. Raises group_intake.GroupNameTaken, people.TakenMeanwhile."""
    for wish in wishes:
        if wish.group is None:
            wish.row.subject = _create(run.org, wish, cause.under_locks()).id
        elif wish.group.imported:
            _change(run.org, wish.group, wish, cause.under_locks())
        else:
            wish.group.reference = wish.reference
            save(wish.group, ["reference"])
            feed.touch(run.org_id, [("group", str(wish.group.id))])


def _create(org: Organization, wish: Wish, cause: Cause) -> PushedGroup:
    """A new group, or the last deleted one of its name (SPEC G5)."""
    group = group_intake.restorable(org, wish.facts.display_name)
    is_new, change_id = group is None, transactions.next_change()
    if group is None:
        group = PushedGroup(org=org, created_at=cause.at)
    else:
        group_intake.bring_back(group)
    assign(group, wish.facts)
    group.imported, group.reference, group.modified_at = True, wish.reference or group.reference, cause.at
    save(group)
    evaluate = rule_evaluation.created if is_new else rule_evaluation.restored
    outcome = evaluate(group, change_id=change_id, at=cause.at)
    detail = GroupImported(**about(group, Delta()), is_new=True, marked=0, mappings=outcome.mappings)
    history.record(org, cause, detail, change_id=change_id)
    return group


def _change(org: Organization, group: PushedGroup, wish: Wish, cause: Cause) -> None:
    was, change_id, at = group.display_name, transactions.next_change(), max(cause.at, group.modified_at)
    written = assign(group, wish.facts)
    if written:
        group.revision += 1
        group.modified_at = at
        written += ["revision", "modified_at"]
    group.reference = wish.reference
    save(group, [*written, "reference"])
    outcome, is_renamed, marked = Outcome(), "display_name" in written, 0
    if is_renamed:
        outcome = rule_evaluation.renamed(group, was=was, change_id=change_id, at=at)
    if "roles" in written or outcome.settles:
        marked = members.mark_all(group, change_id=change_id)
    detail = GroupImported(
        **about(group, Delta()),
        was=was if is_renamed else None,
        marked=marked,
        mappings=outcome.mappings,
        entities=outcome.renamed,
    )
    history.record(org, cause, detail, change_id=change_id)


@dataclass(frozen=True, slots=True)
class _Barred:
    """The admin role, where whoever imports may not give it. rules: the role rules, in their order."""

    admin: str
    rules: Sequence[MappingRule]

    @classmethod
    def of(cls, org: Organization) -> "_Barred":
        rules = MappingRule.objects.for_org(org).of_list(roles=True).order_by("position")
        return cls(catalogue(org.profile).admin, list(rules))

    def is_given(self, facts: GroupFacts, changes: Collection[str] = ("displayName", "roles")) -> bool:
        """Whether a group would give it by what changes: by its roles, or by a rule for its name (SPEC R6)."""
        rule = proposals.first_match(self.rules, facts.display_name) if "displayName" in changes else None
        by_rule = rule is not None and rule.auto_approve and rule.role == self.admin
        return by_rule or ("roles" in changes and self.admin in facts.roles)


def _judge(
    row: ImportRow, meant: Sequence[tuple[str, PushedGroup]], claimed: Claims, barred: _Barred | None
) -> Wish | None:
    distinct = {group.id: group for _, group in meant}
    if len(distinct) > 1:
        row.judge(Verdict.AMBIGUOUS, why="several", by=[[by, each.display_name] for by, each in meant])
        return None
    said = dict(row.facts)
    facts = GroupFacts(**(said | {"roles": tuple(said["roles"])}), display_name=row.name, external_id=row.external_id)
    if not distinct:
        if barred and barred.is_given(facts):
            row.judge(Verdict.REFUSED, why="admin", role=barred.admin)
            return None
        row.judge(Verdict.NEW)
        return Wish(row, None, facts, row.reference)
    (group,) = distinct.values()
    id_, place = claimed.setdefault(group.id, (row.id, row.place))
    if id_ != row.id:
        row.judge(Verdict.REFUSED, subject=group.id, why="same", place=place)
        return None
    present = {name: getattr(group, name) for name in group_intake.FACTS} | {"roles": tuple(group.roles)}
    wished = GroupFacts(**present)
    if group.imported:
        wished = replace(
            facts,
            external_id=facts.external_id or group.external_id,
            attributes=merged(group.attributes, facts.attributes),
            folded=merged(group.folded, facts.folded),
            extension_urn=facts.extension_urn or group.extension_urn,
            roles=facts.roles or tuple(group.roles),
        )
    reference = row.reference or group.reference
    changes = [name for column, name in _NAMES.items() if present[column] != getattr(wished, column)]
    changes += differing(group.attributes, wished.attributes) + (["id"] if reference != group.reference else [])
    managed = {} if group.imported else {"why": "managed"}
    if not changes:
        row.judge(Verdict.UNCHANGED, subject=group.id, **managed)
    elif barred and barred.is_given(wished, changes):
        row.judge(Verdict.REFUSED, subject=group.id, why="admin", role=barred.admin)
    else:
        row.judge(Verdict.CHANGED, subject=group.id, changes=changes, **managed)
        return Wish(row, group, wished, reference)
    return None


# --- Memberships ------------------------------------------------------------------------------------------------------

Additions = dict[UUID, list[tuple[ImportRow, UUID]]]
"""By group, the rows that add somebody, and whom."""

_PEOPLE = """
SELECT k.key, u.id FROM unnest(%(keys)s::text[]) AS k (key)
JOIN orgs_user u ON u.org_id = %(org)s AND u.reference = k.key AND u.reference <> ''
WHERE u.deleted_at IS NULL AND NOT u.is_owner
UNION
SELECT k.key, u.id FROM unnest(%(keys)s::text[]) AS k (key)
JOIN orgs_user u ON u.org_id = %(org)s AND u.external_id = k.key AND u.external_id <> ''
WHERE u.deleted_at IS NULL AND NOT u.is_owner
UNION
SELECT k.key, u.id FROM unnest(%(keys)s::text[], %(folded)s::text[]) AS k (key, folded)
JOIN orgs_user u ON u.org_id = %(org)s AND u.user_name_key = k.folded
WHERE u.deleted_at IS NULL AND NOT u.is_owner
"""
_GROUPS = """
SELECT k.key, g.id FROM unnest(%(keys)s::text[]) AS k (key)
JOIN groups_provisioning_pushedgroup g ON g.org_id = %(org)s AND g.reference = k.key AND g.reference <> ''
WHERE g.deleted_at IS NULL
UNION
SELECT k.key, g.id FROM unnest(%(keys)s::text[]) AS k (key)
JOIN groups_provisioning_pushedgroup g ON g.org_id = %(org)s AND g.external_id = k.key AND g.external_id <> ''
WHERE g.deleted_at IS NULL
UNION
SELECT k.key, g.id FROM unnest(%(keys)s::text[], %(folded)s::text[]) AS k (key, folded)
JOIN groups_provisioning_pushedgroup g ON g.org_id = %(org)s AND g.display_name_key = k.folded
WHERE g.deleted_at IS NULL
"""
# Whom, or what, the file brings: who is there already by their id, others by one made of the row's.
_BROUGHT = """
UNION
SELECT k.key, coalesce(r.subject, {new}) FROM unnest(%(keys)s::text[]) AS k (key)
JOIN groups_provisioning_importrow r ON r.run_id = %(run)s AND r.kind = %(kind)s AND r.reference = k.key
    AND r.reference <> ''
WHERE r.verdict IN ('new', 'changed', 'unchanged')
UNION
SELECT k.key, coalesce(r.subject, {new}) FROM unnest(%(keys)s::text[]) AS k (key)
JOIN groups_provisioning_importrow r ON r.run_id = %(run)s AND r.kind = %(kind)s AND r.external_id = k.key
    AND r.external_id <> ''
WHERE r.verdict IN ('new', 'changed', 'unchanged')
UNION
SELECT k.key, coalesce(r.subject, {new})
FROM unnest(%(keys)s::text[], %(folded)s::text[]) AS k (key, folded)
JOIN groups_provisioning_importrow r ON r.run_id = %(run)s AND r.kind = %(kind)s AND r.name_key = k.folded
WHERE r.verdict IN ('new', 'changed', 'unchanged')
""".format(new="('00000000-0000-0000-0000-' || lpad(to_hex(r.id), 12, '0'))::uuid")


def plan_memberships(run: Import, rows: Sequence[ImportRow], *, lock: bool) -> Additions:
    """Judge rows of memberships. lock: the groups that are found; then what the file brought is there already.

    A text may be a reference, an external id or a name: if those are of several, it is ambiguous.
    """
    org, brought = run.org, not lock
    people = _named(_PEOPLE, org, run, Kind.PERSON, {row.name for row in rows}, brought)
    groups = _named(_GROUPS, org, run, Kind.GROUP, {row.group for row in rows}, brought)
    ids = {id_ for found in groups.values() for id_ in found}
    known = PushedGroup.objects.for_org(org).live().filter(id__in=ids).order_by("id")
    there = {group.id: group for group in (known.select_for_update() if lock else known)}
    present = _present(there, {id_ for found in people.values() for id_ in found})
    gives_admin = set[UUID]() if run.makes_admins else _giving_admin(org, there.values())
    additions: Additions = defaultdict(list)
    for row in rows:
        group_ids, user_ids = groups.get(row.group, set()), people.get(row.name, set())
        if not org.group_provisioning:
            row.judge(Verdict.REFUSED, why="groups_off")
        elif row.told.get("nested"):
            row.judge(Verdict.REFUSED, why="nested", nested=True)
        elif not group_ids:
            row.judge(Verdict.REFUSED, why="no_group")
        elif not user_ids:
            row.judge(Verdict.REFUSED, why="no_member")
        elif len(group_ids) > 1 or len(user_ids) > 1:
            row.judge(Verdict.AMBIGUOUS, why="several_groups" if len(group_ids) > 1 else "several_members")
        else:
            (group_id,), (user_id,) = group_ids, user_ids
            _judge_membership(row, there.get(group_id), (group_id, user_id) in present, gives_admin)
            if row.verdict == Verdict.NEW:
                present.add((group_id, user_id))
                additions[group_id].append((row, user_id))
    return additions


def _judge_membership(
    row: ImportRow, group: PushedGroup | None, is_present: bool, gives_admin: Collection[UUID]
) -> None:
    """group: None for one that the file is to bring."""
    subject = group.id if group else None
    if is_present:
        row.judge(Verdict.UNCHANGED, subject=subject)
    elif group and not group.imported:
        row.judge(Verdict.REFUSED, subject=subject, why="pushed")
    elif group and group.id in gives_admin:
        row.judge(Verdict.REFUSED, subject=subject, why="admin_group")
    else:
        row.judge(Verdict.NEW, subject=subject)


def add_members(run: Import, additions: Additions, cause: Cause) -> None:
    """Add members to locked groups, each as a change of its own; a worker settles them."""
    for group_id, rows in sorted(additions.items()):
        group = PushedGroup.objects.for_org(run.org).select_related("org").get(id=group_id)
        now, change_id = cause.under_locks(), transactions.next_change()
        at = max(now.at, group.modified_at)
        delta = members.add(group, [str(user_id) for _, user_id in rows], change_id=change_id, at=at)
        group.member_count += delta.added
        group.revision += 1
        group.modified_at = at
        save(group, ["member_count", "revision", "modified_at"])
        detail = GroupImported(**about(group, delta), marked=delta.added, mappings=[])
        history.record(run.org, now, detail, change_id=change_id)


def _named(
    sql: str, org: Organization, run: Import, kind: Kind, keys: Iterable[str], brought: bool
) -> dict[str, set[UUID]]:
    """What each text may mean. brought: also what rows of the file are to bring, which is TO_COME."""
    asked = list(keys)
    found: defaultdict[str, set[UUID]] = defaultdict(set)
    params: dict[str, Any] = {
        "org": org.id,
        "run": run.id,
        "kind": kind,
        "keys": asked,
        "folded": [fold(key) for key in asked],
    }
    with connection.cursor() as cursor:
        cursor.execute(sql + (_BROUGHT if brought else ""), params)
        for key, id_ in cursor.fetchall():
            found[key].add(id_)
    return found


def _present(groups: Mapping[UUID, PushedGroup], people: Iterable[UUID]) -> set[tuple[UUID, UUID]]:
    found = GroupMember.objects.filter(group__in=list(groups), user__in=list(people))
    return set(found.values_list("group_id", "user_id"))


def _giving_admin(org: Organization, groups: Iterable[PushedGroup]) -> set[UUID]:
    """The groups that give their members the admin role, by what the file says or by a mapping (SPEC R6)."""
    found, admin = list(groups), catalogue(org.profile).admin
    mapped = GroupMapping.objects.synced().filter(group__in=[each.id for each in found], kind=ROLE, role=admin)
    return {each.id for each in found if admin in each.roles} | set(mapped.values_list("group_id", flat=True))
