"""Whatever admins, their programs, an identity provider and support do, four things stay true (SPEC T6).

Nobody in the org becomes an admin by one person alone, nor is what guards that changed; what takes away never waits;
what was asked ends once, and what was approved is done; and previews tell what follows. Who may agree is worked out
from what the driver saw when it was asked. HYPOTHESIS_PROFILE=deep looks longer.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import given, note, settings
from hypothesis import strategies as st

from groups_provisioning.actions import account_switches, held_changes, manual_changes
from groups_provisioning.engine.holds import Held
from groups_provisioning.models import Breach, BreachState, GroupMapping, Hold, MappingRule, PushedGroup
from groups_provisioning.preview import plans
from groups_provisioning.proposals import wishes
from orgs import api_keys, proposals
from orgs.choices import HoldLimits
from orgs.db.sealed import hashed
from orgs.models import (
    ApiKey,
    Change,
    Invitation,
    LastAdmin,
    LedgerEntry,
    Mark,
    Organization,
    Proposal,
    ProposalState,
    ScimToken,
    Scope,
    User,
)
from orgs.web import limits
from tests.api.commands.client import Program
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory, UserFactory, issue_token
from tests.groups_provisioning.engine.test_holds_at_random import ROLES, URN, small_numbers
from tests.groups_provisioning.states import drift
from tests.groups_provisioning.world import TEAM, by_admin, by_command, give, role_rule, rule, settle, settle_marked
from tests.page_text import text

PEOPLE, STEPS = 6, 30
NAMES = ["adm-one", "adm-two", "ops-one", "ops-two", "team"]
PATTERNS = ["", "a", "adm-", "adm-o", "ops-", "o"]
SECRET, PASSWORD = "a-secret-of-an-invitation", "correct horse battery"


@dataclass(frozen=True, slots=True)
class World:
    """What no admin changes alone, at a time. known: the active admins; foreseen: those too whom a worker would make
    admins now. reach: by the name of a group, whether a rule would give it the admin role, and with whose approval.
    """

    at: datetime
    known: frozenset[UUID]
    foreseen: frozenset[UUID]
    invited: frozenset[UUID]
    guarded: Mapping[str, Any]
    reach: Mapping[str, int]


class Driver:
    """An org where two persons decide: two admins with a key each, an owner, six people, and groups and rules."""

    def __init__(self, seed: int) -> None:
        limits.Buckets.clear_all()
        self.random = Random(seed)
        month = timezone.now() - timedelta(days=30)
        dialect = self.random.choice(["standard", "testomat", "lambdatest"])
        self.org = OrganizationFactory.create(dialect=dialect, two_persons=True)
        *_, self.role = self.org.profile.roles.filter(is_admin=True).values_list("key", flat=True)
        self.roles = [role.key for role in self.org.profile.roles.order_by("-rank")]
        self.others = [key for key in self.roles if key != self.role]
        about: dict[str, Any] = {"org": self.org, "created_at": month}
        self.owner = OwnerFactory.create(user_name=f"owner@{self.org.slug}.example", **about)
        self._set_password()
        admins = [UserFactory.create(manual_roles=[self.role], **about) for _ in range(2)]
        people = [UserFactory.create(**about) for _ in range(PEOPLE)]
        settle(*admins, *people)
        self.desk = signed_in(StaffFactory.create())
        self.idp = Idp(issue_token(self.org, "idp").secret)
        self.programs = [self._program(admin) for admin in admins]
        for name in NAMES[: self.random.randint(2, 5)]:
            self._push(name)
        for _ in range(self.random.randint(0, 4)):
            pattern, auto = self.random.choice(PATTERNS), self.random.random() < 0.5
            role_rule(self.org, self._role(), pattern, auto=auto)
        rule(self.org, "t", TEAM)
        if self.random.random() < 0.5 and (group := self._group()) and not group.mappings.live().exists():
            give(group, self._role())
        settle_marked(self.org)
        self.by = self.owner
        self.read: dict[UUID, str] = {}
        self.history = [self.world()]

    # --- What an identity provider does -------------------------------------------------------------------------------

    def idp_sets_members(self) -> None:
        if group := self._group():
            self._patch(f"/Groups/{group.id}", self._any("add", "remove", "replace"), "members", self._members())

    def idp_pushes(self) -> None:
        self._push(self.random.choice(NAMES))

    def idp_renames_a_group(self) -> None:
        if group := self._group():
            self._patch(f"/Groups/{group.id}", "replace", "displayName", self.random.choice(NAMES))

    def idp_deletes_a_group(self) -> None:
        if group := self._group():
            self.idp.delete(f"/Groups/{group.id}")

    def idp_sets_a_role(self) -> None:
        if user := self._person():
            path, value = ROLES[self.org.profile.key]
            self._patch(f"/Users/{user.id}", "replace", path, value(self._role()))

    def idp_switches_somebody(self) -> None:
        if user := self._person():
            self._patch(f"/Users/{user.id}", "replace", "active", self.random.random() < 0.5)

    def idp_deletes_somebody(self) -> None:
        if (user := self._person()) and self.random.random() < 0.3:
            self.idp.delete(f"/Users/{user.id}")

    def idp_creates_somebody(self) -> None:
        name = f"{self.random.randint(0, 3)}@{self.org.slug}.example"
        self.idp.post("/Users", {"userName": name, "active": self.random.random() < 0.7})

    # --- What admins decide, on pages and by programs -----------------------------------------------------------------

    def admin_sets_roles(self) -> None:
        if user := self._person():
            roles = self.random.choice([[self.role], [self.random.choice(self.others)], None])
            if self._is_page():
                self._page(
                    f"/people/{user.id}/roles/", roles=(roles or [""])[0] if len(self.roles) < 4 else roles or []
                )
            else:
                self._api("PUT", f"people/{user.id}/roles", {"roles": roles})

    def admin_switches_somebody(self) -> None:
        if user := self._person():
            verb = "deactivate" if user.active else "activate"
            if self._is_page():
                self._page(f"/people/{user.id}/{verb}/")
            else:
                self._api("POST", f"people/{user.id}/{verb}")

    def admin_gives_a_role(self) -> None:
        if group := self._group():
            role = self._role()
            if self._is_page():
                self._page(f"/groups/{group.id}/role/", name=role)
            else:
                self._api("POST", f"groups/{group.id}/mappings", {"kind": "role", "role": role})

    def admin_decides_about_a_mapping(self) -> None:
        mapping = self._one(GroupMapping.objects.for_org(self.org).live().filter(group__deleted_at=None))
        if mapping:
            verb = self._any("approve", "retarget", "reject")
            target = {"name": self._role()} if mapping.role else {"name": "Crew"}
            if self._is_page():
                self._page(f"/mappings/{mapping.id}/{verb}/", **({} if verb == "reject" else target))
            elif verb == "reject":
                self._api("POST", f"mappings/{mapping.id}/reject")
            else:
                body = {"role": target["name"]} if mapping.role else target
                self._api("POST", f"mappings/{mapping.id}/{verb}", self.random.choice([body, {}]))

    def admin_decides_about_many(self) -> None:
        groups = [str(each.id) for each in self._some(PushedGroup.objects.for_org(self.org).live())]
        mappings = GroupMapping.objects.live().filter(group__in=groups).values_list("id", flat=True)
        action, role = self._any("approve", "reject", "map", "end"), self._role()
        if groups and self._is_page():
            self._page("/groups/bulk/", group=groups, action=action, to=f"role:{role}")
        elif groups and action == "end":
            self._api("POST", "groups/end", {"ids": groups})
        elif groups and action == "map":
            self._api("POST", "groups/map", {"ids": groups, "kind": "role", "role": role})
        elif mappings:
            self._api("POST", f"mappings/{action}", {"ids": list(mappings)})

    def admin_ends_a_group(self) -> None:
        if (group := self._group()) and self.random.random() < 0.5:
            self._page(f"/groups/{group.id}/end/") if self._is_page() else self._api("POST", f"groups/{group.id}/end")

    def admin_undoes_an_end(self) -> None:
        if group := self._one(PushedGroup.objects.for_org(self.org).filter(ends__isnull=False)):
            if self._is_page():
                self._page(f"/groups/{group.id}/undo-end/")
            else:
                self._api("POST", f"groups/{group.id}/undo-end")

    def admin_saves_a_rule(self) -> None:
        known = self._one(self._rules()) if self.random.random() < 0.5 else None
        pattern, auto, role = self.random.choice(PATTERNS), self.random.random() < 0.5, self._role()
        facts: dict[str, Any] = {"pattern_type": "prefix" if pattern else "all", "pattern": pattern, "role": role}
        if self._is_page():
            address = f"/groups/rules/{known.id}/" if known else "/groups/rules/new-role/"
            self._page(address, **facts, **({"auto_approve": "on"} if auto else {}))
        else:
            facts |= {"kind": "role", "auto_approve": auto, "apply": self.random.random() < 0.5}
            self._api(*(("PUT", f"rules/{known.id}") if known else ("POST", "rules")), facts)

    def admin_deletes_a_rule(self) -> None:
        if known := self._one(self._rules()):
            if self._is_page():
                self._page(f"/groups/rules/{known.id}/delete/")
            else:
                self._api("DELETE", f"rules/{known.id}")

    def admin_moves_a_rule(self) -> None:
        was = [str(each.id) for each in self._rules()]
        if was and self._is_page():
            tried = self.random.sample(was, len(was))
            self._page("/groups/rules/order/", roles="1", was=was, rule=tried, save="1")
        elif was:
            self._api("POST", f"rules/{self.random.choice(was)}/move", {"position": self.random.randint(1, len(was))})

    def admin_applies_rules(self) -> None:
        known = self._one(self._rules()) if self.random.random() < 0.5 else None
        if self._is_page():
            self._page("/groups/rules/apply/", **({"rule": str(known.id)} if known else {"roles": "1"}))
        elif known:
            self._api("POST", f"rules/{known.id}/apply")
        else:
            self._api("POST", "rules/apply", {"list": "roles"})

    def admin_invites(self) -> None:
        address, role = f"guest{self.random.randint(0, 3)}@{self.org.slug}.example", self._role()
        if self._is_page():
            self._page("/people/invitations/new/", addresses=address, roles=role, days="7")
        else:
            self._api("POST", "invitations", {"addresses": [address], "roles": [role]})

    def admin_sends_again_or_revokes(self) -> None:
        if sent := self._one(Invitation.objects.for_org(self.org).filter(ended_at=None)):
            verb = self._any("resend", "resend", "revoke")
            if self._is_page():
                self._page(f"/people/invitations/{sent.id}/{verb}/")
            elif verb == "revoke":
                self._api("DELETE", f"invitations/{sent.id}")
            else:
                self._api("POST", f"invitations/{sent.id}/resend")

    def admin_lets_through(self) -> None:
        if breach := self._one(Breach.objects.for_org(self.org).filter(state=BreachState.OPEN)):
            held = [str(id_) for id_ in breach.holds.filter(released=False).values_list("user_id", flat=True)]
            some = self.random.sample(held, 1) if held and self.random.random() < 0.5 else None
            if self._is_page():
                chosen = {"some": "1", "person": some} if some else {}
                self._page(f"/held-changes/{breach.id}/let-through/", **chosen)
            else:
                self._api("POST", f"held-changes/{breach.id}/let-through", {"people": some} if some else {})

    def admin_takes_back(self) -> None:
        of_tokens = Change.objects.for_org(self.org).exclude(by_token=None).order_by("-id")
        found = list(of_tokens[:8]) + list(Change.objects.for_org(self.org).filter(verb="changes.taken_back"))
        if found:
            change = self.random.choice(found)
            if self._is_page():
                self._page(f"/activity/{change.id}/take-back/")
            elif self.random.random() < 0.7:
                self._api("POST", "take-back", {"change": str(change.id)})
            else:
                span = {"since": change.at.isoformat(), "until": timezone.now().isoformat()}
                self._api("POST", "take-back", {"token": str(change.by_token_id), **span})

    def admin_hands_the_owner_account_over(self) -> None:
        address = f"owner{self.random.randint(0, 2)}@{self.org.slug}.example"
        sent = {"address": address, "again": address, "password": PASSWORD}
        if self.random.random() < 0.5:
            self.by = User.objects.get(pk=self.owner.pk)
        signed_in(self.by).post("/settings/authentication/owner/", sent)

    def admin_sets_limits(self) -> None:
        self._page("/held-changes/limits/", limits=self.random.choice(HoldLimits.values))

    def admin_switches_two_persons(self) -> None:
        self._page("/settings/two-persons/", **({} if self.org.two_persons else {"on": "1"}))

    def admin_has_a_new_key(self) -> None:
        self.programs = [*self.programs[-2:], self._program(self.by)]

    def admin_takes_a_key_over_or_revokes_it(self) -> None:
        if key := self._one(ApiKey.objects.for_org(self.org).valid(timezone.now())):
            self._page(f"/settings/api-keys/{key.id}/{self._any('take-over', 'take-over', 'revoke')}/")

    # --- What becomes of what was asked -------------------------------------------------------------------------------

    def second_reads(self) -> None:
        if waiting := self._waiting():
            page = signed_in(self.by).get(f"/second-admin/{waiting.id}/")
            self.read[waiting.id] = (page.context or {}).get("seen", "")

    def second_approves(self) -> None:
        """Having just read it; or having read it a while ago, when all that has to be true is that nothing is wrong."""
        waiting = self._waiting()
        if waiting is None:
            return
        browser, address = signed_in(self.by), f"/second-admin/{waiting.id}/"
        if waiting.id in self.read and self.random.random() < 0.3:
            browser.post(address, {"seen": self.read[waiting.id]})
            return
        page = browser.get(address)
        if page.status_code != 200:
            return
        self._agree(waiting, page, browser, address, "seen", may=bool(page.context.get("may_approve")))

    def second_of_support_approves(self) -> None:
        if waiting := self._waiting():
            address = f"/admin/org/{self.org.id}/second/{waiting.id}/"
            page = self.desk.get(address)
            if page.status_code == 200:
                self._agree(waiting, page, self.desk, address, "_seen", may=True)

    def second_refuses_or_withdraws(self) -> None:
        if waiting := self._waiting():
            if waiting.asked_key_id and not self._is_page():
                self._api("POST", f"proposals/{waiting.id}/withdraw")
            else:
                signed_in(self.by).post(f"/second-admin/{waiting.id}/{self._any('refuse', 'withdraw')}/")

    def _agree(self, waiting: Proposal, page: Any, browser: Client, address: str, field: str, *, may: bool) -> None:
        """Approve what was just read: it is done then, and nobody else becomes an admin than was foreseen (M9)."""
        seen, outlook = page.context.get("seen", ""), page.context.get("outlook")
        before, is_late = self._have_role(), Mark.objects.for_org(self.org).exists()
        answer = browser.post(address, {field: seen}, follow=True)
        waiting.refresh_from_db()
        if seen and may and page.context.get("is_waiting", True):
            assert waiting.state == ProposalState.APPROVED or self._says_why(waiting, text(answer)), text(answer)
        settle_marked(self.org)
        is_last = LastAdmin.objects.for_org(self.org).exists()
        told = outlook is not None and waiting.wish["do"] != "keep_rule" and not is_last
        if told and waiting.state == ProposalState.APPROVED and not is_late:
            assert outlook.summary.gaining(self.role) == len(self._have_role() - before)

    def _says_why(self, waiting: Proposal, words: str) -> bool:
        """What has no preview is tried only when it is approved."""
        is_untried = waiting.wish["do"] not in {*plans.KNOWN, "keep_rule"}
        return is_untried and ("keeps waiting" in words or "cannot be" in words or "a moment ago" in words)

    # --- Guests, support, and time ------------------------------------------------------------------------------------

    def guest_accepts(self) -> None:
        if sent := self._one(Invitation.objects.for_org(self.org).filter(ended_at=None).exclude(digest=None)):
            Invitation.objects.filter(pk=sent.pk).update(digest=hashed(SECRET))  # which is in the mail alone
            names = {"given_name": "Guest", "family_name": "Adler"}
            passwords = {"new_password1": PASSWORD, "new_password2": PASSWORD}
            Client().post(f"/invitation/{SECRET}/", names | passwords)

    def support_sets_roles(self) -> None:
        if user := self._person():
            roles = self.random.choice([[self.role], [self.random.choice(self.others)], None])
            with suppress(Held):
                manual_changes.set_roles(org=self.org, user_id=user.id, roles=roles, cause=by_command())

    def support_switches_somebody(self) -> None:
        user = self._one(User.objects.for_org(self.org).live())
        does = account_switches.deactivate if user.active else account_switches.activate
        if user.active or not account_switches.needs_silence(user):
            does(org=self.org, user_id=user.id, cause=by_command())

    def support_holds_the_token(self) -> None:
        held_changes.hold(org=self.org, token=ScimToken.objects.for_org(self.org).get(), cause=by_command())

    def clock_ends_proposals(self) -> None:
        if (waiting := self._waiting()) and self.random.random() < 0.3:
            Proposal.objects.filter(pk=waiting.pk).update(expires_at=timezone.now())
        if self.random.random() < 0.7:
            proposals.sweep(timezone.now())

    def clock_ends_invitations(self) -> None:
        if sent := self._one(Invitation.objects.for_org(self.org).filter(ended_at=None)):
            Invitation.objects.filter(pk=sent.pk).update(expires_at=timezone.now())

    def clock_silences_the_identity_provider(self) -> None:
        ScimToken.objects.for_org(self.org).update(last_used_at=timezone.now() - timedelta(days=2))

    # --- Whom and what ------------------------------------------------------------------------------------------------

    def _any(self, *words: str) -> str:
        return self.random.choice(words)

    def _one(self, found: Any) -> Any:
        listed = list(found.order_by("pk"))
        return self.random.choice(listed) if listed else None

    def _some(self, found: Any) -> list[Any]:
        listed = list(found.order_by("pk"))
        return self.random.sample(listed, self.random.randint(0, len(listed)))

    def _person(self) -> User | None:
        found: User | None = self._one(User.objects.for_org(self.org).live().filter(is_owner=False))
        return found

    def _group(self) -> PushedGroup | None:
        found: PushedGroup | None = self._one(PushedGroup.objects.for_org(self.org).live())
        return found

    def _rules(self) -> Any:
        return MappingRule.objects.for_org(self.org).of_list(roles=True).order_by("position")

    def _waiting(self) -> Proposal | None:
        found: Proposal | None = self._one(Proposal.objects.for_org(self.org).filter(state=ProposalState.OPEN))
        return found

    def _role(self) -> str:
        return self.role if self.random.random() < 0.7 else self.random.choice(self.others)

    def _is_page(self) -> bool:
        return self.random.random() < 0.5

    def _set_password(self) -> None:
        owner = User.objects.get(pk=self.owner.pk)
        owner.set_password(PASSWORD)
        owner.save()

    def _program(self, admin: User) -> Program:
        scopes = [Scope.READ, Scope.MANAGE, Scope.CREDENTIALS]
        name = f"{ApiKey.objects.count()}"
        return Program(self.org, api_keys.issue(org=self.org, name=name, scopes=scopes, cause=by_admin(admin)))

    def _members(self) -> list[dict[str, str]]:
        people = User.objects.for_org(self.org).live().filter(is_owner=False)
        return [{"value": str(each.id)} for each in self._some(people)]

    def _push(self, name: str) -> None:
        body: dict[str, Any] = {"displayName": name, "members": self._members()}
        if self.org.profile.key == "lambdatest" and self.random.random() < 0.4:
            body[f"{URN}LambdaTest:2.0:Group"] = {"LambdatestRoles": [self._role()]}
        self.idp.post("/Groups", body)

    def _patch(self, path: str, op: str, of: str, value: Any) -> None:
        self.idp.patch(path, {"op": op, "path": of, "value": value})

    def _page(self, address: str, **data: Any) -> None:
        """Decide as an admin does: who has read what the page says, confirms it."""
        browser = signed_in(self.by)
        shown = browser.post(address, data)
        if shown.status_code == 200 and shown.context:
            outlook = shown.context.get("outlook")
            seen = shown.context.get("seen") or (outlook.fingerprint if outlook else "")
            shown = browser.post(address, {**data, "anyway": "1", "seen": seen})
        if shown.status_code == 302 and shown["Location"].startswith("/second-admin/"):
            self.check_waiting(shown["Location"].split("/")[2])

    def _api(self, method: str, path: str, body: Any = None) -> None:
        working = ApiKey.objects.for_org(self.org).valid(timezone.now()).values_list("id", flat=True)
        programs = [each for each in self.programs if each.key.id in working]
        if not programs:
            return
        answer = self.random.choice(programs)(method, path, body)
        assert answer.status_code < 500, answer.content
        if answer.status_code == 202:
            self.check_waiting(answer.json()["id"])

    # --- What is true -------------------------------------------------------------------------------------------------

    def _active(self) -> frozenset[UUID]:
        people = User.objects.for_org(self.org).filter(deleted_at=None, active=True).select_related("standing")
        return frozenset(
            each.id
            for each in people
            if each.is_owner or (hasattr(each, "standing") and self.role in each.standing.roles)
        )

    def _have_role(self) -> set[UUID]:
        people = User.objects.for_org(self.org).filter(deleted_at=None, standing__roles__contains=[self.role])
        return set(people.values_list("id", flat=True))

    def _foreseen(self) -> frozenset[UUID]:
        if not Mark.objects.for_org(self.org).exists():
            return self._active()
        with transaction.atomic():
            settle_marked(self.org)
            found = self._active()
            transaction.set_rollback(True)
        return found

    def world(self) -> World:
        at, known = timezone.now(), self._active()
        org = Organization.objects.get(pk=self.org.pk)
        invited = Invitation.objects.for_org(org).filter(ended_at=None, expires_at__gt=at)
        owner = User.objects.get(pk=self.owner.pk).login_email
        return World(
            at,
            known,
            known | self._foreseen(),
            frozenset(invited.filter(roles__contains=[self.role]).values_list("id", flat=True)),
            {"owner": owner, "limits": org.hold_limits, "switch": org.two_persons},
            {name: self._reached(name) for name in NAMES},
        )

    def _reached(self, name: str) -> int:
        """0: by no rule for admins; 1: once it is approved; 2: at once."""
        first = next((each for each in self._rules() if name.startswith(each.pattern)), None)
        return 0 if first is None or first.role != self.role else 1 + first.auto_approve

    def _states(self) -> dict[UUID, str]:
        return dict(Proposal.objects.for_org(self.org).values_list("id", "state"))

    def step(self, act: Callable[["Driver"], None]) -> None:
        self.org = Organization.objects.select_related("profile").get(pk=self.org.pk)
        before, states = self.history[-1], self._states()
        if not before.known:
            return
        self.by = User.objects.get(pk=self.random.choice(sorted(before.known)))
        if act.__name__.startswith("admin_"):
            note(f"  by {self.by.user_name}")
        act(self)
        is_late = act.__name__.startswith("idp_") and self.random.random() < 0.3
        if not is_late:
            settle_marked(self.org)
        self.check(act.__name__, before, states)
        self._set_password()

    def check(self, name: str, before: World, states: dict[UUID, str]) -> None:
        after, now = self.world(), self._states()
        assert drift(self.org) == []
        assert all(now[id_] == state for id_, state in states.items() if state != ProposalState.OPEN)
        approved = [id_ for id_, state in now.items() if state == "approved" and states[id_] == "open"]
        admins, invited = after.known - before.foreseen, after.invited - before.invited
        guarded = {key for key, value in after.guarded.items() if value != before.guarded[key]}
        reached = {key for key, level in after.reach.items() if level > before.reach[key]}
        changed = [*admins, *invited, *guarded, *reached]
        if approved:
            (proposal,) = Proposal.objects.filter(id__in=approved).select_related("asked_key", "decided_by")
            self.check_decider(proposal, before)
            self.check_done(proposal)
            for id_ in admins:
                gains = LedgerEntry.objects.filter(user=id_, slot__in=("roles", "account"))
                assert gains.latest("id").change_id in proposal.changes
        elif name.startswith(("idp_", "support_")):
            assert not [*invited, *guarded, *reached]
        elif name == "guest_accepts" and admins:
            joined = Change.objects.for_org(self.org).filter(verb="user.joined").latest("id").detail
            assert UUID(joined["invitation"]) in before.invited
            assert admins == {UUID(joined["user"])}
            assert not [*invited, *guarded, *reached]
        elif before.guarded["switch"]:
            assert not changed
        else:
            assert "switch" not in guarded
        for proposal in Proposal.objects.filter(id__in=now.keys() - states.keys()):
            note(f"  asked: {proposal.wish}")
            self.check_asked(proposal.wish)
        self.history.append(after)

    def check_waiting(self, id_: str) -> None:
        """That what somebody was told to wait for can be agreed to."""
        asked = Proposal.objects.select_related("asked_key").get(pk=id_)
        now, key = timezone.now(), asked.asked_key
        assert asked.state == ProposalState.OPEN
        assert asked.expires_at > now
        assert key.is_valid(now) if key else asked.asked_by_id in self._active()

    def check_decider(self, proposal: Proposal, before: World) -> None:
        """That a second admin of then agreed, or support where there was none; and who asked is still there."""
        assert proposal.decided_by
        assert proposal.decided_at
        assert proposal.decided_at < proposal.expires_at
        key = proposal.asked_key
        askers = {proposal.asked_by_id, key and key.created_by_id, key and key.taken_over_by_id}
        assert key.is_valid(before.at) if key else proposal.asked_by_id in before.known
        then = [each for each in self.history if each.at < proposal.asked_at][-1]
        assert proposal.asked_by_id != self.owner.id or then.guarded["owner"] == before.guarded["owner"]
        owners = {self.owner.id} if then.guarded["owner"] != before.guarded["owner"] else set()
        if proposal.decided_by.is_staff:
            assert not (then.known & then.foreseen & before.known) - askers - owners
        else:
            assert proposal.decided_by_id in (then.foreseen & before.known) - askers - owners

    def check_done(self, proposal: Proposal) -> None:
        """That the wish's own effect is there."""
        wish, org = proposal.wish, Organization.objects.get(pk=self.org.pk)
        verbs = set(Change.objects.filter(id__in=proposal.changes).values_list("verb", flat=True))
        live = GroupMapping.objects.for_org(org).synced()
        match wish["do"]:
            case "set_roles":
                assert User.objects.get(pk=wish["user"]).manual_roles == wish["roles"]
            case "switch_person":
                assert User.objects.get(pk=wish["user"]).active == wish["active"]
            case "hand_over":
                assert User.objects.get(pk=self.owner.pk).login_email == wish["address"]
            case "hold_limits":
                assert org.hold_limits == wish["limits"]
            case "two_persons":
                assert org.two_persons == wish["on"]
            case "invite":
                sent = Invitation.objects.for_org(org).filter(address__in=wish["addresses"], ended_at=None)
                assert [each.roles for each in sent] == [wish["roles"]]
            case "resend":
                assert verbs == {"invitation.resent"}
            case "map" if wish["kind"] == "role":
                assert live.filter(group=wish["group"], role=wish["name"]).exists()
            case "approve" if wish.get("many"):
                assert live.filter(id__in=wish["ids"]).exists()
            case "approve":
                role = wish.get("name") or self.role
                assert live.filter(id__in=wish["ids"], role=role).exists()
            case "retarget":
                assert not live.filter(id=wish["mapping"]).exclude(role=wish["name"]).exists()
            case "map_many":
                assert live.filter(group__in=wish["ids"], role=wish["role"]).exists()
            case "reject":
                assert not GroupMapping.objects.live().filter(id__in=wish["ids"]).exists()
            case "end" | "undo_end":
                ids = wish["ids"] if wish["do"] == "end" else [wish["group"]]
                assert PushedGroup.objects.for_org(org).live().filter(id__in=ids).exists() == (wish["do"] == "undo_end")
            case "keep_rule":
                assert self._rules().filter(**wish["facts"]).exists()
            case "delete_rule":
                assert not self._rules().filter(id=wish["rule"]).exists()
            case "move_rule":
                ids = [str(each.id) for each in self._rules()]
                assert ids.index(wish["rule"]) == min(wish["position"], len(ids)) - 1
            case "order_rules":
                assert [str(each.id) for each in self._rules()] == wish["order"]
            case "apply":
                assert not plans.plan(org, wish, at=timezone.now()).mapped
            case "let_through":
                held = Hold.objects.for_org(org).filter(breach=wish["breach"], released=False)
                assert not (held.filter(user__in=wish["users"]) if "users" in wish else held).exists()
            case "take_back":
                assert verbs == {"changes.taken_back"}

    def check_asked(self, wish: Mapping[str, Any]) -> None:
        """That what takes away does not wait."""
        match wish["do"]:
            case "set_roles":
                assert self.role in (wish["roles"] or ())
            case "invite":
                assert self.role in wish["roles"]
            case "switch_person":
                assert wish["active"]
            case "map" | "map_many":
                assert self.role in wish.values()
            case "reject" | "end" | "let_through" | "take_back":
                with transaction.atomic():
                    before = self._have_role(), self._active()
                    wishes.carry_out(self.org, wish, by_command())
                    settle_marked(self.org)
                    gained = (self._have_role() - before[0]) | (self._active() - before[1])
                    given = GroupMapping.objects.for_org(self.org).synced().filter(role=self.role).exists()
                    transaction.set_rollback(True)
                assert gained or (given and wish["do"] == "take_back")

    def run(self) -> None:
        acts = [each for name, each in vars(Driver).items() if name.partition("_")[0] in WHO]
        acts = [each for each in acts if each.__name__ in ALWAYS or self.random.random() < 0.5]
        weights = [ALWAYS.get(each.__name__, WHO[each.__name__.partition("_")[0]]) for each in acts]
        for number in range(STEPS):
            (act,) = self.random.choices(acts, weights)
            note(f"{number}: {act.__name__}")
            self.step(act)


WHO = {"idp": 2, "admin": 3, "second": 3, "guest": 3, "support": 1, "clock": 1}
"""Whose acts are drawn, by how often. Of each org it is another half of them, so that what is rare meets."""
ALWAYS = {"second_approves": 15, "second_of_support_approves": 3, "admin_gives_a_role": 3, "admin_saves_a_rule": 3}


@pytest.mark.usefixtures("db")
@settings(max_examples=max(settings().max_examples // 10, 1))
@given(st.integers(0, 2**32))
def test_whatever_happens_nobody_makes_admins_alone(seed: int) -> None:  # T6
    with transaction.atomic(), small_numbers():
        Driver(seed).run()
        transaction.set_rollback(True)
