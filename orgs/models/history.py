"""What was done, by whom, and with what effects: it answers every *why*. Kept for ever, unless HISTORY_DAYS is set."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from orgs.change_details import LISTS, SUBJECTS
from orgs.db.keys import uuid7
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key
from orgs.models.people import User


class Door(models.TextChoices):
    """Where a command came in."""

    SCIM = "scim", _("SCIM")
    PAGE = "page", _("Portal")
    LINK = "link", _("Setup link")
    API = "api", _("API")
    ADMIN = "admin", _("Support")
    COMMAND = "command", _("Command line")
    CLOCK = "clock", _("Muster itself")


# Indexed expressions, for queries on history.
FAMILY = Func(F("verb"), Value("."), Value(1), function="split_part", output_field=models.TextField())
"""The first part of a verb: `user` in `user.created`."""
SUBJECT = Coalesce(*(KeyTextTransform(key, "detail") for key in SUBJECTS))
"""The ID of the subject of a change."""
PLACES = ("team", "concurrency_group", "sub_organization")
"""The ledger slots that hold the ID of an entity."""
BY = ("by_token", "by_person", "by_key")
"""The foreign keys of a change that say who asked for it."""


def with_causers(change: str) -> tuple[str, ...]:
    """The paths for `select_related` of a foreign key to a change, and of who asked for it."""
    return (change, *(f"{change}__{who}" for who in BY))


class Change(models.Model):
    """One command that was carried out, written in its own transaction.

    by_token, by_person or by_key says who; none of them means the command line or the clock. by_person may be support
    staff, and by_key a key of the operator's, who belong to no org. request_id is the ID in the request log, whose
    entries expire; nothing joins the two. verb and detail: one of `orgs.change_details`, with the data needed to
    describe the change in words; never a secret.
    """

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    org = tenant("changes")
    at = models.DateTimeField()
    door = models.CharField(_("through"), max_length=10, choices=Door.choices)
    by_token = tenant_foreign_key(
        "orgs.ScimToken", null=True, related_name="changes", verbose_name=_("by the SCIM token")
    )
    by_person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="changes",
        verbose_name=_("by the person"),
    )
    # Without a constraint, and so without an index: a key outlives the changes that were made with it.
    by_key = models.ForeignKey(
        "orgs.ApiKey",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
        verbose_name=_("by the API key"),
    )
    request_id = models.UUIDField(_("request ID"), null=True)
    verb = models.CharField(_("kind of change"), max_length=50)
    detail = models.JSONField(_("details"), default=dict)

    objects = TenantQuerySet["Change"].as_manager()

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org", "id"], name="change_org_id"),
            TenantKey(field="by_token", name="change_by_token"),
        ]
        indexes: ClassVar = [
            models.Index("org", FAMILY, "id", name="change_family"),
            models.Index("org", SUBJECT, "id", name="change_subject"),
            GinIndex(
                fields=["detail"],
                opclasses=["jsonb_path_ops"],
                condition=Q(detail__has_any_keys=LISTS),
                name="change_lists",
            ),
        ]

    def __str__(self) -> str:
        return self.verb


class LedgerEntry(models.Model):
    """One effect of a change on one person: `slot` went from `was` to `now`.

    slot: `account`, `idp_active` (what the IdP says of somebody deactivated by hand), `roles`, `refused` (SPEC U4),
    `last_admin` (SPEC R5: kept or gone), or an entity's kind. was, now: JSON; null if there was no value.
    """

    org = tenant(constrained=False)
    change = tenant_foreign_key(Change, related_name="entries", db_index=False)
    user = tenant_foreign_key(User, related_name="ledger", verbose_name=_("person"))
    slot = models.CharField(_("effect on"), max_length=20)
    was = models.JSONField(_("before"), null=True)
    now = models.JSONField(_("after"), null=True)

    objects = TenantQuerySet["LedgerEntry"].as_manager()

    class Meta:
        verbose_name = _("effect")
        verbose_name_plural = _("effects")
        constraints: ClassVar = [
            TenantKey(field="change", name="ledger_change"),
            TenantKey(field="user", name="ledger_user"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["change", "id"], name="ledger_of_change"),
            # Who joined an entity and who left it, change by change.
            models.Index(
                fields=["org", "now", "change"], condition=Q(slot__in=PLACES, now__isnull=False), name="ledger_came"
            ),
            models.Index(
                fields=["org", "was", "change"], condition=Q(slot__in=PLACES, was__isnull=False), name="ledger_left"
            ),
            models.Index(fields=["org", "change"], condition=Q(slot="refused"), name="ledger_refused"),
            models.Index(fields=["org", "now"], condition=Q(slot="last_admin"), name="ledger_last_admin"),
        ]

    def __str__(self) -> str:
        return f"{self.slot}: {self.was} -> {self.now}"


class SupportNotice(models.Model):
    """Support was told of a ledger entry by mail."""

    entry = models.OneToOneField(LedgerEntry, on_delete=models.PROTECT, primary_key=True, related_name="notice")
    told_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.entry_id)
