"""How the portal does, for health checks and metrics: a few look-ups, whatever there is in the database."""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import redis
from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from api.tasks import QUEUE as WEBHOOKS
from api.webhooks import deliveries
from orgs import feed, outbox, queue
from orgs.web.limits import valkey

QUEUES = ("celery", WEBHOOKS)


@dataclass(frozen=True, slots=True)
class Vitals:
    """Ages in seconds, None where nothing waits.

    oldest_mark: of what somebody is yet to be settled for, without orgs on hold. last_served: since a worker settled
    anybody, or found nobody to settle. held: organizations on hold. oldest_touch: of what the feed does not have yet.
    oldest_delivery: of what could be sent to a webhook now. oldest_mail: of those that were never tried. tasks: that
    wait in each queue of the broker; None if it does not answer.
    """

    oldest_mark: float | None
    last_served: float | None
    held: int
    oldest_touch: float | None
    oldest_delivery: float | None
    oldest_mail: float | None
    tasks: dict[str, int] | None


def read() -> Vitals:
    """Raises django.db.Error. A broker that is away costs a tenth of a second or two."""
    backlog = queue.backlog()
    return Vitals(
        oldest_mark=backlog.oldest,
        last_served=backlog.served,
        held=backlog.held,
        oldest_touch=feed.oldest_touch(),
        oldest_delivery=deliveries.oldest_due(),
        oldest_mail=outbox.oldest_untried(at=timezone.now()),
        tasks=waiting_tasks(),
    )


def waiting_tasks() -> dict[str, int] | None:
    """How many tasks wait in each queue of the broker; None if it does not answer."""
    try:
        return {name: int(valkey().llen(name)) for name in QUEUES}
    except (redis.RedisError, OSError):
        return None


def pending_migrations() -> list[str]:
    """The migrations of this code that the database has not had. Raises django.db.Error."""
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in _migrations() - applied.keys())


@cache
def _migrations() -> frozenset[tuple[str, str]]:
    """App and name of each, found by their files: to import them takes longer than a health check may."""
    found = set()
    for app in apps.get_app_configs():
        name, _ = MigrationLoader.migrations_module(app.label)
        try:
            package = import_module(name) if name else None
        except ModuleNotFoundError:  # an app without migrations
            continue
        if package:
            found |= {(app.label, each.name) for each in iter_modules(package.__path__) if each.name[0] not in "_~"}
    return frozenset(found)
