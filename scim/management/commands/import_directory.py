"""`manage.py import_directory ORG FILE [--dry-run]`: imports people, groups and memberships (SPEC E6)."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from groups_provisioning import import_words
from groups_provisioning.actions import imports
from groups_provisioning.models import Import, ImportRow, Kind, Phase, Verdict
from orgs import organizations
from orgs.history import Cause
from orgs.models import Door
from scim import import_reading
from scim.import_files import MOST_BYTES, Unreadable
from scim.import_forms import TO_CORRECT


class Command(BaseCommand):
    help = (
        "Import people, groups and memberships from a CSV or JSON file, here and now. Says what became of the rows, "
        "and names each that is ambiguous or refused."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("org", help="the organization's name or slug")
        parser.add_argument("file", type=Path, help="a CSV or JSON file in UTF-8")
        parser.add_argument("--dry-run", action="store_true", help="only say what would become of the rows")

    def handle(self, *, org: str, file: Path, dry_run: bool, **_: Any) -> None:
        cause = Cause(Door.COMMAND, timezone.now())
        try:
            found = organizations.named(org)
            if file.stat().st_size > MOST_BYTES:
                raise CommandError(f"The file has more than {MOST_BYTES} bytes. Split it.")
            with file.open("rb") as opened:
                rows = import_reading.rows(found, opened)
                run = imports.begin(org=found, name=file.name, rows=rows, check=dry_run, makes_admins=True, cause=cause)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from None
        except organizations.UnknownOrganization:
            raise CommandError(f"There is no organization {org}.") from None
        except Unreadable as refusal:
            raise CommandError(import_words.file(refusal.why, refusal.place, refusal.about)) from None
        except imports.Empty:
            raise CommandError(import_words.file("empty", None, {})) from None
        except imports.Running:
            raise CommandError("Another import of this organization is running.") from None
        run = imports.run_to_end(run)
        self._tell(run)
        if dry_run:
            imports.cancel(org=run.org, import_id=run.id, cause=cause)
        elif run.phase != Phase.DONE:
            raise CommandError(f"{run.get_phase_display()}: {run.rows - run.taken} rows were not imported.")

    def _tell(self, run: Import) -> None:
        for kind, verdict, _, rows in imports.tally(run):
            label = Verdict(verdict).label if verdict else "Not imported"
            self.stdout.write(f"{Kind(kind).label}: {label}: {rows}")
        to_correct = ImportRow.objects.filter(run=run, verdict__in=TO_CORRECT)
        for row in to_correct.order_by("place", "id").iterator(chunk_size=1000):
            self.stdout.write(f"Row {row.place}: {row.name}: {row.get_verdict_display()}: {import_words.row(row.told)}")
