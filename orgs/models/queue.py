"""Who has to be settled, because of which change, and whose turn it is."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key
from orgs.models.history import Change
from orgs.models.people import User


class Mark(models.Model):
    """A person whom a change may have affected, until a worker has settled them.

    Append-only, in the transaction of the change: no writer ever waits for a worker.
    """

    org = tenant(constrained=False)
    user = tenant_foreign_key(User, related_name="+", db_index=False, verbose_name=_("person"))
    change = tenant_foreign_key(Change, related_name="marks")

    objects = TenantQuerySet["Mark"].as_manager()

    class Meta:
        verbose_name = _("person waiting")
        verbose_name_plural = _("people waiting")
        constraints: ClassVar = [
            TenantKey(field="user", name="mark_user"),
            TenantKey(field="change", name="mark_change", deferred=True),
        ]
        indexes: ClassVar = [models.Index(fields=["org", "user"], name="mark_of_org")]

    def __str__(self) -> str:
        return str(self.user)


class Turn(models.Model):
    """When an org's people were last settled: the org that has waited longest comes next. One row per org.

    It decides the order and nothing else. reached: the last person who was settled; those after them are next, so that
    nobody waits for ever behind people who keep changing. held_reason: why settling last failed; the next attempt is
    not before retry_at.
    """

    org = models.OneToOneField(
        "orgs.Organization",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="turn",
        verbose_name=_("organization"),
    )
    served_at = models.DateTimeField()
    reached = models.UUIDField(null=True, blank=True)
    held_reason = models.TextField(_("on hold because"), blank=True, default="")
    retry_at = models.DateTimeField(null=True, blank=True)

    objects = TenantQuerySet["Turn"].as_manager()

    class Meta:
        verbose_name = _("queue of an organization")
        verbose_name_plural = _("queues of organizations")
        indexes: ClassVar = [models.Index(fields=["served_at"], name="turn_longest_waiting")]

    def __str__(self) -> str:
        return str(self.org)
