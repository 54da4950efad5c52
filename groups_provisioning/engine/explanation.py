"""Why somebody has a role or a place, or why not (SPEC section 7), from the present facts.

The engine's own code resolves the facts; nothing is written. This module returns data; the words for it are in
templates/groups_provisioning/people/_why_roles.html, _why_place.html and _why_not.html.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import F, Func, JSONField, TextField, Value
from django.db.models.functions import Cast, JSONObject

from groups_provisioning.engine import loading
from groups_provisioning.engine.breaker import kept
from groups_provisioning.engine.loading import Known
from groups_provisioning.engine.resolution import SUB, Claim, Effects, World, claims_of, competes, play, resolve
from groups_provisioning.models import ROLE, Decision, GroupMapping, GroupMember, Hold, PatternType, Source, Status
from orgs.change_details import RULE_OF_MAPPING
from orgs.db.transactions import snapshot
from orgs.models import Entity, HandPlacement, Organization, User
from orgs.models.history import with_causers

# --- Results ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Matched:
    """The rule by which a group was mapped, as it was then."""

    pattern_type: str
    pattern: str

    @property
    def words(self) -> str:
        return str(PatternType(self.pattern_type).label)


@dataclass(frozen=True, slots=True)
class Through:
    """A group that somebody is in, and what it is mapped to.

    member: since when they are a member, and by which change. mapping.change: the change that gave the mapping its
    present status. rule: for a mapping that no admin approved. since: when it began to claim them (SPEC C2).
    """

    member: GroupMember
    mapping: GroupMapping
    rule: Matched | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Contest:
    """Another claim of the same person that competes with one. decision: which of the two wins, if it was decided."""

    other: Through
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class PlaceWhy:
    """Why somebody is in an entity.

    through: for a claim or a held place. hand: for a place by hand. kept_out: the claims that this one holds against.
    also: other sources that would place them there if this one ended. counts: False for inactive people (SPEC U4).
    is_kept: the facts no longer place them there; they are held (SPEC T1).
    """

    entity: Entity
    source: Source
    through: Through | None = None
    hand: HandPlacement | None = None
    kept_out: list[Contest] = field(default_factory=list)
    also: tuple[Source, ...] = ()
    counts: bool = True
    is_kept: bool = False


class Reason(StrEnum):
    """Why somebody is not in an entity, or is in it without effect."""

    PERSON_DELETED = "person_deleted"
    PERSON_INACTIVE = "person_inactive"
    ENTITY_DELETED = "entity_deleted"
    PERSON_HELD = "person_held"
    TAKEN_OUT = "taken_out"
    NOT_MAPPED = "not_mapped"
    PENDING = "pending"
    REJECTED = "rejected"
    KIND_OFF = "kind_off"
    KEPT_OUT = "kept_out"
    YIELDS = "yields"
    IN_SUB_ORGANIZATION = "in_sub_organization"


@dataclass(frozen=True, slots=True)
class WhyNot:
    """One obstacle.

    source, through: what would place them. hand: how they were taken out (TAKEN_OUT). holders: the claims that keep
    theirs out (KEPT_OUT). open: whether this is an open conflict. place: where they are instead (YIELDS,
    IN_SUB_ORGANIZATION). owner: the mapping of the group that would place them if they were in it (NOT_MAPPED).
    """

    reason: Reason
    source: Source | None = None
    through: Through | None = None
    hand: HandPlacement | None = None
    holders: list[Contest] = field(default_factory=list)
    open: bool = False
    place: PlaceWhy | None = None
    owner: GroupMapping | None = None


class RoleSource(StrEnum):
    KEPT = "kept"
    LAST_ADMIN = "last_admin"
    USER = "user"
    GROUP = "group"
    MAPPING = "mapping"
    HAND = "hand"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class RoleFrom:
    """Something that gives roles.

    roles: all that it gives. counts: those of them that are in effect. unknown: names that are not roles (SPEC P2).
    member: for a group whose roles the IdP wrote. through: for one that carries a role in the portal (SPEC R6). Those
    of KEPT, the facts no longer give: the person is held (SPEC T1).
    """

    source: RoleSource
    roles: list[str]
    counts: list[str]
    unknown: list[str] = field(default_factory=list)
    member: GroupMember | None = None
    through: Through | None = None


@dataclass(frozen=True, slots=True)
class RoleWhy:
    """The effective roles, and everything that gives roles. attribute: where the IdP writes a user's roles."""

    roles: list[str]
    sources: list[RoleFrom]
    attribute: str

    @property
    def is_by_scim(self) -> bool:
        """Whether the IdP wrote a role, on the user or a group, so that roles by hand do not count (SPEC R1)."""
        return bool(self.written)

    @property
    def written(self) -> list[str]:
        """The roles that the IdP wrote, on the user or a group."""
        return self._given_by(RoleSource.USER, RoleSource.GROUP)

    @property
    def carried(self) -> list[str]:
        """The roles that their groups were given in the portal, which count beside roles by hand (SPEC R6)."""
        return self._given_by(RoleSource.MAPPING)

    def _given_by(self, *sources: RoleSource) -> list[str]:
        return list(dict.fromkeys(role for each in self.sources if each.source in sources for role in each.roles))

    @property
    def counting(self) -> list[RoleFrom]:
        return [each for each in self.sources if each.counts]


# --- Finding the reasons ----------------------------------------------------------------------------------------------


def of(org: Organization, user: User) -> "Explanation":
    """Explain one person, from one snapshot. At most eight queries, for all their places together."""
    with snapshot():
        loaded = loading.load(org, [user.id])
        known = loaded.people[0]
        is_last_admin = loaded.last_admin == user.id
        return Explanation(org, user, known, loaded.world, loaded.effects_of(known), is_last_admin)


class Explanation:
    """What the present facts say about one person. effects: what follows from them, whether recorded yet or not.

    hold: that by which they keep what they had (SPEC T1).
    """

    def __init__(
        self, org: Organization, user: User, known: Known, world: World, effects: Effects, is_last_admin: bool
    ) -> None:
        self.org = org
        self.user = user
        self.effects = effects
        self._by_facts = resolve(known.facts, world)
        self.hold = self._found_hold() if kept(known.hold, known.facts, self._by_facts, world.catalogue) else None
        self._known = known
        self._world = world
        self._is_last_admin = is_last_admin
        self._places: list[PlaceWhy] | None = None
        members = GroupMember.objects.filter(user=user, group__deleted_at=None)
        self._members = {each.group_id: each for each in members.select_related("group", *with_causers("added_by"))}
        claims = () if known.facts.deleted else claims_of(known.facts, world)
        self._played = play(claims, known.facts)
        self._since = {claim.mapping: claim.since for claim in claims}
        self._through = {each.mapping.id: each for each in self._throughs()}
        hands = HandPlacement.objects.filter(user=user).select_related("entity", *with_causers("change"))
        self._hands = {each.entity_id: each for each in hands} if known.facts.hands else {}
        decisions = Decision.objects.filter(user=user, undone_by=None).select_related(*with_causers("change"))
        self._decisions = {
            frozenset((each.winner_id, each.loser_id)): each
            for each in (decisions.order_by("at", "id") if known.facts.decisions else ())
        }

    def _found_hold(self) -> Hold:
        return (
            Hold.objects.for_org(self.org).select_related("breach__token", *with_causers("change")).get(user=self.user)
        )

    @property
    def is_settled(self) -> bool:
        """Whether the recorded effects follow from the facts; if not, a worker is about to record the new ones."""
        return self._known.recorded == self.effects

    def why_roles(self) -> RoleWhy:
        """Where the roles come from (SPEC R1, R5)."""
        known, catalogue = self._known.facts, self._world.catalogue
        by_scim: list[tuple[RoleSource, Iterable[str], GroupMember | None]] = []
        if known.idp_roles:
            by_scim.append((RoleSource.USER, known.idp_roles, None))
        for group_id, member in self._members.items():
            if member.group.roles:
                by_scim.append((RoleSource.GROUP, self._world.groups[str(group_id)].roles, member))
        written = {role for _, roles, _ in by_scim for role in roles}
        # If one role counts, the last admin's role replaces those that the facts give.
        carried = [each for each in self._through.values() if each.mapping.role and each.mapping.is_synced]
        given = {through.mapping.role for through in carried}
        of_facts = [key for key in catalogue.effective(written, given, known.manual_roles) if key in self.effects.roles]
        sources = []
        if self.hold:
            by_facts = self._by_facts.roles
            lost = [key for key in self.effects.roles if key not in by_facts]
            if lost:
                sources.append(RoleFrom(RoleSource.KEPT, lost, lost))
        if self._is_last_admin:
            sources.append(RoleFrom(RoleSource.LAST_ADMIN, [catalogue.admin], [catalogue.admin]))
        sources += [self._role_from(source, roles, of_facts, member) for source, roles, member in by_scim]
        is_by_scim = any(each.roles for each in sources if each.source != RoleSource.LAST_ADMIN)
        sources += [
            self._role_from(RoleSource.MAPPING, [through.mapping.role], of_facts, through.member, through)
            for through in carried
        ]
        if known.manual_roles:
            sources.append(self._role_from(RoleSource.HAND, known.manual_roles, [] if is_by_scim else of_facts))
        if not any(each.roles for each in sources if each.source != RoleSource.LAST_ADMIN):
            sources.append(self._role_from(RoleSource.DEFAULT, [catalogue.default], of_facts))
        return RoleWhy(self.effects.roles, sources, self.org.profile.role_attribute)

    def places(self) -> list[PlaceWhy]:
        """For each entity that they are in, why they are in it."""
        if self._places is not None:
            return self._places
        ids = [UUID(entity_id) for entity_id in self.effects.places]
        entities = {each.entity_id: each.entity for each in self._hands.values()}
        entities |= {
            each.mapping.entity.id: each.mapping.entity for each in self._through.values() if each.mapping.entity
        }
        missing = [entity_id for entity_id in ids if entity_id not in entities]
        if missing:  # named by the placement attribute
            entities |= Entity.objects.for_org(self.org).in_bulk(missing)
        self._places = [why for entity_id in ids if (why := self.why_place(entities[entity_id]))]
        return self._places

    def withheld(self) -> list[Entity]:
        """The entities that they are not in, although something would place them there or an admin took them out."""
        known = {each.entity_id: each.entity for each in self._hands.values() if each.entity.deleted_at is None}
        known |= {
            each.mapping.entity.id: each.mapping.entity
            for each in self._through.values()
            if each.mapping.entity and each.mapping.status != Status.REJECTED and not each.mapping.target_deleted
        }
        attribute = None if self._known.facts.deleted else self._known.facts.attribute
        if attribute and attribute not in self.effects.places and UUID(attribute) not in known:
            known |= Entity.objects.for_org(self.org).in_bulk([UUID(attribute)])
        return [entity for entity_id, entity in known.items() if str(entity_id) not in self.effects.places]

    def groups(self) -> list[tuple[GroupMember, list[GroupMapping]]]:
        """The groups that they are in, sorted by name, each with its mappings that are not Rejected."""
        mappings = [each.mapping for each in self._through.values() if each.mapping.status != Status.REJECTED]
        members = sorted(self._members.values(), key=lambda member: member.group.display_name_key)
        return [(member, [each for each in mappings if each.group_id == member.group_id]) for member in members]

    def why_place(self, entity: Entity) -> PlaceWhy | None:
        """Why they are in an entity; None if they are not."""
        place = self.effects.places.get(str(entity.id))
        if place is None:
            return None
        source = Source(place.source)
        if place != self._by_facts.places.get(str(entity.id)):
            return PlaceWhy(entity, source, is_kept=True)
        through = self._through[UUID(place.mapping)] if place.mapping else None
        kept_out = [self._contest(through, claim) for claim in self._rivals(place.mapping, self._played.kept_out)]
        also = tuple(
            other
            for other, is_one in (
                (Source.ATTRIBUTE, self._known.facts.attribute == str(entity.id)),
                (Source.HAND, self._placed_by_hand(entity.id) is not None),
            )
            if is_one and other != source
        )
        hand = self._placed_by_hand(entity.id) if source == Source.HAND else None
        return PlaceWhy(entity, source, through, hand, kept_out, also, counts=self.user.active)

    def why_not(self, entity: Entity) -> list[WhyNot]:
        """Everything that keeps them from an entity; empty if they are in it and it counts."""
        if self._known.facts.deleted:
            return [WhyNot(Reason.PERSON_DELETED)]
        if str(entity.id) in self.effects.places:
            return [] if self.user.active else [WhyNot(Reason.PERSON_INACTIVE)]
        if entity.deleted_at is not None:
            return [WhyNot(Reason.ENTITY_DELETED)]
        if str(entity.id) in self._by_facts.places:
            return [WhyNot(Reason.PERSON_HELD)]
        hand = self._hands.get(entity.id)
        if hand and not hand.placed:
            return [WhyNot(Reason.TAKEN_OUT, hand=hand)]
        obstacles = [
            self._why_not_through(through)
            for through in self._through.values()
            if through.mapping.entity_id == entity.id and not through.mapping.target_deleted
        ]
        if self._known.facts.attribute == str(entity.id):
            obstacles.append(self._why_not_without_claim(entity, Source.ATTRIBUTE))
        if hand:
            obstacles.append(self._why_not_without_claim(entity, Source.HAND))
        if not obstacles:
            owner = GroupMapping.objects.live().filter(entity=entity, group__deleted_at=None).select_related("group")
            obstacles.append(WhyNot(Reason.NOT_MAPPED, owner=owner.first()))
        return obstacles

    def _throughs(self) -> Iterable[Through]:
        """The mappings of the groups that they are in, including Rejected ones."""
        mappings = GroupMapping.objects.filter(group__in=list(self._members)).order_by("id")
        # A change that mapped thousands of groups lists them all in its detail, so the detail is not read.
        related = mappings.select_related("entity", "rule", *with_causers("change")).defer("change__detail")
        for mapping in related.annotate(rule_then=_RULE_THEN):
            mapping.group = self._members[mapping.group_id].group
            member = self._members[mapping.group_id]
            began = self._since.get(str(mapping.id))
            since = member.added_at if began is None else loading.moment(began)
            if mapping.kind == ROLE and mapping.approved_at:
                since = max(since, mapping.approved_at)
            yield Through(member, mapping, _matched(mapping), since)

    def _why_not_through(self, through: Through) -> WhyNot:
        mapping, source = through.mapping, Source.CLAIM
        if mapping.status == Status.REJECTED:
            return WhyNot(Reason.REJECTED, source, through)
        claim = next((each for each in self._played.kept_out if each.mapping == str(mapping.id)), None)
        if claim is not None:
            holders = [self._contest(through, rival) for rival in self._played.against(claim)]
            is_open = claim.mapping in self.effects.conflicts
            return WhyNot(Reason.KEPT_OUT, source, through, holders=holders, open=is_open)
        if mapping.status != Status.PENDING:
            return WhyNot(Reason.KIND_OFF, source, through)
        if str(mapping.id) in self._since:
            instead = self._instead_of(mapping.entity)
            if instead is not None:
                return WhyNot(_yielding(mapping.entity, instead), Source.HELD, through, place=instead)
        if not self._world.is_on(mapping.kind):  # until then it cannot be approved (SPEC M8)
            return WhyNot(Reason.KIND_OFF, source, through)
        return WhyNot(Reason.PENDING, source, through)

    def _why_not_without_claim(self, entity: Entity, source: Source) -> WhyNot:
        instead = self._instead_of(entity)
        if instead is None:
            return WhyNot(Reason.KIND_OFF, source)
        return WhyNot(_yielding(entity, instead), source, place=instead)

    def _instead_of(self, entity: Entity) -> PlaceWhy | None:
        """The place that a held one, or one by attribute or by hand, gives way to, or None (SPEC R2, R4)."""
        wished = Claim(0, "", entity.kind, str(entity.id))
        for why in self.places():
            if competes(wished, Claim(0, "", why.entity.kind, str(why.entity.id))):
                return why
        return None

    def _rivals(self, mapping_id: str | None, among: Iterable[Claim]) -> list[Claim]:
        known = (*self._played.holding, *self._played.held, *self._played.kept_out)
        claim = next((each for each in known if each.mapping == mapping_id), None)
        return [each for each in among if claim is not None and competes(claim, each)]

    def _contest(self, through: Through | None, rival: Claim) -> Contest:
        other = self._through[UUID(rival.mapping)]
        pair = frozenset((through.mapping.id, other.mapping.id)) if through else frozenset()
        return Contest(other, self._decisions.get(pair))

    def _placed_by_hand(self, entity_id: UUID) -> HandPlacement | None:
        hand = self._hands.get(entity_id)
        return hand if hand and hand.placed else None

    def _role_from(
        self,
        source: RoleSource,
        roles: Iterable[str],
        of_facts: list[str],
        member: GroupMember | None = None,
        through: Through | None = None,
    ) -> RoleFrom:
        written, keys = list(roles), self._world.catalogue.keys
        known = [key for key in keys if key in written]
        counts = [key for key in known if key in of_facts]
        return RoleFrom(source, known, counts, [key for key in written if key not in keys], member, through)


def _yielding(entity: Entity, instead: PlaceWhy) -> Reason:
    is_lifted_out = instead.entity.kind == SUB != entity.kind
    return Reason.IN_SUB_ORGANIZATION if is_lifted_out else Reason.YIELDS


_RULE_THEN = Func(
    F("change__detail"),
    Func(Value(RULE_OF_MAPPING), template="%(expressions)s::jsonpath"),
    JSONObject(id=Cast("id", TextField())),
    function="jsonb_path_query_first",
    output_field=JSONField(),
)
"""The rule of a mapping, as recorded in the change that gave the mapping its present status."""


def _matched(mapping: Any) -> Matched | None:
    """The rule that created a mapping that no admin approved; the present rule if the change does not record it."""
    if mapping.status not in (Status.AUTO_APPROVED, Status.PENDING):
        return None
    if mapping.rule_then:
        return Matched(mapping.rule_then["pattern_type"], mapping.rule_then["pattern"])
    return Matched(mapping.rule.pattern_type, mapping.rule.pattern) if mapping.rule else None
