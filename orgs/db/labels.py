"""What people read of a model, in migrations."""

from django.db.migrations import SeparateDatabaseAndState
from django.db.migrations.state import ProjectState


class Labels(SeparateDatabaseAndState):
    """Operations that change nothing in the database, such as a new `verbose_name`: state_operations alone.

    After each of them Django would make the model again, and all that are related; of two hundred that takes longer
    than all other migrations together. Here they are made once, when they are next asked for.
    """

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        vars(state).pop("apps", None)
        super().state_forwards(app_label, state)
