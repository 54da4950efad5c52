from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from orgs.db.labels import Labels


class TestLabelsInMigrations:
    def test_change_nothing_in_the_database(self, db: None) -> None:
        loader = MigrationLoader(connection)
        written, found = {}, 0
        for (app, name), migration in loader.disk_migrations.items():
            for labels in (each for each in migration.operations if isinstance(each, Labels)):
                state = loader.project_state((app, name), at_end=False)
                after = state.clone()
                labels.state_forwards(app, after)
                with connection.schema_editor(collect_sql=True, atomic=False) as editor:
                    for operation in labels.state_operations:
                        operation.database_forwards(app, editor, state, after)
                found += len(labels.state_operations)
                written[f"{app}.{name}"] = editor.collected_sql
        assert found > 100
        assert [name for name, sql in written.items() if sql] == []

    def test_are_in_the_state_afterwards(self, db: None) -> None:
        loader = MigrationLoader(connection)
        state: ProjectState = loader.project_state(("orgs", "0048_labels"))
        assert state.apps.get_model("orgs", "User")._meta.verbose_name_plural == "people"
