"""Bearer credentials: the tokens of identity providers, and the keys of whatever else asks the portal."""

from datetime import datetime
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from orgs.db.keys import uuid7
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key
from orgs.models.organizations import Organization
from orgs.models.people import User
from orgs.models.setup_links import SetupLink


class IdentityProvider(models.TextChoices):
    """The identity provider that a token is for, as the admin chose; it has no effect on the protocol."""

    OKTA = "okta", "Okta"
    ENTRA = "entra", "Microsoft Entra ID"
    PINGONE = "pingone", "PingOne"
    JUMPCLOUD = "jumpcloud", "JumpCloud"
    ONELOGIN = "onelogin", "OneLogin"
    GOOGLE = "google", "Google Workspace"
    OTHER = "other", _("Another")


class Credential(models.Model):
    """What a token and a key have in common.

    created_by: the person; null for the command line, a setup link or a key. taken_over_by: who answers for it instead
    of them (`orgs.responsibility`): whoever took it over last, or confirmed it.
    """

    name: "models.CharField[str, str]"
    created_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("created by")
    )
    taken_over_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("responsible for it")
    )

    class Meta:
        abstract = True

    @property
    def answered_by(self) -> User | None:
        """Who answers for it; None where nobody ever did."""
        return self.taken_over_by or self.created_by


class ScimTokenQuerySet(TenantQuerySet["ScimToken"]):
    def valid(self, now: datetime) -> "ScimTokenQuerySet":
        """As `ScimToken.is_valid`."""
        return self.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=now), revoked_at=None)

    def confirmed(self) -> "ScimTokenQuerySet":
        """Those that do not wait, as `ScimToken.waits`."""
        return self.filter(models.Q(setup_link=None) | models.Q(confirmed_at__isnull=False))


class ScimToken(Credential):
    """A credential (SPEC O4). Only a hash of the secret is stored; `hint` is the part that may be shown again.

    networks: in CIDR notation, from which alone it is accepted; empty for any. last_used_*: written outside the
    request, at most once a minute, so they can lag. setup_link: through which it was made, if it was; confirmed_at:
    when an admin then confirmed it (SPEC L8).
    """

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    org = tenant("scim_tokens")
    name = models.CharField(max_length=100)
    idp = models.CharField(
        _("identity provider"), max_length=12, choices=IdentityProvider.choices, default=IdentityProvider.OTHER
    )
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    hint = models.CharField(_("shown as"), max_length=20, editable=False)
    networks = ArrayField(models.CharField(max_length=43), blank=True, default=list)
    created_at = models.DateTimeField(_("created"))
    setup_link = tenant_foreign_key(SetupLink, null=True, related_name="tokens", verbose_name=_("setup link"))
    confirmed_at = models.DateTimeField(_("confirmed"), null=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    revoked_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("revoked by")
    )
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    last_used_address = models.GenericIPAddressField(_("last IP address"), null=True, blank=True)
    last_used_agent = models.CharField(_("last user agent"), max_length=200, blank=True, default="")

    objects = ScimTokenQuerySet.as_manager()

    class Meta(Credential.Meta):
        abstract = False
        ordering = ("-created_at",)
        verbose_name = _("SCIM token")
        verbose_name_plural = _("SCIM tokens")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org", "id"], name="scim_token_org_id"),
            TenantKey(field="setup_link", name="scim_token_setup_link"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def idp_name(self) -> str:
        """The identity provider, for use within a sentence."""
        return str(_("your identity provider") if self.idp == IdentityProvider.OTHER else self.get_idp_display())

    @property
    def waits(self) -> bool:
        """Whether an admin has to confirm it first: until then it changes nothing, and shows nobody (SPEC L8)."""
        return self.setup_link_id is not None and self.confirmed_at is None

    def is_valid(self, now: datetime) -> bool:
        """Whether requests with this token are accepted."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Scope(models.TextChoices):
    """What a key may do (SPEC E5)."""

    READ = "read", _("Read people, groups and their targets")
    MANAGE = "manage", _("Do what admins do")
    CREDENTIALS = "credentials", _("Manage credentials, connections, domains, links, keys and admin roles")
    HISTORY = "history", _("Read the history")
    WEBHOOKS = "webhooks", _("Manage webhooks")


class ApiKeyQuerySet(TenantQuerySet["ApiKey"]):
    def of_the_operator(self) -> "ApiKeyQuerySet":
        """Those that open every org."""
        return self.filter(org__isnull=True)

    def valid(self, now: datetime) -> "ApiKeyQuerySet":
        """As `ApiKey.is_valid`."""
        return self.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=now), revoked_at=None)


class ApiKey(Credential):
    """A key to the API (SPEC E5), kept as a `ScimToken` is. Without an org it is the operator's, for every org."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    org = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="api_keys",
        db_index=False,
        verbose_name=_("organization"),
    )
    name = models.CharField(max_length=100)
    scopes = ArrayField(models.CharField(max_length=11, choices=Scope.choices))
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    hint = models.CharField(_("shown as"), max_length=20, editable=False)
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    revoked_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("revoked by")
    )
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    last_used_address = models.GenericIPAddressField(_("last IP address"), null=True, blank=True)
    last_used_agent = models.CharField(_("last user agent"), max_length=200, blank=True, default="")

    objects = ApiKeyQuerySet.as_manager()

    class Meta(Credential.Meta):
        abstract = False
        ordering = ("-created_at",)
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        constraints: ClassVar = [models.UniqueConstraint(fields=["org", "id"], name="api_key_org_id")]

    def __str__(self) -> str:
        return self.name

    @property
    def scopes_in_words(self) -> list[str]:
        """What it may do."""
        return [str(scope.label) for scope in Scope if scope in self.scopes]

    def is_valid(self, now: datetime) -> bool:
        """Whether requests with this key are accepted."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
