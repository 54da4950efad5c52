"""Sessions in the database, which say whose they are and where they are used (SPEC L7): Django's SESSION_ENGINE."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from orgs.models import Session
from orgs.models.sign_in import AGENT, PROVIDER_SESSION
from orgs.web.access import SIGNED_IN_AT
from orgs.web.limits import client_address

SEEN = timedelta(minutes=5)
"""How old `seen_at` may be: a request writes it anew only where it is older."""
SSO_CONNECTION, SSO_SESSION = "sso_connection", "sso_session"
"""The keys in a session of the connection that somebody signed in with, and of the IdP's name of its own session."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a session is used: the client's address, and what the browser calls itself."""

    address: str | None = None
    agent: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> "Place":
        try:
            address = str(ip_address(client_address(request).partition("%")[0]))
        except ValueError:  # a proxy that says none
            address = None
        return cls(address, request.headers.get("User-Agent", "").replace("\0", "")[:AGENT])


class SessionStore(db.SessionStore):
    """Django's, with our rows. The database has a hash of the key alone.

    Only the synchronous methods: nothing here is asynchronous.
    """

    place = Place()
    row: Session | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    @property
    def row_key(self) -> str:
        """The key of this session's row; empty where it has none."""
        return hashed(self.session_key) if self.session_key else ""

    def exists(self, session_key: str) -> bool:
        return super().exists(hashed(session_key))

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            Session.objects.filter(pk=hashed(key)).delete()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row, began = cast(Session, super().create_model_instance(data)), data.get(SIGNED_IN_AT)
        row.session_key = hashed(row.session_key)
        row.user_id = data.get(SESSION_KEY)
        row.seen_at = timezone.now()
        row.began_at = datetime.fromtimestamp(began, UTC) if began else row.seen_at
        row.address, row.agent = self.place.address, self.place.agent
        row.connection = data.get(SSO_CONNECTION)
        row.provider_session = data.get(SSO_SESSION, "")[:PROVIDER_SESSION]
        return row

    def note_seen(self) -> None:
        """Keep in mind that the session was used just now, unless that was noted minutes ago."""
        now = timezone.now()
        if self.row is not None and self.row.user_id and self.row.seen_at < now - SEEN:
            due = Session.objects.filter(pk=self.row.pk, seen_at=self.row.seen_at)
            due.update(seen_at=now, address=self.place.address, agent=self.place.agent)

    def _get_session_from_db(self) -> Session | None:
        # Django's hook, which `load` calls. A session that is not there is a stranger's.
        assert self.session_key
        self.row = Session.objects.filter(pk=hashed(self.session_key), expire_date__gt=timezone.now()).first()
        if self.row is None:
            self._session_key = None
        return self.row


def hashed(key: str) -> str:
    """What the database has of a session's key. The key is random, so that no salt and no slow hash is needed."""
    return sha256(key.encode()).hexdigest()


class Sessions(SessionMiddleware):
    """Django's, which also tells a session where it is used."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        cast(SessionStore, request.session).place = Place.of(request)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        answer = super().process_response(request, response)
        if response.status_code < 500:  # as Django does not save it then either
            cast(SessionStore, request.session).note_seen()
        return answer
