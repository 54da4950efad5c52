"""What is remembered of signing in."""

from typing import ClassVar

from django.db import models

from orgs.db.keys import uuid7
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key

LONGEST_ISSUER = 1000
"""Characters of an issuer's name, so that an index can hold it beside a subject."""


class SignInFailures(models.Model):
    """How often signing in has failed lately, and until when further attempts wait (SPEC L1).

    subject: a folded address, with the client's IP address; or an account, over all clients. What stands in for the
    accounts of an address that has none is written in the same way, so that it takes as long.
    """

    subject = models.CharField(max_length=300, db_collation="C")
    client = models.CharField(max_length=45, blank=True, db_collation="C")
    failures = models.PositiveIntegerField()
    last_at = models.DateTimeField()
    waits_until = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["subject", "client"], name="sign_in_failures_once")]
        indexes: ClassVar = [models.Index(fields=["last_at"], name="sign_in_failures_last_at")]

    def __str__(self) -> str:
        return self.subject


class IdentityLink(models.Model):
    """Which person an identity provider means by a subject (SPEC L4); it ends with the person's deletion.

    It belongs to the issuer and not to a configuration, so that another issuer starts without any. Each person has one
    by issuer. last_used_at: when they signed in by it last.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = tenant(constrained=False)
    user = tenant_foreign_key("orgs.User", related_name="identity_links")
    issuer = models.CharField(max_length=LONGEST_ISSUER, db_collation="C")
    subject = models.CharField(max_length=255, db_collation="C")
    linked_at = models.DateTimeField()
    last_used_at = models.DateTimeField()

    objects = TenantQuerySet["IdentityLink"].as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantKey(field="user", name="identity_link_user"),
            models.UniqueConstraint(fields=["org", "issuer", "subject"], name="identity_link_subject_once"),
            models.UniqueConstraint(fields=["org", "user", "issuer"], name="identity_link_one_of_a_person"),
        ]

    def __str__(self) -> str:
        return self.subject


class SsoSignIn(models.Model):
    """A browser that came back from the org's identity provider: who it said it was, and what became of it (SPEC L4).

    connection: the id of the connection. name: the userName, where a trusted token said one.
    reason: why it was refused, a `sso.refusals.Reason`; empty if it was not. address: the browser's.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = tenant()
    connection = models.UUIDField()
    at = models.DateTimeField()
    name = models.CharField(max_length=255, blank=True, default="")
    reason = models.CharField(max_length=40, blank=True, default="")
    detail = models.CharField(max_length=300, blank=True, default="")
    address = models.CharField(max_length=45, blank=True, default="")

    objects = TenantQuerySet["SsoSignIn"].as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["org", "-id"], name="sso_sign_in_of_org"),
            models.Index(fields=["at"], name="sso_sign_in_at"),
        ]

    def __str__(self) -> str:
        return str(self.id)
