"""Organizations: plan, prerequisites, profile and switches (SPEC O1, O2)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from orgs import domains, organizations, support
from orgs.admin.mirror import BigTable, cause
from orgs.db.keys import as_uuid, fold
from orgs.models import Organization, SchemaProfile

NO_ADMIN = _("No active admin except the owner")


class OrganizationForm(forms.ModelForm):
    class Meta:
        model = Organization
        fields = organizations.OF_SUPPORT

    domains = forms.CharField(
        label=_("Verified domains"),
        required=False,
        show_hidden_initial=True,  # an org's admins may verify one while this form is open
        widget=forms.Textarea(attrs={"rows": 4}),
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


@admin.register(Organization)
class OrganizationAdmin(BigTable):
    form = OrganizationForm
    list_display = (
        "name",
        "attention",
        "slug",
        "plan",
        "sso_configured",
        "profile",
        "user_provisioning",
        "group_provisioning",
    )
    list_filter = ("plan", "sso_configured", "profile")
    list_select_related = ("profile",)
    list_before_template = "admin/orgs/organization/how_to_add.html"
    search_fields = ("name", "slug")
    search_help_text = _("Part of the name, the slug, or an ID")
    readonly_fields = ("id", "slug", "created_at", "attention")
    fieldsets = (
        (None, {"fields": ("name", "attention", "slug", "id", "created_at")}),
        (_("What SCIM needs"), {"fields": ("plan", "sso_configured", "profile", "domains")}),
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        return super().get_queryset(request).annotate(lost_every_admin=support.LOST_EVERY_ADMIN)

    @display(description=_("attention"), label={NO_ADMIN: "danger"})
    def attention(self, org: Any) -> Promise | None:
        return NO_ADMIN if org.lost_every_admin else None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        key = fold(search_term.strip())
        return queryset.filter(Q(name_key__contains=key) | Q(slug__contains=key) | Q(pk=as_uuid(key))), False

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        wishes = {name: form.cleaned_data[name] for name in form.changed_data if name != "domains"}
        organizations.change(org=obj, wishes=wishes, cause=cause(request))
        if "domains" in form.changed_data:
            domains.keep(org=obj, names=form.cleaned_data["domains"], cause=cause(request))
