"""Schema profiles: the SCIM dialect of an org's identity provider, and the org's roles (SPEC section 2)."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib import admin
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminTextInputWidget

from orgs import profiles
from orgs.admin.mirror import BigTable, cause
from orgs.models import ProfileAttribute, Role, SchemaProfile


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


WRONG = {
    profiles.Wrong.NAME: _("A name begins with a letter, and has letters, digits, “-”, “_” and “$” after it."),
    profiles.Wrong.EXTENSION: _("The profile has no such extension: enter its schema above."),
    profiles.Wrong.CORE: _("The core schema has an attribute with this name; without a URN the name means that one."),
    profiles.Wrong.TAKEN: _("The attribute of the role or of the placement has this name."),
    profiles.Wrong.TWICE: _("The extension has another attribute with this name; letter case makes no difference."),
}


class Attributes(BaseInlineFormSet):
    """All described attributes of a profile."""

    def _kept(self) -> list[forms.BaseForm]:
        filled = [form for form in self.forms if form.cleaned_data.get("name")]
        return [form for form in filled if not form.cleaned_data.get("DELETE")]

    @property
    def facts(self) -> list[profiles.AttributeFacts]:
        names = [column.name for column in fields(profiles.AttributeFacts)]
        return [profiles.AttributeFacts(**{name: form.cleaned_data[name] for name in names}) for form in self._kept()]

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        for place, wrong in profiles.wrong_attributes(self.instance, self.facts).items():
            self._kept()[place].add_error("carrier" if wrong == profiles.Wrong.EXTENSION else "name", WRONG[wrong])

    def validate_unique(self) -> None:
        """`clean` reports duplicates in its own words."""


class AttributeInline(TabularInline):
    model = ProfileAttribute
    formset = Attributes
    fields = ("carrier", "name", "type", "multi_valued", "case_exact", "description")
    extra = 0
    hide_title = True
    verbose_name = _("further attribute")
    verbose_name_plural = _("Further attributes")


@admin.register(SchemaProfile)
class SchemaProfileAdmin(BigTable):
    list_display = ("name", "key", "user_extension", "role_policy", "revision")
    sortable_by = ()
    formfield_overrides: ClassVar = {
        ArrayField: {"widget": UnfoldAdminTextInputWidget, "help_text": _("Separated by commas.")}
    }
    inlines: Any = (RoleInline, AttributeInline)
    fieldsets = (
        (None, {"fields": ("name", "key", "revision")}),
        (
            _("People"),
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
            {"fields": ("group_extension", "group_extension_aliases", "group_role_attribute")},
        ),
        (_("Discovery"), {"fields": ("announces_cursors",)}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: SchemaProfile | None = None) -> tuple[str, ...]:
        return ("key", "revision") if obj else ("revision",)

    def has_delete_permission(self, request: HttpRequest, obj: SchemaProfile | None = None) -> bool:
        # One at a time, and never one that an organization uses; the database refuses that as well.
        return super().has_delete_permission(request, obj) and obj is not None and not obj.orgs.exists()

    def save_model(self, request: HttpRequest, obj: SchemaProfile, form: Any, change: bool) -> None:
        """A profile is saved together with its roles and attributes: see save_related."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        roles, attributes = among(formsets, Roles), among(formsets, Attributes)
        profiles.keep(profile=form.instance, roles=roles.facts, attributes=attributes.facts, cause=cause(request))
        for formset in (roles, attributes):
            formset.save(commit=False)  # only reports what changed, for the admin's own log


FormSet = TypeVar("FormSet", bound=BaseInlineFormSet)


def among(formsets: Iterable[BaseInlineFormSet], kind: type[FormSet]) -> FormSet:
    """The formset of this kind."""
    return next(formset for formset in formsets if isinstance(formset, kind))
