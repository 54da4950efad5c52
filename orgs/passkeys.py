"""Passkeys: what is asked of a browser, and whether its answer is one (WebAuthn level 3).

The library takes 19 MB, so it is imported where it is used: a worker, which never asks for a passkey, goes without.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor


class NotAccepted(Exception):
    """The browser's answer does not prove what was asked for."""


class Question(NamedTuple):
    """What a browser is asked: the options as JSON, and the challenge that its answer has to contain."""

    options: str
    challenge: bytes


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey as it is kept. sign_count: how often it was used, by its own count; many always say 0."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


def are_possible() -> bool:
    """Whether browsers make passkeys for this portal: only over https or on localhost, and never for an IP address."""
    return _is_for_browsers(settings.MUSTER_URL)


def _is_for_browsers(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return parts.scheme == "https" or host == "localhost" or host.endswith(".localhost")
    return False


def ask_for_new(*, account: bytes, name: str, label: str, known: Iterable[bytes]) -> Question:
    """Ask for a new passkey. account: a handle that says nothing; name, label: for the browser's own list.

    known: the ids of passkeys that the account has, which the same device is not asked for twice.
    """
    import webauthn
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = webauthn.generate_registration_options(
        rp_id=_host(),
        rp_name="Muster",
        user_id=account,
        user_name=name,
        user_display_name=label,
        exclude_credentials=_described(known),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            # By a PIN, a finger or a face: the device alone is not enough.
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
    )
    return Question(webauthn.options_to_json(options), options.challenge)


def new_from(answer: str, challenge: bytes) -> Passkey:
    """The passkey that a browser has made. Raises NotAccepted."""
    import webauthn

    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_host(),
            expected_origin=_origin(),
            require_user_verification=True,
        )
    except Exception as error:  # its parsers of JSON, CBOR and COSE raise what they like about what is not theirs
        raise NotAccepted from error
    return Passkey(made.credential_id, made.credential_public_key, made.sign_count)


def ask_for(known: Iterable[bytes]) -> Question:
    """Ask for one of these passkeys, by their ids."""
    import webauthn
    from webauthn.helpers.structs import UserVerificationRequirement

    options = webauthn.generate_authentication_options(
        rp_id=_host(),
        allow_credentials=_described(known),
        user_verification=UserVerificationRequirement.REQUIRED,  # as in `ask_for_new`
    )
    return Question(webauthn.options_to_json(options), options.challenge)


def id_in(answer: str) -> bytes:
    """The id of the passkey that a browser says it used. Raises NotAccepted."""
    import webauthn

    try:
        return webauthn.helpers.parse_authentication_credential_json(answer).raw_id
    except Exception as error:  # as above
        raise NotAccepted from error


def sign_count_in(answer: str, challenge: bytes, passkey: Passkey) -> int:
    """The passkey's count after this use, which the answer proves. Raises NotAccepted, also if the count went back."""
    import webauthn

    try:
        proof = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_host(),
            expected_origin=_origin(),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except Exception as error:  # as above
        raise NotAccepted from error
    return proof.new_sign_count


def _host() -> str:
    return urlsplit(settings.MUSTER_URL).hostname or ""


def _origin() -> str:
    """As browsers write it: without the usual port."""
    parts = urlsplit(settings.MUSTER_URL)
    usual = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{parts.hostname}" + ("" if parts.port in (None, usual) else f":{parts.port}")


def _described(ids: Iterable[bytes]) -> "list[PublicKeyCredentialDescriptor]":
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=id_) for id_ in ids]
