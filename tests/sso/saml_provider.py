"""An identity provider that speaks SAML: it reads requests and answers them, now and without a network."""

import base64
import zlib
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.utils import timezone

from orgs.db.keys import uuid7
from orgs.db.sealed import seal
from orgs.models import Organization
from sso.connections import SamlFacts
from sso.models import Connection, Protocol
from sso.saml.metadata import IdentityProvider
from sso.saml.xml import written_time
from tests.sso.saml.identity_provider import (
    IDP,
    SSO_URL,
    Element,
    encrypt,
    get,
    ours,
    parsed,
    pin,
    posted,
    response,
    sign,
)

_numbers = count(1)


def saml_facts(**changes: Any) -> SamlFacts:
    """changes: also of what the provider says of itself."""
    said: dict[str, Any] = {
        "entity_id": IDP,
        "sso_url": SSO_URL,
        "certificates": (pin(),),
        "valid_until": None,
        "wants_signed_requests": False,
    }
    provider = IdentityProvider(**said | {name: value for name, value in changes.items() if name in said})
    return SamlFacts(provider, **{name: value for name, value in changes.items() if name not in said})


def keep_our_key(org: Organization) -> None:
    """A connection with a key that was made once for all tests, unless the org has one."""
    connection, _ = Connection.objects.get_or_create(
        org=org, defaults={"id": uuid7(), "created_at": timezone.now(), "protocol": Protocol.SAML}
    )
    if not connection.key:
        connection.key, connection.certificate = seal(ours().private_key, owner=connection.id), ours().certificate.pem
        connection.save()


def asked(url: str) -> Element:
    """The request that a browser takes to the provider."""
    (given,) = parse_qs(urlsplit(url).query)["SAMLRequest"]
    return parsed(zlib.decompress(base64.b64decode(given), -15))


@dataclass
class SamlProvider:
    """said: of every response, as in `response`. by: with whose key it signs."""

    said: dict[str, Any] = field(default_factory=dict)
    by: str = "idp"
    encrypts: bool = False

    def answer(self, url: str, **changes: Any) -> str:
        """What the browser is to post, by the request that it took along."""
        request, now = asked(url), timezone.now()
        acs = request.get("AssertionConsumerServiceURL")
        soon, lately = written_time(now + timedelta(minutes=5)), written_time(now - timedelta(minutes=5))
        answering = {
            "request": request.get("ID"),
            "answers": request.get("ID"),
            "audience": get(request, "saml:Issuer").text,
            "recipient": acs,
            "destination": acs,
            "not_before": lately,
            "not_on_or_after": soon,
            "confirmed_until": soon,
            "authenticated": written_time(now),
            "id": f"_assertion{next(_numbers)}",
        }
        signed = sign(response(**answering | self.said | changes), by=self.by)
        return posted(encrypt(signed) if self.encrypts else signed)
