"""Who keeps the admin role against the facts, over whatever an org can be (SPEC R5)."""

from dataclasses import dataclass, field, replace
from itertools import pairwise
from uuid import UUID

from hypothesis import assume, given
from hypothesis import strategies as st

from groups_provisioning.engine.last_admin import Account, Verdict, decide, matters

ADA, BO, EVE = (UUID(int=number) for number in (1, 2, 3))


def never() -> bool:
    raise AssertionError("nobody else needed to be asked about")


class TestTheLastAdmin:
    def test_keeps_the_role(self) -> None:
        ada = Account(ADA, counts=True, had=True, has=False)
        assert decide([ada], None, lambda: False) == Verdict(ADA)

    def test_loses_it_where_somebody_else_is_one(self) -> None:
        ada = Account(ADA, counts=True, had=True, has=False)
        assert decide([ada], None, lambda: True) == Verdict(None)
        bo = Account(BO, counts=True, had=False, has=True)
        assert decide([ada, bo], None, never) == Verdict(None)

    def test_is_one_of_several_who_lose_it_at_once(self) -> None:
        both = [Account(id_, counts=True, had=True, has=False) for id_ in (BO, ADA)]
        assert decide(both, None, lambda: False) == Verdict(BO)

    def test_stays_the_one_until_there_is_another(self) -> None:
        bo = Account(BO, counts=True, had=True, has=False)
        assert decide([bo], ADA, never) == Verdict(ADA)
        bo = bo._replace(has=True)
        assert decide([bo], ADA, never) == Verdict(None, released=ADA)

    def test_is_gone_with_the_account(self) -> None:
        ada = Account(ADA, counts=False, had=True, has=True, switched=True)
        assert decide([ada], None, lambda: False) == Verdict(None, gone=(ADA,))
        assert decide([ada._replace(has=False)], ADA, lambda: False) == Verdict(None, released=ADA, gone=(ADA,))
        assert decide([ada], None, lambda: True) == Verdict(None)

    def test_is_never_the_owner(self) -> None:  # O8
        owner = Account(ADA, counts=False, had=True, has=False)
        assert decide([owner], None, never) == Verdict(None)


@dataclass(frozen=True)
class Org:
    """Who has the role as recorded, and by the facts; who is active; who keeps it."""

    facts: dict[UUID, bool]
    active: dict[UUID, bool]
    recorded: dict[UUID, bool] = field(default_factory=dict)
    keeper: UUID | None = None

    @property
    def admins(self) -> set[UUID]:
        return {id_ for id_, has in self.recorded.items() if has and self.active[id_]}

    def settled(self, ids: list[UUID], switched: UUID | None = None) -> tuple["Org", Verdict]:
        """As the engine settles a batch, and whoever is released by it."""
        accounts = [
            Account(id_, self.active[id_], self.recorded.get(id_, False), self.facts[id_], id_ == switched)
            for id_ in ids
        ]
        if not matters(accounts, self.keeper):
            verdict = Verdict(self.keeper)
        else:
            verdict = decide(accounts, self.keeper, lambda: bool(self.admins - set(ids)))
        recorded = self.recorded | {id_: self.facts[id_] or id_ == verdict.keeper for id_ in ids}
        after = replace(self, recorded=recorded, keeper=verdict.keeper)
        if verdict.released and verdict.released not in ids:
            after, _ = after.settled([verdict.released])
        return after, verdict


PEOPLE = [ADA, BO, EVE, UUID(int=4)]
ROLES = st.fixed_dictionaries({id_: st.booleans() for id_ in PEOPLE})


@st.composite
def orgs(draw: st.DrawFn) -> Org:
    """An org that was settled, perhaps with somebody who keeps the role."""
    org = Org(facts=draw(ROLES), active=draw(ROLES))
    org, _ = org.settled(PEOPLE)
    org, _ = replace(org, facts=draw(ROLES)).settled(PEOPLE)
    return org


@given(org=orgs(), facts=ROLES, order=st.permutations(PEOPLE), cuts=st.sets(st.integers(1, 3)))
def test_an_org_is_never_without_an_admin_that_had_one(
    org: Org, facts: dict[UUID, bool], order: list[UUID], cuts: set[int]
) -> None:
    """In whatever batches and order its people are settled."""
    had = bool(org.admins)
    org = replace(org, facts=facts)
    bounds = [0, *sorted(cuts), len(order)]
    for start, end in pairwise(bounds):
        org, verdict = org.settled(order[start:end])
        assert bool(org.admins) >= had
        assert verdict.gone == ()
    by_facts = {id_ for id_ in PEOPLE if facts[id_] and org.active[id_]}
    assert org.admins == (by_facts or ({org.keeper} if org.keeper else set()))
    assert (org.keeper is None) == (bool(by_facts) or not had)
    again, verdict = org.settled(PEOPLE)
    assert (again, verdict.released) == (org, None)


@given(org=orgs(), who=st.sampled_from(PEOPLE))
def test_an_account_that_ends_leaves_another_admin_or_is_told(org: Org, who: UUID) -> None:
    assume(org.active[who])
    was_one = who in org.admins
    after, verdict = replace(org, active=org.active | {who: False}).settled([who], switched=who)
    assert verdict.gone == ((who,) if was_one and not after.admins else ())
    assert after.admins == org.admins - {who}
    assert after.keeper != who
