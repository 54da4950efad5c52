"""Webhooks for support: those of orgs to look at, disable and test, and the operator's to look after (SPEC E3)."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action, display

from api.models import Endpoint
from api.web.forms import NewWebhookForm, ReplayForm, WebhookForm, kinds_in_words
from api.webhooks import deliveries, endpoints, standing
from api.webhooks.endpoints import BadUrl, TooManyWebhooks
from api.webhooks.standing import State
from orgs import feed
from orgs.admin.mirror import FoundById, cause, chosen, may, moment, report
from orgs.web.access import require_recent

ATTEMPTS = 20  # that the page of a webhook shows
DELIVERING, FAILING, DISABLED, ENDED = _("Delivering"), _("Failing"), _("Disabled"), _("Disabled by itself")
STATES = {
    State.DELIVERING: DELIVERING,
    State.FAILING: FAILING,
    State.DISABLED: DISABLED,
    State.ENDED: ENDED,
}


@admin.register(Endpoint)
class EndpointAdmin(FoundById):
    """What an org's webhook is told at is the org's own: support sees the host. The operator's are managed here."""

    ids = ("pk", "org")
    list_display = ("host", "whose", "state", "failing_since", "disabled_at", "created_at")
    list_filter = (("org", AutocompleteSelectFilter),)
    list_select_related = ("org",)
    ordering = ("-id",)
    actions = ("send_test", "enable", "disable")
    actions_detail = ("edit", "rotate", "replay", "delete_webhook")
    fields = (
        *("whose", "id", "address", "told", "max_items", "created_at", "state", "waiting"),
        *("failures", "failing_since", "retry_at", "disabled_at", "reason", "previous_until", "attempts"),
    )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "add", self.opts)

    def has_own_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether somebody may look after the operator's webhooks."""
        return self.has_add_permission(request)

    @sensitive_variables("issued")
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A webhook of the operator, which tells of every org; its secret is shown once."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        require_recent(request)
        form = NewWebhookForm(request.POST or None, org=None)
        title = gettext("Create a webhook of the operator")
        if request.method == "POST" and form.is_valid():
            facts = {name: form.cleaned_data[name] for name in ("url", "kinds", "max_items")}
            try:
                issued = endpoints.create(org=None, cause=cause(request), **facts)
            except (BadUrl, TooManyWebhooks) as refusal:
                form.refuse(refusal)
            else:
                return self._page(request, issued.endpoint, title=title, secret=issued.secret)
        return self._page(request, None, title=title, form=form, button=gettext("Create webhook"))

    @action(description=_("Change"), url_path="edit", permissions=["own"])
    def edit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self._operators(request, object_id)
        require_recent(request)
        initial = {"url": endpoint.url, "kinds": endpoint.kinds, "max_items": endpoint.max_items}
        form = WebhookForm(request.POST or None, org=None, initial=initial)
        if request.method == "POST" and form.is_valid():
            try:
                endpoints.change(**self._about(request, endpoint), **form.cleaned_data)
            except BadUrl as refusal:
                form.refuse(refusal)
            else:
                return self._done(request, endpoint, gettext("The webhook was saved."))
        return self._page(request, endpoint, title=gettext("Change a webhook"), form=form, button=gettext("Save"))

    @action(description=_("Rotate the secret"), url_path="rotate", permissions=["own"])
    @sensitive_variables("issued")
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self._operators(request, object_id)
        require_recent(request)
        title = gettext("Rotate the secret of %(host)s") % {"host": standing.host_of(endpoint)}
        if request.method == "POST":
            issued = endpoints.rotate_secret(**self._about(request, endpoint))
            return self._page(request, issued.endpoint, title=title, secret=issued.secret)
        text = gettext(
            "For 24 hours messages are signed with both secrets. One from before the current one ends at once."
        )
        return self._page(request, endpoint, title=title, text=text, button=gettext("Rotate the secret"))

    @action(description=_("Replay"), url_path="replay", permissions=["own"])
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """From where; then how many items that are, and a question."""
        endpoint = self._operators(request, object_id)
        form = ReplayForm(request.POST or None, zone=f"{timezone.localtime():%Z}", latest=timezone.now())
        title = gettext("Replay to %(host)s") % {"host": standing.host_of(endpoint)}
        words: dict[str, Any] = {"form": form, "button": gettext("Continue")}
        if request.method == "POST" and form.is_valid():
            position = 0 if form.since is None else min(feed.position_at(form.since), endpoint.position)
            if "sure" in request.POST:
                endpoints.replay(**self._about(request, endpoint), position=position)
                return self._done(request, endpoint, gettext("It sends that again, as everything is now."))
            (newer,) = feed.newer(None, [(position, endpoint.kinds)], standing.COUNTED + 1)
            text = gettext("%(items)s items will be sent.") % {"items": standing.figure(newer.items)}
            words |= {"text": text, "button": gettext("Replay"), "hidden": True}
        return self._page(request, endpoint, title=title, **words)

    @action(description=_("Delete"), url_path="delete-webhook", permissions=["own"])
    def delete_webhook(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self._operators(request, object_id)
        if request.method == "POST":
            endpoints.delete(**self._about(request, endpoint))
            self.message_user(request, gettext("The webhook was deleted."))
            return redirect("admin:api_endpoint_changelist")
        title = gettext("Delete the webhook to %(host)s?") % {"host": standing.host_of(endpoint)}
        text = gettext("Nothing more is sent, and its attempts are deleted too. This cannot be undone.")
        return self._page(request, endpoint, title=title, text=text, button=gettext("Delete"))

    @admin.action(description=_("Send a test"))
    def send_test(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        """Of one at a time: each waits for its receiver."""
        asked = self._chosen(request, queryset)
        if len(asked) != 1:
            self.message_user(request, gettext("Choose one webhook to test."), messages.ERROR)
            return
        attempt = deliveries.send_test(endpoints.begin_test(**self._about(request, asked[0])))
        words = {"result": standing.came_of(attempt), "ms": f"{attempt.milliseconds:,}"}
        level = messages.SUCCESS if standing.is_accepted(attempt) else messages.ERROR
        self.message_user(request, gettext("The test: %(result)s, after %(ms)s ms.") % words, level)

    @admin.action(description=_("Enable"))
    def enable(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        self._switch(request, queryset, endpoints.enable, is_off=True)

    @admin.action(description=_("Disable"))
    def disable(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        self._switch(request, queryset, endpoints.disable, is_off=False)

    def _switch(
        self, request: HttpRequest, queryset: QuerySet[Endpoint], do: Callable[..., Endpoint], *, is_off: bool
    ) -> None:
        asked = self._chosen(request, queryset)
        differing = [each for each in asked if (each.disabled_at is not None) is is_off]
        for each in differing:
            do(**self._about(request, each))
        report(self, request, len(differing), len(asked))

    def _chosen(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> list[Endpoint]:
        """Without the operator's, for those who do not look after them."""
        asked: list[Endpoint] = chosen(request, queryset.select_related("org"))
        return asked if self.has_own_permission(request) else [each for each in asked if each.org_id is not None]

    def _operators(self, request: HttpRequest, object_id: str) -> Endpoint:
        """The webhook of the operator with this id; those of orgs are for their own admins to change."""
        endpoint = self.get_object(request, object_id)
        if endpoint is None or endpoint.org_id is not None:
            raise PermissionDenied
        return endpoint

    def _about(self, request: HttpRequest, endpoint: Endpoint) -> dict[str, Any]:
        return {"org": endpoint.org, "endpoint_id": endpoint.pk, "cause": cause(request)}

    def _done(self, request: HttpRequest, endpoint: Endpoint, text: str) -> HttpResponse:
        self.message_user(request, text)
        return redirect("admin:api_endpoint_change", endpoint.pk)

    def _page(self, request: HttpRequest, endpoint: Endpoint | None, **words: Any) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "original": endpoint, **words}
        answer = TemplateResponse(request, "admin/api/webhook.html", context)
        answer["Cache-Control"] = "no-store"
        return answer

    @admin.display(description=_("host"))
    def host(self, endpoint: Endpoint) -> str:
        return standing.host_of(endpoint)

    @admin.display(description=_("address"))
    def address(self, endpoint: Endpoint) -> str:
        return endpoint.url if endpoint.org_id is None else standing.host_of(endpoint)

    @admin.display(description=_("organization"), ordering="org")
    def whose(self, endpoint: Endpoint) -> str:
        return endpoint.org.name if endpoint.org else gettext("The operator")

    @admin.display(description=_("notifies about"))
    def told(self, endpoint: Endpoint) -> str:
        return ", ".join(kinds_in_words(endpoint.kinds))

    @display(description=_("status"), label={FAILING: "danger", ENDED: "danger", DELIVERING: "success"})
    def state(self, endpoint: Endpoint) -> Promise:
        return STATES[standing.without_waiting(endpoint)]

    @admin.display(description=_("waiting"))
    def waiting(self, endpoint: Endpoint) -> SafeString | str:
        (found,) = standing.standings(endpoint.org_id, [endpoint], at=timezone.now())
        since = found.waiting_since
        return format_html("{}, {} {}", found.figure, gettext("since"), moment(since)) if since else found.figure

    @admin.display(description=_("reason"))
    def reason(self, endpoint: Endpoint) -> str:
        return standing.reason_of(endpoint) or "–"

    @admin.display(description=_("attempts"))
    def attempts(self, endpoint: Endpoint) -> SafeString | str:
        lines = (
            (moment(each.at), standing.came_of(each), f"{each.milliseconds:,} ms", each.items, each.message)
            for each in endpoint.attempts.order_by("-id")[:ATTEMPTS]
        )
        return format_html_join(mark_safe("<br>"), "{} · {} · {} · {} · {}", lines) or "–"
