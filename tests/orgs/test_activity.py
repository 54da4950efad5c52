"""Whether somebody is active, by what the IdP and admins say (SPEC U12)."""

from hypothesis import given
from hypothesis import strategies as st

from orgs.activity import Activity
from tests import oracle

words = st.lists(st.tuples(st.sampled_from(["idp", "admin"]), st.booleans()), max_size=9)


def after(said: list[tuple[str, bool]]) -> Activity:
    activity = Activity()
    for who, active in said:
        match who, active:
            case "idp", _:
                activity = activity.told(active)
            case _, True:
                activity = activity.opened()
            case _:
                activity = activity.closed()
    return activity


@given(words)
def test_whatever_is_said_in_whatever_order_the_oracle_agrees(said: list[tuple[str, bool]]) -> None:  # U12
    activity = after(said)
    assert (activity.active, activity.said) == oracle.activity_of(said)
    assert not (activity.is_opened and activity.said)  # a hand that agrees with the IdP decides nothing


def test_echoes_of_true_end_nothing_and_false_then_true_does() -> None:  # U12
    closed = after([("idp", True), ("admin", False)])
    assert closed.told(True).told(True) == closed
    assert not closed.told(False).active
    assert closed.told(False).told(True) == Activity(True)


def test_whoever_is_opened_stays_so_until_the_next_word() -> None:  # U12
    opened = after([("idp", False), ("admin", True)])
    assert (opened.active, opened.said) == (True, False)
    assert opened.told(False) == Activity(False)
    assert opened.told(True) == Activity(True)
