"""Text and resources are bounded (SPEC U14); what is stored already stays, and a deactivation is carried out (U4)."""

from typing import Any

import pytest

from scim.protocol.apply import apply_patch
from scim.protocol.lengths import MAX_CERTIFICATE, MAX_RESOURCE, MAX_TEXT
from scim.protocol.patch import read_patch
from scim.protocol.resources import Outcome, read_resource

from .profiles import standard

USER = standard.user
BODY = {"userName": "ada@corp.example", "active": True}
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def posted(body: dict[str, Any]) -> Outcome:
    return read_resource(BODY | body, USER, creating=True).replace({})


def put(body: dict[str, Any], stored: dict[str, Any]) -> Outcome:
    return read_resource(BODY | body, USER).replace(stored)


def patched(body: dict[str, Any], stored: dict[str, Any]) -> Outcome:
    return apply_patch(read_patch({"Operations": [{"op": "replace", "value": body}]}, USER), USER, stored)


def attributes(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The kinds of places that text may have, and a body with the text there."""
    return [
        ("displayName", {"displayName": text}),
        ("name", {"name": {"familyName": text}}),
        ("emails", {"emails": [{"value": "a@x.example", "display": text}]}),
        (f"{ENTERPRISE}:department", {ENTERPRISE: {"department": text}}),
        (f"{ENTERPRISE}:shoeSize", {ENTERPRISE: {"shoeSize": text}}),
        ("urn:acme:x:1.0:y", {"urn:acme:x:1.0": {"y": text}}),
        ("urn:acme:x:1.0:y", {"urn:acme:x:1.0": {"y": [{"deep": text}]}}),
    ]


@pytest.mark.parametrize(("name", "body"), attributes("x" * (MAX_TEXT + 1)))
def test_longer_text_is_refused_by_name_and_limit_whatever_writes_it(name, body):  # U14
    for outcome in (posted(body), put(body, BODY), patched(body, BODY)):
        (refusal,) = outcome.refusals
        assert (refusal.error.status, refusal.error.scim_type) == (400, "invalidValue")
        assert str(MAX_TEXT) in refusal.error.detail
        assert name.split(":")[-1] in refusal.error.detail
        assert {key: value for key, value in outcome.resource.items() if value} == BODY


@pytest.mark.parametrize(("name", "body"), attributes("x" * MAX_TEXT))
def test_text_as_long_as_the_limit_is_stored(name, body):  # U14
    assert posted(body).refusals == put(body, BODY).refusals == patched(body, BODY).refusals == ()


@pytest.mark.parametrize(("name", "body"), attributes("x" * 9999))
def test_what_is_stored_already_is_never_refused(name, body):  # U14
    stored = BODY | body
    assert put(body, stored).resource == patched(body, stored).resource == stored
    assert put(body, stored).refusals == patched(body, stored).refusals == ()


@pytest.mark.parametrize(("name", "body"), attributes("x" * 9999))
def test_a_deactivation_beside_it_is_carried_out(name, body):  # U4
    for outcome in (put(body | {"active": False}, BODY), patched(body | {"active": False}, BODY)):
        assert outcome.resource == BODY | {"active": False}


def test_a_certificate_may_be_longer():  # U14
    certificate = {"x509Certificates": [{"value": "A" * MAX_CERTIFICATE}]}
    assert posted(certificate).refusals == ()
    assert posted({"x509Certificates": [{"value": "A" * (MAX_CERTIFICATE + 1)}]}).refusals != ()


class TestAResource:
    LARGE = {f"a{n}": "x" * 2000 for n in range(MAX_RESOURCE // 2000 + 1)}

    def test_that_is_too_large_is_refused_by_what_makes_it_so(self):  # U14
        for outcome in (posted({"urn:acme:x:1.0": self.LARGE}), patched({"urn:acme:x:1.0": self.LARGE}, BODY)):
            (refusal,) = outcome.refusals
            assert str(MAX_RESOURCE) in refusal.error.detail
            assert "urn:acme:x:1.0" in refusal.error.detail
            assert outcome.resource == BODY

    def test_that_was_too_large_before_may_change_and_shrink_but_not_grow(self):  # U14
        stored = BODY | {"urn:acme:x:1.0": self.LARGE, "displayName": "Ada"}
        assert patched({"displayName": "Bob"}, stored).refusals == ()
        assert patched({"active": False}, stored).resource["active"] is False
        assert patched({"displayName": "Ada Lovelace"}, stored).refusals != ()
