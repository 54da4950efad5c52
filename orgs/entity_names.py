"""Which teams, concurrency groups and sub-organizations can exist, and under which names. Plain Python."""

from orgs.choices import EntityKind
from orgs.db.keys import fold

DEFAULT_GROUP = "Default"
"""The concurrency group of everybody who is in no other. It is the absence of a row, so no row may have its name."""
LONGEST = 255  # characters in a name

Named = tuple[str, str]
"""A kind and a folded name."""


class KindOff(Exception):
    """This kind is switched off for the org; support can switch it on (SPEC M8)."""


class UnknownEntity(Exception):
    """The org has no such entity, or it was deleted."""


class NameTaken(Exception):
    """A live entity of the same kind has this name."""


class ReservedName(Exception):
    """The name of the default concurrency group."""


class UnusableName(Exception):
    """A name has 1 to LONGEST characters, not counting surrounding blanks."""


def usable(kind: str, name: str) -> str:
    """The name that an entity would have. Raises UnusableName, ReservedName."""
    name = name.strip()
    if not 0 < len(name) <= LONGEST:
        raise UnusableName(name)
    if kind == EntityKind.CONCURRENCY_GROUP and fold(name) == fold(DEFAULT_GROUP):
        raise ReservedName(name)
    return name
