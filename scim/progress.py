"""How far an identity provider's setup is, and which token it no longer uses, judged by its requests. Reads only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from groups_provisioning.models import PushedGroup
from orgs.db.keys import moment_of
from orgs.models import Organization, ScimToken, User
from orgs.scim_connection import Connection
from scim.models import RequestLog

RECENT = 1000  # calls that the checklist considers
RHYTHM = 500  # calls up to a token's last use, to see how it is used
QUIET = timedelta(hours=24)

SIGNED_IN = "signed in"
DISCOVERY = "discovery"
LOOKUP = "look-up"
CREATION = "creation"
PUSH = "push"
STEPS = {
    "discovery": DISCOVERY,
    "user.list": LOOKUP,
    "user.read": LOOKUP,
    "user.create": CREATION,
    "group.create": PUSH,
    "group.replace": PUSH,
    "group.change": PUSH,
}


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the checklist. request_id: the last request that did it, if the log still has it. is_needed: whether
    the connection is incomplete without it.
    """

    step: str
    title: Promise
    note: Promise
    is_done: bool
    request_id: UUID | None
    is_needed: bool = True

    @property
    def at(self) -> datetime | None:
        return moment_of(self.request_id) if self.request_id else None


@dataclass(frozen=True, slots=True)
class Progress:
    """errors: how many of the last `calls` requests, RECENT at most, were refused or failed."""

    ticks: list[Tick]
    calls: int
    errors: int

    @property
    def done(self) -> int:
        return sum(tick.is_done for tick in self.ticks)

    @property
    def is_complete(self) -> bool:
        return all(tick.is_done for tick in self.ticks if tick.is_needed)


@dataclass(frozen=True, slots=True)
class Retired:
    """A token that may be revoked: the one in use instead of it, how long it has been unused, and the longest pause
    between its calls before that, if the log still has them.
    """

    token: ScimToken
    successor: ScimToken
    quiet: timedelta
    pause: timedelta | None


def of(org: Organization, connection: Connection) -> Progress:
    """How far the identity provider's setup is. Three queries; of the log only the newest RECENT calls.

    Log entries expire. Steps that leave a trace elsewhere are therefore read from there: signing in from the tokens,
    creating and pushing from people and groups.
    """
    calls = list(RequestLog.objects.for_org(org).order_by("-id").values_list("id", "operation", "status")[:RECENT])
    last: dict[str, UUID] = {}
    for id, operation, status in calls:
        if status not in (401, 429):  # calls with a token that has ended are in the log too
            last.setdefault(SIGNED_IN, id)
        if status < 400 and operation in STEPS:
            last.setdefault(STEPS[operation], id)
    has_people = CREATION in last or User.objects.for_org(org).filter(scim_managed=True).exists()
    has_groups = PUSH in last or PushedGroup.objects.for_org(org).exists()
    ticks = [
        Tick(
            SIGNED_IN,
            _("Signed in"),
            _("A request had a valid token."),
            SIGNED_IN in last or connection.last_used is not None,
            last.get(SIGNED_IN),
        ),
        Tick(
            DISCOVERY,
            _("Read supported features"),
            _("Not every identity provider does this."),
            DISCOVERY in last,
            last.get(DISCOVERY),
            is_needed=False,
        ),
        Tick(
            LOOKUP,
            _("Looked up a person"),
            _("Most do this when the connection is tested, and before they create a person."),
            LOOKUP in last,
            last.get(LOOKUP),
            # Once people exist, the look-up may have expired from the log.
            is_needed=not has_people,
        ),
        Tick(
            CREATION,
            _("Created a person"),
            _("Assign one test person first."),
            has_people,
            last.get(CREATION),
        ),
    ]
    if org.group_provisioning:
        note = _("After the first person, push one group.")
        ticks.append(Tick(PUSH, _("Pushed a group"), note, has_groups, last.get(PUSH)))
    return Progress(ticks, len(calls), sum(status >= 400 for _id, _operation, status in calls))


def retired(org: Organization, connection: Connection, *, at: datetime) -> Retired | None:
    """The oldest token that may be revoked because a newer one of the same identity provider has taken its place.

    That is: the newer one has been used since, and the older one has been unused for longer than the longest pause
    between its last calls. A fixed time would be too short for a provider that sends a few changes a week, and the
    usual gap says nothing, since calls come in bursts. A weekend counts as a pause once the log has seen one; until
    then QUIET is the minimum. One query at most.
    """
    for token in reversed(connection.active):
        last = token.last_used_at or token.created_at
        in_use = [
            newer
            for newer in connection.active
            if newer.idp == token.idp
            and newer.created_at > token.created_at
            and newer.last_used_at
            and newer.last_used_at > last
        ]
        if in_use and at - last > QUIET:
            pause = _longest_pause(org, token)
            is_over = pause is None or at - last > pause
            return Retired(token, in_use[0], at - last, pause) if is_over else None
    return None


def _longest_pause(org: Organization, token: ScimToken) -> timedelta | None:
    """The longest pause between the last calls with a token; None if the log has fewer than two of them.

    Until its last use, hardly any other token was in use, so most of the calls up to then are its own. That time is
    noted at most once a minute.
    """
    if token.last_used_at is None:
        return None
    end = UUID(int=int((token.last_used_at + timedelta(minutes=2)).timestamp() * 1000) << 80)
    calls = RequestLog.objects.for_org(org).filter(id__lt=end).order_by("-id").values_list("id", "token_id")[:RHYTHM]
    moments = [moment_of(id) for id, token_id in calls if token_id == token.id]
    return max((later - earlier for later, earlier in pairwise(moments)), default=None)
