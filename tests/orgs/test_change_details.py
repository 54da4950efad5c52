"""What changes tell: verbs and keys that only one module spells, and shapes that are read for ever."""

import subprocess
import sys
import types
import typing
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from django.utils import timezone

from config.environment import ROOT
from orgs import change_details, history
from orgs.change_details import VERBS, Detail, GroupCreated, PersonDetail, UserCreated, UserTakenOut
from orgs.history import Cause
from orgs.models import Change, Door, Organization
from tests.orgs.golden import ADA, EXAMPLES, Example


def examples_of(kind: type[Detail]) -> Iterator[Example]:
    return (each for each in EXAMPLES if each.verb == kind.verb)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_what_was_stored_is_what_would_be_stored(example: Example) -> None:
    detail = change_details.read(example.verb, example.detail)
    assert detail
    assert type(detail) is VERBS[example.verb]
    lacking = {"Before `marked`.": {"marked": 0}, "Before `owner`.": {"owner": None}}.get(example.older, {})
    assert detail.stored() == example.detail | lacking
    assert bool(example.older) == bool(lacking)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_what_was_stored_is_of_the_types_that_are_written(example: Example) -> None:
    """The parts of details stay JSON, which nothing else compares with their types."""
    kind = VERBS[example.verb]
    hints = get_type_hints(kind)
    detail = kind.of(example.detail)
    assert [each.name for each in fields(detail) if not _fits(getattr(detail, each.name), hints[each.name])] == []


def _fits(value: Any, hint: Any) -> bool:
    """Whether a JSON value is of a type, key by key."""
    if is_typeddict(hint):
        hints = get_type_hints(hint)
        there = type(value) is dict and hint.__required_keys__ <= value.keys() <= hints.keys()
        return there and all(_fits(value[key], hints[key]) for key in value)
    match get_origin(hint):
        case None:
            return hint is Any or type(value) is hint
        case types.UnionType:
            return any(_fits(value, each) for each in get_args(hint))
        case typing.Literal:
            return value in get_args(hint)
        case collection if collection is list:
            return type(value) is list and all(_fits(each, *get_args(hint)) for each in value)
        case _:
            return all(_fits(each, get_args(hint)[1]) for each in value.values())


@pytest.mark.parametrize("kind", VERBS.values(), ids=VERBS)
class TestEveryVerb:
    def test_has_an_example(self, kind: type[Detail]) -> None:
        assert any(examples_of(kind))

    def test_has_an_example_of_each_key_there_and_left_out(self, kind: type[Detail]) -> None:
        there = [set(each.detail) for each in examples_of(kind)]
        for each in fields(kind):  # type: ignore[arg-type]
            assert any(each.name in keys for keys in there), each.name
            always = each.default is each.default_factory is MISSING and not each.metadata
            assert always == all(each.name in keys for keys in there), each.name

    def test_fits_the_column(self, kind: type[Detail]) -> None:
        assert len(kind.verb) <= Change._meta.get_field("verb").max_length  # type: ignore[union-attr,operator]


class TestReading:
    def test_a_verb_of_a_newer_release_tells_nothing(self) -> None:
        assert change_details.read("moon.landed", {"by": "Neil"}) is None

    def test_a_key_of_a_newer_release_is_not_read(self) -> None:
        assert change_details.read("user.created", {"user": ADA, "shoe_size": 41}) == UserCreated(user=ADA)

    def test_a_key_that_was_never_left_out_is_missed(self) -> None:
        with pytest.raises(KeyError, match="user"):
            change_details.read("user.created", {})


class TestWriting:
    @pytest.fixture
    def cause(self) -> Cause:
        return Cause(Door.COMMAND, timezone.now())

    def test_what_is_recorded_is_read_again(self, db: None, org: Organization, cause: Cause) -> None:
        told = UserTakenOut(user=ADA, entity=str(org.id), kind="team", name="Platform", against_scim=True)
        change = history.record(org, cause, told)
        assert history.read(change) == history.read(Change.objects.get(id=change.id)) == told

    def test_what_several_verbs_have_in_common_is_none(self, org: Organization, cause: Cause) -> None:
        with pytest.raises(AttributeError, match="verb"):
            history.record(org, cause, PersonDetail(user=ADA))
        assert not Change.objects.filter(org=org).exists()

    @pytest.mark.parametrize("told", [{}, {"user": ADA, "shoe_size": 41}, {"person": ADA}])
    def test_keys_are_the_verb_s_own(self, told: dict[str, Any]) -> None:
        with pytest.raises(TypeError):
            UserCreated(**told)

    def test_a_verb_is_spelled_once(self) -> None:
        with pytest.raises(AssertionError, match=r"user\.created"):

            class Again(PersonDetail, verb="user.created"):
                pass

        assert VERBS["user.created"] is UserCreated

    def test_no_default_is_shared(self) -> None:
        some, others = (GroupCreated(group=ADA, name="x", added=0, removed=0, nested=0, marked=0) for _ in range(2))
        assert some.mappings is not others.mappings

    def test_the_type_checker_refuses_what_is_not_a_verb_s_own(self, tmp_path: Path) -> None:
        refused = [
            'UserCreated(person="x")',
            "UserCreated(user=1)",
            "UserCreated()",
            'UserRolesSet(user="x", was=[], now="Admin")',
            'ConflictDecided(use="newest", conflicts=1)',
            "EntityLimited(**about, was=1)",
            'EntityRenamed(**about | {"name": 1}, was="x")',
            'RuleDeleted(rule={"id": "x", "pattern": ""})',
            'RenameStory(entity="x", kind="team", was="x", new="y")',
        ]
        allowed = [
            'UserCreated(user="x")',
            "EntityLimited(**about, was=1, now=None)",
            'ConflictDecided(use="current", conflicts=1)',
        ]
        lines = ["from orgs.change_details import *", 'about: EntityAbout = {"entity": "x", "kind": "x", "name": "x"}']
        told = _type_errors(tmp_path, [*lines, *refused, *allowed])
        assert told == set(range(len(lines) + 1, len(lines) + 1 + len(refused)))


def _type_errors(folder: Path, lines: list[str]) -> set[int]:
    """The numbers of the lines that mypy has something against."""
    script = folder / "script.py"
    script.write_text("\n".join(lines))
    command = [sys.executable, "-m", "mypy", "--config-file=", "--no-error-summary", "--cache-dir", str(folder)]
    done = subprocess.run([*command, script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.stderr
    return {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error: " in line}
