"""Whose sessions a provider wants ended by global token revocation: the body of the request.

The standard is draft-parecki-oauth-global-token-revocation, Okta's name for it Universal Logout. Subjects are named as
RFC 9493 has it, in the two formats that Okta sends.
"""

from dataclasses import dataclass

from sso.oidc.documents import parsed_object
from sso.refusals import Reason, Refused

LONGEST = 8 * 1024
LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Revoked:
    """One of them: the subject of the issuer that asks, or an e-mail address, which is Okta's userName."""

    subject: str = ""
    email: str = ""


def read_revocation(body: bytes, *, issuer: str) -> Revoked:
    """Whom a request is about. issuer: that asks. Raises Refused: BAD_CLAIM, OTHER_SUBJECT where it is another's."""
    told = parsed_object(body) if len(body) <= LONGEST else None
    named = (told or {}).get("sub_id")
    if not isinstance(named, dict):
        raise Refused(Reason.BAD_CLAIM, "sub_id")
    if named.get("format") == "iss_sub":
        if named.get("iss") != issuer:
            raise Refused(Reason.OTHER_SUBJECT, "iss")
        return Revoked(subject=_text(named, "sub"))
    if named.get("format") == "email":
        return Revoked(email=_text(named, "email"))
    raise Refused(Reason.BAD_CLAIM, "format")


def _text(named: dict[str, object], name: str) -> str:
    value = named.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME or not value.isprintable():
        raise Refused(Reason.BAD_CLAIM, name)
    return value
