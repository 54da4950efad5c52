"""Who may open what: every address of the portal, by everybody there is. A new address has to join the table."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse
from django.urls.resolvers import RegexPattern, URLResolver

from orgs import sign_in
from orgs.models import Organization, User
from tests.factories import OrganizationFactory, StaffFactory, UserFactory, issue_token

# What comes of a request.
OPEN = "the page"
SIGN_IN = "sign in first"
REFUSED = "403 in words"
ABSENT = "404"
ADMIN = "on to the admin"
ONWARD = "on to another page"
WRONG_METHOD = "405"

PEOPLE = ("anonymous", "stranger", "member", "admin", "support")
EVERYBODY = (OPEN,) * 5
ORG_ADMINS = (SIGN_IN, OPEN, REFUSED, OPEN, ADMIN)

# By name and method: what the people above get, in their order. The stranger administers another org: what has no id
# in its address is then about that one. {token}: one of the admin's org.
MATRIX: dict[tuple[str, str], tuple[str, ...]] = {
    ("health-live", "GET"): EVERYBODY,
    ("health-ready", "GET"): EVERYBODY,
    ("sign-in", "GET"): (OPEN, ONWARD, ONWARD, ONWARD, ADMIN),
    ("sign-out", "GET"): (WRONG_METHOD,) * 5,
    ("sign-out", "POST"): (SIGN_IN,) * 5,
    ("forgotten-password", "GET"): EVERYBODY,
    ("set-password", "GET"): (ONWARD,) * 5,
    ("overview", "GET"): ORG_ADMINS,
    ("authentication", "GET"): ORG_ADMINS,
    ("scim-provisioning", "GET"): ORG_ADMINS,
    ("scim-group-provisioning", "GET"): ORG_ADMINS,
    ("scim-group-provisioning", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("scim-token-new", "GET"): ORG_ADMINS,
    ("scim-token-new", "POST"): ORG_ADMINS,
    ("scim-token-revoke", "GET"): (SIGN_IN, ABSENT, REFUSED, OPEN, ADMIN),
    ("scim-token-revoke", "POST"): (SIGN_IN, ABSENT, REFUSED, ONWARD, ADMIN),
}

# The admin is support's alone, address by address. What support may do there is tested beside it.
ADMIN_PREFIX = "admin/"


def patterns(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every pattern of the URLconf with an example of its address, without the slash at the front."""
    for entry in (resolver or get_resolver()).url_patterns:
        address = prefix + example(entry)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, address)
        else:
            yield address, entry


def example(entry: URLPattern | URLResolver) -> str:
    if isinstance(entry.pattern, RegexPattern):
        return re.sub(
            r"\(\?P<\w+>([^|)]*)[^)]*\)", lambda group: group[1].replace(".*", "nowhere"), str(entry.pattern)
        ).strip("^$")
    return re.sub(r"<(?:(\w+):)?\w+>", lambda part: str(UUID(int=1)) if part[1] == "uuid" else "1", str(entry.pattern))


OURS = [(address, entry) for address, entry in patterns() if not address.startswith(ADMIN_PREFIX)]
ADMINS = [address for address, _ in patterns() if address.startswith(ADMIN_PREFIX)]


def test_every_address_is_in_the_table() -> None:
    assert {entry.name or address for address, entry in OURS} == {name for name, _ in MATRIX}


@pytest.fixture
def org(db: None) -> Organization:
    return OrganizationFactory.create()


@pytest.fixture(params=PEOPLE)
def who(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def browser(who: str, org: Organization) -> Client:
    people: dict[str, Any] = {
        "stranger": lambda: UserFactory.create(roles=["Admin"]),
        "member": lambda: UserFactory.create(org=org),
        "admin": lambda: UserFactory.create(org=org, roles=["Admin"]),
        "support": StaffFactory.create,
    }
    client = Client()
    if who in people:
        client.force_login(people[who](), backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize(("name", "method"), MATRIX, ids=" ".join)
def test_people_get_what_the_table_says(name: str, method: str, who: str, browser: Client, org: Organization) -> None:
    outcomes = dict(zip(PEOPLE, MATRIX[name, method], strict=True))
    answer = browser.generic(method, address_of(name, org))
    assert outcome(answer) == outcomes[who]


def test_the_admin_is_closed_to_everybody_but_support(who: str, browser: Client) -> None:
    assert len(ADMINS) > 20
    for address in ADMINS:
        answer = browser.get(f"/{address}", follow=True)
        last = answer.redirect_chain[-1][0] if answer.redirect_chain else f"/{address}"
        if who == "support":
            assert not last.startswith(reverse("sign-in")), address
        elif who == "anonymous":
            assert last.startswith(reverse("sign-in")), address
        else:
            assert answer.status_code == 403 or not last.startswith(f"/{ADMIN_PREFIX}"), address


def address_of(name: str, org: Organization) -> str:
    if name == "scim-token-revoke":
        return reverse(name, args=[issue_token(org).token.id])
    if name == "set-password":
        return sign_in.password_link(User.objects.filter(org=org).first() or UserFactory.create(org=org)).split("8000")[
            1
        ]
    return reverse(name)


def outcome(answer: HttpResponse) -> str:
    if answer.status_code == 302:
        to = answer.headers["Location"]
        if to.startswith(reverse("sign-in")):
            return SIGN_IN
        return ADMIN if to == reverse("admin:index") else ONWARD
    return {200: OPEN, 403: REFUSED, 404: ABSENT, 405: WRONG_METHOD}[answer.status_code]


# What is below the SCIM base URLs (scim.api.urls) is answered by the front door, and the token alone decides the org
# (SPEC O5): its table is to stand here, by token of the org, of another org, revoked, expired, and none.
