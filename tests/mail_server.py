"""A mail server on a socket of this machine: it speaks SMTP (RFC 5321), and answers as a test has it answer."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from django.conf import settings


@dataclass
class MailServer:
    """answer: what it says instead of yes, given a command (`RCPT`, `DATA`, `TEXT` for the mail itself) and what the
    command is about; empty to end the connection without a word. accepted: mails that were taken, as they came.
    """

    port: int
    answer: Callable[[str, str], str | None] = lambda command, about: None
    accepted: list[tuple[str, EmailMessage]] = field(default_factory=list)
    connections: int = 0

    @property
    def recipients(self) -> list[str]:
        return [to for to, _message in self.accepted]

    @property
    def ids(self) -> list[str]:
        return [str(message["Message-ID"]) for _to, message in self.accepted]


class _Gone(Exception):
    """The server ends the connection."""


class _Session(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: Any

    def handle(self) -> None:
        try:
            self._talk(self.server.mails)
        except (_Gone, ConnectionError):
            return

    def _talk(self, mails: MailServer) -> None:
        mails.connections += 1
        self._say("220 test")
        to: list[str] = []
        while line := self.rfile.readline().decode().strip():
            command = line[:4].upper()
            if command in ("EHLO", "HELO", "NOOP"):
                self._say("250 test")
            elif command == "RSET":
                to = []
                self._say("250 forgotten")
            elif command == "QUIT":
                return self._say("221 bye")
            elif command == "MAIL":
                to = []
                self._answer(mails, command, line, "250 yes")
            elif command == "RCPT":
                address = line.partition("<")[2].partition(">")[0]
                if self._answer(mails, command, address, "250 yes"):
                    to.append(address)
            elif self._answer(mails, command, ",".join(to), "354 go on"):
                text = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    text += part.removeprefix(b".") if part.startswith(b"..") else part
                message = message_from_bytes(text, policy=policy.default)
                assert isinstance(message, EmailMessage)
                taken = [(each, message) for each in to]
                if said := mails.answer("TEXT", ",".join(to)):
                    self._say(said)
                    continue
                mails.accepted += taken
                if said == "":
                    raise _Gone
                self._say("250 taken")
        return None

    def _answer(self, mails: MailServer, command: str, about: str, usual: str) -> bool:
        """Returns whether the answer is the usual one."""
        said = mails.answer(command, about)
        if said == "":
            raise _Gone
        self._say(usual if said is None else said)
        return said is None

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    block_on_close = False


@contextmanager
def running(port: int = 0, address: str = "127.0.0.1") -> Iterator[MailServer]:
    with _Server((address, port), _Session) as server:
        mails = MailServer(server.server_address[1])
        server.mails = mails  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield mails
        finally:
            server.shutdown()
            thread.join()


def used_by_the_portal(mails: MailServer, monkeypatch: pytest.MonkeyPatch, *, timeout: float = 5) -> None:
    monkeypatch.setattr(settings, "EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend")
    for name, value in (("HOST", "127.0.0.1"), ("PORT", mails.port), ("TIMEOUT", timeout)):
        monkeypatch.setattr(settings, f"EMAIL_{name}", value, raising=False)
