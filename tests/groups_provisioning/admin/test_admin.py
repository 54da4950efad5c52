"""Groups and mappings, as support sees them."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from groups_provisioning.actions import mappings
from groups_provisioning.models import Conflict, GroupMapping, Pending, PushedGroup, Status
from orgs import entities
from orgs.models import Change, Door, EntityKind, Organization, User
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, StaffFactory
from tests.groups_provisioning.world import POOL, by_command, map_to, push, push_user, settle
from tests.page_text import text

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def desk() -> Client:
    return signed_in(StaffFactory.create())


def wait(group: PushedGroup) -> GroupMapping:
    """A mapping of the group that waits for an admin."""
    mapping = map_to(group)
    GroupMapping.objects.filter(id=mapping.id).update(
        status=Status.PENDING, reason=Pending.ASKED, entity=None, switched_at=[]
    )
    return mapping


def act(desk: Client, action: str, *chosen: GroupMapping) -> str:
    """What the page says after an action on these."""
    data = {"action": action, "_selected_action": [str(mapping.pk) for mapping in chosen]}
    answer = desk.post(reverse("admin:groups_provisioning_groupmapping_changelist"), data, follow=True)
    return " ".join(str(message) for message in answer.context["messages"])


def listed(desk: Client, model: str, term: str) -> list:
    answer = desk.get(reverse(f"admin:groups_provisioning_{model}_changelist"), {"q": term})
    return list(answer.context["cl"].result_list)


def test_a_group_is_found_by_what_support_is_told(desk: Client, idp: Idp) -> None:
    group = push(idp, "Engineers", externalId="g1")
    push(idp, "Makers")
    for term in (str(group.id), "g1", "ENGIN"):
        assert listed(desk, "pushedgroup", term) == [group]
    idp.delete(f"/Groups/{group.id}")
    assert listed(desk, "pushedgroup", "engineers") == [group]


def test_a_mapping_is_found_by_its_group_and_entity_and_shown(desk: Client, idp: Idp) -> None:
    group = push(idp, "Engineers")
    mapping = map_to(group)
    for term in (mapping.id, group.id, mapping.entity_id):
        assert listed(desk, "groupmapping", str(term)) == [mapping]
    shown = desk.get(reverse("admin:groups_provisioning_groupmapping_change", args=[mapping.id]))
    assert shown.status_code == 200
    assert not shown.context["has_change_permission"]


def test_mappings_are_approved_and_refusals_explained(desk: Client, idp: Idp, org: Organization) -> None:  # M1
    free, taken, owner = (wait(push(idp, name)) for name in ("Engineers", "Makers", "Owners"))
    team = entities.named(org, EntityKind.TEAM, "Makers")
    mappings.retarget(org=org, mapping_id=owner.id, target=team, cause=by_command())
    said = act(desk, "approve", free, taken)
    assert "1 of 2 done" in said
    assert "Makers: another group is mapped to the target: Owners." in said
    assert "The rest needed no change." not in said
    free.refresh_from_db()
    assert free.status == Status.APPROVED
    assert Change.objects.filter(door=Door.ADMIN).get().by_person == User.objects.get(is_staff=True)
    assert LogEntry.objects.get().change_message == "mapping.approved"


def test_mappings_of_several_orgs_are_rejected(desk: Client, idp: Idp) -> None:
    theirs = PushedGroup.objects.create(
        org=OrganizationFactory.create(), display_name="x", created_at=timezone.now(), modified_at=timezone.now()
    )
    found = [wait(push(idp, "Engineers")), wait(theirs)]
    assert "2 of 2 done" in act(desk, "reject", *found)
    assert set(GroupMapping.objects.values_list("status", "barred")) == {(Status.REJECTED, True)}
    assert "0 of 2 done" in act(desk, "reject", *found)


def test_support_ends_groups_and_brings_them_back_after_a_look_at_the_effect(
    desk: Client, org: Organization, idp: Idp
) -> None:  # G10
    group = push(idp, "Engineers")
    address = reverse("admin:groups_provisioning_pushedgroup_changelist")

    def send(action: str, **more: str) -> Any:
        return desk.post(address, {"action": action, "_selected_action": [str(group.id)], **more}, follow=True)

    for action, lives, ticked in (("end", False, {"_anyway": "1"}), ("undo_end", True, {})):
        shown = send(action)
        assert "These are the effects of the change" in shown.content.decode()
        assert PushedGroup.objects.live().exists() != lives
        if ticked:  # pushed within a day
            send(action, _seen=shown.context["seen"])
            assert PushedGroup.objects.live().exists() != lives
        send(action, _seen=shown.context["seen"], **ticked)
        assert PushedGroup.objects.live().exists() == lives
    ended, back = Change.objects.filter(verb__in=["group.ended", "group.brought_back"]).order_by("id")
    assert {ended.door, back.door} == {Door.ADMIN}


def test_mappings_are_called_by_their_group_and_target(desk: Client, idp: Idp) -> None:  # N4
    group = push(idp, "Engineers")
    mapping = map_to(group)
    page = text(desk.get(reverse("admin:groups_provisioning_groupmapping_change", args=[mapping.pk])))
    assert f"Engineers → {mapping.entity.name}" in page


def test_conflicts_say_both_sides_in_few_queries(
    desk: Client, idp: Idp, django_assert_max_num_queries: Any
) -> None:  # N4
    people = [User.objects.get(id=push_user(idp, name)) for name in ("Ada Brandt", "Bo Lind", "Cy Moss")]
    for name in ("First pool", "Second pool"):
        map_to(push(idp, name, *people), POOL)
    settle(*people)
    with django_assert_max_num_queries(8):
        shown = text(desk.get(reverse("admin:groups_provisioning_conflict_changelist")))
    assert shown.count("Concurrency group First pool → First pool Second pool → Second pool") == 3
    conflict = Conflict.objects.latest("pk")
    page = text(desk.get(reverse("admin:groups_provisioning_conflict_change", args=[conflict.pk])))
    assert "Current mappings First pool → First pool Incoming mapping Second pool → Second pool" in page
