"""What each operation of the API is, declared beside its handler. `api.openapi` makes a document of it.

A handler without `describes` fails the test that generates the document, so nothing is served that is not described.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rest_framework.serializers import Serializer

Handler = TypeVar("Handler", bound=Callable[..., Any])
Form = type[Serializer[Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """summary: what it does, in a few words that no other operation has. query: its parameters. body: what is sent.
    file: the content types of what is sent, where that is a file.

    answers: by status, what is answered; None for no content. problems: the kinds that are its own; those that any
    operation may have are not named. previews: whether `?preview=true` tells what it would do, see
    `carry_out`; foresees: whether it tells what would come of it, see `api.commands.previews`. asks:
    whether it may ask a second admin instead (SPEC T6).
    """

    summary: str
    query: Form | None = None
    body: Form | None = None
    file: tuple[str, ...] = ()
    answers: Mapping[int, Form | None] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    previews: bool = False
    foresees: bool = False
    asks: bool = False


def describes(
    summary: str,
    *,
    query: Form | None = None,
    body: Form | None = None,
    file: tuple[str, ...] = (),
    answer: Form | None = None,
    status: int = 200,
    also: Mapping[int, Form | None] | None = None,
    problems: tuple[str, ...] = (),
    previews: bool = False,
    foresees: bool = False,
    asks: bool = False,
) -> Callable[[Handler], Handler]:
    """Say what a handler does: `@describes("List teams", query=NamedQuery, answer=page_of(TeamItem))`.

    The handler's docstring tells readers more. answer: with this status; also: further statuses and their answers.
    """
    answers = {status: answer} | dict(also or {})
    operation = Operation(summary, query, body, file, answers, problems, previews, foresees, asks)

    def mark(handler: Handler) -> Handler:
        handler.operation = operation  # type: ignore[attr-defined]
        return handler

    return mark
