"""A profile compiled into what its identity provider may say (SPEC section 2)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .core import COMMON, ENTERPRISE, GROUP, USER
from .errors import quote
from .resources import get
from .schema import Attribute, Ref, ResourceType, Schema
from .text import fold, is_email


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Which extension schemas an organization's identity provider sends, and which roles exist.

    `roles` are the role keys. The role attributes and the placement attribute are names in the extensions; without a
    `role_attribute` roles are read from the core `roles`.
    """

    roles: tuple[str, ...]
    user_extension: Schema | None = None
    role_attribute: str | None = None
    placement_attribute: str | None = None
    group_extension: Schema | None = None
    group_role_attribute: str | None = None
    user_name_is_email: bool = False
    user_name_mutable: bool = True


class Dialect:
    """The resource types of a profile, and where its roles and placement are; compiled once per process.

    `group_role` and `placement` are None where the profile has no such attribute, and so are the extensions.
    """

    __slots__ = (
        *("_role_keys", "group", "group_extension", "group_role", "placement"),
        *("role", "user", "user_extension"),
    )

    def __init__(self, profile: Profile) -> None:
        self._role_keys = {fold(key): key for key in profile.roles}
        user_schema = _with(USER, "userName", **_user_name(profile))
        self.user_extension = user_extension = self._closed(profile.user_extension, profile.role_attribute)
        self.group_extension = group_extension = self._closed(profile.group_extension, profile.group_role_attribute)
        role = f"{user_extension.id}:{profile.role_attribute}" if user_extension and profile.role_attribute else "roles"
        self.user = ResourceType(
            "User",
            "/Users",
            user_schema,
            (ENTERPRISE, user_extension) if user_extension else (ENTERPRISE,),
            COMMON,
            kept=("userName", "name", "active", role),
        )
        self.group = ResourceType(
            "Group",
            "/Groups",
            GROUP,
            (group_extension,) if group_extension else (),
            COMMON,
            kept=("displayName", group_extension.id) if group_extension else ("displayName",),
            members=GROUP.by_name["members"],
        )
        self.role: Ref = self.user.names[role.lower()]
        self.placement = _ref(self.user, user_extension, profile.placement_attribute)
        self.group_role = _ref(self.group, group_extension, profile.group_role_attribute)

    @property
    def roles(self) -> tuple[str, ...]:
        """The role keys."""
        return tuple(self._role_keys.values())

    @property
    def resource_types(self) -> tuple[ResourceType, ResourceType]:
        return self.user, self.group

    @property
    def schemas(self) -> tuple[Schema, ...]:
        return tuple(schema for kind in self.resource_types for schema in (kind.schema, *kind.extensions))

    def schema(self, urn: str) -> Schema | None:
        """The schema of a URN or an alias, without letter case (SPEC P1)."""
        wanted = urn.lower()
        for schema in self.schemas:
            if wanted in (schema.id.lower(), *(alias.lower() for alias in schema.aliases)):
                return schema
        return None

    def user_roles(self, user: Mapping[str, Any]) -> tuple[str, ...]:
        """The role keys that the identity provider wrote on the user, in its order (SPEC P2, R1)."""
        return self._roles(user, self.role)

    def group_roles(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """The role keys that the identity provider wrote on the group (SPEC G7)."""
        return self._roles(group, self.group_role) if self.group_role else ()

    def _roles(self, resource: Mapping[str, Any], ref: Ref) -> tuple[str, ...]:
        written = get(resource, ref)
        values: Iterable[Any] = written if isinstance(written, list) else (written,)
        keys = (self._role_keys.get(fold(text)) for text in map(_role_text, values) if text)
        return tuple(dict.fromkeys(key for key in keys if key))

    def _closed(self, extension: Schema | None, role_attribute: str | None) -> Schema | None:
        """The extension with its role attribute limited to the profile's roles (SPEC P2)."""
        if extension is None or role_attribute is None:
            return extension

        def complaint(value: str) -> str | None:
            if fold(value) in self._role_keys:
                return None
            return f"{quote(value)} is no role here; allowed values: {', '.join(self.roles)}."

        return _with(extension, role_attribute, canonical_values=self.roles, check=complaint)


def _user_name(profile: Profile) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if profile.user_name_is_email:
        changes["check"] = _email_complaint
    if not profile.user_name_mutable:
        changes["mutability"] = "immutable"
    return changes


def _email_complaint(value: str) -> str | None:
    return None if is_email(value) else f"{quote(value)} is not an e-mail address; map the user's e-mail to userName."


def _with(schema: Schema, name: str, **changes: Any) -> Schema:
    """The schema with one attribute changed."""
    wanted = schema.by_name[name]
    changed: tuple[Attribute, ...] = tuple(
        replace(attribute, **changes) if attribute is wanted else attribute for attribute in schema.attributes
    )
    return replace(schema, attributes=changed)


def _ref(kind: ResourceType, extension: Schema | None, name: str | None) -> Ref | None:
    return kind.names[f"{extension.id}:{name}".lower()] if extension and name else None


def _role_text(value: Any) -> str | None:
    """The role in a role value: a string, an element with a `value`, or Entra's app role (SPEC S5).

    Entra's expression AppRoleAssignmentsComplex writes the `value` as a JSON object in a string.
    """
    if isinstance(value, dict):
        value = value.get("value")
    if isinstance(value, str) and value.startswith("{"):
        try:
            inner = json.loads(value)
        except (ValueError, RecursionError):
            return value
        value = inner.get("value") if isinstance(inner, dict) else None
    return value if isinstance(value, str) else None
