"""What one text finds in an org: people, groups, entities, pages and actions. Reads only, a few rows of each.

People are found by the index of their words (`orgs.db.words`); groups and entities, of which there are thousands at
most, by any part of their names within the org's part of an index.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Case, Q, Value, When
from django.urls import reverse
from django.utils.translation import gettext as _

from groups_provisioning.models import PushedGroup
from groups_provisioning.pages.entities.kind_words import WORDS
from groups_provisioning.pages.global_search import destinations
from groups_provisioning.pages.people import people_list
from orgs import matter_words
from orgs.db.keys import as_uuid, fold
from orgs.db.words import words_of
from orgs.entities import kinds_on
from orgs.matter_words import Told
from orgs.models import Entity, EntityKind, MatterKind, Organization, User
from orgs.models.people import NAMES

SHOWN = 6  # of each sort
ELSEWHERE = "elsewhere"  # where to look further, which is always offered


@dataclass(frozen=True, slots=True)
class Item:
    """One of what was found. note: what tells it from others of its name."""

    title: str
    address: str
    icon: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """What was found of one sort. more: where the others are listed, if there are some."""

    key: str
    title: str
    items: list[Item]
    more: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """told: refused creates of this name, where there are neither people nor groups (SPEC N2)."""

    sections: list[Section]
    told: list[Told] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.told) + sum(len(section.items) for section in self.sections if section.key != ELSEWHERE)


def find(org: Organization, text: str, *, at: datetime) -> Found:
    """What a text finds; the pages and actions for an empty one. Eight queries at most."""
    text = text.strip()
    if not text:
        return Found(list(_destinations(org, text)))
    subjects = [_people(org, text), _groups(org, text)]
    entities = _entities(org, text)
    told = [] if any(section.items for section in subjects) else _refused(org, text, at)
    sections = [*subjects, entities, *_destinations(org, text), _elsewhere(text)]
    return Found([section for section in sections if section.items], told)


def _people(org: Organization, text: str) -> Section:
    live = User.objects.for_org(org).filter(deleted_at=None)
    if id_ := as_uuid(text):
        found = live.filter(id=id_)
    else:
        found = people_list.matching(live, org.pk, text) if words_of(text) else live.none()
    rows = list(found.only(*NAMES, "active").order_by("user_name_key", "id")[: SHOWN + 1])
    items = [
        Item(
            person.label,
            reverse("person", args=[person.id]),
            "user",
            person.user_name if person.label != person.user_name else "",
        )
        for person in rows
    ]
    return _section("people", _("People"), items, "people", text)


def _groups(org: Organization, text: str) -> Section:
    named = PushedGroup.objects.for_org(org).live().filter(_named("display_name_key", text) | Q(external_id=text))
    rows = named.order_by(_first("display_name_key", text), "display_name_key").only("display_name")[: SHOWN + 1]
    items = [Item(group.display_name, reverse("group", args=[group.id]), "folder-sync") for group in rows]
    return _section("groups", _("SCIM groups"), items, "groups", text)


def _entities(org: Organization, text: str) -> Section:
    named = Entity.objects.for_org(org).live().filter(_named("name_key", text), kind__in=kinds_on(org))
    rows = list(named.order_by(_first("name_key", text), "name_key", "kind").only("name", "kind")[: SHOWN + 1])
    icons = {kind: destinations.ICONS[words.url] for kind, words in WORDS.items()}
    items = [
        Item(each.name, reverse("entity", args=[each.id]), icons[EntityKind(each.kind)], each.get_kind_display())
        for each in rows
    ]
    kinds = {EntityKind(each.kind) for each in rows}
    more = WORDS[kinds.pop()].url if len(kinds) == 1 else ""
    return _section("entities", _("Teams, concurrency groups and sub-organizations"), items, more, text)


def _named(column: str, text: str) -> Q:
    """With the text in the name, or with the text as ID."""
    condition = Q(**{f"{column}__contains": fold(text)})
    return condition | Q(id=id_) if (id_ := as_uuid(text)) else condition


def _first(column: str, text: str) -> Any:
    """Names that begin with the text come first."""
    return Case(When(**{f"{column}__startswith": fold(text)}, then=Value(0)), default=Value(1))


def _section(key: str, title: str, items: list[Item], listed: str, text: str) -> Section:
    more = f"{reverse(listed)}?{urlencode({'q': text})}" if listed and len(items) > SHOWN else ""
    return Section(key, title, items[:SHOWN], more)


def _destinations(org: Organization, text: str) -> Iterator[Section]:
    by_sort = (
        ("pages", _("Pages"), destinations.pages(org, text)),
        ("actions", _("Actions"), destinations.actions(org, text)),
    )
    for key, title, found in by_sort:
        yield Section(key, title, [Item(str(each.title), each.address, each.icon) for each in found])


def _elsewhere(text: str) -> Section:
    """Where to look further; a request has an ID of its own."""
    searched = urlencode({"q": text})
    items = [
        Item(_("Search the provisioning log"), f"{reverse('scim-log')}?{searched}", "scroll-text", text),
        Item(_("Search the activity"), f"{reverse('activity')}?{searched}", "history", text),
    ]
    if id_ := as_uuid(text):
        items.insert(0, Item(_("Request with this ID"), reverse("scim-log-entry", args=[id_]), "scroll-text"))
    return Section(ELSEWHERE, _("Elsewhere"), items)


def _refused(org: Organization, text: str, at: datetime) -> list[Told]:
    kinds = (MatterKind.USER_REFUSED, MatterKind.GROUP_REFUSED)
    return [told for kind in kinds for told in matter_words.tell_refused_creates(org, kind, text, at=at)]
