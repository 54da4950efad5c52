"""Lists: pages by cursor, in the order of a key, each a few statements whatever its size.

A cursor is the key of the last row, signed over the question, so that it is good for the same list and filters alone.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from django.core.signing import BadSignature, Signer
from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from api import problems
from api.base import ApiView
from api.serializers import PageQuery
from orgs.db.transactions import snapshot

Row = TypeVar("Row", bound=Model)
Show = Callable[[Sequence[Row]], list[dict[str, Any]]]
"""Rows as they are answered: all of them, or the first ones, if the others are too much for one page."""


def answer(
    view: ApiView,
    request: Request,
    query: type[PageQuery],
    rows: QuerySet[Row],
    show: Show[Row],
    *,
    by: tuple[str, ...] = ("id",),
    beside: Collection[str] = (),
) -> dict[str, Any]:
    """A page of rows. query: its fields beside those of a page are columns that are to be equal. by: one column or two,
    unique together, in the order of an index. beside: fields that are no columns. Raises Problem.
    """
    asked = view.asked(request, query)
    after, limit = asked.pop("after", None), asked.pop("limit")
    signer = Signer(salt=f"api.lists {request.path} {sorted(asked.items())}", sep=".")
    rows = rows.filter(**{name: value for name, value in asked.items() if name not in beside}).order_by(*by)
    if after is not None:
        rows = rows.filter(_ahead(by, _read(signer, after)))
    with snapshot():
        found = list(rows[: limit + 1])
        items = show(found[:limit])
    has_more = len(items) < len(found)
    key = [str(getattr(found[len(items) - 1], column)) for column in by] if has_more else None
    return {"items": items, "next": key and signer.sign_object(key), "has_more": has_more}


def _read(signer: Signer, after: str) -> list[str]:
    try:
        return list(signer.unsign_object(after))
    except BadSignature:
        raise problems.cursor_mismatch() from None


def _ahead(by: tuple[str, ...], key: list[str]) -> Q:
    """What comes after this key."""
    if len(by) == 1:
        return Q(**{f"{by[0]}__gt": key[0]})
    (first, tie), (at, of_tie) = by, key
    return Q(**{f"{first}__gte": at}) & ~Q(
        **{first: at, f"{tie}__lte": of_tie}
    )  # the first half is what an index answers


def one(rows: QuerySet[Row], show: Show[Row], id_: object) -> dict[str, Any]:
    """The row with this id. Raises Problem."""
    with snapshot():
        for item in show(list(rows.filter(id=id_))):
            return item
    raise problems.not_found()


def serialized(serializer: type[Serializer[Any]]) -> Show[Any]:
    """Shows rows as a serializer has them."""

    def show(rows: Sequence[Any]) -> list[dict[str, Any]]:
        return serializer(rows, many=True).data  # type: ignore[return-value]

    return show
