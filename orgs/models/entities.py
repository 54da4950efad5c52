"""The entities that people are members of, and the memberships that admins set by hand."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orgs.choices import EntityKind
from orgs.db.keys import FoldedField, uuid7
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key
from orgs.models.history import Change
from orgs.models.people import User

KIND_SWITCHES = {
    EntityKind.TEAM: "teams",
    EntityKind.CONCURRENCY_GROUP: "concurrency_groups",
    EntityKind.SUB_ORGANIZATION: "sub_organizations",
}
"""The column of `Organization` that switches a kind on; `<column>_switched_at` says when it was switched (SPEC M2)."""


class EntityQuerySet(TenantQuerySet["Entity"]):
    def live(self) -> "EntityQuerySet":
        return self.filter(deleted_at=None)


class Entity(models.Model):
    """A team, a concurrency group or a sub-organization. The root org and the default group have no rows.

    former_keys: its former names, folded, the latest one last; an IdP may still send a name that it was once shown
    (SPEC U10). Written by `orgs.entities` alone.
    """

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    org = tenant("entities")
    kind = models.CharField(max_length=20, choices=EntityKind.choices)
    name = models.CharField(max_length=255)
    name_key = FoldedField("name")
    former_keys = ArrayField(models.TextField(db_collation="C"), blank=True, default=list, editable=False)
    session_limit = models.PositiveIntegerField(
        _("parallel sessions"),
        null=True,
        blank=True,
        help_text=_("Parallel sessions of a concurrency group; empty means no limit."),
    )
    created_at = models.DateTimeField(_("created"))
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True)

    objects = EntityQuerySet.as_manager()

    class Meta:
        verbose_name = _("target")
        verbose_name_plural = _("teams and other targets")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org", "id"], name="entity_org_id"),
            models.UniqueConstraint(
                fields=["org", "kind", "name_key"], condition=Q(deleted_at=None), name="entity_name_once"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="entity_name_not_empty"),
            models.CheckConstraint(
                condition=Q(session_limit=None) | Q(kind=EntityKind.CONCURRENCY_GROUP), name="entity_limit_of_a_pool"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class HandPlacement(models.Model):
    """Fact: an admin added somebody to an entity, or removed them, by hand (SPEC R4).

    A removal lasts until the next SCIM write that names the user or a group they are in.
    """

    org = tenant(constrained=False)
    user = tenant_foreign_key(User, related_name="hand_placements")
    entity = tenant_foreign_key(Entity, related_name="hand_placements")
    placed = models.BooleanField(help_text=_("False: taken out by hand."))
    change = tenant_foreign_key(Change, related_name="+")

    objects = TenantQuerySet["HandPlacement"].as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "entity"], name="hand_placement_once"),
            TenantKey(field="user", name="hand_placement_user"),
            TenantKey(field="entity", name="hand_placement_entity"),
            TenantKey(field="change", name="hand_placement_change", deferred=True),
        ]
        indexes: ClassVar = [
            models.Index(fields=["org", "user"], condition=Q(placed=False), name="hand_removal_of_org"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {'in' if self.placed else 'not in'} {self.entity_id}"
