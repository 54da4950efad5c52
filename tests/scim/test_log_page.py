"""What an org's admins see of the SCIM requests of their identity provider."""

import csv
import html
import io
import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models.expressions import RawSQL
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orgs.db.keys import id_at, uuid7
from orgs.models import IdentityProvider, Organization, ScimToken, User
from scim import advice, partitions, provisioning_log, request_log
from scim.models import RequestLog
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory, issue_token
from tests.page_text import text, words

LOG = "/settings/scim/log/"
HTMX = {"HX-Request": "true"}
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


@pytest.fixture
def browser(org: Organization) -> Client:
    """The org's owner, signed in."""
    return signed_in(OwnerFactory.create(org=org, user_name="ada@corp.example"))


@pytest.fixture
def okta(org: Organization) -> Idp:
    return Idp(issue_token(org, name="Okta production", idp=IdentityProvider.OKTA).secret)


def page(answer: Any) -> str:
    request_log.flush(10)
    return answer.content.decode()


def see(browser: Client, address: str = LOG, **parameters: Any) -> Any:
    assert request_log.flush(10)
    return browser.get(address, parameters)


def rows(answer: Any) -> list[str]:
    return [words(row) for row in re.findall(r"<tr class=\"log\">.*?</tr>", answer.content.decode(), re.S)]


def a_person(name: str) -> dict[str, Any]:
    return {"schemas": [USER], "userName": name}


def last_id() -> UUID:
    assert request_log.flush(10)
    return RequestLog.objects.order_by("-id").values_list("id", flat=True)[0]


def fill(org: Organization, token_id: UUID, calls: int) -> None:
    """This many calls in the last hours, every hundredth refused."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO scim_requestlog (id, at, method, path, operation, target, status, scim_type, detail, duration,
                address, agent, request_size, response_size, org_id, token_id)
            SELECT (lpad(to_hex((extract(epoch FROM made) * 1000)::bigint), 12, '0') || '7000'
                    || to_char(n, 'FM8000000000000000'))::uuid,
                made, 'PATCH', '/api/scim/Users/' || repeat('x', 200), 'user.change', 'person' || n,
                CASE WHEN n %% 100 = 0 THEN 400 ELSE 200 END, CASE WHEN n %% 100 = 0 THEN 'invalidValue' ELSE '' END,
                CASE WHEN n %% 100 = 0 THEN repeat('because ', 100) ELSE '' END, 1500, '203.0.113.7', 'Okta', 10, 10,
                %s, %s
            FROM (SELECT n, date_trunc('day', now()) + n * interval '100 microseconds' AS made
                  FROM generate_series(1, %s) n) calls
            """,
            [org.pk, token_id, calls],
        )


class TestTheList:
    def test_tells_what_was_asked_about_whom_and_what_came_of_it(self, browser: Client, okta: Idp) -> None:
        okta.get("/Users?filter=userName+eq+%22mo@corp.example%22")
        okta.post("/Users", a_person("mo@corp.example"))
        okta.post("/Users", a_person("mo@corp.example"))
        shown = rows(see(browser))
        assert re.match(
            r"Create user POST /Users mo@corp.example There is a user with the userName mo@corp.example already. "
            r"409 uniqueness Okta Okta production (\d+|< 1) ms \d\d:\d\d:\d\d UTC \d+ \w{3} \d{4} · just now",
            shown[0],
        )
        assert re.match(r"Create user POST /Users mo@corp.example 201 Okta Okta production", shown[1])
        assert re.match(r"Look up user GET /Users userName eq \"mo@corp.example\" 200", shown[2])

    def test_names_groups_and_people_that_are_known_by_their_ids(self, browser: Client, okta: Idp) -> None:
        group = okta.post("/Groups", {"displayName": "Engineers"}).json()["id"]
        okta.patch(f"/Groups/{group}", {"op": "replace", "value": {"displayName": "Builders"}})
        okta.delete(f"/Groups/{group}")
        shown = rows(see(browser))
        assert [row.split(" ", 2)[:2] for row in shown] == [["Delete", "group"], ["Change", "group"], ["Push", "group"]]
        assert all("Builders" in row for row in shown)

    def test_says_what_comes_next_while_it_is_empty(self, browser: Client, org: Organization) -> None:
        assert "will appear here as they arrive. Create a token for it" in text(see(browser))
        issue_token(org)
        assert "Set up your identity provider" in text(see(browser))

    def test_shows_nothing_of_another_org_nor_of_strangers(self, browser: Client) -> None:  # O7
        Idp(issue_token(OrganizationFactory.create()).secret).get("/Users")
        Idp("muster_scim_wrong").get("/Users")
        assert rows(see(browser)) == []
        assert "No requests yet" in text(see(browser))

    def test_shows_values_of_strangers_as_text(self, browser: Client, okta: Idp) -> None:
        okta.post("/Users", a_person("<script>alert(1)</script>"))
        assert "<script>alert" not in page(see(browser))

    def test_is_one_part_of_the_page_for_htmx(self, browser: Client, okta: Idp) -> None:
        okta.get("/Users")
        request_log.flush(10)
        answer = browser.get(LOG, headers=HTMX)
        assert len(rows(answer)) == 1
        assert "<html" not in page(answer)


class TestFilters:
    @pytest.fixture(autouse=True)
    def _calls(self, org: Organization, okta: Idp) -> None:
        self.okta, self.entra = okta, Idp(issue_token(org, name="Entra", idp=IdentityProvider.ENTRA).secret)
        self.id = okta.post("/Users", a_person("mo@corp.example")).json()["id"]
        okta.post("/Users", a_person("mo@corp.example"))
        self.entra.get("/Users?filter=userName+eq+%22zoe%40corp.example%22")
        self.entra.put(f"/Users/{self.id}", a_person("mo@corp.example"))

    @pytest.mark.parametrize(
        ("wanted", "actions"),
        [
            ({}, ["Replace user", "Look up user", "Create user", "Create user"]),
            ({"outcome": "refused"}, ["Create user"]),
            ({"outcome": "error"}, ["Create user"]),
            ({"outcome": "failed"}, []),
            ({"outcome": "ok"}, ["Replace user", "Look up user", "Create user"]),
            ({"error": "uniqueness"}, ["Create user"]),
            ({"error": "mutability"}, []),
            ({"error": "nonsense"}, ["Replace user", "Look up user", "Create user", "Create user"]),
            ({"about": "nobody"}, ["Replace user", "Look up user", "Create user", "Create user"]),
            ({"method": "PUT"}, ["Replace user"]),
            ({"sent_by": "entra"}, ["Replace user", "Look up user"]),
            ({"q": "MO@corp"}, ["Replace user", "Create user", "Create user"]),
            ({"q": "zoe@corp"}, ["Look up user"]),
            ({"q": "userName eq"}, []),
            ({"q": "%"}, ["Look up user"]),
            ({"q": "mo@", "method": "POST", "outcome": "ok", "sent_by": "okta"}, ["Create user"]),
            ({"q": "nobody"}, []),
            ({"outcome": "nonsense", "method": "BREW"}, ["Replace user", "Look up user", "Create user", "Create user"]),
        ],
        ids=str,
    )
    def test_leave_what_matches(self, browser: Client, wanted: dict[str, str], actions: list[str]) -> None:
        for row, action in zip(rows(see(browser, **wanted)), actions, strict=True):
            assert row.startswith(action)

    def test_find_by_token_and_by_id(self, browser: Client, org: Organization) -> None:
        token = org.scim_tokens.get(name="Entra")
        assert len(rows(see(browser, sent_by=str(token.id)))) == 2
        assert len(rows(see(browser, q=self.id))) == 2
        assert len(rows(see(browser, q=str(last_id())))) == 1

    @pytest.mark.parametrize("kind", ["people", "groups"])
    def test_by_person_and_group_are_on_their_pages(self, browser: Client, kind: str) -> None:  # N2
        group = self.okta.post("/Groups", {"displayName": "Engineers"}).json()["id"]
        self.okta.patch(f"/Groups/{group}", {"op": "replace", "value": {"displayName": "Builders"}})
        id, name = {"people": (self.id, "mo@corp.example"), "groups": (group, "Builders")}[kind]
        link = re.search(r'href="(/settings/scim/log/\?about=[^"]+)"', page(browser.get(f"/{kind}/{id}/")))
        assert link
        answer = see(browser, html.unescape(link[1]))
        assert len(rows(answer)) == 2
        assert f"Only requests about {name}" in text(answer)
        refused = see(browser, about=id, outcome="error")
        assert rows(refused) == []
        assert f'name="about" value="{id}"' in page(refused)  # stays while other filters change

    def test_by_person_reads_nothing_about_others(self, org: Organization) -> None:
        wanted = provisioning_log.Wanted(about=UUID(self.id), outcome="error")
        assert request_log.flush(10)
        with CaptureQueriesContext(connection) as asked:
            provisioning_log.page(org, wanted)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")  # for so few rows
            for query in asked.captured_queries:
                if 'FROM "scim_requestlog"' in query["sql"]:
                    cursor.execute("EXPLAIN " + query["sql"])
                    plan = str(cursor.fetchall())
                    assert len(re.findall(r"target_idx|_target\b|org_id_target", plan)) > 0, plan

    def test_by_another_orgs_token_are_ignored(self, browser: Client) -> None:  # O7
        other = issue_token(OrganizationFactory.create()).token
        assert len(rows(see(browser, sent_by=str(other.id)))) == 4

    def test_stay_in_the_links_and_in_the_download(self, browser: Client) -> None:
        answer = page(see(browser, q="mo@", outcome="ok"))
        assert "/settings/scim/log.csv?q=mo%40&amp;outcome=ok" in answer

    def test_that_match_nothing_say_so(self, browser: Client) -> None:
        assert "No stored request matches" in text(see(browser, q="nobody"))


CALLS = 45_000  # more than twice as many as one page scans


class TestNews:
    NEWS = re.compile(r'<div class="news"[^>]*>')

    @staticmethod
    def poll(browser: Client, answer: Any) -> Any:
        address = re.search(r'hx-get="(/settings/scim/log/news/[^"]+)"', page(answer))
        assert address
        return browser.get(html.unescape(address[1]), headers=HTMX)

    def test_is_told_once_something_has_come(self, browser: Client, okta: Idp) -> None:
        okta.get("/Users")
        shown = see(browser)
        nothing = self.poll(browser, shown)
        assert words(page(nothing)) == ""
        assert "data-announce" not in page(nothing)
        for _ in range(3):
            okta.get("/Users")
        assert request_log.flush(10)
        three = self.poll(browser, nothing)
        assert words(page(three)) == "3 new – show"
        assert 'data-announce="3 new requests"' in page(three)
        assert words(page(self.poll(browser, three))) == "3 new – show"
        assert words(page(self.poll(browser, see(browser)))) == ""

    def test_is_of_what_is_wanted(self, browser: Client, okta: Idp) -> None:
        shown = see(browser, outcome="error", q="zoe")
        okta.get("/Users")
        okta.delete("/Users/zoe")
        assert request_log.flush(10)
        news = self.poll(browser, shown)
        assert words(page(news)) == "1 new – show"
        assert f'href="{LOG}?outcome=error&amp;q=zoe"' in page(news)

    def test_is_not_counted_without_end(
        self, browser: Client, org: Organization, django_assert_max_num_queries: Any
    ) -> None:
        shown = see(browser)
        token = issue_token(org).token
        fill(org, token.id, 3000)
        RequestLog.objects.update(id=RawSQL("(%s || right(id::text, 24))::uuid", [str(uuid7())[:12]]))
        with django_assert_max_num_queries(12):
            news = self.poll(browser, shown)
        assert words(page(news)) == "More than 99 new – show"
        assert "hx-trigger" not in self.NEWS.findall(page(news))[0]

    def test_is_awaited_only_where_it_would_stand(self, browser: Client, okta: Idp) -> None:
        okta.get("/Users")
        assert self.NEWS.search(page(see(browser)))
        assert not self.NEWS.search(page(see(browser, before=str(uuid7()))))
        assert not self.NEWS.search(page(see(browser, until="2020-01-01")))

    def test_is_of_the_same_org(self, browser: Client) -> None:  # O7
        shown = see(browser)
        Idp(issue_token(OrganizationFactory.create()).secret).get("/Users")
        assert request_log.flush(10)
        assert words(page(self.poll(browser, shown))) == ""

    def test_is_the_list_for_whoever_comes_without_htmx(self, browser: Client) -> None:
        for query in ("", f"?after={uuid7()}", "?after=nonsense"):
            assert browser.get(f"{LOG}news/{query}").headers["Location"] == LOG


class TestVeryManyCalls:
    @pytest.fixture(autouse=True)
    def _calls(self, org: Organization) -> None:
        token = issue_token(org, name="Okta production", idp=IdentityProvider.OKTA).token
        fill(org, token.id, CALLS)

    @pytest.mark.parametrize(
        "wanted",
        [
            {},
            {"outcome": "refused"},
            {"q": "person99"},
            {"q": "nobody at all"},
            {"method": "PATCH"},
            {"since": "2020-01-01"},
        ],
        ids=str,
    )
    def test_are_shown_by_the_page_in_few_queries_and_little_html(
        self, browser: Client, django_assert_max_num_queries: Any, wanted: dict[str, str]
    ) -> None:
        with django_assert_max_num_queries(12) as asked:
            answer = browser.get(LOG, wanted)
        assert len(answer.content) < 100_000
        assert "count(" not in str(asked.captured_queries).lower()

    def test_are_walked_through_once_each(self, org: Organization) -> None:
        seen, before = [], None
        for _ in range(5):
            part = provisioning_log.page(org, provisioning_log.Wanted(), before=before)
            seen += [line.call.id for line in part.lines]
            before = part.older
        assert len(set(seen)) == 5 * provisioning_log.PAGE
        assert seen == sorted(seen, reverse=True)

    def test_are_searched_in_sections(self, browser: Client, org: Organization) -> None:
        wanted = provisioning_log.Wanted(text="person77")
        found, before, stretches = [], None, 0
        while True:
            part = provisioning_log.page(org, wanted, before=before, size=500)
            found += [line.target for line in part.lines]
            stretches += 1
            before = part.older
            if before is None:
                break
        assert sorted(found) == sorted(f"person{n}" for n in range(1, CALLS + 1) if str(n).startswith("77"))
        assert stretches >= CALLS // provisioning_log.REACH
        answer = browser.get(LOG, {"q": "person77"})
        assert "Searched back to" in text(answer)
        assert "Search further back" in text(answer)

    def test_are_downloaded_up_to_a_bound(
        self, browser: Client, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
    ) -> None:
        monkeypatch.setattr(provisioning_log, "EXPORTED", 2500)
        with django_assert_max_num_queries(30):
            content = b"".join(browser.get("/settings/scim/log.csv").streaming_content)
        assert content.count(b"\r\n") == 2501


class TestADownload:
    def test_has_the_same_calls(self, browser: Client, okta: Idp) -> None:
        okta.post("/Users", a_person("mo@corp.example"))
        okta.post("/Users", a_person("mo@corp.example"))
        answer = see(browser, "/settings/scim/log.csv", outcome="refused")
        assert re.search(r'filename="provisioning-log-\d{4}-\d\d-\d\d\.csv"', answer.headers["Content-Disposition"])
        (only,) = csv.DictReader(io.StringIO(answer.getvalue().decode()))
        assert only["Action"] == "Create user"
        assert only["Target"] == "mo@corp.example"
        assert only["Status"] == "409"
        assert only["Error type"] == "uniqueness"
        assert only["Token"] == "Okta production"

    def test_runs_nothing_in_a_spreadsheet(self, browser: Client, okta: Idp) -> None:
        okta.post("/Groups", {"displayName": '=HYPERLINK("https://evil.example")'})
        (only,) = csv.DictReader(io.StringIO(see(browser, "/settings/scim/log.csv").getvalue().decode()))
        assert only["Target"] == '\'=HYPERLINK("https://evil.example")'


class TestAnEntry:
    def test_shows_both_bodies_without_secrets(self, browser: Client, okta: Idp) -> None:  # U8
        okta.post("/Users", {**a_person("mo@corp.example"), "password": "hunter2"})
        answer = see(browser, f"{LOG}{last_id()}/")
        assert "hunter2" not in page(answer)
        assert "&quot;password&quot;: &quot;(hidden)&quot;" in page(answer)
        assert "  &quot;userName&quot;: &quot;mo@corp.example&quot;" in page(answer)
        assert "Okta · Okta production 127.0.0.1" in text(answer)
        assert "What to change" not in text(answer)

    def test_says_what_to_change_in_the_identity_provider(self, browser: Client, okta: Idp) -> None:
        for _ in range(2):
            okta.post("/Users", a_person("mo@corp.example"))
        said = text(see(browser, f"{LOG}{last_id()}/"))
        assert "What to change in Okta" in said
        assert "In the app's Import tab" in said
        assert "To send it again" in said

    def test_can_be_copied_in_parts(self, browser: Client, okta: Idp) -> None:
        okta.post("/Users", a_person("mo@corp.example"))
        shown = page(see(browser, f"{LOG}{last_id()}/"))
        copied = set(re.findall(r'data-copy="([^"]+)"', shown))
        assert copied == {"entry-id", "entry-request", "entry-response", "entry-curl"}
        assert all(f' id="{each}"' in shown for each in copied)

    def test_is_a_drawer_for_htmx(self, browser: Client, okta: Idp) -> None:
        okta.get("/Users")
        answer = browser.get(f"{LOG}{last_id()}/", headers=HTMX)
        assert "<html" not in page(answer)
        assert 'id="entry-title"' in page(answer)

    def test_is_no_longer_kept_after_its_time(self, browser: Client, okta: Idp) -> None:
        okta.post("/Users", a_person("mo@corp.example"))
        id = last_id()
        assert User.objects.get(user_name="mo@corp.example").ledger.get(slot="account").change.request_id == id
        RequestLog.objects.filter(id=id).delete()
        for gone in (id, uuid4(), uuid7()):
            answer = see(browser, f"{LOG}{gone}/")
            assert answer.status_code == 404
            assert "This entry is no longer kept" in text(answer)

    def test_of_another_org_is_as_if_it_were_gone(self, browser: Client) -> None:  # O7
        Idp(issue_token(OrganizationFactory.create()).secret).get("/Users")
        answer = see(browser, f"{LOG}{last_id()}/")
        assert answer.status_code == 404
        assert "no longer kept" in text(answer)

    def test_with_large_bodies_stays_a_small_page(
        self, browser: Client, okta: Idp, org: Organization, django_assert_max_num_queries: Any
    ) -> None:
        members = [{"value": str(UserFactory.create(org=org).id)} for _ in range(200)]
        okta.post("/Groups", {"displayName": "Everybody", "members": members})
        id = last_id()
        with django_assert_max_num_queries(12):
            answer = browser.get(f"{LOG}{id}/")
        assert len(answer.content) < 100_000
        assert "Only the beginning is shown." in text(answer)


class TestAdvice:
    def of(self, status: int, scim_type: str = "", operation: str = "user.create", idp: str = "okta") -> Any:
        call = RequestLog(status=status, scim_type=scim_type, operation=operation, path="/api/scim/Users")
        return advice.of(call, ScimToken(idp=idp))

    def test_is_absent_where_all_went_well(self) -> None:
        assert self.of(201) is None

    @pytest.mark.parametrize("status", [412, 429, 500, 501, 503])
    def test_is_to_change_nothing_where_nothing_can_be_changed(self, status: int) -> None:
        assert self.of(status).title == "Nothing to change in Okta"

    @pytest.mark.parametrize("idp", IdentityProvider.values)
    def test_is_there_for_every_refusal(self, idp: str) -> None:
        kinds = ("invalidValue", "invalidPath", "invalidFilter", "invalidSyntax", "mutability", "noTarget", "tooMany")
        cases = [
            *((400, kind) for kind in kinds),
            *((status, "") for status in (400, 403, 404, 405, 413)),
            (409, "uniqueness"),
        ]
        operations = ("user.create", "user.change", "group.change", "group.list", "discovery", "bulk", "")
        for (status, scim_type), operation in product(cases, operations):
            said = self.of(status, scim_type, operation, idp)
            assert said.title.startswith("What to change in ")
            assert "{" not in said.text + said.again
            assert said.text[0].isupper()

    def test_uses_the_words_of_the_identity_provider(self) -> None:
        assert "Link Group" in self.of(409, "uniqueness", "group.create", "okta").text
        assert "matching precedence" in self.of(409, "uniqueness", "user.create", "entra").text
        assert "your identity provider" in self.of(404, "", "user.change", "other").title


class TestTime:
    """Of requests at 20:30 and 22:30 UTC of one day, the second on the next day where the reader is."""

    DAY = timezone.now().date() - timedelta(days=2)

    @pytest.fixture
    def reader(self, org: Organization) -> Client:
        return signed_in(OwnerFactory.create(org=org, user_name="ada@corp.example", time_zone="Europe/Istanbul"))

    @pytest.fixture(autouse=True)
    def _calls(self, org: Organization) -> None:
        token = issue_token(org).token
        partitions.make(self.DAY)
        for hour, operation in ((20, "user.list"), (22, "group.list")):
            at = datetime(self.DAY.year, self.DAY.month, self.DAY.day, hour, 30, 7, 250_000, tzinfo=UTC)
            self.id = UUID(int=id_at(at).int | 7 << 76)
            RequestLog.objects.create(
                id=self.id,
                at=at,
                method="GET",
                path="/api/scim/Users",
                status=200,
                duration=2_340_000,
                org=org,
                token=token,
                operation=operation,
                request_size=0,
                response_size=0,
            )

    def test_is_that_of_the_clock_where_the_reader_is(self, reader: Client) -> None:
        newer, older = rows(see(reader))
        day, next_day = (f"{each:%-d %b %Y}" for each in (self.DAY, self.DAY + timedelta(days=1)))
        assert re.fullmatch(rf"List users GET /Users 200 Another test 2.3 s 23:30:07 \+03 {day} · \d days? ago", older)
        assert re.search(rf"01:30:07 \+03 {next_day} · \d+ (days?|hours?) ago$", newer)
        assert f"{next_day}, 01:30:07 +03" in text(see(reader, f"{LOG}{self.id}/"))

    @pytest.mark.parametrize(
        ("since", "until", "actions"),
        [
            (0, None, ["List groups", "List users"]),
            (1, None, ["List groups"]),
            (2, None, []),
            (None, 0, ["List users"]),
            (None, 1, ["List groups", "List users"]),
            (0, 0, ["List users"]),
            (1, 1, ["List groups"]),
            (1, 0, []),
        ],
    )
    def test_limits_the_list_and_the_download_to_days_of_the_reader(
        self, reader: Client, since: int | None, until: int | None, actions: list[str]
    ) -> None:
        days = {"since": since, "until": until}
        wanted = {name: f"{self.DAY + timedelta(days=n)}" for name, n in days.items() if n is not None}
        for more in ({}, {"outcome": "ok"}):
            answer = see(reader, **wanted, **more)
            shown = rows(answer)
            assert [" ".join(row.split()[:2]) for row in shown] == actions
            assert ("End of the log." in text(answer)) == (since is None and bool(actions))
        lines = csv.DictReader(io.StringIO(see(reader, "/settings/scim/log.csv", **wanted).getvalue().decode()))
        told = [(line["Action"], line["Time"][11:]) for line in lines]
        clocks = {"List groups": "22:30:07.250+00:00", "List users": "20:30:07.250+00:00"}
        assert told == [(action, clocks[action]) for action in actions]

    @pytest.mark.parametrize("nonsense", ["since=tomorrow", "since=0001-01-01", "until=9999-12-31", "until=%00"])
    def test_that_is_no_day_is_ignored(self, reader: Client, nonsense: str) -> None:
        assert len(rows(see(reader, f"{LOG}?{nonsense}"))) == 2

    @pytest.mark.parametrize("wanted", [{}, {"outcome": "ok"}, {"text": "nobody"}], ids=str)
    def test_that_is_limited_reads_nothing_of_other_days(self, org: Organization, wanted: dict[str, str]) -> None:
        noon = datetime(self.DAY.year, self.DAY.month, self.DAY.day, 12, tzinfo=UTC)
        limited = provisioning_log.Wanted(since=noon, until=noon + timedelta(hours=11), **wanted)
        with CaptureQueriesContext(connection) as asked:
            provisioning_log.page(org, limited)
            provisioning_log.neighbors(org, limited, self.id)
        read = set()
        with connection.cursor() as cursor:
            for query in asked.captured_queries:
                if 'FROM "scim_requestlog"' in query["sql"]:
                    cursor.execute("EXPLAIN " + query["sql"])
                    read |= set(re.findall(r"scim_requestlog_\w*?(\d{8})", str(cursor.fetchall())))
        assert read == {f"{self.DAY:%Y%m%d}"}

    def test_that_a_request_is_kept_is_told(self, browser: Client, settings: Any) -> None:
        last_day = self.DAY + timedelta(days=settings.SCIM_LOG_DAYS)
        assert f"kept until {last_day:%-d %b %Y}" in text(see(browser, f"{LOG}{self.id}/"))
        assert partitions.kept_until(timezone.now()) > partitions.kept_until(timezone.now() - timedelta(days=1))
        assert "Requests are kept for 30 days." in text(see(browser, q="nobody"))


class TestTheNextEntry:
    @pytest.fixture(autouse=True)
    def _calls(self, okta: Idp) -> None:
        for name in ("mo", "zoe", "mo", "zoe", "mo"):
            okta.post("/Users", a_person(f"{name}@corp.example"))
        okta.get("/Users")

    @staticmethod
    def walk(browser: Client, address: str, link: str) -> Iterator[str]:
        """The addresses of this entry and of those to which its links lead."""
        while address:
            yield address
            found = re.search(rf'id="entry-{link}" rel="\w+" href="([^"]+)"', page(browser.get(address)))
            address = html.unescape(found[1]) if found else ""

    @pytest.mark.parametrize(
        ("filters", "length"),
        [
            ("", 6),
            ("?outcome=refused", 3),
            ("?q=zoe%40corp&outcome=ok", 1),
            ("?method=GET", 1),
            ("?since=2020-01-01", 6),
        ],
    )
    def test_is_the_next_one_of_the_list_in_both_directions(self, browser: Client, filters: str, length: int) -> None:
        listed = re.findall(r'id="call-[^"]+" href="([^"]+)"', page(see(browser, LOG + filters)))
        listed = [html.unescape(address) for address in listed]
        assert len(listed) == length
        assert list(self.walk(browser, listed[0], "older")) == listed
        assert list(self.walk(browser, listed[-1], "newer")) == listed[::-1]

    def test_keeps_the_focus_in_the_drawer_while_there_is_one(self, browser: Client) -> None:
        listed = re.findall(r'href="(/settings/scim/log/[-0-9a-f]{36}/)"', page(see(browser)))
        focused = {}
        for address in (listed[-2], listed[-1]):
            answer = browser.get(address, headers={**HTMX, "HX-Trigger": "entry-older"})
            focused[address] = re.findall(r"<a [^>]*?(entry-older|data-close)[^>]*? autofocus>", page(answer))
        assert focused == {listed[-2]: ["entry-older"], listed[-1]: ["data-close"]}

    def test_is_found_in_few_queries(self, browser: Client, django_assert_max_num_queries: Any) -> None:
        id = last_id()
        with django_assert_max_num_queries(14) as asked:
            browser.get(f"{LOG}{id}/", {"q": "mo@", "outcome": "error", "since": "2020-01-01"})
        assert "count(" not in str(asked.captured_queries).lower()

    def test_is_of_the_same_org(self, browser: Client) -> None:  # O7
        id = last_id()
        Idp(issue_token(OrganizationFactory.create()).secret).get("/Users")
        assert 'id="entry-newer"' not in page(see(browser, f"{LOG}{id}/"))


class TestTheCommand:
    @staticmethod
    def of(browser: Client) -> str:
        found = re.search(
            r'<textarea[^>]* id="entry-curl"[^>]*>(.*?)</textarea>', page(see(browser, f"{LOG}{last_id()}/")), re.S
        )
        assert found
        return html.unescape(found[1])

    def test_sends_the_request_again_with_a_token_that_the_admin_puts_in(
        self, browser: Client, okta: Idp, settings: Any
    ) -> None:  # U8
        sent = {**a_person("o'brien`$(id)`@corp.example"), "password": "hunter2"}
        okta.post("/Users?attributes=userName&x='", sent)
        curl, *words = shlex.split(self.of(browser).replace("\\\n", ""))
        assert [curl, *words[:5]] == [
            "curl",
            "-X",
            "POST",
            "-H",
            "Authorization: Bearer $TOKEN",
            "-H",
        ]
        assert words[5:7] == ["Content-Type: application/scim+json", "--data-raw"]
        assert json.loads(words[7]) == {**sent, "password": "(hidden)"}
        assert words[8:] == [f"{settings.MUSTER_URL}/api/scim/Users?attributes=userName&x='"]

    def test_reads_a_body_from_a_file_that_the_log_has_only_the_beginning_of(
        self, browser: Client, okta: Idp, org: Organization
    ) -> None:
        okta.post("/Groups", {"displayName": "Everybody", "members": [{"value": str(uuid4())} for _ in range(500)]})
        assert "--data-binary @body.json" in self.of(browser)
        assert "reads it from body.json" in text(browser.get(f"{LOG}{last_id()}/"))

    def test_has_no_body_where_there_was_none(self, browser: Client, okta: Idp) -> None:
        okta.get("/Users")
        assert shlex.split(self.of(browser).replace("\\\n", ""))[:2] == ["curl", "-H"]
        assert "--data" not in self.of(browser)
