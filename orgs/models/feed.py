"""The feed of what leaves the portal (SPEC E1): what was touched, and in which order."""

from typing import ClassVar

from django.db import models

from orgs.db.tenancy import TenantQuerySet, tenant


class FeedKind(models.IntegerChoices):
    """The kinds of resources in the feed. Their names in lower case are what the API calls them."""

    PERSON = 1
    TEAM = 2
    CONCURRENCY_GROUP = 3
    SUB_ORGANIZATION = 4
    GROUP = 5
    ORGANIZATION = 6


class FeedTouch(models.Model):
    """The outbox: a resource whose state a transaction may have changed, until it is stamped.

    Append-only, in that transaction, without a foreign key or an index of its own: no writer reads, locks or waits.
    change_id: why; null where no command is behind it.
    """

    org = tenant(constrained=False)
    kind = models.SmallIntegerField(choices=FeedKind.choices)
    resource_id = models.UUIDField()
    change_id = models.UUIDField(null=True)

    objects = TenantQuerySet["FeedTouch"].as_manager()

    def __str__(self) -> str:
        return f"{FeedKind(self.kind).name} {self.resource_id}"


class FeedItem(models.Model):
    """The place of a resource in the feed; its state is read from its own tables.

    position: moves forward whenever the resource was touched, and is never used again. change_id: the last change. An
    item stays when its resource is gone; of a deleted org, that of the org itself alone.
    """

    position = models.BigIntegerField(primary_key=True)
    org = tenant(constrained=False)
    kind = models.SmallIntegerField(choices=FeedKind.choices)
    resource_id = models.UUIDField()
    change_id = models.UUIDField(null=True)

    objects = TenantQuerySet["FeedItem"].as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["org", "kind", "resource_id"], name="feed_item_once")]
        indexes: ClassVar = [models.Index(fields=["org", "position"], name="feed_item_of_org")]

    def __str__(self) -> str:
        return f"{self.position}: {FeedKind(self.kind).name} {self.resource_id}"


class FeedHead(models.Model):
    """The end of the feed. One row, which whoever stamps locks.

    position: the last one given. floor: touches up to this id are looked for only now and then, since dead rows may lie
    there; swept_at: when they last were. epoch: as long as it is the same, no position that was handed out was lost; it
    ends when the database turns out to be another one, by its system_identifier, or to have gone another way, by its
    timeline.
    """

    one = models.BooleanField(primary_key=True, default=True)
    position = models.BigIntegerField()
    floor = models.BigIntegerField(default=0)
    swept_at = models.DateTimeField()
    epoch = models.UUIDField()
    system_identifier = models.BigIntegerField()
    timeline = models.CharField(max_length=8)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(one=True), name="feed_has_one_head")]

    def __str__(self) -> str:
        return str(self.position)
