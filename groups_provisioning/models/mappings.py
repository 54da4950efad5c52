"""Mappings of pushed groups to entities and roles, the rules for them (SPEC section 5, R6), and decisions."""

from datetime import datetime
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Deferrable, Exists, OuterRef, Q
from django.db.models.expressions import NegatedExpression
from django.utils.translation import gettext_lazy as _

from groups_provisioning.choices import EXCLUSIVE, ROLE, TARGET_KINDS, PatternType, Pending
from groups_provisioning.models.groups import PushedGroup
from orgs.db.keys import uuid7
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key
from orgs.models import Change, Entity, SchemaProfile, User
from orgs.spans import switched

LONGEST_ROLE = 50
"""Characters of the key of a role."""


def _role_where_meant() -> Q:
    """Of rules and mappings: the key of a role where the kind is `ROLE`, and "" elsewhere."""
    return Q(kind=ROLE) ^ Q(role="")


class MappingRuleQuerySet(TenantQuerySet["MappingRule"]):
    def of_list(self, *, roles: bool) -> "MappingRuleQuerySet":
        """The role rules, or those for entities; each list has an order of its own (SPEC R6)."""
        return self.filter(gives_role=roles)


class MappingRule(models.Model):
    """How pushed groups with a matching name are mapped; the first rule by `position` wins (SPEC M3).

    Role rules and those for entities are two lists: of each, the first rule that matches a group applies to it (SPEC
    R6). Written only by `groups_provisioning.actions.rules`.
    """

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    org = tenant("mapping_rules")
    position = models.PositiveIntegerField(_("order"))
    pattern_type = models.CharField(_("match by"), max_length=10, choices=PatternType.choices)
    pattern = models.TextField(blank=True, default="")
    kind = models.CharField(_("maps to"), max_length=20, choices=TARGET_KINDS)
    role = models.CharField(max_length=LONGEST_ROLE, blank=True, default="")
    auto_approve = models.BooleanField(_("approves automatically"), default=False)
    created_at = models.DateTimeField(_("created"))
    # A deferrable constraint can have columns only.
    gives_role = models.GeneratedField(
        expression=Q(kind=ROLE),  # type: ignore[arg-type]
        output_field=models.BooleanField(),
        db_persist=True,
    )

    objects = MappingRuleQuerySet.as_manager()

    class Meta:
        ordering = ("position",)
        verbose_name = _("rule")
        verbose_name_plural = _("rules")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org", "id"], name="mapping_rule_org_id"),
            models.UniqueConstraint(
                fields=["org", "gives_role", "position"],
                name="mapping_rule_position_once",
                deferrable=Deferrable.DEFERRED,
            ),
            models.CheckConstraint(
                condition=Q(pattern_type=PatternType.ALL, pattern="")
                | (~Q(pattern_type=PatternType.ALL) & ~Q(pattern="")),
                name="mapping_rule_pattern_where_one_is_meant",
            ),
            models.CheckConstraint(condition=_role_where_meant(), name="mapping_rule_role_where_one_is_meant"),
        ]

    def __str__(self) -> str:
        return self.pattern or str(self.get_pattern_type_display())

    @property
    def target_type(self) -> tuple[str, str]:
        """The kind, and which role: what a rejection and M6 speak of (SPEC M6, R6)."""
        return self.kind, self.role


class StartingRule(models.Model):
    """A mapping rule that an org of the profile starts with. Written by `groups_provisioning.actions.rules` alone."""

    profile = models.ForeignKey(SchemaProfile, on_delete=models.CASCADE, related_name="founding_rules")
    position = models.PositiveSmallIntegerField(_("order"), default=1)
    pattern_type = models.CharField(_("match by"), max_length=10, choices=PatternType.choices)
    pattern = models.TextField(blank=True, default="")
    kind = models.CharField(_("map to"), max_length=20, choices=TARGET_KINDS)
    role = models.CharField(max_length=LONGEST_ROLE, blank=True, default="")
    auto_approve = models.BooleanField(_("approve automatically"), default=False)

    class Meta:
        ordering = ("position", "id")
        constraints: ClassVar = [
            models.CheckConstraint(condition=_role_where_meant(), name="starting_rule_role_where_one_is_meant")
        ]

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
    """One pushed group tied to one entity, or to one role that it gives its members (SPEC M1, M2, R6).

    Written by `mappings` (admins), `rule_evaluation` (pushes) and `undo`.

    entity: None until one is chosen. A deleted entity (`target_deleted`, SPEC M7) and that of a Rejected mapping stay
    here, so that they can be named. A live mapping owns its entity unless that is deleted. A new target is a new row.
    role: its key. Nothing owns it, and it stays when the profile loses it (`target_deleted`). target_deleted: it needs
    a new target from an admin; stays set while the group is deleted, for when the group is restored (SPEC M6).
    switched_at: when it was approved and ceased to be approved, in turn (`orgs.spans`): its claims begin and end then
    (SPEC C2, M2). Only `approve` and `cease` write it. barred: an admin rejected it, and no rule may map the group to
    this kind, or this role, until an admin does (SPEC M6). rule: the rule that created it, while that exists. change:
    the change that gave it its present status.
    """

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    org = tenant("mappings")
    group = tenant_foreign_key(PushedGroup, related_name="mappings", verbose_name=_("SCIM group"))
    kind = models.CharField(max_length=20, choices=TARGET_KINDS)
    role = models.CharField(max_length=LONGEST_ROLE, blank=True, default="")
    entity = tenant_foreign_key(Entity, null=True, related_name="mappings", verbose_name=_("target"))
    status = models.CharField(max_length=15, choices=Status.choices)
    reason = models.CharField(_("pending because"), max_length=20, choices=Pending.choices, blank=True, default="")
    rule = tenant_foreign_key(MappingRule, null=True, related_name="mappings")
    target_deleted = models.BooleanField(default=False)
    barred = models.BooleanField(_("rejected by an admin"), default=False)
    switched_at = ArrayField(models.DateTimeField(), default=list, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"))
    change = tenant_foreign_key(Change, related_name="+", db_index=False, verbose_name=_("last change"))

    objects = GroupMappingQuerySet.as_manager()

    class Meta:
        db_table = "groups_provisioning_mapping"
        verbose_name = _("mapping")
        verbose_name_plural = _("mappings")
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
            models.UniqueConstraint(
                fields=["group", "role"],
                condition=~Q(status=Status.REJECTED) & ~Q(role=""),
                name="mapping_one_of_a_role",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=SYNCED)
                | (Q(entity__isnull=False) | ~Q(role="")) & Q(target_deleted=False) & ~Q(switched_at=[]),
                name="mapping_synced_has_a_target",
            ),
            models.CheckConstraint(
                condition=_role_where_meant() & (Q(role="") | Q(entity__isnull=True)),
                name="mapping_role_where_one_is_meant",
            ),
            models.CheckConstraint(condition=Q(status=Status.PENDING) ^ Q(reason=""), name="mapping_pending_says_why"),
            TenantKey(field="group", name="mapping_group"),
            TenantKey(field="entity", name="mapping_entity"),
            TenantKey(field="rule", name="mapping_rule"),
            TenantKey(field="change", name="mapping_change", deferred=True),
        ]
        indexes: ClassVar = [models.Index(fields=["org", "status"], name="mapping_status_of_org")]

    def __str__(self) -> str:
        return f"{self.group} → {self.target or self.get_kind_display()}"

    @property
    def target_type(self) -> tuple[str, str]:
        """The kind, and which role: what a rule must have to keep it (SPEC M6, R6)."""
        return self.kind, self.role

    @property
    def target(self) -> Entity | str | None:
        """What the group is mapped to: an entity, once there is one, or the key of a role."""
        return self.role or self.entity

    @property
    def is_synced(self) -> bool:
        return self.status in SYNCED

    @property
    def approved_at(self) -> datetime | None:
        """When it was last approved."""
        return self.switched_at[(len(self.switched_at) - 1) // 2 * 2] if self.switched_at else None

    @property
    def fell_back_at(self) -> datetime | None:
        """Since when it claims nobody, but holds places of those whom it claimed (SPEC M2). None if it holds none."""
        return self.switched_at[-1] if self.fell_back and not self.role else None

    @property
    def fell_back(self) -> bool:
        """Whether it was approved before and may be approved again."""
        return self.status == Status.PENDING and not self.target_deleted and bool(self.switched_at)

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
    """Whether a pushed group has no live mapping, and no admin has rejected one."""
    return ~Exists(_SETTLED.filter(group=OuterRef("pk")))


def takes_rules(*, roles: bool) -> NegatedExpression:
    """Whether the role rules, or those for entities, can be applied to a pushed group (SPEC M5, R6).

    It has no live mapping of theirs, and no admin has rejected one. Only an admin maps a group whose mapping was
    rejected, except that a rule for another target may still map it when a push renames or restores it (SPEC M6).
    """
    theirs = Q(kind=ROLE) if roles else ~Q(kind=ROLE)
    return ~Exists(_SETTLED.filter(theirs, group=OuterRef("pk")))


_SETTLED = GroupMapping.objects.filter(~Q(status=Status.REJECTED) | Q(barred=True))


class Decision(models.Model):
    """Fact: for one person, the mapping `winner` goes before `loser` (SPEC C3). Append-only, except `undone_by`."""

    org = tenant(constrained=False)
    user = tenant_foreign_key(User, related_name="decisions", verbose_name=_("person"))
    winner = tenant_foreign_key(GroupMapping, related_name="decisions_won", verbose_name=_("chosen"))
    loser = tenant_foreign_key(GroupMapping, related_name="decisions_lost", verbose_name=_("instead of"))
    at = models.DateTimeField()
    change = tenant_foreign_key(Change, related_name="+")
    undone_by = tenant_foreign_key(
        Change, null=True, related_name="+", db_index=False, verbose_name=_("undone by the change")
    )

    objects = TenantQuerySet["Decision"].as_manager()

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
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
        return f"{self.user}: {self.winner} before {self.loser}"
