"""Schema profiles: the SCIM dialect of an org's identity provider, and the org's roles (SPEC section 2)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline

from orgs import profiles
from orgs.admin.mirror import cause
from orgs.models import Role, SchemaProfile


class RoleForm(forms.ModelForm):
    class Meta:
        model = Role
        fields = ("key", "rank", "is_default", "is_admin")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Identity providers send the key, and facts store it.
        self.fields["key"].disabled = not self.instance._state.adding

    def validate_constraints(self) -> None:
        """Roles may swap ranks, so only the whole set can be validated: see Roles."""


class Roles(BaseInlineFormSet):
    """All roles of a profile."""

    @property
    def facts(self) -> list[profiles.RoleFacts]:
        kept = [form.cleaned_data for form in self.forms if form.cleaned_data.get("key")]
        return [
            profiles.RoleFacts(
                key=role["key"], rank=role["rank"], is_default=role["is_default"], is_admin=role["is_admin"]
            )
            for role in kept
            if not role.get("DELETE")
        ]

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        try:
            profiles.check(self.facts)
        except profiles.RolesIncomplete:
            raise ValidationError(
                _("Mark one default role and one admin role. Keys and ranks must be unique, and ranks below 10,000.")
            ) from None
        for form in self.deleted_forms:
            if profiles.in_use(self.instance.pk, form.instance.key):
                raise ValidationError(
                    _("The role %(key)s is in use, so it cannot be deleted."), params={"key": form.instance.key}
                )

    def validate_unique(self) -> None:
        """`clean` reports duplicates in its own words."""


class RoleInline(TabularInline):
    model = Role
    form = RoleForm
    formset = Roles
    extra = 0
    hide_title = True
    ordering = ("-rank",)


@admin.register(SchemaProfile)
class SchemaProfileAdmin(ModelAdmin):
    list_display = ("name", "key", "user_extension", "role_policy", "revision")
    show_full_result_count = False
    inlines = (RoleInline,)
    fieldsets = (
        (None, {"fields": ("name", "key", "revision")}),
        (
            _("Users"),
            {
                "fields": (
                    "user_extension",
                    "user_extension_aliases",
                    "role_attribute",
                    "role_attribute_is_array",
                    "role_policy",
                    "placement_attribute",
                    "user_name_is_email",
                    "user_name_is_mutable",
                )
            },
        ),
        (
            _("Groups"),
            {"fields": ("group_extension", "group_extension_aliases", "group_role_attribute", "starting_rules")},
        ),
        (_("Discovery"), {"fields": ("announces_cursors",)}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: SchemaProfile | None = None) -> tuple[str, ...]:
        return ("key", "revision") if obj else ("revision",)

    def has_delete_permission(self, request: HttpRequest, obj: SchemaProfile | None = None) -> bool:
        # One at a time, and never one that an organization uses; the database refuses that as well.
        return obj is not None and not obj.orgs.exists()

    def save_model(self, request: HttpRequest, obj: SchemaProfile, form: Any, change: bool) -> None:
        """A profile is saved together with its roles: see save_related."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        (roles,) = formsets
        profiles.keep(profile=form.instance, roles=roles.facts, cause=cause(request))
        roles.save(commit=False)  # only reports what changed, for the admin's own log
