"""Handing over the owner account, by the owner (SPEC U13)."""

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from orgs import owners, people, proposals, sign_in
from orgs.db.keys import fold
from orgs.forms import HandOverForm, NewOwnerForm
from orgs.views.sign_in import too_many_attempts
from orgs.web.access import OrgRequest, cause, org_admin, require_recent
from orgs.web.fair_share import busy
from orgs.web.in_flight import Busy
from orgs.web.limits import client_address
from orgs.web.second_admin import TOO_MANY, second_asked


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@org_admin
def hand_over(request: OrgRequest) -> HttpResponse:
    """The new address; then what that does, the address once more and the present password."""
    if not request.user.is_owner:
        return render(request, "orgs/not_the_owner.html", {"org": request.org}, status=403)
    require_recent(request)
    form = NewOwnerForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "orgs/owner_hand_over.html", {"form": form})
    address = form.cleaned_data["address"]
    try:
        owners.check(request.org, address)
    except (owners.SameAddress, people.NotAnAddress) as refusal:
        form.add_error("address", refusal_in_words(refusal))
        return render(request, "orgs/owner_hand_over.html", {"form": form})
    if "again" not in request.POST:
        sure = HandOverForm(initial={"address": address})
        return render(request, "orgs/owner_hand_over_sure.html", {"form": sure, "address": address})
    sure = HandOverForm(request.POST)
    if sure.is_valid():
        if fold(sure.cleaned_data["again"]) != fold(address):
            sure.add_error("again", _("This is not the address that you entered before."))
        else:
            try:
                known = sign_in.account_of(
                    request.user.login_email or "",
                    sure.cleaned_data["password"],
                    org=request.org,
                    client=client_address(request),
                    at=timezone.now(),
                )
            except sign_in.TooManyAttempts as error:
                return too_many_attempts(request, *error.args)
            except Busy:
                return busy(request)
            if known == request.user and request.org.two_persons:
                return _second_asked(request, address)
            if known == request.user:
                owners.hand_over(org=request.org, address=address, cause=cause(request))
                logout(request)
                messages.success(request, _("The owner account now belongs to %(address)s.") % {"address": address})
                return redirect(sign_in.sign_in_path(request.org))
            sure.add_error("password", _("This is not the password of the owner account."))
    return render(request, "orgs/owner_hand_over_sure.html", {"form": sure, "address": address})


def _second_asked(request: OrgRequest, address: str) -> HttpResponse:
    """Have a second admin agree first (SPEC T6): it makes somebody else the owner."""
    wish = {"do": "hand_over", "address": address}
    seen = proposals.fingerprint(wish, request.user.user_name)
    try:
        proposal = proposals.propose(org=request.org, wish=wish, fingerprint=seen, cause=cause(request))
    except proposals.TooManyProposals:
        messages.error(request, TOO_MANY)
        return redirect("authentication")
    return second_asked(request, proposal)


def refusal_in_words(refusal: Exception) -> str:
    """Why the owner account cannot be handed over to an address."""
    if isinstance(refusal, owners.SameAddress):
        return _("The owner account has this address already.")
    return _("This is not an e-mail address.")
