"""Taking back what a token did: the time, what would come of it, and what stays."""

from datetime import timedelta

from django.utils import timezone
from django.utils.http import urlencode

from groups_provisioning.actions import undo
from groups_provisioning.engine import worker
from groups_provisioning.engine.taking_back import Span
from orgs import tokens
from orgs.models import Change, IdentityProvider, ScimToken, User
from scim import filter_copies
from tests.browser.scene import Scene
from tests.browser.scenes_groups import PEOPLE
from tests.conftest import Idp
from tests.factories import UserFactory, issue_token
from tests.groups_provisioning.world import by_admin, map_to, org_of, push, push_user


def accident(owner: User) -> tuple[ScimToken, Span]:
    """A team that was emptied, two people who were deleted, three who were created; somebody has helped one already."""
    org = org_of(owner)
    month = timezone.now() - timedelta(days=30)
    everybody = [
        UserFactory.create(
            org=org, given_name=PEOPLE[n % 12][0], family_name=PEOPLE[(n + n // 12) % 12][1], created_at=month
        )
        for n in range(8)
    ]
    issued = issue_token(org, "Okta production", idp=IdentityProvider.OKTA)
    idp, other = Idp(issued.secret), Idp(issue_token(org, "HR import").secret)
    platform, leads = push(idp, "Platform engineering", *everybody), push(idp, "Engineering leads", *everybody[:3])
    for group in (platform, leads):
        map_to(group, by=owner)
    worker.drain(10)
    since = timezone.now()
    idp.patch(f"/Groups/{platform.id}", {"op": "replace", "path": "members", "value": []})
    idp.delete(f"/Groups/{leads.id}")
    for user in everybody[:2]:
        idp.delete(f"/Users/{user.id}")
    idp.patch(f"/Users/{everybody[2].id}", {"op": "replace", "path": "title", "value": "Dr."})
    other.patch(f"/Users/{everybody[2].id}", {"op": "replace", "path": "title", "value": "Prof."})
    for name in ("Contractor one", "Contractor two", "Contractor three"):
        push_user(idp, name)
    worker.drain(10)
    tokens.note_use({issued.token.id: (timezone.now(), "203.0.113.24", "Okta SCIM Client 1.0.0")})
    return issued.token, Span(token=issued.token.id, since=since, until=timezone.now())


def _asked(owner: User) -> str:
    token, _ = accident(owner)
    return f"/settings/scim/tokens/{token.id}/take-back/"


def _shown(owner: User) -> str:
    token, span = accident(owner)
    assert span.since
    assert span.until
    query = urlencode({"at": span.since.isoformat(), "until": span.until.isoformat()})
    return f"/settings/scim/tokens/{token.id}/take-back/?{query}"


def _change(owner: User) -> str:
    accident(owner)
    change = Change.objects.filter(verb="group.deleted").latest("id")
    return f"/activity/{change.id}/"


def _done(owner: User) -> str:
    _, span = accident(owner)
    undo.take_back(org=org_of(owner), span=span, copies=filter_copies.of_row, cause=by_admin(owner))
    worker.drain(10)
    return f"/activity/{Change.objects.filter(verb='changes.taken_back').latest('id').id}/"


def _tokens(owner: User) -> str:
    accident(owner)
    return "/settings/scim/"


SCENES = {
    "take-back": Scene(_asked),
    "take-back-effect": Scene(_shown),
    "take-back-done": Scene(_done),
    "change-of-a-token": Scene(_change),
    "tokens-take-back": Scene(_tokens),
}
