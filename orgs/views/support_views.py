"""The button that ends a view by support (SPEC N4); what begins one is in the admin."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orgs.web import viewing
from orgs.web.access import SignedInRequest, signed_in
from orgs.web.signing_in import landing, wanted


@require_POST
@signed_in
def end(request: SignedInRequest) -> HttpResponse:
    """With `next`, to go on there."""
    if viewing.end(request):
        messages.success(request, _("You no longer view the organization’s pages."))
    return redirect(wanted(request) or landing(request.user))
