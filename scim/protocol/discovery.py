"""The discovery documents (RFC 7643 §5-7, RFC 7644 §4, RFC 9865 §4), generated from what validates (SPEC P4).

`base` is the URL below which the endpoints are, without a slash at its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .schema import Attribute, ResourceType, Schema

_CORE = "urn:ietf:params:scim:schemas:core:2.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a service provider takes in one request."""

    default_page_size: int
    max_page_size: int
    max_bulk_operations: int
    max_payload_size: int


def schema_document(schema: Schema, base: str) -> dict[str, Any]:
    return {
        "schemas": [f"{_CORE}:Schema"],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": [_attribute(attribute) for attribute in schema.attributes],
        "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{schema.id}"},
    }


def _attribute(attribute: Attribute) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": attribute.name,
        "type": attribute.type,
        "multiValued": attribute.multi_valued,
        "description": attribute.description,
        # What has a default is never without a value, which is what `required` means to a reader.
        "required": attribute.required or attribute.default is not None,
        "caseExact": attribute.case_exact,
        "mutability": attribute.mutability,
        "returned": attribute.returned,
        "uniqueness": attribute.uniqueness,
    }
    if attribute.sub_attributes:
        document["subAttributes"] = [_attribute(sub) for sub in attribute.sub_attributes]
    if attribute.canonical_values:
        document["canonicalValues"] = list(attribute.canonical_values)
    if attribute.reference_types:
        document["referenceTypes"] = list(attribute.reference_types)
    return document


def resource_type_document(kind: ResourceType, base: str) -> dict[str, Any]:
    return {
        "schemas": [f"{_CORE}:ResourceType"],
        "id": kind.name,
        "name": kind.name,
        "endpoint": kind.endpoint,
        "description": kind.schema.description,
        "schema": kind.schema.id,
        "schemaExtensions": [{"schema": schema.id, "required": False} for schema in kind.extensions],
        "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/{kind.name}"},
    }


def service_provider_config(base: str, limits: Limits, *, announce_cursors: bool = False) -> dict[str, Any]:
    """What the service provider can do. Clients older than RFC 9865 refuse the document for its `pagination`."""
    document: dict[str, Any] = {
        "schemas": [f"{_CORE}:ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {
            "supported": True,
            "maxOperations": limits.max_bulk_operations,
            "maxPayloadSize": limits.max_payload_size,
        },
        "filter": {"supported": True, "maxResults": limits.max_page_size},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "A token that an administrator creates on the SCIM settings page.",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }
    if announce_cursors:
        document["pagination"] = {
            "cursor": True,
            "index": True,
            "defaultPaginationMethod": "index",
            "defaultPageSize": limits.default_page_size,
            "maxPageSize": limits.max_page_size,
        }
    return document
