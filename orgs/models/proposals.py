"""What waits for a second admin (SPEC T6)."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from orgs.db.keys import uuid7
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key
from orgs.models.credentials import ApiKey
from orgs.models.people import User


class ProposalState(models.TextChoices):
    OPEN = "open", _("Waiting")
    APPROVED = "approved", _("Approved")
    REFUSED = "refused", _("Refused")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    EXPIRED = "expired", _("Expired")


class Proposal(models.Model):
    """What an admin, or a key, wants to be done, and what a second admin has to agree to (SPEC T6). Written by
    `orgs.proposals` alone.

    wish: the command, as `groups_provisioning.proposals.wishes` carries it out. fingerprint: of what whoever asked has
    seen of its effects. asked_by: the admin; None where it was asked_key. decided_by: who approved or refused it, one
    of the support staff where no other admin could; None where it was withdrawn or expired. reason: why it was refused,
    in their words. changes: what was recorded when it was carried out.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = tenant()
    wish = models.JSONField()
    fingerprint = models.CharField(max_length=64)
    asked_by = tenant_foreign_key(User, null=True, related_name="+")
    asked_key = tenant_foreign_key(ApiKey, null=True, related_name="+")
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=9, choices=ProposalState.choices, default=ProposalState.OPEN)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=500, blank=True, default="")
    changes = ArrayField(models.UUIDField(), default=list)

    objects = TenantQuerySet["Proposal"].as_manager()

    class Meta:
        ordering = ("-id",)
        constraints: ClassVar = [
            TenantKey(field="asked_by", name="proposal_asked_by"),
            TenantKey(field="asked_key", name="proposal_asked_key"),
            models.CheckConstraint(
                condition=Q(asked_by=None, asked_key__isnull=False) | Q(asked_by__isnull=False, asked_key=None),
                name="proposal_asked_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(state=ProposalState.OPEN, decided_at=None, decided_by=None)
                | (~Q(state=ProposalState.OPEN) & Q(decided_at__isnull=False)),
                name="proposal_open_or_decided",
            ),
            models.CheckConstraint(
                condition=~Q(state=ProposalState.APPROVED)
                | (Q(decided_by__isnull=False) & (Q(asked_by=None) | ~Q(decided_by=F("asked_by")))),
                name="proposal_approved_by_another",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["org", "state"], name="proposal_of_org"),
            models.Index(fields=["id"], condition=Q(state=ProposalState.OPEN), name="proposal_open"),
        ]

    def __str__(self) -> str:
        return str(self.wish.get("do"))
