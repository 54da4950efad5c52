"""Signing in through an org's identity provider: on to it, and back (SPEC L2, L4)."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from orgs import sso_sign_ins
from orgs.db.keys import uuid7
from orgs.web import signing_in
from orgs.web.access import RECENT, SIGNED_IN_AT
from orgs.web.fair_share import busy
from orgs.web.in_flight import RETRY_AFTER, Busy
from orgs.web.limits import Buckets, client_address, client_network
from orgs.web.sessions import SSO_CONNECTION, SSO_SESSION
from sso import admission, connections, identification, journeys
from sso.identities import Identity
from sso.journeys import Journey
from sso.models import Connection, Revision
from sso.refusals import Reason, Refused
from sso.saml import metadata as saml_metadata
from sso.saml.certificates import certificates_in
from sso.saml.xml import LONGEST
from sso.web import asking, journey_cookie, testing

JOURNEYS = {"rate": 5, "burst": 300}  # of a client: a whole company may share one in the morning
NOTED = {"rate": 1 / 10, "burst": 50}  # refusals that one client can have an org's log told
LONGEST_POST = 2 * LONGEST  # bytes of a form: every + and / of base64 takes three
AGAIN_FROM_HERE = "again"

log = structlog.get_logger(__name__)
begun = Buckets("sso-journeys")
noted = Buckets("sso-refusals")


@never_cache
@require_GET
def start(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """On to the identity provider: from a link, since the content security policy lets no form lead to another site."""
    revision = _active(connection_id)
    if begun.take(client_network(client_address(request)), **JOURNEYS):
        return busy(request)
    try:
        with asking.place(revision.connection):
            journey, url = journeys.begin(
                revision=revision,
                wanted=_inside(request, request.GET.get("next", "")),
                max_age=RECENT if request.session.get(signing_in.AGAIN) else None,
                now=timezone.now(),
            )
    except Busy:
        return _unavailable(request)
    except Refused as refused:
        return _refused(request, revision.connection, refused, at=timezone.now())
    response = redirect(url)
    journey_cookie.keep(response, journey)
    return response


@csrf_exempt
@never_cache
@require_http_methods(["GET", "POST"])
def initiate(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """An identity provider's tile: third-party initiated login (OpenID Connect Core 1.0 section 4)."""
    revision = _active(connection_id)
    said = request.POST if request.method == "POST" else request.GET
    target = said.get("target_link_uri", "")
    if said.get("iss") != revision.issuer:
        return _refused(request, revision.connection, Refused(Reason.MIXED_UP), at=timezone.now())
    if target and not _inside(request, target):
        elsewhere = Refused(Reason.BAD_PARAMETERS, "target_link_uri")
        return _refused(request, revision.connection, elsewhere, at=timezone.now())
    return redirect(signing_in.with_next(reverse("sso-start", args=[connection_id]), target))


@never_cache
@require_GET
def callback(request: HttpRequest, connection_id: UUID) -> HttpResponseBase:
    """What the identity provider sends the browser back with: to sign in, or for a test run."""
    return _back(request, _connection(connection_id))


@csrf_exempt
@never_cache
@require_POST
def acs(request: HttpRequest, connection_id: UUID) -> HttpResponseBase:
    """The same for SAML: a POST from another site, with which no cookie of ours comes.

    So what came is first answered by a page that posts it again, from here, with the cookie. That helps nobody who
    posts a response of their own: it has to answer the request that began in this browser.
    """
    connection = _connection(connection_id)
    if int(request.META.get("CONTENT_LENGTH") or 0) > LONGEST_POST:
        return _refused(request, connection, Refused(Reason.TOO_LONG), at=timezone.now())
    if journey_cookie.NAME not in request.COOKIES and AGAIN_FROM_HERE not in request.POST:
        response = request.POST.get("SAMLResponse", "")
        return render(request, "sso/go_on.html", {"response": response, "again": AGAIN_FROM_HERE})
    return _back(request, connection)


@require_safe
def metadata(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Ours for SAML, which is public: an identity provider reads it, or an admin uploads it there."""
    connection = _connection(connection_id)
    if not connection.certificate:
        raise Http404
    document = saml_metadata.ours(
        entity_id=connections.entity_id(connection),
        acs_url=connections.acs_url(connection),
        certificate=certificates_in(connection.certificate.encode())[0],
    )
    headers = {"Content-Disposition": 'inline; filename="muster-metadata.xml"'}
    return HttpResponse(document, content_type="application/samlmetadata+xml", headers=headers)


def _connection(connection_id: UUID) -> Connection:
    connection = connections.of_address(connection_id)
    if connection is None:
        raise Http404
    return connection


def _back(request: HttpRequest, connection: Connection) -> HttpResponseBase:
    at = timezone.now()
    try:
        journey = journey_cookie.taken(request, connection, at)
    except Refused as refused:
        return _refused(request, connection, refused, at=at)
    try:
        with asking.place(connection):
            back = testing.outcome if journey.tester else _sign_in
            response = back(request, connection, journey)
    except Busy:
        return _unavailable(request)
    journey_cookie.drop(response)
    return response


def _sign_in(request: HttpRequest, connection: Connection, journey: Journey) -> HttpResponse:
    at = timezone.now()
    identity = None
    try:
        identity = journeys.arrive(journey, connection=connection, parameters=journey_cookie.brought(request), now=at)
        if identity.ends_at is not None and identity.ends_at <= at:
            raise Refused(Reason.EXPIRED)
        person = admission.admit(identity, connection=connection, at=timezone.now())
    except Refused as refused:
        name = _told_name(connection, journey, identity) if identity else ""
        return _refused(request, connection, refused, at=at, name=name, to_log=True)
    response = signing_in.complete(request, person, next=_inside(request, journey.wanted))
    if identity.authenticated_at is not None and identity.authenticated_at < at:  # the browser need not have asked them
        request.session[SIGNED_IN_AT] = identity.authenticated_at.timestamp()
    request.session[SSO_CONNECTION] = str(connection.id)
    request.session[SSO_SESSION] = identity.provider_session
    longest = at + timedelta(seconds=settings.SESSION_COOKIE_AGE)
    request.session.set_expiry(identity.ends_at if identity.ends_at and identity.ends_at < longest else None)
    sso_sign_ins.note(
        connection.org,
        sign_in_id=uuid7(),
        connection_id=connection.id,
        at=at,
        name=person.user_name,
        address=client_address(request),
    )
    return response


def _told_name(connection: Connection, journey: Journey, identity: Identity) -> str:
    """The userName that a trusted token says; empty where it says none."""
    revision = Revision.objects.for_org(connection.org_id).get(id=journey.revision_id)
    try:
        return identification.user_name(connection.org, identity.claims, claim=revision.user_name_claim)
    except Refused:
        return ""


def _refused(
    request: HttpRequest,
    connection: Connection,
    refused: Refused,
    *,
    at: datetime,
    name: str = "",
    to_log: bool = False,
) -> HttpResponse:
    """One page whatever the reason, which is told the org's admins alone. to_log: what really began here."""
    reference, org = uuid7(), connection.org
    log.info("sso.refused", connection=str(connection.id), reference=str(reference), reason=refused.reason)
    if to_log and not noted.take((str(connection.id), client_network(client_address(request))), **NOTED):
        sso_sign_ins.note(
            org,
            sign_in_id=reference,
            connection_id=connection.id,
            at=at,
            name=name,
            reason=refused.reason,
            detail="" if refused.reason == Reason.OTHER_SUBJECT else refused.detail,
            address=client_address(request),
        )
    again = reverse("sso-start", args=[connection.id]) if org.sso_connection == connection.id else ""
    tile = connections.start_url(connection) if again else ""
    words = {"org": org, "at": at, "reference": reference, "again": again, "tile": tile}
    response = render(request, "sso/refused.html", words, status=403)
    journey_cookie.drop(response)
    return response


def _unavailable(request: HttpRequest) -> HttpResponse:
    """Too many wait for identity providers; the same address works in a moment, unless it takes a POST."""
    again = request.get_full_path()
    if request.method == "POST" and request.resolver_match is not None:
        again = reverse("sso-start", kwargs=request.resolver_match.kwargs)
    answer = render(request, "sso/unavailable.html", {"again": again}, status=503)
    answer["Retry-After"] = str(RETRY_AFTER)
    return answer


def _active(connection_id: UUID) -> Revision:
    revision = connections.active(connection_id)
    if revision is None:
        raise Http404
    return revision


def _inside(request: HttpRequest, url: str) -> str:
    """A URL, if it leads to a page of this site; otherwise empty."""
    ours = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if ours else ""
