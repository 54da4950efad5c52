"""People and credentials. IdPs and commands own their data; support can deactivate, sign out and revoke."""

from typing import Any, ClassVar, cast
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from orgs import api_keys, people, tokens
from orgs.admin.mirror import FoundById, Mirror, cause, chosen, may, moment, report
from orgs.db.keys import as_uuid, fold
from orgs.db.words import people_with, words_of
from orgs.history import Cause
from orgs.models import ApiKey, Entity, Organization, ScimToken, User
from orgs.staff_groups import StaffRole
from orgs.web.access import is_recent, require_recent

OWN_ACCOUNT = _("You cannot do this to your own account.")
ACTIVE, DEACTIVATED, DELETED = _("Active"), _("Deactivated"), _("Deleted by SCIM")
OPENED, CLOSED = _("Activated by hand"), _("Deactivated by hand")
WAITS, REVOKED, EXPIRED = _("Waits to be confirmed"), _("Revoked"), _("Expired")
MOST = 200  # people found by one search


class SwitchRefused(Exception):
    """An account cannot be activated or deactivated; the argument says why."""


class StatusFilter(admin.SimpleListFilter):
    title = _("status")
    parameter_name = "status"
    WANTED: ClassVar = {
        "active": Q(active=True),
        "deactivated": Q(active=False, deleted_at=None),
        "deleted": Q(deleted_at__isnull=False),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("active", ACTIVE), ("deactivated", DEACTIVATED), ("deleted", DELETED)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        return queryset.filter(self.WANTED.get(self.value() or "", Q()))


@admin.register(User)
class UserAdmin(Mirror):
    list_display = ("user_name", "label", "org", "kind", "status")
    list_filter = (("org", AutocompleteSelectFilter), StatusFilter, "is_staff", "is_owner")
    list_select_related = ("org",)
    ordering = ("-id",)
    search_fields = ("user_name",)
    search_help_text = _("An ID, an external ID, or the beginning of a name, user name or address")
    actions = ("deactivate", "activate", "end_sessions", "make_read_only", "make_support", "make_superuser")
    fieldsets = (
        (None, {"fields": ("user_name", "org", "id", "external_id", "revision")}),
        (
            _("Account"),
            {
                "fields": (
                    *("login_email", "status", "idp_says", "deleted_at", "erased_at"),
                    *("is_owner", "is_staff", "last_sign_in"),
                )
            },
        ),
        (_("Name"), {"fields": ("display_name", "given_name", "family_name")}),
        (_("Roles"), {"fields": ("roles", "idp_roles", "manual_roles")}),
        (_("From the identity provider"), {"fields": ("scim_managed", "attributes", "created_at", "modified_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description=_("account"))
    def kind(self, user: User) -> str:
        if user.is_staff:
            return str(people.staff_role(user).label)
        if user.is_owner:
            return str(_("Owner"))
        return str(_("SCIM") if user.scim_managed else _("By hand"))

    @admin.display(description=_("name"))
    def label(self, user: User) -> str:
        return Truncator(user.label).chars(80) if user.label != user.user_name else ""

    @display(description=_("status"), label={ACTIVE: "success", OPENED: "warning"})
    def status(self, user: User) -> Promise:
        """As on the page of the organization."""
        if user.deleted_at is not None:
            return DELETED
        if user.active:
            return OPENED if user.activity.is_opened else ACTIVE
        return CLOSED if user.activity.is_closed else DEACTIVATED

    @admin.display(description=_("identity provider says"))
    def idp_says(self, user: User) -> Promise | str:
        """While a decision by hand stands over it."""
        return "–" if user.idp_active is None else ACTIVE if user.idp_active else DEACTIVATED

    @admin.display(description=_("last sign-in"))
    def last_sign_in(self, user: User) -> SafeString | str:
        return moment(user.last_login)

    @admin.display(description=_("roles"))
    def roles(self, user: User) -> str:
        return str(getattr(user, "standing", None) or "–")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if term := search_term.strip():
            queryset = queryset.filter(pk__in=found_people(term))
        return queryset, False

    @admin.action(description=_("Deactivate: end the account and its sessions"))
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._switch(request, queryset, active=False)

    @admin.action(description=_("Activate"))
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        require_recent(request)
        self._switch(request, queryset, active=True)

    @admin.action(description=_("End all sessions"))
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        asked = self._chosen(request, queryset)
        for user in asked:
            people.sign_out(user_id=user.pk, cause=cause(request))
            self.log_change(request, user, "user.signed_out")
        report(self, request, len(asked), len(asked))

    @admin.action(description=_("Staff: make read-only"), permissions=["staff"])
    def make_read_only(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._give(request, queryset, StaffRole.READ_ONLY)

    @admin.action(description=_("Staff: make support"), permissions=["staff"])
    def make_support(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._give(request, queryset, StaffRole.SUPPORT)

    @admin.action(description=_("Staff: make superuser"), permissions=["staff"])
    def make_superuser(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._give(request, queryset, StaffRole.SUPERUSER)

    def has_staff_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether somebody may look after the accounts of the staff."""
        return cast(User, request.user).is_superuser

    def _give(self, request: HttpRequest, queryset: QuerySet[User], role: StaffRole) -> None:
        """Nobody does it to themselves, so that there is always a superuser."""
        require_recent(request)
        asked = chosen(request, queryset.filter(is_staff=True))
        if request.user in asked:
            self.message_user(request, OWN_ACCOUNT, messages.ERROR)
            return
        differing = [user for user in asked if people.staff_role(user) != role]
        for user in differing:
            people.give_staff_role(user_id=user.pk, role=role)
            self.log_change(request, user, f"staff.{role.name.lower()}")
        report(self, request, len(differing), len(asked))

    def _chosen(self, request: HttpRequest, queryset: QuerySet[User]) -> list[User]:
        """Without the staff, for those who do not look after their accounts."""
        asked: list[User] = chosen(request, queryset)
        if self.has_staff_permission(request) or not any(user.is_staff for user in asked):
            return asked
        self.message_user(request, _("Accounts of the staff are looked after by superusers."), messages.ERROR)
        return [user for user in asked if not user.is_staff]

    def _switch(self, request: HttpRequest, queryset: QuerySet[User], *, active: bool) -> None:
        asked = self._chosen(request, queryset)
        if request.user in asked:
            self.message_user(request, OWN_ACCOUNT, messages.ERROR)
            return
        done = refused = 0
        for user in asked:
            try:
                if self.switch(user, active=active, cause=cause(request)):
                    self.log_change(request, user, "user.activated" if active else "user.deactivated")
                    done += 1
            except SwitchRefused as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
                refused += 1
        report(self, request, done, len(asked), refused)

    def switch(self, user: User, *, active: bool, cause: Cause) -> bool:
        """Activate or deactivate an account of the staff, or in a subclass of an org; whether it changed.

        Raises SwitchRefused, with words.
        """
        return people.switch_staff(user_id=user.pk, active=active, cause=cause)


def found_people(term: str) -> set[UUID]:
    """The ids of people whom support may mean; of each way to be found at most MOST."""
    return _called(term) | {pk for search in _searches(term) for pk in search.values_list("pk", flat=True)[:MOST]}


def _called(term: str) -> set[UUID]:
    """Those in whose names each word begins one. An address or ID is no name: many have some of its words."""
    words = words_of(term)
    if not words or "@" in term or as_uuid(term):
        return set()
    return people_with(words, Organization.objects.order_by().values_list("pk", flat=True), most=MOST)


def _searches(term: str) -> tuple[QuerySet[User], ...]:
    """People by ID, external ID, address, or the beginning of a user name or sign-in address.

    Each search has its own index, which begins with the org for values that are unique within one; a single query with
    OR could use none of them.
    """
    key = fold(term)
    people = User.objects.order_by()
    in_orgs = people.filter(org__in=Organization.objects.order_by())
    return (
        people.filter(pk=as_uuid(term)),
        people.filter(login_email__startswith=key),
        people.filter(email_keys__contains=[key]),
        in_orgs.filter(user_name_key__startswith=key),
        in_orgs.filter(external_id=term).exclude(external_id=""),
    )


def _state(credential: ScimToken | ApiKey) -> Promise:
    if credential.revoked_at is not None:
        return REVOKED
    return ACTIVE if credential.is_valid(timezone.now()) else EXPIRED


@admin.register(ScimToken)
class ScimTokenAdmin(Mirror):
    list_display = ("name", "org", "hint", "idp", "state", "created_at", "expires_at", "last_used_at")
    list_filter = (("org", AutocompleteSelectFilter), "idp")
    list_select_related = ("org",)
    ordering = ("-id",)
    search_fields = ("id",)
    search_help_text = _("An ID, or the last four characters of the token")
    actions = ("confirm", "revoke")
    fields = (
        *("name", "org", "id", "hint", "idp", "state"),
        *("created_at", "created_by", "setup_link", "confirmed_at", "taken_over_by"),
        *("expires_at", "revoked_at", "revoked_by"),
        *("last_used_at", "last_used_address", "last_used_agent"),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if term := search_term.strip():
            queryset = queryset.filter(Q(pk=as_uuid(term)) | Q(hint=f"{tokens.PREFIX}…{term[-4:]}"))
        return queryset, False

    @display(description=_("status"), label={ACTIVE: "success", WAITS: "warning"})
    def state(self, token: ScimToken) -> Promise:
        state = _state(token)
        return WAITS if state is ACTIVE and token.waits else state

    @admin.action(description=_("Confirm"))
    def confirm(self, request: HttpRequest, queryset: QuerySet[ScimToken]) -> None:
        """Of tokens that were made through setup links (SPEC L8)."""
        if not is_recent(request):
            text = gettext("Confirming gives access, so it asks for a sign-in within the last 15 minutes.")
            self.message_user(request, text, messages.ERROR)
            return
        asked = chosen(request, queryset.select_related("org"))
        waiting = [token for token in asked if token.waits and token.is_valid(timezone.now())]
        for token in waiting:
            tokens.confirm(org=token.org, token_id=token.pk, cause=cause(request))
        report(self, request, len(waiting), len(asked))

    @admin.action(description=_("Revoke"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ScimToken]) -> None:
        asked = chosen(request, queryset.select_related("org"))
        valid = [token for token in asked if token.revoked_at is None]
        for token in valid:
            tokens.revoke(org=token.org, token_id=token.pk, cause=cause(request))
        report(self, request, len(valid), len(asked))


@admin.register(ApiKey)
class ApiKeyAdmin(Mirror):
    """Keys of all orgs, and the operator's, which have no org (SPEC E5)."""

    list_display = ("name", "whose", "hint", "may", "state", "created_at", "expires_at", "last_used_at")
    list_filter = (("org", AutocompleteSelectFilter),)
    list_select_related = ("org",)
    ordering = ("-id",)
    search_fields = ("id",)
    search_help_text = _("An ID, or the last four characters of the key")
    actions = ("revoke",)
    fields = (
        *("name", "whose", "id", "hint", "state", "may"),
        *("created_at", "created_by", "taken_over_by", "expires_at", "revoked_at", "revoked_by"),
        *("last_used_at", "last_used_address", "last_used_agent"),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if term := search_term.strip():
            queryset = queryset.filter(Q(pk=as_uuid(term)) | Q(hint=f"{tokens.PREFIX_OF_KEYS}…{term[-4:]}"))
        return queryset, False

    @admin.display(description=_("organization"))
    def whose(self, key: ApiKey) -> SafeString | str:
        if key.org is None:
            return gettext("The operator")
        return format_html('<a class="text-link" href="{}">{}</a>', reverse("admin:org", args=[key.org_id]), key.org)

    @display(description=_("status"), label={ACTIVE: "success"})
    def state(self, key: ApiKey) -> Promise:
        return _state(key)

    @admin.display(description=_("may"))
    def may(self, key: ApiKey) -> SafeString:
        return format_html_join(mark_safe("<br>"), "{}", ((words,) for words in key.scopes_in_words))

    @admin.action(description=_("Revoke"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        asked = chosen(request, queryset)
        valid = [key for key in asked if key.revoked_at is None]
        if any(key.org_id is None for key in valid) and not may(request, "delete", self.opts):
            self.message_user(request, _("The operator's keys are revoked by superusers."), messages.ERROR)
            valid = [key for key in valid if key.org_id is not None]
        for key in valid:
            api_keys.revoke(key_id=key.pk, cause=cause(request))
        report(self, request, len(valid), len(asked))


@admin.register(Entity)
class EntityAdmin(FoundById):
    list_display = ("name", "org", "kind", "session_limit", "created_at", "deleted_at")
    list_filter = (("org", AutocompleteSelectFilter), "kind")
    list_select_related = ("org",)
    ordering = ("-id",)
    fields = ("name", "org", "id", "kind", "session_limit", "created_at", "deleted_at")
