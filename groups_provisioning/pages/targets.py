"""The target of a mapping: the form in which admins choose it, and the names that it suggests."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from groups_provisioning import refusals
from groups_provisioning.choices import TARGET_KINDS
from groups_provisioning.models import ROLE, GroupMapping
from orgs import entities, entity_names, roles
from orgs.db.keys import fold
from orgs.models import KIND_SWITCHES, Entity, Organization

SUGGESTED = 20


class TargetForm(forms.Form):
    """The entity to map a group to, by name: an existing one, or a new one; or the role, one of the profile's.

    kinds: the kinds to choose from; a role is no choice among others. If there is only one, the form has no field for
    it.
    """

    kind = forms.ChoiceField(label=_("Map to"))
    name = forms.CharField(
        max_length=entity_names.LONGEST,
        widget=forms.TextInput(attrs={"list": "targets", "autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, data: Any = None, *, org: Organization, kinds: Sequence[str], name: str = "") -> None:
        """name: the suggested name, or the role; one that is not there, or none, is the default role instead."""
        super().__init__(data, initial={"kind": kinds[0], "name": name}, auto_id="target_%s")
        self.org, self.is_off = org, False
        asked = str(self.data.get("kind", ""))
        self.chosen_kind = asked if asked in kinds else kinds[0]
        labels = dict(TARGET_KINDS)
        self.fields["kind"].error_messages["invalid_choice"] = refusals.in_words(entity_names.KindOff())
        if len(kinds) > 1:
            self.fields["kind"].choices = [(kind, labels[kind]) for kind in kinds]  # type: ignore[attr-defined]
        else:
            del self.fields["kind"]
            self.is_off = asked in labels and asked not in kinds  # it was offered when the page was loaded
        if self.chosen_kind == ROLE:
            catalogue = roles.catalogue(org.profile)
            self.fields["name"] = forms.ChoiceField(choices=[(key, key) for key in catalogue.keys])
            if name not in catalogue.keys:
                self.initial["name"] = catalogue.default
        self.fields["name"].label = labels[self.chosen_kind]

    def clean(self) -> dict[str, Any]:
        if self.is_off:
            self.add_error("name", refusals.in_words(entity_names.KindOff()))
        return super().clean() or {}

    @property
    def text(self) -> str:
        """The current value of the field, valid or not."""
        return str(self["name"].value() or "").replace("\0", "").strip()

    @cached_property
    def target(self) -> UUID | str:
        """The id of the entity with this name, or the name for a new one; of a role, its key."""
        if self.chosen_kind == ROLE:
            return self.text
        return entities.named(self.org, self.chosen_kind, self.text) or self.text

    @property
    def wish(self) -> dict[str, str]:
        """The target, as a preview takes it."""
        return {"entity": str(self.target)} if isinstance(self.target, UUID) else {"name": self.target}


def bulk_targets(org: Organization) -> list[tuple[str, list[tuple[str, str]]]]:
    """What many groups can be mapped to at once, as labelled groups of values: each to the entity of its name; a role.

    A value is a kind, or `role:` and a key.
    """
    on = entities.kinds_on(org)
    kinds = [(kind.value, str(kind.label)) for kind in KIND_SWITCHES if kind in on]
    given = [(f"{ROLE}:{key}", key) for key in roles.catalogue(org.profile).keys]
    found = [(str(_("Each to a target with its name")), kinds), (str(_("All to a role")), given)]
    return [(label, choices) for label, choices in found if choices]


def suggested(org: Organization, kind: str, text: str) -> list[str]:
    """Names that contain the text, of entities that no group is mapped to; none for a role, which has a list."""
    if kind == ROLE:
        return []
    owned = GroupMapping.objects.live().filter(entity=OuterRef("id"))
    free = Entity.objects.for_org(org).live().filter(~Exists(owned), kind=kind, name_key__contains=fold(text.strip()))
    return list(free.order_by("name_key").values_list("name", flat=True)[:SUGGESTED])
