"""Who is invited by mail."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orgs.db.keys import FoldedField, uuid7
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key
from orgs.models.people import User


class Ending(models.TextChoices):
    """How an invitation ended. What merely expired can be sent again, and has no ending."""

    ACCEPTED = "accepted", _("Accepted")
    REVOKED = "revoked", _("Revoked")
    DEACTIVATED = "deactivated", _("Ended")
    """With the account of whoever sent it, or of the person who has its address (SPEC U4)."""


class Invitation(models.Model):
    """An address that somebody may join the org with (SPEC U13). Written by `orgs.invitations` alone.

    roles: keys of the org's profile, set by hand on acceptance. days: for how long each mail is good, which ends at
    expires_at. digest: of the secret in the last mail. sent_at: when that was sent; None while it waits. refused: the
    mail server did not take the address. user: who accepted.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = tenant("invitations")
    address = models.CharField(max_length=254)
    address_key = FoldedField("address")
    roles = ArrayField(models.CharField(max_length=50))
    days = models.PositiveSmallIntegerField()
    digest = models.BinaryField(max_length=32, unique=True, null=True, editable=False)
    invited_by = tenant_foreign_key(User, null=True, related_name="+")
    invited_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    refused = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True)
    ending = models.CharField(max_length=11, choices=Ending.choices, blank=True, default="")
    user = tenant_foreign_key(User, null=True, related_name="+")

    objects = TenantQuerySet["Invitation"].as_manager()

    class Meta:
        ordering = ("-invited_at", "-id")
        constraints: ClassVar = [
            TenantKey(field="invited_by", name="invitation_invited_by"),
            TenantKey(field="user", name="invitation_user"),
            models.UniqueConstraint(
                fields=["org", "address_key"], condition=Q(ended_at=None), name="invitation_once_to_an_address"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ending="") | (Q(ended_at__isnull=False) & ~Q(ending="")),
                name="invitation_ended_somehow",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["org", "-invited_at", "-id"], name="invitation_of_org"),
        ]

    def __str__(self) -> str:
        return self.address
