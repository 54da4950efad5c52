"""`manage.py export_state ORG`: facts and effects of an organization as JSON, as of one moment."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from groups_provisioning.engine import export
from orgs import organizations


class Command(BaseCommand):
    help = "Print everything that is known about the people of an organization, and where they are, as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("org", help="the organization's name or slug")

    @transaction.atomic(durable=True)
    def handle(self, *, org: str, **_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        try:
            found = organizations.named(org)
        except organizations.UnknownOrganization:
            raise CommandError(f"There is no organization {org}.") from None
        for piece in export.text(found):
            self.stdout.write(piece, ending="")
