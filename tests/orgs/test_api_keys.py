"""Keys to the API."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orgs import api_keys, history, tokens
from orgs.change_details import KeyIssued, KeyRevoked
from orgs.db.keys import uuid7
from orgs.history import Cause
from orgs.models import ApiKey, Change, Door, Organization, Scope

pytestmark = pytest.mark.usefixtures("db")


def cause() -> Cause:
    return Cause(Door.COMMAND, timezone.now())


def issue(org: Organization | None = None, **options: Any) -> api_keys.Issued:
    return api_keys.issue(**{"org": org, "name": "CRM", "scopes": [Scope.READ], "cause": cause()} | options)


class TestAKey:
    def test_is_recognised_by_its_secret_which_is_kept_nowhere(self, org: Organization) -> None:  # E5
        issued = issue(org)
        found = api_keys.recognise(issued.secret)
        assert found
        assert (found.id, found.org) == (issued.key.id, org)
        with connection.cursor() as cursor:
            cursor.execute("SELECT k::text FROM orgs_apikey k")
            assert issued.secret not in cursor.fetchone()[0]
        assert issued.key.hint == f"muster_api_…{issued.secret[-4:]}"

    @pytest.mark.parametrize("other", ["", "muster_api_", "muster_api_x", "muster_scim_x", "\0"])
    def test_is_no_other_text(self, other: str) -> None:
        issue()
        assert api_keys.recognise(other) is None

    def test_of_the_operator_has_no_org(self) -> None:
        found = api_keys.recognise(issue().secret)
        assert found
        assert found.org is None

    def test_is_valid_until_it_expires_or_is_revoked(self, org: Organization) -> None:
        now = timezone.now()
        for_a_day, for_ever = issue(org, lifetime=timedelta(days=1)).key, issue(org).key
        assert [key.is_valid(now) for key in (for_a_day, for_ever)] == [True, True]
        assert [key.is_valid(now + timedelta(days=2)) for key in (for_a_day, for_ever)] == [False, True]
        assert set(ApiKey.objects.valid(now + timedelta(days=2))) == {for_ever}
        assert not api_keys.revoke(key_id=for_ever.id, cause=cause()).is_valid(now)
        assert set(ApiKey.objects.valid(now)) == {for_a_day}

    def test_ends_with_its_org(self, org: Organization) -> None:
        secret = issue(org).secret
        Organization.objects.update(closed_at=timezone.now())
        assert api_keys.recognise(secret) is None

    def test_is_in_the_history_of_its_org(self, org: Organization) -> None:
        key = issue(org, scopes=[Scope.HISTORY, Scope.READ]).key
        for _ in range(2):
            api_keys.revoke(key_id=key.id, cause=cause())
        assert [history.read(change) for change in Change.objects.for_org(org).order_by("id")] == [
            KeyIssued(key=str(key.id), name="CRM", scopes=["read", "history"]),
            KeyRevoked(key=str(key.id), name="CRM"),
        ]

    def test_is_one_of_so_many(self, org: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api_keys, "MOST", 1)
        for whose in (org, None):
            key = issue(whose).key
            with pytest.raises(api_keys.TooManyKeys):
                issue(whose)
            api_keys.revoke(key_id=key.id, cause=cause())
            issue(whose)

    def test_that_stands_where_it_should_not_is_hidden(self) -> None:
        assert tokens.hidden(f"Bearer {issue().secret}, twice") == f"Bearer {tokens.HIDDEN}, twice"

    def test_is_looked_up_in_one_statement(self, org: Organization) -> None:
        secret = issue(org).secret
        api_keys.recognise(secret)
        with CaptureQueriesContext(connection) as asked:
            api_keys.recognise(secret)
        assert len(asked) == 1

    def test_use_is_noted_once_a_minute(self, org: Organization) -> None:
        key, now = issue(org).key, timezone.now()
        for seconds, address in ((0, "192.0.2.1"), (59, "192.0.2.2"), (61, "192.0.2.3")):
            api_keys.note_use(key, address=address, agent="curl\0", at=now + timedelta(seconds=seconds))
            key.refresh_from_db()
        assert (key.last_used_address, key.last_used_agent) == ("192.0.2.3", "curl\N{REPLACEMENT CHARACTER}")
        assert key.last_used_at == now + timedelta(seconds=61)


class TestTheCommands:
    def run(self, *words: str) -> str:
        out = StringIO()
        call_command(*words, stdout=out)
        return out.getvalue()

    def test_print_the_key_alone(self, org: Organization) -> None:  # E5
        secret = self.run("issue_api_key", org.slug, "--name", "CRM", "--scopes", "read,history").strip()
        key = api_keys.recognise(secret)
        assert key
        assert (key.org, key.name, key.scopes, key.expires_at) == (org, "CRM", ["read", "history"], None)

    def test_issue_one_for_all_orgs(self) -> None:
        secret = self.run("issue_api_key", "--name", "Product", "--scopes", "read", "--expires", "9").strip()
        key = api_keys.recognise(secret)
        assert key
        assert key.org is None
        assert key.expires_at
        assert timedelta(days=8) < key.expires_at - timezone.now() < timedelta(days=9)

    @pytest.mark.parametrize("by", ["secret", "id"])
    def test_revoke_it(self, org: Organization, by: str) -> None:
        issued = issue(org)
        assert issued.key.hint in self.run("revoke_api_key")
        self.run("revoke_api_key", issued.secret if by == "secret" else str(issued.key.id))
        assert self.run("revoke_api_key") == ""
        found = api_keys.recognise(issued.secret)
        assert found
        assert not found.is_valid(timezone.now())

    @pytest.mark.parametrize(
        ("words", "why"),
        [
            (["issue_api_key", "nowhere", "--name", "CRM", "--scopes", "read"], "no organization nowhere"),
            (["issue_api_key", "--name", " ", "--scopes", "read"], "1 to 100"),
            (["issue_api_key", "--name", "CRM", "--scopes", "write"], "write"),
            (["issue_api_key", "--name", "CRM", "--scopes", "read", "--expires", "0"], "from 1"),
            (["revoke_api_key", str(uuid7())], "no such key"),
            (["revoke_api_key", "what"], "no such key"),
        ],
    )
    def test_say_what_is_wrong(self, words: list[str], why: str) -> None:
        with pytest.raises(CommandError, match=why):
            self.run(*words)
