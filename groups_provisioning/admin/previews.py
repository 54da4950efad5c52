"""Changes by support to a whole org are shown with their effects before they are saved (SPEC M9)."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext as _
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminTextInputWidget

from groups_provisioning.actions import founding, mappings, rules
from groups_provisioning.actions.rules import FACTS, RuleFacts
from groups_provisioning.models import ROLE, PatternType, StartingRule
from groups_provisioning.preview import runs, shown
from groups_provisioning.preview.plans import Wish
from groups_provisioning.refusals import bad_pattern
from groups_provisioning.rules import patterns
from orgs import domains, organizations
from orgs.admin.mirror import cause
from orgs.admin.organizations import OrganizationAdmin
from orgs.admin.profiles import Roles, SchemaProfileAdmin, among
from orgs.models import KIND_SWITCHES, Organization, SchemaProfile

MOST = 20  # orgs of a profile whose effects are worked out


class Previewed:
    """A form of the admin that asks for confirmation and shows the effects, if a change may have any."""

    def wishes(self, form: Any, formsets: Any) -> Iterable[tuple[Organization, Wish]]:
        """What would be done, by org; the form and its formsets are valid."""
        raise NotImplementedError

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        page: Any = super()
        if request.method == "POST" and object_id and (asked := self._question(request, object_id)):
            return asked
        answer: HttpResponse = page.changeform_view(request, object_id, form_url, extra_context)
        return answer

    def _question(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        site: Any = self
        row = site.get_object(request, unquote(object_id))
        if row is None or not site.has_change_permission(request, row):
            return None
        form = site.get_form(request, row, change=True)(request.POST, request.FILES, instance=row)
        formsets, _inlines = site._create_formsets(request, form.instance, change=True)
        if not all([form.is_valid(), *(each.is_valid() for each in formsets)]):
            return None
        outlooks = [(org, runs.look(org, wish)) for org, wish in self.wishes(form, formsets)]
        if not outlooks:
            return None
        seen = " ".join(outlook.fingerprint for _, outlook in outlooks)
        if request.POST.get("_seen") == seen:
            return None
        if "_seen" in request.POST:
            messages.info(
                request, _("Not saved yet: the effects have changed since you saw them. Review them, then save.")
            )
        context = {
            **site.admin_site.each_context(request),
            "opts": site.opts,
            "original": row,
            "title": _("Save the changes?"),
            "effects": [(org, outlook.run, shown.show(org, outlook)) for org, outlook in outlooks],
            "ready": all(outlook.summary for _, outlook in outlooks),
            "sent": [
                (name, value)
                for name, values in request.POST.lists()
                if name not in ("csrfmiddlewaretoken", "_seen")
                for value in values
            ],
            "seen": seen,
        }
        return TemplateResponse(request, "admin/preview.html", context)


class PreviewedOrganizationAdmin(Previewed, OrganizationAdmin):
    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        """A new org is founded as `create_org` founds it, with an owner, who is mailed."""
        if change:
            super().save_model(request, obj, form, change)
            if "profile" in form.changed_data:
                mappings.release_roles(profile=form.cleaned_data["profile"], cause=cause(request))
            return
        chosen = form.cleaned_data
        founded = founding.found(
            name=chosen["name"],
            slug=chosen["slug"],
            owner_email=chosen["owner"],
            profile=chosen["profile"],
            settings={name: chosen[name] for name in organizations.OF_SUPPORT if name not in ("name", "profile")},
            mails_owner=True,
            cause=cause(request),
        )
        if chosen["domains"]:
            domains.keep(org=founded.org, names=chosen["domains"], cause=cause(request))
        obj.pk = founded.org.pk

    def wishes(self, form: Any, formsets: Any) -> Iterable[tuple[Organization, Wish]]:
        if set(form.changed_data) & set(KIND_SWITCHES.values()):
            on = sorted(kind.value for kind, switch in KIND_SWITCHES.items() if form.cleaned_data[switch])
            # Read again: the form has already set the new values on its row.
            org = Organization.objects.select_related("profile").get(pk=form.instance.pk)
            yield org, {"do": "switch_kinds", "on": on}


class StartingRuleForm(forms.ModelForm):
    class Meta:
        model = StartingRule
        fields = ("position", "pattern_type", "pattern", "kind", "role", "auto_approve")
        field_classes: ClassVar = {"pattern": forms.CharField}
        widgets: ClassVar = {"pattern": UnfoldAdminTextInputWidget}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["pattern"].strip = False  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "pattern_type" in cleaned and "pattern" in cleaned:
            try:
                patterns.check(cleaned["pattern_type"], cleaned["pattern"])
            except patterns.BadPattern as bad:
                self.add_error("pattern", _bad_pattern(cleaned, bad))
        if "kind" in cleaned and (cleaned["kind"] == ROLE) != bool(cleaned.get("role")):
            self.add_error("role", _NO_ROLE)
        return cleaned


_NO_ROLE = gettext_lazy("Enter the key of a role of this profile if the rule gives a role, otherwise nothing.")


def _bad_pattern(cleaned: dict[str, Any], bad: patterns.BadPattern) -> str:
    if cleaned["pattern_type"] == PatternType.ALL:
        return gettext("A rule for every group has no pattern.")
    return bad_pattern(cleaned["pattern"], bad)


class StartingRules(BaseInlineFormSet):
    """All starting rules of a profile."""

    roles: Roles | None = None  # of the same page

    def clean(self) -> None:
        super().clean()
        if self.roles is None or not self.roles.is_valid():
            return
        keys = {"", *(role.key for role in self.roles.facts)}
        for form in self.forms:
            row = form.cleaned_data if form.is_valid() else {}
            if row and not row.get("DELETE") and row["role"] not in keys:
                form.add_error("role", _NO_ROLE)

    @property
    def facts(self) -> list[RuleFacts]:
        """In their order; of two with the same number the upper row comes first."""
        kept = [form.cleaned_data for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        kept.sort(key=lambda row: row["position"])
        return [RuleFacts(**{name: row[name] for name in FACTS}) for row in kept]


class StartingRuleInline(TabularInline):
    model = StartingRule
    form = StartingRuleForm
    formset = StartingRules
    extra = 0
    hide_title = True
    verbose_name = gettext_lazy("starting rule")
    verbose_name_plural = gettext_lazy("Mapping rules that a new organization starts with")


class PreviewedSchemaProfileAdmin(Previewed, SchemaProfileAdmin):
    inlines = (*SchemaProfileAdmin.inlines, StartingRuleInline)

    def _create_formsets(self, request: HttpRequest, obj: Any, change: bool) -> Any:
        found: Any = super()
        formsets, inlines = found._create_formsets(request, obj, change)
        if request.method == "POST":
            among(formsets, StartingRules).roles = among(formsets, Roles)
        return formsets, inlines

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        mappings.release_roles(profile=form.instance, cause=cause(request))
        starting = among(formsets, StartingRules)
        rules.keep_starting(profile=form.instance, rules=starting.facts)
        starting.save(commit=False)  # only reports what changed, for the admin's own log

    def wishes(self, form: Any, formsets: Any) -> Iterable[tuple[Organization, Wish]]:
        roles = among(formsets, Roles)
        facts = sorted(roles.facts, key=lambda role: role.rank, reverse=True)
        wish = {
            "do": "roles",
            "keys": [role.key for role in facts],
            "default": next(role.key for role in facts if role.is_default),
            "admin": next(role.key for role in facts if role.is_admin),
            "policy": form.cleaned_data["role_policy"],
        }
        if roles.has_changed() or "role_policy" in form.changed_data:
            orgs = Organization.objects.filter(profile=form.instance.pk).select_related("profile").order_by("id")
            yield from ((org, wish) for org in orgs[:MOST])


# In place of the pages of `orgs.admin`, which registers them as it is imported above, whichever app comes first.
admin.site.unregister([Organization, SchemaProfile])
admin.site.register(Organization, PreviewedOrganizationAdmin)
admin.site.register(SchemaProfile, PreviewedSchemaProfileAdmin)
