"""Pages of lists of any length: what is counted, and what can be paged to, ends at a limit that the pages name."""

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet

COUNTED = 10_000  # rows of a list


def count(rows: QuerySet[Any]) -> int:
    """How many rows there are; COUNTED + 1 for any more."""
    return rows.order_by().values("pk")[: COUNTED + 1].count()


class LongList(Paginator):  # type: ignore[type-arg]
    """Pages of the first COUNTED rows. total: how many rows there are, where that is known without counting."""

    def __init__(self, rows: QuerySet[Any], per_page: int, *, total: int | None = None) -> None:
        super().__init__(rows, per_page)
        self._total = total

    @cached_property
    def total(self) -> int:
        """All rows; COUNTED + 1 for any more, unless it is known."""
        return count(self.object_list) if self._total is None else self._total  # type: ignore[arg-type]

    @cached_property
    def count(self) -> int:  # type: ignore[override]
        return min(self.total, COUNTED)

    @property
    def limit(self) -> int:
        return COUNTED

    @property
    def is_cut(self) -> bool:
        """Whether there are rows beyond the last page."""
        return self.total > COUNTED

    @property
    def is_counted(self) -> bool:
        return self._total is not None or not self.is_cut
