"""What a fact was before some changes, attribute by attribute (SPEC T2)."""

from uuid import UUID, uuid4

import pytest

from groups_provisioning.engine.earlier import EXISTS, Event, before_last, in_order, trace

OURS, OTHERS = uuid4(), uuid4()
CHANGES = {OURS}


def ada(**more: object) -> dict[str, object]:
    return {"id": "1", "user_name": "ada", "active": True, "attributes": {}, **more}


class TestARow:
    def test_is_what_it_was_before_the_first_of_the_changes(self) -> None:
        events = [Event(OURS, {"user_name": "b"}), Event(OURS, {"user_name": "a"})]
        assert trace("user", ada(), events, CHANGES).columns == {"user_name": "a"}

    def test_keeps_what_somebody_else_wrote_afterwards(self) -> None:
        events = [Event(OTHERS, {"user_name": "b"}), Event(OURS, {"user_name": "a"})]
        traced = trace("user", ada(), events, CHANGES)
        assert (traced.was, traced.stays) == ({}, {"name"})

    def test_goes_back_no_further_than_to_what_somebody_else_wrote_in_between(self) -> None:
        events = [Event(OURS, {"user_name": "c"}), Event(OTHERS, {"user_name": "b"}), Event(OURS, {"user_name": "a"})]
        assert trace("user", ada(), events, CHANGES).columns == {"user_name": "c"}

    def test_does_not_stay_for_another_attribute(self) -> None:
        events = [Event(OTHERS, {"manual_roles": None}), Event(OURS, {"user_name": "a"})]
        traced = trace("user", ada(manual_roles=["admin"]), events, CHANGES)
        assert (traced.columns, traced.stays) == ({"user_name": "a"}, set())

    def test_has_attributes_of_its_own_in_one_document(self) -> None:
        now = ada(attributes={"title": "Dr.", "nickName": "A"})
        events = [Event(OTHERS, {"attributes": {"title": "Dr."}}), Event(OURS, {"attributes": {"title": "Ms."}})]
        assert trace("user", now, events, CHANGES).columns == {"attributes": {"title": "Ms.", "nickName": "A"}}

    def test_loses_what_was_added(self) -> None:
        traced = trace("user", ada(attributes={"title": "Dr."}), [Event(OURS, {"attributes": {}})], CHANGES)
        assert traced.columns == {"attributes": {}}

    def test_of_what_belongs_together_nothing_is_taken_back_alone(self) -> None:
        """An admin closes an account that the identity provider has deactivated: it is not opened."""
        now = ada(active=False, idp_active=False)
        events = [Event(OTHERS, {"idp_active": None}), Event(OURS, {"active": True})]
        traced = trace("user", now, events, CHANGES)
        assert (traced.columns, traced.stays) == ({}, {"account"})

    def test_that_was_made_is_said_to_be(self) -> None:
        traced = trace("user", ada(), [Event(OURS, {"user_name": "a"}), Event(OURS, None)], CHANGES)
        assert (traced.created, traced.others) == (True, False)

    def test_that_was_deleted_is_whole(self) -> None:
        row = {"id": 1, "user_id": "2"}
        traced = trace("hand", None, [Event(OURS, row)], CHANGES)
        assert EXISTS in traced.was
        assert traced.then == row


class TestAMembership:
    @pytest.mark.parametrize(
        ("events", "was"),
        [
            ([(OURS, "first")], None),
            ([(OTHERS, "first"), (OURS, None)], "first"),
            ([(OTHERS, "first"), (OURS, None), (OURS, "second")], "first"),
            ([(OURS, "first"), (OTHERS, None), (OURS, "second")], None),
            ([(OTHERS, "first"), (OURS, None), (OTHERS, "second")], "second"),
        ],
    )
    def test_is_as_before_the_last_of_the_changes(self, events: list[tuple[UUID, str | None]], was: str | None) -> None:
        assert before_last(events, CHANGES) == (was, False)

    def test_stays_if_somebody_else_has_changed_it_since(self) -> None:
        events = [(OTHERS, "first"), (OURS, None), (OTHERS, "second"), (OTHERS, None)]
        assert before_last(events, CHANGES) == (None, True)


class TestNames:
    def test_are_free_once_those_who_have_them_have_their_own(self) -> None:
        """Red became Green, and then Blue became Red."""
        wanted = {"blue": ("red", "blue"), "red": ("green", "red")}
        assert in_order(wanted, {"red": "blue", "green": "red"}) == (["blue", "red"], set())

    def test_wait_for_each_other(self) -> None:
        wanted = {"red": ("green", "red"), "blue": ("red", "blue")}
        assert in_order(wanted, {"red": "blue", "green": "red"}) == (["blue", "red"], set())

    def test_of_others_are_taken(self) -> None:
        assert in_order({"a": (None, "red")}, {"red": "stranger"}) == ([], {"a"})

    def test_that_were_swapped_are_taken(self) -> None:
        wanted = {"a": ("red", "green"), "b": ("green", "red")}
        assert in_order(wanted, {"red": "a", "green": "b"}) == ([], {"a", "b"})
