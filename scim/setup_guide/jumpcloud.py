"""How to set up JumpCloud."""

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
                    _("an address of yours that no account here uses"),
                    _("The test creates a person with it and deletes them again; the provisioning log shows both."),
                ),
                Field("Test Connection", _("click this button, then Activate and Save")),
            ),
        ),
        attributes(portal, _("Identity Management › Attribute Mapping › Add Attribute.")),
    ]
