"""Whatever comes in: no 5xx, no HTML, an answer in time, and an error that says so in SCIM's words (SPEC S1, S2)."""

import json
import random
import time
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from hypothesis import example, given
from hypothesis import strategies as st

from orgs.models import Organization, User
from scim.protocol.core import ENTERPRISE_URN, USER_URN
from tests.conftest import Idp
from tests.factories import OrganizationFactory, issue_token
from tests.scim import people
from tests.scim.protocol.json_values import json_values

USER = "{a user}"  # stands for the id of one
NUL, HALF = "\x00", "\ud800"
LONG = "".join(random.Random(7).choices([chr(code) for code in range(0x4E00, 0x9000)], k=1200))  # does not compress
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"

methods = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW", "get"])
_SEGMENTS = [
    "Users",
    "users",
    USER,
    ".search",
    "Bulk",
    "Schemas",
    "ResourceTypes",
    "User",
    "ServiceProviderConfig",
    "Me",
]
_SEGMENTS += ["Groups", "", ".", "..", "%00", "%ff", "%2F", "é", "x" * 3000, USER_URN, "\x7f", "{}", "0"]
_below = st.lists(st.sampled_from(_SEGMENTS), max_size=3).map(lambda parts: "".join(f"/{part}" for part in parts))
paths = st.builds("{}{}".format, st.sampled_from(["/api/scim", "/scim/v2"]), _below) | st.sampled_from(
    ["/.well-known/scim-configuration", "/api/scim/Users", f"/api/scim/Users/{USER}", "/api/scim/Bulk"]
)

_ODD = [NUL, HALF, LONG, "0", "-1", "9" * 200, "1e5", "٣", "true", "a,b", "[", '"', "urn:x:y"]
_odd = st.text(max_size=20) | st.sampled_from(_ODD)
_ASKED = [
    'userName eq "a"',
    "emails[type eq",
    'emails[not (value co "%")]',
    "title pr",
    'meta.created gt "x"',
    "emails",
]
_ASKED += ["name", "active", "descending", "schemas", "meta", "meta.resourceType", "(" * 200, "not " * 500]
_ASKED += [" and ".join(["title pr"] * 99)]
_parameters = st.sampled_from(
    ["filter", "sortBy", "sortOrder", "startIndex", "count", "cursor", "attributes", "excludedAttributes", "COUNT", ""]
)
queries = st.lists(st.tuples(_parameters, _odd | st.sampled_from(_ASKED)), max_size=3).map(
    lambda pairs: "&".join(f"{name}={quote(value, errors='surrogatepass')}" for name, value in pairs)
)

_HEADERS = ["if-match", "if-none-match", "accept", "content-type", "x-forwarded-for", "transfer-encoding", "host"]
_HEADERS += ["cookie", "range", "content-encoding", "expect", "user-agent"]
_CONTENTS = [
    "",
    "*",
    'W/"1"',
    'W/"' + "9" * 30 + '"',
    "\xff",
    "text/html",
    "application/json",
    "gzip",
    "a,b",
    "chunked",
]
_CONTENTS += ["application/scim+json; charset=utf-16", "..", "100-continue", "bytes=0-1", "\t"]
headers = st.dictionaries(st.sampled_from(_HEADERS), st.sampled_from(_CONTENTS), max_size=2)

_numbers = st.sampled_from([2**63, -(2**70), 1e300, -1e19, 1e16, 5e-324, 0.1, -0.0, 10**400])
_values = json_values | _odd | _numbers | st.lists(_numbers, max_size=2)
_NAMES = ["userName", "name", "emails", "active", "externalId", "roles", "x509Certificates", "schemas", "id", "meta"]
_NAMES += ["displayName", "addresses", "password", "groups", people.UNKNOWN, people.LAMBDA, "urn:", "urn:x", NUL, HALF]
_NAMES += [LONG, ENTERPRISE_URN, "Operations", "filter", "cursor", "failOnErrors"]
_bodies = st.dictionaries(st.sampled_from(_NAMES) | st.text(max_size=5), _values, max_size=4)
_users = st.builds(lambda user, more: user | more, people.bodies("standard"), _bodies)
_PATHS = [*_NAMES, "name.givenName", 'emails[type eq "work"].value', f"/Users/{USER}", "/Users", "/Users/bulkId:a"]
_operations = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "op": st.sampled_from(["add", "Replace", "REMOVE", "test", 1]),
            "path": st.sampled_from(_PATHS),
            "value": _values | _bodies,
            "method": st.sampled_from(["POST", "patch", "PUT", "DELETE", 7]),
            "bulkId": st.sampled_from(["a", "b", "bulkId:a", None]),
            "data": _users | _bodies | st.just({"userName": "bulkId:a"}),
        },
    )
    | _values,
    max_size=3,
)
_messages = _users | _bodies | _values | _operations.map(lambda found: {"Operations": found})
_BYTES = [b"", b"[" * 50_000, b'{"a":' * 5000, b'{"userName":"a","userName":"b"}', b'{"userName":1e999}', b"NaN"]
_BYTES += [b'"\\ud800"', b'{"userName":"\\u0000"}', b'{"userName":"\xed\xa0\x80"}', b"\xff\xfe{\x00}\x00", b"9" * 5000]
_BYTES += [b'{"userName":"' + b"x" * 300_000 + b'"}', b'{"Operations":[' + b"{}," * 2000 + b"{}]}", b"\xef\xbb\xbf{}"]
bodies = st.binary(max_size=30) | _messages.map(lambda value: json.dumps(value).encode()) | st.sampled_from(_BYTES)


@pytest.fixture
def user(org: Organization, idp: Idp) -> User:
    return User.objects.get(id=idp.post("/Users", {"userName": "ada"}).json()["id"])


@given(methods, paths, queries, headers, bodies)
@example("POST", "/api/scim/Users", "", {}, json.dumps({"userName": LONG}).encode())
@example("POST", "/api/scim/Users", "", {}, json.dumps({"userName": "a", "externalId": LONG}).encode())
@example("POST", "/api/scim/Users", "", {}, json.dumps({"userName": "a", "emails": [{"value": LONG}]}).encode())
@example("POST", "/api/scim/Users", "", {}, b'{"userName": "a", "urn:acme:2.0:User": {"n": 1e300}}')
def test_is_answered_in_scim(
    idp: Idp, user: User, method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> None:
    idp.base_path = ""
    with transaction.atomic():
        path, body = path.replace(USER, str(user.id)), body.replace(USER.encode(), str(user.id).encode())
        started = time.thread_time()
        answer = idp(method, f"{path}?{query}", body, **headers)
        assert time.thread_time() - started < 2
        check(answer)
        check(idp.get("/api/scim/Users"))  # nor has anything been stored that cannot be shown
        transaction.set_rollback(True)


def check(answer: HttpResponse) -> None:
    assert answer.status_code < 500 or answer.status_code == 501, answer.content
    if answer.content:
        assert answer["Content-Type"] == "application/scim+json"
        message: Any = json.loads(answer.content)
        if answer.status_code >= 400:
            assert message["schemas"] == [ERROR]
            assert message["status"] == str(answer.status_code)
            assert message["detail"]
        for operation in message.get("Operations", []):
            assert int(operation["status"]) < 500


@people.few
@given(st.binary(max_size=60) | st.sampled_from([b"Bearer \xff", b"Bearer " + b"x" * 9000, b"bearer", b"Basic Og=="]))
def test_any_credentials_are_401_or_429(db: None, credentials: bytes) -> None:
    answer = Client().get("/api/scim/Users", headers={"Authorization": credentials.decode("latin-1")})
    assert answer.status_code in (401, 429)
    check(answer)


@pytest.mark.parametrize("profile", people.DIALECTS)
@people.few
@given(message=_messages, method=st.sampled_from(["POST", "PUT", "PATCH"]))
def test_in_every_profile(db: None, profile: str, message: Any, method: str) -> None:
    with transaction.atomic():
        idp = Idp(issue_token(OrganizationFactory.create(dialect=profile)).secret)
        path = "/Users"
        if method != "POST":
            path += "/" + idp.post("/Users", {"userName": "ada@corp.example"}).json()["id"]
        check(idp(method, path, json.dumps(message).encode()))
        check(idp.get("/Users"))
        transaction.set_rollback(True)
