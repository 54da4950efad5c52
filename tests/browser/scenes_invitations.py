"""Scenes of invitations, the admins and the owner account."""

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import Page

from groups_provisioning.actions import manual_changes
from orgs import invitations
from orgs.models import Ending, Invitation, User
from tests.browser.scene import Scene
from tests.factories import UserFactory
from tests.groups_provisioning.world import by_admin, group, org_of, settle
from tests.orgs.test_invitations import secret_of

LIST, NEW = "/people/invitations/", "/people/invitations/new/"


def _nobody(owner: User) -> None:
    return None


def _invite(owner: User, *addresses: str, role: str = "Member") -> list[Invitation]:
    return invitations.invite(org=org_of(owner), addresses=addresses, roles=[role], days=7, cause=by_admin(owner))


def _sent(owner: User) -> str:
    now = timezone.now()
    names = ("open", "expired", "refused", "revoked", "accepted", "ended", "waiting")
    people = ("noor.haddad", "piotr.zielinski", "q.unreachable", "rosa.diaz", "sven.lindqvist", "tilda.berg", "uma.rao")
    rows = dict(zip(names, _invite(owner, *(f"{name}@consultants.example" for name in people)), strict=True))
    sven = UserFactory.create(
        org=owner.org, user_name="sven.lindqvist@consultants.example", given_name="Sven", family_name="Lindqvist"
    )
    changes = {
        "open": {"sent_at": now - timedelta(hours=3)},
        "expired": {"sent_at": now - timedelta(days=9), "expires_at": now - timedelta(days=2)},
        "refused": {"refused": True},
        "revoked": {"sent_at": now - timedelta(days=4), "ended_at": now, "ending": Ending.REVOKED},
        "accepted": {"sent_at": now - timedelta(days=4), "ended_at": now, "ending": Ending.ACCEPTED, "user": sven},
        "ended": {"sent_at": now - timedelta(days=4), "ended_at": now, "ending": Ending.DEACTIVATED},
    }
    for name, values in changes.items():
        Invitation.objects.filter(pk=rows[name].pk).update(**values)
    return LIST


def _taken(owner: User) -> str:
    UserFactory.create(org=owner.org, user_name="amara@northwind.example", given_name="Amara", family_name="Okafor")
    _invite(owner, "piotr@consultants.example")
    return NEW


def _fill(page: Page, addresses: str, role: str) -> None:
    page.get_by_label("E-mail addresses").fill(addresses)
    page.get_by_label(role, exact=True).check()
    page.get_by_role("button", name="Send invitations").click()


def _link(owner: User) -> str:
    """The address of the mail that somebody was sent."""
    secret = secret_of(_invite(owner, "noor.haddad@consultants.example")[0])
    return f"/invitation/{secret}/"


def _admins(owner: User) -> str:
    org = org_of(owner)
    named = {
        given: UserFactory.create(
            org=org, user_name=f"{given.lower()}@northwind.example", given_name=given, family_name=family
        )
        for given, family in (("Amara", "Okafor"), ("Benedikt", "Sørensen"), ("Chiara", "Rossi"), ("Esi", "Mensah"))
    }
    User.objects.filter(pk=named["Chiara"].pk).update(idp_roles=["Admin"])
    group(org, "Platform administrators", named["Amara"], named["Chiara"], roles=["Admin"])
    settle(owner, *named.values())
    manual_changes.set_roles(org=org, user_id=named["Benedikt"].id, roles=["Admin"], cause=by_admin(owner))
    return "/people/admins/"


def _new_owner(page: Page) -> None:
    page.get_by_label("E-mail address").fill("grace@northwind.example")
    page.get_by_role("button", name="Continue").click()


SCENES = {
    "invitations": Scene(_sent),
    "invitations-none": Scene(lambda owner: LIST),
    "invitation-new": Scene(lambda owner: NEW),
    "invitation-conflicts": Scene(
        _taken, lambda page: _fill(page, "amara@northwind.example, piotr@consultants.example, nonsense", "Member")
    ),
    "invitation-admins": Scene(lambda owner: NEW, lambda page: _fill(page, "noor@consultants.example", "Admin")),
    "invitation-revoke": Scene(lambda owner: f"{LIST}{_invite(owner, 'noor@consultants.example')[0].id}/revoke/"),
    "invitation-accept": Scene(_link, who=_nobody),
    "invitation-gone": Scene(lambda owner: "/invitation/gone/", who=_nobody),
    "admins": Scene(_admins),
    "owner-hand-over": Scene(lambda owner: "/settings/authentication/owner/"),
    "owner-hand-over-sure": Scene(lambda owner: "/settings/authentication/owner/", _new_owner),
}
