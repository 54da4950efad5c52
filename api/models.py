"""What the API keeps: where webhooks go, and what came of them."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from orgs.db.keys import uuid7
from orgs.db.sealed import SealedField
from orgs.db.tenancy import TenantKey, TenantQuerySet
from orgs.guarded_http import LONGEST_URL
from orgs.models import Organization


def _org(*, constrained: bool = True) -> "models.ForeignKey[Organization | None, Organization | None]":
    """The org whose webhook it is; the operator's have none, and tell of every org."""
    return models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=constrained,
        verbose_name=_("organization"),
    )


class Ending(models.TextChoices):
    """Why a webhook is disabled."""

    ASKED = "asked", _("disabled by somebody")
    GONE = "gone", _("the receiver answered that it is gone")
    FAILING = "failing", _("it has failed for five days")


class EndpointQuerySet(TenantQuerySet["Endpoint"]):
    def of_the_operator(self) -> "EndpointQuerySet":
        """Those that tell of every org."""
        return self.filter(org__isnull=True)


class Endpoint(models.Model):
    """A webhook: an address to which the feed is posted (SPEC E3). Written by `api.webhooks` alone.

    kinds: of resources, by the names of `orgs.feed.NUMBERS`. secret: what messages are signed with, sealed;
    previous_secret: what they are signed with too until previous_until. max_items: of a message. position: in the feed,
    up to which everything was accepted. failures: since the last success, which began at failing_since; retry_at: not
    before then. served_at: when it had its last turn; leased_until: a worker sends to it, or is lost by then.
    """

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    org = _org()
    url = models.CharField(max_length=LONGEST_URL)
    kinds = ArrayField(models.CharField(max_length=20), verbose_name=_("notifies about"))
    secret = SealedField(editable=False)
    previous_secret = SealedField(blank=True, default="", editable=False)
    previous_until = models.DateTimeField(_("previous secret ends"), null=True)
    max_items = models.SmallIntegerField(_("items of a message, at most"))
    position = models.BigIntegerField()
    created_at = models.DateTimeField(_("created"))
    failures = models.IntegerField(_("failures in a row"), default=0)
    failing_since = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(_("next attempt"), null=True)
    served_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(_("disabled since"), null=True)
    disabled_reason = models.CharField(max_length=7, choices=Ending.choices, blank=True, default="")

    objects = EndpointQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        constraints: ClassVar = [models.UniqueConstraint(fields=["org", "id"], name="endpoint_org_id")]

    def __str__(self) -> str:
        return str(self.id)  # an address may be a secret


class Attempt(models.Model):
    """One request of a webhook, kept for thirty days. Written by `api.webhooks` alone; some may be missing.

    message: its `webhook-id`. status: of the answer; null if there was none, for the reason that `error` names. items:
    0 for a test. first, last: positions in the feed; null for a test.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = _org(constrained=False)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="attempts", db_index=False)
    at = models.DateTimeField()
    message = models.CharField(max_length=30)
    items = models.SmallIntegerField()
    first = models.BigIntegerField(null=True)
    last = models.BigIntegerField(null=True)
    status = models.SmallIntegerField(null=True)
    error = models.CharField(max_length=20, blank=True, default="")
    milliseconds = models.IntegerField()

    objects = TenantQuerySet["Attempt"].as_manager()

    class Meta:
        ordering = ("-id",)
        constraints: ClassVar = [TenantKey(field="endpoint", name="attempt_endpoint")]
        indexes: ClassVar = [
            models.Index(fields=["endpoint", "id"], name="attempt_of_endpoint"),
            models.Index(fields=["at"], name="attempt_at"),
        ]

    def __str__(self) -> str:
        return f"{self.at}: {self.status or self.error}"
