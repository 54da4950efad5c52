"""What identity providers do day by day: noted as the log is written, and read from history (SPEC T5)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orgs import tokens
from orgs.db.keys import uuid7
from orgs.models import IdentityProvider, Organization, ScimToken, User
from scim import idp_days, silence_matters, tasks
from scim.idp_days import Hour
from scim.models import IdpDay
from scim.request_log import Entry, Writer
from tests.conftest import Idp
from tests.factories import OrganizationFactory, issue_token
from tests.groups_provisioning.world import by_admin, push, push_user

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)


def token_of(org: Organization, idp: str = IdentityProvider.OKTA) -> ScimToken:
    return issue_token(org, idp=idp).token


def entry(token: ScimToken, at: datetime) -> Entry:
    return Entry(uuid7(), at, "GET", "/", 200, 1, org_id=token.org_id, token_id=token.id)


class TestHours:
    def test_are_those_in_which_any_token_of_the_identity_provider_was_used(self, org: Organization) -> None:  # T5
        first, second = token_of(org), token_of(org)
        idp_days.note([Hour(first.id, NOON), Hour(second.id, NOON + timedelta(hours=2)), Hour(uuid7(), NOON)])
        idp_days.note([Hour(first.id, NOON), Hour(token_of(org, IdentityProvider.ENTRA).id, NOON)])
        assert idp_days.records([(org.id, "okta")])[org.id, "okta"].spoken == [
            datetime(2026, 11, 29, hour, tzinfo=UTC) for hour in (12, 14)
        ]
        assert idp_days.records([(OrganizationFactory.create().id, "okta")]) == {}

    def test_are_noted_once_each_as_the_log_is_written(self, org: Organization) -> None:
        writer, token = Writer(), token_of(org)
        batch = [entry(token, NOON + number * timedelta(minutes=20)) for number in range(4)]
        with CaptureQueriesContext(connection) as statements:
            for _ in range(3):
                writer._note_hours(batch)
        assert len(statements) == 1
        assert len(idp_days.records([(org.id, "okta")])[org.id, "okta"].spoken) == 2


class TestAdditionsAndRemovals:
    def test_are_what_came_of_requests(self, org: Organization) -> None:  # T5
        idp = Idp(issue_token(org, idp=IdentityProvider.OKTA).secret)

        def noted() -> set[str]:
            tasks.note_additions_and_removals()
            found = {flag for flag in idp_days.FLAGS for row in IdpDay.objects.all() if getattr(row, flag)}
            IdpDay.objects.all().delete()
            return found

        ada = User.objects.get(id=push_user(idp, "Ada Brandt"))
        assert noted() == {"people_added"}
        group = push(idp, "Engineers", ada)
        assert noted() == {"people_added", "members_added"}
        idp.patch(f"/Groups/{group.id}", {"op": "remove", "path": f'members[value eq "{ada.id}"]'})
        idp.patch(f"/Users/{ada.id}", {"op": "replace", "path": "active", "value": False})
        assert noted() == set(idp_days.FLAGS)

    def test_of_people_are_not_the_identity_providers(self, org: Organization) -> None:
        tokens.revoke(org=org, token_id=token_of(org).id, cause=by_admin())
        tasks.note_additions_and_removals()
        assert not IdpDay.objects.exists()


class TestForgetting:
    def test_keeps_hours_for_months_and_additions_for_a_year(self, org: Organization) -> None:
        today = date(2026, 11, 29)
        for ago, flags in ((0, {}), (90, {}), (91, {}), (91, {"people_added": True}), (366, {"people_added": True})):
            idp = "okta" if not flags else "entra"
            IdpDay.objects.create(org=org, idp=idp, day=today - timedelta(days=ago), **flags)
        IdpDay.objects.create(org=org, idp="entra", day=today)
        idp_days.forget()
        left = [(row.idp, (today - row.day).days) for row in IdpDay.objects.order_by("idp", "-day")]
        assert left == [("entra", 0), ("entra", 91), ("okta", 0), ("okta", 90)]


class TestTheMatter:
    def silent(self, org: Organization, token: ScimToken, now: datetime) -> list[str]:
        return [matter.title for _org, matter in silence_matters.read([org], now)]

    def test_is_of_a_regular_identity_provider_with_a_valid_token(self, org: Organization) -> None:  # T5, N1
        now, token = timezone.now(), token_of(org, IdentityProvider.ENTRA)
        tokens.note_use({token.id: (now - timedelta(days=2), None, "")})
        idp_days.note([Hour(token.id, now - timedelta(days=2, hours=number)) for number in range(24 * 30)])
        assert self.silent(org, token, now) == ["Microsoft Entra ID has sent nothing for 2 days"]
        ((_org, matter),) = silence_matters.read([org], now)
        assert "never silent for longer than 1 hour" in matter.text
        assert "Enterprise applications › your application › Provisioning › Overview" in matter.text
        successor = token_of(org, IdentityProvider.ENTRA)
        idp_days.note([Hour(successor.id, now)])
        assert self.silent(org, token, now) == []

    def test_is_none_of_a_new_one_and_of_one_that_is_no_longer_used(self, org: Organization) -> None:  # T5
        now, token = timezone.now(), token_of(org)
        tokens.note_use({token.id: (now, None, "")})
        idp_days.note([Hour(token.id, now - timedelta(days=9, hours=number)) for number in range(24 * 20)])
        assert self.silent(org, token, now) == []
        idp_days.note([Hour(token.id, now - timedelta(days=29, hours=number)) for number in range(24 * 20)])
        assert len(self.silent(org, token, now)) == 1
        tokens.revoke(org=org, token_id=token.id, cause=by_admin())
        assert self.silent(org, token, now) == []
