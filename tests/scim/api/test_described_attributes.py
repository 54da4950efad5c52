"""Attributes that a profile describes: every type, by every name, with every verb, in both kinds (SPEC P8)."""

import itertools
from typing import Any

import pytest

from orgs.models import Organization, ProfileAttribute, SchemaProfile
from scim import filter_copies
from scim.models import FilterCopies
from tests.conftest import Idp
from tests.factories import OrganizationFactory, issue_token

CORE = "urn:ietf:params:scim:schemas:core:2.0:{}"
OWN = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:{}"
ALIAS = "urn:ietf:params:scim:schemas:extension:TestMu AI:2.0:{}"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
QUALIFIED = [f"{OWN}:{{}}", f"{OWN}.{{}}"]
SHORT = ["{}", f"{CORE}:{{}}", "urn:scim:schemas:core:1.0:{}"]
# In ascending order: two values, and what a filter compares the smaller one with.
VALUES: dict[str, tuple[Any, Any]] = {
    "string": ("Alpha", "beta"),
    "boolean": (False, True),
    "integer": (9, 10),
    "decimal": (1.5, 20.25),
    "dateTime": ("2024-01-01T00:00:00+02:00", "2023-12-31T23:00:00Z"),
    "reference": ("https://a.example/B", "https://a.example/a"),
}
WRONG: dict[str, Any] = {
    "string": 5,
    "boolean": "perhaps",
    "integer": 1.5,
    "decimal": "much",
    "dateTime": "yesterday",
    "reference": 5,
}
# Each type in both kinds, and with one value and several.
CASES = [
    (type_, carrier, multi)
    for place, type_ in enumerate(VALUES)
    for carrier, multi in zip(("user", "group"), (False, True) if place % 2 else (True, False), strict=True)
]
revisions = itertools.count(20_000)


def described(*rows: dict[str, Any]) -> Organization:
    """An org whose profile describes these attributes."""
    profile = SchemaProfile.objects.get(key="lambdatest")
    describe(profile, *rows)
    return OrganizationFactory.create(profile=profile)  # type: ignore[no-any-return]


def describe(profile: SchemaProfile, *rows: dict[str, Any]) -> None:
    profile.attributes.all().delete()
    ProfileAttribute.objects.bulk_create(ProfileAttribute(profile=profile, **row) for row in rows)
    # What is compiled from a profile is kept by revision: no two tests have the same.
    SchemaProfile.objects.filter(pk=profile.pk).update(revision=next(revisions))
    profile.refresh_from_db()


class Kind:
    """Users or groups, as an identity provider writes them."""

    def __init__(self, idp: Idp, carrier: str) -> None:
        self.idp = idp
        self.name = carrier.title()
        self.path = f"/{self.name}s"
        self.own = OWN.format(self.name)
        self.count = itertools.count()

    def body(self, **more: Any) -> dict[str, Any]:
        name = f"n{next(self.count)}@corp.example"
        return ({"userName": name} if self.name == "User" else {"displayName": name}) | more

    def post(self, more: dict[str, Any]) -> dict[str, Any]:
        created = self.idp.post(self.path, self.body() | more)
        assert created.status_code == 201, created.content
        return created.json()  # type: ignore[no-any-return]

    def patched(self, id_: str, *operations: dict[str, Any]) -> Any:
        answer = self.idp.patch(f"{self.path}/{id_}", *operations)
        assert answer.status_code == 200, answer.content
        return self.value(answer.json())

    def value(self, resource: dict[str, Any]) -> Any:
        return resource.get(self.own, {}).get("theThing")

    def get(self, id_: str = "", **query: str) -> dict[str, Any]:
        path = f"{self.idp.base_path}{self.path}{'/' if id_ else ''}{id_}"
        answer = self.idp.http.get(path, query, headers=self.idp.headers)
        assert answer.status_code == 200, answer.content
        return answer.json()  # type: ignore[no-any-return]

    def found(self, text: str) -> list[str]:
        return [row["id"] for row in self.get(filter=text)["Resources"]]


@pytest.mark.parametrize(("type_", "carrier", "multi"), CASES)
def test_one_attribute_has_one_meaning_by_every_name(db: None, carrier: str, multi: bool, type_: str) -> None:  # P8, P1
    row = {"carrier": carrier, "name": "theThing", "type": type_, "multi_valued": multi, "description": "What for"}
    kind = Kind(Idp(issue_token(described(row)).secret), carrier)
    first, second = VALUES[type_]
    one, two = ([first], [second]) if multi else (first, second)
    other = kind.post({})["id"]
    for form in [*QUALIFIED, *SHORT]:
        name = form.format(*[kind.name] * (form.count("{}") - 1), "theTHING")
        made = kind.post({name: first})
        id_ = made["id"]
        assert kind.value(made) == one
        assert kind.value(kind.idp.put(f"{kind.path}/{id_}", kind.body() | {"userName": made.get("userName")}
                          | {name: [second]}).json()) == two  # fmt: skip
        assert kind.patched(id_, {"op": "replace", "path": name, "value": first}) == one
        assert kind.patched(id_, {"op": "replace", "value": {name: [second]}}) == two
        literal = f'"{second}"' if isinstance(second, str) else str(second).lower()
        assert kind.found(f"{name} eq {literal}") == [id_]
        assert kind.found(f"{name} pr") == [id_]
        assert kind.found(f"{name} ne {literal}") == [other]
        assert set(kind.get(id_, attributes=name)) == {"schemas", "id", kind.own}
        assert kind.value(kind.get(id_, excludedAttributes=name)) is None
        assert kind.get(sortBy=name)["Resources"][0]["id"] == id_
        if multi:
            assert kind.patched(id_, {"op": "add", "path": name, "value": first}) == [second, first]
            assert kind.patched(id_, {"op": "remove", "path": f"{name}[value eq {literal}]"}) == [first]
            assert kind.patched(id_, {"op": "add", "value": {name: [first, second]}}) == [first, second]
            assert kind.patched(id_, {"op": "remove", "path": name, "value": [first]}) == [second]
        wrong = kind.idp.patch(f"{kind.path}/{id_}", {"op": "replace", "path": name, "value": WRONG[type_]})
        assert (wrong.status_code, wrong.json()["scimType"]) == (400, "invalidValue")
        assert kind.patched(id_, {"op": "remove", "path": name}) is None
        assert kind.found(f"{name} pr") == []
        assert kind.idp.delete(f"{kind.path}/{id_}").status_code == 204
    (document,) = (each for each in kind.idp.get("/Schemas").json()["Resources"] if each["id"] == kind.own)
    (shown,) = (each for each in document["attributes"] if each["name"] == "theThing")
    assert (shown["type"], shown["multiValued"], shown["description"]) == (type_, multi, "What for")
    assert shown["caseExact"] is (type_ == "reference")


@pytest.mark.parametrize("carrier", ["user", "group"])
@pytest.mark.parametrize("form", [*QUALIFIED, f"{ALIAS}:{{}}"])
@pytest.mark.parametrize("short", SHORT)
def test_a_qualified_name_beats_an_unqualified_one_in_one_body(db: None, carrier: str, form: str, short: str) -> None:
    # P8
    kind = Kind(Idp(issue_token(described({"carrier": carrier, "name": "theThing"})).secret), carrier)
    qualified = form.format(kind.name, "theThing")
    unqualified = short.format(*[kind.name] * (short.count("{}") - 1), "theThing")
    pairs = [{qualified: "right", unqualified: "wrong"}, {unqualified: "wrong", qualified: "right"}]
    for body in (*pairs, {unqualified: "wrong", form.format(kind.name, "theThing").rsplit("theThing")[0][:-1]: {
        "theThing": "right"
    }}):  # fmt: skip
        made = kind.post(body)
        (value,) = (part["theThing"] for key, part in made.items() if key in (kind.own, ALIAS.format(kind.name)))
        assert value == "right"
        answer = kind.idp.patch(f"{kind.path}/{made['id']}", {"op": "replace", "value": body | {"externalId": "7"}})
        assert '"right"' in answer.content.decode()
        assert "wrong" not in answer.content.decode()


def test_a_name_in_both_extensions_is_the_profiles(db: None) -> None:  # P8
    kind = Kind(Idp(issue_token(described({"name": "department"})).secret), "user")
    for short in SHORT:
        name = short.format(*["User"] * (short.count("{}") - 1), "department")
        made = kind.post({name: "Ours", ENTERPRISE: {"department": "Theirs"}})
        assert made[kind.own]["department"] == "Ours"
        assert made[ENTERPRISE] == {"department": "Theirs"}
        assert kind.found(f'{name} eq "ours"') == [made["id"]]
        assert kind.found(f'{name} eq "theirs"') == []
        assert kind.found(f'{ENTERPRISE}:department eq "theirs"') == [made["id"]]
        assert kind.idp.delete(f"/Users/{made['id']}").status_code == 204


class TestAFilter:
    def test_orders_numbers_and_times_as_such(self, db: None) -> None:  # P8
        rows = [{"name": "level", "type": "integer"}, {"name": "since", "type": "dateTime"}]
        kind = Kind(Idp(issue_token(described(*rows)).secret), "user")
        ids = [
            kind.post({"level": level, "since": since})["id"]
            for level, since in ((9, "2024-01-01T01:00:00+02:00"), (10, "2024-01-01T00:00:00Z"), (-1, "2023-01-01"))
        ]
        assert kind.found("level gt 9") == [ids[1]]
        assert kind.found("level le 9.5") == [ids[0], ids[2]]
        assert kind.found('since gt "2023-12-31T23:00:00Z"') == [ids[1]]
        assert kind.found('since eq "2023-12-31T23:00:00.000Z"') == [ids[0]]
        assert kind.found('since lt "2023-12-31T22:59:59Z"') == [ids[2]]
        for name, order in (("level", [2, 0, 1]), ("since", [2, 0, 1])):
            assert [row["id"] for row in kind.get(sortBy=name)["Resources"]] == [ids[n] for n in order]
        assert kind.idp.get("/Users?filter=level+co+1").json()["scimType"] == "invalidFilter"

    @pytest.mark.parametrize("exact", [True, False])
    def test_honours_case_exact(self, db: None, exact: bool) -> None:  # P8
        rows = [{"name": "code", "case_exact": exact}, {"name": "codes", "case_exact": exact, "multi_valued": True}]
        kind = Kind(Idp(issue_token(described(*rows)).secret), "user")
        made = kind.post({"code": "AbC", "codes": ["x", "AbC"]})["id"]
        for name in ("code", "codes"):
            for text in (f'{name} eq "abc"', f'{name} sw "ab"', f'{name} co "b"', f'{name} ew "c"'):
                assert bool(kind.found(text)) is (not exact or text.endswith('co "b"'))
            assert kind.found(f'{name} eq "AbC"') == [made]


class TestWhatIsStored:
    def test_is_found_by_a_description_that_came_later(self, db: None) -> None:  # P8
        org = described()
        kinds = [Kind(Idp(issue_token(org).secret), carrier) for carrier in ("user", "group")]
        ids = [[kind.post({kind.own: {"LEVEL": n, "tag": "AbC"}})["id"] for n in (9, 10, "x")] for kind in kinds]
        both = [{"carrier": carrier} for carrier in ("user", "group")]
        describe(
            org.profile,
            *({**each, "name": "level", "type": "integer"} for each in both),
            *({**each, "name": "Tag"} for each in both),
        )
        etags = [kind.get(made[0])["meta"] for kind, made in zip(kinds, ids, strict=True)]
        assert not filter_copies.refresh(seconds=60)
        assert FilterCopies.objects.filter(done=False).count() == 2
        for kind, made, meta in zip(kinds, ids, etags, strict=True):
            assert kind.found("level gt 9") == [made[1]]
            assert kind.found("level pr") == made
            assert kind.found('tag eq "abc"') == made
            assert {"level": 9, "Tag": "AbC"}.items() <= kind.get(made[0])[kind.own].items()
            assert kind.get(made[0])["meta"] == meta
        # Another round finds nothing to do, and there is no more to do until the next edit.
        assert not filter_copies.refresh(seconds=60)
        assert FilterCopies.objects.filter(done=True).count() == 2
        describe(org.profile, *({**each, "name": "Tag", "case_exact": True} for each in both))
        for _ in range(2):
            filter_copies.refresh(seconds=60)
        for kind, made in zip(kinds, ids, strict=True):
            assert kind.found('tag eq "abc"') == []
            assert kind.found('tag eq "AbC"') == made

    def test_is_made_anew_in_steps(self, db: None, monkeypatch: pytest.MonkeyPatch) -> None:  # P8
        monkeypatch.setattr(filter_copies, "AT_ONCE", 2)
        org = described()
        kind = Kind(Idp(issue_token(org).secret), "user")
        ids = [kind.post({kind.own: {"level": n}})["id"] for n in range(5)]
        describe(org.profile, {"name": "level", "type": "integer"})
        steps = 1
        while filter_copies.refresh(seconds=-1):
            steps += 1
        assert steps >= 3
        assert kind.found("level ge 0") == ids


ODD = ["x", 5, True, ["x"], [5, "x"], {"a": 1}, "2024-01-01", 1.5]


class TestWhatIsOlderThanItsDescription:
    @pytest.mark.parametrize(("type_", "carrier", "multi"), CASES)
    def test_is_returned_as_it_is_and_breaks_nothing(self, db: None, carrier: str, multi: bool, type_: str) -> None:
        # P8, P3, S2
        org = described()
        kind = Kind(Idp(issue_token(org).secret), carrier)
        ids = {kind.post({kind.own: {"THEthing": odd}})["id"]: odd for odd in ODD}
        describe(org.profile, {"carrier": carrier, "name": "theThing", "type": type_, "multi_valued": multi})
        literal = {"boolean": "true", "integer": "5", "decimal": "5", "dateTime": '"2024-01-01"'}.get(type_, '"x"')
        for _ in range(2):
            listed = {row["id"]: kind.value(row) for row in kind.get(sortBy="theThing")["Resources"]}
            assert listed == ids
            for op in ("eq", "ne", "gt", "le") if type_ != "boolean" else ("eq", "ne"):
                kind.get(filter=f"theThing {op} {literal}")
            # Written again as the portal has it, and nothing but the rest, the second time.
            for id_, odd in ids.items():
                whole = {"externalId": id_, "userName": kind.get(id_).get("userName"), "theThing": odd}
                answer = kind.idp.put(f"{kind.path}/{id_}", whole)
                assert answer.status_code == 200, answer.content
                same = {"op": "replace", "path": "theThing", "value": odd}
                assert kind.idp.patch(f"{kind.path}/{id_}", same).status_code == 200
            listed_now = {id_: kind.value(kind.get(id_)) for id_ in ids}
            ids = listed_now
        if multi:
            for id_ in ids:
                kind.patched(id_, {"op": "add", "path": "theThing", "value": VALUES[type_][0]})
                select = {"op": "remove", "path": f"theThing[value eq {literal}]"}
                assert kind.idp.patch(f"{kind.path}/{id_}", select).status_code in (200, 400)
        for id_ in ids:
            assert kind.patched(id_, {"op": "replace", "path": "theThing", "value": VALUES[type_][1]}) is not None
