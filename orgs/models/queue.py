"""Who has to be settled, and by which change."""

from typing import ClassVar

from django.db import models

from orgs.models.history import Change
from orgs.models.people import User
from orgs.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key


class Mark(models.Model):
    """Somebody whom a change may have affected, until a worker has settled them.

    Append-only, in the transaction of the change: no writer ever waits for a worker.
    """

    org = tenant(constrained=False)
    user = tenant_foreign_key(User, related_name="+", db_index=False)
    change = tenant_foreign_key(Change, related_name="marks")

    objects = TenantQuerySet["Mark"].as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantKey(field="user", name="mark_user"),
            TenantKey(field="change", name="mark_change", deferred=True),
        ]
        indexes: ClassVar = [models.Index(fields=["org", "user"], name="mark_of_org")]

    def __str__(self) -> str:
        return str(self.user_id)
