"""When support looked at an org's own pages."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models

from orgs.db.keys import uuid7
from orgs.db.tenancy import TenantQuerySet, tenant
from orgs.models.people import User

LASTS = timedelta(minutes=30)


class SupportView(models.Model):
    """A member of the support staff who sees an org's own pages, as its admins do (SPEC N4).

    Written by `orgs.support_views` alone. ended_at: None while it goes on, and for some seconds after its time is up.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = tenant()
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects = TenantQuerySet["SupportView"].as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["org", "id"], name="support_view_of_org"),
            models.Index(fields=["began_at"], condition=models.Q(ended_at=None), name="support_view_open"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def ends_at(self) -> datetime:
        """When its time is up."""
        return self.began_at + LASTS
