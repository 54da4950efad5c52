"""Whatever is written: what is accepted can be sent again, and what is refused has left no trace (SPEC S7)."""

from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from hypothesis import given
from hypothesis import strategies as st

from orgs.models import Entity, EntityKind, Organization
from tests.conftest import Idp
from tests.factories import OrganizationFactory, UserFactory, issue_token
from tests.scim import people
from tests.scim.protocol import profiles
from tests.scim.protocol.json_values import json_values

TAKEN = "taken@corp.example"


def operations(profile: str) -> st.SearchStrategy[list[Any]]:
    """Operations of a PATCH: mostly sensible ones, some with a value that belongs elsewhere, some without any sense."""
    kind = getattr(profiles, profile).user
    body = people.bodies(profile) | st.just({"userName": TAKEN, "active": False, "password": "secret"})
    names = [ref.name for ref in kind.names.values() if ref.attribute] + [people.UNKNOWN + ":badge", "shoeSize", ""]
    values = body.flatmap(lambda found: st.sampled_from([*found.values(), found])) | json_values
    selected = ['emails[type eq "work"]', "emails[primary eq true].value", 'addresses[type eq "home"].country']
    selected += ['roles[value eq "Admin"]', "phoneNumbers[not (type pr)].display", 'x509Certificates[value co "a"]']
    ops = st.sampled_from(["add", "Replace", "remove"])
    of_names = st.builds(
        lambda op, name, found, value: {"op": op, "path": name, "value": found.get(name, value)},
        ops,
        st.sampled_from(names) | st.sampled_from(list(people.CORE)),
        body,
        values,
    )
    of_values = st.fixed_dictionaries({"op": ops, "path": st.sampled_from(selected)}, optional={"value": values})
    pathless = st.fixed_dictionaries({"op": ops, "value": body})
    return st.lists(of_names | of_values | pathless | json_values, min_size=1, max_size=3)


def kept(ignored: str = "scim_requestlog") -> dict[str, Any]:
    """Every row of every table, in short."""
    tables = [name for name in connection.introspection.table_names() if not name.startswith(ignored)]
    sums = [f"SELECT '{name}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t" for name in tables]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(sums))
        return dict(cursor.fetchall())


def org_of(profile: str) -> Organization:
    org = OrganizationFactory.create(dialect=profile)
    for name in people.POOLS:
        Entity.objects.create(org=org, kind=EntityKind.CONCURRENCY_GROUP, name=name, created_at=people.MOMENTS[0])
    UserFactory.create(org=org, user_name=TAKEN)
    return org


def send_twice(idp: Idp, method: str, path: str, body: Any) -> None:
    before = kept()
    first = idp(method, path, body)
    check(first)
    after = kept()
    assert first.status_code == 200 or after == before
    second = idp(method, path, body)
    check(second)
    assert kept() == after
    if second.status_code == 200:
        assert second["ETag"] == first["ETag"]
        assert second.json() == first.json()


def check(answer: HttpResponse) -> None:
    assert answer.status_code in (200, 400, 409, 413), answer.content
    assert answer["Content-Type"] == "application/scim+json"
    if answer.status_code == 200:
        assert "password" not in answer.json()
    else:
        assert answer.json()["status"] == str(answer.status_code)


OPERATIONS = {profile: operations(profile) for profile in people.DIALECTS}
MARKS = dict.fromkeys(("lambdatest", "testomat"), pytest.mark.exhaustive)  # what differs is their extensions
BODIES = {profile: people.bodies(profile) for profile in people.DIALECTS}


@pytest.mark.parametrize("profile", [pytest.param(name, marks=MARKS.get(name, ())) for name in people.DIALECTS])
@people.few
@given(data=st.data())
def test_a_patch_is_done_once_or_not_at_all(db: None, profile: str, data: st.DataObject) -> None:
    with transaction.atomic():
        idp = Idp(issue_token(org_of(profile)).secret)
        created = idp.post("/Users", data.draw(BODIES[profile]))
        for found in data.draw(st.lists(OPERATIONS[profile], min_size=2, max_size=2)):
            send_twice(idp, "PATCH", f"/Users/{created.json()['id']}", {"Operations": found})
        transaction.set_rollback(True)


@pytest.mark.parametrize("profile", people.DIALECTS)
@people.few
@given(data=st.data())
def test_a_put_is_done_once_or_not_at_all(db: None, profile: str, data: st.DataObject) -> None:
    with transaction.atomic():
        idp = Idp(issue_token(org_of(profile)).secret)
        created = idp.post("/Users", data.draw(BODIES[profile]))
        path = f"/Users/{created.json()['id']}"
        send_twice(idp, "PUT", path, data.draw(BODIES[profile]) | data.draw(st.sampled_from(EXTRAS)))
        transaction.set_rollback(True)


EXTRAS = [{}, {"userName": TAKEN}, {"userName": TAKEN, "active": False}, {"active": "nonsense"}, {"password": "secret"}]
EXTRAS += [{"name": None, "emails": []}, {"emails": [1]}, {"userName": None, "id": "x", "meta": {"version": 1}}]


@pytest.mark.parametrize("profile", people.DIALECTS)
@people.few
@given(data=st.data())
def test_a_put_of_what_was_read_changes_nothing(db: None, profile: str, data: st.DataObject) -> None:  # S4, R1
    with transaction.atomic():
        idp = Idp(issue_token(org_of(profile)).secret)
        created = idp.post("/Users", data.draw(BODIES[profile]))
        before = kept()
        answer = idp.put(f"/Users/{created.json()['id']}", created.json())
        assert answer.status_code == 200, answer.content
        assert answer.json() == created.json()
        assert kept() == before
        transaction.set_rollback(True)
