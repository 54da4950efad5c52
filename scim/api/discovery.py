"""Discovery (RFC 7644 §4): exactly what the org's profile supports (SPEC P4)."""

from typing import Any

from django.conf import settings

from scim.api.answers import Answer, ScimResponse, answer
from scim.api.base import ScimView
from scim.mapping.profiles import dialect
from scim.protocol.discovery import Limits, resource_type_document, schema_document, service_provider_config
from scim.protocol.errors import ScimError
from scim.protocol.listing import list_pieces
from scim.protocol.schema import ResourceType


class DiscoveryView(ScimView):
    """What the discovery views share."""

    operation = "discovery"

    @property
    def kinds(self) -> tuple[ResourceType, ...]:
        return dialect(self.org.profile).resource_types

    def documents(self, documents: list[dict[str, Any]]) -> Answer:
        """All of them in one list; RFC 7644 §4 requires 403 for a filter."""
        if "filter" in self.parameters():
            raise ScimError("Discovery does not support filters; read the whole list.", status=403)
        return answer(list_pieces(documents, total=len(documents), start_index=1))


class ServiceProviderConfig(DiscoveryView):
    """What this service provider can do."""

    def get(self, request: Any) -> ScimResponse:
        limits = Limits(
            default_page_size=settings.SCIM_PAGE,
            max_page_size=settings.SCIM_MAX_PAGE,
            max_bulk_operations=settings.SCIM_MAX_OPERATIONS,
            max_payload_size=settings.SCIM_MAX_BODY,
        )
        profile = self.org.profile
        return ScimResponse(
            service_provider_config(self.call.base_url, limits, announce_cursors=profile.announces_cursors)
        )


class ResourceTypes(DiscoveryView):
    def get(self, request: Any) -> Answer:
        return self.documents([resource_type_document(kind, self.call.base_url) for kind in self.kinds])


class ResourceTypeDetail(DiscoveryView):
    def get(self, request: Any, name: str) -> ScimResponse:
        for kind in self.kinds:
            if kind.name == name:
                return ScimResponse(resource_type_document(kind, self.call.base_url))
        raise ScimError(f"There is no resource type {name}.", status=404)


class Schemas(DiscoveryView):
    def get(self, request: Any) -> Answer:
        schemas = [schema for kind in self.kinds for schema in (kind.schema, *kind.extensions)]
        return self.documents([schema_document(schema, self.call.base_url) for schema in schemas])


class SchemaDetail(DiscoveryView):
    def get(self, request: Any, urn: str) -> ScimResponse:
        schema = dialect(self.org.profile).schema(urn)
        if schema is None:
            raise ScimError(f"There is no schema {urn}.", status=404)
        return ScimResponse(schema_document(schema, self.call.base_url))
