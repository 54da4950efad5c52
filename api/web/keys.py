"""Keys to the API as an org's admins see them: creating, taking over, revoking (SPEC E5)."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from api.web.forms import KeyForm
from orgs import api_keys, responsibility
from orgs.models import ApiKey, Scope
from orgs.web.access import OrgRequest, cause, org_admin, recently_signed_in
from orgs.web.sent_forms import note_carried_out, was_carried_out

ENDED = 10  # keys no longer accepted that the page shows
EXAMPLES = {Scope.READ: "changes", Scope.HISTORY: "history", Scope.WEBHOOKS: "webhooks"}
"""What a key with a scope can ask for at first, below its org."""


@require_safe
@org_admin
def key_list(request: OrgRequest) -> HttpResponse:
    now = timezone.now()
    keys = ApiKey.objects.for_org(request.org).select_related("created_by", "taken_over_by").order_by("-id")
    valid = list(keys.valid(now))
    return render(
        request,
        "api/keys.html",
        {
            "valid": valid,
            "ended": list(keys.exclude(id__in=[key.id for key in valid])[:ENDED]),
            "unanswered": responsibility.unanswered(request.org, at=now).keys,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@recently_signed_in
@sensitive_variables("issued")
def new(request: OrgRequest) -> HttpResponse:
    """The secret is in the response to the form and nowhere else."""
    form = KeyForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "api/key_new.html", {"form": form})
    once = str(form.cleaned_data.pop("once"))
    if was_carried_out(request, once):
        messages.info(request, _("This key already exists. Its secret was shown once and cannot be shown again."))
        return redirect("api-keys")
    try:
        issued = api_keys.issue(org=request.org, cause=cause(request), **form.cleaned_data)
    except api_keys.TooManyKeys:
        words = _("%(most)d keys are active, and no more are possible. Revoke one first.")
        form.add_error(None, words % {"most": api_keys.MOST})
        return render(request, "api/key_new.html", {"form": form})
    note_carried_out(request, once)
    return render(
        request,
        "api/key_created.html",
        {"key": issued.key, "secret": issued.secret, "example": _example(issued.key)},
    )


@require_POST
@org_admin
def take_over(request: OrgRequest, key_id: UUID) -> HttpResponse:
    """An admin answers for it from now on, instead of somebody who no longer can."""
    key = get_object_or_404(ApiKey.objects.for_org(request.org), id=key_id)
    try:
        api_keys.take_over(org=request.org, key_id=key.id, cause=cause(request))
    except api_keys.Ended:
        messages.info(request, _("“%(name)s” has ended: nobody needs to be responsible for it.") % vars(key))
    else:
        messages.success(request, _("You are now responsible for “%(name)s”.") % vars(key))
    return redirect("api-keys")


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
def revoke(request: OrgRequest, key_id: UUID) -> HttpResponse:
    key = get_object_or_404(ApiKey.objects.for_org(request.org), id=key_id)
    if request.method == "POST":
        api_keys.revoke(key_id=key.id, cause=cause(request))
        messages.success(request, _("“%(name)s” is revoked. Requests with it are now refused.") % vars(key))
        return redirect("api-keys")
    if key.revoked_at:
        return redirect("api-keys")
    return render(request, "api/key_revoke.html", {"key": key, "works": key.is_valid(timezone.now())})


def _example(key: ApiKey) -> str:
    """A first request with a key; empty where all that it may do changes something."""
    path = next((EXAMPLES[scope] for scope in EXAMPLES if scope in key.scopes), None)
    if path is None:
        return ""
    url = f"{settings.MUSTER_URL}/api/v1/organizations/{key.org_id}/{path}"
    return f'curl --header "Authorization: Bearer $MUSTER_KEY" "{url}"'
