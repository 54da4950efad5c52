"""What pushed groups are mapped to, and groups that end because nobody pushes them any more (SPEC M1, M2, R6, G10)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request

from api import problems, states
from api.base import Answer
from api.commands.previews import DecisionView, refused
from api.description import describes
from api.mappings import MappingRow, show_mappings
from api.serializers import RESOURCES, Exact, RefusedOne
from groups_provisioning.actions.mappings import Approvals
from groups_provisioning.choices import ROLE, TARGET_KINDS
from groups_provisioning.models import EndedMapping, GroupMapping, PushedGroup
from groups_provisioning.preview.plans import Wish
from groups_provisioning.rules.assignments import Target, UnknownGroup, UnknownMapping
from orgs import entities
from orgs.entity_names import LONGEST

KINDS = [kind for kind, _label in TARGET_KINDS]
MOST = 2_000  # mappings or groups that are decided about together
ENDS = 500  # groups that are ended together, one after the other


class TargetBody(Exact):
    """What to map to: an entity by its id or its name, one that there is or a new one; or a role."""

    entity = serializers.UUIDField(required=False)
    name = serializers.CharField(max_length=LONGEST, required=False)
    role = serializers.CharField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if sum(name in attrs for name in ("entity", "name", "role")) > 1:
            raise serializers.ValidationError({"entity": ["Send one of entity, name and role."]})
        return attrs


class MapBody(TargetBody):
    """kind: of the entity, or `role`. With the kind alone, the entity of the group's name."""

    kind = serializers.ChoiceField(KINDS)


class MappingsBody(Exact):
    ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MOST)


class MapManyBody(MappingsBody):
    """Each group is mapped to the entity of its name, or all are given a role."""

    kind = serializers.ChoiceField(KINDS)
    role = serializers.CharField(required=False, default="")


class EndBody(Exact):
    ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=ENDS)


class ManyDone(serializers.Serializer[Any]):
    """What was decided about many. approved: what the mappings are now. refused: those that stay as they were."""

    approved = MappingRow(many=True)
    refused = RefusedOne(many=True)


class RejectedMany(serializers.Serializer[Any]):
    """rejected: how many were not rejected before."""

    rejected = serializers.IntegerField()


class EndedMany(serializers.Serializer[Any]):
    """ended: the ids of the groups."""

    ended = serializers.ListField(child=serializers.UUIDField())


TARGETS = (
    *("unknown-group", "unknown-entity", "unknown-role", "kind-off", "entity-owned", "excluded", "role-given"),
    *("name-taken", "reserved-name", "unusable-name"),
)
"""Why something cannot be mapped to a target."""


class TargetView(DecisionView):
    def target(self, asked: dict[str, Any], kind: str) -> tuple[Target, dict[str, str]]:
        """The target that was sent, for the command and for its wish. Raises Problem if it does not fit the kind."""
        wrong = ("entity", "name") if kind == ROLE else ("role",)
        if sent := [name for name in wrong if name in asked]:
            raise problems.invalid({sent[0]: [f"This is not for the kind {kind}."]})
        if "role" in asked:
            self.may_give(asked["role"])
            return asked["role"], {"name": asked["role"]}
        entity = asked.get("entity") or ("name" in asked and entities.named(self.org, kind, asked["name"].strip()))
        if entity:
            return entity, {"entity": str(entity)}
        return asked.get("name"), {"name": asked["name"]} if "name" in asked else {}

    def mapping(self, mapping: UUID) -> GroupMapping:
        """Raises UnknownMapping."""
        found = GroupMapping.objects.for_org(self.org).filter(id=mapping).first()
        if found is None:
            raise UnknownMapping(mapping)
        return found

    def check_groups(self, ids: Sequence[UUID]) -> None:
        """Raises UnknownGroup for those that the org does not have."""
        found = PushedGroup.objects.for_org(self.org).live().filter(id__in=ids).values_list("id", flat=True)
        if unknown := set(ids) - set(found):
            raise UnknownGroup(min(unknown))

    def check_mappings(self, ids: Sequence[UUID]) -> None:
        """Raises UnknownMapping."""
        found = GroupMapping.objects.for_org(self.org).filter(id__in=ids).values_list("id", flat=True)
        if unknown := set(ids) - set(found):
            raise UnknownMapping(min(unknown))


class Mappings(TargetView):
    @describes(
        "Map a group",
        body=MapBody,
        answer=MappingRow,
        asks=True,
        foresees=True,
        problems=("second-of-its-kind", *TARGETS),
    )
    def post(self, request: Request, org: UUID, group: UUID) -> Answer:
        """By hand. The role of admins needs the scope `credentials` besides."""
        asked = self.body(request, MapBody)
        kind = asked["kind"]
        if kind == ROLE and "role" not in asked:
            raise problems.invalid({"role": ["Name the role."]})
        self.check_groups([group])
        _target, wished = self.target(asked, kind)
        wish: Wish = {"do": "map", "group": str(group), "kind": kind, **wished}
        return self.decide(request, wish, lambda: _told(self.run(wish)))


class Approve(TargetView):
    @describes(
        "Approve a mapping",
        body=TargetBody,
        answer=MappingRow,
        asks=True,
        foresees=True,
        problems=("unknown-mapping", "not-pending", "already-rejected", *TARGETS),
    )
    def post(self, request: Request, org: UUID, mapping: UUID) -> Answer:
        """Without a target, for the one that it has, or else for the entity of the group's name."""
        asked, found = self.body(request, TargetBody), self.mapping(mapping)
        target, wished = self.target(asked, found.kind)
        self.may_give(found.role if target is None else None)
        wish: Wish = {"do": "approve", "ids": [str(mapping)], **wished}
        return self.decide(request, wish, lambda: _told(self.run(wish)))


class Retarget(TargetView):
    @describes(
        "Retarget a mapping",
        body=TargetBody,
        answer=MappingRow,
        asks=True,
        foresees=True,
        problems=("unknown-mapping", "already-rejected", *TARGETS),
    )
    def post(self, request: Request, org: UUID, mapping: UUID) -> Answer:
        """The mapping is another one from then on, with an id of its own."""
        asked, found = self.body(request, TargetBody), self.mapping(mapping)
        target, wished = self.target(asked, found.kind)
        if target is None:
            raise problems.invalid({"role" if found.kind == ROLE else "entity": ["Name the new target."]})
        wish: Wish = {"do": "retarget", "mapping": str(mapping), **wished}
        return self.decide(request, wish, lambda: _told(self.run(wish)))


class Reject(TargetView):
    @describes(
        "Reject a mapping",
        answer=MappingRow,
        asks=True,
        foresees=True,
        problems=("unknown-mapping", "unknown-group"),
    )
    def post(self, request: Request, org: UUID, mapping: UUID) -> Answer:
        wish: Wish = {"do": "reject", "ids": [str(mapping)]}

        def do() -> Any:
            self.run(wish)
            return _told(self.mapping(mapping))

        return self.decide(request, wish, do)


class ApproveMany(TargetView):
    @describes(
        "Approve mappings",
        body=MappingsBody,
        answer=ManyDone,
        asks=True,
        foresees=True,
        problems=("unknown-mapping", *TARGETS),
    )
    def post(self, request: Request, org: UUID) -> Answer:
        """Those that are refused stay as they are, and the others are approved."""
        ids = self.body(request, MappingsBody)["ids"]
        self.check_mappings(ids)
        self.may_give(*GroupMapping.objects.for_org(self.org).filter(id__in=ids).values_list("role", flat=True))
        wish: Wish = {"do": "approve", "ids": [str(id_) for id_ in ids], "many": True}
        return self.decide(request, wish, lambda: _done(self.run(wish)))


class RejectMany(TargetView):
    @describes(
        "Reject mappings",
        body=MappingsBody,
        answer=RejectedMany,
        asks=True,
        foresees=True,
        problems=("unknown-mapping", "unknown-group"),
    )
    def post(self, request: Request, org: UUID) -> Answer:
        ids = self.body(request, MappingsBody)["ids"]
        wish: Wish = {"do": "reject", "ids": [str(id_) for id_ in ids]}
        return self.decide(request, wish, lambda: {"rejected": self.run(wish)})


class MapMany(TargetView):
    @describes(
        "Map groups",
        body=MapManyBody,
        answer=ManyDone,
        asks=True,
        foresees=True,
        problems=TARGETS,
    )
    def post(self, request: Request, org: UUID) -> Answer:
        """Groups that have a mapping to an entity, or are refused, stay as they are."""
        asked = self.body(request, MapManyBody)
        ids, kind, role = asked["ids"], asked["kind"], asked["role"]
        if (kind == ROLE) != bool(role):
            raise problems.invalid({"role": ["Name a role with the kind `role` alone."]})
        self.check_groups(ids)
        self.may_give(role)
        wish: Wish = {"do": "map_many", "ids": [str(id_) for id_ in ids], "kind": kind, "role": role}
        return self.decide(request, wish, lambda: _done(self.run(wish)))


# --- Ends -------------------------------------------------------------------------------------------------------------


class EndGroups(TargetView):
    @describes(
        "End groups",
        body=EndBody,
        answer=EndedMany,
        asks=True,
        foresees=True,
        problems=("unknown-group",),
    )
    def post(self, request: Request, org: UUID) -> Answer:
        """As if the identity provider had deleted them. Further changes that it sends of them are refused."""
        return self.end(request, self.body(request, EndBody)["ids"])

    def end(self, request: Request, ids: Sequence[UUID]) -> Answer:
        told = [str(id_) for id_ in sorted(set(ids))]
        wish: Wish = {"do": "end", "ids": told}

        def do() -> Any:
            self.run(wish)
            return {"ended": told}

        return self.decide(request, wish, do)


class EndGroup(EndGroups):
    @describes("End a group", answer=EndedMany, asks=True, foresees=True, problems=("unknown-group",))
    def post(self, request: Request, org: UUID, group: UUID) -> Answer:  # type: ignore[override]
        """As if the identity provider had deleted it. Further changes that it sends of it are refused."""
        return self.end(request, [group])


class UndoEnd(DecisionView):
    @describes(
        "Undo the end of a group",
        answer=RESOURCES["group"],
        asks=True,
        foresees=True,
        problems=("not-ended", "name-in-use"),
    )
    def post(self, request: Request, org: UUID, group: UUID) -> Answer:
        """It is back as it was, without the people whom SCIM has deleted since."""
        ended = EndedMapping.objects.for_org(self.org).filter(mapping__group=group)
        own = PushedGroup.objects.for_org(self.org).filter(id=group).values_list("roles", flat=True)
        self.may_give(*ended.values_list("mapping__role", flat=True), *(role for roles in own for role in roles))

        wish: Wish = {"do": "undo_end", "group": str(group)}

        def do() -> Any:
            self.run(wish)
            return states.one("group", group)

        return self.decide(request, wish, do)


def _told(mapping: GroupMapping) -> dict[str, Any]:
    return show_mappings([mapping])[0]


def _done(done: Approvals) -> dict[str, Any]:
    return {"approved": [_told(each) for each in done.approved], "refused": refused(done.refused.items())}
