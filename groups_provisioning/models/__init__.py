from groups_provisioning.models.ended import EndedGroup, EndedMapping, EndedMember
from groups_provisioning.models.groups import GroupMember, MemberPast, NestedGroup, PushedGroup, PushedGroupQuerySet
from groups_provisioning.models.holds import Breach, BreachState, Excess, Hold, Taken
from groups_provisioning.models.imports import Import, ImportRow, Kind, Phase, Verdict
from groups_provisioning.models.mappings import (
    EXCLUSIVE,
    ROLE,
    STATUS_FIELDS,
    SYNCED,
    Decision,
    GroupMapping,
    MappingRule,
    PatternType,
    Pending,
    StartingRule,
    Status,
    is_unmapped,
    takes_rules,
)
from groups_provisioning.models.places import Conflict, Membership, Source
from groups_provisioning.models.previews import Preview

__all__ = [
    "EXCLUSIVE",
    "ROLE",
    "STATUS_FIELDS",
    "SYNCED",
    "Breach",
    "BreachState",
    "Conflict",
    "Decision",
    "EndedGroup",
    "EndedMapping",
    "EndedMember",
    "Excess",
    "GroupMapping",
    "GroupMember",
    "Hold",
    "Import",
    "ImportRow",
    "Kind",
    "MappingRule",
    "MemberPast",
    "Membership",
    "NestedGroup",
    "PatternType",
    "Pending",
    "Phase",
    "Preview",
    "PushedGroup",
    "PushedGroupQuerySet",
    "Source",
    "StartingRule",
    "Status",
    "Taken",
    "Verdict",
    "is_unmapped",
    "takes_rules",
]
