"""How JumpCloud is set up."""

from django.utils.translation import gettext as _

from scim.setup_guide.parts import Field, Portal, Step, address, attributes, secret


def steps(portal: Portal) -> list[Step]:
    return [
        Step(
            _("Connect"),
            _("SSO Applications › your application › Identity Management."),
            (
                Field("API Type", "SCIM API"),
                Field("SCIM Version", "SCIM 2.0"),
                address("Base URL", portal),
                secret("Token Key"),
                Field(
                    "Test User Email",
                    _("an address of yours that nobody has here"),
                    _("The test creates a person with it and deletes them again; both are in the provisioning log."),
                ),
                Field("Test Connection", _("press it, then Activate and Save")),
            ),
        ),
        attributes(portal, _("Identity Management › Attribute Mapping › Add Attribute.")),
    ]
