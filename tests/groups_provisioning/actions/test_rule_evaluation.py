"""Rules are evaluated as an identity provider pushes, renames and deletes groups (SPEC G4-G6, M4-M6)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from groups_provisioning.actions import entity_edits, mappings, rule_evaluation, rules
from groups_provisioning.engine import reconcile, worker
from groups_provisioning.models import (
    ROLE,
    GroupMapping,
    MappingRule,
    Membership,
    Pending,
    PushedGroup,
    Source,
    Status,
)
from orgs import entities, organizations
from orgs.history import Cause
from orgs.models import Change, Door, Entity, LedgerEntry, Mark, Organization, Standing, User
from tests.conftest import Idp
from tests.factories import OrganizationFactory, UserFactory, issue_token
from tests.groups_provisioning.world import POOL, SUB, TEAM, by_admin, entity, give, only, push, role_rule, rule
from tests.scim.api.races import at_once, statuses


def rename(idp: Idp, group: PushedGroup, name: str) -> None:
    answer = idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "displayName", "value": name})
    assert answer.status_code == 200, answer.content


def last_change() -> Change:
    return Change.objects.order_by("id").last()


@pytest.fixture
def ada(org: Organization) -> User:
    return UserFactory.create(org=org)


class TestAPushedGroup:
    def test_is_mapped_to_a_new_entity_of_its_name(self, idp: Idp, org: Organization, ada: User) -> None:  # M4
        first = rule(org)
        group = push(idp, "Engineers", ada)
        mapping = only(group)
        assert (mapping.status, mapping.kind, mapping.rule) == (Status.AUTO_APPROVED, TEAM, first)
        assert mapping.entity.name == "Engineers"
        assert mapping.approved_at == group.created_at
        assert Mark.objects.get().user == ada
        (told,) = last_change().detail["mappings"]
        assert (told["was"], told["now"], told["entity_name"]) == (None, "auto_approved", "Engineers")
        assert mapping.change == last_change()

    def test_is_mapped_to_the_entity_of_its_name_without_letter_case(self, idp: Idp, org: Organization) -> None:  # M4
        rule(org)
        pool, team = entity(org, "ENGINEERS", POOL), entity(org, "engineers")
        assert only(push(idp, "Engineers")).entity == team
        assert set(Entity.objects.all()) == {pool, team}

    def test_follows_the_first_rule_that_matches(self, idp: Idp, org: Organization) -> None:  # M3
        rule(org, "eng-", POOL)
        rule(org, "eng")
        assert only(push(idp, "Eng-1")).kind == POOL
        assert only(push(idp, "Engineers")).kind == TEAM
        assert not GroupMapping.objects.filter(group=push(idp, "Sales")).exists()

    def test_is_pending_where_the_rule_asks(self, idp: Idp, org: Organization) -> None:  # M4
        rule(org, auto=False)
        mapping = only(push(idp, "Engineers"))
        assert (mapping.status, mapping.reason, mapping.entity) == (Status.PENDING, Pending.ASKED, None)
        assert not Entity.objects.exists()

    def test_is_pending_where_another_group_owns_the_entity(self, idp: Idp, org: Organization) -> None:  # M1, M4
        rule(org)
        push(idp, "Engineers")
        mapping = only(push(idp, "Engineers "))
        assert (mapping.status, mapping.reason, mapping.entity) == (Status.PENDING, Pending.OWNED, None)

    def test_is_pending_where_the_kind_is_off(self, idp: Idp, org: Organization) -> None:  # M4, M8
        rule(org)
        Organization.objects.update(teams=False)
        assert only(push(idp, "Engineers")).reason == Pending.KIND_OFF

    def test_is_pending_where_a_sub_organization_would_have_to_be_created(
        self, idp: Idp, org: Organization
    ) -> None:  # M4
        rule(org, kind=SUB)
        entity(org, "Here", SUB)
        assert only(push(idp, "Nowhere")).reason == Pending.NOT_CREATED
        assert only(push(idp, "Here")).status == Status.AUTO_APPROVED

    @pytest.mark.parametrize(("name", "kind"), [("x" * 256, TEAM), ("default", POOL)])
    def test_is_pending_where_nothing_can_have_its_name(
        self, idp: Idp, org: Organization, name: str, kind: str
    ) -> None:  # M1
        rule(org, kind=kind)
        assert only(push(idp, name)).reason == Pending.UNUSABLE_NAME

    def test_of_another_org_is_none_of_the_rules_business(self, idp: Idp, org: Organization) -> None:  # O7
        rule(OrganizationFactory.create())
        push(idp, "Engineers")
        assert not GroupMapping.objects.exists()


def roles_of(group: PushedGroup) -> dict[str, tuple[str, str]]:
    """The live mappings of a group to roles: by role, their status and reason."""
    found = GroupMapping.objects.live().filter(group=group, kind=ROLE)
    return {mapping.role: (mapping.status, mapping.reason) for mapping in found}


AUTO, ASKED = (Status.AUTO_APPROVED, ""), (Status.PENDING, Pending.ASKED)
CHANGED, LOST = (Status.PENDING, Pending.RULE_CHANGED), (Status.PENDING, Pending.TARGET_DELETED)


class TestARoleRule:
    """SPEC R6, with the roles Admin and Member of the standard profile."""

    def test_gives_its_role_beside_what_the_first_rule_for_entities_maps_to(
        self, idp: Idp, org: Organization, ada: User
    ) -> None:  # R6, M3
        rule(org, "x")
        rule(org, kind=SUB)
        entity(org, "Engineers", SUB)
        role_rule(org, "Member", "x")
        giving = role_rule(org, "Admin")
        role_rule(org, "Member")
        group = push(idp, "Engineers", ada)
        place, gift = GroupMapping.objects.order_by("kind")[::-1]
        assert (place.kind, place.status, place.entity.name) == (SUB, Status.AUTO_APPROVED, "Engineers")
        assert (gift.kind, gift.status, gift.role, gift.rule, gift.entity) == (ROLE, *AUTO[:1], "Admin", giving, None)
        assert {mapping.change for mapping in (place, gift)} == {last_change()}
        assert [told.get("role") for told in last_change().detail["mappings"]] == [None, "Admin"]
        worker.drain(10)
        assert Standing.objects.get(user=ada).roles == ["Admin"]
        assert set(Membership.objects.values_list("entity__name", "mapping")) == {("Engineers", place.id)}
        assert gift.group == group

    def test_costs_a_push_one_statement(self, idp: Idp, org: Organization) -> None:  # R6
        """To lock the role: what both rules make is written together."""

        def statements(name: str) -> int:
            with CaptureQueriesContext(connection) as queries:
                push(idp, name)
            return len(queries)

        rule(org)
        push(idp, "Zero")
        without = statements("One")
        role_rule(org, "Member")
        assert statements("Two") == without + 1

    def test_that_asks_gives_nobody_the_role(self, idp: Idp, org: Organization, ada: User) -> None:  # R6, M4
        role_rule(org, "Admin", auto=False)
        group = push(idp, "Admins", ada)
        assert roles_of(group) == {"Admin": ASKED}
        worker.drain(10)
        assert Standing.objects.get(user=ada).roles == ["Member"]

    @pytest.mark.parametrize("auto", [True, False])
    def test_for_a_role_that_the_profile_lost_waits_for_another(
        self, idp: Idp, org: Organization, auto: bool
    ) -> None:  # R6, M7
        giving = role_rule(org, "Admin", auto=auto)
        MappingRule.objects.filter(id=giving.id).update(role="Auditor")
        group = push(idp, "Auditors")
        assert roles_of(group) == {"Auditor": LOST}
        assert only(group).target_deleted

    @pytest.mark.parametrize(
        ("rules", "expected"),
        [
            ([], {"Admin": CHANGED}),
            ([("Admin", True)], {"Admin": AUTO}),
            ([("Admin", False)], {"Admin": ASKED}),
            ([("Member", True)], {"Admin": CHANGED, "Member": AUTO}),
            ([("Member", False)], {"Admin": CHANGED, "Member": ASKED}),
            ([("Member", True), ("Admin", True)], {"Admin": CHANGED, "Member": AUTO}),
        ],
    )
    def test_of_the_new_name_decides_what_stays_of_one_that_gave_its_role(
        self, idp: Idp, org: Organization, ada: User, rules: Any, expected: dict[str, Any]
    ) -> None:  # R6, M6
        UserFactory.create(org=org, idp_roles=["Admin"], roles=["Admin"])  # R5
        role_rule(org, "Admin", "old")
        group = push(idp, "Old", ada)
        for role, auto in rules:
            role_rule(org, role, "new", auto=auto)
        worker.drain(10)
        rename(idp, group, "New")
        assert roles_of(group) == expected
        worker.drain(10)
        assert Standing.objects.get(user=ada).roles == (["Admin"] if expected["Admin"] == AUTO else ["Member"])
        rename(idp, group, "Old")  # mended: what fell back is given again, and nothing is given twice
        back = {role: AUTO if role == "Admin" else CHANGED for role in expected}
        assert roles_of(group) == back
        worker.drain(10)
        assert Standing.objects.get(user=ada).roles == ["Admin"]

    def test_leaves_what_an_admin_gave(self, idp: Idp, org: Organization) -> None:  # R6, M6
        role_rule(org, "Admin", "old")
        group = push(idp, "Old")
        GroupMapping.objects.update(status=Status.APPROVED)
        give(group, "Member")
        rename(idp, group, "New")
        assert roles_of(group) == {"Admin": (Status.APPROVED, ""), "Member": (Status.APPROVED, "")}

    def test_gives_no_role_that_an_admin_rejected_but_another_one(self, idp: Idp, org: Organization) -> None:  # R6, M6
        role_rule(org, "Admin", "a")
        role_rule(org, "Member", "m")
        group = push(idp, "A")
        mappings.reject(org=org, mapping_ids=[only(group).id], cause=by_admin())
        rename(idp, group, "Aa")
        assert roles_of(group) == {}
        rename(idp, group, "M")
        assert roles_of(group) == {"Member": AUTO}

    def test_is_evaluated_again_when_a_group_comes_back(self, idp: Idp, org: Organization) -> None:  # R6, G5
        role_rule(org, "Admin")
        group = push(idp, "Admins")
        idp.delete(f"/Groups/{group.id}")
        assert roles_of(group) == {}
        push(idp, "Admins")
        assert roles_of(group) == {"Admin": AUTO}
        assert GroupMapping.objects.count() == 2

    def test_is_applied_to_groups_without_a_mapping_to_a_role(self, idp: Idp, org: Organization) -> None:  # R6, M5
        free, given, rejected = (push(idp, name) for name in ("Free", "Given", "Rejected"))
        give(given, "Admin")
        mappings.reject(org=org, mapping_ids=[give(rejected, "Admin").id], cause=by_admin())
        rule(org, auto=False)
        role_rule(org, "Member")
        mappings.apply_rules(org=org, cause=by_admin())
        assert GroupMapping.objects.filter(kind=TEAM).count() == 3  # roles are nothing to them
        done = mappings.apply_rules(org=org, roles=True, cause=by_admin())
        assert (done.approved, done.pending) == (1, 0)
        assert [roles_of(group) for group in (free, given, rejected)] == [
            {"Member": AUTO},
            {"Admin": (Status.APPROVED, "")},
            {},
        ]


class TestADeletedGroup:
    def test_leaves_its_mapping_rejected_and_its_entity_free(
        self, idp: Idp, org: Organization, ada: User
    ) -> None:  # G4
        rule(org)
        group = push(idp, "Engineers", ada)
        Mark.objects.all().delete()
        idp.delete(f"/Groups/{group.id}")
        mapping = GroupMapping.objects.get()
        assert (mapping.status, mapping.barred) == (Status.REJECTED, False)
        assert mapping.entity.deleted_at is None
        assert Mark.objects.get().user == ada
        assert last_change().detail["mappings"][0]["now"] == "rejected"

    def test_is_mapped_again_when_it_is_pushed_again(self, idp: Idp, org: Organization) -> None:  # G5
        rule(org)
        group = push(idp, "Engineers")
        team = only(group).entity
        idp.delete(f"/Groups/{group.id}")
        assert push(idp, "Engineers") == group
        assert (only(group).entity, only(group).status) == (team, Status.AUTO_APPROVED)
        assert GroupMapping.objects.count() == 2

    def test_stays_barred_when_it_is_pushed_again(self, idp: Idp, org: Organization) -> None:  # M6
        rule(org)
        group = push(idp, "Engineers")
        GroupMapping.objects.update(status=Status.REJECTED, barred=True)
        idp.delete(f"/Groups/{group.id}")
        push(idp, "Engineers")
        rename(idp, group, "Makers")
        assert not GroupMapping.objects.live().exists()

    def test_still_waits_for_a_new_target_when_it_is_pushed_again(self, idp: Idp, org: Organization) -> None:  # M6
        rule(org)
        group = push(idp, "Engineers")
        GroupMapping.objects.update(status=Status.PENDING, reason=Pending.TARGET_DELETED, target_deleted=True)
        entities.delete(Entity.objects.get(), at=timezone.now())
        for _ in range(2):
            idp.delete(f"/Groups/{group.id}")
            assert not GroupMapping.objects.live().exists()
            push(idp, "Engineers")
            mapping = GroupMapping.objects.get()
            assert (mapping.status, mapping.reason) == (Status.PENDING, Pending.TARGET_DELETED)


class TestARename:
    def test_renames_what_the_group_is_mapped_to(self, idp: Idp, org: Organization) -> None:  # G6
        rule(org)
        group = push(idp, "Engineers")
        rename(idp, group, "Makers")
        mapping = only(group)
        assert (mapping.status, mapping.entity.name) == (Status.AUTO_APPROVED, "Makers")
        assert mapping.entity.former_keys == ["engineers"]
        (told,) = last_change().detail["entities"]
        assert (told["was"], told["now"]) == ("Engineers", "Makers")

    def test_leaves_a_sub_organization_its_name(self, idp: Idp, org: Organization) -> None:  # G6
        rule(org, kind=SUB)
        entity(org, "North", SUB)
        group = push(idp, "North")
        rename(idp, group, "South")
        assert only(group).entity.name == "North"
        assert "entities" not in last_change().detail

    @pytest.mark.parametrize(
        ("name", "kind", "kept"),
        [("Taken", TEAM, "taken"), ("default", POOL, "reserved"), ("x" * 256, TEAM, "unusable")],
    )
    def test_keeps_an_entitys_name_where_it_cannot_follow(
        self, idp: Idp, org: Organization, name: str, kind: str, kept: str
    ) -> None:  # G6
        entity(org, "Taken")
        rule(org, kind=kind)
        group = push(idp, "Engineers")
        rename(idp, group, name)
        assert (only(group).status, only(group).entity.name) == (Status.AUTO_APPROVED, "Engineers")
        (told,) = last_change().detail["entities"]
        assert (told["was"], told["kept"]) == ("Engineers", kept)

    def test_of_a_hand_made_name_holds_until_the_next_one_of_the_group(self, idp: Idp, org: Organization) -> None:  # G6
        rule(org)
        group = push(idp, "Engineers")
        entities.rename(only(group).entity, "Crew")
        idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "externalId", "value": "x"})
        assert only(group).entity.name == "Crew"
        rename(idp, group, "Makers")
        assert only(group).entity.name == "Makers"

    def test_renames_the_team_of_the_groups_name_first(self, idp: Idp, org: Organization) -> None:  # G6, M1
        group = push(idp, "Engineers")
        now = timezone.now()
        about = {"org": org, "group": group, "kind": TEAM, "status": Status.APPROVED, "switched_at": [now]}
        for name in ("Other", "ENGINEERS"):
            GroupMapping.objects.create(entity=entity(org, name), created_at=now, change=last_change(), **about)
        rename(idp, group, "Makers")
        assert set(Entity.objects.values_list("name", flat=True)) == {"Other", "Makers"}

    def test_lets_an_auto_approved_mapping_fall_back_where_the_rule_is_for_another_kind(
        self, idp: Idp, org: Organization, ada: User
    ) -> None:  # M6
        rule(org, "team")
        rule(org, "pool", POOL)
        group = push(idp, "team one", ada)
        Mark.objects.all().delete()
        rename(idp, group, "pool one")
        fallen, new = GroupMapping.objects.live().order_by("id")
        assert (fallen.status, fallen.reason) == (Status.PENDING, Pending.RULE_CHANGED)
        assert fallen.entity.name == "pool one"
        assert fallen.fell_back_at == last_change().at
        assert (new.status, new.kind) == (Status.AUTO_APPROVED, POOL)
        assert Mark.objects.get().user == ada
        assert last_change().detail["marked"] == 1
        assert [told["now"] for told in last_change().detail["mappings"]] == ["pending", "auto_approved"]

    def test_lets_an_auto_approved_mapping_fall_back_where_no_rule_matches(self, idp: Idp, org: Organization) -> None:
        rule(org, "eng")  # M6
        group = push(idp, "Engineers")
        rename(idp, group, "Makers")
        assert only(group).reason == Pending.RULE_CHANGED
        rename(idp, group, "Builders")
        assert only(group).reason == Pending.RULE_CHANGED

    def test_and_back_approves_the_mapping_again_and_renames_its_team(
        self, idp: Idp, org: Organization, ada: User
    ) -> None:  # M6, G6, M2
        rule(org, "eng")
        group = push(idp, "Engineers", ada)
        worker.drain(10)
        first = only(group)
        for name, source in (("Makers", Source.HELD), ("Engineers", Source.CLAIM)):
            rename(idp, group, name)
            worker.drain(10)
            assert only(group).entity.name == name
            assert list(Membership.objects.values_list("user", "source")) == [(ada.id, source)]
        again = only(group)
        assert (again.id, again.status, again.reason) == (first.id, Status.AUTO_APPROVED, "")
        assert again.switched_at == [first.approved_at, *again.switched_at[1:]]
        assert len(again.switched_at) == 3
        assert not LedgerEntry.objects.filter(slot="team").exclude(was=None).exists()

    def test_and_back_leaves_it_to_the_admin_where_the_rule_asks(self, idp: Idp, org: Organization) -> None:  # M6
        asking = rule(org, "eng")
        group = push(idp, "Engineers")
        rename(idp, group, "Makers")
        MappingRule.objects.filter(id=asking.id).update(auto_approve=False)
        rename(idp, group, "Engineers")
        assert (only(group).status, only(group).reason) == (Status.PENDING, Pending.ASKED)

    def test_gives_the_reason_of_now(self, idp: Idp, org: Organization) -> None:  # M6
        for pattern in ("eng", " eng"):
            rule(org, pattern)
        push(idp, "Engineers")
        group = push(idp, " engineers")
        assert only(group).reason == Pending.OWNED
        rename(idp, group, "Makers")
        assert only(group).reason == Pending.RULE_CHANGED
        rename(idp, group, "Engine room")
        assert only(group).reason == Pending.FREE
        rename(idp, group, " Engineers")
        assert only(group).reason == Pending.OWNED

    def test_places_nobody_who_is_added_thereafter_whatever_the_clock_says(
        self, idp: Idp, org: Organization, ada: User
    ) -> None:  # M2
        rule(org, "eng")
        group = push(idp, "Engineers", ada)
        rename(idp, group, "Makers")
        # The next request meets a database whose clock is a minute behind.
        later = only(group).fell_back_at + timedelta(minutes=1)
        PushedGroup.objects.update(modified_at=later)
        GroupMapping.objects.update(switched_at=[only(group).approved_at, later])
        bo = UserFactory.create(org=org)
        idp.patch(f"/Groups/{group.id}", {"op": "add", "path": "members", "value": [{"value": str(bo.id)}]})
        worker.drain(10)
        assert set(Membership.objects.values_list("user", "source")) == {(ada.id, Source.HELD)}

    def test_places_nobody_who_was_added_while_the_kind_was_off(
        self, idp: Idp, org: Organization, ada: User
    ) -> None:  # M2, M8
        rule(org, "eng")
        group = push(idp, "Engineers", ada)
        organizations.change(org=org, wishes={"teams": False}, cause=Cause(Door.ADMIN, timezone.now()))
        bo = UserFactory.create(org=org)
        idp.patch(f"/Groups/{group.id}", {"op": "add", "path": "members", "value": [{"value": str(bo.id)}]})
        for on in (False, True):
            rename(idp, group, f"Makers {on}")
            organizations.change(org=org, wishes={"teams": on}, cause=Cause(Door.ADMIN, timezone.now()))
            worker.drain(10)
            assert set(Membership.objects.values_list("user", "source")) == {(ada.id, Source.HELD)}

    def test_leaves_a_manually_approved_mapping(self, idp: Idp, org: Organization, ada: User) -> None:  # M6
        rule(org, "team")
        rule(org, "pool", POOL)
        group = push(idp, "team one", ada)
        GroupMapping.objects.update(status=Status.APPROVED)
        rename(idp, group, "pool one")
        assert {(mapping.kind, mapping.status) for mapping in GroupMapping.objects.live()} == {
            (TEAM, Status.APPROVED),
            (POOL, Status.AUTO_APPROVED),
        }

    def test_maps_what_was_unmapped(self, idp: Idp, org: Organization, ada: User) -> None:  # M6
        rule(org, "eng")
        group = push(idp, "Makers", ada)
        Mark.objects.all().delete()
        rename(idp, group, "Engineers")
        assert only(group).status == Status.AUTO_APPROVED
        assert Mark.objects.get().user == ada

    def test_marks_nobody_where_nothing_is_claimed(self, idp: Idp, org: Organization, ada: User) -> None:
        rule(org, "eng", auto=False)
        group = push(idp, "Makers", ada)
        Mark.objects.all().delete()
        rename(idp, group, "Engineers")
        assert only(group).reason == Pending.ASKED
        assert not Mark.objects.exists()
        assert last_change().detail["marked"] == 0

    def test_excludes_a_sub_organization_beside_a_team(self, idp: Idp, org: Organization) -> None:  # M1
        rule(org, "team")
        rule(org, "sub", SUB)
        entity(org, "sub one", SUB)
        group = push(idp, "team one")
        GroupMapping.objects.update(status=Status.APPROVED)
        rename(idp, group, "sub one")
        assert GroupMapping.objects.get(kind=SUB).reason == Pending.EXCLUDED

    def test_leaves_a_kind_that_an_admin_rejected(self, idp: Idp, org: Organization) -> None:  # M6
        rule(org)
        group = push(idp, "Engineers")
        GroupMapping.objects.update(status=Status.REJECTED, barred=True)
        rename(idp, group, "Makers")
        assert not GroupMapping.objects.live().exists()


class TestARace:
    @pytest.fixture
    def org(self, transactional_db: None) -> Organization:
        return OrganizationFactory.create()

    def test_for_one_name_gives_it_to_one_group(self, org: Organization) -> None:  # M1, S2
        rule(org)
        secret = issue_token(org).secret
        names = ["Engineers", "Engineers ", " Engineers", "Engineers  ", "  Engineers"]
        calls = [lambda idp, name=name: idp.post("/Groups", {"displayName": name}) for name in names]
        assert statuses(at_once(secret, *calls)) == [201] * 5
        assert Entity.objects.count() == 1
        found = sorted(GroupMapping.objects.values_list("status", "reason"))
        assert found == [(Status.AUTO_APPROVED, "")] + [(Status.PENDING, Pending.OWNED)] * 4

    def test_with_a_rule_that_goes_is_no_error(self, org: Organization) -> None:  # M4, S2
        secret = issue_token(org).secret
        for round_ in range(3):
            going = rule(org)
            calls: list[Any] = [
                lambda idp, name=f"{round_} {n}": idp.post("/Groups", {"displayName": name}) for n in range(4)
            ]

            def end(idp: Idp, going: MappingRule = going) -> Any:
                rules.delete_rule(org=org, rule_id=going.id, cause=by_admin())
                return idp.get("/Groups")

            assert statuses(at_once(secret, end, *calls)) == [200] + [201] * 4
        assert not GroupMapping.objects.filter(rule__isnull=False).exists()


def test_a_thousand_groups_cost_as_many_questions_as_ten(org: Organization, django_assert_max_num_queries: Any) -> None:
    rule(org, "a")
    rule(org, "b", POOL, auto=False)
    now = timezone.now()
    change = last_change()
    groups = [
        PushedGroup(org=org, display_name=f"{'ab'[n % 2]} {n}", created_at=now, modified_at=now) for n in range(1000)
    ]
    PushedGroup.objects.bulk_create(groups)
    with django_assert_max_num_queries(12):
        outcome = rule_evaluation.apply(org, groups, None, roles=False, change_id=change.id, at=now)
    assert outcome.settles
    assert GroupMapping.objects.synced().count() == Entity.objects.count() == 500
    assert GroupMapping.objects.filter(status=Status.PENDING).count() == 500


class TestWithTheEngine:
    """What becomes of the people, once a worker has settled those who are marked."""

    def places(self, user: User) -> set[tuple[str, str]]:
        while reconcile.settle_marked(user.org_id):
            pass
        return set(Membership.objects.filter(user=user).values_list("entity__name", "source"))

    def test_a_push_a_rename_and_a_deletion_are_followed(self, idp: Idp, org: Organization, ada: User) -> None:
        rule(org, "eng")
        group = push(idp, "Engineers", ada)
        assert self.places(ada) == {("Engineers", Source.CLAIM)}  # M4
        rename(idp, group, "Eng 2")
        assert self.places(ada) == {("Eng 2", Source.CLAIM)}  # G6
        rename(idp, group, "Makers")
        assert self.places(ada) == {("Makers", Source.HELD)}  # M2, M6
        idp.delete(f"/Groups/{group.id}")
        assert self.places(ada) == set()  # G4

    def test_an_admins_decisions_are_followed(self, idp: Idp, org: Organization, ada: User) -> None:
        rule(org, auto=False)
        group = push(idp, "Engineers", ada)
        assert self.places(ada) == set()  # M2
        cause = by_admin()
        mapping = mappings.approve(org=org, mapping_id=only(group).id, cause=cause)
        assert self.places(ada) == {("Engineers", Source.CLAIM)}
        mapping = mappings.retarget(org=org, mapping_id=mapping.id, target="Crew", cause=cause)
        assert self.places(ada) == {("Crew", Source.CLAIM)}
        entity_edits.delete_entity(org=org, entity_id=mapping.entity_id, cause=cause)
        assert self.places(ada) == set()  # M7
        mapping = mappings.approve(org=org, mapping_id=mapping.id, target="Makers", cause=cause)
        assert self.places(ada) == {("Makers", Source.CLAIM)}
        mappings.reject(org=org, mapping_ids=[mapping.id], cause=cause)
        assert self.places(ada) == set()
