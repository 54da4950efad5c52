"""What a `Change` tells: every verb that there is or ever was, and the keys of its detail.

The one place where `Change.verb` and the keys of `Change.detail` are spelled. A command writes a detail by handing one
of these to `history.record`; whoever reads one gets it from `history.read`. History is kept for ever and is never
migrated, so:

- A verb or a key is never renamed or given another meaning, and a verb that nothing writes any more stays here.
- A field without a default is always stored. A field with a default is left out where it holds the default.
- A field that came later than its verb is `later(before=...)`: always stored, and `before` stands for older changes.
- A key that is not among the fields is not read: a newer release may have written it.

tests/orgs/golden/change_details.json has an example of every shape that was ever stored.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar, Literal, NotRequired, Self, TypedDict, dataclass_transform
from uuid import UUID

VERBS: dict[str, type["Detail"]] = {}
"""By verb, what it tells."""

_BEFORE = "before"


def later(*, before: Any) -> Any:
    """A field that is always stored now, and is `before` in changes that are older than it."""
    return field(metadata={_BEFORE: before})


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field, later))
class Detail:
    """What one verb tells. A subclass without a verb is what several have in common, and cannot be recorded."""

    verb: ClassVar[str]

    def __init_subclass__(cls, verb: str | None = None) -> None:
        dataclass(frozen=True, kw_only=True)(cls)
        if verb is not None:
            assert verb not in VERBS, verb
            cls.verb = verb
            VERBS[verb] = cls

    def stored(self) -> dict[str, Any]:
        """As `Change.detail` holds it."""
        told = ((each, getattr(self, each.name)) for each in _fields(type(self)))
        return {each.name: value for each, value in told if value != _default(each)}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """From what `Change.detail` holds, in whatever shape it was ever written."""
        return cls(**{each.name: stored[each.name] if each.name in stored else _absent(each) for each in _fields(cls)})


def read(verb: str, stored: Mapping[str, Any]) -> Detail | None:
    """What a change tells; None for a verb that this release does not know."""
    kind = VERBS.get(verb)
    return kind.of(stored) if kind else None


def _fields(kind: type[Detail]) -> tuple[Field[Any], ...]:
    return fields(kind)  # type: ignore[arg-type]


def _default(each: Field[Any]) -> Any:
    """What a field is left out for; MISSING if it never is."""
    return each.default if each.default_factory is MISSING else each.default_factory()


def _absent(each: Field[Any]) -> Any:
    """What a field is where it was left out, or was not known yet."""
    value = each.metadata.get(_BEFORE, _default(each))
    if value is MISSING:
        raise KeyError(each.name)
    return value


# --- Parts of details -------------------------------------------------------------------------------------------------
# They stay JSON, since a change may have thousands. Ids are text; statuses, kinds and the like are values of choices.


class EntityAbout(TypedDict):
    """An entity, and what it was called then. The keys of `EntityDetail`."""

    entity: str
    kind: str
    name: str


class GroupAbout(TypedDict):
    """A pushed group, and what became of its members. Keys of `GroupDetail`."""

    group: str
    name: str
    added: int
    removed: int
    nested: int


class PlacementAbout(EntityAbout):
    """Somebody and an entity. The keys of `PlacementDetail`."""

    user: str


class RuleThen(TypedDict):
    """The rule that made a mapping, as it was then."""

    id: str
    pattern_type: str
    pattern: str


class Settled(TypedDict):
    """Who was settled after conflicts were decided. The keys of `ConflictsDetail`."""

    user: str | None
    marked: int


class MappingStory(TypedDict):
    """What became of a mapping. was, now: statuses; `was` is None for a new one. entity: None where it has none yet."""

    mapping: str
    group: str
    group_name: str
    kind: str
    entity: str | None
    entity_name: str | None
    rule: RuleThen | None
    was: str | None
    now: str
    reason: str


class RenameStory(TypedDict):
    """What became of the name `was` of an entity when its group was renamed: it is `now`, or why it was `kept`."""

    entity: str
    kind: str
    was: str
    now: NotRequired[str]
    kept: NotRequired[str]


class RuleStory(TypedDict):
    """A mapping rule as an admin sees it."""

    id: str
    pattern_type: str
    kind: str
    pattern: str
    auto_approve: bool


class FieldStory(TypedDict):
    """A column that went from one value to another."""

    was: Any
    now: Any


class DriftStory(TypedDict):
    """An effect on one person that was not what it should be."""

    user: str
    slot: str
    was: Any
    now: Any


class EffectCounts(TypedDict):
    """How many rows of effects there were."""

    roles: int
    places: int
    conflicts: int


# --- What verbs have in common ----------------------------------------------------------------------------------------


class MarkingDetail(Detail):
    """marked: how many people are to be settled by a worker."""

    marked: int


class MappingsDetail(MarkingDetail):
    """mappings: what became of them."""

    mappings: list[MappingStory]


class PersonDetail(Detail):
    """user: the id of whom it is about."""

    user: str


class GroupDetail(MappingsDetail):
    """A pushed group. added, removed: how many people. nested: how many groups that came or went."""

    group: str
    name: str
    added: int
    removed: int
    nested: int
    marked: int = later(before=0)
    mappings: list[MappingStory] = field(default_factory=list)


class EntityDetail(Detail):
    """A team, concurrency group or sub-organization."""

    entity: str
    kind: str
    name: str


class PlacementDetail(PersonDetail, EntityDetail):
    """Somebody, and an entity in which they are or are not by an admin's hand."""


class ConflictsDetail(MarkingDetail):
    """user: who it was about, if it was one person, who was settled at once; else they were `marked`."""

    user: str | None = None
    marked: int = 0


class TokenDetail(Detail):
    """token: the id of a SCIM token; name: as its admin calls it."""

    token: str
    name: str


# --- People -----------------------------------------------------------------------------------------------------------


class UserCreated(PersonDetail, verb="user.created"):
    """SCIM created somebody."""


class UserChanged(PersonDetail, verb="user.changed"):
    """SCIM changed somebody."""


class UserAdopted(PersonDetail, verb="user.adopted"):
    """SCIM took over somebody who had been invited by hand (SPEC U3)."""


class UserRevived(PersonDetail, verb="user.revived"):
    """SCIM created somebody whom it had deleted (SPEC U3)."""


class UserDeleted(PersonDetail, verb="user.deleted"):
    """SCIM deleted somebody (SPEC U5)."""


class UserActivated(PersonDetail, verb="user.activated"):
    """Support opened an account."""


class UserDeactivated(PersonDetail, verb="user.deactivated"):
    """Support ended an account."""


class UserSignedOut(PersonDetail, verb="user.signed_out"):
    """Support ended somebody's sessions."""


class UserPlaced(PlacementDetail, verb="user.placed"):
    """An admin placed somebody in an entity (SPEC R4)."""


class UserTakenOut(PlacementDetail, verb="user.taken_out"):
    """An admin took somebody out of an entity. against_scim: although SCIM places them there (SPEC R4)."""

    against_scim: bool


class UserPutBack(PlacementDetail, verb="user.put_back"):
    """An admin ended a removal, so that SCIM may place somebody again (SPEC R4)."""


class UserRolesSet(PersonDetail, verb="user.roles_set"):
    """An admin gave somebody roles, or None (SPEC R1). was, now: keys of roles."""

    was: list[str] | None
    now: list[str] | None


# --- Groups and mappings ----------------------------------------------------------------------------------------------


class GroupCreated(GroupDetail, verb="group.created"):
    """SCIM pushed a group."""


class GroupRestored(GroupDetail, verb="group.restored"):
    """SCIM pushed a group again that it had deleted (SPEC G5)."""


class GroupChanged(GroupDetail, verb="group.changed"):
    """SCIM changed a group, or wrote it as it is, which ends removals by hand.

    was: the name that it had, if it was renamed. entities: those that were to be renamed with it.
    """

    was: str | None = None
    entities: list[RenameStory] = field(default_factory=list)


class GroupDeleted(GroupDetail, verb="group.deleted"):
    """SCIM deleted a group (SPEC G4)."""


class MappingApproved(MappingsDetail, verb="mapping.approved"):
    """An admin approved mappings, or mapped groups by hand."""


class MappingRejected(MappingsDetail, verb="mapping.rejected"):
    """An admin ended mappings."""


class MappingRetargeted(MappingsDetail, verb="mapping.retargeted"):
    """An admin mapped a group to another entity: the old mapping is Rejected, and there is a new one."""


# --- Rules ------------------------------------------------------------------------------------------------------------


class RuleAdded(Detail, verb="rule.added"):
    """An admin added a mapping rule."""

    rule: RuleStory


class RuleChanged(Detail, verb="rule.changed"):
    """An admin changed a mapping rule."""

    rule: RuleStory
    was: RuleStory


class RuleDeleted(Detail, verb="rule.deleted"):
    """An admin deleted a mapping rule."""

    rule: RuleStory


class RulesStarted(Detail, verb="rules.started"):
    """A new org got the rules of its profile."""

    rules: list[RuleStory]


class RulesReordered(Detail, verb="rules.reordered"):
    """An admin put the rules in this order."""

    rules: list[RuleStory]


class RulesApplied(MappingsDetail, verb="rules.applied"):
    """An admin had rules evaluated for unmapped groups (SPEC M5). rule: the id of the only one, None for all."""

    rule: str | None
    approved: int
    pending: int


# --- Entities ---------------------------------------------------------------------------------------------------------


class EntityCreated(EntityDetail, verb="entity.created"):
    """An admin created an entity. session_limit: None for no limit."""

    session_limit: int | None


class EntityRenamed(EntityDetail, verb="entity.renamed"):
    """An admin renamed an entity."""

    was: str


class EntityLimited(EntityDetail, verb="entity.limited"):
    """An admin set how many parallel sessions a concurrency group may have; None for no limit."""

    was: int | None
    now: int | None


class EntityDeleted(EntityDetail, MappingsDetail, verb="entity.deleted"):
    """An admin deleted an entity (SPEC M7)."""


# --- Conflicts --------------------------------------------------------------------------------------------------------


class ConflictDecided(ConflictsDetail, verb="conflict.decided"):
    """An admin decided conflicts (SPEC C3). conflicts: how many."""

    use: Literal["incoming", "current"]
    conflicts: int


class ConflictUndone(ConflictsDetail, verb="conflict.undone"):
    """An admin undid decisions (SPEC C3). decisions: how many."""

    decisions: int


# --- Organizations ----------------------------------------------------------------------------------------------------


class OrgFounded(Detail, verb="org.founded"):
    """An org came to be. profile: the key of its schema profile."""

    name: str
    profile: str


class OrgChanged(MarkingDetail, verb="org.changed"):
    """Support changed columns of an org. fields: by their name."""

    fields: dict[str, FieldStory]
    marked: int = later(before=0)


class OrgGroupProvisioningSwitched(Detail, verb="org.group_provisioning_switched"):
    """An admin switched group provisioning on or off (SPEC O2)."""

    on: bool


class OrgDomainsChanged(Detail, verb="org.domains_changed"):
    """The verified domains went from some to others."""

    was: list[str]
    now: list[str]


class OrgDomainAsked(Detail, verb="org.domain_asked"):
    """An admin asked to prove a domain by the DNS."""

    name: str


class OrgDomainDropped(Detail, verb="org.domain_dropped"):
    """An admin dropped a domain that was not proven yet."""

    name: str


class ProfileChanged(MarkingDetail, verb="profile.changed"):
    """Support changed the roles of the org's schema profile, whose key is `profile`."""

    profile: str


class TokenIssued(TokenDetail, verb="token.issued"):
    """An admin created a SCIM token."""


class TokenRevoked(TokenDetail, verb="token.revoked"):
    """An admin revoked a SCIM token."""


# --- Checks -----------------------------------------------------------------------------------------------------------


class EngineDriftFound(MarkingDetail, verb="engine.drift_found"):
    """Effects were not what the facts amount to. people: for how many. first: some of them."""

    people: int
    first: list[DriftStory]


class EngineRebuilt(Detail, verb="engine.rebuilt"):
    """Support had all effects made anew."""

    was: EffectCounts
    now: EffectCounts


# --- For SQL ----------------------------------------------------------------------------------------------------------
# The same keys, where the database looks for them. The first two are part of indexes of `Change`.

SUBJECTS = ("user", "group", "entity")
"""Keys of the id of what a change is about; where there are several, the first."""
LISTS = ("mappings", "entities")
"""Keys of lists of what else a change was about: MappingStory, RenameStory."""
RULE_OF_MAPPING = "$.mappings[*] ? (@.mapping == $id).rule"
"""A jsonpath to what was the rule of the mapping `$id`, a RuleThen or null."""
USES_INCOMING = {"use": "incoming"}
"""What a ConflictDecided contains that was decided for the incoming mapping."""


def mentions(sort: Literal["group", "entity"], id_: UUID) -> list[dict[str, Any]]:
    """What the detail of a change contains that did something to this group or entity by the way; any one of these."""
    return [{name: [{sort: str(id_)}]} for name in (LISTS if sort == "entity" else LISTS[:1])]
