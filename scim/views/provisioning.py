"""The SCIM provisioning page: base URL, checklist, tokens, setup guide."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from orgs import matter_words, matters, responsibility, scim_connection
from orgs.models import IdentityProvider, ScimToken
from orgs.scim_connection import Connection
from orgs.web.access import OrgRequest, is_recent, org_admin
from orgs.web.downloads import as_csv
from scim import progress
from scim.addresses import ALIAS_PATH, BASE_PATH, ENTRA_FLAG
from scim.forms import TokenForm
from scim.setup_guide import guide

MATTERS = 10  # what needs attention, until all is asked for
ENDED = 10  # tokens no longer accepted that the page shows; the file has all of them
PARTS = {"checklist": "scim/_checklist.html", "setup-guide": "scim/_setup_guide.html"}


@require_safe
@org_admin
def provisioning(request: OrgRequest) -> HttpResponse:
    """The page; for htmx, the part that it asks for by ID."""
    now = timezone.now()
    present = scim_connection.of(request.org, at=now)
    part = request.htmx.target if request.htmx else None
    context: dict[str, Any] = {"connection": present}
    if part != "setup-guide":
        context["progress"] = progress.of(request.org, present)
    if part != "checklist":
        idp = _idp(request, present)
        context |= {
            "idp": idp,
            "idps": [(key, name) for key, (name, _sources, _steps) in guide.GUIDES.items()],
            "guide": guide.guide_for(idp, request.org, settings.MUSTER_URL + BASE_PATH),
            "is_chosen": "idp" in request.GET,
        }
    if part not in PARTS:
        found = matter_words.tell(request.org, matters.open_in(request.org, at=now))
        context |= {
            "may_create": is_recent(request),
            "matters": found,
            "shown": MATTERS,
            "all_matters": request.GET.get("matters") == "all",
            "still_used": {each.matter.subject for each in found if each.is_urgent},
            "base_url": settings.MUSTER_URL + BASE_PATH,
            "path": BASE_PATH,
            "alias": ALIAS_PATH,
            "entra_flag": ENTRA_FLAG if any(t.idp == IdentityProvider.ENTRA for t in present.active) else "",
            "ended": present.ended[:ENDED],
            "unanswered": responsibility.unanswered(request.org, at=now).tokens,
            "retired": progress.retired(request.org, present, at=now),
            "form": TokenForm(auto_id="new_token_%s"),
        }
    return render(request, PARTS.get(part or "", "scim/provisioning.html"), context)


@require_safe
@org_admin
def export_tokens(request: OrgRequest) -> StreamingHttpResponse:
    columns = (
        _("Name"),
        _("Identity provider"),
        _("Shown as"),
        _("Created"),
        _("Created by"),
        _("Expires"),
        _("Revoked"),
        _("Allowed addresses"),
        _("Last used"),
        _("Address"),
        _("User agent"),
    )
    present = scim_connection.of(request.org, at=timezone.now())
    return as_csv("scim-tokens", columns, map(_cells, [*present.waiting, *present.active, *present.ended]))


def _cells(token: ScimToken) -> tuple[Any, ...]:
    return (
        token.name,
        token.get_idp_display(),
        token.hint,
        token.created_at,
        _maker(token),
        token.expires_at,
        token.revoked_at,
        ", ".join(token.networks),
        token.last_used_at,
        token.last_used_address,
        token.last_used_agent,
    )


def _maker(token: ScimToken) -> str:
    if token.created_by:
        return token.created_by.label
    return _("Setup link") if token.setup_link_id else _("Command line")


def _idp(request: OrgRequest, present: Connection) -> str:
    """The identity provider whose guide is shown: the chosen one, otherwise that of the newest token."""
    newest = next(iter([*present.active, *present.ended]), None)
    for idp in (request.GET.get("idp"), newest and newest.idp):
        if idp in guide.GUIDES:
            return str(idp)
    return IdentityProvider.OTHER if newest else IdentityProvider.OKTA
