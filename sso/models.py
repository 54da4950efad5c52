"""What single sign-on keeps."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orgs.db.keys import uuid7
from orgs.db.sealed import SealedField
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key
from orgs.models.sign_in import LONGEST_ISSUER
from sso.identities import NAME_ID, USUAL_CLAIM


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


class Protocol(models.TextChoices):
    OIDC = "oidc", "OpenID Connect"
    SAML = "saml", "SAML 2.0"


class Connection(models.Model):
    """The one connection of an org to an identity provider (SPEC L2). Written by `sso.connections` alone.

    Its id is in the addresses that are entered at the identity provider, for life; what may change and has to be tested
    is in its revisions. Whether it is active, the org says (`sso_connection`). idp, protocol: in whose words, and for
    what, the pages ask. key, certificate: our own for SAML, made when that is first chosen; the key is sealed, both are
    PEM. creates_people: whether somebody whom SCIM has not made may get an account by signing in (SPEC L5).
    """

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    org = tenant("sso_connections")
    idp = models.CharField(max_length=20, blank=True, default="")
    protocol = models.CharField(max_length=4, choices=Protocol.choices, default=Protocol.OIDC)
    key = SealedField(blank=True, default="", editable=False)
    certificate = models.TextField(blank=True, default="", editable=False)
    creates_people = models.BooleanField(_("creates accounts at sign-in"), default=False)
    created_at = models.DateTimeField(_("created"))

    objects = TenantQuerySet["Connection"].as_manager()

    class Meta:
        verbose_name = _("single sign-on")
        verbose_name_plural = _("single sign-on")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org"], name="sso_connection_one_of_an_org"),
            models.UniqueConstraint(fields=["org", "id"], name="sso_connection_org_id"),
        ]

    def __str__(self) -> str:
        return str(self.org)


class State(models.TextChoices):
    DRAFT = "draft", _("Draft")
    ACTIVE = "active", _("Active")
    PAST = "past", _("Past")


MOST_CERTIFICATES = 10


class Revision(models.Model):
    """How a connection is configured. Written by `sso.connections` and `sso.test_runs` alone.

    Only a draft changes, and what the metadata address of SAML brings: certificates, and when and why not they were
    read. issuer: of SAML the entity ID. name_claim: the claim, or attribute, that holds the userName; empty for the
    usual one. external_id_claim: the one that holds what SCIM calls externalId; empty where none does. tested_at: when
    a test run of just this configuration came to somebody's name; None since it changed (SPEC L3).

    OpenID Connect alone has client_id and client_secret. secret_ends_on: when the identity provider no longer accepts
    the secret, where somebody said so.

    SAML alone has what follows. sso_url: where browsers are sent. certificates: any of which may have signed a
    response, in PEM. metadata_url: which brings them; empty where they were given by hand. signs_requests: whether the
    identity provider wants that. metadata_asked_at, metadata_read_at: when that address was tried last, and when it was
    read. metadata_failure, metadata_detail: why it could not be read since, a `sso.refusals.Reason`; empty if it was.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = tenant(constrained=False)
    connection = tenant_foreign_key(Connection, related_name="revisions")
    state = models.CharField(max_length=6, choices=State.choices, default=State.DRAFT)
    protocol = models.CharField(max_length=4, choices=Protocol.choices, default=Protocol.OIDC)
    issuer = models.CharField(max_length=LONGEST_ISSUER)
    client_id = models.CharField(max_length=255, blank=True, default="")
    client_secret = SealedField(blank=True, default="")
    secret_ends_on = models.DateField(null=True, blank=True)
    name_claim = models.CharField(max_length=100, blank=True, default="")
    external_id_claim = models.CharField(max_length=100, blank=True, default="")
    sso_url = models.CharField(max_length=2048, blank=True, default="")
    certificates = ArrayField(models.TextField(), blank=True, default=list)
    signs_requests = models.BooleanField(default=False)
    metadata_url = models.CharField(max_length=2048, blank=True, default="")
    metadata_asked_at = models.DateTimeField(null=True, editable=False)
    metadata_read_at = models.DateTimeField(null=True, editable=False)
    metadata_failure = models.CharField(max_length=40, blank=True, default="", editable=False)
    metadata_detail = models.CharField(max_length=300, blank=True, default="", editable=False)
    changed_at = models.DateTimeField()
    tested_at = models.DateTimeField(null=True)
    activated_at = models.DateTimeField(null=True)

    objects = TenantQuerySet["Revision"].as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantKey(field="connection", name="sso_revision_connection"),
            models.UniqueConstraint(fields=["org", "id"], name="sso_revision_org_id"),
            models.UniqueConstraint(
                fields=["org", "connection", "state"], condition=~Q(state=State.PAST), name="sso_revision_one_of_each"
            ),
            models.CheckConstraint(
                condition=Q(protocol=Protocol.OIDC, sso_url="", certificates=[], metadata_url="")
                & ~Q(client_id="")
                & ~Q(client_secret="")
                | Q(protocol=Protocol.SAML, client_id="", client_secret="", secret_ends_on=None)
                & ~Q(sso_url="")
                & Q(certificates__len__gte=1, certificates__len__lte=MOST_CERTIFICATES),
                name="sso_revision_has_what_its_protocol_needs",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.issuer} ({self.state})"

    @property
    def is_saml(self) -> bool:
        return self.protocol == Protocol.SAML

    @property
    def is_pinned_by_hand(self) -> bool:
        """Whether its certificates were given by hand, and have to be renewed in the same way."""
        return self.is_saml and not self.metadata_url

    @property
    def authority(self) -> str:
        """Whose subjects people are linked to. Keycloak, for one, has one name for its issuer and its entity, and calls
        people differently by each protocol: one's subject must never be taken for the other's.
        """
        return f"saml:{self.issuer}" if self.is_saml else self.issuer

    @property
    def user_name_claim(self) -> str:
        """The claim, or attribute, that holds the userName."""
        return self.name_claim or (NAME_ID if self.is_saml else USUAL_CLAIM)


class SeenToken(models.Model):
    """What counts once and has come: a journey's state, a logout token's or an assertion's id. Written by `sso.seen`.

    key: a digest of it, with its connection and kind. until: when it would be too old anyway.
    """

    key = models.CharField(max_length=64, primary_key=True, db_collation="C")
    until = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["until"], name="sso_seen_token_until")]

    def __str__(self) -> str:
        return self.key
