"""`manage.py reseal`: seals every secret with the present SECRET_KEY, before a fallback is dropped (SPEC L9)."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from orgs.db import sealed


class Command(BaseCommand):
    help = "Seal every secret with the present SECRET_KEY. Run it before you drop a key from SECRET_KEY_FALLBACKS."

    def handle(self, **_: Any) -> None:
        done, unreadable = sealed.reseal(apps.get_models())
        self.stdout.write(f"{done} sealed with the present SECRET_KEY")
        if unreadable:
            where = ", ".join(f"{column} ({count})" for column, count in sorted(unreadable.items()))
            raise CommandError(
                f"Cannot be opened with SECRET_KEY or SECRET_KEY_FALLBACKS, and were left as they are: {where}."
            )
