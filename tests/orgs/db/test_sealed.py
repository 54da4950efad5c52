"""Secrets in the database: sealed for their row, with keys that can be changed."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test.utils import isolate_apps
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from orgs.db import sealed
from orgs.db.keys import uuid7
from orgs.db.sealed import SealedField, Unreadable, seal, unseal

OLD, NEW = "the former key, of more than 32 characters", "the present key, of more than 32 characters"


@pytest.fixture(autouse=True)
def keys(settings: Settings) -> Settings:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []
    return settings


class TestASealedSecret:
    @given(secret=st.text(alphabet=st.characters(exclude_categories=["Cs"])))
    def test_is_read_again_in_its_row_and_in_no_other(self, secret: str) -> None:  # L9
        mine, yours = uuid7(), uuid7()
        kept = seal(secret, owner=mine)
        assert unseal(kept, owner=mine) == secret
        assert len(secret) < 4 or secret not in kept
        with pytest.raises(Unreadable):
            unseal(kept, owner=yours)

    def test_survives_a_change_of_the_key_that_keeps_the_former_one(self, keys: Settings) -> None:  # L9
        kept = seal("s", owner=(row := uuid7()))
        keys.SECRET_KEY, keys.SECRET_KEY_FALLBACKS = NEW, [OLD]
        assert unseal(kept, owner=row) == "s"
        keys.SECRET_KEY_FALLBACKS = []
        with pytest.raises(Unreadable):
            unseal(kept, owner=row)

    def test_is_sealed_with_the_present_key(self, keys: Settings) -> None:
        keys.SECRET_KEY, keys.SECRET_KEY_FALLBACKS = NEW, [OLD]
        kept = seal("s", owner=(row := uuid7()))
        keys.SECRET_KEY_FALLBACKS = []
        assert unseal(kept, owner=row) == "s"

    @pytest.mark.parametrize("wrong", ["", "secret", "ÿ", "gAAAAA"])
    def test_is_not_taken_for_one_where_it_is_none(self, wrong: str) -> None:
        with pytest.raises(Unreadable):
            unseal(wrong, owner=uuid7())

    def test_is_noticed_where_it_was_changed(self) -> None:
        kept = seal("secret", owner=(row := uuid7()))
        for at in range(len(kept) - 4):  # what comes last may be padding
            changed = kept[:at] + ("A" if kept[at] != "A" else "B") + kept[at + 1 :]
            with pytest.raises(Unreadable):
                unseal(changed, owner=row)


@contextmanager
def a_table() -> Iterator[Any]:
    """A table with two sealed columns and one that only looks like one."""
    with isolate_apps("orgs"):

        class Lock(models.Model):  # noqa: DJ008
            id = models.UUIDField(primary_key=True, default=uuid7)
            secret = SealedField(default="")
            private_key = SealedField(null=True)
            note = models.TextField(default="")

            class Meta:
                app_label = "orgs"

        with connection.schema_editor() as editor:
            editor.create_model(Lock)
        yield Lock


@pytest.mark.django_db
class TestResealing:
    def test_makes_the_former_key_needless(self, keys: Settings) -> None:  # L9
        with a_table() as table:
            rows = [table._base_manager.create(id=(id_ := uuid7()), secret=seal("s", owner=id_)) for _ in range(3)]
            both = table._base_manager.create(
                id=(id_ := uuid7()),
                secret=seal("s", owner=id_),
                private_key=seal("k", owner=id_),
                note=(note := seal("n", owner=id_)),
            )
            keys.SECRET_KEY, keys.SECRET_KEY_FALLBACKS = NEW, [OLD]
            assert sealed.reseal([table]) == (5, Counter())
            keys.SECRET_KEY_FALLBACKS = []
            for row in (*rows, both):
                row.refresh_from_db()
                assert unseal(row.secret, owner=row.pk) == "s"
            assert unseal(both.private_key, owner=both.pk) == "k"
            assert both.note == note
            assert rows[0].private_key is None

    def test_names_what_cannot_be_opened_and_leaves_it(self, keys: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        with a_table() as table:
            lost = table._base_manager.create(id=(id_ := uuid7()), secret=(kept := seal("s", owner=id_)))
            keys.SECRET_KEY = NEW
            good = table._base_manager.create(id=(id_ := uuid7()), secret=seal("s", owner=id_))
            monkeypatch.setattr(apps, "get_models", lambda: [table])
            told = StringIO()
            with pytest.raises(CommandError, match=r"orgs_lock\.secret \(1\)"):
                call_command("reseal", stdout=told)
            assert told.getvalue().startswith("1 sealed")
            lost.refresh_from_db()
            assert lost.secret == kept
            good.refresh_from_db()
            assert unseal(good.secret, owner=good.pk) == "s"

    def test_leaves_a_secret_alone_that_changes_meanwhile(
        self, keys: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with a_table() as table:
            row = table._base_manager.create(id=(id_ := uuid7()), secret=seal("s", owner=id_))
            fresh = seal("entered at this moment", owner=id_)
            rotate = sealed.MultiFernet.rotate

            def slowly(box: sealed.MultiFernet, token: bytes) -> bytes:
                table._base_manager.filter(pk=id_).update(secret=fresh)
                return rotate(box, token)

            monkeypatch.setattr(sealed.MultiFernet, "rotate", slowly)
            assert sealed.reseal([table]) == (0, Counter())
            row.refresh_from_db()
            assert row.secret == fresh
