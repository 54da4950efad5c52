"""Secrets that have to be read again, sealed at rest (SPEC L9), and the hash that is kept of those only compared.

The keys are made from SECRET_KEY, which seals, and SECRET_KEY_FALLBACKS, which open what was sealed before a change of
it; `manage.py reseal` makes the fallbacks needless.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import models

_PURPOSE = b"muster.sealed.v1"  # so that no other use of SECRET_KEY has the same key


class SealedField(models.TextField):
    """A column of what `seal` returns; empty or null where there is no secret. `reseal` finds it by this class."""


class Unreadable(Exception):
    """The secret was sealed with a SECRET_KEY that is not known here, for another row, or was changed since.

    A state of whatever needs the secret: it has to be entered again, or the SECRET_KEY given as a fallback.
    """


def hashed(secret: str) -> bytes:
    """What is kept of a secret that is recognised and never read again.

    It is random, of 80 bits or more, so that it needs neither a salt nor a slow hash: it cannot be guessed.
    """
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def seal(secret: str, *, owner: UUID) -> str:
    """What to keep of a secret in a row. owner: the id of the row; in another one it cannot be opened."""
    return _box().encrypt(owner.bytes + secret.encode()).decode()


def unseal(sealed: str, *, owner: UUID) -> str:
    """The secret. owner: the id of the row in which it was found. Raises Unreadable."""
    try:
        opened = _box().decrypt(sealed.encode())
    except InvalidToken:
        raise Unreadable from None
    if opened[:16] != owner.bytes:
        raise Unreadable
    return opened[16:].decode()


def reseal(tables: Iterable[type[models.Model]]) -> tuple[int, Counter[str]]:
    """Seal every secret in these tables with the present SECRET_KEY.

    Returns how many were, and how many cannot be opened, by column; those stay as they are. Secrets that change
    meanwhile are left alone: they are sealed with the present key already.
    """
    done, unreadable, box = 0, Counter[str](), _box()
    for table, column, key, sealed in _secrets(tables):
        try:
            fresh = box.rotate(sealed.encode()).decode()
        except InvalidToken:
            unreadable[f"{table._meta.db_table}.{column}"] += 1
        else:
            done += table._base_manager.filter(pk=key, **{column: sealed}).update(**{column: fresh})
    return done, unreadable


def unreadable(tables: Iterable[type[models.Model]]) -> Counter[str]:
    """How many secrets in these tables cannot be opened, by column."""
    found, box = Counter[str](), _box()
    for table, column, _, sealed in _secrets(tables):
        try:
            box.decrypt(sealed.encode())
        except InvalidToken:
            found[f"{table._meta.db_table}.{column}"] += 1
    return found


def _secrets(tables: Iterable[type[models.Model]]) -> Iterator[tuple[type[models.Model], str, Any, str]]:
    """Every secret in these tables: table, column, key of the row, what is kept."""
    for table in tables:
        for column in [field.name for field in table._meta.fields if isinstance(field, SealedField)]:
            rows = table._base_manager.exclude(**{column: ""}).exclude(**{column: None})
            for key, sealed in rows.values_list("pk", column):
                yield table, column, key, sealed


def _box() -> MultiFernet:
    return MultiFernet([Fernet(_key(each)) for each in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret_key: str) -> bytes:
    derived = HKDF(hashes.SHA256(), 32, salt=None, info=_PURPOSE).derive(secret_key.encode())
    return base64.urlsafe_b64encode(derived)
