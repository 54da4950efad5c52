"""What an admin is told where something is refused."""

import pytest

from groups_provisioning.models import PushedGroup
from groups_provisioning.pages import refusals


@pytest.mark.parametrize("refusal", refusals.REFUSALS)
def test_every_refusal_has_words(refusal: type[Exception]) -> None:  # M1
    assert refusals.in_words(refusal("Night shift")).endswith(".")


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "1 was refused: “g0”: Taken."),
        (2, "2 were refused: “g0”: Taken. “g1”: Taken."),
        (3, "3 were refused: “g0”: Taken. “g1”: Taken. 1 more."),
    ],
)
def test_one_message_names_the_groups_and_counts_the_rest(
    count: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "NAMED", 2)
    assert refusals.told([(PushedGroup(display_name=f"g{n}"), "Taken.") for n in range(count)]) == words
