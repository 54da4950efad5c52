"""A logged request that support tries again: carried out as if the identity provider sent it now, then taken back (N4).

So it says what would happen now: the answer, and what would change. The transaction is rolled back, so that nothing of
it stays but the record that support tried. The token is not asked for, nor limits; and what the log does not have whole
is not tried.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from groups_provisioning.pages.activity import change_list, change_words
from orgs import history
from orgs.change_details import RequestTried
from orgs.db.keys import uuid7
from orgs.db.transactions import command
from orgs.history import Cause
from orgs.models import Change, Door, LedgerEntry, Organization, ScimToken
from scim.api.base import explained
from scim.api.body import read_json
from scim.api.resources import Requests
from scim.mapping import group_requests, user_requests
from scim.models import RequestLog
from scim.redaction import HIDDEN

KINDS: dict[str, Requests] = {"user": user_requests, "group": group_requests}
VERBS = {"create": 201, "replace": 200, "change": 200, "delete": 204}
"""How operations end that are tried, and what they are answered if they succeed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What would be answered now, and what would change, in words. detail: of an error."""

    status: int
    detail: str = ""
    changes: tuple[str, ...] = ()


class _TakenBack(Exception):
    """Ends the transaction."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


def obstacle(call: RequestLog, org: Organization) -> str:
    """Why it cannot be tried, in words; empty if it can."""
    if org.closed_at is not None:
        return _("The organization is being deleted.")
    if call.status == 401:
        return _("Its token was not accepted, and of such a request no body is kept.")
    body = _body(call)
    if HIDDEN in body:
        return _("The log does not have its body as it was sent: passwords and tokens are hidden in it.")
    if len(body.encode()) != call.request_size:
        return _("The log does not have its body whole: it was too long, or part of it was removed.")
    return ""


def warnings(call: RequestLog, org: Organization, cause: Cause) -> list[str]:
    """What is other than it was, in words."""
    found = []
    token = _token(call, org)
    if token is None or not token.is_valid(cause.at) or token.waits:
        found.append(_("Its token is not accepted any more: the identity provider itself would be refused."))
    if call.status == 412:
        found.append(_("It was sent for one revision only, which the log does not have: it is tried on any."))
    later = RequestLog.objects.for_org(org).filter(id__gt=call.id, target=call.target, status__lt=400)
    count = later.exclude(method__in=("GET", "HEAD")).values("id")[:100].count() if call.target else 0
    if count:
        words = ngettext(
            "%(count)s later change of the same person or group was accepted: what it meets now is newer.",
            "%(count)s later changes of the same person or group were accepted: what it meets now is newer.",
            count,
        )
        found.append(words % {"count": count})
    return found


def try_again(call: RequestLog, org: Organization, cause: Cause) -> Outcome:
    """Carry it out and take it back, and record that support did. cause: support's."""
    try:
        with transaction.atomic():
            raise _TakenBack(_carried_out(call, org, cause))
    except _TakenBack as back:
        outcome = back.outcome
    except Exception as error:  # as the SCIM API answers it
        refused, _headers = explained(error)
        outcome = Outcome(refused.status, refused.detail)
    _record(org, call, outcome, cause)
    return outcome


@command
def _record(org: Organization, call: RequestLog, outcome: Outcome, cause: Cause) -> None:
    history.record(org, cause, RequestTried(request=str(call.id), status=outcome.status))


def _carried_out(call: RequestLog, org: Organization, cause: Cause) -> Outcome:
    noun, _dot, verb = call.operation.partition(".")
    requests, request_id = KINDS[noun], uuid7()
    theirs = Cause(Door.SCIM, cause.at, token=_token(call, org), request_id=request_id)
    id_ = call.path.partition("?")[0].rstrip("/").rpartition("/")[2]
    if verb == "delete":
        requests.delete(org, id_, theirs)
    else:
        body = read_json(_body(call).encode(), "application/scim+json", any_number=verb != "create")
        match verb:
            case "create":
                requests.create(org, body, theirs)
            case "replace":
                requests.replace(org, id_, body, theirs)
            case "change":
                requests.patch(org, id_, body, theirs)
    return Outcome(VERBS[verb], changes=tuple(_told(org, request_id)))


def _told(org: Organization, request_id: UUID) -> list[str]:
    """What was recorded of it, in words: the changes, and on how many people they had effects at once."""
    changes = list(Change.objects.for_org(org).filter(id__gt=request_id, request_id=request_id).order_by("id"))
    known = change_words.names(org, changes, [], change_list.Wanted())
    told = [change_words.change(change, known) for change in changes]
    people = LedgerEntry.objects.filter(change__in=changes).values("user").distinct().count()
    if people:
        words = ngettext(
            "At once, it has effects on %(count)s person.", "At once, it has effects on %(count)s people.", people
        )
        told.append(words % {"count": people})
    return told


def _token(call: RequestLog, org: Organization) -> ScimToken | None:
    return ScimToken.objects.for_org(org).filter(id=call.token_id).first() if call.token_id else None


def _body(call: RequestLog) -> str:
    return call.body.request if hasattr(call, "body") else ""
