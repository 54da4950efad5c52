"""Each control of the threat model is shown by tests that exist."""

import ast
import re

from docs.from_code import ROOT

DOCUMENT = (ROOT / "docs" / "threat-model.md").read_text()
ROWS = [line.strip("| ").split(" | ") for line in DOCUMENT.splitlines() if line.startswith("| ") and "---" not in line]
CONTROLS = [row for row in ROWS if row[0] != "threat"]


def is_there(test: str) -> bool:
    """Whether `tests/…/test_x.py::TestY::test_z` is in its file."""
    path, *names = test.split("::")
    if not (ROOT / path).is_file():
        return False
    body = ast.parse((ROOT / path).read_text()).body
    for name in names:
        found = next((node for node in body if getattr(node, "name", "") == name), None)
        if found is None:
            return False
        body = getattr(found, "body", [])
    return names[-1].startswith("test_")


def test_every_control_names_a_test() -> None:
    assert len(CONTROLS) > 20
    assert [threat for threat, _control, tests in CONTROLS if not re.findall(r"`tests/[^`]+::test_\w+`", tests)] == []


def test_the_tests_exist() -> None:
    named = [test for *_, tests in CONTROLS for test in re.findall(r"`([^`]+)`", tests)]
    assert [test for test in named if not is_there(test)] == []


def test_one_that_is_gone_is_noticed() -> None:
    assert is_there("tests/orgs/test_apart.py::test_scim_says_the_same_whoever_is_in_another_org")
    assert not is_there("tests/orgs/test_apart.py::test_scim_says_the_same")
    assert not is_there("tests/orgs/test_part.py::test_scim_says_the_same_whoever_is_in_another_org")
