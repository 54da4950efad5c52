"""An org's schema profile as the protocol's dialect."""

from typing import cast
from uuid import UUID

from orgs import roles
from orgs.models import AttributeType, Carrier, ProfileAttribute, SchemaProfile
from scim.protocol.dialect import Dialect, Profile
from scim.protocol.schema import Attribute, Schema, Type

_compiled: dict[UUID, tuple[int, Dialect]] = {}


def dialect(profile: SchemaProfile) -> Dialect:
    """What the IdPs of this profile's orgs may say; compiled once per process and revision of the profile."""
    revision, compiled = _compiled.get(profile.pk, (0, None))
    if compiled is None or revision != profile.revision:
        compiled = Dialect(_described(profile))
        _compiled[profile.pk] = profile.revision, compiled
    return compiled


def _described(profile: SchemaProfile) -> Profile:
    placement, own_role = profile.placement_attribute, bool(profile.user_extension)
    user = [
        Attribute(profile.role_attribute, "The role in the organization.", multi_valued=profile.role_attribute_is_array)
    ]
    if placement:
        user.append(Attribute(placement, "The name of an existing concurrency group."))
    group = []
    if profile.group_role_attribute:
        group.append(Attribute(profile.group_role_attribute, "The role of every member.", multi_valued=True))
    for row in profile.attributes.all():
        (user if row.carrier == Carrier.USER else group).append(_attribute(row))
    return Profile(
        roles=roles.catalogue(profile).keys,
        user_extension=Schema(
            profile.user_extension,
            "User extension",
            f"What {profile.name} adds to users.",
            tuple(user),
            tuple(profile.user_extension_aliases),
        )
        if own_role
        else None,
        role_attribute=profile.role_attribute if own_role else None,
        placement_attribute=placement or None,
        group_extension=Schema(
            profile.group_extension,
            "Group extension",
            f"What {profile.name} adds to groups.",
            tuple(group),
            tuple(profile.group_extension_aliases),
        )
        if profile.group_extension
        else None,
        group_role_attribute=profile.group_role_attribute or None,
        user_name_is_email=profile.user_name_is_email,
        user_name_mutable=profile.user_name_is_mutable,
    )


def _attribute(row: ProfileAttribute) -> Attribute:
    """A described attribute (SPEC P8); RFC 7643 §2.3.7 has every reference compared with case."""
    is_reference = row.type == AttributeType.REFERENCE
    return Attribute(
        row.name,
        row.description,
        cast(Type, row.type),
        multi_valued=row.multi_valued,
        case_exact=is_reference or (row.case_exact and row.type == AttributeType.STRING),
        reference_types=("external",) if is_reference else (),
    )
