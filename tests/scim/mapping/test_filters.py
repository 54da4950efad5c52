"""What SQL finds and how it sorts, against the same question put to the representations in memory."""

from itertools import cycle
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from orgs.history import Cause
from orgs.models import Door, Entity, EntityKind, Organization, User
from orgs.people import UserNameTaken
from scim.mapping import user_requests, users
from scim.mapping.profiles import dialect
from scim.protocol.dialect import Dialect
from scim.protocol.evaluate import matches
from scim.protocol.filters import comparable, read_filter
from scim.protocol.listing import read_query
from scim.protocol.projection import everything
from scim.protocol.schema import Ref
from tests.conftest import Idp
from tests.factories import OrganizationFactory
from tests.scim import people
from tests.scim.protocol import profiles

BODIES = {profile: st.lists(people.bodies(profile), min_size=1, max_size=3) for profile in people.DIALECTS}
FILTERS = {
    profile: st.lists(people.filters(getattr(profiles, profile).user), min_size=12, max_size=12)
    for profile in people.DIALECTS
}
SORTED_BY = {
    profile: st.lists(
        st.sampled_from([ref for ref in people.refs(getattr(profiles, profile).user) if ref.name != "schemas"]),
        min_size=9,
        max_size=9,
    )
    for profile in people.DIALECTS
}


def org_of(profile: str) -> Organization:
    """An org with the concurrency groups that users are placed in, one of which was renamed since."""
    org = OrganizationFactory.create(dialect=profile)
    for name in people.POOLS:
        Entity.objects.create(org=org, kind=EntityKind.CONCURRENCY_GROUP, name=name, created_at=people.MOMENTS[0])
    return org


def write(org: Organization, bodies: list[dict[str, Any]]) -> None:
    for body, at in zip(bodies, cycle(people.MOMENTS), strict=False):
        try:
            user_requests.create(org, body, Cause(Door.SCIM, at))
        except UserNameTaken:
            continue
    renamed = Entity.objects.for_org(org).get(name=people.POOLS[0])
    renamed.name = "Ada L"
    renamed.save()


def resources(org: Organization) -> list[dict[str, Any]]:
    """The org's users as they are shown, extensions under the schema's own URN, all of whose names `schemas` has."""
    kind = dialect(org.profile)
    ids = [str(id_) for id_ in User.objects.for_org(org).provisionable().values_list("id", flat=True)]
    return [
        canonical(users.render(user, kind, "https://scim.example", everything(kind.user)), kind)
        for user in users.read(org, kind, ids)
    ]


def canonical(shown: dict[str, Any], kind: Dialect) -> dict[str, Any]:
    names = {alias: schema.id for schema in kind.user.extensions for alias in schema.aliases}
    resource = {names.get(name, name): value for name, value in shown.items()}
    own = {alias for schema in kind.user.extensions if schema.id in resource for alias in (schema.id, *schema.aliases)}
    return resource | {"schemas": [*own, *shown["schemas"]]}


def found(org: Organization, text: str) -> set[str]:
    """The ids that SQL finds."""
    kind = dialect(org.profile)
    condition = users.user_filters(kind).condition(read_filter(text, kind.user))
    return {
        str(id_) for id_ in User.objects.for_org(org).provisionable().filter(condition).values_list("id", flat=True)
    }


@pytest.mark.parametrize("profile", people.DIALECTS)
@people.half
@given(data=st.data())
def test_sql_finds_those_whom_the_filter_matches(db: None, profile: str, data: st.DataObject) -> None:
    with transaction.atomic():
        org = org_of(profile)
        write(org, data.draw(BODIES[profile]))
        shown = resources(org)
        kind = dialect(org.profile).user
        for text in data.draw(FILTERS[profile]):
            text = text.replace(people.ID, shown[0]["id"])
            expected = {user["id"] for user in shown if matches(read_filter(text, kind), user)}
            assert found(org, text) == expected, text
        transaction.set_rollback(True)


def sort_key(user: dict[str, Any], ref: Ref) -> tuple[bool, Any, str]:
    """By the primary element or else the first; what has no value comes last; never a tie."""
    value = user.get(ref.schema.id, {}) if ref.schema else user
    value = value.get(ref.attribute.name)
    if isinstance(value, list):
        value = next((item for item in value if isinstance(item, dict) and item.get("primary")), value[0])
    if ref.sub and value is not None:
        value = value.get(ref.sub.name)
    return value is None, value is not None and comparable(ref.leaf, value), user["id"]


@pytest.mark.parametrize("profile", people.DIALECTS)
@people.half
@given(data=st.data())
def test_sql_sorts_as_the_values_do(db: None, profile: str, data: st.DataObject) -> None:  # RFC 7644 §3.4.2.3
    with transaction.atomic():
        org = org_of(profile)
        write(org, data.draw(BODIES[profile]))
        kind, shown = dialect(org.profile), resources(org)
        for ref in data.draw(SORTED_BY[profile]):
            for order in ("ascending", "descending"):
                asked = {"sortBy": ref.name, "sortOrder": order}
                query = read_query(asked, kind.user, default_count=100, max_count=100)
                by = query.sort_by or kind.user.names["id"]
                expected = sorted(shown, key=lambda user, by=by: sort_key(user, by), reverse=query.descending)
                assert [str(user.id) for rows in user_requests.page(org, query).portions for user in rows] == [
                    user["id"] for user in expected
                ], asked
        transaction.set_rollback(True)


@pytest.mark.parametrize("profile", people.DIALECTS)
def test_text_has_the_same_order_in_every_database(db: None, profile: str) -> None:
    org = OrganizationFactory.create(dialect=profile)
    kind = dialect(org.profile)
    for ref in people.refs(kind.user):
        if ref.leaf.type == "dateTime" or ref.name == "active":
            continue
        sql, params = users.user_filters(kind).sort_key(ref)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_collation_for(min({sql})) FROM orgs_user", params)
            assert cursor.fetchone() == ('"C"',), ref.name


@pytest.mark.parametrize("name", people.NOT_FILTERABLE)
def test_what_only_the_request_knows_is_refused(idp: Idp, name: str) -> None:
    for text in (f"{name} pr", f'meta[{name.removeprefix("meta.")} eq "x"]'):
        answer = idp.get(f"/Users?filter={quote(text)}")
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidFilter")


def test_an_alias_of_the_extension_finds_its_users(db: None) -> None:  # P1
    org = org_of("lambdatest")
    write(org, [{"userName": "ada@corp.example", people.TESTMU: {"OrganizationRole": "Admin"}}])
    for urn in (people.LAMBDA, people.TESTMU.upper()):
        assert len(found(org, f'{urn}:OrganizationRole eq "ADMIN" and schemas eq "{urn}"')) == 1
