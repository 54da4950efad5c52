"""Mappings of pushed groups to entities, the rules for them (SPEC section 5), and decisions about conflicts."""

from datetime import datetime
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Deferrable, Exists, OuterRef, Q
from django.db.models.expressions import NegatedExpression
from django.utils.translation import gettext_lazy as _

from groups_provisioning.choices import EXCLUSIVE, PatternType, Pending
from groups_provisioning.models.groups import PushedGroup
from orgs.db.keys import uuid7
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key
from orgs.models import Change, Entity, EntityKind, SchemaProfile, User
from orgs.spans import switched


class MappingRule(models.Model):
    """How pushed groups with a matching name are mapped; the first rule by `position` wins (SPEC M3).

    Written only by `groups_provisioning.actions.rules`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = tenant("mapping_rules")
    position = models.PositiveIntegerField()
    pattern_type = models.CharField(max_length=10, choices=PatternType.choices)
    pattern = models.TextField(blank=True, default="")
    kind = models.CharField(_("target"), max_length=20, choices=EntityKind.choices)
    auto_approve = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    objects = TenantQuerySet["MappingRule"].as_manager()

    class Meta:
        ordering = ("position",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org", "id"], name="mapping_rule_org_id"),
            models.UniqueConstraint(
                fields=["org", "position"], name="mapping_rule_position_once", deferrable=Deferrable.DEFERRED
            ),
            models.CheckConstraint(
                condition=Q(pattern_type=PatternType.ALL, pattern="")
                | (~Q(pattern_type=PatternType.ALL) & ~Q(pattern="")),
                name="mapping_rule_pattern_where_one_is_meant",
            ),
        ]

    def __str__(self) -> str:
        return self.pattern or str(self.get_pattern_type_display())


class StartingRule(models.Model):
    """A mapping rule that an org of the profile starts with. Written by `groups_provisioning.actions.rules` alone."""

    profile = models.ForeignKey(SchemaProfile, on_delete=models.CASCADE, related_name="founding_rules")
    position = models.PositiveSmallIntegerField(_("order"), default=1)
    pattern_type = models.CharField(_("match by"), max_length=10, choices=PatternType.choices)
    pattern = models.TextField(blank=True, default="")
    kind = models.CharField(_("map to"), max_length=20, choices=EntityKind.choices)
    auto_approve = models.BooleanField(_("approve automatically"), default=False)

    class Meta:
        ordering = ("position", "id")

    def __str__(self) -> str:
        return self.pattern or str(self.get_pattern_type_display())


class Status(models.TextChoices):
    """The status of a mapping (SPEC M2)."""

    PENDING = "pending", _("Pending")
    APPROVED = "approved", _("Approved")
    AUTO_APPROVED = "auto_approved", _("Auto-Approved")
    REJECTED = "rejected", _("Rejected")


SYNCED = (Status.APPROVED, Status.AUTO_APPROVED)
STATUS_FIELDS = ("status", "reason", "switched_at", "change")
"""The columns that `approve` and `cease` set, and the change that set them."""


class GroupMappingQuerySet(TenantQuerySet["GroupMapping"]):
    def live(self) -> "GroupMappingQuerySet":
        return self.exclude(status=Status.REJECTED)

    def synced(self) -> "GroupMappingQuerySet":
        return self.filter(status__in=SYNCED)


class GroupMapping(models.Model):
    """One pushed group tied to one entity (SPEC M1, M2). Written by `mappings` (admins) and `rule_evaluation` (pushes).

    entity: None until one is chosen. A deleted entity (`target_deleted`, SPEC M7) and that of a Rejected mapping stay
    here, so that they can be named. A live mapping owns its entity unless that is deleted. A new target is a new row.
    target_deleted: it needs a new target from an admin; stays set while the group is deleted, for when the group is
    restored (SPEC M6). switched_at: when it was approved and ceased to be approved, in turn (`orgs.spans`): its claims
    begin and end then (SPEC C2, M2). Only `approve` and `cease` write it. barred: an admin rejected it, and no rule may
    map the group to this kind until an admin does (SPEC M6). rule: the rule that created it, while that exists. change:
    the change that gave it its present status.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = tenant("mappings")
    group = tenant_foreign_key(PushedGroup, related_name="mappings")
    kind = models.CharField(max_length=20, choices=EntityKind.choices)
    entity = tenant_foreign_key(Entity, null=True, related_name="mappings")
    status = models.CharField(max_length=15, choices=Status.choices)
    reason = models.CharField(max_length=20, choices=Pending.choices, blank=True, default="")
    rule = tenant_foreign_key(MappingRule, null=True, related_name="mappings")
    target_deleted = models.BooleanField(default=False)
    barred = models.BooleanField(default=False)
    switched_at = ArrayField(models.DateTimeField(), default=list, blank=True, editable=False)
    created_at = models.DateTimeField()
    change = tenant_foreign_key(Change, related_name="+", db_index=False)

    objects = GroupMappingQuerySet.as_manager()

    class Meta:
        db_table = "groups_provisioning_mapping"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org", "id"], name="mapping_org_id"),
            models.UniqueConstraint(
                fields=["entity"], condition=~Q(status=Status.REJECTED), name="mapping_entity_has_one_owner"
            ),
            models.UniqueConstraint(
                fields=["group", "kind"],
                condition=~Q(status=Status.REJECTED) & Q(kind__in=EXCLUSIVE),
                name="mapping_one_of_an_exclusive_kind",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=SYNCED) | Q(entity__isnull=False, target_deleted=False) & ~Q(switched_at=[]),
                name="mapping_synced_has_an_entity",
            ),
            models.CheckConstraint(condition=Q(status=Status.PENDING) ^ Q(reason=""), name="mapping_pending_says_why"),
            TenantKey(field="group", name="mapping_group"),
            TenantKey(field="entity", name="mapping_entity"),
            TenantKey(field="rule", name="mapping_rule"),
            TenantKey(field="change", name="mapping_change", deferred=True),
        ]
        indexes: ClassVar = [models.Index(fields=["org", "status"], name="mapping_status_of_org")]

    def __str__(self) -> str:
        return f"{self.group_id} -> {self.entity_id or self.kind}"

    @property
    def is_synced(self) -> bool:
        return self.status in SYNCED

    @property
    def approved_at(self) -> datetime | None:
        """When it was last approved."""
        return self.switched_at[(len(self.switched_at) - 1) // 2 * 2] if self.switched_at else None

    @property
    def fell_back_at(self) -> datetime | None:
        """Since when it claims nobody, if it was approved before and may be approved again (SPEC M2); else None."""
        waits = self.status == Status.PENDING and not self.target_deleted
        return self.switched_at[-1] if waits and self.switched_at else None

    def approve(self, status: str, at: datetime) -> None:
        """Make it Approved or Auto-Approved. The caller saves `STATUS_FIELDS`."""
        if not self.is_synced:
            self.switched_at = switched(self.switched_at, at, on=True)
        self.status, self.reason = status, ""

    def cease(self, status: str, reason: str, at: datetime) -> None:
        """Make it Pending for this reason, or Rejected with reason "". The caller saves `STATUS_FIELDS`."""
        if self.is_synced:
            self.switched_at = switched(self.switched_at, at, on=False)
        self.status, self.reason = status, reason


def is_unmapped() -> NegatedExpression:
    """Whether a pushed group has no live mapping, and no admin has rejected one of any kind.

    Rules can be applied to these groups (SPEC M5). Only an admin maps a group whose mapping was rejected, except that a
    rule for another kind may still map it when a push renames or restores it (SPEC M6).
    """
    settled = GroupMapping.objects.filter(~Q(status=Status.REJECTED) | Q(barred=True))
    return ~Exists(settled.filter(group=OuterRef("pk")))


class Decision(models.Model):
    """Fact: for one person, the mapping `winner` goes before `loser` (SPEC C3). Append-only, except `undone_by`."""

    org = tenant(constrained=False)
    user = tenant_foreign_key(User, related_name="decisions")
    winner = tenant_foreign_key(GroupMapping, related_name="decisions_won")
    loser = tenant_foreign_key(GroupMapping, related_name="decisions_lost")
    at = models.DateTimeField()
    change = tenant_foreign_key(Change, related_name="+")
    undone_by = tenant_foreign_key(Change, null=True, related_name="+", db_index=False)

    objects = TenantQuerySet["Decision"].as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(winner=models.F("loser")), name="decision_between_two"),
            TenantKey(field="user", name="decision_user"),
            TenantKey(field="winner", name="decision_winner"),
            TenantKey(field="loser", name="decision_loser"),
            TenantKey(field="change", name="decision_change", deferred=True),
            TenantKey(field="undone_by", name="decision_undone_by", deferred=True),
        ]
        indexes: ClassVar = [models.Index(fields=["org", "id"], name="decision_of_org")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.winner_id} before {self.loser_id}"
