"""How to set up Microsoft Entra ID."""

from django.utils.translation import gettext as _

from scim.addresses import ENTRA_FLAG
from scim.setup_guide.parts import CORE_USER, Field, Portal, Step, address, secret, values

ACTIVE = 'Switch([IsSoftDeleted], , "False", "True", "True", "False")'


def steps(portal: Portal) -> list[Step]:
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
                address("Tenant URL", portal, ENTRA_FLAG),
                secret("Secret Token"),
                Field("Test Connection", _("click this button"), _("Entra ID looks up a person who does not exist.")),
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
                    ACTIVE,
                    _("An expression. With any other mapping, people who leave are never deactivated here."),
                    copied=True,
                ),
            ),
        ),
        Step(
            _("Add the custom attributes"),
            _(
                "Mappings › Show advanced options › Edit attribute list for customappsso; then Add New Mapping "
                "for each."
            ),
            (
                *(
                    Field("Name", each.path, " ".join([_("Type: String."), each.note, values(each)]), copied=True)
                    for each in portal.custom
                    if each.urn != CORE_USER
                ),
                Field("Target attribute", target, _("The role; mapping type: Expression."), copied=True),
                Field(
                    "Expression",
                    _role_expression(role.values, portal.default_role),
                    _("The role, from app roles with these names. Entra ID sends one, even of somebody with several.")
                    if role.is_array
                    else _("The role, from app roles with these names."),
                    copied=True,
                ),
            ),
        ),
        Step(
            _("Switch provisioning on"),
            _("Settings, then Save. The first cycle starts at once, the following ones about every 40 minutes."),
            (Field("Provisioning Status", "On"), Field("Provision on demand", _("for one person, at once"))),
        ),
    ]


def _role_expression(roles: list[str], default: str) -> str:
    """An unknown app role would cause the whole person to be refused, so it becomes the default."""
    expression = f'"{default}"'
    for role in reversed([role for role in roles if role != default]):
        expression = f'IIF(SingleAppRoleAssignment([appRoleAssignments])="{role}", "{role}", {expression})'
    return expression
