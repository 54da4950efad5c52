"""The connection of an org, as its admins configure it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from pytest_django import Settings

from orgs.change_details import OrgSsoCertificatesChanged, OrgSsoDrafted
from orgs.db.keys import uuid7
from orgs.history import Cause, read
from orgs.models import Change, Door, Mail, Organization
from sso import connections
from sso.connections import Facts, SamlFacts
from sso.models import Connection, Protocol, Revision, State
from sso.refusals import Reason, Refused
from tests.factories import OrganizationFactory, OwnerFactory
from tests.sso.oidc.issuer import CLIENT, ISSUER, NOW, SECRET
from tests.sso.saml.identity_provider import IDP, SSO_URL, pin
from tests.sso.saml_provider import keep_our_key, saml_facts

FACTS = Facts(ISSUER, CLIENT, SECRET)
LATER = NOW + timedelta(days=1)

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
            (Facts(ISSUER, CLIENT, SECRET), True),
            (Facts(ISSUER, CLIENT, f"{SECRET}2"), False),
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
        Revision.objects.create(**made_like(made), id=uuid7())


def made_like(made: Revision) -> dict[str, object]:
    return {field.attname: getattr(made, field.attname) for field in made._meta.fields if field.name != "id"}


# What each protocol needs, and of the other may not have.
@pytest.mark.parametrize(
    ("protocol", "changes"),
    [
        ("oidc", {"client_id": ""}),
        ("oidc", {"client_secret": ""}),
        ("oidc", {"sso_url": SSO_URL}),
        ("oidc", {"certificates": [""]}),
        ("oidc", {"metadata_url": SSO_URL}),
        ("saml", {"sso_url": ""}),
        ("saml", {"certificates": []}),
        ("saml", {"certificates": [""] * 11}),
        ("saml", {"client_id": CLIENT}),
        ("saml", {"client_secret": SECRET}),
        ("saml", {"secret_ends_on": NOW.date()}),
        ("saml", {"protocol": "oidc"}),
        ("oidc", {"protocol": "saml"}),
    ],
)
def test_a_revision_has_what_its_protocol_needs(org: Organization, protocol: str, changes: dict[str, object]) -> None:
    draft(org) if protocol == "oidc" else draft_saml(org)
    with pytest.raises(IntegrityError, match="has_what_its_protocol_needs"), transaction.atomic():
        Revision.objects.update(**changes)


def draft_saml(org: Organization, facts: SamlFacts | None = None, *, at: datetime = NOW) -> Revision:
    keep_our_key(org)
    return connections.draft(org=org, facts=facts or saml_facts(), cause=Cause(Door.PAGE, at))


class TestADraftOfSaml:
    def test_is_the_one_draft_there_is_whatever_the_protocol(self, org: Organization) -> None:  # L2
        first = draft(org)
        second = draft_saml(org)
        assert (second.id, second.issuer, second.sso_url, second.client_secret) == (first.id, IDP, SSO_URL, "")
        assert second.connection.protocol == Protocol.SAML
        third = draft(org)
        assert (third.id, third.certificates, third.sso_url) == (first.id, [], "")
        draft_saml(org)
        assert refusal(org, Facts(ISSUER, CLIENT, None)) == Reason.SECRET_MISSING

    @pytest.mark.parametrize(
        ("changes", "still"),
        [
            ({}, True),
            ({"idp": "okta"}, True),
            ({"entity_id": f"{IDP}/2"}, False),
            ({"sso_url": f"{SSO_URL}/2"}, False),
            ({"certificates": (pin(), pin("new"))}, False),
            ({"certificates": (pin("new"),)}, False),
            ({"wants_signed_requests": True}, False),
            ({"metadata_url": "https://idp.example/metadata"}, False),
            ({"name_claim": "upn"}, False),
            ({"external_id_claim": "oid"}, False),
        ],
    )
    def test_is_to_be_tested_again_once_it_changes(
        self, org: Organization, changes: dict[str, Any], still: bool
    ) -> None:  # L3
        draft_saml(org)
        Revision.objects.update(tested_at=NOW)
        changed = draft_saml(org, saml_facts(**changes), at=NOW + timedelta(hours=1))
        assert (changed.tested_at is not None) is still
        assert Change.objects.for_org(org).filter(verb="org.saml_drafted").count() == (1 if still else 2)

    def test_has_at_most_ten_certificates(self, org: Organization) -> None:
        with pytest.raises(Refused) as refused:
            draft_saml(org, saml_facts(certificates=(pin(),) * 11))
        assert refused.value.reason == Reason.TOO_MANY_CERTIFICATES

    def test_has_an_entity_id_that_a_link_can_hold(self, org: Organization) -> None:
        with pytest.raises(Refused) as refused:
            draft_saml(org, saml_facts(entity_id="x" * 996))
        assert refused.value.reason == Reason.BAD_ADDRESS

    def test_means_others_by_its_subjects_than_an_issuer_of_the_same_name(self, org: Organization) -> None:  # L2
        by_oidc = draft(org).authority
        assert draft_saml(org, saml_facts(entity_id=ISSUER)).authority != by_oidc == ISSUER


def test_our_key_is_made_with_the_first_word_of_saml_kept_sealed_and_made_again_only_where_it_is_lost(
    org: Organization, settings: Settings
) -> None:  # L9
    def certificate() -> str:
        made = connections.prepare(org=org, idp="", protocol=Protocol.SAML, cause=Cause(Door.PAGE, NOW))
        assert connections.key_pair(made).certificate.pem == made.certificate
        return made.certificate

    assert connections.prepare(org=org, idp="", cause=Cause(Door.PAGE, NOW)).certificate == ""
    first = certificate()
    assert certificate() == first
    kept = Connection.objects.get().key
    assert "PRIVATE" not in kept
    Connection.objects.update(key="lost")
    assert not connections.has_key(Connection.objects.get())
    assert certificate() != first


class TestRenewing:
    """What the tested metadata address brings."""

    def renewed(self, org: Organization, made: Revision, **changes: Any) -> Revision:
        read = saml_facts(**changes).provider
        cause = Cause(Door.CLOCK, LATER)
        connections.renew(org=org, revision_id=made.id, url=made.metadata_url, read=read, cause=cause)
        made.refresh_from_db()
        return made

    def active(self, org: Organization) -> Revision:
        made = draft_saml(org, saml_facts(metadata_url="https://idp.example/metadata"))
        Revision.objects.update(tested_at=NOW)
        connections.activate(org=org, revision_id=made.id, cause=Cause(Door.PAGE, NOW))
        OwnerFactory.create(org=org)
        return made

    def test_takes_certificates_over_without_a_test_and_tells_it(self, org: Organization) -> None:  # L3
        made = self.renewed(org, self.active(org), certificates=(pin(), pin("new")))
        assert made.certificates == [pin().pem, pin("new").pem]
        assert (made.tested_at, made.metadata_read_at) == (NOW, LATER)
        assert Mail.objects.get().written_at == LATER
        told = read(Change.objects.for_org(org).get(verb="org.sso_certificates_changed"))
        assert told == OrgSsoCertificatesChanged(issuer=IDP, added=[pin("new").fingerprint], removed=[])

    def test_removes_those_that_the_metadata_no_longer_has(self, org: Organization) -> None:
        made = self.renewed(org, self.active(org), certificates=(pin("new"),))
        assert made.certificates == [pin("new").pem]

    def test_is_told_only_where_something_changed(self, org: Organization) -> None:
        made = self.renewed(org, self.active(org))
        assert made.metadata_read_at == LATER
        assert not Mail.objects.exists()
        assert not Change.objects.for_org(org).filter(verb="org.sso_certificates_changed").exists()

    @pytest.mark.parametrize(
        ("changes", "reason", "are_taken"),
        [
            ({"entity_id": "another"}, Reason.OTHER_ENTITY, False),
            ({"certificates": (pin("new"),) * 11}, Reason.TOO_MANY_CERTIFICATES, False),
            ({"sso_url": f"{SSO_URL}/2"}, Reason.OTHER_SSO_URL, True),
        ],
    )
    def test_changes_nothing_else_that_was_tested(
        self, org: Organization, changes: dict[str, Any], reason: Reason, are_taken: bool
    ) -> None:  # L3
        made = self.renewed(org, self.active(org), **{"certificates": (pin("new"),)} | changes)
        assert (made.issuer, made.sso_url, made.metadata_failure) == (IDP, SSO_URL, reason)
        assert (made.certificates == [pin("new").pem]) is are_taken

    def test_is_of_the_orgs_own(self, org: Organization) -> None:  # O7
        with pytest.raises(Revision.DoesNotExist):
            self.renewed(OrganizationFactory.create(), self.active(org))


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
