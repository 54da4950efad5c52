"""Creating and revoking SCIM tokens, and switching group provisioning on and off (SPEC O3, O4)."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from orgs import organizations, scim_connection, tokens
from orgs.models import IdentityProvider, ScimToken
from orgs.web.access import OrgRequest, cause, org_admin, recently_signed_in
from orgs.web.sent_forms import note_carried_out, was_carried_out
from scim.addresses import BASE_PATH, ENTRA_FLAG
from scim.forms import AddressesForm, TokenForm


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@recently_signed_in
@sensitive_variables("issued")
def new_token(request: OrgRequest) -> HttpResponse:
    """The secret is in the response to the form and nowhere else: not stored, not in a session, not in a URL.

    Guides link to it with their identity provider as `idp`.
    """
    if tokens.missing_prerequisites(request.org):
        return redirect("scim-provisioning")
    form = TokenForm(request.POST or None, initial={"idp": request.GET.get("idp")})
    if request.method != "POST" or not form.is_valid():
        return render(request, "scim/token_new.html", {"form": form})
    once = str(form.cleaned_data.pop("once"))
    if was_carried_out(request, once):
        messages.info(request, _("This token already exists. Its secret was shown once and cannot be shown again."))
        return redirect("scim-provisioning")
    try:
        issued = tokens.issue(org=request.org, cause=cause(request), **form.cleaned_data)
    except tokens.TooManyTokens:
        form.add_error(
            None, _("%(most)d tokens are active, and no more are possible. Revoke one first.") % {"most": tokens.MOST}
        )
        return render(request, "scim/token_new.html", {"form": form})
    note_carried_out(request, once)
    return render(
        request,
        "scim/token_created.html",
        {
            "token": issued.token,
            "secret": issued.secret,
            "base_url": base_url_for(issued.token),
            "older": _older(request, issued.token),
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
def limit_token(request: OrgRequest, token_id: UUID) -> HttpResponse:
    """From where the token is accepted; asks twice if that shuts out the address of its last use (SPEC O4)."""
    token = get_object_or_404(ScimToken.objects.for_org(request.org), id=token_id)
    form = AddressesForm(request.POST or None, initial={"networks": token.networks})
    shut_out = ""
    if request.method == "POST" and form.is_valid():
        try:
            tokens.limit(org=request.org, token_id=token.id, cause=cause(request), **form.cleaned_data)
        except tokens.ShutOut as error:
            shut_out = str(error)
            form.data = request.POST.copy()
            form.data["anyway"] = "1"
        else:
            messages.success(request, _("The addresses of “%(name)s” were saved.") % vars(token))
            return redirect("scim-provisioning")
    return render(request, "scim/token_addresses.html", {"token": token, "form": form, "shut_out": shut_out})


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@recently_signed_in
def confirm_token(request: OrgRequest, token_id: UUID) -> HttpResponse:
    """What a token that was made through a setup link may do once it is confirmed; then the same as a command (L8)."""
    token = get_object_or_404(ScimToken.objects.for_org(request.org).select_related("setup_link"), id=token_id)
    if request.method == "POST":
        try:
            tokens.confirm(org=request.org, token_id=token.id, cause=cause(request))
        except tokens.Ended:
            messages.error(request, _("“%(name)s” has ended, and cannot be confirmed.") % vars(token))
        else:
            messages.success(request, _("“%(name)s” is confirmed. Requests with it now take effect.") % vars(token))
        return redirect("scim-provisioning")
    if not token.waits or not token.is_valid(timezone.now()):
        return redirect("scim-provisioning")
    return render(request, "scim/token_confirm.html", {"token": token})


@require_POST
@org_admin
def take_over_token(request: OrgRequest, token_id: UUID) -> HttpResponse:
    """An admin answers for it from now on, instead of somebody who no longer can (SPEC E5)."""
    token = get_object_or_404(ScimToken.objects.for_org(request.org), id=token_id)
    try:
        tokens.take_over(org=request.org, token_id=token.id, cause=cause(request))
    except tokens.Ended:
        messages.info(request, _("“%(name)s” has ended: nobody needs to be responsible for it.") % vars(token))
    else:
        messages.success(request, _("You are now responsible for “%(name)s”.") % vars(token))
    return redirect("scim-provisioning")


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
def revoke_token(request: OrgRequest, token_id: UUID) -> HttpResponse:
    token = get_object_or_404(ScimToken.objects.for_org(request.org).select_related("created_by"), id=token_id)
    if request.method == "POST":
        tokens.revoke(org=request.org, token_id=token.id, cause=cause(request))
        messages.success(request, _("“%(name)s” is revoked. Requests with it are now refused.") % vars(token))
        return redirect("scim-provisioning")
    if token.revoked_at:
        return redirect("scim-provisioning")
    return render(request, "scim/token_revoke.html", {"token": token, "connection": _connection(request)})


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
def group_provisioning(request: OrgRequest) -> HttpResponse:
    """Shows what the switch will do before it is thrown (SPEC O3)."""
    if not request.org.group_provisioning_activated:
        return redirect("scim-provisioning")
    if request.method == "POST":
        on = request.POST.get("on") == "1"
        if organizations.switch_group_provisioning(org=request.org, on=on, cause=cause(request)):
            messages.success(request, _("Group provisioning is on.") if on else _("Group provisioning is off."))
        return redirect("scim-provisioning")
    return render(request, "scim/group_provisioning.html")


def _older(request: OrgRequest, token: ScimToken) -> ScimToken | None:
    """The token that a new one probably replaces: the newest of the same identity provider."""
    active = _connection(request).active
    return next((each for each in active if each.idp == token.idp and each.id != token.id), None)


def _connection(request: OrgRequest) -> scim_connection.Connection:
    return scim_connection.of(request.org, at=timezone.now())


def base_url_for(token: ScimToken) -> str:
    """The base URL as it is entered at the token's identity provider."""
    return settings.MUSTER_URL + BASE_PATH + (ENTRA_FLAG if token.idp == IdentityProvider.ENTRA else "")
