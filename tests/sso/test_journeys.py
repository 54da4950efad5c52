"""A browser's way to the provider and back, which begins and ends in one browser, once."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import connection as database
from pytest_django import Settings

from orgs.history import Cause
from orgs.models import Door
from sso import connections, journeys, seen
from sso.connections import Facts
from sso.identities import Identity
from sso.journeys import Journey
from sso.models import Connection, Revision, SeenToken, State
from sso.refusals import Reason, Refused
from tests.factories import OrganizationFactory
from tests.sso.oidc.issuer import CLIENT, NOW, SECRET
from tests.sso.open_id_provider import OpenIdProvider

pytestmark = pytest.mark.django_db


@pytest.fixture
def active(idp: OpenIdProvider) -> Revision:
    idp.claims = {"sub": "1", "preferred_username": "ada@acme.example"}
    return made(idp, State.ACTIVE)


def made(idp: OpenIdProvider, state: State) -> Revision:
    org, facts = OrganizationFactory.create(), Facts(idp.issuer, CLIENT, SECRET)
    revision = connections.draft(org=org, facts=facts, cause=Cause(Door.PAGE, NOW))
    Revision.objects.filter(id=revision.id).update(state=state)
    return revision


def begin(revision: Revision, **more: object) -> tuple[Journey, str]:
    return journeys.begin(revision=revision, now=NOW, **more)  # type: ignore[arg-type]


def arrive(journey: Journey, url: str, idp: OpenIdProvider, connection: Connection, now: datetime = NOW) -> Identity:
    return journeys.arrive(journey, connection=connection, parameters=idp.authorize(url), now=now)


def travelled(journey: Journey, connection: Connection, *, now: datetime = NOW) -> Journey:
    return journeys.opened(journey.sealed(), connection=connection, now=now)


class TestAJourney:
    def test_is_the_same_when_the_browser_is_back(self, active: Revision) -> None:
        journey, _ = begin(active, wanted="/people/", tester=active.id)
        assert travelled(journey, active.connection) == journey

    def test_leaves_nothing_here_when_it_begins(self, active: Revision) -> None:
        begin(active)
        assert not SeenToken.objects.exists()

    def test_names_whom_the_provider_means(self, active: Revision, idp: OpenIdProvider) -> None:
        idp.claims |= {"sid": "s1", "session_expiry": int(NOW.timestamp()) + 60}
        got = arrive(*begin(active), idp, active.connection)
        assert (got.issuer, got.subject, got.provider_session) == (idp.issuer, "1", "s1")
        assert got.ends_at == NOW.replace(microsecond=0) + timedelta(seconds=60)

    @pytest.mark.parametrize("odd", [True, "tomorrow", -1, 253_402_300_800, 2**70, 1.5, None])
    def test_has_no_end_where_the_provider_says_none_that_can_be(
        self, active: Revision, idp: OpenIdProvider, odd: object
    ) -> None:  # L7
        idp.claims |= {"session_expiry": odd}
        assert arrive(*begin(active), idp, active.connection).ends_at is None

    def test_counts_once(self, active: Revision, idp: OpenIdProvider) -> None:
        journey, url = begin(active)
        assert arrive(journey, url, idp, active.connection).subject == "1"
        assert refusal(journey, url, idp, active.connection) == Reason.STATE
        assert idp.asked.count("/token") == 1

    @pytest.mark.parametrize(("seconds", "lasts"), [(-1, False), (0, True), (599, True), (600, False), (6000, False)])
    def test_lasts_ten_minutes(self, active: Revision, seconds: int, lasts: bool) -> None:
        journey, _ = begin(active)
        now = NOW + timedelta(seconds=seconds)
        if lasts:
            assert travelled(journey, active.connection, now=now)
        else:
            with pytest.raises(Refused):
                travelled(journey, active.connection, now=now)

    def test_is_of_one_connection(self, active: Revision, idp: OpenIdProvider) -> None:
        other = made(idp, State.ACTIVE)
        journey, url = begin(active)
        with pytest.raises(Refused):
            travelled(journey, other.connection)
        assert refusal(replace(journey, connection_id=other.connection_id), url, idp, other.connection) == Reason.STATE

    def test_is_not_read_or_changed_by_whoever_carries_it(self, active: Revision, settings: Settings) -> None:
        journey, _ = begin(active)
        sealed = journey.sealed()
        assert journey.attempt.verifier not in sealed
        for broken in ("", "x", sealed[:-1], sealed[:40] + ("A" if sealed[40] != "A" else "B") + sealed[41:]):
            with pytest.raises(Refused) as refused:
                journeys.opened(broken, connection=active.connection, now=NOW)
            assert refused.value.reason == Reason.STATE
        settings.SECRET_KEY = "another key, of more than 32 characters"
        with pytest.raises(Refused):
            journeys.opened(sealed, connection=active.connection, now=NOW)

    def test_does_not_end_with_what_another_one_was_given(self, active: Revision, idp: OpenIdProvider) -> None:
        (mine, _), (_, theirs) = begin(active), begin(active)
        assert refusal(mine, theirs, idp, active.connection) == Reason.STATE

    def test_ends_where_the_configuration_is_another_by_now(self, active: Revision, idp: OpenIdProvider) -> None:  # L3
        journey, url = begin(active)
        Revision.objects.update(changed_at=NOW + timedelta(seconds=1))
        assert refusal(journey, url, idp, active.connection) == Reason.STATE

    @pytest.mark.parametrize("state", [State.DRAFT, State.PAST])
    def test_signs_nobody_in_by_what_is_not_active(self, active: Revision, idp: OpenIdProvider, state: State) -> None:
        journey, url = begin(active)
        Revision.objects.update(state=state)
        assert refusal(journey, url, idp, active.connection) == Reason.STATE
        assert "/token" not in idp.asked

    def test_does_not_take_along_where_to_go_if_that_is_too_long_for_a_cookie(self, active: Revision) -> None:
        assert begin(active, wanted="/" + "w" * 1000)[0].wanted == ""
        assert len(begin(active, wanted="/" + "w" * 999)[0].sealed()) < 3500


def refusal(journey: Journey, url: str, idp: OpenIdProvider, connection: Connection) -> Reason:
    with pytest.raises(Refused) as refused:
        arrive(journey, url, idp, connection)
    return refused.value.reason


class TestWhatCountsOnce:
    def test_is_apart_for_each_connection_and_kind(self, active: Revision, idp: OpenIdProvider) -> None:
        other = made(idp, State.DRAFT)
        for connection in (active.connection, other.connection):
            for kind in seen.Kind:
                got = [seen.is_first(connection, kind, "1", until=NOW) for _ in range(2)]
                assert got == [True, False]

    def test_is_forgotten_when_it_is_too_old_anyway(self, active: Revision) -> None:
        seen.is_first(active.connection, seen.Kind.LOGOUT, "1", until=NOW)
        seen.forget(at=NOW)
        assert SeenToken.objects.exists()
        seen.forget(at=NOW + timedelta(seconds=1))
        assert not SeenToken.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_moment_one_is_the_first() -> None:
    connection, got = Connection(created_at=NOW), []
    together = threading.Barrier(4)

    def come() -> None:
        together.wait()
        got.append(seen.is_first(connection, seen.Kind.JOURNEY, "1", until=NOW))
        database.close()

    threads = [threading.Thread(target=come) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(got) == [False, False, False, True]
