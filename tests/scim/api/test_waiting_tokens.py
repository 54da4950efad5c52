"""A token that was made through a setup link: nobody's, until an admin confirms it (SPEC L8)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from groups_provisioning.actions import account_switches
from groups_provisioning.models import PushedGroup
from orgs import scim_connection, setup_links, tokens
from orgs.history import Cause
from orgs.models import Change, Door, Matter, Organization, Purpose, ScimToken, Standing, User
from orgs.tokens import Issued
from scim import request_log
from scim.models import RequestLog
from tests.architecture.test_access_matrix import METHODS, SCIM, scim_address
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory, issue_token
from tests.groups_provisioning.world import by_admin, by_command
from tests.page_text import text, text_at_first
from tests.scim.api.races import at_once

PAGE = "/settings/scim/"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


def waiting_token(org: Organization, **options: Any) -> Issued:
    """A token that somebody made through a link."""
    made = setup_links.make(org=org, purpose=Purpose.SCIM, recipient="Carol Diaz", cause=by_command())
    about = {"name": "Okta", "idp": "okta"} | options
    return setup_links.issue_token(link=made.link, cause=Cause(Door.LINK, timezone.now()), **about)


@pytest.fixture
def issued(org: Organization) -> Issued:
    return waiting_token(org)


@pytest.fixture
def carol(issued: Issued) -> Idp:
    """The identity provider that has the token."""
    return Idp(issued.secret)


@pytest.fixture
def browser(org: Organization) -> Client:
    return signed_in(OwnerFactory.create(org=org, user_name="ada@corp.example"))


@pytest.mark.parametrize("pattern", SCIM)
def test_reads_nothing_of_the_org_and_writes_nothing(pattern: str, org: Organization, carol: Idp) -> None:
    address = scim_address(pattern, org)
    expected = []
    for method, usual in zip(METHODS, SCIM[pattern][0], strict=True):
        reads = method == "GET" or address.endswith("/.search")
        hidden = "<str:resource_id>" in pattern and method == "GET"
        expected.append(404 if hidden else usual if reads and method != "PUT" else 403)
    answers = [carol(method, address, {}) for method in METHODS]
    for method, answer, status in zip(METHODS, answers, expected, strict=True):
        if address.endswith("/.search") and method in ("PUT", "PATCH", "DELETE", "GET"):
            assert answer.status_code in (403, 405)
        else:
            assert answer.status_code == status, method
        if answer.status_code == 403:
            assert "an admin of the organization has to confirm it first" in answer.json()["detail"]
        for row in (*User.objects.for_org(org), *PushedGroup.objects.for_org(org)):
            assert str(row.id) not in str(answer.json().get("Resources"))
        if "Resources" in answer.json() and pattern.startswith(("Users", "Groups")):
            assert (answer.json()["totalResults"], answer.json()["Resources"]) == (0, [])


WRITES: dict[str, Any] = {
    "create": lambda user, group: ("POST", "/Users", {"userName": "eve@corp.example"}),
    "replace": lambda user, group: ("PUT", f"/Users/{user.id}", {"userName": user.user_name, "active": False}),
    "deactivate": lambda user, group: (
        "PATCH",
        f"/Users/{user.id}",
        {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]},
    ),
    "delete": lambda user, group: ("DELETE", f"/Users/{user.id}", None),
    "push": lambda user, group: ("POST", "/Groups", {"displayName": "Admins", "members": [{"value": str(user.id)}]}),
    "add a member": lambda user, group: (
        "PATCH",
        f"/Groups/{group.id}",
        {"schemas": [PATCH], "Operations": [{"op": "add", "path": "members", "value": [{"value": str(user.id)}]}]},
    ),
    "end a group": lambda user, group: ("DELETE", f"/Groups/{group.id}", None),
    "bulk": lambda user, group: (
        "POST",
        "/Bulk",
        {
            "schemas": [BULK],
            "Operations": [
                {"method": "DELETE", "path": f"/Users/{user.id}"},
                {"method": "POST", "path": "/Users", "bulkId": "1", "data": {"userName": "eve@corp.example"}},
            ],
        },
    ),
}


@pytest.mark.parametrize("base", ["/api/scim", "/scim/v2"])
@pytest.mark.parametrize("write", WRITES)
def test_no_write_does_anything(write: str, base: str, org: Organization, issued: Issued) -> None:
    scim_address("Groups", org)
    user, group = UserFactory.create(org=org), PushedGroup.objects.get(org=org)

    def facts() -> list[Any]:
        rows = [User.objects, PushedGroup.objects, Standing.objects, Change.objects]
        return [list(each.for_org(org).order_by("pk").values()) for each in rows]

    before = facts()
    answer = Idp(issued.secret, base)(*WRITES[write](user, group))
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/scim+json")
    assert facts() == before
    tokens.confirm(org=org, token_id=issued.token.id, cause=by_command())
    assert Idp(issued.secret, base)(*WRITES[write](user, group)).status_code < 300
    assert facts() != before


def test_nobody_puts_words_on_an_admins_page_with_it(transactional_db: None) -> None:  # N1
    """Matters are noted by a thread, which sees only what is committed."""
    org = OrganizationFactory.create()
    issued = waiting_token(org)
    for answer in (Idp(issued.secret)("POST", "/Users", {"userName": "eve@corp.example"}), Idp(issued.secret).get("/")):
        assert answer.status_code >= 400
    tokens.revoke(org=org, token_id=issued.token.id, cause=by_command())
    assert Idp(issued.secret).get("/Users").status_code == 401
    assert request_log.flush(10)
    assert RequestLog.objects.for_org(org).count() == 3
    assert not Matter.objects.for_org(org).exists()


class TestATokenThatWaits:
    def test_passes_the_tests_of_identity_providers(self, org: Organization, carol: Idp) -> None:
        UserFactory.create(org=org, user_name="ada@corp.example")
        for asked in (
            "/Users?startIndex=1&count=2",  # Okta
            "/Users?filter=userName+eq+%22ada@corp.example%22",  # Entra asks for one that nobody has
            "/Groups?excludedAttributes=members&filter=displayName+eq+%22x%22",
            "/Users?cursor=",
        ):
            answer = carol.get(asked)
            assert (answer.status_code, answer.json()["totalResults"], answer.json()["Resources"]) == (200, 0, [])
        assert carol.get("/ServiceProviderConfig").status_code == carol.get("/Schemas").status_code == 200
        assert carol.get("/Users?filter=nonsense").status_code == 400

    def test_is_nobody_for_what_the_pages_say_of_the_connection(self, org: Organization, issued: Issued) -> None:
        now = timezone.now()
        tokens.note_use({issued.token.id: (now, "192.0.2.1", "Okta")})
        found = scim_connection.of(org, at=now)
        assert (found.state, found.active, found.waiting) == ("not-connected", [], [issued.token])
        assert found.last_used is None
        assert account_switches.is_silent(org, at=now)
        expired = scim_connection.of(org, at=now + timedelta(days=4000))
        assert not expired.lapsed

    def test_replaces_no_token_that_works(self, org: Organization) -> None:  # O4
        old = issue_token(org, name="Okta old", idp="okta", lifetime=timedelta(days=10)).token
        waiting_token(org)
        assert scim_connection.of(org, at=timezone.now()).warnings == [(old, None)]
        lapsed = scim_connection.of(org, at=timezone.now() + timedelta(days=11)).lapsed
        assert lapsed == []  # it was never used
        tokens.note_use({old.id: (timezone.now(), None, "")})
        assert scim_connection.of(org, at=timezone.now() + timedelta(days=11)).lapsed == [old]

    def test_is_told_of_on_the_overview(self, browser: Client, issued: Issued) -> None:
        assert "The SCIM token “Okta” waits for your confirmation" in text_at_first(browser.get("/"))

    def test_is_listed_with_who_made_it(self, browser: Client, issued: Issued) -> None:
        page = text_at_first(browser.get(PAGE))
        assert "Carol Diaz, through a setup link" in page
        assert "Waits for you" in page
        rows = b"".join(browser.get(f"{PAGE}tokens.csv")).decode()
        assert '"Setup link"' in rows

    def test_gives_way_to_the_next_one_of_its_link(self, org: Organization, issued: Issued) -> None:
        link = issued.token.setup_link
        second = setup_links.issue_token(link=link, name="Okta again", cause=by_command())
        issued.token.refresh_from_db()
        assert issued.token.revoked_at
        tokens.confirm(org=org, token_id=second.token.id, cause=by_command())
        setup_links.issue_token(link=link, name="Okta once more", cause=by_command())
        second.token.refresh_from_db()
        assert second.token.revoked_at is None

    def test_ends_with_its_link_if_that_is_revoked(self, org: Organization, issued: Issued, carol: Idp) -> None:
        setup_links.revoke(org=org, link_id=issued.token.setup_link_id, cause=by_command())
        assert carol.get("/Users").status_code == 401

    def test_stays_where_its_link_is_finished(self, org: Organization, issued: Issued, carol: Idp) -> None:
        setup_links.finish(link=issued.token.setup_link, cause=by_command())
        assert carol.get("/Users").status_code == 200


class TestConfirming:
    def test_says_what_will_happen_and_then_does_it(
        self, browser: Client, org: Organization, issued: Issued, carol: Idp
    ) -> None:
        address = f"{PAGE}tokens/{issued.token.id}/confirm/"
        question = text_at_first(browser.get(address))
        assert "Okta reads everybody here with it, creates, changes and deactivates people" in question
        assert "Made by Carol Diaz, through a setup link" in question
        assert carol.post("/Users", {"userName": "bo@corp.example"}).status_code == 403
        assert "Requests with it now take effect." in text(browser.post(address, follow=True))
        assert carol.post("/Users", {"userName": "bo@corp.example"}).status_code == 201
        assert carol.get("/Users").json()["totalResults"] == 1
        change = Change.objects.get(verb="token.confirmed")
        assert (change.door, change.by_person.user_name) == (Door.PAGE, "ada@corp.example")
        assert browser.get(address).status_code == 302

    def test_twice_at_once_is_once(self, transactional_db: None) -> None:
        org = OrganizationFactory.create()
        token = waiting_token(org).token

        def confirm(_: Idp) -> Any:
            return tokens.confirm(org=org, token_id=token.id, cause=by_command())

        assert [each.waits for each in at_once("", *[confirm] * 4)] == [False] * 4
        assert Change.objects.filter(verb="token.confirmed").count() == 1

    def test_is_too_late_for_one_that_has_ended(self, browser: Client, org: Organization, issued: Issued) -> None:
        tokens.revoke(org=org, token_id=issued.token.id, cause=by_command())
        address = f"{PAGE}tokens/{issued.token.id}/confirm/"
        assert "has ended, and cannot be confirmed" in text(browser.post(address, follow=True))
        with pytest.raises(tokens.Ended):
            tokens.confirm(org=org, token_id=issued.token.id, cause=by_admin())
        assert ScimToken.objects.get().confirmed_at is None

    def test_needs_no_statement_more_for_any_request(  # S9
        self, org: Organization, issued: Issued
    ) -> None:
        usual = Idp(issue_token(org).secret)
        tokens.confirm(org=org, token_id=issued.token.id, cause=by_command())
        confirmed = Idp(issued.secret)
        usual.get("/Users")
        counts = []
        for idp in (usual, confirmed):
            with CaptureQueriesContext(connection) as asked:
                idp.get("/Users")
            counts.append(len(asked))
        assert counts[0] == counts[1]


class TestTheContactsPage:
    @pytest.fixture
    def address(self, org: Organization) -> str:
        made = setup_links.make(org=org, purpose=Purpose.SCIM, recipient="Carol Diaz", cause=by_command())
        self.contact = Client()
        return str(self.contact.post(f"/setup/{made.secret}/")["Location"])

    def test_has_the_base_url_and_the_guide(self, address: str, org: Organization) -> None:
        UserFactory.create(org=org, user_name="bo@corp.example")
        issue_token(org, name="Secret name of another token")
        page = self.contact.get(f"{address}?idp=entra").content.decode()
        assert "/api/scim" in page
        assert "Tenant URL" in page
        assert "bo@corp.example" not in page
        assert "Secret name of another token" not in page
        part = self.contact.get(f"{address}?idp=okta", headers={"HX-Request": "true", "HX-Target": "setup-guide"})
        assert part.content.decode().lstrip().startswith('<section class="card" id="setup-guide"')

    def test_shows_a_token_once(self, address: str, org: Organization) -> None:
        answer = self.contact.post(address, {"name": "Okta", "idp": "entra", "lifetime": "365"})
        page = answer.content.decode()
        start = page.index(tokens.PREFIX)
        secret = page[start : page.index('"', start)]
        assert tokens.recognise(secret)
        assert "no-store" in answer["Cache-Control"]
        assert "changes are refused with status 403" in text(answer)
        again = self.contact.get(address)
        assert secret not in again.content.decode()
        assert "Waiting for an admin" in text(again)
        tokens.confirm(org=org, token_id=ScimToken.objects.get().id, cause=by_command())
        assert "Confirmed" in text(self.contact.get(address))
        issued = Change.objects.get(verb="token.issued")
        assert (issued.door, issued.by_person, issued.by_token) == (Door.LINK, None, None)

    def test_says_what_is_missing(self, address: str, org: Organization) -> None:  # O1
        Organization.objects.filter(pk=org.pk).update(sso_configured=False)
        answer = self.contact.post(address, {"name": "Okta", "idp": "okta", "lifetime": "365"})
        assert "Set up single sign-on first" in text(answer)
        assert not ScimToken.objects.exists()
