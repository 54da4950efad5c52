"""One search over an org and its pages: a page of results, and the list of the palette that opens with Ctrl+K."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from groups_provisioning.pages.global_search.found import find
from groups_provisioning.pages.search import Search
from orgs.web.access import OrgRequest, org_admin


@require_safe
@org_admin
def search(request: OrgRequest) -> HttpResponse:
    """The page; for htmx, the options of the palette."""
    text = Search(request.GET).chosen("q").strip()
    template = "_options.html" if request.htmx else "search.html"
    found = find(request.org, text, at=timezone.now())
    return render(request, f"groups_provisioning/global_search/{template}", {"text": text, "found": found})
