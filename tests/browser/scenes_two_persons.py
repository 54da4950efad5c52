"""What waits for a second admin, and the switch for it."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from groups_provisioning.engine import worker
from groups_provisioning.models import PushedGroup
from groups_provisioning.proposals import approving, gate
from orgs import proposals
from orgs.models import Organization, Proposal, User
from tests.browser import scenes_groups, scenes_held, scenes_invitations
from tests.browser.scene import Scene
from tests.browser.scenes_groups import PEOPLE
from tests.conftest import Idp
from tests.factories import UserFactory, issue_token
from tests.groups_provisioning.world import by_admin, org_of, push


def _asked(owner: User, *, by: User | None = None) -> Proposal:
    """Another admin, or somebody else, asks for three things; the last of them is returned."""
    org = org_of(owner)
    Organization.objects.filter(pk=org.pk).update(two_persons=True)
    org.refresh_from_db()
    month = timezone.now() - timedelta(days=30)
    User.objects.filter(pk=owner.pk).update(created_at=month)
    names = [{"given_name": given, "family_name": family} for given, family in PEOPLE[:8]]
    asker, *team = [UserFactory.create(org=org, created_at=month, **each) for each in names]
    asker.standing.roles = ["Admin"]
    asker.standing.save()
    leads = push(Idp(issue_token(org, "Okta production").secret), "Engineering leads", *team)
    worker.drain(10)
    wishes = (
        {"do": "invite", "addresses": ["zoe@partner.example"], "roles": ["Admin"], "days": 7},
        {"do": "hold_limits", "limits": "lenient"},
        {"do": "map", "group": str(leads.id), "kind": "role", "name": "Admin"},
    )
    cause = by_admin(by or asker)
    made = [
        proposals.propose(org=org, wish=wish, fingerprint=gate.fingerprint(org, wish), cause=cause) for wish in wishes
    ]
    if by is None:
        proposals.refuse(org=org, proposal_id=made[0].id, reason="Not before the audit.", cause=by_admin(owner))
    return made[-1]


def _page(proposal: Proposal) -> str:
    return reverse("proposal", args=[proposal.id])


def _list(owner: User) -> str:
    _asked(owner)
    return reverse("proposals")


def _changed(owner: User) -> str:
    proposal = _asked(owner)
    PushedGroup.objects.filter(id=UUID(proposal.wish["group"])).update(revision=7)
    return _page(proposal)


def _refused(owner: User) -> str:
    _asked(owner)
    return _page(Proposal.objects.get(state="refused"))


def _in_words(owner: User) -> str:
    """Of a decision whose effects no preview shows."""
    _asked(owner)
    return _page(Proposal.objects.get(wish__do="hold_limits"))


def _asking(owner: User) -> str:
    return reverse("group-role", args=[_asked(owner).wish["group"]]) + "?name=Admin"


def _switch(owner: User) -> str:
    _asked(owner)
    return reverse("two-persons")


def _not_yet_an_admin(owner: User) -> str:
    """Asked before the reader became an admin."""
    proposal = _asked(owner)
    User.objects.filter(pk=owner.pk).update(created_at=timezone.now())
    return _page(proposal)


def _refused_by_now(owner: User) -> str:
    """What was asked for is no longer possible."""
    proposal = _asked(owner)
    PushedGroup.objects.filter(id=UUID(proposal.wish["group"])).update(deleted_at=timezone.now())
    return _page(proposal)


def _approved(owner: User) -> str:
    org, proposal = org_of(owner), _asked(owner)
    approving.approve(
        org=org, proposal_id=proposal.id, seen=gate.fingerprint(org, proposal.wish), cause=by_admin(owner)
    )
    worker.drain(10)
    return _page(proposal)


def _expired(owner: User) -> str:
    proposal = _asked(owner)
    Proposal.objects.filter(id=proposal.id).update(expires_at=timezone.now() - timedelta(hours=2))
    return _page(proposal)


def _withdrawn(owner: User) -> str:
    proposal = _asked(owner, by=owner)
    proposals.withdraw(org=org_of(owner), proposal_id=proposal.id, cause=by_admin(owner))
    return _page(proposal)


def _on(set_up: Callable[[User], str]) -> Callable[[User], str]:
    def with_two_persons(owner: User) -> str:
        address = set_up(owner)
        Organization.objects.filter(pk=owner.org_id).update(two_persons=True)
        return address

    return with_two_persons


def _with(scene: Scene) -> Scene:
    """A scene of an organization in which two persons decide."""
    return Scene(_on(scene.set_up), scene.act, scene.who)


def _role_by_hand(owner: User) -> str:
    _asked(owner)
    return reverse("person-roles", args=[User.objects.get(org=owner.org, given_name=PEOPLE[1][0]).id])


def _off(owner: User) -> str:
    _asked(owner)
    Organization.objects.filter(pk=owner.org_id).update(two_persons=False)
    return reverse("two-persons")


def _history(owner: User) -> str:
    _approved(owner)
    return reverse("activity")


def desk(owner: User) -> str:
    alone(owner)
    return reverse("admin:org", args=[owner.org_id])


def alone(owner: User) -> str:
    """Of somebody who has no other admin, as support sees it."""
    proposal = _asked(owner, by=owner)
    User.objects.filter(pk__in=[each.pk for each in proposals.seconds(proposal)]).update(active=False)
    return reverse("admin:second", args=[owner.org_id, proposal.id])


SCENES = {
    "two-persons": Scene(_switch),
    "two-persons-off": Scene(_off),
    "two-persons-alone": Scene(lambda owner: reverse("two-persons")),
    "second-admin-list": Scene(_list),
    "second-admin-list-empty": Scene(lambda owner: reverse("proposals")),
    "second-admin": Scene(lambda owner: _page(_asked(owner))),
    "second-admin-own": Scene(lambda owner: _page(_asked(owner, by=owner))),
    "second-admin-changed": Scene(_changed),
    "second-admin-in-words": Scene(_in_words),
    "second-admin-refused": Scene(_refused),
    "second-admin-not-yet": Scene(_not_yet_an_admin),
    "second-admin-refused-by-now": Scene(_refused_by_now),
    "second-admin-approved": Scene(_approved),
    "second-admin-expired": Scene(_expired),
    "second-admin-withdrawn": Scene(_withdrawn),
    "second-admin-activity": Scene(_history),
    "second-admin-asking": Scene(_asking),
    "second-admin-asking-role": Scene(_role_by_hand),
    "second-admin-asking-invitation": _with(scenes_invitations.SCENES["invitation-admins"]),
    "second-admin-asking-owner": _with(scenes_invitations.SCENES["owner-hand-over-sure"]),
    "second-admin-asking-rule": _with(scenes_groups.SCENES["role-rule-new"]),
    "second-admin-asking-limits": _with(scenes_held.SCENES["held-changes-limits"]),
}
