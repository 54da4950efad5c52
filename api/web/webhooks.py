"""Webhooks as an org's admins see them (SPEC E3)."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from api.models import Attempt, Endpoint
from api.web.forms import NewWebhookForm, ReplayForm, RotateForm, WebhookForm, kinds_in_words
from api.webhooks import deliveries, endpoints, standing
from api.webhooks.endpoints import BadUrl, TooManyWebhooks, UnknownWebhook
from orgs import feed
from orgs.db.keys import as_uuid
from orgs.web.access import OrgRequest, cause, org_admin, recently_signed_in
from orgs.web.sent_forms import note_carried_out, was_carried_out

ATTEMPTS = 50  # of a page


@require_safe
@org_admin
def webhook_list(request: OrgRequest) -> HttpResponse:
    rows = Endpoint.objects.for_org(request.org)
    found = standing.standings(request.org.id, rows, at=timezone.now())
    return render(request, "api/webhooks.html", {"standings": [(each, _words(each.endpoint)) for each in found]})


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@recently_signed_in
@sensitive_variables("issued")
def new(request: OrgRequest) -> HttpResponse:
    """The secret is in the response to the form and nowhere else."""
    form = NewWebhookForm(request.POST or None, org=request.org)
    if request.method == "POST" and form.is_valid():
        once = str(form.cleaned_data.pop("once"))
        if was_carried_out(request, once):
            messages.info(
                request, _("This webhook already exists. Its secret was shown once; rotate it for a new one.")
            )
            return redirect("webhooks")
        try:
            issued = endpoints.create(org=request.org, cause=cause(request), **form.cleaned_data)
        except (BadUrl, TooManyWebhooks) as refusal:
            form.refuse(refusal)
        else:
            note_carried_out(request, once)
            return _show_secret(request, issued, is_new=True)
    return render(request, "api/webhook_form.html", {"form": form})


def of_webhook(view: Callable[[OrgRequest, Endpoint], HttpResponse]) -> Callable[[OrgRequest, UUID], HttpResponse]:
    """Below `org_admin`, for what is about one webhook. If it is gone, GET is 404, and POST says so in the list."""

    @wraps(view)
    def found(request: OrgRequest, webhook_id: UUID) -> HttpResponse:
        endpoint = Endpoint.objects.for_org(request.org).filter(id=webhook_id).first()
        try:
            if endpoint is None:
                raise UnknownWebhook(webhook_id)
            return view(request, endpoint)
        except UnknownWebhook as gone:
            if request.method != "POST":
                raise Http404 from gone
            messages.info(request, _("This webhook was deleted."))
            return HttpResponseClientRedirect(reverse("webhooks")) if request.htmx else redirect("webhooks")

    return found


@require_safe
@org_admin
@of_webhook
def one(request: OrgRequest, endpoint: Endpoint) -> HttpResponse:
    """The page; for htmx, its attempts."""
    if request.htmx:
        return render(request, "api/_attempts.html", _attempts(request, endpoint))
    now = timezone.now()
    (stands,) = standing.standings(request.org.id, [endpoint], at=now)
    context = {
        "standing": stands,
        "kinds": kinds_in_words(endpoint.kinds),
        "both_secrets": endpoint.previous_until is not None and now < endpoint.previous_until,
    }
    return render(request, "api/webhook.html", context | _attempts(request, endpoint))


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@recently_signed_in
@of_webhook
def edit(request: OrgRequest, endpoint: Endpoint) -> HttpResponse:
    """Another address gets the data of everybody, so that it asks for a recent sign-in as a new webhook does."""
    initial = {"url": endpoint.url, "kinds": endpoint.kinds, "max_items": endpoint.max_items}
    form = WebhookForm(request.POST or None, org=request.org, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            endpoints.change(**_about(request, endpoint), **form.cleaned_data)
        except BadUrl as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("The webhook was saved."))
            return redirect("webhook", endpoint.id)
    return render(request, "api/webhook_form.html", {"form": form, "webhook": endpoint, **_words(endpoint)})


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@recently_signed_in
@of_webhook
@sensitive_variables("issued")
def rotate(request: OrgRequest, endpoint: Endpoint) -> HttpResponse:
    """A reload must not rotate again: the receiver would have neither of the two secrets that are left."""
    form = RotateForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        once = str(form.cleaned_data["once"])
        if was_carried_out(request, once):
            messages.info(request, _("The secret was rotated already. It was shown once and cannot be shown again."))
            return redirect("webhook", endpoint.id)
        issued = endpoints.rotate_secret(**_about(request, endpoint))
        note_carried_out(request, once)
        return _show_secret(request, issued)
    both = endpoint.previous_until is not None and timezone.now() < endpoint.previous_until
    context = {"form": form, "webhook": endpoint, "both_secrets": both, **_words(endpoint)}
    return render(request, "api/webhook_rotate.html", context)


@require_POST
@org_admin
@of_webhook
def send_test(request: OrgRequest, endpoint: Endpoint) -> HttpResponse:
    """Waits for the receiver. For htmx, the attempts with what came of it; otherwise the page says it."""
    attempt = deliveries.send_test(endpoints.begin_test(**_about(request, endpoint)))
    if request.htmx:
        return render(request, "api/_attempts.html", _attempts(request, endpoint) | {"test": _told(attempt)})
    words = {"result": standing.came_of(attempt), "ms": f"{attempt.milliseconds:,}"}
    text = _("The test: %(result)s, after %(ms)s ms.") % words
    (messages.success if standing.is_accepted(attempt) else messages.error)(request, text)
    return redirect(reverse("webhook", args=[endpoint.id]) + "#attempts")


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@of_webhook
def replay(request: OrgRequest, endpoint: Endpoint) -> HttpResponse:
    """From where; then how many items that are, and a question. It never skips what is yet to be told."""
    form = ReplayForm(request.POST or None, zone=f"{timezone.localtime():%Z}", latest=timezone.now())
    context: dict[str, Any] = {"form": form, "webhook": endpoint, **_words(endpoint)}
    if request.method == "POST" and form.is_valid():
        since = form.since
        position = 0 if since is None else min(feed.position_at(since), endpoint.position)
        if "sure" in request.POST:
            endpoints.replay(**_about(request, endpoint), position=position)
            messages.success(request, _("It sends that again, as everything is now."))
            return redirect("webhook", endpoint.id)
        (newer,) = feed.newer(request.org.id, [(position, endpoint.kinds)], standing.COUNTED + 1)
        context |= {"asked": True, "since": since, "count": newer.items, "figure": standing.figure(newer.items)}
    return render(request, "api/webhook_replay.html", context)


@require_POST
@org_admin
@of_webhook
def enable(request: OrgRequest, endpoint: Endpoint) -> HttpResponse:
    endpoints.enable(**_about(request, endpoint))
    messages.success(request, _("The webhook is enabled. It resumes where it stopped."))
    return redirect("webhook", endpoint.id)


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@of_webhook
def disable(request: OrgRequest, endpoint: Endpoint) -> HttpResponse:
    if request.method == "POST":
        endpoints.disable(**_about(request, endpoint))
        messages.success(request, _("The webhook is disabled. Nothing is sent until it is enabled again."))
        return redirect("webhook", endpoint.id)
    return render(request, "api/webhook_disable.html", {"webhook": endpoint, **_words(endpoint)})


@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
@of_webhook
def delete(request: OrgRequest, endpoint: Endpoint) -> HttpResponse:
    if request.method == "POST":
        endpoints.delete(**_about(request, endpoint))
        messages.success(request, _("The webhook to %(host)s was deleted.") % _words(endpoint))
        return redirect("webhooks")
    return render(request, "api/webhook_delete.html", {"webhook": endpoint, **_words(endpoint)})


def _about(request: OrgRequest, endpoint: Endpoint) -> dict[str, Any]:
    """What every command asks for."""
    return {"org": request.org, "endpoint_id": endpoint.id, "cause": cause(request)}


def _words(endpoint: Endpoint) -> dict[str, Any]:
    return {"host": standing.host_of(endpoint), "kinds": kinds_in_words(endpoint.kinds)}


def _show_secret(request: OrgRequest, issued: endpoints.Issued, *, is_new: bool = False) -> HttpResponse:
    context = {"webhook": issued.endpoint, "secret": issued.secret, "is_new": is_new, **_words(issued.endpoint)}
    return render(request, "api/webhook_secret.html", context)


def _told(attempt: Attempt) -> dict[str, Any]:
    accepted = standing.is_accepted(attempt)
    return {"attempt": attempt, "came_of": standing.came_of(attempt), "is_accepted": accepted}


def _attempts(request: OrgRequest, endpoint: Endpoint) -> dict[str, Any]:
    """A page of attempts, the latest first; `before` in the URL is the id of the last one of the page before."""
    rows = endpoint.attempts.order_by("-id")
    before = as_uuid(request.GET.get("before", ""))
    if before:
        rows = rows.filter(id__lt=before)
    found = list(rows[: ATTEMPTS + 1])
    return {
        "webhook": endpoint,
        "attempts": [_told(each) for each in found[:ATTEMPTS]],
        "before": before,
        "older": found[ATTEMPTS - 1].id if len(found) > ATTEMPTS else None,
    }
