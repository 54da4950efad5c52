"""Every kind of problem that the API has (RFC 9457): what its page and the document say of it."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from groups_provisioning import refusals


class Kind(NamedTuple):
    """status, title: of the problem. text: what it means, and what to do."""

    status: int
    title: str
    text: str


def name_of(refusal: type[Exception]) -> str:
    """The kind that a command's refusal is told as: NameTaken is `name-taken`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", refusal.__name__).lower()


def _of_a_command(refusal: type[Exception]) -> Kind:
    gone = issubclass(refusal, refusals.GONE)
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
    "resync-required": Kind(
        410,
        "The feed has to be read from its start",
        "The database was restored from a backup, or has moved, since this cursor was given. Start without `after`, "
        "overwrite what you have whatever its positions say, and delete what the new listing does not name.",
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
