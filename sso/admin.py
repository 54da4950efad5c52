"""What support sees of single sign-on: its state, and the last resort of switching it off (SPEC L2, L6)."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from orgs.admin.mirror import FoundById, cause
from sso import connections
from sso.models import Connection, Revision, State
from sso.status import condition, is_readable
from sso.web.guides import PROVIDERS


@admin.register(Connection)
class ConnectionAdmin(FoundById):
    ids = ("pk", "org")
    list_display = ("org", "state", "provider", "protocol", "created_at")
    list_select_related = ("org",)
    fields = (
        "org",
        "id",
        "state",
        "provider",
        "protocol",
        "issuer",
        "client_id",
        "secret",
        "creates_people",
        "created_at",
    )
    readonly_fields = ("state", "provider", "issuer", "client_id", "secret")
    actions_detail = ("switch_off",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        present = Prefetch("revisions", Revision.objects.exclude(state=State.PAST), to_attr="present")
        return super().get_queryset(request).prefetch_related(present)

    @display(description=_("status"))
    def state(self, connection: Connection) -> Promise | str:
        there = _present(connection)
        return condition(connection, there.get(State.ACTIVE), there.get(State.DRAFT)).label

    @display(description=_("identity provider"))
    def provider(self, connection: Connection) -> Promise | str:
        return PROVIDERS.get(connection.idp, PROVIDERS["other"])[0]

    @display(description=_("issuer"))
    def issuer(self, connection: Connection) -> str:
        used = _used(connection)
        return used.issuer if used else "–"

    @display(description=_("client ID"))
    def client_id(self, connection: Connection) -> str:
        used = _used(connection)
        return used.client_id if used and not used.is_saml else "–"

    @display(description=_("client secret"))
    def secret(self, connection: Connection) -> str:
        used = _used(connection)
        if used is None or used.is_saml:
            return "–"
        return gettext("kept") if is_readable(used) else gettext("cannot be read: sealed with another SECRET_KEY")

    @action(description=_("Switch off"), url_path="switch-off", permissions=["act"])
    def switch_off(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """For an org whose admins cannot sign in to do it; asks first."""
        connection = self.get_object(request, object_id)
        if connection is None or not request.user.has_perm("orgs.change_organization"):
            raise PermissionDenied
        if request.method == "POST":
            if connections.switch_off(org=connection.org, cause=cause(request)):
                self.log_change(request, connection, "org.sso_switched_off")
                text = gettext("Single sign-on of %(name)s is off. Its owner and admins are notified by mail.")
                self.message_user(request, text % {"name": connection.org.name}, messages.WARNING)
            return redirect("admin:sso_connection_change", connection.pk)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": connection,
            "title": gettext("Switch off single sign-on of %(name)s?") % {"name": connection.org.name},
            "active": _present(connection).get(State.ACTIVE),
        }
        return TemplateResponse(request, "admin/sso/connection/switch_off.html", context)


def _present(connection: Any) -> dict[str, Revision]:
    return {each.state: each for each in connection.present}


def _used(connection: Connection) -> Revision | None:
    there = _present(connection)
    return there.get(State.ACTIVE) or there.get(State.DRAFT)
