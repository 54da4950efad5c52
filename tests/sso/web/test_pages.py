"""What an org's admins see of single sign-on, and do with it."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from orgs.history import Cause
from orgs.models import Change, Door, IdentityLink, Organization, SsoSignIn, User, VerifiedDomain
from orgs.tasks import send_mails
from sso import connections
from sso.connections import Facts
from sso.models import Connection, IssuerDocument, Protocol, Revision, State
from sso.oidc.documents import description_url
from sso.refusals import Reason, Refused
from sso.saml.certificates import certificates_in
from sso.saml.xml import LONGEST
from sso.web.guides import PROVIDERS
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory, UserFactory
from tests.page_text import text, text_at_first
from tests.sso.oidc.issuer import CLIENT, ISSUER, SECRET
from tests.sso.open_id_provider import OpenIdProvider
from tests.sso.saml.identity_provider import IDP, SSO_URL, certified, metadata, pin, private_key
from tests.sso.saml_provider import keep_our_key, saml_facts

PAGE = "/settings/single-sign-on/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def org() -> Organization:
    return OrganizationFactory.create()


@pytest.fixture
def ada(org: Organization) -> User:
    return OwnerFactory.create(org=org, user_name="ada@corp.example")


@pytest.fixture
def browser(ada: User) -> Client:
    return signed_in(ada)


def by_page() -> Cause:
    return Cause(Door.PAGE, timezone.now())


def drafted(org: Organization, *, tested: bool = False, **facts: Any) -> Revision:
    made = connections.draft(org=org, facts=Facts(ISSUER, CLIENT, SECRET, **facts), cause=by_page())
    if tested:
        Revision.objects.filter(id=made.id).update(tested_at=timezone.now())
    return made


def activated(org: Organization, **facts: Any) -> Revision:
    return connections.activate(org=org, revision_id=drafted(org, tested=True, **facts).id, cause=by_page())


def a_form(**changed: str) -> dict[str, str]:
    return {
        "issuer": "https://127.0.0.1",
        "client_id": CLIENT,
        "client_secret": SECRET,
        "name_claim": "preferred_username",
        **changed,
    }


@pytest.mark.parametrize("protocol", Protocol)
@pytest.mark.parametrize("idp", PROVIDERS)
def test_the_addresses_are_shown_before_anything_is_entered_by_the_names_of_the_provider(
    browser: Client, org: Organization, idp: str, protocol: Protocol
) -> None:  # L2
    keep_our_key(org)
    browser.post(PAGE + "provider/", {"idp": idp, "asked_protocol": protocol})
    connection = Connection.objects.for_org(org).get()
    for address in (PAGE, PAGE + "configuration/"):
        page = browser.get(address).text
        if protocol == Protocol.OIDC:
            assert f'value="{connections.callback_url(connection)}"' in page
        else:
            assert f'value="{connections.acs_url(connection)}"' in page
            assert f'value="{connections.entity_id(connection)}"' in page
            assert f'href="{urlsplit(connections.entity_id(connection)).path}"' in page
        assert PROVIDERS[idp][0] == "Another" or PROVIDERS[idp][0] in page
    browser.post(PAGE + "provider/", {"idp": "other"})
    assert Connection.objects.for_org(org).get().id == connection.id


@pytest.mark.parametrize(
    ("idp", "name", "external_id"),
    [("okta", "preferred_username", "sub"), ("entra", "preferred_username", ""), ("google", "email", "")],
)
def test_the_form_begins_with_what_the_provider_sends(
    browser: Client, idp: str, name: str, external_id: str
) -> None:  # L4
    browser.post(PAGE + "provider/", {"idp": idp, "asked_protocol": "oidc"})
    form = browser.get(PAGE + "configuration/").context["form"]
    assert (form["name_claim"].value(), form["external_id_claim"].value()) == (name, external_id)


@pytest.mark.parametrize(
    ("idp", "asked", "protocol", "way"),
    [
        ("okta", "", "oidc", None),
        ("okta", "saml", "saml", "url"),
        ("google", "", "saml", "file"),
        ("jumpcloud", "", "saml", "file"),
        ("google", "oidc", "oidc", None),
    ],
)
def test_each_provider_has_its_usual_protocol_and_the_other_one_too(
    browser: Client, org: Organization, idp: str, asked: str, protocol: str, way: str | None
) -> None:  # L2
    keep_our_key(org)
    browser.post(PAGE + "provider/", {"idp": idp, "asked_protocol": asked})
    assert Connection.objects.get().protocol == protocol
    form = browser.get(PAGE + "configuration/").context["form"]
    assert form.initial.get("way") == way


def a_saml_form(way: str = "fields", **changed: Any) -> dict[str, Any]:
    ways = {
        "url": {"metadata_url": "https://127.0.0.1/metadata"},
        "file": {"metadata_file": SimpleUploadedFile("metadata.xml", metadata())},
        "fields": {"entity_id": IDP, "sso_url": SSO_URL, "certificate": pin().pem, "second_certificate": ""},
    }
    return {"way": way, "name_claim": "NameID", "external_id_claim": "", **ways[way], **changed}


class TestEnteringSaml:
    @pytest.fixture(autouse=True)
    def chosen(self, org: Organization) -> None:
        keep_our_key(org)

    @pytest.mark.parametrize("way", ["file", "fields"])
    def test_makes_the_draft(self, browser: Client, org: Organization, way: str) -> None:  # L2
        answer = browser.post(PAGE + "configuration/", a_saml_form(way), follow=True)
        assert "The draft is saved" in text(answer)
        made = Revision.objects.for_org(org).get()
        assert (made.issuer, made.sso_url, made.certificates) == (IDP, SSO_URL, [pin().pem])
        assert made.metadata_url == made.name_claim == ""
        page = text_at_first(answer)
        assert pin().fingerprint in page

    def test_by_an_address_keeps_it(
        self, browser: Client, org: Organization, idp: OpenIdProvider, settings: Settings
    ) -> None:  # L2
        idp.documents["/metadata"] = metadata()
        browser.post(PAGE + "configuration/", a_saml_form("url", metadata_url=f"{idp.issuer}/metadata"))
        made = Revision.objects.for_org(org).get()
        assert (made.issuer, made.metadata_url) == (IDP, f"{idp.issuer}/metadata")
        form = browser.get(PAGE + "configuration/").context["form"]
        assert form.initial["way"] == "url"

    def test_takes_a_second_certificate(self, browser: Client, org: Organization) -> None:  # L2
        browser.post(PAGE + "configuration/", a_saml_form(second_certificate=pin("new").pem))
        assert Revision.objects.for_org(org).get().certificates == [pin().pem, pin("new").pem]
        form = browser.get(PAGE + "configuration/").context["form"]
        assert (form.initial["certificate"], form.initial["second_certificate"]) == (pin().pem, pin("new").pem)

    @pytest.mark.parametrize(
        ("way", "wrong", "field"),
        [
            ("url", {"metadata_url": ""}, "metadata_url"),
            ("url", {}, "metadata_url"),  # which is not public
            ("file", {"metadata_file": ""}, "metadata_file"),
            ("file", {"metadata_file": SimpleUploadedFile("m.xml", b"<html/>")}, "metadata_file"),
            ("file", {"metadata_file": SimpleUploadedFile("m.xml", b" " * (LONGEST + 1))}, "metadata_file"),
            ("fields", {"certificate": ""}, "certificate"),
            ("fields", {"certificate": "x"}, "certificate"),
            ("fields", {"second_certificate": "x"}, "second_certificate"),
            ("fields", {"second_certificate": "-----BEGIN PRIVATE KEY-----"}, "second_certificate"),
            ("fields", {"sso_url": "http://idp.example/sso"}, "sso_url"),
            ("fields", {"sso_url": "idp.example"}, "sso_url"),
            ("fields", {"entity_id": ""}, "entity_id"),
            ("fields", {"entity_id": "x" * 999}, "entity_id"),
            ("fields", {"name_claim": "email"}, "name_claim"),
            ("none", {}, "way"),
        ],
    )
    def test_says_beside_the_field_what_is_wrong(
        self, browser: Client, org: Organization, way: str, wrong: dict[str, Any], field: str
    ) -> None:
        sent = a_saml_form(**wrong) | {"way": way} if way in ("fields", "none") else a_saml_form(way, **wrong)
        answer = browser.post(PAGE + "configuration/", sent)
        assert answer.context["form"].errors.keys() == {field}
        assert not Revision.objects.for_org(org).exists()

    def test_changes_nothing_of_an_active_connection_by_another_protocol(
        self, browser: Client, org: Organization
    ) -> None:  # L2
        activated(org)
        browser.post(PAGE + "provider/", {"idp": "okta", "asked_protocol": "saml"})
        browser.post(PAGE + "configuration/", a_saml_form())
        there = Revision.objects.for_org(org).order_by("state").values_list("state", "protocol")
        assert list(there) == [(State.ACTIVE, "oidc"), (State.DRAFT, "saml")]
        assert "SAML 2.0" in text_at_first(browser.get(PAGE + "discard/")) + text_at_first(browser.get(PAGE))


def saml_active(org: Organization, **changes: Any) -> Revision:
    keep_our_key(org)
    made = connections.draft(org=org, facts=saml_facts(**changes), cause=by_page())
    Revision.objects.filter(id=made.id).update(tested_at=timezone.now())
    return connections.activate(org=org, revision_id=made.id, cause=by_page())


class TestTheStateOfSaml:
    @pytest.mark.parametrize(
        ("ends", "told"),
        [((91,), None), ((89,), "ends on"), ((-1,), "ended on"), ((-9, 91), None), ((-9, 5), "ends on")],
    )
    def test_has_the_end_of_the_last_certificate_from_90_days_before(
        self, browser: Client, org: Organization, ends: tuple[int, ...], told: str | None
    ) -> None:
        until = [timezone.now() + timedelta(days=days) for days in ends]
        pins = [certificates_in(certified(private_key(), until=each))[0] for each in until]
        saml_active(org, certificates=tuple(pins))
        page = text_at_first(browser.get(PAGE))
        assert (f"last certificate {told}" in page) if told else "last certificate end" not in page

    def test_says_that_the_metadata_cannot_be_read(self, browser: Client, org: Organization) -> None:
        made = saml_active(org, metadata_url="https://idp.example/metadata")
        connections.note_unread(made, Refused(Reason.TOO_SLOW, "https://idp.example/metadata"))
        page = text_at_first(browser.get(PAGE))
        assert "did not answer within ten seconds" in page
        assert "Signing in does not need it" in page

    def test_says_that_our_key_is_lost(self, browser: Client, org: Organization) -> None:  # L9
        saml_active(org)
        assert "Our private key" not in text_at_first(browser.get(PAGE))
        Connection.objects.update(key="lost")
        assert "Our private key cannot be read any more" in text_at_first(browser.get(PAGE))

    def test_is_mailed_with_its_certificates(self, org: Organization, ada: User) -> None:  # L3
        saml_active(org)
        send_mails()
        assert pin().fingerprint in mail.outbox[0].body


class TestEntering:
    @pytest.fixture(autouse=True)
    def chosen(self, org: Organization) -> None:
        connections.prepare(org=org, idp="okta", cause=by_page())

    def test_keeps_the_draft_and_says_beside_the_field_that_the_issuer_cannot_be_reached(
        self, browser: Client, org: Organization
    ) -> None:
        answer = browser.post(PAGE + "configuration/", a_form(name_claim="upn", secret_ends_on="2030-01-31"))
        assert "has no public address" in text(answer)
        assert answer.context["form"].errors.keys() == {"issuer"}
        made = Revision.objects.for_org(org).get()
        assert (made.name_claim, str(made.secret_ends_on), connections.secret_in(made)) == ("upn", "2030-01-31", SECRET)
        assert made.connection.idp == "okta"

    def test_shows_no_secret_and_keeps_the_one_there_is(self, browser: Client, org: Organization) -> None:  # L9
        drafted(org)
        assert SECRET not in browser.get(PAGE + "configuration/").text
        answer = browser.post(PAGE + "configuration/", a_form(client_secret="", client_id="another"))
        assert SECRET not in answer.text
        made = Revision.objects.for_org(org).get()
        assert (made.client_id, connections.secret_in(made)) == ("another", SECRET)

    @pytest.mark.parametrize("wrong", [{"client_id": ""}, {"issuer": "idp.example"}, {"name_claim": "two words"}])
    def test_loses_nothing_if_something_is_wrong(
        self, browser: Client, org: Organization, wrong: dict[str, str]
    ) -> None:
        answer = browser.post(PAGE + "configuration/", a_form(**wrong))
        assert answer.context["form"].errors.keys() == wrong.keys()
        assert SECRET not in answer.text
        assert not Revision.objects.for_org(org).exists()
        sealed = re.search(r'name="sealed_secret" value="([^"]+)"', answer.text)
        assert sealed is not None
        browser.post(PAGE + "configuration/", a_form(client_secret="", sealed_secret=sealed[1]))
        assert connections.secret_in(Revision.objects.for_org(org).get()) == SECRET

    def test_takes_no_secret_that_was_sealed_for_another_org(self, browser: Client, org: Organization) -> None:  # O7
        other = drafted(OrganizationFactory.create())
        answer = browser.post(PAGE + "configuration/", a_form(client_secret="", sealed_secret=other.client_secret))
        assert answer.context["form"].errors.keys() == {"client_secret"}

    def test_asks_for_the_secret_where_it_cannot_be_read(self, browser: Client, org: Organization) -> None:  # L9
        drafted(org)
        Revision.objects.update(client_secret="lost")
        assert "The client secret cannot be read any more" in text_at_first(browser.get(PAGE))
        answer = browser.post(PAGE + "configuration/", a_form(client_secret=""))
        assert answer.context["form"].errors.keys() == {"client_secret"}
        browser.post(PAGE + "configuration/", a_form())
        assert "cannot be read any more" not in text_at_first(browser.get(PAGE))

    def test_that_changes_the_active_connection_is_a_draft_beside_it(self, browser: Client, org: Organization) -> None:
        activated(org)
        browser.post(PAGE + "configuration/", a_form(client_id="another"))
        there = Revision.objects.for_org(org).order_by("state").values_list("state", "client_id")
        assert list(there) == [(State.ACTIVE, CLIENT), (State.DRAFT, "another")]


class TestTheState:
    def test_is_named(self, browser: Client, org: Organization) -> None:
        def named() -> str:
            return browser.get(PAGE).context["status"].condition.name

        seen = [named()]
        connections.prepare(org=org, idp="okta", cause=by_page())
        seen.append(named())
        made = drafted(org)
        seen.append(named())
        Revision.objects.update(tested_at=timezone.now())
        seen.append(named())
        connections.activate(org=org, revision_id=made.id, cause=by_page())
        seen.append(named())
        connections.switch_off(org=org, cause=by_page())
        seen.append(named())
        assert seen == ["NONE", "PREPARED", "DRAFT", "TESTED", "ACTIVE", "OFF"]

    @pytest.mark.parametrize(
        ("days", "told"),
        [(91, None), (90, "The client secret ends on"), (1, "ends on"), (0, "ended on"), (-9, "ended on")],
    )
    def test_has_the_end_of_the_secret_from_90_days_before(
        self, browser: Client, org: Organization, days: int, told: str | None
    ) -> None:
        activated(org, secret_ends_on=timezone.now().date() + timedelta(days=days))
        page = text_at_first(browser.get(PAGE))
        assert (told in page) if told else "The client secret end" not in page

    def test_says_that_the_provider_cannot_be_read(self, browser: Client, org: Organization) -> None:
        activated(org)
        IssuerDocument.objects.create(
            url=description_url(ISSUER), asked_at=timezone.now(), failure=Reason.TOO_SLOW, detail=ISSUER
        )
        assert "did not answer within ten seconds" in text_at_first(browser.get(PAGE))

    def test_has_the_last_sign_in_and_the_last_refusal_in_words(self, browser: Client, org: Organization) -> None:
        made = activated(org)
        for name, reason in (("bo@corp.example", ""), ("cy@corp.example", Reason.NOBODY)):
            came(org, made, name, reason)
        page = text_at_first(browser.get(PAGE))
        assert "bo@corp.example" in page
        assert "Nobody here has the userName cy@corp.example. Assign the person to the provisioning" in page


def came(org: Organization, made: Revision, name: str, reason: str) -> SsoSignIn:
    return SsoSignIn.objects.create(
        org=org, connection=made.connection_id, at=timezone.now(), name=name, reason=reason, detail=name
    )


class TestActivating:
    def test_says_first_what_it_comes_to(self, browser: Client, org: Organization) -> None:  # L6
        made = drafted(org, tested=True)
        people = [UserFactory.create(org=org) for _ in range(3)]
        UserFactory.create(org=org, active=False, password="hash")
        User.objects.filter(pk__in=[each.pk for each in people[:2]]).update(password="hash")
        now = timezone.now()
        IdentityLink.objects.create(
            org=org, user=people[0], issuer=made.issuer, subject="1", linked_at=now, last_used_at=now
        )
        page = text_at_first(browser.get(PAGE + "activate/"))
        assert "Sign in 3 people, through" in page
        assert "Passwords 2 people can no longer sign in with one" in page
        assert "Not linked yet 2 people." in page
        assert "ada@corp.example keeps signing in with a password" in page
        assert Revision.objects.get().state == State.DRAFT

    def test_is_of_the_draft_that_was_seen(self, browser: Client, org: Organization, ada: User) -> None:  # L3
        made = drafted(org, tested=True)
        browser.post(PAGE + "activate/", {"revision": str(drafted(OrganizationFactory.create(), tested=True).id)})
        browser.post(PAGE + "activate/", {"revision": "x"})
        assert not Revision.objects.filter(state=State.ACTIVE).exists()
        browser.post(PAGE + "activate/", {"revision": str(made.id)})
        assert Revision.objects.get(state=State.ACTIVE) == made
        assert Change.objects.for_org(org).get(verb="org.sso_activated").by_person == ada

    def test_needs_a_test_run(self, browser: Client, org: Organization) -> None:  # L3
        made = drafted(org)
        assert browser.get(PAGE + "activate/").headers["Location"] == PAGE
        answer = browser.post(PAGE + "activate/", {"revision": str(made.id)}, follow=True)
        assert "has to be tested again" in text_at_first(answer)


def test_it_is_switched_off(browser: Client, org: Organization) -> None:
    activated(org)
    assert "Leave it on" in text_at_first(browser.get(PAGE + "switch-off/"))
    browser.post(PAGE + "switch-off/")
    org.refresh_from_db()
    assert org.sso_connection is None
    assert browser.post(PAGE + "switch-off/").headers["Location"] == PAGE


def test_a_draft_is_discarded_and_what_is_active_stays(browser: Client, org: Organization) -> None:
    activated(org)
    connections.draft(org=org, facts=Facts(ISSUER, "another", None), cause=by_page())
    browser.post(PAGE + "discard/")
    browser.post(PAGE + "discard/")
    assert Revision.objects.get().state == State.ACTIVE
    assert Change.objects.for_org(org).filter(verb="org.sso_discarded").count() == 1


def test_accounts_are_made_by_signing_in_only_with_a_verified_domain(browser: Client, org: Organization) -> None:  # L5
    drafted(org)
    address = PAGE + "accounts/"
    assert "in your verified domains, and you have none" in text_at_first(browser.get(address))
    browser.post(address, {"on": "1"})
    assert not Connection.objects.get().creates_people
    VerifiedDomain.objects.create(org=org, name="corp.example", verified_at=timezone.now())
    assert "in corp.example" in text_at_first(browser.get(address))
    for on in ("1", "0"):
        browser.post(address, {"on": on})
        assert Connection.objects.get().creates_people is (on == "1")


@pytest.mark.parametrize("page", ["provider", "configuration", "activate", "switch-off", "discard", "accounts"])
def test_what_changes_it_asks_for_a_recent_sign_in(
    client: Client, ada: User, org: Organization, page: str
) -> None:  # L6
    made = activated(org) if page == "switch-off" else drafted(org, tested=True)
    client.force_login(ada)
    for answer in (client.get(f"{PAGE}{page}/"), client.post(f"{PAGE}{page}/", a_form(idp="okta", on="1"))):
        assert "Sign in again" in text_at_first(answer)
    made.refresh_from_db()
    assert made.state == (State.ACTIVE if page == "switch-off" else State.DRAFT)
    assert made.client_id == CLIENT


def test_owner_and_admins_are_mailed_what_it_is_now(org: Organization, ada: User) -> None:  # L6
    UserFactory.create(org=org, user_name="bo@corp.example", roles=["Admin"])
    UserFactory.create(org=org)
    drafted(org)
    send_mails()
    assert mail.outbox == []
    activated(org)
    send_mails()
    assert [letter.to for letter in mail.outbox] == [["ada@corp.example"], ["bo@corp.example"]]
    assert "People now sign in through the identity provider" in mail.outbox[0].body
    assert SECRET not in mail.outbox[0].body
    connections.switch_off(org=org, cause=by_page())
    send_mails()
    assert "It is off" in mail.outbox[-1].body


class TestTheListOfSignIns:
    def test_has_who_was_refused_why_and_what_to_do(self, browser: Client, org: Organization) -> None:  # L4
        made = activated(org)
        came(org, made, "bo@corp.example", "")
        came(org, made, "cy@corp.example", Reason.DEACTIVATED)
        came(OrganizationFactory.create(), made, "stranger@corp.example", "")
        page = text_at_first(browser.get(PAGE + "sign-ins/"))
        assert page.index("cy@corp.example is deactivated. Activate the person") < page.index("bo@corp.example")
        assert "stranger" not in page

    @pytest.mark.parametrize(
        ("query", "found"),
        [("q=BO%40", ["bo"]), ("outcome=refused", ["cy"]), ("outcome=in", ["bo"]), ("q=zz", []), ("q=_o", [])],
    )
    def test_is_filtered(self, browser: Client, org: Organization, query: str, found: list[str]) -> None:
        made = activated(org)
        came(org, made, "bo@corp.example", "")
        came(org, made, "cy@corp.example", Reason.DEACTIVATED)
        rows = browser.get(f"{PAGE}sign-ins/?{query}").context["page"].object_list
        assert [row.name.partition("@")[0] for row in rows] == found


class TestSupport:
    def test_switches_it_off_as_a_last_resort(self, client: Client, org: Organization, ada: User) -> None:
        made = activated(org)
        client.force_login(StaffFactory.create())
        address = f"/admin/sso/connection/{made.connection_id}/"
        assert SECRET not in client.get(f"{address}change/").text
        assert f"/admin/sso/connection/?q={org.id}" in client.get(f"/admin/orgs/organization/{org.id}/change/").text
        asked = client.get(f"{address}switch-off/", follow=True)
        assert "Nobody can sign in through" in text(asked)
        client.post(f"{address}switch-off/")
        assert Revision.objects.get().state == State.DRAFT
        assert Change.objects.for_org(org).get(verb="org.sso_switched_off").door == Door.ADMIN

    def test_sees_how_that_of_each_org_stands(
        self, client: Client, org: Organization, django_assert_max_num_queries: Any
    ) -> None:  # N4
        activated(org)
        for _ in range(4):
            drafted(OrganizationFactory.create())
        client.force_login(StaffFactory.create())
        with django_assert_max_num_queries(8):
            listed = text(client.get("/admin/sso/connection/"))
        assert f"{org.name} Active" in listed
        assert listed.count("Not tested") == 4

    def test_sees_that_a_secret_cannot_be_read(self, client: Client, org: Organization) -> None:  # L9
        made = activated(org)
        Revision.objects.update(client_secret="lost")
        client.force_login(StaffFactory.create())
        page = client.get(f"/admin/sso/connection/{made.connection_id}/change/").text
        assert "sealed with another SECRET_KEY" in page


class TestUnlinking:
    @pytest.fixture
    def linked(self, org: Organization) -> User:
        made = activated(org)
        for number in range(2):
            user = UserFactory.create(org=org, display_name=f"Bo {number}")
            now = timezone.now()
            IdentityLink.objects.create(
                org=org, user=user, issuer=made.issuer, subject=str(number), linked_at=now, last_used_at=now
            )
        return user

    def test_is_for_one_person(self, browser: Client, org: Organization, linked: User) -> None:  # L4
        assert f"Linked to 1 At {ISSUER}" in text_at_first(browser.get(f"/people/{linked.id}/"))
        address = f"{PAGE}links/{linked.id}/"
        assert "Unlink Bo 1?" in text_at_first(browser.get(address))
        browser.post(address)
        browser.post(address)
        assert IdentityLink.objects.get().subject == "0"
        assert Change.objects.for_org(org).filter(verb="user.unlinked").count() == 1

    def test_is_for_everybody_after_a_registration_was_made_again(
        self, browser: Client, org: Organization, linked: User
    ) -> None:  # L4
        assert "2 people are linked" in text_at_first(browser.get(PAGE))
        assert "Unlink 2 people" in text_at_first(browser.get(f"{PAGE}links/"))
        browser.post(f"{PAGE}links/")
        browser.post(f"{PAGE}links/")
        assert not IdentityLink.objects.exists()
        assert Change.objects.for_org(org).filter(verb="org.sso_unlinked").count() == 1

    def test_asks_for_a_recent_sign_in(self, client: Client, ada: User, linked: User) -> None:  # L6
        client.force_login(ada)
        for address in (f"{PAGE}links/", f"{PAGE}links/{linked.id}/"):
            assert "Sign in again" in text_at_first(client.post(address))
        assert IdentityLink.objects.count() == 2
