"""Setting single sign-on up: what there is, what is changed, and what comes of it (SPEC L2, L3, L5, L6)."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from orgs.db.keys import as_uuid
from orgs.models import IdentityLink
from orgs.web.access import OrgRequest, cause, org_admin, recently_signed_in
from orgs.web.long_list import count
from sso import activation, connections, issuers
from sso.models import Connection, Revision
from sso.refusal_words import in_words
from sso.refusals import Refused
from sso.status import status
from sso.web.configuring import Form, facts_of, form_of, guide_of, words_of
from sso.web.forms import ProviderForm
from sso.web.guides import PROVIDERS
from sso.web.sign_in_log import explain

NOWHERE = UUID(int=0)


@require_safe
@org_admin
def overview(request: OrgRequest) -> HttpResponse:
    now = timezone.now()
    found = status(request.org, at=now)
    if found.last_refused is not None:
        explain([found.last_refused])
    context: dict[str, Any] = {
        "status": found,
        "now": now,
        "linked": count(IdentityLink.objects.for_org(request.org)),
        "unread": found.unread and in_words(found.unread),
        "domains": [domain.name for domain in request.org.verified_domains.all()],
    }
    if found.connection is not None:
        context |= {
            "connection": found.connection,
            "guide": guide_of(found.connection),
            "idp": PROVIDERS.get(found.connection.idp, PROVIDERS["other"])[0],
        }
    return render(request, "sso/overview.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@recently_signed_in
def choose_provider(request: OrgRequest) -> HttpResponse:
    present = Connection.objects.for_org(request.org).first()
    form = ProviderForm(
        request.POST if request.method == "POST" else None, initial={"idp": present.idp if present else None}
    )
    if request.method == "POST" and form.is_valid():
        connections.prepare(
            org=request.org, idp=form.cleaned_data["idp"], protocol=form.protocol(), cause=cause(request)
        )
        return redirect("sso-configure")
    return render(request, "sso/provider.html", {"form": form, "present": present})


@sensitive_post_parameters("client_secret")
@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@recently_signed_in
def configure(request: OrgRequest) -> HttpResponse:
    """The draft, or what will be one. It is kept even if its issuer cannot be reached, which the page then says."""
    found = status(request.org, at=timezone.now())
    if found.connection is None:
        return redirect("sso-provider")
    form = form_of(request, found.connection, found.revision)
    saved = None
    if request.method == "POST":
        saved = _saved(request, form) if form.is_valid() else None
        if saved is not None and not form.errors:
            if saved.tested_at is None:
                messages.success(request, _("The draft is saved. Test it next."))
            return redirect("sso")
        form.keep_secret()
    words = {"form": form, "status": found, "saved": saved} | words_of(found.connection)
    return render(request, "sso/configure.html", words)


def _saved(request: OrgRequest, form: Form) -> Revision | None:
    """The draft. What is wrong with it, or with what its identity provider says of itself, is in the form."""
    saved, now = None, timezone.now()
    try:
        saved = connections.draft(org=request.org, facts=facts_of(form, now=now), cause=cause(request))
        if not saved.is_saml:
            issuers.provider(saved.issuer, now=now)
    except Refused as refused:
        form.refuse(refused)
    return saved


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@recently_signed_in
def activate(request: OrgRequest) -> HttpResponse:
    """What it comes to, counted, of just this draft; then the same again as a command."""
    found = status(request.org, at=timezone.now())
    if request.method == "POST":
        seen = as_uuid(request.POST.get("revision", "")) or NOWHERE
        try:
            made = connections.activate(org=request.org, revision_id=seen, cause=cause(request))
            messages.success(request, _("People sign in through %(issuer)s from now on.") % {"issuer": made.issuer})
        except connections.NotTested:
            messages.error(request, _("This configuration was changed and has to be tested again."))
        except Revision.DoesNotExist:
            messages.info(request, _("This draft is gone: somebody else has discarded or replaced it."))
        return redirect("sso")
    if found.draft is None or found.draft.tested_at is None:
        return redirect("sso")
    return render(
        request,
        "sso/activate.html",
        {"status": found, "draft": found.draft, "effects": activation.effects(request.org, found.draft)},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@recently_signed_in
def switch_off(request: OrgRequest) -> HttpResponse:
    if request.method == "POST":
        if connections.switch_off(org=request.org, cause=cause(request)):
            messages.success(request, _("Single sign-on is off. People sign in with passwords."))
        return redirect("sso")
    found = status(request.org, at=timezone.now())
    if found.active is None:
        return redirect("sso")
    return render(
        request,
        "sso/switch_off.html",
        {"status": found, "effects": activation.effects(request.org, found.active)},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@recently_signed_in
def discard(request: OrgRequest) -> HttpResponse:
    if request.method == "POST":
        if connections.discard(org=request.org, cause=cause(request)):
            messages.success(request, _("The draft is discarded."))
        return redirect("sso")
    found = status(request.org, at=timezone.now())
    if found.draft is None:
        return redirect("sso")
    return render(request, "sso/discard.html", {"status": found})


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@recently_signed_in
def accounts(request: OrgRequest) -> HttpResponse:
    """The switch for accounts of people whom SCIM has not made (SPEC L5)."""
    connection = Connection.objects.for_org(request.org).first()
    if connection is None:
        return redirect("sso")
    domains = [domain.name for domain in request.org.verified_domains.all()]
    if request.method == "POST":
        on = request.POST.get("on") == "1"
        if on and not domains:
            messages.error(request, _("Verify a domain first."))
        elif connections.switch_accounts(org=request.org, on=on, cause=cause(request)):
            text = _("Signing in now creates accounts.") if on else _("Signing in no longer creates accounts.")
            messages.success(request, text)
        return redirect("sso")
    return render(request, "sso/accounts.html", {"connection": connection, "domains": domains})
