"""Migrations can be taken back."""

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

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
