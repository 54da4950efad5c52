"""The parts of the setup guides: steps with fields, under the identity provider's own names.

The names of an identity provider's fields and buttons are its own, and are not translated.
"""

from dataclasses import dataclass
from math import ceil

from django.utils.translation import gettext as _

LINE = 52  # characters of a value that fit in one line

CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"


@dataclass(frozen=True, slots=True)
class Field:
    """name: as in the identity provider. value: what to enter or choose there. copied: whether it gets a copy button.
    lines: how many lines it needs at least.
    """

    name: str
    value: str
    note: str = ""
    copied: bool = False

    @property
    def lines(self) -> int:
        return max(self.value.count("\n") + 1, ceil(len(self.value) / LINE))


@dataclass(frozen=True, slots=True)
class Step:
    title: str
    text: str
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class AttributeMapping:
    """A SCIM attribute, its source in the identity provider, and what to know about it."""

    attribute: str
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Guide:
    """help: documents of the identity provider, each with its title and address."""

    name: str
    steps: list[Step]
    mappings: list[AttributeMapping]
    help: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Custom:
    """A custom attribute of the profile (SPEC section 2). urn: of its extension, or of the core schema."""

    urn: str
    name: str
    values: list[str]
    is_array: bool
    note: str

    @property
    def path(self) -> str:
        return self.name if self.urn == CORE_USER else f"{self.urn}:{self.name}"


@dataclass(frozen=True, slots=True)
class Portal:
    """What a guide is filled in with. custom, group_custom: attributes of the profile on people and on groups."""

    base_url: str
    custom: list[Custom]
    group_custom: list[Custom]
    default_role: str
    user_name_note: str


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources, in an identity provider, of the attributes that every profile has."""

    user_name: str
    active: str
    given_name: str
    family_name: str
    email: str


def values(attribute: Custom) -> str:
    if not attribute.values:
        return ""
    listed = ", ".join(attribute.values)
    return (_("One or more of: %s.") if attribute.is_array else _("One of: %s.")) % listed


def address(name: str, portal: Portal, flag: str = "") -> Field:
    return Field(name, portal.base_url + flag, copied=True)


def secret(name: str) -> Field:
    return Field(name, _("your token"), _("It was shown once, when you created it."))


def attributes(portal: Portal, where: str) -> Step:
    fields = (
        Field(each.name, each.path, " ".join(filter(None, [each.note, values(each)])), copied=True)
        for each in portal.custom
    )
    return Step(_("Add the custom attributes"), where, tuple(fields))
