"""What SPEC sections 5 and 6 say must come of the facts: slow, plain, and independent of the engine.

`outcome` answers for one person, from facts that are plain tuples; `expected` for an organization. Only
`facts_from_database` knows how facts are stored.

Readings, where SPEC leaves a choice:

 1. Events of one instant (C2): spans end, then the account is deactivated, then claims resume, then claims begin, then
    decisions are made. A claim begins *after* an end only if it begins later, and begins in a span only before its end.
 2. A claim keeps the time at which it first began, through any number of spans (M2: "as before"); by that it is early
    or late among those kept out. "Whoever was a member before" is whoever had a claim in an earlier span.
 3. A claim that resumes outside comes in only where nothing at all competes with it, whatever was decided; otherwise
    being mended would move people. Decisions count for it when they are made, and when it first begins.
 4. "Decided over it" (M2): a held place gives way to whatever claim was decided over it, a team's over a held
    sub-organization too; otherwise *use incoming* (C3) would not put the person there.
 5. A held place that was decided over a claim does not give way to it, however late that begins: the latest decision
    of a pair stands (C3).
 6. Those kept out come in (C2) if nothing that holds or is held competes with them.
 7. All that stands against a claim is on its card, also what was decided already; there is a card while one pair is
    undecided. An ended decision is as one that was undone: one of its two mappings is no more.
 8. A held place ends by deactivation (M2), and those kept out then come in. What ends while somebody is inactive is
    held where they stand: their places stay recorded (U4).
 9. A removal by hand (R4) suspends from the beginning of the play, as if the claim were absent, and outranks the
    attribute. When it ends is for commands: then it is no fact any more.
10. A mapping whose entity is deleted, or that is rejected, has no part in the play, nor has its past (C4, M7).
11. A hand-made exclusive place yields to what is held as to a claim (R4, M2): a sub-organization to all of another
    entity, a concurrency group to one of its kind. Of several the last one counts, also while its kind is off.
12. Places stay recorded for somebody inactive (U4).
13. An interruption without length is none.
14. Of several who lose the admin role at once the one with the highest id keeps it (R5); the owner is no such admin.
15. Whoever is held (T1) has what they had for as long as the facts would take some of it away or give the admin role,
    but for entities that were deleted and roles that the profile lost; nobody inactive is held. Who is held is a fact.
"""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

TEAM, POOL, SUB = "team", "concurrency_group", "sub_organization"

Time = Any
"""Whatever can be compared."""


class Span(NamedTuple):
    """From `began_at` up to and without `ended_at`; None: until now."""

    began_at: Time
    ended_at: Time | None = None


class Group(NamedTuple):
    """A live pushed group that the person is a member of."""

    id: str
    added_at: Time
    roles: tuple[str, ...] = ()


class Mapping(NamedTuple):
    """spans: in which it was approved, in order. role: that it gives, in place of an entity (R6)."""

    id: str
    group: str
    entity: str | None
    kind: str
    spans: tuple[Span, ...]
    status: str = "approved"
    target_deleted: bool = False
    role: str | None = None

    @property
    def is_approved(self) -> bool:
        return self.status in ("approved", "auto_approved")


class Hand(NamedTuple):
    """Placed in an entity by hand, or removed from it. claim: the mapping that a removal names; change: breaks ties."""

    entity: str
    placed: bool
    at: Time
    change: Any = 0
    claim: str | None = None


class Decision(NamedTuple):
    """The mapping `winner` goes before `loser`."""

    id: Any
    at: Time
    winner: str
    loser: str
    undone: bool = False
    ended: bool = False


class Role(NamedTuple):
    key: str
    admin: bool = False
    default: bool = False


class World(NamedTuple):
    """What is true for everybody in an org.

    roles: the highest first. kinds: the spans in which each was on. entities: those that exist, and their kinds.
    """

    roles: tuple[Role, ...]
    union: bool
    kinds: dict[str, tuple[Span, ...]]
    entities: dict[str, str]
    mappings: tuple[Mapping, ...]


class Facts(NamedTuple):
    """About one person. placement: the entity that the placement attribute names."""

    world: World
    groups: tuple[Group, ...] = ()
    hands: tuple[Hand, ...] = ()
    decisions: tuple[Decision, ...] = ()
    placement: str | None = None
    idp_roles: tuple[str, ...] = ()
    manual_roles: tuple[str, ...] = ()
    active: bool = True
    deactivated_at: tuple[Time, ...] = ()
    deleted: bool = False
    is_owner: bool = False
    kept: "Kept | None" = None


class Kept(NamedTuple):
    """What somebody has who is held (T1). places: by entity."""

    roles: tuple[str, ...]
    places: dict[str, "Place"]


class Claim(NamedTuple):
    """What a mapping asks for the person (C1). spans: in which it does, in order; there is one at least."""

    mapping: str
    group: str
    entity: str
    kind: str
    spans: tuple[Span, ...]

    @property
    def begins(self) -> Time:
        """C2: when the member was added or the mapping was approved, whichever is later."""
        return self.spans[0].began_at

    def competes(self, other: "Claim") -> bool:
        """C1."""
        if self.group == other.group:
            return False
        if self.kind == other.kind:
            return self.kind != TEAM and self.entity != other.entity
        return SUB in (self.kind, other.kind)


class Place(NamedTuple):
    """source: claim, held, attribute or hand. mapping: of the first two."""

    kind: str
    source: str
    mapping: str | None = None


class Outcome(NamedTuple):
    """roles: by the facts of the person alone, without R5. places: by entity. conflicts: by incoming mapping, those
    that hold or are held against it.
    """

    roles: tuple[str, ...]
    places: dict[str, Place]
    conflicts: dict[str, frozenset[str]]


def outcome(facts: Facts) -> Outcome:
    if facts.deleted:  # U5
        return Outcome((), {}, {})
    play = Play(facts)
    by_facts = Outcome(roles_of(facts), places_of(facts, play), conflicts_of(facts, play))
    return held(facts, by_facts) if facts.kept and facts.active else by_facts


def held(facts: Facts, by_facts: Outcome) -> Outcome:
    """T1."""
    assert facts.kept
    keys = [role.key for role in facts.world.roles]
    default = tuple(role.key for role in facts.world.roles if role.default)
    roles = tuple(key for key in facts.kept.roles if key in keys) or default
    places = {entity: place for entity, place in facts.kept.places.items() if entity in facts.world.entities}
    admin = admin_role(facts.world)
    loses = not places.keys() <= by_facts.places.keys()
    if facts.world.union:
        loses = loses or not set(roles) <= {*by_facts.roles, *default}
    else:
        loses = loses or keys.index(roles[0]) < keys.index(by_facts.roles[0])
    is_promoted = admin in by_facts.roles and admin not in roles
    return Outcome(roles, places, {}) if loses or is_promoted else by_facts


# --- Claims -----------------------------------------------------------------------------------------------------------


def claims_of(facts: Facts) -> list[Claim]:
    """C1, and what was one in an earlier span (M2); none that is suspended (C2)."""
    suspended = {hand.claim for hand in removals_of(facts)}
    added_at = {group.id: group.added_at for group in facts.groups}
    found = []
    for mapping in facts.world.mappings:
        if mapping.group not in added_at or mapping.status == "rejected" or mapping.target_deleted:
            continue
        if mapping.entity is None or mapping.entity not in facts.world.entities or mapping.id in suspended:
            continue
        # M2, M8: a mapping claims while it is approved, its kind is on, and the person is a member.
        spans = in_both(mapping.spans, facts.world.kinds[mapping.kind])
        spans = in_both(spans, [Span(added_at[mapping.group])])
        if spans:
            found.append(Claim(mapping.id, mapping.group, mapping.entity, mapping.kind, tuple(spans)))
    return found


def in_both(some: Iterable[Span], others: Iterable[Span]) -> list[Span]:
    """The spans that lie in one of `some` and in one of `others`, in order."""
    others, found = list(others), []
    for one in some:
        for other in others:
            began_at = max(one.began_at, other.began_at)
            ended_at = min((end for end in (one.ended_at, other.ended_at) if end is not None), default=None)
            if ended_at is None or began_at < ended_at:
                found.append(Span(began_at, ended_at))
    return sorted(found, key=lambda span: span.began_at)


def removals_of(facts: Facts) -> list[Hand]:
    """R4."""
    return [hand for hand in facts.hands if not hand.placed]


# --- The play ---------------------------------------------------------------------------------------------------------

ENDS, DEACTIVATED, RESUMES, BEGINS, DECIDED = range(5)


class Play:
    """C2: claims, their spans (M2) and decisions, played in order of time.

    standing: what holds, and what is held. kept_out: claims that are not standing. ended: of what is held, since when.
    decided: of each pair, who goes before whom, by the latest decision (C3).
    """

    def __init__(self, facts: Facts) -> None:
        self.standing: list[Claim] = []
        self.kept_out: list[Claim] = []
        self.ended: dict[Claim, Time] = {}
        self.decided: dict[frozenset[str], str] = {}
        for _at, step, _tie, what in self.events(facts):
            if step == ENDS:
                self.end(what, _at)
            elif step == DEACTIVATED:
                self.end_held_places()
            elif step == RESUMES:
                self.resume(what)
            elif step == BEGINS:
                self.begin(what)
            elif step == DECIDED:
                self.decide(what)

    def events(self, facts: Facts) -> list[tuple]:
        """In order of time; claims of one instant by mapping id, decisions by theirs (C2)."""
        events: list[tuple] = []
        for claim in claims_of(facts):
            for number, span in enumerate(claim.spans):
                # Those that resume together do so earliest first, as those who were kept out come in.
                tie = (claim.begins, claim.mapping) if number else (claim.mapping,)
                events.append((span.began_at, RESUMES if number else BEGINS, tie, claim))
                if span.ended_at is not None:
                    events.append((span.ended_at, ENDS, (claim.mapping,), claim))
        for decision in facts.decisions:
            if not decision.undone and not decision.ended:
                events.append((decision.at, DECIDED, (decision.id,), decision))
        for at in facts.deactivated_at:
            events.append((at, DEACTIVATED, (), None))
        return sorted(events, key=lambda event: event[:3])

    def begin(self, claim: Claim) -> None:
        self.kept_out.append(claim)
        self.try_to_take_its_place(claim)

    def decide(self, decision: Decision) -> None:
        """C2: "A decision, when made, does the same for its winner"."""
        self.decided[frozenset((decision.winner, decision.loser))] = decision.winner
        for claim in list(self.kept_out):
            if claim.mapping == decision.winner:
                self.try_to_take_its_place(claim)

    def end(self, claim: Claim, at: Time) -> None:
        """M2: "what holds becomes held where it stands, ... and what did not hold is out"."""
        if claim in self.standing:
            self.ended[claim] = at
        else:
            self.kept_out.remove(claim)

    def resume(self, claim: Claim) -> None:
        """M2: "a held place is a claim again where it stands; whoever was a member before is kept out as before"."""
        if claim in self.standing:
            del self.ended[claim]
        else:
            self.kept_out.append(claim)
            self.let_in()

    def end_held_places(self) -> None:
        """M2, when the person is deactivated."""
        for claim in list(self.ended):
            self.leave(claim)
        self.let_in()

    def try_to_take_its_place(self, claim: Claim) -> None:
        """C2: if nothing that holds competes with it, or if it was decided over everything that does."""
        rivals = self.rivals(claim)
        if all(self.goes_before(claim, rival) for rival in rivals):
            for rival in rivals:
                self.leave(rival)
            self.enter(claim)
            self.let_in()

    def goes_before(self, claim: Claim, rival: Claim) -> bool:
        """C2; and M2, where the rival is only held."""
        winner = self.decided.get(frozenset((claim.mapping, rival.mapping)))
        if winner:
            return winner == claim.mapping
        of_its_slot = claim.kind == rival.kind or claim.kind == SUB
        return rival in self.ended and of_its_slot and claim.begins > self.ended[rival]

    def rivals(self, claim: Claim) -> list[Claim]:
        return [one for one in self.standing if one.competes(claim)]

    def let_in(self) -> None:
        """C2: "those kept out come in, earliest first, if nothing that holds competes with them"."""
        for claim in sorted(self.kept_out, key=lambda one: (one.begins, one.mapping)):
            if not self.rivals(claim):
                self.enter(claim)

    def enter(self, claim: Claim) -> None:
        self.kept_out.remove(claim)
        self.standing.append(claim)

    def leave(self, claim: Claim) -> None:
        """A claim is kept out from now on; a held place is no more in this play (M2)."""
        self.standing.remove(claim)
        if claim in self.ended:
            del self.ended[claim]
        else:
            self.kept_out.append(claim)


# --- What comes of it -------------------------------------------------------------------------------------------------


def conflicts_of(facts: Facts, play: Play) -> dict[str, frozenset[str]]:
    """C3."""
    if not facts.active:
        return {}
    found = {}
    for claim in play.kept_out:
        rivals = {rival.mapping for rival in play.rivals(claim)}
        if any(frozenset((claim.mapping, rival)) not in play.decided for rival in rivals):
            found[claim.mapping] = frozenset(rivals)
    return found


def places_of(facts: Facts, play: Play) -> dict[str, Place]:
    """R2, R3, R4, U10: of exclusive kinds what outranks the rest, all teams, nothing beside a sub-organization."""
    kind_of = facts.world.entities
    removed = {hand.entity for hand in removals_of(facts)}
    candidates: list[tuple[str, Place]] = []

    for claim in play.standing:
        source = "held" if claim in play.ended else "claim"
        candidates.append((claim.entity, Place(claim.kind, source, claim.mapping)))

    # U10: where concurrency groups are off, the attribute is without effect.
    pools_are_on = any(span.ended_at is None for span in facts.world.kinds[POOL])
    if pools_are_on and kind_of.get(facts.placement) == POOL and facts.placement not in removed:
        candidates.append((facts.placement, Place(POOL, "attribute")))

    # The last one comes first.
    for hand in sorted(facts.hands, key=lambda one: (one.at, one.change), reverse=True):
        if hand.placed and hand.entity in kind_of:
            yields = kind_of[hand.entity] == SUB and any(claim.entity != hand.entity for claim in play.standing)
            if not yields:
                candidates.append((hand.entity, Place(kind_of[hand.entity], "hand")))

    found: dict[str, Place] = {}
    for entity, place in candidates:
        slot_is_taken = place.kind != TEAM and place.kind in [other.kind for other in found.values()]
        if entity not in found and not slot_is_taken:
            found[entity] = place
    in_sub_organization = {entity: place for entity, place in found.items() if place.kind == SUB}
    return in_sub_organization or found


def roles_of(facts: Facts) -> tuple[str, ...]:
    """R1, R6, G7, by facts alone."""
    everything = [role.key for role in facts.world.roles]
    own_groups = [group.id for group in facts.groups]
    by_scim = [role for group in facts.groups for role in group.roles] + list(facts.idp_roles)
    in_the_portal = [
        mapping.role
        for mapping in facts.world.mappings
        if mapping.role and mapping.group in own_groups and mapping.is_approved and not mapping.target_deleted
    ]
    # R1: "only what the IdP writes outranks hands".
    by_hand = [] if set(by_scim) & set(everything) else list(facts.manual_roles)
    found = tuple(key for key in everything if key in by_scim + in_the_portal + by_hand)
    if not found:
        return tuple(role.key for role in facts.world.roles if role.default)
    return found if facts.world.union else found[:1]


# --- Accounts ---------------------------------------------------------------------------------------------------------


def activity_of(words: Iterable[tuple[str, bool]]) -> tuple[bool, bool]:
    """U12: whether somebody is active, and what SCIM shows, by what was said of them, in order.

    words: who said it, `idp` (any write about them, which says what it said last where it says nothing else) or
    `admin`.
    """
    said, by_hand, said_false = True, None, False
    for who, active in words:
        if who == "idp":
            if by_hand is True or (by_hand is False and said_false and active):
                by_hand = None
            said, said_false = active, said_false or not active
        elif active != (said if by_hand is None else by_hand):
            by_hand = None if active == said else active
            said_false = False
    return (said if by_hand is None else by_hand), said


# --- An organization --------------------------------------------------------------------------------------------------


def expected(document: dict, admins: Collection[str] = ()) -> dict:
    """What an exported state (`manage.py export_state`) must say, by its facts.

    `people`, by id, all whom SCIM has not deleted: `roles`; `places` {kind: {entity: source}}; `conflicts` {incoming
    mapping: {those that hold}}. `last_admin`: who keeps that role against the facts (R5).

    admins: ids of those who have had the admin role until now; the one thing in R5 that no fact tells.
    """
    everybody = {person: facts for person, facts in facts_from_database(document).items() if not facts.deleted}
    outcomes = {person: outcome(facts) for person, facts in everybody.items()}
    last_admin = keeper(everybody, outcomes, document["organization"]["last_admin"], admins)
    people = {}
    for person, found in outcomes.items():
        places: dict[str, dict[str, str]] = {TEAM: {}, POOL: {}, SUB: {}}
        for entity, place in found.places.items():
            places[place.kind][entity] = place.source
        roles = with_admin(everybody[person].world, found.roles) if person == last_admin else found.roles
        conflicts = {incoming: set(holders) for incoming, holders in found.conflicts.items()}
        people[person] = {"roles": list(roles), "places": places, "conflicts": conflicts}
    return {"people": people, "last_admin": last_admin}


def keeper(
    everybody: dict[str, Facts], outcomes: dict[str, Outcome], last_admin: str | None, admins: Collection[str]
) -> str | None:
    """R5: the last admin, until the facts name an active one."""
    members = [person for person, facts in everybody.items() if facts.active and not facts.is_owner]
    if any(admin_role(everybody[member].world) in outcomes[member].roles for member in members):
        return None
    return last_admin if last_admin in members else max(set(admins) & set(members), default=None)


def with_admin(world: World, by_facts: tuple[str, ...]) -> tuple[str, ...]:
    if not world.union:
        return (admin_role(world),)
    return tuple(role.key for role in world.roles if role.admin or role.key in by_facts)


def admin_role(world: World) -> str:
    return next(role.key for role in world.roles if role.admin)


# --- How facts are stored ---------------------------------------------------------------------------------------------


EVER = ""
"""Before every time of an exported state, which are texts."""


def spans_of(times: list[Time], *, on: bool, ever: Time) -> tuple[Span, ...]:
    """Back from now, when it is `on` or not: each time is a change; before the first one it was as ever.

    What went off and on at one instant was never off.
    """
    spans: list[Span] = []
    end = None
    for at in reversed(times):
        if on:
            spans.append(Span(at, end))
        end, on = at, not on
    if on:
        spans.append(Span(ever, end))
    joined: list[Span] = []
    for span in reversed(spans):
        if joined and joined[-1].ended_at == span.began_at:
            span = Span(joined.pop().began_at, span.ended_at)
        joined.append(span)
    return tuple(joined)


def facts_from_database(document: dict) -> dict[str, Facts]:
    """The facts about each person, from an exported state. All that knows of tables and columns is here.

    Spans are kept as the times at which something went on and off, in turn. The claim that a removal names is the one
    that owns the entity; a decision has ended when one of its mappings is rejected or its group is deleted.
    """
    groups = [group for group in document["groups"] if not group["deleted_at"]]
    live_groups = {group["id"] for group in groups}
    entities = {entity["id"]: entity["kind"] for entity in document["entities"] if not entity["deleted_at"]}

    mappings = []
    for row in document["mappings"]:
        spans = spans_of(row["switched_at"], on=row["status"] in ("approved", "auto_approved"), ever=EVER)
        deleted = row["entity"] is not None and row["entity"] not in entities
        if row["role"]:
            deleted = row["role"] not in [role["key"] for role in document["organization"]["roles"]]
        mappings.append(
            Mapping(row["id"], row["group"], row["entity"], row["kind"], spans, row["status"], deleted, row["role"])
        )
    live = [mapping for mapping in mappings if mapping.status != "rejected" and mapping.group in live_groups]
    owners = {mapping.entity: mapping.id for mapping in live if mapping.entity}
    not_ended = {mapping.id for mapping in live}

    kinds = {
        kind: spans_of(row["switched_at"], on=row["on"], ever=EVER)
        for kind, row in document["organization"]["kinds"].items()
    }

    world = World(
        roles=tuple(Role(row["key"], row["admin"], row["default"]) for row in document["organization"]["roles"]),
        union=document["organization"]["role_policy"] == "union",
        kinds=kinds,
        entities=entities,
        mappings=tuple(mappings),
    )

    kept = {
        row["user"]: Kept(
            tuple(row["kept"]["roles"]), {entity: Place(*place) for entity, *place in row["kept"]["places"]}
        )
        for row in document.get("holds", ())
        if not row["released"]
    }

    found = {}
    for person in document["people"]:
        told = person["facts"]
        hands = []
        for row in told["by_hand"]:
            claim = None if row["placed"] else owners.get(row["entity"])
            hands.append(Hand(row["entity"], row["placed"], row["at"], row["change"], claim))
        decisions = []
        for row in document["decisions"]:
            if row["user"] == person["id"]:
                ended = not {row["winner"], row["loser"]} <= not_ended
                undone = bool(row["undone_by"])
                decisions.append(Decision(row["id"], row["at"], row["winner"], row["loser"], undone, ended))
        found[person["id"]] = Facts(
            world=world,
            groups=tuple(
                Group(group["id"], member["added_at"], tuple(group["roles"]))
                for group in groups
                for member in group["members"]
                if member["user"] == person["id"]
            ),
            hands=tuple(hands),
            decisions=tuple(decisions),
            placement=told["placement"],
            idp_roles=tuple(told["idp_roles"] or ()),
            manual_roles=tuple(told["manual_roles"] or ()),
            active=told["active"],
            deactivated_at=tuple(told["deactivated_at"]),
            deleted=person["deleted"],
            is_owner=told["is_owner"],
            kept=kept.get(person["id"]),
        )
    return found
