"""Effects: memberships and open conflicts. Only `groups_provisioning.engine.reconcile` writes them."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from groups_provisioning.models.mappings import GroupMapping
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key
from orgs.models import Entity, EntityKind, User


class Source(models.TextChoices):
    """Where a membership comes from."""

    CLAIM = "claim", _("SCIM group")
    HELD = "held", _("SCIM group, held")
    ATTRIBUTE = "attribute", _("SCIM attribute")
    HAND = "hand", _("By hand")


class Membership(models.Model):
    """Somebody's membership in an entity. The root org and the default concurrency group have no rows (SPEC R2).

    mapping: for a claim or a held place; an entity has one owner, so there is at most one mapping. Inactive people keep
    their memberships, without effect outside the portal (SPEC U4).
    """

    org = tenant(constrained=False)
    user = tenant_foreign_key(User, related_name="places", db_index=False, verbose_name=_("person"))
    entity = tenant_foreign_key(Entity, related_name="memberships", verbose_name=_("assigned to"))
    kind = models.CharField(max_length=20, choices=EntityKind.choices)
    source = models.CharField(max_length=10, choices=Source.choices)
    mapping = tenant_foreign_key(GroupMapping, null=True, related_name="+", db_index=False)

    objects = TenantQuerySet["Membership"].as_manager()

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "entity"], name="membership_once"),
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(kind=EntityKind.CONCURRENCY_GROUP),
                name="membership_one_concurrency_group",
            ),
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(kind=EntityKind.SUB_ORGANIZATION),
                name="membership_one_sub_organization",
            ),
            TenantKey(field="user", name="membership_user"),
            TenantKey(field="entity", name="membership_entity"),
            TenantKey(field="mapping", name="membership_mapping"),
        ]
        # Where mappings are deleted with their org, each is looked for here.
        indexes: ClassVar = [models.Index(fields=["mapping"], name="membership_by_mapping")]

    def __str__(self) -> str:
        return f"{self.user} in {self.entity}"


class Conflict(models.Model):
    """A claim that others keep out without a decision (SPEC C3): one card for the person and the claim.

    holders: the mappings that hold against it, in the order of their ids. since: when the incoming claim began.
    """

    org = tenant(constrained=False)
    user = tenant_foreign_key(User, related_name="conflicts", db_index=False, verbose_name=_("person"))
    incoming = tenant_foreign_key(GroupMapping, related_name="conflicts", verbose_name=_("incoming mapping"))
    holders = ArrayField(models.UUIDField(), verbose_name=_("current mappings"))
    since = models.DateTimeField()

    objects = TenantQuerySet["Conflict"].as_manager()

    class Meta:
        verbose_name = _("conflict")
        verbose_name_plural = _("conflicts")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "incoming"], name="conflict_once"),
            TenantKey(field="user", name="conflict_user"),
            TenantKey(field="incoming", name="conflict_incoming"),
        ]
        indexes: ClassVar = [models.Index(fields=["org", "since", "id"], name="conflict_of_org")]

    def __str__(self) -> str:
        return f"{self.user}: {self.incoming}"
