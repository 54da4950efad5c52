"""The request log: the requests of identity providers and the responses."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key
from orgs.models import IdentityProvider, Organization, ScimToken, User


class RequestLog(models.Model):
    """One SCIM call. Written by `scim.request_log` alone; lossy, deleted after SCIM_LOG_DAYS, referenced by nothing.

    The table is partitioned by `id`, a UUIDv7 made when the request arrived: order by id is order in time, and looking
    an id up reads one partition (`scim.partitions`). org, token: unknown if the call was not authenticated; they may
    have been deleted since. path: with its query string. operation: `user.create`. target: the id or name that the call
    was about. duration: microseconds. Sizes: of the bodies, in bytes. method is empty if the row reports calls that
    were not recorded.
    """

    id = models.UUIDField(_("request ID"), primary_key=True, editable=False)
    org = models.ForeignKey(
        Organization,
        on_delete=models.DO_NOTHING,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("organization"),
    )
    token = models.ForeignKey(
        ScimToken,
        on_delete=models.DO_NOTHING,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("sent by"),
    )
    at = models.DateTimeField()
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=1000)
    operation = models.CharField(max_length=50)
    target = models.CharField(max_length=255)
    status = models.PositiveSmallIntegerField()
    scim_type = models.CharField(_("error type"), max_length=30)
    detail = models.CharField(max_length=1000)
    duration = models.PositiveIntegerField(_("duration in microseconds"))
    address = models.GenericIPAddressField(_("IP address"), null=True)
    agent = models.CharField(_("user agent"), max_length=200)
    request_size = models.PositiveIntegerField(_("bytes of the body"))
    response_size = models.PositiveIntegerField(_("bytes of the body"))

    objects = TenantQuerySet["RequestLog"].as_manager()
    body: "RequestLogBody"

    class Meta:
        verbose_name = _("request")
        verbose_name_plural = _("request log")
        ordering = ("-id",)
        indexes: ClassVar = [
            models.Index(fields=["org", "id"], name="request_log_of_org"),
            models.Index(fields=["id"], condition=models.Q(status__gte=400), name="request_log_errors"),
            models.Index(fields=["org", "target", "id"], name="request_log_target"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"


class RequestDay(models.Model):
    """How many SCIM calls an org had on a day in UTC. Written by `scim.request_days` alone; as lossy as the log.

    refused, failed: of the calls, those with a status of 4xx and of 5xx. wrote_at: the last call that changed something
    successfully, None if none did.
    """

    org = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="request_days", db_index=False)
    day = models.DateField()
    calls = models.PositiveBigIntegerField()
    refused = models.PositiveBigIntegerField()
    failed = models.PositiveBigIntegerField()
    wrote_at = models.DateTimeField(null=True)

    objects = TenantQuerySet["RequestDay"].as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["org", "day"], name="request_day_once")]

    def __str__(self) -> str:
        return f"{self.org_id} {self.day}"


class IdpDay(models.Model):
    """What an identity provider did on a day in UTC. Written by `scim.idp_days` alone; as lossy as the log.

    hours: a bit for each hour in which it sent anything, the lowest for the first. people, members: whether it added
    and removed any, as effects of what it wrote: people who became active or no longer are, members of groups.
    """

    org = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="idp_days", db_index=False)
    idp = models.CharField(max_length=12, choices=IdentityProvider.choices)
    day = models.DateField()
    hours = models.PositiveIntegerField(default=0)
    people_added = models.BooleanField(default=False)
    people_removed = models.BooleanField(default=False)
    members_added = models.BooleanField(default=False)
    members_removed = models.BooleanField(default=False)

    objects = TenantQuerySet["IdpDay"].as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["org", "idp", "day"], name="idp_day_once")]

    def __str__(self) -> str:
        return f"{self.org_id} {self.idp} {self.day}"


class OverviewVisit(models.Model):
    """When an admin last opened the overview. Written by `scim.overview_visits` alone.

    seen_at: the last time. since: when the visit before this one ended; None during the first.
    """

    org = tenant(constrained=False)
    user = tenant_foreign_key(User, related_name="+", db_index=False)
    seen_at = models.DateTimeField()
    since = models.DateTimeField(null=True)

    objects = TenantQuerySet["OverviewVisit"].as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantKey(field="user", name="overview_visit_user"),
            models.UniqueConstraint(fields=["org", "user"], name="overview_visit_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.seen_at}"


class FilterCopies(models.Model):
    """How far the documents that filters read are made by what an org's profile describes now (`scim.filter_copies`).

    kind: "User" or "Group". description: of which they are made, or are being made (`scim.mapping.filters`). after: the
    resource up to which they are, None at the beginning. changed: whether this round has found one of another form.
    done: a round has found none.
    """

    org = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="filter_copies", db_index=False)
    kind = models.CharField(max_length=5)
    description = models.CharField(max_length=64)
    after = models.UUIDField(null=True)
    changed = models.BooleanField(default=False)
    done = models.BooleanField(default=False)

    objects = TenantQuerySet["FilterCopies"].as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["org", "kind"], name="filter_copies_once")]

    def __str__(self) -> str:
        return f"{self.org_id} {self.kind}"


class RequestLogBody(models.Model):
    """The redacted bodies of a call, in a table of their own so that lists stay narrow. Partitioned like the log."""

    log = models.OneToOneField(
        RequestLog,
        on_delete=models.DO_NOTHING,
        primary_key=True,
        db_column="id",
        db_constraint=False,
        related_name="body",
    )
    request = models.TextField()
    response = models.TextField()

    class Meta:
        verbose_name = _("bodies of a request")
        verbose_name_plural = _("bodies of requests")

    def __str__(self) -> str:
        return str(self.pk)
