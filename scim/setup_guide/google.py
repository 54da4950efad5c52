"""How to set up Google Workspace, and what it does not do.

Google documents automated user provisioning for the supported applications of its catalog, of people only, every few
hours: https://support.google.com/a/answer/7681608. It documents none for custom SAML apps.
"""

from django.utils.translation import gettext as _

from scim.setup_guide.parts import Field, Portal, Step, address, secret

ACTIVE = "set by Google"


def steps(portal: Portal) -> list[Step]:
    return [
        Step(
            _("Check that Google can provision the application"),
            _(
                "Google documents automated provisioning only for supported applications of its own catalog, once they "
                "sign people in by SAML; do not expect it of an application that you add as a custom SAML app. If "
                "yours is not in the catalog, import people from a file, invite them, or provision from another "
                "directory that Google feeds."
            ),
        ),
        Step(
            _("Connect"),
            _("Admin console › Apps › Web and mobile apps › the application › Autoprovisioning."),
            (
                secret("Access token"),
                address("Endpoint URL", portal),
                Field(
                    "Attribute mapping",
                    _("as in the table below"),
                    _("The catalog decides which attributes can be mapped."),
                ),
            ),
        ),
        Step(
            _("Choose whom, and what happens when they leave"),
            _("Provisioning scope, Deprovisioning; then turn Autoprovisioning on. Google syncs every few hours."),
            (
                Field(
                    "Provisioning scope",
                    _("groups whose members are provisioned"),
                    _("A group limits who is sent; the group itself is not."),
                ),
            ),
        ),
    ]
