"""Why a sign-in, or an identity provider's description of itself, is refused."""

from enum import StrEnum, auto


class Reason(StrEnum):
    """What is wrong. `sso.refusal_words` says it to an org's admin; whoever signs in is not told."""

    # What an identity provider publishes cannot be fetched,
    BAD_ADDRESS = auto()
    NOT_HTTPS = auto()
    NO_PUBLIC_ADDRESS = auto()
    TLS = auto()
    UNREACHABLE = auto()
    TOO_SLOW = auto()
    TOO_LONG = auto()
    # or read,
    REDIRECTED = auto()
    BAD_STATUS = auto()
    NOT_JSON = auto()
    # or is not what sign-ins need.
    OTHER_ISSUER = auto()
    INCOMPLETE = auto()
    BAD_ENDPOINT = auto()
    NO_CODE_FLOW = auto()
    NO_CLIENT_SECRET = auto()
    NO_ALGORITHM = auto()
    NO_KEYS = auto()

    # The same of SAML: metadata,
    NOT_METADATA = auto()
    SEVERAL_PROVIDERS = auto()
    OTHER_ENTITY = auto()
    METADATA_EXPIRED = auto()
    NO_REDIRECT = auto()
    NO_CERTIFICATE = auto()
    TOO_MANY_CERTIFICATES = auto()
    OTHER_SSO_URL = auto()
    # and certificates.
    NOT_A_CERTIFICATE = auto()
    PRIVATE_KEY = auto()
    UNSUITABLE_KEY = auto()
    # A certificate is to be renewed that
    KNOWN_CERTIFICATE = auto()
    ENDED_CERTIFICATE = auto()
    OTHER_CONFIGURATION = auto()

    # What the browser brings back does not belong to the sign-in that began in it,
    STATE = auto()
    MIXED_UP = auto()
    BAD_PARAMETERS = auto()
    # or says that there is none.
    CANCELLED = auto()
    PROVIDER_ERROR = auto()

    # The code is not taken.
    SECRET_REFUSED = auto()
    CODE_REFUSED = auto()
    TOKEN_REFUSED = auto()
    PROVIDER_FAILED = auto()
    NO_ID_TOKEN = auto()

    # The token cannot be trusted,
    MALFORMED = auto()
    ALGORITHM = auto()
    NO_KEY_ID = auto()
    UNKNOWN_KEY = auto()
    SIGNATURE = auto()
    # or is for another purpose, party or time.
    TOKEN_TYPE = auto()
    ISSUER = auto()
    AUDIENCE = auto()
    EXPIRED = auto()
    NOT_YET_VALID = auto()
    TOO_OLD = auto()
    BAD_CLAIM = auto()
    NONCE = auto()
    OTHER_SUBJECT = auto()
    NOT_A_LOGOUT = auto()

    # The SAML response cannot be read,
    UNAVAILABLE = auto()
    NOT_A_RESPONSE = auto()
    # or decrypted,
    ENCRYPTED = auto()
    ENCRYPTED_WEAKLY = auto()
    NOT_DECRYPTED = auto()
    # or trusted,
    UNSIGNED = auto()
    SIGNED_WEAKLY = auto()
    NO_CERTIFICATE_FITS = auto()
    BAD_RESPONSE = auto()
    # or is for another request or party,
    UNSOLICITED = auto()
    OTHER_REQUEST = auto()
    OTHER_RECIPIENT = auto()
    OTHER_AUDIENCE = auto()
    USED_BEFORE = auto()
    # or names nobody.
    NO_NAME_ID = auto()
    TRANSIENT_NAME_ID = auto()

    # The connection lacks what it needs,
    SECRET_MISSING = auto()
    SECRET_UNREADABLE = auto()
    KEY_UNREADABLE = auto()
    # or whoever comes is nobody who may sign in.
    NO_NAME = auto()
    EMAIL_NOT_VERIFIED = auto()
    NOBODY = auto()
    SEVERAL_PEOPLE = auto()
    OTHER_EXTERNAL_ID = auto()
    LINKED_TO_ANOTHER = auto()
    DEACTIVATED = auto()
    DELETED = auto()
    NO_ACCOUNT = auto()


def quoted(value: object) -> str:
    """What came from outside, for the detail of a refusal: a text or a number, otherwise its kind."""
    return str(value) if isinstance(value, str | int | float) else "null" if value is None else type(value).__name__


class Refused(Exception):
    """reason: what is wrong. detail: what exactly, in the identity provider's words or as names; empty if nothing.

    detail never holds a secret, a code or a token.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.reason = reason
        # Kept in the database and shown on a page, neither of which takes every character.
        self.detail = "".join(each if each.isprintable() else " " for each in detail[:300])
        super().__init__(reason, self.detail)
