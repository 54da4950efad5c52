"""Setup links of an org, made and revoked by support (SPEC L8)."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables
from unfold.admin import ModelAdmin
from unfold.decorators import action

from orgs import setup_links, tokens
from orgs.admin.mirror import cause
from orgs.db.keys import as_uuid
from orgs.forms import SetupLinkForm
from orgs.models import Organization
from orgs.web.access import is_recent
from orgs.web.link_access import address


class SetupLinkPages(ModelAdmin):
    """What the admin of organizations has about setup links."""

    @action(description=_("Setup links"), url_path="setup-links", permissions=["act"])
    @sensitive_variables("made")
    def setup_links(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Those that work, and a form for one more, which asks for a recent sign-in (SPEC L6)."""
        org = self.get_object(request, object_id)
        if org is None or not self.has_change_permission(request, org):
            raise PermissionDenied
        if link_id := as_uuid(request.POST.get("revoke", "")):
            try:
                setup_links.revoke(org=org, link_id=link_id, cause=cause(request))
                self.message_user(request, gettext("The link is revoked."))
            except setup_links.NotOpen:
                self.message_user(request, gettext("This link has ended already."), messages.INFO)
            return redirect(request.path)
        form = SetupLinkForm(request.POST or None)
        words: dict[str, Any] = {"form": form, "stale": not is_recent(request)}
        if request.method == "POST" and not words["stale"] and form.is_valid():
            try:
                made = setup_links.make(org=org, cause=cause(request), **form.cleaned_data)
                words |= {"made": made.link, "address": address(made)}
            except (setup_links.AlreadyOpen, tokens.PrerequisiteMissing) as refusal:
                form.refuse(refusal)
        return self._links_page(request, org, words)

    def _links_page(self, request: HttpRequest, org: Organization, words: dict[str, Any]) -> HttpResponse:
        found = setup_links.open_in(org, at=timezone.now()).select_related("made_by")
        title = gettext("Setup links of %(name)s") % {"name": org.name}
        context = {**self.admin_site.each_context(request), "opts": self.opts, "original": org, "title": title}
        answer = TemplateResponse(
            request, "admin/orgs/organization/setup_links.html", context | words | {"links": found}
        )
        answer["Cache-Control"] = "no-store"
        return answer
