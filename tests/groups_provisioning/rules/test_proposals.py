"""What rules make of groups, as hypothesis draws them (SPEC M1, M3, M4, M8)."""

from hypothesis import given
from hypothesis import strategies as st

from groups_provisioning.models import ROLE, MappingRule, PatternType, Pending
from groups_provisioning.rules import patterns
from groups_provisioning.rules.proposals import Candidate, Ground, first_match, first_matches, propose
from orgs.db.keys import fold, uuid7
from orgs.entity_names import DEFAULT_GROUP, LONGEST
from orgs.models import EntityKind

SUB = EntityKind.SUB_ORGANIZATION
IDS = [uuid7() for _ in range(4)]

kinds = st.sampled_from(EntityKind.values)
names = st.sampled_from(["Straße", "STRASSE", " Eng ", "eng 2", DEFAULT_GROUP, "default", "x" * (LONGEST + 1), " "])
types = st.sampled_from([(PatternType.PREFIX, "e"), (PatternType.PREFIX, "STR"), (PatternType.REGEX, "^[eE]")])
roles = st.sampled_from(["Admin", "Member"])
targets = st.tuples(kinds, st.just("")) | st.tuples(st.just(ROLE), roles)
rules = st.builds(
    lambda pattern, target, auto: MappingRule(
        id=uuid7(), pattern_type=pattern[0], pattern=pattern[1], kind=target[0], role=target[1], auto_approve=auto
    ),
    types | st.just((PatternType.ALL, "")),
    targets,
    st.booleans(),
)
groups = st.builds(Candidate, st.sampled_from(IDS), names, st.frozensets(kinds), st.frozensets(targets))
grounds = st.builds(
    Ground,
    st.frozensets(kinds),
    st.dictionaries(st.tuples(kinds, names.map(str.strip).map(fold)), st.sampled_from(IDS)),
    st.frozensets(st.sampled_from(IDS)),
    st.frozensets(roles),
)


@given(st.lists(rules), names)
def test_the_first_rule_that_matches_wins(found: list[MappingRule], name: str) -> None:  # M3
    first = first_match(found, name)
    matching = [rule for rule in found if patterns.matches(rule.pattern_type, rule.pattern, name)]
    assert first is (matching[0] if matching else None)


@given(st.lists(rules), names)
def test_each_list_has_a_first_match_of_its_own(found: list[MappingRule], name: str) -> None:  # R6
    lists = [[rule for rule in found if (rule.kind == ROLE) == of_roles] for of_roles in (False, True)]
    assert first_matches(found, name) == [rule for each in lists if (rule := first_match(each, name))]


@given(rules, groups, grounds)
def test_a_proposal_is_approved_or_says_why_not(rule: MappingRule, group: Candidate, ground: Ground) -> None:
    proposal = propose(rule, group, ground)
    if (rule.kind, rule.role) in group.closed:  # M6
        assert proposal is None
        return
    assert proposal is not None
    fit = proposal.fit
    if rule.kind == ROLE:  # R6: beside whatever the group is mapped to
        assert (fit.entity_id, fit.new_name) == (None, "")
        assert (fit.reason == "") == (rule.auto_approve and rule.role in ground.roles)
        assert (fit.reason == Pending.TARGET_DELETED) == (rule.role not in ground.roles)
        return
    # Exactly one: an entity, a new one's name, or why there is none.
    assert sum(map(bool, (fit.entity_id, fit.new_name, fit.reason))) == 1
    if fit.reason:
        assert fit.reason in Pending.values
        return
    assert rule.auto_approve  # M4
    assert rule.kind in ground.kinds  # M8
    assert not (rule.kind == SUB and group.placed - {SUB})  # M1
    assert not (rule.kind != SUB and SUB in group.placed)
    key = (rule.kind, fold(group.name.strip()))
    if fit.entity_id:
        assert ground.entities[key] == fit.entity_id
        assert fit.entity_id not in ground.owned
    else:
        assert key not in ground.entities
        assert rule.kind != SUB
        assert 0 < len(fit.new_name) <= LONGEST
        assert (rule.kind, fold(fit.new_name)) != (EntityKind.CONCURRENCY_GROUP, fold(DEFAULT_GROUP))
