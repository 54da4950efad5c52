"""Messages in pieces are the messages, however they are cut."""

from itertools import islice

import orjson
from hypothesis import given
from hypothesis import strategies as st

from scim.protocol.listing import list_pieces
from scim.protocol.pieces import Parts, resource_pieces
from scim.protocol.projection import everything, read_projection
from tests.scim.protocol.profiles import lambdatest

members = st.lists(st.lists(st.fixed_dictionaries({"value": st.text("ab,]"), "type": st.just("User")})))
resources = st.dictionaries(st.sampled_from(["id", "schemas", "meta"]), st.integers(0, 9))


def joined(parts):
    return [element for part in parts for element in part]


def told(pieces):
    return orjson.loads(b"".join(pieces))


@given(resources, members, members)
def test_a_resource_is_complete_whatever_its_parts(resource, first, second):  # S9
    told_whole = told(resource_pieces(resource | {"members": Parts(first), "more": Parts(second)}))
    assert told_whole == resource | {"members": joined(first), "more": joined(second)}
    assert told(resource_pieces(resource)) == resource


@given(st.lists(resources), members)
def test_a_list_is_complete_and_counted(found, parts):  # S1, S9
    message = told(list_pieces([*found, {"members": Parts(parts)}], total=7, start_index=3))
    assert message["Resources"] == [*found, {"members": joined(parts)}]
    assert (message["itemsPerPage"], message["totalResults"], message["startIndex"]) == (len(found) + 1, 7, 3)


def test_nothing_is_read_before_its_turn():  # S9
    read = []

    def reading(name, count):
        for number in range(count):
            read.append(f"{name}{number}")
            yield name, number

    def resource():
        for _, number in reading("resource", 3):
            yield {"id": number, "members": Parts([{"value": each[1]}] for each in reading("member", 2))}

    for _ in islice(list_pieces(resource()), 4):
        pass
    assert read == ["resource0", "member0"]


@given(members)
def test_a_projection_takes_effect_on_each_part(parts):
    group = {"id": "1", "displayName": "A", "members": Parts(parts)}
    kind = lambdatest.group
    names = read_projection(["members.value"], [], kind).apply(group)
    assert told(resource_pieces(names))["members"] == [{"value": each["value"]} for part in parts for each in part]
    whole = told(resource_pieces(everything(kind).apply(group)))
    assert whole["members"] == joined(parts)
