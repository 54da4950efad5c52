"""The page of held changes, and where they show on other pages (SPEC T1)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from groups_provisioning.engine import explanation
from groups_provisioning.engine.explanation import Reason, RoleSource
from groups_provisioning.models import (
    Breach,
    BreachState,
    Excess,
    GroupMapping,
    Hold,
    Membership,
    PushedGroup,
    Status,
)
from orgs.models import Change, Organization, User
from orgs.web.access import RECENT, SIGNED_IN_AT
from tests.conftest import Idp, signed_in
from tests.factories import UserFactory, breach_of
from tests.groups_provisioning.world import (
    TEAM,
    entity,
    group,
    map_to,
    person,
    placed,
    push,
    settle,
    settle_marked,
    tie,
)
from tests.page_text import text as words_of

PAGE = "/held-changes/"


class Case:
    """Ada and Bo are kept in the team Platform, which no group places them in any more; Ada keeps the role, too."""

    def __init__(self, org: Organization) -> None:
        self.org = org
        self.ada, self.bo = person(org, "Ada", "Lovelace"), person(org, "Bo", "Diddley")
        self.platform = entity(org, "Platform")
        placed(org, self.platform, self.ada, self.bo)
        self.breach = breach_of(org)
        self.admin = signed_in(UserFactory.create(org=org, roles=["Admin"]))
        change = Change.objects.for_org(org).latest("id")
        for user, roles in ((self.ada, ["Admin"]), (self.bo, ["Member"])):
            places = [
                [str(each.entity_id), each.kind, each.source, str(each.mapping_id)]
                for each in Membership.objects.filter(user=user)
            ]
            kept = {"roles": roles, "places": places}
            about = {"breach": self.breach, "change": change, "at": timezone.now(), "kept": kept}
            Hold.objects.create(org=org, user=user, **about)
            user.group_memberships.all().delete()
        settle(self.ada, self.bo)

    def post(self, address: str, **data: Any) -> Any:
        seen = self.admin.post(address, data)
        assert seen.status_code == 200
        fingerprint = seen.context["outlook"].fingerprint
        return self.admin.post(address, data | {"seen": fingerprint})


@pytest.fixture
def case(org: Organization) -> Case:
    return Case(org)


class TestThePage:
    def test_says_whom_it_holds_why_and_what_each_would_lose(self, case: Case) -> None:  # T1
        text = words_of(case.admin.get(PAGE))
        assert "2 people are held, because of the token “test”" in text
        assert "Platform → –" in text
        assert "Admin → Member" in text

    def test_is_searched_by_name(self, case: Case) -> None:
        text = words_of(case.admin.get(PAGE, {"q": "ada"}))
        assert "Ada Lovelace" in text
        assert "Bo Diddley" not in text

    def test_says_how_to_undo_it_in_the_identity_provider(self, case: Case) -> None:  # T1
        case.breach.token.idp = "okta"
        case.breach.token.save()
        assert "choose Push now" in words_of(case.admin.get(PAGE))

    def test_says_that_nothing_is_held(self, org: Organization) -> None:
        admin = signed_in(UserFactory.create(org=org, roles=["Admin"]))
        assert "Nothing is held" in words_of(admin.get(PAGE))

    def test_shows_what_another_token_did(self, case: Case) -> None:
        other = breach_of(case.org)
        hold = Hold.objects.get(user=case.bo)
        hold.breach = other
        hold.save()
        text = words_of(case.admin.get(PAGE, {"breach": str(other.id)}))
        assert "Bo Diddley" in text
        assert "Ada Lovelace" not in text


class TestLettingThrough:
    def test_shows_the_effect_and_then_has_it_applied(self, case: Case) -> None:  # M9
        address = f"{PAGE}{case.breach.id}/let-through/"
        assert "removed from the team Platform" in words_of(case.admin.get(address))
        assert case.post(address).status_code == 302
        settle_marked(case.org)
        assert not Hold.objects.exists()
        assert not Membership.objects.exists()
        assert Breach.objects.get().state == BreachState.ENDED

    def test_some_leaves_the_others_held(self, case: Case) -> None:  # T1
        case.post(f"{PAGE}{case.breach.id}/let-through/", some="1", person=[str(case.bo.id)])
        settle_marked(case.org)
        assert Hold.objects.get().user == case.ada

    def test_nobody_asks_for_a_choice(self, case: Case) -> None:
        answer = case.admin.post(f"{PAGE}{case.breach.id}/let-through/", {"some": "1"}, follow=True)
        assert "Select the people first" in words_of(answer)

    def test_says_that_it_is_over_if_it_ended_meanwhile(self, case: Case) -> None:  # S7
        address = f"{PAGE}{case.breach.id}/let-through/"
        fingerprint = case.admin.get(address).context["outlook"].fingerprint
        Hold.objects.all().delete()
        Breach.objects.update(state=BreachState.ENDED)
        answer = case.admin.post(address, {"seen": fingerprint}, follow=True)
        assert answer.status_code == 200
        assert "no longer held" in words_of(answer)

    def test_is_shown_anew_if_others_are_held_meanwhile(self, case: Case) -> None:  # M9
        address = f"{PAGE}{case.breach.id}/let-through/"
        fingerprint = case.admin.get(address).context["outlook"].fingerprint
        Hold.objects.get(user=case.bo).delete()
        answer = case.admin.post(address, {"seen": fingerprint})
        assert "the effects have changed" in words_of(answer)
        assert Hold.objects.filter(released=False).exists()

    @pytest.mark.parametrize("what", ["roles", "joins", "leaves", "mapping", "group's roles"])
    def test_is_shown_anew_if_facts_of_who_is_held_have_changed(self, case: Case, idp: Idp, what: str) -> None:  # M9
        other = push(idp, "Others", case.bo)
        map_to(other, TEAM)
        address = f"{PAGE}{case.breach.id}/let-through/"
        fingerprint = case.admin.get(address).context["outlook"].fingerprint
        match what:
            case "roles":
                idp.patch(f"/Users/{case.bo.id}", {"op": "replace", "path": "roles", "value": [{"value": "Admin"}]})
            case "joins":
                push(idp, "More", case.bo)
            case "leaves":
                idp.patch(f"/Groups/{other.id}", {"op": "remove", "path": "members"})
            case "mapping":
                GroupMapping.objects.filter(group=other).update(status=Status.REJECTED)
            case _:
                PushedGroup.objects.filter(id=other.id).update(roles=["Admin"])
        answer = case.admin.post(address, {"seen": fingerprint})
        assert "the effects have changed" in words_of(answer)
        assert Hold.objects.filter(released=False).count() == 2

    def test_that_makes_admins_asks_to_sign_in_again(self, case: Case) -> None:  # L6
        User.objects.filter(pk=case.bo.pk).update(idp_roles=["Admin"])
        address = f"{PAGE}{case.breach.id}/let-through/"
        fingerprint = case.admin.get(address).context["outlook"].fingerprint
        session = case.admin.session
        session[SIGNED_IN_AT] = (timezone.now() - RECENT).timestamp() - 1
        session.save()
        assert "Sign in again" in words_of(case.admin.post(address, {"seen": fingerprint}))
        assert Hold.objects.filter(released=False).count() == 2


class TestAPerson:
    def test_is_told_why_they_keep_what_they_have(self, case: Case) -> None:  # T1
        why = explanation.of(case.org, case.ada)
        assert why.hold
        kept = why.why_roles().sources[0]
        assert (kept.source, kept.counts) == (RoleSource.KEPT, ["Admin"])
        (place,) = why.places()
        assert place.is_kept
        text = words_of(case.admin.get(f"/people/{case.ada.id}/"))
        assert "Changes to this person are held" in text
        assert "although your identity provider no longer assigns them here" in text

    def test_is_told_why_they_do_not_get_what_the_idp_gives(self, case: Case) -> None:  # T1
        tools = entity(case.org, "Tools")
        tie(group(case.org, "Tools", case.ada), tools)
        (obstacle,) = explanation.of(case.org, case.ada).why_not(tools)
        assert obstacle.reason == Reason.PERSON_HELD
        page = words_of(case.admin.get(f"/people/{case.ada.id}/"))
        assert "changes to them are held" in page

    def test_cannot_be_changed_by_hand(self, case: Case) -> None:  # T1
        answer = case.admin.post(f"/people/{case.ada.id}/places/{case.platform.id}/take-out/", follow=True)
        assert answer.request["PATH_INFO"] == PAGE
        assert "Nothing was changed" in words_of(answer)


class TestAGroup:
    def test_says_that_a_member_does_not_get_what_it_gives(self, case: Case) -> None:  # T1
        pushed = group(case.org, "Tools", case.ada)
        tie(pushed, entity(case.org, "Tools"))
        assert "Held" in words_of(case.admin.get(f"/groups/{pushed.id}/"))


class TestChoosingLimits:
    PAGE = f"{PAGE}limits/"

    def exceed(self, case: Case, limits: str, *minutes: int, breach: Breach | None = None) -> None:
        """minutes: ago."""
        token = (breach or case.breach).token
        for each in minutes:
            Excess.objects.create(org=case.org, token=token, limits=limits, at=timezone.now() - timedelta(minutes=each))

    def test_says_what_each_would_have_held(self, case: Case) -> None:  # T1
        Organization.objects.update(created_at=timezone.now() - timedelta(days=90))
        MigrationRecorder.Migration.objects.update(applied=timezone.now() - timedelta(days=90))
        self.exceed(case, "strict", 600, 595, 590, 100)
        self.exceed(case, "strict", 101, breach=breach_of(case.org))
        self.exceed(case, "standard", 600, 60 * 24 * 40)
        times = {each.value: each.times for each in case.admin.get(self.PAGE).context["choices"]}
        assert times == {"strict": 3, "standard": 1, "lenient": 0}

    def test_says_since_when_that_is_counted(self, case: Case) -> None:
        assert case.admin.get(self.PAGE).context["since"] == case.org.created_at

    def test_is_recorded_and_leaves_everybody_held(self, case: Case) -> None:  # T1
        answer = case.admin.post(self.PAGE, {"limits": "strict"}, follow=True)
        assert "The limits of your organization: Strict" in words_of(answer)
        assert "2 people are held" in words_of(answer)
        change = Change.objects.get(verb="org.hold_limits_changed")
        assert change.detail == {"was": "standard", "now": "strict"}
        assert change.by_person
        case.admin.post(self.PAGE, {"limits": "strict"})
        assert Change.objects.filter(verb="org.hold_limits_changed").count() == 1

    def test_of_others_changes_nothing(self, case: Case) -> None:
        for sent in ({"limits": "none"}, {}):
            assert case.admin.post(self.PAGE, sent).status_code == 200
        assert Organization.objects.get().hold_limits == "standard"
