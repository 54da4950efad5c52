"""Why somebody has each role and place, and why not (SPEC E2): the engine's explanation, by ids."""

from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request

from api import problems
from api.base import OrgView
from api.description import describes
from api.serializers import ChangeState, Exact
from groups_provisioning.engine import as_of, explanation
from groups_provisioning.engine.explanation import Explanation, Reason, RoleSource
from groups_provisioning.models import PatternType, Source, Status
from groups_provisioning.pages.people import account_history
from orgs import past
from orgs.models import Entity, EntityKind, Organization, User

AT = "As of this moment, as far as history goes back. Without it: now."


class ExplanationQuery(Exact):
    entity = serializers.UUIDField(
        required=False, help_text="Tell of this team, concurrency group or sub-organization alone, and why not."
    )
    at = serializers.DateTimeField(required=False, help_text=AT)


class Account(serializers.Serializer[Any]):
    """active: whether they are. idp_active: the identity provider's last word, which a decision by hand may overrule.

    ended_by: the change that deactivated them. ended_by_idp: where that was by hand, the identity provider's as well.
    """

    active = serializers.BooleanField(source="person.active")
    idp_active = serializers.BooleanField(source="person.activity.said")
    ended_by = ChangeState(source="ended.change", allow_null=True)
    ended_by_idp = ChangeState(source="ended.by_idp", allow_null=True)


class RuleThen(serializers.Serializer[Any]):
    """The rule that mapped a group, as it was then."""

    pattern_type = serializers.ChoiceField(PatternType.choices)
    pattern = serializers.CharField()


class Through(serializers.Serializer[Any]):
    """A group that they are in, and what it is mapped to. since: when it began to claim them; member_since: when they
    were added. rule: where no admin approved the mapping.
    """

    group = serializers.UUIDField(source="mapping.group_id")
    mapping = serializers.UUIDField(source="mapping.id")
    status = serializers.ChoiceField(Status.choices, source="mapping.status")
    target_deleted = serializers.BooleanField(source="mapping.target_deleted")
    since = serializers.DateTimeField()
    member_since = serializers.DateTimeField(source="member.added_at")
    rule = RuleThen(allow_null=True)


class DecisionState(serializers.Serializer[Any]):
    """An admin's decision between two mappings, about this person."""

    id = serializers.IntegerField()
    winner = serializers.UUIDField(source="winner_id")
    loser = serializers.UUIDField(source="loser_id")
    at = serializers.DateTimeField()


class Contest(serializers.Serializer[Any]):
    """Another claim that excludes one. decision: null where nobody has decided."""

    through = Through(source="other")
    decision = DecisionState(allow_null=True)


class ByHand(serializers.Serializer[Any]):
    """What an admin decided by hand: placed there, or taken out."""

    placed = serializers.BooleanField()
    change = ChangeState()


class RoleReason(serializers.Serializer[Any]):
    """Something that gives roles. counts: those that are in effect. unknown: names that are no roles of the profile.
    group: whose members get them. through: a mapping to a role.
    """

    source = serializers.ChoiceField([each.value for each in RoleSource])  # type: ignore[assignment]
    roles = serializers.ListField(child=serializers.CharField())
    counts = serializers.ListField(child=serializers.CharField())
    unknown = serializers.ListField(child=serializers.CharField())
    group = serializers.UUIDField(source="member.group_id", allow_null=True)
    through = Through(allow_null=True)


class RolesReason(serializers.Serializer[Any]):
    """effective: what they have, while they are active."""

    effective = serializers.ListField(child=serializers.CharField(), source="roles")
    sources = RoleReason(many=True)


class PlaceReason(serializers.Serializer[Any]):
    """Why they are in an entity. through: the group whose mapping places them. kept_out: claims that give way to it.
    also: what would place them there without it. counts: false while they are inactive.
    """

    entity = serializers.UUIDField(source="entity.id")
    kind = serializers.ChoiceField(EntityKind.choices, source="entity.kind")
    source = serializers.ChoiceField(Source.choices)  # type: ignore[assignment]
    through = Through(allow_null=True)
    hand = ByHand(allow_null=True)
    kept_out = Contest(many=True)
    also = serializers.ListField(child=serializers.ChoiceField(Source.choices))
    counts = serializers.BooleanField()


class Obstacle(serializers.Serializer[Any]):
    """What keeps them from an entity. source, through, hand: what would place them, or took them out. holders: the
    claims that keep theirs out; open: nobody has decided. place: where they are instead. owner: the mapping of the
    group that would place them if they were in it.
    """

    reason = serializers.ChoiceField([each.value for each in Reason])
    source = serializers.ChoiceField(Source.choices, allow_null=True)  # type: ignore[assignment]
    through = Through(allow_null=True)
    hand = ByHand(allow_null=True)
    holders = Contest(many=True)
    open = serializers.BooleanField()
    place = serializers.UUIDField(source="place.entity.id", allow_null=True)
    owner = serializers.UUIDField(source="owner.id", allow_null=True)


class NotPlaced(serializers.Serializer[Any]):
    """An entity that they are not in, or are in without effect, and everything that keeps them from it."""

    entity = serializers.UUIDField(source="entity.id")
    kind = serializers.ChoiceField(EntityKind.choices, source="entity.kind")
    obstacles = Obstacle(many=True)


class HeldState(serializers.Serializer[Any]):
    """What an identity provider did to many people at once is held: they keep what they had. since: when that began.
    change: what it did.
    """

    since = serializers.DateTimeField(source="at")
    change = ChangeState()


class InGroup(serializers.Serializer[Any]):
    """A group that they are a member of. mappings: those that are not rejected."""

    group = serializers.UUIDField()
    since = serializers.DateTimeField()
    mappings = serializers.ListField(child=serializers.UUIDField())


class PersonExplanation(serializers.Serializer[Any]):
    """Why a person has each role and place, from the facts as they are now, or were at the moment that was asked for.
    settled: false while a worker is about to bring that about; of a moment, where the ledger has recorded something
    else of the changes until then. held: why they keep what they had, if they do. places: where they are. not_placed:
    where something would place them, or an admin took them out.
    """

    person = serializers.UUIDField(source="person.id")
    settled = serializers.BooleanField()
    held = HeldState(allow_null=True)
    account = Account(source="*")
    roles = RolesReason()
    places = PlaceReason(many=True)
    not_placed = NotPlaced(many=True)
    groups = InGroup(many=True)


class OneExplanation(OrgView):
    @describes("Explain a person", query=ExplanationQuery, answer=PersonExplanation)
    def get(self, request: Request, org: UUID, person: UUID) -> Any:
        """Which groups, mappings, rules and decisions every role and place comes from, and what is in the way of
        others. What an inactive person would have is explained as well; it counts for nothing until they are active.
        """
        asked = self.asked(request, ExplanationQuery)
        if "at" in asked:
            past_of(self.org, asked["at"])
            with as_of.person(self.org, person, asked["at"], entity=asked.get("entity")) as then:
                if then is None or then.user.deleted_at:
                    raise problems.not_found()
                settled = not as_of.recorded(person, asked["at"]).differs(then.effects)
                return self._answer(then, asked) | {"settled": settled}
        user = User.objects.for_org(self.org).live().filter(id=person).first()
        if user is None:
            raise problems.not_found()
        return self._answer(explanation.of(self.org, user), asked)

    def _answer(self, why: Explanation, asked: dict[str, Any]) -> dict[str, Any]:
        if "entity" in asked:
            entity = Entity.objects.for_org(self.org).filter(id=asked["entity"]).first()
            if entity is None:
                raise problems.not_found()
            place = why.why_place(entity)
            places, others = [place] if place else [], [entity]
        else:
            places = why.places()
            others = [*why.withheld(), *(place.entity for place in places if not place.counts)]
        return dict(PersonExplanation(_told(why.user, why, places, others, asked.get("at"))).data)


def past_of(org: Organization, at: datetime) -> None:
    """Refuses a moment as of which the facts of an org are not known."""
    try:
        past.check(org, at)
    except past.NotYet:
        raise problems.invalid({"at": ["This is in the future."]}) from None
    except past.NotKept as refusal:
        raise problems.invalid({"at": [f"History goes back to {refusal.began.isoformat()}."]}) from None


def _told(
    user: User, why: Explanation, places: list[Any], others: list[Entity], at: datetime | None = None
) -> dict[str, Any]:
    obstacles = [(entity, why.why_not(entity)) for entity in others]
    return {
        "person": user,
        "ended": account_history.ended(user, at=at),
        "settled": why.is_settled,
        "held": why.hold,
        "roles": why.why_roles(),
        "places": places,
        "not_placed": [{"entity": entity, "obstacles": found} for entity, found in obstacles if found],
        "groups": [
            {"group": member.group_id, "since": member.added_at, "mappings": [each.id for each in mappings]}
            for member, mappings in why.groups()
        ],
    }
