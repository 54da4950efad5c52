"""Where an identity provider says that sessions end (SPEC L7)."""

from uuid import UUID

import structlog
from django.http import Http404, HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from orgs.web.in_flight import RETRY_AFTER, Busy
from sso import connections, logouts
from sso.refusals import Refused
from sso.web import asking

log = structlog.get_logger(__name__)


@csrf_exempt
@require_POST
def logout(request: HttpRequest, connection_id: UUID) -> JsonResponse:
    """OpenID Connect Back-Channel Logout 1.0 section 2.5-2.8: 200 whether or not there was a session, or 400."""
    revision = connections.active(connection_id)
    if revision is None or revision.is_saml:
        raise Http404
    try:
        with asking.place(revision.connection):
            ended = logouts.log_out(request.POST.get("logout_token", ""), revision=revision, now=timezone.now())
    except Busy:
        answer = JsonResponse({}, status=503, headers={"Retry-After": str(RETRY_AFTER)})
    except Refused as refused:
        log.warning("sso.logout_refused", connection=str(connection_id), reason=refused.reason)
        answer = JsonResponse({"error": "invalid_request", "error_description": refused.reason}, status=400)
    else:
        log.info("sso.logged_out", connection=str(connection_id), sessions=ended)
        answer = JsonResponse({})
    answer["Cache-Control"] = "no-store"
    return answer
