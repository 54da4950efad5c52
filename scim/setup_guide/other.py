"""How to set up an identity provider that has no guide of its own."""

from django.utils.translation import gettext as _

from scim.setup_guide.parts import Field, Portal, Step, address, attributes, secret


def steps(portal: Portal) -> list[Step]:
    return [
        Step(
            _("Connect"),
            _("Look for SCIM 2.0 provisioning in your identity provider. Its fields may have other names."),
            (
                address(_("Base URL"), portal),
                secret(_("Bearer token")),
                Field(_("Authentication"), _("Bearer token in the Authorization header")),
                Field(_("Unique identifier of people"), "userName", copied=True),
                Field(_("Lookup filter"), 'userName eq "…"'),
            ),
        ),
        attributes(portal, _("Map each one to an attribute that your identity provider has for people.")),
    ]
