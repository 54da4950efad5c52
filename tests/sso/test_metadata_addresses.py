"""Metadata that is read at its address, when it is entered and every day."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from orgs.models import Mail, MailKind, Organization
from sso import connections, metadata_addresses, tasks
from sso.models import Revision, State
from sso.refusals import Reason, Refused
from tests.factories import OrganizationFactory, OwnerFactory
from tests.sso.oidc.issuer import NOW
from tests.sso.open_id_provider import OpenIdProvider
from tests.sso.saml.identity_provider import IDP, metadata, pem, pin
from tests.sso.saml_provider import keep_our_key, saml_facts
from tests.sso.web.conftest import by_admin

pytestmark = pytest.mark.django_db

PATH = "/metadata"


@pytest.fixture
def org() -> Organization:
    return OrganizationFactory.create()


@pytest.fixture
def active(org: Organization, idp: OpenIdProvider) -> Revision:
    """Read a day ago."""
    keep_our_key(org)
    facts = saml_facts(metadata_url=idp.issuer + PATH)
    made = connections.draft(org=org, facts=facts, cause=by_admin())
    Revision.objects.update(tested_at=NOW, metadata_asked_at=timezone.now() - timedelta(days=1))
    return connections.activate(org=org, revision_id=made.id, cause=by_admin())


def refusal(url: str) -> Reason:
    with pytest.raises(Refused) as refused:
        metadata_addresses.read(url, now=NOW)
    return refused.value.reason


def test_it_is_read_where_it_is_public_and_says_what_is_wrong_with_it(idp: OpenIdProvider) -> None:  # L2
    idp.documents[PATH] = metadata()
    assert metadata_addresses.read(idp.issuer + PATH, now=NOW).entity_id == IDP
    idp.documents[PATH] = metadata().replace(b"https://idp.example/sso", b"http://idp.example/sso")
    assert refusal(idp.issuer + PATH) == Reason.BAD_ENDPOINT
    assert refusal(idp.issuer + "/keys") == Reason.NOT_METADATA
    assert refusal(idp.issuer + "/favicon.ico") == Reason.BAD_STATUS
    assert refusal("https://10.0.0.1/metadata") == Reason.NO_PUBLIC_ADDRESS
    assert refusal("idp.example") == Reason.BAD_ADDRESS


def test_a_new_certificate_counts_from_then_on_without_a_test(active: Revision, idp: OpenIdProvider) -> None:  # L3
    OwnerFactory.create(org=active.org)
    idp.documents[PATH] = metadata(pem(), pem("new"))
    tasks.read_metadata_again()
    tasks.read_metadata_again()
    assert idp.asked == [PATH]
    active.refresh_from_db()
    assert active.certificates == [pin().pem, pin("new").pem]
    assert (active.state, active.tested_at, active.metadata_failure) == (State.ACTIVE, NOW, "")
    assert Mail.objects.filter(kind=MailKind.SINGLE_SIGN_ON).exists()


def test_where_it_cannot_be_read_everything_stays_and_it_is_tried_again_in_an_hour(
    active: Revision, idp: OpenIdProvider
) -> None:  # L2
    idp.documents[PATH] = b"<html/>"
    tasks.read_metadata_again()
    active.refresh_from_db()
    assert (active.certificates, active.metadata_failure) == ([pin().pem], Reason.NOT_METADATA)
    idp.documents[PATH] = metadata()
    tasks.read_metadata_again()
    assert idp.asked == [PATH]
    Revision.objects.update(metadata_asked_at=timezone.now() - timedelta(hours=1))
    tasks.read_metadata_again()
    active.refresh_from_db()
    assert active.metadata_failure == ""


def test_of_an_aggregate_only_the_tested_entity_counts(active: Revision, idp: OpenIdProvider) -> None:
    idp.documents[PATH] = metadata(entity_id="another")
    tasks.read_metadata_again()
    active.refresh_from_db()
    assert active.metadata_failure == Reason.OTHER_ENTITY


@pytest.mark.parametrize(
    ("changes", "is_due"),
    [
        ({}, True),
        ({"state": State.PAST}, False),
        ({"metadata_url": "", "metadata_asked_at": None}, False),
        ({"metadata_asked_at": NOW - timedelta(hours=23)}, False),
        ({"metadata_asked_at": NOW - timedelta(hours=23), "metadata_failure": Reason.TLS}, True),
        ({"metadata_asked_at": NOW - timedelta(minutes=59), "metadata_failure": Reason.TLS}, False),
    ],
)
def test_each_is_read_once_when_it_is_due(
    active: Revision, changes: dict[str, str | datetime | None], is_due: bool
) -> None:
    Revision.objects.update(**{"metadata_asked_at": NOW - timedelta(days=1)} | changes)
    assert (metadata_addresses.next_to_read(at=NOW) == active) is is_due
    assert metadata_addresses.next_to_read(at=NOW) is None


@pytest.mark.parametrize("url", ["", "https://idp.example/metadata"])
def test_what_became_another_meanwhile_is_left_alone(
    active: Revision, org: Organization, idp: OpenIdProvider, url: str
) -> None:
    idp.documents[PATH] = metadata(pem("new"))
    connections.switch_off(org=org, cause=by_admin())
    connections.draft(org=org, facts=saml_facts(metadata_url=url), cause=by_admin())
    metadata_addresses.read_again(active, at=NOW)
    assert Revision.objects.get().certificates == [pin().pem]
