"""`manage.py rebuild ORG`: rebuilds roles, memberships and conflicts from the facts."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from groups_provisioning.engine import effect_checks
from orgs import organizations
from orgs.history import Cause
from orgs.models import Door


class Command(BaseCommand):
    help = "Delete the roles, memberships and conflicts of an organization and rebuild them from the facts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("org", help="the organization's name or slug")

    def handle(self, *, org: str, **_: Any) -> None:
        try:
            found = organizations.named(org)
        except organizations.UnknownOrganization:
            raise CommandError(f"There is no organization {org}.") from None
        was, now = effect_checks.rebuild(org=found, cause=Cause(Door.COMMAND, timezone.now()))
        before = asdict(was)
        for name, count in asdict(now).items():
            differs = "" if count == before[name] else f"  was {before[name]}"
            self.stdout.write(f"{name:10} {count:>8}{differs}")
