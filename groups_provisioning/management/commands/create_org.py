"""`manage.py create_org NAME --admin EMAIL`: a new organization with its owner."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from groups_provisioning.actions import founding
from orgs import organizations, people, sign_in
from orgs.history import Cause
from orgs.models import Door, SchemaProfile

FEATURE_WORDS = [feature.replace("_", "-") for feature in organizations.FEATURES]


class Command(BaseCommand):
    help = "Create an organization with its owner account."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the organization's name")
        parser.add_argument("--admin", required=True, metavar="EMAIL", help="address of the owner account")
        parser.add_argument("--profile", default="standard", help="schema profile (default: standard)")
        features = parser.add_mutually_exclusive_group()
        features.add_argument("--enable", nargs="+", default=[], metavar="FEATURE", help=", ".join(FEATURE_WORDS))
        features.add_argument(
            "--enable-all",
            action="store_true",
            help="every feature, the Enterprise plan and single sign-on: ready for a SCIM client",
        )

    def handle(self, *, name: str, admin: str, profile: str, enable: list[str], enable_all: bool, **_: Any) -> None:
        wished = {word.replace("-", "_") for word in enable}
        if unknown := wished - set(organizations.FEATURES):
            raise CommandError(f"Unknown feature {', '.join(sorted(unknown))}. There are: {', '.join(FEATURE_WORDS)}.")
        chosen = SchemaProfile.objects.filter(key=profile).first()
        if chosen is None:
            keys = ", ".join(SchemaProfile.objects.order_by("key").values_list("key", flat=True))
            raise CommandError(f"Unknown profile {profile}. There are: {keys}.")
        if not name.strip():
            raise CommandError("The name is empty.")
        try:
            founded = founding.found(
                name=name.strip(),
                owner_email=admin,
                profile=chosen,
                features=frozenset(organizations.FEATURES if enable_all else wished),
                ready_for_scim=enable_all,
                cause=Cause(Door.COMMAND, timezone.now()),
            )
        except organizations.OrganizationExists:
            raise CommandError(f"An organization named {name} already exists.") from None
        except people.NotAnAddress:
            raise CommandError(f"{admin} is not an e-mail address.") from None
        self.stdout.write(f"organization  {founded.org.slug}")
        self.stdout.write(f"owner         {founded.owner.user_name}")
        self.stdout.write(f"set password  {sign_in.password_link(founded.owner)}")
