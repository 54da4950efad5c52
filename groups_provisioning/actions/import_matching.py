"""Who or what a row of an import means: by reference, external id and name (SPEC E6)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Q

from groups_provisioning.models import Import, ImportRow, PushedGroup
from orgs.models import User

Subject = TypeVar("Subject", User, PushedGroup)
Claims = dict[UUID, tuple[int, int]]
"""By subject, the id and the place of the row that means it."""


class Known(Generic[Subject]):
    """People, or groups, by what rows may name them by. name: the column of the name, and what a file calls it."""

    def __init__(self, found: Iterable[Subject], *, name: tuple[str, str]) -> None:
        column, self._name = name
        self.found: list[Subject] = list(found)
        self._by_name: dict[str, Subject] = {getattr(each, f"{column}_key"): each for each in self.found}
        self._by_reference: dict[str, Subject] = {each.reference: each for each in self.found if each.reference}
        self._by_external_id: dict[str, list[Subject]] = {}
        for each in self.found:
            if each.external_id:
                self._by_external_id.setdefault(each.external_id, []).append(each)

    def meant(self, row: ImportRow) -> list[tuple[str, Subject]]:
        """Each whom a row may mean, with what it has in common; the same one several times, perhaps."""
        meant = [("externalId", each) for each in self._by_external_id.get(row.external_id, ())]
        if row.reference in self._by_reference:
            meant.append(("id", self._by_reference[row.reference]))
        if row.name_key in self._by_name:
            meant.append((self._name, self._by_name[row.name_key]))
        return meant


def asked(rows: Sequence[ImportRow], *, name_key: str) -> Q:
    """The condition for everybody, or every group, that one of these rows may mean."""
    condition = Q(**{f"{name_key}__in": [row.name_key for row in rows]})
    if external := [row.external_id for row in rows if row.external_id]:
        condition |= Q(external_id__in=external) & ~Q(external_id="")  # as the condition of the index
    if references := [row.reference for row in rows if row.reference]:
        condition |= Q(reference__in=references) & ~Q(reference="")
    return condition


def claims(run: Import, rows: Sequence[ImportRow], subjects: Collection[UUID]) -> Claims:
    """Which of these subjects earlier rows of the file mean already."""
    first = rows[0]
    earlier = ImportRow.objects.filter(run=run, kind=first.kind, subject__in=subjects, id__lt=first.id)
    return {subject: (id_, place) for subject, id_, place in earlier.values_list("subject", "id", "place") if subject}


def merged(present: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes with those of a row over them: what a file leaves out stays. Objects are merged part by part."""
    result = dict(present)
    for key, value in said.items():
        was = result.get(key)
        if key == "schemas":  # of `folded`: every URN by which the resource may be found
            result[key] = sorted({*(was or ()), *value})
        else:
            result[key] = {**was, **value} if isinstance(was, Mapping) and isinstance(value, Mapping) else value
    return result


def differing(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The names of attributes that differ."""
    return sorted(key for key in {*was, *now} if was.get(key) != now.get(key))
