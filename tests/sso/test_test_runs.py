"""Test runs: all the way to the provider and back, without signing anybody in."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from orgs.history import Cause
from orgs.models import Door, IdentityLink, Organization, User
from sso import connections, journeys, test_runs
from sso.connections import Facts
from sso.journeys import Journey
from sso.models import Revision
from sso.refusals import Reason
from sso.test_runs import Outcome
from tests.factories import OrganizationFactory, UserFactory
from tests.sso.oidc.issuer import CLIENT, NOW, SECRET
from tests.sso.open_id_provider import OpenIdProvider

pytestmark = pytest.mark.django_db


@pytest.fixture
def org() -> Organization:
    return OrganizationFactory.create()


@pytest.fixture
def ada(org: Organization) -> User:
    return UserFactory.create(org=org, user_name="ada@acme.example")


@pytest.fixture
def draft(org: Organization, idp: OpenIdProvider) -> Revision:
    idp.claims = {"sub": "1", "preferred_username": "ada@acme.example"}
    return change(org, idp)


def change(org: Organization, idp: OpenIdProvider, *, at: datetime = NOW, **changes: str) -> Revision:
    facts = {"issuer": idp.issuer, "client_id": CLIENT, "client_secret": SECRET} | changes
    return connections.draft(org=org, facts=Facts(**facts), cause=Cause(Door.PAGE, at))


def run(
    draft: Revision, idp: OpenIdProvider, *, now: datetime = NOW, meanwhile: Callable[[], object] = lambda: None
) -> Outcome:
    journey, url = journeys.begin(revision=draft, tester=draft.id, now=NOW)
    brought = idp.authorize(url)
    meanwhile()
    return finish(journey, draft, brought, now=now)


def finish(journey: Journey, draft: Revision, brought: Mapping[str, Sequence[str]], *, now: datetime = NOW) -> Outcome:
    return test_runs.finish(journey, connection=draft.connection, parameters=brought, now=now)


def is_tested() -> bool:
    return Revision.objects.get().tested_at is not None


class TestATestRun:
    def test_says_what_came_and_who_it_would_be(self, draft: Revision, idp: OpenIdProvider, ada: User) -> None:  # L3
        got = run(draft, idp)
        assert (got.passed, got.person, got.refused) == (True, ada, None)
        assert got.identity is not None
        assert (got.identity.issuer, got.identity.subject) == (idp.issuer, "1")
        assert got.identity.claims["preferred_username"] == "ada@acme.example"
        assert is_tested()

    def test_signs_nobody_in(self, draft: Revision, idp: OpenIdProvider, ada: User) -> None:  # L3
        before = User.objects.filter(id=ada.id).values().get()
        run(draft, idp)
        assert User.objects.filter(id=ada.id).values().get() == before
        assert not IdentityLink.objects.exists()

    def test_passes_though_nobody_here_has_that_name(self, draft: Revision, idp: OpenIdProvider) -> None:
        got = run(draft, idp)
        assert got.refused is not None
        assert (got.refused.reason, got.refused.detail, got.person) == (Reason.NOBODY, "ada@acme.example", None)
        assert got.passed
        assert is_tested()

    def test_asks_the_userinfo_endpoint_where_the_token_has_no_name(
        self, draft: Revision, idp: OpenIdProvider, ada: User
    ) -> None:
        idp.claims = {"sub": "1"}
        idp.userinfo = {"sub": "1", "preferred_username": "ada@acme.example"}
        assert run(draft, idp).person == ada
        idp.userinfo = {"sub": "2", "preferred_username": "ada@acme.example"}
        got = run(draft, idp)
        assert got.refused is not None
        assert (got.refused.reason, got.identity) == (Reason.OTHER_SUBJECT, None)

    @pytest.mark.parametrize(
        ("break_it", "reason"),
        [
            (lambda idp: setattr(idp, "secret", "another"), Reason.SECRET_REFUSED),
            (lambda idp: idp.claims.update(iss="https://evil.example"), Reason.ISSUER),
            (lambda idp: idp.claims.update(aud="another"), Reason.AUDIENCE),
            (lambda idp: idp.claims.update(nonce="another"), Reason.NONCE),
            (lambda idp: idp.claims.pop("preferred_username"), Reason.NO_NAME),
        ],
    )
    def test_does_not_pass_where_something_is_wrong(
        self, draft: Revision, idp: OpenIdProvider, ada: User, break_it: Callable[[Any], object], reason: Reason
    ) -> None:  # L3
        break_it(idp)
        got = run(draft, idp)
        assert got.refused is not None
        assert (got.refused.reason, got.person) == (reason, None)
        assert not is_tested()

    def test_tells_that_the_provider_let_nobody_in(self, draft: Revision) -> None:
        journey, _ = journeys.begin(revision=draft, tester=draft.id, now=NOW)
        brought = {"state": [journey.attempt.state], "error": ["access_denied"], "iss": [draft.issuer]}
        got = finish(journey, draft, brought)
        assert got.refused is not None
        assert got.refused.reason == Reason.CANCELLED

    def test_tells_that_the_secret_cannot_be_read(
        self, draft: Revision, idp: OpenIdProvider, settings: Settings
    ) -> None:  # L9
        Revision.objects.update(client_secret="lost")
        got = run(draft, idp)
        assert got.refused is not None
        assert got.refused.reason == Reason.SECRET_UNREADABLE

    def test_is_no_test_of_what_was_entered_while_it_was_under_way(
        self, draft: Revision, idp: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # L3
        read_tokens = journeys.flow.read_tokens

        def edited(answer: Any) -> Any:
            change(draft.org, idp, at=NOW + timedelta(seconds=1), client_secret="another")
            return read_tokens(answer)

        monkeypatch.setattr(journeys.flow, "read_tokens", edited)
        got = run(draft, idp)
        assert got.identity is not None
        assert (got.identity.subject, got.passed) == ("1", False)
        assert not is_tested()
