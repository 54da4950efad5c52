"""Signing in through an identity provider, as far as its pages are ours."""

from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page

from orgs import invitations, sign_in
from orgs.db.keys import uuid7
from orgs.history import Cause
from orgs.models import Door, Invitation, User
from sso.models import Connection, Revision, State
from tests.browser.scene import Scene
from tests.factories import OrganizationFactory
from tests.orgs.test_invitations import secret_of


def _nobody(owner: User) -> None:
    return None


def connected(owner: User, domain: str = "northwind.example") -> Connection:
    """The owner's org with an active connection, and this domain."""
    org = owner.org
    assert org is not None
    now = timezone.now()
    connection = Connection.objects.create(org=org, created_at=now)
    Revision.objects.create(
        org=org,
        connection=connection,
        state=State.ACTIVE,
        issuer="https://idp.example",
        client_id="muster",
        client_secret="sealed",
        changed_at=now,
    )
    org.sso_connection = connection.id
    org.save(update_fields=["sso_connection"])
    org.verified_domains.create(name=domain, verified_at=now)
    return connection


def _by_address(owner: User) -> str:
    connected(owner)
    return "/sign-in/"


def _by_an_address_of_several(owner: User) -> str:
    connected(owner)
    other = OrganizationFactory.create(sso_connection=uuid7())
    other.verified_domains.create(name="northwind.example", verified_at=timezone.now())
    return "/sign-in/"


def _enter_address(page: Page) -> None:
    page.get_by_label("E-mail address").fill("kim@northwind.example")
    with page.expect_navigation():
        page.get_by_role("button", name="Continue").click()


def _name_nobody(page: Page) -> None:
    _enter_address(page)
    page.get_by_label("Short name").fill("nowhere")
    with page.expect_navigation():
        page.get_by_role("button", name="Continue").click()


def _of_the_org(owner: User) -> str:
    connected(owner)
    return sign_in.sign_in_path(owner.org)


def _refused(owner: User) -> str:
    return reverse("sso-callback", args=[connected(owner).id])


def _invited(owner: User) -> str:
    assert owner.org is not None
    connected(owner)
    cause = Cause(Door.PAGE, timezone.now(), person=owner)
    invitations.invite(org=owner.org, addresses=["kim@northwind.example"], roles=["Member"], days=7, cause=cause)
    return reverse("invitation", args=[secret_of(Invitation.objects.get())])


SCENES = {
    "sign-in-unsent": Scene(lambda owner: f"{reverse('sign-in')}?unsent=1", who=_nobody),
    "sign-in-provider": Scene(_by_address, _enter_address, _nobody),
    "sign-in-provider-of-several": Scene(_by_an_address_of_several, _name_nobody, _nobody),
    "sign-in-provider-of-an-org": Scene(_of_the_org, who=_nobody),
    "sign-in-provider-refused": Scene(_refused, who=_nobody),
    "invitation-through-provider": Scene(_invited, who=_nobody),
}
