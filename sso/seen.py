"""What counts once: tokens, assertions and journeys. The only module that writes `SeenToken`."""

import hashlib
from datetime import datetime
from enum import StrEnum, auto

from sso.models import Connection, SeenToken


class Kind(StrEnum):
    JOURNEY = auto()
    LOGOUT = auto()
    REVOCATION = auto()
    ASSERTION = auto()


def is_first(connection: Connection, kind: Kind, token_id: str, *, until: datetime) -> bool:
    """Whether this has not come before; from now on it has. until: when it is too old to come again."""
    key = hashlib.sha256(f"{connection.pk} {kind} {token_id}".encode()).hexdigest()
    _, made = SeenToken.objects.get_or_create(key=key, defaults={"until": until})
    return made


def forget(*, at: datetime) -> None:
    """Delete what is too old to come again."""
    SeenToken.objects.filter(until__lt=at).delete()
