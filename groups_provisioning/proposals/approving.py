"""A second admin agrees, and what was asked for is carried out (SPEC T6)."""

from functools import partial
from uuid import UUID

from groups_provisioning.preview import runs
from groups_provisioning.preview.runs import Outdated
from groups_provisioning.proposals import gate, wishes
from orgs import proposals
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import Organization, Proposal


@command
def approve(*, org: Organization, proposal_id: UUID, seen: str, cause: Cause) -> Proposal:
    """Carry out what a proposal asks for, if exactly what was seen is still true.

    What is refused leaves it open. Raises proposals.UnknownProposal, ProposalEnded, NotTheSecond; Outdated; and what
    the command raises.
    """
    assert cause.person is not None
    proposal = proposals.locked(org, proposal_id, at=cause.at)
    proposals.refuse_second(proposal, cause.person)
    do = partial(wishes.carry_out, org, proposal.wish, cause)
    preview = wishes.previewed(proposal.wish)
    if preview is not None:
        runs.confirmed(org, preview, seen, do)
    elif gate.fingerprint(org, proposal.wish) == seen:
        do()
    else:
        raise Outdated
    proposals.approved(proposal, cause)
    return proposal
