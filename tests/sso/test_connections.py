"""The connection of an org, as its admins configure it."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from pytest_django import Settings

from orgs.change_details import OrgSsoDrafted
from orgs.history import Cause, read
from orgs.models import Change, Door, Organization
from sso import connections
from sso.connections import Facts
from sso.models import Connection, Revision, State
from sso.refusals import Reason, Refused
from tests.factories import OrganizationFactory
from tests.sso.oidc.issuer import CLIENT, ISSUER, NOW, SECRET

FACTS = Facts(ISSUER, CLIENT, SECRET)

pytestmark = pytest.mark.django_db


@pytest.fixture
def org() -> Organization:
    return OrganizationFactory.create()


def draft(org: Organization, facts: Facts = FACTS, *, at: datetime = NOW) -> Revision:
    return connections.draft(org=org, facts=facts, cause=Cause(Door.PAGE, at))


def refusal(org: Organization, facts: Facts) -> Reason:
    with pytest.raises(Refused) as refused:
        draft(org, facts)
    return refused.value.reason


def recorded(org: Organization) -> list[object]:
    return [read(change) for change in Change.objects.for_org(org).filter(verb="org.sso_drafted").order_by("id")]


class TestADraft:
    def test_is_the_one_that_there_is(self, org: Organization) -> None:  # L2
        first = draft(org)
        second = draft(org, Facts(f"{ISSUER}/2/.well-known/openid-configuration", CLIENT, None, "upn"))
        assert (second.id, second.issuer, second.name_claim) == (first.id, f"{ISSUER}/2", "upn")
        assert recorded(org) == [
            OrgSsoDrafted(issuer=ISSUER, client_id=CLIENT, name_claim="", new_secret=True),
            OrgSsoDrafted(issuer=f"{ISSUER}/2", client_id=CLIENT, name_claim="upn", new_secret=False),
        ]

    def test_has_an_address_that_outlives_it(self, org: Organization, settings: Settings) -> None:  # L2
        settings.MUSTER_URL = "https://muster.example"
        first = draft(org)
        address = connections.callback_url(first.connection)
        assert address == f"https://muster.example/sso/{first.connection.id}/callback"
        Revision.objects.update(state=State.PAST)
        org.slug = "renamed"
        org.save()
        second = draft(org)
        assert second.id != first.id
        assert connections.callback_url(second.connection) == address

    def test_keeps_its_secret_sealed(self, org: Organization, settings: Settings) -> None:  # L9
        made = draft(org)
        assert SECRET not in Revision.objects.values_list("client_secret", flat=True)[0]
        assert connections.secret_in(Revision.objects.get()) == SECRET
        assert SECRET not in str(Change.objects.for_org(org).values_list("detail", flat=True))
        settings.SECRET_KEY = "another key, of more than 32 characters"
        with pytest.raises(Refused) as refused:
            connections.secret_in(made)
        assert refused.value.reason == Reason.SECRET_UNREADABLE
        assert refusal(org, Facts(ISSUER, "other", None)) == Reason.SECRET_UNREADABLE
        assert connections.secret_in(draft(org, Facts(ISSUER, "other", "new"))) == "new"

    def test_takes_the_secret_of_the_active_revision_over(self, org: Organization) -> None:  # L9
        active = draft(org)
        Revision.objects.update(state=State.ACTIVE)
        made = draft(org, Facts(ISSUER, "other", None))
        assert made.id != active.id
        assert connections.secret_in(made) == SECRET
        assert Revision.objects.get(id=active.id).client_id == CLIENT

    def test_needs_a_secret_and_an_address(self, org: Organization) -> None:
        assert refusal(org, Facts(ISSUER, CLIENT, None)) == Reason.SECRET_MISSING
        assert refusal(org, Facts("idp.example", CLIENT, SECRET)) == Reason.BAD_ADDRESS
        assert not Connection.objects.exists()

    @pytest.mark.parametrize(
        ("facts", "still"),
        [
            (Facts(ISSUER, CLIENT, None), True),
            (Facts(f"{ISSUER}/", CLIENT, None), False),
            (Facts(ISSUER, "other", None), False),
            (Facts(ISSUER, CLIENT, SECRET), False),
            (Facts(ISSUER, CLIENT, None, "upn"), False),
        ],
    )
    def test_is_to_be_tested_again_once_it_changes(self, org: Organization, facts: Facts, still: bool) -> None:  # L3
        draft(org)
        Revision.objects.update(tested_at=NOW)
        changed = draft(org, facts, at=NOW + timedelta(hours=1))
        assert (changed.tested_at is not None) is still
        assert len(recorded(org)) == (1 if still else 2)


def test_another_orgs_connection_is_another(org: Organization) -> None:
    assert draft(org).connection.id != draft(OrganizationFactory.create()).connection.id


def test_there_is_one_connection_and_one_draft_of_an_org(org: Organization) -> None:  # L2
    made = draft(org)
    with pytest.raises(IntegrityError, match="one_of_an_org"), transaction.atomic():
        Connection.objects.create(org=org, created_at=NOW)
    with pytest.raises(IntegrityError, match="one_of_each"), transaction.atomic():
        Revision.objects.create(org=org, connection=made.connection, issuer=ISSUER, changed_at=NOW)
