"""Items of the feed as they leave the portal: in `/changes`, and in webhooks (SPEC E1, E3)."""

from typing import Any

from api import states
from api.serializers import STATES
from orgs import feed
from orgs.db.transactions import snapshot
from orgs.feed import NUMBERS, Item, Look, Page, Range

OF_AN_ORG = frozenset(NUMBERS) - {"organization"}
OF_ALL = frozenset(NUMBERS)
"""The kinds of resources in the feed of one org, and of all."""


def read(range_: Range, limit: int, look: Look) -> tuple[Page, list[dict[str, Any]]]:
    """The first items of a range, with their states, as of one moment. look: at the same range, just before.

    A page may have fewer than `limit` items although there are more: where their attributes are large.
    """
    if not look.is_newer:
        return Page([], look.position, has_more=False), []
    with snapshot():
        page = feed.page(range_, limit)
        found = states.present(page.items)
        fitting = next((n for n, item in enumerate(page.items) if item.resource not in found), len(page.items))
        if fitting < len(page.items):
            items = page.items[:fitting]
            page = Page(items, items[-1].position, has_more=True)
        changes = states.last_changes(page.items)
    serializers = {kind: serializer() for kind, serializer in STATES.items()}
    return page, [
        _item(item, found[item.resource], changes.get(item.resource), serializers[item.kind]) for item in page.items
    ]


def _item(item: Item, found: states.Found, change: dict[str, Any] | None, serializer: Any) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "id": item.id,
        "organization": str(item.org_id),
        "position": item.position,
        "deleted": found.state is None,
        "erased": found.is_erased,
        "state": None if found.state is None else serializer.to_representation(found.state),
        "last_change": change,
    }
