"""`manage.py issue_api_key [ORG] --name NAME --scopes SCOPE,…`: prints a key and nothing else, for use in scripts."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from orgs import api_keys, organizations
from orgs.history import Cause
from orgs.models import Door, Scope


class Command(BaseCommand):
    help = "Issue a key to the API and print it. It cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("org", nargs="?", help="the organization's name or slug (default: all of them)")
        parser.add_argument("--name", required=True, help="what the key is for")
        parser.add_argument("--scopes", required=True, help=f"what it may do: {','.join(Scope.values)}")
        parser.add_argument("--expires", type=int, metavar="DAYS", help="days until it expires (default: never)")

    def handle(self, *, org: str | None, name: str, scopes: str, expires: int | None, **_: Any) -> None:
        if expires is not None and not 1 <= expires <= 3650:
            raise CommandError("--expires must be a number of days from 1 to 3650.")
        if not 0 < len(name.strip()) <= 100:
            raise CommandError("--name must have 1 to 100 characters.")
        asked = [scope.strip() for scope in scopes.split(",")]
        if unknown := [scope for scope in asked if scope not in Scope]:
            raise CommandError(f"There is no scope {unknown[0]!r}. There are: {', '.join(Scope.values)}.")
        try:
            issued = api_keys.issue(
                org=organizations.named(org) if org else None,
                name=name.strip(),
                scopes=[Scope(scope) for scope in asked],
                lifetime=timedelta(days=expires) if expires else None,
                cause=Cause(Door.COMMAND, timezone.now()),
            )
        except organizations.UnknownOrganization:
            raise CommandError(f"There is no organization {org}.") from None
        except api_keys.TooManyKeys:
            raise CommandError(f"There are {api_keys.MOST} valid keys already. Revoke one first.") from None
        self.stdout.write(issued.secret)
