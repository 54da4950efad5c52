"""What an operator can get wrong without noticing: named by `manage.py check`, and by the web server as it starts."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connection

from config import vitals
from orgs import erasures
from orgs.db import sealed

METADATA = (ip_address("169.254.169.254"), ip_address("fd00:ec2::254"))
"""Where clouds tell a machine its own credentials."""


@register()
def networks(app_configs: Sequence[Any] | None, **options: Any) -> list[CheckMessage]:
    """Warnings about what webhooks may reach."""
    allowed = settings.ENVIRONMENT.webhook_allowed_networks
    if not any(address in network for address in METADATA for network in allowed):
        return []
    return [
        Warning(
            "Webhooks of the operator may reach the service at which clouds tell a machine its own credentials.",
            hint="Name in WEBHOOK_ALLOWED_NETWORKS only the networks of whoever receives webhooks.",
            id="muster.W003",
        )
    ]


@register()
def deployment(app_configs: Sequence[Any] | None, **options: Any) -> list[CheckMessage]:
    """Warnings about a portal whose public address is https, as those that people use are."""
    env = settings.ENVIRONMENT
    if not env.url.startswith("https://"):
        return []
    found: list[CheckMessage] = []
    if not env.email_url:
        found.append(
            Warning(
                f"Mails are written to {env.var / 'mail'}: nobody gets a link to set a password.",
                hint="Set EMAIL_URL, for example smtp+starttls://user:password@mail.example.org.",
                id="muster.W001",
            )
        )
    if not env.support_email:
        found.append(
            Warning(
                "Pages say to ask support, but not where, and support gets no mails.",
                hint="Set SUPPORT_EMAIL.",
                id="muster.W009",
            )
        )
    if env.database_url and not env.secret_key:
        found.append(
            Warning(
                f"SECRET_KEY is kept in {env.var}: another machine with the same database would have another key.",
                hint="Set SECRET_KEY, to the same on every machine.",
                id="muster.W008",
            )
        )
    if not env.trusted_proxies:
        found.append(
            Warning(
                f"MUSTER_URL is {env.url}, but no proxy is trusted: every request counts as plain HTTP, pages "
                "redirect in a circle and SCIM requests are refused.",
                hint="Set TRUSTED_PROXIES to the number of reverse proxies of yours (1, if one ends TLS).",
                id="muster.W002",
            )
        )
    return found


@register(Tags.database)
def pooled(app_configs: Sequence[Any] | None, databases: Sequence[str] | None, **options: Any) -> list[CheckMessage]:
    """What is wrong with connections that lead through a pooler, such as PgBouncer in transaction mode.

    For `manage.py check --database default`, and `migrate`, which does not begin where there is an error.
    """
    if not databases:
        return []
    found: list[CheckMessage] = []
    asked = ", ".join(f"current_setting('{name}')" for name in settings.DATABASE_LIMITS)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_backend_pid(), {asked}")
        process, *limits = cursor.fetchone()
    differing = [
        f"{name} is {value} and not {wanted}"
        for (name, wanted), value in zip(settings.DATABASE_LIMITS.items(), limits, strict=True)
        if value != wanted
    ]
    if differing:
        told = f"The database's connections lack limits of the portal: {', '.join(differing)}."
        hint = "Set them where the connections are pooled, as deploy/pgbouncer.ini does."
        found.append(Warning(told, hint=hint, id="muster.W007"))
    is_pooled = connection.connection.info.backend_pid != process  # a pooler makes one up
    if is_pooled and vitals.pending_migrations():
        told = "DATABASE_URL leads through a pooler, and migrations need a session of their own."
        hint = "Run `manage.py migrate` with a DATABASE_URL that leads to PostgreSQL itself."
        found.append(Error(told, hint=hint, id="muster.E001"))
    return found


@register(Tags.database)
def restored(app_configs: Sequence[Any] | None, databases: Sequence[str] | None, **options: Any) -> list[CheckMessage]:
    """Warnings about a database that does not fit this portal's secrets and receipts, as a restored one may not.

    For `manage.py check --database default`, and `migrate`. A database that lacks a migration is not looked at.
    """
    if not databases or vitals.pending_migrations():
        return []
    found: list[CheckMessage] = []
    if columns := sealed.unreadable(apps.get_models()):
        named = ", ".join(f"{column} ({count})" for column, count in sorted(columns.items()))
        found.append(
            Warning(
                f"Secrets cannot be opened with SECRET_KEY or SECRET_KEY_FALLBACKS: {named}.",
                hint="Add the key of the time of the backup to SECRET_KEY_FALLBACKS, or enter these secrets again.",
                id="muster.W004",
            )
        )
    if settings.RECEIPTS.is_dir():
        try:
            people = erasures.brought_back(erasures.receipts(settings.RECEIPTS))
        except (erasures.BadReceipt, OSError) as error:
            found.append(Warning(f"Receipts of erased people cannot be read: {error}.", id="muster.W006"))
        else:
            if people:
                told = f"The database does not know that people were erased: {len(people)}."
                hint = f"Before anybody reaches the portal, run `manage.py erase --receipts {settings.RECEIPTS}`."
                found.append(Warning(told, hint=hint, id="muster.W005"))
    return found
