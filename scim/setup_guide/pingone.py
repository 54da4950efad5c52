"""How to set up PingOne."""

from django.utils.translation import gettext as _

from scim.setup_guide.parts import CORE_USER, Field, Portal, Step, address, secret


def steps(portal: Portal) -> list[Step]:
    urns = list(dict.fromkeys(each.urn for each in portal.custom if each.urn != CORE_USER))
    return [
        Step(
            _("Connect"),
            _("Integrations › Provisioning › Connections › + › Identity Store › SCIM (Outbound)."),
            (
                address("SCIM Base URL", portal),
                Field("Users Resource", "/Users"),
                Field("SCIM Version", "2.0"),
                Field("Groups Resource", "/Groups"),
                Field("Authentication Method", "OAuth 2 Bearer Token"),
                secret("OAuth Access Token"),
                Field("Auth Type Header", "Bearer"),
                Field("Test Connection", _("click this button")),
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
                    _("Overwrite works too, but sends every member each time."),
                ),
                Field("User actions", "Create Users, Update Users, Disable Users"),
            ),
        ),
        Step(
            _("Add a rule"),
            _("Rules › Add Rule. In its attribute mapping, map Email Address to userName. Switch the rule on."),
            (Field("User Filter", "enabled Equals true"),),
        ),
    ]
