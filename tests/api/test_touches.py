"""Whatever an item of the feed shows is touched by the transaction that changes it, and not by a later one.

The state machine of tests/groups_provisioning/engine/test_against_the_oracle.py asks the same of all that an IdP and
admins do; here are the commands that it does not know.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from groups_provisioning.actions import accepting, account_switches, entity_edits, erasing, founding, group_ends
from groups_provisioning.actions.accepting import Name
from groups_provisioning.engine import effect_checks
from groups_provisioning.models import Membership, PushedGroup
from orgs import deletions, domains, organizations, owners, people, profiles
from orgs.models import Entity, Organization, SchemaProfile, Standing, User
from orgs.profiles import RoleFacts
from scim import erasing as erasing_the_rest
from tests.api import probes
from tests.conftest import Idp
from tests.factories import OwnerFactory
from tests.groups_provisioning.world import POOL, TEAM, by_command, map_to, push, push_user, settle_marked
from tests.orgs.test_invitations import invite, secret_of

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class Scene:
    """Ada and Bo in a team and a pool; Ada's manager is Bo, who owns a group besides."""

    def __init__(self, org: Organization, idp: Idp) -> None:
        self.org, self.idp = org, idp
        self.owner = OwnerFactory.create(org=org)
        self.bo = push_user(idp, "Bo Lind")
        self.ada = push_user(idp, "Ada Brandt")
        said = {"value": User.objects.get(id=self.bo).user_name}
        answer = idp.patch(f"/Users/{self.ada}", {"op": "add", "path": f"{ENTERPRISE}:manager", "value": said})
        assert answer.status_code == 200
        self.group = push(idp, "Platform", self.ada, self.bo, **{"urn:acme:owners:2.0:Group": {"owners": [said]}})
        map_to(self.group, TEAM)
        map_to(push(idp, "Batch", self.ada), POOL)
        settle_marked(org)
        self.about: dict[str, Any] = {"org": org, "cause": by_command()}

    def found(self) -> None:
        profile = SchemaProfile.objects.get(key="standard")
        owner = "ada@northwind.example"
        founding.found(name="Northwind", owner_email=owner, profile=profile, mails_owner=True, cause=by_command())

    def accept(self) -> None:
        invitation = invite(self.org, "cleo@partner.example", by=self.owner)
        secret = secret_of(invitation)
        accepting.accept(secret=secret, name=Name("Cleo", "Adler"), password="a long enough one", at=timezone.now())

    def erase(self) -> None:
        """With what others say of Bo: his employee and his group."""
        others = [User.objects.filter(id=self.ada), PushedGroup.objects.filter(id=self.group.id)]
        assert all("bo.lind" in str(each.get().attributes) for each in others)
        account_switches.deactivate(user_id=self.bo, **self.about)
        erasing.erase(user_id=self.bo, **self.about)
        later = timezone.now() + erasing_the_rest.GRACE + timedelta(seconds=1)
        assert not erasing_the_rest.work(now=later, seconds=60)
        assert not any("bo.lind" in str(each.get().attributes) for each in others)

    def swap_roles(self) -> None:
        roles = [
            RoleFacts(role.key, role.rank, is_default=role.is_admin, is_admin=role.is_default)
            for role in self.org.profile.roles.all()
        ]
        # A revision that no other test makes: what is rolled back stays in the memory of the process.
        SchemaProfile.objects.filter(pk=self.org.profile.pk).update(revision=88_001)
        profiles.keep(profile=self.org.profile, roles=roles, attributes=[], cause=by_command())
        settle_marked(self.org)

    def mend(self) -> None:
        Membership.objects.filter(user=self.ada).delete()
        Standing.objects.filter(user=self.bo).update(roles=["Admin"])
        probes.untouched()  # not by a command
        assert effect_checks.check(self.org.id, seconds=60).drifted == 2
        settle_marked(self.org)

    def end_and_undo(self) -> None:
        group_ends.end_group(group_id=self.group.id, **self.about)
        group_ends.undo_end(group_id=self.group.id, **self.about)

    def limit(self) -> None:
        pool = Entity.objects.get(kind=POOL)
        entity_edits.limit_entity(entity_id=pool.id, session_limit=7, **self.about)


COMMANDS: dict[str, Callable[[Scene], Any]] = {
    "an org is founded": Scene.found,
    "an owner is appointed": lambda scene: owners.hand_over(address="cleo@corp.example", **scene.about),
    "an org is changed": lambda scene: organizations.change(
        wishes={"name": "Northwind", "plan": "free"}, **scene.about
    ),
    "groups are switched": lambda scene: organizations.switch_group_provisioning(on=False, **scene.about),
    "domains are kept": lambda scene: domains.keep(names=["corp.example"], **scene.about),
    "an org is closed": lambda scene: deletions.begin(**scene.about),
    "an invitation is accepted": Scene.accept,
    "the owner says their name": lambda scene: people.rename(
        user_id=scene.owner.id, given="Ada", family="Lind", cause=by_command()
    ),
    "somebody is deactivated": lambda scene: account_switches.deactivate(user_id=scene.ada, **scene.about),
    "somebody is deleted": lambda scene: scene.idp.delete(f"/Users/{scene.ada}"),
    "somebody is erased": Scene.erase,
    "sessions are ended": lambda scene: people.sign_out(user_id=scene.ada, cause=by_command()),
    "roles swap their marks": Scene.swap_roles,
    "effects are mended": Scene.mend,
    "effects are rebuilt": lambda scene: effect_checks.rebuild(**scene.about),
    "a group is ended and back": Scene.end_and_undo,
    "a pool is limited": Scene.limit,
}
SHOW_NOTHING = {"sessions are ended"}


@pytest.fixture
def scene(org: Organization, idp: Idp) -> Scene:
    scene = Scene(org, idp)
    probes.install()
    return scene


@pytest.mark.parametrize("what", COMMANDS)
def test_what_changes_is_touched(scene: Scene, what: str) -> None:  # E1
    with transaction.atomic():
        COMMANDS[what](scene)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM probe_changed")
        (changes,) = cursor.fetchone()
    assert bool(changes) != (what in SHOW_NOTHING)
    assert probes.untouched() == []


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("UPDATE orgs_user SET display_name = 'x' WHERE org_id IS NOT NULL AND NOT is_owner", "person"),
        ("UPDATE orgs_standing SET roles = '{x}'", "person"),
        ("DELETE FROM groups_provisioning_membership", "person"),
        ("UPDATE orgs_entity SET name = name || 'x'", "team"),
        ("UPDATE groups_provisioning_pushedgroup SET roles = '{x}'", "group"),
        ("UPDATE groups_provisioning_mapping SET target_deleted = true, status = 'pending', reason = 'asked'", "group"),
        ("UPDATE orgs_organization SET plan = 'x'", "organization"),
        (
            "INSERT INTO orgs_change (id, org_id, at, door, verb, detail)"
            " SELECT gen_random_uuid(), id, now(), '', '', '{}' FROM orgs_organization",
            "history",
        ),
        (
            "INSERT INTO orgs_ledgerentry (org_id, change_id, user_id, slot)"
            " SELECT org_id, change_id, user_id, slot FROM orgs_ledgerentry",
            "history",
        ),
    ],
)
def test_what_is_not_touched_is_noticed(scene: Scene, sql: str, kind: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
    assert kind in {changed for changed, _, _ in probes.untouched()}


def test_what_no_item_shows_is_not_noticed(scene: Scene) -> None:
    User.objects.update(last_login=timezone.now(), session_epoch=9, password="x")
    PushedGroup.objects.update(member_count=9, out_of_sync=True)
    assert probes.untouched() == []
