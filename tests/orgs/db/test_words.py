"""The words that searches for people look at."""

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from orgs.db.keys import fold, uuid7
from orgs.db.words import LETTERS, WORDS, have_words, words_of
from orgs.models import User
from tests.factories import OrganizationFactory, UserFactory

pytestmark = pytest.mark.django_db


def words_in_database(text: str) -> set[str]:
    """The words of somebody with this name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT substr(word, 13) FROM unnest(tsvector_to_array(orgs_person_words(%s, %s, '{}', '', '{}'))) AS word",
            [uuid7(), fold(text)],
        )
        return {word for (word,) in cursor.fetchall()}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ada Lovelace", ["ada", "lovelace"]),
        ("ada.lovelace+it@corp.example", ["ada", "lovelace", "it", "corp", "example"]),
        ("Jörg O'Brien-STRASSE", ["jörg", "o", "brien", "strasse"]),
        ("山田\u3000太郎", ["山田", "太郎"]),
        ("'a':* & !b \\ c", ["a", "b", "c"]),
        (" ", []),
        ("x" * 100, ["x" * LETTERS]),
    ],
)
def test_are_parted_by_space_and_punctuation(text: str, words: list[str]) -> None:
    assert words_of(text) == words
    assert words_in_database(text) == set(words)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60))
def test_are_the_same_in_python_and_in_the_database(text: str) -> None:
    words = words_of(text)
    assert len(words) < WORDS or len(words_in_database(text)) >= WORDS
    if len(words) < WORDS:
        assert words_in_database(text) == set(words)


def test_of_the_longest_texts_fit() -> None:
    org = OrganizationFactory.create()
    words = " ".join(f"w{number}" for number in range(20_000))
    keys = [f"{number}.{'é' * 490}" for number in range(500)]
    long = UserFactory.create(
        org=org, folded={"displayName": words, "name": {"familyName": "ß" * 2000}}, email_keys=keys
    )
    assert list(User.objects.for_org(org).filter(have_words(org.id, ["w17"]))) == [long]


def test_belong_to_an_org() -> None:
    ours, theirs = OrganizationFactory.create_batch(2)
    people = [UserFactory.create(org=org, user_name="ada@corp.example") for org in (ours, theirs)]
    assert list(User.objects.filter(have_words(ours.id, ["ada"]))) == people[:1]
