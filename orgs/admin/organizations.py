"""Organizations: plan, prerequisites, profile and switches, handing over and deleting (SPEC O1, O2, U13)."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from orgs import deletions, domains, open_matters, organizations, owners, people, support
from orgs.admin.mirror import BigTable, Mirror, cause
from orgs.admin.setup_links import SetupLinkPages
from orgs.db.keys import as_uuid, fold
from orgs.models import Mark, Organization, OrgDeletion, SchemaProfile, Turn, User
from orgs.web.access import require_recent

NO_ADMIN = _("No active admin except the owner")
DELETING = _("Being deleted")


def _label(text: Promise | str, kind: str, address: str = "") -> SafeString:
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": kind, "href": address})


class OrganizationForm(forms.ModelForm):
    class Meta:
        model = Organization
        fields: tuple[str, ...] = organizations.OF_SUPPORT
        help_texts: ClassVar = {
            "sso_configured": _(
                "Only if people sign in elsewhere, through your own product. Its admins set up single sign-on for this"
                " portal themselves, on its settings pages."
            )
        }

    domains = forms.CharField(
        label=_("Verified domains"),
        required=False,
        show_hidden_initial=True,  # an org's admins may verify one while this form is open
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=_(
            "One per line. If any is listed, users can only have addresses in these domains. Several organizations of "
            "one company may list the same domain."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["domains"] = "\n".join(self.instance.verified_domains.values_list("name", flat=True))

    def clean_domains(self) -> list[str]:
        names: list[str] = self.cleaned_data["domains"].split()
        try:
            domains.check_names(names)
        except domains.NotADomain as error:
            raise ValidationError(_("%(name)s is not a valid domain.") % {"name": error}) from error
        return names

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if Organization.objects.exclude(pk=self.instance.pk).filter(name_key=fold(name)).exists():
            raise ValidationError(_("Another organization has this name."))
        return name

    def clean_profile(self) -> SchemaProfile:
        profile: SchemaProfile = self.cleaned_data["profile"]
        if profile.pk != self.instance.profile_id and organizations.is_provisioned(self.instance):
            raise ValidationError(
                _("SCIM has provisioned people here with the roles and attributes of the current profile.")
            )
        return profile


class NewOrganizationForm(OrganizationForm):
    """What a new org starts with, and the address of its owner."""

    class Meta(OrganizationForm.Meta):
        fields: tuple[str, ...] = ("slug", *organizations.OF_SUPPORT)

    slug = forms.SlugField(
        max_length=80,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("What commands, support and its sign-in page call it. Made of the name if empty; never changes."),
    )
    owner = forms.CharField(
        label=_("Owner's address"),
        max_length=254,
        widget=UnfoldAdminTextInputWidget,
        validators=[validate_email],
        help_text=_("Gets a mail with a link to set a password. SCIM neither lists nor changes the owner account."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "name" in cleaned and "slug" in cleaned:
            cleaned["slug"] = cleaned["slug"] or organizations.slug_of(cleaned["name"])
            if Organization.objects.filter(slug=cleaned["slug"]).exists():
                self.add_error("slug", _("Another organization has this slug."))
        return cleaned


class Organizations(ChangeList):
    """The list, whose rows lead to the page with everything about an organization."""

    def url_for_result(self, result: Organization) -> str:
        return reverse("admin:org", args=[result.pk])


@admin.register(Organization)
class OrganizationAdmin(SetupLinkPages, BigTable):
    form = OrganizationForm
    list_display = ("name", "attention", "slug", "plan", "sign_on", "users", "groups", "profile")
    list_filter = ("plan", "sso_configured", "profile")
    list_select_related = ("profile",)
    actions_detail = ("hand_over", "setup_links")
    search_fields = ("name", "slug")
    search_help_text = _("Part of the name, the slug, or an ID")
    readonly_fields = ("id", "slug", "created_at", "attention", "connection")
    fieldsets = (
        (None, {"fields": ("name", "attention", "slug", "id", "created_at")}),
        (_("What SCIM needs"), {"fields": ("plan", "sso_configured", "connection", "profile", "domains")}),
        (
            _("Features"),
            {
                "fields": (
                    "user_provisioning",
                    "group_provisioning_activated",
                    "group_provisioning",
                    "teams",
                    "concurrency_groups",
                    "sub_organizations",
                )
            },
        ),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return Organizations

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None:
            return super().get_fieldsets(request, obj)
        title, needs = self.fieldsets[1]
        there = tuple(name for name in needs["fields"] if name != "connection")  # which a new one has not
        return ((None, {"fields": ("name", "slug", "owner")}), (title, {"fields": there}), *self.fieldsets[2:])

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else super().get_readonly_fields(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        if obj is None:
            options |= {"form": NewOrganizationForm}
        return super().get_form(request, obj, change, **options)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        return super().get_queryset(request).annotate(lost_every_admin=support.LOST_EVERY_ADMIN)

    def read_more(self, rows: list[Any]) -> None:
        matters = open_matters.of_each([org for org in rows if org.closed_at is None], at=timezone.now())
        for org in rows:
            org.matters = matters.get(org.pk, [])

    @display(description=_("needs attention"))
    def attention(self, org: Any) -> SafeString | str:
        """How many open matters there are, urgent ones first; they lead to the page that has them."""
        if org.closed_at is not None:
            return _label(DELETING, "danger")
        address = f"{reverse('admin:org', args=[org.pk])}#matters"
        urgent = sum(matter.is_urgent for matter in org.matters)
        open_ = len(org.matters)
        labels = [
            _label(NO_ADMIN, "danger", address) if org.lost_every_admin else "",
            _label(gettext("%(count)s urgent") % {"count": urgent}, "danger", address) if urgent else "",
            _label(gettext("%(count)s open") % {"count": open_}, "warning", address) if open_ > urgent else "",
        ]
        return format_html_join(" ", "{}", ((label,) for label in labels if label)) or "–"

    @display(description=_("single sign-on"))
    def sign_on(self, org: Organization) -> str:
        return gettext("on") if org.has_single_sign_on else gettext("off")

    @display(description=_("user provisioning"))
    def users(self, org: Organization) -> str:
        return gettext("on") if org.user_provisioning else gettext("off")

    @display(description=_("group provisioning"))
    def groups(self, org: Organization) -> str:
        return gettext("on") if org.group_provisioning else gettext("off")

    @display(description=_("single sign-on"))
    def connection(self, org: Organization) -> str:
        """Whether it is active; its own page says more, and switches it off."""
        words = gettext("active") if org.sso_connection else gettext("none is active")
        return format_html(
            '<a href="{}?q={}">{}</a>', reverse("admin:sso_connection_changelist"), org.pk, capfirst(words)
        )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.closed_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """One at a time, on its own page."""
        return super().has_delete_permission(request, obj) and obj is not None

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """What goes, counted; the slug has to be typed. A worker then deletes it, and the page shows how far it is."""
        org = self.get_object(request, object_id)
        if org is None or not self.has_delete_permission(request, org):
            raise PermissionDenied
        typed = request.POST.get("slug", "").strip()
        if request.method == "POST" and typed == org.slug:
            deletions.begin(org=org, cause=cause(request))
            text = gettext("%(name)s is closed and being deleted. Its tokens are refused, and nobody can sign in.")
            self.message_user(request, text % {"name": org.name}, messages.WARNING)
            return redirect("admin:orgs_orgdeletion_changelist")
        if org.closed_at is not None:
            return redirect("admin:orgs_orgdeletion_changelist")
        words = {
            "title": gettext("Delete %(name)s?") % {"name": org.name},
            "counts": deletions.counts(org, set(self.admin_site._registry) - {Mark, Turn}),
            "most": deletions.MOST,
            "wrong": request.method == "POST",
        }
        return self._page(request, org, "delete_org", words)

    @action(description=_("Hand over the owner account"), url_path="hand-over", permissions=["act"])
    def hand_over(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The new address; then the effects, and a question."""
        org = self.get_object(request, object_id)
        if org is None or not self.has_change_permission(request, org):
            raise PermissionDenied
        require_recent(request)
        address = request.POST.get("address", "").strip()
        words = {"title": gettext("Hand over the owner account of %(name)s") % {"name": org.name}, "address": address}
        if request.method == "POST":
            try:
                owners.check(org, address)
                if "sure" in request.POST:
                    owner = owners.hand_over(org=org, address=address, cause=cause(request))
                    self.log_change(request, owner, "org.owner_changed")
                    text = gettext(
                        "The owner account of %(name)s now belongs to %(address)s. Both are notified by mail."
                    )
                    self.message_user(request, text % {"name": org.name, "address": address})
                    return redirect("admin:orgs_organization_change", org.pk)
                words["asked"] = "1"
            except people.NotAnAddress:
                words["error"] = gettext("This is not an e-mail address.")
            except owners.SameAddress:
                words["error"] = gettext("The owner account has this address already.")
        return self._page(
            request, org, "hand_over", words | {"owner": User.objects.for_org(org).filter(is_owner=True).first()}
        )

    def _page(self, request: HttpRequest, org: Organization, name: str, words: dict[str, Any]) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "original": org, **words}
        return TemplateResponse(request, f"admin/orgs/organization/{name}.html", context)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        key = fold(search_term.strip())
        return queryset.filter(Q(name_key__contains=key) | Q(slug__contains=key) | Q(pk=as_uuid(key))), False

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A new org has an owner, who is sent a link."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        require_recent(request)
        return super().add_view(request, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        if "domains" in form.changed_data:
            require_recent(request)
        wishes = {name: form.cleaned_data[name] for name in form.changed_data if name != "domains"}
        organizations.change(org=obj, wishes=wishes, cause=cause(request))
        if "domains" in form.changed_data:
            domains.keep(org=obj, names=form.cleaned_data["domains"], cause=cause(request))


@admin.register(OrgDeletion)
class OrgDeletionAdmin(Mirror):
    """Which organizations were deleted, by whom, and how far those are that are being deleted."""

    list_display = ("name", "slug", "state", "rows", "asked_by", "asked_at", "finished_at")
    list_select_related = ("asked_by",)
    ordering = ("-id",)
    search_fields = ("slug",)
    search_help_text = _("The slug")
    fields = ("name", "slug", "state", "rows", "asked_by", "asked_at", "finished_at")

    @admin.display(description=_("status"))
    def state(self, deletion: OrgDeletion) -> str:
        if deletion.finished_at is not None:
            return gettext("Deleted")
        if not deletion.stage:
            return gettext("Waiting for a worker")
        done, all_ = deletions.progress(deletion)
        return gettext("%(done)d of %(all)d tables, now %(stage)s") % {
            "done": done,
            "all": all_,
            "stage": deletion.stage,
        }

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(slug__startswith=term) if term else queryset), False
