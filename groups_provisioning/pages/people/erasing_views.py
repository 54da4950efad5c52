"""Erasing a person, for the org's owner, and what the page of their id says afterwards (SPEC U5)."""

from collections.abc import Iterator
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from groups_provisioning.actions import erasing
from groups_provisioning.pages import changing
from orgs import erasures
from orgs.forms import EraseForm
from orgs.models import User
from orgs.people import UnknownPerson
from orgs.web.access import OrgRequest, cause, owner_only

WENT: dict[str, Promise] = {
    "orgs_user": gettext_lazy("People: their own record, and others that referred to them by name"),
    "groups_provisioning_pushedgroup": gettext_lazy("SCIM groups whose attributes named them"),
    "groups_provisioning_importrow": gettext_lazy("Rows of imports of the last week"),
    "scim_requestlog": gettext_lazy("Requests in the provisioning log: query, target and error"),
    "scim_requestlogbody": gettext_lazy("Requests in the provisioning log: both bodies"),
    "orgs_invitation": gettext_lazy("Invitations"),
    "orgs_proposal": gettext_lazy("Decisions about them for a second admin"),
    "orgs_past": gettext_lazy("What was recorded of their name and attributes before, and in attributes of others"),
    "orgs_mail": gettext_lazy("Mails to them, and mails that named them and were not sent yet"),
    "orgs_mailchoices": gettext_lazy("Which mails they chose"),
    "orgs_setuplink": gettext_lazy("Setup links that were made for them"),
    "orgs_matter": gettext_lazy("Notices"),
    "orgs_change": gettext_lazy("Names of dismissed notices, in the activity"),
    "orgs_ledgerentry": gettext_lazy("Refused values, in the activity"),
    "orgs_ssosignin": gettext_lazy("sign-ins through the identity provider"),
    "orgs_signinfailures": gettext_lazy("Failed sign-ins"),
    "orgs_secondfactor": gettext_lazy("Second factors"),
    "orgs_session": gettext_lazy("Sessions"),
    "django_admin_log": gettext_lazy("Entries in support's own log"),
    "mail files": gettext_lazy("Mails kept as files"),
}
"""What a receipt counts, by table."""


@changing.changing("people")
@owner_only
def erase(request: OrgRequest, user_id: UUID) -> HttpResponse:
    user = _erasable(request, user_id)
    form = EraseForm(request.POST if request.method == "POST" else None, person=user)
    if request.method == "POST" and form.is_valid():
        erasing.erase(org=request.org, user_id=user.id, cause=cause(request))
        messages.success(request, _("The person was erased."))
        return redirect("person", user.id)
    return render(request, "groups_provisioning/people/person_erase.html", {"person": user, "form": form})


def _erasable(request: OrgRequest, user_id: UUID) -> User:
    """Somebody who is deactivated or deleted. Raises UnknownPerson, StillActive."""
    user = User.objects.for_org(request.org).filter(id=user_id, is_owner=False, erased_at=None).first()
    if user is None:
        raise UnknownPerson(user_id)
    if user.active:
        raise erasing.StillActive(user_id)
    return user


def erased(request: OrgRequest, user: User) -> HttpResponse:
    """The page of somebody who was erased: the receipt."""
    erasure = erasures.of_person(request.org, user.id)
    context = {"person": user, "erasure": erasure, "went": list(_went(erasure.counts if erasure else {}))}
    return render(request, "groups_provisioning/people/erased.html", context)


def _went(counts: erasures.Counts) -> Iterator[tuple[str | Promise, int]]:
    yield from ((words, counts[table]) for table, words in WENT.items() if counts.get(table))
