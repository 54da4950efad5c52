"""The pages about people: list, person, and changes by hand."""

import csv
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import formats, timezone

from groups_provisioning.actions import account_switches
from groups_provisioning.models import Status
from groups_provisioning.pages.people import people_list
from orgs import organizations
from orgs.models import Change, HandPlacement, Organization, ScimToken, User
from orgs.web import long_list
from tests.conftest import Idp, signed_in
from tests.factories import OwnerFactory, UserFactory
from tests.groups_provisioning.world import (
    POOL,
    SUB,
    by_command,
    entity,
    give,
    group,
    map_to,
    person,
    placed,
    places,
    settle,
    tie,
)
from tests.page_text import text, text_of
from tests.scim.api import crowds


@pytest.fixture
def ada(org: Organization) -> User:
    return person(org, "Ada", "Lovelace")


class TestTheList:
    def names(self, browser: Client, query: str = "") -> list[str]:
        answer = browser.get(f"/people/?{query}")
        return re.findall(r'class="table__name" href="[^"]*">([^<]*)<', answer.content.decode())

    def test_has_everybody_of_the_org_but_those_whom_scim_deleted(self, browser: Client, org: Organization) -> None:
        person(org, "Bo", "Ek")
        person(org, "Cy", "Fox", active=False)
        person(org, "Di", "Gray", active=False, deleted_at=timezone.now(), login_email=None)
        UserFactory.create()
        OwnerFactory.create(org=org, user_name="zoe@corp.example")
        assert self.names(browser) == ["Bo Ek", "Cy Fox", "Mo Adler", "zoe@corp.example"]
        assert self.names(browser, "account=active") == ["Bo Ek", "Mo Adler", "zoe@corp.example"]
        assert self.names(browser, "account=inactive") == ["Cy Fox"]
        assert self.names(browser, "account=deleted") == ["Di Gray"]
        assert self.names(browser, "added_by=hand") == ["zoe@corp.example"]
        assert self.names(browser, "role=Admin") == ["Mo Adler"]
        assert self.names(browser, "role=Chef") == self.names(browser)  # as if it were left out

    def test_is_searched_by_every_word_of_names_addresses_and_ids(self, browser: Client, org: Organization) -> None:
        bo = person(org, "Bo", "Ek", external_id="00u1", email_keys=["robert@corp.example"])
        for words in ("bo", "EK", "ek bo", "robert@", "00u1", bo.user_name[:6]):
            assert self.names(browser, f"q={words}") == ["Bo Ek"]
        assert self.names(browser, "q=bo+adler") == []
        assert "No matching people" in text_of(browser, "/people/?q=bo+adler")

    def test_is_searched_by_the_beginnings_of_words(self, browser: Client, org: Organization) -> None:
        person(org, "Bo", "O'Brien", external_id="00U-Ab12", email_keys=["robert-77@corp.example"])
        for words in ("brien", "o'bri", "77", "robert-77@corp.example", "corp bo", "ab1", "00U-AB12"):
            assert self.names(browser, f"q={words}") == ["Bo O&#x27;Brien"], words
        for words in ("rien", "b12", "brien bx"):
            assert self.names(browser, f"q={words}") == [], words

    def test_is_searched_by_an_index_for_rare_words_and_for_frequent_ones(
        self, browser: Client, org: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        crowds.fill(org, 5_000)
        monkeypatch.setattr(people_list, "MATCHES", 1_000)
        for word, found, by_id in (("nobody", 0, True), ("p4321", 1, True), ("p49", 50, True), ("corp", 50, False)):
            with CaptureQueriesContext(connection) as asked:
                assert len(self.names(browser, f"q={word}")) == found
            (first, *others) = (query["sql"] for query in asked if "orgs_person_words" in query["sql"])
            assert "user_words" in crowds.plan(first), word
            assert (not others) == by_id, word

    def test_is_sorted_by_name_or_by_when_people_were_added(self, browser: Client, org: Organization) -> None:
        person(org, "Zo", "Young")
        person(org, "Bo", "Ek")
        assert self.names(browser, "sort=name") == ["Bo Ek", "Mo Adler", "Zo Young"]
        assert self.names(browser, "sort=-name") == ["Zo Young", "Mo Adler", "Bo Ek"]
        assert self.names(browser, "sort=added") == ["Mo Adler", "Zo Young", "Bo Ek"]
        assert self.names(browser, "sort=-added") == ["Bo Ek", "Zo Young", "Mo Adler"]
        assert self.names(browser, "sort=roles") == self.names(browser)  # as if it were left out

    def test_says_how_it_is_sorted_and_keeps_that_in_a_search(self, browser: Client, org: Organization) -> None:
        page = browser.get("/people/?q=mo&sort=-added").content.decode()
        assert 'aria-sort="descending"><a class="table__sort" href="?q=mo&amp;sort=added">Added' in page
        assert 'scope="col"><a class="table__sort" href="?q=mo&amp;sort=name">Person' in page
        assert '<input type="hidden" name="sort" value="-added">' in page
        by_name = browser.get("/people/").content.decode()
        assert 'aria-sort="ascending"><a class="table__sort" href="?sort=-name">Person' in by_name

    def test_never_sorts_everybody(self, browser: Client, org: Organization) -> None:
        crowds.fill(org, 5_000)
        for order in people_list.ORDERS:
            with CaptureQueriesContext(connection) as asked:
                assert len(self.names(browser, f"sort={order}")) == 50
            (keys,) = (query["sql"] for query in asked if "ORDER BY" in query["sql"] and "LIMIT 50" in query["sql"])
            plan = crowds.plan(keys)
            assert "Index" in plan, order
            assert "Sort" not in plan, order

    def test_is_of_those_with_an_open_conflict(self, browser: Client, org: Organization, ada: User) -> None:
        placed(org, entity(org, "Gold", POOL), ada)
        placed(org, entity(org, "Silver", POOL), ada, person(org, "Bo", "Ek"))
        assert self.names(browser, "account=conflict") == ["Ada Lovelace"]

    def test_is_of_those_in_an_entity_or_a_scim_group_of_a_name(
        self, browser: Client, org: Organization, ada: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bo, cy = person(org, "Bo", "Ek"), person(org, "Cy", "Fox")
        placed(org, entity(org, "Web platform"), ada, bo)
        group(org, "okta-platform", cy)
        group(org, "okta-gone", cy, deleted_at=timezone.now())
        theirs = UserFactory.create()
        placed(theirs.org, entity(theirs.org, "Platform"), theirs)
        for matches in (people_list.MATCHES, 0):  # by their ids, and where they are more than are found by those
            monkeypatch.setattr(people_list, "MATCHES", matches)
            assert self.names(browser, "within=PLATFORM") == ["Ada Lovelace", "Bo Ek", "Cy Fox"], matches
            assert self.names(browser, "within=web+pl&sort=-name") == ["Bo Ek", "Ada Lovelace"], matches
            assert self.names(browser, "within=platform&q=fox") == ["Cy Fox"], matches
            assert self.names(browser, "within=gone") == [], matches
        rows = list(csv.reader(b"".join(browser.get("/people.csv?within=web")).decode().splitlines()))[1:]
        assert [row[1] for row in rows] == ["Ada Lovelace", "Bo Ek"]

    def test_links_to_the_first_page_the_last_and_those_around(self, browser: Client, org: Organization) -> None:
        crowds.fill(org, 499)  # and the admin
        page = browser.get("/people/?page=5&q=").content.decode()
        assert re.findall(r'class="pager__page".*?href="([^"]*)">(\d+)<', page) == [
            (f"?page={number}&amp;q=", str(number)) for number in (1, 4, 5, 6, 10)
        ]
        assert re.findall(r'aria-current="page" aria-label="(Page \d+)"', page) == ["Page 5"]
        assert text(browser.get("/people/?page=5")).count("…") == 2

    def test_is_counted_and_paged_to_a_limit_that_it_names(
        self, browser: Client, org: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        crowds.fill(org, 149)  # and the admin
        assert "1–50 of 150 " in text_of(browser, "/people/")
        monkeypatch.setattr(long_list, "COUNTED", 100)
        with CaptureQueriesContext(connection) as asked:
            assert "1–50 of more than 100 " in text_of(browser, "/people/")
        assert sum("COUNT" in query["sql"] and "LIMIT 101" in query["sql"] for query in asked) == 1
        last = text_of(browser, "/people/?page=3")
        assert "51–100 of more than 100. Pages show the first 100. Search to find others" in last
        assert "Next" not in last
        assert "1–50 of 61 " in text_of(browser, "/people/?q=p1")

    def test_is_small_whatever_names_are_in_it(self, browser: Client, org: Organization) -> None:  # U14
        team, members = entity(org, "Platform"), []
        for number in range(50):
            long = person(org, f"n{number}", "'" * 2048, display_name=f"n{number}{'&' * 2044}")
            members.append(long)
        everybody = placed(org, team, *members)
        for address in (
            "/people/",
            f"/entities/{team.id}/",
            f"/entities/{team.id}/members/new/?q=n49",
            f"/groups/{everybody.id}/",
        ):
            answer = browser.get(address)
            assert answer.status_code == 200, address
            assert b"n49" in answer.content, address
            assert len(answer.content) < 250_000, address

    def test_says_where_people_are_and_where_they_come_from(
        self, browser: Client, org: Organization, ada: User
    ) -> None:
        for name in ("Platform", "Payments", "Search", "Support"):
            placed(org, entity(org, name), ada)
        page = text_of(browser, "/people/?q=ada")
        added = formats.date_format(ada.created_at, "j M Y")
        assert f"Ada Lovelace ada@corp.example Member Payments Platform Search +1 SCIM {added} Active" in page

    def test_is_one_fragment_for_htmx(self, browser: Client, ada: User) -> None:
        answer = browser.get("/people/?q=ada", headers={"HX-Request": "true"})
        assert answer.content.decode().lstrip().startswith("<table")

    def test_is_a_file_with_the_same_filters(self, browser: Client, org: Organization, ada: User) -> None:
        placed(org, entity(org, "Platform"), ada)
        answer = browser.get("/people.csv?q=ada")
        (header, row) = csv.reader(b"".join(answer).decode().splitlines())
        assert header[:4] == ["userName", "Name", "Status", "Roles"]
        assert row[:8] == ["ada@corp.example", "Ada Lovelace", "Active", "Member", "Platform", "", "", "SCIM"]

    def test_is_quick_and_small_with_a_crowd(
        self, browser: Client, org: Organization, django_assert_max_num_queries: Any
    ) -> None:
        crowds.fill(org, 10_000)
        team = entity(org, "Everybody")
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO groups_provisioning_membership (org_id, user_id, entity_id, kind, source) "
                "SELECT org_id, id, %s, 'team', 'hand' FROM orgs_user WHERE org_id = %s",
                [team.id, org.id],
            )
        for query in ("", "q=p99", "role=Member&account=active&page=7"):
            with django_assert_max_num_queries(12):
                answer = browser.get(f"/people/?{query}")
            assert len(answer.content) < 100_000
            assert len(re.findall('class="table__name"', answer.content.decode())) == 50


class TestAPerson:
    def test_has_attributes_as_the_idp_sent_them(self, browser: Client, org: Organization) -> None:
        ada = person(
            org,
            "Ada",
            "Lovelace",
            external_id="00u1",
            attributes={
                "title": "Engineer",
                "emails": [{"type": "work", "value": "ada@corp.example", "primary": True}],
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Engines"},
            },
        )
        page = text_of(browser, f"/people/{ada.id}/")
        assert "name.givenName Ada" in page
        assert "externalId 00u1" in page
        assert "active true" in page
        assert "title Engineer" in page
        assert "emails[work].primary true" in page
        assert "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department Engines" in page

    def test_says_that_the_kind_of_a_held_place_is_off(
        self, browser: Client, org: Organization, ada: User
    ) -> None:  # M8
        mapped = map_to(group(org, "Engineers", ada))
        assert "this kind is switched off" not in text_of(browser, f"/people/{ada.id}/")
        organizations.change(org=org, wishes={"teams": False}, cause=by_command())
        settle(ada)
        page = text_of(browser, f"/people/{ada.id}/")
        assert mapped.entity
        assert f"{mapped.entity.name} Team" in page
        assert "Team: this kind is switched off. The mapping of their SCIM group Engineers no longer adds" in page

    def test_says_why_and_what_would_have_to_change(self, browser: Client, org: Organization, ada: User) -> None:
        platform = entity(org, "Platform")
        engineers = group(org, "Engineers", ada, roles=["Admin"])
        tie(engineers, platform, status=Status.APPROVED)
        settle(ada)
        page = text_of(browser, f"/people/{ada.id}/")
        assert "Admin · Set on the SCIM group Engineers" in page
        assert "They are in the SCIM group Engineers, which is mapped to Platform" in page
        assert "remove Ada Lovelace from the group Engineers in your identity provider" in page
        assert "Engineers Admin Platform · Approved" in page

    def test_says_nothing_to_do_about_the_roles_of_somebody_deleted(self, browser: Client, org: Organization) -> None:
        gone = person(org, "Di", "Gray", active=False, deleted_at=timezone.now(), login_email=None)
        assert "To change it" not in text_of(browser, f"/people/{gone.id}/")

    def test_of_the_owner_asks_nothing_of_the_identity_provider(self, browser: Client, org: Organization) -> None:  # O8
        owner = OwnerFactory.create(org=org)
        settle(owner)
        assert "To change it: set one here." in text_of(browser, f"/people/{owner.id}/")

    def test_names_what_is_recorded_and_does_not_count(self, browser: Client, org: Organization, ada: User) -> None:
        platform = entity(org, "Platform")
        HandPlacement.objects.create(
            org=org, user=ada, entity=platform, placed=True, change=Change.objects.create(org=org, at=timezone.now())
        )
        placed(org, entity(org, "Lab", SUB), ada)
        page = text_of(browser, f"/people/{ada.id}/")
        assert (
            "They are in the sub-organization Lab, so their assignments in the root organization have no effect" in page
        )
        assert places(ada) == {"Lab": "claim"}

    @pytest.mark.parametrize(
        ("facts", "words"),
        [
            ({"active": False}, "Their assignments are kept on record but have no effect"),
            ({"active": False, "deleted_at": timezone.now(), "login_email": None}, "Your identity provider deleted"),
        ],
    )
    def test_who_is_gone_is_told_to_be(
        self, browser: Client, org: Organization, facts: dict[str, Any], words: str
    ) -> None:
        ada = person(org, "Ada", "Lovelace", **facts)
        page = text_of(browser, f"/people/{ada.id}/")
        assert words in page
        assert ("Assign by hand" in page) is ("deleted_at" not in facts)

    def test_says_what_was_refused_while_they_were_deactivated(
        self, browser: Client, idp: Idp, ada: User
    ) -> None:  # U4
        value = {"active": False, "userName": "mo@corp.example"}
        assert idp.patch(f"/Users/{ada.id}", {"op": "replace", "value": value}).status_code == 200
        page = text_of(browser, f"/people/{ada.id}/")
        assert "Part of the last request was refused" in page
        assert "userName : mo@corp.example cannot be used" in page
        idp.patch(f"/Users/{ada.id}", {"op": "replace", "value": {"active": True}})
        assert "refused" not in text_of(browser, f"/people/{ada.id}/")

    def test_with_much_about_them_is_told_in_few_queries(
        self, browser: Client, org: Organization, ada: User, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(60):
            placed(org, entity(org, f"Team {number}"), ada)
        pool = entity(org, "Pool", POOL)
        User.objects.filter(id=ada.id).update(placement=pool, manual_roles=["Member"])
        other = entity(org, "Other", POOL)
        browser.post(f"/people/{ada.id}/places/new/", {"entity": other.id})
        settle(ada)
        browser.get("/people/")  # the message was read
        with django_assert_max_num_queries(13):
            answer = browser.get(f"/people/{ada.id}/")
        assert len(answer.content) < 250_000
        assert "And 10 more groups" in text(answer)


class TestDeactivatingByHand:
    """SPEC U12."""

    def confirm(self, browser: Client, address: str, **ticked: str) -> Any:
        shown = browser.get(address).context["outlook"].fingerprint
        return browser.post(address, {"seen": shown, **ticked}, follow=True)

    def test_shows_the_effect_and_then_does_it(self, browser: Client, org: Organization, ada: User) -> None:
        placed(org, entity(org, "Platform"), ada)
        page = text_of(browser, f"/people/{ada.id}/deactivate/")
        assert "signed out everywhere" in page
        assert "Assignments Platform" in page
        assert "1 person who can sign in" in page
        answer = self.confirm(browser, f"/people/{ada.id}/deactivate/")
        assert "Ada Lovelace is deactivated." in text(answer)
        assert re.search(r"Deactivated by hand They cannot sign in.* Deactivated by Mo Adler, just now", text(answer))
        assert "active true" in text(answer)  # what the identity provider says
        answer = self.confirm(browser, f"/people/{ada.id}/activate/")
        assert "Ada Lovelace is active." in text(answer)

    def test_does_nothing_that_was_not_seen(self, browser: Client, ada: User, idp: Idp) -> None:  # M9
        stale = browser.get(f"/people/{ada.id}/deactivate/").context["outlook"].fingerprint
        idp.patch(f"/Users/{ada.id}", {"op": "replace", "value": {"displayName": "Lady"}})
        answer = browser.post(f"/people/{ada.id}/deactivate/", {"seen": stale}, follow=True)
        assert "the effects have changed" in text(answer)
        assert User.objects.get(id=ada.id).active

    def test_is_not_offered_of_the_owner_or_oneself(self, browser: Client, org: Organization, admin: User) -> None:
        owner = OwnerFactory.create(org=org)
        settle(owner)
        for user, words in ((owner, "The owner's account cannot be"), (admin, "You cannot deactivate your own")):
            assert "Deactivate…" not in text_of(browser, f"/people/{user.id}/")
            assert words in text(browser.get(f"/people/{user.id}/deactivate/", follow=True))

    def test_warns_that_nobody_else_is_an_admin(self, org: Organization, ada: User) -> None:  # R5
        owner = OwnerFactory.create(org=org)
        manual = person(org, "Bo", "Ek", manual_roles=["Admin"])
        settle(owner)
        warning = "They are the last active admin."
        assert warning in text_of(signed_in(owner), f"/people/{manual.id}/deactivate/")
        assert warning not in text_of(signed_in(owner), f"/people/{ada.id}/deactivate/")

    def test_lists_them_by_who_said_so(self, browser: Client, org: Organization, idp: Idp, ada: User) -> None:
        account_switches.deactivate(org=org, user_id=ada.id, cause=by_command())
        assert re.search(r"SCIM \d+ \w+ \d+ Deactivated by hand", text_of(browser, "/people/?account=closed"))
        for account, found in (("inactive", True), ("closed", True), ("opened", False), ("active", False)):
            answer = browser.get(f"/people.csv?account={account}&q=lovelace")
            rows = list(csv.reader(b"".join(answer).decode().splitlines()))[1:]
            assert [row[2] for row in rows] == ["Deactivated by hand"] * found

    def test_says_which_request_and_token_did_it(self, browser: Client, org: Organization, idp: Idp, ada: User) -> None:
        idp.patch(f"/Users/{ada.id}", {"op": "replace", "value": {"active": False}})
        change = Change.objects.latest("id")
        answer = browser.get(f"/people/{ada.id}/")
        assert "Deactivated by test over SCIM, just now" in text(answer)
        assert f"/settings/scim/log/{change.request_id}/" in answer.content.decode()

    def test_says_both_where_both_did_it(self, browser: Client, org: Organization, idp: Idp, ada: User) -> None:
        account_switches.deactivate(org=org, user_id=ada.id, cause=by_command())
        idp.patch(f"/Users/{ada.id}", {"op": "replace", "value": {"active": False}})
        page = text_of(browser, f"/people/{ada.id}/")
        assert "Deactivated on the command line, just now" in page
        assert "Your identity provider deactivated them too: Deactivated by test over SCIM" in page


class TestActivatingWhomTheIdpDeactivated:
    """SPEC U12."""

    @pytest.fixture
    def address(self, org: Organization, idp: Idp, ada: User) -> str:
        idp.patch(f"/Users/{ada.id}", {"op": "replace", "value": {"active": False}})
        ScimToken.objects.update(last_used_at=timezone.now() - account_switches.SILENT)
        return f"/people/{ada.id}/activate/"

    def test_is_not_offered_while_the_idp_calls(self, browser: Client, ada: User, address: str) -> None:
        ScimToken.objects.update(last_used_at=timezone.now())
        assert "Activate…" not in text_of(browser, f"/people/{ada.id}/")
        assert "Activate them in your identity provider." in text(browser.get(address, follow=True))

    def test_asks_a_second_question(self, browser: Client, ada: User, address: str) -> None:
        assert "none of its tokens was used in the last 24 hours" in text_of(browser, address)
        seen = browser.get(address).context["outlook"].fingerprint
        answer = browser.post(address, {"seen": seen}, follow=True)
        assert "Not done yet: tick this" in text(answer)
        assert not User.objects.get(id=ada.id).active
        answer = browser.post(address, {"seen": seen, "anyway": "1"}, follow=True)
        assert "Ada Lovelace is active." in text(answer)

    def test_stands_on_the_overview_and_the_page_until_the_idp_s_next_word(
        self, browser: Client, org: Organization, idp: Idp, ada: User, address: str
    ) -> None:
        account_switches.activate(org=org, user_id=ada.id, cause=by_command())
        standing = "1 person is active although your identity provider deactivated them"
        assert standing in text_of(browser, "/")
        assert "Active although your identity provider deactivated them" in text_of(browser, f"/people/{ada.id}/")
        assert re.search(r"SCIM \d+ \w+ \d+ Activated by hand", text_of(browser, "/people/?account=opened"))
        idp.patch(f"/Users/{ada.id}", {"op": "replace", "value": {"active": True}})
        assert standing not in text_of(browser, "/")


class TestByHand:
    def test_placing_says_that_the_idp_goes_first(self, browser: Client, org: Organization, ada: User) -> None:  # R4
        platform = entity(org, "Platform")
        address = f"/people/{ada.id}/places/new/"
        assert "Your identity provider takes precedence" in text_of(browser, address)
        assert "Platform Team Assign" in text_of(browser, address + "?q=plat")
        assert "No matches" in text_of(browser, address + "?q=sales")
        answer = browser.post(address, {"entity": platform.id}, follow=True)
        assert "Ada Lovelace is now assigned to Platform." in text(answer)
        assert places(ada) == {"Platform": "hand"}
        assert Change.objects.get(verb="user.placed").by_person.user_name == "mo@corp.example"

    def test_placing_where_scim_goes_first_says_so(self, browser: Client, org: Organization, ada: User) -> None:
        placed(org, entity(org, "Large", POOL), ada)
        answer = browser.post(f"/people/{ada.id}/places/new/", {"entity": entity(org, "Small", POOL).id}, follow=True)
        assert "another assignment takes precedence" in text(answer)

    def test_placing_from_the_entity(self, browser: Client, org: Organization, ada: User) -> None:
        platform = entity(org, "Platform")
        address = f"/entities/{platform.id}/members/new/"
        assert "Ada Lovelace ada@corp.example Assign" in text_of(browser, address + "?q=love")
        answer = browser.post(address, {"person": ada.id}, follow=True)
        assert "Ada Lovelace is now assigned to Platform." in text(answer)

    def test_placing_is_not_offered_where_it_is_done(self, browser: Client, org: Organization, ada: User) -> None:
        platform = entity(org, "Platform")
        placed(org, platform, ada)
        addresses = (f"/people/{ada.id}/places/new/?q=plat", f"/entities/{platform.id}/members/new/?q=love")
        for address in addresses:
            assert "Already assigned Also assign by hand" in text_of(browser, address)
        browser.post(f"/people/{ada.id}/places/new/", {"entity": platform.id})
        for address in addresses:
            page = text_of(browser, address)
            assert "Already assigned By hand" in page
            assert "Also assign by hand" not in page

    @pytest.mark.parametrize("id_", ["", "x", "00000000-0000-0000-0000-000000000000"])
    def test_placing_in_what_is_not_there_is_said(self, browser: Client, ada: User, id_: str) -> None:
        answer = browser.post(f"/people/{ada.id}/places/new/", {"entity": id_}, follow=True)
        assert "was deleted." in text(answer)
        assert not HandPlacement.objects.exists()

    def test_taking_out_warns_of_the_next_word_of_the_idp(self, browser: Client, org: Organization, ada: User) -> None:
        platform = entity(org, "Platform")
        placed(org, platform, ada)
        address = f"/people/{ada.id}/places/{platform.id}/take-out/"
        page = text_of(browser, address)
        assert "This lasts only until your identity provider’s next update" in page  # R4
        assert "remove Ada Lovelace from the group Platform" in page
        answer = browser.post(address, follow=True)
        assert "Ada Lovelace was removed from Platform." in text(answer)
        assert "Removed by hand by Mo Adler" in text(answer)
        assert places(ada) == {}
        answer = browser.post(f"/people/{ada.id}/places/{platform.id}/put-back/", follow=True)
        assert "Your identity provider now decides again" in text(answer)
        assert places(ada) == {"Platform": "claim"}

    def test_taking_out_of_a_place_by_hand_warns_of_nothing(
        self, browser: Client, org: Organization, ada: User
    ) -> None:
        platform = entity(org, "Platform")
        browser.post(f"/people/{ada.id}/places/new/", {"entity": platform.id})
        page = text_of(browser, f"/people/{ada.id}/places/{platform.id}/take-out/")
        assert "next update" not in page
        assert "Ada Lovelace will be removed from the team Platform" in page

    def test_a_role_counts_where_nobody_else_gives_one(self, browser: Client, ada: User) -> None:  # R1
        address = f"/people/{ada.id}/roles/"
        assert "applies as long as your identity provider gives none" in text_of(browser, address)
        answer = browser.post(address, {"roles": "Admin"}, follow=True)
        assert "Ada Lovelace now has the role Admin." in text(answer)
        answer = browser.post(address, {"roles": ""}, follow=True)
        assert "No role is set by hand for Ada Lovelace any more. Current role: Member." in text(answer)
        assert browser.post(address, {"roles": "Chef"}).status_code == 200

    def test_a_role_says_when_it_does_not_count(self, browser: Client, org: Organization, ada: User) -> None:  # R1
        group(org, "Staff", ada, roles=["Member"])
        settle(ada)
        address = f"/people/{ada.id}/roles/"
        assert "gives Member, and takes precedence" in text_of(browser, address)
        answer = browser.post(address, {"roles": "Admin"}, follow=True)
        assert "roles from your identity provider take precedence. Current role: Member." in text(answer)
        assert "Admin · Set by hand. Has no effect while your identity provider gives a role." in text(answer)

    def test_a_role_says_what_counts_beside_it(self, browser: Client, org: Organization, ada: User) -> None:  # R1, R6
        give(group(org, "Admins", ada), "Admin")
        words = text_of(browser, f"/people/{ada.id}/roles/")
        assert "Their groups were given Admin here." in words
        assert "takes precedence" not in words
        answer = browser.post(f"/people/{ada.id}/roles/", {"roles": "Member"}, follow=True)
        assert "whose groups carry roles that count as well. Current role: Admin." in text(answer)
