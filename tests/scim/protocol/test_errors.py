import json

from scim.protocol.errors import InvalidValue, ScimError, Uniqueness, quote


def test_an_error_is_a_scim_body_with_its_status_as_a_string():  # S2, RFC 7644 §3.12
    assert InvalidValue("Map it.").body() == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": "400",
        "scimType": "invalidValue",
        "detail": "Map it.",
    }
    assert Uniqueness("Taken.").body()["status"] == "409"


def test_an_error_without_a_scim_type_has_none():
    assert ScimError("Gone.", status=404).body().keys() == {"schemas", "status", "detail"}


def test_a_detail_can_be_encoded_whatever_it_quotes():
    detail = InvalidValue(quote("\ud800" * 200)).detail
    assert len(detail) <= 80
    json.dumps(detail, ensure_ascii=False).encode()
