"""Which names a rule's pattern matches (SPEC M3). No database; RE2, so that no pattern is slow on any name."""

from functools import lru_cache
from typing import Any

import re2

from groups_provisioning.choices import PatternType
from orgs.db.keys import fold

LONGEST = 500
"""Characters of a pattern."""
_MEMORY = 1 << 20  # bytes that one compiled pattern may take


class BadPattern(Exception):
    """The pattern is not valid.

    message: why, in RE2's words for a regex. position: of the offending characters, 0 for the first; None if unknown.
    """

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message, position)
        self.message = message
        self.position = position


def check(pattern_type: str, pattern: str) -> None:
    """Raises BadPattern."""
    if pattern_type == PatternType.ALL:
        if pattern:
            raise BadPattern("a rule for every group has no pattern")
        return
    if not pattern:
        raise BadPattern("the pattern is empty")
    if len(pattern) > LONGEST:
        raise BadPattern(f"the pattern is longer than {LONGEST} characters", LONGEST)
    if pattern_type == PatternType.REGEX:
        _compiled(pattern)


def matches(pattern_type: str, pattern: str, name: str) -> bool:
    """Whether a pattern that passed `check` matches a group's name."""
    match pattern_type:
        case PatternType.ALL:
            return True
        case PatternType.PREFIX:
            return fold(name).startswith(fold(pattern))
        case PatternType.REGEX:
            return _compiled(pattern).search(name) is not None
    raise ValueError(pattern_type)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise _explained(pattern, error.args[0].decode()) from None


def _explained(pattern: str, message: str) -> BadPattern:
    """RE2 names the offending fragment after its message, or the whole pattern where a parenthesis is missing."""
    message, _, fragment = message.partition(": ")
    found = pattern.find(fragment) if fragment and fragment != pattern else -1
    return BadPattern(f"{message}: {fragment}" if found >= 0 else message, found if found >= 0 else None)
