"""The tenant, the SCIM dialect of its identity provider, and its roles."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orgs.choices import HoldLimits, RolePolicy
from orgs.db.keys import FoldedField, FoldingQuerySet, uuid7
from orgs.db.tenancy import TenantQuerySet, tenant


class SchemaProfile(models.Model):
    """Which extension schema an org's IdP sends, and which roles exist (SPEC section 2).

    `role_attribute` is in the user extension, or is the core `roles` if there is no extension. `revision` counts the
    edits, so that a process knows when what it compiled from the profile is out of date.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    user_extension = models.CharField(_("user extension schema"), max_length=255, blank=True, default="")
    user_extension_aliases = ArrayField(
        models.CharField(max_length=255), blank=True, default=list, verbose_name=_("other URNs of the user extension")
    )
    group_extension = models.CharField(_("group extension schema"), max_length=255, blank=True, default="")
    group_extension_aliases = ArrayField(
        models.CharField(max_length=255), blank=True, default=list, verbose_name=_("other URNs of the group extension")
    )
    role_attribute = models.CharField(_("attribute with the role"), max_length=100, default="roles")
    role_attribute_is_array = models.BooleanField(_("the attribute holds several roles"), default=True)
    placement_attribute = models.CharField(
        _("attribute with the concurrency group"), max_length=100, blank=True, default=""
    )
    group_role_attribute = models.CharField(
        _("attribute with the roles of members"), max_length=100, blank=True, default=""
    )
    role_policy = models.CharField(
        _("people with several roles"), max_length=10, choices=RolePolicy.choices, default=RolePolicy.HIGHEST
    )
    user_name_is_email = models.BooleanField(_("the userName is an e-mail address"), default=True)
    user_name_is_mutable = models.BooleanField(_("the userName may change"), default=True)
    announces_cursors = models.BooleanField(
        _("announce cursor pagination"),
        default=False,
        db_default=False,
        help_text=_(
            "Lists pagination (RFC 9865) in /ServiceProviderConfig. Older clients then refuse the whole document and "
            "send nothing. Cursors work without being announced."
        ),
    )
    revision = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        ordering = ("name",)
        verbose_name = _("schema profile")
        verbose_name_plural = _("schema profiles")

    def __str__(self) -> str:
        return self.name


class Carrier(models.TextChoices):
    """Which extension of a profile has an attribute."""

    USER = "user", _("User")
    GROUP = "group", _("Group")


class AttributeType(models.TextChoices):
    """The types of RFC 7643 §2.3 that a described attribute may have."""

    STRING = "string", _("string")
    BOOLEAN = "boolean", _("boolean")
    INTEGER = "integer", _("integer")
    DECIMAL = "decimal", _("decimal")
    DATE_TIME = "dateTime", _("dateTime")
    REFERENCE = "reference", _("reference")


class ProfileAttribute(models.Model):
    """One further attribute of an extension, beside those of the role and the placement (SPEC P8).

    Written by `orgs.profiles` alone. case_exact: of strings; references always are (RFC 7643 §2.3.7). What is stored
    may be older than this description, and of any shape (SPEC P3).
    """

    profile = models.ForeignKey(SchemaProfile, on_delete=models.CASCADE, related_name="attributes")
    carrier = models.CharField(_("extension"), max_length=5, choices=Carrier.choices, default=Carrier.USER)
    name = models.CharField(max_length=100)
    name_key = FoldedField("name")
    type = models.CharField(max_length=9, choices=AttributeType.choices, default=AttributeType.STRING)
    multi_valued = models.BooleanField(_("multi-valued"), default=False)
    case_exact = models.BooleanField(_("exact case (caseExact)"), default=False)
    description = models.CharField(_("what it is for"), max_length=255, blank=True, default="")

    objects = FoldingQuerySet["ProfileAttribute"].as_manager()

    class Meta:
        ordering = ("-carrier", "name_key")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["profile", "carrier", "name_key"], name="profile_attribute_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Role(models.Model):
    """One role of a profile. `key` is what IdPs send and facts store, so it never changes; higher ranks come first."""

    profile = models.ForeignKey(SchemaProfile, on_delete=models.CASCADE, related_name="roles")
    key = models.CharField(max_length=50)
    rank = models.PositiveSmallIntegerField(help_text=_("A higher number is a higher role."))
    is_default = models.BooleanField(_("default role"), default=False)
    is_admin = models.BooleanField(
        _("admin role"), default=False, help_text=_("People with this role administer their organization.")
    )

    class Meta:
        ordering = ("profile", "-rank")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["profile", "key"], name="role_key_once"),
            models.UniqueConstraint(fields=["profile", "rank"], name="role_rank_once"),
            models.UniqueConstraint(fields=["profile"], condition=Q(is_default=True), name="role_one_default"),
            models.UniqueConstraint(fields=["profile"], condition=Q(is_admin=True), name="role_one_admin"),
        ]

    def __str__(self) -> str:
        return self.key


class Plan(models.TextChoices):
    FREE = "free", _("Free")
    TEAM = "team", _("Team")
    ENTERPRISE = "enterprise", _("Enterprise")


class Organization(models.Model):
    """A tenant: its plan, its switches, its profile (SPEC O1, O2).

    sso_connection: the id of its connection to an identity provider, while that is active (SPEC L2); with
    `sso_configured` support says that the operator's own product signs the org's people in.
    two_persons: what makes admins waits for a second one (SPEC T6).
    closed_at: when its deletion began (`orgs.deletions`); since then nobody gets in, by token, link or password.
    teams_switched_at and the like: when that kind was switched on and off, in turn (`orgs.spans`). Claims are played
    with these times (SPEC M2).
    """

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=150)
    name_key = FoldedField("name")
    slug = models.SlugField(max_length=80, unique=True, help_text=_("What commands and support call it."))
    plan = models.CharField(max_length=12, choices=Plan.choices, default=Plan.FREE)
    sso_configured = models.BooleanField(_("single sign-on elsewhere"), default=False)
    sso_connection = models.UUIDField(null=True, editable=False)
    profile = models.ForeignKey(
        SchemaProfile, on_delete=models.PROTECT, related_name="orgs", verbose_name=_("schema profile")
    )
    user_provisioning = models.BooleanField(default=False)
    group_provisioning_activated = models.BooleanField(
        _("group provisioning activated by support"),
        default=False,
        help_text=_("Activated by support; the org's admins then switch it on and off."),
    )
    group_provisioning = models.BooleanField(_("group provisioning"), default=False)
    teams = models.BooleanField(default=False)
    concurrency_groups = models.BooleanField(default=False)
    sub_organizations = models.BooleanField(_("sub-organizations"), default=False)
    teams_switched_at = ArrayField(models.DateTimeField(), default=list, blank=True, editable=False)
    concurrency_groups_switched_at = ArrayField(models.DateTimeField(), default=list, blank=True, editable=False)
    sub_organizations_switched_at = ArrayField(models.DateTimeField(), default=list, blank=True, editable=False)
    hold_limits = models.CharField(
        max_length=10,
        choices=HoldLimits.choices,
        default=HoldLimits.STANDARD,
        db_default=HoldLimits.STANDARD,
        editable=False,
    )
    two_persons = models.BooleanField(default=False, db_default=False, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    closed_at = models.DateTimeField(null=True, editable=False)

    objects = FoldingQuerySet["Organization"].as_manager()

    class Meta:
        ordering = ("name_key", "id")
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name_key"], name="org_name_once"),
            models.CheckConstraint(
                condition=Q(group_provisioning=False) | Q(group_provisioning_activated=True),
                name="org_group_provisioning_is_activated_first",
                violation_error_message=_("Activate group provisioning before it is switched on."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_single_sign_on(self) -> bool:
        """Whether its people sign in through an identity provider, as SCIM requires (SPEC O1)."""
        return self.sso_connection is not None or self.sso_configured


class VerifiedDomain(models.Model):
    """A mail domain that belongs to this org and to no other (SPEC O6). `name` is folded.

    by_dns: proved by a DNS record; otherwise support vouches for it. token: the record's own; empty where it is not
    known, of domains that were proved before it was kept. read_at: when the record was last looked for. gone_since:
    since when the DNS has said that it is not there.
    """

    org = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="verified_domains", db_index=False)
    name = models.CharField(max_length=253, db_collation="C")
    verified_at = models.DateTimeField()
    by_dns = models.BooleanField(default=False)
    token = models.CharField(max_length=43, blank=True, default="")
    read_at = models.DateTimeField(null=True)
    gone_since = models.DateTimeField(null=True)

    objects = TenantQuerySet["VerifiedDomain"].as_manager()

    class Meta:
        ordering = ("name",)
        constraints: ClassVar = [models.UniqueConstraint(fields=["org", "name"], name="verified_domain_once")]
        indexes: ClassVar = [models.Index(fields=["name"], name="verified_domain_by_name")]

    def __str__(self) -> str:
        return self.name


class PendingDomain(models.Model):
    """A mail domain that an org claims, until a TXT record with `token` proves it (SPEC O6). `name` is folded.

    It reserves nothing: several orgs may claim one domain. found_at: when its record was seen through a setup link.
    """

    org = tenant("pending_domains")
    name = models.CharField(max_length=253, db_collation="C")
    token = models.CharField(max_length=43)
    asked_at = models.DateTimeField()
    found_at = models.DateTimeField(null=True)

    objects = TenantQuerySet["PendingDomain"].as_manager()

    class Meta:
        ordering = ("name",)
        constraints: ClassVar = [models.UniqueConstraint(fields=["org", "name"], name="pending_domain_once")]

    def __str__(self) -> str:
        return self.name
