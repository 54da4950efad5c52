"""How somebody is recognised in text that others wrote (SPEC U5)."""

import json
import re
from urllib.parse import quote, quote_plus
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgs.db.keys import fold
from orgs.traces import GONE, TELLING, Traces

ADA = UUID("01990000-0000-7000-8000-00000000ada1")
ADDRESS = "ada.o'neil+x@corp.example"
traces = Traces(ADA, [ADDRESS, "17", "Müller-Straße"])


@pytest.mark.parametrize(
    "text",
    [
        str(ADA).upper(),
        ADA.hex,
        f"/Users/{ADA}",
        ADDRESS.upper(),
        f"<{ADDRESS}>, or so.",
        f"the value '{ADDRESS}'",
        quote(f'userName eq "{ADDRESS}"'),
        quote_plus(f'userName eq "{ADDRESS}"'),
        json.dumps({"path": quote(f"/Users?filter={ADDRESS}", safe="")}),
        json.dumps({"x": "MÜLLER-STRASSE"}),
        json.dumps({"x": "Mu\u0308ller-Straße"}),
        '{"externalId": "17"}',
        '{"externalId":"\\u0031\\u0037"}',
        "externalId%20eq%20%2217%22",
        "externalId eq '17'",
    ],
)
def test_is_found_however_it_is_written(text: str) -> None:
    assert traces.found_in("", text)
    assert re.search(traces.candidates(), text, re.IGNORECASE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "17",
        '{"startIndex": 17, "count": "170", "title": "17"}',
        f"joan.{ADDRESS}",
        f"x-{ADDRESS}",
        f"{ADDRESS}.org",
        f"{ADDRESS}s",
        str(ADA)[:-1] + "2",
        "Müller",
    ],
)
def test_is_not_found_in_what_is_only_like_it(text: str) -> None:
    assert not traces.found_in(text)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=TELLING).filter(str.strip))
def test_whatever_a_user_name_is_no_encoding_hides_it(name: str) -> None:
    found = Traces(ADA, [name])
    quoted = json.dumps(name)
    texts = [quoted, json.dumps(name, ensure_ascii=False), json.dumps(fold(name)), quote(f'"{name}"'), quote(quoted)]
    for text in texts:
        assert found.found_in(text), text
        assert re.search(found.candidates(), text, re.IGNORECASE | re.ASCII), text


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ({"title": "Tester", "n": 5, "on": None}, {"title": "Tester", "n": 5, "on": None}),
        ({"manager": {"value": str(ADA), "displayName": "Ada"}, "a": 1}, {"manager": {"value": str(ADA)}, "a": 1}),
        ({"manager": {"$ref": f"../Users/{ADA}", "display": "Ada"}}, {"manager": {"$ref": f"../Users/{ADA}"}}),
        ({"manager": {"value": ADDRESS.upper(), "displayName": "Ada"}, "a": 1}, {"a": 1}),
        ({"manager": {"value": ADDRESS}}, GONE),
        ({"owners": [{"value": ADDRESS}, {"value": "bo"}]}, {"owners": [{"value": "bo"}]}),
        ({"note": f"ask {ADDRESS}", "code": "17"}, {"code": "17"}),
        ({ADDRESS: 1, "b": 2}, {"b": 2}),
        ({"empty": [], "none": {}}, {"empty": [], "none": {}}),
        ([[ADDRESS]], GONE),
    ],
)
def test_what_is_left_of_others_attributes(value: object, left: object) -> None:
    assert traces.without(value) == left


def test_somebody_without_anything_of_their_own_is_known_by_the_id() -> None:
    nobody = Traces(ADA, [""])
    assert not nobody.found_in("", '""', "anything")
    assert nobody.found_in(str(ADA))
