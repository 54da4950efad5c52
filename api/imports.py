"""Imports by programs (SPEC E6): a file is given, taken by a worker, and asked about until it is done.

With `?preview=true` it is only checked, and waits for `start`. A key without the scope `credentials` cannot give the
admin role by an import (SPEC E5).
"""

import tempfile
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request

from api import bodies, problems
from api.base import Answer, OrgView
from api.description import describes
from api.problems import Problem
from api.serializers import CommandQuery, Exact, Object
from groups_provisioning import import_words
from groups_provisioning.actions import imports
from groups_provisioning.models import Import, ImportRow, Kind, Verdict
from groups_provisioning.proposals import gate
from orgs.models import Scope
from scim import import_reading
from scim.import_files import MOST_BYTES_OF_A_REQUEST, Unreadable

_IN_MEMORY = 2**20  # bytes; what is more is put into a file
_CONTENT_TYPES = (
    *("text/csv", "text/tab-separated-values", "application/json", "application/scim+json"),
    *("application/x-ndjson", "application/jsonl", "application/octet-stream"),
)


class ImportQuery(CommandQuery):
    name = serializers.CharField(
        max_length=200, default="API", help_text="Of the file, by which pages and history call it."
    )


class RowsQuery(Exact):
    verdict = serializers.ChoiceField(choices=Verdict.choices, required=False, help_text="Rows of this verdict alone.")
    after = serializers.IntegerField(
        min_value=0, max_value=2**63 - 1, default=0, help_text="`next` of the page before; without it, the first."
    )
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=500, help_text="Rows of a page.")


class ImportState(serializers.Serializer[Any]):
    """An import.

    name: of its file. phase: checking, checked (it waits to be started), importing, done, cancelled or failed. rows:
    how many there are. taken: how many were looked at. left: rows that are not imported, nor refused for good. counts:
    of rows, by kind and verdict.
    """

    id = serializers.UUIDField()
    name = serializers.CharField()
    phase = serializers.CharField()
    rows = serializers.IntegerField()
    taken = serializers.IntegerField()
    left = serializers.IntegerField()
    counts = Object()
    asked_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class ImportsPage(serializers.Serializer[Any]):
    """The imports of the last week."""

    items = ImportState(many=True)


class ImportRowState(serializers.Serializer[Any]):
    """A row of the file.

    row: its number. group: of a membership. verdict: what comes of it: new, changed, unchanged, ambiguous or refused;
    null until it was looked at. is_final: whether that stays so. id: of the person or group. reason: why it is refused.
    changes: which attributes. detail: in words.
    """

    row = serializers.IntegerField()
    kind = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    group = serializers.CharField(allow_null=True)
    verdict = serializers.CharField(allow_blank=True, allow_null=True)
    is_final = serializers.BooleanField()
    id = serializers.UUIDField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    changes = serializers.ListField(child=serializers.CharField())
    detail = serializers.CharField(allow_blank=True)


class ImportRowsPage(serializers.Serializer[Any]):
    """A page of rows. next: what `after` is to be for the next one; null on the last one."""

    items = ImportRowState(many=True)
    has_more = serializers.BooleanField()
    next = serializers.IntegerField(allow_null=True)


class Imports(OrgView):
    """Those of the last week, newest first; and giving a file."""

    @describes("List imports", answer=ImportsPage)
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        """Those of the last week, newest first."""
        found = Import.objects.for_org(self.org).order_by("-id")
        return {"items": [_state(run) for run in found]}

    @describes(
        "Begin an import",
        query=ImportQuery,
        file=_CONTENT_TYPES,
        answer=ImportState,
        status=202,
        problems=("unreadable-file", "running"),
    )
    def post(self, request: Request, org: UUID) -> Answer:
        """People, groups and memberships, from a file of CSV or JSON. With `preview=true` it is only checked, and waits
        to be started.

        A CSV file is about people, groups or memberships, by the names of its columns. People: `userName`, and `id`,
        `externalId`, `givenName`, `familyName`, `displayName`, `email`, `active`, `role`, `groups`. Groups:
        `displayName`, and `id`, `externalId`, `role`, `members`. Memberships: `group`, `member`. People and groups may
        have a column for every other SCIM attribute. `id` is the id in the former system; several values in one cell
        are separated by semicolons. A JSON file is a list of SCIM users and groups, one array, one after another, or a
        ListResponse.
        """
        asked = self.asked(request, ImportQuery)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
            _receive(request, file)
            run = self.begin(file, name=asked["name"], check=asked["preview"])
        return Answer(202, _state(run), {"Location": f"{request.path.rstrip('/')}/{run.id}"})

    def begin(self, file: Any, *, name: str, check: bool) -> Import:
        try:
            return imports.begin(
                org=self.org,
                name=name,
                rows=import_reading.rows(self.org, file),
                check=check,
                makes_admins=_makes_admins(self),
                cause=self.cause,
            )
        except Unreadable as refusal:
            detail = import_words.file(refusal.why, refusal.place, refusal.about)
            raise _unreadable(detail, reason=refusal.why, row=refusal.place) from None
        except imports.Empty:
            detail = import_words.file("empty", None, {})
            raise _unreadable(detail) from None
        except imports.Running as refusal:
            raise problems.refused(refusal, "Another import is running. Wait for its end, or cancel it.") from None


class OneImport(OrgView):
    """What an import would do, does or did."""

    @describes("Read an import", answer=ImportState)
    def get(self, request: Request, org: UUID, import_id: UUID) -> dict[str, Any]:
        """What it would do, does or did."""
        return _state(self.run(import_id))

    def run(self, import_id: UUID) -> Import:
        try:
            return imports.one(self.org, import_id)
        except imports.UnknownImport:
            raise problems.not_found() from None


class ImportRows(OneImport):
    """Every row, or those of one verdict, in the order in which they are taken within a kind."""

    @describes("List the rows of an import", query=RowsQuery, answer=ImportRowsPage)
    def get(self, request: Request, org: UUID, import_id: UUID) -> dict[str, Any]:
        """In the order in which they are taken within a kind."""
        asked = self.asked(request, RowsQuery)
        rows = ImportRow.objects.filter(run=self.run(import_id), id__gt=asked["after"]).order_by("id")
        if "verdict" in asked:
            rows = rows.filter(verdict=asked["verdict"])
        found = list(rows.defer("facts")[: asked["limit"] + 1])
        items = [_row(row) for row in found[: asked["limit"]]]
        has_more = len(found) > asked["limit"]
        return {"items": items, "has_more": has_more, "next": found[asked["limit"] - 1].pk if has_more else None}


class StartImport(OneImport):
    """Carries out what was checked."""

    http_method_names = ["post"]

    @describes("Start an import", answer=ImportState, status=202, problems=("not-checked", "running"))
    def post(self, request: Request, org: UUID, import_id: UUID) -> Answer:
        """Carries out what was checked."""
        try:
            run = imports.start(
                org=self.org, import_id=self.run(import_id).id, makes_admins=_makes_admins(self), cause=self.cause
            )
        except imports.NotChecked as refusal:
            raise problems.refused(refusal, "The import runs already, or has ended.") from None
        except imports.Running as refusal:
            raise problems.refused(refusal, "Another import is running. Wait for its end, or cancel it.") from None
        return Answer(202, _state(run))


class CancelImport(OneImport):
    """Ends an import where it stands; one that has ended stays as it is."""

    http_method_names = ["post"]

    @describes("Cancel an import", answer=ImportState)
    def post(self, request: Request, org: UUID, import_id: UUID) -> dict[str, Any]:
        """It ends where it stands; one that has ended stays as it is."""
        return _state(imports.cancel(org=self.org, import_id=self.run(import_id).id, cause=self.cause))


def _unreadable(detail: str, **more: Any) -> Problem:
    return Problem(400, detail, kind="unreadable-file", **more)


def _makes_admins(view: OrgView) -> bool:
    has_scope = view.key is not None and Scope.CREDENTIALS in view.key.scopes
    return has_scope and gate.may_make_admins(view.org, view.cause)


def _receive(request: Request, file: Any) -> None:
    """Take the body, which is never in memory as a whole. Raises Problem."""
    sent = request._request
    if sent.content_type not in _CONTENT_TYPES:
        raise Problem(415, f"Send the file as the body, with one of these content types: {', '.join(_CONTENT_TYPES)}.")
    bodies.receive(sent, file, most=MOST_BYTES_OF_A_REQUEST)
    file.seek(0)


def _state(run: Import) -> dict[str, Any]:
    """counts: of rows by kind and verdict. left: rows that are not imported, nor refused for good."""
    counts: dict[str, dict[str, int]] = {}
    left = 0
    for kind, verdict, is_final, rows in imports.tally(run):
        left += 0 if is_final else rows
        if verdict:
            of_kind = counts.setdefault(Kind(kind).name.lower(), {})
            of_kind[verdict] = of_kind.get(verdict, 0) + rows
    return {
        "id": str(run.id),
        "name": run.name,
        "phase": run.phase,
        "rows": run.rows,
        "taken": run.taken,
        "left": left,
        "counts": counts,
        "asked_at": run.asked_at,
        "ended_at": run.ended_at,
    }


def _row(row: ImportRow) -> dict[str, Any]:
    return {
        "row": row.place,
        "kind": Kind(row.kind).name.lower(),
        "name": row.name,
        "group": row.group or None,
        "verdict": row.verdict,
        "is_final": row.is_final,
        "id": str(row.subject) if row.subject else None,
        "reason": row.told.get("why"),
        "changes": row.told.get("changes", []),
        "detail": import_words.row(row.told),
    }
