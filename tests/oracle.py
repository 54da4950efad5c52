"""What SPEC sections 5 and 6 say must come of the facts: slow, plain, and independent of the engine.

It reads the document of `manage.py export_state`, and of that the facts alone. `docs/decisions/0008` says what was read
into the rules where they are silent.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

TEAM, POOL, SUB = "team", "concurrency_group", "sub_organization"


@dataclass(frozen=True)
class Claim:
    """What a mapping asks for one person, since when (C1); also what it only holds for them (M2)."""

    begins: Any
    mapping: str
    group: str
    entity: str
    kind: str

    def competes(self, other: "Claim") -> bool:
        """C1."""
        if self.group == other.group:
            return False
        if self.kind == other.kind:
            return self.kind != TEAM and self.entity != other.entity
        return SUB in (self.kind, other.kind)


def expected(state: dict, admins: Collection[str] = ()) -> dict:
    """`people`, by id, all whom SCIM has not deleted: `roles`; `places` {kind: {entity: source}}; `conflicts` {incoming
    mapping: {those that hold}}. `last_admin`: who keeps that role against the facts (R5).

    admins: ids of those who have had the admin role until now; the one thing in R5 that no fact tells.
    """
    present = [person for person in state["people"] if not person["deleted"]]
    roles = {person["id"]: roles_of(state, person) for person in present}
    last_admin = keeper(state, present, roles, admins)
    if last_admin:
        roles[last_admin] = with_admin(state, roles[last_admin])
    people = {}
    for person in present:
        decisions = decisions_on(state, person)
        claims, held = claims_of(state, person)
        holding = play(claims, decisions)
        held = [one for one in play(held, decisions) if not any(one.competes(claim) for claim in holding)]
        people[person["id"]] = {
            "roles": roles[person["id"]],
            "places": places(state, person, claims, holding, held),
            "conflicts": conflicts(claims, holding, decisions) if person["facts"]["active"] else {},
        }
    return {"people": people, "last_admin": last_admin}


def claims_of(state: dict, person: dict) -> tuple[list[Claim], list[Claim]]:
    """The claims of a person (C1), and what may be held for them (M2, M8); nowhere that hands took them from (R4)."""
    facts, kinds = person["facts"], state["organization"]["kinds"]
    claims, held = [], []
    for mapping in state["mappings"]:
        group = next(group for group in state["groups"] if group["id"] == mapping["group"])
        added = {member["user"]: member["added_at"] for member in group["members"]}.get(person["id"])
        if added is None or group["deleted_at"] or mapping["entity"] not in open_to(state, person):
            continue
        if mapping["status"] == "rejected" or mapping["approved_at"] is None:
            continue
        begins = max(added, mapping["approved_at"])
        claim = Claim(begins, mapping["id"], group["id"], mapping["entity"], mapping["kind"])
        pending, kind = mapping["status"] == "pending", kinds[mapping["kind"]]
        if kind["on"] and not pending:
            claims.append(claim)
            continue
        fell_back, since = mapping["fell_back_at"] if pending else kind["off_at"], facts["active_since"]
        if fell_back and begins < fell_back and facts["active"] and (since is None or since < fell_back):
            held.append(claim)
    return claims, held


def open_to(state: dict, person: dict) -> set[str]:
    """The entities that exist, and that nobody took this person out of by hand (R4)."""
    taken_out = {hand["entity"] for hand in person["facts"]["by_hand"] if not hand["placed"]}
    return {entity["id"] for entity in state["entities"] if not entity["deleted_at"]} - taken_out


def decisions_on(state: dict, person: dict) -> list[dict]:
    """Of the decisions between two mappings, the latest that was not undone (C3)."""
    latest = {}
    for decision in sorted(state["decisions"], key=lambda one: (one["at"], one["id"])):
        if decision["user"] == person["id"] and not decision["undone_by"]:
            latest[frozenset((decision["winner"], decision["loser"]))] = decision
    return list(latest.values())


def play(claims: list[Claim], decisions: list[dict]) -> list[Claim]:
    """Who holds after claims and decisions were played in order of time; at one instant, claims come first (C2)."""
    holding: list[Claim] = []
    begun: list[Claim] = []
    decided: set[tuple[str, str]] = set()

    def try_to_enter(claim: Claim) -> None:
        rivals = [one for one in holding if one.competes(claim)]
        if all((claim.mapping, rival.mapping) in decided for rival in rivals):
            holding[:] = [one for one in holding if one not in rivals] + [claim]
            for kept_out in begun:
                if kept_out not in holding and not any(one.competes(kept_out) for one in holding):
                    holding.append(kept_out)

    events: list[tuple] = [(claim.begins, 0, claim.mapping, claim) for claim in claims]
    events += [(decision["at"], 1, decision["id"], decision) for decision in decisions]
    for *_, event in sorted(events, key=lambda event: event[:3]):
        if isinstance(event, Claim):
            begun.append(event)
            try_to_enter(event)
        else:
            decided.add((event["winner"], event["loser"]))
            for claim in begun:
                if claim.mapping == event["winner"] and claim not in holding:
                    try_to_enter(claim)
    return holding


def conflicts(claims: list[Claim], holding: list[Claim], decisions: list[dict]) -> dict[str, set[str]]:
    """C3."""
    decided = {frozenset((decision["winner"], decision["loser"])) for decision in decisions}
    found = {}
    for claim in set(claims) - set(holding):
        holders = {one.mapping for one in holding if one.competes(claim)}
        if any(frozenset((claim.mapping, holder)) not in decided for holder in holders):
            found[claim.mapping] = holders
    return found


def places(state: dict, person: dict, claims: list[Claim], holding: list[Claim], held: list[Claim]) -> dict:
    """R2, R3, R4, U10: of each kind what outranks the rest, all teams, and nothing beside a sub-organization."""
    kind_of = {entity["id"]: entity["kind"] for entity in state["entities"]}
    by_hand = sorted((h for h in person["facts"]["by_hand"] if h["placed"]), key=lambda h: (h["at"], h["change"]))
    by_hand = [hand["entity"] for hand in reversed(by_hand) if hand["entity"] in open_to(state, person)]
    attribute = person["facts"]["placement"]
    pools_on = state["organization"]["kinds"][POOL]["on"]

    candidates = [(claim.entity, "claim") for claim in holding] + [(one.entity, "held") for one in held]
    if pools_on and attribute in open_to(state, person) and kind_of[attribute] == POOL:
        candidates.append((attribute, "attribute"))
    for entity in by_hand:
        # A sub-organization competes with every claim but one for itself, and yields (R4).
        if kind_of[entity] != SUB or not [claim for claim in claims if claim.entity != entity]:
            candidates.append((entity, "hand"))

    found: dict[str, dict[str, str]] = {TEAM: {}, POOL: {}, SUB: {}}
    for entity, source in candidates:
        if kind_of[entity] == TEAM or not found[kind_of[entity]]:
            found[kind_of[entity]].setdefault(entity, source)
    return found | {TEAM: {}, POOL: {}} if found[SUB] else found


def roles_of(state: dict, person: dict) -> list[str]:
    """R1, by facts alone."""
    groups = [group for group in state["groups"] if not group["deleted_at"]]
    theirs = [group for group in groups if person["id"] in [member["user"] for member in group["members"]]]
    written = {role for group in theirs for role in group["roles"]} | set(person["facts"]["idp_roles"] or ())
    for source in (written, person["facts"]["manual_roles"] or ()):
        known = [role["key"] for role in state["organization"]["roles"] if role["key"] in source]
        if known:
            return known if state["organization"]["role_policy"] == "union" else known[:1]
    return [role["key"] for role in state["organization"]["roles"] if role["default"]]


def with_admin(state: dict, by_facts: list[str]) -> list[str]:
    admin = admin_role(state)
    if state["organization"]["role_policy"] != "union":
        return [admin]
    return [role["key"] for role in state["organization"]["roles"] if role["key"] in (admin, *by_facts)]


def admin_role(state: dict) -> str:
    return next(role["key"] for role in state["organization"]["roles"] if role["admin"])


def keeper(state: dict, present: list[dict], roles: dict[str, list[str]], admins: Collection[str]) -> str | None:
    """R5: the last admin, until the facts name an active one; of several at once, the one with the highest id.

    The owner is no such admin (docs/decisions/0006).
    """
    members = [person["id"] for person in present if person["facts"]["active"] and not person["facts"]["is_owner"]]
    if any(admin_role(state) in roles[member] for member in members):
        return None
    last_admin = state["organization"]["last_admin"]
    return last_admin if last_admin in members else max(set(admins) & set(members), default=None)
