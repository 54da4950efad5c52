"""How to set up OneLogin."""

import json

from django.utils.translation import gettext as _

from scim.setup_guide.parts import CORE_USER, Field, Portal, Step, address, secret


def steps(portal: Portal) -> list[Step]:
    return [
        Step(
            _("Connect"),
            _("Applications › Add App › SCIM Provisioner with SAML (SCIM v2 Enterprise); then its Configuration tab."),
            (
                address("SCIM Base URL", portal),
                Field("SCIM JSON Template", _template(portal), copied=True),
                secret("SCIM Bearer Token"),
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
                Field("When users are deleted in OneLogin", "Suspend", _("Delete works too.")),
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
