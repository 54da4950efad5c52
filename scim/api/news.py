"""What a call means for matters (SPEC N1): told to the call, and noted with its log entry, so that no request waits."""

from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from groups_provisioning.actions.group_ends import EndedGroupWritten
from groups_provisioning.actions.group_intake import GroupProvisioningOff, UnknownGroup
from groups_provisioning.actions.user_intake import UnknownUser
from orgs import matters
from orgs.db.keys import as_uuid, fold
from orgs.matters import Occurrence, Written
from orgs.models import MatterKind, ScimToken
from scim import redaction
from scim.api.front import Call
from scim.protocol.core import ENTERPRISE
from scim.protocol.errors import ScimError
from scim.protocol.schema import Schema

if TYPE_CHECKING:
    from scim.api.resources import Requests

PASSING = (401, 404, 405, 408, 412, 429)
"""4xx that say nothing of the resource: the same request may succeed as it is, or was none for one."""
MOST = 5  # undescribed attributes that are told of one resource


def tell_refused(call: Call, requests: "Requests", name: str, why: Exception, error: ScimError) -> None:
    """A resource was not created. Without a name there is nothing to list it by."""
    if call.token and name and _says_something(error):
        name = redaction.line(name)
        detail = _detail(call.token, error)
        call.news.append(Occurrence(call.token.org_id, requests.refused, name, call.at, call.id, detail))
        _tell_if_off(call, why, name)


def tell_unwritten(call: Call, requests: "Requests", resource_id: str, why: Exception, error: ScimError) -> None:
    """A change of a resource, or its deletion, was refused.

    What is refused because a group was ended, or because groups are off, is told as such.
    """
    if isinstance(why, EndedGroupWritten):
        tell_ended(call, why)
    elif call.token and _says_something(error):
        try:
            row = requests.find(call.token.org, resource_id)
        except (UnknownGroup, UnknownUser):
            return  # of nobody: the log has it
        name = redaction.line(requests.name_of(row))
        if not _tell_if_off(call, why, name):
            detail = _detail(call.token, error) | {"name": name}
            subject = str(row.id)
            call.news.append(Occurrence(call.token.org_id, requests.unwritten, subject, call.at, call.id, detail))


def _says_something(error: ScimError) -> bool:
    return 400 <= error.status < 500 and error.status not in PASSING


def _detail(token: ScimToken, error: ScimError) -> dict[str, str]:
    return {"status": str(error.status), "error": redaction.line(error.detail), "token": str(token.id)}


def _tell_if_off(call: Call, why: Exception, name: str) -> bool:
    """Tell that a group was pushed while group provisioning is off, if that is why. Returns whether it is."""
    if not isinstance(why, GroupProvisioningOff):
        return False
    assert call.token
    detail = {"name": name, "token": str(call.token.id)}
    off = Occurrence(call.token.org_id, MatterKind.GROUPS_OFF, matters.GROUPS, call.at, call.id, detail)
    call.news.append(off)
    return True


def tell_written(call: Call, requests: "Requests", row: Any) -> None:
    """A resource was created or changed; the profile's own extension may not have all its attributes (SPEC P3)."""
    assert call.token
    org = call.token.org
    own = (schema for schema in requests.kind(org).extensions if schema is not ENTERPRISE)
    attributes = requests.attributes_of(row)
    found = [(schema, name) for schema in own for name in _undescribed(schema, attributes.get(schema.id))]
    written = Written(
        org.id,
        call.at,
        row.id,
        requests.refused,
        redaction.line(requests.name_of(row)),
        tuple(f"{schema.id}:{name}" for schema, name in found),
    )
    call.news.append(written)
    for schema, name in found:
        detail = {
            "resource": str(row.id),
            "type": requests.noun,
            "attribute": name,
            "meant": _meant(name, schema),
            "token": str(call.token.id),
        }
        subject = f"{schema.id}:{name}"
        call.news.append(Occurrence(org.id, MatterKind.UNDESCRIBED, subject, call.at, call.id, detail))


def tell_deleted(call: Call, requests: "Requests", resource_id: str) -> None:
    """A resource was deleted."""
    if call.token and (id_ := as_uuid(resource_id)):
        call.news.append(Written(call.token.org_id, call.at, id_, requests.refused))


def tell_ended(call: Call, ended: EndedGroupWritten) -> None:
    """A group was written that was ended by hand (SPEC G10)."""
    if call.token:
        id_, name = ended.args
        detail = {"name": redaction.line(name), "token": str(call.token.id)}
        call.news.append(Occurrence(call.token.org_id, MatterKind.GROUP_ENDED, str(id_), call.at, call.id, detail))


def _undescribed(schema: Schema, extension: Any) -> list[str]:
    if not isinstance(extension, dict):
        return []
    return [name for name in extension if name.lower() not in schema.by_name][:MOST]


@lru_cache(maxsize=256)
def _meant(name: str, schema: Schema) -> str:
    """The described attribute whose name is nearest; empty if none is near."""
    known = {fold(attribute.name): attribute.name for attribute in schema.attributes}
    near = get_close_matches(fold(name), known, n=1)
    return known[near[0]] if near else ""
