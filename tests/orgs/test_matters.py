"""What an admin should act on: how matters begin, go on, are dismissed and end."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from orgs import matters
from orgs.db.keys import uuid7
from orgs.history import Cause
from orgs.matters import FORGOTTEN, LASTS, MOST, URGENT, Occurrence, UnknownMatter, Written
from orgs.models import Change, Door, Matter, MatterKind, Organization
from tests.factories import OrganizationFactory, OwnerFactory, issue_token

NOW = timezone.now().replace(microsecond=0)
SECOND = timedelta(seconds=1)


def occurs(org: Organization, kind: MatterKind, subject: str = "ada", at: datetime = NOW, **detail: str) -> Occurrence:
    return Occurrence(org.id, kind, subject, at, uuid7(), detail)


def seen(org: Organization, at: datetime = NOW) -> list[str]:
    return [matter.subject for matter in matters.open_in(org, at=at)]


# The others also follow the switch, or the person: tests/groups_provisioning/test_matters.py.
@pytest.mark.parametrize("kind", sorted(set(MatterKind) - {MatterKind.GROUPS_OFF, MatterKind.USER_TAKEN}))
class TestAMatter:  # N1
    def test_is_one_row_however_often_it_occurs(self, org: Organization, kind: MatterKind) -> None:
        matters.note([occurs(org, kind, "Ada", NOW - SECOND, error="first"), occurs(org, kind, "ADA", error="second")])
        matters.note([last := occurs(org, kind, "ada", NOW + SECOND, error="third")])
        matter = Matter.objects.get(org=org)
        assert (matter.first_at, matter.last_at, matter.count) == (NOW - SECOND, NOW + SECOND, 3)
        assert (matter.subject, matter.detail, matter.request_id) == ("ada", {"error": "third"}, last.request_id)

    def test_is_told_by_its_latest_occurrence_in_whatever_order_they_arrive(
        self, org: Organization, kind: MatterKind
    ) -> None:
        matters.note([occurs(org, kind, at=NOW, error="later")])
        matters.note([occurs(org, kind, at=NOW - SECOND, error="earlier")])
        matter = Matter.objects.get(org=org)
        assert (matter.first_at, matter.last_at, matter.detail) == (NOW - SECOND, NOW, {"error": "later"})

    def test_is_over_after_its_time_and_begins_anew(self, org: Organization, kind: MatterKind) -> None:
        lasts = LASTS.get(kind, FORGOTTEN)
        matters.note([occurs(org, kind)])
        assert seen(org, NOW + lasts) == ["ada"]
        assert seen(org, NOW + lasts + SECOND) == []
        matters.note([occurs(org, kind, at=NOW + lasts + SECOND)])
        matter = matters.open_in(org, at=NOW + lasts + SECOND).get()
        assert (matter.first_at, matter.count) == (NOW + lasts + SECOND, 1)

    def test_that_an_admin_dismissed_stays_out_of_sight_while_it_goes_on(
        self, org: Organization, kind: MatterKind
    ) -> None:
        token = issue_token(org, name="Okta").token
        name, subject = ("Okta", str(token.id)) if kind in URGENT else ("ada", "ada")
        matters.note([occurs(org, kind, subject)])
        owner = OwnerFactory.create(org=org)
        cause = Cause(Door.PAGE, NOW, person=owner)
        for _ in range(2):
            matters.dismiss(org=org, matter_id=Matter.objects.get(org=org).id, cause=cause)
        matters.note([occurs(org, kind, subject, NOW + timedelta(days=2))])
        assert seen(org, NOW + timedelta(days=2)) == []
        change = Change.objects.get(org=org, verb="matter.dismissed")
        assert (change.by_person, change.detail) == (owner, {"kind": kind, "name": name})

    def test_is_forgotten_when_it_has_long_been_over(self, org: Organization, kind: MatterKind) -> None:
        matters.note([occurs(org, kind, "old", NOW - FORGOTTEN - SECOND), occurs(org, kind, "new", NOW - FORGOTTEN)])
        matters.forget(at=NOW)
        assert [matter.subject for matter in Matter.objects.for_org(org)] == ["new"]

    def test_is_the_orgs_own(self, org: Organization, kind: MatterKind) -> None:  # O7
        other = OrganizationFactory.create()
        matters.note([occurs(org, kind)])
        assert seen(other) == []
        with pytest.raises(UnknownMatter):
            matters.dismiss(
                org=other, matter_id=Matter.objects.get(org=org).id, cause=Cause(Door.PAGE, NOW, person=None)
            )

    def test_may_have_any_text_and_shows_no_token(self, org: Organization, kind: MatterKind) -> None:
        odd = "a\0b\ud800 muster_scim_abcdefgh-hunter2 " + "x" * 1000
        matters.note([occurs(org, kind, odd, error=odd)])
        matter = Matter.objects.get(org=org)
        assert len(matter.subject) == len(matter.detail["error"]) == matters.LENGTH
        assert "hunter2" not in matter.subject + matter.detail["error"]


def test_the_oldest_of_a_kind_go_when_there_are_too_many(org: Organization) -> None:  # N1
    matters.note([occurs(org, MatterKind.GROUP_REFUSED)])
    first = [occurs(org, MatterKind.USER_REFUSED, f"p{n}", NOW + n * SECOND) for n in range(MOST)]
    matters.note(first)
    matters.note([occurs(org, MatterKind.USER_REFUSED, "one more", NOW + MOST * SECOND)])
    kept = Matter.objects.for_org(org).filter(kind=MatterKind.USER_REFUSED)
    assert kept.count() == MOST
    assert not kept.filter(subject="p0").exists()
    assert Matter.objects.for_org(org).filter(kind=MatterKind.GROUP_REFUSED).exists()


class TestAWrite:
    @pytest.fixture
    def noted(self, org: Organization) -> Any:
        resource = uuid7()
        undescribed = MatterKind.UNDESCRIBED
        matters.note(
            [
                occurs(org, MatterKind.USER_REFUSED, "Ada"),
                occurs(org, MatterKind.GROUP_REFUSED, "Ada"),
                occurs(org, undescribed, "urn:x:Role", resource=str(resource)),
                occurs(org, undescribed, "urn:x:Place", resource=str(resource)),
                occurs(org, undescribed, "urn:x:Other", resource=str(uuid7())),
            ]
        )
        return resource

    def test_ends_what_was_refused_under_its_name(self, org: Organization, noted: Any) -> None:  # O3, N1
        matters.note([Written(org.id, NOW, uuid7(), MatterKind.USER_REFUSED, "ADA")])
        left = set(matters.open_in(org, at=NOW).values_list("kind", flat=True))
        assert left == {MatterKind.GROUP_REFUSED, MatterKind.UNDESCRIBED}

    def test_before_a_refusal_does_not_end_it(self, org: Organization, noted: Any) -> None:
        matters.note([Written(org.id, NOW - SECOND, noted, MatterKind.USER_REFUSED, "Ada")])
        assert matters.open_in(org, at=NOW).count() == 5

    def test_without_an_undescribed_attribute_ends_it(self, org: Organization, noted: Any) -> None:  # P3
        matters.note([Written(org.id, NOW, noted, MatterKind.USER_REFUSED, "Grace", ("urn:x:ROLE",))])
        left = matters.open_in(org, at=NOW).filter(kind=MatterKind.UNDESCRIBED).values_list("subject", flat=True)
        assert set(left) == {"urn:x:Role", "urn:x:Other"}
