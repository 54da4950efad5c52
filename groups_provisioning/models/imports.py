"""Imports of people, groups and memberships (SPEC E6)."""

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orgs.db.keys import FoldedField, uuid7
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key


class Phase(models.TextChoices):
    """Where an import is. CHECKED waits for somebody's word; the last three are ends."""

    CHECKING = "checking", _("Being checked")
    CHECKED = "checked", _("Checked")
    IMPORTING = "importing", _("Being imported")
    DONE = "done", _("Imported")
    CANCELLED = "cancelled", _("Cancelled")
    FAILED = "failed", _("Stopped by an error")


class Kind(models.IntegerChoices):
    """What a row is about, in the order in which they are taken: members need people and groups."""

    PERSON = 1, _("Person")
    GROUP = 2, _("Group")
    MEMBERSHIP = 3, _("Membership")


class Verdict(models.TextChoices):
    """What becomes, or became, of a row."""

    NEW = "new", _("New")
    CHANGED = "changed", _("Changed")
    UNCHANGED = "unchanged", _("Unchanged")
    AMBIGUOUS = "ambiguous", _("Ambiguous")
    REFUSED = "refused", _("Refused")


class Import(models.Model):
    """A file that somebody gave to be imported. Deleted after some days; history keeps what came of it.

    name: of the file. makes_admins: rows may give the admin role. rows: how many there are; reached_kind, reached_id:
    the last row that the phase has taken; taken: how many it has. served_at: when a worker last took some. door,
    by_person, by_key: who asked.
    """

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    org = tenant("imports")
    name = models.CharField(_("file"), max_length=200)
    phase = models.CharField(_("status"), max_length=10, choices=Phase.choices)
    makes_admins = models.BooleanField()
    rows = models.PositiveIntegerField(default=0)
    taken = models.PositiveIntegerField(_("rows done"), default=0)
    reached_kind = models.PositiveSmallIntegerField(default=0)
    reached_id = models.BigIntegerField(default=0)
    door = models.CharField(max_length=10)
    by_person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    by_key = models.ForeignKey("orgs.ApiKey", on_delete=models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField()
    served_at = models.DateTimeField()
    ended_at = models.DateTimeField(_("ended"), null=True)

    objects = TenantQuerySet["Import"].as_manager()

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org", "id"], name="import_org_id"),
            models.UniqueConstraint(
                fields=["org"], condition=Q(phase__in=[Phase.CHECKING, Phase.IMPORTING]), name="import_one_at_a_time"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=Q(phase__in=[Phase.CHECKING, Phase.IMPORTING]), name="import_waiting")
        ]

    def __str__(self) -> str:
        return self.name


class ImportRow(models.Model):
    """One fact that the file states, and what becomes of it.

    place: the row of a CSV file, or the number of a JSON resource, from 1. name: a userName, the name of a group, or
    what a membership calls the member. group: of a membership, what it calls the group. facts: the other columns of the
    person or the group; empty once the row is final: refused when it was read, or imported. verdict: None until a
    phase has taken the row. told: why, or what differs (`judge`). subject: the id of the person or group
    that the row is about, if there is one.
    """

    org = tenant(constrained=False)
    run = tenant_foreign_key(Import, related_name="+", db_index=False)
    kind = models.PositiveSmallIntegerField(choices=Kind.choices)
    place = models.PositiveIntegerField()
    name = models.TextField()
    name_key = FoldedField("name")
    external_id = models.TextField(default="")
    reference = models.TextField(default="")
    group = models.TextField(default="")
    facts = models.JSONField(default=dict)
    verdict = models.CharField(max_length=10, choices=Verdict.choices, null=True)  # noqa: DJ001 - none yet
    told = models.JSONField(default=dict)
    subject = models.UUIDField(null=True)
    is_final = models.BooleanField(default=False)

    objects = TenantQuerySet["ImportRow"].as_manager()

    class Meta:
        constraints: ClassVar = [TenantKey(field="run", name="import_row_run")]
        indexes: ClassVar = [
            models.Index(fields=["run", "kind", "id"], name="import_row_order"),
            models.Index(fields=["run", "kind", "name_key"], name="import_row_name"),
            models.Index(
                fields=["run", "kind", "external_id"], condition=~Q(external_id=""), name="import_row_external_id"
            ),
            models.Index(fields=["run", "kind", "reference"], condition=~Q(reference=""), name="import_row_reference"),
            models.Index(
                fields=["run", "kind", "subject"], condition=Q(subject__isnull=False), name="import_row_subject"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.place}: {self.name}"

    def judge(self, verdict: Verdict, *, subject: UUID | None = None, **told: Any) -> None:
        """Set what becomes of the row. told: `why`, a word that pages put into a sentence, and what belongs to it."""
        self.verdict, self.subject, self.told = verdict, subject, told
