"""The work that benchmarks.protocol measures; needs Django to be set up."""

from functools import lru_cache
from typing import Any

import orjson
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orgs import organizations
from orgs.history import Cause
from orgs.models import Door, Organization, SchemaProfile, User
from orgs.people import Facts
from scim.mapping import user_requests, users
from scim.mapping.profiles import dialect
from scim.protocol.dialect import Dialect
from scim.protocol.listing import list_pieces, read_query
from scim.protocol.projection import everything
from scim.protocol.resources import read_resource

BASE = "https://portal.example/api/scim"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def person(number: int) -> dict[str, Any]:
    """The attributes that Okta and Entra map by default, about a kilobyte."""
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "userName": f"person{number}@corp.example",
        "externalId": f"00u{number}",
        "name": {"givenName": "Ada", "familyName": f"Lovelace {number}", "formatted": f"Ada Lovelace {number}"},
        "displayName": f"Ada Lovelace {number}",
        "title": "Countess",
        "preferredLanguage": "en-GB",
        "emails": [{"value": f"person{number}@corp.example", "type": "work", "primary": True}],
        "phoneNumbers": [{"value": "+44 20 7946 0000", "type": "work"}, {"value": "+44 7700 900000", "type": "mobile"}],
        "addresses": [{"type": "work", "locality": "London", "country": "GB", "postalCode": "SW1"}],
        "active": True,
        ENTERPRISE: {"department": "Analysis", "employeeNumber": str(number), "manager": {"value": "00u1"}},
    }


def filled(profile: str, people: int) -> Organization:
    cause = Cause(Door.COMMAND, timezone.now())
    org = organizations.found(
        name=profile,
        owner_email=f"owner@{profile}.example",
        profile=SchemaProfile.objects.get(key=profile),
        features=frozenset(organizations.FEATURES),
        ready_for_scim=True,
        cause=cause,
    ).org
    for number in range(people):
        user_requests.create(org, person(number) | {"userName": f"person{number}@{profile}.example"}, cause)
    return org


_BODY = orjson.dumps(person(1))
_shown: dict[Organization, users.Shown] = {}


def in_and_out(org: Organization) -> bytes:
    """Parse and check a body, then render and serialise a user."""
    kind = dialect(org.profile)
    read_resource(orjson.loads(_BODY), kind.user, creating=True).replace({})
    if org not in _shown:
        _shown[org] = fetched(org)[0]
    return orjson.dumps(users.render(_shown[org], kind, BASE, everything(kind.user)))


def columns(org: Organization) -> Facts:
    """Turn a resource into columns and the copy for filters."""
    kind = dialect(org.profile)
    return users.facts_of(_resource(kind), kind)


@lru_cache
def _resource(kind: Dialect) -> dict[str, Any]:
    return read_resource(person(1), kind.user, creating=True).replace({}).resource


def page(org: Organization) -> bytes:
    query = read_query({}, dialect(org.profile).user, default_count=100, max_count=100)
    found = user_requests.page(org, query)
    shown = (user for rows in found.portions for user in user_requests.shown(org, rows, BASE, query.projection))
    return b"".join(list_pieces(shown, total=found.total, start_index=1))


def fetched(org: Organization) -> list[users.Shown]:
    ids = User.objects.for_org(org).provisionable().order_by("id").values_list("id", flat=True)[:100]
    return users.read(org, dialect(org.profile), [str(id_) for id_ in ids])


def queries(org: Organization) -> int:
    with CaptureQueriesContext(connection) as captured:
        page(org)
    return len(captured)
