"""Deleting an organization."""

import random
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import redis
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.utils import timezone

from api.models import Attempt
from api.webhooks import endpoints
from groups_provisioning.actions import erasing, group_ends, imports, manual_changes
from groups_provisioning.actions.imports import NewRow
from groups_provisioning.engine import effect_checks, worker
from groups_provisioning.models import Excess, Kind, Preview, Taken
from orgs import (
    api_keys,
    deletions,
    domains,
    feed,
    history,
    mail_choices,
    matter_mail,
    matters,
    owners,
    proposals,
    queue,
    setup_links,
    sign_in,
    support_views,
)
from orgs.admin.organizations import OrgDeletionAdmin
from orgs.change_details import UserCreated
from orgs.models import (
    IdentityLink,
    LastAdmin,
    LedgerEntry,
    MailTime,
    MatterKind,
    Organization,
    OrgDeletion,
    Purpose,
    Scope,
    Session,
    SsoSignIn,
    Standing,
    SupportNotice,
    User,
)
from orgs.web import limits
from scim import idp_days, overview_visits, request_days, request_log
from scim.request_days import Call
from sso import connections
from tests.authenticators import App
from tests.conftest import Idp, signed_in
from tests.factories import HoldFactory, OrganizationFactory, OwnerFactory, StaffFactory, UserFactory, issue_token
from tests.groups_provisioning.world import (
    POOL,
    TEAM,
    by_admin,
    by_command,
    entity,
    map_to,
    push,
    push_user,
    rule,
    settle,
)
from tests.orgs.test_invitations import invite, secret_of

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletions, "GRACE", timedelta())


def tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = current_schema()::regnamespace ORDER BY relname"
        )
        return [name for (name,) in cursor.fetchall()]


def holding(org_id: UUID) -> dict[str, int]:
    """How many rows each table has in which the id of an org occurs anywhere, as text or in JSON."""
    found = {}
    with connection.cursor() as cursor:
        for name in tables():
            cursor.execute(f"SELECT count(*) FROM {name} r WHERE r::text LIKE %s", [f"%{org_id}%"])
            if count := cursor.fetchone()[0]:
                found[name] = count
    return found


def left(org_id: UUID) -> dict[str, int]:
    """As `holding`, once whatever is under way has come to rest."""
    feed.stamp_all()
    return holding(org_id)


TOMBSTONE = {"orgs_feeditem": 1}  # tells the operator's own product that the org is gone


def valkey() -> "redis.Redis[Any]":
    return redis.Redis.from_url(settings.REDIS_URL)


def full_org() -> tuple[Organization, User, Idp]:
    """An org with a row in every table that orgs have rows in, but for those that only the clock fills."""
    org = OrganizationFactory.create()
    owner = OwnerFactory.create(org=org)
    idp = Idp(issue_token(org).secret)
    ada, bo = (User.objects.get(id=push_user(idp, name)) for name in ("Ada Brandt", "Bo Lind"))
    rule(org, "Eng", by=owner)
    engineers = push(idp, "Engineers", ada, bo)
    push(idp, "Nested", engineers)
    for name in ("First pool", "Second pool"):
        map_to(push(idp, name, ada), POOL, by=owner)
    ended = push(idp, "Ended", ada)
    map_to(ended, TEAM, by=owner)
    group_ends.end_group(org=org, group_id=ended.id, cause=by_admin(owner))
    settle(ada, bo, owner)
    team = entity(org, "By hand")
    manual_changes.place(org=org, user_id=bo.id, entity_id=team.id, cause=by_admin(owner))
    LastAdmin.objects.create(org=org, user=ada)
    hold = HoldFactory.create(org=org)
    about = {"places": [], "roles": ["Admin"], "promoted": False}
    Taken.objects.create(org=org, token=hold.breach.token, user=hold.user, at=timezone.now(), **about)
    Excess.objects.create(org=org, token=hold.breach.token, limits="strict", at=timezone.now())
    request_days.add([Call(org.pk, timezone.now(), "user.list", 200)])
    idp_days.read_history(at=timezone.now())
    overview_visits.note(org=org, user=owner, at=timezone.now())
    erasing.erase(org=org, user_id=UserFactory.create(org=org, active=False).id, cause=by_admin(owner))
    api_keys.issue(org=org, name="CRM", scopes=[Scope.READ], cause=by_admin(owner))
    webhook = endpoints.create(
        org=org, url="https://hooks.example", kinds=["person"], max_items=1, cause=by_admin(owner)
    ).endpoint
    Attempt.objects.create(org=org, endpoint=webhook, at=timezone.now(), message="msg_1", items=1, milliseconds=1)
    domains.keep(org=org, names=["corp.example"], cause=by_admin(owner))
    domains.ask(org=org, name="partner.corp.example", cause=by_admin(owner))
    invite(org, "cleo@corp.example", by=owner)
    setup_links.make(org=org, purpose=Purpose.SCIM, recipient="Carol Diaz", cause=by_admin(owner))
    proposals.propose(org=org, wish={"do": "two_persons", "on": True}, fingerprint="", cause=by_admin(owner))
    owners.write(org, owners.Letter.FOUNDED, owner.user_name, now=owner.user_name)
    matters.note([matters.Occurrence(org.id, MatterKind.GROUP_REFUSED, "Makers", timezone.now())])
    rows = [NewRow(Kind.MEMBERSHIP, 2, "ada", group="Makers")]
    imports.begin(org=org, name="x.csv", rows=rows, check=True, makes_admins=False, cause=by_admin(owner))
    Preview.objects.create(org=org, wish={}, fingerprint="x", asked_at=timezone.now(), people=0)
    facts = connections.Facts("https://idp.example", "muster", "secret")
    draft = connections.draft(org=org, facts=facts, cause=by_admin(owner))
    now = timezone.now()
    SsoSignIn.objects.create(org=org, connection=draft.connection_id, at=now)
    IdentityLink.objects.create(org=org, user=ada, issuer=draft.issuer, subject="1", linked_at=now, last_used_at=now)
    entry = LedgerEntry.objects.for_org(org).filter(slot="account").first()
    SupportNotice.objects.create(entry=entry, told_at=timezone.now())
    mail_choices.choose(owner, {"group.unmapped": MailTime.NEVER})
    matter_mail.look(seconds=5)
    support = User.objects.filter(is_staff=True).first() or StaffFactory.create()
    support_views.begin(org=org, cause=by_admin(support))
    return org, owner, idp


def delete(org: Organization, by: User | None = None) -> OrgDeletion:
    deletions.begin(org=org, cause=by_admin(by))
    while deletions.advance(seconds=60):
        pass
    return OrgDeletion.objects.get(slug=org.slug)


class TestTheTables:
    """Compared with PostgreSQL's catalogue: a table that is forgotten fails here."""

    BESIDE = {
        "orgs_user_groups": "points to support staff alone",
        "orgs_session": "points to people, of whom support has some too; a stage of its own",
        "django_admin_log": "points to support staff; its rows about an org's are a stage of their own",
        "orgs_feedtouch": "the outbox of the feed: what is in it is stamped within seconds, or forgotten with the org",
        "orgs_orgdeletion": "the operator's record, which has the org's id only until the end",
    }

    def owned(self) -> set[str]:
        """Tables with a column `org_id`, those that point to the orgs, and whatever points to any of these."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
                " WHERE a.attname = 'org_id' AND NOT a.attisdropped AND c.relkind IN ('r', 'p')"
                " AND NOT c.relispartition AND c.relnamespace = current_schema()::regnamespace"
            )
            found = {name for (name,) in cursor.fetchall()} | {"orgs_organization"}
            cursor.execute(
                "SELECT s.relname, d.relname FROM pg_constraint k JOIN pg_class s ON s.oid = k.conrelid"
                " JOIN pg_class d ON d.oid = k.confrelid WHERE k.contype = 'f' AND NOT s.relispartition"
            )
            keys = cursor.fetchall()
        grown = 0
        while grown != len(found):
            grown = len(found)
            found |= {source for source, target in keys if target in found}
        return found - {"orgs_organization"}

    def test_of_orgs_are_all_emptied(self) -> None:
        emptied = {table.name for table in deletions._tables()}
        emptied |= {name for table in deletions._tables() for name, _ in table.with_it}
        assert self.owned() - emptied == self.BESIDE.keys()

    def test_that_nobody_thought_of_are_noticed(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE forgotten (id int PRIMARY KEY, org_id uuid)")
            cursor.execute("CREATE TABLE forgotten_too (other int REFERENCES forgotten)")
        assert {"forgotten", "forgotten_too"} <= self.owned()

    def test_come_before_those_that_they_point_to(self) -> None:
        place = {table.name: number for number, table in enumerate(deletions._tables())}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT DISTINCT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint"
                " WHERE contype = 'f' AND conrelid <> confrelid"
            )
            keys = cursor.fetchall()
        assert [(a, b) for a, b in keys if place.get(a, 0) > place.get(b, len(place))] == []

    def test_are_looked_through_by_an_index_when_a_row_that_they_point_to_goes(self) -> None:
        """Otherwise each deleted row would read a table of all orgs."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT k.conname FROM pg_constraint k WHERE k.contype = 'f'"
                " AND k.confrelid::regclass::text = ANY(%s) AND NOT EXISTS ("
                " SELECT FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indkey[0] = ANY(k.conkey)"
                " AND i.indpred IS NULL)",
                [[*(table.name for table in deletions._tables()), "orgs_organization"]],
            )
            assert cursor.fetchall() == []


class TestDeleting:
    def test_leaves_no_row_and_no_key_with_the_orgs_id(self) -> None:
        org, owner, idp = full_org()
        stranger, _, their_idp = full_org()
        support = StaffFactory.create()
        App(owner)
        browsers = [signed_in(owner), signed_in(User.objects.for_org(org).filter(is_owner=False)[0])]
        theirs = signed_in(User.objects.for_org(stranger).get(is_owner=True))
        for row in (org, owner):
            kind = ContentType.objects.get_for_model(row)
            LogEntry.objects.create(
                user=support, content_type=kind, object_id=str(row.pk), object_repr=str(row), action_flag=CHANGE
            )
        Client().post(f"/sign-in/{org.slug}/", {"username": "nobody@corp.example", "password": "wrong"})
        for each in (idp, their_idp):
            each.get("/Users?filter=userName eq nobody")
        request_log.flush(10)
        before = left(org.id)
        missing = {table.name for table in deletions._tables()} - before.keys()
        assert missing <= {"groups_provisioning_decision", "orgs_mark", "scim_filtercopies"}
        assert {"django_admin_log", "orgs_signinfailures", "scim_requestlog"} <= before.keys()
        assert list(valkey().scan_iter(f"*{org.id}*"))
        untouched = holding(stranger.id)

        deletion = delete(org, support)

        assert left(org.id) == TOMBSTONE
        assert list(valkey().scan_iter(f"*{org.id}*")) == []
        assert holding(stranger.id) == untouched
        assert list(valkey().scan_iter(f"*{stranger.id}*"))
        assert {browser.get("/").headers["Location"] for browser in browsers} == {"/sign-in/?next=/"}
        assert Session.objects.filter(pk=theirs.session.row_key).exists()
        assert not LogEntry.objects.filter(object_id__in=[str(org.id), str(owner.id)]).exists()
        assert (deletion.org, deletion.asked_by, deletion.rows > 30) == (None, support, True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM scim_requestlogbody WHERE id NOT IN (SELECT id FROM scim_requestlog)")
            assert cursor.fetchone() == (0,)

    def test_goes_on_wherever_it_was_interrupted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(deletions, "CHUNK", 2)
        monkeypatch.setattr(deletions, "PARENTS", 3)
        org, _, _ = full_org()
        request_log.flush(10)
        draw = random.Random(7)

        class Killed(Exception):
            pass

        def fragile(delete: Callable[..., Any]) -> Callable[..., Any]:
            def step(*args: Any) -> Any:
                done = delete(*args)
                if draw.random() < 0.4:
                    raise Killed  # after the rows went, and before that was committed
                return done

            return step

        stages = {name: fragile(delete) for name, delete in deletions._stages().items()}
        monkeypatch.setattr(deletions, "_stages", lambda: stages)
        deletions.begin(org=org, cause=by_command())
        kills = 0
        while OrgDeletion.objects.filter(finished_at=None).exists():
            try:
                deletions.advance(seconds=60)
            except Killed:
                kills += 1
        assert kills > 10
        assert left(org.id) == TOMBSTONE

    def test_takes_what_was_written_meanwhile(self, monkeypatch: pytest.MonkeyPatch) -> None:
        org, _, _ = full_org()
        monkeypatch.setattr(deletions, "GRACE", timedelta(hours=1))
        deletions.begin(org=org, cause=by_command())
        assert not deletions.advance(seconds=60)
        assert Organization.objects.filter(pk=org.pk).exists()  # waits for requests of before
        UserFactory.create(org=org)
        issue_token(org)
        request_log.write(request_log.Entry(UUID(int=0x19A << 112), timezone.now(), "GET", "/x", 200, 1, org_id=org.id))
        request_log.flush(10)
        monkeypatch.setattr(deletions, "GRACE", timedelta())
        while (deletion := OrgDeletion.objects.get()).finished_at is None:
            told = OrgDeletionAdmin(OrgDeletion, admin.site).state(deletion)
            assert re.fullmatch(r"Waiting for a worker|\d+ of \d+ tables, now \w+", told)
            deletions.advance(seconds=60)
        assert left(org.id) == TOMBSTONE

    def test_of_one_org_at_a_time_begins_with_the_first(self) -> None:
        orgs = [full_org()[0] for _ in range(2)]
        for org in orgs:
            deletions.begin(org=org, cause=by_command())
        deletions.advance(seconds=60)
        assert not OrgDeletion.objects.filter(finished_at=None).exists()

    def test_is_asked_for_once(self, org: Organization) -> None:
        first = deletions.begin(org=org, cause=by_command())
        assert deletions.begin(org=org, cause=by_command()) == first


class TestAClosedOrg:
    def test_is_settled_and_checked_no_more(self, org: Organization) -> None:
        user = UserFactory.create(org=org)
        queue.mark(org.id, [user.id], history.record(org, by_command(), UserCreated(user=str(user.id))).id)
        Standing.objects.for_org(org).delete()
        deletions.begin(org=org, cause=by_command())
        assert worker.serve() is None
        assert org.id not in effect_checks.org_ids()
        assert effect_checks.check(org.id, seconds=1) == (0, None)

    @pytest.fixture
    def closed(self, org: Organization) -> Iterator[Organization]:
        yield org
        assert not User.objects.for_org(org).exclude(last_login=None).exists()

    def test_refuses_tokens_with_401(self, closed: Organization, idp: Idp) -> None:
        deletions.begin(org=closed, cause=by_command())
        assert (idp.get("/Users").status_code, idp.get("/ServiceProviderConfig").status_code) == (401, 401)
        assert not matters.open_in(closed, at=timezone.now()).exists()

    def test_lets_nobody_in(self, closed: Organization) -> None:
        owner = OwnerFactory.create(org=closed)
        owner.set_password("correct horse battery")
        owner.save()
        browser, link = signed_in(owner), sign_in.password_link(owner).removeprefix(settings.MUSTER_URL)
        User.objects.update(last_login=None)
        secret = secret_of(invite(closed))
        deletions.begin(org=closed, cause=by_command())
        typed = {"username": owner.user_name, "password": "correct horse battery"}
        assert Client().post(f"/sign-in/{closed.slug}/", typed).status_code == 404
        stranger = Client()
        stranger.post("/sign-in/", typed)
        assert "_auth_user_id" not in stranger.session
        assert browser.get("/").status_code == 403
        assert "no longer works" in Client().get(link, follow=True).content.decode()
        assert Client().get(f"/invitation/{secret}/").status_code == 404


class TestForgettingKeys:
    def test_deletes_those_with_the_text_and_no_others(self) -> None:
        buckets = limits.Buckets("test")
        for key in ("one", "two"):
            buckets.take(key, rate=0.001, burst=2)
        limits.forget("test:one")
        assert not list(valkey().scan_iter(f"{limits.shared.prefix}test:one"))
        assert list(valkey().scan_iter(f"{limits.shared.prefix}test:two"))
