"""What people sign in with: an authenticator app, and a passkey without a browser (WebAuthn level 3 §6, §7)."""

import base64
import hashlib
import json
import secrets
from datetime import datetime, timedelta
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone

from orgs import second_factors, totp
from orgs.history import Cause
from orgs.models import Door, SecondFactor, User

USED, VERIFIED, NEW_KEY = 0x01, 0x04, 0x40  # flags: touched; by finger or PIN; a key follows


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class App:
    """An authenticator app of `user`, which was added some minutes ago."""

    def __init__(self, user: User, *, name: str = "Phone") -> None:
        app = second_factors.NewApp.make()
        self.key = app.key
        then = timezone.now() - timedelta(minutes=5)
        user.refresh_from_db()
        code = self.shows(at=then)
        self.recovery = second_factors.add_app(
            user=user, app=app, code=code, name=name, cause=Cause(Door.PAGE, then, person=user)
        )
        self.row = SecondFactor.objects.get(id=app.id)
        user.refresh_from_db()

    def shows(self, *, at: datetime | None = None, steps: int = 0) -> str:
        return totp.code(self.key, totp.step_at(at or timezone.now()) + steps)


class Device:
    """With one passkey. origin: of the page that its browser believes to be on. count: its own count of uses."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.id = secrets.token_bytes(20)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.count = 0
        self.flags = USED | VERIFIED

    def create(self, options: str) -> str:
        """The answer to `navigator.credentials.create`, as `toJSON` has it."""
        asked = json.loads(options)
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        made = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(cose)
        data = self._data(asked["rp"]["id"], self.flags | NEW_KEY) + made
        response = {
            "clientDataJSON": b64(self._client("webauthn.create", asked)),
            "attestationObject": b64(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
        }
        return self._answer(response)

    def get(self, options: str) -> str:
        """The answer to `navigator.credentials.get`."""
        self.count += 1
        asked = json.loads(options)
        data, client = self._data(asked["rpId"], self.flags), self._client("webauthn.get", asked)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature)}
        return self._answer(response)

    def _data(self, host: str, flags: int) -> bytes:
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, asked: dict[str, Any]) -> bytes:
        told = {"type": kind, "challenge": asked["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(told).encode()

    def _answer(self, response: dict[str, str]) -> str:
        return json.dumps(
            {
                "id": b64(self.id),
                "rawId": b64(self.id),
                "type": "public-key",
                "clientExtensionResults": {},
                "response": response,
            }
        )
