"""Support holds what a token takes away, and lets it through (N4, T1)."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from groups_provisioning.engine import holds
from groups_provisioning.models import Breach, BreachState, Hold, Membership, PushedGroup
from orgs.models import Change, Organization, ScimToken, User
from orgs.open_matters import everything
from orgs.staff_groups import StaffRole
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, StaffFactory, UserFactory, issue_token
from tests.groups_provisioning.states import drift
from tests.groups_provisioning.world import map_to, push, settle_marked
from tests.page_text import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Client:
    return signed_in(StaffFactory.create(role=StaffRole.SUPPORT))


@pytest.fixture
def people(org: Organization) -> list[User]:
    return UserFactory.create_batch(3, org=org, created_at=timezone.now() - timedelta(days=30))


@pytest.fixture
def team(org: Organization, idp: Idp, people: list[User]) -> PushedGroup:
    pushed = push(idp, "Platform", *people)
    map_to(pushed)
    settle_marked(org)
    return pushed


@pytest.fixture
def token(org: Organization, team: PushedGroup) -> ScimToken:
    return ScimToken.objects.for_org(org).get()


def page_of(token: ScimToken) -> str:
    return reverse("admin:hold", args=[token.org_id, token.pk])


def release_of(org: Organization) -> str:
    return reverse("admin:release", args=[org.pk, Breach.objects.for_org(org).latest("id").pk])


def let_through(desk: Client, org: Organization) -> None:
    seen = desk.get(release_of(org)).context["seen"]
    desk.post(release_of(org), {"_seen": seen})
    settle_marked(org)


def remove(idp: Idp, group: PushedGroup, person: User) -> None:
    operation = {"op": "remove", "path": f'members[value eq "{person.id}"]'}
    assert idp.patch(f"/Groups/{group.id}", operation).status_code == 200


def in_team() -> int:
    return Membership.objects.filter(entity__name="Platform").count()


def kinds(org: Organization) -> set[str]:
    return {matter.kind for matter in everything(org, at=timezone.now())}


class TestHolding:
    def test_is_asked_first(self, desk: Client, token: ScimToken) -> None:
        shown = text(desk.get(page_of(token)))
        assert "whoever would lose a role or an assignment" in shown
        assert "Deactivating and deleting people is never held" in shown
        assert not Breach.objects.exists()

    def test_keeps_one_in_a_team_who_is_removed_in_the_idp(
        self, desk: Client, idp: Idp, org: Organization, people: list[User], team: PushedGroup, token: ScimToken
    ) -> None:  # N4
        desk.post(page_of(token))
        remove(idp, team, people[0])
        settle_marked(org)
        assert in_team() == 3
        assert Hold.objects.get().user == people[0]
        assert drift(org) == []
        admin = signed_in(UserFactory.create(org=org, roles=["Admin"]))
        told = text(admin.get(f"/people/{people[0].id}/"))
        assert "Support holds what your identity provider would take away." in told

    def test_keeps_a_role_that_a_request_takes_away_at_once(
        self, desk: Client, idp: Idp, org: Organization, people: list[User], token: ScimToken
    ) -> None:  # N4
        role = {"op": "replace", "path": "roles", "value": [{"value": "Admin"}]}
        idp.patch(f"/Users/{people[0].id}", role)
        desk.post(page_of(token))
        idp.patch(f"/Users/{people[0].id}", {"op": "remove", "path": "roles"})
        people[0].refresh_from_db()
        assert people[0].standing.roles == ["Admin"]

    def test_lets_others_join_and_people_be_deactivated(
        self, desk: Client, idp: Idp, org: Organization, people: list[User], team: PushedGroup, token: ScimToken
    ) -> None:  # U4
        new = UserFactory.create(org=org)
        desk.post(page_of(token))
        idp.patch(f"/Groups/{team.id}", {"op": "add", "path": "members", "value": [{"value": str(new.id)}]})
        remove(idp, team, people[0])
        idp.patch(f"/Users/{people[0].id}", {"op": "replace", "path": "active", "value": False})
        settle_marked(org)
        assert in_team() == 4 - 1
        assert not Hold.objects.exists()
        people[0].refresh_from_db()
        assert not people[0].active

    def test_concerns_no_other_token(
        self, desk: Client, org: Organization, people: list[User], team: PushedGroup, token: ScimToken
    ) -> None:
        desk.post(page_of(token))
        remove(Idp(issue_token(org, "other").secret), team, people[0])
        settle_marked(org)
        assert in_team() == 2

    def test_goes_on_while_nobody_is_held(
        self, desk: Client, idp: Idp, org: Organization, people: list[User], team: PushedGroup, token: ScimToken
    ) -> None:
        desk.post(page_of(token))
        holds.finish(org.pk)
        remove(idp, team, people[0])
        settle_marked(org)
        idp.patch(f"/Groups/{team.id}", {"op": "add", "path": "members", "value": [{"value": str(people[0].id)}]})
        settle_marked(org)
        assert not Hold.objects.exists()
        assert Breach.objects.get().state == BreachState.OPEN

    def test_keeps_those_too_who_were_only_put_aside(
        self, desk: Client, idp: Idp, org: Organization, people: list[User], team: PushedGroup, token: ScimToken
    ) -> None:
        now = timezone.now()
        remove(idp, team, people[0])
        about = {"state": BreachState.ASSESSING, "began_at": now, "assessed_from": now, "last_mark": 2**60}
        Breach.objects.create(org=org, token=token, **about)
        desk.post(page_of(token))
        settle_marked(org)
        breach = Breach.objects.get()
        assert (breach.state, breach.rules, breach.assessed_from) == (BreachState.OPEN, ["support"], None)
        assert in_team() == 3

    def test_is_told_to_the_admins_of_the_organization(
        self, desk: Client, org: Organization, token: ScimToken
    ) -> None:  # N4
        desk.post(page_of(token))
        assert "changes.held_by_support" in kinds(org)
        admin = signed_in(UserFactory.create(org=org, roles=["Admin"]))
        assert "Nobody is held yet because of the token “test”" in text(admin.get("/held-changes/"))
        assert "Support began to hold what a token takes away" in text(admin.get("/activity/"))

    def test_twice_is_once(self, desk: Client, token: ScimToken) -> None:
        desk.post(page_of(token))
        assert "is held already" in text(desk.post(page_of(token), follow=True))
        assert Change.objects.filter(verb="hold.began").count() == 1

    def test_is_not_offered_for_a_revoked_token_nor_one_of_another_organization(
        self, desk: Client, token: ScimToken
    ) -> None:  # O7
        other = OrganizationFactory.create()
        assert desk.post(reverse("admin:hold", args=[other.pk, token.pk])).status_code == 404
        token.revoked_at = timezone.now()
        token.save()
        assert desk.post(page_of(token)).status_code == 404

    def test_is_offered_for_every_valid_token(self, desk: Client, org: Organization, token: ScimToken) -> None:  # O4
        for number in range(12):
            issue_token(org, f"newer {number}")
        ScimToken.objects.exclude(pk=token.pk).update(revoked_at=timezone.now())
        shown = desk.get(reverse("admin:org", args=[org.pk]))
        assert page_of(token) in shown.content.decode()

    def test_and_releasing_are_not_for_those_who_may_only_look(
        self, desk: Client, org: Organization, token: ScimToken
    ) -> None:  # N4
        reader = signed_in(StaffFactory.create(role=StaffRole.READ_ONLY))
        assert reader.post(page_of(token)).status_code == 403
        assert reader.get(page_of(token)).status_code == 403
        desk.post(page_of(token))
        assert reader.get(release_of(org)).status_code == 403
        assert reader.post(release_of(org), {"_seen": ""}).status_code == 403
        shown = text(reader.get(reverse("admin:org", args=[org.pk])))
        assert "nobody is held yet" in shown
        assert "End the hold…" not in shown
        assert Breach.objects.get().state == BreachState.OPEN


class TestReleasing:
    def test_shows_the_effects_and_has_the_facts_count(
        self, desk: Client, idp: Idp, org: Organization, people: list[User], team: PushedGroup, token: ScimToken
    ) -> None:  # N4
        desk.post(page_of(token))
        remove(idp, team, people[0])
        settle_marked(org)
        assert "removed from the team Platform" in text(desk.get(release_of(org)))
        let_through(desk, org)
        assert in_team() == 2
        assert Breach.objects.get().state == BreachState.ENDED
        assert Change.objects.get(verb="hold.let_through").by_person.is_staff

    def test_of_nobody_ends_the_hold(
        self, desk: Client, idp: Idp, org: Organization, people: list[User], team: PushedGroup, token: ScimToken
    ) -> None:  # N4
        desk.post(page_of(token))
        assert "Nobody is held" in text(desk.get(release_of(org)))
        let_through(desk, org)
        assert Breach.objects.get().state == BreachState.ENDED
        assert "changes.held_by_support" not in kinds(org)
        remove(idp, team, people[0])
        settle_marked(org)
        assert in_team() == 2

    def test_of_other_effects_than_were_seen_is_asked_again(
        self, desk: Client, idp: Idp, org: Organization, people: list[User], team: PushedGroup, token: ScimToken
    ) -> None:  # M9
        desk.post(page_of(token))
        seen = desk.get(release_of(org)).context["seen"]
        remove(idp, team, people[0])
        settle_marked(org)
        shown = text(desk.post(release_of(org), {"_seen": seen}))
        assert "Not done yet" in shown
        assert in_team() == 3

    def test_is_for_the_organizations_admins_too(self, desk: Client, org: Organization, token: ScimToken) -> None:
        desk.post(page_of(token))
        address = reverse("held-changes-let-through", args=[Breach.objects.get().pk])
        admin = signed_in(UserFactory.create(org=org, roles=["Admin"]))
        asked = admin.get(address)
        assert "End the hold by support?" in text(asked)
        assert "on the 0 people" not in text(asked)
        assert '<button class="button button--danger">End the hold</button>' in asked.content.decode()
        seen = {"seen": asked.context["outlook"].fingerprint}
        assert "The hold has ended" in text(admin.post(address, seen, follow=True))
        assert Breach.objects.get().state == BreachState.ENDED
        assert "The hold by support was ended; nobody was held" in text(admin.get("/activity/"))

    def test_of_what_was_let_through_already_says_so(self, desk: Client, org: Organization, token: ScimToken) -> None:
        desk.post(page_of(token))
        address = release_of(org)
        let_through(desk, org)
        assert "Nothing is held there any more" in text(desk.get(address, follow=True))
