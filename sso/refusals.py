"""Why a sign-in, or an identity provider's description of itself, is refused."""

from enum import StrEnum, auto


class Reason(StrEnum):
    """What is wrong. `sso.refusal_words` says it to an org's admin; whoever signs in is not told."""

    # What an identity provider publishes cannot be fetched.
    BAD_ADDRESS = auto()
    NOT_HTTPS = auto()
    NO_PUBLIC_ADDRESS = auto()
    TLS = auto()
    UNREACHABLE = auto()
    TOO_SLOW = auto()
    TOO_LONG = auto()


class Refused(Exception):
    """reason: what is wrong. detail: what exactly, in the identity provider's words or as names; empty if nothing."""

    def __init__(self, reason: Reason, detail: object = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = str(detail)[:300]
