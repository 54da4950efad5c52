"""The export of an org's state: facts and effects apart, the same state in the same bytes, and no secrets."""

import json
from datetime import UTC, datetime, timedelta
from datetime import timezone as zone
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Model
from django.utils import timezone

from groups_provisioning.engine import as_of, export
from groups_provisioning.models import (
    Conflict,
    Decision,
    EndedGroup,
    EndedMapping,
    EndedMember,
    GroupMapping,
    GroupMember,
    MappingRule,
    Membership,
    NestedGroup,
    PatternType,
    PushedGroup,
    Source,
    Status,
)
from orgs.db import keyset
from orgs.models import Change, Door, Entity, EntityKind, HandPlacement, LastAdmin, Mark, Organization, Standing, User
from tests.conftest import Idp
from tests.factories import OrganizationFactory, UserFactory, issue_token
from tests.groups_provisioning.states import exported
from tests.groups_provisioning.world import map_to, push, push_user, settle_all

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
LEFT_OUT: dict[type[Model], dict[str, str]] = {
    User: {
        "org": "is the document's",
        "is_staff": "is nobody in an org",
        "is_superuser": "is nobody in an org",
        "password": "is a secret",
        "session_epoch": "is a secret's other half",
        "time_zone": "is how somebody reads times",
        "last_login": "is neither fact nor effect",
        "user_name_key": "follows from user_name",
        "email_keys": "follows from attributes",
        "folded": "follows from attributes",
    },
    Entity: {"org": "is the document's", "name_key": "follows from name"},
    PushedGroup: {
        "org": "is the document's",
        "display_name_key": "follows from display_name",
        "folded": "follows from attributes",
        "member_count": "follows from members",
    },
    MappingRule: {"org": "is the document's", "gives_role": "follows from kind"},
    GroupMapping: {"org": "is the document's"},
    Decision: {"org": "is the document's"},
    EndedGroup: {"id": "is nobody's", "org": "is the document's"},
    EndedMapping: {"id": "is nobody's", "org": "is the document's"},
    EndedMember: {"id": "is nobody's", "org": "is the document's", "group": "is the row's"},
}


class Acme:
    """An org with one row of everything, as the commands and the engine would leave it."""

    def __init__(self) -> None:
        self.org = OrganizationFactory.create(name="Acme GmbH", slug="acme", dialect="lambdatest")
        self.token = issue_token(self.org).secret
        self.change = Change.objects.create(org=self.org, at=NOON, door=Door.COMMAND, verb="test")
        self.ada = UserFactory.create(org=self.org, user_name="ada@acme.example", password="hash of hers")
        self.ada.attributes = {"title": "Gräfin", "emails": [{"value": "ada@acme.example", "primary": True}]}
        self.ada.idp_roles = ["Guest"]
        self.ada.save()
        gone = {"active": False, "deleted_at": NOON, "login_email": None}
        self.bob = UserFactory.create(org=self.org, user_name="bob@acme.example", **gone)
        LastAdmin.objects.create(org=self.org, user=self.ada)

        about: dict[str, Any] = {"org": self.org, "created_at": NOON}
        self.red = Entity.objects.create(kind=EntityKind.CONCURRENCY_GROUP, name="Red", session_limit=5, **about)
        self.blue = Entity.objects.create(kind=EntityKind.CONCURRENCY_GROUP, name="Blue", **about)
        self.club = Entity.objects.create(kind=EntityKind.TEAM, name="Club", **about)
        reds = PushedGroup.objects.create(display_name="Reds", roles=["User"], modified_at=NOON, **about)
        blues = PushedGroup.objects.create(display_name="Blues", modified_at=NOON, **about)
        NestedGroup.objects.create(org=self.org, group=reds, member=blues)
        for number, group in enumerate((reds, blues)):
            added = {"added_at": NOON + timedelta(seconds=number), "added_by": self.change}
            GroupMember.objects.create(org=self.org, group=group, user=self.ada, **added)
        rule = MappingRule.objects.create(
            position=1, pattern_type=PatternType.ALL, kind=EntityKind.CONCURRENCY_GROUP, auto_approve=True, **about
        )
        self.red_mapping, self.blue_mapping = (
            GroupMapping.objects.create(
                group=group,
                kind=entity.kind,
                entity=entity,
                status=Status.AUTO_APPROVED,
                rule=rule,
                switched_at=[NOON],
                change=self.change,
                **about,
            )
            for group, entity in ((reds, self.red), (blues, self.blue))
        )
        hers: dict[str, Any] = {"org": self.org, "user": self.ada}
        HandPlacement.objects.create(entity=self.club, placed=True, change=self.change, **hers)
        decided = {"winner": self.blue_mapping, "loser": self.red_mapping, "at": NOON, "change": self.change}
        Decision.objects.create(undone_by=self.change, **decided, **hers)
        for _ in range(2):
            Mark.objects.create(change=self.change, **hers)

        claimed = {"source": Source.CLAIM, "mapping": self.red_mapping}
        Membership.objects.create(entity=self.red, kind=self.red.kind, **claimed, **hers)
        Membership.objects.create(entity=self.club, kind=self.club.kind, source=Source.HAND, **hers)
        Conflict.objects.create(incoming=self.blue_mapping, holders=[self.red_mapping.id], since=NOON, **hers)


@pytest.fixture
def acme(db: None) -> Acme:
    return Acme()


def test_tells_who_is_where_and_why(acme: Acme) -> None:
    ada, _ = exported(acme.org)["people"]
    assert ada["id"] == str(acme.ada.id)
    assert ada["roles"] == ["User"]
    assert ada["places"] == [
        {
            "kind": "concurrency_group",
            "entity": str(acme.red.id),
            "name": "Red",
            "source": "claim",
            "mapping": str(acme.red_mapping.id),
        },
        {"kind": "team", "entity": str(acme.club.id), "name": "Club", "source": "hand", "mapping": None},
    ]


def test_tells_the_facts_about_a_person_apart(acme: Acme) -> None:
    facts = exported(acme.org)["people"][0]["facts"]
    assert facts["user_name"] == "ada@acme.example"
    assert facts["attributes"] == acme.ada.attributes
    assert facts["idp_roles"] == ["Guest"]
    assert facts["by_hand"] == [
        {
            "entity": str(acme.club.id),
            "placed": True,
            "at": "2026-05-04T12:00:00.000000Z",
            "change": str(acme.change.id),
        }
    ]


def test_tells_of_the_organization_what_effects_depend_on(acme: Acme) -> None:
    acme.org.teams, acme.org.teams_switched_at = False, [NOON.astimezone(zone(timedelta(hours=2)))]
    acme.org.save()
    told = exported(acme.org)["organization"]
    assert told["roles"] == [
        {"key": "Admin", "default": False, "admin": True},
        {"key": "User", "default": True, "admin": False},
        {"key": "Guest", "default": False, "admin": False},
    ]
    assert told["kinds"]["team"] == {"on": False, "switched_at": ["2026-05-04T12:00:00.000000Z"]}
    assert told["kinds"]["sub_organization"] == {"on": True, "switched_at": []}
    assert (told["profile"], told["role_policy"], told["last_admin"]) == ("lambdatest", "highest", str(acme.ada.id))


def test_tells_groups_with_their_members_and_since_when(acme: Acme) -> None:
    reds, blues = exported(acme.org)["groups"]
    assert reds["members"] == [{"user": str(acme.ada.id), "added_at": "2026-05-04T12:00:00.000000Z"}]
    assert reds["nested"] == [blues["id"]]
    assert reds["roles"] == ["User"]
    assert blues["members"][0]["added_at"] == "2026-05-04T12:00:01.000000Z"


def test_tells_what_is_asked_and_what_was_decided(acme: Acme) -> None:
    told = exported(acme.org)
    red, blue, ada = str(acme.red_mapping.id), str(acme.blue_mapping.id), str(acme.ada.id)
    assert told["conflicts"] == [
        {"user": ada, "incoming": blue, "holders": [red], "since": "2026-05-04T12:00:00.000000Z"}
    ]
    (decision,) = told["decisions"]
    assert (decision["winner"], decision["loser"], decision["undone_by"]) == (blue, red, str(acme.change.id))


def test_tells_once_who_waits_for_which_change(acme: Acme) -> None:
    assert exported(acme.org)["waiting"] == [{"user": str(acme.ada.id), "change": str(acme.change.id)}]


def test_keeps_those_whom_scim_deleted(acme: Acme) -> None:
    assert [person["deleted"] for person in exported(acme.org)["people"]] == [False, True]


def test_changes_in_roles_places_and_conflicts_alone_when_effects_do(acme: Acme) -> None:
    before = exported(acme.org)
    for effect in (Conflict, Membership, Standing):
        effect.objects.for_org(acme.org).delete()
    after = exported(acme.org)
    assert [person | {"roles": [], "places": []} for person in before["people"]] == after["people"]
    assert before | {"people": [], "conflicts": []} == after | {"people": []}


def test_is_the_same_byte_for_byte_while_nothing_changes(acme: Acme) -> None:
    assert "".join(export.text(acme.org)) == "".join(export.text(acme.org))


def test_has_no_password_and_no_token(acme: Acme) -> None:
    told = "".join(export.text(acme.org))
    assert "hash of hers" not in told
    assert acme.token[:8] not in told


def test_has_nothing_of_another_org(acme: Acme) -> None:
    empty = exported(OrganizationFactory.create())
    assert [name for name, rows in empty.items() if rows] == ["organization"]
    assert empty["organization"]["last_admin"] is None


def test_is_the_same_however_little_is_read_at_once(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        UserFactory.create(org=acme.org)
    whole = "".join(export.text(acme.org))
    monkeypatch.setitem(keyset.chunks.__kwdefaults__, "size", 1)
    monkeypatch.setattr(export, "GROUPS_AT_ONCE", 1)
    monkeypatch.setattr(export, "SMALL", 0)
    assert "".join(export.text(acme.org)) == whole
    ids = [person["id"] for person in exported(acme.org)["people"]]
    assert ids == sorted(str(id_) for id_ in User.objects.for_org(acme.org).values_list("id", flat=True))


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (User, {"id", *export.PERSON}),
        (Entity, export.ENTITY),
        (PushedGroup, export.GROUP),
        (MappingRule, export.RULE),
        (GroupMapping, export.MAPPING),
        (Decision, export.DECISION),
        (EndedGroup, export.END),
        (EndedMapping, export.ENDED_MAPPING),
        (EndedMember, export.ENDED_MEMBER),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_tells_every_column_or_the_reason_why_not(model: type[Model], told: Any) -> None:
    assert {*told, *LEFT_OUT[model]} == {field.name for field in model._meta.concrete_fields}


@pytest.mark.usefixtures("transactional_db")
class TestCommand:
    @pytest.mark.parametrize("name", ["acme", "acme gmbh"], ids=["slug", "name"])
    def test_prints_the_document(self, name: str) -> None:
        acme = Acme()
        printed = StringIO()
        call_command("export_state", name, stdout=printed)
        assert printed.getvalue() == "".join(export.text(acme.org))

    def test_says_that_there_is_no_such_org(self) -> None:
        with pytest.raises(CommandError, match=r"There is no organization acme\."):
            call_command("export_state", "acme")

    def test_refuses_moments_that_nobody_knows(self) -> None:  # T3
        org = Acme().org
        for at, told in (("2020-01-01T00:00Z", "History goes back to"), ("2090-01-01T00:00Z", "in the future")):
            with pytest.raises(CommandError, match=told):
                call_command("export_state", org.slug, at=datetime.fromisoformat(at), stdout=StringIO())
        for text in ("then", "2026-01-01"):
            with pytest.raises(CommandError, match=r"not a time|time zone"):
                call_command("export_state", org.slug, "--at", text, stdout=StringIO())

    def test_prints_what_was_then_and_leaves_what_is(self) -> None:  # T3
        acme, printed = Acme(), StringIO()
        call_command("export_state", "acme", at=timezone.now(), stdout=printed)
        assert json.loads(printed.getvalue())["organization"]["slug"] == "acme"
        assert exported(acme.org)["people"]


@pytest.mark.usefixtures("db")
class TestAsOf:
    def test_is_what_was_exported_then(self, org: Organization, idp: Idp) -> None:  # T3
        """But for what only tells that rows were written, and what waited."""
        ada, bo = (User.objects.get(id=push_user(idp, name)) for name in ("Ada", "Bo"))
        group = push(idp, "Engineers", ada, bo)
        pools = [map_to(push(idp, name, ada), "concurrency_group") for name in ("First", "Second")]
        map_to(group)
        settle_all()
        then, was = timezone.now(), exported(org)
        assert was["conflicts"]
        idp.put(f"/Groups/{group.id}", {"displayName": "Staff", "members": []})
        idp.delete(f"/Users/{bo.id}")
        GroupMapping.objects.filter(pk=pools[0].pk).update(status=Status.REJECTED)
        settle_all()
        assert exported(org) != was
        assert _bare(exported_at(org, then)) == _bare(was)


def exported_at(org: Organization, at: datetime) -> dict[str, Any]:
    return json.loads("".join(export.text(as_of.lay_tables(org.id, as_of.of_org(org.id, at)))))


def _bare(state: dict[str, Any]) -> dict[str, Any]:
    people = [
        {**person, "facts": person["facts"] | {"revision": None, "modified_at": None}} for person in state["people"]
    ]
    groups = [{**group, "revision": None, "modified_at": None} for group in state["groups"]]
    return {**state, "people": people, "groups": groups}
