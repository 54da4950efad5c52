"""What the documents name exists: files, functions, make's targets, and what links lead to."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from orgs.open_matters import SEVERITIES

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("config", "orgs", "groups_provisioning", "scim", "sso", "api", "tests", "benchmarks")
FOLDERS = ("docs", "examples", "tests")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))])

each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def quoted(path: Path) -> list[str]:
    """What stands in backticks outside of blocks of code."""
    prose = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", prose)


@cache
def names_in(module: Path) -> dict[str, ast.AST]:
    """What a module defines at its top, and what its classes define (`Class.method`)."""
    found: dict[str, ast.AST] = {}

    def collect(body: list[ast.stmt], prefix: str = "") -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found[prefix + node.name] = node
                if isinstance(node, ast.ClassDef):
                    collect(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found.update({prefix + target.id: node for target in targets if isinstance(target, ast.Name)})

    collect(ast.parse(module.read_text()).body)
    return found


def is_there(dotted: str) -> bool:
    """Whether `orgs.people.end_sessions` is a package, a module, or something that a module defines."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:length])
        rest = ".".join(parts[length:])
        if place.with_suffix(".py").is_file():
            return not rest or rest in names_in(place.with_suffix(".py"))
        if place.is_dir() and not rest:
            return True
    return False


@each_document
def test_modules_and_functions_exist(path: Path) -> None:
    named = [name for name in quoted(path) if re.fullmatch(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+", name)]
    dotted = [name for name in named if name not in SEVERITIES]  # kinds of matters look alike
    assert [name for name in dotted if not is_there(name) and not (ROOT / name).exists()] == []


@each_document
def test_files_exist(path: Path) -> None:
    named = [name for name in quoted(path) if re.fullmatch(r"[\w.-]+/[\w./-]*|[\w-]+\.(?:py|md|toml)", name)]
    ours = [name for name in named if name.split("/")[0] in (*PACKAGES, "docs", "templates", "static", "requirements")]
    assert [name for name in ours if not (ROOT / name).exists() and not (path.parent / name).exists()] == []


@each_document
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text())
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


@each_document
def test_targets_of_make_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = path.read_text()
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    named = re.findall(r"`make ([a-z]+)", text) + re.findall(r"^make ([a-z]+)", blocks, re.MULTILINE)
    assert set(named) <= targets


def test_a_name_that_is_gone_is_noticed() -> None:
    assert is_there("orgs.people.end_sessions")
    assert is_there("scim.api.front.ScimFrontDoor.__call__")
    assert not is_there("orgs.people.end_session")
    assert not is_there("orgs.peoples")
