"""Who it is that an identity provider names, within one org (SPEC L4)."""

from collections.abc import Mapping
from typing import Any

from orgs.db.keys import fold
from orgs.models import Organization, User
from sso.refusals import Reason, Refused

USUAL_CLAIM = "preferred_username"
LONGEST = 255


def user_name(org: Organization, claims: Mapping[str, Any], *, claim: str) -> str:
    """The userName in the claims of a token. claim: the one that holds it; empty for the usual one.

    An e-mail address counts only where the provider has verified it and it is in a verified domain of the org: it is
    otherwise what people enter about themselves. Raises Refused: NO_NAME, EMAIL_NOT_VERIFIED.
    """
    claim = claim or USUAL_CLAIM
    name = claims.get(claim)
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST or not name.isprintable():
        raise Refused(Reason.NO_NAME, claim)
    if claim == "email":
        domain = fold(name).rpartition("@")[2]
        if claims.get("email_verified") is not True or not org.verified_domains.filter(name=domain).exists():
            raise Refused(Reason.EMAIL_NOT_VERIFIED, name)
    return name


def person(org: Organization, name: str) -> User:
    """The person of this userName who may sign in. Never the owner. Raises Refused: NOBODY, DEACTIVATED."""
    found = User.objects.for_org(org).provisionable().filter(user_name_key=fold(name)).first()
    if found is None:
        raise Refused(Reason.NOBODY, name)
    if not found.is_active:
        raise Refused(Reason.DEACTIVATED, name)
    return found
