"""What rules match among the groups of an org: numbers for the pages. Plain Python."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from groups_provisioning.choices import PatternType
from groups_provisioning.rules import patterns
from orgs.db.keys import fold

if TYPE_CHECKING:
    from groups_provisioning.models import MappingRule

EXAMPLES = 8


class Named(NamedTuple):
    """A group by its name, the name folded, and whether rules can be applied to it."""

    name: str
    key: str
    is_unmapped: bool


@dataclass(slots=True)
class Tally:
    """Groups that one rule matches. winning: where no earlier rule does; unmapped: those of them that are."""

    matching: int = 0
    winning: int = 0
    unmapped: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Matches:
    """Of `total` groups, what each rule matches, in the order of the rules. unmatched: groups that no rule matches.

    is_cut: there are more groups, and these numbers are about the first.
    """

    tallies: list[Tally]
    total: int
    unmatched: int
    is_cut: bool

    @property
    def unmapped(self) -> int:
        """Groups that would be mapped if the rules were applied."""
        return sum(tally.unmapped for tally in self.tallies)


def count(rules: Sequence["MappingRule"], groups: Sequence[Named], *, is_cut: bool = False) -> Matches:
    """Count what each rule matches. rules: in their order; groups: by name. Raises patterns.BadPattern."""
    names, keys = _Names([group.name for group in groups]), [group.key for group in groups]
    hits = [_hits(rule, names, keys) for rule in rules]
    names.let_go()
    tallies = [Tally() for _ in rules]
    unmatched = 0
    for index, group in enumerate(groups):
        won = False
        for tally, hit in zip(tallies, hits, strict=True):
            if hit[index]:
                tally.matching += 1
                if len(tally.examples) < EXAMPLES:
                    tally.examples.append(group.name)
                if not won:
                    won = True
                    tally.winning += 1
                    tally.unmapped += group.is_unmapped
        unmatched += not won
    return Matches(tallies, len(groups), unmatched, is_cut)


def switched(
    was: Sequence["MappingRule"], now: Sequence["MappingRule"], groups: Sequence[Named]
) -> Iterator[tuple[Named, "MappingRule", "MappingRule"]]:
    """Groups whose first match is another rule in another order, with both rules, if these do different things.

    was, now: the same rules in two orders. Raises patterns.BadPattern.
    """
    names, keys = _Names([group.name for group in groups]), [group.key for group in groups]
    hits = {rule.id: _hits(rule, names, keys) for rule in was}
    names.let_go()
    for index, group in enumerate(groups):
        before = next((rule for rule in was if hits[rule.id][index]), None)
        after = next((rule for rule in now if hits[rule.id][index]), None)
        if before and after and _outcome(before) != _outcome(after):
            yield group, before, after


def _outcome(rule: "MappingRule") -> tuple[str, str, bool]:
    return rule.kind, rule.role, rule.auto_approve


class _Names:
    """The names of groups, in order; by their digest alone they are remembered, so that no org's names stay here."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.digest = sha256("\0".join(names).encode()).digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Names) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def let_go(self) -> None:
        self.names = ()


def _hits(rule: "MappingRule", names: _Names, keys: Sequence[str]) -> Sequence[bool]:
    """Whether the rule matches, name by name. keys: the same names, folded as `patterns.matches` would."""
    match rule.pattern_type:
        case PatternType.ALL:
            return (True,) * len(keys)
        case PatternType.PREFIX:
            prefix = fold(rule.pattern)
            return [key.startswith(prefix) for key in keys]
        case PatternType.REGEX:
            return _regex_hits(rule.pattern, names)
    raise ValueError(rule.pattern_type)


# 10,000 names take 50 ms for one pattern, and an admin who edits rules repeats the same questions. One byte is kept for
# each name.
@lru_cache(maxsize=128)
def _regex_hits(pattern: str, names: _Names) -> Sequence[bool]:
    found = (patterns.matches(PatternType.REGEX, pattern, name) for name in names.names)
    return bytes(found)  # type: ignore[return-value]
