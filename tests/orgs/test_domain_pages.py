"""Verified domains: what an org's admins see and do, up to the DNS (SPEC O6)."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from dns import rcode, resolver

from orgs import domains, tasks, txt_records
from orgs.history import Cause
from orgs.models import Change, Door, Organization, PendingDomain, User, VerifiedDomain
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory
from tests.orgs.name_server import NameServer
from tests.page_text import text

PAGE = "/settings/authentication/"
NEW = f"{PAGE}domains/new/"
CORP = f"{PAGE}domains/corp.example/"


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    with NameServer() as server:
        monkeypatch.setattr(resolver, "default_resolver", server.resolver())
        monkeypatch.setattr(txt_records, "PATIENCE", 0.5)
        yield server


@pytest.fixture
def ada(org: Organization) -> User:
    return OwnerFactory.create(org=org, user_name="ada@corp.example")


@pytest.fixture
def browser(ada: User) -> Client:
    return signed_in(ada)


@pytest.fixture
def asked(browser: Client, org: Organization) -> PendingDomain:
    """corp.example, to be verified."""
    browser.post(NEW, {"name": "corp.example"})
    return PendingDomain.objects.get(org=org)


def verify(org: Organization, *names: str) -> None:
    domains.keep(org=org, names=names, cause=Cause(Door.ADMIN, timezone.now()))


def verified(org: Organization) -> list[tuple[str, bool]]:
    return list(VerifiedDomain.objects.filter(org=org).values_list("name", "by_dns"))


def verbs(org: Organization) -> list[str]:
    return list(Change.objects.filter(org=org, verb__startswith="org.domain").values_list("verb", flat=True))


class TestTheList:
    def test_says_what_it_means_that_there_is_none(self, browser: Client) -> None:
        assert "No domains listed Addresses in any domain are accepted" in text(browser.get(PAGE))

    def test_tells_who_verified_each_and_which_one_waits(
        self, browser: Client, org: Organization, asked: PendingDomain
    ) -> None:
        verify(org, "acme.example")
        VerifiedDomain.objects.create(org=org, name="acme.test", verified_at=timezone.now(), by_dns=True)
        page = text(browser.get(PAGE))
        assert re.search(r"acme\.example .{,20} by support Verified", page)
        assert re.search(r"acme\.test .{,20} by DNS record Verified", page)
        assert "corp.example Not yet added just now Waiting for a DNS record" in page


class TestAdding:
    def test_shows_the_record_to_set(self, browser: Client, org: Organization) -> None:
        answer = browser.post(NEW, {"name": " @Corp.Example "}, follow=True)
        assert answer.redirect_chain[-1][0] == CORP
        asked = PendingDomain.objects.get(org=org)
        page = answer.content.decode()
        assert 'value="_muster-verification.corp.example"' in page
        assert f'value="muster-verification={asked.token}"' in page
        assert verified(org) == []
        assert verbs(org) == ["org.domain_asked"]

    def test_twice_shows_the_same_record(self, browser: Client, org: Organization, asked: PendingDomain) -> None:
        browser.post(NEW, {"name": "corp.example"})
        assert PendingDomain.objects.get(org=org).token == asked.token
        assert verbs(org) == ["org.domain_asked"]

    def test_is_refused_while_too_many_others_wait(self, browser: Client, org: Organization) -> None:
        for number in range(domains.MOST_PENDING + 1):
            answer = browser.post(NEW, {"name": f"d{number}.example"})
        assert "50 domains wait to be verified already" in text(answer)
        assert browser.post(NEW, {"name": "d0.example"}).status_code == 302  # it waits already
        assert PendingDomain.objects.filter(org=org).count() == domains.MOST_PENDING

    def test_one_that_is_verified_leads_to_the_list(self, browser: Client, org: Organization) -> None:
        verify(org, "corp.example")
        answer = browser.post(NEW, {"name": "corp.example"}, follow=True)
        assert answer.redirect_chain[-1][0] == PAGE
        assert not PendingDomain.objects.filter(org=org).exists()

    @pytest.mark.parametrize(
        "name", ["com", "localhost", "", "corp", "a b.example", "-a.example", "bücher.example", "a" * 64 + ".example"]
    )
    def test_refuses_what_is_not_a_domain_or_too_broad(self, browser: Client, org: Organization, name: str) -> None:
        answer = browser.post(NEW, {"name": name})
        assert 'class="field__error"' in answer.content.decode()
        assert not PendingDomain.objects.filter(org=org).exists()

    def test_of_another_orgs_is_no_other_than_of_one_that_nobody_has(self, browser: Client, org: Organization) -> None:
        verify(OrganizationFactory.create(name="Globex"), "globex.example")
        answers = []
        for name in ("globex.example", "free.example"):
            with CaptureQueriesContext(connection) as queries:
                assert browser.post(NEW, {"name": name}).status_code == 302
            page = re.sub(r"muster-verification=[\w-]+", "…", text(browser.get(f"{PAGE}domains/{name}/")))
            answers.append((len(queries), page.replace(name, "…")))
        assert answers[0] == answers[1]

    def test_of_the_first_one_says_that_it_restricts(self, browser: Client, org: Organization) -> None:
        assert "This is your first domain." in text(browser.get(NEW))
        verify(org, "acme.example")
        assert "This is your first domain." not in text(browser.get(NEW))

    def test_counts_who_is_outside_before_it_is_verified(
        self, browser: Client, org: Organization, asked: PendingDomain
    ) -> None:
        for name in ("ben@corp.example", "eve@elsewhere.example", "kim@sub.corp.example", "plain"):
            UserFactory.create(org=org, user_name=name)
        page = text(browser.get(CORP))
        assert "Only addresses in corp.example" in page
        assert "2 people have addresses outside these domains." in page
        verify(org, "elsewhere.example")
        page = text(browser.get(CORP))
        assert "Addresses in corp.example, in addition to those in elsewhere.example" in page
        assert "1 person has an address outside these domains." in page


class TestChecking:
    def check(self, browser: Client) -> Any:
        return browser.post(f"{CORP}check/", follow=True)

    @pytest.mark.parametrize("place", ["_muster-verification.corp.example", "corp.example"])
    def test_finds_the_record_at_either_place(
        self, browser: Client, org: Organization, asked: PendingDomain, dns: NameServer, place: str, ada: User
    ) -> None:
        dns.records[place] = ["v=spf1 -all", f"muster-verification={asked.token}"]
        answer = self.check(browser)
        assert answer.redirect_chain[-1][0] == PAGE
        assert "corp.example is verified." in text(answer)
        assert verified(org) == [("corp.example", True)]
        assert not PendingDomain.objects.filter(org=org).exists()
        change = Change.objects.get(org=org, verb="org.domains_changed")
        assert (change.detail, change.by_person) == ({"was": [], "now": ["corp.example"]}, ada)

    def test_restricts_addresses_from_then_on(
        self, browser: Client, org: Organization, asked: PendingDomain, dns: NameServer, idp: Idp
    ) -> None:
        dns.records["corp.example"] = [f"muster-verification={asked.token}"]
        assert idp.post("/Users", {"userName": "eve@elsewhere.example"}).status_code == 201
        self.check(browser)
        assert idp.post("/Users", {"userName": "kim@elsewhere.example"}).status_code == 400
        assert idp.post("/Users", {"userName": "kim@corp.example"}).status_code == 201

    def test_says_that_there_is_no_record_yet(
        self, browser: Client, org: Organization, asked: PendingDomain, dns: NameServer
    ) -> None:
        answer = self.check(browser)
        assert answer.redirect_chain[-1][0] == CORP
        assert "The record was not found." in text(answer)
        assert dns.asked == ["_muster-verification.corp.example", "corp.example"]
        assert verified(org) == []

    def test_says_which_other_value_is_there(
        self, browser: Client, org: Organization, asked: PendingDomain, dns: NameServer
    ) -> None:
        dns.records["_muster-verification.corp.example"] = ["muster-verification=of-before", "v=spf1 -all"]
        page = text(self.check(browser))
        assert "The record has a different value: muster-verification=of-before. Replace it with the value" in page
        assert verified(org) == []

    @pytest.mark.parametrize(
        ("says", "words"), [(None, "did not answer in time"), (rcode.SERVFAIL, "answered with an error")]
    )
    def test_tells_in_words_that_the_dns_gave_no_answer(
        self,
        browser: Client,
        org: Organization,
        asked: PendingDomain,
        dns: NameServer,
        says: rcode.Rcode | None,
        words: str,
    ) -> None:
        dns.says = says
        assert words in text(self.check(browser))
        assert verified(org) == []

    def test_is_not_won_by_the_record_of_another_org(
        self, browser: Client, org: Organization, asked: PendingDomain, dns: NameServer
    ) -> None:
        other = OrganizationFactory.create()
        domains.ask(org=other, name="corp.example", cause=Cause(Door.PAGE, timezone.now()))
        theirs = PendingDomain.objects.get(org=other)
        dns.records["corp.example"] = [f"muster-verification={theirs.token}"]
        self.check(browser)
        assert verified(org) == []

    def test_verifies_what_another_org_has_verified_as_well(
        self, browser: Client, org: Organization, asked: PendingDomain, dns: NameServer
    ) -> None:
        other = OrganizationFactory.create(name="Globex")
        verify(other, "corp.example")
        dns.records["corp.example"] = [f"muster-verification={asked.token}"]
        assert "corp.example is verified." in text(self.check(browser))
        assert (verified(org), verified(other)) == ([("corp.example", True)], [("corp.example", False)])

    def test_twice_verifies_once(
        self, browser: Client, org: Organization, asked: PendingDomain, dns: NameServer
    ) -> None:
        dns.records["corp.example"] = [f"muster-verification={asked.token}"]
        self.check(browser)
        assert self.check(browser).redirect_chain[-1][0] == PAGE
        assert verbs(org) == ["org.domain_asked", "org.domains_changed"]

    def test_asks_nothing_about_a_domain_that_nobody_added(self, browser: Client, dns: NameServer) -> None:
        assert "corp.example is not on the list" in text(self.check(browser))
        assert dns.asked == []

    def test_is_not_needed_once_support_vouches(self, org: Organization, asked: PendingDomain) -> None:
        verify(org, "corp.example")
        assert not PendingDomain.objects.filter(org=org).exists()


class TestReadingAgain:  # L1
    @pytest.fixture
    def proved(self, org: Organization, asked: PendingDomain, dns: NameServer) -> VerifiedDomain:
        dns.records["corp.example"] = [f"muster-verification={asked.token}"]
        domains.verify(org=org, name="corp.example", cause=Cause(Door.PAGE, timezone.now() - timedelta(days=2)))
        dns.asked.clear()
        return VerifiedDomain.objects.get(org=org)

    def read(self) -> VerifiedDomain:
        tasks.read_domains_again()
        return VerifiedDomain.objects.get()

    def test_finds_the_record_where_it_was(self, proved: VerifiedDomain) -> None:
        assert self.read().gone_since is None

    def test_is_done_once_a_day(self, proved: VerifiedDomain, dns: NameServer) -> None:
        self.read()
        asked = len(dns.asked)
        self.read()
        assert (asked > 0, len(dns.asked)) == (True, asked)
        VerifiedDomain.objects.update(read_at=timezone.now() - timedelta(days=1))
        self.read()
        assert len(dns.asked) == 2 * asked

    def test_tells_that_the_record_is_gone_until_it_is_back(
        self, browser: Client, org: Organization, proved: VerifiedDomain, dns: NameServer
    ) -> None:  # N1
        there = dns.records.pop("corp.example")
        gone_since = self.read().gone_since
        assert gone_since is not None
        VerifiedDomain.objects.update(read_at=None)
        assert self.read().gone_since == gone_since
        assert "DNS record is gone found missing just now" in text(browser.get(PAGE))
        assert "The DNS record of 1 domain is gone" in text(browser.get("/"))
        page = text(browser.get(CORP))
        assert "was found missing" in page
        assert there[0] in browser.get(CORP).content.decode()
        assert "The record was not found." in text(browser.post(f"{CORP}check/", follow=True))
        dns.records["corp.example"] = there
        assert "corp.example is verified." in text(browser.post(f"{CORP}check/", follow=True))
        assert VerifiedDomain.objects.get().gone_since is None
        assert "is gone" not in text(browser.get("/"))

    def test_goes_by_what_was_said_before_while_there_is_no_answer(
        self, proved: VerifiedDomain, dns: NameServer
    ) -> None:
        dns.says = rcode.SERVFAIL
        assert self.read().gone_since is None
        VerifiedDomain.objects.update(gone_since=proved.verified_at, read_at=None)
        assert self.read().gone_since == proved.verified_at

    def test_asks_nothing_about_what_support_vouches_for_or_whose_record_is_not_known(
        self, org: Organization, dns: NameServer
    ) -> None:
        verify(org, "acme.example")
        VerifiedDomain.objects.create(org=org, name="acme.test", verified_at=timezone.now(), by_dns=True)
        tasks.read_domains_again()
        assert dns.asked == []

    def test_finds_no_domain_of_another_org(self, browser: Client, dns: NameServer) -> None:  # O7
        other = OrganizationFactory.create()
        VerifiedDomain.objects.create(
            org=other, name="corp.example", verified_at=timezone.now(), gone_since=timezone.now()
        )
        assert browser.get(CORP).status_code == 404


class TestRemoving:
    def test_says_what_is_refused_then_and_who_is_affected(self, browser: Client, org: Organization) -> None:
        verify(org, "corp.example", "acme.example")
        UserFactory.create(org=org, user_name="ben@corp.example")
        page = text(browser.get(f"{CORP}remove/"))
        assert "Only addresses in the remaining domains will be accepted: acme.example." in page
        assert "1 person has an address in this domain." in page

    def test_of_the_last_one_says_that_every_domain_is_accepted(self, browser: Client, org: Organization) -> None:
        verify(org, "corp.example")
        assert "no domain will be listed any more" in text(browser.get(f"{CORP}remove/"))

    def test_takes_it_off_the_list(self, browser: Client, org: Organization, idp: Idp, ada: User) -> None:
        verify(org, "corp.example", "acme.example")
        assert "corp.example was removed." in text(browser.post(f"{CORP}remove/", follow=True))
        assert verified(org) == [("acme.example", False)]
        assert idp.post("/Users", {"userName": "kim@corp.example"}).status_code == 400
        change = Change.objects.filter(org=org, verb="org.domains_changed").latest("id")
        assert change.detail == {"was": ["acme.example", "corp.example"], "now": ["acme.example"]}
        assert change.by_person == ada

    def test_ends_one_that_waits(self, browser: Client, org: Organization, asked: PendingDomain) -> None:
        assert "nothing else changes" in text(browser.get(f"{CORP}remove/"))
        browser.post(f"{CORP}remove/")
        assert not PendingDomain.objects.filter(org=org).exists()
        assert verbs(org) == ["org.domain_asked", "org.domain_dropped"]

    def test_finds_no_domain_of_another_org(self, browser: Client) -> None:  # O7
        other = OrganizationFactory.create()
        verify(other, "corp.example")
        assert browser.get(f"{CORP}remove/").status_code == 404
        assert "corp.example is not on the list" in text(browser.post(f"{CORP}remove/", follow=True))
        assert verified(other) == [("corp.example", False)]


def test_the_history_tells_of_them_in_words(browser: Client, org: Organization, asked: PendingDomain) -> None:
    browser.post(f"{CORP}remove/")
    page = text(browser.get("/activity/"))
    assert "The domain corp.example is to be verified by a DNS record" in page
    assert "The domain corp.example is no longer to be verified" in page
