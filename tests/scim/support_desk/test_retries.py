"""A refused request that support tries again, and takes back (N4)."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from groups_provisioning.models import PushedGroup
from orgs import tokens
from orgs.models import Change, LedgerEntry, Mail, Mark, Matter, Organization, User
from orgs.staff_groups import StaffRole
from scim import request_log
from scim.models import RequestLog, RequestLogBody
from tests.conftest import Idp, signed_in
from tests.factories import StaffFactory, issue_token
from tests.groups_provisioning.world import by_admin, push_user
from tests.page_text import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Client:
    return signed_in(StaffFactory.create())


@pytest.fixture
def idp(org: Organization, monkeypatch: pytest.MonkeyPatch) -> Idp:
    """Whose requests are in the log at once."""

    def write(entry: request_log.Entry) -> None:
        request_log._copy([request_log._row(request_log._trimmed(entry))])

    monkeypatch.setattr(request_log, "write", write)
    return Idp(issue_token(org).secret)


def refused(idp: Idp, method: str, path: str, body: Any) -> str:
    """The page on which the request can be tried again."""
    assert getattr(idp, method)(path, body).status_code >= 400
    return reverse("admin:try_again", args=[RequestLog.objects.latest("id").id])


def stored() -> list[int]:
    return [model._default_manager.count() for model in (User, PushedGroup, Mark, LedgerEntry, Matter, Mail)]


PAYROLL = {"displayName": "Payroll", "members": []}


class TestTryingAgain:
    def test_says_what_would_happen_now_and_keeps_nothing_of_it(
        self, desk: Client, idp: Idp, org: Organization
    ) -> None:  # N4
        Organization.objects.filter(pk=org.pk).update(group_provisioning=False)
        page = refused(idp, "post", "/Groups", PAYROLL)
        Organization.objects.filter(pk=org.pk).update(group_provisioning=True)
        asked = text(desk.get(page))
        assert "takes everything back" in asked
        assert "It was answered 403" in asked
        before = stored()
        shown = text(desk.post(page))
        assert "Now it would be answered 201" in shown
        assert "Payroll was pushed" in shown
        assert stored() == before
        (tried,) = Change.objects.for_org(org).filter(verb="support_view.tried")
        assert tried.detail == {"request": page.split("/")[-2], "status": 201}
        assert tried.by_person is not None
        assert tried.by_person.is_staff

    def test_says_why_it_would_be_refused_still(self, desk: Client, idp: Idp, org: Organization) -> None:  # N4
        ada = push_user(idp, "Ada Brandt")
        page = refused(idp, "patch", f"/Users/{ada}", {"op": "replace", "path": "emails", "value": 7})
        before = stored()
        shown = text(desk.post(page))
        assert "Now it would be answered 400" in shown
        assert RequestLog.objects.latest("id").detail in shown
        assert stored() == before

    def test_warns_of_what_is_newer(self, desk: Client, idp: Idp, org: Organization) -> None:  # N4
        ada = push_user(idp, "Ada Brandt")
        page = refused(idp, "patch", f"/Users/{ada}", {"op": "replace", "path": "emails", "value": 7})
        assert "accepted: what it meets now is newer" not in text(desk.get(page))
        idp.patch(f"/Users/{ada}", {"op": "replace", "path": "title", "value": "Dr"})
        for token in org.scim_tokens.all():
            tokens.revoke(org=org, token_id=token.id, cause=by_admin())
        shown = text(desk.get(page))
        assert "1 later change of the same person or group was accepted" in shown
        assert "Its token is not accepted any more" in shown

    @pytest.mark.parametrize(
        ("body", "why"),
        [
            ({"userName": "x" * 20_000}, "too long"),
            ({"userName": "no address", "password": "geheim"}, "passwords and tokens are hidden"),
        ],
    )
    def test_is_refused_where_the_log_has_not_the_whole_body(
        self, desk: Client, idp: Idp, body: Any, why: str
    ) -> None:  # N4
        page = refused(idp, "post", "/Users", {"active": "perhaps", **body})
        assert why in text(desk.get(page))
        assert why in text(desk.post(page))
        assert not Change.objects.filter(verb="support_view.tried").exists()

    def test_is_refused_where_part_of_the_body_was_erased_or_the_org_is_closed(
        self, desk: Client, idp: Idp, org: Organization
    ) -> None:
        page = refused(idp, "post", "/Users", {"userName": "ada@corp.example", "active": "perhaps"})
        RequestLogBody.objects.update(request="{}")
        assert "part of it was removed" in text(desk.get(page))
        Organization.objects.filter(pk=org.pk).update(closed_at=timezone.now())
        assert "being deleted" in text(desk.get(page))

    def test_is_of_refused_changes_alone(self, desk: Client, idp: Idp, org: Organization) -> None:
        push_user(idp, "Ada Brandt")
        accepted = RequestLog.objects.latest("id")
        assert desk.get(reverse("admin:try_again", args=[accepted.id])).status_code == 404
        assert "What would happen now" not in text(
            desk.get(reverse("admin:scim_requestlog_change", args=[accepted.id]))
        )
        page = refused(idp, "post", "/Groups", {})
        entry = desk.get(reverse("admin:scim_requestlog_change", args=[page.split("/")[-2]]))
        assert page in entry.content.decode()

    def test_is_not_for_those_who_may_only_look(self, idp: Idp) -> None:  # N4
        page = refused(idp, "post", "/Groups", {})
        reader = StaffFactory.create(is_superuser=False)
        reader.groups.add(Group.objects.get(name=StaffRole.READ_ONLY))
        assert signed_in(reader).post(page).status_code == 403
        assert not Change.objects.filter(verb="support_view.tried").exists()
