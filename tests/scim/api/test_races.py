"""Requests at the same moment, on real connections: nothing is lost, and contention is never seen (SPEC S2, S7)."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse

from groups_provisioning.actions import manual_changes
from groups_provisioning.models import Membership, PushedGroup
from orgs.db import transactions
from orgs.models import Entity, LedgerEntry, Organization, Standing, User
from tests.conftest import Idp
from tests.factories import OrganizationFactory, UserFactory, issue_token
from tests.groups_provisioning.world import TEAM, by_admin, map_to, push, push_user, settle_marked
from tests.scim.api.races import ROUNDS, Call, at_once, behind, sent, statuses


@pytest.fixture
def org(transactional_db: None) -> Organization:
    return OrganizationFactory.create()


@pytest.fixture
def secret(org: Organization) -> str:
    return issue_token(org).secret


def create(name: str, **attributes: Any) -> Call:
    return lambda idp: idp.post("/Users", {"userName": name} | attributes)


def patch(user: User, **attributes: Any) -> Call:
    return lambda idp: idp.patch(f"/Users/{user.id}", {"op": "replace", "value": attributes})


def delete(user: User) -> Call:
    return lambda idp: idp.delete(f"/Users/{user.id}")


class TestCreating:
    @pytest.mark.parametrize("name", ["ada", "ada@corp.example"])
    def test_one_name_twice_makes_one_user(self, org: Organization, secret: str, name: str) -> None:  # U2
        for number in range(ROUNDS):
            answers = at_once(secret, create(f"{number}{name}"), create(f"{number}{name.upper()}"))
            assert statuses(answers) == [201, 409]
            assert {answer.json().get("scimType") for answer in answers} == {None, "uniqueness"}
            assert User.objects.filter(org=org).count() == Standing.objects.filter(org=org).count() == number + 1

    def test_one_address_in_two_orgs_makes_two_users(self, org: Organization, secret: str) -> None:  # U2, O6
        other = issue_token(OrganizationFactory.create()).secret
        for number in range(ROUNDS):
            call = create(f"ada{number}@corp.example")
            answers = at_once(secret, call, lambda _, call=call: call(Idp(other)))
            assert statuses(answers) == [201, 201]
            assert User.objects.count() == 2 * (number + 1)

    def test_a_name_that_is_being_deleted_is_taken_or_revived(self, org: Organization, secret: str) -> None:  # U3
        for number in range(ROUNDS):
            user = UserFactory.create(org=org, user_name=f"ada{number}@corp.example")
            created, deleted = at_once(secret, create(user.user_name, displayName="new"), delete(user))
            assert deleted.status_code == 204
            assert created.status_code in (201, 409)
            user.refresh_from_db()
            assert (user.deleted_at is None) == (created.status_code == 201)
            if created.status_code == 201:
                assert created.json()["id"] == str(user.id)

    def test_a_deleted_user_is_revived_once(self, org: Organization, secret: str) -> None:  # U3
        for number in range(ROUNDS):
            user = UserFactory.create(org=org, user_name=f"ada{number}@corp.example")
            delete(user)(Idp(secret))
            answers = at_once(secret, *[create(user.user_name)] * 3)
            assert statuses(answers) == [201, 409, 409]
            assert User.objects.filter(org=org).count() == number + 1
            entries = LedgerEntry.objects.filter(user=user, slot="account").order_by("id")
            assert [entry.now for entry in entries] == ["deleted", "active"]

    def test_a_deleted_user_or_somebody_else_with_their_name(self, org: Organization, secret: str) -> None:  # U3
        for number in range(ROUNDS):
            user = UserFactory.create(org=org, user_name=f"ada{number}@corp.example", external_id="1")
            delete(user)(Idp(secret))
            answers = at_once(secret, create(user.user_name, externalId="1"), create(user.user_name, externalId="2"))
            assert statuses(answers) == [201, 409]
            assert User.objects.for_org(org).provisionable().filter(user_name=user.user_name).count() == 1

    def test_an_invited_user_is_adopted_once(self, org: Organization, secret: str) -> None:  # U3
        for number in range(ROUNDS):
            invited = UserFactory.create(org=org, user_name=f"ada{number}", scim_managed=False)
            answers = at_once(secret, create(invited.user_name), create(invited.user_name))
            assert statuses(answers) == [201, 409]


class TestRenaming:
    def test_away_from_a_name_that_is_being_adopted(self, org: Organization, secret: str) -> None:  # U3
        for number in range(ROUNDS):
            invited = UserFactory.create(org=org, user_name=f"ada{number}", scim_managed=False)
            created, renamed = at_once(secret, create(invited.user_name), patch(invited, userName=f"grace{number}"))
            assert renamed.status_code == 200
            assert created.status_code in (201, 409)
            names = User.objects.filter(org=org, user_name_key__endswith=str(number)).values_list(
                "user_name", flat=True
            )
            adopted_first = created.status_code == 409 or created.json()["id"] == str(invited.id)
            assert sorted(names) == sorted([f"grace{number}"] if adopted_first else [f"ada{number}", f"grace{number}"])

    def test_onto_a_name_that_is_being_adopted(self, org: Organization, secret: str) -> None:  # U2
        for number in range(ROUNDS):
            user = UserFactory.create(org=org, user_name=f"grace{number}")
            invited = UserFactory.create(org=org, user_name=f"ada{number}", scim_managed=False)
            created, renamed = at_once(secret, create(invited.user_name), patch(user, userName=invited.user_name))
            assert (created.status_code, renamed.status_code) == (201, 409)

    def test_two_users_cannot_swap_their_names(self, org: Organization, secret: str) -> None:  # S2, U2
        for domain in ("", "@corp.example"):
            ada, grace = (UserFactory.create(org=org, user_name=name + domain) for name in ("ada", "grace"))
            answers = at_once(secret, patch(ada, userName=grace.user_name), patch(grace, userName=ada.user_name))
            assert statuses(answers) == [409, 409]
            assert {answer.json()["scimType"] for answer in answers} == {"uniqueness"}
            ada.refresh_from_db(), grace.refresh_from_db()
            assert (ada.user_name, grace.user_name) == ("ada" + domain, "grace" + domain)

    def test_a_deadlock_is_not_seen(self, org: Organization, secret: str) -> None:  # S2
        ada, grace = UserFactory.create_batch(2, org=org)
        meet = Barrier(2)

        @transactions.command
        def lock(*users: User) -> HttpResponse:
            for user in users:
                User.objects.select_for_update().get(id=user.id)
                with suppress(BrokenBarrierError):  # only the first attempts meet
                    meet.wait(0.5)
            return HttpResponse()

        answers = at_once(secret, lambda _: lock(ada, grace), lambda _: lock(grace, ada))
        assert statuses(answers) == [200, 200]

    def test_two_users_to_one_address(self, org: Organization, secret: str) -> None:  # U2
        for number in range(ROUNDS):
            users = UserFactory.create_batch(2, org=org)
            answers = at_once(secret, *[patch(user, userName=f"{number}@corp.example") for user in users])
            assert statuses(answers) == [200, 409]


class TestOneUser:
    def test_keeps_every_one_of_twenty_parallel_changes(self, org: Organization, secret: str) -> None:  # S7
        user = UserFactory.create(org=org)
        numbers = [str(number) for number in range(20)]
        calls = [
            lambda idp, number=number: idp.patch(
                f"/Users/{user.id}", {"op": "add", "path": "phoneNumbers", "value": {"value": number}}
            )
            for number in numbers
        ]
        for first in range(0, 20, 10):
            assert set(statuses(behind(user, secret, *calls[first : first + 10]))) == {200}
        user.refresh_from_db()
        assert sorted(phone["value"] for phone in user.attributes["phoneNumbers"]) == sorted(numbers)
        assert user.revision == 21

    def test_a_deactivation_and_another_change_are_both_in_effect(self, org: Organization, secret: str) -> None:  # U4
        for _ in range(ROUNDS):
            user = UserFactory.create(org=org)
            answers = behind(user, secret, patch(user, active=False), patch(user, title="Countess"))
            assert statuses(answers) == [200, 200]
            user.refresh_from_db()
            assert (user.active, user.attributes["title"], user.session_epoch) == (False, "Countess", 1)

    def test_a_put_and_a_patch_come_one_after_the_other(self, org: Organization, secret: str) -> None:  # S7
        for _ in range(ROUNDS):
            user = UserFactory.create(org=org)

            def put(idp: Idp, user: User = user) -> HttpResponse:
                return idp.put(f"/Users/{user.id}", {"userName": user.user_name, "title": "put"})

            answers = behind(user, secret, put, patch(user, title="patched", nickName="Ada"))
            assert statuses(answers) == [200, 200]
            user.refresh_from_db()
            attributes = {name: user.attributes.get(name) for name in ("title", "nickName")}
            assert attributes in ({"title": "put", "nickName": None}, {"title": "patched", "nickName": "Ada"})

    def test_one_of_two_with_the_same_etag_wins(self, org: Organization, secret: str) -> None:  # S1
        user = UserFactory.create(org=org)

        def put(title: str) -> Call:
            body = {"userName": user.user_name, "title": title}
            return lambda idp: idp.put(f"/Users/{user.id}", body, if_match='W/"1"')

        answers = behind(user, secret, put("a"), put("b"))
        assert statuses(answers) == [200, 412]
        winner = next(answer for answer in answers if answer.status_code == 200)
        user.refresh_from_db()
        assert (user.revision, user.attributes["title"]) == (2, winner.json()["title"])

    def test_a_change_and_a_deletion(self, org: Organization, secret: str) -> None:  # U5
        for _ in range(ROUNDS):
            user = UserFactory.create(org=org)
            changed, deleted = behind(user, secret, patch(user, active=True, title="x"), delete(user))
            assert deleted.status_code == 204
            assert changed.status_code in (200, 404)
            user.refresh_from_db()
            assert user.deleted_at is not None
            assert not user.active

    def test_two_deletions(self, org: Organization, secret: str) -> None:
        user = UserFactory.create(org=org)
        assert statuses(behind(user, secret, delete(user), delete(user))) == [204, 404]

    def test_the_role_in_effect_is_the_one_written_last(self, org: Organization, secret: str) -> None:  # R1, S7
        UserFactory.create(org=org, idp_roles=["Admin"], roles=["Admin"])  # another admin
        for _ in range(ROUNDS):
            user = UserFactory.create(org=org)
            answers = behind(user, secret, *[patch(user, roles=[{"value": r}]) for r in ("Admin", "Member") * 3])
            assert set(statuses(answers)) == {200}
            user.refresh_from_db()
            assert user.standing.roles == user.idp_roles
            entries = LedgerEntry.objects.filter(user=user, slot="roles").order_by("id")
            told = [(entry.was, entry.now) for entry in entries]
            assert all(was != now for was, now in told)
            assert all(before[1] == after[0] for before, after in pairwise(told))


class TestARemovalByHand:
    """By an admin whom a request waits for: the request comes after it, and so ends it (SPEC R4)."""

    @pytest.fixture
    def ada(self, org: Organization, secret: str) -> User:
        """In a team, by a group."""
        user = User.objects.get(id=push_user(Idp(secret), "Ada Lovelace"))
        map_to(push(Idp(secret), "Engineers", user), TEAM, "Platform")
        settle_marked(org)
        return user

    @pytest.fixture
    def removed(self, org: Organization, ada: User) -> Callable[[], object]:
        team = Entity.objects.for_org(org).get()
        return lambda: manual_changes.take_out(org=org, user_id=ada.id, entity_id=team.id, cause=by_admin())

    def test_ends_with_a_write_of_the_person(self, secret: str, ada: User, removed: Callable[[], object]) -> None:
        assert statuses(behind(ada, secret, patch(ada, displayName="Ada"), doing=removed)) == [200]
        assert Membership.objects.filter(user=ada).exists()

    def test_ends_with_a_create_that_means_the_person(
        self, org: Organization, secret: str, ada: User, removed: Callable[[], object]
    ) -> None:
        User.objects.filter(id=ada.id).update(scim_managed=False)
        assert statuses(behind(ada, secret, create(ada.user_name), doing=removed)) == [201]
        assert Membership.objects.filter(user=ada).exists()

    def test_ends_with_a_write_of_their_group(
        self, org: Organization, secret: str, ada: User, removed: Callable[[], object]
    ) -> None:
        group = PushedGroup.objects.get()

        def rename(idp: Idp) -> HttpResponse:
            return idp.patch(f"/Groups/{group.id}", {"op": "replace", "value": {"displayName": "Engines"}})

        assert statuses(behind(group, secret, rename, doing=removed)) == [200]
        settle_marked(org)
        assert Membership.objects.filter(user=ada).exists()


class TestWaiting:
    def test_beyond_the_lock_timeout_is_not_seen(self, org: Organization, secret: str) -> None:  # S2
        user = UserFactory.create(org=org)
        with slow(user, secret, patch(user, title="x")) as answers:
            time.sleep(0.5)
        assert statuses([answer.result(60) for answer in answers]) == [200]

    def test_that_does_not_end_is_503_with_retry_after(self, org: Organization, secret: str) -> None:  # S2
        user = UserFactory.create(org=org)
        patched = {
            "method": "PATCH",
            "path": f"/Users/{user.id}",
            "data": {"Operations": [{"op": "remove", "path": "title"}]},
        }
        bulk = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [patched]}
        with slow(user, secret, patch(user, title="x"), lambda idp: idp.post("/Bulk", bulk)) as answers:
            single, several = (answer.result(60) for answer in answers)
        assert single.status_code == 503
        assert int(single["Retry-After"]) > 0
        assert [operation["status"] for operation in several.json()["Operations"]] == ["503"]
        user.refresh_from_db()
        assert user.revision == 1


@contextmanager
def slow(user: User, secret: str, *calls: Call) -> Iterator[list[Future]]:
    """The calls, while somebody else holds the user's row for longer than they care to wait."""
    prepare, tidy = "SET lock_timeout = '50ms'", "SET lock_timeout = '5s'"
    with ExitStack() as stack, transaction.atomic():
        User.objects.select_for_update().get(id=user.id)
        yield stack.enter_context(sent(secret, *calls, prepare=prepare, tidy=tidy))
