"""Discovery (RFC 7644 §4)."""

from typing import Any

from django.conf import settings

from scim.api.base import ScimResponse, ScimView
from scim.protocol.discovery import Limits, service_provider_config


class ServiceProviderConfig(ScimView):
    """What this service provider can do."""

    operations = {"GET": "discovery"}

    def get(self, request: Any) -> ScimResponse:
        return ScimResponse(service_provider_config(self.call.base_url, _limits()))


def _limits() -> Limits:
    return Limits(
        default_page_size=settings.SCIM_PAGE,
        max_page_size=settings.SCIM_MAX_PAGE,
        max_bulk_operations=settings.SCIM_MAX_OPERATIONS,
        max_payload_size=settings.SCIM_MAX_BODY,
    )
