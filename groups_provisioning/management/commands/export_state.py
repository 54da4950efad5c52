"""`manage.py export_state ORG [--at TIME]`: facts and effects of an organization as JSON, as of one moment."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from groups_provisioning.engine import as_of, export
from orgs import organizations, past


class Command(BaseCommand):
    help = "Print everything that is known about the people of an organization, and where they are, as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("org", help="the organization's name or slug")
        parser.add_argument(
            "--at",
            type=_moment,
            help="as of this time, such as 2026-03-31T12:00:00Z: its facts, and the effects that follow from them; what"
            " is derived, as the revision, and what waited or was ended by hand is not known as of then",
        )

    @transaction.atomic(durable=True)
    def handle(self, *, org: str, at: datetime | None, **_: Any) -> None:
        with connection.cursor() as cursor:
            # Facts as of then are laid into temporary tables, which only this transaction sees.
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ {'WRITE' if at else 'ONLY'}")
        try:
            found = organizations.named(org)
            if at:
                past.check(found, at)
                found = as_of.lay_tables(found.id, as_of.of_org(found.id, at))
        except organizations.UnknownOrganization:
            raise CommandError(f"There is no organization {org}.") from None
        except past.NotYet:
            raise CommandError("This time is in the future.") from None
        except past.NotKept as refusal:
            raise CommandError(f"History goes back to {refusal.began.isoformat()}.") from None
        for piece in export.text(found):
            self.stdout.write(piece, ending="")


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text} is not a time") from None
    if at.tzinfo is None:
        raise ArgumentTypeError("say the time zone as well, such as Z or +02:00")
    return at
