"""Where an identity provider says that sessions end (SPEC L7)."""

from collections.abc import Callable
from uuid import UUID

import structlog
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from orgs.web.in_flight import RETRY_AFTER, Busy
from sso import connections, logouts
from sso.models import Revision
from sso.oidc.revocation import LONGEST
from sso.refusals import Refused
from sso.web import asking

log = structlog.get_logger(__name__)


@csrf_exempt
@require_POST
def logout(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """OpenID Connect Back-Channel Logout 1.0 section 2.5-2.8: 200 whether or not there was a session, or 400."""

    def log_out(revision: Revision) -> HttpResponse:
        token = request.POST.get("logout_token", "")
        ended = logouts.log_out(token, revision=revision, now=timezone.now())
        log.info("sso.logged_out", connection=str(connection_id), sessions=ended)
        return JsonResponse({})

    return _answer(connection_id, log_out)


@csrf_exempt
@require_POST
def revoke(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Global token revocation: 204, 404 where the org has nobody of that name, or 400."""

    def end_all(revision: Revision) -> HttpResponse:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else ""
        ended = logouts.revoke(token, _body(request), revision=revision, now=timezone.now())
        log.info("sso.revoked", connection=str(connection_id), sessions=ended)
        return HttpResponse(status=404 if ended is None else 204)

    return _answer(connection_id, end_all)


def _answer(connection_id: UUID, end: Callable[[Revision], HttpResponse]) -> HttpResponse:
    revision = connections.active(connection_id)
    if revision is None or revision.is_saml:
        raise Http404
    answer: HttpResponse
    try:
        with asking.place(revision.connection):
            answer = end(revision)
    except Busy:
        answer = JsonResponse({}, status=503, headers={"Retry-After": str(RETRY_AFTER)})
    except Refused as refused:
        log.warning("sso.logout_refused", connection=str(connection_id), reason=refused.reason)
        answer = JsonResponse({"error": "invalid_request", "error_description": refused.reason}, status=400)
    answer["Cache-Control"] = "no-store"
    return answer


def _body(request: HttpRequest) -> bytes:
    """One byte more than is read, at most."""
    return request.read(LONGEST + 1)
