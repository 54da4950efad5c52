"""How long to wait after failed attempts to sign in: the only module that writes `SignInFailures` (SPEC L1).

An attempt is counted before its password is looked at, in one statement, so that many at once are not all the first;
what was no failure is taken back. What grows is the wait, and an attempt made during it changes nothing: nobody can
lock somebody else out for longer than `Patience.longest` after their last attempt.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.db import connection
from django.db.models import F, Q

from orgs.db.transactions import command
from orgs.models import SignInFailures


@dataclass(frozen=True, slots=True)
class Patience:
    """free: failures that cost nothing; first, longest: the wait after the next one, doubled by each further one;
    fades: after how long without a failure they are forgotten.
    """

    free: int
    first: timedelta
    longest: timedelta
    fades: timedelta


# An address from one client, which is told how long it waits.
OF_A_CLIENT = Patience(5, timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=1))
# An account over all clients, which are not told: it would say that the account exists. So it begins later.
OF_AN_ACCOUNT = Patience(20, timedelta(minutes=1), timedelta(minutes=15), timedelta(days=1))

_COUNT = """
INSERT INTO orgs_signinfailures AS kept (subject, client, failures, last_at, waits_until)
SELECT subject, %(client)s::text, 1, %(at)s::timestamptz, %(at)s::timestamptz
FROM unnest(%(subjects)s::text[]) AS subject ORDER BY subject
ON CONFLICT (subject, client) DO UPDATE SET last_at = excluded.last_at, (failures, waits_until) = (
    SELECT n, excluded.last_at + CASE WHEN n <= %(free)s::int THEN interval '0'
        ELSE least(%(longest)s::interval, %(first)s::interval * power(2, least(n - %(free)s::int - 1, 20))) END
    FROM (
        SELECT CASE WHEN kept.last_at < excluded.last_at - %(fades)s::interval THEN 1 ELSE kept.failures + 1 END AS n
    ) AS counted
)
WHERE kept.waits_until <= excluded.last_at
RETURNING subject
"""


@command
def count(subjects: Collection[str], patience: Patience, *, client: str = "", at: datetime) -> set[str]:
    """Count an attempt with each of the subjects; those that do not have to wait, and so may be tried."""
    values = {"subjects": sorted(subjects), "client": client, "at": at, **asdict(patience)}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values)
        return {subject for (subject,) in cursor.fetchall()}


def waits_until(subject: str, client: str) -> datetime | None:
    """When the next attempt will be let through."""
    found = SignInFailures.objects.filter(subject=subject, client=client)
    return found.values_list("waits_until", flat=True).first()


@command
def take_back(subjects: Collection[str], *, client: str = "", at: datetime) -> None:
    """Not count an attempt that was counted, and turned out to be no failure of these."""
    for subject in sorted(subjects):
        counted = SignInFailures.objects.filter(subject=subject, client=client, failures__gt=0)
        counted.update(failures=F("failures") - 1, waits_until=at)


@command
def forget(*subjects: str) -> None:
    """Forget all failures of the subjects, from whichever client."""
    for subject in sorted(subjects):
        SignInFailures.objects.filter(subject=subject).delete()


def forget_person(account: str, addresses: Collection[str]) -> int:
    """Forget what was counted for an account, and for addresses that nobody signs in with. Returns how many rows."""
    of_places = (Q(subject__startswith=f"{known} ") for known in (account, *addresses))
    found = Q(subject__in=[account, *addresses])
    return SignInFailures.objects.filter(reduce(or_, of_places, found)).delete()[0]


def forget_faded(*, at: datetime) -> None:
    """Delete what no longer counts for anything."""
    SignInFailures.objects.filter(last_at__lt=at - max(OF_A_CLIENT.fades, OF_AN_ACCOUNT.fades)).delete()
