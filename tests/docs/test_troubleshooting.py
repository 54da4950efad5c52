"""The texts that troubleshooting quotes are those of the code."""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from docs.from_code import ROOT

QUOTED = re.findall(r"^> (.+)$", (ROOT / "docs" / "troubleshooting.md").read_text(), re.MULTILINE)
ROOMS = ("api", "config", "groups_provisioning", "orgs", "scim", "sso")
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w*\}")


def strings(tree: ast.AST) -> Iterator[str]:
    """Every string that is written down, with `…` for what is put into it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield PLACEHOLDER.sub("…", node.value)
        elif isinstance(node, ast.JoinedStr):
            text = "".join(str(each.value) if isinstance(each, ast.Constant) else "…" for each in node.values)
            yield re.sub("…(?: …)+", "…", text)


@cache
def written() -> frozenset[str]:
    files = (path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    return frozenset(text for path in files for text in strings(ast.parse(path.read_text())))


@pytest.mark.parametrize("text", QUOTED)
def test_a_quoted_text_is_said_by_the_code(text: str) -> None:
    assert text in written()


def test_there_are_quotations_and_another_text_is_noticed() -> None:
    assert len(QUOTED) > 20
    assert "There is a user with the userName … here." not in written()
