"""What rules match among the groups that there are: numbers for the pages, nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from django.db.models import Exists, OuterRef

from groups_provisioning import patterns
from groups_provisioning.models import Mapping, MappingRule, PatternType, PushedGroup
from orgs.keys import fold
from orgs.models import Organization

COUNTED = 10_000
"""Groups that are looked at, the first by name: a bound for the time that a page takes."""
EXAMPLES = 8


@dataclass(slots=True)
class Tally:
    """Groups that one rule matches. winning: where no earlier rule does; unmapped: those of them without a mapping."""

    matching: int = 0
    winning: int = 0
    unmapped: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Matches:
    """Of `total` groups, what each rule matches, in the order of the rules. unmatched: groups that no rule matches.

    is_cut: there are more than COUNTED groups, and these are about the first.
    """

    tallies: list[Tally]
    total: int
    unmatched: int
    is_cut: bool

    @property
    def unmapped(self) -> int:
        """Groups that would be mapped if the rules were applied."""
        return sum(tally.unmapped for tally in self.tallies)


def count(org: Organization, rules: Sequence[MappingRule]) -> Matches:
    """rules: in their order; they need not be saved. Raises patterns.BadPattern."""
    mapped = Mapping.objects.live().filter(group=OuterRef("id"))
    groups = PushedGroup.objects.live(org).annotate(mapped=Exists(mapped)).order_by("display_name_key")
    rows = list(groups.values_list("display_name", "display_name_key", "mapped")[: COUNTED + 1])
    is_cut, rows = len(rows) > COUNTED, rows[:COUNTED]
    names, keys = tuple(row[0] for row in rows), tuple(row[1] for row in rows)
    hits = [_hits(rule, names, keys) for rule in rules]
    tallies = [Tally() for _ in rules]
    unmatched = 0
    for index, (name, _key, is_mapped) in enumerate(rows):
        won = False
        for tally, hit in zip(tallies, hits, strict=True):
            if hit[index]:
                tally.matching += 1
                if len(tally.examples) < EXAMPLES:
                    tally.examples.append(name)
                if not won:
                    won = True
                    tally.winning += 1
                    tally.unmapped += not is_mapped
        unmatched += not won
    return Matches(tallies, len(rows), unmatched, is_cut)


def _hits(rule: MappingRule, names: tuple[str, ...], keys: tuple[str, ...]) -> Sequence[bool]:
    """Whether the rule matches, name by name. keys: the same names, folded as `patterns.matches` would."""
    match rule.pattern_type:
        case PatternType.ALL:
            return (True,) * len(names)
        case PatternType.PREFIX:
            prefix = fold(rule.pattern)
            return [key.startswith(prefix) for key in keys]
        case _:
            return _regex_hits(rule.pattern, names)


# 10,000 names take 50 ms for one pattern, and the same questions come again while an admin works on rules.
@lru_cache(maxsize=32)
def _regex_hits(pattern: str, names: tuple[str, ...]) -> Sequence[bool]:
    return bytes(patterns.matches(PatternType.REGEX, pattern, name) for name in names)  # type: ignore[return-value]
