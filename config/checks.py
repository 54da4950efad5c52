"""What an operator can get wrong without noticing: named by `manage.py check`, and by the web server as it starts."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register


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
