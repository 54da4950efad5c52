"""`manage.py sso_off ORG`: the last resort where nobody gets in through the identity provider any more."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from orgs import organizations
from orgs.history import Cause
from orgs.models import Door
from sso import connections


class Command(BaseCommand):
    help = "Switch an organization's single sign-on off. Its people sign in with passwords again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("org", help="the organization's name or slug")

    def handle(self, *, org: str, **_: Any) -> None:
        try:
            found = organizations.named(org)
        except organizations.UnknownOrganization:
            raise CommandError(f"There is no organization {org}.") from None
        if not connections.switch_off(org=found, cause=Cause(Door.COMMAND, timezone.now())):
            raise CommandError(f"Single sign-on of {found} is not on.")
        self.stdout.write(f"Single sign-on of {found} is off. Sessions that began with it have ended.")
