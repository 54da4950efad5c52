"""Mappings, rules and open conflicts (SPEC E2), with the ids by which commands name them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request

from api import lists
from api.base import OrgView
from api.description import describes
from api.lists import serialized
from api.serializers import MappingState, PageQuery, page_of
from groups_provisioning.choices import TARGET_KINDS
from groups_provisioning.models import Conflict, GroupMapping, MappingRule, PatternType, Pending, Status


class MappingsQuery(PageQuery):
    group = serializers.UUIDField(source="group_id", required=False, help_text="Of this group.")
    entity = serializers.UUIDField(source="entity_id", required=False, help_text="To this one.")
    kind = serializers.ChoiceField(TARGET_KINDS, required=False, help_text="To this kind.")
    status = serializers.ChoiceField(Status.choices, required=False, help_text="With this status.")


class MappingRow(MappingState):
    """A mapping of a group, with what the group's own state leaves out. reason: why it is pending. rule: which mapped
    the group. target_deleted: it needs another target.
    """

    group = serializers.UUIDField()
    reason = serializers.ChoiceField(Pending.choices, allow_null=True)
    target_deleted = serializers.BooleanField()
    rule = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()


def show_mappings(rows: Sequence[GroupMapping]) -> list[dict[str, Any]]:
    serializer = MappingRow()
    return [
        serializer.to_representation(
            {
                "id": row.id,
                "kind": row.kind,
                "status": row.status,
                "entity": None if row.target_deleted else row.entity_id,
                "role": row.role or None,
                "group": row.group_id,
                "reason": row.reason or None,
                "target_deleted": row.target_deleted,
                "rule": row.rule_id,
                "created_at": row.created_at,
            }
        )
        for row in rows
    ]


class Mappings(OrgView):
    @describes("List mappings", query=MappingsQuery, answer=page_of(MappingRow))
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        """Of all groups that are not deleted; rejected ones too."""
        rows = GroupMapping.objects.for_org(self.org).filter(group__deleted_at=None)
        return lists.answer(self, request, MappingsQuery, rows, show_mappings)


class OneMapping(OrgView):
    @describes("Read a mapping", answer=MappingRow)
    def get(self, request: Request, org: UUID, mapping: UUID) -> dict[str, Any]:
        rows = GroupMapping.objects.for_org(self.org).filter(group__deleted_at=None)
        return lists.one(rows, show_mappings, mapping)


class Rule(serializers.Serializer[Any]):
    """How groups of matching names are mapped. Role rules and the others are two lists; of each, the first rule that
    matches a group applies to it. position: in its list. role: of a role rule.
    """

    id = serializers.UUIDField()
    position = serializers.IntegerField()
    pattern_type = serializers.ChoiceField(PatternType.choices)
    pattern = serializers.CharField()
    kind = serializers.ChoiceField(TARGET_KINDS)
    role = serializers.CharField(allow_null=True)
    auto_approve = serializers.BooleanField()
    created_at = serializers.DateTimeField()

    def to_representation(self, instance: Any) -> Any:
        told = super().to_representation(instance)
        return told | {"role": told["role"] or None}


class Rules(OrgView):
    @describes("List rules", answer=page_of(Rule))
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        """All on one page: those for teams, concurrency groups and sub-organizations in their order, then role rules
        in theirs.
        """
        rows = MappingRule.objects.for_org(self.org).order_by("gives_role", "position")
        return {"items": serialized(Rule)(list(rows)), "next": None, "has_more": False}


class OneRule(OrgView):
    @describes("Read a rule", answer=Rule)
    def get(self, request: Request, org: UUID, rule: UUID) -> dict[str, Any]:
        return lists.one(MappingRule.objects.for_org(self.org), serialized(Rule), rule)


class ConflictsQuery(PageQuery):
    person = serializers.UUIDField(source="user_id", required=False, help_text="Of this person.")
    incoming = serializers.UUIDField(source="incoming_id", required=False, help_text="With this incoming mapping.")


class OpenConflict(serializers.Serializer[Any]):
    """A claim that others keep out, and nobody has decided. A person has at most one for each incoming mapping, which
    names it to commands. incoming: the mapping that is kept out. holders: those that hold against it.
    """

    person = serializers.UUIDField(source="user_id")
    incoming = serializers.UUIDField(source="incoming_id")
    holders = serializers.ListField(child=serializers.UUIDField())
    since = serializers.DateTimeField()


class Conflicts(OrgView):
    @describes("List conflicts", query=ConflictsQuery, answer=page_of(OpenConflict))
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        """Open ones, the oldest first."""
        rows = Conflict.objects.for_org(self.org)
        return lists.answer(self, request, ConflictsQuery, rows, serialized(OpenConflict), by=("since", "id"))
