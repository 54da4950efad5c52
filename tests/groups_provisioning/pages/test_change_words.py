"""Changes of every shape that was ever stored, where pages and questions read them."""

from uuid import UUID

import pytest
from django.utils import timezone

from groups_provisioning.engine import explanation
from groups_provisioning.engine.explanation import Matched
from groups_provisioning.models import Decision, GroupMember, Pending, PushedGroup, Status
from groups_provisioning.pages.activity import change_list, change_words
from groups_provisioning.pages.activity.change_list import Wanted
from groups_provisioning.pages.conflicts import resolved_conflicts
from orgs import queue
from orgs.change_details import VERBS, Detail
from orgs.models import Change, Door, Entity, EntityKind, Invitation, Organization, Purpose, SetupLink, User
from tests.factories import EntityFactory, MappingFactory, OrganizationFactory, UserFactory
from tests.orgs.golden import (
    ADA,
    BO,
    ENGINEERING,
    EXAMPLES,
    INVITATION,
    LAB,
    LINK,
    MAPPING,
    OTHER_MAPPING,
    PLATFORM,
    POOL,
    Example,
)


@pytest.fixture
def ada(org: Organization) -> User:
    return UserFactory.create(id=UUID(ADA), org=org, given_name="Ada", family_name="Brandt")


@pytest.fixture
def engineering(org: Organization) -> PushedGroup:
    now = timezone.now()
    return PushedGroup.objects.create(
        id=UUID(ENGINEERING), org=org, display_name="Engineering", created_at=now, modified_at=now
    )


@pytest.fixture
def platform(org: Organization) -> Entity:
    return EntityFactory.create(id=UUID(PLATFORM), org=org, kind=EntityKind.TEAM, name="Platform")


@pytest.fixture
def cleo(org: Organization) -> Invitation:
    now = timezone.now()
    return Invitation.objects.create(
        id=UUID(INVITATION),
        org=org,
        address="cleo@partner.example",
        roles=["Member"],
        days=7,
        invited_at=now,
        expires_at=now,
    )


@pytest.fixture
def carol(org: Organization) -> SetupLink:
    now = timezone.now()
    return SetupLink.objects.create(
        id=UUID(LINK), org=org, purpose=Purpose.SCIM, recipient="Carol Diaz", digest=b"x", made_at=now, expires_at=now
    )


def stored(org: Organization, example: Example) -> Change:
    """A change as a release of its time left it."""
    return Change.objects.create(
        org=org, at=timezone.now(), door=Door.COMMAND, verb=example.verb, detail=example.detail
    )


class TestEveryShape:
    @pytest.fixture
    def changes(self, org: Organization, ada: User, cleo: Invitation, carol: SetupLink) -> list[Change]:
        """One of each, in the order of EXAMPLES; the same are in another org."""
        stranger = OrganizationFactory.create()
        for example in EXAMPLES:
            stored(stranger, example)
        return [stored(org, example) for example in EXAMPLES]

    def test_has_its_words(self, org: Organization, changes: list[Change]) -> None:
        known = change_words.names(org, changes, [], Wanted())
        told = [(change_words.change(change, known), change_words.also(change)) for change in changes]
        assert told == [(example.words, example.also) for example in EXAMPLES]

    def test_says_how_many_were_to_be_settled(self, changes: list[Change]) -> None:
        assert [queue.progress(change) for change in changes] == [(0, example.marked) for example in EXAMPLES]

    @pytest.mark.parametrize(
        ("subject", "id_"),
        [("person", ADA), ("person", BO), ("group", ENGINEERING), *(("entity", id_) for id_ in (PLATFORM, POOL, LAB))],
    )
    def test_is_found_by_what_it_is_about(
        self, org: Organization, changes: list[Change], subject: str, id_: str
    ) -> None:
        page = change_list.page(org, Wanted(**{subject: UUID(id_)}), size=len(changes))
        about = [change for change, example in zip(changes, EXAMPLES, strict=True) if id_ in example.about]
        assert [line.change for line in page.lines] == about[::-1]
        assert bool(about) == (id_ != BO)

    def test_is_of_one_kind(self, org: Organization, changes: list[Change]) -> None:
        of_a_kind = [
            line.change.id
            for kind in change_list.KINDS
            for line in change_list.page(org, Wanted(kind=kind), size=len(changes)).lines
        ]
        assert sorted(of_a_kind) == [change.id for change in changes]


@pytest.mark.parametrize("example", [each for each in EXAMPLES if "mappings" in each.detail], ids=str)
def test_a_mapping_tells_the_rule_that_made_it(
    org: Organization, ada: User, engineering: PushedGroup, platform: Entity, example: Example
) -> None:
    """Though the rule is gone."""
    change = stored(org, example)
    GroupMember.objects.create(org=org, group=engineering, user=ada, added_at=timezone.now(), added_by=change)
    waits = {"reason": Pending.ASKED, "approved_at": None, "created_at": change.at, "change": change}
    MappingFactory.create(id=UUID(MAPPING), group=engineering, entity=platform, status=Status.PENDING, **waits)
    (obstacle,) = explanation.of(org, ada).why_not(platform)
    assert obstacle.through
    assert obstacle.through.rule == (Matched(*example.rule) if example.rule else None)


@pytest.mark.parametrize("example", [each for each in EXAMPLES if each.verb == "conflict.decided"], ids=str)
def test_a_decision_tells_which_mapping_came_in(
    org: Organization, ada: User, engineering: PushedGroup, example: Example
) -> None:
    change = stored(org, example)
    winner, loser = (
        MappingFactory.create(id=UUID(id_), group=engineering, kind=EntityKind.TEAM) for id_ in (MAPPING, OTHER_MAPPING)
    )
    Decision.objects.create(org=org, user=ada, winner=winner, loser=loser, at=change.at, change=change)
    (card,) = resolved_conflicts.cards(org)
    came_in = winner if example.detail["use"] == "incoming" else loser
    assert str(card["incoming"]) == str(came_in.id)


@pytest.mark.parametrize("kind", VERBS.values(), ids=VERBS)
def test_every_verb_has_words_of_its_own(kind: type[Detail]) -> None:
    by_itself = change_words.in_words.dispatch(kind)
    assert by_itself is not change_words.in_words.dispatch(Detail) or kind in change_words._SENTENCES
    assert kind.verb.split(".")[0] in {family for families in change_list.KINDS.values() for family in families}


def test_every_kind_has_a_name() -> None:
    assert set(change_words.KINDS) == set(change_list.KINDS)
