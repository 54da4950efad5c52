"""Text: how it is compared."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim.protocol import text

CHARACTERS = st.characters(exclude_categories=["Cs"])
MARKS = [chr(point) for point in range(0x110000) if unicodedata.combining(chr(point))]
LETTERS = [*"aeoAEO ", "ö", "ậ", "Å", "ß", "가", "ֱ"]


class TestFold:
    @given(st.lists(st.sampled_from(LETTERS + MARKS) | CHARACTERS, min_size=1).map("".join))
    def test_long_text_has_the_key_that_short_text_has(self, part: str) -> None:  # S9
        long = part * (text.FEW // len(part) + 1)
        assert text.fold(long) == unicodedata.normalize("NFC", long).casefold()

    @pytest.mark.parametrize("mark", [mark for mark in MARKS if len(unicodedata.normalize("NFD", mark)) > 1])
    def test_a_mark_made_of_several_is_ordered_as_they_are(self, mark: str) -> None:  # S9
        long = f"a\u0327{mark}\u0323" * text.FEW
        assert text.fold(long) == unicodedata.normalize("NFC", long).casefold()

    def test_marks_are_in_order_before_unicodedata_orders_them(self, monkeypatch: pytest.MonkeyPatch) -> None:  # S9
        seen: list[str] = []
        normalize = unicodedata.normalize
        monkeypatch.setattr(unicodedata, "normalize", lambda form, given: seen.append(given) or normalize(form, given))
        text.fold("a" + "\u0301\u0323" * 2_000)
        classes = [unicodedata.combining(mark) for mark in seen[0][1:]]
        assert classes == sorted(classes)
