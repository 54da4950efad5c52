"""What is refused is said in words."""

import re

import pytest

from sso.refusal_words import WORDS, in_words
from sso.refusals import Reason, Refused

HOSTILE = "100% %s %(detail)s"


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_words(reason: Reason) -> None:
    template = str(WORDS[reason])
    assert set(re.findall(r"%.{1,9}", template)) <= {"%(detail)s"}
    assert in_words(Refused(reason, HOSTILE)) == template.replace("%(detail)s", HOSTILE)


def test_no_two_reasons_have_the_same() -> None:
    assert len({in_words(Refused(reason, "x")) for reason in Reason}) == len(Reason)


def test_what_a_provider_says_is_shortened_to_what_a_page_and_a_database_take() -> None:
    detail = Refused(Reason.PROVIDER_ERROR, "a\0b\nc\ud800d" + "x" * 1000).detail
    assert detail.startswith("a b c dx")
    assert len(detail) == 300
    detail.encode()
