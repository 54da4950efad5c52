"""Files of imports, whatever wrote them: read in pieces, and refused by the row."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scim import import_files
from scim.import_files import Sheet, Unreadable

few = settings(max_examples=settings().max_examples // 3)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
RESOURCES = st.lists(st.dictionaries(TEXT, VALUES).map(lambda rest: {"userName": "x", **rest}), max_size=5)


def read(content: bytes) -> list[Any]:
    found = import_files.read(io.BytesIO(content))
    return [[place, *cells] for place, cells in found.rows] if isinstance(found, Sheet) else list(found)


@pytest.fixture(params=[1, 7, 65536])
def piece(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are cut into pieces anywhere."""
    monkeypatch.setattr(import_files, "_PIECE", request.param)


@pytest.mark.usefixtures("piece")
class TestAnyFile:
    @few
    @given(
        st.lists(st.lists(TEXT, min_size=2, max_size=2), max_size=5), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])
    )
    def test_of_csv_has_the_cells_that_were_written(self, rows: list[list[str]], encoding: str) -> None:
        written = io.StringIO(newline="")
        csv.writer(written, quoting=csv.QUOTE_ALL).writerows([["userName", "title"], *rows])
        told = [[place, *cells] for place, cells in enumerate(rows, 2) if any(cell.strip() for cell in cells)]
        assert read(written.getvalue().encode(encoding)) == told

    @few
    @given(RESOURCES, st.booleans())
    def test_of_json_has_the_resources_that_were_written(self, resources: list[Any], spaced: bool) -> None:
        numbered = list(enumerate(resources, 1))
        lists = {"schemas": [], "totalResults": len(resources), "Resources": resources, "itemsPerPage": 1}
        for content in (resources, lists):
            assert read(json.dumps(content, indent=1 if spaced else None).encode()) == numbered
        if resources:
            assert read("\n".join(map(json.dumps, resources)).encode()) == numbered


class TestDelimiters:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_are_those_of_the_header(self, delimiter: str) -> None:
        assert read(f"userName{delimiter}title\nada{delimiter}Lead".encode()) == [[2, "ada", "Lead"]]

    def test_of_lines_may_be_of_any_system(self) -> None:
        for end in ("\n", "\r\n", "\r"):
            assert read(f"userName,title{end}ada,x{end}{end}bo,y".encode()) == [[2, "ada", "x"], [4, "bo", "y"]]


class TestWhatIsNoFile:
    @pytest.mark.parametrize(
        ("content", "why", "place"),
        [
            (b"", "empty", None),
            (b"userName\n\xe9mile\n", "encoding", None),
            (b'userName\n"ada\n', "csv", 2),
            (b'userName\nada\n"b"o\n', "csv", 3),
            (b"[{}, {]", "json", 2),
            (b"[{} {}]", "json", 2),
            (b'[{"a": NaN}]', "json", 1),
            (b'{"userName": "ada"} x', "json", 2),
            (b'{"Resources": [{"userName": "ada"}', "json", 2),
            (b"[" * 100_000, "json", 1),
            (b'["' + b"x" * 200, "json", 1),
        ],
    )
    def test_is_told_with_the_row(self, content: bytes, why: str, place: int | None) -> None:
        with pytest.raises(Unreadable) as refused:
            read(content)
        assert (refused.value.why, refused.value.place) == (why, place)

    def test_a_late_byte_is_told_with_the_row(self) -> None:
        with pytest.raises(Unreadable) as refused:
            read(b"userName\n" + b"ada\n" * 40_000 + b"\xe9mile\n")
        assert refused.value.why == "encoding"
        assert refused.value.place is not None

    def test_a_resource_has_a_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(import_files, "MOST_TEXT", 1000)
        with pytest.raises(Unreadable, match="too_large"):
            read(b'[{"userName": "' + b"x" * 200_000 + b'"}]')
