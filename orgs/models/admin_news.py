"""What owner and admins of an org are to be told by mail."""

from typing import ClassVar

from django.db import models

from orgs.db.keys import uuid7
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key
from orgs.models.people import User


class AdminNewsKind(models.TextChoices):
    DOMAIN_ASKED = "domain_asked", "domain asked for"
    """It waits for its DNS record, and is nobody's yet."""
    DOMAIN_ADDED = "domain_added", "domain added"
    """It is verified: by the DNS, or by support."""
    DOMAIN_GONE = "domain_gone", "domain gone"
    """Its DNS record is gone."""
    DOMAIN_REMOVED = "domain_removed", "domain removed"
    ADMIN_MADE = "admin_made", "admin made"
    ADMIN_UNMADE = "admin_unmade", "admin unmade"


class AdminNews(models.Model):
    """Something about who gets access that is still to be told; then the row goes. Written by `orgs.admin_news` alone.

    domain, person: whom or what it is about. by: who did it; null for Muster itself, and for the command line.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = tenant()
    kind = models.CharField(max_length=14, choices=AdminNewsKind.choices)
    domain = models.CharField(max_length=253, blank=True, default="")
    person = tenant_foreign_key(User, null=True, related_name="+")
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()

    objects = TenantQuerySet["AdminNews"].as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantKey(field="person", name="admin_news_person"),
            models.CheckConstraint(
                condition=models.Q(domain="", person__isnull=False) | ~models.Q(domain="") & models.Q(person=None),
                name="admin_news_about_one_thing",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["org"], name="admin_news_of_org")]

    def __str__(self) -> str:
        return self.kind
