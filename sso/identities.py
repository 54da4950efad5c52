"""What a trusted answer of an identity provider says, whatever the protocol."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

USUAL_CLAIM = "preferred_username"
"""Where the userName is in OpenID Connect, unless a configuration says otherwise."""
NAME_ID = "NameID"
"""The same for SAML: what the NameID is called among the attributes."""


@dataclass(frozen=True, slots=True)
class Identity:
    """issuer, subject: whom the identity provider means, for ever; of SAML `Revision.authority` and the NameID.

    claims: what it says of them, by name; of SAML the attributes, a text where there is one value. provider_session:
    its own session, by which it can end ours. ends_at: when its session ends (OpenID IPSIE, session lifetime).
    authenticated_at: when it last had them show who they are. Both are None where it does not say.
    """

    issuer: str
    subject: str
    claims: Mapping[str, Any]
    provider_session: str = ""
    ends_at: datetime | None = None
    authenticated_at: datetime | None = None
