"""People of an import: who is meant by each row, what would change, and writing it (SPEC E6).

What is shown of a file beforehand and what is done with it come from the same `plan`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from groups_provisioning.actions.import_matching import Claims, Known, asked, claims, differing, merged
from groups_provisioning.engine import reconcile
from groups_provisioning.models import Import, ImportRow, Verdict
from orgs import domains, erasures, feed, history, people
from orgs.change_details import PeopleImported
from orgs.db import transactions
from orgs.db.keys import fold
from orgs.history import Cause
from orgs.models import User, VerifiedDomain
from orgs.people import Facts
from orgs.roles import catalogue

AT_ONCE = 500
"""Rows of people that are taken in one transaction, as many as the engine settles at once."""

_NAMES = {
    "user_name": "userName",
    "external_id": "externalId",
    "display_name": "displayName",
    "given_name": "givenName",
    "family_name": "familyName",
    "idp_roles": "roles",
    "placement_id": "placement",
}
"""What a file calls the columns that a row may change."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody to write. user: who it is, locked where that was asked for; None for a new person."""

    row: ImportRow
    user: User | None
    facts: Facts
    reference: str


def plan(run: Import, rows: Sequence[ImportRow], *, lock: bool) -> list[Wish]:
    """Judge rows of people, and return those that change something.

    A row means who has its reference, its external id or its userName; if those are several, it is ambiguous, and so it
    is if an address in it is the userName of somebody invited by hand (SPEC U3). Of whoever an IdP manages nothing but
    the reference changes. lock: the people who are found, for writing.
    """
    found = User.objects.for_org(run.org).provisionable().filter(asked(rows, name_key="user_name_key")).order_by("id")
    known = Known(found.select_for_update(no_key=True) if lock else found, name=("user_name", "userName"))
    claimed = claims(run, rows, [user.id for user in known.found])
    ground = _Ground.of(run, [row for row in rows if not known.meant(row)])
    wishes = (_judge(row, known.meant(row), ground, claimed) for row in rows)
    return [wish for wish in wishes if wish is not None]


def carry_out(run: Import, wishes: Sequence[Wish], cause: Cause) -> None:
    """Write people and settle them, as one change. Raises people.TakenMeanwhile, which ends the transaction."""
    if not wishes:
        return
    org, change_id = run.org, transactions.change_id()
    new = [wish for wish in wishes if wish.user is None]
    made, effects = people.add_imported(org=org, found=[(wish.facts, wish.reference) for wish in new], at=cause.at)
    for wish, user in zip(new, made, strict=True):
        wish.row.subject = user.id
    present = [(wish, wish.user) for wish in wishes if wish.user is not None]
    for wish, user in present:
        people.change_imported(user=user, facts=wish.facts, reference=wish.reference, at=cause.at)
    touched = [user.id for _, user in present]
    effects += reconcile.settle_several(org=org, ids=sorted([*touched, *(user.id for user in made)]))
    feed.touch(org.id, [("person", str(id_)) for id_ in touched], change_id)
    detail = PeopleImported(imported=str(run.id), file=run.name, made=len(made), changed=len(touched))
    history.record(org, cause, detail, effects, change_id=change_id)


# --- Who is meant -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Ground:
    """What else the judgement of rows depends on. deleted, erased: folded userNames. by_hand: who was invited or signed
    up, by their address. verified: the org's domains. immutable: a userName stays as it is.
    """

    deleted: Collection[str]
    erased: Collection[str]
    by_hand: Mapping[str, str]
    verified: Sequence[str]
    immutable: bool
    admin: str
    makes_admins: bool

    @classmethod
    def of(cls, run: Import, new: Sequence[ImportRow]) -> "_Ground":
        """new: the rows that mean nobody."""
        org = run.org
        everybody = User.objects.for_org(org).filter(is_owner=False)
        keys = {row.name_key for row in new}
        addresses = {key for row in new for key in row.facts["email_keys"]}
        deleted = everybody.exclude(deleted_at=None).filter(user_name_key__in=keys)
        by_hand = everybody.filter(deleted_at=None, scim_managed=False, login_email__in=addresses)
        return cls(
            set(deleted.values_list("user_name_key", flat=True)),
            erasures.erased_among(org, keys),
            {address: name for address, name in by_hand.values_list("login_email", "user_name") if address},
            list(VerifiedDomain.objects.for_org(org).order_by("name").values_list("name", flat=True)),
            not org.profile.user_name_is_mutable,
            catalogue(org.profile).admin,
            run.makes_admins,
        )


def _judge(row: ImportRow, meant: Sequence[tuple[str, User]], ground: _Ground, claimed: Claims) -> Wish | None:
    distinct = {user.id: user for _, user in meant}
    if len(distinct) > 1:
        row.judge(Verdict.AMBIGUOUS, why="several", by=[[by, user.user_name] for by, user in meant])
        return None
    facts = _facts(row)
    gives_admin = ground.admin in (facts.idp_roles or ()) and not ground.makes_admins
    if not distinct:
        return _judge_new(row, facts, ground, gives_admin)
    (user,) = distinct.values()
    id_, place = claimed.setdefault(user.id, (row.id, row.place))
    if id_ != row.id:
        row.judge(Verdict.REFUSED, subject=user.id, why="same", place=place)
        return None
    wished = people.facts_of(user) if user.scim_managed else _merged(user, facts)
    reference = row.reference or user.reference
    changes = _changes(people.facts_of(user), wished) + (["id"] if reference != user.reference else [])
    managed = {"why": "managed"} if user.scim_managed else {}
    if not changes:
        row.judge(Verdict.UNCHANGED, subject=user.id, **managed)
        return None
    if "userName" in changes and (refusal := _name_refused(user, wished, ground)):
        row.judge(Verdict.REFUSED, subject=user.id, **refusal)
        return None
    if "roles" in changes and gives_admin:
        row.judge(Verdict.REFUSED, subject=user.id, why="admin", role=ground.admin)
        return None
    row.judge(Verdict.CHANGED, subject=user.id, changes=changes, **managed)
    return Wish(row, user, wished, reference)


def _judge_new(row: ImportRow, facts: Facts, ground: _Ground, gives_admin: bool) -> Wish | None:
    invited = next((ground.by_hand[key] for key in facts.email_keys if key in ground.by_hand), None)
    if row.name_key in ground.deleted or row.name_key in ground.erased:
        row.judge(Verdict.REFUSED, why="deleted")
    elif invited is not None:
        row.judge(Verdict.AMBIGUOUS, why="address", by=[["email", invited]])
    elif refusal := _domain_refused(facts, ground):
        row.judge(Verdict.REFUSED, **refusal)
    elif gives_admin:
        row.judge(Verdict.REFUSED, why="admin", role=ground.admin)
    else:
        row.judge(Verdict.NEW)
        return Wish(row, None, facts, row.reference)
    return None


def _name_refused(user: User, wished: Facts, ground: _Ground) -> dict[str, Any]:
    if fold(wished.user_name) == user.user_name_key:
        return {}
    if ground.immutable:
        return {"why": "immutable", "was": user.user_name}
    return _domain_refused(wished, ground)


def _domain_refused(facts: Facts, ground: _Ground) -> dict[str, Any]:
    try:
        domains.check_among(ground.verified, facts.login_email)
    except domains.ForeignDomain as foreign:
        return {"why": "domain", "domains": list(foreign.args)}
    return {}


# --- What a row says --------------------------------------------------------------------------------------------------


def _facts(row: ImportRow) -> Facts:
    said = dict(row.facts)
    roles, placement = said["idp_roles"], said["placement_id"]
    said |= {
        "email_keys": tuple(said["email_keys"]),
        "idp_roles": None if roles is None else tuple(roles),
        "placement_id": UUID(placement) if placement else None,
    }
    return Facts(user_name=row.name, external_id=row.external_id, **said)


def _merged(user: User, said: Facts) -> Facts:
    """What somebody is after a row: what a file leaves out stays, and whether they are active always does."""
    present = people.facts_of(user)
    says_emails = "emails" in said.attributes
    return replace(
        said,
        external_id=said.external_id or present.external_id,
        active=present.active,
        display_name=said.display_name or present.display_name,
        given_name=said.given_name or present.given_name,
        family_name=said.family_name or present.family_name,
        email_keys=said.email_keys if says_emails else present.email_keys,
        attributes=merged(present.attributes, said.attributes),
        folded=merged(present.folded, said.folded),
        extension_urn=said.extension_urn or present.extension_urn,
        idp_roles=present.idp_roles if said.idp_roles is None else said.idp_roles,
        placement_id=said.placement_id or present.placement_id,
    )


def _changes(was: Facts, now: Facts) -> list[str]:
    """What differs, as a file calls it."""
    names = [name for column, name in _NAMES.items() if getattr(was, column) != getattr(now, column)]
    return names + differing(was.attributes, now.attributes)
