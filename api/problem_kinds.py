"""Every kind of problem that the API has (RFC 9457): what its page and the document say of it."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from groups_provisioning import refusals
from groups_provisioning.actions.group_ends import NotEnded
from orgs.entity_names import UnknownEntity

GONE = (*refusals.GONE, UnknownEntity, NotEnded)
"""Refusals that name what is not there, or is of another org."""


class Kind(NamedTuple):
    """status, title: of the problem. text: what it means, and what to do."""

    status: int
    title: str
    text: str


def name_of(refusal: type[Exception]) -> str:
    """The kind that a command's refusal is told as: NameTaken is `name-taken`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", refusal.__name__).lower()


def _of_a_command(refusal: type[Exception]) -> Kind:
    gone = issubclass(refusal, GONE)
    words = str(refusals.WORDS[refusal].admin) % {"group": "…", "longest": refusals.entity_names.LONGEST}
    return Kind(404 if gone else 409, "This is refused", words)


KINDS: Mapping[str, Kind] = {
    "invalid-json": Kind(400, "No JSON", "The body is not JSON in UTF-8. `detail` says where it stops being so."),
    "invalid-value": Kind(
        400,
        "A value is invalid",
        "A parameter or a member of the body has a value that it cannot have, is missing, or is not known here. "
        "`errors` names each, with what is wrong with it; nothing was done.",
    ),
    "cursor-mismatch": Kind(
        400,
        "The cursor is of another question",
        "`after` is not a cursor of this list with these parameters. Start without it, and keep the parameters from "
        "page to page; `limit` alone may change.",
    ),
    "insufficient-scope": Kind(
        403,
        "The key may not do this",
        "The key is valid, but lacks the scope that `detail` names. Use a key that has it.",
    ),
    "owner-only": Kind(
        403,
        "The key may not do this",
        "Only the owner of the organization may do this. Use a key that the owner or the operator has made.",
    ),
    "unknown-decision": Kind(
        404, "This is refused", "There is no such decision about a conflict, or it was undone. Nothing was undone."
    ),
    "not-open": Kind(404, "This is refused", "There is no such invitation, or it was accepted, revoked, or has ended."),
    "conflict-gone": Kind(
        409,
        "This is refused",
        "A conflict is no longer open, or other mappings hold against the incoming one than those that were named. "
        "Nothing was decided. List the conflicts again.",
    ),
    "conflicts": Kind(
        409,
        "This is refused",
        "Some of the addresses cannot be invited, so nobody was. `conflicts` says of each why, and who has it.",
    ),
    "sent-just-now": Kind(409, "This is refused", "The mail of this invitation was sent within the last five minutes."),
    "unknown-proposal": Kind(
        404, "This is refused", "Nothing has this id that waits, or has waited, for a second admin."
    ),
    "proposal-ended": Kind(
        409, "This is refused", "It was approved, refused or withdrawn, or has expired: it no longer waits."
    ),
    "not-the-asker": Kind(403, "The key may not do this", "Only the key that asked a second admin withdraws that."),
    "outdated": Kind(
        412,
        "What was previewed is no longer true",
        "Something else would come of the command now than when it was previewed under the fingerprint in `If-Match`. "
        "Nothing was changed: preview it again.",
    ),
    "no-fingerprint": Kind(
        412,
        "There is no fingerprint to compare",
        "The preview of this command has no fingerprint, so it cannot be carried out on a condition. Send it without "
        "`If-Match`.",
    ),
    "too-many": Kind(429, "This is refused", "The organization has invited as many people as it may within an hour."),
    "resync-required": Kind(
        410,
        "The feed has to be read from its start",
        "The database was restored from a backup, or has moved, since this cursor was given. Start without `after`, "
        "overwrite what you have whatever its positions say, and delete what the new listing does not name.",
    ),
    "operator-only": Kind(
        403,
        "Only the operator may do this",
        "The key is of an organization, and this needs one of the portal's operator.",
    ),
    "organization-exists": Kind(
        409,
        "There is such an organization",
        "Names and short names are unique in the portal. `organization` has the id of the one that is there.",
    ),
    "profile-in-use": Kind(
        409,
        "The schema profile has to stay",
        "SCIM has provisioned people with the roles and attributes of the present schema profile.",
    ),
    "not-activated": Kind(
        409,
        "Group provisioning is not activated",
        "The operator activates it with `features.group_provisioning_activated`; then it can be switched on.",
    ),
    "not-a-domain": Kind(400, "This is not a domain", "Send the name of a domain, such as `corp.example`."),
    "unknown-domain": Kind(
        404, "There is no such domain", "The organization neither has this domain nor asked for it."
    ),
    "too-many-pending": Kind(
        409, "Too many domains wait", "Verify or remove one of the domains that wait before another is asked for."
    ),
    "not-proven": Kind(
        409,
        "The DNS does not prove the domain",
        "Set the TXT record that the domain's own address tells, and try again; a new record can take an hour. `found` "
        "has the values that the DNS has instead.",
    ),
    "unanswered": Kind(
        503, "The DNS does not answer", "Nothing is known of the record now. Try again in a few minutes."
    ),
    "prerequisite-missing": Kind(
        409,
        "A token is not possible yet",
        "SCIM needs the Enterprise plan and single sign-on; `missing` says which of them is not there.",
    ),
    "token-exists": Kind(
        409,
        "There is such a token",
        "A valid token has this name, and `token` has its id. If its secret was lost, revoke it and make another.",
    ),
    "too-many-tokens": Kind(
        409, "There are as many tokens as there may be", "Revoke a token that is not used any more."
    ),
    "unknown-token": Kind(404, "There is no such token", "The organization has no token with this id."),
    "shut-out": Kind(
        409,
        "The token would be shut out",
        "Its last use came from `address`, which the new limit would refuse. Send `anyway: true` if that is meant.",
    ),
    "key-exists": Kind(
        409,
        "There is such a key",
        "A valid key has this name, and `key` has its id. If its secret was lost, revoke it and make another.",
    ),
    "too-many-keys": Kind(409, "There are as many keys as there may be", "Revoke a key that is not used any more."),
    "unknown-key": Kind(404, "There is no such key", "The organization has no key with this id."),
    "scope-not-given": Kind(
        403,
        "The key cannot give this scope",
        "A key gives another one the scopes that it has itself, and never `credentials`, which people give.",
    ),
    "already-open": Kind(
        409,
        "There is a link for this purpose",
        "One setup link of a purpose works at a time; `setup_link` has the id of it. Revoke it to make another.",
    ),
    "not-tested": Kind(
        409,
        "The draft was not tested",
        "An admin of the organization tests just this configuration in a browser before it is activated; nobody has "
        "since it changed.",
    ),
    "configuration-refused": Kind(
        409,
        "The configuration is refused",
        "Something that the configuration needs is missing or wrong; `reason` names it for programs.",
    ),
    "no-preview": Kind(
        409,
        "There is no preview of this",
        "What it would come to is known only from the identity provider, which a preview does not ask.",
    ),
    "unreadable-file": Kind(
        400,
        "The file cannot be read",
        "The file is not CSV or JSON as an import expects it. `detail` says what is wrong, and in which row; nothing "
        "was imported.",
    ),
    "running": Kind(
        409, "Another import is running", "An organization has one import at a time. Wait for its end, or cancel it."
    ),
    "not-checked": Kind(
        409,
        "There is nothing to start",
        "The import runs already, or has ended. Give the file again to import it again.",
    ),
    "too-many-webhooks": Kind(
        409,
        "There are as many webhooks as there may be",
        "An organization, and the operator, may have only so many. Delete one that is not needed, or let one serve "
        "more kinds.",
    ),
} | {name_of(refusal): _of_a_command(refusal) for refusal in refusals.WORDS}
