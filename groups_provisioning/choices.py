"""Choices shared by the models and the rules. They need neither settings nor a database."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from orgs.choices import EntityKind

ROLE = "role"
"""The kind of a mapping, or of a rule, that gives a role instead of assigning to an entity (SPEC R6)."""

TARGET_KINDS = (*EntityKind.choices, (ROLE, _("Role")))
"""What groups can be mapped to."""

EXCLUSIVE = (EntityKind.CONCURRENCY_GROUP, EntityKind.SUB_ORGANIZATION)
"""The kinds of which a person, and a pushed group, can have only one (SPEC M1, R2)."""


class PatternType(TextChoices):
    PREFIX = "prefix", _("Begins with")
    REGEX = "regex", _("Regular expression")
    ALL = "all", _("Every group")


class Pending(TextChoices):
    """Why a mapping waits for an admin."""

    ASKED = "asked", _("its rule requires approval")
    OWNED = "owned", _("another group is mapped to the target with this name")
    KIND_OFF = "kind_off", _("this kind was switched off when the rule matched")
    NOT_CREATED = "not_created", _("rules never create sub-organizations")
    UNUSABLE_NAME = "unusable_name", _("its name cannot be used for a target")
    EXCLUDED = "excluded", _("a group that is mapped to a sub-organization cannot have other mappings")
    RULE_CHANGED = (
        "rule_changed",
        _("the group was renamed, and its first matching rule has another target, or there is none"),
    )
    FREE = "free", _("nothing stands in the way any more; approve it")
    TARGET_DELETED = "target_deleted", _("its target was deleted")
