"""What searches for people look at: the words of their names, addresses and external IDs, each found by its beginning.

A GIN index has the words, each with the org's mark before it, so that a search reads only one org's part of it. That
needs no extension: pg_trgm, which would find the middle of a word too, is not everywhere.
"""

import re
from collections.abc import Iterable
from uuid import UUID

from django.contrib.postgres.search import SearchQueryField, SearchVectorField
from django.db import connection, transaction
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
    return Func(
        PERSON_WORDS,
        Cast(Value(_query(org_id, words)), output_field=SearchQueryField()),
        template="%(expressions)s",
        arg_joiner=" @@ ",
        output_field=BooleanField(),
    )


def people_with(words: list[str], org_ids: Iterable[UUID], *, most: int) -> set[UUID]:
    """The ids of people of any of these orgs in whose words each of these begins one; `most` of them at most.

    One look-up in the index for each org, of some fifteen microseconds.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        # Statistics know nothing of what begins with a word: a plan may rather make everybody's words anew.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(_ANYWHERE, [[_query(org_id, words) for org_id in org_ids], most, most])
        found = {id_ for (id_,) in cursor.fetchall()}
        cursor.execute("SET LOCAL enable_seqscan = on")
    return found


# One query of all orgs would be asked about each row that any of them finds.
_ANYWHERE = """
SELECT found.id FROM unnest(%s::text[]) AS asked (words) CROSS JOIN LATERAL (
    SELECT id FROM orgs_user
    WHERE orgs_person_words(org_id, user_name_key, folded, external_id, email_keys) @@ asked.words::tsquery LIMIT %s
) AS found LIMIT %s
"""


def _query(org_id: UUID, words: list[str]) -> str:
    mark = str(org_id)[-12:]
    return " & ".join(f"'{mark}{word}':*" for word in words)
