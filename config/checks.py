"""What an operator can get wrong without noticing: named by `manage.py check`, and by the web server as it starts."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

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
