"""What facts were before: written by triggers of the database alone, so that no writer can forget it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from orgs.db.tenancy import TenantQuerySet


class FactKind(models.TextChoices):
    """The tables of facts whose past is kept, but for members of groups, which have a table of their own."""

    USER = "user"
    HAND = "hand"
    LAST_ADMIN = "last_admin"
    ENTITY = "entity"
    ORGANIZATION = "organization"
    PROFILE = "profile"
    ROLE = "role"
    GROUP = "group"
    NESTED = "nested"
    MAPPING = "mapping"
    RULE = "rule"
    DECISION = "decision"


class Past(models.Model):
    """What one row of facts was before a statement changed it (SPEC T3).

    was: the columns that differed, as `to_jsonb` writes them, without those that are derived or no facts; the whole row
    where it was deleted; null where it did not exist. Facts as of a moment are those of now, with the rows since then
    laid over them, the newest first. row: its key. about: the id of the person, group, entity, org or profile that it
    is a fact about. change_id: the change of the command that wrote it, if it recorded one; null where no command did.
    org: null for profiles and roles, which belong to the operator.
    """

    org = models.ForeignKey(
        "orgs.Organization",
        on_delete=models.DO_NOTHING,
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    kind = models.CharField(max_length=12, choices=FactKind.choices)
    row = models.CharField(max_length=36)
    about = models.UUIDField()
    at = models.DateTimeField()
    change_id = models.UUIDField(null=True)
    was = models.JSONField(null=True)

    objects = TenantQuerySet["Past"].as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["about", "at"], name="past_about"),
            models.Index(fields=["org", "at"], name="past_of_org"),
            models.Index(fields=["change_id"], condition=Q(change_id__isnull=False), name="past_by_change"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.row} before {self.at}"


class PastBegin(models.Model):
    """Since when the past of all facts is kept. One row; whoever drops what is too old moves it first."""

    one = models.BooleanField(primary_key=True, default=True)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(one=True), name="past_has_one_begin")]

    def __str__(self) -> str:
        return str(self.at)
