"""Teams, concurrency groups and sub-organizations, and which of these kinds there are (SPEC M7, M8, G6)."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from api import problems, resources, states
from api.base import Answer
from api.commands.previews import DecisionView
from api.description import describes
from api.problems import Problem
from api.serializers import RESOURCES, Exact
from groups_provisioning import refusals
from groups_provisioning.actions import entity_edits
from orgs import entities, organizations
from orgs.entities import BAD_NAMES, UnknownEntity
from orgs.entity_names import LONGEST
from orgs.models import KIND_SWITCHES, Entity, EntityKind

SESSIONS = 1_000_000  # the highest limit


class LimitField(serializers.IntegerField):
    """How many sessions may run at once; null for any number."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=SESSIONS, allow_null=True, required=False, **options)


class EntityBody(Exact):
    name = serializers.CharField(max_length=LONGEST)


class ConcurrencyGroupBody(EntityBody):
    session_limit = LimitField(default=None)


class EntityEdit(Exact):
    """What is not named stays as it is."""

    name = serializers.CharField(max_length=LONGEST, required=False)


class ConcurrencyGroupEdit(EntityEdit):
    session_limit = LimitField()


class KindsBody(Exact):
    """on: the kinds that there are from now on."""

    on = serializers.ListField(child=serializers.ChoiceField(EntityKind.values), max_length=len(EntityKind))


class KindsState(serializers.Serializer[Any]):
    """on: the kinds that are switched on."""

    on = serializers.ListField(child=serializers.ChoiceField(EntityKind.values))


class EntityView(DecisionView):
    """What is below the address of one kind of entities."""

    kind: EntityKind

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        if isinstance(exc, BAD_NAMES):
            exc = self._of_a_name(exc)
        return super().handle_exception(exc)

    def _of_a_name(self, refusal: Exception) -> Problem:
        words = refusals.of_a_name(refusal, self.kind)
        if not isinstance(refusal, entities.NameTaken):
            return problems.invalid({"name": [words]})
        return problems.refused(refusal, words, existing=entities.named(self.org, self.kind, refusal.args[0]))


class Entities(EntityView):
    def create(self, request: Request, body: type[Exact]) -> Answer:
        asked = self.body(request, body)

        def do() -> Any:
            made = entity_edits.create_entity(org=self.org, kind=self.kind, cause=self.cause, **asked)
            return states.one(self.kind, made.id)

        return self.decide(request, None, do, status=201)


class OneEntity(EntityView):
    def change(self, request: Request, entity: UUID, body: type[Exact]) -> Answer:
        asked = self.body(request, body)
        self._check(entity)
        about: dict[str, Any] = {"org": self.org, "entity_id": entity, "cause": self.cause}

        def do() -> Any:
            if "name" in asked:
                entity_edits.rename_entity(name=asked["name"], **about)
            if "session_limit" in asked:
                entity_edits.limit_entity(session_limit=asked["session_limit"], **about)
            return states.one(self.kind, entity)

        return self.decide(request, None, do)

    def end(self, request: Request, entity: UUID) -> Answer:
        self._check(entity)
        wish = {"do": "delete_entity", "entity": str(entity)}

        def do() -> None:
            entity_edits.delete_entity(org=self.org, entity_id=entity, cause=self.cause)

        return self.decide(request, wish, do, status=204)

    def _check(self, entity: UUID) -> None:
        """An entity never becomes one of another kind. Raises UnknownEntity."""
        if not Entity.objects.for_org(self.org).live().filter(id=entity, kind=self.kind).exists():
            raise UnknownEntity(entity)


class Teams(Entities, resources.Teams):
    kind = EntityKind.TEAM

    @describes(
        "Create a team",
        body=EntityBody,
        answer=RESOURCES["team"],
        status=201,
        previews=True,
        problems=("name-taken", "kind-off"),
    )
    def post(self, request: Request, org: UUID) -> Answer:
        return self.create(request, EntityBody)


class OneTeam(OneEntity, resources.OneTeam):
    kind = EntityKind.TEAM

    @describes(
        "Change a team",
        body=EntityEdit,
        answer=RESOURCES["team"],
        previews=True,
        problems=("name-taken", "unknown-entity"),
    )
    def patch(self, request: Request, org: UUID, entity: UUID) -> Answer:
        return self.change(request, entity, EntityEdit)

    @describes(
        "Delete a team",
        answer=None,
        status=204,
        foresees=True,
        problems=("unknown-entity",),
    )
    def delete(self, request: Request, org: UUID, entity: UUID) -> Answer:
        """A group that is mapped to it waits for another target."""
        return self.end(request, entity)


class ConcurrencyGroups(Entities, resources.ConcurrencyGroups):
    kind = EntityKind.CONCURRENCY_GROUP

    @describes(
        "Create a concurrency group",
        body=ConcurrencyGroupBody,
        answer=RESOURCES["concurrency_group"],
        status=201,
        previews=True,
        problems=("name-taken", "kind-off"),
    )
    def post(self, request: Request, org: UUID) -> Answer:
        return self.create(request, ConcurrencyGroupBody)


class OneConcurrencyGroup(OneEntity, resources.OneConcurrencyGroup):
    kind = EntityKind.CONCURRENCY_GROUP

    @describes(
        "Change a concurrency group",
        body=ConcurrencyGroupEdit,
        answer=RESOURCES["concurrency_group"],
        previews=True,
        problems=("name-taken", "unknown-entity"),
    )
    def patch(self, request: Request, org: UUID, entity: UUID) -> Answer:
        return self.change(request, entity, ConcurrencyGroupEdit)

    @describes(
        "Delete a concurrency group",
        answer=None,
        status=204,
        foresees=True,
        problems=("unknown-entity",),
    )
    def delete(self, request: Request, org: UUID, entity: UUID) -> Answer:
        """A group that is mapped to it waits for another target."""
        return self.end(request, entity)


class SubOrganizations(Entities, resources.SubOrganizations):
    kind = EntityKind.SUB_ORGANIZATION

    @describes(
        "Create a sub-organization",
        body=EntityBody,
        answer=RESOURCES["sub_organization"],
        status=201,
        previews=True,
        problems=("name-taken", "kind-off"),
    )
    def post(self, request: Request, org: UUID) -> Answer:
        return self.create(request, EntityBody)


class OneSubOrganization(OneEntity, resources.OneSubOrganization):
    kind = EntityKind.SUB_ORGANIZATION

    @describes(
        "Change a sub-organization",
        body=EntityEdit,
        answer=RESOURCES["sub_organization"],
        previews=True,
        problems=("name-taken", "unknown-entity"),
    )
    def patch(self, request: Request, org: UUID, entity: UUID) -> Answer:
        return self.change(request, entity, EntityEdit)

    @describes(
        "Delete a sub-organization",
        answer=None,
        status=204,
        foresees=True,
        problems=("unknown-entity",),
    )
    def delete(self, request: Request, org: UUID, entity: UUID) -> Answer:
        """A group that is mapped to it waits for another target."""
        return self.end(request, entity)


class Kinds(DecisionView):
    """Which kinds are switched on, which is for support to say (SPEC O2)."""

    @describes(
        "Switch kinds on and off",
        body=KindsBody,
        answer=KindsState,
        foresees=True,
        problems=("operator-only",),
    )
    def put(self, request: Request, org: UUID) -> Answer:
        """Kinds that are not named are off: nobody is placed in what is of them."""
        self.for_the_operator()
        on = sorted(set(self.body(request, KindsBody)["on"]))

        def do() -> Any:
            wishes = {switch: kind in on for kind, switch in KIND_SWITCHES.items()}
            organizations.change(org=self.org, wishes=wishes, cause=self.cause)
            return {"on": on}

        return self.decide(request, {"do": "switch_kinds", "on": on}, do)
