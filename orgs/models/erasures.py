"""Who was erased, and what went."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant
from orgs.models.people import User


class Erasure(models.Model):
    """The receipt for a person who was erased (SPEC U5), and until it is complete, what is still to be done.

    name_digest: a keyed hash of the userName (`orgs.erasures.digest`). traces: what to look for elsewhere, as
    `orgs.erasures.begin` writes it; None once there is nothing left to find. step, reached: where the search stands,
    see `scim.erasing`. counts: by table, how many rows were erased or lost something. Written by `orgs.erasures` alone.
    """

    user = models.OneToOneField(
        User, on_delete=models.DO_NOTHING, db_constraint=False, primary_key=True, related_name="erasure"
    )
    org = tenant(constrained=False)
    at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    name_digest = models.BinaryField(max_length=32)
    traces = models.JSONField(null=True)
    step = models.CharField(max_length=50, default="")
    reached = models.UUIDField(null=True)
    counts = models.JSONField(default=dict)

    objects = TenantQuerySet["Erasure"].as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantKey(field="user", name="erasure_user"),
            models.CheckConstraint(
                condition=Q(completed_at=None, traces__isnull=False)
                | Q(completed_at__isnull=False, traces__isnull=True),
                name="erasure_complete_without_traces",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["at"], condition=Q(completed_at=None), name="erasure_under_way")]

    def __str__(self) -> str:
        return str(self.user_id)
