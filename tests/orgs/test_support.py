"""How support is told, and reached (SPEC R5)."""

from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orgs import support
from orgs.models import Change, LedgerEntry, Organization, User
from orgs.tasks import send_mails, tell_support
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory, UserFactory, issue_token

SUPPORT = "support@muster.example"


@pytest.fixture(autouse=True)
def _reachable(settings: Any) -> None:
    settings.SUPPORT_EMAIL = SUPPORT
    settings.MUSTER_URL = "https://muster.example.org"


@pytest.fixture
def org(db: None) -> Organization:
    return OrganizationFactory.create(name="Acme & Sons", dialect="lambdatest")


@pytest.fixture
def ada(org: Organization) -> User:
    return UserFactory.create(org=org, user_name="ada@acme.example", idp_roles=["Admin"], roles=["Admin"])


def deactivate(user: User) -> None:
    write(user, {"op": "replace", "path": "active", "value": False})


def demote(user: User) -> None:
    path = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:User:OrganizationRole"
    write(user, {"op": "replace", "path": path, "value": "Guest"})


def write(user: User, operation: dict[str, object]) -> None:
    assert user.org
    assert Idp(issue_token(user.org).secret).patch(f"/Users/{user.id}", operation).status_code == 200


def tell() -> None:
    """Of what is mailed, `mail.outbox` then has what support gets."""
    tell_support()
    send_mails()
    mail.outbox[:] = [sent for sent in mail.outbox if sent.to == [SUPPORT]]


class TestTheMail:
    def test_shows_what_an_identity_provider_wrote_as_one_short_line_without_a_link(self, org, ada) -> None:  # N3
        User.objects.filter(id=ada.id).update(
            user_name="Ada\r\nBcc: x@evil.example\n\nGo to https://evil.example " + 99 * "x"
        )
        deactivate(ada)
        tell()
        (message,) = mail.outbox
        (line,) = [line for line in message.body.splitlines() if "Ada" in line]
        assert line.startswith("Ada Bcc: x@evil.example Go to https: //evil.example xxx")
        assert "x…" in line

    def test_tells_that_the_last_admin_is_gone(self, org: Organization, ada: User) -> None:  # R5
        deactivate(ada)
        assert mail.outbox == []  # the request does not wait for it
        tell()
        (message,) = mail.outbox
        assert message.to == [SUPPORT]
        assert message.subject == "Muster: the last active admin of an organization"
        assert "Acme & Sons, " in message.body
        assert "ada@acme.example was the last active admin and has been deactivated or deleted." in message.body
        assert f"https://muster.example.org/admin/orgs/organization/{org.id}/change/" in message.body

    def test_tells_that_the_last_admin_keeps_the_role(self, ada: User) -> None:  # R5
        demote(ada)
        tell()
        assert "removed the admin role from ada@acme.example, the last active admin." in mail.outbox[0].body

    def test_is_sent_once(self, ada: User) -> None:
        deactivate(ada)
        tell()
        tell()
        assert len(mail.outbox) == 1

    def test_is_one_for_all_organizations(self, ada: User) -> None:
        others = OrganizationFactory.create(dialect="lambdatest")
        ben = UserFactory.create(org=others, user_name="ben@other.example", idp_roles=["Admin"], roles=["Admin"])
        deactivate(ada)
        deactivate(ben)
        tell()
        (message,) = mail.outbox
        assert message.subject == "Muster: the last active admins of 2 organizations"
        assert "ada@acme.example" in message.body
        assert "ben@other.example" in message.body

    def test_is_not_sent_about_anything_else(self, ada: User, org: Organization) -> None:
        grace = UserFactory.create(org=org, idp_roles=["Admin"], roles=["Admin"])
        deactivate(grace)
        tell()
        assert mail.outbox == []

    def test_is_left_to_the_worker_that_is_sending_it(self, ada: User) -> None:
        deactivate(ada)
        with closing(connection.copy()) as other, other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('support is told', 0))")
            tell()
        assert mail.outbox == []
        tell()
        assert len(mail.outbox) == 1

    def test_leaves_out_what_support_already_knows(self, ada: User) -> None:
        deactivate(ada)
        entry = LedgerEntry.objects.get(slot="last_admin")
        Change.objects.filter(pk=entry.change_id).update(at=timezone.now() - timedelta(days=8))
        tell()
        assert mail.outbox == []

    def test_is_not_sent_where_there_is_no_address(self, ada: User, settings: Any) -> None:
        settings.SUPPORT_EMAIL = ""
        deactivate(ada)
        tell()
        assert mail.outbox == []


class TestTheMarkInTheAdmin:
    WORDS = "No active admin except the owner"

    @pytest.fixture
    def desk(self, db: None) -> Client:
        return signed_in(StaffFactory.create())

    def marked(self, desk: Client, org: Organization) -> bool:
        addresses = (
            reverse("admin:orgs_organization_changelist"),
            reverse("admin:orgs_organization_change", args=[org.id]),
        )
        there = {self.WORDS in desk.get(address).content.decode() for address in addresses}
        assert len(there) == 1
        return there.pop()

    def test_is_there_until_there_is_another_admin(self, desk: Client, org: Organization, ada: User) -> None:
        OwnerFactory.create(org=org, roles=["Admin"])
        assert not self.marked(desk, org)
        deactivate(ada)
        assert self.marked(desk, org)
        UserFactory.create(org=org, roles=["Admin"])
        assert not self.marked(desk, org)

    def test_is_not_at_an_organization_that_never_had_one(self, desk: Client, org: Organization) -> None:
        UserFactory.create(org=org)
        assert not self.marked(desk, org)

    def test_is_not_at_one_whose_last_admin_keeps_the_role(self, desk: Client, org: Organization, ada: User) -> None:
        demote(ada)
        assert not self.marked(desk, org)


class TestTheContact:
    PAGES = ("/", "/settings/authentication/", "/settings/scim/", "/teams/")

    @pytest.fixture
    def browser(self, org: Organization) -> Client:
        """The owner's browser, in an org that has to ask support for everything."""
        switches = {"plan": "free", "sso_configured": False, "teams": False}
        Organization.objects.filter(pk=org.pk).update(**switches)
        return signed_in(OwnerFactory.create(org=org))

    @pytest.mark.parametrize("page", PAGES)
    def test_stands_where_a_page_says_to_ask_support(self, browser: Client, page: str) -> None:
        assert f'<a href="mailto:{SUPPORT}">{SUPPORT}</a>' in browser.get(page).content.decode()

    @pytest.mark.parametrize("page", PAGES)
    def test_is_who_that_is_where_there_is_no_address(self, browser: Client, page: str, settings: Any) -> None:
        settings.SUPPORT_EMAIL = ""
        shown = browser.get(page).content.decode()
        assert "mailto:" not in shown
        assert "Support is whoever runs this portal." in shown

    def test_is_written_so_that_nothing_in_it_means_more(self, browser: Client, settings: Any) -> None:
        settings.SUPPORT_EMAIL = 'a"b?cc=x@muster.example'
        assert 'href="mailto:a%22b%3Fcc%3Dx@muster.example"' in browser.get("/").content.decode()


def test_the_mark_takes_no_query_of_its_own(db: None, django_assert_num_queries: Any) -> None:
    OrganizationFactory.create_batch(3)
    with django_assert_num_queries(1):
        marks = list(Organization.objects.annotate(lost=support.LOST_EVERY_ADMIN).values_list("lost", flat=True))
    assert marks == [False] * 3
