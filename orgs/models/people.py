"""People: the facts that an IdP or an admin states, and the roles that the engine derives from them."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from orgs.activity import Activity
from orgs.db.keys import FoldedField, fold, uuid7
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key
from orgs.db.words import PERSON_WORDS
from orgs.models.organizations import Organization

NAMES = ("user_name", "display_name", "given_name", "family_name")
"""The columns that `label` is made of, in its order."""


def label(user_name: str, display_name: str, given_name: str, family_name: str) -> str:
    """What pages call a person with these names. Only who was erased has none at all."""
    return display_name or f"{given_name} {family_name}".strip() or user_name or gettext("somebody who was erased")


PROVISIONABLE = "t0.org_id = %s AND t0.deleted_at IS NULL AND NOT t0.is_owner"
"""`for_org(…).provisionable()` for `orgs.db.cached_select`."""


class UserQuerySet(TenantQuerySet["User"]):
    def live(self) -> "UserQuerySet":
        """Everybody whom SCIM has not deleted (SPEC U5)."""
        return self.filter(deleted_at=None)

    def provisionable(self) -> "UserQuerySet":
        """The people of an org whom SCIM lists, changes and keeps unique: not the owner (SPEC U3, O8)."""
        return self.filter(deleted_at=None, is_owner=False)

    def with_passwords(self) -> "UserQuerySet":
        """Those whose password counts (SPEC L6), see `User.password_counts`."""
        return self.filter(Q(org__sso_connection=None) | Q(is_owner=True))


class UserManager(BaseUserManager.from_queryset(UserQuerySet)["User"]):  # type: ignore[misc]
    def get_by_natural_key(self, username: str | None) -> "User":
        # Staff alone have an address to themselves; everybody else signs in by way of orgs.sign_in.
        return self.get(login_email=fold(username or ""), is_staff=True)

    def create_superuser(self, login_email: str, password: str | None = None) -> "User":
        """A member of the operator's staff, for `manage.py createsuperuser`. Raises ValidationError."""
        now = timezone.now()
        email = fold(login_email)
        if self.filter(login_email=email, is_staff=True).exists():
            raise ValidationError(_("Somebody of the support staff has this address already."))
        user = User(user_name=login_email, login_email=email, is_staff=True, created_at=now, modified_at=now)
        user.is_superuser = True
        user.set_password(password)
        user.save()
        return user


class User(AbstractBaseUser):
    """Facts about a person. The roles that follow from them are in `Standing`.

    is_superuser, groups: what a member of the support staff may do (`orgs.staff_groups`).
    user_name, external_id, display_name, given_name, family_name: as sent; an empty string means absent. reference: the
    id in a former system, which an import brought (SPEC E6); empty without one. attributes: every other SCIM attribute
    in canonical spelling, extension schemas under their URN. email_keys: the folded values of `emails`. folded:
    everything without a column of its own, its text folded. Both are for filters. extension_urn: the alias of the
    profile's extension that was last written, if any. idp_roles, manual_roles: role keys that the IdP wrote or an admin
    set; None if they set nothing. placement: the concurrency group that the profile's placement attribute names (SPEC
    U10). active: whether they are, which counts everywhere; idp_active: the IdP's last word about it while a decision
    by hand stands over it (`orgs.activity`, SPEC U12). deactivated_at: when the account was deactivated, the last
    times; held memberships end then (SPEC M2). session_epoch is part of every session's hash: incrementing it ends all
    sessions for good (SPEC U4). time_zone: the IANA name of the zone that they read times in; empty: the portal's.
    erased_at: since when nothing is left of a deleted person but the id (SPEC U5), see `Erasure`.
    """

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    org = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="people",
        db_index=False,
        verbose_name=_("organization"),
    )
    is_staff = models.BooleanField(_("support staff"), default=False)
    is_superuser = models.BooleanField(_("superuser"), default=False, db_default=False)
    groups = models.ManyToManyField("auth.Group", blank=True, related_name="+")
    is_owner = models.BooleanField(_("owner"), default=False)

    user_name = models.TextField(_("user name"))
    user_name_key = FoldedField("user_name")
    login_email = models.CharField(_("sign-in address"), max_length=254, null=True, blank=True, db_collation="C")
    external_id = models.TextField(_("external ID"), blank=True, default="")
    reference = models.TextField(_("id in a former system"), blank=True, default="", db_default="", editable=False)
    display_name = models.TextField(blank=True, default="")
    given_name = models.TextField(blank=True, default="")
    family_name = models.TextField(blank=True, default="")
    email_keys = ArrayField(models.TextField(db_collation="C"), blank=True, default=list)
    attributes = models.JSONField(blank=True, default=dict)
    folded = models.JSONField(blank=True, default=dict, editable=False)
    extension_urn = models.TextField(blank=True, default="", editable=False)
    active = models.BooleanField(default=True)
    idp_active = models.BooleanField(_("identity provider says"), null=True, editable=False)
    deactivated_at = ArrayField(models.DateTimeField(), default=list, blank=True, editable=False)
    scim_managed = models.BooleanField(_("managed by SCIM"), default=False)
    idp_roles = ArrayField(
        models.CharField(max_length=50), null=True, blank=True, verbose_name=_("roles from the identity provider")
    )
    manual_roles = ArrayField(
        models.CharField(max_length=50), null=True, blank=True, verbose_name=_("roles set by hand")
    )
    placement = tenant_foreign_key("orgs.Entity", null=True, blank=True, related_name="+")
    deleted_at = models.DateTimeField(_("deleted by SCIM"), null=True, blank=True)
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"))
    modified_at = models.DateTimeField(_("last changed"))
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, default="", db_default="")
    revision = models.PositiveBigIntegerField(default=1, editable=False)
    session_epoch = models.PositiveIntegerField(default=0, editable=False)

    standing: "Standing"
    objects = UserManager()

    USERNAME_FIELD = "login_email"
    EMAIL_FIELD = "login_email"

    class Meta:
        ordering = ("id",)
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org", "id"], name="user_org_id"),
            TenantKey(field="placement", name="user_placement"),
            models.UniqueConstraint(fields=["login_email"], condition=Q(is_staff=True), name="user_staff_address_once"),
            models.UniqueConstraint(
                fields=["org", "user_name_key"],
                condition=Q(deleted_at=None, is_owner=False),
                name="user_name_once_among_people",
            ),
            models.UniqueConstraint(fields=["org"], condition=Q(is_owner=True), name="user_one_owner_per_org"),
            models.UniqueConstraint(
                fields=["org", "reference"], condition=Q(deleted_at=None) & ~Q(reference=""), name="user_reference_once"
            ),
            models.CheckConstraint(
                condition=Q(is_staff=True, org=None) | Q(is_staff=False, org__isnull=False),
                name="user_is_staff_or_of_an_org",
                violation_error_message=_("Support staff belong to no organization; everybody else belongs to one."),
            ),
            models.CheckConstraint(
                condition=Q(erased_at=None) & ~Q(user_name="")
                | Q(erased_at__isnull=False, deleted_at__isnull=False, user_name=""),
                name="user_name_empty_once_erased",
            ),
            models.CheckConstraint(
                condition=Q(deleted_at=None) | Q(active=False, login_email=None), name="user_deleted_is_inactive"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["org", "user_name_key", "id"], name="user_name"),
            # Of those whom SCIM lists: what is skipped or counted is not read.
            models.Index(fields=["org", "id"], condition=Q(deleted_at=None, is_owner=False), name="user_listed"),
            models.Index(fields=["login_email", "id"], name="user_login_email"),
            # None contains `active`: updating an indexed column makes new entries in every index (it is not HOT).
            models.Index(fields=["org"], condition=Q(idp_active__isnull=False), name="user_switched_by_hand"),
            models.Index(fields=["org", "external_id"], condition=~Q(external_id=""), name="user_external_id"),
            GinIndex(fields=["email_keys"], name="user_email_keys"),
            GinIndex(PERSON_WORDS, name="user_words", fastupdate=False),  # without a list of pending rows to search
        ]

    def __str__(self) -> str:
        return self.user_name or self.label

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """Whether Django lets this person sign in."""
        return self.active and self.deleted_at is None

    @property
    def password_counts(self) -> bool:
        """Whether this account signs in with a password (SPEC L6).

        The people of an org do not while it has an active connection to an identity provider, its owner excepted.
        """
        return self.is_owner or self.org is None or self.org.sso_connection is None

    @property
    def activity(self) -> Activity:
        """Whether they are active, and what the IdP says about it (SPEC U12)."""
        return Activity(self.active, self.idp_active)

    @property
    def label(self) -> str:
        """What pages call this person."""
        return label(self.user_name, self.display_name, self.given_name, self.family_name)

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Whether somebody of the support staff has a permission such as `orgs.change_user`."""
        if not (self.is_active and self.is_staff):
            return False
        return self.is_superuser or perm in self._permissions

    @cached_property
    def _permissions(self) -> frozenset[str]:
        """Those of the groups, read once for each request."""
        found = self.groups.values_list("permissions__content_type__app_label", "permissions__codename")
        return frozenset(f"{app}.{codename}" for app, codename in found)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_staff

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # Django's hook, also called with each of SECRET_KEY_FALLBACKS.
        message = f"{self.password}:{self.session_epoch}"
        return salted_hmac("orgs.User.session", message, secret=secret, algorithm="sha256").hexdigest()


class Standing(models.Model):
    """Effect: the roles a person has (SPEC R1). Written by the engine alone."""

    user = models.OneToOneField(
        User, on_delete=models.DO_NOTHING, db_constraint=False, primary_key=True, related_name="standing"
    )
    org = tenant(constrained=False)
    roles = ArrayField(models.CharField(max_length=50))

    objects = TenantQuerySet["Standing"].as_manager()

    class Meta:
        constraints: ClassVar = [TenantKey(field="user", name="standing_user")]
        indexes: ClassVar = [models.Index(fields=["org"], name="standing_of_org")]

    def __str__(self) -> str:
        return ", ".join(self.roles)


class LastAdmin(models.Model):
    """Fact, noted by the engine: who was the last active admin of an org when SCIM took the role away (SPEC R5).

    They keep the role until another active admin exists; then the row is deleted. It is a fact because it cannot be
    derived from what the IdP says now.
    """

    org = models.OneToOneField("orgs.Organization", on_delete=models.PROTECT, primary_key=True, related_name="+")
    user = tenant_foreign_key(User, related_name="+")

    objects = TenantQuerySet["LastAdmin"].as_manager()

    class Meta:
        constraints: ClassVar = [TenantKey(field="user", name="last_admin_user")]

    def __str__(self) -> str:
        return str(self.user_id)
