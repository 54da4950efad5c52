"""Certificates as people paste and upload them, and keys of ours."""

import base64
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from sso.refusals import Reason, Refused
from sso.saml.certificates import certificates_in, make_key_pair
from tests.sso.saml.identity_provider import NOW, certified, pem, pin, private_key


def der(of: str = "idp") -> bytes:
    return x509.load_pem_x509_certificate(pem(of)).public_bytes(serialization.Encoding.DER)


def refusal(given: bytes) -> tuple[Reason, str]:
    with pytest.raises(Refused) as refused:
        certificates_in(given)
    return refused.value.reason, refused.value.detail


WRITTEN = {
    "PEM": pem,
    "PEM of Windows, in a text": lambda: b"Subject: idp\r\n" + pem().replace(b"\n", b"\r\n") + b"\r\nthat is it",
    "PEM in one line": lambda: pem().replace(b"\n", b" "),
    "base64": lambda: base64.b64encode(der()),
    "base64 in lines": lambda: base64.encodebytes(der()) + b" \r\n",
    "DER": der,
    "the same twice": lambda: pem() * 2,
}


class TestACertificate:
    @pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN.keys())
    def test_is_read_however_it_is_written(self, written) -> None:  # L2
        assert certificates_in(written()) == (pin(),)

    def test_says_what_an_admin_compares(self) -> None:
        assert pin().fingerprint == sha256(der())
        assert (pin().subject, pin().not_after) == ("CN=idp.example", NOW + timedelta(days=365))
        assert pin().pem.encode() == pem()

    def test_may_come_with_others(self) -> None:
        assert certificates_in(pem() + pem("next")) == (pin(), pin("next"))

    def test_may_be_of_an_elliptic_curve(self) -> None:
        assert certificates_in(pem("ec"))[0] == pin("ec")

    def test_may_have_ended(self) -> None:
        ended = certified(private_key(), until=NOW - timedelta(days=1))
        assert certificates_in(ended)[0].not_after < NOW

    @pytest.mark.parametrize(
        "written",
        [
            b"",
            b"hello",
            b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            pem()[:200],
            pem().replace(b"CERTIFICATE", b"PUBLIC KEY"),
            der()[:-1],
            b"A" * 100_000,
        ],
        ids=range(8),
    )
    def test_is_refused_if_it_is_none(self, written: bytes) -> None:
        assert refusal(written) == (Reason.NOT_A_CERTIFICATE, "")

    def test_is_not_a_private_key(self) -> None:
        private = private_key().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        assert refusal(private + pem()) == (Reason.PRIVATE_KEY, "")

    @pytest.mark.parametrize(
        ("key", "detail"),
        [
            (lambda: private_key("short"), "RSA, 1024"),
            (lambda: private_key("dsa"), "DSAPublicKey"),
            (lambda: ec.generate_private_key(ec.SECP256K1()), "secp256k1"),
        ],
    )
    def test_has_a_key_that_holds(self, key, detail: str) -> None:
        assert refusal(certified(key())) == (Reason.UNSUITABLE_KEY, detail)

    def test_has_a_key_that_signs_xml(self) -> None:
        name = x509.Name([])
        key = ed25519.Ed25519PrivateKey.generate()
        made = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1)).sign(key, None)
        written = made.public_bytes(serialization.Encoding.PEM)
        assert refusal(written) == (Reason.UNSUITABLE_KEY, "Ed25519PublicKey")

    @given(data=st.data())
    @pytest.mark.filterwarnings("ignore:Parsed a serial number")
    def test_is_read_or_refused_whatever_its_bytes(self, data: st.DataObject) -> None:
        changed = bytearray(der())
        for _ in range(3):
            changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
        try:
            assert certificates_in(bytes(changed))
        except Refused as refused:
            assert refused.reason in (Reason.NOT_A_CERTIFICATE, Reason.UNSUITABLE_KEY)  # noqa: PT017


def sha256(text: bytes) -> str:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(text)
    return digest.finalize().hex()


class TestAKeyPairOfOurs:
    def test_lasts_ten_years_and_can_be_kept_as_text(self) -> None:
        pair = make_key_pair("muster.example", now=NOW)
        key = load_pem_private_key(pair.private_key.encode(), None)
        certificate = x509.load_pem_x509_certificate(pair.certificate.pem.encode())
        assert certificate.public_key() == key.public_key()
        assert key.key_size == 3072
        assert pair.certificate.not_after - NOW == timedelta(days=3650)
        assert pair.certificate.subject == "CN=muster.example"
