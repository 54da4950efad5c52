"""How webhooks stand, for whoever looks after them (SPEC E3)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, auto
from uuid import UUID

from django.utils.translation import gettext as _

from api.models import Attempt, Ending, Endpoint
from orgs import feed, guarded_http
from orgs.guarded_http import Fault

COUNTED = 10_000  # items that wait
SOON = timedelta(minutes=2)  # what has waited no longer is being told


class State(StrEnum):
    """DELIVERING: it has told everything, or is about to. BEHIND: items wait for longer than SOON, but none was
    refused. FAILING: the last attempt failed. DISABLED: by somebody; ENDED: by itself.
    """

    DELIVERING = auto()
    BEHIND = auto()
    FAILING = auto()
    DISABLED = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class Standing:
    """A webhook and how it stands. waiting: how many items it has yet to tell, up to COUNTED + 1; waiting_since: about
    when the first of them changed.
    """

    endpoint: Endpoint
    state: State
    waiting: int
    waiting_since: datetime | None

    @property
    def host(self) -> str:
        return host_of(self.endpoint)

    @property
    def figure(self) -> str:
        return figure(self.waiting)

    @property
    def reason(self) -> str:
        return reason_of(self.endpoint)


def standings(org_id: UUID | None, rows: Iterable[Endpoint], *, at: datetime) -> list[Standing]:
    """How webhooks of an org stand, or those of the operator, in their order. One statement."""
    found = list(rows)
    if not found:
        return []
    newer = feed.newer(org_id, [(each.position, each.kinds) for each in found], COUNTED + 1)
    return [_standing(endpoint, waits, at) for endpoint, waits in zip(found, newer, strict=True)]


def _standing(endpoint: Endpoint, waits: feed.Newer, at: datetime) -> Standing:
    since = None if waits.first is None else feed.time_of(waits.first)
    state = without_waiting(endpoint)
    if state == State.DELIVERING and since is not None and at - max(since, endpoint.served_at) > SOON:
        state = State.BEHIND
    return Standing(endpoint, state, waits.items, since)


def without_waiting(endpoint: Endpoint) -> State:
    """How a webhook stands by its own row, which does not say whether it is BEHIND."""
    if endpoint.disabled_at is not None:
        return State.DISABLED if endpoint.disabled_reason == Ending.ASKED else State.ENDED
    return State.DELIVERING if endpoint.failing_since is None else State.FAILING


def reason_of(endpoint: Endpoint) -> str:
    """Why it is disabled; empty if it is not."""
    sentences: dict[str, str] = {
        Ending.ASKED: _("Somebody disabled it."),
        Ending.GONE: _("Its receiver answered that it is gone (410)."),
        Ending.FAILING: _("It had failed for five days."),
    }
    return sentences.get(endpoint.disabled_reason, "")


def figure(count: int) -> str:
    """A number of items that was counted to a limit."""
    return f"{count:,}" if count <= COUNTED else f"{COUNTED:,}+"


def host_of(endpoint: Endpoint) -> str:
    """The host of its address, which may be told where the rest of it may not."""
    return guarded_http.split(endpoint.url).hostname or ""


def came_of(attempt: Attempt) -> str:
    """What came of an attempt, in words."""
    if attempt.status is not None:
        words = _("Accepted (%(status)d)") if is_accepted(attempt) else _("Answered %(status)d")
        return words % {"status": attempt.status}
    sentences: dict[str, str] = {
        Fault.BAD_ADDRESS: _("No usable address"),
        Fault.NO_PUBLIC_ADDRESS: _("The host has no public address"),
        Fault.TLS: _("No TLS, or no valid certificate"),
        Fault.UNREACHABLE: _("Could not be reached"),
        Fault.TOO_SLOW: _("No answer in time"),
        "secret_unreadable": _("Its secret cannot be read here: rotate it"),
    }
    return sentences.get(attempt.error, attempt.error)


def is_accepted(attempt: Attempt) -> bool:
    return attempt.status is not None and 200 <= attempt.status < 300
