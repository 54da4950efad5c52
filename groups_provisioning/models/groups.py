"""What identity providers push: groups, their members, and groups in groups."""

from collections.abc import Callable
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast, NullIf
from django.utils.translation import gettext_lazy as _

from orgs.db.keys import FoldedField, uuid7
from orgs.db.prepared import Rows
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key
from orgs.models import Change, User

LIVE = "t0.org_id = %s AND t0.deleted_at IS NULL"
"""`for_org(…).live()` for `orgs.db.cached_select`."""


class PushedGroupQuerySet(TenantQuerySet["PushedGroup"]):
    def live(self) -> "PushedGroupQuerySet":
        """The groups that SCIM lists, and whose names are unique (SPEC G2, G4)."""
        return self.filter(deleted_at=None)


class PushedGroup(models.Model):
    """A group as an IdP pushed it. Columns have the same meaning as those of `orgs.User` with the same names.

    roles: what the IdP wrote in the profile's group role attribute; every member has them (SPEC G7). member_count: how
    many users, updated under the row's lock, so that lists never count. out_of_sync: a write was refused while group
    provisioning was off, or members of an import were not named by the push that adopted it, and the full member list
    has not been pushed since (SPEC O3, G2). imported: an import brought it, and no token has written it yet.
    """

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    org = tenant("pushed_groups")
    display_name = models.TextField(_("name"))
    display_name_key = FoldedField("display_name")
    external_id = models.TextField(_("external ID"), blank=True, default="")
    reference = models.TextField(blank=True, default="", db_default="", editable=False)
    imported = models.BooleanField(default=False, db_default=False, editable=False)
    attributes = models.JSONField(blank=True, default=dict)
    folded = models.JSONField(blank=True, default=dict, editable=False)
    extension_urn = models.TextField(blank=True, default="", editable=False)
    roles = ArrayField(models.CharField(max_length=50), blank=True, default=list, verbose_name=_("roles of members"))
    member_count = models.PositiveIntegerField(_("members"), default=0, editable=False)
    out_of_sync = models.BooleanField(default=False)
    created_at = models.DateTimeField(_("created"))
    modified_at = models.DateTimeField(_("last changed"))
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True)
    revision = models.PositiveBigIntegerField(default=1, editable=False)

    listing: Callable[[], Rows] | None = None
    """What gives the members, where the command that wrote the group has asked for them (`actions.members`)."""

    objects = PushedGroupQuerySet.as_manager()

    class Meta:
        verbose_name = _("SCIM group")
        verbose_name_plural = _("SCIM groups")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org", "id"], name="pushed_group_org_id"),
            models.UniqueConstraint(
                fields=["org", "display_name_key"], condition=Q(deleted_at=None), name="pushed_group_name_once"
            ),
            models.UniqueConstraint(
                fields=["org", "reference"],
                condition=Q(deleted_at=None) & ~Q(reference=""),
                name="pushed_group_reference_once",
            ),
            models.CheckConstraint(condition=~Q(display_name=""), name="pushed_group_name_not_empty"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["org", "display_name_key"],
                condition=Q(deleted_at__isnull=False),
                name="pushed_group_name_of_deleted",
            ),
            models.Index(fields=["org", "external_id"], condition=~Q(external_id=""), name="pushed_group_external_id"),
        ]

    def __str__(self) -> str:
        return self.display_name


class GroupMember(models.Model):
    """A user in a pushed group, with the time and the change of adding. Written only by `actions.members`.

    written_at, written_by_id: when the row was written and by which change, by the database. Later than `added_at` and
    `added_by` where a membership was given back with its old ones; null of rows from before that was kept.
    """

    org = tenant(constrained=False)
    group = tenant_foreign_key(PushedGroup, related_name="memberships", db_index=False)
    user = tenant_foreign_key(User, related_name="group_memberships")
    added_at = models.DateTimeField()
    added_by = tenant_foreign_key(Change, related_name="+", db_index=False)
    written_at = models.DateTimeField(
        null=True,
        editable=False,
        db_default=models.Func(function="clock_timestamp", output_field=models.DateTimeField()),
    )
    written_by_id = models.UUIDField(
        null=True,
        editable=False,
        db_default=Cast(
            NullIf(
                models.Func(
                    models.Value("muster.change"),
                    models.Value(True),
                    function="current_setting",
                    output_field=models.TextField(),
                ),
                models.Value(""),
            ),
            models.UUIDField(),
        ),
    )

    objects = TenantQuerySet["GroupMember"].as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["group", "user"], name="group_member_once"),
            TenantKey(field="group", name="group_member_group"),
            TenantKey(field="user", name="group_member_user"),
            TenantKey(field="added_by", name="group_member_added_by", deferred=True),
        ]
        indexes: ClassVar = [
            # Where changes are deleted with their org, each is looked for here.
            models.Index(fields=["added_by"], name="group_member_by_change"),
            models.Index(
                fields=["written_by_id"],
                condition=Q(written_by_id__gt=models.F("added_by")),
                name="group_member_given_back",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.group_id}"


class MemberPast(models.Model):
    """A membership that there was, written by triggers of the database alone (SPEC T3).

    It counted from `written_at` (or, where that is null, `added_at`) until `removed_at`. removed_by: the change that
    removed it; null where no command did. The others are as of `GroupMember`.
    """

    org = tenant(constrained=False)
    group_id = models.UUIDField()
    user_id = models.UUIDField()
    added_at = models.DateTimeField()
    added_by_id = models.UUIDField()
    written_at = models.DateTimeField(null=True)
    written_by_id = models.UUIDField(null=True)
    removed_at = models.DateTimeField()
    removed_by_id = models.UUIDField(null=True)

    objects = TenantQuerySet["MemberPast"].as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["user_id", "removed_at"], name="member_past_user"),
            models.Index(fields=["group_id", "removed_at"], name="member_past_group"),
            models.Index(fields=["org", "removed_at"], name="member_past_of_org"),
            models.Index(
                fields=["removed_by_id"], condition=Q(removed_by_id__isnull=False), name="member_past_by_change"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.group_id} until {self.removed_at}"


class NestedGroup(models.Model):
    """A pushed group that is a member of another: stored and returned, but without effect on people (SPEC G3)."""

    org = tenant(constrained=False)
    group = tenant_foreign_key(PushedGroup, related_name="nested", db_index=False)
    member = tenant_foreign_key(PushedGroup, related_name="nested_in")

    objects = TenantQuerySet["NestedGroup"].as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["group", "member"], name="nested_group_once"),
            TenantKey(field="group", name="nested_group_group"),
            TenantKey(field="member", name="nested_group_member"),
        ]

    def __str__(self) -> str:
        return f"{self.member_id} in {self.group_id}"
