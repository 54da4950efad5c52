"""`manage.py seed_demo`: a demo org to look around in; run by `make up`.

Where there are accounts, nothing is changed: not in production, and not in a demo that somebody works in. A demo that
was cut off while it was filled stays as it is, until `make reset`.
"""

import logging
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
from scim import demo

OWNER, SUPPORT = "owner@demo.example", "support@demo.example"


class Command(BaseCommand):
    help = "Create the demo organization in a database without accounts, and print how to sign in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--migrate", action="store_true", help="Bring the database up to date first.")

    def handle(self, *, migrate: bool, **_: Any) -> None:
        if migrate:
            call_command("migrate", interactive=False, verbosity=0)
        password = local_secrets.kept_in(settings.MUSTER_VAR / "demo_password", length=9)
        if not User.objects.exists():
            logging.disable(logging.INFO)  # a line for each request would hide what is printed
            try:
                demo.fill(_found(password))
            finally:
                logging.disable(logging.NOTSET)
        elif not User.objects.filter(login_email=OWNER, is_owner=True).exists():
            self.stdout.write("There are other accounts, so there is no demo organization.")
            return
        self.stdout.write(f"org admin  {OWNER}  password  {password}")
        self.stdout.write(f"support    {SUPPORT}  password  {password}  (at /admin/; adds a second factor first)")


@transaction.atomic
def _found(password: str) -> User:
    """The owner of the new org."""
    owner = founding.found(
        name="Demo",
        owner_email=OWNER,
        profile=SchemaProfile.objects.get(key="lambdatest"),
        features=frozenset(organizations.FEATURES),
        ready_for_scim=True,
        cause=Cause(Door.COMMAND, timezone.now()),
    ).owner
    owner.set_password(password)
    owner.save(update_fields=["password"])
    User.objects.create_superuser(SUPPORT, password)
    return owner
