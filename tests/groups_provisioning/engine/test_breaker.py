"""Which changes are too many at once: judged by what people lose, and never by what an org does every day (SPEC T1)."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups_provisioning.engine import breaker
from groups_provisioning.engine.breaker import Counts, Hold, Rule, Share, is_promoted, kept, lost
from groups_provisioning.engine.resolution import POOL, TEAM, Effects, Group, Person, Place, Tie, World, resolve
from orgs.catalogue import Catalogue

CATALOGUES = {
    "lambdatest": Catalogue(("Admin", "User", "Guest"), "User", "Admin", "highest"),
    "testomat": Catalogue(("manager", "billing", "read", "qa"), "qa", "manager", "union"),
    "standard": Catalogue(("Admin", "Member"), "Member", "Admin", "highest"),
}
LOW = {"lambdatest": "Guest", "testomat": "read", "standard": "Member"}
WINDOW, DAY = 600, 86_400
highest, union = CATALOGUES["lambdatest"], CATALOGUES["testomat"]


class TestWhatSomebodyLoses:
    def test_is_every_entity_that_they_leave_whatever_put_them_there(self) -> None:  # T1
        was = Effects(["User"], {"a": Place(TEAM, "claim", "m"), "b": Place(POOL, "hand")})
        assert lost(was, Effects(["User"], {"b": Place(POOL, "claim", "n")}), highest).places == ["a"]
        assert not lost(was, replace(was), highest).is_something

    @pytest.mark.parametrize(
        ("catalogue", "was", "now", "roles"),
        [
            (highest, ["Admin"], ["Guest"], ["Admin"]),
            (highest, ["User"], ["Guest"], ["User"]),
            (highest, ["Guest"], ["Admin"], []),
            (union, ["manager", "qa"], ["qa"], ["manager"]),
            (union, ["qa"], ["read"], []),
            (highest, ["no role any more"], ["Guest"], []),
            (union, ["no role any more"], ["qa"], []),
        ],
    )
    def test_is_a_higher_role_and_of_a_union_all_but_the_default(
        self, catalogue: Catalogue, was: list[str], now: list[str], roles: list[str]
    ) -> None:  # T1
        assert lost(Effects(was), Effects(now), catalogue).roles == roles

    def test_who_gets_the_admin_role_is_promoted_and_loses_nothing(self) -> None:  # T1
        assert is_promoted(Effects(["User"]), Effects(["Admin"]), highest)
        assert not is_promoted(Effects(["Admin"]), Effects(["Admin"]), highest)


class TestWhoIsHeld:
    hold = Hold(Effects(["Admin"], {"a": Place(TEAM, "claim", "m")}))

    def test_keeps_what_they_had_and_has_no_conflicts(self) -> None:  # T1
        has = kept(self.hold, Person(), Effects(["Guest"]), highest)
        assert has == Effects(["Admin"], {"a": Place(TEAM, "claim", "m")}, {})

    def test_gets_nothing_that_could_be_written_into_the_hold(self) -> None:  # R5
        has = kept(self.hold, Person(), Effects(["Guest"]), highest)
        assert has
        has.roles.append("x")
        has.places.clear()
        assert self.hold.kept == Effects(["Admin"], {"a": Place(TEAM, "claim", "m")})

    def test_is_no_longer_once_the_facts_give_it_back(self) -> None:  # T1
        facts = Effects(["Admin"], {"a": Place(TEAM, "hand"), "b": Place(TEAM, "hand")})
        assert kept(self.hold, Person(), facts, highest) is None

    @pytest.mark.parametrize("person", [Person(active=False), Person(active=False, deleted=True)])
    def test_is_nobody_who_is_deactivated_or_deleted(self, person: Person) -> None:  # U4
        assert kept(self.hold, person, Effects(["Guest"]), highest) is None

    def test_is_nobody_who_was_let_through(self) -> None:  # T1
        assert kept(self.hold._replace(released=True), Person(), Effects(["Guest"]), highest) is None

    def test_keeps_no_role_that_the_profile_lost(self) -> None:  # R6
        hold = Hold(Effects(["gone"], {"a": Place(TEAM, "claim", "m")}))
        has = kept(hold, Person(), Effects(["Guest"]), highest)
        assert has
        assert has.roles == ["User"]


numbers = st.integers(0, 300)
shares = st.lists(st.builds(lambda losing, more: Share(losing, losing + more), numbers, numbers), max_size=3)
counts = st.builds(
    Counts,
    losing=numbers,
    demoted=numbers,
    promoted=numbers,
    people=numbers,
    shares=shares,
    admins=numbers,
    has_admins=st.booleans(),
    waiting=numbers,
)


class TestCounts:
    @pytest.mark.parametrize(
        ("counts", "exceeded"),
        [
            (Counts(losing=51, people=255), set()),
            (Counts(losing=51, people=254), {Rule.LOSSES}),
            (Counts(losing=50, people=100), set()),
            (Counts(losing=51, people=5000, shares=[Share(51, 101)]), {Rule.LOSSES}),
            (Counts(losing=51, people=5000, shares=[Share(51, 102)]), set()),
            (Counts(losing=60, people=5000, shares=[Share(10, 10)]), set()),
            (Counts(losing=60, people=5000, shares=[Share(11, 11)]), {Rule.LOSSES}),
            (Counts(losing=11, people=21), {Rule.LOSSES}),
            (Counts(losing=11, people=22), set()),
            (Counts(losing=10, people=10), set()),
            (Counts(losing=6, demoted=6, admins=11, people=1000), {Rule.DEMOTIONS}),
            (Counts(losing=6, demoted=6, admins=12, people=1000), set()),
            (Counts(losing=5, demoted=5, admins=5, people=1000), set()),
            (Counts(promoted=6, has_admins=True), {Rule.PROMOTIONS}),
            (Counts(promoted=6), set()),
            (Counts(promoted=5, has_admins=True), set()),
        ],
    )
    def test_say_what_is_too_much(self, counts: Counts, exceeded: set[Rule]) -> None:  # T1
        assert counts.exceeded == exceeded

    @given(counts)
    def test_never_exceed_what_they_may_not(self, counts: Counts) -> None:
        assert counts.exceeded <= counts.may_exceed
        assert not (counts.is_little and counts.may_exceed)

    @given(counts, st.integers(1, 50))
    def test_exceed_what_they_exceeded_when_there_are_more(self, counts: Counts, more: int) -> None:
        worse = replace(
            counts,
            losing=counts.losing + more,
            demoted=counts.demoted + more,
            promoted=counts.promoted + more,
            shares=[share._replace(losing=share.losing + more) for share in counts.shares],
        )
        assert counts.exceeded <= worse.exceeded

    @given(counts)
    def test_of_whom_nobody_loses_anything_ask_nothing_however_many_wait(self, counts: Counts) -> None:
        assert not replace(counts, losing=0, demoted=0, promoted=0, shares=()).may_exceed


# --- What happens in organizations ------------------------------------------------------------------------------------


class Org:
    """An organization in memory, whose IdP writes at times in seconds; everybody is settled at once."""

    def __init__(self, profile: str) -> None:
        self.catalogue = CATALOGUES[profile]
        self.low = LOW[profile]
        self.groups: dict[str, Group] = {}
        self.world = World(self.catalogue, self.groups)
        self.people: dict[int, Person] = {}
        self.born: dict[int, int] = {}
        self.now: dict[int, Effects] = {}
        self.admin_since: list[int] = []
        self.at = 0
        self.losses: list[tuple[int, int, breaker.Lost]] = []
        self.promotions: list[tuple[int, int]] = []
        self.group("low", roles=(self.low,))
        self.group("admins", roles=(self.catalogue.admin,))

    def group(self, name: str, kind: str = "", roles: tuple[str, ...] = ()) -> None:
        ties = [Tie(f"m{name}", f"e{name}", kind, ((0, None),))] if kind else []
        self.groups[name] = Group(roles, ties)

    def add(self, user: int, role: str | None = None, attribute: str | None = None) -> None:
        self.born[user] = self.at
        self.people[user] = Person(idp_roles=(role,) if role else (), attribute=attribute)
        self.settle(user)

    def join(self, user: int, group: str) -> None:
        person = self.people[user]
        person.groups = [*person.groups, (group, self.at * 10**6 + 1)]
        self.settle(user)

    def leave(self, user: int, group: str) -> None:
        person = self.people[user]
        person.groups = [each for each in person.groups if each[0] != group]
        self.settle(user)

    def end(self, user: int) -> None:
        self.people[user].active = False
        self.settle(user)

    def settle(self, user: int) -> None:
        was, now = self.now.get(user) or Effects([self.catalogue.default]), resolve(self.people[user], self.world)
        if self.people[user].active:
            loss = lost(was, now, self.catalogue)
            if loss.is_something and self.at - self.born[user] > DAY:
                self.losses.append((self.at, user, loss))
            if is_promoted(was, now, self.catalogue):
                self.promotions.append((self.at, user))
                self.admin_since.append(self.at)
        self.now[user] = now

    def held(self) -> set[Rule]:
        """What is exceeded in any window."""
        found = set[Rule]()
        for begin in sorted({at for at, *_ in (*self.losses, *self.promotions)}):
            found |= self._in_window(begin).exceeded
        return found

    def _in_window(self, begin: int) -> Counts:
        losses = [(user, loss) for at, user, loss in self.losses if begin <= at < begin + WINDOW]
        promoted = {user for at, user in self.promotions if begin <= at < begin + WINDOW}
        by_thing = Counter(thing for _, loss in losses for thing in {*loss.places, *loss.roles})
        admin = self.catalogue.admin
        grown = [user for user, person in self.people.items() if person.active and begin - self.born[user] > DAY]
        demoted = {user for user, loss in losses if admin in loss.roles}
        admins = {user for user in self.people if admin in self.now[user].roles} | demoted
        return Counts(
            losing=len({user for user, _ in losses}),
            demoted=len(demoted),
            promoted=len(promoted),
            people=len(grown),
            shares=[
                Share(losing, losing + sum(thing in {*self.now[user].places, *self.now[user].roles} for user in grown))
                for thing, losing in by_thing.items()
            ],
            admins=len(admins),
            has_admins=any(at < begin - DAY for at in self.admin_since),
        )


def settled_org(profile: str, size: int, *, teams: int = 10, pools: int = 4, admins: int = 12) -> Org:
    """An org that has been there for long: everybody is in a team and a pool, some are admins."""
    org = Org(profile)
    for number in range(teams):
        org.group(f"T{number}", TEAM)
    for number in range(pools):
        org.group(f"P{number}", POOL)
    for user in range(size):
        org.add(user)
        org.join(user, f"T{user % teams}")
        org.join(user, f"P{user % pools}")
        if user < admins:
            org.join(user, "admins")
    org.losses.clear()
    org.promotions.clear()
    org.at = 30 * DAY
    return org


@pytest.fixture(params=CATALOGUES)
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestWhatHappensEveryDay:
    """Nothing of it is held, in any profile."""

    def test_two_hundred_are_taken_on_and_the_groups_come_afterwards(self, profile: str) -> None:  # T1
        org = Org(profile)
        org.group("T", TEAM)
        org.group("P", POOL)
        for user in range(200):
            org.add(user, attribute="another pool" if user % 3 == 0 else None)
            org.at += 1
        for user in range(200):
            org.join(user, "T")
            if user % 2:
                org.join(user, "low")
            org.join(user, "P")
        for user in range(8):
            org.join(user, "admins")
        assert org.held() == set()

    def test_two_hundred_join_five_hundred(self, profile: str) -> None:  # T1
        org = settled_org(profile, 500)
        for user in range(500, 700):
            org.add(user)
            org.at += 1
            org.join(user, "T1")
            org.join(user, "P1")
        assert org.held() == set()

    def test_a_reorganization_moves_thirty_of_three_hundred(self, profile: str) -> None:  # T1
        org = settled_org(profile, 300)
        for user in range(30):
            org.leave(user, f"T{user % 10}")
            org.at += 1
            org.leave(user, f"P{user % 4}")
            org.join(user, "T9")
            org.join(user, "P3")
        assert org.held() == set()

    def test_a_team_of_thirty_of_three_hundred_ends(self, profile: str) -> None:  # T1
        org = settled_org(profile, 300)
        for user in range(0, 300, 10):
            org.leave(user, "T0")
        assert org.held() == set()

    @pytest.mark.parametrize("size", [100, 1000])
    def test_one_in_a_hundred_goes_and_two_change_teams(self, profile: str, size: int) -> None:  # T1
        org = settled_org(profile, size)
        for user in range(20, size, 100):
            org.end(user)
        for user in range(21, size, 50):
            org.leave(user, f"T{user % 10}")
            org.join(user, f"T{(user + 1) % 10}")
        assert org.held() == set()

    def test_a_sixth_changes_pools_at_once(self, profile: str) -> None:  # T1
        org = settled_org(profile, 1000)
        for user in range(150):
            org.leave(user, f"P{user % 4}")
            org.join(user, f"P{(user + 1) % 4}")
        assert org.held() == set()

    def test_five_become_admins(self, profile: str) -> None:  # T1
        org = settled_org(profile, 1000)
        for user in range(100, 105):
            org.join(user, "admins")
        assert org.held() == set()


class TestAnAccident:
    @pytest.mark.parametrize("size", [520, 2000])
    def test_that_empties_a_team_is_held(self, profile: str, size: int) -> None:  # T1
        org = settled_org(profile, size)
        for user in range(0, size, 10):
            org.leave(user, "T0")
        assert org.held() == {Rule.LOSSES}

    def test_that_takes_their_team_from_all_of_a_small_org_is_held(self, profile: str) -> None:  # T1
        org = settled_org(profile, 40)
        for user in range(40):
            org.leave(user, f"T{user % 10}")
        assert Rule.LOSSES in org.held()

    def test_that_empties_the_group_of_admins_is_held(self, profile: str) -> None:  # T1
        org = settled_org(profile, 1000)
        for user in range(12):
            org.leave(user, "admins")
        assert org.held() == {Rule.DEMOTIONS}

    def test_that_makes_twelve_admins_is_held(self, profile: str) -> None:  # T1
        org = settled_org(profile, 1000)
        for user in range(100, 112):
            org.join(user, "admins")
        assert org.held() == {Rule.PROMOTIONS}

    def test_that_makes_admins_of_people_who_are_just_created_is_held(self, profile: str) -> None:  # T1
        org = settled_org(profile, 1000)
        for user in range(1000, 1006):
            org.add(user, role=org.catalogue.admin)
        assert org.held() == {Rule.PROMOTIONS}
