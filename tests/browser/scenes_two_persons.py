"""What waits for a second admin, and the switch for it."""

from datetime import timedelta
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from groups_provisioning.engine import worker
from groups_provisioning.models import PushedGroup
from groups_provisioning.proposals import gate
from orgs import proposals
from orgs.models import Organization, Proposal, User
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
    _asked(owner)
    return _page(Proposal.objects.get(wish__do="hold_limits"))


def _asking(owner: User) -> str:
    return reverse("group-role", args=[_asked(owner).wish["group"]]) + "?name=Admin"


def _switch(owner: User) -> str:
    _asked(owner)
    return reverse("two-persons")


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
    "second-admin-list": Scene(_list),
    "second-admin": Scene(lambda owner: _page(_asked(owner))),
    "second-admin-own": Scene(lambda owner: _page(_asked(owner, by=owner))),
    "second-admin-changed": Scene(_changed),
    "second-admin-in-words": Scene(_in_words),
    "second-admin-refused": Scene(_refused),
    "second-admin-asking": Scene(_asking),
}
