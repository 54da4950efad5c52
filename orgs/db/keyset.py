"""Long lists, read in chunks: each starts after the last key of the one before (SPEC S9).

Cursors of the database need a session of their own, which a pooler does not give; OFFSET reads again what was read; a
whole list in memory grows with the org. A chunk costs the same wherever it is, if an index has the keys.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Q, QuerySet

CHUNK = 2000  # rows


def chunks(
    rows: QuerySet[Any], columns: Sequence[str], *, tie: str, by: str | None = None, size: int = CHUNK
) -> Iterator[list[tuple[Any, ...]]]:
    """These columns of the rows, at most `size` rows at a time; nothing if there are none.

    They are in the order of `by`, and of `tie` where that is equal; neither is ever null, and together they are unique.
    Rows that change place meanwhile may be missing or come twice.
    """
    keys = (tie,) if by is None else (by, tie)
    ordered = rows.order_by(*keys).values_list(*columns, *keys)
    found = list(ordered[:size])
    while found:
        yield [row[: len(columns)] for row in found]
        if len(found) < size:
            return
        *first, last = found[-1][len(columns) :]
        if by is None:
            ahead = Q(**{f"{tie}__gt": last})
        else:  # its first half is what an index answers
            ahead = Q(**{f"{by}__gte": first[0]}) & ~Q(**{by: first[0], f"{tie}__lte": last})
        found = list(ordered.filter(ahead)[:size])
