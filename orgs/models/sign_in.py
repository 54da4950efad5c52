"""What is remembered of signing in, and sessions."""

from importlib import import_module
from typing import ClassVar

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models

from orgs.db.keys import uuid7
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key
from orgs.models.people import User

LONGEST_ISSUER = 1000
"""Characters of an issuer's name, so that an index can hold it beside a subject."""
AGENT = 200
"""Characters that are kept of the name that a browser gives itself."""
PROVIDER_SESSION = 255
"""Characters of an IdP's own name of a session: OpenID Connect's `sid` has no limit, SAML's SessionIndex neither."""


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


class Session(AbstractBaseSession):
    """A browser that is signed in (SPEC L7), or about to be. `orgs.web.sessions` writes what the session's data says.

    session_key: a hash of the key, which the browser alone has: whoever reads the database, or a backup, cannot go on
    with anybody's session. user: null until somebody is signed in. seen_at: some minutes old at most, with the address
    and the browser of that request. connection: the org's SSO connection that somebody signed in with; null: with a
    password. provider_session: what the IdP calls its own session, if it said so.
    """

    session_key = models.CharField(max_length=64, primary_key=True, db_collation="C")
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="sessions")
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    address = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=AGENT, blank=True)
    connection = models.UUIDField(null=True)
    provider_session = models.CharField(max_length=PROVIDER_SESSION, blank=True)

    objects: ClassVar = BaseSessionManager()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["connection", "provider_session"],
                condition=models.Q(connection__isnull=False),
                name="session_of_connection",
            )
        ]

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        store: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
        return store
