"""What is said where a second admin is asked (SPEC T6), or cannot be."""

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orgs.models import Proposal
from orgs.web.access import OrgRequest

TOO_MANY = gettext_lazy("Too many decisions wait for a second admin. Have some decided first, or ask again in an hour.")


def second_asked(request: OrgRequest, proposal: Proposal) -> HttpResponseRedirect:
    """Where to go once a second admin is asked."""
    messages.success(request, _("A second admin has been asked. Nothing changes until it is approved."))
    return redirect("proposal", proposal.id)
