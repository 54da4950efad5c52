"""Replays what real identity providers say; README.md describes the files."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.utils import timezone

from groups_provisioning.actions.rules import RuleFacts, add_rule
from groups_provisioning.engine import worker
from groups_provisioning.models import PushedGroup
from orgs.history import Cause
from orgs.models import Change, Door, Entity, Mark, Organization, User, VerifiedDomain
from tests.conftest import Idp
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory, issue_token
from tests.groups_provisioning.states import drift
from tests.idp.conversation import Conversation, Step, differences, filled, read

FILES = sorted((Path(__file__).parent / "conversations").rglob("*.json"))
NAMES = [f"{file.parent.name}/{file.stem}" for file in FILES]
BACKEND = "django.contrib.auth.backends.ModelBackend"
ERROR_URN = "urn:ietf:params:scim:api:messages:2.0:Error"
LIST_URN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_conversation(db: None, file: Path) -> None:
    conversation = read(file)
    assert conversation.title, "A conversation says what it is about."
    assert conversation.source, "A conversation says where it was learned."
    assert all(re.fullmatch(r"[A-Z][0-9]+", rule) for rule in conversation.rules), conversation.rules
    Replay(conversation, file.relative_to(Path(__file__).parent)).run()


class Replay:
    """One conversation with one org."""

    def __init__(self, conversation: Conversation, name: Path) -> None:
        self.conversation = conversation
        self.name = name
        self.org: Organization = OrganizationFactory.create(dialect=conversation.profile)
        self.idp = Idp(issue_token(self.org).secret, conversation.base)
        self.kept: dict[str, Any] = {}
        self.browsers: dict[str, Client] = {}

    def run(self) -> None:
        self._prepare(**self.conversation.given)
        for number, step in enumerate(self.conversation.steps, start=1):
            self._sign_in(step.sign_in)
            self._configure(step.org)
            changes = len(self._changes())
            answer = self._send(step)
            found = [*self._in_answer(step, answer), *self._in_database(**filled(step.then, self.kept))]
            found += self._in_groups()
            if answer.status_code >= 400 and (len(self._changes()) != changes or self._marked()):
                found.append("a refused request changed something")
            found += self._in_effects(step.settled)
            if found:
                shown = answer.content.decode()[:3000]
                title = f"{self.name}, step {number}: {step.request}  {step.note}"
                pytest.fail("\n".join([title, *(f"  {line}" for line in found), shown]), pytrace=False)

    def _prepare(
        self,
        *,
        people: list[dict[str, Any]] | None = None,
        elsewhere: list[dict[str, Any]] | None = None,
        owner: str = "",
        concurrency_groups: list[str] | None = None,
        sub_organizations: list[str] | None = None,
        rules: list[dict[str, Any]] | None = None,
        domains: list[str] | None = None,
        org: dict[str, Any] | None = None,
    ) -> None:
        """What is there before: people by their columns, in this org or another; what else the org has."""
        self._configure(org or {})
        for columns in people or []:
            user = UserFactory.create(org=self.org, **columns)
            self.kept[user.user_name.partition("@")[0]] = {"id": str(user.id)}
        for columns in elsewhere or []:
            user = UserFactory.create(**columns)
            self.kept[user.user_name.partition("@")[0]] = {"id": str(user.id)}
        if owner:
            self.kept["owner"] = {"id": str(OwnerFactory.create(org=self.org, user_name=owner).id)}
        for kind, names in (("concurrency_group", concurrency_groups), ("sub_organization", sub_organizations)):
            for name in names or []:
                Entity.objects.create(org=self.org, kind=kind, name=name, created_at=timezone.now())
        for facts in rules or []:
            add_rule(org=self.org, facts=RuleFacts(**facts), cause=Cause(Door.COMMAND, timezone.now()))
        for name in domains or []:
            VerifiedDomain.objects.create(org=self.org, name=name, verified_at=timezone.now())

    def _configure(self, columns: dict[str, Any]) -> None:
        if columns:
            Organization.objects.filter(id=self.org.id).update(**columns)

    def _sign_in(self, names: list[str]) -> None:
        for name in names:
            self.browsers[name] = Client()
            self.browsers[name].force_login(self.org.people.get(user_name=name), backend=BACKEND)

    def _send(self, step: Step) -> HttpResponse:
        method, _, path = str(filled(step.request, self.kept)).partition(" ")
        body = step.raw.encode() if step.raw is not None else filled(step.body, self.kept)
        headers = {name.lower().replace("-", "_"): value for name, value in filled(step.headers, self.kept).items()}
        answer = self.idp(method, path, body, **headers)
        if step.keep:
            self.kept[step.keep] = json.loads(answer.content)
        return answer

    def _in_answer(self, step: Step, answer: HttpResponse) -> Iterator[str]:
        if answer.status_code != step.status:
            yield f"the status should be {step.status}, and is {answer.status_code}"
        if answer["Content-Type"] != "application/scim+json":
            yield f"the answer is {answer['Content-Type']}"
        message = json.loads(answer.content) if answer.content else None
        if message is not None:
            yield from _well_formed(answer, message)
        if step.answer is not None:
            yield from differences(filled(step.answer, self.kept), message, "answer")

    def _in_database(
        self,
        *,
        people: dict[str, Any] | None = None,
        rows: int | None = None,
        changes: list[str] | None = None,
        ledger: list[list[Any]] | None = None,
        signed_in: dict[str, bool] | None = None,
        groups: dict[str, Any] | None = None,
        group_rows: int | None = None,
        marked: list[str] | None = None,
    ) -> Iterator[str]:
        """people: by userName as it is stored, with columns of User, `roles`, `deleted` and `password`; rows: users of
        the org; changes: the verbs of all requests so far that changed something; ledger: what the last one brought
        about, as [slot, was, now]; signed_in: whether the browser of each person still is; groups: by displayName as
        it is stored, with columns of PushedGroup, `members`, `nested` and `deleted`; group_rows: groups of the org,
        the deleted ones too; marked: whom this request has left to be settled.
        """
        for name, expected in (people or {}).items():
            found = list(self.org.people.select_related("standing").filter(user_name=name))
            if len(found) != 1:
                yield f"{len(found)} people are called {name}"
            else:
                yield from differences(expected, _columns(found[0], expected), name)
        if rows is not None:
            yield from differences(rows, self.org.people.count(), "rows")
        done = self._changes()
        if changes is not None:
            yield from differences(changes, [change.verb for change in done], "changes")
        if ledger is not None:
            entries = [[entry.slot, entry.was, entry.now] for entry in done[-1].entries.order_by("id")]
            yield from differences(ledger, entries, "ledger")
        for name, expected in (signed_in or {}).items():
            yield from differences(expected, _is_signed_in(self.browsers[name]), f"{name} is signed in")
        for name, expected in (groups or {}).items():
            named = list(self.org.pushed_groups.filter(display_name=name))
            if len(named) != 1:
                yield f"{len(named)} groups are called {name}"
            else:
                yield from differences(expected, _group_columns(named[0], expected), name)
        if group_rows is not None:
            yield from differences(group_rows, self.org.pushed_groups.count(), "group_rows")
        if marked is not None:
            yield from differences(sorted(marked), self._marked(), "marked")

    def _in_groups(self) -> Iterator[str]:
        """What holds for every group after every request: it is counted right, and a deleted one is empty."""
        for group in self.org.pushed_groups.all():
            yield from differences(group.memberships.count(), group.member_count, f"{group}.member_count")
            if group.deleted_at and (group.member_count or group.nested.exists() or group.nested_in.exists()):
                yield f"{group} is deleted and still has members, or is one"

    def _in_effects(self, expected: dict[str, Any]) -> Iterator[str]:
        """What has come of the request once the worker was there; for everybody, what the facts amount to.

        expected: by userName, the effective `roles`, and all `places` and `conflicts`.
        """
        while worker.serve():
            pass
        if marked := self._marked():
            yield f"could not be settled: {marked}"
        for effect in drift(self.org):
            yield f"is not what the facts amount to: {effect}"
        for name, effects in expected.items():
            yield from differences(effects, _effects(self.org.people.get(user_name=name, deleted_at=None)), name)

    def _marked(self) -> list[str]:
        """Who waits to be settled."""
        return sorted(set(Mark.objects.filter(org=self.org).values_list("user__user_name", flat=True)))

    def _changes(self) -> list[Change]:
        return list(Change.objects.filter(org=self.org, door=Door.SCIM).order_by("at", "id"))


def _columns(user: User, names: dict[str, Any]) -> dict[str, Any]:
    computed = {
        "id": str(user.id),
        "roles": user.standing.roles,
        "deleted": user.deleted_at is not None,
        "password": user.has_usable_password(),
    }
    return {name: computed[name] if name in computed else getattr(user, name) for name in names}


def _effects(user: User) -> dict[str, Any]:
    places = user.places.values_list("kind", "entity__name", "source")
    names = {mapping.id: mapping.group.display_name for mapping in user.org.mappings.select_related("group")}
    conflicts = {
        names[conflict.incoming_id]: sorted(names[holder] for holder in conflict.holders)
        for conflict in user.conflicts.all()
    }
    return {
        "roles": user.standing.roles,
        "places": sorted(f"{kind} {name} by {source}" for kind, name, source in places),
        "conflicts": sorted(f"{incoming} after {', '.join(holders)}" for incoming, holders in conflicts.items()),
    }


def _group_columns(group: PushedGroup, names: dict[str, Any]) -> dict[str, Any]:
    computed = {
        "id": str(group.id),
        "members": sorted(group.memberships.values_list("user__user_name", flat=True)),
        "nested": sorted(group.nested.values_list("member__display_name", flat=True)),
        "deleted": group.deleted_at is not None,
    }
    return {name: computed[name] if name in computed else getattr(group, name) for name in names}


def _is_signed_in(browser: Client) -> bool:
    request = HttpRequest()
    request.session = browser.session
    return get_user(request).is_authenticated


def _well_formed(answer: HttpResponse, message: dict[str, Any]) -> Iterator[str]:
    """What holds for every answer: errors, lists and resources have the form of RFC 7644."""
    if answer.status_code >= 400:
        expected = {"schemas": [ERROR_URN], "status": str(answer.status_code), "detail": "{{any}}"}
        yield from differences(expected, message, "error")
    elif message.get("schemas") == [LIST_URN]:
        yield from differences(len(message["Resources"]), message["itemsPerPage"], "itemsPerPage")
    elif message.get("meta", {}).get("resourceType") in ("User", "Group"):
        yield from differences(answer["ETag"], message["meta"]["version"], "meta.version")
        if answer.status_code == 201:
            yield from differences(answer["Location"], message["meta"]["location"], "meta.location")
    if '"password":' in answer.content.decode():
        yield "the answer has a password"
