"""`manage.py check_effects [ORG]`: whether roles, places and conflicts are what the facts amount to."""

import math
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from groups_provisioning.engine import effect_checks
from orgs import organizations
from orgs.models import Organization


class Command(BaseCommand):
    help = "Check the roles, places and conflicts of an organization, or of all; what has drifted is settled again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("org", nargs="?", help="the organization's name or slug; all of them if left out")

    def handle(self, *, org: str | None, **_: Any) -> None:
        try:
            orgs = [organizations.named(org)] if org else Organization.objects.all()
        except organizations.UnknownOrganization:
            raise CommandError(f"There is no organization {org}.") from None
        for each in orgs:
            drifted = effect_checks.check(each.id, seconds=math.inf).drifted
            words = f"{drifted} people had drifted, and will be settled again" if drifted else "as it should be"
            self.stdout.write(f"{each.slug}: {words}")
