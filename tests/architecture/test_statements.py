"""SQL that is spelt in strings names tables and columns that there are: renaming one fails here, not in production."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from django.apps import apps
from django.db import connection

ROOT = Path(__file__).parents[2]
OURS = ("orgs", "groups_provisioning", "scim", "sso", "api")

STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\s")
PARAMETER = re.compile(r"%\(\w+\)s|%s")
TABLE = re.compile(rf"\b(?:FROM|JOIN|INTO|UPDATE|USING) ((?:{'|'.join(OURS)})_\w+)")
INLINE = re.compile(rf"\b(?:execute|raw)\(\s*f?\"[^\"]*\b(?:{'|'.join(OURS)})_\w+")


def modules() -> Iterator[ModuleType]:
    for app in OURS:
        package = importlib.import_module(app)
        for found in pkgutil.walk_packages(package.__path__, f"{app}."):
            if ".migrations" not in found.name:
                yield importlib.import_module(found.name)


def statements() -> Iterator[object]:
    """Every statement that a module has as a constant; what still lacks a part of it is found in those that have it."""
    for module in modules():
        for name, value in vars(module).items():
            if name.isupper() and isinstance(value, str) and STATEMENT.match(value) and "{" not in value:
                yield pytest.param(value, id=f"{module.__name__}.{name}")


def sources() -> Iterator[tuple[str, str]]:
    for app in OURS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in path.parts:
                yield str(path.relative_to(ROOT)), path.read_text()


@pytest.mark.parametrize("sql", list(statements()))
def test_a_statement_is_understood_by_the_database(db: None, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + PARAMETER.sub("NULL", sql).replace("%%", "%"))


def test_statements_are_constants_so_that_they_are_found() -> None:
    assert len(list(statements())) > 35
    assert {path for path, text in sources() if INLINE.search(text)} == set()


def test_every_table_that_is_named_is_a_models() -> None:
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    named = {(path, name) for path, text in sources() for name in TABLE.findall(text)}
    assert {(path, name) for path, name in named if name not in tables} == set()
    assert len(named) > 40
