import re
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orgs.db.keys import id_at, uuid7
from orgs.models import User
from scim import partitions, provisioning_log, request_log, tasks
from scim.models import RequestLog, RequestLogBody
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, StaffFactory, UserFactory, issue_token
from tests.page_text import text

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def desk(db: None) -> Client:
    """The browser of a member of the support staff; no call is logged yet."""
    assert request_log.flush(10)  # other tests' calls, which their thread commits by itself
    RequestLog.objects.all().delete()
    tasks.keep_request_log_partitions()
    return signed_in(StaffFactory.create())


def a_call(**differs) -> RequestLog:
    values = {"method": "POST", "path": "/api/scim/Users", "operation": "user.create", "target": "", "status": 201}
    values |= {"scim_type": "", "detail": "", "duration": 12_345, "agent": "Okta", "request_size": 2}
    return RequestLog.objects.create(**{"id": uuid7(), "at": timezone.now(), "response_size": 0, **values, **differs})


LIST = "/admin/scim/requestlog/"


def rows(response) -> list[RequestLog]:
    return list(response.context["cl"].result_list)


class TestTheRequestLog:
    def test_shows_the_newest_first_in_few_queries_without_counting(self, desk, django_assert_max_num_queries):
        calls = [a_call(org=OrganizationFactory.create()) for _ in range(5)]
        with django_assert_max_num_queries(6) as captured:
            shown = rows(desk.get(LIST))
        assert shown == calls[::-1]
        assert not [query for query in captured.captured_queries if "COUNT(" in query["sql"]]

    def test_turns_pages(self, desk):
        calls = [a_call() for _ in range(53)]
        assert rows(desk.get(LIST, {"p": 2})) == calls[2::-1]
        assert desk.get(LIST, {"p": 99}).status_code == 200

    def test_offers_no_counts(self, desk):
        a_call()
        assert "_facets" not in desk.get(LIST).content.decode()

    def test_shows_one_org_and_its_errors(self, desk):
        org = OrganizationFactory.create()
        a_call(status=409)
        fine, refused = a_call(org=org), a_call(org=org, status=409)
        assert rows(desk.get(LIST, {"org__id__exact": org.pk})) == [refused, fine]
        assert rows(desk.get(LIST, {"org__id__exact": org.pk, "outcome": "error"})) == [refused]

    def test_finds_a_call_by_the_id_that_a_customer_sends(self, desk):
        call = a_call()
        a_call()
        assert rows(desk.get(LIST, {"q": f" {call.id} "})) == [call]
        assert rows(desk.get(LIST, {"q": "nonsense"})) == []

    def test_finds_calls_by_name_address_group_and_id(self, desk, django_assert_max_num_queries):  # N4
        org = OrganizationFactory.create()
        person = UserFactory.create(org=org, user_name="grace@corp.example")
        a_call(org=org, target="Sales")
        refused = a_call(org=org, operation="group.create", target="Payroll", status=403)
        about = a_call(org=org, operation="user.change", target=str(person.id))
        looked = a_call(path="/api/scim/Users?filter=userName+eq+%22grace%40corp.example%22")
        with django_assert_max_num_queries(8):
            assert rows(desk.get(LIST, {"q": "payroll"})) == [refused]
        assert rows(desk.get(LIST, {"q": "grace@corp"})) == [looked]
        assert rows(desk.get(LIST, {"q": str(person.id)})) == [about]
        with django_assert_max_num_queries(11):
            assert rows(desk.get(LIST, {"q": "Grace@", "org__id__exact": org.pk})) == [about]

    def test_searches_the_newest_that_the_filters_leave(self, desk, monkeypatch):
        monkeypatch.setattr(provisioning_log, "REACH", 2)
        org = OrganizationFactory.create()
        calls = [a_call(org=org, target="Payroll") for _ in range(4)]
        for _ in range(3):
            a_call(target="Sales")
        assert rows(desk.get(LIST, {"q": "payroll"})) == []
        assert rows(desk.get(LIST, {"q": "payroll", "org__id__exact": org.pk})) == calls[:0:-1]
        assert rows(desk.get(LIST, {"q": str(calls[0].id)})) == [calls[0]]

    def test_shows_days_of_the_reader(self, desk):
        User.objects.filter(is_staff=True).update(time_zone="Asia/Tokyo")  # nine hours ahead
        assert "By day, in JST" in text(desk.get(LIST))
        partitions.make(date(2026, 3, 1))
        early, late = (datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in (14, 16))
        older, newer = (a_call(id=UUID(int=id_at(at).int | 7 << 76 | 1), at=at) for at in (early, late))
        for days, shown in (
            ({"at_from": "2026-03-01", "at_to": "2026-03-01"}, [older]),
            ({"at_from": "2026-03-02", "at_to": "2026-03-02"}, [newer]),
            ({"at_to": "2026-03-02"}, [newer, older]),
            ({"at_to": "2026-02-28"}, []),
            ({"at_from": "nonsense", "at_to": "2026-03-02"}, [newer, older]),
        ):
            assert rows(desk.get(LIST, days)) == shown

    def test_names_what_a_call_was_about_where_that_is_known(self, desk, django_assert_max_num_queries):  # N4
        org, other = OrganizationFactory.create_batch(2)
        ada = UserFactory.create(org=org, user_name="ada@corp.example")
        a_call(org=org, operation="user.change", method="PATCH", target=str(ada.pk), status=200)
        a_call(org=other, operation="user.read", method="GET", target=str(ada.pk), status=404)
        for _ in range(5):
            a_call(org=org, target=str(UserFactory.create(org=org).pk))
        with django_assert_max_num_queries(8):
            shown = text(desk.get(LIST))
        assert "Change user PATCH /Users ada@corp.example" in shown
        assert f"Read user GET /Users {ada.pk}" in shown  # the other organization has nobody with this ID
        about = RequestLog.objects.get(operation="user.change")
        page = text(desk.get(reverse("admin:scim_requestlog_change", args=[about.pk])))
        assert "Target ada@corp.example" in page

    def test_begins_each_row_with_the_status(self, desk):
        a_call(org=OrganizationFactory.create(name="Northwind"), operation="group.create", target="Payroll", status=403)
        page = text(desk.get(LIST))
        assert re.search(r"403 \d+ \w{3} \d{4}, \d\d:\d\d:\d\d UTC Northwind Push group POST /Users Payroll", page)

    def test_shows_a_call_with_its_bodies(self, desk, django_assert_max_num_queries):
        token = issue_token(OrganizationFactory.create()).token
        call = a_call(org=token.org, token=token)
        RequestLogBody.objects.create(log=call, request='{"userName":"<b>ann</b>"}', response="{cut")
        with django_assert_max_num_queries(8):
            page = desk.get(reverse("admin:scim_requestlog_change", args=[call.pk])).content.decode()
        assert "  &quot;userName&quot;: &quot;&lt;b&gt;ann&lt;/b&gt;&quot;" in page
        assert "{cut" in page
        assert "12 ms" in page

    def test_shows_a_call_without_bodies_of_an_org_that_is_gone(self, desk):
        call = a_call(org_id=uuid7(), token_id=uuid7())
        assert rows(desk.get(LIST)) == [call]
        assert desk.get(reverse("admin:scim_requestlog_change", args=[call.pk])).status_code == 200

    def test_cannot_be_changed(self, desk):
        call = a_call()
        assert desk.post(reverse("admin:scim_requestlog_change", args=[call.pk]), {"path": "/"}).status_code == 403
        assert desk.post(reverse("admin:scim_requestlog_delete", args=[call.pk]), {"post": "yes"}).status_code == 403
        assert desk.get(reverse("admin:scim_requestlog_add")).status_code == 403
