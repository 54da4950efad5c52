"""Every command about people, groups and rules, over HTTP."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone

from groups_provisioning.actions import account_switches, group_ends, manual_changes
from groups_provisioning.models import ROLE, Breach, Conflict, Decision, GroupMapping, MappingRule, Preview, PushedGroup
from groups_provisioning.preview import runs
from orgs.models import Change, Door, Entity, Invitation, LedgerEntry, Organization, ScimToken, Scope
from orgs.web import limits
from tests.api.commands.client import ALL, MANAGE, Program
from tests.api.consumer import key_of
from tests.api.program import contents
from tests.conftest import Idp
from tests.factories import OrganizationFactory, OwnerFactory
from tests.groups_provisioning.outlooks import last_entry
from tests.groups_provisioning.world import (
    POOL,
    SUB,
    TEAM,
    by_command,
    empty,
    entity,
    give,
    map_to,
    only,
    push,
    push_user,
    role_rule,
    rule,
    settle_marked,
)
from tests.orgs.test_invitations import invite

pytestmark = pytest.mark.usefixtures("db")


class Asked(NamedTuple):
    method: str
    path: str
    body: Any = None


def after(_done: object, asked: Asked) -> Asked:
    """What is asked once something was done."""
    return asked


class Scene:
    """Ada, Bo and Cy; some groups that are mapped, some that wait, and one for each thing that can be done."""

    def __init__(self, org: Organization, idp: Idp) -> None:
        self.org, self.idp = org, idp
        self.owner = OwnerFactory.create(org=org)
        self.ada, self.bo, self.cy = (push_user(idp, name) for name in ("Ada Brandt", "Bo Lind", "Cy Ekman"))
        self.team = map_to(push(idp, "Platform", self.ada, self.bo), TEAM)
        self.gold = push(idp, "Gold", self.ada, self.bo, self.cy)
        map_to(self.gold, POOL)
        map_to(push(idp, "Silver", self.ada, self.bo), POOL)  # in conflict with Gold
        self.free = push(idp, "eng-web", self.ada, self.cy)
        self.role = give(push(idp, "Leads", self.bo), "Member")
        self.rule = rule(org, "eng-")
        self.second = rule(org, "ops-", auto=False)
        self.waiting = only(push(idp, "ops-night", self.ada, self.cy))
        self.hand = entity(org, "By hand")
        self.gone = push(idp, "Former", self.ada)
        map_to(self.gone, TEAM)
        settle_marked(org)
        about: dict[str, Any] = {"org": org, "cause": by_command()}
        manual_changes.place(user_id=UUID(self.cy), entity_id=self.hand.id, **about)
        manual_changes.take_out(user_id=UUID(self.bo), entity_id=self.team.entity_id, **about)
        account_switches.deactivate(user_id=UUID(self.cy), **about)
        group_ends.end_group(group_id=self.gone.id, **about)
        self.invitation = invite(org, "cleo@partner.example", by=self.owner)
        settle_marked(org)

    def conflicts(self) -> list[dict[str, Any]]:
        return [
            {"person": each.user_id, "incoming": each.incoming_id, "holders": each.holders}
            for each in Conflict.objects.for_org(self.org).order_by("user")
        ]

    def decided(self) -> list[int]:
        Program(self.org)("POST", "conflicts/decide", {"use": "current", "conflicts": self.conflicts()})
        settle_marked(self.org)
        return list(Decision.objects.for_org(self.org).order_by("id").values_list("id", flat=True))

    def at_rest(self) -> None:
        """The IdP was not heard of for so long that what it said about somebody can be set aside."""
        ScimToken.objects.update(last_used_at=timezone.now() - 2 * account_switches.SILENT)


def emptied(s: Scene) -> Change:
    """The change by which the IdP emptied a team."""
    s.idp.patch(f"/Groups/{s.team.group_id}", {"op": "replace", "path": "members", "value": []})
    settle_marked(s.org)
    return Change.objects.filter(by_token__isnull=False).latest("id")


def since(s: Scene, change: Change) -> dict[str, Any]:
    return {"token": change.by_token_id, "since": change.at, "until": timezone.now()}


RULE = {"pattern_type": "prefix", "pattern": "eng-", "kind": TEAM, "auto_approve": True}

COMMANDS: dict[str, Callable[[Scene], Asked]] = {
    "placing": lambda s: Asked("PUT", f"people/{s.ada}/places/{s.hand.id}"),
    "taking out": lambda s: Asked("DELETE", f"people/{s.ada}/places/{s.team.entity_id}"),
    "taking out of a place by hand": lambda s: Asked("DELETE", f"people/{s.cy}/places/{s.hand.id}"),
    "putting back": lambda s: Asked("DELETE", f"people/{s.bo}/removals/{s.team.entity_id}"),
    "roles": lambda s: Asked("PUT", f"people/{s.ada}/roles", {"roles": ["Admin"]}),
    "deactivating": lambda s: Asked("POST", f"people/{s.ada}/deactivate"),
    "activating": lambda s: Asked("POST", f"people/{s.cy}/activate"),
    "erasing": lambda s: Asked("POST", f"people/{s.cy}/erase", {"confirm": "CY.ekman@corp.example"}),
    "inviting": lambda s: Asked("POST", "invitations", {"addresses": ["di@partner.example"], "roles": ["Member"]}),
    "inviting again": lambda s: Asked("POST", f"invitations/{s.invitation.id}/resend"),
    "revoking an invitation": lambda s: Asked("DELETE", f"invitations/{s.invitation.id}"),
    "creating a team": lambda s: Asked("POST", "teams", {"name": "Night shift"}),
    "creating a pool": lambda s: Asked("POST", "concurrency-groups", {"name": "Tin", "session_limit": 3}),
    "creating a sub-organization": lambda s: Asked("POST", "sub-organizations", {"name": "EMEA"}),
    "renaming a team": lambda s: Asked("PATCH", f"teams/{s.hand.id}", {"name": "Crew"}),
    "changing a pool": lambda s: Asked(
        "PATCH",
        f"concurrency-groups/{Entity.objects.get(name='Gold').id}",
        {"name": "Golden", "session_limit": 9},
    ),
    "deleting a team": lambda s: Asked("DELETE", f"teams/{s.team.entity_id}"),
    "adding a rule": lambda s: Asked("POST", "rules", RULE | {"kind": POOL}),
    "adding a rule and applying it": lambda s: Asked(
        "POST", "rules", {"pattern_type": "all", "kind": ROLE, "role": "Admin", "auto_approve": True, "apply": True}
    ),
    "changing a rule": lambda s: Asked("PUT", f"rules/{s.rule.id}", RULE | {"pattern": "web-"}),
    "deleting a rule": lambda s: Asked("DELETE", f"rules/{s.rule.id}"),
    "moving a rule": lambda s: Asked("POST", f"rules/{s.second.id}/move", {"position": 1}),
    "applying a rule": lambda s: Asked("POST", f"rules/{rule(s.org, 'Lead').id}/apply"),
    "applying all rules": lambda s: after(rule(s.org, "Lead"), Asked("POST", "rules/apply", {"list": "entities"})),
    "mapping": lambda s: Asked("POST", f"groups/{s.free.id}/mappings", {"kind": POOL, "name": "tin "}),
    "mapping to a role": lambda s: Asked("POST", f"groups/{s.free.id}/mappings", {"kind": ROLE, "role": "Admin"}),
    "mapping many": lambda s: Asked(
        "POST", "groups/map", {"ids": [s.free.id, s.role.group_id, s.team.group_id], "kind": TEAM}
    ),
    "giving many a role": lambda s: Asked(
        "POST", "groups/map", {"ids": [s.free.id, s.team.group_id], "kind": ROLE, "role": "Admin"}
    ),
    "approving": lambda s: Asked("POST", f"mappings/{s.waiting.id}/approve", {}),
    "approving for another target": lambda s: Asked("POST", f"mappings/{s.waiting.id}/approve", {"entity": s.hand.id}),
    "approving many": lambda s: Asked("POST", "mappings/approve", {"ids": [s.waiting.id, s.team.id]}),
    "retargeting": lambda s: Asked("POST", f"mappings/{s.team.id}/retarget", {"name": "Base"}),
    "choosing another role": lambda s: Asked("POST", f"mappings/{s.role.id}/retarget", {"role": "Admin"}),
    "rejecting": lambda s: Asked("POST", f"mappings/{s.team.id}/reject"),
    "rejecting many": lambda s: Asked("POST", "mappings/reject", {"ids": [s.team.id, s.waiting.id]}),
    "ending a group": lambda s: Asked("POST", f"groups/{s.team.group_id}/end"),
    "ending many groups": lambda s: Asked("POST", "groups/end", {"ids": [s.team.group_id, s.free.id]}),
    "undoing an end": lambda s: Asked("POST", f"groups/{s.gone.id}/undo-end"),
    "deciding": lambda s: Asked("POST", "conflicts/decide", {"use": "incoming", "conflicts": s.conflicts()}),
    "undoing decisions": lambda s: Asked("POST", "decisions/undo", {"decisions": s.decided()}),
    "letting through": lambda s: Asked("POST", f"held-changes/{empty(s.idp, s.team.group).id}/let-through", {}),
    "letting some through": lambda s: Asked(
        "POST", f"held-changes/{empty(s.idp, s.gold).id}/let-through", {"people": [s.ada]}
    ),
    "taking a change back": lambda s: Asked("POST", "take-back", {"change": emptied(s).id}),
    "taking back what a token did": lambda s: Asked("POST", "take-back", since(s, emptied(s))),
    "switching kinds": lambda s: Asked("PUT", "kinds", {"on": [TEAM, SUB]}),
}
AT_THE_OPERATOR = {"switching kinds"}
REHEARSED = {
    *("placing", "taking out", "taking out of a place by hand", "putting back", "roles", "erasing"),
    *("inviting", "inviting again", "revoking an invitation"),
    *("creating a team", "creating a pool", "creating a sub-organization", "renaming a team", "changing a pool"),
    *("adding a rule", "changing a rule", "deleting a rule", "moving a rule"),
}
CHANGES_NOBODY = {
    *("inviting", "inviting again", "revoking an invitation", "adding a rule", "changing a rule", "deleting a rule"),
    *("moving a rule", "renaming a team", "changing a pool"),
    *("creating a team", "creating a pool", "creating a sub-organization"),
}
TWICE_IS_ONCE = {
    *("placing", "roles", "deactivating", "activating", "renaming a team", "changing a pool", "changing a rule"),
    *("moving a rule", "rejecting", "rejecting many", "approving", "approving many", "mapping many", "mapping"),
    *("taking out of a place by hand", "putting back", "switching kinds", "giving many a role", "applying all rules"),
    *("mapping to a role", "taking out", "applying a rule", "approving for another target"),
}
"""Those that change nothing when they are sent again; the others are refused then, or add what there was."""
ADDS_AGAIN = {"adding a rule", "adding a rule and applying it", "inviting again"}
NAMES_NOTHING = {
    *("creating a team", "creating a pool", "creating a sub-organization", "inviting", "switching kinds"),
    *("adding a rule", "adding a rule and applying it", "applying all rules"),
}
"""Those that have no id in them, but that of the org."""
MAKES_ADMINS = {
    *("roles", "adding a rule and applying it", "mapping to a role", "giving many a role", "choosing another role"),
}


@pytest.fixture
def scene(org: Organization, idp: Idp) -> Scene:
    scene = Scene(org, idp)
    Invitation.objects.update(sent_at=timezone.now() - timedelta(hours=1))
    return scene


def program(scene: Scene, what: str) -> Program:
    """With a key that may do this."""
    return Program(scene.org, key_of(None, *ALL) if what in AT_THE_OPERATOR else None)


def done(answer: HttpResponse) -> Any:
    assert answer.status_code in {200, 201, 202, 204}, answer.content
    return json.loads(answer.content) if answer.content else None


def each_of(scene: Scene) -> Iterator[tuple[str, Asked]]:
    """Every command; what it changes is undone before the next one."""
    for what, command in COMMANDS.items():
        with transaction.atomic():
            asked = command(scene)
            settle_marked(scene.org)
            limits.Buckets.clear_all()
            yield what, asked
            transaction.set_rollback(True)


def as_foreseen(came: list[dict[str, Any]], told: dict[str, Any]) -> list[dict[str, Any]]:
    """With what stands in a preview for what was made since: entities and mappings."""
    live = Entity.objects.live()
    stands_for = {str(live.get(kind=each["kind"], name=each["name"]).id): each["entity"] for each in told["created"]}
    real = {stand_in: id_ for id_, stand_in in stands_for.items()}
    for each in told["mapped"]:
        target = {"role": each["role"]} if each["role"] else {"entity": real.get(each["entity"], each["entity"])}
        made = GroupMapping.objects.live().get(group=each["group"], **target)
        stands_for[str(made.id)] = each["mapping"]

    def end(each: Any) -> Any:
        if isinstance(each, dict):
            return {"incoming": end(each["incoming"]), "holders": [end(holder) for holder in each["holders"]]}
        return stands_for.get(each, each) if isinstance(each, str) else each

    return [each | {"was": end(each["was"]), "now": end(each["now"])} for each in came]


def told_since(org: Organization, last: int) -> list[dict[str, Any]]:
    """What the ledger tells of people."""
    entries = LedgerEntry.objects.for_org(org).filter(id__gt=last).exclude(slot="last_admin").order_by("id")
    return [{"person": str(each.user_id), "slot": each.slot, "was": each.was, "now": each.now} for each in entries]


def by_text(rows: list[Any]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


class TestEveryCommand:
    """Each on the same scene, and undone."""

    def test_does_what_its_preview_said_which_leaves_everything_as_it_was(self, scene: Scene) -> None:  # E2, M9
        for what, asked in each_of(scene):
            client, last = program(scene, what), last_entry()
            last_change = Change.objects.order_by("-id").values_list("id", flat=True).first()
            before = contents()
            told = done(client(*asked, preview=True))
            assert contents() == before, what
            assert ("changes" in told) == (what in REHEARSED), what
            sent = {} if what in REHEARSED else {"if_match": f'"{told["fingerprint"]}"'}
            done(client(*asked, **sent))
            settle_marked(scene.org)
            made = Change.objects.for_org(scene.org).filter(id__gt=last_change).order_by("id")
            assert {(each.door, each.by_key_id) for each in made} == {(Door.API, client.key.id)}, what
            came = told_since(scene.org, last)
            assert bool(came) != (what in CHANGES_NOBODY), what
            if what in REHEARSED:
                assert [each["verb"] for each in told["changes"]] == [each.verb for each in made], what
                assert [effect for each in told["changes"] for effect in each["effects"]] == came, what
            else:
                assert by_text(told["differences"]) == by_text(as_foreseen(came, told)), what
                assert told["touched"] == len({each["person"] for each in came}), what

    def test_sent_again_changes_nothing_more(self, scene: Scene) -> None:  # E2
        for what, asked in each_of(scene):
            client = program(scene, what)
            done(client(*asked))
            settle_marked(scene.org)
            if what in ADDS_AGAIN:
                continue
            before = contents()
            answer = client(*asked)
            assert (answer.status_code in {200, 204}) == (what in TWICE_IS_ONCE), (what, answer.content)
            assert answer.status_code in {200, 204, 404, 409}, (what, answer.content)
            assert contents() == before, what

    def test_needs_the_scopes(self, scene: Scene) -> None:  # E5
        but_managing = [scope for scope in Scope if scope != Scope.MANAGE]
        keys = {of: [key_of(of, *but_managing), key_of(of, *MANAGE)] for of in (scene.org, None)}
        clients = {of: [Program(scene.org, key) for key in pair] for of, pair in keys.items()}
        for what, asked in each_of(scene):
            reads, manages = clients[None if what in AT_THE_OPERATOR else scene.org]
            without = (reads, manages) if what in MAKES_ADMINS else (reads,)
            before = contents()
            for client in without:
                for preview in (True, False):
                    answer = client(*asked, preview=preview)
                    assert answer.status_code == 403, (what, answer.content)
                    assert answer.json()["type"].endswith("insufficient-scope"), what
            if what not in MAKES_ADMINS:
                done(manages(*asked, preview=True))
            assert contents() == before, what

    def test_knows_nothing_of_another_org(self, scene: Scene) -> None:  # E2, O7
        other = OrganizationFactory.create()
        foreign, of_its_own = Program(scene.org, key_of(other, *ALL)), Program(other, key_of(None, *ALL))
        for what, asked in each_of(scene):
            before = contents()
            for preview in (True, False):
                assert foreign(*asked, preview=preview).status_code == 404, what
                if what not in NAMES_NOTHING:
                    answer = of_its_own(*asked, preview=preview)
                    assert answer.status_code == 404, (what, answer.content)
            assert contents() == before, what


def _approve(s: Scene, role: str) -> GroupMapping:
    role_rule(s.org, role, "lead", auto=False)
    return only(push(s.idp, "lead", s.ada))


def _ended(s: Scene, role: str) -> PushedGroup:
    group = push(s.idp, "Chiefs", s.ada)
    give(group, role)
    group_ends.end_group(org=s.org, group_id=group.id, cause=by_command())
    return group


WAYS: dict[str, Callable[[Scene, str], Asked]] = {
    "by hand": lambda s, role: Asked("PUT", f"people/{s.ada}/roles", {"roles": [role]}),
    "by a group": lambda s, role: Asked("POST", f"groups/{s.free.id}/mappings", {"kind": ROLE, "role": role}),
    "by approving": lambda s, role: Asked("POST", f"mappings/{_approve(s, role).id}/approve", {}),
    "by approving another": lambda s, role: Asked(
        "POST", f"mappings/{_approve(s, 'Member').id}/approve", {"role": role}
    ),
    "by approving many": lambda s, role: Asked("POST", "mappings/approve", {"ids": [_approve(s, role).id]}),
    "by choosing another": lambda s, role: Asked(
        "POST", f"mappings/{_approve(s, 'Member').id}/retarget", {"role": role}
    ),
    "by mapping many": lambda s, role: Asked("POST", "groups/map", {"ids": [s.free.id], "kind": ROLE, "role": role}),
    "by a rule": lambda s, role: Asked("POST", "rules", {"pattern_type": "all", "kind": ROLE, "role": role}),
    "by changing a rule": lambda s, role: Asked(
        "PUT", f"rules/{role_rule(s.org, 'Member').id}", {"pattern_type": "all", "kind": ROLE, "role": role}
    ),
    "by applying a rule": lambda s, role: Asked("POST", f"rules/{role_rule(s.org, role).id}/apply"),
    "by applying all rules": lambda s, role: after(
        role_rule(s.org, role), Asked("POST", "rules/apply", {"list": "roles"})
    ),
    "by inviting": lambda s, role: Asked("POST", "invitations", {"addresses": ["di@corp.example"], "roles": [role]}),
    "by inviting again": lambda s, role: Asked("POST", f"invitations/{_invited(s, role).id}/resend"),
    "by undoing an end": lambda s, role: Asked("POST", f"groups/{_ended(s, role).id}/undo-end"),
    "by undoing the end of a group with a role": lambda s, role: Asked(
        "POST", f"groups/{_ended_with(s, role).id}/undo-end"
    ),
    "by activating": lambda s, role: Asked("POST", f"people/{_deactivated(s, role)}/activate"),
    "by moving a rule up": lambda s, role: Asked("POST", f"rules/{_behind(s, role)[1].id}/move", {"position": 1}),
    "by moving a rule out of the way": lambda s, role: Asked(
        "POST", f"rules/{_behind(s, role)[0].id}/move", {"position": 9}
    ),
    "by deleting a rule": lambda s, role: Asked("DELETE", f"rules/{_behind(s, role)[0].id}"),
    "by letting through": lambda s, role: Asked("POST", f"held-changes/{_held(s, role).id}/let-through", {}),
    "by taking back": lambda s, role: Asked("POST", "take-back", {"change": _demoted(s, role).id}),
    "by narrowing a rule": lambda s, role: Asked(
        "PUT",
        f"rules/{_behind(s, role)[0].id}",
        {"pattern_type": "prefix", "pattern": "x", "kind": ROLE, "role": "Member"},
    ),
}


def _held(s: Scene, role: str) -> Breach:
    breach = empty(s.idp, s.team.group)
    operation = {"op": "replace", "path": "roles", "value": [{"value": role}]}
    assert s.idp.patch(f"/Users/{s.ada}", operation).status_code == 200
    return breach


def _demoted(s: Scene, role: str) -> Change:
    """Of one of two admins: the last would keep the role."""
    manual_changes.set_roles(org=s.org, user_id=UUID(s.bo), roles=["Admin"], cause=by_command())
    for operation in ({"op": "add", "path": "roles", "value": [{"value": role}]}, {"op": "remove", "path": "roles"}):
        assert s.idp.patch(f"/Users/{s.ada}", operation).status_code == 200
        settle_marked(s.org)
    return Change.objects.filter(by_token__isnull=False).latest("id")


def _ended_with(s: Scene, role: str) -> PushedGroup:
    group = push(s.idp, "Chiefs", s.ada)
    PushedGroup.objects.filter(id=group.id).update(roles=[role])
    group_ends.end_group(org=s.org, group_id=group.id, cause=by_command())
    return group


def _deactivated(s: Scene, role: str) -> str:
    manual_changes.set_roles(org=s.org, user_id=UUID(s.cy), roles=[role], cause=by_command())
    return s.cy


def _behind(s: Scene, role: str) -> tuple[MappingRule, MappingRule]:
    """A rule for all groups, and another one that gets none because of it."""
    return role_rule(s.org, "Member"), role_rule(s.org, role)


def _invited(s: Scene, role: str) -> Invitation:
    Invitation.objects.filter(id=s.invitation.id).update(roles=[role])
    return s.invitation


def test_every_way_to_make_admins_needs_the_scope_for_it(scene: Scene) -> None:  # E5, L6
    clients = [Program(scene.org, key_of(scene.org, *scopes)) for scopes in (MANAGE, ALL)]
    for way, ask in WAYS.items():
        for role in ("Admin", "Member"):
            for client in clients:
                with transaction.atomic():
                    answer = client(*ask(scene, role))
                    is_refused = role == "Admin" and client is clients[0]
                    assert (answer.status_code == 403) == is_refused, (way, role, answer.content)
                    assert is_refused or answer.status_code < 300, (way, role, answer.content)
                    transaction.set_rollback(True)


class TestTheAnswer:
    def test_of_a_command_about_a_person_is_the_person(self, scene: Scene) -> None:  # E2
        client = Program(scene.org)
        told = done(client("PUT", f"people/{scene.ada}/places/{scene.hand.id}"))
        assert told["id"] == scene.ada
        assert str(scene.hand.id) in told["teams"]
        assert done(client("PUT", f"people/{scene.ada}/roles", {"roles": ["Admin"]}))["roles"] == ["Admin"]
        assert done(client("PUT", f"people/{scene.bo}/roles", {"roles": ["Admin"]}))["roles"] == ["Admin"]
        assert done(client("PUT", f"people/{scene.ada}/roles", {"roles": None}))["roles"] == ["Member"]

    def test_of_a_new_entity_says_where_it_is_and_which_has_the_name(self, scene: Scene) -> None:  # E2
        client = Program(scene.org)
        answer = client("POST", "concurrency-groups", {"name": "Tin", "session_limit": 3})
        made = done(answer)
        assert made == {"id": made["id"], "name": "Tin", "session_limit": 3}
        assert answer["Location"].endswith(f"/concurrency-groups/{made['id']}")
        again = client("POST", "concurrency-groups", {"name": "TIN"})
        assert (again.status_code, again.json()["existing"]) == (409, made["id"])
        assert again.json()["type"].endswith("/problems/name-taken")
        wrong = client("POST", "concurrency-groups", {"name": "default"})
        assert (wrong.status_code, [*wrong.json()["errors"]]) == (400, ["name"])

    def test_names_those_that_were_refused_among_many(self, scene: Scene) -> None:  # E2
        body = {"ids": [scene.team.group_id, scene.free.id], "kind": TEAM}
        client = Program(scene.org)
        seen = done(client("POST", "groups/map", body, preview=True))
        told = done(client("POST", "groups/map", body))
        assert told["refused"] == seen["refused"]
        (refused,) = (each for each in told["refused"] if each["id"] == str(scene.team.group_id))
        assert refused["problem"]["type"].endswith("/problems/already-mapped")

    def test_names_the_addresses_that_cannot_be_invited(self, scene: Scene) -> None:  # U13
        body = {"addresses": ["cleo@partner.example", "di@partner.example"], "roles": ["Member"]}
        answer = Program(scene.org)("POST", "invitations", body)
        assert answer.status_code == 409
        assert answer.json()["conflicts"] == [{"address": "cleo@partner.example", "reason": "invited", "person": None}]

    def test_of_decisions_names_them_so_that_they_can_be_undone(self, scene: Scene) -> None:  # C3
        client, cards = Program(scene.org), scene.conflicts()
        told = done(client("POST", "conflicts/decide", {"use": "incoming", "conflicts": cards}))
        settle_marked(scene.org)
        assert not Conflict.objects.exists()
        done(client("POST", "decisions/undo", {"decisions": [each["id"] for each in told["decisions"]]}))
        settle_marked(scene.org)
        assert by_text([{**each, "person": str(each["person"])} for each in map(_texts, scene.conflicts())]) == by_text(
            list(map(_texts, cards))
        )


def _texts(card: dict[str, Any]) -> dict[str, Any]:
    return {name: [*map(str, each)] if isinstance(each, list) else str(each) for name, each in card.items()}


class TestRefused:
    @pytest.mark.parametrize(
        ("method", "path", "body", "about"),
        [
            ("PUT", "people/{ada}/roles", {}, "roles"),
            ("PUT", "people/{ada}/roles", {"roles": []}, "roles"),
            ("PUT", "people/{ada}/roles", {"roles": ["Admin", "Member"]}, "roles"),
            ("POST", "people/{cy}/erase", {"confirm": "somebody"}, "confirm"),
            ("POST", "teams", {"name": "Crew", "session_limit": 3}, "session_limit"),
            ("POST", "concurrency-groups", {"name": "Crew", "session_limit": 0}, "session_limit"),
            ("POST", "rules", {"pattern_type": "regex", "pattern": "(", "kind": "team"}, "pattern"),
            ("POST", "rules", {"pattern_type": "regex", "pattern": "(", "kind": "team", "apply": True}, "pattern"),
            ("POST", "rules", {"pattern_type": "all", "pattern": "x", "kind": "team"}, "pattern"),
            ("POST", "rules", {"pattern_type": "all", "kind": "role"}, "role"),
            ("POST", "rules", {"pattern_type": "all", "kind": "team", "role": "Admin"}, "role"),
            ("PUT", "rules/{rule}", {"pattern_type": "all", "kind": "role", "role": "Admin"}, "kind"),
            ("POST", "groups/{free}/mappings", {"kind": "role"}, "role"),
            ("POST", "groups/{free}/mappings", {"kind": "team", "role": "Admin"}, "role"),
            ("POST", "groups/{free}/mappings", {"kind": "team", "name": "a", "role": "Admin"}, "entity"),
            ("POST", "groups/map", {"ids": ["{free}"], "kind": "role"}, "role"),
            ("POST", "mappings/{team}/retarget", {}, "entity"),
            ("POST", "mappings/{role}/retarget", {"name": "Crew"}, "name"),
        ],
    )
    def test_is_what_makes_no_sense(
        self, scene: Scene, method: str, path: str, body: dict[str, Any], about: str
    ) -> None:  # E2
        names = {
            **{name: getattr(scene, name) for name in ("ada", "cy")},
            **{name: getattr(scene, name).id for name in ("rule", "free", "team", "role")},
        }
        sent = json.loads(json.dumps(body).replace("{free}", str(scene.free.id)))
        answer = Program(scene.org)(method, path.format(**names), sent)
        assert answer.status_code == 400, answer.content
        assert [*answer.json()["errors"]] == [about]

    def test_is_deactivating_the_owner_but_by_the_operator(self, scene: Scene) -> None:  # O8
        path = f"people/{scene.owner.id}/deactivate"
        for preview in (True, False):
            answer = Program(scene.org)("POST", path, preview=preview)
            assert (answer.status_code, answer.json()["type"][-11:]) == (409, "owner-stays")
        assert not done(Program(scene.org, key_of(None, *ALL))("POST", path))["active"]

    def test_is_erasing_with_the_key_of_an_admin_who_is_not_the_owner(self, scene: Scene) -> None:  # U5
        key = key_of(scene.org, *ALL)
        client = Program(scene.org, key)
        asked = COMMANDS["erasing"](scene)
        for maker, status in ((scene.ada, 403), (scene.owner.id, 202)):
            key.key.created_by_id = maker
            key.key.save()
            assert client(*asked).status_code == status

    def test_is_switching_kinds_with_the_key_of_an_org(self, scene: Scene) -> None:  # O2
        answer = Program(scene.org)(*COMMANDS["switching kinds"](scene))
        assert (answer.status_code, answer.json()["type"][-13:]) == (403, "operator-only")

    def test_is_another_mail_a_moment_after_the_last(self, scene: Scene) -> None:  # U13
        Invitation.objects.update(sent_at=timezone.now())
        answer = Program(scene.org)(*COMMANDS["inviting again"](scene))
        assert (answer.status_code, answer.json()["type"][-13:]) == (409, "sent-just-now")

    def test_is_a_conflict_that_others_hold_against_now(self, scene: Scene) -> None:  # C3
        (card, *_) = scene.conflicts()
        card["holders"] = [scene.waiting.id]
        answer = Program(scene.org)("POST", "conflicts/decide", {"use": "current", "conflicts": [card]})
        assert (answer.status_code, answer.json()["type"][-13:]) == (409, "conflict-gone")

    def test_is_opening_whom_a_provider_that_calls_has_deactivated(self, scene: Scene) -> None:  # U12
        scene.idp.patch(f"/Users/{scene.ada}", {"op": "replace", "path": "active", "value": False})
        client, path = Program(scene.org), f"people/{scene.ada}/activate"
        ScimToken.objects.update(last_used_at=timezone.now())
        for preview in (True, False):
            assert client("POST", path, preview=preview).status_code == 409
        scene.at_rest()
        assert done(client("POST", path))["active"]


class TestAFingerprint:
    def test_of_what_is_no_longer_true_changes_nothing(self, scene: Scene) -> None:  # M9, E2
        client, path = Program(scene.org), f"mappings/{scene.team.id}/reject"
        seen = client("POST", path, preview=True)
        assert seen["ETag"] == f'"{seen.json()["fingerprint"]}"'
        added = {"op": "add", "path": "members", "value": [{"value": scene.cy}]}
        scene.idp.patch(f"/Groups/{scene.team.group_id}", added)
        before = contents()
        answer = client("POST", path, if_match=seen["ETag"])
        assert (answer.status_code, answer.json()["type"][-8:]) == (412, "outdated")
        assert contents() == before
        assert done(client("POST", path))["status"] == "rejected"

    def test_is_not_taken_where_a_preview_has_none(self, scene: Scene) -> None:  # E2
        answer = Program(scene.org)("POST", "teams", {"name": "Crew"}, if_match='"x"')
        assert answer.status_code == 412
        assert not Entity.objects.filter(name="Crew").exists()


class TestAPreviewOfManyPeople:
    def test_is_made_by_a_worker_and_asked_for_until_it_is_there(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # M9, E2
        monkeypatch.setattr(runs, "AT_ONCE", 1)
        client, path = Program(scene.org), f"mappings/{scene.team.id}/reject"
        asked = client("POST", path, preview=True)
        assert (asked.status_code, asked["Retry-After"]) == (202, "1")
        assert asked.json() == {"preview": True, "people": 2, "looked_at": 0}
        where = asked["Location"]
        assert client.http.get(where).status_code == 202
        assert runs.serve()
        answer = client.http.get(where)
        assert answer.status_code == 200
        assert answer.json()["touched"] == 1
        assert answer.json() == done(client("POST", path, preview=True))
        done(client("POST", path, if_match=answer["ETag"]))
        assert client.http.get(where).status_code == 200  # what it is about is looked at anew

    def test_is_for_keys_of_this_org_that_manage(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:  # E5
        monkeypatch.setattr(runs, "AT_ONCE", 1)
        Program(scene.org)("POST", f"mappings/{scene.team.id}/reject", preview=True)
        path, other = f"previews/{Preview.objects.get().id}", OrganizationFactory.create()
        assert Program(scene.org, key_of(scene.org))("GET", path).status_code == 403
        assert Program(other)("GET", path).status_code == 404
        assert Program(scene.org)("GET", path).status_code == 202

    def test_of_what_is_refused_by_now_says_why(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:  # M9
        monkeypatch.setattr(runs, "AT_ONCE", 1)
        client = Program(scene.org)
        where = client("POST", f"mappings/{scene.team.id}/retarget", {"name": "Base"}, preview=True)["Location"]
        entity(scene.org, "Base")
        assert client.http.get(where).json()["type"].endswith("/problems/name-taken")


class TestARuleThatIsTried:
    FACTS = {"pattern_type": "prefix", "pattern": "Lead", "kind": "team", "auto_approve": True}

    def test_says_what_it_would_have_done_with_recent_pushes(self, scene: Scene) -> None:  # T4
        group = push(scene.idp, "Leads of everything", scene.ada)
        client = Program(scene.org)
        before = MappingRule.objects.count(), Change.objects.count()
        answer = done(client("POST", "rules/back-test", self.FACTS))
        assert str(group.id) in [each["group"] for each in answer["mapped"]]
        assert answer["back_test"]["gone"] == []
        assert answer["back_test"]["pushes"] >= 1
        assert answer["touched"] >= 1
        assert (MappingRule.objects.count(), Change.objects.count()) == before

    @pytest.mark.parametrize(
        ("more", "status"), [({"pattern_type": "regex", "pattern": "["}, 400), ({"rule": str(UUID(int=1))}, 404)]
    )
    def test_is_refused_as_saving_it_would_be(self, scene: Scene, more: dict[str, Any], status: int) -> None:
        answer = Program(scene.org)("POST", "rules/back-test", self.FACTS | more)
        assert answer.status_code == status

    def test_needs_a_key_that_manages(self, scene: Scene) -> None:  # E5
        assert Program(scene.org, key_of(scene.org))("POST", "rules/back-test", self.FACTS).status_code == 403
