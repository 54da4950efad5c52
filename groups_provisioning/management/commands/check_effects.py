"""`manage.py check_effects [ORG] [--dry-run]`: whether roles, places and conflicts are what the facts amount to."""

import json
import math
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from groups_provisioning.engine import effect_checks
from orgs import organizations
from orgs.models import Entity, Organization, User


class Command(BaseCommand):
    help = "Check the roles, places and conflicts of an organization, or of all; what has drifted is settled again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("org", nargs="?", help="the organization's name or slug; all of them if left out")
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="show who would be settled, and what would differ; run it after an upgrade, before the workers start",
        )

    def handle(self, *, org: str | None, dry_run: bool, **_: Any) -> None:
        try:
            orgs = [organizations.named(org)] if org else Organization.objects.all()
        except organizations.UnknownOrganization:
            raise CommandError(f"There is no organization {org}.") from None
        if dry_run:
            for each in orgs:
                self._preview(each)
            return
        for each in orgs:
            drifted = effect_checks.check(each.id, seconds=math.inf).drifted
            words = f"{drifted} people had drifted, and will be settled again" if drifted else "as it should be"
            self.stdout.write(f"{each.slug}: {words}")

    def _preview(self, org: Organization) -> None:
        people = 0
        for found, _last in effect_checks.compare(org):
            names = User.objects.in_bulk([each.user_id for each in found])
            for each in found:
                people += 1
                self.stdout.write(f"{org.slug}: {names[each.user_id].label}")
                for effect in each.effects:
                    self.stdout.write(f"    {effect.slot}: {_told(effect.was)} -> {_told(effect.now)}")
        self.stdout.write(f"{org.slug}: {people} people would be settled again" if people else f"{org.slug}: no change")


def _told(value: Any) -> str:
    """A role, an entity by its name, or a conflict, in an effect."""
    if value is None:
        return "none"
    if isinstance(value, str):
        return Entity.objects.filter(id=value).values_list("name", flat=True).first() or value
    return json.dumps(value)
