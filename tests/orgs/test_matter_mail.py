"""Mails about what needs attention: what comes when, to whom, and how it is ended (SPEC N3)."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from api.models import Endpoint
from api.webhooks import endpoints
from orgs import history, mail_choices, mail_html, mail_sending, matter_mail, matters, open_matters, tokens
from orgs.change_details import UserChanged
from orgs.db.keys import uuid7
from orgs.db.sealed import seal
from orgs.history import Cause
from orgs.matters import Occurrence
from orgs.models import (
    Door,
    IdentityProvider,
    MailedMatter,
    MailTime,
    MatterKind,
    MatterRound,
    Organization,
    User,
)
from orgs.open_matters import SEVERITIES, OpenMatter, Severity, Subject
from sso.models import Connection, Revision, State
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory, issue_token
from tests.groups_provisioning.world import by_admin, group
from tests.page_text import text_at_first

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
NEXT_MORNING = datetime(2026, 11, 30, 6, 1, tzinfo=UTC)
AN_HOUR, A_DAY = timedelta(hours=1), timedelta(days=1)
FAILING, PENDING, UNMAPPED = "sso.failing", "group.pending", "group.unmapped"


@pytest.fixture
def ada(org: Organization) -> User:
    return OwnerFactory.create(org=org, user_name="ada@corp.example")


class World:
    """An org whose open matters a test sets, looked at and mailed at times that it chooses."""

    def __init__(self, org: Organization) -> None:
        self.org, self.open = org, list[OpenMatter]()
        self.round = MatterRound.objects.create(org=org, looked_at=NOON, digest_at=NOON)

    def opens(self, *kinds: str, title: str = "", subject: Subject | None = None) -> None:
        for kind in kinds:
            subjects = (subject,) if subject else ()
            self.open.append(
                OpenMatter(kind=kind, title=title or f"About {kind}", text="-", address="/groups/", subjects=subjects)
            )

    def mailed(self, at: datetime = NOON) -> dict[str, str]:
        """The mails that come of a look: the text by its reader."""
        mail.outbox.clear()
        matter_mail.look_at([self.round.pk], at=at)
        mail_sending.send(at=at, seconds=20)
        return {sent.to[0]: str(sent.body) for sent in mail.outbox}

    def kinds(self, at: datetime = NOON) -> set[str]:
        return {kind for text in self.mailed(at).values() for kind in re.findall(r"- About (\S+)", text)}


@pytest.fixture
def world(org: Organization, ada: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World(org)
    monkeypatch.setattr(open_matters, "of_each", lambda orgs, *, at: {org.pk: list(world.open) for org in orgs})
    return world  # type: ignore[return-value]


class TestAMatter:
    def test_that_is_urgent_is_mailed_at_once_and_once(self, world: World) -> None:  # N3
        world.opens(FAILING, PENDING)
        (text,) = world.mailed().values()
        assert "- About sso.failing\n  http://localhost:8000/groups/" in text
        assert PENDING not in text
        for hours in range(3):
            assert world.mailed(NOON + hours * AN_HOUR) == {}

    def test_that_can_wait_is_in_the_next_mornings_mail_and_in_no_other(self, world: World) -> None:
        world.opens(PENDING, UNMAPPED)
        assert world.mailed() == {}
        assert world.mailed(NEXT_MORNING - AN_HOUR) == {}
        assert world.kinds(NEXT_MORNING) == {PENDING, UNMAPPED}
        assert world.mailed(NEXT_MORNING + A_DAY) == {}
        world.opens("group.out_of_sync")
        assert world.kinds(NEXT_MORNING + 2 * A_DAY) == {"group.out_of_sync"}

    def test_that_ended_by_then_is_in_none(self, world: World) -> None:
        world.opens(PENDING)
        world.mailed()
        world.open.clear()
        assert world.mailed(NEXT_MORNING) == {}

    def test_that_comes_and_goes_is_news_again_only_after_it_was_over_for_a_while(self, world: World) -> None:
        world.opens(FAILING)
        assert world.kinds() == {FAILING}
        matters, now = list(world.open), NOON
        for _ in range(4):
            now += timedelta(minutes=20)
            world.open.clear()
            assert world.mailed(now) == {}
            now += timedelta(minutes=20)
            world.open.extend(matters)
            assert world.mailed(now) == {}
        world.open.clear()
        world.mailed(now + AN_HOUR + timedelta(minutes=1))
        assert not MailedMatter.objects.exists()
        world.open.extend(matters)
        assert world.kinds(now + 2 * AN_HOUR) == {FAILING}

    def test_of_a_token_is_another_than_that_of_the_next_token_but_groups_are_one(self, world: World) -> None:
        def is_news(kind: str, type_: str, id_: str) -> bool:
            world.opens(kind, subject=Subject(type_, id_, "x"))
            return bool(world.mailed())

        assert [is_news("token.lapsed", "token", "1"), is_news("token.lapsed", "token", "2")] == [True, True]
        mail_choices.choose(User.objects.get(), {PENDING: MailTime.AT_ONCE})
        assert [is_news(PENDING, "group", "1"), is_news(PENDING, "group", "2")] == [True, False]

    def test_carries_one_short_plain_line_of_what_an_identity_provider_wrote(self, world: World) -> None:  # N3
        world.opens(FAILING, title="“Team\r\n\r\nhttps://evil.example " + 200 * "x" + "” fails")
        (text,) = world.mailed().values()
        (sent,) = mail.outbox
        lines = [line for line in text.splitlines() if "Team" in line]
        assert [len(line) for line in lines] == [82]
        html = str(sent.alternatives[0][0])  # type: ignore[attr-defined]
        assert "https://evil" not in text + html + str(sent.subject)
        assert "\n" not in sent.subject

    def test_is_one_mail_to_each_of_bounded_length(self, world: World, org: Organization) -> None:
        UserFactory.create(org=org, user_name="bo@corp.example", roles=["Admin"])
        UserFactory.create(org=org, user_name="cy@corp.example", roles=["Member"])
        for number in range(40):
            world.opens("token.lapsed", subject=Subject("token", str(number), "x"))
        told = world.mailed()
        assert told.keys() == {"ada@corp.example", "bo@corp.example"}
        assert all("- And 15 more matters." in text and text.count("\n- ") == 26 for text in told.values())
        assert mail.outbox[0].subject == f"Muster: 40 matters at {org.name} need attention"


class TestLooking:
    def test_takes_the_org_that_waited_longest_and_each_once_in_a_while(
        self, org: Organization, ada: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looked: list[Any] = []
        monkeypatch.setattr(matter_mail, "BATCH", 1)
        monkeypatch.setattr(
            open_matters, "of_each", lambda orgs, *, at: looked.extend(org.pk for org in orgs) or {orgs[0].pk: []}
        )
        OrganizationFactory.create(closed_at=NOON)
        other = OrganizationFactory.create()
        for _ in range(2):
            assert not matter_mail.look(seconds=5)
        assert sorted(looked) == sorted([org.pk, other.pk])
        MatterRound.objects.filter(pk=org.pk).update(looked_at=NOON)
        MatterRound.objects.filter(pk=other.pk).update(looked_at=NOON - AN_HOUR)
        assert matter_mail.look(seconds=0)
        assert looked[2:] == [other.pk]

    def test_goes_on_with_the_others_where_one_cannot_be_looked_at(
        self, org: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looked: list[Any] = []
        others = OrganizationFactory.create_batch(2)

        def fails(orgs: list[Organization], *, at: datetime) -> dict[Any, list[OpenMatter]]:
            if org in orgs:
                raise ZeroDivisionError
            looked.extend(each.pk for each in orgs)
            return {each.pk: [] for each in orgs}

        monkeypatch.setattr(open_matters, "of_each", fails)
        with pytest.raises(ZeroDivisionError):
            matter_mail.look(seconds=5)
        assert sorted(looked) == sorted(other.pk for other in others)
        assert not matter_mail.look(seconds=5)

    def test_takes_as_many_statements_for_many_orgs_as_for_one(self, org: Organization) -> None:  # N3
        def statements() -> int:
            MatterRound.objects.all().delete()
            MailedMatter.objects.all().delete()
            now = datetime.now(UTC)
            for each in Organization.objects.all():
                MatterRound.objects.create(org=each, looked_at=now - A_DAY, digest_at=now - 2 * A_DAY)
            with CaptureQueriesContext(connection) as captured:
                assert not matter_mail.look(seconds=60)
            for each in Organization.objects.all():
                kinds = {row.key.split()[0] for row in MailedMatter.objects.for_org(each)}
                assert kinds >= {"user.refused", "token.expiring", "idp.several", "group.unmapped", "sso.ended"}
                assert "webhook.ended" in kinds
            return len(captured)

        _with_matters(org)
        alone = statements()
        for _ in range(4):
            _with_matters(OrganizationFactory.create())
        assert statements() == alone

    def test_takes_a_few_statements_where_nothing_is_new(self, world: World) -> None:
        world.opens(FAILING, PENDING, UNMAPPED)
        world.mailed()
        with CaptureQueriesContext(connection) as statements:
            matter_mail.look_at([world.round.pk], at=NOON + AN_HOUR)
        assert len(statements) <= 6

    def test_writes_to_any_number_of_admins_in_one_statement(self, world: World, org: Organization) -> None:
        counts = []
        for kind in ("sso.failing", "sso.ended"):
            world.opens(kind)
            with CaptureQueriesContext(connection) as statements:
                matter_mail.look_at([world.round.pk], at=NOON)
            counts.append(len(statements))
            UserFactory.create_batch(5, org=org, roles=["Admin"])
        assert counts[0] >= counts[1] - 1  # once it notes those that are still open


def _with_matters(org: Organization) -> None:
    """Something of each reader of matters."""
    now = datetime.now(UTC)
    OwnerFactory.create(org=org)
    for idp in (IdentityProvider.OKTA, IdentityProvider.ENTRA):
        token = issue_token(org, idp=idp, lifetime=A_DAY).token
        tokens.note_use({token.id: (now, None, "")})
        history.record(org, Cause(Door.SCIM, now, token=token), UserChanged(user=str(org.pk)))
    matters.note([Occurrence(org.pk, MatterKind.USER_REFUSED, "Ada", now)])
    group(org, "Unmapped")
    made = endpoints.create(org=org, url="https://hooks.example", kinds=["person"], max_items=1, cause=by_admin())
    Endpoint.objects.filter(pk=made.endpoint.pk).update(disabled_at=now, disabled_reason="gone")
    there = Connection.objects.create(org=org, created_at=now)
    Organization.objects.filter(pk=org.pk).update(sso_connection=there.id)
    id_ = uuid7()
    Revision.objects.create(
        id=id_,
        org=org,
        connection=there,
        state=State.ACTIVE,
        changed_at=now,
        activated_at=now,
        issuer="https://idp.example",
        client_id="c",
        client_secret=seal("s", owner=id_),
        secret_ends_on=now.date(),
    )


class TestChoosing:
    def test_has_words_for_every_kind(self) -> None:
        assert {kind for _, kinds in mail_choices.AREAS.values() for kind in kinds} == set(SEVERITIES)
        assert sum(len(kinds) for _, kinds in mail_choices.AREAS.values()) == len(SEVERITIES)

    def test_changes_when_each_kind_is_mailed_for_oneself_alone(self, world: World, org: Organization) -> None:
        bo = UserFactory.create(org=org, user_name="bo@corp.example", roles=["Admin"])
        mail_choices.choose(bo, {FAILING: MailTime.DAILY, PENDING: MailTime.AT_ONCE, UNMAPPED: MailTime.NEVER})
        world.opens(FAILING, PENDING, UNMAPPED)

        def told(at: datetime) -> dict[str, list[str]]:
            return {to[:2]: re.findall(r"- About (\S+)", text) for to, text in world.mailed(at).items()}

        assert told(NOON) == {"ad": [FAILING], "bo": [PENDING]}
        assert told(NEXT_MORNING) == {"ad": [PENDING, UNMAPPED], "bo": [FAILING]}

    def test_is_done_on_a_page(self, ada: User) -> None:
        browser = signed_in(ada)
        shown = browser.get("/account/mails/")
        page = shown.content.decode()
        assert all(f'for="id_{kind}"' in page for kind in SEVERITIES)
        form = {kind: str(mail_choices.usual(kind)) for kind in SEVERITIES}
        assert browser.post("/account/mails/", form | {PENDING: "never"}).status_code == 302
        assert mail_choices.of(ada)[PENDING] == MailTime.NEVER
        assert ada.mail_choices.times == {PENDING: "never"}
        assert "not one of the available" in text_at_first(browser.post("/account/mails/", form | {PENDING: "yearly"}))
        browser.post("/account/mails/", form)
        assert not User.objects.filter(mail_choices__isnull=False).exists()

    def test_leaves_the_owner_with_what_nobody_wants_where_a_mail_is_promised(
        self, world: World, org: Organization, ada: User
    ) -> None:  # E3, N3
        bo = UserFactory.create(org=org, user_name="bo@corp.example", roles=["Admin"])
        never = dict.fromkeys(SEVERITIES, MailTime.NEVER)
        mail_choices.choose(ada, never)
        world.opens("webhook.ended", FAILING)
        assert world.mailed().keys() == {"bo@corp.example"}
        mail_choices.choose(bo, never)
        world.open.clear()
        world.mailed(NOON + 2 * AN_HOUR)
        world.mailed(NOON + 4 * AN_HOUR)
        world.opens("webhook.ended", FAILING)
        told = world.mailed(NOON + 5 * AN_HOUR)
        assert told.keys() == {"ada@corp.example"}
        assert "About webhook.ended" in told["ada@corp.example"]
        assert FAILING not in told["ada@corp.example"]
        assert "List-Unsubscribe" not in mail.outbox[0].message()


class TestEndingThemFromAMail:
    def link(self, world: World, kind: str = FAILING, at: datetime = NOON) -> str:
        world.opens(kind)
        world.mailed(at)
        (sent,) = mail.outbox
        headers = sent.message()
        assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = str(headers["List-Unsubscribe"])[1:-1].removeprefix("http://localhost:8000")
        assert link in str(sent.body)
        return link

    def test_takes_one_post_without_a_session_or_a_token(self, world: World, ada: User) -> None:  # RFC 8058
        link = self.link(world)
        program = Client(enforce_csrf_checks=True)
        answer = program.post(link, {"List-Unsubscribe": "One-Click"})
        assert (answer.status_code, answer.cookies) == (200, {})
        now = mail_choices.of(ada)
        assert {now[kind] for kind, severity in SEVERITIES.items() if severity is Severity.URGENT} == {MailTime.NEVER}
        assert {now[kind] for kind, severity in SEVERITIES.items() if severity is not Severity.URGENT} == {
            MailTime.DAILY
        }
        world.opens("sso.ended")
        assert world.mailed() == {}

    def test_of_daily_mails_ends_these_alone(self, world: World, ada: User) -> None:
        Client().post(self.link(world, PENDING, NEXT_MORNING))
        assert set(mail_choices.of(ada).values()) == {MailTime.NEVER, MailTime.AT_ONCE}

    def test_does_nothing_when_the_link_is_followed(self, world: World, ada: User) -> None:
        link = self.link(world)
        before = mail_choices.of(ada)
        page = text_at_first(Client().get(link))
        assert "Stop these mails?" in page
        assert mail_choices.of(ada) == before

    def test_is_for_whoever_has_the_mail(self, world: World, ada: User) -> None:
        link = self.link(world)
        forged = [link[:-3] + "x/", reverse("mails-stop", args=["x"])]
        User.objects.filter(pk=ada.pk).update(active=False)
        for each in (link, *forged):
            assert Client().post(each).status_code == 404

    def test_is_not_offered_for_what_is_about_access(self, org: Organization, ada: User) -> None:
        issue_token(org)
        mail_sending.send(at=datetime.now(UTC) + A_DAY, seconds=20)
        (sent,) = mail.outbox
        assert "List-Unsubscribe" not in sent.message()


class TestTheHtml:
    def test_says_what_the_text_says(self) -> None:
        text = "Dear <Ada> & co:\n\n- One\n  why\n  https://x.example/a?b=1&c=2\n- Two\n\nSet it here:\nhttps://x.example/y\n\nhttps://x.example\n"
        html = str(mail_html.made_of(text, subject="About <you>"))
        assert "Dear &lt;Ada&gt; &amp; co:" in html
        assert '<a href="https://x.example/a?b=1&amp;c=2"' in html
        assert re.search(r">One</a><br>why</li>", html)
        assert html.count("<li") == 2
        assert re.search(r'<a href="https://x.example/y" [^>]*>Set it here</a>', html)
        assert '<meta name="color-scheme" content="light dark">' in html
        assert "<style" not in html
        assert "<script" not in html
        bare = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
        for word in ("Dear", "One", "why", "Two", "Set it here", "https://x.example"):
            assert word in bare
