"""Imports: what a file says comes into an org, once, and a first sync takes it over."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from groups_provisioning import tasks
from groups_provisioning.actions import erasing, group_intake, imports, user_intake
from groups_provisioning.engine import export
from groups_provisioning.models import (
    GroupMapping,
    GroupMember,
    Import,
    ImportRow,
    Membership,
    Phase,
    PushedGroup,
    Status,
)
from orgs import domains
from orgs.models import Change, Door, LedgerEntry, Mark, Organization, Standing, User
from scim import import_reading
from scim.import_files import Unreadable
from tests.conftest import Idp
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory, issue_token
from tests.groups_provisioning.world import (
    TEAM,
    by_command,
    group,
    map_to,
    push,
    push_user,
    role_rule,
    rule,
    settle_marked,
)

pytestmark = pytest.mark.usefixtures("db")

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


def begin(org: Organization, content: str | bytes | Any, *, check: bool = False, makes_admins: bool = True) -> Import:
    """Give a file: CSV text, bytes as they are, or JSON."""
    raw = (
        content
        if isinstance(content, bytes)
        else (content if isinstance(content, str) else json.dumps(content)).encode()
    )
    rows = import_reading.rows(org, io.BytesIO(raw))
    return imports.begin(
        org=org, name="people.csv", rows=rows, check=check, makes_admins=makes_admins, cause=by_command()
    )


def do(org: Organization, content: Any, **options: Any) -> list[tuple[int, str, dict[str, Any]]]:
    """Give a file and have it taken to its end; for each row its place, what became of it, and why."""
    run = imports.run_to_end(begin(org, content, **options))
    assert run.taken == run.rows
    return told(run)


def told(run: Import) -> list[tuple[int, str, dict[str, Any]]]:
    rows = ImportRow.objects.filter(run=run).order_by("kind", "place", "id")
    return [(row.place, row.verdict or "", row.told) for row in rows]


def verdicts(found: list[tuple[int, str, dict[str, Any]]]) -> list[str]:
    return [verdict for _, verdict, _ in found]


def person(org: Organization, user_name: str) -> User:
    return User.objects.for_org(org).get(user_name=user_name)


PEOPLE = """id,userName,externalId,First name,Last name,email,active,role,title
17,ada@corp.example,00u1,Ada,Brandt,ada@corp.example,true,Admin,Lead
18,bo@corp.example,,Bo,Lind,,false,,
"""
GROUPS = """id,displayName,externalId
g1,Platform,00g1
"""
MEMBERS = """group,member
g1,17
Platform,bo@corp.example
"""


class TestPeople:
    def test_are_made_with_all_that_the_file_says(self, org: Organization) -> None:  # E6
        assert verdicts(do(org, PEOPLE)) == ["new", "new"]
        ada, bo = person(org, "ada@corp.example"), person(org, "bo@corp.example")
        assert (ada.reference, ada.external_id, ada.given_name, ada.family_name) == ("17", "00u1", "Ada", "Brandt")
        assert ada.attributes["emails"] == [{"value": "ada@corp.example", "type": "work", "primary": True}]
        assert ada.attributes["title"] == "Lead"
        assert (ada.active, bo.active, ada.scim_managed) == (True, False, False)
        assert [Standing.objects.get(user=user).roles for user in (ada, bo)] == [["Admin"], ["Member"]]
        assert ada.login_email == "ada@corp.example"
        assert not ada.has_usable_password()

    def test_are_told_by_history_and_the_feed(self, org: Organization) -> None:  # E1
        do(org, PEOPLE)
        people, ended = Change.objects.for_org(org).order_by("id")
        assert (people.verb, people.detail["made"], people.door) == ("import.people", 2, Door.COMMAND)
        assert (ended.verb, ended.detail["counts"], ended.detail["left"]) == ("import.ended", {"new": 2}, 0)
        entries = LedgerEntry.objects.filter(change=people, user=person(org, "ada@corp.example"))
        assert set(entries.values_list("slot", flat=True)) == {"account", "roles"}

    def test_invited_by_hand_get_what_the_file_says_and_keep_the_rest(self, org: Organization) -> None:
        cleo = UserFactory.create(
            org=org, user_name="Cleo@corp.example", given_name="Cleo", scim_managed=False, manual_roles=["Admin"]
        )
        found = do(org, "userName,id,familyName,active\ncleo@corp.example,9,Adler,false\n")
        cleo.refresh_from_db()
        assert (cleo.given_name, cleo.family_name, cleo.reference) == ("Cleo", "Adler", "9")
        assert (cleo.active, cleo.manual_roles, cleo.scim_managed) == (True, ["Admin"], False)
        assert found == [(2, "changed", {"changes": ["userName", "familyName", "id"]})]

    def test_whom_an_identity_provider_manages_get_the_reference_alone(self, org: Organization, idp: Idp) -> None:
        ada = push_user(idp, "Ada Brandt")
        before = idp.get(f"/Users/{ada}")
        found = do(org, "userName,id,title,active\nada.brandt@corp.example,17,Boss,false\n")
        assert found == [(2, "changed", {"why": "managed", "changes": ["id"]})]
        assert User.objects.get(id=ada).reference == "17"
        assert idp.get(f"/Users/{ada}").json() == before.json()

    def test_whom_scim_deleted_or_who_were_erased_are_not_brought_back(self, org: Organization, idp: Idp) -> None:  # L5
        for name in ("Ada Brandt", "Bo Lind"):
            idp.delete(f"/Users/{push_user(idp, name)}")
        erasing.erase(org=org, user_id=person(org, "bo.lind@corp.example").id, cause=by_command())
        found = do(org, "userName\nada.brandt@corp.example\nbo.lind@corp.example\n")
        assert [(verdict, why["why"]) for _, verdict, why in found] == [("refused", "deleted")] * 2
        assert not User.objects.for_org(org).live().exists()

    def test_of_another_domain_are_refused(self, org: Organization) -> None:  # O6
        domains.keep(org=org, names=["corp.example"], cause=by_command())
        found = do(org, "userName\nada@corp.example\nbo@other.example\n")
        assert found[1] == (3, "refused", {"why": "domain", "domains": ["corp.example"]})
        assert User.objects.for_org(org).get().user_name == "ada@corp.example"

    def test_are_never_the_owner(self, org: Organization) -> None:  # O8
        owner = OwnerFactory.create(org=org, user_name="mo@corp.example")
        assert verdicts(do(org, "userName,id\nmo@corp.example,1\n")) == ["new"]
        owner.refresh_from_db()
        assert owner.reference == ""

    def test_of_another_org_are_nobody_here(self, org: Organization) -> None:  # O7
        UserFactory.create(user_name="ada@corp.example", external_id="00u1", reference="17")
        assert verdicts(do(org, PEOPLE)) == ["new", "new"]

    def test_get_no_admin_role_from_somebody_who_may_not_give_it(self, org: Organization) -> None:  # E5
        found = do(org, PEOPLE, makes_admins=False)
        assert [(verdict, why.get("why")) for _, verdict, why in found] == [("refused", "admin"), ("new", None)]
        cleo = UserFactory.create(org=org, user_name="cleo@corp.example", scim_managed=False)
        group(org, "Admins", roles=["Admin"], imported=True)
        assert verdicts(do(org, "userName,role\ncleo@corp.example,Admin\n", makes_admins=False)) == ["refused"]
        assert verdicts(do(org, "group,member\nAdmins,cleo@corp.example\n", makes_admins=False)) == ["refused"]
        assert Standing.objects.get(user=cleo).roles == ["Member"]

    def test_get_none_by_a_name_under_which_a_rule_gives_it(self, org: Organization) -> None:  # E5, R6, T6
        bo = UserFactory.create(org=org)
        group(org, "Crew", bo, imported=True, reference="g1")
        role_rule(org, "Admin", "Boss")
        groups = "id,displayName\ng1,Bosses\ng2,Boss\n"
        assert {why.get("why") for _, _, why in do(org, groups, makes_admins=False)} == {"admin"}
        assert verdicts(do(org, "id,displayName\ng1,Bosses\n")) == ["changed"]
        assert GroupMapping.objects.get().role == "Admin"


class TestWhoIsMeant:
    @pytest.mark.parametrize("column", ["userName", "externalId", "id"])
    def test_is_who_has_the_name_the_external_id_or_the_reference(self, org: Organization, column: str) -> None:
        ada = UserFactory.create(org=org, user_name="ada", external_id="x", reference="r", scim_managed=False)
        row = {"userName": "ada", "externalId": "", "id": ""} | (
            {column: {"externalId": "x", "id": "r"}[column], "userName": "new"} if column != "userName" else {}
        )
        found = do(org, f"userName,externalId,id,title\n{row['userName']},{row['externalId']},{row['id']},Lead\n")
        assert verdicts(found) == ["changed"]
        ada.refresh_from_db()
        assert (ada.user_name, ada.attributes["title"]) == (row["userName"], "Lead")

    def test_is_nobody_if_it_may_be_several(self, org: Organization) -> None:
        UserFactory.create(org=org, user_name="ada", scim_managed=False)
        UserFactory.create(org=org, user_name="bo", external_id="x", scim_managed=False)
        assert do(org, "userName,externalId,title\nada,x,Lead\n") == [
            (2, "ambiguous", {"why": "several", "by": [["externalId", "bo"], ["userName", "ada"]]})
        ]
        assert not User.objects.filter(attributes__has_key="title").exists()

    def test_is_not_said_by_an_address_that_somebody_was_invited_by(self, org: Organization) -> None:  # L4
        UserFactory.create(org=org, user_name="ada@corp.example", scim_managed=False)
        found = do(org, "userName,email\nabrandt,Ada@corp.example\n")
        assert found == [(2, "ambiguous", {"why": "address", "by": [["email", "ada@corp.example"]]})]

    def test_is_one_row_alone(self, org: Organization) -> None:
        UserFactory.create(org=org, user_name="ada", external_id="x", scim_managed=False)
        found = do(org, "userName,externalId,title\nada,,Lead\nnew,x,Boss\n")
        assert found[1] == (3, "refused", {"why": "same", "place": 2})
        assert person(org, "ada").attributes["title"] == "Lead"

    @pytest.mark.parametrize(("column", "by"), [(0, "name"), (1, "externalId"), (2, "id")])
    def test_is_said_once_in_a_file(self, org: Organization, column: int, by: str) -> None:
        first, second = ["ada", "x", "r"], ["bo", "y", "s"]
        second[column] = first[column].upper() if by == "name" else first[column]
        found = do(org, f"userName,externalId,id\n{','.join(first)}\n{','.join(second)}\n")
        assert found[1] == (3, "refused", {"why": "repeated", "by": by, "place": 2})

    def test_may_have_been_renamed_where_a_profile_forbids_that(self, db: None) -> None:  # U6
        org = OrganizationFactory.create(dialect="lambdatest")
        UserFactory.create(org=org, user_name="ada@corp.example", reference="r", scim_managed=False)
        assert do(org, "userName,id\nnew@corp.example,r\n") == [
            (2, "refused", {"why": "immutable", "was": "ada@corp.example"})
        ]


class TestGroups:
    def test_wait_for_approval_with_their_members(self, org: Organization) -> None:  # M4
        rule(org, auto=False)
        do(org, PEOPLE)
        do(org, GROUPS)
        assert verdicts(do(org, MEMBERS)) == ["new", "new"]
        platform = PushedGroup.objects.for_org(org).get()
        assert (platform.reference, platform.external_id, platform.member_count) == ("g1", "00g1", 2)
        assert (platform.imported, platform.out_of_sync) == (True, False)
        assert GroupMapping.objects.get(group=platform).status == Status.PENDING
        settle_marked(org)
        assert not Membership.objects.exists()

    def test_place_their_members_once_they_are_mapped(self, org: Organization) -> None:
        for content in (PEOPLE, GROUPS, MEMBERS):
            do(org, content)
        map_to(PushedGroup.objects.get(), TEAM)
        settle_marked(org)
        assert Membership.objects.get(user__user_name="ada@corp.example").kind == TEAM

    def test_may_name_their_members(self, org: Organization) -> None:
        do(org, PEOPLE)
        do(org, "displayName,members\nPlatform,17; bo@corp.example ;nobody\n")
        assert GroupMember.objects.filter(group__display_name="Platform").count() == 2

    def test_and_people_of_one_json_file_belong_together(self, org: Organization) -> None:
        users = [{"id": "17", "userName": "ada"}, {"id": 18, "userName": "bo", "groups": [{"value": "g1"}]}]
        groups = [
            {
                "schemas": [GROUP],
                "id": "g1",
                "displayName": "Platform",
                "members": [{"value": "17"}, {"value": "18"}, {"value": "g2", "type": "Group"}],
            }
        ]
        checked = do(org, {"Resources": [*groups, *users]}, check=True)
        assert verdicts(checked) == ["new", "new", "new", "new", "new", "refused"]
        assert not User.objects.for_org(org).exists()
        assert do(org, {"Resources": [*groups, *users]}) == checked
        assert PushedGroup.objects.get().member_count == 2

    def test_that_were_deleted_come_back_without_anything_of_before(self, org: Organization, idp: Idp) -> None:  # G5
        old = push(idp, "Platform", push_user(idp, "Ada Brandt"))
        idp.delete(f"/Groups/{old.id}")
        assert verdicts(do(org, GROUPS)) == ["new"]
        old.refresh_from_db()
        assert (old.deleted_at, old.member_count, old.imported, old.reference) == (None, 0, True, "g1")

    def test_that_a_token_has_written_get_the_reference_alone(self, org: Organization, idp: Idp) -> None:
        ada, bo = (push_user(idp, name) for name in ("Ada Brandt", "Bo Lind"))
        platform = push(idp, "Platform", ada)
        assert verdicts(do(org, "displayName,id,externalId\nplatform,g1,other\n")) == ["changed"]
        found = do(org, "group,member\ng1,ada.brandt@corp.example\ng1,bo.lind@corp.example\n")
        assert [(verdict, why.get("why")) for _, verdict, why in found] == [("unchanged", None), ("refused", "pushed")]
        platform.refresh_from_db()
        assert (platform.display_name, platform.external_id, platform.member_count) == ("Platform", "", 1)
        assert bo

    def test_are_refused_while_group_provisioning_is_off(self, org: Organization) -> None:  # O3
        Organization.objects.filter(id=org.id).update(group_provisioning=False)
        assert [why["why"] for _, _, why in do(org, GROUPS)] == ["groups_off"]

    def test_take_members_who_are_there(self, org: Organization) -> None:
        do(org, PEOPLE)
        do(org, GROUPS)
        UserFactory.create(org=org, user_name="17", scim_managed=False)
        found = do(org, "group,member\ng1,zoe\nnone,17\ng1,17\ng1,bo@corp.example\ng1,18\n")
        assert [(verdict, why.get("why")) for _, verdict, why in found] == [
            ("refused", "no_member"),
            ("refused", "no_group"),
            ("ambiguous", "several_members"),
            ("new", None),
            ("unchanged", None),
        ]


class TestAgain:
    def test_the_same_file_changes_nothing(self, org: Organization) -> None:  # E6
        for content in (PEOPLE, GROUPS, MEMBERS):
            do(org, content)
        settle_marked(org)
        before = _document(org)
        for content in (PEOPLE, GROUPS, MEMBERS):
            assert set(verdicts(do(org, content))) == {"unchanged"}
        assert _document(org) == before
        assert not Mark.objects.exists()

    def test_a_corrected_file_changes_what_was_corrected(self, org: Organization) -> None:
        do(org, PEOPLE)
        bo = person(org, "bo@corp.example").revision
        corrected = PEOPLE.replace("ada@corp.example,00u1", "ada.b@corp.example,00u1").replace("Lead", "Boss")
        assert do(org, corrected)[0] == (2, "changed", {"changes": ["userName", "title"]})
        ada = User.objects.get(reference="17")
        assert (ada.user_name, ada.attributes["title"], ada.login_email) == (
            "ada.b@corp.example",
            "Boss",
            "ada.b@corp.example",
        )
        assert person(org, "bo@corp.example").revision == bo


class TestTheFirstSync:
    def test_adopts_a_person_and_deactivates_nobody(self, org: Organization, idp: Idp) -> None:  # U3
        do(org, PEOPLE)
        ada = person(org, "ada@corp.example")
        answer = idp.post("/Users", {"userName": "Ada@corp.example", "externalId": "00u9"})
        assert (answer.status_code, answer.json()["id"]) == (201, str(ada.id))
        ada.refresh_from_db()
        assert (ada.scim_managed, ada.external_id, ada.reference, ada.idp_roles) == (True, "00u9", "17", None)
        assert person(org, "bo@corp.example").scim_managed is False
        assert not LedgerEntry.objects.filter(slot="account", now="inactive").exclude(was=None).exists()

    @pytest.mark.parametrize("body", [{"displayName": "PLATFORM"}, {"displayName": "Core", "externalId": "00g1"}])
    def test_adopts_a_group_by_its_name_or_external_id(self, org: Organization, idp: Idp, body: Any) -> None:  # G2
        for content in (PEOPLE, GROUPS, MEMBERS):
            do(org, content)
        platform = PushedGroup.objects.get()
        answer = idp.post("/Groups", body)
        assert (answer.status_code, answer.json()["id"]) == (201, str(platform.id))
        platform.refresh_from_db()
        assert (platform.display_name, platform.imported, platform.reference) == (body["displayName"], False, "g1")
        assert idp.post("/Groups", body).status_code == 409

    def test_of_a_group_leaves_members_until_its_first_full_push(self, org: Organization, idp: Idp) -> None:  # G2
        for content in (PEOPLE, GROUPS, MEMBERS):
            do(org, content)
        ada = str(person(org, "ada@corp.example").id)
        platform = idp.post("/Groups", {"displayName": "Platform", "members": [{"value": ada}]}).json()["id"]
        row = PushedGroup.objects.get()
        assert (row.member_count, row.out_of_sync) == (2, True)
        idp.put(f"/Groups/{platform}", {"displayName": "Platform", "members": [{"value": ada}]})
        row.refresh_from_db()
        assert (row.member_count, row.out_of_sync) == (1, False)

    def test_that_names_all_members_is_in_sync(self, org: Organization, idp: Idp) -> None:
        for content in (PEOPLE, GROUPS, MEMBERS):
            do(org, content)
        everybody = [{"value": str(id_)} for id_ in User.objects.for_org(org).values_list("id", flat=True)]
        added = list(GroupMember.objects.values_list("user", "added_at"))
        idp.post("/Groups", {"displayName": "Platform", "members": everybody})
        assert PushedGroup.objects.get().out_of_sync is False
        assert list(GroupMember.objects.values_list("user", "added_at")) == added

    def test_may_write_a_group_by_the_id_it_found(self, org: Organization, idp: Idp) -> None:
        for content in (PEOPLE, GROUPS, MEMBERS):
            do(org, content)
        row = PushedGroup.objects.get()
        idp.patch(f"/Groups/{row.id}", {"op": "add", "path": "members", "value": []})
        row.refresh_from_db()
        assert (row.imported, row.out_of_sync, row.member_count) == (False, True, 2)

    def test_brings_back_the_mapping_and_its_places(self, org: Organization, idp: Idp) -> None:
        for content in (PEOPLE, GROUPS, MEMBERS):
            do(org, content)
        map_to(PushedGroup.objects.get(), TEAM)
        settle_marked(org)
        idp.post("/Groups", {"displayName": "Platform"})
        settle_marked(org)
        assert Membership.objects.filter(user__user_name="ada@corp.example").exists()


NAMES = st.sampled_from(["Ada", "Bo", "Čleo", "=Dan", "+Eve", "O'Neil", 'Fa"y', "Gil;Ho", "line\nbreak"])


@st.composite
def directories(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """People and groups as a first sync would push them; members are numbers of people."""
    people = []
    for number in range(draw(st.integers(0, 5))):
        body: dict[str, Any] = {"userName": f"p{number}@corp.example", "active": draw(st.booleans())}
        body |= draw(st.sampled_from([{}, {"externalId": f"00u{number}"}]))
        body |= draw(st.fixed_dictionaries({}, optional={"displayName": NAMES, "title": NAMES}))
        if draw(st.booleans()):
            body["name"] = {"givenName": draw(NAMES), "familyName": draw(NAMES)}
        if draw(st.booleans()):
            body["emails"] = [{"value": f"p{number}@corp.example", "type": "work", "primary": True}]
        if draw(st.booleans()):
            body["roles"] = [{"value": draw(st.sampled_from(["Admin", "Member"]))}]
        people.append(body)
    groups = []
    for number in range(draw(st.integers(0, 3))):
        members = draw(st.sets(st.integers(0, len(people) - 1))) if people else set()
        named = draw(st.sampled_from([{}, {"externalId": f"00g{number}"}]))
        groups.append({"displayName": f"G{number}", **named, "members": sorted(members)})
    return people, groups


def as_csv(people: list[dict[str, Any]], groups: list[dict[str, Any]]) -> Iterator[str]:
    """The three files that say this, as a spreadsheet writes them."""
    header = [
        "id",
        "userName",
        "externalId",
        "displayName",
        "title",
        "givenName",
        "familyName",
        "active",
        "email",
        "role",
    ]
    rows = [
        [
            f"old-{number}",
            *(_guarded(body.get(name, "")) for name in ("userName", "externalId", "displayName", "title")),
            *(_guarded(body.get("name", {}).get(part, "")) for part in ("givenName", "familyName")),
            str(body["active"]).lower(),
            *(body[name][0]["value"] if name in body else "" for name in ("emails", "roles")),
        ]
        for number, body in enumerate(people)
    ]
    yield _text(header, rows)
    yield _text(
        ["id", "displayName", "externalId"],
        [[f"g-{number}", body["displayName"], body.get("externalId", "")] for number, body in enumerate(groups)],
    )
    yield _text(
        ["group", "member"],
        [[f"g-{number}", f"old-{member}"] for number, body in enumerate(groups) for member in body["members"]],
    )


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+")) else text


def _text(header: list[str], rows: list[list[str]]) -> str:
    written = io.StringIO(newline="")
    csv.writer(written).writerows([header, *rows])
    return written.getvalue()


def as_json(people: list[dict[str, Any]], groups: list[dict[str, Any]]) -> Iterator[Any]:
    numbered = [body | {"id": f"old-{number}"} for number, body in enumerate(people)]
    yield {
        "Groups": [
            body | {"id": f"g-{number}", "members": [{"value": f"old-{each}"} for each in body["members"]]}
            for number, body in enumerate(groups)
        ],
        "Users": numbered,
    }


def sync(idp: Idp, people: list[dict[str, Any]], groups: list[dict[str, Any]]) -> None:
    """A first sync in full."""
    ids = [idp.post("/Users", body).json()["id"] for body in people]
    for body in groups:
        answer = idp.post("/Groups", body | {"members": [{"value": ids[each]} for each in body["members"]]})
        assert answer.status_code == 201


def _document(org: Organization) -> Any:
    return json.loads("".join(export.text(org)))


def facts_and_effects(org: Organization) -> Any:
    """What an org has, by names: without ids, times and revisions, and without references."""
    users = {
        user.user_name: [
            getattr(user, column)
            for column in (
                "external_id",
                "display_name",
                "given_name",
                "family_name",
                "email_keys",
                "attributes",
                "folded",
            )
        ]
        + [
            user.active,
            user.idp_active,
            user.scim_managed,
            user.idp_roles,
            user.manual_roles,
            user.login_email,
            user.extension_urn,
        ]
        + [user.standing.roles]
        for user in User.objects.for_org(org).select_related("standing")
    }
    groups = {
        each.display_name: [
            *(each.external_id, each.attributes, each.folded, each.roles, each.imported, each.out_of_sync),
            *(each.member_count, sorted(each.memberships.values_list("user__user_name", flat=True))),
        ]
        for each in PushedGroup.objects.for_org(org)
    }
    mappings = sorted(GroupMapping.objects.for_org(org).values_list("group__display_name", "kind", "status"))
    places = sorted(Membership.objects.for_org(org).values_list("user__user_name", "entity__name"))
    return users, groups, mappings, places


@settings(max_examples=settings().max_examples // 4)
@given(directories(), st.sampled_from([as_csv, as_json]))
def test_what_was_imported_and_then_synced_is_as_if_it_had_been_synced(  # E6
    directory: tuple[list[dict[str, Any]], list[dict[str, Any]]], files: Any
) -> None:
    imported, direct = OrganizationFactory.create(), OrganizationFactory.create()
    for org in (imported, direct):
        rule(org)
    for content in files(*directory):
        if isinstance(content, str) and content.count("\n") < 2:
            continue  # of no rows
        if isinstance(content, dict) and not (content["Users"] or content["Groups"]):
            continue
        assert set(verdicts(do(imported, content))) == {"new"}
    assert User.objects.for_org(imported).exclude(reference="").count() == len(directory[0])
    for org in (imported, direct):
        sync(Idp(issue_token(org).secret), *directory)
        settle_marked(org)
    assert facts_and_effects(imported) == facts_and_effects(direct)


class TestARowThatIsWrong:
    @pytest.mark.parametrize(
        ("content", "told"),
        [
            ("userName,title\nada,=1+1\n", {"why": "formula", "column": "title"}),
            ("userName,title\nada,a\0b\n", {"why": "characters", "column": "title"}),
            ("userName,title\nada,x,y\n", {"why": "cells", "cells": 3, "columns": 2}),
            (
                "userName,title\n,x\n",
                {"why": "invalid", "detail": "userName is required; map it in the identity provider."},
            ),
            (f"userName,id\nada,{'x' * 501}\n", {"why": "too_long", "column": "id", "most": 500}),
            ("group,member\nPlatform,\n", {"why": "missing", "column": "member"}),
            ("[1]", {"why": "no_object"}),
        ],
    )
    def test_is_told_by_its_number_and_the_others_are_imported(
        self, org: Organization, content: str, told: dict[str, Any]
    ) -> None:
        place = 1 if content.startswith("[") else 2
        assert do(org, content) == [(place, "refused", told)]

    @pytest.mark.parametrize("value", ['"active": "maybe"', '"displayName": 7', '"userName": 7'])
    def test_is_what_scim_would_refuse(self, org: Organization, idp: Idp, value: str) -> None:
        body = '{"userName": "ada", ' + value + "}"
        refused = idp.post("/Users", body.encode())
        found = do(org, body.encode())
        if refused.status_code == 201:
            assert verdicts(found) == ["new"]
        else:
            assert found == [(1, "refused", {"why": "invalid", "detail": refused.json()["detail"]})]

    @pytest.mark.parametrize(
        ("content", "why", "about"),
        [
            ("name,shoe\nx,y\n", "header", {"columns": ["name", "shoe"]}),
            ("userName,shoe\nx,y\n", "column", {"column": "shoe", "columns": import_reading.PEOPLE}),
            ("userName,emails\nx,y\n", "column", {"column": "emails", "columns": import_reading.PEOPLE}),
            ("userName,User Name\nx,y\n", "column_twice", {"column": "User Name"}),
            ("displayName,roles\nx,y\n", "column", {"column": "roles", "columns": import_reading.GROUPS}),
        ],
    )
    def test_of_columns_ends_the_file(self, org: Organization, content: str, why: str, about: dict[str, Any]) -> None:
        with pytest.raises(Unreadable) as refused:
            begin(org, content)
        assert (refused.value.why, refused.value.about) == (why, about)
        assert not Import.objects.exists()

    def test_in_the_middle_of_a_file_leaves_nothing_of_it(self, org: Organization) -> None:
        with pytest.raises(Unreadable, match="encoding"):
            begin(org, b"userName\n" + b"".join(b"p%d\n" % n for n in range(2_000)) + b"\xe9\n")
        assert not Import.objects.exists()
        assert not ImportRow.objects.exists()


class TestARun:
    def test_is_checked_first_and_changes_nothing_until_it_is_started(self, org: Organization) -> None:
        run = begin(org, PEOPLE, check=True)
        tasks.settle_pending()
        run.refresh_from_db()
        assert (run.phase, run.taken) == (Phase.CHECKED, 2)
        assert not User.objects.for_org(org).exists()
        assert not Change.objects.for_org(org).exists()
        imports.start(org=org, import_id=run.id, makes_admins=True, cause=by_command())
        tasks.settle_pending()
        run.refresh_from_db()
        assert (run.phase, User.objects.for_org(org).count()) == (Phase.DONE, 2)
        with pytest.raises(imports.NotChecked):
            imports.start(org=org, import_id=run.id, makes_admins=True, cause=by_command())

    def test_ends_between_two_batches_where_it_is_cancelled(self, org: Organization, monkeypatch: Any) -> None:
        monkeypatch.setitem(imports.AT_ONCE, imports.Kind.PERSON, 1)
        run = begin(org, PEOPLE)
        imports.take(run.id)
        imports.cancel(org=org, import_id=run.id, cause=by_command())
        assert not imports.take(run.id)
        assert [verdict for _, verdict, _ in told(run)] == ["new", ""]
        ended = Change.objects.get(verb="import.ended")
        assert (ended.detail["phase"], ended.detail["counts"], ended.detail["left"]) == ("cancelled", {"new": 1}, 1)
        assert User.objects.for_org(org).count() == 1

    def test_is_the_only_one_of_its_org(self, org: Organization) -> None:
        begin(org, PEOPLE)
        with pytest.raises(imports.Running):
            begin(org, GROUPS)
        begin(OrganizationFactory.create(), GROUPS)

    def test_ends_with_word_of_it_where_a_batch_fails(self, org: Organization, monkeypatch: Any) -> None:
        monkeypatch.setitem(imports.AT_ONCE, imports.Kind.PERSON, 1)
        run = begin(org, PEOPLE)
        imports.take(run.id)
        ImportRow.objects.filter(run=run, is_final=False).update(facts={})  # as another release may have kept it
        tasks.settle_pending()
        run.refresh_from_db()
        assert run.phase == Phase.FAILED
        assert Change.objects.get(verb="import.ended").detail["left"] == 1

    def test_costs_as_many_statements_however_many_people(self, org: Organization) -> None:  # S9
        counts = []
        do(org, "userName\nwarm\n")
        for size in (10, 100):
            content = "userName,id,externalId\n" + "".join(f"p{n}.{size},{n}.{size},x{n}.{size}\n" for n in range(size))
            run = begin(org, content)
            with CaptureQueriesContext(connection) as asked:
                imports.run_to_end(run)
            counts.append(len(asked))
        assert counts[0] == counts[1]

    def test_is_forgotten_after_a_week(self, org: Organization) -> None:
        do(org, PEOPLE)
        imports.forget(timezone.now())
        assert Import.objects.exists()
        imports.forget(timezone.now() + imports.KEPT)
        assert not Import.objects.exists()
        assert not ImportRow.objects.exists()

    def test_keeps_nothing_of_the_file_but_names(self, org: Organization) -> None:
        do(org, PEOPLE)
        assert set(map(str, ImportRow.objects.values_list("facts", flat=True))) == {"{}"}


class TestReferences:
    def test_of_the_deleted_may_be_given_again_and_are_not_taken_back(self, org: Organization, idp: Idp) -> None:  # U3
        do(org, PEOPLE)
        do(org, GROUPS)
        ada, platform = person(org, "ada@corp.example"), PushedGroup.objects.get()
        user_intake.delete_user(org=org, user_id=ada.id, cause=by_command())
        group_intake.delete_group(org=org, group_id=platform.id, cause=by_command())
        do(org, "userName,id\nnew@corp.example,17\n")
        do(org, "displayName,id\nNew,g1\n")
        assert idp.post("/Users", {"userName": "ada@corp.example", "externalId": "00u1"}).status_code == 201
        assert idp.post("/Groups", {"displayName": "Platform"}).status_code == 201
        ada.refresh_from_db()
        platform.refresh_from_db()
        assert (ada.reference, platform.reference) == ("", "")
        assert person(org, "new@corp.example").reference == "17"
