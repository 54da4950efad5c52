"""What admins decide about mappings and entities (SPEC M1, M2, M7, M8)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from groups_provisioning.actions import entity_edits, group_intake, mappings
from groups_provisioning.actions.group_intake import GroupFacts, UnknownGroup
from groups_provisioning.actions.mappings import (
    AlreadyRejected,
    EntityOwned,
    Excluded,
    NotPending,
    RoleGiven,
    SecondOfItsKind,
    UnknownMapping,
    UnknownRole,
)
from groups_provisioning.actions.rules import UnknownRule
from groups_provisioning.models import ROLE, GroupMapping, Membership, Pending, PushedGroup, Status
from groups_provisioning.rules import assignments
from orgs import organizations, profiles
from orgs.db.keys import uuid7
from orgs.entities import KindOff, NameTaken, ReservedName, UnknownEntity
from orgs.models import Change, Door, Entity, HandPlacement, Mark, Organization, SchemaProfile, Standing, User
from tests.config.processes import until
from tests.conftest import Idp
from tests.factories import EntityFactory, OrganizationFactory, UserFactory, issue_token
from tests.groups_provisioning.world import (
    POOL,
    SUB,
    TEAM,
    by_admin,
    entity,
    give,
    map_to,
    role_rule,
    rule,
    settle_marked,
)
from tests.scim.api.races import waiting

pytestmark = pytest.mark.usefixtures("db")


def push(org: Organization, name: str, *members: User) -> PushedGroup:
    """Push a group, and forget who was marked."""
    ids = [str(user.id) for user in members]
    group = group_intake.create_group(org=org, facts=GroupFacts(name), member_ids=ids, cause=by_admin())
    Mark.objects.all().delete()
    return group


def delete(group: PushedGroup) -> None:
    group_intake.delete_group(org=group.org, group_id=group.id, cause=by_admin())


def live(group: PushedGroup) -> list[GroupMapping]:
    return list(GroupMapping.objects.live().filter(group=group).order_by("id"))


def marked() -> set[Any]:
    return set(Mark.objects.values_list("user_id", flat=True))


def told(verb: str) -> Change:
    return Change.objects.get(verb=verb)


@pytest.fixture
def ada(org: Organization) -> User:
    return UserFactory.create(org=org)


@pytest.fixture
def pending(org: Organization, ada: User) -> GroupMapping:
    """A mapping that its rule asks about, of the group Engineers with Ada in it."""
    rule(org, auto=False)
    return live(push(org, "Engineers", ada))[0]


class TestApproving:
    def approve(self, mapping: GroupMapping, target: Any = None) -> GroupMapping:
        return mappings.approve(org=mapping.org, mapping_id=mapping.id, target=target, cause=by_admin())

    def test_maps_to_the_groups_name_and_marks_the_members(self, pending: GroupMapping, ada: User) -> None:  # M2
        approved = self.approve(pending)
        assert (approved.id, approved.status, approved.entity.name) == (pending.id, Status.APPROVED, "Engineers")
        assert marked() == {ada.id}
        change = told("mapping.approved")
        assert (approved.change, approved.approved_at, change.detail["marked"]) == (change, change.at, 1)
        (story,) = change.detail["mappings"]
        assert (story["was"], story["now"], story["group_name"]) == ("pending", "approved", "Engineers")

    def test_maps_to_what_is_chosen(self, org: Organization, pending: GroupMapping) -> None:
        team = entity(org, "Crew")
        assert self.approve(pending, team.id).entity == team

    def test_maps_to_a_new_name(self, pending: GroupMapping) -> None:
        assert self.approve(pending, "Crew").entity.name == "Crew"

    def test_again_is_no_news(self, pending: GroupMapping) -> None:
        first = self.approve(pending)
        assert self.approve(pending).approved_at == first.approved_at
        assert Change.objects.filter(verb="mapping.approved").count() == 1

    def test_for_another_target_is_refused(self, org: Organization, pending: GroupMapping) -> None:
        self.approve(pending)
        with pytest.raises(NotPending):
            self.approve(pending, entity(org, "Crew").id)

    def test_names_the_group_that_owns_the_target(self, org: Organization, pending: GroupMapping) -> None:  # M1
        owner = map_to(push(org, "Makers"))
        with pytest.raises(EntityOwned, match="Makers"):
            self.approve(pending, owner.entity_id)
        with pytest.raises(NameTaken):
            self.approve(pending, "makers")
        assert not Change.objects.filter(verb="mapping.approved", detail__mappings__0__group_name="Engineers").exists()

    def test_of_a_kind_that_is_off_is_refused(self, org: Organization, pending: GroupMapping) -> None:  # M8
        org.teams = False
        with pytest.raises(KindOff):
            mappings.approve(org=org, mapping_id=pending.id, cause=by_admin())

    def test_of_what_is_over_is_refused(self, org: Organization, pending: GroupMapping) -> None:
        mappings.reject(org=org, mapping_ids=[pending.id], cause=by_admin())
        with pytest.raises(AlreadyRejected):
            self.approve(pending)

    def test_of_a_deleted_group_is_refused(self, pending: GroupMapping) -> None:
        delete(pending.group)
        with pytest.raises(UnknownGroup):
            self.approve(pending)

    def test_of_another_orgs_is_refused(self, pending: GroupMapping) -> None:  # O7
        with pytest.raises(UnknownMapping):
            mappings.approve(org=OrganizationFactory.create(), mapping_id=pending.id, cause=by_admin())

    def test_to_another_kind_or_org_is_refused(self, org: Organization, pending: GroupMapping) -> None:  # O7
        for target in (entity(org, "Pool", POOL), entity(OrganizationFactory.create(), "Crew")):
            with pytest.raises(UnknownEntity):
                self.approve(pending, target.id)

    def test_of_what_fell_back_is_for_its_entity_again(self, pending: GroupMapping) -> None:  # M6
        first = self.approve(pending)
        GroupMapping.objects.update(
            status=Status.PENDING, reason=Pending.RULE_CHANGED, switched_at=[first.approved_at, timezone.now()]
        )
        again = self.approve(pending)
        assert (again.id, again.entity, again.fell_back_at) == (first.id, first.entity, None)
        assert again.approved_at > first.approved_at


class TestApprovingMany:
    def test_reports_refusals_and_approves_the_rest(self, org: Organization, ada: User) -> None:
        rule(org, auto=False)
        groups = [push(org, name, ada) for name in ("One", "Two", " Two", "Gone")]
        waiting = [live(group)[0] for group in groups]
        delete(groups[3])
        Mark.objects.all().delete()
        nobody = uuid7()
        done = mappings.approve_many(org=org, mapping_ids=[*[m.id for m in waiting], nobody], cause=by_admin())
        assert [mapping.entity.name for mapping in done.approved] == ["One", "Two"]
        assert {id_: type(why) for id_, why in done.refused.items()} == {
            waiting[2].id: EntityOwned,
            waiting[3].id: UnknownGroup,
            nobody: UnknownMapping,
        }
        assert len(told("mapping.approved").detail["mappings"]) == 2
        assert Mark.objects.get().user == ada

    def test_again_is_no_news(self, org: Organization, pending: GroupMapping) -> None:
        for _ in range(2):
            done = mappings.approve_many(org=org, mapping_ids=[pending.id, pending.id], cause=by_admin())
        assert (done.approved, done.refused) == ([], {})
        assert Change.objects.filter(verb="mapping.approved").count() == 1


class TestMappingByHand:
    def test_gives_a_group_any_number_of_teams(self, org: Organization, ada: User) -> None:  # M1
        group = push(org, "Engineers", ada)
        map_to(group)
        map_to(group, target="Crew")
        assert [mapping.entity.name for mapping in live(group)] == ["Engineers", "Crew"]
        assert marked() == {ada.id}

    @pytest.mark.parametrize("kind", [POOL, SUB])
    def test_gives_it_one_of_an_exclusive_kind(self, org: Organization, kind: str) -> None:  # M1
        group = push(org, "Engineers")
        map_to(group, kind)
        with pytest.raises(SecondOfItsKind):
            map_to(group, kind, "Other")

    @pytest.mark.parametrize(("first", "second"), [(TEAM, SUB), (POOL, SUB), (SUB, TEAM), (SUB, POOL)])
    def test_keeps_sub_organizations_apart(self, org: Organization, first: str, second: str) -> None:  # M1
        group = push(org, "Engineers")
        map_to(group, first)
        with pytest.raises(Excluded):
            map_to(group, second)
        assert not Entity.objects.filter(kind=second).exists()

    def test_allows_a_pool_beside_a_team(self, org: Organization) -> None:  # M1
        group = push(org, "Engineers")
        map_to(group)
        assert map_to(group, POOL).is_synced

    def test_is_not_hindered_by_a_mere_proposal(self, org: Organization, pending: GroupMapping) -> None:  # M1
        assert map_to(pending.group, SUB).is_synced
        with pytest.raises(Excluded):
            mappings.approve(org=org, mapping_id=pending.id, cause=by_admin())

    def test_takes_up_a_proposal_of_the_kind(self, pending: GroupMapping) -> None:
        assert map_to(pending.group, target="Crew").id == pending.id

    def test_again_is_no_news(self, org: Organization) -> None:
        group = push(org, "Engineers")
        first = map_to(group)
        assert map_to(group, target=first.entity_id) == first
        assert map_to(group) == first
        assert Change.objects.filter(verb="mapping.approved").count() == 1

    def test_lets_rules_have_the_kind_again(self, org: Organization) -> None:  # M6
        rule(org)
        group = push(org, "Engineers")
        mappings.reject(org=org, mapping_ids=[live(group)[0].id], cause=by_admin())
        map_to(group)
        assert not GroupMapping.objects.filter(barred=True).exists()

    def test_never_reaches_the_default_concurrency_group(self, org: Organization) -> None:  # M1
        group = push(org, "Default")
        with pytest.raises(ReservedName):
            map_to(group, POOL)

    def test_of_a_deleted_or_unknown_group_is_refused(self, org: Organization) -> None:  # O7
        group = push(org, "Engineers")
        delete(group)
        for unknown in (group, push(OrganizationFactory.create(), "Engineers")):
            with pytest.raises(UnknownGroup):
                mappings.map_group(org=org, group_id=unknown.id, kind=TEAM, cause=by_admin())


class TestMappingMany:
    def mapped(self, org: Organization, kind: str, *groups: PushedGroup, role: str = "") -> mappings.Approvals:
        return mappings.map_many(
            org=org, group_ids=[each.id for each in groups], kind=kind, role=role, cause=by_admin()
        )

    def test_takes_each_to_the_target_of_its_name(self, org: Organization, ada: User) -> None:  # M4
        silver = EntityFactory.create(org=org, kind=POOL, name="silver")
        groups = [push(org, "Gold", ada), push(org, "Silver"), push(org, "Bronze")]
        taken = map_to(push(org, "Night shift"), POOL, "bronze")
        done = self.mapped(org, POOL, *groups)
        assert [each.entity.name for each in done.approved if each.entity] == ["Gold", "silver"]
        assert done.approved[1].entity == silver
        assert [type(each) for each in done.refused.values()] == [mappings.EntityOwned]
        assert list(done.refused) == [groups[2].id]
        assert len({each.change_id for each in done.approved}) == 1
        assert taken.change_id not in {each.change_id for each in done.approved}
        assert not self.mapped(org, POOL, *groups[:2]).approved

    def test_never_creates_a_sub_organization(self, org: Organization) -> None:  # M4
        EntityFactory.create(org=org, kind=SUB, name="EMEA")
        there, missing = push(org, "EMEA"), push(org, "APAC")
        done = self.mapped(org, SUB, there, missing)
        assert [each.group_id for each in done.approved] == [there.id]
        assert {id_: type(each) for id_, each in done.refused.items()} == {missing.id: assignments.NotCreated}
        assert not Entity.objects.filter(name="APAC").exists()
        assert map_to(missing, SUB).entity  # one by one they are

    def test_leaves_what_is_mapped_or_waits_for_an_admin(self, org: Organization, pending: GroupMapping) -> None:  # M5
        gone = map_to(push(org, "Gone"), POOL)
        assert gone.entity_id
        entity_edits.delete_entity(org=org, entity_id=gone.entity_id, cause=by_admin())
        done = self.mapped(org, TEAM, pending.group, gone.group)
        assert not done.approved
        assert set(map(type, done.refused.values())) == {assignments.AlreadyMapped}

    def test_gives_one_role_to_all(self, org: Organization, ada: User) -> None:  # R6
        groups = [push(org, "Platform", ada), push(org, "Payments")]
        done = self.mapped(org, ROLE, *groups, role="Admin")
        assert [each.role for each in done.approved] == ["Admin", "Admin"]
        assert not self.mapped(org, ROLE, *groups, role="Admin").approved
        assert len(self.mapped(org, TEAM, *groups).approved) == 2  # a role excludes nothing
        assert set(map(type, self.mapped(org, ROLE, *groups, role="Boss").refused.values())) == {mappings.UnknownRole}

    def test_of_another_org_is_refused(self, org: Organization) -> None:  # O7
        theirs = push(OrganizationFactory.create(), "Theirs")
        assert set(map(type, self.mapped(org, TEAM, theirs).refused.values())) == {assignments.UnknownGroup}

    def test_of_many_takes_as_many_statements_as_of_a_few(
        self, org: Organization, django_assert_max_num_queries: Any
    ) -> None:
        groups = [push(org, f"g{number}") for number in range(200)]
        with django_assert_max_num_queries(40):
            assert len(self.mapped(org, TEAM, *groups).approved) == 200


class TestRetargeting:
    def test_ends_the_old_mapping_and_begins_a_new_one(self, org: Organization, ada: User) -> None:  # C3
        group = push(org, "Engineers", ada)
        old, crew = map_to(group, POOL), entity(org, "Crew", POOL)
        Mark.objects.all().delete()
        new = mappings.retarget(org=org, mapping_id=old.id, target=crew.id, cause=by_admin())
        old.refresh_from_db()
        assert (old.status, old.barred, old.entity.name) == (Status.REJECTED, False, "Engineers")
        assert (new.status, new.entity) == (Status.APPROVED, crew)
        assert new.id != old.id
        assert [story["now"] for story in told("mapping.retargeted").detail["mappings"]] == ["rejected", "approved"]
        assert marked() == {ada.id}

    def test_to_the_same_is_no_news(self, org: Organization) -> None:
        old = map_to(push(org, "Engineers"))
        assert mappings.retarget(org=org, mapping_id=old.id, target=old.entity_id, cause=by_admin()) == old
        assert not Change.objects.filter(verb="mapping.retargeted").exists()

    def test_to_what_another_group_owns_is_refused(self, org: Organization) -> None:  # M1
        old, owner = map_to(push(org, "Engineers")), map_to(push(org, "Makers"))
        with pytest.raises(EntityOwned, match="Makers"):
            mappings.retarget(org=org, mapping_id=old.id, target=owner.entity_id, cause=by_admin())
        old.refresh_from_db()
        assert old.is_synced


class TestRejecting:
    def test_bars_the_kind_and_marks_the_members(self, org: Organization, ada: User) -> None:  # M2, M6
        found = [map_to(push(org, name, ada)) for name in ("One", "Two")]
        Mark.objects.all().delete()
        ids = [mapping.id for mapping in found]
        assert mappings.reject(org=org, mapping_ids=ids, cause=by_admin()) == 2
        assert mappings.reject(org=org, mapping_ids=ids, cause=by_admin()) == 0
        assert set(GroupMapping.objects.values_list("status", "barred")) == {(Status.REJECTED, True)}
        assert Mark.objects.get().user == ada
        assert told("mapping.rejected").detail["marked"] == 1

    def test_of_a_proposal_marks_nobody(self, org: Organization, pending: GroupMapping) -> None:
        mappings.reject(org=org, mapping_ids=[pending.id], cause=by_admin())
        assert not Mark.objects.exists()

    def test_of_another_orgs_is_refused(self, org: Organization) -> None:  # O7
        stranger = map_to(push(OrganizationFactory.create(), "Engineers"))
        with pytest.raises(UnknownMapping):
            mappings.reject(org=org, mapping_ids=[stranger.id], cause=by_admin())


class TestApplyingRules:
    def apply(self, org: Organization, rule_id: Any = None) -> tuple[int, int]:
        applied = mappings.apply_rules(org=org, rule_id=rule_id, cause=by_admin())
        return applied.approved, applied.pending

    def test_maps_the_unmapped_and_nothing_else(self, org: Organization, ada: User) -> None:  # M5
        mine, gone, barred = (push(org, name, ada) for name in ("Mine", "Gone", "Barred"))
        map_to(mine)
        delete(gone)
        mappings.reject(org=org, mapping_ids=[map_to(barred).id], cause=by_admin())
        push(OrganizationFactory.create(), "Theirs")
        unmapped = push(org, "Unmapped", ada)
        rule(org)
        assert self.apply(org) == (1, 0)
        assert live(unmapped)[0].status == Status.AUTO_APPROVED
        assert [len(live(group)) for group in (mine, gone, barred)] == [1, 0, 0]
        assert marked() == {ada.id}
        assert (told("rules.applied").detail["approved"], told("rules.applied").detail["marked"]) == (1, 1)

    def test_again_is_no_news(self, org: Organization) -> None:
        push(org, "One")
        rule(org, auto=False)
        assert self.apply(org) == (0, 1)
        assert self.apply(org) == (0, 0)
        assert Change.objects.filter(verb="rules.applied").count() == 1

    def test_of_one_rule_takes_the_groups_where_it_is_first(self, org: Organization) -> None:  # M3
        for name in ("Eng one", "Sales"):
            push(org, name)
        rule(org, pattern="Eng")
        rule(org)
        first, second = org.mapping_rules.all()
        assert self.apply(org, second.id) == (1, 0)
        assert GroupMapping.objects.get().group.display_name == "Sales"
        assert self.apply(org, first.id) == (1, 0)

    def test_of_an_unknown_rule_is_refused(self, org: Organization) -> None:
        with pytest.raises(UnknownRule):
            self.apply(org, uuid7())

    def test_to_a_thousand_groups_asks_few_questions(
        self, org: Organization, django_assert_max_num_queries: Any
    ) -> None:
        at = timezone.now()
        made = [PushedGroup(org=org, display_name=f"g{n}", created_at=at, modified_at=at) for n in range(1000)]
        PushedGroup.objects.bulk_create(made)
        rule(org)
        with django_assert_max_num_queries(16):
            assert self.apply(org) == (1000, 0)


class TestEntities:
    def test_are_created_renamed_and_limited_each_with_a_change(self, org: Organization) -> None:
        pool = entity_edits.create_entity(org=org, kind=POOL, name="Pool", session_limit=5, cause=by_admin())
        for _ in range(2):
            entity_edits.rename_entity(org=org, entity_id=pool.id, name="Lane", cause=by_admin())
            entity_edits.limit_entity(org=org, entity_id=pool.id, session_limit=7, cause=by_admin())
        pool.refresh_from_db()
        assert (pool.name, pool.session_limit) == ("Lane", 7)
        assert (told("entity.renamed").detail["was"], told("entity.limited").detail["was"]) == ("Pool", 5)

    def test_of_a_kind_that_is_off_are_refused(self) -> None:  # M8
        org = OrganizationFactory.create(teams=False)
        with pytest.raises(KindOff):
            entity_edits.create_entity(org=org, kind=TEAM, name="Crew", cause=by_admin())

    def test_deleted_leave_their_mapping_waiting_for_a_new_target(self, org: Organization, ada: User) -> None:  # M7
        rule(org)
        group = push(org, "Engineers", ada)
        mapping = live(group)[0]
        entity_edits.delete_entity(org=org, entity_id=mapping.entity_id, cause=by_admin())
        mapping.refresh_from_db()
        assert (mapping.status, mapping.reason) == (Status.PENDING, Pending.TARGET_DELETED)
        assert (mapping.target_deleted, mapping.fell_back_at) == (True, None)
        assert mapping.entity.deleted_at is not None
        assert marked() == {ada.id}
        assert told("entity.deleted").detail["mappings"][0]["was"] == "auto_approved"
        assert mappings.apply_rules(org=org, cause=by_admin()).approved == 0
        new = mappings.approve(org=org, mapping_id=mapping.id, cause=by_admin())
        assert (new.entity.name, new.id != mapping.id) == ("Engineers", True)
        delete(group)
        push(org, "Engineers")
        assert [again.target_deleted for again in live(group)] == [False]

    def test_deleted_mark_those_whom_anything_else_placed_there(self, org: Organization, ada: User) -> None:  # M7
        pool = entity(org, "Pool", POOL)
        attribute = UserFactory.create(org=org, placement=pool)
        change = Change.objects.create(org=org, at=timezone.now(), door=Door.PAGE, verb="x")
        HandPlacement.objects.create(org=org, user=ada, entity=pool, placed=True, change=change)
        entity_edits.delete_entity(org=org, entity_id=pool.id, cause=by_admin())
        assert marked() == {ada.id, attribute.id}
        with pytest.raises(UnknownEntity):
            entity_edits.delete_entity(org=org, entity_id=pool.id, cause=by_admin())


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("transactional_db")
class TestAtOnce:
    def run(self, *calls: Any) -> list[Any]:
        """What each call returned or raised."""

        def attempt(call: Any) -> Any:
            try:
                return call()
            except mappings.REFUSALS as refusal:
                return type(refusal)
            finally:
                connection.close()

        with ThreadPoolExecutor(len(calls)) as threads:
            return list(threads.map(attempt, calls))

    def test_one_entity_goes_to_one_group(self) -> None:  # M1
        org = OrganizationFactory.create()
        team = entity(org, "Crew")
        groups = [push(org, f"g{n}") for n in range(6)]
        answers = self.run(*[lambda group=group: map_to(group, target=team.id) for group in groups])
        assert answers.count(EntityOwned) == 5
        assert GroupMapping.objects.synced().count() == 1

    def test_an_entity_that_is_deleted_gets_no_owner(self) -> None:  # M7
        org = OrganizationFactory.create()
        for n in range(5):
            team, group = entity(org, "Crew"), push(org, f"g{n}")
            self.run(
                lambda team=team: entity_edits.delete_entity(org=org, entity_id=team.id, cause=by_admin()),
                lambda team=team, group=group: map_to(group, target=team.id),
            )
            assert not GroupMapping.objects.synced().filter(entity=team).exists()

    def test_an_entity_that_is_deleted_has_nobody_by_attribute(self) -> None:  # U10, M7
        org = OrganizationFactory.create(dialect="lambdatest")
        ada, pool, idp = UserFactory.create(org=org), entity(org, "Pool", POOL), Idp(issue_token(org).secret)
        with ThreadPoolExecutor(1) as thread:
            with transaction.atomic():
                value = {"urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:User": {"LambdatestGroup": "Pool"}}
                assert idp.patch(f"/Users/{ada.id}", {"op": "add", "value": value}).status_code == 200
                deleted = thread.submit(
                    self.run, lambda: entity_edits.delete_entity(org=org, entity_id=pool.id, cause=by_admin())
                )
                until(lambda: waiting() == 1 or deleted.done())
            deleted.result(20)
        assert marked() == {ada.id}

    def test_somebody_created_while_a_kind_is_switched_off_is_in_none_of_it(self) -> None:  # U10, M8
        org = OrganizationFactory.create(dialect="lambdatest")
        entity(org, "Pool", POOL)
        idp, urn = Idp(issue_token(org).secret), "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:User"
        body = {"userName": "ada@corp.example", urn: {"LambdatestGroup": "Pool"}}
        with ThreadPoolExecutor(1) as thread:
            with transaction.atomic():
                organizations.change(org=org, wishes={"concurrency_groups": False}, cause=by_admin())
                created = thread.submit(self.run, lambda: idp.post("/Users", body).status_code)
                until(lambda: waiting() == 1 or created.done())
            assert created.result(20) == [201]
        assert not Membership.objects.for_org(org).exists()

    def test_a_role_that_is_being_deleted_is_given_to_nobody(self) -> None:  # R6
        profile = SchemaProfile.objects.get(key="testomat")
        group = push(OrganizationFactory.create(profile=profile), "Billing")
        with ThreadPoolExecutor(1) as thread:
            with transaction.atomic():
                profile.roles.filter(key="billing").delete()
                given = thread.submit(self.run, lambda: give(group, "billing"))
                until(lambda: waiting() == 1 or given.done())
            assert given.result(20) == [UnknownRole]

    def test_approving_and_rejecting_leave_one_of_both(self) -> None:
        org = OrganizationFactory.create()
        rule(org, auto=False)
        for n in range(5):
            mapping = live(push(org, f"g{n}"))[0]
            self.run(
                lambda mapping=mapping: mappings.approve(org=org, mapping_id=mapping.id, cause=by_admin()),
                lambda mapping=mapping: mappings.reject(org=org, mapping_ids=[mapping.id], cause=by_admin()),
            )
            mapping.refresh_from_db()
            assert (mapping.status, mapping.barred) == (Status.REJECTED, True)


class TestARole:
    """SPEC R6, with the roles Admin and Member of the standard profile."""

    def roles(self, user: User) -> list[str]:
        settle_marked(user.org)
        return Standing.objects.get(user=user).roles

    def test_is_given_by_hand_several_to_a_group_and_one_to_several(self, org: Organization, ada: User) -> None:  # R6
        first, second = push(org, "Admins", ada), push(org, "Owners")
        map_to(first, SUB, "North")
        given = [give(first, "Admin"), give(first, "Member"), give(second, "Admin")]
        assert [(each.kind, each.status, each.target) for each in given] == [
            (ROLE, Status.APPROVED, role) for role in ("Admin", "Member", "Admin")
        ]
        assert marked() == {ada.id}
        assert self.roles(ada) == ["Admin"]
        before = Change.objects.count()
        assert give(first, "Admin") == given[0]
        assert Change.objects.count() == before
        with pytest.raises(UnknownRole, match="Chef"):
            give(first, "Chef")

    def test_that_waits_is_approved_and_another_one_given_instead(self, org: Organization, ada: User) -> None:  # R6, M2
        role_rule(org, "Member", auto=False)
        group = push(org, "Admins", ada)
        (waiting,) = live(group)
        approved = mappings.approve(org=org, mapping_id=waiting.id, cause=by_admin())
        assert (approved, approved.status, approved.role) == (waiting, Status.APPROVED, "Member")
        instead = mappings.retarget(org=org, mapping_id=waiting.id, target="Admin", cause=by_admin())
        assert live(group) == [instead]
        assert self.roles(ada) == ["Admin"]
        assert told("mapping.retargeted").detail["mappings"][-1]["role"] == "Admin"
        give(group, "Member")
        with pytest.raises(RoleGiven, match="Member"):
            mappings.retarget(org=org, mapping_id=instead.id, target="Member", cause=by_admin())

    def test_that_is_rejected_goes_and_no_rule_gives_it_until_an_admin_does(
        self, org: Organization, ada: User
    ) -> None:  # R6, M2, M6
        group = push(org, "Admins", ada)
        mapping = give(group, "Admin")
        assert self.roles(ada) == ["Admin"]
        mappings.reject(org=org, mapping_ids=[mapping.id], cause=by_admin())
        assert self.roles(ada) == ["Admin"]  # R5: there is no other admin
        bo = UserFactory.create(org=org)
        give(push(org, "Owners", bo), "Admin")
        assert (self.roles(bo), self.roles(ada)) == (["Admin"], ["Member"])
        give(group, "Member")
        assert GroupMapping.objects.get(id=mapping.id).barred
        give(group, "Admin")
        assert not GroupMapping.objects.get(id=mapping.id).barred

    def test_is_never_lower_than_what_hands_gave(self, org: Organization, ada: User) -> None:  # R1, R6
        User.objects.filter(id=ada.id).update(manual_roles=["Admin"])
        give(push(org, "Everybody", ada), "Member")
        assert self.roles(ada) == ["Admin"]
        User.objects.filter(id=ada.id).update(manual_roles=["Member"])
        give(push(org, "Admins", ada), "Admin")
        assert self.roles(ada) == ["Admin"]

    def test_that_the_profile_loses_waits_for_another(self, ada: User) -> None:  # R6, M7
        profile = SchemaProfile.objects.get(key="standard")
        kept = [profiles.RoleFacts(role.key, role.rank, role.is_default, role.is_admin) for role in profile.roles.all()]
        profiles.keep(
            profile=profile, roles=[*kept, profiles.RoleFacts("Auditor", 500)], attributes=[], cause=by_admin()
        )
        org = OrganizationFactory.create(profile=profile)
        bo = UserFactory.create(org=org)
        group, other = push(org, "Auditors", bo), push(org, "Others", bo)
        lost, beside, stays = give(group, "Auditor"), give(group, "Member"), give(other, "Member")
        assert self.roles(bo) == ["Auditor"]
        profiles.keep(profile=profile, roles=kept, attributes=[], cause=by_admin())
        mappings.release_roles(profile=profile, cause=by_admin())
        lost.refresh_from_db()
        assert (lost.status, lost.reason, lost.target_deleted) == (Status.PENDING, Pending.TARGET_DELETED, True)
        assert live(other) == [stays]
        assert self.roles(bo) == ["Member"]
        detail = told("profile.roles_removed").detail
        assert (detail["roles"], [each["now"] for each in detail["mappings"]]) == (["Auditor"], ["pending"])
        mappings.release_roles(profile=profile, cause=by_admin())  # again, nothing is left to do
        assert Change.objects.filter(verb="profile.roles_removed").count() == 1
        profiles.keep(
            profile=profile, roles=[*kept, profiles.RoleFacts("Auditor", 500)], attributes=[], cause=by_admin()
        )
        assert self.roles(bo) == ["Member"]  # it comes back only with an admin's word
        with pytest.raises(RoleGiven, match="Auditor"):
            mappings.retarget(org=org, mapping_id=beside.id, target="Auditor", cause=by_admin())
        again = mappings.approve(org=org, mapping_id=lost.id, cause=by_admin())
        assert live(group) == [beside, again]
        assert self.roles(bo) == ["Auditor"]
