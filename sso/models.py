"""What single sign-on keeps."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orgs.db.keys import uuid7
from orgs.db.sealed import SealedField
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key


class IssuerDocument(models.Model):
    """What an identity provider publishes at an address, kept for all processes. Written by `sso.issuers` alone.

    body: as it was answered at `read_at`; null while it was never read. asked_at: when it was last asked for. failure,
    detail: why the last request for it was refused, a `sso.refusals.Reason`; empty where it was not.
    """

    url = models.CharField(max_length=2048, primary_key=True, db_collation="C")
    body = models.BinaryField(null=True)
    read_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField()
    failure = models.CharField(max_length=40, default="", blank=True)
    detail = models.CharField(max_length=300, default="", blank=True)

    def __str__(self) -> str:
        return self.url


class Connection(models.Model):
    """The one connection of an org to an identity provider (SPEC L2). Written by `sso.connections` alone.

    It holds nothing but its id, which is in the addresses that are entered at the identity provider, for life; what
    may change is in its revisions.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = tenant("sso_connections")
    created_at = models.DateTimeField()

    objects = TenantQuerySet["Connection"].as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org"], name="sso_connection_one_of_an_org"),
            models.UniqueConstraint(fields=["org", "id"], name="sso_connection_org_id"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class State(models.TextChoices):
    DRAFT = "draft", _("Draft")
    ACTIVE = "active", _("Active")
    PAST = "past", _("Past")


class Revision(models.Model):
    """How a connection is configured, for OpenID Connect. Written by `sso.connections` and `sso.test_runs` alone.

    Only a draft changes. name_claim: the claim that holds the userName; empty for the usual one. tested_at: when a
    test run of just this configuration came to somebody's name; None since it changed (SPEC L3).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = tenant(constrained=False)
    connection = tenant_foreign_key(Connection, related_name="revisions")
    state = models.CharField(max_length=6, choices=State.choices, default=State.DRAFT)
    issuer = models.CharField(max_length=2048)
    client_id = models.CharField(max_length=255)
    client_secret = SealedField()
    name_claim = models.CharField(max_length=100, blank=True, default="")
    changed_at = models.DateTimeField()
    tested_at = models.DateTimeField(null=True)

    objects = TenantQuerySet["Revision"].as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantKey(field="connection", name="sso_revision_connection"),
            models.UniqueConstraint(fields=["org", "id"], name="sso_revision_org_id"),
            models.UniqueConstraint(
                fields=["org", "connection", "state"], condition=~Q(state=State.PAST), name="sso_revision_one_of_each"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.issuer} ({self.state})"


class TestRun(models.Model):
    """A browser on its way to the identity provider and back, which signs nobody in. Written by `sso.test_runs` alone.

    used_at: when the browser came back, which it does once.
    """

    __test__ = False  # for pytest

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = tenant(constrained=False)
    revision = tenant_foreign_key(Revision, related_name="test_runs")
    state = models.CharField(max_length=64)
    nonce = models.CharField(max_length=64)
    verifier = SealedField()
    begun_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    objects = TenantQuerySet["TestRun"].as_manager()

    class Meta:
        constraints: ClassVar = [TenantKey(field="revision", name="sso_test_run_revision")]
        indexes: ClassVar = [
            models.Index(fields=["org", "revision"], name="sso_test_run_of_revision"),
            models.Index(fields=["begun_at"], name="sso_test_run_begun"),
        ]

    def __str__(self) -> str:
        return str(self.id)
