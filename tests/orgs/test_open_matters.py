"""Everything that admins should act on: each kind begins with its cause, and ends by itself with it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import resolve
from django.utils import timezone

from api.models import Endpoint
from api.webhooks import endpoints
from groups_provisioning.actions import entity_edits, group_ends, manual_changes, mappings
from groups_provisioning.models import PushedGroup
from orgs import api_keys, matters, open_matters, organizations, proposals, setup_links, tokens
from orgs.change_details import UserChanged
from orgs.db.keys import uuid7
from orgs.db.sealed import seal
from orgs.history import Effect, record
from orgs.matters import Occurrence
from orgs.models import (
    ApiKey,
    IdentityProvider,
    LastAdmin,
    LedgerEntry,
    Matter,
    MatterKind,
    Organization,
    PendingDomain,
    Proposal,
    Purpose,
    ScimToken,
    Turn,
    VerifiedDomain,
)
from orgs.open_matters import SEVERITIES, OpenMatter, Severity
from orgs.roles import catalogue
from scim import idp_days, request_log
from scim.idp_days import Hour
from scim.models import IdpDay
from sso.models import Connection, IssuerDocument, Revision, State
from sso.oidc.documents import description_url
from tests.api.consumer import key_of
from tests.conftest import Idp, signed_in
from tests.factories import (
    HoldFactory,
    OrganizationFactory,
    OwnerFactory,
    StaffFactory,
    UserFactory,
    breach_of,
    issue_token,
)
from tests.groups_provisioning import world
from tests.groups_provisioning.world import POOL, TEAM, by_admin, by_command
from tests.page_text import text, text_at_first

pytestmark = pytest.mark.django_db
LAMBDATEST = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:User"


@pytest.fixture(autouse=True)
def noted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the test's transaction; tests/scim/api/test_matters.py has the thread that does so beside the requests."""
    monkeypatch.setattr(request_log, "write", lambda entry: matters.note(list(entry.news)))


@dataclass
class Case:
    """An org with its identity provider."""

    org: Organization
    idp: Idp

    @property
    def found(self) -> list[OpenMatter]:
        return open_matters.everything(Organization.objects.get(pk=self.org.pk), at=timezone.now())

    def set(self, **switches: Any) -> None:
        Organization.objects.filter(pk=self.org.pk).update(**switches)


@pytest.fixture
def case(db: None) -> Case:
    org = OrganizationFactory.create(dialect="lambdatest")
    return Case(org, Idp(issue_token(org, name="Okta", idp=IdentityProvider.OKTA).secret))


Story = Callable[[Case], Iterator[None]]
STORIES: dict[str, Story] = {}


def story(kind: str) -> Callable[[Story], Story]:
    """What begins a matter of the kind; and after the yield, what ends it."""

    def told(function: Story) -> Story:
        STORIES[kind] = function
        return function

    return told


@pytest.mark.parametrize("kind", SEVERITIES)
def test_every_kind_begins_and_ends_with_its_cause(case: Case, kind: str) -> None:  # N1
    telling = STORIES[kind](case)
    assert kind not in [each.kind for each in case.found]
    next(telling)
    (matter,) = [each for each in case.found if each.kind == kind]
    assert matter.title
    assert matter.text
    assert "%(" not in matter.title + matter.text
    for address in (matter.address, *(each.address for each in matter.subjects)):
        assert resolve(urlsplit(address).path).url_name
    assert all(each.name or each.type in ("token", "organization") for each in matter.subjects)
    with suppress(StopIteration):
        next(telling)
    assert kind not in [each.kind for each in case.found]


def test_every_kind_is_in_words_on_the_overview(case: Case) -> None:  # N2
    tellings = []
    for kind, told in STORIES.items():
        if kind not in ("admin.last", "admin.none"):  # they exclude each other, and change who is an admin
            tellings.append(told(case))
            next(tellings[-1])
    found = case.found
    assert [each.severity for each in found] == sorted(each.severity for each in found)
    page = text(signed_in(OwnerFactory.create(org=case.org)).get("/"))
    for each in found:
        assert each.title in page
    assert {Severity.URGENT, Severity.WARNING, Severity.NOTE} == {each.severity for each in found}


class TestWhatIsOpen:
    def test_takes_as_many_statements_for_many_as_for_few(self, case: Case, django_assert_max_num_queries: Any) -> None:
        with django_assert_max_num_queries(15):
            case.found  # noqa: B018 - counted
        for number in range(30):
            matters.note(
                [
                    Occurrence(case.org.id, MatterKind.USER_REFUSED, f"p{number}", timezone.now(), uuid7()),
                    Occurrence(case.org.id, MatterKind.USER_UNWRITTEN, str(uuid7()), timezone.now(), uuid7()),
                ]
            )
            world.group(case.org, f"Group {number}")
        with django_assert_max_num_queries(15):
            (unmapped,) = [each for each in case.found if each.kind == "group.unmapped"]
        assert (unmapped.count, len(unmapped.subjects)) == (30, open_matters.FEW)

    def test_is_the_orgs_own(self, case: Case) -> None:  # O7
        for kind, told in STORIES.items():
            if kind not in ("admin.last", "admin.none"):
                next(told(case))
        stranger = OrganizationFactory.create(dialect="lambdatest")
        assert open_matters.everything(stranger, at=timezone.now()) == []


class TestARefusedChange:
    @pytest.fixture
    def ada(self, case: Case) -> str:
        return world.push_user(case.idp, "Ada Lovelace")

    @pytest.mark.parametrize("by_bulk", [False, True])
    def test_is_counted_until_one_is_accepted(self, case: Case, ada: str, by_bulk: bool) -> None:  # N1
        for _ in range(2):
            body = {"Operations": [{"op": "replace", "path": "emails", "value": 7}]}
            operation = {"method": "PATCH", "path": f"/Users/{ada}", "data": body}
            if by_bulk:
                assert case.idp.post("/Bulk", {"Operations": [operation]}).json()["Operations"][0]["status"] == "400"
            else:
                assert case.idp.patch(f"/Users/{ada}", *body["Operations"]).status_code == 400
        (matter,) = case.found
        assert (matter.kind, matter.times, matter.subjects[0].id) == (MatterKind.USER_UNWRITTEN, 2, ada)
        assert matter.title == "A change to “ada.lovelace@corp.example” was refused"
        assert case.idp.patch(f"/Users/{ada}", {"op": "add", "path": "title", "value": "Dr"}).status_code < 300
        assert case.found == []

    def test_of_nobody_or_that_may_succeed_later_is_none(self, case: Case, ada: str) -> None:
        bad = {"op": "replace", "path": "emails", "value": 7}
        assert case.idp.patch(f"/Users/{uuid7()}", bad).status_code in (400, 404)
        assert case.idp.patch("/Users/x", bad).status_code in (400, 404)
        assert case.idp("PUT", f"/Users/{ada}", {"userName": "x"}, if_match='W/"7"').status_code == 412
        assert case.found == []

    def test_stands_in_its_row_and_on_its_page(self, case: Case, ada: str) -> None:  # N2
        group = world.push(case.idp, "Engineers", ada)
        case.idp.patch(f"/Users/{ada}", {"op": "replace", "path": "emails", "value": 7})
        case.idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "displayName", "value": 7})
        browser = signed_in(OwnerFactory.create(org=case.org))
        for page, name in (("people", "ada.lovelace@corp.example"), ("groups", "the group “Engineers”")):
            assert "Change refused" in text_at_first(browser.get(f"/{page}/"))
            shown = browser.get(f"/{page}/{ada if page == 'people' else group.id}/")
            assert "A change to " in text_at_first(shown)
            assert name in text_at_first(shown)
            assert "/settings/scim/log/" in shown.content.decode()


class TestASearchThatFindsNobody:
    def test_offers_what_the_log_knows(self, case: Case) -> None:  # N2
        now = timezone.now()
        for kind, name in ((MatterKind.GROUP_REFUSED, "Payroll EU"), (MatterKind.USER_REFUSED, "ada@corp.example")):
            matters.note([Occurrence(case.org.id, kind, name, now, uuid7()) for _ in range(3)])
        browser = signed_in(OwnerFactory.create(org=case.org))
        assert "A create of “Payroll EU” was refused 3 times, last just now." in text(browser.get("/groups/?q=eu+pay"))
        found = browser.get("/people/?q=ADA@")
        assert "A create of “ada@corp.example” was refused 3 times" in text(found)
        assert "/settings/scim/log/" in found.content.decode()
        for page in ("/groups/?q=nights", "/people/?q=grace"):
            assert "A create of" not in text(browser.get(page))


class TestAcrossOrgs:
    def test_support_lists_and_finds_them(self, case: Case) -> None:  # N2
        matters.note([Occurrence(case.org.id, MatterKind.GROUP_REFUSED, "Payroll", timezone.now(), uuid7())])
        desk = signed_in(StaffFactory.create())
        assert "Payroll" in text(desk.get("/admin/orgs/matter/"))
        assert "Payroll" in text(desk.get("/admin/orgs/matter/?q=PAYR"))
        assert "Payroll" not in text(desk.get("/admin/orgs/matter/?q=nights"))


# --- What begins and ends each kind ---------------------------------------------------------------------------------


def _of_a_token(kind: MatterKind) -> Story:
    def told(case: Case) -> Iterator[None]:
        token = issue_token(case.org, name="Former").token
        detail = {"method": "GET", "path": "/api/scim/Users", "address": "203.0.113.7", "agent": ""}
        matters.note([Occurrence(case.org.id, kind, str(token.id), timezone.now(), uuid7(), detail)])
        yield
        (matter,) = matters.open_in(case.org, at=timezone.now()).filter(kind=kind)
        matters.dismiss(org=case.org, matter_id=matter.id, cause=by_admin())

    return told


for _kind in (MatterKind.FOREIGN_ADDRESS, MatterKind.TOKEN_IN_CLEAR):
    STORIES[_kind] = _of_a_token(_kind)


@story(MatterKind.DEAD_TOKEN)
def _dead_token(case: Case) -> Iterator[None]:
    issued = issue_token(case.org, name="Former")
    tokens.revoke(org=case.org, token_id=issued.token.id, cause=by_command())
    Idp(issued.secret).get("/Users")
    yield
    silent = timezone.now() - timedelta(days=2)
    Matter.objects.for_org(case.org).filter(kind=MatterKind.DEAD_TOKEN).update(last_at=silent)


@story(MatterKind.USER_REFUSED)
def _user_refused(case: Case) -> Iterator[None]:
    case.idp.post("/Users", {"userName": "Bo@corp.example", "emails": 7})
    yield
    assert case.idp.post("/Users", {"userName": "bo@corp.example"}).status_code == 201


@story(MatterKind.GROUP_REFUSED)
def _group_refused(case: Case) -> Iterator[None]:
    case.idp.post("/Groups", {"displayName": "Refused", "members": 7})
    yield
    assert case.idp.post("/Groups", {"displayName": "refused"}).status_code == 201


@story(MatterKind.USER_UNWRITTEN)
def _user_unwritten(case: Case) -> Iterator[None]:
    user = world.push_user(case.idp, "Cy")
    case.idp.patch(f"/Users/{user}", {"op": "replace", "path": "emails", "value": 7})
    yield
    assert case.idp.delete(f"/Users/{user}").status_code == 204


@story(MatterKind.GROUP_UNWRITTEN)
def _group_unwritten(case: Case) -> Iterator[None]:
    group = world.push(case.idp, "Unwritten")
    case.idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "displayName", "value": 7})
    yield
    group_ends.end_group(org=case.org, group_id=group.id, cause=by_admin())


@story(MatterKind.GROUPS_OFF)
def _groups_off(case: Case) -> Iterator[None]:
    case.set(group_provisioning=False)
    assert case.idp.post("/Groups", {"displayName": "Too early"}).status_code == 403
    yield
    organizations.switch_group_provisioning(org=case.org, on=True, cause=by_admin())


@story(MatterKind.GROUP_ENDED)
def _group_ended(case: Case) -> Iterator[None]:
    case.set(group_provisioning=True)
    group = world.push(case.idp, "Ended")
    group_ends.end_group(org=case.org, group_id=group.id, cause=by_admin())
    case.idp.patch(f"/Groups/{group.id}", {"op": "replace", "path": "displayName", "value": "x"})
    yield
    group_ends.undo_end(org=case.org, group_id=group.id, cause=by_admin())


@story(MatterKind.USER_TAKEN)
def _user_taken(case: Case) -> Iterator[None]:
    user = UserFactory.create(org=case.org, scim_managed=False, given_name="Di", family_name="Prince")
    path = {"op": "replace", "path": "active", "value": False}
    assert case.idp.patch(f"/Users/{user.id}", path).status_code < 300
    yield
    assert case.idp.patch(f"/Users/{user.id}", path | {"value": True}).status_code < 300


@story(MatterKind.UNDESCRIBED)
def _undescribed(case: Case) -> Iterator[None]:
    body: dict[str, Any] = {"schemas": [LAMBDATEST], "userName": "odd@corp.example"}
    created = case.idp.post("/Users", body | {LAMBDATEST: {"shoeSize": 42}})
    yield
    case.idp.put(f"/Users/{created.json()['id']}", body)


@story("token.lapsed")
def _lapsed(case: Case) -> Iterator[None]:
    token = issue_token(case.org, name="Ping", idp=IdentityProvider.PINGONE).token
    about = {"expires_at": timezone.now() - timedelta(hours=1), "last_used_at": timezone.now() - timedelta(hours=2)}
    ScimToken.objects.filter(pk=token.pk).update(**about)
    yield
    tokens.revoke(org=case.org, token_id=token.pk, cause=by_admin())


@story("proposal.open")
def _proposal(case: Case) -> Iterator[None]:
    asked = by_admin(UserFactory.create(org=case.org))
    proposals.propose(org=case.org, wish={"do": "two_persons", "on": True}, fingerprint="", cause=asked)
    yield
    Proposal.objects.update(expires_at=timezone.now())


@story("token.unanswered")
def _token_unanswered(case: Case) -> Iterator[None]:
    token, gone = issue_token(case.org, name="Left").token, UserFactory.create(org=case.org)
    ScimToken.objects.filter(pk=token.pk).update(created_by=gone)
    yield
    tokens.revoke(org=case.org, token_id=token.pk, cause=by_admin())


@story("key.unanswered")
def _key_unanswered(case: Case) -> Iterator[None]:
    key = key_of(case.org).key
    ApiKey.objects.filter(pk=key.pk).update(created_by=UserFactory.create(org=case.org))
    yield
    api_keys.take_over(org=case.org, key_id=key.pk, cause=by_admin(OwnerFactory.create(org=case.org)))


@story("webhook.failing")
def _webhook_failing(case: Case) -> Iterator[None]:
    yield from _webhook(case, failures=9, failing_since=timezone.now() - timedelta(hours=1))


@story("webhook.ended")
def _webhook_ended(case: Case) -> Iterator[None]:
    yield from _webhook(case, disabled_at=timezone.now(), disabled_reason="gone")


def _webhook(case: Case, **facts: Any) -> Iterator[None]:
    about = {"url": "https://hooks.example", "kinds": ["person"], "max_items": 1}
    made = endpoints.create(org=case.org, **about, cause=by_admin()).endpoint
    Endpoint.objects.filter(pk=made.pk).update(**facts)
    yield
    endpoints.delete(org=case.org, endpoint_id=made.pk, cause=by_admin())


@story("token.expiring")
def _expiring(case: Case) -> Iterator[None]:
    token = issue_token(case.org, name="Soon", idp=IdentityProvider.ONELOGIN).token
    ScimToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() + timedelta(days=3))
    yield
    tokens.revoke(org=case.org, token_id=token.pk, cause=by_admin())


@story("token.waiting")
def _waiting(case: Case) -> Iterator[None]:
    made = setup_links.make(org=case.org, purpose=Purpose.SCIM, recipient="", cause=by_admin())
    token = issue_token(case.org, name="By link").token
    ScimToken.objects.filter(pk=token.pk).update(setup_link=made.link)
    yield
    tokens.revoke(org=case.org, token_id=token.pk, cause=by_admin())


@story("idp.several")
def _several(case: Case) -> Iterator[None]:
    okta = ScimToken.objects.for_org(case.org).get(name="Okta")
    entra = issue_token(case.org, name="Entra", idp=IdentityProvider.ENTRA)
    tokens.note_use({token.id: (timezone.now(), None, "") for token in (okta, entra.token)})
    user = world.push_user(case.idp, "Ed Gein")
    assert Idp(entra.secret).patch(f"/Users/{user}", {"op": "add", "path": "title", "value": "Dr"}).status_code < 300
    yield
    tokens.revoke(org=case.org, token_id=entra.token.id, cause=by_admin())


@story("idp.silent")
def _silent(case: Case) -> Iterator[None]:
    token = _used(case)
    now = timezone.now()
    every_hour = [now - timedelta(days=4) - number * timedelta(hours=1) for number in range(30 * 24)]
    idp_days.note([Hour(token.id, at) for at in every_hour])
    yield
    idp_days.note([Hour(token.id, now)])


@story("idp.adds_only")
def _adds_only(case: Case) -> Iterator[None]:
    yield from _one_without_the_other(case, IdentityProvider.PINGONE, "people_added", "people_removed")


@story("idp.removes_only")
def _removes_only(case: Case) -> Iterator[None]:
    yield from _one_without_the_other(case, IdentityProvider.ONELOGIN, "members_removed", "members_added")


def _one_without_the_other(case: Case, idp: IdentityProvider, goes_on: str, ends: str) -> Iterator[None]:
    """For forty days both, then for forty only one."""
    today = timezone.now().date()
    _used(case, idp)
    days = [
        IdpDay(org=case.org, idp=idp, day=today - timedelta(days=ago), **{goes_on: True, ends: ago > 40})
        for ago in range(80)
    ]
    IdpDay.objects.bulk_create(days)
    yield
    IdpDay.objects.for_org(case.org).filter(day=today).update(**{ends: True})


def _used(case: Case, idp: IdentityProvider = IdentityProvider.JUMPCLOUD) -> ScimToken:
    token = issue_token(case.org, name="Jump", idp=idp).token
    tokens.note_use({token.id: (timezone.now(), None, "")})
    return token


@story("domain.gone")
def _gone(case: Case) -> Iterator[None]:
    now = timezone.now()
    domain = VerifiedDomain.objects.create(org=case.org, name="corp.example", verified_at=now, gone_since=now)
    yield
    domain.delete()


@story("domain.found")
def _found(case: Case) -> Iterator[None]:
    now = timezone.now()
    domain = PendingDomain.objects.create(org=case.org, name="new.example", token="x", asked_at=now, found_at=now)
    yield
    domain.delete()


@story("effects.held")
def _held(case: Case) -> Iterator[None]:
    now = timezone.now()
    about = {"served_at": now, "held_reason": "x", "retry_at": now}
    Turn.objects.update_or_create(org=case.org, defaults=about)
    yield
    Turn.objects.filter(org=case.org).update(held_reason="", retry_at=None)


@story("changes.held")
def _changes_held(case: Case) -> Iterator[None]:
    hold = HoldFactory.create(org=case.org)
    yield
    hold.delete()


@story("changes.held_by_support")
def _held_by_support(case: Case) -> Iterator[None]:
    breach = breach_of(case.org)
    breach.rules = ["support"]
    breach.save()
    yield
    breach.delete()


@story("admin.none")
def _no_admin(case: Case) -> Iterator[None]:
    gone = UserFactory.create(org=case.org, active=False)
    record(case.org, by_command(), UserChanged(user=str(gone.id)), [Effect(gone.id, "last_admin", None, "gone")])
    yield
    UserFactory.create(org=case.org, roles=[_admin_of(case.org)])


@story("admin.last")
def _last_admin(case: Case) -> Iterator[None]:
    kept = LastAdmin.objects.create(org=case.org, user=UserFactory.create(org=case.org))
    yield
    kept.delete()


def _admin_of(org: Organization) -> str:
    return catalogue(org.profile).admin


@story("conflict.open")
def _conflict(case: Case) -> Iterator[None]:
    person = world.person(case.org, "Fay", "Wray")
    groups = [world.placed(case.org, world.entity(case.org, name, POOL), person) for name in ("Days", "Nights")]
    yield
    mappings.reject(org=case.org, mapping_ids=[world.only(groups[1]).id], cause=by_admin())
    world.settle(person)


@story("group.pending")
def _pending(case: Case) -> Iterator[None]:
    group = world.group(case.org, "Waiting")
    mapping = world.tie(group, world.entity(case.org, "Waiting"), status="pending", reason="asked")
    yield
    mappings.approve(org=case.org, mapping_id=mapping.id, cause=by_admin())


@story("group.target_deleted")
def _target_deleted(case: Case) -> Iterator[None]:
    gone = world.entity(case.org, "Gone")
    group = world.placed(case.org, gone)
    entity_edits.delete_entity(org=case.org, entity_id=gone.id, cause=by_admin())
    yield
    mappings.reject(org=case.org, mapping_ids=[world.only(group).id], cause=by_admin())


@story("group.out_of_sync")
def _out_of_sync(case: Case) -> Iterator[None]:
    group = world.group(case.org, "Behind", out_of_sync=True)
    yield
    case.set(group_provisioning=True)
    assert case.idp.put(f"/Groups/{group.id}", {"displayName": "Behind", "members": []}).status_code == 200


@story("group.kind_off")
def _kind_off(case: Case) -> Iterator[None]:
    world.placed(case.org, world.entity(case.org, "Elsewhere", TEAM))
    case.set(teams=False)
    yield
    case.set(teams=True)


@story("member.unplaced")
def _unplaced(case: Case) -> Iterator[None]:
    person, team = world.person(case.org, "Gil", "Evans"), world.entity(case.org, "Big band")
    world.placed(case.org, team, person)
    manual_changes.take_out(org=case.org, user_id=person.id, entity_id=team.id, cause=by_admin())
    yield
    manual_changes.put_back(org=case.org, user_id=person.id, entity_id=team.id, cause=by_admin())


@story("group.unmapped")
def _unmapped(case: Case) -> Iterator[None]:
    group = world.group(case.org, "Nobody's")
    yield
    for other in PushedGroup.objects.for_org(case.org).live().filter(mappings=None):
        world.tie(other, world.entity(case.org, other.display_name))
    assert group


@story("user.opened")
def _opened(case: Case) -> Iterator[None]:
    user = UserFactory.create(org=case.org, active=True, idp_active=False)
    yield
    assert case.idp.patch(f"/Users/{user.id}", {"op": "add", "path": "title", "value": "Dr"}).status_code < 300


@story("value.refused")
def _refused_value(case: Case) -> Iterator[None]:
    user = world.push_user(case.idp, "Hal Roach")
    case.idp.patch(
        f"/Users/{user}",
        {"op": "replace", "path": "active", "value": False},
        {"op": "replace", "path": "emails", "value": 7},
    )
    assert LedgerEntry.objects.filter(user=user, slot="refused").exists()
    yield
    assert case.idp.patch(f"/Users/{user}", {"op": "add", "path": "title", "value": "Dr"}).status_code < 300


def _signing_in(case: Case, **facts: Any) -> Revision:
    """An active connection. Its secret can be opened."""
    now, id_ = timezone.now(), uuid7()
    there = Connection.objects.for_org(case.org).first() or Connection.objects.create(org=case.org, created_at=now)
    case.set(sso_connection=there.id)
    Revision.objects.for_org(case.org).delete()
    about = {"issuer": "https://idp.example", "client_id": "c", "client_secret": seal("s", owner=id_)}
    return Revision.objects.create(
        id=id_, org=case.org, connection=there, state=State.ACTIVE, changed_at=now, activated_at=now, **about | facts
    )


@story("sso.failing")
def _failing(case: Case) -> Iterator[None]:
    revision = _signing_in(case, client_secret=seal("s", owner=uuid7()))
    yield
    Revision.objects.filter(pk=revision.pk).update(client_secret=seal("s", owner=revision.pk))


@story("sso.unread")
def _unread(case: Case) -> Iterator[None]:
    _signing_in(case)
    document = IssuerDocument.objects.create(
        url=description_url("https://idp.example"), asked_at=timezone.now(), failure="unreachable", detail="x"
    )
    yield
    document.delete()


@story("sso.ended")
def _ended(case: Case) -> Iterator[None]:
    revision = _signing_in(case, secret_ends_on=(timezone.now() - timedelta(days=2)).date())
    yield
    Revision.objects.filter(pk=revision.pk).update(secret_ends_on=None)


@story("sso.ending")
def _ending(case: Case) -> Iterator[None]:
    revision = _signing_in(case, secret_ends_on=(timezone.now() + timedelta(days=20)).date())
    yield
    Revision.objects.filter(pk=revision.pk).update(secret_ends_on=None)
