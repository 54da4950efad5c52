"""The second factor of an account (SPEC L6): authenticator apps, passkeys and recovery codes.

The only module that writes `SecondFactor` and `RecoveryCode`. A code is accepted once: the statement
that accepts it is the one that makes it useless. What can be guessed, a code of an app, is counted before it is looked
at, and waits after failures; what cannot be, a passkey or a recovery code, is never kept waiting by somebody's guesses.
"""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from orgs import history, outbox, passkeys, people, sign_in_failures, time_zones, totp
from orgs.change_details import (
    Detail,
    UserFactorAdded,
    UserFactorRemoved,
    UserFactorsReset,
    UserRecoveryCodesMade,
)
from orgs.db.keys import uuid7
from orgs.db.sealed import Unreadable, hashed, seal, unseal
from orgs.db.transactions import command, violated
from orgs.history import Cause
from orgs.models import FactorKind, MailKind, RecoveryCode, SecondFactor, User
from orgs.outbox import Letter
from orgs.passkeys import NotAccepted, Passkey
from orgs.sign_in import TooManyAttempts
from orgs.sign_in_failures import Patience

RECOVERY_CODES = 10
MOST = 20
"""Factors that an account may have."""

# Codes of an account, over all clients: whoever gets this far knows its password.
OF_CODES = Patience(5, timedelta(minutes=1), timedelta(minutes=15), timedelta(days=1))

log = structlog.get_logger(__name__)


class _News(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    RESET = "reset"  # all of them, by the operator
    CODES_MADE = "codes_made"
    CODE_USED = "code_used"


class WrongCode(Exception):
    """The code is not what the app shows now."""


class KnownPasskey(Exception):
    """The passkey belongs to an account already."""


class TooManyFactors(Exception):
    """The account has MOST factors."""


class UnknownFactor(Exception):
    """The account has no such factor, or no longer has it."""


class LastFactor(Exception):
    """Support staff cannot be without a second factor."""


class NoFactors(Exception):
    """The account has no second factor."""


class SessionEnded(Exception):
    """The account's sessions ended while this one was at work: whoever has only a password must not win that race."""


def is_compulsory(user: User) -> bool:
    """Whether the account cannot be used without a second factor."""
    return user.is_staff


def is_advised(user: User) -> bool:
    """Whether the account should have a second factor, and has none."""
    return user.is_owner and not has_one(user)


def has_one(user: User) -> bool:
    """Whether whoever signs in to the account is asked for a second factor."""
    return SecondFactor.objects.filter(user=user).exists()


def factors_of(user: User) -> list[SecondFactor]:
    """The factors of an account, the oldest first. Each has `is_readable`."""
    found = list(SecondFactor.objects.filter(user=user))
    for factor in found:
        factor.is_readable = factor.kind != FactorKind.TOTP or _key(factor) is not None  # type: ignore[attr-defined]
    return found


def recovery_codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(user=user).count()


def passkey_ids(user: User) -> list[bytes]:
    """The ids of the account's passkeys."""
    return [bytes(each.credential_id) for each in SecondFactor.objects.filter(user=user) if each.credential_id]


def _key(factor: SecondFactor) -> str | None:
    """The key of an authenticator app; None if it cannot be opened, which is a state of the factor (SPEC L9)."""
    try:
        return unseal(factor.key, owner=factor.id)
    except Unreadable:
        log.warning("second_factor.unreadable", account=str(factor.user_id))
        return None


# --- Adding and removing ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewApp:
    """An authenticator app that is being set up. id: of the row that it will be."""

    id: UUID
    key: str

    @classmethod
    def make(cls) -> "NewApp":
        return cls(uuid7(), totp.new_key())

    @classmethod
    def opened(cls, id_: UUID, sealed: str) -> "NewApp":
        """One that was put aside as `sealed`. Raises Unreadable."""
        return cls(id_, unseal(sealed, owner=id_))

    @property
    def sealed(self) -> str:
        return seal(self.key, owner=self.id)


@command
def add_app(*, user: User, app: NewApp, code: str, name: str, cause: Cause) -> list[str]:
    """Add an authenticator app that shows this code now, which then cannot be used to sign in.

    Returns recovery codes, to be shown once, if it is the account's first factor; every other session of the account
    has then ended. Raises WrongCode, TooManyFactors, SessionEnded.
    """
    step = totp.step_of(_typed(code), app.key, at=cause.at)
    if step is None:
        raise WrongCode
    factor = SecondFactor(id=app.id, kind=FactorKind.TOTP, name=name, key=app.sealed, last_step=step)
    return _add(user, factor, cause)


@command
def add_passkey(*, user: User, passkey: Passkey, name: str, cause: Cause) -> list[str]:
    """Add a passkey that a browser has just made. As `add_app`.

    Raises KnownPasskey, TooManyFactors, SessionEnded.
    """
    factor = SecondFactor(
        kind=FactorKind.PASSKEY,
        name=name,
        credential_id=passkey.credential_id,
        public_key=passkey.public_key,
        sign_count=passkey.sign_count,
    )
    try:
        with transaction.atomic():
            return _add(user, factor, cause)
    except IntegrityError as error:
        if violated(error).startswith("orgs_secondfactor_credential_id"):
            raise KnownPasskey from error
        raise


def _add(user: User, factor: SecondFactor, cause: Cause) -> list[str]:
    _lock(user)
    count = SecondFactor.objects.filter(user=user).count()
    if count >= MOST:
        raise TooManyFactors
    factor.org_id, factor.user, factor.made_at = user.org_id, user, cause.at
    factor.save(force_insert=True)
    _tell(user, _News.ADDED, cause, UserFactorAdded(user=str(user.pk), kind=factor.kind), factor.kind)
    if count:
        return []
    people.end_sessions_of(user)  # they began without it
    return _make_recovery_codes(user)


@command
def remove(*, user: User, factor_id: UUID, cause: Cause) -> SecondFactor:
    """Remove a factor, and with the last one the recovery codes. Raises UnknownFactor, LastFactor, SessionEnded."""
    _lock(user)
    factor = SecondFactor.objects.filter(user=user, id=factor_id).first()
    if factor is None:
        raise UnknownFactor(factor_id)
    is_last = SecondFactor.objects.filter(user=user).count() == 1
    if is_last and is_compulsory(user):
        raise LastFactor
    SecondFactor.objects.filter(pk=factor.pk).delete()
    if is_last:
        RecoveryCode.objects.filter(user=user).delete()
    _tell(user, _News.REMOVED, cause, UserFactorRemoved(user=str(user.pk), kind=factor.kind), factor.kind)
    return factor


@command
def reset(*, user: User, cause: Cause) -> int:
    """Remove every factor of an account whose holder has none at hand, and end its sessions. Returns how many.

    Raises NoFactors.
    """
    _lock(user)
    count, _by_table = SecondFactor.objects.filter(user=user).delete()
    if not count:
        raise NoFactors
    RecoveryCode.objects.filter(user=user).delete()
    people.end_sessions_of(user)
    sign_in_failures.forget(_subject(user))
    _tell(user, _News.RESET, cause, UserFactorsReset(user=str(user.pk)))
    return count


@command
def new_recovery_codes(*, user: User, cause: Cause) -> list[str]:
    """Replace the recovery codes. They are to be shown once. Raises NoFactors, SessionEnded."""
    _lock(user)
    if not has_one(user):
        raise NoFactors
    _tell(user, _News.CODES_MADE, cause, UserRecoveryCodesMade(user=str(user.pk)))
    return _make_recovery_codes(user)


def forget_person(user_id: UUID) -> int:
    """Delete everything here about somebody who is erased. Returns how many factors (SPEC U5)."""
    RecoveryCode.objects.filter(user=user_id).delete()
    return SecondFactor.objects.filter(user=user_id).delete()[0]


def _lock(user: User) -> None:
    """Lock the account. Raises SessionEnded."""
    if User.objects.select_for_update(no_key=True).get(pk=user.pk).session_epoch != user.session_epoch:
        raise SessionEnded


def _tell(user: User, news: _News, cause: Cause, detail: Detail, kind: str = "") -> None:
    """Have the account's holder told by mail, and history; staff have no history, so the log."""
    _mail(user, news, cause.at, kind)
    if user.org is not None:
        history.record(user.org, cause, detail)
    else:
        log.warning("second_factor.changed", account=str(user.pk), news=str(news), kind=kind, door=str(cause.door))


# --- Recovery codes ---------------------------------------------------------------------------------------------------

_LENGTH = 16  # characters of Base32: 80 bits, which nobody can search through even with the hash


def _make_recovery_codes(user: User) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    made = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(org_id=user.org_id, user=user, digest=hashed(each)) for each in made)
    return ["-".join(each[place : place + 4] for place in range(0, _LENGTH, 4)) for each in made]


@command
def _use_recovery_code(user: User, code: str, at: datetime) -> bool:
    gone, _by_table = RecoveryCode.objects.filter(user=user, digest=hashed(code)).delete()
    if gone:
        _mail(user, _News.CODE_USED, at)
        log.warning("second_factor.recovery_code_used", account=str(user.pk))
    return bool(gone)


# --- Signing in -------------------------------------------------------------------------------------------------------


def accepts_code(user: User, typed: str, *, at: datetime) -> bool:
    """Whether this is what one of the account's apps shows now, or one of its recovery codes; it is then used up.

    Raises TooManyAttempts.
    """
    code = _typed(typed)
    if len(code) == _LENGTH:
        return _use_recovery_code(user, code, at)
    if not sign_in_failures.count([_subject(user)], OF_CODES, at=at):
        log.warning("second_factor.waits", account=str(user.pk))
        raise TooManyAttempts(sign_in_failures.waits_until(_subject(user), ""), False)
    for app in SecondFactor.objects.filter(user=user, kind=FactorKind.TOTP):
        key = _key(app)
        step = None if key is None else totp.step_of(code, key, at=at)
        if step is not None and _first_use(app, step, at):
            sign_in_failures.forget(_subject(user))
            return True
    log.info("second_factor.failed", account=str(user.pk))
    return False


def accepts_passkey(user: User, answer: str, challenge: bytes, *, at: datetime) -> bool:
    """Whether a browser's answer proves one of the account's passkeys."""
    try:
        passkey = SecondFactor.objects.filter(user=user, credential_id=passkeys.id_in(answer)).first()
        if passkey is None:
            return False
        assert passkey.credential_id
        assert passkey.public_key
        known = Passkey(bytes(passkey.credential_id), bytes(passkey.public_key), passkey.sign_count)
        count = passkeys.sign_count_in(answer, challenge, known)
    except NotAccepted as error:
        log.warning("second_factor.not_accepted", account=str(user.pk), why=str(error.__cause__))
        return False
    unchanged = SecondFactor.objects.filter(pk=passkey.pk, sign_count=known.sign_count)
    return bool(unchanged.update(sign_count=count, used_at=at))


def _first_use(app: SecondFactor, step: int, at: datetime) -> bool:
    unused = SecondFactor.objects.filter(Q(last_step__lt=step), pk=app.pk)
    return bool(unused.update(last_step=step, used_at=at))


def _typed(code: str) -> str:
    """As people copy codes: with spaces and dashes between groups, in any letter case."""
    return "".join(each for each in code.lower() if each.isalnum())


def _subject(user: User) -> str:
    """What failed codes are counted under."""
    return f"{user.pk} code"


# --- Mails ------------------------------------------------------------------------------------------------------------


def _mail(user: User, news: _News, at: datetime, kind: str = "") -> None:
    """Mail the account's holder, once the caller's transaction is committed. kind: of the factor that it is about."""
    if not user.login_email:
        return
    words = {
        "news": news,
        "kind": kind,
        "at": at,
        "org": user.org,
        "portal": settings.MUSTER_URL,
        "support": settings.SUPPORT_EMAIL,
    }
    with timezone.override(time_zones.zone(user.time_zone)):
        text = render_to_string("second_factor/mail.txt", words)
    subject = _("Your second factor for Muster")
    letter = Letter(
        kind=MailKind.SECOND_FACTOR, to=user.user_name, subject=subject, text=text, org=user.org, person=user
    )
    outbox.put([letter], at=at)
