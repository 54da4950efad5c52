import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim.protocol.bulk import Done, read_bulk, run
from scim.protocol.errors import InvalidSyntax, InvalidValue, ScimError, Uniqueness

from .json_values import json_values
from .profiles import standard

BASE = "https://example.com/scim"


def post(bulk_id, **data):
    return {"method": "POST", "path": "/Groups" if "members" in data else "/Users", "bulkId": bulk_id, "data": data}


def bulk(*operations, limit=100, **envelope):
    return read_bulk({"Operations": list(operations)} | envelope, standard.resource_types, max_operations=limit)


def answer(*operations, failing=(), **envelope):
    """The results of operations whose ids are their bulkIds in capitals, and what was executed."""
    executed = []

    def execute(operation):
        executed.append(operation)
        if operation.bulk_id in failing:
            raise Uniqueness("Taken.")
        id_ = operation.resource_id or operation.bulk_id.upper()
        return Done(201 if operation.method == "POST" else 200, id_, 'W/"1"')

    return run(bulk(*operations, **envelope), execute, BASE)["Operations"], executed


def statuses(*operations, **more):
    return [result["status"] for result in answer(*operations, **more)[0]]


class TestTheEnvelope:
    @pytest.mark.parametrize("body", [None, [], {}, {"Operations": {}}, {"Operations": None}])
    def test_needs_operations(self, body):
        with pytest.raises(InvalidSyntax):
            read_bulk(body, standard.resource_types, max_operations=1)

    @pytest.mark.parametrize("value", [-1, "1", True, False, 1.5, 0.0])
    def test_takes_a_number_of_errors(self, value):
        with pytest.raises(InvalidValue):
            bulk(failOnErrors=value)

    def test_is_limited(self):  # RFC 7644 §3.7.4
        with pytest.raises(ScimError) as caught:
            bulk(post("a"), post("b"), limit=1)
        assert caught.value.status == 413


class TestOperations:
    def test_are_answered_with_location_version_and_status(self):
        assert answer(post("a", userName="x"))[0] == [
            {"method": "POST", "bulkId": "a", "location": f"{BASE}/Users/A", "status": "201", "version": 'W/"1"'}
        ]

    def test_are_read_in_any_letter_case(self):
        _, (operation,) = answer(
            {"Method": "patch", "PATH": "users/7?x=y", "Data": {"Operations": []}, "version": 'W/"1"'}
        )
        assert (operation.method, operation.kind.name, operation.resource_id) == ("PATCH", "User", "7")
        assert (operation.version, operation.data) == ('W/"1"', {"Operations": []})

    @pytest.mark.parametrize(
        ("operation", "status"),
        [
            ("x", "400"),
            ({}, "400"),
            ({"method": "GET", "path": "/Users/1"}, "400"),
            ({"method": "POST", "path": "/Users", "data": {}}, "400"),
            ({"method": "POST", "path": "/Users/1", "bulkId": "a", "data": {}}, "400"),
            ({"method": "DELETE", "path": "/Users"}, "400"),
            ({"method": "PUT", "path": "/Users/1"}, "400"),
            ({"method": "PUT", "path": "/Users/1", "data": {}, "version": 5}, "400"),
            ({"method": "DELETE", "path": "/Things/1"}, "404"),
            ({"method": "DELETE", "path": "/Users/1/2"}, "404"),
            ({"method": "DELETE", "path": "/Users/bulkId:nobody"}, "400"),
        ],
    )
    def test_fail_by_themselves(self, operation, status):
        results, executed = answer(operation, post("b"))
        assert [result["status"] for result in results] == [status, "201"]
        assert results[0]["response"]["status"] == status
        assert len(executed) == 1

    def test_need_different_bulk_ids(self):
        assert statuses(post("a"), post("a"), post("b", members=[{"value": "bulkId:a"}])) == ["201", "400", "201"]

    @pytest.mark.parametrize(("fail_on_errors", "count"), [(1, 1), (2, 3), (None, 4), (0, 4)])
    def test_stop_at_so_many_errors(self, fail_on_errors, count):  # RFC 7644 §3.7.3, S10
        operations = [post("a"), post("b"), post("c"), post("d")]
        assert len(statuses(*operations, failing="ac", failOnErrors=fail_on_errors)) == count


class TestReferences:
    def test_are_replaced_in_data_and_paths(self):  # RFC 7644 §3.7.2
        remove = {"method": "DELETE", "path": "/Users/bulkId:a"}
        _, executed = answer(post("a"), post("g", members=[{"value": "bulkId:a", "display": "bulkId"}]), remove)
        assert executed[1].data == {"members": [{"value": "A", "display": "bulkId"}]}
        assert executed[2].resource_id == "A"

    def test_may_point_forward(self):
        results, executed = answer(post("g", members=[{"value": "bulkId:a"}]), post("a"), post("b"))
        assert [operation.bulk_id for operation in executed] == ["a", "g", "b"]
        assert [result["bulkId"] for result in results] == ["g", "a", "b"]

    def test_in_a_circle_are_refused(self):  # RFC 7644 §3.7.1
        circle = [post("g", members=[{"value": "bulkId:h"}]), post("h", members=[{"value": "bulkId:g"}])]
        assert statuses(*circle, post("a"), post("s", members=[{"value": "bulkId:s"}])) == ["409", "409", "201", "409"]

    def test_to_what_failed_are_refused(self):
        assert statuses(post("a"), post("g", members=[{"value": "bulkId:a"}]), failing="a") == ["409", "409"]

    def test_to_nothing_are_refused(self):
        assert statuses(post("g", members=[{"value": "bulkId:x"}])) == ["400"]

    def test_in_bottomless_data_are_refused(self):
        data = current = {}
        for _ in range(900):
            current["a"] = current = {}
        assert statuses(post("a", **data)) == ["400"]


@given(
    st.lists(
        json_values
        | st.fixed_dictionaries(
            {
                "method": st.just("POST"),
                "path": st.just("/Users"),
                "bulkId": st.sampled_from("abc"),
                "data": st.dictionaries(st.text(max_size=2), st.sampled_from(["bulkId:a", "bulkId:b", "x"])),
            }
        ),
        max_size=5,
    )
)
def test_every_operation_gets_one_answer(operations):
    results, _ = answer(*operations)
    assert len(results) == len(operations)
    json.dumps(results, ensure_ascii=False).encode()
