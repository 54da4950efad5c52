"""What waits for a second admin (SPEC T6): the only module that writes `Proposal`.

Asking, refusing and withdrawing, and who may agree. What is asked for, and carrying it out:
`groups_provisioning.proposals`.
"""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db.models import Q
from django.utils.translation import gettext as _

from orgs import admin_mail, history, roles
from orgs.change_details import (
    OrgOwnerChanged,
    ProposalApproved,
    ProposalExpired,
    ProposalMade,
    ProposalRefused,
    ProposalWithdrawn,
)
from orgs.db import transactions
from orgs.db.keys import as_uuid
from orgs.db.tenancy import TenantQuerySet
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import (
    Change,
    Door,
    LedgerEntry,
    MailKind,
    Organization,
    Proposal,
    ProposalState,
    User,
)
from orgs.models.history import FAMILY
from orgs.people import OPEN, account
from orgs.traces import Traces

Wish = Mapping[str, Any]

LASTS = timedelta(days=7)
MOST = 50
"""Proposals of an org that wait or were made within an hour: nobody's mailbox is to be flooded from here."""
HOUR = timedelta(hours=1)


class TooManyProposals(Exception):
    """So many wait, or were made just now, that no further one is accepted."""


class UnknownProposal(Exception):
    """The org has no such proposal (SPEC O7)."""


class ProposalEnded(Exception):
    """It was decided, withdrawn, or has expired; the argument is the proposal."""


class NotTheSecond(Exception):
    """This person may not agree: it is theirs, or they were no admin when it was asked."""


class NotTheAsker(Exception):
    """Only who asked takes it back."""


def fingerprint(wish: Wish, seen: Any) -> str:
    """Of what somebody sees of a wish whose effects no preview shows. seen: JSON."""
    return hashlib.sha256(orjson.dumps([wish, seen], option=orjson.OPT_SORT_KEYS)).hexdigest()


# --- Asking -----------------------------------------------------------------------------------------------------------


@command
def propose(*, org: Organization, wish: Wish, fingerprint: str, cause: Cause) -> Proposal:
    """Ask a second admin; the others are mailed. The same wish is asked for once. Raises TooManyProposals.

    fingerprint: of the effects that were seen.
    """
    Organization.objects.select_for_update(no_key=True).get(pk=org.pk)  # two at once must not both be the first
    waiting = going_on(org, at=cause.at)
    for known in waiting.filter(wish=dict(wish)).select_related("org__profile", "asked_by", "asked_key"):
        if not is_asker_gone(known, at=cause.at):
            return known
    is_open = Q(state=ProposalState.OPEN, expires_at__gt=cause.at)
    if Proposal.objects.for_org(org).filter(is_open | Q(asked_at__gt=cause.at - HOUR)).count() >= MOST:
        raise TooManyProposals
    proposal = Proposal.objects.create(
        org=org,
        wish=dict(wish),
        fingerprint=fingerprint,
        asked_by=cause.person,
        asked_key=cause.key,
        asked_at=cause.at,
        expires_at=cause.at + LASTS,
    )
    history.record(org, cause, ProposalMade(**_about(proposal)))
    admin_mail.write(
        org,
        MailKind.ACCESS,
        subject=_("Muster: a second admin is needed"),
        template="orgs/proposal_mail.txt",
        words={"org": org, "proposal": proposal, "days": LASTS.days},
        at=cause.at,
        about=proposal.pk,
        but=cause.person,
    )
    return proposal


def going_on(org: Organization, *, at: datetime) -> TenantQuerySet[Proposal]:
    """Those that nobody has decided about, in time."""
    return Proposal.objects.for_org(org).filter(state=ProposalState.OPEN, expires_at__gt=at)


def found(org: Organization, proposal_id: UUID) -> Proposal:
    """Raises UnknownProposal."""
    rows = Proposal.objects.for_org(org).select_related("asked_by", "asked_key", "decided_by")
    proposal = rows.filter(id=proposal_id).first()
    if proposal is None:
        raise UnknownProposal(proposal_id)
    proposal.org = org
    return proposal


def behind(change: Change) -> Proposal | None:
    """What was asked for, and agreed to, that this change carried out or tells of."""
    asked = as_uuid(change.detail.get("proposal", ""))
    rows = Proposal.objects.for_org(change.org_id).select_related("asked_by", "asked_key", "decided_by")
    return rows.filter(Q(changes__contains=[change.pk]) | Q(id=asked)).first()


# --- Who is the second ------------------------------------------------------------------------------------------------


def seconds(proposal: Proposal) -> list[User]:
    """The active admins who were that already when it was asked, without who asked, or made or took over the key that
    did. If there are none, support is the second.
    """
    key = proposal.asked_key
    askers = {proposal.asked_by_id} if key is None else {key.created_by_id, key.taken_over_by_id}
    others = [each for each in roles.admins(proposal.org) if each.pk not in askers]
    then = _admins_then(proposal, others)
    return [each for each in others if each.pk in then]


def _admins_then(proposal: Proposal, people: Collection[User]) -> set[UUID]:
    """Those who were active admins when it was asked: by the ledger, whose first entry since says what was.

    The owner was, unless the account was handed over since.
    """
    admin = roles.catalogue(proposal.org.profile).admin
    entries = LedgerEntry.objects.filter(
        org=proposal.org, user__in=people, slot__in=("roles", "account"), change__at__gt=proposal.asked_at
    )
    before: dict[tuple[UUID, str], Any] = {}
    for user_id, slot, was in entries.order_by("id").values_list("user_id", "slot", "was"):
        before.setdefault((user_id, slot), was)
    is_handed_over = any(each.is_owner for each in people) and _is_handed_over(proposal)
    found = set()
    for person in people:
        was_active = before.get((person.pk, "account"), account(person)) in OPEN
        had = before.get((person.pk, "roles"), person.standing.roles if hasattr(person, "standing") else ())
        has_role = not is_handed_over if person.is_owner else admin in (had or ())
        if was_active and has_role and person.created_at <= proposal.asked_at:
            found.add(person.pk)
    return found


def _is_handed_over(proposal: Proposal) -> bool:
    """Whether the owner account is somebody else's since it was asked."""
    changes = Change.objects.for_org(proposal.org).alias(family=FAMILY)
    return changes.filter(family="org", verb=OrgOwnerChanged.verb, at__gt=proposal.asked_at).exists()


def is_asker_gone(proposal: Proposal, *, at: datetime) -> bool:
    """Whether who asked is no longer an active admin, or has handed the owner account over, or the key that did no
    longer works: then it is withdrawn.
    """
    if proposal.asked_key is not None:
        return not proposal.asked_key.is_valid(at)
    asker = proposal.asked_by
    assert asker is not None
    is_admin = roles.admins(proposal.org).filter(pk=asker.pk).exists()
    return not is_admin or (asker.is_owner and _is_handed_over(proposal))


def refuse_second(proposal: Proposal, person: User) -> None:
    """Raises NotTheSecond, unless this person may agree. Support may where no admin can."""
    found = seconds(proposal)
    if not (not found if person.is_staff else person in found):
        raise NotTheSecond


# --- Deciding ---------------------------------------------------------------------------------------------------------


def locked(org: Organization, proposal_id: UUID, *, at: datetime) -> Proposal:
    """A proposal that waits, for the rest of the transaction. Raises UnknownProposal, ProposalEnded."""
    row = Proposal.objects.for_org(org).filter(id=proposal_id).select_for_update().first()
    if row is None:
        raise UnknownProposal(proposal_id)
    proposal = found(org, proposal_id)
    if proposal.state != ProposalState.OPEN or proposal.expires_at <= at or is_asker_gone(proposal, at=at):
        raise ProposalEnded(proposal)
    return proposal


def approved(proposal: Proposal, cause: Cause) -> None:
    """Note that it was carried out, in the same command, by a second admin; the caller has locked and checked it."""
    assert cause.person is not None
    proposal.changes = transactions.all_recorded()
    _end(proposal, ProposalState.APPROVED, cause.at, by=cause.person)
    by, key = _id(proposal.asked_by_id), _id(proposal.asked_key_id)
    history.record(proposal.org, cause, ProposalApproved(**_about(proposal), asked_by=by, asked_key=key))
    if cause.person.is_staff:
        admin_mail.write(
            proposal.org,
            MailKind.ACCESS,
            subject=_("Muster: support was the second admin"),
            template="orgs/proposal_by_support_mail.txt",
            words={"org": proposal.org, "proposal": proposal, "at": cause.at},
            at=cause.at,
            about=proposal.pk,
        )


@command
def refuse(*, org: Organization, proposal_id: UUID, reason: str = "", cause: Cause) -> Proposal:
    """Raises UnknownProposal, ProposalEnded, NotTheSecond."""
    assert cause.person is not None
    proposal = locked(org, proposal_id, at=cause.at)
    refuse_second(proposal, cause.person)
    proposal.reason = reason
    _end(proposal, ProposalState.REFUSED, cause.at, by=cause.person)
    history.record(org, cause, ProposalRefused(**_about(proposal)))
    return proposal


@command
def withdraw(*, org: Organization, proposal_id: UUID, cause: Cause) -> Proposal:
    """Take back what one has asked oneself. Raises UnknownProposal, ProposalEnded, NotTheAsker."""
    proposal = locked(org, proposal_id, at=cause.at)
    if not is_asker(proposal, cause):
        raise NotTheAsker
    _end(proposal, ProposalState.WITHDRAWN, cause.at)
    history.record(org, cause, ProposalWithdrawn(**_about(proposal), gone=False))
    return proposal


def is_asker(proposal: Proposal, cause: Cause) -> bool:
    """Whether it was asked by this person, or this key."""
    if cause.key is not None:
        return proposal.asked_key_id == cause.key.pk
    return cause.person is not None and proposal.asked_by_id == cause.person.pk


def sweep(at: datetime) -> None:
    """End those that have expired, and those whose asker is gone. Nobody can agree to them before, either."""
    for row in Proposal.objects.filter(state=ProposalState.OPEN, org__closed_at=None).values_list("id", "org_id"):
        _end_if_over(*row, at)


@command
def _end_if_over(proposal_id: UUID, org_id: UUID, at: datetime) -> None:
    row = Proposal.objects.filter(id=proposal_id, state=ProposalState.OPEN).select_for_update(skip_locked=True).first()
    if row is None:
        return
    org = Organization.objects.select_related("profile").get(pk=org_id)
    proposal, cause = found(org, proposal_id), Cause(Door.CLOCK, at)
    if proposal.expires_at <= at:
        _end(proposal, ProposalState.EXPIRED, at)
        history.record(org, cause, ProposalExpired(**_about(proposal)))
    elif is_asker_gone(proposal, at=at):
        _end(proposal, ProposalState.WITHDRAWN, at)
        history.record(org, cause, ProposalWithdrawn(**_about(proposal), gone=True))


def _end(proposal: Proposal, state: ProposalState, at: datetime, *, by: User | None = None) -> None:
    proposal.state, proposal.decided_at, proposal.decided_by = state, at, by
    proposal.save(update_fields=["state", "decided_at", "decided_by", "reason", "changes"])


def _about(proposal: Proposal) -> dict[str, str]:
    return {"proposal": str(proposal.id), "do": proposal.wish["do"]}


def _id(id_: UUID | None) -> str | None:
    return str(id_) if id_ else None


# --- Forgetting -------------------------------------------------------------------------------------------------------


def forget_person(org_id: UUID, traces: Traces) -> int:
    """Delete those that name somebody who is erased: whom to invite, or to hand the owner account to. Returns how many
    (SPEC U5).
    """
    rows = Proposal.objects.for_org(org_id)
    named = [row.pk for row in rows if traces.found_in(orjson.dumps(row.wish).decode(), row.reason)]
    return rows.filter(pk__in=named).delete()[0]
