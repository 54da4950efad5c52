"""What the operator's staff may do (SPEC N4): superusers everything, the others what their group allows.

The groups are Django's own, with Django's own permissions. Each `migrate` makes them and gives them what is written
here, for every table that there is by then.
"""

from typing import Any

from django.apps import apps as installed
from django.apps.registry import Apps
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

OURS = ("orgs", "groups_provisioning", "scim", "sso", "api")


class StaffRole(TextChoices):
    """Of the staff. The first two are names of groups."""

    READ_ONLY = "Read-only", _("Read-only")
    SUPPORT = "Support", _("Support")
    SUPERUSER = "Superuser", _("Superuser")


PARTS = ("role", "profileattribute", "startingrule")
"""Rows of a schema profile, which are deleted by editing it."""
FOR_SUPERUSERS = frozenset({"add_endpoint", "delete_schemaprofile"})
"""What support may not do though it may change such rows: the operator's webhooks, and profiles as a whole."""


def allows(role: str, codename: str) -> bool:
    """Whether a group has a permission such as `change_user`. To act on rows is to change them.

    Support neither deletes orgs nor erases people, which are the permissions to delete them.
    """
    verb, _, model = codename.partition("_")
    if role == StaffRole.READ_ONLY or verb == "view":
        return verb == "view"
    return codename not in FOR_SUPERUSERS and (verb != "delete" or model in PARTS)


def install(*, apps: Apps = installed, using: str = "default", **_signal: Any) -> None:
    """Make the groups, and bring them up to date; for `post_migrate`, behind what makes the permissions."""
    try:
        groups, permissions = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    except LookupError:  # migrated back to where there is no such table
        return
    known = list(permissions.objects.using(using).filter(content_type__app_label__in=OURS))
    for role in (StaffRole.READ_ONLY, StaffRole.SUPPORT):
        group, _made = groups.objects.using(using).get_or_create(name=role.value)
        group.permissions.set([each for each in known if allows(role, each.codename)])
