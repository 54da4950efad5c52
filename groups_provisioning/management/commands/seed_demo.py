"""`manage.py seed_demo`: a demo org to look around in; run by `make up`. An existing one is left unchanged."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from groups_provisioning.actions import founding
from orgs import local_secrets, organizations
from orgs.history import Cause
from orgs.models import Door, SchemaProfile, User

OWNER, SUPPORT = "owner@demo.example", "support@demo.example"


class Command(BaseCommand):
    help = "Create the demo organization unless it exists, and print how to sign in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--migrate", action="store_true", help="Bring the database up to date first.")

    def handle(self, *, migrate: bool, **_: Any) -> None:
        if migrate:
            call_command("migrate", interactive=False, verbosity=0)
        password = local_secrets.kept_in(settings.MUSTER_VAR / "demo_password", length=9)
        if not User.objects.filter(login_email=OWNER, is_owner=True).exists():
            _seed(password)
        self.stdout.write(f"org admin  {OWNER}  password  {password}")
        self.stdout.write(f"support    {SUPPORT}  password  {password}  (at /admin/; adds a second factor first)")


@transaction.atomic
def _seed(password: str) -> None:
    founded = founding.found(
        name="Demo",
        owner_email=OWNER,
        profile=SchemaProfile.objects.get(key="lambdatest"),
        features=frozenset(organizations.FEATURES),
        ready_for_scim=True,
        cause=Cause(Door.COMMAND, timezone.now()),
    )
    founded.owner.set_password(password)
    founded.owner.save(update_fields=["password"])
    User.objects.create_superuser(SUPPORT, password)
