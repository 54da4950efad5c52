"""Patterns of rules (SPEC M3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups_provisioning.models import PatternType
from groups_provisioning.rules import patterns
from groups_provisioning.rules.patterns import BadPattern

PREFIX, REGEX, ALL = PatternType.PREFIX, PatternType.REGEX, PatternType.ALL


@pytest.mark.parametrize(
    ("pattern_type", "pattern", "name", "matches"),
    [
        (PREFIX, "eng", "Engineers", True),
        (PREFIX, "ENG", "engineers", True),
        (PREFIX, "STRASSE", "Straße 7", True),
        (PREFIX, "eng", "The engineers", False),
        (PREFIX, "e.g", "eng", False),
        (REGEX, "eng", "The engineers", True),
        (REGEX, "^eng", "The engineers", False),
        (REGEX, "Eng", "engineers", False),
        (REGEX, "(?i)Eng", "engineers", True),
        (REGEX, "^Ä.z", "Ärzte", True),
        (REGEX, "eng$", "eng\nineers", False),
        (ALL, "", "anything", True),
    ],
)
def test_matches_as_its_type_says(pattern_type: str, pattern: str, name: str, matches: bool) -> None:
    patterns.check(pattern_type, pattern)
    assert patterns.matches(pattern_type, pattern, name) is matches


@pytest.mark.parametrize(
    ("pattern", "words", "position"),
    [
        ("team-[z-a]", "invalid character class range", 6),
        ("a**", "bad repetition operator", 1),
        ("é+(?=x)", "invalid perl operator", 2),
        ("x{2,1}", "invalid repetition size", 1),
        ("(team", "missing )", None),
        ("team)", "unexpected )", None),
        ("team\\", "trailing \\", None),
    ],
)
def test_a_bad_regex_is_refused_in_words_and_at_its_place(pattern: str, words: str, position: int | None) -> None:
    with pytest.raises(BadPattern) as refusal:
        patterns.check(REGEX, pattern)
    assert words in refusal.value.message
    assert refusal.value.position == position


@pytest.mark.parametrize(
    ("pattern_type", "pattern"), [(PREFIX, ""), (REGEX, ""), (ALL, "x"), (PREFIX, "x" * 501), (REGEX, "x" * 501)]
)
def test_a_pattern_has_a_length_where_one_is_meant(pattern_type: str, pattern: str) -> None:
    with pytest.raises(BadPattern):
        patterns.check(pattern_type, pattern)


def test_a_regex_that_would_take_much_memory_is_refused() -> None:
    with pytest.raises(BadPattern, match="too large"):
        patterns.check(REGEX, r"((\pL{90}){9})")


def test_a_hostile_regex_comes_to_an_end() -> None:
    assert not patterns.matches(REGEX, "^(a+)+$", "a" * 500 + "!")  # 2 to the 500th steps, if it went back


@given(st.text(max_size=20))
def test_any_text_is_a_regex_or_refused(pattern: str) -> None:
    try:
        patterns.check(REGEX, pattern)
    except BadPattern as refusal:
        position = refusal.position
    else:
        position = None
        patterns.matches(REGEX, pattern, "Engineers")
    assert position is None or 0 <= position < len(pattern)
