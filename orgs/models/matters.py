"""What an org's admins should act on, where no other table can say it."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from orgs.db.keys import FoldedField, uuid7
from orgs.db.tenancy import TenantQuerySet, tenant


class MatterKind(models.TextChoices):
    DEAD_TOKEN = "token.dead", _("A token that has ended is still used")
    FOREIGN_ADDRESS = "token.foreign", _("A token is used from an address that it is not allowed")
    TOKEN_IN_CLEAR = "token.clear", _("A token is sent over plain HTTP")
    USER_REFUSED = "user.refused", _("A person could not be created")
    GROUP_REFUSED = "group.refused", _("A group could not be created")
    USER_UNWRITTEN = "user.unwritten", _("A change to a person was refused")
    GROUP_UNWRITTEN = "group.unwritten", _("A change to a group was refused")
    GROUPS_OFF = "groups.off", _("Groups are pushed while group provisioning is off")
    USER_TAKEN = "user.taken", _("A person was deactivated whom SCIM had not made")
    GROUP_ENDED = "group.ended", _("A group that was ended is still written")
    UNDESCRIBED = "attribute.undescribed", _("An attribute that the schema profile does not have")


class Matter(models.Model):
    """Something that an admin should act on (SPEC N1). Written by `orgs.matters` alone.

    subject: what it is about, by kind: the id of a token, the name of a person or group that is not there, the id of
    one that is, an attribute with its URN, or "groups"; the same subject is one row per kind. first_at, last_at, count:
    when it happened, and how often since first_at. request_id: of the last call that shows it in the request log, which
    forgets. detail: what else is to be told, by kind. dismissed_at: an admin has seen it; it stays out of sight while
    it goes on.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = tenant()
    kind = models.CharField(max_length=30, choices=MatterKind.choices)
    subject = models.CharField(max_length=255)
    subject_key = FoldedField("subject")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    count = models.PositiveBigIntegerField(_("times"), default=1)
    request_id = models.UUIDField(null=True)
    detail = models.JSONField(_("details"), default=dict)
    dismissed_at = models.DateTimeField(null=True)

    objects = TenantQuerySet["Matter"].as_manager()

    class Meta:
        ordering = ("-last_at",)
        verbose_name = _("needs attention")
        verbose_name_plural = _("needs attention")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org", "kind", "subject_key"], name="matter_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["last_at"], name="matter_last_at")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.detail.get('name') or self.subject}"
