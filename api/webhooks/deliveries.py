"""Posting the feed to webhooks (SPEC E3): from a cursor each, in order, one request at a time.

A worker takes the webhook that has waited longest, by a lease and not by a lock: no transaction is open while a request
is on its way. Nothing is written for an item, so a receiver that is dead costs one row, whatever happens meanwhile. A
worker that is killed leaves its lease, after which another one sends the same again.
"""

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import structlog
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import BigIntegerField, Case, F, Value, When
from django.db.models.functions import Now

from api import feed_items
from api.models import Attempt, Ending, Endpoint
from api.webhooks import endpoints, messages
from api.webhooks.messages import Message
from orgs import feed, guarded_http, metrics
from orgs.db import sealed
from orgs.db.transactions import command, is_unavailable
from orgs.feed import Range

SECONDS = 15.0  # of one request, in all
TEST_SECONDS = 5.0  # of a test, for which a request to the portal waits
LEASE = 30  # seconds; longer than reading and sending take
LONGEST = 16 * 1024  # bytes of an answer that are read
SHARE = 4  # requests at once to webhooks of one org, or of the operator
DELAYS = (5, 30, 120, 600, 1800, 3600)  # seconds after the first failure, the second …; the last one stays
LONGEST_WAIT = 3600  # seconds that a receiver may ask for
PATIENCE = timedelta(days=5)
HALVED_FROM = 3  # failures
AT_ONCE = 5000  # attempts that one statement deletes

log = structlog.get_logger(__name__)

# By the clock and not by the transaction's time, which may be older than the lease of another. OFFSET keeps what is
# newer an index look-up for one webhook at a time.
_DUE = f"""
WITH busy AS MATERIALIZED (
    SELECT org_id FROM api_endpoint WHERE leased_until > clock_timestamp() GROUP BY org_id HAVING count(*) >= {SHARE}
)
SELECT e.id FROM api_endpoint e
WHERE e.disabled_at IS NULL
    AND (e.retry_at IS NULL OR e.retry_at <= clock_timestamp())
    AND (e.leased_until IS NULL OR e.leased_until <= clock_timestamp())
    AND NOT EXISTS (SELECT FROM busy b WHERE b.org_id IS NOT DISTINCT FROM e.org_id)
    AND CASE WHEN e.org_id IS NULL
        THEN EXISTS (SELECT FROM orgs_feeditem f WHERE f.position > e.position OFFSET 0)
        ELSE EXISTS (SELECT FROM orgs_feeditem f WHERE f.org_id = e.org_id AND f.position > e.position OFFSET 0)
            AND EXISTS (SELECT FROM orgs_organization o WHERE o.id = e.org_id AND o.closed_at IS NULL) END
"""  # noqa: S608 - made of constants, as the next ones
_COUNT = f"SELECT count(*) FROM ({_DUE} LIMIT %(most)s) AS due"  # noqa: S608
# A statement of its own, so that the next one sees the leases of whoever took before.
_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('webhooks are taken', 0))"
_TAKE = f"""
WITH longest AS MATERIALIZED ({_DUE} ORDER BY e.served_at LIMIT 1 FOR UPDATE OF e SKIP LOCKED)
UPDATE api_endpoint SET served_at = clock_timestamp(), leased_until = clock_timestamp() + interval '{LEASE} s'
FROM longest WHERE api_endpoint.id = longest.id
RETURNING api_endpoint.*
"""  # noqa: S608
_OLDEST = """
SELECT extract(epoch FROM clock_timestamp() - min(greatest(next.at, e.retry_at)))::float
FROM api_endpoint e, LATERAL (
    SELECT to_timestamp(f.position / 1000000.0) AS at FROM orgs_feeditem f
    WHERE f.position > e.position AND (e.org_id IS NULL OR f.org_id = e.org_id) ORDER BY f.position LIMIT 1
) AS next
WHERE e.disabled_at IS NULL AND (e.retry_at IS NULL OR e.retry_at <= clock_timestamp())
    AND NOT EXISTS (SELECT FROM orgs_organization o WHERE o.id = e.org_id AND o.closed_at IS NOT NULL)
"""
_FORGET = """
DELETE FROM api_attempt WHERE id IN (
    SELECT id FROM api_attempt WHERE at < clock_timestamp() - interval '30 days' LIMIT %(rows)s
)
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request. status: None if there was no answer, for the reason that `error` names. wait: seconds
    that the receiver asks for.
    """

    status: int | None = None
    error: str = ""
    milliseconds: int = 0
    wait: float = 0

    @property
    def is_accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def count_due(most: int) -> int:
    """How many webhooks have something to send now, up to a number."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"most": most})
        (count,) = cursor.fetchone()
        return int(count)


def oldest_due() -> float | None:
    """For how many seconds the first of what could be sent has waited; None if nothing does.

    Webhooks that wait until they are tried again are left out: their receivers are what is slow.
    """
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST)
        (seconds,) = cursor.fetchone()
        return None if seconds is None else float(seconds)


def serve(seconds: float) -> bool:
    """Send until nothing is due. Returns whether the time was over before that."""
    ends = time.monotonic() + seconds
    while endpoint := take():
        try:
            deliver(endpoint)
        except Exception as error:
            if is_unavailable(error):
                raise
            # Its lease keeps it away for a while; the others go on.
            log.error("webhook_not_served", webhook=str(endpoint.id), exc_info=error)
        if time.monotonic() > ends:
            return True
    return False


@transaction.atomic
def take() -> Endpoint | None:
    """The webhook that has waited longest of those that have something to send, leased to the caller."""
    with connection.cursor() as cursor:
        cursor.execute(_ALONE)
    return next(iter(Endpoint.objects.raw(_TAKE)), None)


def deliver(endpoint: Endpoint) -> None:
    """Send what comes next to a webhook that was taken, and note what came of it."""
    began = time.monotonic()
    range_ = Range(endpoint.org_id, frozenset(endpoint.kinds), endpoint.position)
    look = feed.look(range_)
    page, items = feed_items.read(range_, _at_once(endpoint), look)
    if not items:  # nothing of its kinds
        _let_go(endpoint, page.end)
        return
    message = messages.of_changes(
        endpoint.id, endpoint.org_id, endpoint.kinds, look.epoch, items, has_more=page.has_more
    )
    if time.monotonic() - began > LEASE - SECONDS - 1:
        _let_go(endpoint, endpoint.position)  # the lease would end while the request is on its way
        return
    # Where everything was sent, the end of the feed is reached: whatever else is newer is of other kinds.
    end = page.end if message.items == len(items) else message.last
    assert end is not None
    outcome = _post(endpoint, message, SECONDS)
    metrics.count_delivery(outcome.status, outcome.milliseconds / 1000)
    _note(endpoint, message, outcome, end)


def send_test(endpoint: Endpoint) -> Attempt:
    """Send a test, whatever else is on its way or disabled; it takes part in no count of failures.

    One that is accepted lets what waits after failures go on at once.
    Raises UnknownWebhook if it was deleted meanwhile.
    """
    message = messages.of_test(endpoint.id, endpoint.org_id, at=datetime.now(UTC))
    outcome = _post(endpoint, message, TEST_SECONDS)
    try:
        with transaction.atomic():
            if outcome.is_accepted:
                Endpoint.objects.filter(id=endpoint.id).update(retry_at=None)
            return _log(endpoint, message, outcome, at=datetime.now(UTC))
    except IntegrityError:
        raise endpoints.UnknownWebhook(endpoint.id) from None


def forget_attempts() -> None:
    """Delete attempts that are older than thirty days."""
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_FORGET, {"rows": AT_ONCE})
            if cursor.rowcount < AT_ONCE:
                return


def _at_once(endpoint: Endpoint) -> int:
    """Fewer items with each failure, so that one that a receiver chokes on is found: at last it comes alone."""
    return max(1, endpoint.max_items >> max(0, endpoint.failures - HALVED_FROM + 1))


def _post(endpoint: Endpoint, message: Message, seconds: float) -> Outcome:
    now = datetime.now(UTC)
    try:
        keys = [sealed.unseal(endpoint.secret, owner=endpoint.id)]
        if endpoint.previous_until and now < endpoint.previous_until:
            keys.append(sealed.unseal(endpoint.previous_secret, owner=endpoint.id))
    except sealed.Unreadable:
        return Outcome(error="secret_unreadable")
    began = time.monotonic()
    try:
        answer = guarded_http.exchange(
            endpoint.url,
            networks=settings.WEBHOOK_ALLOWED_NETWORKS if endpoint.org_id is None else (),
            headers=messages.headers(message, keys, at=now),
            content=message.body,
            seconds=seconds,
            longest=LONGEST,
        )
    except guarded_http.Failed as failed:
        return Outcome(error=failed.fault.value, milliseconds=_since(began))
    wait = _seconds(answer.headers.get("retry-after", ""), now)
    return Outcome(answer.status, milliseconds=_since(began), wait=wait)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _seconds(retry_after: str, now: datetime) -> float:
    """Of `Retry-After`, a number or a date; 0 if it is neither."""
    if retry_after.isascii() and retry_after.isdecimal():
        return min(int(retry_after[:10]), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):  # the latter for a number that no year, hour or zone can be
        return 0
    return min((at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds(), LONGEST_WAIT)


def _let_go(endpoint: Endpoint, position: int) -> None:
    taken = Endpoint.objects.filter(id=endpoint.id, leased_until=endpoint.leased_until)
    unless_replayed = When(position=endpoint.position, then=Value(position, BigIntegerField()))
    taken.update(position=Case(unless_replayed, default=F("position")), leased_until=None)


@command
def _note(endpoint: Endpoint, message: Message, outcome: Outcome, end: int) -> None:
    """end: the position to go on after, if it was accepted."""
    taken = Endpoint.objects.filter(id=endpoint.id, leased_until=endpoint.leased_until)
    row = taken.select_related("org").select_for_update(of=("self",)).annotate(now=Now()).first()
    if row is None:  # deleted, or taken by another since
        return
    now = row.now  # type: ignore[attr-defined]
    row.leased_until = None
    if outcome.is_accepted:
        row.failures, row.failing_since, row.retry_at = 0, None, None
        if row.position == endpoint.position:  # it was not replayed meanwhile
            row.position = end
    else:
        row.failures += 1
        row.failing_since = row.failing_since or now
        row.retry_at = now + timedelta(seconds=_delay(row.failures, outcome.wait))
        if row.disabled_at is None and outcome.status == 410:
            endpoints.give_up(row, Ending.GONE, at=now)
        elif row.disabled_at is None and now - row.failing_since >= PATIENCE:
            endpoints.give_up(row, Ending.FAILING, at=now)
        if row.disabled_at:
            row.retry_at = None
    row.save()
    _log(row, message, outcome, at=now)


def _delay(failures: int, wait: float) -> float:
    usual = DELAYS[min(failures, len(DELAYS)) - 1] * random.uniform(0.9, 1.1)  # noqa: S311 - jitter, not a secret
    return max(usual, wait)


def _log(endpoint: Endpoint, message: Message, outcome: Outcome, *, at: datetime) -> Attempt:
    return Attempt.objects.create(
        org_id=endpoint.org_id,
        endpoint=endpoint,
        at=at,
        message=message.id,
        items=message.items,
        first=message.first,
        last=message.last,
        status=outcome.status,
        error=outcome.error,
        milliseconds=outcome.milliseconds,
    )
