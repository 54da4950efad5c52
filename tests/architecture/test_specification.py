"""docs/specification.md has every rule that is cited, and every rule is tested or said not to be built yet."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
RULE = r"[A-Z]\d{1,2}"
RULES = rf"{RULE}(?:-{RULE})?(?:, {RULE}(?:-{RULE})?)*"
NOT_BUILT = "## Not built yet"

CODE = ("config", "orgs", "groups_provisioning", "scim", "sso", "api", "templates", "static", "benchmarks")
PROSE = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

RULES_TEXT, TABLE = (ROOT / "docs" / "specification.md").read_text().split(NOT_BUILT)
LETTERS = "".join(sorted({rule[0] for rule in re.findall(rf"^- ({RULE}) ", RULES_TEXT, re.MULTILINE)}))
DEFINED = re.findall(rf"^- ({RULE}) ", RULES_TEXT, re.MULTILINE)
ROWS = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", TABLE, re.MULTILINE)[1:]


def expanded(citation: str) -> Iterator[str]:
    """The rules of `R1, R4` and of `G4-G6`."""
    for part in citation.split(", "):
        first, _, last = part.partition("-")
        for number in range(int(first[1:]), int(last[1:] or first[1:]) + 1) if last else (int(first[1:]),):
            yield f"{first[0]}{number}"


def cited(text: str, *openings: str) -> set[str]:
    """The rules that stand behind one of these openings, also where a line breaks in between."""
    flowing = re.sub(r"\s*\n\s*(?:# )?", " ", text)
    found = re.findall(rf"(?:{'|'.join(openings)})({RULES})", flowing)
    return {rule for citation in found for rule in expanded(citation)}


def cited_by_test(path: Path) -> set[str]:
    """In comments (`# G4`), in docstrings (`SPEC G4`, `(G4)`), and in the list of rules of a conversation."""
    text = path.read_text()
    if path.suffix == ".json":
        return set(json.loads(text).get("rules", ()))
    marks = re.findall(rf"(?:# |\()({RULES})", text)
    return {rule for mark in marks for rule in expanded(mark)} | cited(text, "SPEC ")


CODE_FILES = [
    path for room in CODE for path in (ROOT / room).rglob("*") if path.suffix in (".py", ".html", ".css", ".js", ".txt")
]
CONVERSATIONS = ROOT / "tests" / "idp" / "conversations"
TEST_FILES = [*(ROOT / "tests").rglob("*.py"), *CONVERSATIONS.rglob("*.json")]
BY_TESTS = {rule for path in TEST_FILES for rule in cited_by_test(path)}
LISTED = {rule: missing for rules, missing in ROWS for rule in rules.split(", ")}


def test_no_rule_is_there_twice() -> None:
    assert len(DEFINED) == len(set(DEFINED)) > 90


def test_every_rule_that_code_cites_exists() -> None:
    unknown = {
        (str(path.relative_to(ROOT)), rule)
        for path in CODE_FILES
        for rule in cited(path.read_text(), "SPEC ") - set(DEFINED)
    }
    assert not unknown


def test_every_rule_that_a_test_cites_exists() -> None:
    unknown = {
        (str(path.relative_to(ROOT)), rule) for path in TEST_FILES for rule in cited_by_test(path) - set(DEFINED)
    }
    assert not unknown


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.name)
def test_every_rule_that_prose_cites_exists(path: Path) -> None:
    assert set(re.findall(rf"\b[{LETTERS}]\d{{1,2}}\b", path.read_text())) <= set(DEFINED)


def test_every_rule_is_tested_or_said_not_to_be_built() -> None:
    assert not set(DEFINED) - BY_TESTS - set(LISTED)


def test_what_is_said_not_to_be_built_is_a_rule_that_no_test_shows() -> None:
    assert not set(LISTED) - set(DEFINED)
    not_at_all = {rule for rule, missing in LISTED.items() if not missing.startswith("partly: ")}
    assert not not_at_all & BY_TESTS


def test_the_citations_are_understood() -> None:
    assert cited("as (SPEC R1-R3, C4)", "SPEC ") == {"R1", "R2", "R3", "C4"}
    assert cited("the rule of SPEC\n    # G4, U5; SPEC M9", "SPEC ") == {"G4", "U5", "M9"}
    assert cited("SPEC section 6, RFC 7643", "SPEC ") == set()
    assert cited("def test_it() -> None:  # R1, C4", "# ") == {"R1", "C4"}
