import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orgs.db.keys import uuid7
from scim import request_log, tasks
from scim.models import RequestLog, RequestLogBody
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, StaffFactory, issue_token

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

    def test_shows_a_call_with_its_bodies(self, desk, django_assert_max_num_queries):
        token = issue_token(OrganizationFactory.create()).token
        call = a_call(org=token.org, token=token)
        RequestLogBody.objects.create(log=call, request='{"userName":"<b>ann</b>"}', response="{cut")
        with django_assert_max_num_queries(8):
            page = desk.get(reverse("admin:scim_requestlog_change", args=[call.pk])).content.decode()
        assert "  &quot;userName&quot;: &quot;&lt;b&gt;ann&lt;/b&gt;&quot;" in page
        assert "{cut" in page
        assert "12.3" in page

    def test_shows_a_call_without_bodies_of_an_org_that_is_gone(self, desk):
        call = a_call(org_id=uuid7(), token_id=uuid7())
        assert rows(desk.get(LIST)) == [call]
        assert desk.get(reverse("admin:scim_requestlog_change", args=[call.pk])).status_code == 200

    def test_cannot_be_changed(self, desk):
        call = a_call()
        assert desk.post(reverse("admin:scim_requestlog_change", args=[call.pk]), {"path": "/"}).status_code == 403
        assert desk.post(reverse("admin:scim_requestlog_delete", args=[call.pk]), {"post": "yes"}).status_code == 403
        assert desk.get(reverse("admin:scim_requestlog_add")).status_code == 403
