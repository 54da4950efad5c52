"""`manage.py erase --receipts PATH`: erases again whom a restored backup has brought back (SPEC U5)."""

import math
from argparse import ArgumentParser
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from groups_provisioning.actions import erasing as command
from orgs import erasures
from orgs.history import Cause
from orgs.models import Door, Organization
from orgs.people import UnknownPerson
from scim import erasing


class Command(BaseCommand):
    help = "Erase again whom a restored backup has brought back, by the receipts. Run it before the portal is opened."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--receipts", required=True, type=Path, help="a directory of receipts, or a file with one receipt a line"
        )

    def handle(self, *, receipts: Path, **_: Any) -> None:
        done: Counter[str] = Counter()
        try:
            # All are read first: one that cannot be read leaves everything as it is.
            for receipt in list(erasures.receipts(receipts)):
                done[self._erase(receipt)] += 1
        except (erasures.BadReceipt, OSError) as error:
            raise CommandError(str(error)) from error
        # Nothing that happened before the backup is still on its way.
        erasing.work(now=timezone.now() + erasing.GRACE + timedelta(seconds=1), seconds=math.inf)
        for words, count in done.items():
            self.stdout.write(f"{count} {words}")

    def _erase(self, receipt: erasures.Receipt) -> str:
        org = Organization.objects.filter(id=receipt.org_id).select_related("profile").first()
        if org is None:
            return "of organizations that this database does not have"
        cause = Cause(Door.COMMAND, timezone.now())
        try:
            again = command.erase_again(org=org, receipt=receipt, cause=cause)
        except UnknownPerson:
            raise CommandError(f"{receipt.user_id} cannot be erased: it is the owner of {org.slug}.") from None
        return "erased again" if again else "erased already"
