"""What a person's page advises can be done then: what it links to is there, and has the button that it names."""

import re
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from groups_provisioning.actions import account_switches, conflict_decisions, manual_changes
from groups_provisioning.actions.conflict_decisions import Card
from groups_provisioning.engine import explanation, reconcile
from groups_provisioning.engine.explanation import Reason, WhyNot
from groups_provisioning.models import Conflict, GroupMapping, GroupMember, Source, Status
from orgs.models import Entity, EntityKind, Organization, User
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, OwnerFactory
from tests.groups_provisioning.situations import Situation
from tests.groups_provisioning.world import by_command
from tests.page_text import words

TEAM, POOL, SUB = EntityKind.TEAM, EntityKind.CONCURRENCY_GROUP, EntityKind.SUB_ORGANIZATION


class Reader:
    """An admin who reads a person's page and does what it says."""

    def __init__(self, at: Situation, user: User) -> None:
        self.org = Organization.objects.get(id=at.org.id)
        self.user = User.objects.get(id=user.id)
        self.browser: Client = signed_in(at.admin)
        self.page = self._get(f"/people/{user.id}/")
        self.why = explanation.of(self.org, self.user)

    def follow_everything(self) -> set[Reason | Source]:
        """Everything that the page gives a reason for, after it was checked."""
        for place in self.why.places():
            if place.source == Source.HAND:
                assert 'class="button button--danger"' in self._linked(
                    place.entity, "remove them on this page", "/take-out/"
                )
            assert ("This conflict is still open" in self._row(place.entity)) == any(
                contest.decision is None and self.user.active for contest in place.kept_out
            )
        withheld = [(entity, why) for entity in self.why.withheld() for why in self.why.why_not(entity)]
        for entity, why in withheld:
            self._follow(entity, why)
            every = [each for its, each in withheld if its == entity]
            assert ("To change this" in self._row(entity)) == any(each.reason == Reason.KEPT_OUT for each in every)
            assert ("use the incoming assignment" in self._row(entity)) == any(each.open for each in every)
        self._count_conflicts()
        return {why.reason for _, why in withheld} | {Source(place.source) for place in self.why.places()}

    def _follow(self, entity: Entity, why: WhyNot) -> None:
        row = self._row(entity)
        if why.reason == Reason.KEPT_OUT and why.open:
            assert why.through
            card = Conflict.objects.get(user=self.user, incoming=why.through.mapping)
            page = self._linked(entity, "use the incoming assignment", "/groups/conflicts/?person=")
            assert f'name="action" value="use:{card.id}"' in page
        elif why.reason == Reason.KEPT_OUT:
            for contest in why.holders:
                if contest.decision:
                    change = f"/activity/{contest.decision.change_id}/"
                    assert change in row
                    self._get(change)
                    undo = f"/groups/conflicts/resolved/{contest.decision.id}/undo/"
                    assert "Undo decision" in self._linked(entity, "undo the decision", undo)
                else:
                    assert "once they are active again" in row
        elif why.reason == Reason.PENDING:
            assert why.through
            address = f"/mappings/{why.through.mapping.id}/approve/"
            assert 'button--primary">Approve</button>' in self._linked(entity, "approve it", address)
        elif why.reason == Reason.TAKEN_OUT:
            assert f'action="/people/{self.user.id}/places/{entity.id}/put-back/"' in row
            assert "Undo removal" in row

    def _count_conflicts(self) -> None:
        cards = len(self.why.effects.conflicts)
        assert (f"{cards} open conflict" in words(self.page)) == bool(cards)
        if cards:
            listed = self._get(f"/groups/conflicts/?person={self.user.id}")
            assert listed.count('value="use:') == cards

    def _row(self, entity: Entity) -> str:
        (row,) = [
            row
            for row in re.findall(r'<li class="row row--top.*?<div class="row__end">.*?</li>', self.page, re.DOTALL)
            if f'/{entity.id}/">' in row.split("</h3>")[0]
        ]
        return str(row)

    def _linked(self, entity: Entity, words: str, address: str) -> str:
        """The page to which a row links by these words, or beside them."""
        row = self._row(entity)
        assert words in row
        addresses = [each for each in re.findall(r'href="([^"]+)"', row) if address in each]
        assert addresses
        return self._get(addresses[0])

    def _get(self, address: str) -> str:
        answer = self.browser.get(address)
        assert answer.status_code == 200, address
        return answer.content.decode()


def settled(at: Situation) -> None:
    org = Organization.objects.get(id=at.org.id)
    for user in User.objects.for_org(org):
        reconcile.settle(org=org, user=user)
    reconcile.settle_marked(org.id)


class TestAdvice:
    def test_is_to_undo_what_was_decided(self, org: Organization) -> None:  # C3
        at = Situation(org, OwnerFactory.create(org=org))
        ada = at.person("Ada Brandt")
        nights, days = (at.map(at.group(name, ada), at.entity(name, POOL)) for name in ("Nights", "Days"))
        at.decide(ada, nights, days)
        settled(at)
        reader = Reader(at, ada)
        reader.follow_everything()
        assert "resolve the conflict" not in reader.page
        (address,) = re.findall(r'href="(/groups/conflicts/resolved/\d+/undo/)"', reader.page)
        _undo(reader.browser, address)
        again = Reader(at, ada)
        again.follow_everything()
        assert "use the incoming assignment" in again.page

    def test_is_not_to_approve_what_is_switched_off(self, org: Organization) -> None:  # M8
        at = Situation(org, OwnerFactory.create(org=org))
        ada = at.person("Ada Brandt")
        at.map(at.group("Nights", ada), at.entity("Nights", POOL), Status.PENDING)
        settled(at)
        assert Reader(at, ada).follow_everything() == {Reason.PENDING}
        Organization.objects.filter(id=org.id).update(concurrency_groups=False)
        assert Reader(at, ada).follow_everything() == {Reason.KIND_OFF}

    def test_of_somebody_inactive_waits_until_they_are_active(self, org: Organization) -> None:  # C3
        at = Situation(org, OwnerFactory.create(org=org))
        ada = at.person("Ada Brandt", active=False)
        for name in ("Nights", "Days"):
            at.map(at.group(name, ada), at.entity(name, POOL))
        settled(at)
        assert Reader(at, ada).follow_everything() == {Reason.KEPT_OUT, Source.CLAIM}


# --- In whatever situation --------------------------------------------------------------------------------------------

Step = Callable[[Situation, User, int], Any]


def _decide(use_incoming: bool) -> Step:
    def step(at: Situation, user: User, number: int) -> None:
        if cards := list(Conflict.objects.filter(user=user).order_by("id")):
            card = Card.of(cards[number % len(cards)])
            conflict_decisions.decide(org=at.org, cards=[card], use_incoming=use_incoming, cause=by_command())

    return step


def _by_hand(command: Callable[..., Any]) -> Step:
    def step(at: Situation, user: User, number: int) -> None:
        found = Entity.objects.for_org(at.org).order_by("id")
        command(org=at.org, user_id=user.id, entity_id=found[number % len(found)].id, cause=by_command())

    return step


def _switch_mapping(at: Situation, user: User, number: int) -> None:
    found = GroupMapping.objects.for_org(at.org).order_by("id")
    mapping = found[number % len(found)]
    if mapping.is_synced:
        mapping.cease(Status.PENDING, "asked", by_command().at)
    else:
        mapping.approve(Status.APPROVED, by_command().at)
    mapping.save()


def _leave(at: Situation, user: User, number: int) -> None:
    found = GroupMapping.objects.for_org(at.org).order_by("id")
    group = found[number % len(found)].group
    if GroupMember.objects.filter(group=group, user=user).exists():
        at.leave(group, user)
    else:
        at.join(group, user)


def _switch_person(at: Situation, user: User, number: int) -> None:
    user.refresh_from_db()
    switch = account_switches.deactivate if user.active else account_switches.activate
    switch(org=at.org, user_id=user.id, cause=by_command())


STEPS = [
    _decide(True),
    _decide(True),
    _decide(False),
    _decide(False),
    _by_hand(manual_changes.place),
    _by_hand(manual_changes.take_out),
    _switch_mapping,
    _leave,
    _switch_person,
]


def _undo(browser: Client, address: str) -> None:
    """Look at what would come of it, then confirm it."""
    (seen,) = re.findall(r'name="seen"[^>]* value="([^"]+)"', browser.get(address).content.decode())
    browser.post(address, {"seen": seen})


@settings(
    max_examples=settings().max_examples // 10,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    kinds=st.lists(st.sampled_from([POOL, POOL, SUB, TEAM]), min_size=2, max_size=4),
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 3)), max_size=8),
)
def test_whatever_has_happened_advice_can_be_followed(
    db: None, kinds: list[EntityKind], steps: list[tuple[Step, int]]
) -> None:  # C3
    with transaction.atomic():
        org = OrganizationFactory.create()
        at = Situation(org, OwnerFactory.create(org=org))
        ada = at.person("Ada Brandt")
        for number, kind in enumerate(kinds):
            at.map(at.group(f"group {number}", ada), at.entity(f"Place {number}", kind))
            settled(at)
        for step, number in steps:
            step(at, ada, number)
            settled(at)
        reader = Reader(at, ada)
        reader.follow_everything()
        for _ in range(len(steps)):
            undone = re.findall(r'href="(/groups/conflicts/resolved/\d+/undo/)"', reader.page)
            if not undone:
                break
            _undo(reader.browser, undone[0])
            reader = Reader(at, ada)
            reader.follow_everything()
        assert "undo the decision" not in reader.page
        transaction.set_rollback(True)
