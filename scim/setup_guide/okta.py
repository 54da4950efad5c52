"""How to set up Okta."""

from django.utils.translation import gettext as _

from scim.setup_guide.parts import Field, Portal, Step, address, secret


def steps(portal: Portal) -> list[Step]:
    return [
        Step(
            _("Connect"),
            _(
                "Applications › your single sign-on application › General: choose SCIM under Provisioning. Then the "
                "Provisioning tab › Integration › Edit."
            ),
            (
                address("SCIM connector base URL", portal),
                Field("Unique identifier field for users", "userName", copied=True),
                Field("Supported provisioning actions", "Push New Users, Push Profile Updates, Push Groups"),
                Field("Authentication Mode", "HTTP Header"),
                secret("Authorization: Bearer"),
                Field(
                    "Test Connector Configuration",
                    _("click this button"),
                    _(
                        "In an application from the catalog these fields are called Base URL and API Token (or OAuth "
                        "Bearer Token), and the button Test API Credentials."
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
                    Field("Attribute type", "Personal, or Group", _("Group: the value comes with a group assignment.")),
                ),
            )
            for each in portal.custom
        ),
    ]
