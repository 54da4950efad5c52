"""What searches for people look at: the words of their names, addresses and external IDs, each found by its beginning.

A GIN index has the words, each with the org's mark before it, so that a search reads only one org's part of it. That
needs no extension: pg_trgm, which would find the middle of a word too, is not everywhere.
"""

import re
from uuid import UUID

from django.contrib.postgres.search import SearchQueryField, SearchVectorField
from django.db.models import BooleanField, F, Func, Value
from django.db.models.functions import Cast

from orgs.db.keys import fold

# Between words: every ASCII character but letters and digits, and the spaces and punctuation of Unicode's first blocks.
# The function `orgs_person_words`, of a migration, says the same.
_BETWEEN = re.compile("[\u0001-\u002f\u003a-\u0060\u007b-\u00a0\u2000-\u206f\u3000]+")
LETTERS = 64  # of a word that are compared
WORDS = 20  # of a search

PERSON_WORDS = Func(
    *(F(name) for name in ("org", "user_name_key", "folded", "external_id", "email_keys")),
    function="orgs_person_words",
    output_field=SearchVectorField(),
)
"""For people: their words. SQL alone makes them, since an index on them is built beside those who write."""


def words_of(text: str) -> list[str]:
    """The words to search for, folded."""
    return [word[:LETTERS] for word in _BETWEEN.split(fold(text)) if word][:WORDS]


def have_words(org_id: UUID, words: list[str]) -> Func:
    """A condition on people: each of these words begins one of theirs. It implies the org, nearly: ask for that too."""
    mark = str(org_id)[-12:]
    query = " & ".join(f"'{mark}{word}':*" for word in words)
    return Func(
        PERSON_WORDS,
        Cast(Value(query), output_field=SearchQueryField()),
        template="%(expressions)s",
        arg_joiner=" @@ ",
        output_field=BooleanField(),
    )
