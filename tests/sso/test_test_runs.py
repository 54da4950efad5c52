"""Test runs: all the way to the provider and back, without signing anybody in."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from pytest_django import Settings

from orgs.history import Cause
from orgs.models import Door, Organization, User
from sso import connections, test_runs
from sso.connections import Facts
from sso.models import Revision, TestRun
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
    begun = test_runs.begin(revision=draft, now=NOW)
    brought = idp.authorize(begun.url)
    meanwhile()
    return test_runs.finish(org=draft.org, run_id=begun.run_id, parameters=brought, now=now)


def is_tested() -> bool:
    return Revision.objects.get().tested_at is not None


class TestATestRun:
    def test_says_what_came_and_who_it_would_be(self, draft: Revision, idp: OpenIdProvider, ada: User) -> None:  # L3
        got = run(draft, idp)
        assert (got.person, got.refused) == (ada, None)
        assert (got.claims["sub"], got.claims["preferred_username"]) == ("1", "ada@acme.example")
        assert is_tested()

    def test_signs_nobody_in(self, draft: Revision, idp: OpenIdProvider, ada: User) -> None:  # L3
        before = User.objects.filter(id=ada.id).values().get()
        run(draft, idp)
        assert User.objects.filter(id=ada.id).values().get() == before
        assert not Session.objects.exists()

    def test_passes_though_nobody_here_has_that_name(self, draft: Revision, idp: OpenIdProvider) -> None:
        got = run(draft, idp)
        assert got.refused is not None
        assert (got.refused.reason, got.refused.detail, got.person) == (Reason.NOBODY, "ada@acme.example", None)
        assert got.claims["sub"] == "1"
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
        assert (got.refused.reason, got.claims) == (Reason.OTHER_SUBJECT, {})

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
        begun = test_runs.begin(revision=draft, now=NOW)
        state = TestRun.objects.get().state
        brought = {"state": [state], "error": ["access_denied"], "iss": [draft.issuer]}
        got = test_runs.finish(org=draft.org, run_id=begun.run_id, parameters=brought, now=NOW)
        assert got.refused is not None
        assert got.refused.reason == Reason.CANCELLED

    def test_tells_that_the_secret_cannot_be_read(
        self, draft: Revision, idp: OpenIdProvider, settings: Settings
    ) -> None:  # L9
        Revision.objects.update(client_secret="lost")
        got = run(draft, idp)
        assert got.refused is not None
        assert got.refused.reason == Reason.SECRET_UNREADABLE

    def test_is_over_once_the_browser_is_back(self, draft: Revision, idp: OpenIdProvider) -> None:
        begun = test_runs.begin(revision=draft, now=NOW)
        brought = idp.authorize(begun.url)
        for _ in range(2):
            got = test_runs.finish(org=draft.org, run_id=begun.run_id, parameters=brought, now=NOW)
        assert got.refused is not None
        assert got.refused.reason == Reason.STATE
        assert idp.asked.count("/token") == 1

    @pytest.mark.parametrize("seconds", [600, 6000])
    def test_is_over_after_ten_minutes(self, draft: Revision, idp: OpenIdProvider, seconds: int) -> None:
        got = run(draft, idp, now=NOW + timedelta(seconds=seconds))
        assert got.refused is not None
        assert got.refused.reason == Reason.STATE

    def test_is_of_its_org(self, draft: Revision, idp: OpenIdProvider) -> None:
        begun = test_runs.begin(revision=draft, now=NOW)
        brought = idp.authorize(begun.url)
        stranger = OrganizationFactory.create()
        got = test_runs.finish(org=stranger, run_id=begun.run_id, parameters=brought, now=NOW)
        assert got.refused is not None
        assert got.refused.reason == Reason.STATE
        assert TestRun.objects.get().used_at is None

    def test_does_not_bring_back_what_another_one_was_given(self, draft: Revision, idp: OpenIdProvider) -> None:
        mine, theirs = (test_runs.begin(revision=draft, now=NOW) for _ in range(2))
        got = test_runs.finish(org=draft.org, run_id=mine.run_id, parameters=idp.authorize(theirs.url), now=NOW)
        assert got.refused is not None
        assert got.refused.reason == Reason.STATE

    def test_is_no_test_of_what_was_entered_while_it_was_under_way(
        self, draft: Revision, idp: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # L3
        read_tokens = test_runs.flow.read_tokens

        def edited(answer: Any) -> Any:
            change(draft.org, idp, at=NOW + timedelta(seconds=1), client_secret="another")
            return read_tokens(answer)

        monkeypatch.setattr(test_runs.flow, "read_tokens", edited)
        assert run(draft, idp).claims["sub"] == "1"
        assert not is_tested()

    def test_is_forgotten(self, draft: Revision) -> None:
        test_runs.begin(revision=draft, now=NOW)
        test_runs.forget(at=NOW + timedelta(seconds=600))
        assert TestRun.objects.exists()
        test_runs.forget(at=NOW + timedelta(seconds=601))
        assert not TestRun.objects.exists()
