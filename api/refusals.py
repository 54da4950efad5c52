"""What commands refuse, as problems. `problems.of` tells everything else."""

from collections.abc import Callable, Mapping
from typing import Any

from api.problems import Problem, refused
from groups_provisioning.actions import conflict_decisions
from groups_provisioning.preview import runs
from orgs import api_keys, domains, invitations, organizations, proposals, setup_links, tokens, txt_records
from sso import connections
from sso.models import Connection, Revision
from sso.refusal_words import in_words
from sso.refusals import Refused


def told(error: Exception) -> Problem | None:
    """The problem that a refusal is to the client; None for what is none of these."""
    tell = TOLD.get(type(error))
    return tell(error) if tell else None


def _says(detail: str, *, status: int = 409) -> Callable[[Exception], Problem]:
    return lambda refusal: refused(refusal, detail, status=status)


def _about(detail: str, member: str) -> Callable[[Exception], Problem]:
    """With the id of what is there already, so that whoever asks twice finds it."""

    def tell(refusal: Exception) -> Problem:
        more: dict[str, Any] = {member: str(refusal.args[0].id)}
        return refused(refusal, detail, **more)

    return tell


def _not_proven(refusal: domains.NotProven) -> Problem:
    has = "The record has another value." if refusal.args else "The record is not there; a new one can take an hour."
    return refused(refusal, f"The DNS does not have the record that proves the domain. {has}", found=[*refusal.args])


def _prerequisite(refusal: tokens.PrerequisiteMissing) -> Problem:
    missing = [str(each) for each in refusal.missing]
    return refused(refusal, " ".join(missing), missing=missing)


def _shut_out(refusal: tokens.ShutOut) -> Problem:
    (address,) = refusal.args
    detail = f"The token was last used from {address}, which would be refused. Send `anyway: true` if it is to be."
    return refused(refusal, detail, address=address)


def _configuration(refusal: Refused) -> Problem:
    return Problem(409, in_words(refusal), kind="configuration-refused", reason=refusal.reason.value)


def _in_conflict(refusal: invitations.Conflicts) -> Problem:
    told = [
        {"address": each.address, "reason": each.reason.value, "person": str(each.person.id) if each.person else None}
        for each in refusal.conflicts
    ]
    return refused(refusal, "Some of these addresses cannot be invited, so nobody was.", conflicts=told)


TOLD: Mapping[type[Exception], Callable[[Any], Problem]] = {
    organizations.ProfileInUse: _says(
        "SCIM has provisioned people with the roles and attributes of the present profile, so it has to stay."
    ),
    organizations.NotActivated: _says(
        "Group provisioning is not activated for this organization. The operator activates it: "
        "`features.group_provisioning_activated`."
    ),
    domains.NotADomain: _says("This is not a domain. Send one such as corp.example.", status=400),
    domains.TooManyPending: _says(
        f"{domains.MOST_PENDING} domains wait to be verified. Verify or remove one of them first."
    ),
    domains.UnknownDomain: _says("The organization has no such domain.", status=404),
    domains.NotProven: _not_proven,
    txt_records.Unanswered: lambda refusal: refused(refusal, f"{refusal} Try again in a few minutes.", status=503),
    tokens.PrerequisiteMissing: _prerequisite,
    tokens.TooManyTokens: _says(f"{tokens.MOST} tokens are valid, and no more are possible. Revoke one first."),
    tokens.TokenExists: _about(
        "The organization has a valid token of this name. If its secret was lost, revoke it and make another.", "token"
    ),
    tokens.ShutOut: _shut_out,
    tokens.UnknownToken: _says("The organization has no such token.", status=404),
    api_keys.TooManyKeys: _says(f"{api_keys.MOST} keys are valid, and no more are possible. Revoke one first."),
    api_keys.KeyExists: _about(
        "The organization has a valid key of this name. If its secret was lost, revoke it and make another.", "key"
    ),
    api_keys.ScopeNotGiven: lambda refusal: refused(
        refusal,
        f"This key cannot give the scope {refusal}: a key gives others what it has itself, and never `credentials`.",
        status=403,
    ),
    api_keys.UnknownKey: _says("The organization has no such key.", status=404),
    setup_links.AlreadyOpen: _about("There is a link for this purpose. Revoke it to make another.", "setup_link"),
    connections.NotTested: _says(
        "An admin of the organization has to test just this configuration in a browser, and none has since it changed."
    ),
    invitations.Conflicts: _in_conflict,
    invitations.TooMany: _says(
        f"An organization may invite {invitations.AN_HOUR} people an hour. Try again later.", status=429
    ),
    invitations.NotOpen: _says("There is no such invitation, or it has ended.", status=404),
    invitations.SentJustNow: _says("Its mail was sent a moment ago. Give it a few minutes to arrive."),
    conflict_decisions.ConflictGone: _says(
        "A conflict is no longer open, or other mappings hold against it. Nothing was decided. List them again."
    ),
    conflict_decisions.UnknownDecision: _says(
        "There is no such decision, or it was undone. Nothing was undone.", status=404
    ),
    proposals.UnknownProposal: _says("The organization has no such proposal.", status=404),
    proposals.ProposalEnded: _says("This no longer waits for a second admin."),
    proposals.NotTheAsker: _says("Only the key that asked withdraws it.", status=403),
    runs.Outdated: _says("Nothing was changed: something else would come of it now. Preview it again.", status=412),
    Refused: _configuration,
    Connection.DoesNotExist: lambda _: Problem(404, "The organization has no connection to an identity provider."),
    Revision.DoesNotExist: lambda _: Problem(404, "The connection has no such draft: it was discarded or replaced."),
}
"""By exception. Kinds of problems are the names of the exceptions (`problems.refused`), but for `configuration-refused`
and what is not found."""
