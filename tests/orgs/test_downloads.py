import csv
import io
from datetime import UTC, datetime

import pytest

from orgs.web.downloads import as_csv, in_batches


def _cells(text: str) -> list[str]:
    answer = b"".join(as_csv("people", ["name"], [[text]])).decode()
    return list(csv.reader(io.StringIO(answer, newline="")))[1]


def _text(*rows: object) -> str:
    return b"".join(as_csv("people", ["a", "b"], rows)).decode()  # type: ignore[arg-type]


def test_a_list_is_downloaded_under_its_name() -> None:
    answer = as_csv("people", ["name"], [["Ada"]])
    assert answer["Content-Disposition"] == 'attachment; filename="people.csv"'
    assert b"".join(answer) == b'"name"\r\n"Ada"\r\n'


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_cell_that_a_spreadsheet_would_run_is_made_text(first: str) -> None:
    assert _cells(f"{first}cmd|'/C calc'!A0") == [f"'{first}cmd|'/C calc'!A0"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_cell_stays_one_whatever_separates_lists(separator: str) -> None:
    answer = b"".join(as_csv("people", ["name"], [[f"x{separator}=1+1"]])).decode()
    assert list(csv.reader(io.StringIO(answer), delimiter=separator)) == [["name"], [f"x{separator}=1+1"]]


def test_times_carry_their_zone_and_nothing_is_an_empty_cell() -> None:
    assert _text([datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), None]) == '"a","b"\r\n"2026-01-02T03:04:05+00:00",""\r\n'


def test_rows_come_in_batches_and_none_is_empty() -> None:
    assert list(in_batches(iter("abcde"), 2)) == [["a", "b"], ["c", "d"], ["e"]]
    assert list(in_batches("ab", 2)) == [["a", "b"]]
    assert list(in_batches("")) == []


def test_a_long_list_is_sent_in_pieces_of_many_lines_each() -> None:
    pieces = list(as_csv("people", ["n"], ([number] for number in range(10_000))))
    assert b"".join(pieces).count(b"\r\n") == 10_001
    assert 10 < len(pieces) < 100
