"""Users over HTTP: what the answer says, and then what the database says."""

import pytest

from orgs import people
from orgs.models import Change, LedgerEntry, Organization, User
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory, UserFactory, issue_token

ADA = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "userName": "Ada@corp.example",
    "externalId": "00u1",
    "name": {"givenName": "Ada", "familyName": "Lovelace", "middleName": "King"},
    "emails": [{"value": "Ada@corp.example", "type": "work", "primary": True}],
    "active": True,
}
DEACTIVATE = {"op": "replace", "path": "active", "value": False}


def user_of(answer) -> User:
    return User.objects.get(id=answer.json()["id"])


class TestCreating:
    def test_answers_201_with_the_user_as_it_was_sent(self, idp: Idp) -> None:
        answer = idp.post("/Users", ADA)
        assert answer.status_code == 201
        user = answer.json()
        assert answer["Location"] == user["meta"]["location"]
        assert answer["ETag"] == user["meta"]["version"]
        assert user.items() >= {key: ADA[key] for key in ("userName", "externalId", "name", "emails", "active")}.items()

    def test_keeps_the_user_with_the_default_role(self, idp: Idp, org: Organization) -> None:  # R1
        user = user_of(idp.post("/Users", ADA))
        assert user.org == org
        assert (user.user_name, user.login_email) == ("Ada@corp.example", "ada@corp.example")
        assert user.standing.roles == ["Member"]
        assert user.scim_managed
        assert not user.has_usable_password()

    def test_a_missing_active_means_true(self, idp: Idp) -> None:  # U1
        assert idp.post("/Users", {"userName": "ada"}).json()["active"] is True

    def test_without_a_user_name_is_400(self, idp: Idp) -> None:  # U1
        answer = idp.post("/Users", {"active": True})
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
        assert not User.objects.exists()

    def test_a_name_that_is_taken_is_409_in_any_letter_case(self, idp: Idp) -> None:  # U2, U3
        assert idp.post("/Users", ADA).status_code == 201
        answer = idp.post("/Users", ADA | {"userName": "ADA@CORP.EXAMPLE"})
        assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")

    def test_an_address_of_another_org_and_of_support_is_free(self, idp: Idp, org: Organization) -> None:  # O6, U2
        UserFactory.create(user_name="ada@corp.example")
        StaffFactory.create(user_name="grace@corp.example")
        assert idp.post("/Users", ADA).status_code == 201
        assert idp.post("/Users", ADA | {"userName": "grace@corp.example"}).status_code == 201
        assert User.objects.filter(login_email="ada@corp.example").count() == 2

    def test_somebody_invited_by_hand_is_adopted(self, idp: Idp, org: Organization) -> None:  # U3
        invited = UserFactory.create(org=org, user_name="ada@corp.example", scim_managed=False)
        answer = idp.post("/Users", ADA)
        assert answer.status_code == 201
        assert user_of(answer) == invited
        assert user_of(answer).given_name == "Ada"
        assert LedgerEntry.objects.get(user=invited, slot="account").now == "active"

    def test_two_orgs_may_have_the_same_plain_name(self, idp: Idp) -> None:  # U2
        assert idp.post("/Users", {"userName": "ada"}).status_code == 201
        assert (
            Idp(issue_token(OrganizationFactory.create()).secret).post("/Users", {"userName": "ada"}).status_code == 201
        )

    def test_is_one_change_with_its_effects(self, idp: Idp, org: Organization) -> None:
        user = user_of(idp.post("/Users", ADA))
        change = Change.objects.get(org=org, verb="user.created")
        assert change.by_token.org == org
        assert {(e.slot, e.was, str(e.now)) for e in change.entries.all()} == {
            ("account", None, "active"),
            ("roles", None, "['Member']"),
        }
        assert {entry.user_id for entry in change.entries.all()} == {user.id}

    def test_takes_at_most_five_queries(self, idp: Idp, django_assert_max_num_queries) -> None:
        idp.post("/Users", {"userName": "first"})
        with django_assert_max_num_queries(5 + 2) as queries:
            idp.post("/Users", ADA)
        assert len(without_savepoints(queries)) <= 5


class TestReading:
    def test_shows_the_user(self, idp: Idp) -> None:
        created = idp.post("/Users", ADA)
        read = idp.get(f"/Users/{created.json()['id']}")
        assert read.status_code == 200
        assert read.json() == created.json()
        assert read["ETag"] == created["ETag"]

    @pytest.mark.parametrize("user_id", ["x", "00000000-0000-0000-0000-000000000000"])
    def test_an_unknown_id_is_404(self, idp: Idp, user_id: str) -> None:
        assert idp.get(f"/Users/{user_id}").status_code == 404

    def test_a_user_of_another_org_does_not_exist(self, idp: Idp) -> None:  # O7
        stranger = UserFactory.create()
        for answer in (
            idp.get(f"/Users/{stranger.id}"),
            idp.patch(f"/Users/{stranger.id}", DEACTIVATE),
            idp.put(f"/Users/{stranger.id}", ADA),
            idp.delete(f"/Users/{stranger.id}"),
        ):
            assert answer.status_code == 404
        stranger.refresh_from_db()
        assert stranger.active

    def test_the_owner_does_not_exist(self, idp: Idp, org: Organization) -> None:  # O8
        owner = OwnerFactory.create(org=org)
        assert idp.get(f"/Users/{owner.id}").status_code == 404
        assert idp.delete(f"/Users/{owner.id}").status_code == 404

    def test_takes_at_most_two_queries(self, idp: Idp, django_assert_max_num_queries) -> None:
        path = f"/Users/{idp.post('/Users', ADA).json()['id']}"
        with django_assert_max_num_queries(2):
            assert idp.get(path).status_code == 200


class TestLookingUp:
    @pytest.mark.parametrize("name", ["Ada@corp.example", "ada@CORP.example"])
    def test_finds_by_user_name_in_any_letter_case(self, idp: Idp, name: str) -> None:
        created = idp.post("/Users", ADA).json()
        idp.post("/Users", {"userName": "grace"})
        found = idp.get(f'/Users?filter=userName eq "{name}"').json()
        assert found["totalResults"] == found["itemsPerPage"] == found["startIndex"] == 1
        assert found["Resources"] == [created]

    @pytest.mark.parametrize(
        ("found", "total"),
        [
            ('emails[type eq "work"].value eq "ADA@corp.example"', 1),
            ('emails[type eq "home"].value eq "ada@corp.example"', 0),
            ("emails[primary eq true]", 1),
            ('emails[not (type eq "work")]', 0),
        ],
    )
    def test_by_what_one_address_is(self, idp: Idp, found: str, total: int) -> None:  # S5
        idp.post("/Users", ADA)
        assert idp.get(f"/Users?filter={found}").json()["totalResults"] == total

    def test_without_a_match_is_an_empty_list(self, idp: Idp) -> None:  # S1
        answer = idp.get('/Users?filter=userName%20eq%20"nobody"')
        assert answer.status_code == 200
        assert answer.json()["totalResults"] == 0
        assert answer.json()["Resources"] == []

    def test_lists_neither_owner_nor_staff_nor_strangers_nor_deleted(self, idp: Idp, org: Organization) -> None:  # U3
        OwnerFactory.create(org=org), StaffFactory.create(), UserFactory.create()
        idp.delete(f"/Users/{UserFactory.create(org=org).id}")
        listed = UserFactory.create(org=org)
        assert [user["id"] for user in idp.get("/Users").json()["Resources"]] == [str(listed.id)]

    def test_an_unknown_attribute_is_400(self, idp: Idp) -> None:
        answer = idp.get('/Users?filter=shoeSize eq "42"')
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidFilter")

    def test_takes_at_most_two_queries(self, idp: Idp, django_assert_max_num_queries) -> None:
        idp.post("/Users", ADA)
        with django_assert_max_num_queries(2):
            assert idp.get('/Users?filter=userName eq "ada@corp.example"').json()["totalResults"] == 1


class TestRenaming:
    @pytest.fixture
    def ada(self, idp: Idp) -> str:
        return f"/Users/{idp.post('/Users', ADA).json()['id']}"

    def test_to_the_address_of_a_colleague_is_a_conflict(self, idp: Idp, org: Organization, ada: str) -> None:  # U2
        UserFactory.create(org=org, user_name="grace@corp.example")
        answer = idp.patch(ada, {"op": "replace", "path": "userName", "value": "Grace@corp.example"})
        assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")

    def test_to_an_address_of_another_org_is_like_to_any_other(self, idp: Idp, ada: str) -> None:  # O6, U2
        UserFactory.create(user_name="grace@corp.example")
        answer = idp.patch(ada, {"op": "replace", "path": "userName", "value": "grace@corp.example"})
        assert (answer.status_code, answer.json()["userName"]) == (200, "grace@corp.example")


class TestDeactivating:
    @pytest.mark.parametrize(
        "operation",
        [
            DEACTIVATE,
            {"op": "Replace", "path": "active", "value": "False"},  # Entra, legacy
            {"op": "replace", "value": {"active": False}},  # Okta
            {"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:User:active", "value": False},
        ],
    )
    def test_works_in_every_dialect(self, idp: Idp, operation: dict) -> None:  # S3, U4
        created = idp.post("/Users", ADA)
        answer = idp.patch(f"/Users/{created.json()['id']}", operation)
        assert answer.status_code == 200
        assert answer.json()["active"] is False
        assert not user_of(created).active

    def test_ends_every_session_for_good(self, idp: Idp) -> None:  # U4
        user = user_of(idp.post("/Users", ADA))
        browser = signed_in(user)
        assert browser.get("/account/").status_code == 200
        epoch = user.session_epoch
        idp.patch(f"/Users/{user.id}", DEACTIVATE)
        idp.patch(f"/Users/{user.id}", {"op": "replace", "path": "active", "value": True})
        user.refresh_from_db()
        assert user.active
        assert user.session_epoch == epoch + 1
        assert browser.get("/").headers["Location"].startswith("/sign-in/")

    def test_leaves_the_user_findable(self, idp: Idp) -> None:  # S5
        user = user_of(idp.post("/Users", ADA))
        idp.patch(f"/Users/{user.id}", DEACTIVATE)
        assert idp.get('/Users?filter=userName eq "ada@corp.example"').json()["totalResults"] == 1

    def test_is_carried_out_though_the_new_user_name_is_taken(self, idp: Idp) -> None:  # U4
        user = user_of(idp.post("/Users", ADA))
        idp.post("/Users", {"userName": "grace@corp.example"})
        value = {"userName": "grace@corp.example", "active": False, "displayName": "A. L."}
        answer = idp.patch(f"/Users/{user.id}", {"op": "replace", "value": value})
        assert answer.status_code == 200
        assert answer.json()["userName"] == "Ada@corp.example"
        user.refresh_from_db()
        assert (user.active, user.user_name, user.display_name) == (False, "Ada@corp.example", "A. L.")
        assert LedgerEntry.objects.get(user=user, slot="refused").was == "userName"

    @pytest.mark.parametrize("name", ["urn:acme\0:2.0:User", "a b", 'emails[kind eq "x"]', 'title[type eq "x"]'])
    def test_is_carried_out_beside_an_attribute_that_cannot_be(self, idp: Idp, name: str) -> None:  # U4, S2
        path = f"/Users/{idp.post('/Users', ADA).json()['id']}"
        assert idp.patch(path, DEACTIVATE, {"op": "add", "path": name, "value": "x"}).json()["active"] is False
        assert LedgerEntry.objects.filter(slot="refused").exists()
        assert idp.put(path, ADA).json()["active"] is True
        assert idp.put(path, ADA | {"active": False, name: "x"}).json()["active"] is False

    def test_again_tells_once_what_is_refused_beside_it(self, idp: Idp) -> None:  # U4
        path = f"/Users/{idp.post('/Users', ADA).json()['id']}"
        idp.patch(path, DEACTIVATE)
        for title in (5, 5, True, True):
            assert idp.patch(path, DEACTIVATE, {"op": "replace", "path": "title", "value": title}).status_code == 200
        assert LedgerEntry.objects.filter(slot="refused", was="title").count() == 2

    def test_again_changes_nothing(self, idp: Idp) -> None:
        user = user_of(idp.post("/Users", ADA))
        first = idp.patch(f"/Users/{user.id}", DEACTIVATE)
        changes = Change.objects.count()
        assert idp.patch(f"/Users/{user.id}", DEACTIVATE)["ETag"] == first["ETag"]
        assert Change.objects.count() == changes

    def test_works_while_user_provisioning_is_off_and_other_writes_do_not(
        self, idp: Idp, org: Organization
    ) -> None:  # O2
        user = user_of(idp.post("/Users", ADA))
        org.user_provisioning = False
        org.save()
        assert idp.post("/Users", {"userName": "grace"}).status_code == 403
        rename = {"op": "replace", "path": "displayName", "value": "x"}
        assert idp.patch(f"/Users/{user.id}", rename).status_code == 403
        assert idp.patch(f"/Users/{user.id}", rename, DEACTIVATE).status_code == 200
        user.refresh_from_db()
        assert (user.active, user.display_name) == (False, "")
        assert idp.get(f"/Users/{user.id}").status_code == 200
        assert idp.delete(f"/Users/{user.id}").status_code == 204


class TestTheOwner:
    """An account of its own beside whatever the IdP does (SPEC O8)."""

    @pytest.fixture
    def owner(self, org: Organization) -> User:
        return OwnerFactory.create(org=org, user_name="ada@corp.example")

    def test_has_a_person_with_the_same_address_beside_it(self, idp: Idp, owner: User) -> None:  # O8, U2
        created = idp.post("/Users", ADA)
        assert created.status_code == 201
        assert created.json()["id"] != str(owner.id)
        listed = idp.get('/Users?filter=userName eq "ada@corp.example"').json()
        assert [user["id"] for user in listed["Resources"]] == [created.json()["id"]]
        assert idp.post("/Users", ADA).status_code == 409

    def test_is_never_adopted_changed_or_ended(self, idp: Idp, owner: User) -> None:  # O8, U3
        as_made = people.facts_of(owner)
        beside = user_of(idp.post("/Users", ADA))
        for user in (owner, beside):
            idp.patch(f"/Users/{user.id}", DEACTIVATE)
            idp.put(f"/Users/{user.id}", ADA | {"displayName": "Somebody"})
            idp.delete(f"/Users/{user.id}")
        owner.refresh_from_db()
        assert (people.facts_of(owner), owner.scim_managed, owner.revision) == (as_made, False, 1)
        assert idp.post("/Users", ADA).json()["id"] == str(beside.id)  # revived

    def test_is_in_nobody_s_way_on_a_rename(self, idp: Idp, owner: User) -> None:  # O8
        user = user_of(idp.post("/Users", {"userName": "grace@corp.example"}))
        renamed = idp.patch(f"/Users/{user.id}", {"op": "replace", "path": "userName", "value": "ada@corp.example"})
        assert renamed.status_code == 200
        assert idp.put(f"/Users/{user.id}", ADA).status_code == 200


class TestDeleting:
    def test_hides_the_user_and_keeps_the_record(self, idp: Idp) -> None:  # U5, P6
        user = user_of(idp.post("/Users", ADA))
        answer = idp.delete(f"/Users/{user.id}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert idp.get(f"/Users/{user.id}").status_code == 404
        assert idp.delete(f"/Users/{user.id}").status_code == 404
        user.refresh_from_db()
        assert (user.active, user.login_email) == (False, None)
        assert user.deleted_at is not None

    def test_frees_the_name_which_then_means_the_same_person(self, idp: Idp) -> None:  # U3
        user = user_of(idp.post("/Users", ADA))
        User.objects.filter(id=user.id).update(manual_roles=["Admin"])
        idp.delete(f"/Users/{user.id}")
        revived = idp.post("/Users", {"userName": "ada@corp.example"})
        assert revived.status_code == 201
        assert revived.json()["id"] == str(user.id)
        user.refresh_from_db()
        assert (user.active, user.external_id, user.given_name, user.manual_roles) == (True, "", "", None)

    def test_another_external_id_means_somebody_else(self, idp: Idp) -> None:  # U3
        user = user_of(idp.post("/Users", ADA))
        idp.delete(f"/Users/{user.id}")
        assert idp.post("/Users", ADA | {"externalId": "00u2"}).json()["id"] != str(user.id)

    def test_of_several_of_a_name_the_same_external_id_means_the_same_person(self, idp: Idp) -> None:  # U3
        first, second = (ADA | {"externalId": external_id} for external_id in ("00u1", "00u2"))
        for body in (first, second):
            idp.delete(f"/Users/{idp.post('/Users', body).json()['id']}")
        User.objects.filter(external_id="00u2").update(external_id="")
        same = User.objects.get(external_id="00u1")
        assert idp.post("/Users", first).json()["id"] == str(same.id)


def without_savepoints(queries) -> list[str]:
    """The statements that production would send too: there, a command's transaction is no savepoint."""
    return [q["sql"] for q in queries.captured_queries if "SAVEPOINT" not in q["sql"]]
