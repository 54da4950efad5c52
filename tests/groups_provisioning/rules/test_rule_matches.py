"""What is counted of rules and groups, and remembered."""

import weakref

from groups_provisioning.models import MappingRule
from groups_provisioning.rules import rule_matches
from groups_provisioning.rules.rule_matches import Named
from orgs.db.keys import fold


class Name(str):
    """A text of which it can be told whether anybody still has it."""


def named(*names: str, is_unmapped: bool = True) -> list[Named]:
    return [Named(Name(name), fold(name), is_unmapped) for name in names]


def regex(pattern: str) -> MappingRule:
    return MappingRule(pattern_type="regex", pattern=pattern, kind="team")


def test_names_that_were_tried_are_not_kept() -> None:
    groups = named("eng-web", "eng-api")
    kept = [weakref.ref(group.name) for group in groups]
    assert rule_matches.count([regex("^eng-")], groups).tallies[0].matching == 2
    del groups
    assert [ref() for ref in kept] == [None, None]


def test_other_names_are_tried_anew_and_the_same_ones_are_not() -> None:
    rule = regex("^ops-")
    for names, matching in ((["ops-a", "b"], 1), (["ops-a", "ops-b"], 2), (["ops-", "ab"], 1), (["ops-a", "b"], 1)):
        assert rule_matches.count([rule], named(*names)).tallies[0].matching == matching
    before = rule_matches._regex_hits.cache_info()
    rule_matches.count([rule], named("ops-a", "b"))
    after = rule_matches._regex_hits.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)
