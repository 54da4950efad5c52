"""What identity providers would take away or give too much of at once (SPEC T1). `engine.holds` alone writes these."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from orgs.choices import HoldLimits
from orgs.db.keys import uuid7
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant, tenant_foreign_key
from orgs.models import Change, ScimToken, User


class BreachState(models.TextChoices):
    """ASSESSING: it may come to be too much. OPEN: it is, and an admin has to decide."""

    ASSESSING = "assessing"
    OPEN = "open"
    ENDED = "ended"


class Breach(models.Model):
    """What one token does comes to too much, or may: whoever is concerned is held.

    rules: what was exceeded, as `engine.breaker.Rule`; opened_at: when the last of them was. assessed_from: since when
    people are put aside until the org's marks up to last_mark are worked off; null if none are. reset_at: when an admin
    let everything through, from which on the token's changes count anew.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = tenant()
    token = tenant_foreign_key(ScimToken, related_name="+")
    state = models.CharField(max_length=10, choices=BreachState.choices)
    rules = ArrayField(models.CharField(max_length=20), default=list)
    began_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)
    assessed_from = models.DateTimeField(null=True)
    last_mark = models.BigIntegerField()
    reset_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = TenantQuerySet["Breach"].as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org", "id"], name="breach_org_id"),
            models.UniqueConstraint(
                fields=["token"], condition=~Q(state=BreachState.ENDED), name="breach_one_of_a_token"
            ),
            TenantKey(field="token", name="breach_token"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["org"], condition=~Q(state=BreachState.ENDED), name="breach_going_on")
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_by_support_alone(self) -> bool:
        """Whether nothing was too much, and support wants it held."""
        return self.rules == ["support"]


class Hold(models.Model):
    """Fact: somebody keeps the effects that they had when a mass change would have altered them.

    change: what the identity provider did. kept: `roles`, and `places` as lists of entity, kind, source and mapping.
    released: the facts count again; the row is deleted when the person is settled. waited_from: when the first of the
    changes was that had not taken effect for them yet; whoever is added to a group again that they have left since has
    their old time there (`actions.members`). Null where a former version wrote it.
    """

    user = models.OneToOneField(
        User, on_delete=models.DO_NOTHING, db_constraint=False, primary_key=True, related_name="hold"
    )
    org = tenant(constrained=False)
    breach = tenant_foreign_key(Breach, related_name="holds", db_index=False)
    change = tenant_foreign_key(Change, related_name="+")
    at = models.DateTimeField()
    waited_from = models.DateTimeField(null=True)
    kept = models.JSONField()
    released = models.BooleanField(default=False)

    objects = TenantQuerySet["Hold"].as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantKey(field="user", name="hold_user"),
            TenantKey(field="breach", name="hold_breach"),
            TenantKey(field="change", name="hold_change", deferred=True),
        ]
        indexes: ClassVar = [models.Index(fields=["breach", "user"], name="hold_of_breach")]

    def __str__(self) -> str:
        return str(self.user_id)


class Taken(models.Model):
    """Somebody from whom a token took something, or to whom it gave the admin role, held or not.

    It counts for minutes, and is deleted at night.

    places, roles: what was taken, by the ids of entities and the keys of roles. promoted: whether they were to get the
    admin role.
    """

    org = tenant(constrained=False)
    token = tenant_foreign_key(ScimToken, related_name="+", db_index=False)
    user = tenant_foreign_key(User, related_name="+")
    at = models.DateTimeField()
    places = ArrayField(models.UUIDField())
    roles = ArrayField(models.CharField(max_length=50))
    promoted = models.BooleanField()

    objects = TenantQuerySet["Taken"].as_manager()

    class Meta:
        verbose_name_plural = "taken"
        constraints: ClassVar = [
            TenantKey(field="token", name="taken_token"),
            TenantKey(field="user", name="taken_user"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["token", "at"], name="taken_by_token"),
            models.Index(fields=["at"], name="taken_at"),
        ]

    def __str__(self) -> str:
        return str(self.user_id)


class Excess(models.Model):
    """A token did more within the window than some limits allow, be they the org's or not: what they would hold.

    One a minute at most for each of them, as long as it goes on. It is deleted after weeks. limits: their name.
    """

    org = tenant(constrained=False)
    token = tenant_foreign_key(ScimToken, related_name="+", db_index=False)
    limits = models.CharField(max_length=10, choices=HoldLimits.choices)
    at = models.DateTimeField()

    objects = TenantQuerySet["Excess"].as_manager()

    class Meta:
        verbose_name_plural = "excesses"
        constraints: ClassVar = [TenantKey(field="token", name="excess_token")]
        indexes: ClassVar = [models.Index(fields=["org", "at"], name="excess_of_org")]

    def __str__(self) -> str:
        return f"{self.limits} at {self.at}"
