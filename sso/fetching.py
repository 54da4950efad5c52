"""Requests to addresses that an admin or an identity provider chose, as `orgs.guarded_http` makes them (SPEC L2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult

from orgs import guarded_http
from orgs.guarded_http import Network
from sso.refusals import Reason, Refused

SECONDS = 10.0
LONGEST = 512 * 1024  # bytes of an answer


@dataclass(frozen=True, slots=True)
class Answer:
    """url: what was asked, for whoever tells what is wrong with the answer. content_type: empty if there was none."""

    url: str
    status: int
    content_type: str
    body: bytes


def fetch(
    url: str,
    *,
    networks: Sequence[Network],
    headers: Mapping[str, str] | None = None,
    form: bytes | None = None,
    seconds: float = SECONDS,
) -> Answer:
    """What is at a URL, with whatever status.

    networks: of the operator's choice, allowed although they are not public; only there may a URL be plain http.
    form: sent by POST. headers: in ASCII. seconds: for everything from the look-up of the name to the last byte.

    Raises Refused: BAD_ADDRESS, NOT_HTTPS, NO_PUBLIC_ADDRESS, TLS, UNREACHABLE, TOO_SLOW, TOO_LONG.
    """
    if split(url).scheme != "https" and not networks:
        raise Refused(Reason.NOT_HTTPS, url)
    sent = {"User-Agent": "Muster", "Accept": "application/json"}
    if form is not None:
        sent |= {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        answer = guarded_http.exchange(
            url, networks=networks, headers=sent | dict(headers or {}), content=form, seconds=seconds, longest=LONGEST
        )
    except guarded_http.Failed as failed:
        raise _refused(failed) from failed
    if not answer.is_whole:
        raise Refused(Reason.TOO_LONG, url)
    return Answer(url, answer.status, answer.headers.get("content-type", ""), answer.body)


def body(answer: Answer) -> bytes:
    """What is in an answer, if it is the one that was asked for. Raises Refused: REDIRECTED, BAD_STATUS."""
    if 300 <= answer.status < 400:
        raise Refused(Reason.REDIRECTED, answer.url)
    if answer.status != 200:
        raise Refused(Reason.BAD_STATUS, f"{answer.url}: {answer.status}")
    return answer.body


def split(url: str) -> SplitResult:
    """The parts of an absolute http or https URL. Raises Refused: BAD_ADDRESS."""
    try:
        return guarded_http.split(url)
    except guarded_http.Failed as failed:
        raise _refused(failed) from failed


def _refused(failed: guarded_http.Failed) -> Refused:
    return Refused(Reason(failed.fault), failed.detail)
