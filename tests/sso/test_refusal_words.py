"""What is refused is said in words."""

import pytest

from sso.refusal_words import in_words
from sso.refusals import Reason, Refused


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_words(reason: Reason) -> None:
    words = in_words(Refused(reason, "100% %s %(detail)s"))
    assert words[0].isupper() or words.startswith("100%")
    assert words.count("%(detail)s") == words.count("100% %s %(detail)s") <= 1


def test_no_two_reasons_have_the_same() -> None:
    assert len({in_words(Refused(reason, "x")) for reason in Reason}) == len(Reason)
