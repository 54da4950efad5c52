"""The outbox: what is written in a transaction is mailed once, whatever the mail server does (SPEC N3)."""

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from orgs import mail_sending, outbox
from orgs.models import Mail, MailKind, MailState, Organization
from orgs.outbox import Letter
from tests import mail_server
from tests.factories import OwnerFactory
from tests.mail_server import MailServer

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    with mail_server.running() as mails:
        mail_server.used_by_the_portal(mails, monkeypatch)
        yield mails


def put(*addresses: str, at: datetime = NOON, text: str = "Set a password here:\nhttps://muster.example.org/x") -> None:
    letters = [Letter(kind=MailKind.OWNER, to=each, subject="You own Öst", text=text) for each in addresses]
    outbox.put(letters, at=at)


def send(at: datetime = NOON) -> int:
    return mail_sending.send(at=at, seconds=20)


def states() -> dict[str, str]:
    return dict(Mail.objects.values_list("address", "state"))


class TestAMail:
    def test_says_the_same_in_text_and_html_and_has_its_rows_id(self, server: MailServer) -> None:
        put("ada@corp.example")
        row = Mail.objects.get()
        assert send() == 1
        ((to, message),) = server.accepted
        assert to == message["To"] == "ada@corp.example"
        assert message["Subject"] == "You own Öst"
        assert message["Message-ID"] == f"<{row.pk}@localhost>"
        assert message["Date"].datetime == NOON
        assert message["Auto-Submitted"] == "auto-generated"
        assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
        for kind in ("plain", "html"):
            body = message.get_body((kind,))
            assert body
            assert "https://muster.example.org/x" in body.get_content()

    def test_lies_sealed_while_it_waits_and_is_gone_once_it_is_sent(self, server: MailServer) -> None:
        put("ada@corp.example")
        assert "muster" not in Mail.objects.get().content
        send()
        row = Mail.objects.get()
        assert (row.state, row.content, row.settled_at, row.tries, row.error) == (MailState.SENT, "", NOON, 1, "")

    def test_that_is_rolled_back_is_none(self, server: MailServer) -> None:
        try:
            with transaction.atomic():
                put("ada@corp.example")
                raise KeyError
        except KeyError:
            pass
        assert send() == 0
        assert server.connections == 0

    def test_goes_to_nobody_whose_account_or_org_was_closed_since(self, server: MailServer, org: Organization) -> None:
        owner = OwnerFactory.create(org=org)
        for to in ("ada@corp.example", "bo@corp.example"):
            outbox.put([Letter(kind=MailKind.OWNER, to=to, subject="-", text="-", org=org, person=owner)], at=NOON)
            Organization.objects.filter(pk=org.pk).update(closed_at=None if to.startswith("bo") else NOON)
            if to.startswith("bo"):
                type(owner).objects.filter(pk=owner.pk).update(active=False)
            assert send() == 0
            assert not Mail.objects.exists()

    def test_that_was_taken_back_is_not_sent(self, server: MailServer, org: Organization) -> None:
        outbox.put([Letter(kind=MailKind.OWNER, to="a@b.example", subject="-", text="-", about=org.pk)], at=NOON)
        put("ada@corp.example")
        outbox.take_back(about=org.pk)
        send()
        assert server.recipients == ["ada@corp.example"]

    def test_is_kept_for_a_month(self, server: MailServer) -> None:
        put("ada@corp.example")
        kept = Mail.objects.get().pk
        assert outbox.forget(at=datetime.now(UTC) + timedelta(days=29)) == 0
        assert outbox.forget(at=datetime.now(UTC) + timedelta(days=31)) == 1
        assert not Mail.objects.filter(pk=kept).exists()


class TestAMailServerThatIsDown:
    def test_loses_nothing_and_gets_each_mail_once_it_is_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with mail_server.running() as mails:
            port = mails.port
        mail_server.used_by_the_portal(mails, monkeypatch)
        put("ada@corp.example", "bo@corp.example")
        assert send() == 0
        assert {(row.state, row.tries, row.due_at) for row in Mail.objects.all()} == {
            (MailState.WAITING, 0, NOON + MINUTE)
        }
        assert all("refused" in row.error for row in Mail.objects.all())
        with mail_server.running(port) as mails:
            assert send(NOON) == 0  # it is given a minute
            assert send(NOON + MINUTE) == 2
            assert send(NOON + 2 * MINUTE) == 0
        assert sorted(mails.recipients) == ["ada@corp.example", "bo@corp.example"]
        assert {row.error for row in Mail.objects.all()} == {""}

    @pytest.mark.parametrize("at", ["MAIL", "RCPT", "DATA"])
    def test_in_the_middle_of_one_mail_puts_that_one_behind_the_others(self, server: MailServer, at: str) -> None:
        put("ada@corp.example")
        put("bo@corp.example", at=NOON + timedelta(seconds=1))
        asked: list[str] = []

        def answer(command: str, about: str) -> str | None:
            asked.append(command)
            return "" if command == at and asked.count(at) == 1 else None

        server.answer = answer
        later = NOON + MINUTE
        assert send(later) == 0
        assert send(later + MINUTE) == 2
        assert sorted(server.recipients) == ["ada@corp.example", "bo@corp.example"]

    def test_after_some_mails_of_a_connection_gets_the_rest_by_another(self, server: MailServer) -> None:
        """Some take twenty mails of a connection, and then no more."""
        put(*(f"person{number}@corp.example" for number in range(5)))
        begun: list[int] = []

        def answer(command: str, about: str) -> str | None:
            if command == "MAIL":
                begun.append(server.connections)
            return "421 enough" if command == "MAIL" and begun.count(server.connections) > 2 else None

        server.answer = answer
        assert send() + send(NOON + MINUTE) == 5
        assert server.connections == 3
        assert len(set(server.ids)) == len(server.ids) == 5


class TestAMailServerThatIsSlow:
    def test_is_not_waited_for_and_may_get_a_mail_again_under_the_same_id(
        self, server: MailServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It has the mail, and its answer comes too late: nobody can know, so whoever reads it has to."""
        mail_server.used_by_the_portal(server, monkeypatch, timeout=0.05)
        put("ada@corp.example")
        release, answered_in_time = threading.Event(), list[bool]()
        slow = [True]

        def answer(command: str, about: str) -> str | None:
            if command == "TEXT" and slow.pop():
                slow.append(False)
                answered_in_time.append(release.wait(60))
            elif command == "TEXT":
                slow.append(False)
            return None

        server.answer = answer
        assert send() == 0
        assert not answered_in_time
        release.set()
        mail_server.used_by_the_portal(server, monkeypatch)
        assert send(NOON + MINUTE) == 1
        assert len(set(server.ids)) == 1


class TestAMailServerThatRefuses:
    @pytest.mark.parametrize("at", ["RCPT", "DATA", "TEXT"])
    def test_an_address_for_good_keeps_back_no_other(self, server: MailServer, at: str) -> None:
        put("ada@corp.example", "bo@corp.example", "cy@corp.example")
        server.answer = lambda command, about: "550 5.1.1 No such user" if command == at and "bo@" in about else None
        assert send() == 2
        assert states() == {
            "ada@corp.example": MailState.SENT,
            "bo@corp.example": MailState.REFUSED,
            "cy@corp.example": MailState.SENT,
        }
        row = Mail.objects.get(state=MailState.REFUSED)
        assert (row.error, row.content) == ("550 5.1.1 No such user", "")
        assert send(NOON + timedelta(days=1)) == 0

    @pytest.mark.parametrize("at", ["RCPT", "DATA", "TEXT"])
    def test_for_now_is_asked_again_later(self, server: MailServer, at: str) -> None:
        put("ada@corp.example", "bo@corp.example")
        server.answer = lambda command, about: "450 4.2.1 Later" if command == at and "bo@" in about else None
        assert send() == 1
        assert send(NOON + MINUTE - timedelta(seconds=1)) == 0
        server.answer = lambda command, about: None
        assert send(NOON + MINUTE) == 1
        assert sorted(server.recipients) == ["ada@corp.example", "bo@corp.example"]

    def test_for_now_is_asked_after_longer_and_longer_pauses_and_then_given_up(self, server: MailServer) -> None:
        put("bo@corp.example")
        server.answer = lambda command, about: "450 4.2.1 Later" if command == "RCPT" else None
        now, pauses = NOON, []
        for _ in range(8):
            send(now)
            row = Mail.objects.get()
            pauses.append(row.due_at - now)
            now = row.due_at
        assert pauses == [MINUTE * minutes for minutes in (1, 2, 4, 8, 16, 32, 60, 60)]
        assert now - NOON + (outbox.TRIES - 9) * pauses[-1] < timedelta(days=3)
        assert now - NOON + (outbox.TRIES - 8) * pauses[-1] > timedelta(days=2, hours=20)
        Mail.objects.update(tries=outbox.TRIES - 1)
        send(now)
        row = Mail.objects.get()
        assert (row.state, row.error, row.content) == (MailState.REFUSED, "450 4.2.1 Later", "")

    def test_our_own_address_loses_nothing(self, server: MailServer) -> None:
        put("ada@corp.example", "bo@corp.example")
        server.answer = lambda command, about: "550 who are you" if command == "MAIL" else None
        assert send() == 0
        assert set(states().values()) == {MailState.WAITING}
        server.answer = lambda command, about: None
        assert send(NOON + MINUTE) == 2

    def test_what_cannot_be_written_as_a_mail_is_not_tried(self, server: MailServer) -> None:
        letter = Letter(kind=MailKind.OWNER, to="ada@corp.example", subject="two\nlines", text="-")
        outbox.put([letter], at=NOON)
        put("bo@corp.example")
        assert send() == 1
        assert states() == {"ada@corp.example": MailState.REFUSED, "bo@corp.example": MailState.SENT}

    def test_a_secret_key_that_is_not_known_waits_for_it(
        self, server: MailServer, settings: pytest.FixtureRequest
    ) -> None:
        put("ada@corp.example")
        key, settings.SECRET_KEY = settings.SECRET_KEY, "another, as long as the first one was"  # type: ignore[attr-defined]
        assert send() == 0
        settings.SECRET_KEY = key  # type: ignore[attr-defined]
        assert send(NOON + MINUTE) == 1


class TestAWorkerThatIsKilled:
    def test_between_the_mail_servers_yes_and_our_note_repeats_that_mail_alone_under_the_same_id(
        self, server: MailServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put("ada@corp.example", "bo@corp.example", "cy@corp.example")
        noted = []

        def killed(mail: Mail, *, at: datetime) -> bool:
            if noted:
                raise KeyboardInterrupt
            noted.append(mail)
            return sent(mail, at=at)

        sent = outbox.was_sent
        with monkeypatch.context() as patch:
            patch.setattr(outbox, "was_sent", killed)
            patch.setattr(outbox, "release", lambda *args, **kwargs: None)  # which it does not come to
            with pytest.raises(KeyboardInterrupt):
                send()
        assert len(server.accepted) == 2
        assert send(NOON + MINUTE) == 0  # somebody may still be at it
        assert send(NOON + outbox.LEASE) == 2
        assert len(server.accepted) == 4
        assert len(set(server.ids)) == 3
        (again,) = {id_ for id_ in server.ids if server.ids.count(id_) == 2}
        first, second = (message for _to, message in server.accepted if message["Message-ID"] == again)
        for kind in ("plain", "html"):
            bodies = [each.get_body((kind,)) for each in (first, second)]
            assert len({body.get_content() for body in bodies if body}) == 1

    def test_gives_back_what_it_had_not_begun_if_it_fails_otherwise(
        self, server: MailServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put("ada@corp.example", "bo@corp.example")
        with monkeypatch.context() as patch:
            patch.setattr(outbox, "content_of", lambda mail: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                send()
        assert send() == 2


class TestManyMails:
    def test_take_one_statement_each_and_a_few_together(self, server: MailServer) -> None:
        put(*(f"person{number}@corp.example" for number in range(50)))
        with CaptureQueriesContext(connection) as statements:
            assert send() == 50
        assert server.connections == 1
        assert len(statements) <= 50 + 2 * 5
        assert len(set(server.recipients)) == 50

    def test_a_thousand_that_wait_for_a_mail_server_take_a_few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with mail_server.running() as mails:
            mail_server.used_by_the_portal(mails, monkeypatch)
        put(*(f"person{number}@corp.example" for number in range(1000)))
        with CaptureQueriesContext(connection) as statements:
            assert send() == 0
        assert len(statements) <= 5

    def test_that_are_put_in_together_are_one_statement(self) -> None:
        with CaptureQueriesContext(connection) as statements:
            put(*(f"person{number}@corp.example" for number in range(100)))
        assert len(statements) == 1

    def test_are_looked_for_by_an_index(self) -> None:
        with CaptureQueriesContext(connection) as statements:
            assert outbox.claim(100, at=NOON) == []
        (select,) = (each["sql"] for each in statements if "FOR UPDATE" in each["sql"])
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {select}")
            assert "mail_waiting" in str(cursor.fetchall())


class TestTheLog:
    def test_names_the_request_that_a_mail_was_written_for(
        self, server: MailServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        with structlog.contextvars.bound_contextvars(request_id="of-a-request"):
            put("ada@corp.example")
        assert send() == 1
        (line,) = [record.msg for record in caplog.records if "mail.sent" in str(record.msg)]
        assert line["request_id"] == "of-a-request"
        assert "ada@corp.example" not in str(line)


class TestTheBacklog:
    def test_is_as_old_as_the_oldest_mail_that_was_never_tried(self, server: MailServer) -> None:
        assert outbox.oldest_untried(at=NOON) is None
        put("ada@corp.example", at=NOON - MINUTE)
        assert outbox.oldest_untried(at=NOON) == 60
        send()
        assert outbox.oldest_untried(at=NOON) is None
