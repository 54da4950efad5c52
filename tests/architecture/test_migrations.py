"""Migrations can be taken back, and run while the version before is in use (docs/upgrading.md)."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader

from tests.environments import python_with

# The last migrations that nobody had to run beside the version before.
FIRST = {"api": "0002", "groups_provisioning": "0011", "orgs": "0041", "scim": "0004", "sso": "0006"}

# By migration, the rules of squawk that it breaks on purpose, and why that hurts nobody.
EXEMPT: dict[str, dict[str, str]] = {
    "groups_provisioning.0015_past_by_columns": {"ban-drop-function": "only triggers called it, which are replaced"},
}

# What is a matter of taste, or set for every connection (config/settings.py).
LEFT_OUT = [
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "prefer-identity",
    "prefer-robust-stmts",
    "prefer-text-field",
    "require-lock-timeout",
    "require-statement-timeout",
]

OURS = ("orgs", "groups_provisioning", "scim", "sso", "api")


@pytest.fixture(scope="module")
def loader() -> MigrationLoader:
    return MigrationLoader(None)


def test_every_migration_is_reversible(loader: MigrationLoader) -> None:
    ours = [migration for (app, _), migration in loader.disk_migrations.items() if app in OURS]
    assert ours
    irreversible = [
        f"{migration}: {operation}"
        for migration in ours
        for operation in migration.operations
        if not operation.reversible
    ]
    assert irreversible == []


def test_backwards_and_forwards_again_leaves_the_same_tables(transactional_db: None) -> None:
    from django.core.management import call_command

    def tables() -> list[tuple[str, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT table_name, column_name, data_type FROM information_schema.columns"
                " WHERE table_schema = 'public' AND table_name !~ '_[0-9]{8}$' ORDER BY 1, 2"
            )
            return cursor.fetchall()

    before = tables()
    call_command("migrate", "scim", "zero", verbosity=0)
    call_command("migrate", "scim", verbosity=0)
    assert tables() == before


class TestBesideTheVersionBefore:
    @pytest.fixture
    def loader(self, transactional_db: None) -> MigrationLoader:
        """Not in a transaction, in which Django writes no index concurrently."""
        return MigrationLoader(connection, replace_migrations=False)

    def test_no_migration_breaks_it(self, loader: MigrationLoader, tmp_path: Path) -> None:
        broken = {}
        for (app, name), migration in loader.disk_migrations.items():
            if app in OURS and name[:4] > FIRST[app]:
                found = judged(sql_of(loader, migration), tmp_path) - EXEMPT.get(f"{app}.{name}", {}).keys()
                broken |= {f"{app}.{name}": found} if found else {}
        assert broken == {}

    def test_what_is_exempt_is_there(self, loader: MigrationLoader) -> None:
        assert EXEMPT.keys() <= {f"{app}.{name}" for app, name in loader.disk_migrations}

    def test_what_django_writes_is_read(self, loader: MigrationLoader, tmp_path: Path) -> None:
        columns_go = sql_of(loader, loader.disk_migrations["orgs", "0040_outbox"])
        assert {"ban-drop-column", "ban-drop-table"} <= judged(columns_go, tmp_path)
        only_adds = sql_of(loader, loader.disk_migrations["orgs", "0041_support_views_and_roles"])
        assert judged(only_adds, tmp_path) == set()

    @pytest.mark.parametrize(
        ("statement", "rule"),
        [
            ('ALTER TABLE "t" ADD COLUMN "c" integer NOT NULL', "adding-required-field"),
            # What Django makes of `default` without `db_default`.
            ('ALTER TABLE "t" ALTER COLUMN "c" DROP DEFAULT', "ban-drop-default"),
            ('ALTER TABLE "t" RENAME COLUMN "a" TO "b"', "renaming-column"),
            ('ALTER TABLE "t" RENAME TO "u"', "renaming-table"),
            ('ALTER TABLE "t" DROP COLUMN "c" CASCADE', "ban-drop-column"),
            ('DROP TABLE "t" CASCADE', "ban-drop-table"),
            ('ALTER TABLE "t" ALTER COLUMN "c" TYPE bigint', "changing-column-type"),
            ('ALTER TABLE "t" ALTER COLUMN "c" SET NOT NULL', "adding-not-nullable-field"),
            ('CREATE INDEX "i" ON "t" ("c")', "require-concurrent-index-creation"),
            ('ALTER TABLE "t" ADD CONSTRAINT "k" CHECK ("c" > 0)', "constraint-missing-not-valid"),
            ('ALTER TABLE "t" ADD CONSTRAINT "k" UNIQUE ("c")', "disallowed-unique-constraint"),
            ('CREATE INDEX CONCURRENTLY "i" ON "t" ("c")', "concurrently-within-timeouts"),
        ],
    )
    def test_a_statement_is_refused_for_a_table_that_is_in_use(self, statement: str, rule: str, tmp_path: Path) -> None:
        assert rule in judged(f"BEGIN;\n{statement};\nCOMMIT;", tmp_path)

    def test_a_new_table_may_be_changed_at_once(self, tmp_path: Path) -> None:
        made = 'CREATE TABLE "t" ("id" uuid NOT NULL PRIMARY KEY)'
        altered = 'ALTER TABLE "t" ADD COLUMN "c" integer NOT NULL'
        assert judged(f'BEGIN;\n{made};\n{altered};\nCREATE INDEX "i" ON "t" ("c");\nCOMMIT;', tmp_path) == set()


def sql_of(loader: MigrationLoader, migration: Migration) -> str:
    """As `manage.py sqlmigrate` prints it. What a migration does in Python is not in it."""
    lines = loader.collect_sql([(migration, False)])
    return "\n".join(["BEGIN;", *lines, "COMMIT;"] if migration.atomic else lines)


def judged(sql: str, folder: Path) -> set[str]:
    """The rules that are broken for tables that were there before: those of squawk, and that of timeouts."""
    file = folder / "migration.sql"
    file.write_text(sql)
    squawk = python_with("migrations").with_name("squawk")
    command = [squawk, "--reporter=json", "--pg-version=15", f"--exclude={','.join(LEFT_OUT)}", file]
    printed = subprocess.run(command, capture_output=True, text=True)
    assert printed.returncode in (0, 1), printed.stderr
    lines, new = sql.splitlines(), set(re.findall(r'^CREATE TABLE ("\w+")', sql, re.MULTILINE))
    found = set()
    for finding in json.loads(printed.stdout):
        table = re.search(r'^(?:ALTER TABLE|CREATE (?:UNIQUE )?INDEX "\w+" ON) ("\w+")', lines[finding["line"]])
        if not (table and table[1] in new):
            found.add(finding["rule_name"])
    # These two limits would end a long build, and leave an index that is not valid.
    if "CONCURRENTLY" in sql and not {"SET lock_timeout = 0", "SET statement_timeout = 0"} <= {
        line.rstrip(";") for line in lines
    }:
        found.add("concurrently-within-timeouts")
    return found
