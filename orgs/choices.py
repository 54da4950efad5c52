"""Choices shared by the models, the engine and the rules. They need neither settings nor a database."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class EntityKind(TextChoices):
    TEAM = "team", _("Team")
    CONCURRENCY_GROUP = "concurrency_group", _("Concurrency group")
    SUB_ORGANIZATION = "sub_organization", _("Sub-organization")


class RolePolicy(TextChoices):
    """How several roles of one person combine (SPEC R1)."""

    HIGHEST = "highest", _("The highest role counts")
    UNION = "union", _("All roles count together")


class HoldLimits(TextChoices):
    """From when on mass changes are held, in steps (SPEC T1); `groups_provisioning.engine.breaker` has the numbers."""

    STRICT = "strict", _("Strict")
    STANDARD = "standard", _("Standard")
    LENIENT = "lenient", _("Lenient")
