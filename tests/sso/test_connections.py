"""The connection of an org, as its admins configure it."""

from datetime import datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
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
            OrgSsoDrafted(issuer=ISSUER, client_id=CLIENT, name_claim="", external_id_claim="", new_secret=True),
            OrgSsoDrafted(
                issuer=f"{ISSUER}/2", client_id=CLIENT, name_claim="upn", external_id_claim="", new_secret=False
            ),
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
            (Facts(ISSUER, CLIENT, None, external_id_claim="sub"), False),
            (Facts(ISSUER, CLIENT, None, secret_ends_on=NOW.date(), idp="okta"), True),
        ],
    )
    def test_is_to_be_tested_again_once_it_changes(self, org: Organization, facts: Facts, still: bool) -> None:  # L3
        draft(org)
        Revision.objects.update(tested_at=NOW)
        changed = draft(org, facts, at=NOW + timedelta(hours=1))
        assert (changed.tested_at is not None) is still
        assert len(recorded(org)) == (1 if still else 2)


def test_an_issuer_is_as_long_as_a_link_can_hold(org: Organization) -> None:
    assert draft(org, Facts("https://" + "i" * 992, CLIENT, SECRET)).pk
    assert refusal(org, Facts("https://" + "i" * 993, CLIENT, SECRET)) == Reason.BAD_ADDRESS


def activate(org: Organization, made: Revision) -> Revision:
    return connections.activate(org=org, revision_id=made.id, cause=Cause(Door.PAGE, NOW))


def switch_off(org: Organization) -> bool:
    return connections.switch_off(org=org, cause=Cause(Door.PAGE, NOW))


def passed(org: Organization, facts: Facts = FACTS) -> Revision:
    made = draft(org, facts)
    Revision.objects.filter(id=made.id).update(tested_at=NOW)
    return made


def states() -> list[str]:
    return list(Revision.objects.order_by("id").values_list("state", flat=True))


class TestActivating:
    def test_needs_a_test_of_just_this(self, org: Organization) -> None:  # L3
        made = draft(org)
        with pytest.raises(connections.NotTested):
            activate(org, made)
        org.refresh_from_db()
        assert (states(), org.sso_connection) == ([State.DRAFT], None)

    def test_makes_it_the_one_that_people_sign_in_through(self, org: Organization) -> None:  # L2
        made = passed(org)
        activate(org, made)
        activate(org, made)
        org.refresh_from_db()
        assert (states(), org.sso_connection) == ([State.ACTIVE], made.connection_id)
        assert Change.objects.for_org(org).filter(verb="org.sso_activated").count() == 1

    def test_replaces_the_one_before(self, org: Organization) -> None:  # L2
        activate(org, passed(org))
        activate(org, passed(org, Facts(ISSUER, "another", SECRET)))
        assert states() == [State.PAST, State.ACTIVE]

    def test_is_of_the_orgs_own(self, org: Organization) -> None:  # O7
        made = passed(org)
        with pytest.raises(Revision.DoesNotExist):
            activate(OrganizationFactory.create(), made)
        assert states() == [State.DRAFT]


class TestSwitchingOff:
    def test_keeps_it_as_a_draft_that_is_tested(self, org: Organization) -> None:
        made = passed(org)
        activate(org, made)
        assert switch_off(org)
        org.refresh_from_db()
        assert (states(), org.sso_connection) == ([State.DRAFT], None)
        activate(org, made)
        assert states() == [State.ACTIVE]

    def test_keeps_a_newer_draft(self, org: Organization) -> None:
        activate(org, passed(org))
        draft(org, Facts(ISSUER, "newer", SECRET))
        assert switch_off(org)
        assert not switch_off(org)
        assert states() == [State.PAST, State.DRAFT]
        assert Change.objects.for_org(org).filter(verb="org.sso_switched_off").count() == 1


def test_an_org_with_an_active_connection_has_single_sign_on(org: Organization) -> None:  # O1
    Organization.objects.update(sso_configured=False)
    made = passed(org)
    org.refresh_from_db()
    assert not org.has_single_sign_on
    activate(org, made)
    org.refresh_from_db()
    assert org.has_single_sign_on


def test_accounts_for_people_whom_scim_has_not_made_are_off_at_first(org: Organization) -> None:  # L5
    draft(org)
    assert not Connection.objects.get().creates_people
    for on in (True, True, False):
        connections.switch_accounts(org=org, on=on, cause=Cause(Door.PAGE, NOW))
        assert Connection.objects.get().creates_people is on
    assert Change.objects.for_org(org).filter(verb="org.sso_accounts_switched").count() == 2


def test_another_orgs_connection_is_another(org: Organization) -> None:
    assert draft(org).connection.id != draft(OrganizationFactory.create()).connection.id


def test_there_is_one_connection_and_one_draft_of_an_org(org: Organization) -> None:  # L2
    made = draft(org)
    with pytest.raises(IntegrityError, match="one_of_an_org"), transaction.atomic():
        Connection.objects.create(org=org, created_at=NOW)
    with pytest.raises(IntegrityError, match="one_of_each"), transaction.atomic():
        Revision.objects.create(org=org, connection=made.connection, issuer=ISSUER, changed_at=NOW)


class TestTheLastResort:
    def test_switches_single_sign_on_off(self, org: Organization) -> None:  # L6
        activate(org, passed(org))
        call_command("sso_off", org.slug)
        org.refresh_from_db()
        assert (states(), org.sso_connection) == ([State.DRAFT], None)
        change = Change.objects.for_org(org).get(verb="org.sso_switched_off")
        assert change.door == Door.COMMAND

    @pytest.mark.parametrize("there", [True, False])
    def test_says_that_there_is_nothing_to_switch(self, org: Organization, there: bool) -> None:
        with pytest.raises(CommandError):
            call_command("sso_off", org.slug if there else "nowhere")
