"""What identity providers publish, read by one process for all: the only module that writes `IssuerDocument` (SPEC L2).

A document is asked for again once it is an hour old, and keys also where a token names one that is not among them; but
no address more often than every ten seconds, however many sign-ins want it or forged tokens name unknown keys. Where a
provider cannot be read, what it published before serves for a day.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db.models import Q

from sso import fetching
from sso.fetching import Answer
from sso.models import IssuerDocument
from sso.oidc.documents import Provider, VerifyingKey, description_url, json_object, read_description, read_keys
from sso.refusals import Reason, Refused

FRESH = timedelta(hours=1)
USABLE = timedelta(days=1)
PAUSE = timedelta(seconds=10)
KEPT = timedelta(days=30)  # after somebody asked last

T = TypeVar("T")


def provider(issuer: str, *, now: datetime) -> Provider:
    """What an issuer says of itself. May take ten seconds, for which no transaction should be open.

    Raises Refused, as `fetching.fetch` and `read_description`.
    """
    return _document(description_url(issuer), lambda answer: read_description(answer, issuer=issuer), now)


def with_keys(provider: Provider, verify: Callable[[Sequence[VerifyingKey]], T], *, now: datetime) -> T:
    """What `verify` gives with the provider's keys; with its new keys, if it raises Refused with UNKNOWN_KEY.

    May take twenty seconds, for which no transaction should be open. Raises Refused, as `fetching.fetch`, `read_keys`
    and `verify`.
    """
    try:
        return verify(_document(provider.jwks_uri, read_keys, now))
    except Refused as refused:
        if refused.reason != Reason.UNKNOWN_KEY:
            raise
    return verify(_document(provider.jwks_uri, read_keys, now, fresh=timedelta(0)))


def forget(*, at: datetime) -> None:
    """Delete what nobody has asked for in a long time."""
    IssuerDocument.objects.filter(asked_at__lt=at - KEPT).delete()


def _document(url: str, read: Callable[[Answer], T], now: datetime, *, fresh: timedelta = FRESH) -> T:
    """What `read` makes of the document at a URL, which is at most so old if it could be asked for.

    What `read` refuses is nobody else's matter: others may read the same document for another issuer.
    """
    fetching.split(url)  # what is no address is not kept either
    kept = IssuerDocument.objects.filter(url=url).first()
    if kept is None or not _is_younger(kept, fresh, now):
        if _claimed(url, now):
            return read(_asked(url, now))
        kept = IssuerDocument.objects.get(url=url)  # somebody else has just asked
    return read(_answer(kept, now))


def _claimed(url: str, now: datetime) -> bool:
    """Whether it is for this process to ask now. Where there is nothing to use meanwhile, each asks for itself."""
    IssuerDocument.objects.bulk_create([IssuerDocument(url=url, asked_at=now - PAUSE)], ignore_conflicts=True)
    nothing = Q(failure="") & (Q(read_at=None) | Q(read_at__lte=now - USABLE))
    due = IssuerDocument.objects.filter(nothing | Q(asked_at__lte=now - PAUSE), url=url)
    return due.update(asked_at=now) > 0


def _asked(url: str, now: datetime) -> Answer:
    row = IssuerDocument.objects.filter(url=url)
    try:
        answer = fetching.fetch(url, networks=settings.IDP_NETWORKS)
        json_object(answer)
    except Refused as refused:
        row.update(failure=refused.reason, detail=refused.detail)
        return _answer(row.get(), now)
    row.update(body=answer.body, read_at=now, failure="", detail="")
    return answer


def _answer(kept: IssuerDocument, now: datetime) -> Answer:
    if kept.body is None or not _is_younger(kept, USABLE, now):
        raise Refused(Reason(kept.failure), kept.detail)
    return Answer(kept.url, 200, "application/json", bytes(kept.body))


def _is_younger(kept: IssuerDocument, age: timedelta, now: datetime) -> bool:
    return kept.read_at is not None and now - kept.read_at < age
