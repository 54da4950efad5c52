"""Accounts, for support: switched by the command that admins use (SPEC U12), and erased (SPEC U5)."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from groups_provisioning import refusals
from groups_provisioning.actions import account_switches, erasing
from orgs.admin.mirror import cause as cause_of
from orgs.admin.mirror import may
from orgs.admin.people import SwitchRefused, UserAdmin
from orgs.db.keys import as_uuid
from orgs.forms import EraseForm
from orgs.history import Cause
from orgs.models import User
from orgs.people import UnknownPerson


class PersonAdmin(UserAdmin):
    actions_detail: ClassVar = ["erase"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Lists have nobody who was erased; the page of their id says so."""
        people = super().get_queryset(request)
        of_one = request.resolver_match is not None and "object_id" in request.resolver_match.kwargs
        return people if of_one else people.filter(erased_at=None)

    def has_erase_permission(self, request: HttpRequest, object_id: str | UUID | None = None) -> bool:
        """For everybody whom a button on the page of theirs would erase; it belongs to superusers."""
        return may(request, "delete", self.opts) and _erasable(object_id) is not None

    @action(description=gettext_lazy("Erase…"), url_path="erase", permissions=["erase"])
    def erase(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user = _erasable(object_id)
        if user is None or user.org is None:
            raise Http404
        form = EraseForm(request.POST if request.method == "POST" else None, person=user)
        page = reverse("admin:orgs_user_change", args=[user.pk])
        if request.method == "POST" and form.is_valid():
            try:
                erasing.erase(org=user.org, user_id=user.pk, cause=cause_of(request))
            except refusals.REFUSALS as refusal:
                messages.error(request, refusals.in_words(refusal))
            else:
                messages.success(request, _("The person was erased."))
            return redirect(page)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": user,
            "title": _("Erase %(name)s?") % {"name": user.label},
            "form": form,
            "page": page,
        }
        return TemplateResponse(request, "admin/orgs/user/erase.html", context)

    def switch(self, user: User, *, active: bool, cause: Cause) -> bool:
        if user.org is None:
            return super().switch(user, active=active, cause=cause)
        # Setting the word of a silent identity provider aside asks a second question, which the person's page does.
        if active and user.deleted_at is None and account_switches.needs_silence(user):
            text = _(
                "Their identity provider deactivated %(name)s: activate them there. While it sends no requests, the "
                "organization's admin can do it on the person's page."
            )
            raise SwitchRefused(text % {"name": user})
        command = account_switches.activate if active else account_switches.deactivate
        try:
            return command(org=user.org, user_id=user.pk, cause=cause)
        except UnknownPerson as gone:
            raise SwitchRefused(_("SCIM deleted %(name)s; only SCIM can restore them.") % {"name": user}) from gone


def _erasable(user_id: str | UUID | None) -> User | None:
    people = User.objects.filter(org__isnull=False, is_owner=False, active=False, erased_at=None)
    return people.filter(pk=as_uuid(str(user_id))).select_related("org").first()


# In place of the page of `orgs.admin`, which registers it as it is imported above, whichever app comes first. That one
# knows no groups, and so settles nobody.
admin.site.unregister(User)
admin.site.register(User, PersonAdmin)
