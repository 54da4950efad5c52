"""ETags (RFC 7644 §3.14)."""

import pytest

from orgs.models import User
from tests.conftest import Idp

RENAME = {"op": "replace", "path": "displayName", "value": "Ada"}


@pytest.fixture
def created(idp: Idp):
    return idp.post("/Users", {"userName": "ada"})


class TestIfMatch:
    def test_takes_the_etag_exactly_as_printed(self, idp: Idp, created) -> None:  # S1
        assert idp.patch(f"/Users/{created.json()['id']}", RENAME, if_match=created["ETag"]).status_code == 200

    @pytest.mark.parametrize("condition", ["*", '"1"', 'W/"7", W/"1"'])
    def test_takes_other_forms_of_it(self, idp: Idp, created, condition: str) -> None:
        assert idp.patch(f"/Users/{created.json()['id']}", RENAME, if_match=condition).status_code == 200

    @pytest.mark.parametrize("condition", ['W/"2"', '"x"', "nonsense"])
    def test_of_another_version_is_412_and_changes_nothing(self, idp: Idp, created, condition: str) -> None:
        path = f"/Users/{created.json()['id']}"
        for answer in (
            idp.patch(path, RENAME, if_match=condition),
            idp.put(path, {"userName": "grace"}, if_match=condition),
            idp.delete(path, if_match=condition),
        ):
            assert answer.status_code == 412
        user = User.objects.get()
        assert (user.user_name, user.display_name, user.deleted_at) == ("ada", "", None)

    def test_lets_one_of_two_writers_win(self, idp: Idp, created) -> None:
        path = f"/Users/{created.json()['id']}"
        answers = [idp.patch(path, RENAME, if_match=created["ETag"]) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 412]


class TestIfNoneMatch:
    def test_of_the_present_version_is_304_without_a_body(self, idp: Idp, created) -> None:
        answer = idp.get(f"/Users/{created.json()['id']}", if_none_match=created["ETag"])
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer["ETag"] == created["ETag"]
        assert "Content-Length" not in answer  # RFC 9110 §8.6: 0 would be the length of the user

    def test_of_another_version_is_the_user(self, idp: Idp, created) -> None:
        assert idp.get(f"/Users/{created.json()['id']}", if_none_match='W/"7"').status_code == 200


def test_a_change_has_a_new_etag_and_no_change_has_the_same(idp: Idp, created) -> None:
    path = f"/Users/{created.json()['id']}"
    changed = idp.patch(path, RENAME)
    assert changed["ETag"] != created["ETag"]
    assert idp.patch(path, RENAME)["ETag"] == changed["ETag"] == idp.get(path)["ETag"]
