"""Which orgs are being deleted, and were."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from orgs.db.keys import uuid7
from orgs.models.organizations import Organization
from orgs.models.people import User


class OrgDeletion(models.Model):
    """The operator's record that an org was deleted, and how far that is. Written by `orgs.deletions` alone.

    org: None once it is gone; the row then has nothing of it but name and slug. stage, reached: what is emptied now,
    and up to which key it is. rows: how many were deleted so far.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = models.OneToOneField(Organization, on_delete=models.PROTECT, null=True, related_name="deletion")
    name = models.CharField(max_length=150)
    slug = models.CharField(max_length=80)
    asked_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("deleted by")
    )
    asked_at = models.DateTimeField(_("begun"))
    stage = models.CharField(max_length=63, blank=True, default="")
    reached = models.TextField(blank=True, default="")
    rows = models.PositiveBigIntegerField(_("rows deleted"), default=0)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        ordering = ("-asked_at",)
        verbose_name = _("deleted organization")
        verbose_name_plural = _("deleted organizations")

    def __str__(self) -> str:
        return self.name
