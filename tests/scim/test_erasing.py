"""Erasing a person: nothing of theirs is left anywhere (SPEC U5)."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
import redis
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from groups_provisioning.actions import erasing as command
from groups_provisioning.actions import imports, manual_changes
from groups_provisioning.actions.imports import NewRow
from groups_provisioning.engine import effect_checks
from groups_provisioning.models import Kind, Membership, PushedGroup
from groups_provisioning.pages.people import erasing_views
from groups_provisioning.pages.people.erasing_views import WENT
from orgs import erasures, invitations, mail_choices, proposals, setup_links, sign_in, tokens
from orgs.db.keys import fold, uuid7
from orgs.db.sealed import unseal
from orgs.history import Cause
from orgs.models import (
    Carrier,
    Door,
    EntityKind,
    Erasure,
    IdentityLink,
    LedgerEntry,
    Mail,
    MailTime,
    Matter,
    MatterKind,
    Organization,
    ProfileAttribute,
    Proposal,
    Purpose,
    SchemaProfile,
    Session,
    SsoSignIn,
    User,
)
from orgs.people import UnknownPerson
from orgs.tasks import send_mails
from scim import erasing, request_log, tasks
from scim.models import RequestLog, RequestLogBody
from tests.authenticators import App
from tests.conftest import Idp, signed_in
from tests.factories import EntityFactory, OrganizationFactory, OwnerFactory, StaffFactory, UserFactory, issue_token

OWN = "urn:ietf:params:scim:schemas:extension:testomat:2.0:User"
OWN_GROUP = "urn:ietf:params:scim:schemas:extension:testomat:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
UNKNOWN = "urn:acme:badges:2.0:User"
UNKNOWN_GROUP = "urn:acme:owners:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"

# How a text of the database is typed. Addresses of clients are none.
TEXT = ("text", "character varying", "character", "name", "json", "jsonb", "bytea", "xml", "tsvector")
PARTITION = re.compile(r"_\d{8}$")


def columns_of_text() -> dict[str, set[str]]:
    """Every column of the database that may hold text, by table; a partition has those of its table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
            " AND (data_type = ANY(%(text)s) OR data_type = 'USER-DEFINED'"
            " OR data_type = 'ARRAY' AND udt_name = ANY(%(arrays)s))",
            {"text": list(TEXT), "arrays": ["_text", "_varchar", "_bpchar", "_json", "_jsonb", "_bytea", "_name"]},
        )
        found: dict[str, set[str]] = {}
        for table, column in cursor.fetchall():
            found.setdefault(PARTITION.sub("", table), set()).add(column)
        return found


def test_somebody_decided_on_every_column_of_text(db: None) -> None:
    assert columns_of_text() == {table: set(columns) for table, columns in erasing.COLUMNS.items()}


class Person:
    """A person whose every text is a word of their own, and what is left of these words."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def word(self, about: str) -> str:
        self.words.append(word := f"zq{len(self.words):03}{about}")
        return word

    def address(self, about: str) -> str:
        return f"{self.word(about)}@corp.example"

    def everything(self, user_name: str, external_id: str) -> dict[str, Any]:
        """Every attribute there is, and some that nobody described."""
        word = self.word
        plural = {
            name: [{"value": word(name), "display": word(f"{name}display"), "type": "work", "primary": True}]
            for name in ("phoneNumbers", "ims", "photos", "entitlements", "roles", "x509Certificates")
        }
        names = ("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")
        lines = ("formatted", "streetAddress", "locality", "region", "postalCode", "country")
        texts = ("nickName", "profileUrl", "title", "userType", "preferredLanguage", "locale", "timezone")
        work = ("employeeNumber", "costCenter", "organization", "division", "department")
        return {
            "userName": user_name,
            "externalId": external_id,
            "displayName": word("displayName"),
            "name": {part: word(part) for part in names},
            "emails": [{"value": self.address("email"), "display": word("emaildisplay"), "type": "work"}],
            "addresses": [{part: word(part) for part in lines} | {"type": "work"}],
            **{name: word(name) for name in texts},
            **plural,
            ENTERPRISE: {name: word(name) for name in work} | {"manager": {"value": word("manager")}},
            OWN: {"testomat_roles": ["qa"], "undescribed": word("undescribed")},
            UNKNOWN: {"badge": word("badge"), "nested": [{"deep": word("deep")}]},
        }


def row_words(words: list[str]) -> Iterator[tuple[str, str, str]]:
    """Each word that is anywhere in the database, as (table, column, word); sessions are decoded."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT to_jsonb(each)::text FROM "{table}" AS each')
            for (text,) in cursor.fetchall():
                row = json.loads(text)
                if "session_data" in row:
                    row["session_data"] = Session(session_data=row["session_data"]).get_decoded()
                if table == "orgs_mail" and row["content"]:
                    row["content"] = unseal(row["content"], owner=UUID(row["id"]))
                for column, value in row.items():
                    yield from (
                        (PARTITION.sub("", table), column, word)
                        for word in words
                        if word in json.dumps(value) or fold(word) in json.dumps(value) or word.encode().hex() in text
                    )


@pytest.fixture
def org(transactional_db: None) -> Organization:
    """Its profile describes who looks after a group. The log is written by a thread with a connection of its own."""
    SchemaProfile.objects.filter(key="testomat").update(group_extension=OWN_GROUP, revision=77_001)
    profile = SchemaProfile.objects.get(key="testomat")
    ProfileAttribute.objects.create(profile=profile, carrier=Carrier.GROUP, name="steward")
    return OrganizationFactory.create(profile=profile)


@pytest.fixture
def owner(org: Organization) -> User:
    return OwnerFactory.create(org=org, user_name="owner@northwind.example")


@pytest.fixture(autouse=True)
def _files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "EMAIL_BACKEND", "django.core.mail.backends.filebased.EmailBackend")
    monkeypatch.setattr(settings, "EMAIL_FILE_PATH", tmp_path / "mail", raising=False)
    monkeypatch.setattr(settings, "RECEIPTS", tmp_path / "receipts")


def look_up(attribute: str, value: str) -> str:
    return "/Users?filter=" + quote(f'{attribute} eq "{value}"')


def finish(later: timedelta = erasing.GRACE) -> None:
    """What the worker does, once the time for it has come."""
    assert request_log.flush(10)
    assert not erasing.work(now=timezone.now() + later + timedelta(seconds=1), seconds=60)


def by_command() -> Cause:
    return Cause(Door.COMMAND, timezone.now())


def push(idp: Idp, user: str, **more: Any) -> str:
    """The id of a new person who is deactivated."""
    created = idp.post("/Users", {"userName": f"{user}@corp.example", "active": False} | more)
    assert created.status_code == 201, created.content
    return str(created.json()["id"])


def erase(org: Organization, user_id: str) -> Erasure:
    return command.erase(org=org, user_id=UUID(user_id), cause=by_command())


def test_nothing_is_left_of_a_life_of_many_texts(  # U5, G3, N1
    org: Organization, owner: User, idp: Idp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = Person()
    browser, desk = signed_in(owner), signed_in(StaffFactory.create())
    first, name = ada.address("first"), ada.address("Name")
    external_id = ada.word("external")
    body = ada.everything(first, external_id)

    # Invited by hand, and never joined.
    by_owner = Cause(Door.PAGE, timezone.now(), person=owner)
    invitations.invite(org=org, addresses=[first], roles=["qa"], days=7, cause=by_owner)
    # To be invited as an admin, which a second one refuses.
    wish = {"do": "invite", "addresses": [first], "roles": ["manager"], "days": 7}
    asked = proposals.propose(org=org, wish=wish, fingerprint="", cause=by_owner)
    Proposal.objects.filter(id=asked.id).update(reason=f"{first} has left")
    # Refused first, which an admin dismisses.
    bad = body | {OWN: {"testomat_roles": [ada.word("badrole")]}}
    assert idp.post("/Users", bad).status_code == 400
    request_log.flush(10)
    matter = Matter.objects.get(org=org, kind=MatterKind.USER_REFUSED)
    assert first in matter.subject
    browser.post(f"/settings/scim/matters/{matter.id}/dismiss/")
    # By another name, by mistake: this matter stays, as nobody of that name is ever written.
    assert idp.post("/Users", body | {"userName": f"no address {ada.word('mistyped')}"}).status_code == 400
    # Looked for by whoever has no token, or a former one.
    wanted = look_up("userName", name)
    assert Idp("nobody").get(wanted, user_agent=name).status_code == 401
    former = issue_token(org)
    tokens.revoke(org=org, token_id=former.token.id, cause=Cause(Door.COMMAND, timezone.now()))
    assert Idp(former.secret).get(wanted).status_code == 401

    created = idp.post("/Users", body)
    assert created.status_code == 201, created.content
    user_id = created.json()["id"]
    assert idp.patch(f"/Users/{user_id}", {"op": "replace", "path": "userName", "value": name}).status_code == 200
    for found in (wanted, f"/Users?filter=externalId+eq+%22{external_id}%22", f"/Users/{name}", f"/Users/{user_id}"):
        idp.get(found)
    idp.get(look_up("emails.value", body["emails"][0]["value"].upper()), user_agent=name)
    idp.post("/Users/.search", {"filter": f'userName eq "{first}"'})
    idp("POST", "/Users", f'{{"userName": "{name}", "displayName": "\\u007aq\\u0030{ada.word("escaped")}"}}'.encode())
    titled = {"schemas": [PATCH], "Operations": [{"op": "add", "value": {"title": ada.word("bulktitle")}}]}
    bulk = {"method": "PATCH", "path": f"/Users/{user_id}", "data": titled}
    assert idp.post("/Bulk", {"schemas": [BULK], "Operations": [bulk]}).status_code == 200

    # A file of a former system has them.
    reference = ada.word("reference")
    User.objects.filter(id=user_id).update(reference=reference)
    said = {"facts": {"title": ada.word("importtitle")}, "told": {"detail": ada.word("importtold")}}
    row = NewRow(Kind.PERSON, 2, name, external_id, ada.word("importid"), **said)
    give = {"name": "x.csv", "check": True, "makes_admins": False, "cause": Cause(Door.COMMAND, timezone.now())}
    membership = NewRow(Kind.MEMBERSHIP, 3, reference, group="Engineers")
    imports.begin(org=org, rows=[row, membership], **give)

    # Others refer to them.
    known = {"value": user_id, "displayName": ada.word("managername"), "$ref": f"../Users/{user_id}"}
    bo = {"userName": "bo@corp.example", ENTERPRISE: {"manager": known}}
    bo[UNKNOWN] = {"buddy": name, "note": f"see {name}.", "deputy": {"value": user_id, "display": ada.word("deputy")}}
    bo_id = idp.post("/Users", bo | {"title": "Tester"}).json()["id"]
    cy = {"userName": "cy@corp.example", ENTERPRISE: {"manager": {"value": name.upper()}}}
    cy_id = idp.post("/Users", cy).json()["id"]
    member = {"value": user_id, "display": ada.word("memberdisplay")}
    owners = {UNKNOWN_GROUP: {"owners": [{"value": user_id, "display": ada.word("ownername")}, {"value": bo_id}]}}
    owners[OWN_GROUP] = {"steward": name}
    group = {"displayName": "Engineers", "members": [member, {"value": bo_id}]}
    group_id = idp.post("/Groups", group | owners).json()["id"]
    assert idp.put(f"/Groups/{group_id}", group | owners).status_code == 200
    idp.patch(f"/Groups/{group_id}", {"op": "add", "path": "members", "value": [member]})
    idp.patch(f"/Groups/{group_id}", {"op": "remove", "path": f'members[value eq "{user_id}"]'})
    idp.patch(f"/Groups/{group_id}", {"op": "add", "path": "members", "value": [{"value": UUID(user_id).hex}]})

    # They sign in, and fail to.
    user = User.objects.get(id=user_id)
    browser_of_ada = signed_in(user)
    Session.objects.filter(user=user).update(agent=ada.word("agent"), provider_session=ada.word("sid"))
    for password in ("wrong", "wrong again"):
        Client().post("/sign-in/", {"username": name.upper(), "password": password})
        Client().post(f"/sign-in/{org.slug}/", {"username": name, "password": password})
    Client().post("/forgotten-password/", {"email": name})
    Client().post("/where-to-sign-in/", {"email": name})
    send_mails()
    Mail.objects.filter(address=first).update(error=f"450 {first}: later")
    mail_choices.choose(User.objects.get(id=user_id), {"group.unmapped": MailTime.NEVER})
    sign_in.set_password(user=user, password=ada.word("password"))
    App(user, name=ada.word("factor"))
    # They come through the identity provider, which is refused once.
    linked = {"issuer": "https://idp.example", "subject": ada.word("subject")}
    IdentityLink.objects.create(org=org, user=user, linked_at=timezone.now(), last_used_at=timezone.now(), **linked)
    told = {"name": name, "reason": "nobody", "detail": first}
    SsoSignIn.objects.create(org=org, connection=org.id, at=timezone.now(), **told)
    # Admins and support do things about them; messages name them.
    setup_links.make(org=org, purpose=Purpose.SCIM, recipient=name, cause=Cause(Door.PAGE, timezone.now()))
    pool = EntityFactory.create(org=org, kind=EntityKind.CONCURRENCY_GROUP)
    manual_changes.place(org=org, user_id=user.id, entity_id=pool.id, cause=Cause(Door.PAGE, timezone.now()))
    another = signed_in(UserFactory.create(org=org, roles=["manager"]))
    assert another.post(f"/people/{user_id}/places/{pool.id}/take-out/").status_code == 302
    act = {"action": "end_sessions", "_selected_action": [user_id]}
    assert desk.post("/admin/orgs/user/", act).status_code == 302

    # Deactivated, with a value that is refused; and then somebody tries to create them once more.
    last = {"active": False, "userName": f"not an address {ada.word('badname')}"}
    idp.patch(f"/Users/{user_id}", {"op": "replace", "value": last})
    assert not User.objects.get(id=user_id).active
    assert idp.post("/Users", body | {"userName": name}).status_code == 409
    request_log.flush(10)

    before = {(table, column) for table, column, _word in row_words(ada.words)}
    erased = {
        (table, column)
        for table, columns in erasing.COLUMNS.items()
        for column, decision in columns.items()
        if erasing.steps_of(decision)
    }
    assert before == erased
    mails = "".join(file.read_text() for file in (tmp_path / "mail").iterdir())
    assert "Subject: Set your password" in mails
    assert "Subject: Where you can sign in" in mails

    assert browser.post(f"/people/{user_id}/erase/", {"user_name": name}).status_code == 302
    assert not erasing.work(now=timezone.now(), seconds=1)
    assert "Not yet" in browser.get(f"/people/{user_id}/").content.decode()
    finish()

    assert set(row_words(ada.words)) == set()
    assert list((tmp_path / "mail").iterdir()) == []
    assert [key for key in _valkey() if any(fold(word) in fold(key) for word in ada.words)] == []
    receipt = (tmp_path / "receipts" / f"{user_id}.json").read_text()
    assert not any(fold(word) in fold(receipt) for word in ada.words)
    counts = Erasure.objects.get(user=user_id).counts
    assert set(counts) == set(WENT)
    page = browser.get(f"/people/{user_id}/").content.decode()
    assert "Somebody who was erased" in page
    assert all(str(words) in page.replace("&#x27;", "'") for words in WENT.values())

    # What is nobody's own is still there, and everything still works.
    bo_now = idp.get(f"/Users/{bo_id}").json()
    assert bo_now["title"] == "Tester"
    assert bo_now[ENTERPRISE]["manager"] == {"value": user_id, "$ref": f"../Users/{user_id}"}
    assert bo_now[UNKNOWN] == {"deputy": {"value": user_id}}
    assert ENTERPRISE not in idp.get(f"/Users/{cy_id}").json()
    assert RequestLog.objects.filter(operation="group.replace", target=group_id).exists()
    assert idp.get(f"/Groups/{group_id}").json()[UNKNOWN_GROUP] == {"owners": [{"value": user_id}, {"value": bo_id}]}
    assert browser_of_ada.get("/").headers["Location"] == "/sign-in/?next=/"
    for path in ("/people/?account=deleted", "/people/?account=inactive", f"/people/?q={first}"):
        assert f"/people/{user_id}/" not in browser.get(path).content.decode()
    assert user_id not in b"".join(browser.get("/people.csv?account=deleted")).decode()
    assert browser.get("/activity/").status_code == 200
    assert "somebody who was erased" in browser.get("/settings/scim/log/").content.decode()
    assert "somebody who was erased" in browser.get(f"/activity/?person={user_id}").content.decode()


def _valkey() -> list[str]:
    client = redis.Redis.from_url(settings.REDIS_URL, decode_responses=True)
    return list(client.scan_iter("*", count=10_000))


class TestAnErasedId:  # U5, G3
    @pytest.fixture
    def ada(self, org: Organization, idp: Idp) -> str:
        erase(org, ada := push(idp, "ada"))
        return ada

    def test_is_unknown_to_reads_and_writes(self, idp: Idp, ada: str) -> None:
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            body = {"userName": "ada@corp.example", "Operations": [{"op": "add", "value": {"title": "x"}}]}
            assert idp(method, f"/Users/{ada}", body).status_code == 404

    def test_is_skipped_in_a_pushed_group(self, org: Organization, idp: Idp, owner: User, ada: str) -> None:
        created = idp.post("/Groups", {"displayName": "Engineers", "members": [{"value": ada}]})
        assert (created.status_code, created.json()["members"]) == (201, [])
        assert LedgerEntry.objects.filter(user=ada, slot="skipped").count() == 1
        activity = signed_in(owner).get(f"/activity/?person={ada}").content.decode()
        assert "somebody who was erased was not added to Engineers" in activity

    def test_is_not_the_person_who_is_pushed_later(self, idp: Idp, ada: str) -> None:  # U3
        assert push(idp, "ada") != ada

    def test_cannot_be_erased_again(self, org: Organization, ada: str) -> None:
        with pytest.raises(UnknownPerson):
            erase(org, ada)

    def test_counts_for_nothing(self, org: Organization, ada: str) -> None:  # C4
        assert effect_checks.check(org.id, seconds=60).drifted == 0
        assert not Membership.objects.filter(user=ada).exists()


class TestWhoCanBeErased:  # U5, O7, O8
    def test_is_nobody_who_is_active(self, org: Organization, idp: Idp) -> None:
        ada = push(idp, "ada", active=True)
        with pytest.raises(command.StillActive):
            erase(org, ada)
        assert idp.get(f"/Users/{ada}").status_code == 200

    def test_is_no_owner_no_support_and_nobody_of_another_org(self, org: Organization, owner: User) -> None:
        User.objects.filter(id=owner.id).update(active=False)
        for user in (owner, StaffFactory.create(active=False), UserFactory.create(active=False)):
            with pytest.raises(UnknownPerson):
                erase(org, str(user.id))

    def test_was_deleted_before_or_is_then(self, org: Organization, idp: Idp) -> None:
        ada, bo = push(idp, "ada"), push(idp, "bo")
        idp.post("/Groups", {"displayName": "G", "members": [{"value": ada}, {"value": bo}]})
        idp.delete(f"/Users/{bo}")
        for user_id in (ada, bo):
            erase(org, user_id)
        assert PushedGroup.objects.get(org=org).member_count == 0
        verbs = [entry.change.verb for entry in LedgerEntry.objects.filter(user=ada, slot="account").order_by("id")]
        assert verbs == ["user.created", "user.deleted", "user.erased"]


class TestTheSearch:
    def test_leaves_what_others_have_in_common(self, org: Organization, idp: Idp) -> None:
        """A name is no trace, nor is a short id within others, nor an address that somebody else has too."""
        shared = {"name": {"givenName": "A", "familyName": "Eq"}, "emails": [{"value": "team@corp.example"}]}
        bo = push(idp, "bo", externalId="17", title="1", **shared)
        ada = push(idp, "ada", externalId="1", **shared)
        idp.get(look_up("userName", "joan.ada@corp.example"))
        request_log.flush(10)
        before = set(RequestLogBody.objects.values_list("log_id", flat=True))
        erase(org, ada)
        finish()
        left = set(RequestLogBody.objects.values_list("log_id", flat=True))
        (gone,) = before - left
        assert RequestLog.objects.get(id=gone).operation == "user.create"
        assert "joan" in RequestLog.objects.get(operation="user.list").path
        now = idp.get(f"/Users/{bo}").json()
        assert (now["title"], now["emails"]) == ("1", [{"value": "team@corp.example"}])

    def test_leaves_what_is_said_of_somebody_new(
        self, org: Organization, idp: Idp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(erasures, "CLOCKS", timedelta(0))  # or the same seconds would be searched
        erase(org, push(idp, "ada"))
        again = push(idp, "ada")
        bo = push(idp, "bo", **{ENTERPRISE: {"manager": {"value": "ada@corp.example"}}})
        finish()
        assert idp.get(f"/Users/{bo}").json()[ENTERPRISE] == {"manager": {"value": "ada@corp.example"}}
        assert idp.get(f"/Users/{again}").status_code == 200
        assert RequestLogBody.objects.filter(request__contains="ada@corp.example").count() == 2

    def test_waits_for_what_is_still_being_written(self, org: Organization, idp: Idp) -> None:
        erasure = erase(org, push(idp, "ada"))
        assert not erasing.work(now=erasure.at + erasing.GRACE / 2, seconds=60)
        assert Erasure.objects.get().traces
        finish()
        assert not Erasure.objects.get().traces

    def test_goes_on_where_it_was_interrupted(
        self, org: Organization, idp: Idp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(erasing, "AT_ONCE", 2)
        ada = push(idp, "ada")
        for number in range(6):
            idp.get(look_up("userName", "ada@corp.example"))
            push(idp, f"bo{number}", **{ENTERPRISE: {"manager": {"value": "ada@corp.example"}}})
        request_log.flush(10)
        erase(org, ada)
        now, parts, places = timezone.now() + 2 * erasing.GRACE, 1, set()
        while erasing.work(now=now, seconds=0):
            parts += 1
            places.add(Erasure.objects.values_list("step", "reached").get())
        assert parts == len(places) + 1 > 20
        assert set(row_words(["ada@corp.example"])) == set()
        assert Erasure.objects.get().counts["orgs_user"] == 7

    def test_is_a_task_of_the_clock(self, org: Organization, idp: Idp, monkeypatch: pytest.MonkeyPatch) -> None:
        erase(org, push(idp, "ada"))
        tasks.finish_erasures()
        assert not Erasure.objects.get().completed_at
        monkeypatch.setattr(erasing, "GRACE", timedelta(0))
        tasks.finish_erasures()
        assert Erasure.objects.get().completed_at

    def test_is_not_complete_without_its_receipt(
        self, org: Organization, idp: Idp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        erase(org, push(idp, "ada"))
        (tmp_path / "taken").write_text("")
        with monkeypatch.context() as patched:
            patched.setattr(settings, "RECEIPTS", tmp_path / "taken" / "receipts")
            with pytest.raises(OSError, match="taken"):
                finish()
        assert Erasure.objects.get().completed_at is None
        finish()
        assert Erasure.objects.get().completed_at


class TestAReceipt:  # U5
    def test_recognises_a_user_name_by_a_secret(self, monkeypatch: pytest.MonkeyPatch) -> None:
        org, other = UUID(int=1), UUID(int=2)
        known = erasures.digest(org, "Straße@corp.example")
        assert known == erasures.digest(org, "STRASSE@corp.example")
        assert known != erasures.digest(other, "straße@corp.example")
        monkeypatch.setattr(settings, "SECRET_KEY", "another" * 8)
        assert known != erasures.digest(org, "Straße@corp.example")

    @pytest.fixture
    def erased(self, org: Organization, idp: Idp) -> tuple[str, bytes]:
        """Somebody who was erased after a backup, which is restored: the row is as it was, and active."""
        ada = push(idp, "ada", active=True)
        backup = User.objects.filter(id=ada).values().get()
        User.objects.filter(id=ada).update(active=False, user_name="renamed@corp.example")
        erase(org, ada)
        finish()
        digest = bytes(Erasure.objects.get().name_digest)
        Erasure.objects.all().delete()
        User.objects.filter(id=ada).update(**{name: backup[name] for name in backup if name != "id"})
        return ada, digest

    def play(self, path: Path) -> str:
        call_command("erase", receipts=path, stdout=(out := StringIO()))
        return out.getvalue()

    def test_is_played_again_after_a_restore(
        self, org: Organization, idp: Idp, erased: tuple[str, bytes], tmp_path: Path
    ) -> None:
        ada, digest = erased
        assert idp.get(f"/Users/{ada}").status_code == 200
        request_log.flush(10)
        assert self.play(tmp_path / "receipts") == "1 erased again\n"
        assert idp.get(f"/Users/{ada}").status_code == 404
        assert set(row_words(["ada@corp.example"])) == set()
        assert bytes(Erasure.objects.get().name_digest) == digest
        assert self.play(tmp_path / "receipts" / f"{ada}.json") == "1 erased already\n"

    def test_makes_an_id_known_that_the_backup_does_not_have(self, org: Organization, idp: Idp, tmp_path: Path) -> None:
        receipt = erasures.Receipt(uuid7(), org.id, timezone.now(), timezone.now(), bytes(32), {"orgs_user": 1})
        receipt.write()
        assert self.play(tmp_path / "receipts") == "1 erased again\n"
        created = idp.post("/Groups", {"displayName": "G", "members": [{"value": str(receipt.user_id)}]})
        assert (created.status_code, created.json()["members"]) == (201, [])
        assert effect_checks.check(org.id, seconds=60).drifted == 0

    def test_of_an_unknown_org_is_passed_over(self, db: None, tmp_path: Path) -> None:
        erasures.Receipt(uuid7(), uuid7(), timezone.now(), timezone.now(), bytes(32), {}).write()
        assert self.play(tmp_path / "receipts") == "1 of organizations that this database does not have\n"

    @pytest.mark.parametrize("line", ["{", "[]", '{"erased": "1"}', '{"rows": 5}'])
    def test_that_cannot_be_read_stops_everything(self, org: Organization, tmp_path: Path, line: str) -> None:
        good = erasures.Receipt(uuid7(), org.id, timezone.now(), timezone.now(), bytes(32), {})
        (tmp_path / "all").write_text(f"{json.dumps(good.told())}\n\n{line}\n")
        with pytest.raises(CommandError, match="line 3"):
            self.play(tmp_path / "all")
        assert not Erasure.objects.exists()


class TestForms:  # U5
    def test_the_owner_types_the_user_name(self, org: Organization, owner: User, idp: Idp) -> None:
        browser, ada = signed_in(owner), push(idp, "ada")
        assert f"/people/{ada}/erase/" in browser.get(f"/people/{ada}/").content.decode()
        assert "This is not the userName" in browser.post(f"/people/{ada}/erase/", {"user_name": "bo"}).content.decode()
        answer = browser.post(f"/people/{ada}/erase/", {"user_name": " ADA@corp.example"}, follow=True)
        assert "Somebody who was erased" in answer.content.decode()
        assert browser.get(f"/people/{ada}/erase/").status_code == 404
        answer = browser.post(f"/people/{ada}/erase/", {"user_name": "ada@corp.example"}, follow=True)
        assert "This person was deleted." in answer.content.decode()

    def test_there_is_no_way_to_it_for_the_active_and_for_other_admins(
        self, org: Organization, owner: User, idp: Idp
    ) -> None:
        ada, bo = push(idp, "ada"), push(idp, "bo", active=True)
        admin = signed_in(UserFactory.create(org=org, roles=["manager"]))
        assert "/erase/" not in admin.get(f"/people/{ada}/").content.decode()
        assert admin.post(f"/people/{ada}/erase/", {"user_name": "ada@corp.example"}).status_code == 403
        assert "/erase/" not in signed_in(owner).get(f"/people/{bo}/").content.decode()
        answer = signed_in(owner).post(f"/people/{bo}/erase/", {"user_name": "bo@corp.example"}, follow=True)
        assert "This person is active." in answer.content.decode()
        assert not Erasure.objects.exists()

    def test_who_came_back_meanwhile_stays(
        self, org: Organization, owner: User, idp: Idp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ada = push(idp, "ada")

        def meanwhile(request: Any) -> Cause:
            idp.patch(f"/Users/{ada}", {"op": "replace", "path": "active", "value": True})
            return by_command()

        monkeypatch.setattr(erasing_views, "cause", meanwhile)
        answer = signed_in(owner).post(f"/people/{ada}/erase/", {"user_name": "ada@corp.example"}, follow=True)
        assert "This person is active." in answer.content.decode()
        assert idp.get(f"/Users/{ada}").json()["active"] is True

    def test_support_does_the_same_in_the_admin(self, org: Organization, owner: User, idp: Idp) -> None:
        desk, ada = signed_in(StaffFactory.create()), push(idp, "ada")
        page, erase_page = f"/admin/orgs/user/{ada}/change/", f"/admin/orgs/user/{ada}/erase/"
        assert erase_page in desk.get(page).content.decode()
        assert "This is not the userName" in desk.post(erase_page, {"user_name": "x"}).content.decode()
        answer = desk.post(erase_page, {"user_name": "ada@corp.example"}, follow=True)
        assert "somebody who was erased" in answer.content.decode()
        assert erase_page not in answer.content.decode()
        for query in ("", f"?q={ada}"):
            assert page not in desk.get(f"/admin/orgs/user/{query}").content.decode()
        for user_id in (ada, str(owner.id), "nonsense"):
            assert desk.post(f"/admin/orgs/user/{user_id}/erase/", {"user_name": ""}).status_code in (403, 404)
