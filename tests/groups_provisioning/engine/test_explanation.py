"""Why, and why not (SPEC section 7): each answer names the facts that it comes from."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.utils import timezone

from groups_provisioning.engine import explanation, loading
from groups_provisioning.engine.explanation import (
    Explanation,
    Matched,
    PlaceWhy,
    Reason,
    RoleFrom,
    RoleSource,
    RoleWhy,
    WhyNot,
)
from groups_provisioning.models import PushedGroup, Source, Status
from orgs.models import Entity, EntityKind, LastAdmin, Organization, User
from tests.factories import OrganizationFactory, OwnerFactory
from tests.groups_provisioning.situations import Situation

POOL, SUB = EntityKind.CONCURRENCY_GROUP, EntityKind.SUB_ORGANIZATION


@pytest.fixture
def at(org: Organization) -> Situation:
    return Situation(org, OwnerFactory.create(org=org, given_name="Grace", family_name="Hopper"))


@pytest.fixture
def ada(at: Situation) -> User:
    return at.person("Ada Brandt")


def explain(user: User) -> Explanation:
    assert user.org
    user.refresh_from_db()
    return explanation.of(user.org, user)


def why(user: User, entity: Entity) -> PlaceWhy:
    found = explain(user).why_place(entity)
    assert found
    return found


def why_not(user: User, entity: Entity) -> WhyNot:
    (found,) = explain(user).why_not(entity)
    return found


class TestWhySomebodyIsInAPlace:
    def test_names_the_group_the_request_and_the_approver(self, at: Situation, ada: User) -> None:
        engineering, platform = at.group("Engineering", ada), at.entity("Platform")
        mapping = at.map(engineering, platform)
        found = why(ada, platform)
        assert (found.source, found.through and found.through.mapping) == (Source.CLAIM, mapping)
        assert found.through
        assert found.through.member.group == engineering
        assert found.through.member.added_by.by_token == at.token
        assert found.through.member.added_by.request_id
        assert found.through.mapping.change.by_person == at.admin
        assert found.through.since == mapping.approved_at  # C2
        assert found.through.rule is None

    def test_names_the_rule_as_it_was_then(self, at: Situation, ada: User) -> None:
        rule, platform = at.rule("eng-"), at.entity("Platform")
        at.map(at.group("eng-platform", ada), platform, Status.AUTO_APPROVED, rule)
        rule.pattern = "something-else-"
        rule.save()
        found = why(ada, platform)
        assert found.through
        assert found.through.rule
        assert found.through.rule.pattern == "eng-"

    def test_says_by_hand_and_who(self, at: Situation, ada: User) -> None:
        platform = at.entity("Platform")
        placement = at.hand(ada, platform)
        found = why(ada, platform)
        assert (found.source, found.hand) == (Source.HAND, placement)
        assert found.hand
        assert found.hand.change.by_person == at.admin

    def test_says_what_would_keep_them_if_the_group_did_not(self, at: Situation, ada: User) -> None:  # R3
        platform = at.entity("Platform")
        at.map(at.group("Engineering", ada), platform)
        at.hand(ada, platform)
        assert why(ada, platform).also == (Source.HAND,)

    def test_says_that_the_attribute_names_it(self, at: Situation, ada: User) -> None:  # U10
        pool = at.entity("Night shift", POOL)
        User.objects.filter(pk=ada.pk).update(placement=pool)
        assert why(ada, pool).source == Source.ATTRIBUTE
        assert [each.entity for each in explain(ada).places()] == [pool]

    def test_says_that_it_is_held(self, at: Situation, ada: User) -> None:  # M2
        pool = at.entity("Night shift", POOL)
        group = at.group("Nights", ada)
        approved = at.at + timedelta(minutes=1)
        at.map(group, pool, Status.PENDING, switched_at=[approved, approved + timedelta(hours=1)])
        assert why(ada, pool).source == Source.HELD

    def test_names_the_decision_that_was_needed(self, at: Situation, ada: User) -> None:  # C2
        nights, days = at.entity("Nights", POOL), at.entity("Days", POOL)
        by_nights, by_days = at.map(at.group("N", ada), nights), at.map(at.group("D", ada), days)
        decision = at.decide(ada, by_days, by_nights)
        (contest,) = why(ada, days).kept_out
        assert (contest.other.mapping, contest.decision) == (by_nights, decision)

    def test_says_that_it_counts_for_nothing_while_she_is_inactive(self, at: Situation, ada: User) -> None:  # U4
        platform = at.entity("Platform")
        at.map(at.group("Engineering", ada), platform)
        User.objects.filter(pk=ada.pk).update(active=False)
        assert not why(ada, platform).counts
        assert why_not(ada, platform).reason == Reason.PERSON_INACTIVE


class TestWhySomebodyIsNotInAPlace:
    def test_no_group_of_theirs_is_mapped_to_it(self, at: Situation, ada: User) -> None:
        platform = at.entity("Platform")
        assert why_not(ada, platform) == WhyNot(Reason.NOT_MAPPED)
        mapping = at.map(at.group("Engineering"), platform)
        assert why_not(ada, platform).owner == mapping

    @pytest.mark.parametrize("status", [Status.PENDING, Status.REJECTED])
    def test_the_mapping_is_not_approved(self, at: Situation, ada: User, status: Status) -> None:
        platform = at.entity("Platform")
        mapping = at.map(at.group("Engineering", ada), platform, status)
        found = why_not(ada, platform)
        assert (found.reason, found.through and found.through.mapping) == (Reason(status.value), mapping)

    def test_the_kind_is_off(self, at: Situation, ada: User) -> None:  # M8
        platform, pool = at.entity("Platform"), at.entity("Nights", POOL)
        at.map(at.group("Engineering", ada), platform)
        User.objects.filter(pk=ada.pk).update(placement=pool)
        Organization.objects.filter(pk=at.org.pk).update(teams=False, concurrency_groups=False)
        ada.org.refresh_from_db()  # type: ignore[union-attr]
        ada = User.objects.get(pk=ada.pk)
        assert why_not(ada, platform).reason == Reason.KIND_OFF
        assert why_not(ada, pool).reason == Reason.KIND_OFF

    def test_a_conflict_is_open(self, at: Situation, ada: User) -> None:  # C3
        nights, days = at.entity("Nights", POOL), at.entity("Days", POOL)
        by_nights = at.map(at.group("N", ada), nights)
        at.map(at.group("D", ada), days)
        found = why_not(ada, days)
        assert (found.reason, found.open) == (Reason.KEPT_OUT, True)
        assert [(each.other.mapping, each.decision) for each in found.holders] == [(by_nights, None)]

    def test_a_conflict_was_decided_against_it(self, at: Situation, ada: User) -> None:  # C3
        nights, days = at.entity("Nights", POOL), at.entity("Days", POOL)
        by_nights, by_days = at.map(at.group("N", ada), nights), at.map(at.group("D", ada), days)
        decision = at.decide(ada, by_nights, by_days)
        found = why_not(ada, days)
        assert (found.reason, found.open, found.holders[0].decision) == (Reason.KEPT_OUT, False, decision)
        assert found.holders[0].decision
        assert found.holders[0].decision.change.by_person == at.admin

    def test_they_were_taken_out_by_hand(self, at: Situation, ada: User) -> None:  # R4
        platform = at.entity("Platform")
        at.map(at.group("Engineering", ada), platform)
        removal = at.hand(ada, platform, placed=False)
        found = why_not(ada, platform)
        assert (found.reason, found.hand) == (Reason.TAKEN_OUT, removal)

    def test_they_are_in_a_sub_organization(self, at: Situation, ada: User) -> None:  # R2
        platform, japan = at.entity("Platform"), at.entity("Japan", SUB)
        at.hand(ada, platform)
        at.map(at.group("JP", ada), japan)
        found = why_not(ada, platform)
        assert (found.reason, found.place and found.place.entity) == (Reason.IN_SUB_ORGANIZATION, japan)

    def test_it_gives_way_to_a_claim(self, at: Situation, ada: User) -> None:  # R4, U10
        nights, days, old = at.entity("Nights", POOL), at.entity("Days", POOL), at.entity("Old", POOL)
        at.hand(ada, old)
        User.objects.filter(pk=ada.pk).update(placement=nights)
        at.map(at.group("D", ada), days)
        for entity, source in ((old, Source.HAND), (nights, Source.ATTRIBUTE)):
            found = why_not(ada, entity)
            assert (found.reason, found.source) == (Reason.YIELDS, source)
            assert found.place
            assert found.place.entity == days

    def test_what_the_attribute_names_is_among_the_places_withheld(self, at: Situation, ada: User) -> None:  # U10
        nights, days = at.entity("Nights", POOL), at.entity("Days", POOL)
        User.objects.filter(pk=ada.pk).update(placement=nights)
        assert explain(ada).withheld() == []
        at.map(at.group("D", ada), days)
        assert explain(ada).withheld() == [nights]
        User.objects.filter(pk=ada.pk).update(deleted_at=timezone.now(), active=False, login_email=None)
        assert nights not in explain(ada).withheld()

    def test_it_was_deleted(self, at: Situation, ada: User) -> None:
        platform = at.entity("Platform")
        at.hand(ada, platform)
        platform.deleted_at = timezone.now()
        platform.save()
        assert why_not(ada, platform).reason == Reason.ENTITY_DELETED

    def test_they_were_deleted_themselves(self, at: Situation, ada: User) -> None:
        platform = at.entity("Platform")
        at.map(at.group("Engineering", ada), platform)
        User.objects.filter(pk=ada.pk).update(deleted_at=timezone.now(), active=False, login_email=None)
        assert why_not(ada, platform).reason == Reason.PERSON_DELETED

    def test_there_is_nothing_to_say_where_they_are(self, at: Situation, ada: User) -> None:
        platform = at.entity("Platform")
        at.hand(ada, platform)
        assert explain(ada).why_not(platform) == []


def outranked(found: RoleWhy) -> list[RoleFrom]:
    return [each for each in found.sources if not each.counts]


class TestWhySomebodyHasARole:
    def test_names_the_groups_and_what_they_outrank(self, at: Situation, ada: User) -> None:  # R1
        staff = at.group("Staff", ada, roles=("Member",))
        admins = at.group("Admins", ada, roles=("Admin",))
        User.objects.filter(pk=ada.pk).update(manual_roles=["Member"], idp_roles=["Member", "Nobody"])
        found = explain(ada).why_roles()
        assert found.roles == ["Admin"]
        assert [each.member and each.member.group for each in found.counting] == [admins]
        assert [(each.source, each.unknown) for each in outranked(found)] == [
            (RoleSource.USER, ["Nobody"]),
            (RoleSource.GROUP, []),
            (RoleSource.HAND, []),
        ]
        assert outranked(found)[1].member
        assert outranked(found)[1].member.group == staff
        assert outranked(found)[1].member.added_by.by_token == at.token

    def test_says_by_hand_where_no_group_gives_one(self, at: Situation, ada: User) -> None:  # R1
        User.objects.filter(pk=ada.pk).update(manual_roles=["Admin"])
        assert [(each.source, each.counts) for each in explain(ada).why_roles().sources] == [
            (RoleSource.HAND, ["Admin"])
        ]

    def test_says_the_default_where_nothing_gives_one(self, ada: User) -> None:
        User.objects.filter(pk=ada.pk).update(idp_roles=["Nobody"])
        found = explain(ada).why_roles()
        assert [each.source for each in found.counting] == [RoleSource.DEFAULT]
        assert outranked(found)[0].unknown == ["Nobody"]

    def test_says_the_last_admin(self, at: Situation, ada: User) -> None:  # R5
        at.group("Staff", ada, roles=("Member",))
        LastAdmin.objects.create(org=at.org, user=ada)
        found = explain(ada).why_roles()
        assert found.roles == ["Admin"]
        assert [each.source for each in found.counting] == [RoleSource.LAST_ADMIN]
        assert [each.source for each in outranked(found)] == [RoleSource.GROUP]

    def test_names_the_group_that_carries_one_and_who_gave_it(self, at: Situation, ada: User) -> None:  # R1, R6
        User.objects.filter(pk=ada.pk).update(manual_roles=["Member"])
        by_hand, by_rule = at.group("Admins", ada), at.group("Staff", ada)
        given = at.give(by_hand, "Admin")
        at.give(by_rule, "Member", Status.AUTO_APPROVED, rule=at.rule("st", role="Member"))
        at.give(at.group("Asked", ada), "Admin", Status.PENDING)
        found = explain(ada).why_roles()
        assert found.roles == ["Admin"]
        assert not found.is_by_scim
        (why,) = found.counting
        assert (why.source, why.member.group, why.through.mapping) == (RoleSource.MAPPING, by_hand, given)
        assert why.through.mapping.change.by_person == at.admin
        assert why.through.since == given.approved_at
        other, hand = outranked(found)
        assert (other.source, other.through.rule) == (RoleSource.MAPPING, Matched("prefix", "st"))
        assert hand.source == RoleSource.HAND

    def test_says_that_hands_count_beside_what_a_group_carries(self, db: None) -> None:  # R1, R6
        org = OrganizationFactory.create(dialect="testomat")
        at = Situation(org, OwnerFactory.create(org=org))
        ada = at.person("Ada Brandt", manual_roles=["qa"])
        at.give(at.group("Billing", ada), "billing")
        found = explain(ada).why_roles()
        assert [(each.source, each.counts) for each in found.counting] == [
            (RoleSource.MAPPING, ["billing"]),
            (RoleSource.HAND, ["qa"]),
        ]
        User.objects.filter(pk=ada.pk).update(idp_roles=["read"])
        assert [each.source for each in explain(ada).why_roles().counting] == [RoleSource.USER, RoleSource.MAPPING]

    def test_adds_them_up_where_the_profile_does(self, db: None) -> None:  # R1, R5
        org = OrganizationFactory.create(dialect="testomat")
        at = Situation(org, OwnerFactory.create(org=org))
        ada = at.person("Ada Brandt", idp_roles=["qa"])
        at.group("Billing", ada, roles=("billing",))
        LastAdmin.objects.create(org=org, user=ada)
        found = explain(ada).why_roles()
        assert found.roles == ["manager", "billing", "qa"]
        assert [(each.source, each.counts) for each in found.counting] == [
            (RoleSource.LAST_ADMIN, ["manager"]),
            (RoleSource.USER, ["qa"]),
            (RoleSource.GROUP, ["billing"]),
        ]


def test_one_person_with_all_places_takes_eight_queries(
    at: Situation, ada: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        at.map(at.group(f"Group {number}", ada, roles=("Member",)), at.entity(f"Team {number}"))
    nights, days = at.entity("Nights", POOL), at.entity("Days", POOL)
    at.decide(ada, at.map(at.group("N", ada), nights), at.map(at.group("D", ada), days))
    at.hand(ada, at.entity("By hand"))
    User.objects.filter(pk=ada.pk).update(placement=at.entity("Attribute", POOL))
    ada.refresh_from_db()
    with django_assert_max_num_queries(8):
        found = explanation.of(at.org, ada)
        assert len(found.places()) == 22
        assert found.why_roles().roles == ["Member"]
        assert found.why_not(days)
    assert not found.is_settled
    at.settle()
    assert explain(ada).is_settled


class TestTheWords:
    """What pages include: every sentence with the names that it is about."""

    def words(self, template: str, person: User, **about: Any) -> str:
        page = render_to_string(f"groups_provisioning/people/_why_{template}.html", {"person": person, **about})
        return " ".join(re.sub(r"<[^>]+>", " ", page).split())

    def test_of_a_place_say_what_to_change_in_the_idp(self, at: Situation, ada: User) -> None:
        rule, platform = at.rule("eng-"), at.entity("Platform")
        at.map(at.group("eng-platform", ada), platform, Status.AUTO_APPROVED, rule)
        said = self.words("place", ada, why=why(ada, platform))
        assert "They are in the SCIM group eng-platform, which is mapped to Platform." in said
        assert "added by Okta production over SCIM, 2 days ago" in said
        assert "Rule Begins with eng-" in said
        assert "remove Ada Brandt from the group eng-platform in your identity provider." in said

    def test_of_a_place_by_hand_name_who_placed_them(self, at: Situation, ada: User) -> None:
        platform = at.entity("Platform")
        at.hand(ada, platform)
        assert "Assigned by hand by Grace Hopper, 2 days ago" in self.words("place", ada, why=why(ada, platform))

    def test_of_no_place_say_what_is_in_the_way(self, at: Situation, ada: User) -> None:
        nights, days = at.entity("Nights", POOL), at.entity("Days", POOL)
        at.map(at.group("N", ada), nights)
        at.map(at.group("D", ada), days)
        said = self.words("not", ada, obstacles=explain(ada).why_not(days), entity=days)
        assert "This conflict is still open" in said
        assert "Nights, which they have through the group N, takes precedence." in said
        assert "use the incoming assignment , or remove Ada Brandt from N in your identity provider." in said

    def test_of_every_other_obstacle_are_there(self, at: Situation, ada: User) -> None:
        platform = at.entity("Platform")
        mapping = at.map(at.group("Engineering", ada), platform)
        through = explain(ada)._through[mapping.id]
        place = PlaceWhy(platform, Source.CLAIM, through)
        hand = at.hand(ada, platform, placed=False)
        for reason in Reason:
            obstacle = WhyNot(reason, Source.CLAIM, through, hand, place=place, owner=mapping)
            assert len(self.words("not", ada, obstacles=[obstacle], entity=platform)) > 20, reason

    def test_of_a_role_name_the_group_and_the_mapping(self, at: Situation, ada: User) -> None:  # R6
        at.give(at.group("Admins", ada), "Admin", Status.AUTO_APPROVED, rule=at.rule("adm", role="Admin"))
        said = self.words("roles", ada, why=explain(ada).why_roles())
        assert "Admin · Given to the members of the SCIM group Admins by a role rule." in said
        assert "Auto-Approved" in said
        assert "Begins with adm" in said
        assert "change the role of the group here" in said

    def test_of_roles_say_what_outranks_what(self, at: Situation, ada: User) -> None:
        at.group("Staff", ada, roles=("Member",))
        at.group("Admins", ada, roles=("Admin",))
        User.objects.filter(pk=ada.pk).update(manual_roles=["Member"], idp_roles=["Nobody"])
        said = self.words("roles", ada, why=explain(ada).why_roles())
        assert "Admin · Set on the SCIM group Admins in your identity provider." in said
        assert "Member · Set on the SCIM group Staff in your identity provider." in said
        assert "Outranked by Admin." in said
        assert "Ignored, because it is not a role here: Nobody." in said
        assert "remove Ada Brandt from the group Admins, or change the roles of the group" in said


def test_what_is_committed_while_it_reads_confuses_nobody(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    org = OrganizationFactory.create()
    at = Situation(org, OwnerFactory.create(org=org))
    ada, platform = at.person("Ada Brandt"), at.entity("Platform")
    group = at.group("Engineering", ada, roles=("Admin",))
    at.map(group, platform)
    load = loading.load

    def loaded_just_before(*about: Any) -> Any:
        loaded = load(*about)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_leave, at, group, ada).result()
        return loaded

    monkeypatch.setattr(loading, "load", loaded_just_before)
    found = explanation.of(org, ada)
    assert [each.entity for each in found.places()] == [platform]
    assert found.why_roles().roles == ["Admin"]


def _leave(at: Situation, group: PushedGroup, ada: User) -> None:
    at.leave(group, ada)
    connection.close()
