"""Time-based one-time codes of authenticator apps (RFC 6238): SHA-1, 30 seconds, six digits, which every app knows."""

import base64
import hmac
import secrets
import struct
from datetime import datetime
from urllib.parse import quote, urlencode

STEP = 30  # seconds
DIGITS = 6
APART = 1  # steps by which the app's clock may differ


def new_key() -> str:
    """160 random bits in Base32, as apps take it."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def step_at(at: datetime) -> int:
    """The number of the step that a moment is in."""
    return int(at.timestamp()) // STEP


def code(key: str, step: int) -> str:
    """What an app shows during a step (RFC 4226 §5.3)."""
    digest = hmac.digest(base64.b32decode(key), struct.pack(">Q", step), "sha1")
    start = digest[-1] & 15
    (number,) = struct.unpack(">I", digest[start : start + 4])
    return str((number & 0x7FFFFFFF) % 10**DIGITS).zfill(DIGITS)


def step_of(typed: str, key: str, *, at: datetime) -> int | None:
    """The step whose code was typed, of the present one and its neighbours; None if it is none of theirs."""
    now = step_at(at)
    for step in range(now - APART, now + APART + 1):
        if hmac.compare_digest(code(key, step).encode(), typed.encode("utf-8", "replace")):
            return step
    return None


def enrolment_uri(key: str, *, account: str, issuer: str) -> str:
    """What the QR code for an app says. A colon would end the issuer there."""
    account, issuer = account.replace(":", " "), issuer.replace(":", " ")
    return (
        f"otpauth://totp/{quote(f'{issuer}:{account}')}?{urlencode({'secret': key, 'issuer': issuer}, quote_via=quote)}"
    )
