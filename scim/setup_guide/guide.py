"""How to set up each identity provider for an org: its fields, by its own names, with the value to enter."""

from collections.abc import Callable
from dataclasses import replace

from django.utils.translation import gettext as _

from orgs.models import Carrier, Organization, Role
from orgs.models import IdentityProvider as Idp
from scim.setup_guide import entra, google, jumpcloud, okta, onelogin, other, pingone
from scim.setup_guide.parts import CORE_USER, AttributeMapping, Custom, Guide, Portal, Sources, Step, values

GUIDES: dict[str, tuple[str, Sources, Callable[[Portal], list[Step]]]] = {
    Idp.OKTA: ("Okta", Sources("Email", "set by Okta", "firstName", "lastName", "email"), okta.steps),
    Idp.ENTRA: ("Entra ID", Sources("userPrincipalName", entra.ACTIVE, "givenName", "surname", "mail"), entra.steps),
    Idp.PINGONE: (
        "PingOne",
        Sources("Email Address", "Enabled", "Given Name", "Family Name", "Email Address"),
        pingone.steps,
    ),
    Idp.JUMPCLOUD: (
        "JumpCloud",
        Sources("email", "set by JumpCloud", "firstname", "lastname", "email"),
        jumpcloud.steps,
    ),
    Idp.ONELOGIN: (
        "OneLogin",
        Sources("SCIM Username", "set by OneLogin", "{$user.firstname}", "{$user.lastname}", "{$user.email}"),
        onelogin.steps,
    ),
    Idp.GOOGLE: (
        "Google",
        Sources("Primary email", google.ACTIVE, "First name", "Last name", "Primary email"),
        google.steps,
    ),
    Idp.OTHER: (
        "Other",
        Sources("work e-mail", "whether they are active", "first name", "last name", "work e-mail"),
        other.steps,
    ),
}

HELP: dict[str, tuple[tuple[str, str], ...]] = {
    Idp.OKTA: (
        (
            "Add SCIM provisioning",
            "https://help.okta.com/en-us/content/topics/apps/apps_app_integration_wizard_scim.htm",
        ),
        (
            "Group Push prerequisites",
            "https://help.okta.com/en-us/content/topics/users-groups-profiles/usgp-group-push-prerequisites.htm",
        ),
    ),
    Idp.ENTRA: (
        (
            "Provisioning with SCIM",
            "https://learn.microsoft.com/en-us/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups",
        ),
        (
            "Provision on demand",
            "https://learn.microsoft.com/en-us/entra/identity/app-provisioning/provision-on-demand",
        ),
    ),
    Idp.PINGONE: (
        (
            "Provisioning connections",
            "https://docs.pingidentity.com/pingone/integrations/p1_connections_provisioning.html",
        ),
        (
            "SCIM provisioning features",
            "https://docs.pingidentity.com/pingone/integrations/p1_scim_provisioning_features.html",
        ),
    ),
    Idp.JUMPCLOUD: (("JumpCloud Help Center", "https://jumpcloud.com/support"),),
    Idp.ONELOGIN: (("OneLogin SCIM", "https://developers.onelogin.com/scim"),),
    Idp.GOOGLE: (("Automated user provisioning", "https://support.google.com/a/answer/7681608"),),
}
"""The identity providers' own documents, by their titles."""


def guide_for(idp: str, org: Organization, base_url: str) -> Guide:
    """The guide for an identity provider, with what an org's profile asks for. Three queries."""
    return guide_with(idp, _portal(org, base_url), groups_on=org.group_provisioning)


def guide_with(idp: str, portal: Portal, *, groups_on: bool) -> Guide:
    """The guide for an identity provider; the general one if it has none of its own. groups_on: groups are accepted."""
    known = idp if idp in GUIDES else Idp.OTHER
    name, sources, steps = GUIDES[known]
    if known == Idp.OTHER:
        name = _("your identity provider")
    if known == Idp.GOOGLE:
        portal = replace(portal, group_custom=[])
    all_steps = [*steps(portal), _first_person(), *_groups(idp, groups_on=groups_on)]
    return Guide(name, all_steps, _mappings(portal, sources), HELP.get(known, ()))


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
            _("The role; optional, since groups can be given roles here. If absent: %s.") % default,
        )
    ]
    if profile.placement_attribute:
        note = _("The name of a concurrency group that exists here.")
        if not org.concurrency_groups:
            note += " " + _("It has no effect at the moment: concurrency groups are off.")
        custom.append(Custom(urn, profile.placement_attribute, [], False, note))
    group_custom = []
    if profile.group_role_attribute:
        note = _("Roles that every member of the group will have.")
        group_custom.append(Custom(profile.group_extension, profile.group_role_attribute, keys, True, note))
    for row in profile.attributes.all():
        on = custom if row.carrier == Carrier.USER else group_custom
        extension = urn if row.carrier == Carrier.USER else profile.group_extension
        on.append(Custom(extension, row.name, [], row.multi_valued, row.description))
    notes = [_("Identifies the person; used to look people up.")]
    if profile.user_name_is_email:
        notes.append(_("An e-mail address."))
    if not profile.user_name_is_mutable:
        notes.append(_("It cannot change later."))
    return Portal(base_url, custom, group_custom, default, " ".join(notes))


def _mappings(portal: Portal, sources: Sources) -> list[AttributeMapping]:
    required = _("Required.")
    return [
        AttributeMapping("userName", sources.user_name, f"{required} {portal.user_name_note}"),
        AttributeMapping("active", sources.active, f"{required} {_('Inactive people cannot sign in.')}"),
        AttributeMapping("name.givenName", sources.given_name, required),
        AttributeMapping("name.familyName", sources.family_name, required),
        AttributeMapping('emails[type eq "work"].value', sources.email),
        *(
            AttributeMapping(each.path, _("Your choice"), f"{each.note} {values(each)}".strip())
            for each in portal.custom
        ),
        *(
            AttributeMapping(each.path, _("Groups"), f"{each.note} {values(each)}".strip())
            for each in portal.group_custom
        ),
    ]


def _first_person() -> Step:
    return Step(
        _("Assign one person first"),
        _("Pick a test person, assign them, and watch the checklist above. Then assign everybody."),
    )


def _groups(idp: str, *, groups_on: bool) -> list[Step]:
    if idp == Idp.GOOGLE:
        return [
            Step(
                _("Assign people here"),
                _(
                    "Google does not push groups, so there is nothing to map: set roles and assignments by hand on the "
                    "page of a person, a team or a concurrency group."
                ),
            )
        ]
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
    where = ways.get(
        idp,
        _(
            "Push groups with their members, by POST, PUT or PATCH; if it can be chosen, by PATCH. A group that is sent"
            " whole without a list of members keeps those that it has, and some clients leave the list out once nobody"
            " is in the group."
        ),
    )
    if not groups_on:
        where += " " + _("Changes to groups are refused until group provisioning is on (below).")
    return [
        Step(_("Push groups, if you want"), where),
        Step(
            _("Give groups roles, if you want"),
            _(
                "No attribute of your identity provider is needed for roles: give them here to the groups that you "
                "push, by role rules (SCIM groups › Rules) or on the page of a group. Roles that your identity "
                "provider sends count as well."
            ),
        ),
    ]
