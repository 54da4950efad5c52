"""What the holder of an account proves who they are with, besides the password (SPEC L6)."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orgs.db.keys import uuid7
from orgs.db.sealed import SealedField
from orgs.db.tenancy import TenantKey, TenantQuerySet
from orgs.models.organizations import Organization


def _org() -> "models.ForeignKey[Organization | None, Organization | None]":
    """The org of the account; support staff belong to none."""
    return models.ForeignKey(
        Organization, on_delete=models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )


class FactorKind(models.TextChoices):
    TOTP = "totp", _("Authenticator app")
    PASSKEY = "passkey", _("Passkey")


class SecondFactor(models.Model):
    """An authenticator app or a passkey of an account. Written by `orgs.second_factors` alone.

    name: what its holder calls it. key: the app's, sealed (SPEC L9). last_step: the last step of `orgs.totp` whose code
    was accepted, so that none is accepted twice. credential_id, public_key, sign_count: the passkey's, see
    `orgs.passkeys.Passkey`. used_at: when somebody signed in with it last.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = _org()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="second_factors")
    kind = models.CharField(max_length=7, choices=FactorKind.choices)
    name = models.CharField(max_length=100)
    key = SealedField(blank=True, default="")
    last_step = models.BigIntegerField(null=True)
    credential_id = models.BinaryField(max_length=1023, null=True, unique=True)
    public_key = models.BinaryField(null=True)
    sign_count = models.BigIntegerField(default=0)
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    objects = TenantQuerySet["SecondFactor"].as_manager()

    class Meta:
        ordering = ("id",)
        constraints: ClassVar = [
            TenantKey(field="user", name="second_factor_user"),
            models.CheckConstraint(
                condition=Q(kind=FactorKind.TOTP, credential_id=None, public_key=None, last_step__isnull=False)
                & ~Q(key="")
                | Q(kind=FactorKind.PASSKEY, credential_id__isnull=False, public_key__isnull=False, key=""),
                name="second_factor_is_of_its_kind",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["org"], name="second_factor_of_org")]

    def __str__(self) -> str:
        return self.name


class RecoveryCode(models.Model):
    """A code that signs in once where no second factor is at hand; then the row goes. Written by `orgs.second_factors`.

    digest: its SHA-256, since it has 80 random bits.
    """

    org = _org()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    digest = models.BinaryField(max_length=32)

    objects = TenantQuerySet["RecoveryCode"].as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantKey(field="user", name="recovery_code_user"),
            models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["org"], name="recovery_code_of_org")]

    def __str__(self) -> str:
        return str(self.pk)
