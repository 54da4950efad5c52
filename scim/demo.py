"""What the demo organization is filled with: what an identity provider pushes, and what an admin makes of it.

Requests go through the front door and decisions are commands, so that the log, history and every why are real too. It
is the same each time, except for ids and times.
"""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from groups_provisioning.actions import entity_edits, mappings, rules
from groups_provisioning.actions.rules import RuleFacts
from groups_provisioning.choices import PatternType
from groups_provisioning.engine import worker
from groups_provisioning.models import ROLE, GroupMapping
from orgs import organizations, tokens
from orgs.history import Cause
from orgs.models import Door, EntityKind, IdentityProvider, User
from scim import request_log
from scim.addresses import BASE_PATH
from scim.api.front import ScimFrontDoor

SECONDS = 30.0
"""For settling everybody, which takes less than one, and for the log."""

ENGINEERS = (
    "Ada Brandt", "Jonas Keller", "Priya Raman", "Mateusz Nowak", "Hannah Okafor", "Luis Ortega", "Mei Tanaka",
    "Tomas Novotny", "Sofia Rossi", "Daniel Mensah", "Beatriz Ferreira", "Oskar Lund", "Leila Haddad", "Ben Whitaker",
    "Yuki Mori", "Clara Dubois",
)  # fmt: skip
DESIGNERS = ("Nora Fischer", "Emeka Obi", "Julia Santos", "Rafael Costa", "Alice Moreau")
ANALYSTS = ("Viktor Petrov", "Amara Diallo", "Felix Wagner", "Zoe Martin", "Arjun Mehta")
IT_STAFF = ("Grace Kimani", "Stefan Vogel", "Marta Kowalska", "Omar Farouk")
SALES = ("Ingrid Solberg", "Lars Nilsen", "Elin Bergstrom", "Mikael Virtanen", "Freja Holm", "Paul Garnier")
SUCCESS = ("Teresa Alves", "Hugo Lambert", "Miriam Stein", "David Cohen")
TITLES = {
    "Engineering": ("Software Engineer", ENGINEERS),
    "Design": ("Product Designer", DESIGNERS),
    "Data": ("Data Analyst", ANALYSTS),
    "IT": ("Systems Administrator", IT_STAFF),
    "Sales": ("Account Executive", SALES),
    "Customer Success": ("Customer Success Manager", SUCCESS),
}
EVERYBODY = tuple(name for _title, names in TITLES.values() for name in names)

GROUPS: dict[str, Sequence[str]] = {
    "All employees": EVERYBODY,
    "Berlin office": EVERYBODY[::4],
    "Team Platform": ENGINEERS[:6],
    "Team Payments": ENGINEERS[4:11],
    "Team Mobile": ENGINEERS[11:],
    "Team Design": DESIGNERS,
    "Team Data": ANALYSTS,
    "Pool Mac": ENGINEERS[:7],
    "Pool Android": ENGINEERS[5:12],
    "Pool Load tests": ANALYSTS[:3],
    "Nordics": SALES[:5],
    "IT administrators": IT_STAFF[:3],
}
RULES = (
    RuleFacts(PatternType.PREFIX, EntityKind.TEAM, "Team ", auto_approve=True),
    RuleFacts(PatternType.PREFIX, EntityKind.CONCURRENCY_GROUP, "Pool "),
    RuleFacts(PatternType.PREFIX, ROLE, "IT ", auto_approve=True, role="Admin"),
)
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
EXTENSION = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:User"


class UnexpectedAnswer(Exception):
    """The portal answered a request of the demo with another status than the demo is made for."""


class IdentityProviderOfDemo:
    """Sends requests as Okta does, within this process: the portal is not up yet."""

    def __init__(self, secret: str) -> None:
        self._door = ScimFrontDoor(_nothing_else)
        self._headers = {"Authorization": f"Bearer {secret}", "User-Agent": "Okta SCIM Client 1.0.0"}

    def __call__(self, method: str, path: str, body: Any, *, status: int) -> dict[str, Any]:
        """The answer, which is to have this status. Raises UnexpectedAnswer."""
        request = RequestFactory(headers=self._headers).generic(
            method, BASE_PATH + path, json.dumps(body), "application/scim+json", secure=settings.HTTPS
        )
        answer = self._door(request)
        assert isinstance(answer, HttpResponse)
        answer.close()  # the next one may begin
        if answer.status_code != status:
            raise UnexpectedAnswer(f"{method} {path}: {answer.status_code} {answer.content.decode()}")
        told: dict[str, Any] = json.loads(answer.content)
        return told

    def create_person(self, name: str, title: str, department: str, *, role: str = "User", status: int = 201) -> str:
        """Their id; empty where they are refused."""
        given, family = name.split(" ", 1)
        user_name = address(name)
        person = {
            "userName": user_name,
            "externalId": f"00u-{given}-{family}".lower(),
            "name": {"givenName": given, "familyName": family},
            "displayName": name,
            "emails": [{"value": user_name, "type": "work", "primary": True}],
            "title": title,
            ENTERPRISE: {"department": department},
            EXTENSION: {"OrganizationRole": role},
        }
        return str(self("POST", "/Users", person, status=status).get("id", ""))

    def create_group(self, name: str, members: Sequence[str], *, status: int = 201) -> str:
        """Its id; empty where it is refused."""
        group = {"displayName": name, "members": [{"value": member} for member in members]}
        return str(self("POST", "/Groups", group, status=status).get("id", ""))

    def change(self, path: str, *operations: dict[str, Any], status: int = 200) -> None:
        schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
        self("PATCH", path, {"schemas": schemas, "Operations": operations}, status=status)


def fill(owner: User) -> None:
    """Fill the org of this owner, who decides what admins decide. Raises UnexpectedAnswer."""
    org = owner.org
    assert org

    def cause() -> Cause:
        return Cause(Door.PAGE, timezone.now(), person=owner)

    for facts in RULES:
        rules.add_rule(org=org, facts=facts, cause=cause())
    token = tokens.issue(org=org, name="Demo data", idp=IdentityProvider.OKTA, cause=cause())
    idp = IdentityProviderOfDemo(token.secret)
    people = {
        name: idp.create_person(name, title, department)
        for department, (title, names) in TITLES.items()
        for name in names
    }
    groups = {name: UUID(idp.create_group(name, [people[each] for each in names])) for name, names in GROUPS.items()}

    # The first pool has its members when the second is approved: whoever is in both is a conflict.
    for name in ("Pool Mac", "Pool Android"):
        mapping = GroupMapping.objects.get(group_id=groups[name])
        mappings.approve(org=org, mapping_id=mapping.id, cause=cause())
    nordics = entity_edits.create_entity(org=org, kind=EntityKind.SUB_ORGANIZATION, name="Nordics", cause=cause())
    mappings.map_group(
        org=org, group_id=groups["Nordics"], kind=EntityKind.SUB_ORGANIZATION, target=nordics.id, cause=cause()
    )

    idp.create_person("Kim Larsen", "Account Executive", "Sales", role="Administrator", status=400)
    idp.create_person(ENGINEERS[0], "Software Engineer", "Engineering", status=409)
    renamed = {"op": "replace", "path": "userName", "value": address("Sofia Bianchi")}
    idp.change(f"/Users/{people['Sofia Rossi']}", renamed, status=400)
    for name in ("Paul Garnier", "David Cohen"):
        idp.change(f"/Users/{people[name]}", {"op": "replace", "value": {"active": False}})

    organizations.switch_group_provisioning(org=org, on=False, cause=cause())
    leaves = {"op": "remove", "path": f'members[value eq "{people[ANALYSTS[-1]]}"]'}
    idp.change(f"/Groups/{groups['Team Data']}", leaves, status=403)
    idp.create_group("Team Growth", [], status=403)
    organizations.switch_group_provisioning(org=org, on=True, cause=cause())

    worker.drain(SECONDS)
    request_log.flush(SECONDS)


def address(name: str) -> str:
    return f"{name.replace(' ', '.').lower()}@demo.example"


def _nothing_else(request: Any) -> HttpResponse:
    raise AssertionError("every request of the demo is below the base URL")
