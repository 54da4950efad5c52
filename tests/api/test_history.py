"""The history over HTTP: an auditor who keeps a cursor, and has every change and every effect once."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from api.history_items import Native
from groups_provisioning.actions import account_switches, erasing
from groups_provisioning.engine import reconcile
from orgs import deletions, feed, history, history_feed, organizations
from orgs.change_details import RulesReordered, UserChanged
from orgs.db.keys import uuid7
from orgs.history import Cause, Effect
from orgs.models import Change, Door, Entity, FeedHead, HistoryItem, LedgerEntry, Organization, ScimToken, Scope, User
from tests.api.consumer import Consumer, key_of
from tests.conftest import Idp
from tests.factories import OrganizationFactory, UserFactory
from tests.groups_provisioning.world import TEAM, by_admin, by_command, map_to, push, push_user, settle_marked

pytestmark = pytest.mark.usefixtures("db")

Entry = tuple[Any, ...]
"""Change, person, slot, was, now."""


class Auditor:
    """items: everything that was read, in its order. org: whose history; None for that of all orgs."""

    def __init__(self, org: Organization | None, secret: str = "", **asked: Any) -> None:
        self.secret = secret or key_of(org, Scope.HISTORY).secret
        self.http = Client(headers={"Authorization": f"Bearer {self.secret}"})
        self.path = f"/api/v1/organizations/{org.id}/history" if org else "/api/v1/history"
        self.asked = asked
        self.after: str | None = None
        self.items: list[Native] = []
        self.pages: list[int] = []

    def get(self, **more: Any) -> Any:
        return self.http.get(self.path, self.asked | ({"after": self.after} if self.after else {}) | more)

    def poll(self) -> list[Native]:
        """Read everything that is new."""
        items: list[Native] = []
        has_more = True
        while has_more:
            answer = self.get()
            assert answer.status_code == 200, answer.content
            told = answer.json()
            items += told["items"]
            self.pages.append(len(told["items"]))
            self.after, has_more = told["next"], told["has_more"]
        self.items += items
        return items

    def changes(self) -> list[str]:
        return [item["change"]["id"] for item in self.items if item["kind"] == "change"]

    def entries(self) -> list[Entry]:
        return _sorted(
            (item["change"]["id"], each["person"], each["slot"], each["was"], each["now"])
            for item in self.items
            for each in item["effects"]
        )

    def verbs(self) -> list[str]:
        return [item["change"]["verb"] for item in self.items]


def _sorted(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=str)


def recorded(org: Organization) -> tuple[list[str], list[Entry]]:
    """The changes and the ledger entries in the tables."""
    changes = Change.objects.for_org(org).order_by("id").values_list("id", flat=True)
    entries = LedgerEntry.objects.for_org(org).values_list("change_id", "user_id", "slot", "was", "now")
    told = [(str(change), str(user), *about) for change, user, *about in entries]
    return [str(id_) for id_ in changes], _sorted(told)


@pytest.fixture
def auditor(org: Organization) -> Auditor:
    return Auditor(org)


class TestWhatIsTold:
    def test_a_change_with_its_effects(self, org: Organization, idp: Idp, auditor: Auditor) -> None:  # E4
        auditor.poll()
        ada = push_user(idp, "Ada Brandt")
        (item,) = auditor.poll()
        change, token = Change.objects.get(verb="user.created"), ScimToken.objects.get()
        assert item == {
            "kind": "change",
            "position": HistoryItem.objects.get(change_id=change.id).position,
            "organization": str(org.id),
            "change": {
                "id": str(change.id),
                "at": item["change"]["at"],
                "verb": "user.created",
                "door": "scim",
                "by": {"kind": "token", "id": str(token.id), "name": "test"},
                "request_id": str(change.request_id),
                "detail": {"user": ada},
                "message": "Ada Brandt was created",
            },
            "effects": [
                {"person": ada, "slot": "account", "was": None, "now": "active", "message": "Ada Brandt is active"},
                {
                    "person": ada,
                    "slot": "roles",
                    "was": None,
                    "now": ["Member"],
                    "message": "Role of Ada Brandt: Member",
                },
            ],
            "names": {ada: "ada.brandt@corp.example"},
        }

    def test_effects_of_later_are_items_of_their_own(self, org: Organization, idp: Idp, auditor: Auditor) -> None:  # E4
        ada = push_user(idp, "Ada Brandt")
        map_to(push(idp, "Platform", ada), TEAM)
        auditor.poll()
        settle_marked(org)
        (item,) = auditor.poll()
        team = str(Entity.objects.get().id)
        assert (item["kind"], item["change"]["verb"], item["change"]["detail"]) == ("effects", "mapping.approved", None)
        assert item["change"]["message"] == "Mapping Platform → Platform was approved"
        assert item["effects"] == [
            {
                "person": ada,
                "slot": "team",
                "was": None,
                "now": team,
                "message": "Ada Brandt joined the team Platform",
            }
        ]
        assert item["names"] == {ada: "ada.brandt@corp.example", team: "Platform"}

    def test_a_change_with_many_effects_is_told_in_batches(self, org: Organization, idp: Idp, auditor: Auditor) -> None:
        map_to(push(idp, "Platform", *(push_user(idp, f"Ada {n}") for n in range(5))), TEAM)
        auditor.poll()
        while reconcile.settle_marked(org.id, 2):
            pass
        items = auditor.poll()
        assert [(item["kind"], len(item["effects"])) for item in items] == [("effects", n) for n in (2, 2, 1)]
        assert (sorted(auditor.changes()), auditor.entries()) == recorded(org)

    def test_by_whom_as_the_activity_page_says_it(self, org: Organization, auditor: Auditor) -> None:
        ada = UserFactory.create(org=org, user_name="ada@corp.example")
        staff = UserFactory.create(org=None, is_staff=True, user_name="sue@operator.example", display_name="Sue")
        theirs, operators = key_of(org).key, key_of().key
        auditor.poll()
        causes = [
            by_command(),
            by_admin(ada),
            by_admin(staff),
            Cause(Door.API, timezone.now(), key=theirs),
            Cause(Door.API, timezone.now(), key=operators),
        ]
        for cause in causes:
            history.record(org, cause, RulesReordered(rules=[]))
        items = auditor.poll()
        assert [item["change"]["by"] for item in items] == [
            {"kind": "nobody", "id": None, "name": "Command line"},
            {"kind": "person", "id": str(ada.id), "name": ada.label},
            {"kind": "support", "id": None, "name": "Support"},
            {"kind": "key", "id": str(theirs.id), "name": "consumer"},
            {"kind": "support", "id": None, "name": "Support"},
        ]
        assert "Sue" not in str(items)
        assert "sue@" not in str(items)

    def test_is_in_english_whatever_a_client_asks_for(self, org: Organization, idp: Idp, auditor: Auditor) -> None:
        push_user(idp, "Ada Brandt")
        told = auditor.http.get(auditor.path, headers={"Accept-Language": "de"}).json()
        assert told["items"][-1]["change"]["message"] == "Ada Brandt was created"

    def test_what_was_erased_is_erased_here_too(self, org: Organization, idp: Idp) -> None:  # U5
        ada = push_user(idp, "Ada Brandt")
        account_switches.deactivate(org=org, user_id=UUID(ada), cause=by_command())
        erasing.erase(org=org, user_id=UUID(ada), cause=by_command())
        for form in ("native", "ocsf"):
            items = Auditor(org, format=form).poll()
            assert ada in str(items)
            assert "brandt" not in str(items).lower()
            assert "somebody who was erased was created" in str(items)

    def test_of_an_org_that_goes_nothing_is_left(self, org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
        organizations.change(org=org, wishes={"name": "Northwind"}, cause=by_command())
        operator = Auditor(None)
        assert operator.poll() != []
        monkeypatch.setattr(deletions, "GRACE", timedelta())
        deletions.begin(org=org, cause=by_command())
        assert Auditor(None).poll() == []
        assert Auditor(org, operator.secret).get().status_code == 404
        while deletions.advance(seconds=60):
            pass
        assert (Auditor(None).poll(), HistoryItem.objects.count()) == ([], 0)

    def test_nothing_of_it_is_in_the_feed_of_resources(self, org: Organization) -> None:  # E1
        consumer = Consumer(org)
        consumer.poll()
        before = consumer.after
        history.record(org, by_command(), RulesReordered(rules=[]))
        assert consumer.poll() == []
        assert consumer.after != before


class TestReadingOn:
    def test_page_by_page_is_the_same_as_at_once(self, org: Organization, idp: Idp) -> None:
        for number in range(4):
            push_user(idp, f"Ada {number}")
        slow, quick = Auditor(org, limit=2), Auditor(org)
        assert slow.poll() == quick.poll()
        assert (sorted(quick.changes()), quick.entries()) == recorded(org)
        assert max(slow.pages) == 2

    def test_an_empty_poll_takes_two_statements(self, org: Organization, idp: Idp) -> None:
        push_user(idp, "Ada Brandt")
        for each in (Auditor(org), Auditor(None)):
            each.poll()
            with CaptureQueriesContext(connection) as asked:
                assert each.poll() == []
            assert len(asked) == 2

    def test_a_page_takes_a_few_statements_whatever_its_size_and_whosever(self, org: Organization, idp: Idp) -> None:
        operator = Auditor(None)
        counts = []
        for size in (1, 8):
            for place in [org, *OrganizationFactory.create_batch(size)]:
                ada = UserFactory.create(org=place)
                effect = Effect(ada.id, "roles", None, ["Member"])
                history.record(place, by_command(), UserChanged(user=str(ada.id)), [effect])
            feed.stamp_all()
            with CaptureQueriesContext(connection) as asked:
                assert len(operator.poll()) >= size
            counts.append(len(asked))
        assert counts[1] <= counts[0] <= 9

    def test_a_page_ends_where_it_has_grown_large(
        self, org: Organization, idp: Idp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(3):
            push_user(idp, f"Ada {number}")
        monkeypatch.setattr(history_feed, "MOST", 1)
        auditor = Auditor(org)
        auditor.poll()
        assert set(auditor.pages) == {1}
        assert (sorted(auditor.changes()), auditor.entries()) == recorded(org)

    def test_where_little_is_wanted_a_page_may_be_empty_and_say_that_there_is_more(
        self, org: Organization, idp: Idp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(4):
            push_user(idp, f"Ada {number}")
        push(idp, "Platform")
        monkeypatch.setattr(history_feed, "LOOKED", 2)
        auditor = Auditor(org, verb="group.created")
        auditor.poll()
        assert auditor.verbs() == ["group.created"]
        assert auditor.pages[0] == 0
        assert sum(auditor.pages) == 1

    def test_a_late_commit_is_read_although_its_id_is_older(self, org: Organization, auditor: Auditor) -> None:  # E4
        early = uuid7()
        history.record(org, by_command(), RulesReordered(rules=[]))
        auditor.poll()
        history.record(org, by_command(), RulesReordered(rules=[]), change_id=early)
        assert [item["change"]["id"] for item in auditor.poll()] == [str(early)]


class TestWhatIsWanted:
    @pytest.fixture
    def ada(self, org: Organization, idp: Idp) -> str:
        """Ada in a team by a mapping, Bo beside her, and a rule."""
        ada, bo = push_user(idp, "Ada Brandt"), push_user(idp, "Bo Lind")
        map_to(push(idp, "Platform", ada), TEAM)
        settle_marked(org)
        push(idp, "Sales", bo)
        history.record(org, by_command(), RulesReordered(rules=[]))
        return ada

    def test_by_verb(self, org: Organization, ada: str) -> None:
        auditor = Auditor(org, verb="mapping.approved,rules.reordered")
        auditor.poll()
        assert auditor.verbs() == ["mapping.approved", "mapping.approved", "rules.reordered"]

    def test_by_what_it_is_about_or_has_an_effect_on(self, org: Organization, ada: str) -> None:
        team, token = Entity.objects.get(), ScimToken.objects.get()
        verbs = {}
        for resource in (ada, team.id, token.id, User.objects.get(user_name__startswith="bo").id, uuid7()):
            auditor = Auditor(org, resource=str(resource))
            items = auditor.poll()
            operator = Auditor(None, resource=str(resource))
            assert operator.poll() == items
            verbs[str(resource)] = auditor.verbs()
        assert list(verbs.values()) == [
            ["user.created", "mapping.approved"],
            ["mapping.approved", "mapping.approved"],
            ["token.issued"],
            ["user.created"],
            [],
        ]

    def test_since_and_until_by_the_time_of_the_change(self, org: Organization, ada: str) -> None:
        secret = key_of(org, Scope.HISTORY).secret
        times = list(Change.objects.order_by("at").values_list("at", flat=True))
        everything = Auditor(org, secret).poll()
        for moment in (times[0], times[2], times[-1], times[-1] + timedelta(days=1)):
            before, after = (Auditor(org, secret, **{name: moment.isoformat()}) for name in ("until", "since"))
            told = before.poll() + after.poll()
            assert sorted(told, key=lambda item: item["position"]) == everything
            assert all(item["change"]["at"] < moment.isoformat() for item in before.items)

    def test_since_goes_on_from_there_at_once(
        self, org: Organization, ada: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was placed long before then is not looked at."""
        monkeypatch.setattr(history_feed, "LOOKED", 1)
        auditor = Auditor(org, since=(timezone.now() + history_feed.SKEW + timedelta(minutes=1)).isoformat())
        assert (auditor.poll(), auditor.pages) == ([], [0])


class TestACursor:
    def test_is_good_for_one_question_in_either_form(self, org: Organization) -> None:  # E4
        operator = key_of(None, Scope.HISTORY, Scope.READ).secret
        here = Auditor(org, operator, verb="token.issued,user.created")
        here.poll()
        moment = timezone.now().isoformat()
        others: list[Any] = [
            Auditor(None, operator, verb="token.issued,user.created"),
            Auditor(OrganizationFactory.create(), operator, verb="token.issued,user.created"),
            *(Auditor(org, operator, **{name: value}) for name, value in (("since", moment), ("until", moment))),
            Auditor(org, operator, resource=str(uuid7())),
            Auditor(org, operator, verb="token.issued"),
            Auditor(org, operator),
            Consumer(org, operator),
        ]
        for other in others:
            other.after = here.after
            answer = other.get()
            assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (400, "cursor-mismatch")
        same = Auditor(org, operator, verb="user.created,token.issued", format="ocsf", limit=1)
        same.after = here.after
        assert same.poll() == []

    def test_of_a_database_that_was_restored_asks_for_a_resync(self, org: Organization, auditor: Auditor) -> None:  # E4
        auditor.poll()
        FeedHead.objects.update(system_identifier=1)
        answer = auditor.get()
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (410, "resync-required")


class TestWhoMayRead:
    def test_another_org_is_nowhere(self, org: Organization) -> None:  # E4, O7
        other = OrganizationFactory.create()
        mine = key_of(org, Scope.HISTORY).secret
        for reader in (Auditor(other, mine), Auditor(None, mine)):
            assert reader.get().status_code == 404
        operator = key_of(None, Scope.HISTORY).secret
        assert [Auditor(place, operator).get().status_code for place in (org, other, None)] == [200, 200, 200]

    def test_the_operator_reads_all_orgs_and_an_org_its_own(self, org: Organization) -> None:
        other = OrganizationFactory.create()
        for place in (org, other):
            history.record(place, by_command(), RulesReordered(rules=[]))
        readers = [Auditor(place) for place in (org, other, None)]
        for reader in readers:
            reader.poll()
        mine, theirs, everything = (set(reader.changes()) for reader in readers)
        assert mine | theirs == everything
        assert mine & theirs == set()
        assert {item["organization"] for item in readers[0].items} == {str(org.id)}

    def test_the_key_needs_the_scope(self, org: Organization) -> None:  # E5
        others = [scope for scope in Scope if scope != Scope.HISTORY]
        answer = Auditor(org, key_of(org, *others).secret).get()
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (403, "insufficient-scope")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"limit": 1001},
            {"since": "x"},
            {"until": ""},
            {"resource": "x"},
            {"verb": "user"},
            {"format": "cef"},
            {"kinds": "x"},
        ],
        ids=str,
    )
    def test_a_wrong_parameter_is_named(self, auditor: Auditor, wrong: dict[str, Any]) -> None:
        answer = auditor.get(**wrong)
        assert (answer.status_code, list(answer.json()["errors"])) == (400, list(wrong))
