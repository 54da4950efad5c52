"""Whatever an identity provider did, taken back, facts are what they were before it (SPEC T2).

HYPOTHESIS_PROFILE=deep looks longer.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import given, note, settings
from hypothesis import strategies as st

from groups_provisioning.actions import account_switches, conflict_decisions, group_ends, manual_changes, mappings, undo
from groups_provisioning.actions.conflict_decisions import Card
from groups_provisioning.engine import loading, reconcile, taking_back
from groups_provisioning.engine.loading import Known
from groups_provisioning.engine.resolution import Effects
from groups_provisioning.engine.taking_back import Span
from groups_provisioning.engine.undo_plan import Reason
from groups_provisioning.models import Conflict, GroupMapping, PushedGroup
from groups_provisioning.preview import overlay, plans
from orgs.entities import KindOff
from orgs.models import Change, Entity, FactKind, LastAdmin, ScimToken, User
from scim import filter_copies
from tests.conftest import Idp
from tests.factories import OrganizationFactory, issue_token
from tests.groups_provisioning.engine.test_as_of import facts_of_now, rows
from tests.groups_provisioning.engine.test_holds_at_random import ROLES, URN
from tests.groups_provisioning.states import drift
from tests.groups_provisioning.world import POOL, SUB, TEAM, by_admin, entity, map_to, rule, settle_marked

PEOPLE, BEFORE, WITHIN = 6, 15, 12
NAMES = ["Red", "Green", "Blue", "Gold", "Grey"]
Facts = dict[str, list[dict[str, Any]]]


class Driver:
    """An org of few people and groups, with two identity providers and an admin."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.org = OrganizationFactory.create(dialect=self.random.choice(["standard", "testomat", "lambdatest"]))
        self.tokens = {name: issue_token(self.org, name) for name in ("one", "other")}
        self.idps = {name: Idp(token.secret) for name, token in self.tokens.items()}
        self.idp = self.idps["other"]
        self.roles = [role.key for role in self.org.profile.roles.order_by("-rank")]
        for kind, name in ((POOL, "Green"), (SUB, "Blue"), (TEAM, "By hand")):
            entity(self.org, name, kind)
        if self.random.random() < 0.7:
            rule(self.org, self.random.choice(["", "r", "g"]), self.random.choice([TEAM, POOL]))
        for number in range(PEOPLE):
            self.idp_creates_somebody(number)
        for name in NAMES[:3]:
            self.idp_pushes(name)

    # What identity providers do

    def idp_creates_somebody(self, number: int | None = None) -> None:
        body: dict[str, Any] = {"userName": self._name(number), "active": self.random.random() < 0.8}
        self.idp.post("/Users", body | self._words())

    def idp_writes_somebody(self) -> None:
        if user := self._one():
            body = {"userName": user.user_name, "active": self.random.random() < 0.7}
            self.idp.put(f"/Users/{user.id}", body | self._words())

    def idp_renames_somebody(self) -> None:
        if user := self._one():
            self.idp.patch(f"/Users/{user.id}", {"op": "replace", "path": "userName", "value": self._name(None)})

    def idp_sets_a_word(self) -> None:
        if user := self._one():
            path, value = self.random.choice([*self._words().items(), ("nickName", "x"), ("active", False)])
            self.idp.patch(f"/Users/{user.id}", {"op": "replace", "path": path, "value": value})

    def idp_sets_a_role(self) -> None:
        if user := self._one():
            path, value = ROLES[self.org.profile.key]
            role = value(self.random.choice(self.roles))
            self.idp.patch(f"/Users/{user.id}", {"op": "replace", "path": path, "value": role})

    def idp_deletes_somebody(self) -> None:
        if user := self._one():
            self.idp.delete(f"/Users/{user.id}")

    def idp_pushes(self, name: str = "") -> None:
        members = [{"value": id_} for id_ in (*self._some(), *self._nested())]
        body: dict[str, Any] = {"displayName": name or self.random.choice(NAMES), "members": members}
        if self.org.profile.key == "lambdatest" and self.random.random() < 0.4:
            body[f"{URN}LambdaTest:2.0:Group"] = {"LambdatestRoles": [self.random.choice(self.roles)]}
        self.idp.post("/Groups", body)

    def idp_sets_members(self) -> None:
        if group := self._group():
            value = [{"value": id_} for id_ in (*self._some(), *self._nested())]
            operation = {"op": self.random.choice(["add", "remove", "replace"]), "path": "members", "value": value}
            self.idp.patch(f"/Groups/{group.id}", operation)

    def idp_removes_and_adds_again(self) -> None:
        if group := self._group():
            value = [{"value": id_} for id_ in self._some()]
            for op in ("remove", "add"):
                self.idp.patch(f"/Groups/{group.id}", {"op": op, "path": "members", "value": value})

    def idp_renames_a_group(self) -> None:
        if group := self._group():
            operation = {"op": "replace", "path": "displayName", "value": self.random.choice(NAMES)}
            self.idp.patch(f"/Groups/{group.id}", operation)

    def idp_sets_an_id(self) -> None:
        if group := self._group():
            operation = {"op": "replace", "path": "externalId", "value": str(self.random.random())}
            self.idp.patch(f"/Groups/{group.id}", operation)

    def idp_deletes_a_group(self) -> None:
        if group := self._group():
            self.idp.delete(f"/Groups/{group.id}")

    # What the admin does

    def admin_acts_on_somebody(self) -> None:
        if user := self._one():
            whom: dict[str, Any] = {"org": self.org, "user_id": user.id, "cause": by_admin()}
            entities = list(Entity.objects.for_org(self.org).live().order_by("id"))
            target = self.random.choice(entities).id
            acts: list[Callable[[], Any]] = [
                lambda: manual_changes.set_roles(roles=self.random.sample(self.roles, 1), **whom),
                lambda: account_switches.deactivate(**whom),
                lambda: account_switches.activate(**whom),
                lambda: manual_changes.take_out(entity_id=target, **whom),
                lambda: manual_changes.take_out(entity_id=target, **whom),
                lambda: manual_changes.place(entity_id=target, **whom),
            ]
            with suppress(KindOff, account_switches.IdpDeactivated):
                self.random.choice(acts)()

    def admin_maps(self) -> None:
        if group := self._group():
            kind = self.random.choice([TEAM, POOL, SUB])
            with suppress(*plans.REFUSALS):
                map_to(group, kind, self.random.choice([None, "Blue", "Green"]) if kind != SUB else None)

    def admin_rejects(self) -> None:
        live = [each.id for each in GroupMapping.objects.for_org(self.org).live().order_by("id")]
        if live and self.random.random() < 0.3:
            mappings.reject(org=self.org, mapping_ids=[self.random.choice(live)], cause=by_admin())

    def admin_decides(self) -> None:
        settle_marked(self.org)
        if card := Conflict.objects.for_org(self.org).order_by("id").first():
            incoming = self.random.random() < 0.5
            conflict_decisions.decide(org=self.org, cards=[Card.of(card)], use_incoming=incoming, cause=by_admin())

    def admin_ends_a_group(self) -> None:
        if (group := self._group()) and self.random.random() < 0.2:
            group_ends.end_group(org=self.org, group_id=group.id, cause=by_admin())

    def worker_settles(self) -> None:
        settle_marked(self.org)

    # Whom and what

    def _name(self, number: int | None) -> str:
        number = self.random.randint(0, PEOPLE + 1) if number is None else number
        return f"{number}@{self.org.slug}.example"

    def _words(self) -> dict[str, Any]:
        words = {"title": self.random.choice(["Dr.", "Ms."]), "name": {"givenName": self.random.choice(NAMES)}}
        if self.org.profile.key == "lambdatest" and self.random.random() < 0.4:
            words |= {f"{URN}LambdaTest:2.0:User": {"LambdatestGroup": "Green"}}
        return words | {"externalId": str(self.random.randint(0, 9))}

    def _one(self) -> User | None:
        return self._any(User.objects.for_org(self.org).live())

    def _group(self) -> PushedGroup | None:
        return self._any(PushedGroup.objects.for_org(self.org).live())

    def _any(self, found: Any) -> Any:
        listed = list(found.order_by("id"))
        return self.random.choice(listed) if listed else None

    def _some(self) -> list[str]:
        listed = [str(user.id) for user in User.objects.for_org(self.org).live().order_by("id")]
        return self.random.sample(listed, self.random.randint(0, len(listed)))

    def _nested(self) -> list[str]:
        group = self._group()
        return [str(group.id)] if group and self.random.random() < 0.2 else []

    def do(self, times: int, *, admin: bool) -> None:
        idp = [each for name, each in vars(Driver).items() if name.startswith("idp_")]
        others = [each for name, each in vars(Driver).items() if name.startswith(("admin_", "worker_"))]
        for number in range(times):
            act = self.random.choice([*idp, *others] if admin else [*idp, Driver.worker_settles])
            note(f"{number}: {act.__name__} by {[name for name, idp in self.idps.items() if idp is self.idp]}")
            act(self)

    # What is true

    def facts(self) -> Facts:
        self.org.refresh_from_db()
        return rows(facts_of_now(self.org))

    def token(self, name: str) -> UUID:
        return ScimToken.objects.for_org(self.org).get(name=name).id

    def take_back(self, span: Span) -> UUID:
        """What the preview has foreseen comes of it (M9)."""
        settle_marked(self.org)
        wish = (
            {"do": "take_back", "change": str(span.change)}
            if span.change
            else {"do": "take_back", "token": str(span.token), "since": str(span.since), "until": str(span.until)}
        )
        plan = plans.plan(self.org, wish, at=timezone.now())
        foreseen = [each for _, each in overlay.differences(self.org, plan.overlay) if each and each.slot != "account"]
        before = self.recorded()
        undo.take_back(org=self.org, span=span, copies=filter_copies.of_row, cause=by_admin())
        settle_marked(self.org)
        after = self.recorded()
        came = [
            each
            for id_, known in before.items()
            if after[id_].recorded != known.recorded
            for each in reconcile.differences(known, after[id_].recorded or Effects([]))
        ]
        # Who keeps the admin role as the last one hangs on the order in which people are settled.
        left_out = "roles" if LastAdmin.objects.for_org(self.org).exists() else ""
        foreseen, came = ([each for each in found if each.slot != left_out] for found in (foreseen, came))
        assert sorted(map(str, foreseen)) == sorted(map(str, came))
        return Change.objects.for_org(self.org).filter(verb="changes.taken_back").latest("id").id

    def recorded(self) -> dict[UUID, Known]:
        ids = list(User.objects.for_org(self.org).values_list("id", flat=True))
        return {known.id: known for known in loading.load(self.org, ids).people}

    def check(self) -> None:
        settle_marked(self.org)
        assert drift(self.org) == []
        for group in PushedGroup.objects.for_org(self.org):
            assert group.member_count == group.memberships.count()
            assert group.folded == filter_copies.of_row(group)["folded"]
        for user in User.objects.for_org(self.org).filter(scim_managed=True):
            assert filter_copies.of_row(user) == {"folded": user.folded, "email_keys": user.email_keys}


def comparable(facts: Facts, before: Facts) -> Facts:
    """Facts without what is new since then and hidden, and what says that it was put back."""
    known = {kind: {row["id"] for row in before[kind]} for kind in ("user", "group", "mapping", "entity")}
    found: Facts = {}
    for kind, listed in facts.items():
        if kind == FactKind.LAST_ADMIN:
            continue  # the engine's word
        kept = [dict(row) for row in listed]
        if kind in known:
            new = [row for row in kept if row["id"] not in known[kind]]
            kept = [row for row in kept if row["id"] in known[kind]]
            if kind in ("user", "group"):
                assert all(row["deleted_at"] for row in new)
            if kind == "mapping":
                assert all(row["status"] == "rejected" and not row["barred"] for row in new)
        for row in kept:
            row.pop("out_of_sync", None)
            row.pop("former_keys", None)
        found[kind] = sorted(kept, key=str)
    return found


def restless(seed: int, *, admin: bool) -> tuple[Driver, datetime]:
    driver = Driver(seed)
    driver.do(BEFORE, admin=True)
    driver.idp = driver.idps["one"]
    return driver, timezone.now()


few = settings(max_examples=max(settings().max_examples // 4, 1))


@pytest.mark.usefixtures("db")
@few
@given(st.integers(0, 2**32))
def test_what_one_token_did_is_as_if_it_had_not_been(seed: int) -> None:
    with transaction.atomic():
        driver, since = restless(seed, admin=False)
        before = driver.facts()
        driver.do(WITHIN, admin=False)
        until, after = timezone.now(), driver.facts()
        span = Span(token=driver.token("one"), since=since, until=until)
        back = taking_back.plan(driver.org, span)
        note(str(back.refused))
        if not back.is_nothing:
            change = driver.take_back(span)
            # Two have swapped their names, or a rule has made a team with the name that another had.
            assert {each.reason for each in back.refused} <= {Reason.NAME_TAKEN}
            assert back.refused or comparable(driver.facts(), before) == comparable(before, before)
            driver.check()
            assert taking_back.plan(driver.org, span).is_nothing
            driver.take_back(Span(change=change))
            assert back.refused or comparable(driver.facts(), after) == comparable(after, after)
            driver.check()
        transaction.set_rollback(True)


@pytest.mark.usefixtures("db")
@few
@given(st.integers(0, 2**32))
def test_what_others_did_since_then_stays(seed: int) -> None:
    with transaction.atomic():
        driver, since = restless(seed, admin=True)
        driver.do(WITHIN, admin=True)
        driver.idp = driver.idps["other"]
        driver.do(WITHIN // 2, admin=True)
        driver.idp = driver.idps["one"]
        driver.do(WITHIN // 3, admin=True)
        span = Span(token=driver.token("one"), since=since, until=timezone.now())
        if not taking_back.plan(driver.org, span).is_nothing:
            driver.take_back(span)
            driver.check()
            assert taking_back.plan(driver.org, span).is_nothing
        transaction.set_rollback(True)
