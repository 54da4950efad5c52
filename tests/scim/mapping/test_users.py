"""Users as they are read for answers."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from groups_provisioning.engine import reconcile
from groups_provisioning.models import PushedGroup
from orgs.models import Organization, User
from scim.mapping import user_requests, users
from scim.mapping.profiles import dialect
from scim.mapping.users import Shown
from scim.protocol.listing import read_query
from scim.protocol.projection import everything
from tests.conftest import Idp
from tests.factories import OrganizationFactory, OwnerFactory
from tests.groups_provisioning.world import POOL, entity, idp_of, push

ACME = "urn:example:acme:2.0:User"
SHOWN = [*users._COLUMNS.values(), *users._NAME_COLUMNS.values(), *users._OTHER_COLUMNS, "attributes", "id"]


@pytest.fixture(params=["lambdatest", "testomat", "standard"])
def org(request: pytest.FixtureRequest, db: None) -> Organization:
    return OrganizationFactory.create(dialect=request.param)


@pytest.fixture
def idp(org: Organization) -> Idp:
    return idp_of(org)


@pytest.fixture
def people(org: Organization, idp: Idp) -> list[User]:
    """Somebody with everything, somebody with nothing, and whom SCIM does not list."""
    bodies: list[dict[str, Any]] = [
        {
            "userName": "Ada@corp.example",
            "displayName": "Ada",
            "name": {"givenName": "Ada", "familyName": "Lovelace", "honorificPrefix": "Countess"},
            "emails": [{"value": "ada@corp.example", "primary": True}],
            ACME: {"cost": 1.5, "tags": ["a", None, {"b": 2**53}]},
        },
        {"userName": "bob@corp.example"},
        {"userName": "gone@corp.example"},
    ]
    found = [User.objects.get(id=idp.post("/Users", body).json()["id"]) for body in bodies]
    push(idp, "Engineers", found[0])
    push(idp, "Makers", found[0])
    if dialect(org.profile).placement:
        User.objects.filter(id=found[0].id).update(placement=entity(org, "Night shift", POOL))
    User.objects.filter(id=found[0].id).update(idp_roles=["Admin"])
    reconcile.settle(org=org, user=found[0])
    idp.delete(f"/Users/{found[2].id}")
    return found


def told(shown: Shown | None) -> Any:
    """All that is shown, without asking the database again."""
    if shown is None:
        return None
    placement = User.placement.is_cached(shown.user) and shown.user.placement  # type: ignore[attr-defined]
    name = placement and placement.__dict__["name"]
    return {name: shown.user.__dict__[name] for name in SHOWN}, placement, name, shown.roles, shown.groups


def by_django(org: Organization, **wanted: Any) -> Shown | None:
    with_placement = "placement" if dialect(org.profile).placement else None
    user = User.objects.for_org(org).provisionable().select_related(with_placement).filter(**wanted).first()
    if user is None:
        return None
    groups = PushedGroup.objects.filter(memberships__user=user).order_by("id")
    shown_groups = [{"value": str(group.id), "display": group.display_name} for group in groups]
    return Shown(user, user.standing.roles if user.idp_roles is None else [], shown_groups)


class TestOne:
    def test_is_what_django_would_find(self, org: Organization, people: list[User]) -> None:
        stranger = OrganizationFactory.create()
        owner = OwnerFactory.create(org=org)
        for user in (*people, owner):
            for where in (org, stranger):
                for column in ("id", "user_name_key"):
                    value = getattr(user, column)
                    found = users.find(where, dialect(where.profile), column, value)
                    assert told(found) == told(by_django(where, **{column: value}))
        assert users.find(org, dialect(org.profile), "id", people[0].id)

    def test_is_found_among_many_too(self, org: Organization, people: list[User]) -> None:
        own, ids = dialect(org.profile), [user.id for user in people]
        for order in (ids, ids[::-1]):
            many = users.read(org, own, [str(id_) for id_ in order])
            each = [users.find(org, own, "id", id_) for id_ in order]
            assert [told(found) for found in many] == [told(found) for found in each if found]
        assert users.read(OrganizationFactory.create(), own, [str(id_) for id_ in ids]) == []

    def test_is_one_query(self, org: Organization, people: list[User]) -> None:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            shown = users.find(org, dialect(org.profile), "id", people[0].id)
            assert shown
            users.render(shown, dialect(org.profile), "https://portal.example", everything(dialect(org.profile).user))
        assert len(queries) == 1


class TestALookUp:
    def test_is_the_page_that_any_filter_gives(self, org: Organization, people: list[User]) -> None:  # S3
        own = dialect(org.profile).user

        def page(filter_: str, **more: str) -> tuple[Any, ...]:
            query = read_query({"filter": filter_, **more}, own, default_count=100, max_count=1000)
            found = user_requests.page(org, query)
            return found.total, [told(each) for portion in found.portions for each in portion]

        for name in ("ADA@corp.example", "bob@corp.example", "gone@corp.example", "nobody@corp.example"):
            for more in ({}, {"count": "0"}, {"startIndex": "2"}, {"sortBy": "userName"}):
                assert page(f'userName eq "{name}"', **more) == page(f'userName eq "{name}" and userName pr', **more)
        assert page('userName eq "ADA@corp.example"')[0] == 1
