"""The request that a browser takes to an identity provider (saml-bindings-2.0-os section 3.4, HTTP-Redirect).

Only this binding: one that posts would need a script and a form that the pages' policy does not allow.
"""

import base64
import secrets
import zlib
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

from sso.saml.certificates import KeyPair
from sso.saml.xml import NAMESPACES, POST_BINDING, name, written_time

_RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"


def new_request_id() -> str:
    """An id that nobody guesses; it begins as the schema has ids begin."""
    return f"_{secrets.token_hex(20)}"


def authentication_url(
    sso_url: str,
    *,
    request_id: str,
    entity_id: str,
    acs_url: str,
    now: datetime,
    fresh: bool = False,
    signed_by: KeyPair | None = None,
) -> str:
    """Where to send the browser. fresh: whether the identity provider is to ask again who it is, session or not.
    signed_by: where it wants requests to be signed.

    There is no RequestedAuthnContext, since what most ask for refuses whoever signs in without a password; no Format in
    NameIDPolicy, since the identity provider's own setting is what an admin sees there; and no RelayState, since what
    is kept about a request is kept with its id.
    """
    request = etree.Element(
        name("samlp:AuthnRequest"),
        {
            "ID": request_id,
            "Version": "2.0",
            "IssueInstant": written_time(now),
            "Destination": sso_url,
            "ProtocolBinding": POST_BINDING,
            "AssertionConsumerServiceURL": acs_url,
        }
        | ({"ForceAuthn": "true"} if fresh else {}),
        {prefix: NAMESPACES[prefix] for prefix in ("samlp", "saml")},
    )
    etree.SubElement(request, name("saml:Issuer")).text = entity_id
    etree.SubElement(request, name("samlp:NameIDPolicy"), {"AllowCreate": "true"})
    deflated = zlib.compress(etree.tostring(request), wbits=-15)
    query = urlencode({"SAMLRequest": base64.b64encode(deflated)})
    if signed_by is not None:
        query = _signed(query, signed_by)
    return f"{sso_url}{'&' if urlsplit(sso_url).query else '?'}{query}"


def _signed(query: str, pair: KeyPair) -> str:
    """What is signed are these very characters."""
    query += "&" + urlencode({"SigAlg": _RSA_SHA256})
    key = load_pem_private_key(pair.private_key.encode(), None)
    assert isinstance(key, RSAPrivateKey)
    signature = key.sign(query.encode(), padding.PKCS1v15(), hashes.SHA256())
    return query + "&" + urlencode({"Signature": base64.b64encode(signature)})
