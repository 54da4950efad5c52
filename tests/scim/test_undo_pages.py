"""The pages on which admins take back what a token, or one change, did (SPEC T2)."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from groups_provisioning.models import GroupMember
from groups_provisioning.preview import runs
from orgs.models import Change, Organization, PastBegin, ScimToken, User
from scim import request_log
from tests.conftest import Idp, signed_in
from tests.factories import HoldFactory, OrganizationFactory, UserFactory
from tests.groups_provisioning.world import idp_of, map_to, person, places, push, push_user, settle_marked
from tests.page_text import text as words_of


class Case:
    """A token has emptied Engineers, a team, in which Ada was, and created Bo; an admin looks."""

    def __init__(self, org: Organization, idp: Idp) -> None:
        self.org, self.ada = org, person(org, "Ada", "Lovelace")
        self.group = push(idp, "Engineers", self.ada)
        map_to(self.group)
        settle_marked(org)
        self.since = timezone.now()
        self.faulty = idp_of(org, "faulty")
        self.token = ScimToken.objects.get(name="faulty")
        self.bo = push_user(self.faulty, "Bo")
        self.faulty.patch(f"/Groups/{self.group.id}", {"op": "replace", "path": "members", "value": []})
        settle_marked(org)
        self.change = Change.objects.get(verb="group.changed")
        self.admin = signed_in(UserFactory.create(org=org, roles=["Admin"]))

    @property
    def of_token(self) -> str:
        return f"/settings/scim/tokens/{self.token.id}/take-back/"

    @property
    def of_change(self) -> str:
        return f"/activity/{self.change.id}/take-back/"

    def asked(self) -> str:
        """The address of what it did since then until now."""
        return str(self.admin.get(self.of_token, {"at": self.since.isoformat()}).headers["Location"])

    def confirm(self, address: str) -> Any:
        seen = self.admin.get(address).context["outlook"].fingerprint
        return self.admin.post(address, {"seen": seen}, follow=True)


@pytest.fixture
def case(org: Organization, idp: Idp) -> Case:
    return Case(org, idp)


class TestWhatATokenDid:
    def test_is_asked_for_by_time_once_the_token_can_do_no_more(self, case: Case) -> None:
        text = words_of(case.admin.get(case.of_token))
        assert "This token is still accepted" in text
        assert "Revoke token…" in text
        assert "History goes back to" in text

    def test_of_a_revoked_token_asks_for_the_time_alone(self, case: Case) -> None:
        ScimToken.objects.filter(id=case.token.id).update(revoked_at=timezone.now())
        assert "This token is still accepted" not in words_of(case.admin.get(case.of_token))

    def test_shows_first_what_would_come_of_it(self, case: Case) -> None:  # M9
        text = words_of(case.admin.get(case.asked()))
        assert "Revoke token…" in text
        assert "−1 person who was created will be deleted" in text
        assert "1 membership in a SCIM group will be as before" in text
        assert "added to the team Engineers" in text
        assert "−1 person who can sign in" in text
        assert not GroupMember.objects.exists()

    def test_is_taken_back(self, case: Case) -> None:
        answer = case.confirm(case.asked())
        assert "Taken back." in words_of(answer)
        settle_marked(case.org)
        assert places(case.ada) == {"Engineers": "claim"}
        assert User.objects.get(id=case.bo).deleted_at
        change = Change.objects.get(verb="changes.taken_back")
        assert change.by_person

    def test_does_not_mean_what_it_does_in_the_meantime(self, case: Case) -> None:
        address = case.asked()
        cy = push_user(case.faulty, "Cy")
        case.confirm(address)
        assert User.objects.get(id=cy).deleted_at is None

    def test_is_shown_anew_if_the_world_has_changed(self, case: Case, idp: Idp) -> None:  # M9
        address = case.asked()
        seen = case.admin.get(address).context["outlook"].fingerprint
        idp.patch(f"/Users/{case.bo}", {"op": "replace", "path": "title", "value": "Dr."})
        answer = case.admin.post(address, {"seen": seen})
        assert "the effects have changed" in words_of(answer)
        assert "The person bo@corp.example: created or restored, and then changed or used by somebody else" in words_of(
            answer
        )
        assert not Change.objects.filter(verb="changes.taken_back").exists()

    def test_of_another_time_is_nothing(self, case: Case) -> None:
        at = case.since.isoformat()
        text = words_of(case.admin.get(case.of_token, {"at": at, "until": at}))
        assert "Nothing is left to take back" in text

    def test_before_history_was_kept_is_refused_with_the_day(self, case: Case) -> None:
        PastBegin.objects.update(at=timezone.now())
        answer = case.admin.get(case.of_token, {"at": case.since.isoformat()})
        assert "History does not go back this far" in words_of(answer)

    def test_needs_a_time_that_has_been_and_an_end_after_the_beginning(self, case: Case) -> None:
        for asked, words in (
            ({"at": "tomorrow"}, "Enter a valid date/time"),
            ({"at": (timezone.now() + timedelta(days=1)).isoformat()}, "This is in the future"),
            (
                {"at": timezone.now().isoformat(), "until": case.since.isoformat()},
                "This is before the beginning",
            ),
        ):
            assert words in words_of(case.admin.get(case.of_token, asked))

    def test_to_many_people_is_worked_out_by_a_worker(self, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(runs, "AT_ONCE", 0)
        address = case.asked()
        assert "Working out the effect" in words_of(case.admin.get(address))
        assert runs.serve()
        assert "added to the team Engineers" in words_of(case.admin.get(address))

    def test_can_be_downloaded(self, case: Case) -> None:
        address = case.asked()
        rows = b"".join(case.admin.get(f"{address}&download=1").streaming_content).decode()
        assert "ada@corp.example" in rows


class TestOneChange:
    def test_is_taken_back_from_its_page(self, case: Case) -> None:
        assert case.of_change in case.admin.get(f"/activity/{case.change.id}/").content.decode()
        case.confirm(case.of_change)
        settle_marked(case.org)
        assert places(case.ada) == {"Engineers": "claim"}
        assert User.objects.get(id=case.bo).deleted_at is None

    def test_may_be_an_undo(self, case: Case) -> None:
        case.confirm(case.of_change)
        undone = Change.objects.get(verb="changes.taken_back")
        address = f"/activity/{undone.id}/take-back/"
        assert address in case.admin.get(f"/activity/{undone.id}/").content.decode()
        case.confirm(address)
        settle_marked(case.org)
        assert places(case.ada) == {}

    def test_of_an_admin_has_other_ways_back(self, case: Case) -> None:
        mapped = Change.objects.get(verb="mapping.approved")
        assert "take-back" not in case.admin.get(f"/activity/{mapped.id}/").content.decode()
        assert case.admin.get(f"/activity/{mapped.id}/take-back/").status_code == 404

    def test_from_before_history_was_kept_offers_nothing(self, case: Case) -> None:
        PastBegin.objects.update(at=timezone.now())
        assert case.of_change not in case.admin.get(f"/activity/{case.change.id}/").content.decode()
        assert "History goes back to" in words_of(case.admin.get(case.of_change))

    def test_says_afterwards_what_it_left_as_it_was(self, case: Case, idp: Idp) -> None:
        case.faulty.patch(f"/Users/{case.ada.id}", {"op": "replace", "path": "title", "value": "Dr."})
        case.faulty.patch(f"/Users/{case.ada.id}", {"op": "replace", "path": "nickName", "value": "A"})
        idp.patch(f"/Users/{case.ada.id}", {"op": "replace", "path": "title", "value": "Prof."})
        case.confirm(case.asked())
        undone = Change.objects.get(verb="changes.taken_back")
        text = words_of(case.admin.get(f"/activity/{undone.id}/"))
        assert "Not taken back: Ada Lovelace, changed again since" in text

    def test_of_another_org_does_not_exist(self, case: Case) -> None:  # O7
        stranger = signed_in(UserFactory.create(org=OrganizationFactory.create(), roles=["Admin"]))
        for address in (case.of_change, case.of_token, f"/activity/{uuid4()}/take-back/"):
            assert stranger.get(address).status_code == 404

    def test_is_for_admins(self, case: Case) -> None:
        member: Client = signed_in(case.ada)
        assert member.get(case.of_change).status_code == 403


class TestWhereItIsOffered:
    def test_in_the_row_of_a_token_that_was_used(self, case: Case) -> None:
        assert case.of_token not in case.admin.get("/settings/scim/").content.decode()
        ScimToken.objects.filter(id=case.token.id).update(last_used_at=timezone.now())
        assert case.of_token in case.admin.get("/settings/scim/").content.decode()

    def test_at_a_request_that_changed_something(self, case: Case) -> None:
        assert request_log.flush(5)
        assert case.change.request_id
        page = case.admin.get(f"/settings/scim/log/{case.change.request_id}/").content.decode()
        assert case.of_change in page

    def test_at_what_is_held_with_the_time_at_which_it_began(self, case: Case) -> None:  # T1
        breach = HoldFactory.create(org=case.org).breach
        page = case.admin.get("/held-changes/").content.decode()
        assert f"/settings/scim/tokens/{breach.token_id}/take-back/?at=" in page
