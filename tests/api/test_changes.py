"""The feed over HTTP: one consumer that keeps its cursor and misses nothing."""

import base64
from contextlib import ExitStack
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from api import base, cursors, states
from api.cursors import Cursor, CursorMismatch
from config.celery import app
from groups_provisioning import tasks
from groups_provisioning.actions import account_switches, entity_edits, erasing
from groups_provisioning.engine import effect_checks
from orgs import deletions, domains, feed, nudge, organizations
from orgs.db.keys import uuid7
from orgs.models import ApiKey, Entity, FeedHead, FeedItem, FeedTouch, Mark, Organization, Scope, User
from orgs.web import in_flight
from tests.api.consumer import Consumer, key_of
from tests.conftest import Idp
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory
from tests.groups_provisioning.world import (
    POOL,
    SUB,
    TEAM,
    by_command,
    entity,
    map_to,
    push,
    push_user,
    settle_marked,
)

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def consumer(org: Organization) -> Consumer:
    return Consumer(org)


def touch_all(org: Organization) -> None:
    """As if everything in the org had just been changed."""
    for kind, rows in (("person", User.objects.for_org(org)), ("team", Entity.objects.for_org(org))):
        feed.touch(org.id, [(kind, str(id_)) for id_ in rows.values_list("id", flat=True)])


class TestWhatIsTold:
    def test_a_person_with_all_that_scim_wrote_and_what_came_of_it(  # E1, P8
        self, org: Organization, idp: Idp, consumer: Consumer
    ) -> None:
        urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
        body = {
            "userName": "ada@corp.example",
            "externalId": "00u1",
            "name": {"givenName": "Ada", "familyName": "Brandt", "middleName": "M"},
            "displayName": "Ada B.",
            "emails": [{"value": "ada@corp.example", "type": "work", "primary": True}],
            "title": "Engineer",
            urn: {"department": "R&D"},
        }
        ada = idp.post("/Users", body).json()["id"]
        map_to(push(idp, "Platform", ada), TEAM)
        map_to(push(idp, "Batch", ada), POOL)
        settle_marked(org)
        consumer.poll()
        state = consumer.state("person", ada)
        by_kind = {kind: str(Entity.objects.get(kind=kind).id) for kind in (TEAM, POOL)}
        assert state == {
            "user_name": "ada@corp.example",
            "external_id": "00u1",
            "reference": None,
            "active": True,
            "owner": False,
            "display_name": "Ada B.",
            "given_name": "Ada",
            "family_name": "Brandt",
            "emails": [{"value": "ada@corp.example", "type": "work", "primary": True}],
            "attributes": {"name": {"middleName": "M"}, "title": "Engineer", urn: {"department": "R&D"}},
            "roles": ["Member"],
            "teams": [by_kind[TEAM]],
            "concurrency_group": by_kind[POOL],
            "sub_organization": None,
            "pending": False,
            "held": None,
        }
        assert consumer.state(TEAM, by_kind[TEAM]) == {"name": "Platform"}
        assert consumer.state(POOL, by_kind[POOL]) == {"name": "Batch", "session_limit": None}

    def test_who_is_inactive_has_neither_places_nor_roles(  # E1
        self, org: Organization, idp: Idp, consumer: Consumer
    ) -> None:
        ada = push_user(idp, "Ada Brandt")
        map_to(push(idp, "Lab", ada), SUB, entity(org, "Lab", SUB).id)
        settle_marked(org)
        consumer.poll()
        there = consumer.state("person", ada)
        assert (len(there["roles"]), there["sub_organization"] is None) == (1, False)
        idp.patch(f"/Users/{ada}", {"op": "replace", "path": "active", "value": False})
        consumer.poll()
        assert consumer.state("person", ada) == there | {
            "active": False,
            "roles": [],
            "teams": [],
            "concurrency_group": None,
            "sub_organization": None,
        }
        idp.patch(f"/Users/{ada}", {"op": "replace", "path": "active", "value": True})
        consumer.poll()
        assert consumer.state("person", ada) == there

    def test_renaming_a_team_is_one_item(self, org: Organization, idp: Idp, consumer: Consumer) -> None:
        people = [push_user(idp, name) for name in ("Ada Brandt", "Bo Lind")]
        map_to(push(idp, "Platform", *people), TEAM)
        settle_marked(org)
        consumer.poll()
        team = Entity.objects.get()
        entity_edits.rename_entity(org=org, entity_id=team.id, name="Core", cause=by_command())
        (item,) = consumer.poll()
        assert (item["kind"], item["id"], item["state"]) == ("team", str(team.id), {"name": "Core"})

    def test_a_group_with_its_mappings(self, org: Organization, idp: Idp, consumer: Consumer) -> None:
        group = push(idp, "Platform", externalId="g1")
        mapping = map_to(group, TEAM)
        consumer.poll()
        assert consumer.state("group", group.id) == {
            "display_name": "Platform",
            "external_id": "g1",
            "reference": None,
            "imported": False,
            "attributes": {},
            "roles": [],
            "mappings": [
                {
                    "id": str(mapping.id),
                    "kind": "team",
                    "status": "approved",
                    "entity": str(mapping.entity_id),
                    "role": None,
                }
            ],
        }

    def test_an_organization_for_the_operator(self, org: Organization) -> None:
        operator = Consumer(None)
        organizations.change(org=org, wishes={"plan": "free", "teams": False}, cause=by_command())
        domains.keep(org=org, names=["corp.example"], cause=by_command())
        operator.poll()
        assert operator.state("organization", org.id) == {
            "name": org.name,
            "slug": org.slug,
            "plan": "free",
            "profile": "standard",
            "domains": ["corp.example"],
            "two_persons": False,
            "features": {
                "user_provisioning": True,
                "group_provisioning": True,
                "teams": False,
                "concurrency_groups": True,
                "sub_organizations": True,
            },
        }

    def test_why_and_by_which_change(self, org: Organization, idp: Idp, consumer: Consumer) -> None:
        ada = push_user(idp, "Ada Brandt")
        map_to(push(idp, "Platform", ada), TEAM)
        settle_marked(org)
        consumer.poll()
        change = consumer.table["person", ada]["last_change"]
        assert (change["verb"], change["door"], change["differed"]) == ("mapping.approved", "page", ["team"])
        assert set(change) == {"id", "verb", "at", "door", "differed"}
        assert "differed" not in consumer.table[TEAM, str(Entity.objects.get().id)]["last_change"]

    def test_who_waits_is_pending_until_a_worker_came(self, org: Organization, idp: Idp, consumer: Consumer) -> None:
        ada, bo = push_user(idp, "Ada Brandt"), push_user(idp, "Bo Lind")
        map_to(push(idp, "Platform", ada), TEAM)
        Mark.objects.create(org=org, user_id=bo, change_id=Mark.objects.first().change_id)  # no effect will follow
        touch_all(org)
        consumer.poll()
        assert [consumer.state("person", id_)["pending"] for id_ in (ada, bo)] == [True, True]
        settle_marked(org)
        consumer.poll()
        assert [consumer.state("person", id_)["pending"] for id_ in (ada, bo)] == [False, False]

    def test_effects_that_were_rebuilt_are_told_again(self, org: Organization, idp: Idp, consumer: Consumer) -> None:
        ada = push_user(idp, "Ada Brandt")
        consumer.poll()
        effect_checks.rebuild(org=org, cause=by_command())
        (item,) = consumer.poll()
        assert (item["id"], item["last_change"]["verb"]) == (ada, "engine.rebuilt")

    def test_a_worker_stamps_what_nobody_reads(self, org: Organization) -> None:  # E1
        feed.touch(org.id, [("person", str(uuid7()))])
        tasks.settle_pending()
        assert (FeedTouch.objects.count(), FeedItem.objects.count()) == (0, 1)

    def test_the_clock_has_a_worker_stamp_what_has_no_one_settled(  # E1
        self, org: Organization, idp: Idp, django_capture_on_commit_callbacks: Any
    ) -> None:
        """As most of what an IdP writes about one person: no nudge follows, since readers stamp for themselves."""
        ada = push_user(idp, "Ada Brandt")
        feed.stamp_all()
        with django_capture_on_commit_callbacks() as told:
            idp.patch(f"/Users/{ada}", {"op": "replace", "path": "active", "value": False})
        assert (nudge.wake in told, FeedTouch.objects.exists()) == (False, True)
        sweep = settings.CELERY_BEAT_SCHEDULE["sweep"]
        assert sweep["schedule"] <= 2
        app.tasks[sweep["task"]]()
        assert not FeedTouch.objects.exists()


class TestWhatIsGone:
    def test_leaves_its_id_and_whether_it_was_erased(  # E1
        self, org: Organization, idp: Idp, consumer: Consumer
    ) -> None:
        ada, bo = push_user(idp, "Ada Brandt"), push_user(idp, "Bo Lind")
        group = push(idp, "Platform", ada)
        map_to(group, TEAM)
        settle_marked(org)
        consumer.poll()
        idp.delete(f"/Users/{ada}")
        idp.delete(f"/Groups/{group.id}")
        entity_edits.delete_entity(org=org, entity_id=Entity.objects.get().id, cause=by_command())
        account_switches.deactivate(org=org, user_id=bo, cause=by_command())
        erasing.erase(org=org, user_id=bo, cause=by_command())
        items = {item["id"]: item for item in consumer.poll()}
        assert consumer.states() == {}
        assert len(items) == 4
        assert {item["state"] for item in items.values()} == {None}
        assert {id_ for id_, item in items.items() if item["erased"]} == {bo}
        assert "Ada" not in str(items) + str(Consumer(org).poll())

    def test_stays_for_who_starts_later(self, org: Organization, idp: Idp) -> None:
        ada = push_user(idp, "Ada Brandt")
        idp.delete(f"/Users/{ada}")
        (item,) = Consumer(org).poll()
        assert (item["id"], item["deleted"], item["erased"]) == (ada, True, False)

    def test_of_an_org_is_one_tombstone_for_the_operator(  # E1
        self, org: Organization, idp: Idp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        push_user(idp, "Ada Brandt")
        operator, mine = Consumer(None), Consumer(org)
        organizations.change(org=org, wishes={"name": "Northwind"}, cause=by_command())
        operator.poll()
        monkeypatch.setattr(deletions, "GRACE", timedelta())
        deletions.begin(org=org, cause=by_command())
        (item,) = operator.poll()
        assert (item["kind"], item["id"], item["deleted"]) == ("organization", str(org.id), True)
        assert {each["kind"] for each in Consumer(None).poll()} == {"organization"}
        assert mine.get().status_code == 401
        while deletions.advance(seconds=60):
            pass
        (item,) = operator.poll()
        assert (item["id"], item["deleted"], item["last_change"]) == (str(org.id), True, None)
        assert [each["id"] for each in Consumer(None).poll()] == [str(org.id)]
        assert FeedItem.objects.count() == 1


class TestReadingOn:
    def test_page_by_page_is_the_same_as_at_once(self, org: Organization, idp: Idp) -> None:
        for number in range(7):
            push_user(idp, f"Ada {number}")
        slow = Consumer(org, limit=3)
        assert [len(slow.page()["items"]) for _ in range(3)] == [3, 3, 1]
        quick = Consumer(org)
        quick.poll()
        assert slow.table == quick.table

    def test_of_kinds_that_are_quiet_keeps_its_cursor_fresh(self, org: Organization, idp: Idp) -> None:
        teams = Consumer(org, kinds="team,group")
        teams.poll()
        before = teams.after
        push_user(idp, "Ada Brandt")
        assert teams.poll() == []
        assert teams.after != before
        group = push(idp, "Platform")
        assert [item["id"] for item in teams.poll()] == [str(group.id)]

    def test_an_empty_poll_takes_two_statements(self, org: Organization, idp: Idp, consumer: Consumer) -> None:  # E1
        push_user(idp, "Ada Brandt")
        consumer.poll()
        for each in (consumer, operator := Consumer(None)):
            each.poll()
            with CaptureQueriesContext(connection) as asked:
                assert each.poll() == []
            assert len(asked) == 2
        assert operator.states().keys() == consumer.states().keys()

    def test_a_page_takes_a_few_statements_whatever_its_size(self, org: Organization, consumer: Consumer) -> None:
        counts = []
        for number in (1, 30):
            UserFactory.create_batch(number, org=org)
            entity(org, f"Team {number}")
            touch_all(org)
            feed.stamp_all()
            with CaptureQueriesContext(connection) as asked:
                consumer.poll()
            counts.append(len(asked))
        assert counts[1] <= counts[0] <= 11
        assert len(consumer.table) == 33

    def test_a_page_ends_where_it_has_grown_large(
        self, org: Organization, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(states, "MOST", 100)
        people = [UserFactory.create(org=org, attributes={"title": "x" * length}) for length in (400, 60, 60)]
        touch_all(org)
        told = [consumer.page() for _ in range(2)]
        assert [len(page["items"]) for page in told] == [1, 1]
        consumer.poll()
        assert {id_ for _, id_ in consumer.table} == {str(user.id) for user in people}

    def test_the_next_cursor_of_a_page_is_the_last_of_an_empty_one(self, org: Organization, consumer: Consumer) -> None:
        UserFactory.create(org=org)
        touch_all(org)
        consumer.poll()
        first = consumer.after
        consumer.poll()
        assert consumer.after == first


class TestACursor:
    def test_is_good_for_one_question(self, org: Organization) -> None:  # E1
        operator = key_of().secret
        here = Consumer(org, operator)
        here.poll()
        others = [
            Consumer(None, operator),
            Consumer(OrganizationFactory.create(), operator),
            Consumer(org, operator, kinds="person"),
        ]
        for other in others:
            other.after = here.after
            answer = other.get()
            assert (answer.status_code, answer.json()["type"]) == (
                400,
                f"{settings.MUSTER_URL}/problems/cursor-mismatch",
            )
        named = Consumer(org, kinds="group,team,person,concurrency_group,sub_organization")
        named.after = here.after
        assert named.poll() == []

    @pytest.mark.parametrize("after", ["", "c1.", "c1.AAAA", "c2.x", "x", "c1.é", "c1." + "A" * 54, "\0"])
    def test_cannot_be_made_up(self, consumer: Consumer, after: str) -> None:
        answer = consumer.get(after=after)
        assert answer.status_code == 400
        assert answer.json()["type"].endswith(("/cursor-mismatch", "/invalid-value"))

    def test_is_signed_in_every_bit(self, org: Organization) -> None:
        about: dict[str, Any] = {"org_id": org.id, "kinds": {"person"}}
        cursor = Cursor(uuid7(), 1_795_908_271_631_203)
        text = cursors.write(cursor, **about)
        assert cursors.read(text, **about) == cursor
        raw = base64.urlsafe_b64decode(text[3:] + "=" * (-len(text[3:]) % 4))
        for place in range(len(raw)):
            forged = bytearray(raw)
            forged[place] ^= 1
            with pytest.raises(CursorMismatch):
                cursors.read("c1." + base64.urlsafe_b64encode(forged).decode().rstrip("="), **about)
        assert quote(text, safe="") == text

    def test_outlives_a_change_of_the_secret_key(self, org: Organization, settings: Any) -> None:
        text = cursors.write(Cursor(uuid7(), 1), org_id=None, kinds=())
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789"
        assert cursors.read(text, org_id=None, kinds=()).position == 1

    @pytest.mark.parametrize("how", ["into another cluster", "in its place"])
    def test_of_a_database_that_was_restored_asks_for_a_resync(  # E1
        self, org: Organization, idp: Idp, consumer: Consumer, how: str
    ) -> None:
        ada = push_user(idp, "Ada Brandt")
        consumer.poll()
        backup = FeedHead.objects.values().get()
        bo = push_user(idp, "Bo Lind")
        consumer.poll()
        FeedItem.objects.filter(resource_id=bo).delete()
        FeedHead.objects.update(**backup | ({"system_identifier": 1} if how == "into another cluster" else {}))
        answer = consumer.get()
        assert (answer.status_code, answer["Content-Type"]) == (410, "application/problem+json")
        assert answer.json()["type"] == f"{settings.MUSTER_URL}/problems/resync-required"
        consumer.after, consumer.table = None, {}
        assert [item["id"] for item in consumer.poll()] == [ada]
        assert consumer.poll() == []


class TestWhoMayRead:
    def test_another_org_is_nowhere(self, org: Organization) -> None:  # E1, E5
        other = OrganizationFactory.create()
        mine = key_of(org).secret
        for reader in (Consumer(other, mine), Consumer(None, mine)):
            assert (reader.get().status_code, reader.get()["Content-Type"]) == (404, "application/problem+json")
        nowhere = Consumer(org, key_of().secret)
        nowhere.path = f"/api/v1/organizations/{uuid7()}/changes"
        assert nowhere.get().status_code == 404
        nowhere.path = f"/api/v1/organizations/{other.id}/changes"
        assert nowhere.get().status_code == 200

    def test_the_key_needs_the_scope(self, org: Organization) -> None:  # E5
        answer = Consumer(org, key_of(org, Scope.HISTORY, Scope.WEBHOOKS).secret).get()
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (403, "insufficient-scope")

    @pytest.mark.parametrize("credential", ["", "Bearer", "Bearer x", "Basic YTpi", "token", "revoked", "expired"])
    def test_without_a_valid_key_it_is_401(self, org: Organization, credential: str) -> None:
        issued = key_of(org)
        if credential in ("revoked", "expired"):
            column = {"revoked": "revoked_at", "expired": "expires_at"}[credential]
            ApiKey.objects.update(**{column: timezone.now()})
            credential = f"Bearer {issued.secret}"
        reader = Consumer(org, "x")
        answer = reader.http.get(reader.path, headers={"Authorization": credential})
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="Muster API"')
        assert answer["Content-Type"] == "application/problem+json"

    def test_use_is_noted(self, org: Organization, consumer: Consumer) -> None:
        consumer.poll()
        key = ApiKey.objects.get()
        assert (key.last_used_address, key.last_used_at is not None) == ("127.0.0.1", True)

    def test_the_owner_is_a_person_too(self, org: Organization, consumer: Consumer) -> None:
        owner = OwnerFactory.create(org=org)
        touch_all(org)
        consumer.poll()
        assert consumer.state("person", owner.id)["owner"]


class TestHow:
    @pytest.mark.parametrize(
        ("wrong", "name"),
        [
            ({"limit": 0}, "limit"),
            ({"limit": 1001}, "limit"),
            ({"limit": "x"}, "limit"),
            ({"kinds": "person,nobody"}, "kinds"),
            ({"kinds": ""}, "kinds"),
            ({"kinds": "organization"}, "kinds"),
            ({"kind": "person"}, "kind"),
        ],
    )
    def test_a_wrong_parameter_is_named(self, consumer: Consumer, wrong: dict[str, Any], name: str) -> None:
        answer = consumer.get(**wrong)
        told = answer.json()
        assert (answer.status_code, told["type"].rpartition("/")[2]) == (400, "invalid-value")
        assert set(told["errors"]) == {name}
        assert name in told["detail"]

    def test_limits_are_told_and_kept(self, consumer: Consumer, monkeypatch: pytest.MonkeyPatch) -> None:  # E2
        answers = [consumer.get() for _ in range(2)]
        assert {answer["RateLimit-Policy"] for answer in answers} == {'"key";q=600;w=60'}
        left = [int(answer["RateLimit"].split(";")[1].removeprefix("r=")) for answer in answers]
        assert 590 < left[1] <= left[0] < 600
        monkeypatch.setattr(base, "PER_MINUTE", 1)
        other = Consumer(None)
        refused = [other.get() for _ in range(2)][1]
        assert (refused.status_code, int(refused["Retry-After"]) > 50) == (429, True)
        assert refused["RateLimit"].startswith('"key";r=0;')
        assert refused.json()["status"] == 429

    def test_a_key_has_its_share_of_the_requests(  # S9
        self, org: Organization, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(in_flight.requests, "waiting", 0)
        with ExitStack() as others:
            for _ in range(in_flight.requests.running):
                others.enter_context(in_flight.requests.place(org.id))
            answer = consumer.get()
        assert (answer.status_code, answer["Retry-After"]) == (429, "1")
        assert consumer.get().status_code == 200
        assert org.id not in in_flight.requests._places

    def test_plain_http_is_refused(self, consumer: Consumer, settings: Any) -> None:  # S10
        settings.HTTPS = True
        assert consumer.get().status_code == 403

    def test_what_fails_is_told_without_its_words(self, consumer: Consumer, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: Any) -> None:
            raise ValueError("secret")

        monkeypatch.setattr(feed, "look", fail)
        answer = consumer.get()
        assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
        assert "secret" not in answer.content.decode()
