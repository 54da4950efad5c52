"""Pushed groups that were ended by hand, with all that is needed to undo it (SPEC G10).

Written by `actions.group_ends`, and the members by `actions.members`, alone. The rows go when the group is back.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from groups_provisioning.choices import Pending
from groups_provisioning.models.groups import PushedGroup
from groups_provisioning.models.mappings import GroupMapping, Status
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key
from orgs.models import Change, User


class EndedGroup(models.Model):
    """A group that an admin or support ended, which is soft-deleted as one that SCIM deleted is.

    change: which did so. nested, nested_in: the ids of the groups that were in it, and of those that it was in. missed:
    the IdP has written it since, which was refused.
    """

    org = tenant(constrained=False)
    group = tenant_foreign_key(PushedGroup, related_name="ends", db_index=False)
    change = tenant_foreign_key(Change, related_name="+", db_index=False)
    nested = ArrayField(models.UUIDField(), default=list)
    nested_in = ArrayField(models.UUIDField(), default=list)
    missed = models.BooleanField(default=False)

    objects = TenantQuerySet["EndedGroup"].as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["group"], name="ended_group_once"),
            TenantKey(field="group", name="ended_group_group"),
            TenantKey(field="change", name="ended_group_change", deferred=True),
        ]
        indexes: ClassVar = [models.Index(fields=["org"], name="ended_group_of_org")]

    def __str__(self) -> str:
        return str(self.group_id)


class EndedMember(models.Model):
    """A member of a group as it was ended, with the columns of `GroupMember`."""

    org = tenant(constrained=False)
    group = tenant_foreign_key(PushedGroup, related_name="ended_members", db_index=False)
    user = tenant_foreign_key(User, related_name="+")
    added_at = models.DateTimeField()
    added_by = tenant_foreign_key(Change, related_name="+")

    objects = TenantQuerySet["EndedMember"].as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["group", "user"], name="ended_member_once"),
            TenantKey(field="group", name="ended_member_group"),
            TenantKey(field="user", name="ended_member_user"),
            TenantKey(field="added_by", name="ended_member_added_by"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.group_id}"


class EndedMapping(models.Model):
    """A live mapping of a group as it was ended, with the columns of `GroupMapping` that rejecting it changed."""

    org = tenant(constrained=False)
    mapping = tenant_foreign_key(GroupMapping, related_name="ends", db_index=False)
    status = models.CharField(max_length=15, choices=Status.choices)
    reason = models.CharField(max_length=20, choices=Pending.choices, blank=True, default="")
    switched_at = ArrayField(models.DateTimeField(), default=list)
    change = tenant_foreign_key(Change, related_name="+")

    objects = TenantQuerySet["EndedMapping"].as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["mapping"], name="ended_mapping_once"),
            TenantKey(field="mapping", name="ended_mapping_mapping"),
            TenantKey(field="change", name="ended_mapping_change"),
        ]

    def __str__(self) -> str:
        return f"{self.mapping_id}: {self.status}"
