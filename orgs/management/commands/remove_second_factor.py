"""`manage.py remove_second_factor ADDRESS`: the last resort of somebody who has neither their factor nor a code."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from orgs import organizations, second_factors
from orgs.db.keys import fold
from orgs.history import Cause
from orgs.models import Door, User


class Command(BaseCommand):
    help = (
        "Remove every second factor of an account and end its sessions. Make sure first who asks for it. Support staff "
        "add another one when they sign in next."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address", help="what the account signs in with")
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--org", help="the organization's name or slug, if several accounts have the address")
        which.add_argument("--support", action="store_true", help="the account of support staff, if several have it")

    def handle(self, *, address: str, org: str | None, support: bool, **_: Any) -> None:
        found = User.objects.filter(login_email=fold(address), deleted_at=None).select_related("org").order_by("id")
        try:
            found = (
                found.for_org(organizations.named(org)) if org else found.filter(is_staff=True) if support else found
            )
        except organizations.UnknownOrganization:
            raise CommandError(f"There is no organization {org}.") from None
        accounts = [user for user in found if second_factors.has_one(user)]
        if len(accounts) > 1:
            names = ", ".join(user.org.slug if user.org else "support" for user in accounts)
            raise CommandError(
                f"Several accounts have this address and a second factor: {names}. Use --org or --support."
            )
        if not accounts:
            raise CommandError(f"No account with the address {address} has a second factor.")
        count = second_factors.reset(user=accounts[0], cause=Cause(Door.COMMAND, timezone.now()))
        whose = accounts[0].org.name if accounts[0].org else "support"
        self.stdout.write(f"{address} ({whose}): {count} removed, sessions ended.")
