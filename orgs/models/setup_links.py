"""Links by which somebody without an account sets one thing up for an org."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orgs.db.keys import uuid7
from orgs.db.tenancy import TenantQuerySet, tenant
from orgs.models.people import User


class Purpose(models.TextChoices):
    """The one thing that a setup link is for."""

    SSO = "sso", _("Single sign-on")
    SCIM = "scim", _("SCIM provisioning")
    DOMAIN = "domain", _("Domains")
    RENEWAL = "renew", _("Certificate renewal")


class SetupLink(models.Model):
    """A link for one purpose and one browser (SPEC L8). Written by `orgs.setup_links` alone.

    recipient: for whom it was made, as an admin calls them. digest: of the secret in the link. browser: of what the
    browser that opened it was given; None before. last_used_at: when something was last set up through it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = tenant("setup_links")
    purpose = models.CharField(max_length=6, choices=Purpose.choices)
    recipient = models.CharField(max_length=100)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)
    browser = models.BinaryField(max_length=32, null=True, editable=False)
    last_used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = TenantQuerySet["SetupLink"].as_manager()

    class Meta:
        ordering = ("-made_at", "-id")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org", "id"], name="setup_link_org_id"),
            models.UniqueConstraint(
                fields=["org", "purpose"], condition=Q(ended_at=None), name="setup_link_once_for_a_purpose"
            ),
            models.CheckConstraint(
                condition=Q(opened_at=None, browser=None) | Q(opened_at__isnull=False, browser__isnull=False),
                name="setup_link_opened_in_a_browser",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}: {self.recipient}"
