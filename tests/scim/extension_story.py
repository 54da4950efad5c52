"""What an identity provider does with an extension that nobody described, and a small model of what comes of it (P3).

A server is asked through `Server`; the model knows one extension and nothing of how names are read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from hypothesis import strategies as st

from scim.protocol.text import fold

URNS = [
    "urn:okta:onprem_app:1.0:user:custom",  # Okta's own default for custom attributes
    "urn:okta:app_1:1.0:user",
    "urn:scim:schemas:extension:custom:1.0",  # PingFederate
    "urn:scim:schemas:extension:enterprise:1.0",  # OneLogin's template
    "urn:ietf:params:scim:schemas:idcs:extension:custom:User",  # Oracle
    "urn:mem:params:scim:schemas:extension:LuckyNumberExtension",  # Apache Syncope
    "urn:ietf:params:scim:schemas:extension:acme:2.0:User",
    "urn:ietf:params:scim:schemas:workato:1.0:WorkatoRole",
    "urn:acme:hr",
    "urn:acme:2:thing:2.0:User",
    "urn:acme:1.0.2",
    "urn:acme:Maße & Größen:2.0:User",
]
NAMES = ["departmentName", "k", "Größe", "$ref", "_id", "cost-center"]
ODD_NAMES = ["a.b", "a:b", "2fa", "two words", "", "[x]", 'eq "1"', "1.0:name", "User", "user.name"]
FORMS = ["object", "object at path", "key", "path", "dotted key", "dotted path"]

text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=4)
atoms = st.sampled_from(["a", "b", "C", "0"]) | st.integers(-5, 5).filter(bool) | text
arrays = st.lists(st.sampled_from(["a", "b", "c", 1, {"v": "a"}]), min_size=1, max_size=3, unique_by=str)
objects = st.dictionaries(st.sampled_from(["first", "last", "x.y"]), st.sampled_from(["a", "b", 1]), min_size=1)
values = st.one_of(atoms, arrays, objects)
odd_urns = st.one_of(
    st.just("urn:x"),  # no URN: a path below it cannot be told from another
    st.text(max_size=12).map("urn:".__add__),
    st.from_regex(r"urn:[a-zA-Z0-9:. \[\]\"ßé-]{0,20}", fullmatch=True),
    st.from_regex(r"urn:[a-z]{1,3}:(?:[0-9]\.[0-9]|[a-z]{1,3})(?::[A-Za-z0-9.]{1,4}){0,3}", fullmatch=True),
).filter(lambda urn: not urn.startswith(("urn:ietf", "urn:scim")))


@dataclass(frozen=True)
class Step:
    """One operation of a PATCH. A removal without a value has None."""

    op: str
    name: str
    value: Any
    form: str
    swapped: bool

    def operation(self, urn: str) -> dict[str, Any]:
        if self.swapped and fold(urn.swapcase()) == fold(urn):
            urn = "urn:" + urn[4:].swapcase()
        full = f"{urn}{'.' if 'dotted' in self.form else ':'}{self.name}"
        if self.op == "remove":
            return {"op": "remove", "path": full} | ({} if self.value is None else {"value": self.value})
        if self.form == "object":
            return {"op": self.op, "value": {urn: {self.name: self.value}}}
        if self.form == "object at path":
            return {"op": self.op, "path": urn, "value": {self.name: self.value}}
        if self.form.endswith("key"):
            return {"op": self.op, "value": {full: self.value}}
        return {"op": self.op, "path": full, "value": self.value}

    def applied(self, extension: Mapping[str, Any]) -> dict[str, Any]:
        new = dict(extension)
        value = after(self.op, new.pop(self.name, None), self.value)
        return new if value in (None, []) else new | {self.name: value}


def after(op: str, old: Any, value: Any) -> Any:
    if op == "remove":
        if isinstance(old, list) and value is not None:
            gone = value if isinstance(value, list) else [value]
            return [item for item in old if not any(same(item, one) for one in gone)]
        return None
    if op == "add" and isinstance(old, list):
        new = value if isinstance(value, list) else [value]
        return old + [item for item in new if not any(same(item, one) for one in old)]
    if isinstance(old, dict) and isinstance(value, dict):
        return old | value
    return value


def same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


@st.composite
def steps(draw: st.DrawFn, names: list[str], *, odd: bool) -> list[Step]:
    """Operations on attributes of these names. A path alone cannot say that a new name may be odd."""
    drawn = []
    for _ in range(draw(st.integers(1, 4))):
        name = draw(st.sampled_from(names))
        op = draw(st.sampled_from(["add", "replace", "remove"]))
        value = draw(st.none() | arrays | atoms) if op == "remove" else draw(values)
        form = draw(st.sampled_from(FORMS[:2] if odd and op != "remove" else FORMS))
        drawn.append(Step(op, name, value, form, draw(st.booleans())))
    return drawn


class Server(Protocol):
    """A resource of somebody who answers; every method returns the resource, or None where the answer is 4xx."""

    def post(self, body: dict[str, Any]) -> dict[str, Any] | None: ...
    def patch(self, operation: dict[str, Any]) -> dict[str, Any] | None: ...
    def put(self, body: dict[str, Any]) -> dict[str, Any] | None: ...
    def get(self, **query: str) -> dict[str, Any]: ...


def tell(server: Server, urn: str, first: dict[str, Any], told: list[Step], *, refusable: bool) -> None:
    """POST, PATCH, PUT and GET agree with the model; `refusable` says that a request may be refused as a whole."""
    if server.post({urn: first}) is None:
        assert refusable
        return
    extension = dict(first)
    assert seen(server.get(), urn) == extension
    for step in told:
        # Where a path leads that nothing is stored at is a guess: what is gone is written again as an object.
        shown = server.patch((step if extension else replace(step, form="object", swapped=False)).operation(urn))
        if shown is None:
            assert refusable
        else:
            extension = step.applied(extension)
            assert seen(shown, urn) == extension
        assert seen(server.get(), urn) == extension
    if extension:
        _tell_projections(server, urn, extension)
        before = server.get()
        again = server.put(before)
        assert again is not None
        assert seen(again, urn) == extension
    assert server.put({urn: {"only": ["this"]}}) is not None
    assert seen(server.get(), urn) == {"only": ["this"]}
    if (gone := server.patch({"op": "remove", "path": urn})) is None:
        assert refusable
    else:
        assert seen(gone, urn) == seen(server.get(), urn) == {}
        assert urn not in server.get()["schemas"]


def _tell_projections(server: Server, urn: str, extension: dict[str, Any]) -> None:
    if "," not in urn and urn.strip() == urn:
        assert seen(server.get(attributes=urn), urn) == extension
        assert seen(server.get(excludedAttributes=urn.upper() if urn.isascii() else urn), urn) == {}
        for name in extension:
            if "," not in name and name.strip() == name and name:
                assert seen(server.get(attributes=f"{urn}:{name}"), urn) == {name: extension[name]}
                rest = {other: value for other, value in extension.items() if other != name}
                assert seen(server.get(excludedAttributes=f"{urn}.{name}"), urn) == rest


def seen(resource: dict[str, Any], urn: str) -> Any:
    """The extension, which is the only one, under the name that it came with first."""
    others = {key: value for key, value in resource.items() if ":" in key and key != urn}
    assert not others, others
    assert (urn in resource) is (urn in resource["schemas"])
    return resource.get(urn, {})
