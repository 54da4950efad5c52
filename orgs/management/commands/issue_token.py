"""`manage.py issue_token ORG --name NAME`: prints a SCIM bearer token and nothing else, for use in scripts."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from orgs import organizations, tokens
from orgs.history import Cause
from orgs.models import Door


class Command(BaseCommand):
    help = "Issue a SCIM bearer token and print it. It cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("org", help="the organization's name or slug")
        parser.add_argument("--name", required=True, help="the token's name on the settings page")
        parser.add_argument("--expires", type=int, metavar="DAYS", help="days until it expires (default: never)")

    def handle(self, *, org: str, name: str, expires: int | None, **_: Any) -> None:
        if expires is not None and not 1 <= expires <= 3650:
            raise CommandError("--expires must be a number of days from 1 to 3650.")
        if not 0 < len(name.strip()) <= 100:
            raise CommandError("--name must have 1 to 100 characters.")
        try:
            issued = tokens.issue(
                org=organizations.named(org),
                name=name.strip(),
                lifetime=timedelta(days=expires) if expires else None,
                cause=Cause(Door.COMMAND, timezone.now()),
            )
        except organizations.UnknownOrganization:
            raise CommandError(f"There is no organization {org}.") from None
        except tokens.TooManyTokens:
            raise CommandError(f"{org} has {tokens.MOST} valid tokens. Revoke one first.") from None
        except tokens.PrerequisiteMissing as error:
            raise CommandError(" ".join(map(str, error.missing))) from None
        self.stdout.write(issued.secret)
