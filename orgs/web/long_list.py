"""Pages of lists of any length: what is counted, and what can be paged to, ends at a limit that the pages name."""

from functools import cached_property
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet

COUNTED = 10_000  # rows of a list


def count(rows: QuerySet[Any]) -> int:
    """How many rows there are; COUNTED + 1 for any more."""
    return rows.order_by().values("pk")[: COUNTED + 1].count()


class LongList(Paginator):
    """Pages of the first COUNTED rows. total: how many rows there are, where that is known without counting."""

    def __init__(self, rows: QuerySet[Any], per_page: int, *, total: int | None = None) -> None:
        super().__init__(rows, per_page)
        self._rows = rows
        self._total = total

    @cached_property
    def total(self) -> int:
        """All rows; COUNTED + 1 for any more, unless it is known."""
        return count(self._rows) if self._total is None else self._total

    @cached_property
    def count(self) -> int:
        return min(self.total, COUNTED)

    def page(self, number: int | str) -> Page:
        """Their keys first: what else is shown of rows would be made for those on skipped pages too."""
        page = super().page(number)
        first = (page.number - 1) * self.per_page
        keys = list(self._rows.values_list("pk", flat=True)[first : min(first + self.per_page, self.count)])
        rows = {row.pk: row for row in self._rows.filter(pk__in=keys)}
        page.object_list = [rows[key] for key in keys if key in rows]
        return page

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
