"""Statements that are declared once and then called, as they are derived from their text."""

from orgs.db.prepared import Prepared


def test_it_is_its_text() -> None:
    assert Prepared("SELECT %s") == "SELECT %s"
    assert f"{Prepared('SELECT 1')} UNION SELECT 2" == "SELECT 1 UNION SELECT 2"


def test_parameters_are_numbered_as_they_come() -> None:
    statement = Prepared("SELECT %s, '5 %%' WHERE %s")
    assert statement.declaration == f"PREPARE {statement.name} AS SELECT $1, '5 %' WHERE $2"
    assert statement.call == f"EXECUTE {statement.name} (%s, %s)"


def test_a_name_that_comes_twice_is_one_parameter() -> None:
    statement = Prepared("SELECT %(a)s, %(b)s, %(a)s")
    assert statement.declaration == f"PREPARE {statement.name} AS SELECT $1, $2, $1"
    assert statement.call == f"EXECUTE {statement.name} (%(a)s, %(b)s)"


def test_without_parameters_it_is_called_by_its_name() -> None:
    statement = Prepared("SELECT 1")
    assert statement.call == f"EXECUTE {statement.name}"


def test_the_name_is_that_of_the_text() -> None:
    assert Prepared("SELECT 1").name == Prepared("SELECT 1").name != Prepared("SELECT 2").name
