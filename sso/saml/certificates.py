"""Certificates that an identity provider signs with, and key pairs of ours.

A certificate is a pin: it says which key, nobody vouches for it, and one that has expired still verifies.
"""

import base64
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from sso.refusals import Reason, Refused

LONGEST = 64 * 1024
SMALLEST_RSA, LARGEST_RSA = 2048, 16384  # bits
OUR_BITS = 3072
OUR_YEARS = 10

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """pem: as it is written everywhere. fingerprint: SHA-256, in hexadecimal. subject: as in RFC 4514."""

    pem: str
    fingerprint: str
    subject: str
    not_after: datetime


@dataclass(frozen=True, slots=True)
class KeyPair:
    """private_key: in PEM, to be sealed before it is stored. certificate: for the identity provider."""

    private_key: str
    certificate: Certificate


def certificates_in(given: bytes) -> tuple[Certificate, ...]:
    """What somebody pastes or uploads: PEM with one or several certificates, or one as base64 or DER.

    Raises Refused: PRIVATE_KEY, NOT_A_CERTIFICATE, UNSUITABLE_KEY.
    """
    if b"PRIVATE KEY-----" in given:
        raise Refused(Reason.PRIVATE_KEY)
    if len(given) > LONGEST:
        raise Refused(Reason.NOT_A_CERTIFICATE)
    if given.startswith(b"\x30"):  # a sequence in DER, and nothing that a certificate begins with in base64
        return (_certificate(given),)
    found = [_from_base64(each) for each in _PEM.findall(given) or [given]]
    return tuple({each.fingerprint: each for each in found}.values())


def make_key_pair(name: str, *, now: datetime) -> KeyPair:
    """A new key with a self-signed certificate. name: its common name, of 1 to 64 characters."""
    key = rsa.generate_private_key(65537, OUR_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * OUR_YEARS))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return KeyPair(private.decode(), _certificate(certificate.public_bytes(serialization.Encoding.DER)))


def _from_base64(text: bytes) -> Certificate:
    try:
        return _certificate(base64.b64decode(b"".join(text.split()), validate=True))
    except ValueError:
        raise Refused(Reason.NOT_A_CERTIFICATE) from None


def _certificate(der: bytes) -> Certificate:
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        read = Certificate(
            pem=certificate.public_bytes(serialization.Encoding.PEM).decode(),
            fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
            subject=certificate.subject.rfc4514_string(),
            not_after=certificate.not_valid_after_utc,
        )
    except UnsupportedAlgorithm as error:
        raise Refused(Reason.UNSUITABLE_KEY, str(error)) from None
    except ValueError:
        raise Refused(Reason.NOT_A_CERTIFICATE) from None
    if isinstance(key, rsa.RSAPublicKey):
        if not SMALLEST_RSA <= key.key_size <= LARGEST_RSA:
            raise Refused(Reason.UNSUITABLE_KEY, f"RSA, {key.key_size}")
    elif not isinstance(key, ec.EllipticCurvePublicKey):
        raise Refused(Reason.UNSUITABLE_KEY, type(key).__name__)
    elif not isinstance(key.curve, _CURVES):
        raise Refused(Reason.UNSUITABLE_KEY, key.curve.name)
    return read
