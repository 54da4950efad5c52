"""Conflicts: open ones, the decision about one and about many, and what was decided."""

from collections.abc import Callable, Sequence

from playwright.sync_api import Page

from groups_provisioning.actions import conflict_decisions, mappings
from groups_provisioning.actions.conflict_decisions import Card
from groups_provisioning.engine import worker
from groups_provisioning.models import Conflict, Decision, GroupMapping, PushedGroup
from groups_provisioning.pages.conflicts import open_conflicts
from orgs.models import User
from tests.browser.scene import Scene
from tests.browser.scenes_groups import PEOPLE, people
from tests.conftest import Idp
from tests.factories import UserFactory
from tests.groups_provisioning.world import POOL, SUB, TEAM, by_admin, idp_of, map_to, org_of, push


def mapped(owner: User, idp: Idp, group: str, kind: str, target: str, members: Sequence[User]) -> PushedGroup:
    """A group that is pushed, mapped and settled."""
    pushed = push(idp, group, *members)
    map_to(pushed, kind, target, by=owner)
    worker.drain(10)
    return pushed


def company(owner: User) -> list[User]:
    """A company whose testers are in two pools, and some of whose designers have gone to a sub-organization."""
    org = org_of(owner)
    everybody = people(org)
    idp = idp_of(org, "Okta production")
    mapped(owner, idp, "qa-interactive", POOL, "Interactive sessions", everybody[:6])
    mapped(owner, idp, "load-test runners Frankfurt", POOL, "Load tests, Frankfurt", everybody[2:8])
    mapped(owner, idp, "Product design and user research, Europe", TEAM, "Design", everybody[7:10])
    mapped(owner, idp, "design-tools", TEAM, "Design tools", everybody[8:10])
    mapped(owner, idp, "Contoso Benelux (acquired)", SUB, "Contoso Benelux", everybody[8:11])
    return everybody


INTERACTIVE = ("qa-interactive", "Interactive sessions")
LOAD_TESTS = ("load-test runners Frankfurt", "Load tests, Frankfurt")


def crowd(
    owner: User, count: int, current: tuple[str, str] = INTERACTIVE, incoming: tuple[str, str] = LOAD_TESTS
) -> None:
    """The same conflict for each of so many people. current, incoming: a group, and the pool that it is mapped to."""
    org = org_of(owner)
    everybody = [
        UserFactory.create(org=org, given_name=PEOPLE[n % 12][0], family_name=PEOPLE[(n + n // 12) % 12][1])
        for n in range(count)
    ]
    idp = idp_of(org, "Okta production")
    for group, pool in (current, incoming):
        mapped(owner, idp, group, POOL, pool, everybody)


def _open(owner: User) -> str:
    company(owner)
    return "/groups/conflicts/"


def _many(owner: User) -> str:
    crowd(owner, 16)
    return "/groups/conflicts/"


def _decided(owner: User) -> str:
    """Several decisions, each of which has become of something else."""
    company(owner)
    for number, conflict in enumerate(Conflict.objects.for_org(org_of(owner)).order_by("id")):
        conflict_decisions.decide(
            org=org_of(owner), cards=[Card.of(conflict)], use_incoming=number % 2 == 0, cause=by_admin(owner)
        )
    undone = Decision.objects.for_org(org_of(owner)).order_by("id")[1]
    conflict_decisions.undo(org=org_of(owner), decision_ids=[undone.id], cause=by_admin(owner))
    gone = GroupMapping.objects.get(group__display_name="Contoso Benelux (acquired)")
    mappings.reject(org=org_of(owner), mapping_ids=[gone.id], cause=by_admin(owner))
    return "/groups/conflicts/resolved/"


def _settling(owner: User) -> str:
    crowd(owner, 6)
    cards = [Card.of(conflict) for conflict in Conflict.objects.for_org(org_of(owner))]
    conflict_decisions.decide(org=org_of(owner), cards=cards[:4], use_incoming=True, cause=by_admin(owner))
    return "/groups/conflicts/"


def _asked_twice(owner: User) -> str:
    """Testers whom two more pools ask for than the one that they are in."""
    everybody = company(owner)
    idp = idp_of(org_of(owner), "Okta production")
    mapped(owner, idp, "nightly-regression", POOL, "Nightly regression", everybody[2:5])
    return "/groups/conflicts/"


def _shared(owner: User) -> str:
    """Testers of whom two pools ask for the same three, one for another, and designers."""
    _asked_twice(owner)
    crowd(owner, 34, ("manual-testers", "Manual testing"), ("release-week", "Release week, all regions"))
    return "/groups/conflicts/"


def _of_a_pair(owner: User) -> str:
    crowd(owner, 16)
    pair = open_conflicts.pairs(org_of(owner), open_conflicts.Wanted())[0]["pair"]
    return f"/groups/conflicts/?pair={pair}"


def _undo_all(page: Page) -> None:
    page.get_by_role("link", name="Undo all").first.click()
    page.get_by_role("dialog").get_by_role("heading").wait_for()


def _decided_together(owner: User) -> str:
    crowd(owner, 12)
    cards = [Card.of(conflict) for conflict in Conflict.objects.for_org(org_of(owner))]
    conflict_decisions.decide(org=org_of(owner), cards=cards, use_incoming=True, cause=by_admin(owner))
    worker.drain(10)
    return "/groups/conflicts/resolved/"


def _one_of_two(owner: User, *, use_incoming: bool) -> User:
    """The tester about whom one of two conflicts is decided."""
    _asked_twice(owner)
    conflict = Conflict.objects.filter(incoming__group__display_name="load-test runners Frankfurt").order_by("id")[0]
    cards = [Card.of(conflict)]
    conflict_decisions.decide(org=org_of(owner), cards=cards, use_incoming=use_incoming, cause=by_admin(owner))
    return conflict.user


def _closed_another(owner: User) -> str:
    user = _one_of_two(owner, use_incoming=True)
    return f"/activity/{Decision.objects.filter(user=user)[0].change_id}/"


def _press(name: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.locator("tbody").get_by_role("button", name=name).first.click()
        page.get_by_role("dialog").get_by_role("heading").wait_for()

    return act


def _press_for_all(page: Page) -> None:
    page.get_by_label("All on this page").check()
    page.get_by_role("button", name="Use incoming…", exact=True).click()
    page.get_by_role("dialog").get_by_role("heading").wait_for()


def _undo(page: Page) -> None:
    page.get_by_role("link", name="Undo…").first.click()
    page.get_by_role("dialog").get_by_role("heading").wait_for()


def _undo_page(owner: User) -> str:
    _decided(owner)
    return f"/groups/conflicts/resolved/{Decision.objects.filter(undone_by=None).order_by('id')[0].id}/undo/"


SCENES = {
    "conflicts": Scene(_open),
    "conflicts-new": Scene(lambda owner: "/groups/conflicts/"),
    "conflicts-many": Scene(_many),
    "conflicts-shared": Scene(_shared),
    "conflicts-of-a-pair": Scene(_of_a_pair),
    "conflicts-shared-dialog": Scene(_shared, _press("Use incoming… 34 people")),
    "conflicts-decided-together": Scene(_decided_together),
    "conflicts-undo-dialog": Scene(_decided_together, _undo_all),
    "conflicts-none-fits": Scene(lambda owner: _open(owner) + "?about=sales"),
    "conflicts-of-one": Scene(lambda owner: f"/groups/conflicts/?person={company(owner)[9].id}"),
    "conflicts-use-dialog": Scene(_open, _press("Use incoming… 3 people, Load")),
    "conflicts-across-dialog": Scene(_open, _press("Use incoming… 2 people, Contoso")),
    "conflicts-closing-dialog": Scene(_asked_twice, _press("Use incoming… 3 people, Load")),
    "conflict-closed-another": Scene(_closed_another),
    "person-decided": Scene(lambda owner: f"/people/{_one_of_two(owner, use_incoming=False).id}/"),
    "conflicts-keep-dialog": Scene(_open, _press("Keep current… 3 people, Load")),
    "conflicts-many-dialog": Scene(_many, _press_for_all),
    "conflicts-settling": Scene(_settling),
    "conflicts-resolved": Scene(_decided),
    "conflicts-resolved-new": Scene(lambda owner: "/groups/conflicts/resolved/"),
    "conflict-undo-dialog": Scene(_decided, _undo),
    "conflict-undo": Scene(_undo_page),
}
