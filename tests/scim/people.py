"""Users and queries about them, as drawn by hypothesis: every attribute, and text that is awkward to compare."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from scim.protocol.core import ENTERPRISE_URN, USER_URN
from scim.protocol.schema import Attribute, Ref, ResourceType

LAMBDA = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:User"
TESTMU = "urn:ietf:params:scim:schemas:extension:TestMu AI:2.0:User"
TESTOMAT = "urn:ietf:params:scim:schemas:extension:testomat:2.0:User"
UNKNOWN = "urn:acme:badges:2.0:User"
# For examples that make rows and ask about them many times, and those that take many requests.
half = settings(max_examples=settings().max_examples // 2)
few = settings(max_examples=settings().max_examples // 4)

# Theirs is known only to the request.
NOT_FILTERABLE = ("meta", "meta.location", "meta.version")
DIALECTS = ("standard", "lambdatest", "testomat")

# Letters that change their length when they are folded or composed, dotted and dotless i, final sigma, an astral letter
# with case, what LIKE, JSON and SQL give a meaning. Few enough that what is asked for occurs.
WORDS = [
    "a",
    "A",
    "ada",
    "Ada L",
    "z",
    "0",
    "ß",
    "SS",
    "straße",
    "İ",
    "i\u0307",
    "ı",
    "é",
    "e\u0301",
    "Å",
    "\u212b",
    "ﬁ",
]
WORDS += [
    "ς",
    "Σ",
    "ΟΔΟΣ",
    "😀",
    "𐐀",
    "𐐨",
    "\u0345",
    "ᾳ",
    "%",
    "_",
    "a%",
    "\\",
    '"',
    "'",
    " ",
    "a b",
    "\n",
    "\u00a0",
    "\u200d",
]
WORDS += ["{}", "[]", "null", "true", "work"]

texts = st.sampled_from(WORDS)
kinds = st.sampled_from(["work", "Work", "home", "other", "ß"])


def some(required: Mapping[str, st.SearchStrategy], optional: Mapping[str, st.SearchStrategy]) -> st.SearchStrategy:
    return st.fixed_dictionaries(dict(required), optional=dict(optional))


def plural(values: st.SearchStrategy = texts, **more: st.SearchStrategy) -> st.SearchStrategy:
    """A list of elements, any part of which may be missing."""
    parts = {"value": values, "display": texts, "type": kinds, "primary": st.booleans()} | more
    return st.lists(some({}, parts), max_size=3)


_emails = st.sampled_from(["ada@corp.example", "Ada@Corp.example", "straße@corp.example", "%@x", "ADA"])
_opaque = st.dictionaries(texts, st.none() | st.booleans() | st.integers(-9, 9) | texts | st.lists(texts), max_size=2)
_ENTERPRISE = some(
    {},
    dict.fromkeys(["employeeNumber", "costCenter", "organization", "division", "department"], texts)
    | {"manager": some({}, {"value": texts, "$ref": texts})},
)
CORE = dict.fromkeys(("externalId", "displayName", "nickName", "profileUrl", "title", "userType", "locale"), texts)
CORE |= {
    "name": some({}, dict.fromkeys(["formatted", "familyName", "givenName", "middleName"], texts)),
    "active": st.booleans(),
    "emails": plural(_emails),
    "phoneNumbers": plural(),
    "photos": plural(),
    "roles": plural(st.sampled_from(["Admin", "member", "Chef", "ß"])),
    "x509Certificates": plural(),
    "addresses": st.lists(
        some({}, dict.fromkeys(["locality", "country"], texts) | {"type": kinds, "primary": st.booleans()}), max_size=2
    ),
    ENTERPRISE_URN: _ENTERPRISE,
    UNKNOWN: _opaque,
}
POOLS = ["Straße", "pool"]  # concurrency groups that have to be there
_pooled = {
    "OrganizationRole": st.sampled_from(["Admin", "user", "Guest"]),
    "LambdatestGroup": st.sampled_from(["STRASSE", "Pool"]),
}
_OWN = {
    "standard": {},
    "lambdatest": {LAMBDA: some({}, _pooled), TESTMU: some({}, _pooled)},
    "testomat": {TESTOMAT: some({}, {"testomat_roles": st.lists(st.sampled_from(["manager", "QA"]), max_size=2)})},
}
_addresses = st.builds("{}{}@{}.example".format, st.sampled_from(["ada", "Ada", "o'neil"]), st.integers(0, 9), kinds)


def user_names(dialect: str) -> st.SearchStrategy[str]:
    if dialect == "standard":
        return texts.filter(str.strip)
    return _addresses.filter(str.isascii)


def bodies(dialect: str) -> st.SearchStrategy[dict[str, Any]]:
    """What an IdP may POST or PUT."""
    own = st.sampled_from([{name: values} for name, values in _OWN[dialect].items()] or [{}])
    return own.flatmap(lambda own: some({"userName": user_names(dialect)}, CORE | own))


# --- Filters ---------------------------------------------------------------------------------------------------------

ID = "{an id}"  # stands for one that occurs
MOMENTS = [datetime(2024, 2, 29, 23, 59, 59, 999999, UTC), datetime(2024, 3, 1, tzinfo=UTC)]
_MOMENTS = [*map(datetime.isoformat, MOMENTS), "2024-03-01T01:00:00+01:00", "2024-02-29", "2024-03-01T00:00:00Z"]
_MOMENTS += ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"]
_ANYTHING = [*WORDS, "", ID, USER_URN, ENTERPRISE_URN.upper(), LAMBDA, TESTMU.upper(), UNKNOWN, "Admin", "MEMBER", "qa"]
_ANYTHING += ["ADA@corp.example", "STRASSE@", "corp.example", "User", "Guest"]
_VALUES = {
    "string": st.sampled_from(_ANYTHING),
    "boolean": st.sampled_from(["true", "False"]),
    "dateTime": st.sampled_from(_MOMENTS),
}
_OPERATORS = {
    "string": ["eq", "Ne", "co", "sw", "ew", "gt", "ge", "lt", "le"],
    "binary": ["eq", "ne", "co", "sw", "ew"],
    "boolean": ["eq", "ne"],
    "dateTime": ["eq", "ne", "gt", "ge", "lt", "le"],
}


def refs(kind: ResourceType) -> list[Ref]:
    """Every attribute and sub-attribute that can be filtered on, and sorted by, once."""
    found = {ref.name: ref for ref in kind.names.values() if ref.attribute and ref.attribute.returned != "never"}
    return [ref for ref in found.values() if ref.name not in NOT_FILTERABLE]


def quoted(text: str) -> str:
    """A string of the filter grammar."""
    return json.dumps(text, ensure_ascii=False)


def comparisons(name: str, attribute: Attribute) -> st.SearchStrategy[str]:
    """All comparisons that are valid for an attribute."""
    attribute = attribute.subs.get("value", attribute)
    if attribute.type == "complex":
        return st.just(f"{name} pr")
    operators = _OPERATORS.get(attribute.type, _OPERATORS["string"])
    values = _VALUES.get(attribute.type, _VALUES["string"]).map(quoted)
    return st.builds("{} {} {}".format, st.just(name), st.sampled_from(operators), values) | st.sampled_from(
        [f"{name} pr", f"{name} eq null", f"{name} ne null"]
    )


def filters(kind: ResourceType) -> st.SearchStrategy[str]:
    """Filters of every kind over every attribute."""
    found = refs(kind)
    plain = [comparisons(ref.name, ref.leaf) for ref in found]
    paths = [_value_paths(ref) for ref in found if ref.sub is None and (ref.leaf.multi_valued or ref.leaf.subs)]
    return _joined(st.one_of(plain) | st.one_of(paths))


def _value_paths(ref: Ref) -> st.SearchStrategy[str]:
    """`emails[type eq "work" and not (value co "x")]`, also as Entra writes it."""
    inner = ref.leaf.sub_attributes or (Attribute("value", type=ref.leaf.type),)
    terms = st.one_of(
        [comparisons(sub.name, sub) for sub in inner],
    )
    found = _joined(terms).map(f"{ref.name}[{{}}]".format)
    return found | st.builds("{}.{}".format, found, terms) if ref.leaf.subs else found


def _joined(terms: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    patterns = ["not ({0})", "({0} and {1})", "({0} OR {1})", "{0} AND {1}", "{0} or {1}", "{0} and not ({1} or {2})"]
    return terms | st.builds(str.format, st.sampled_from(patterns), terms, terms, terms)
