"""Words that rows and the rules share. Plain Python: it needs neither settings nor a database."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from orgs.choices import EntityKind

EXCLUSIVE = (EntityKind.CONCURRENCY_GROUP, EntityKind.SUB_ORGANIZATION)
"""The kinds of which a person, and a pushed group, has one at most (SPEC M1, R2)."""


class PatternType(TextChoices):
    PREFIX = "prefix", _("Begins with")
    REGEX = "regex", _("Regular expression")
    ALL = "all", _("Every group")


class Pending(TextChoices):
    """Why a mapping waits for an admin."""

    ASKED = "asked", _("its rule asks for approval")
    OWNED = "owned", _("another group is mapped to what has this name")
    KIND_OFF = "kind_off", _("this kind was switched off when the rule matched")
    NOT_CREATED = "not_created", _("sub-organizations are never created by a rule")
    UNUSABLE_NAME = "unusable_name", _("nothing can have this name")
    EXCLUDED = "excluded", _("a sub-organization excludes other mappings of the same group")
    RULE_CHANGED = "rule_changed", _("after a rename no rule, or one for another kind, is the first to match")
    TARGET_DELETED = "target_deleted", _("what it was mapped to was deleted")
