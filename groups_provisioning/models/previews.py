"""Previews that a worker computes."""

from typing import ClassVar

from django.db import models

from orgs.db.keys import uuid7
from orgs.db.tenancy import TenantQuerySet, tenant


class Preview(models.Model):
    """The effects of a wish (SPEC M9), for more people than one request can process. Deleted after a day.

    people: how many people to process. looked_at: how many were processed. heard_at: when the worker last reported.
    summary: as `preview.runs.Summary` writes it, None until the preview is complete.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = tenant("previews")
    wish = models.JSONField()
    fingerprint = models.CharField(max_length=64)
    asked_at = models.DateTimeField()
    heard_at = models.DateTimeField(null=True)
    people = models.PositiveIntegerField()
    looked_at = models.PositiveIntegerField(default=0)
    summary = models.JSONField(null=True)

    objects = TenantQuerySet["Preview"].as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["org", "fingerprint"], name="preview_of_org"),
            models.Index(fields=["id"], condition=models.Q(summary__isnull=True), name="preview_waiting"),
        ]

    def __str__(self) -> str:
        return str(self.wish.get("do"))
