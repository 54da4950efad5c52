"""The search of support over all organizations (SPEC N4). Reads only.

Each question is answered from an index, or looks at a limited number of rows, and finds FEW. Within one organization
the provisioning log answers, as its own admins see it.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.contrib import admin
from django.db.models import Model, Q, QuerySet, UUIDField
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from groups_provisioning.admin.mirrors import found_groups
from groups_provisioning.models import PushedGroup
from orgs import matter_words, matters
from orgs.admin.people import found_people
from orgs.db.keys import as_uuid, fold
from orgs.models import Matter, Organization, User
from scim import log_words, provisioning_log
from scim.models import RequestLog

FEW = 20  # of each sort
SHORTEST = 3  # letters of what is looked for in them


@dataclass(frozen=True, slots=True)
class Found:
    """Something that may be meant. title: what it is called. org: None where it has none, or no longer.

    text: what else there is to say. at: when it happened. address: of its page in the admin.
    """

    title: str
    address: str
    org: Organization | None = None
    text: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """What was found of one sort. all: where the rest is listed; empty if this is everything there may be."""

    title: Promise
    found: list[Found]
    all: str = ""

    @property
    def is_cut(self) -> bool:
        return len(self.found) == FEW


def find(text: str, *, at: datetime, org: Organization | None = None) -> list[Section]:
    """What may be meant by an ID, an address, or the beginning of a name; no section is empty.

    org: look only here, for refused and accepted requests alike.
    """
    term = text.strip()
    if not term:
        return []
    people, groups = _people(term, org), _groups(term, org)
    ids = [str(each.pk) for each in (*people, *groups)]
    sections = [
        Section(gettext_lazy("With this ID"), list(_by_id(term, org))),
        Section(gettext_lazy("Needs attention"), _matters(term, ids, org, at), _list(Matter, term)),
        Section(gettext_lazy("Organizations"), _organizations(term) if org is None else []),
        Section(gettext_lazy("People"), [_person(each) for each in people], _list(User, term)),
        Section(gettext_lazy("SCIM groups"), [_group(each) for each in groups], _list(PushedGroup, term)),
        Section(gettext_lazy("Requests") if org else gettext_lazy("Refused requests"), _requests(term, ids, org)),
    ]
    return [section for section in sections if section.found]


def page_of(row: Model) -> str:
    """The address of a row's page in the admin."""
    if isinstance(row, Organization):
        return reverse("admin:org", args=[row.pk])
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def rows_with(id_: UUID) -> Iterator[Model]:
    """Every row that has a page in the admin and this ID: one look-up by primary key for each table."""
    for model in admin.site._registry:
        if isinstance(model._meta.pk, UUIDField):
            with_org = [field.name for field in model._meta.fields if field.name == "org"]
            yield from model._default_manager.select_related(*with_org).filter(pk=id_)


def org_of(row: Any) -> Organization | None:
    """The organization that a row is, or belongs to."""
    return row if isinstance(row, Organization) else getattr(row, "org", None)


def list_of(model: type[Model]) -> str:
    """The address of a model's list in the admin."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def _list(model: type[Model], term: str) -> str:
    return f"{list_of(model)}?q={quote(term)}"


def _in(rows: QuerySet[Any], org: Organization | None) -> QuerySet[Any]:
    return rows if org is None else rows.for_org(org)  # type: ignore[attr-defined]


def _by_id(term: str, org: Organization | None) -> Iterator[Found]:
    id_ = as_uuid(term)
    for row in rows_with(id_) if id_ else ():
        if org is None or org_of(row) == org:
            yield Found(str(row), page_of(row), org_of(row), text=capfirst(str(row._meta.verbose_name)))


def _organizations(term: str) -> list[Found]:
    key = fold(term)
    found = Organization.objects.filter(Q(name_key__contains=key) | Q(slug__contains=key))[:FEW]
    return [Found(each.name, page_of(each), text=each.slug) for each in found]


def _people(term: str, org: Organization | None) -> list[User]:
    ids = found_people(term)
    found = _in(User.objects.filter(pk__in=ids, erased_at=None), org) if ids else User.objects.none()
    return list(found.select_related("org").order_by("user_name_key", "id")[:FEW])


def _person(user: User) -> Found:
    label = f"{user.label} · {user.user_name}" if user.label != user.user_name else user.user_name
    return Found(label, page_of(user), user.org, text=_state(user))


def _state(user: User) -> str:
    if user.deleted_at is not None:
        return _("deleted by SCIM")
    return "" if user.active else _("deactivated")


def _groups(term: str, org: Organization | None) -> list[PushedGroup]:
    ids = found_groups(term)
    found = _in(PushedGroup.objects.filter(pk__in=ids), org) if ids else PushedGroup.objects.none()
    return list(found.select_related("org").order_by("display_name_key", "id")[:FEW])


def _group(group: PushedGroup) -> Found:
    text = _("deleted") if group.deleted_at else _("out of sync") if group.out_of_sync else ""
    return Found(group.display_name, page_of(group), group.org, text=text)


def _matters(term: str, ids: Sequence[str], org: Organization | None, at: datetime) -> list[Found]:
    """About what is called so, or has one of these ids: refused creates too, of what there is nowhere else."""
    every = _in(matters.open_in_all_orgs(at=at), org).select_related("org__profile")
    # By the organizations and the kinds, with which the index begins.
    every = every.filter(org__in=Organization.objects.order_by(), kind__in=matter_words.SUBJECTS)
    found = list(every.filter(subject_key__startswith=fold(term))[:FEW])
    if ids:
        found += every.filter(subject_key__in=ids)[:FEW]
    by_org = sorted({each.pk: each for each in found}.values(), key=lambda each: each.org_id.int)
    told = [
        Found(each.title, _address(each.matter), of, text=each.text, at=each.matter.last_at)
        for of, group in groupby(by_org, key=lambda each: each.org)
        for each in matter_words.tell(of, group)
    ]
    return sorted(told, key=lambda each: each.at or at, reverse=True)[:FEW]


def _address(matter: Matter) -> str:
    """Of the request that shows it; of the matter itself, where the log does not have it."""
    if matter.request_id is None:
        return page_of(matter)
    return reverse("admin:scim_requestlog_change", args=[matter.request_id])


def _requests(term: str, ids: Sequence[str], org: Organization | None) -> list[Found]:
    if org is not None:
        lines = provisioning_log.page(org, provisioning_log.Wanted(text=term), size=FEW).lines
        return [request(line.call, line.target, org) for line in lines]
    if len(term) < SHORTEST:
        return []
    return [request(call, call.target, call.org) for call in refused_requests(term, ids)[:FEW]]


def refused_requests(term: str, ids: Collection[str] = ()) -> QuerySet[RequestLog]:
    """Of the newest refused requests of all organizations, those about what is called so or has these ids."""
    refused = RequestLog.objects.filter(status__gte=400).order_by("-id")
    return provisioning_log.newest(refused).filter(provisioning_log.named(term, ids)).select_related("org")


def request(call: RequestLog, target: str, org: Organization | None) -> Found:
    """A request, as lists of support show it."""
    title = " · ".join(part for part in (log_words.action(call), target or log_words.filter_of(call)) if part)
    return Found(title, page_of(call), org, text=f"{call.status} {call.detail}".strip(), at=call.at)
