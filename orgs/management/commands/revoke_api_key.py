"""`manage.py revoke_api_key KEY`: revokes a key to the API. Without an argument it lists those that are valid."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from orgs import api_keys
from orgs.history import Cause
from orgs.models import ApiKey, Door


class Command(BaseCommand):
    help = "Revoke a key to the API, or list those that are valid."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", nargs="?", help="the key itself or its id; without it, valid keys are listed")

    def handle(self, *, key: str | None, **_: Any) -> None:
        if key is None:
            for each in ApiKey.objects.valid(timezone.now()).select_related("org").order_by("id"):
                whose = each.org.slug if each.org else "(all organizations)"
                self.stdout.write(f"{each.id}  {each.hint}  {whose}  {each.name}  {','.join(each.scopes)}")
            return
        try:
            api_keys.revoke(key_id=api_keys.id_of(key), cause=Cause(Door.COMMAND, timezone.now()))
        except api_keys.UnknownKey:
            raise CommandError("There is no such key.") from None
