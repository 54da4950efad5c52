"""How each identity provider is set up for an org: its own fields by their own names, beside the value to enter.

The names of an identity provider's fields and buttons are its own, and are not translated.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from django.utils.translation import gettext as _

from orgs.models import IdentityProvider as Idp
from orgs.models import Organization, Role

PATH, ALIAS = "/api/scim", "/scim/v2"  # (SPEC O5)
# Entra follows RFC 7644 in its PATCH requests only where the address asks for it (SPEC O5).
ENTRA_FLAG = "?aadOptscim062020"

LINE = 52  # characters of a value that are seen at once

CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTRA_ACTIVE = 'Switch([IsSoftDeleted], , "False", "True", "True", "False")'


@dataclass(frozen=True, slots=True)
class Field:
    """name: as the identity provider has it. value: what to enter or choose there. copied: whether it is worth a
    button. lines: how many it has at least, 1 where it fits in one.
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
class Mapping:
    """An attribute of SCIM, where the identity provider takes it from, and what to know of it."""

    attribute: str
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Guide:
    name: str
    steps: list[Step]
    mappings: list[Mapping]


@dataclass(frozen=True, slots=True)
class Custom:
    """An attribute that is the profile's own (SPEC section 2). urn: of its extension, or of the core schema."""

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
    """Where an identity provider takes the attributes from that every product has."""

    user_name: str
    active: str
    given_name: str
    family_name: str
    email: str


def guide(idp: str, org: Organization, base_url: str) -> Guide:
    """The guide for an identity provider; for one that has none of its own, the general one. Two queries."""
    known = idp if idp in GUIDES else Idp.OTHER
    name, sources, steps = GUIDES[known]
    if known == Idp.OTHER:
        name = _("your identity provider")
    portal = _portal(org, base_url)
    return Guide(name, [*steps(portal), _first_person(), *_groups(idp, org)], _mappings(portal, sources))


def _portal(org: Organization, base_url: str) -> Portal:
    profile = org.profile
    roles = list(Role.objects.filter(profile=profile).order_by("-rank"))
    keys = [role.key for role in roles]
    default = next(role.key for role in roles if role.is_default)
    urn = profile.user_extension or CORE_USER
    custom = [
        Custom(
            urn,
            profile.role_attribute,
            keys,
            profile.role_attribute_is_array,
            _("The role. Without it: %s.") % default,
        )
    ]
    if profile.placement_attribute:
        note = _("Name of a concurrency group that exists here.")
        if not org.concurrency_groups:
            note += " " + _("Without effect at the moment: concurrency groups are off.")
        custom.append(Custom(urn, profile.placement_attribute, [], False, note))
    group_custom = []
    if profile.group_role_attribute:
        note = _("Roles that every member of the group has.")
        group_custom.append(Custom(profile.group_extension, profile.group_role_attribute, keys, True, note))
    notes = [_("Who it is; people are looked up by it.")]
    if profile.user_name_is_email:
        notes.append(_("An e-mail address."))
    if not profile.user_name_is_mutable:
        notes.append(_("It cannot change later."))
    return Portal(base_url, custom, group_custom, default, " ".join(notes))


def _mappings(portal: Portal, sources: Sources) -> list[Mapping]:
    required = _("Required.")
    return [
        Mapping("userName", sources.user_name, f"{required} {portal.user_name_note}"),
        Mapping("active", sources.active, f"{required} {_('Who is not active cannot sign in.')}"),
        Mapping("name.givenName", sources.given_name, required),
        Mapping("name.familyName", sources.family_name, required),
        Mapping('emails[type eq "work"].value', sources.email),
        *(Mapping(each.path, _("Your choice"), f"{each.note} {_values(each)}".strip()) for each in portal.custom),
        *(Mapping(each.path, _("Groups"), f"{each.note} {_values(each)}".strip()) for each in portal.group_custom),
    ]


def _values(attribute: Custom) -> str:
    if not attribute.values:
        return ""
    listed = ", ".join(attribute.values)
    return (_("One or more of: %s.") if attribute.is_array else _("One of: %s.")) % listed


def _first_person() -> Step:
    return Step(
        _("Assign one person first"),
        _("Pick a test person, assign them, and watch the checklist above. Then assign everybody."),
    )


def _groups(idp: str, org: Organization) -> list[Step]:
    ways: dict[str, str] = {
        Idp.OKTA: _("In the Push Groups tab, choose Push Groups, find groups by name or by rule, and save."),
        Idp.ENTRA: _("Assign groups to the application under Users and groups. Groups in groups are not expanded."),
        Idp.PINGONE: _("Edit the rule and choose Add Groups."),
        Idp.JUMPCLOUD: _(
            "In Identity Management, turn on management of user groups and group membership; then choose the groups in "
            "the User Groups tab."
        ),
        Idp.ONELOGIN: _(
            "In Parameters, include Groups in user provisioning; in Rules, set groups from roles or from a field."
        ),
    }
    where = ways.get(idp, _("Push groups with their members, by POST, PUT or PATCH."))
    if not org.group_provisioning:
        where += " " + _("Changes to groups are refused until group provisioning is on (below).")
    return [Step(_("Push groups, if you want"), where)]


def _address(name: str, portal: Portal, flag: str = "") -> Field:
    return Field(name, portal.base_url + flag, copied=True)


def _secret(name: str) -> Field:
    return Field(name, _("your token"), _("It was shown once, when it was created."))


# --- Okta ------------------------------------------------------------------------------------------------------------


def _okta(portal: Portal) -> list[Step]:
    return [
        Step(
            _("Connect"),
            _(
                "Applications › your single sign-on application › General: choose SCIM under Provisioning. Then the "
                "Provisioning tab › Integration › Edit."
            ),
            (
                _address("SCIM connector base URL", portal),
                Field("Unique identifier field for users", "userName", copied=True),
                Field("Supported provisioning actions", "Push New Users, Push Profile Updates, Push Groups"),
                Field("Authentication Mode", "HTTP Header"),
                _secret("Authorization: Bearer"),
                Field(
                    "Test Connector Configuration",
                    _("press it"),
                    _(
                        "In an application of the catalog these fields are called Base URL and API Token (or OAuth "
                        "Bearer "
                        "Token), and the button Test API Credentials."
                    ),
                ),
            ),
        ),
        Step(
            _("Switch provisioning on"),
            _("Provisioning › To App › Edit."),
            (Field("Enable", "Create Users, Update User Attributes, Deactivate Users"),),
        ),
        *(
            Step(
                _("Add the attribute %s") % each.name,
                _("Directory › Profile Editor › your application › Add Attribute. %s") % each.note,
                (
                    Field("Data type", "string array" if each.is_array else "string"),
                    Field("Variable name", each.name, copied=True),
                    Field("External name", each.name, copied=True),
                    Field("External namespace", each.urn, copied=True),
                    *([Field("Enum", ", ".join(each.values))] if each.values else []),
                    Field(
                        "Attribute type", "Personal, or Group", _("Group: the value comes with a group's assignment.")
                    ),
                ),
            )
            for each in portal.custom
        ),
    ]


# --- Microsoft Entra ID ----------------------------------------------------------------------------------------------


def _entra(portal: Portal) -> list[Step]:
    role = portal.custom[0]
    target = 'roles[primary eq "True"].value' if role.urn == CORE_USER else role.path
    return [
        Step(
            _("Connect"),
            _(
                "Enterprise applications › your application › Provisioning: Provisioning Mode Automatic, then Admin "
                "Credentials."
            ),
            (
                _address("Tenant URL", portal, ENTRA_FLAG),
                _secret("Secret Token"),
                Field("Test Connection", _("press it"), _("Entra ID looks up a person who does not exist.")),
            ),
        ),
        Step(
            _("Map people"),
            _("Mappings › Provision Microsoft Entra ID Users."),
            (
                Field(
                    "userName",
                    "userPrincipalName",
                    _("Match objects using this attribute: Yes, precedence 1. Apply this mapping: Always."),
                ),
                Field(
                    "active",
                    ENTRA_ACTIVE,
                    _("An expression. Mapped from anything else, people who leave are never deactivated here."),
                    copied=True,
                ),
            ),
        ),
        Step(
            _("Add the attributes of this product"),
            _(
                "Mappings › Show advanced options › Edit attribute list for customappsso; then Add New Mapping "
                "for each."
            ),
            (
                *(
                    Field("Name", each.path, " ".join([_("Type: String."), each.note, _values(each)]), copied=True)
                    for each in portal.custom
                    if each.urn != CORE_USER
                ),
                Field("Target attribute", target, _("The role; mapping type: Expression."), copied=True),
                Field(
                    "Expression",
                    _role_expression(role.values, portal.default_role),
                    _("The role, from app roles of these names."),
                    copied=True,
                ),
            ),
        ),
        Step(
            _("Switch provisioning on"),
            _("Settings, then Save. The first cycle begins at once, the next ones about every 40 minutes."),
            (Field("Provisioning Status", "On"), Field("Provision on demand", _("for one person, at once"))),
        ),
    ]


def _role_expression(roles: list[str], default: str) -> str:
    """An app role that is none of ours would have the whole person refused: it becomes the default."""
    expression = f'"{default}"'
    for role in reversed([role for role in roles if role != default]):
        expression = f'IIF(SingleAppRoleAssignment([appRoleAssignments])="{role}", "{role}", {expression})'
    return expression


# --- PingOne ---------------------------------------------------------------------------------------------------------


def _pingone(portal: Portal) -> list[Step]:
    urns = list(dict.fromkeys(each.urn for each in portal.custom if each.urn != CORE_USER))
    return [
        Step(
            _("Connect"),
            _("Integrations › Provisioning › Connections › + › Identity Store › SCIM (Outbound)."),
            (
                _address("SCIM Base URL", portal),
                Field("Users Resource", "/Users"),
                Field("SCIM Version", "2.0"),
                Field("Groups Resource", "/Groups"),
                Field("Authentication Method", "OAuth 2 Bearer Token"),
                _secret("OAuth Access Token"),
                Field("Auth Type Header", "Bearer"),
                Field("Test Connection", _("press it")),
            ),
        ),
        Step(
            _("Preferences"),
            _("The next page of the same connection."),
            (
                Field("User Filter Expression", 'userName eq "%s"', copied=True),
                Field("User Identifier", "workEmail"),
                *(Field("Custom Attribute Schema URNs", urn, copied=True) for urn in urns),
                Field(
                    "Group Membership Handling",
                    "Merge",
                    _("Overwrite works as well, and sends every member each time."),
                ),
                Field("User actions", "Create Users, Update Users, Disable Users"),
            ),
        ),
        Step(
            _("Add a rule"),
            _(
                "Rules › Add Rule. In its attribute mapping, Email Address has to be mapped to userName. Switch the "
                "rule on."
            ),
            (Field("User Filter", "enabled Equals true"),),
        ),
    ]


# --- JumpCloud -------------------------------------------------------------------------------------------------------


def _jumpcloud(portal: Portal) -> list[Step]:
    return [
        Step(
            _("Connect"),
            _("SSO Applications › your application › Identity Management."),
            (
                Field("API Type", "SCIM API"),
                Field("SCIM Version", "SCIM 2.0"),
                _address("Base URL", portal),
                _secret("Token Key"),
                Field(
                    "Test User Email",
                    _("an address of yours that nobody has here"),
                    _("The test creates a person with it and deletes them again; both are in the provisioning log."),
                ),
                Field("Test Connection", _("press it, then Activate and Save")),
            ),
        ),
        _attributes(portal, _("Identity Management › Attribute Mapping › Add Attribute.")),
    ]


# --- OneLogin --------------------------------------------------------------------------------------------------------


def _onelogin(portal: Portal) -> list[Step]:
    return [
        Step(
            _("Connect"),
            _("Applications › Add App › SCIM Provisioner with SAML (SCIM v2 Enterprise); then its Configuration tab."),
            (
                _address("SCIM Base URL", portal),
                Field("SCIM JSON Template", _template(portal), copied=True),
                _secret("SCIM Bearer Token"),
                Field("API Status", "Enable"),
            ),
        ),
        Step(
            _("Fill the template"),
            _("Parameters: add one for each name after “parameters.” in the template, included in user provisioning."),
            (Field("SCIM Username", "Email"),),
        ),
        Step(
            _("Switch provisioning on"),
            _("Provisioning › Workflow."),
            (
                Field("Enable provisioning", _("checked")),
                Field("When users are deleted in OneLogin", "Suspend", _("Delete works as well.")),
            ),
        ),
    ]


def _template(portal: Portal) -> str:
    body: dict[str, object] = {
        "schemas": list(dict.fromkeys([CORE_USER, *(each.urn for each in portal.custom)])),
        "userName": "{$parameters.scimusername}",
        "name": {"givenName": "{$user.firstname}", "familyName": "{$user.lastname}"},
        "emails": [{"value": "{$user.email}", "type": "work", "primary": True}],
    }
    for each in portal.custom:
        value = "{$parameters." + each.name.casefold() + "}"
        if each.urn == CORE_USER:
            body[each.name] = [{"value": value, "primary": True}]
        else:
            body.setdefault(each.urn, {})[each.name] = [value] if each.is_array else value  # type: ignore[index]
    return json.dumps(body, indent=2)


# --- Others ----------------------------------------------------------------------------------------------------------


def _other(portal: Portal) -> list[Step]:
    return [
        Step(
            _("Connect"),
            _("Look for SCIM 2.0 provisioning in your identity provider. Fields may have other names there."),
            (
                _address(_("Base URL"), portal),
                _secret(_("Bearer token")),
                Field(_("Authentication"), _("Bearer token in the Authorization header")),
                Field(_("Unique identifier of people"), "userName", copied=True),
                Field(_("Look-up filter"), 'userName eq "…"'),
            ),
        ),
        _attributes(portal, _("Map each to what your identity provider knows of people.")),
    ]


def _attributes(portal: Portal, where: str) -> Step:
    fields = (
        Field(each.name, each.path, " ".join(filter(None, [each.note, _values(each)])), copied=True)
        for each in portal.custom
    )
    return Step(_("Add the attributes of this product"), where, tuple(fields))


GUIDES: dict[str, tuple[str, Sources, Callable[[Portal], list[Step]]]] = {
    Idp.OKTA: ("Okta", Sources("Email", "set by Okta", "firstName", "lastName", "email"), _okta),
    Idp.ENTRA: ("Entra ID", Sources("userPrincipalName", ENTRA_ACTIVE, "givenName", "surname", "mail"), _entra),
    Idp.PINGONE: (
        "PingOne",
        Sources("Email Address", "Enabled", "Given Name", "Family Name", "Email Address"),
        _pingone,
    ),
    Idp.JUMPCLOUD: ("JumpCloud", Sources("email", "set by JumpCloud", "firstname", "lastname", "email"), _jumpcloud),
    Idp.ONELOGIN: (
        "OneLogin",
        Sources("SCIM Username", "set by OneLogin", "{$user.firstname}", "{$user.lastname}", "{$user.email}"),
        _onelogin,
    ),
    Idp.OTHER: (
        "Other",
        Sources("work e-mail", "whether they are active", "first name", "last name", "work e-mail"),
        _other,
    ),
}
