"""The feed of what leaves the portal (SPEC E1), and the history (SPEC E4): what was touched, and in which order."""

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


class HistoryKind(models.IntegerChoices):
    """The kinds of items in the history, which share the outbox with those of `FeedKind`.

    CHANGE: a change, with the ledger entries that were written with it. EFFECTS: entries that were written later.
    """

    CHANGE = 7
    EFFECTS = 8


class FeedTouch(models.Model):
    """The outbox: a resource whose state a transaction may have changed, or what it recorded, until it is stamped.

    Append-only, in that transaction, without a foreign key or an index of its own: no writer reads, locks or waits.
    change_id: why; null where no command is behind it. Of a kind of the history resource_id is the change too;
    first_entry, last_entry, entry_count: as in `HistoryItem`.
    """

    org = tenant(constrained=False)
    kind = models.SmallIntegerField(choices=[*FeedKind.choices, *HistoryKind.choices])
    resource_id = models.UUIDField()
    change_id = models.UUIDField(null=True)
    first_entry = models.BigIntegerField(null=True)
    last_entry = models.BigIntegerField(null=True)
    entry_count = models.IntegerField(null=True)

    objects = TenantQuerySet["FeedTouch"].as_manager()

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.resource_id}"


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


class HistoryItem(models.Model):
    """The place of a change in the history, or of effects that it had later; what it tells is read from its own tables.

    position: as in `FeedItem`, but it never moves. first_entry, last_entry, entry_count: the ledger entries of the
    change from the one id to the other belong to the item, and are so many; null if there are none.
    """

    position = models.BigIntegerField(primary_key=True)
    org = tenant(constrained=False)
    kind = models.SmallIntegerField(choices=HistoryKind.choices)
    change_id = models.UUIDField()
    first_entry = models.BigIntegerField(null=True)
    last_entry = models.BigIntegerField(null=True)
    entry_count = models.IntegerField(null=True)

    objects = TenantQuerySet["HistoryItem"].as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["change_id"], condition=models.Q(kind=HistoryKind.CHANGE), name="history_item_once"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["org", "position"], name="history_item_of_org")]

    def __str__(self) -> str:
        return f"{self.position}: {HistoryKind(self.kind).name} {self.change_id}"


class FeedHead(models.Model):
    """The end of the feed and of the history. One row, which whoever stamps locks.

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
