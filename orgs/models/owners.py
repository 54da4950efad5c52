"""What owners are to be told by mail."""

from django.db import models

from orgs.db.keys import uuid7
from orgs.db.tenancy import TenantQuerySet, tenant


class Letter(models.TextChoices):
    FOUNDED = "founded", "founded"
    """To the owner of a new org: a link to set a password."""
    APPOINTED = "appointed", "appointed"
    """To whom the owner account was handed over: the same."""
    FORMER = "former", "former"
    """To the address that it had before."""


class OwnerLetter(models.Model):
    """A mail about the owner account that is still to be sent; then the row goes. Written by `orgs.owners` alone.

    address: to whom. now: the address that the account has.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = tenant()
    kind = models.CharField(max_length=9, choices=Letter.choices)
    address = models.CharField(max_length=254)
    now = models.CharField(max_length=254)

    objects = TenantQuerySet["OwnerLetter"].as_manager()

    class Meta:
        indexes = (models.Index(fields=["org"], name="owner_letter_of_org"),)

    def __str__(self) -> str:
        return self.address
