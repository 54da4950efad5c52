import itertools
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import flatten_fieldsets
from django.db import connection
from django.db.models import Model
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.text import capfirst

from groups_provisioning.actions import group_ends
from orgs import matters, nudge, profiles, roles, setup_links
from orgs.admin import people
from orgs.admin.mirror import BigTable
from orgs.history import Cause
from orgs.models import (
    Carrier,
    Change,
    Door,
    LedgerEntry,
    Mark,
    MatterKind,
    Organization,
    Plan,
    Purpose,
    Role,
    SchemaProfile,
    ScimToken,
    Turn,
    User,
    VerifiedDomain,
)
from orgs.web.access import RECENT, SIGNED_IN_AT
from scim.protocol import core
from tests.authenticators import App
from tests.conftest import Idp, signed_in
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory, UserFactory, issue_token
from tests.groups_provisioning.world import by_command, give, group
from tests.orgs.test_deletions import full_org
from tests.page_text import text, words

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def support(db: None) -> User:
    return StaffFactory.create(user_name="support@muster.example", login_email="support@muster.example")


@pytest.fixture
def desk(support: User) -> Client:
    """The browser of a member of the support staff."""
    return signed_in(support)


def page(model: type, *args: object, verb: str = "change") -> str:
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_{verb}", args=args)


def rows(response) -> list:
    return list(response.context["cl"].result_list)


def act(desk: Client, model: type, action: str, *chosen, **more: str):
    data = {"action": action, "_selected_action": [str(row.pk) for row in chosen], **more}
    return desk.post(page(model, verb="changelist"), data, follow=True)


def says(response) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def is_signed_out(browser: Client) -> bool:
    response = browser.get(reverse("overview"))
    return response.status_code == 302 and reverse("sign-in") in response["Location"]


REGISTERED = sorted(admin.site._registry, key=lambda model: model._meta.label)


class TestTheWayIn:
    def test_leads_through_the_portals_own_sign_in_page(self, client):
        response = client.get("/admin/orgs/user/", follow=True)
        assert response.redirect_chain[-1][0] == f"{reverse('sign-in')}?next=%2Fadmin%2Forgs%2Fuser%2F"
        assert response.status_code == 200

    def test_ends_where_support_wanted_to_go(self, client, support):
        support.set_password("correct horse battery")
        support.save()
        app = App(support)
        there = f"{reverse('sign-in')}?next=/admin/orgs/user/"
        asked = client.post(there, {"username": support.login_email, "password": "correct horse battery"})
        response = client.post(asked["Location"], {"code": app.shows()})  # L6
        assert response["Location"] == "/admin/orgs/user/"

    def test_is_closed_to_the_owner_of_an_org(self, client):
        client.force_login(OwnerFactory.create(), backend="django.contrib.auth.backends.ModelBackend")
        assert client.get("/admin/", follow=True).status_code == 403

    def test_is_closed_to_support_that_was_deactivated(self, desk, support):
        User.objects.filter(pk=support.pk).update(active=False)
        assert reverse("sign-in") in desk.get("/admin/", follow=True).redirect_chain[-1][0]


class TestWhatGivesAccess:
    """To others: asks support, too, for a recent sign-in (SPEC L6)."""

    @pytest.fixture
    def stale(self, desk: Client) -> Client:
        session = desk.session
        session[SIGNED_IN_AT] = (timezone.now() - RECENT).timestamp() - 1
        session.save()
        return desk

    def test_asks_to_sign_in_again_and_comes_back(self, stale: Client, org: Organization) -> None:  # L6
        mapping = give(group(org, "Staff"), "Admin")
        change = f"/admin/orgs/organization/{org.pk}/change/"
        form = stale.get(change).context["adminform"].form
        data = {name: value for name in form.fields if (value := form[name].value())}
        approve = {"action": "approve", "_selected_action": [str(mapping.pk)]}
        sent = (
            ("GET", f"/admin/orgs/organization/{org.pk}/hand-over/", {}),
            ("POST", f"/admin/orgs/organization/{org.pk}/hand-over/", {"address": "x@y.example", "sure": "1"}),
            ("GET", "/admin/orgs/organization/add/", {}),
            ("POST", change, data | {"domains": "acme.example", "initial-domains": ""}),
            ("POST", "/admin/groups_provisioning/groupmapping/", approve),
            ("POST", "/admin/orgs/user/", {"action": "activate", "_selected_action": [str(OwnerFactory.create().pk)]}),
        )
        for method, address, values in sent:
            answer = stale.get(address) if method == "GET" else stale.post(address, values)
            assert "<title>Sign in again" in answer.content.decode(), address
            assert answer.context["next"] == address
        assert not Change.objects.filter(by_person__is_staff=True).exists()
        stale.post(change, data | {"name": "Renamed", "initial-domains": ""})
        assert Organization.objects.get(pk=org.pk).name == "Renamed"

    def test_is_a_group_for_admins_that_comes_back_too(self, stale: Client, org: Organization) -> None:  # L6
        bosses = group(org, "Bosses")
        give(bosses, "Admin")
        group_ends.end_group(org=org, group_id=bosses.id, cause=by_command())
        address = reverse("admin:groups_provisioning_pushedgroup_changelist")
        sent = {"action": "undo_end", "_selected_action": [str(bosses.id)]}
        shown = stale.post(address, sent)
        answer = stale.post(address, sent | {"_seen": shown.context["seen"]})
        assert "<title>Sign in again" in answer.content.decode()
        bosses.refresh_from_db()
        assert bosses.deleted_at is not None


class TestTheContentSecurityPolicy:
    def test_of_the_admin_lets_unfold_work(self, desk):
        policy = desk.get("/admin/", follow=True)["Content-Security-Policy"]
        assert "script-src 'self' 'unsafe-eval'" in policy
        assert "style-src 'self' 'unsafe-inline'" in policy
        assert "default-src 'none'" in policy

    def test_of_all_other_pages_stays_strict(self, client):
        policy = client.get(reverse("sign-in"))["Content-Security-Policy"]
        assert "unsafe" not in policy

    def test_of_a_page_that_is_not_there_stays_strict(self, desk):
        assert "unsafe" not in desk.get("/nowhere/")["Content-Security-Policy"]


def confirmed(desk, address, data):
    """Send a form, and once more where its effect was shown first (SPEC M9)."""
    answer = desk.post(address, data)
    if "seen" in (answer.context or {}):
        answer = desk.post(address, data | {"_seen": answer.context["seen"]})
    return answer


class TestEveryTable:
    @pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model.__name__)
    def test_is_listed_in_few_queries_and_never_counted(self, model, desk, django_assert_max_num_queries):
        for _ in range(3):
            org = OrganizationFactory.create()
            UserFactory.create_batch(3, org=org)
            issue_token(org)
        address = page(model, verb="changelist")
        # That of organizations asks every reader of open matters.
        with django_assert_max_num_queries(14 if model is Organization else 8) as captured:
            assert desk.get(address).status_code == 200
        assert not [query for query in captured.captured_queries if "COUNT(" in query["sql"]]

    @pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model.__name__)
    def test_takes_any_search(self, model, desk):
        for term in ("ann", "019a", "a@b", "'; --", "\U0001f4a1", str(OrganizationFactory.create().pk)):
            assert desk.get(page(model, verb="changelist"), {"q": term}).status_code == 200

    def test_has_its_place_in_the_sidebar(self, desk):
        home = desk.get("/admin/", follow=True).content.decode()
        for model in REGISTERED:
            assert page(model, verb="changelist") in home

    @pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model.__name__)
    def test_has_the_name_that_the_menu_gives_it(self, model, desk):
        shown = desk.get(page(model, verb="changelist"))
        entries = [item for group in shown.context["sidebar_navigation"] for item in group["items"]]
        (title,) = [str(item["title"]) for item in entries if str(item["link"]) == page(model, verb="changelist")]
        assert capfirst(str(model._meta.verbose_name_plural)) == title
        (heading,) = re.findall(r"<h1.*?</h1>", shown.content.decode(), re.DOTALL)
        assert words(heading) == title
        assert f"<title>{title} |" in " ".join(shown.content.decode().split()).replace("<title> ", "<title>")

    def test_is_listed_under_no_app(self, desk):
        assert desk.get("/admin/orgs/")["Location"] == reverse("admin:find")

    def test_is_one_of_ours(self):
        assert {model._meta.app_label for model in REGISTERED} == {"orgs", "groups_provisioning", "scim", "sso", "api"}


def fields_of(model_admin: Any, request: HttpRequest) -> Iterator[tuple[type[Model], Any, Any]]:
    """What a page of the admin shows or edits: the model, its name or function, and who has the function."""
    model = model_admin.model
    shown = (*model_admin.list_display, *flatten_fieldsets(model_admin.get_fieldsets(request, model())))
    yield from ((model, field, model_admin) for field in dict.fromkeys(shown))
    yield from ((model, chosen, None) for chosen in model_admin.list_filter if isinstance(chosen, str))
    for inline in model_admin.inlines:
        names = inline.fields or inline.form._meta.fields
        yield from ((inline.model, name, None) for name in names)


class TestEveryField:
    # Those whose column has the name that people use.
    WORDS = (
        *("active", "address", "attributes", "change", "description", "detail", "key", "kind", "mapping", "method"),
        *("name", "path", "pattern", "plan", "protocol", "rank", "revision", "role", "rows", "rule", "slug", "source"),
        *("status", "subject", "teams", "type", "concurrency_groups", "display_name", "failing_since", "family_name"),
        *("given_name", "out_of_sync", "target_deleted", "user_provisioning"),
    )

    @pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model.__name__)
    def test_has_a_label_in_words_that_people_use(self, model, support, rf):
        request = rf.get("/")
        request.user = support
        unlabelled, found = set(), 0
        columns = {of: {field.name: field for field in of._meta.fields} for of in apps.get_models()}
        for of, name, where in fields_of(admin.site._registry[model], request):
            found += 1
            field = columns[of].get(name)
            if field is not None:
                labelled = field._verbose_name is not None or name in self.WORDS
            else:
                function = name if callable(name) else getattr(where, name, None)
                labelled = hasattr(function, "short_description") or name in where.form.declared_fields
            if not labelled:
                unlabelled.add(name)
        assert found
        assert unlabelled == set()

    def test_that_scim_names_is_spelled_as_there(self, desk):
        page_of_it = desk.get(page(SchemaProfile, SchemaProfile.objects.get(key="testomat").pk)).content.decode()
        assert "The userName may change" in page_of_it
        assert "caseExact" in page_of_it
        assert "UserName" not in page_of_it


class TestTheListOfOrganizations:
    def test_counts_what_needs_attention_urgent_first_and_leads_there(self, desk):  # N4
        org = OrganizationFactory.create(name="Northwind")
        fine = OrganizationFactory.create(name="Acme")
        token = issue_token(org).token
        now = timezone.now()
        matters.note(
            [
                matters.Occurrence(org.pk, MatterKind.GROUP_REFUSED, "Payroll", now),
                matters.Occurrence(org.pk, MatterKind.TOKEN_IN_CLEAR, str(token.pk), now),
            ]
        )
        shown = desk.get(page(Organization, verb="changelist"))
        cells = re.findall(r'<td class="field-attention.*?</td>', shown.content.decode(), re.DOTALL)
        assert [words(cell) for cell in cells] == ["–", "1 urgent 2 open"]
        assert re.findall('href="([^"]+)"', cells[1]) == [f"{reverse('admin:org', args=[org.pk])}#matters"] * 2
        assert 'id="matters"' in desk.get(reverse("admin:org", args=[org.pk])).content.decode()
        assert rows(shown) == [fine, org]

    def test_reads_that_for_a_page_at_once(self, desk, django_assert_num_queries):
        full_org()
        with CaptureQueriesContext(connection) as for_one:
            desk.get(page(Organization, verb="changelist"))
        few = len(for_one)
        full_org()
        OrganizationFactory.create_batch(3)
        with django_assert_num_queries(few):
            desk.get(page(Organization, verb="changelist"))

    def test_says_of_one_that_is_being_deleted_nothing_else(self, desk):
        OrganizationFactory.create(closed_at=timezone.now())
        assert "Being deleted" in text(desk.get(page(Organization, verb="changelist")))


class TestAnOrganization:
    @pytest.fixture
    def org(self):
        return OrganizationFactory.create(
            name="Acme", plan=Plan.FREE, group_provisioning=False, group_provisioning_activated=False
        )

    def save(self, desk, org, **differs):
        org.refresh_from_db()
        form = desk.get(page(Organization, org.pk)).context["adminform"].form
        data = {name: form[name].value() for name in form.fields} | differs
        return confirmed(desk, page(Organization, org.pk), {name: value for name, value in data.items() if value})

    def test_gets_features_and_the_change_is_recorded(self, desk, support, org):
        self.save(desk, org, plan="enterprise", group_provisioning_activated="on", teams="")
        org.refresh_from_db()
        assert (org.plan, org.group_provisioning_activated, org.teams) == ("enterprise", True, False)
        change = Change.objects.get(verb="org.changed")
        assert (change.org, change.door, change.by_person) == (org, Door.ADMIN, support)
        assert change.detail["fields"] == {
            "plan": {"was": "free", "now": "enterprise"},
            "group_provisioning_activated": {"was": False, "now": True},
            "teams": {"was": True, "now": False},
        }

    def test_notes_when_a_kind_goes_off_and_on_and_has_everybody_settled(self, desk, org):  # M8
        ann = UserFactory.create(org=org)
        UserFactory.create(org=org, active=False, login_email=None, deleted_at=timezone.now())
        self.save(desk, org, teams="")
        org.refresh_from_db()
        change = Change.objects.get(verb="org.changed")
        assert (org.teams_switched_at, org.concurrency_groups_switched_at) == ([change.at], [])
        assert [(mark.user, mark.change) for mark in Mark.objects.all()] == [(ann, change)]
        assert change.detail["marked"] == 1
        self.save(desk, org, teams="on")
        org.refresh_from_db()
        assert org.teams_switched_at == [change.at, Change.objects.filter(verb="org.changed").latest("id").at]
        assert Mark.objects.count() == 2

    def test_renamed_has_nobody_settled(self, desk, org):
        UserFactory.create(org=org)
        self.save(desk, org, name="Acme Inc")
        assert not Mark.objects.exists()

    def test_saved_as_it_is_leaves_no_trace(self, desk, org):
        self.save(desk, org)
        assert not Change.objects.filter(verb="org.changed").exists()

    def test_keeps_what_its_own_admin_switched_in_the_meantime(self, desk, org):
        Organization.objects.filter(pk=org.pk).update(group_provisioning_activated=True)
        org.refresh_from_db()
        form = desk.get(page(Organization, org.pk)).context["adminform"].form
        data = {name: form[name].value() for name in form.fields} | {"plan": "team"}
        Organization.objects.filter(pk=org.pk).update(sso_configured=False)
        response = desk.post(page(Organization, org.pk), {name: value for name, value in data.items() if value})
        assert response.status_code == 302
        org.refresh_from_db()
        assert org.plan == "team"

    def test_keeps_a_domain_that_its_own_admin_verified_in_the_meantime(self, desk, org):  # O6
        shown = desk.get(page(Organization, org.pk))
        assert 'name="initial-domains"' in shown.content.decode()
        form = shown.context["adminform"].form
        data = {name: form[name].value() for name in form.fields} | {"plan": "team", "initial-domains": ""}
        VerifiedDomain.objects.create(org=org, name="acme.example", verified_at=timezone.now(), by_dns=True)
        desk.post(page(Organization, org.pk), {name: value for name, value in data.items() if value})
        org.refresh_from_db()
        assert org.plan == "team"
        assert org.verified_domains.get().name == "acme.example"

    def test_gets_and_loses_domains(self, desk, org):  # O6
        self.save(desk, org, domains="acme.example\r\nacme.test")
        assert {domain.name for domain in org.verified_domains.all()} == {"acme.example", "acme.test"}
        self.save(desk, org, domains="acme.test", **{"initial-domains": "acme.example\r\nacme.test"})
        assert org.verified_domains.get().name == "acme.test"

    def test_needs_group_provisioning_activated_before_it_is_on(self, desk, org):
        response = self.save(desk, org, group_provisioning="on")
        assert "Activate group provisioning" in response.content.decode()
        org.refresh_from_db()
        assert not org.group_provisioning

    def test_can_be_renamed_but_not_to_the_name_of_another(self, desk, org):
        self.save(desk, org, name="Äcme")
        org.refresh_from_db()
        assert (org.name, org.name_key) == ("Äcme", "äcme")
        OrganizationFactory.create(name="Globex")
        assert "Another organization" in self.save(desk, org, name="GLOBEX").content.decode()
        org.refresh_from_db()
        assert org.name == "Äcme"

    def test_changes_its_profile_until_scim_has_written_people(self, desk, org):
        other = SchemaProfile.objects.get(key="testomat")
        self.save(desk, org, profile=str(other.pk))
        org.refresh_from_db()
        assert org.profile == other
        assert Change.objects.get(verb="org.changed").detail["fields"]["profile"]["now"] == "testomat"
        UserFactory.create(org=org)
        third = SchemaProfile.objects.get(key="lambdatest")
        assert "SCIM has provisioned people" in self.save(desk, org, profile=str(third.pk)).content.decode()
        org.refresh_from_db()
        assert org.profile == other

    def test_is_not_deleted_among_others(self, desk, org):
        assert desk.post(page(Organization, org.pk, verb="delete"), {"post": "yes"}).status_code == 200
        act(desk, Organization, "delete_selected", org)
        org.refresh_from_db()
        assert org.closed_at is None

    def test_is_found_without_letter_case(self, desk, org):
        assert rows(desk.get(page(Organization, verb="changelist"), {"q": "aCm"})) == [org]


class TestAProfile:
    revisions = itertools.count(1000, 10)

    @pytest.fixture
    def profile(self):
        # What is compiled from a profile is kept by revision: no two tests have the same.
        SchemaProfile.objects.filter(key="lambdatest").update(revision=next(self.revisions))
        return SchemaProfile.objects.get(key="lambdatest")

    def save(self, desk, profile, *wanted, gone=(), described=(), rules=(), **differs):
        """wanted: (key, rank, mark) of roles to change or add; gone: keys to delete; described, rules: all of them."""
        response = desk.get(page(SchemaProfile, profile.pk))
        form = response.context["adminform"].form
        data = {name: form[name].value() for name in form.fields}
        data = {name: ",".join(value) if isinstance(value, list) else value for name, value in data.items()} | differs
        present = list(profile.roles.order_by("-rank"))
        wanted = {key: (rank, mark) for key, rank, mark in wanted}
        for n, role in enumerate(present):
            mark = "admin" if role.is_admin else "default" if role.is_default else ""
            rank, mark = wanted.pop(role.key, (role.rank, mark))
            data |= {f"roles-{n}-id": role.pk, f"roles-{n}-profile": profile.pk, f"roles-{n}-rank": rank}
            data |= {f"roles-{n}-is_{mark}": "on"} if mark else {}
            data |= {f"roles-{n}-DELETE": "on"} if role.key in gone else {}
        for n, (key, (rank, mark)) in enumerate(wanted.items(), len(present)):
            data |= {f"roles-{n}-profile": profile.pk, f"roles-{n}-key": key, f"roles-{n}-rank": rank}
            data |= {f"roles-{n}-is_{mark}": "on"} if mark else {}
        data |= {"roles-TOTAL_FORMS": len(present) + len(wanted), "roles-INITIAL_FORMS": len(present)}
        data |= self.rows(profile, "attributes", described) | self.rows(profile, "founding_rules", rules)
        return confirmed(desk, page(SchemaProfile, profile.pk), {name: value for name, value in data.items() if value})

    def rows(self, profile, name, wanted):
        """The rows of an inline as a browser sends them: those that are there are deleted, and `wanted` added."""
        data = {}
        present = list(getattr(profile, name).values())
        for n, row in enumerate([*({**row, "DELETE": "on"} for row in present), *wanted]):
            row = {"carrier": "user", "type": "string", "kind": "team", "position": 1} | row
            data |= {f"{name}-{n}-{column}": str(value or "") for column, value in row.items()}
            data[f"{name}-{n}-profile"] = profile.pk
        total = len(present) + len(wanted)
        return data | {f"{name}-TOTAL_FORMS": str(total), f"{name}-INITIAL_FORMS": str(len(present))}

    def test_has_its_starting_rules_in_rows(self, desk, profile):  # P8
        rows = [
            {"pattern_type": "prefix", "pattern": "b ", "position": 2},
            {"pattern_type": "all", "position": 3, "auto_approve": "on"},
            {"pattern_type": "regex", "pattern": "^a", "position": 1, "kind": "sub_organization"},
        ]
        expected = [("^a", "sub_organization", False), ("b ", "team", False), ("", "team", True)]
        for _ in range(2):
            assert self.save(desk, profile, rules=rows).status_code == 302
            assert list(profile.founding_rules.values_list("pattern", "kind", "auto_approve")) == expected

    def test_has_starting_rules_for_roles_that_are_added_on_the_same_page(self, desk, profile):  # R6, P8
        row = {"pattern_type": "all", "kind": "role", "role": "Auditor"}
        assert self.save(desk, profile, ("Auditor", 500, ""), rules=[row]).status_code == 302
        assert list(profile.founding_rules.values_list("kind", "role")) == [("role", "Auditor")]

    def test_that_loses_a_role_leaves_the_groups_that_carried_it_waiting(self, desk, profile):  # R6
        self.save(desk, profile, ("Auditor", 500, ""))
        org = OrganizationFactory.create(profile=profile)
        mapping = give(group(org, "Auditors"), "Auditor")
        assert self.save(desk, profile, gone=["Auditor"]).status_code == 302
        mapping.refresh_from_db()
        assert (mapping.status, mapping.target_deleted) == ("pending", True)

    @pytest.mark.parametrize(
        ("row", "why"),
        [
            ({"pattern_type": "regex", "pattern": "a("}, "not a valid RE2 regular expression"),
            ({"pattern_type": "regex", "pattern": "(?=a)"}, "At character 1"),
            ({"pattern_type": "prefix", "pattern": ""}, "Enter a pattern."),
            ({"pattern_type": "all", "pattern": "a"}, "A rule for every group has no pattern."),
            ({"pattern_type": "prefix", "pattern": "a", "kind": "crew"}, "Select a valid choice"),
            ({"pattern_type": "some", "pattern": "a"}, "Select a valid choice"),
            ({"pattern_type": "all", "kind": "role", "role": "Chef"}, "Enter the key of a role of this profile"),
            ({"pattern_type": "all", "kind": "role"}, "Enter the key of a role of this profile"),
            ({"pattern_type": "all", "role": "Admin"}, "Enter the key of a role of this profile"),
        ],
    )
    def test_is_told_which_starting_rules_cannot_be(self, desk, profile, row, why):  # P8
        answer = self.save(desk, profile, rules=[row], name="Changed")
        assert answer.status_code == 200
        assert why in answer.content.decode()
        assert not profile.founding_rules.exists()
        profile.refresh_from_db()
        assert profile.name != "Changed"

    def test_has_further_attributes_described_in_rows(self, desk, profile):  # P8
        rows = [{"name": "costCode", "case_exact": "on"}, {"name": "level", "type": "integer", "multi_valued": "on"}]
        assert self.save(desk, profile, described=rows).status_code == 302
        names = ("carrier", "name", "type", "multi_valued", "case_exact")
        assert list(profile.attributes.values_list(*names)) == [
            ("user", "costCode", "string", False, True),
            ("user", "level", "integer", True, False),
        ]
        before = profile.revision
        assert self.save(desk, profile, described=[{"name": "COSTCODE", "carrier": "group"}]).status_code == 302
        profile.refresh_from_db()
        assert profile.revision == before + 2
        assert list(profile.attributes.values_list(*names)) == [("group", "COSTCODE", "string", False, False)]

    @pytest.mark.parametrize(
        ("rows", "why"),
        [
            ([{"name": "cost code"}], "A name begins with a letter"),
            ([{"name": "2fa"}], "A name begins with a letter"),
            ([{"name": "a.b"}], "A name begins with a letter"),
            ([{"name": "größe"}], "A name begins with a letter"),
            ([{"name": "NickName"}], "The core schema has an attribute with this name"),
            ([{"name": "Members", "carrier": "group"}], "The core schema has an attribute with this name"),
            ([{"name": "organizationROLE"}], "the role or of the placement"),
            ([{"name": "lambdatestgroup"}], "the role or of the placement"),
            ([{"name": "LambdatestRoles", "carrier": "group"}], "the role or of the placement"),
            ([{"name": "costCode"}, {"name": "CostCode"}], "another attribute with this name"),
            ([{"name": "costCode", "type": "complex"}], "Select a valid choice"),
        ],
    )
    def test_is_told_which_attributes_cannot_be(self, desk, profile, rows, why):  # P8
        answer = self.save(desk, profile, described=rows)
        assert answer.status_code == 200
        assert why in answer.content.decode()
        assert not profile.attributes.exists()

    def test_without_an_extension_has_no_further_attributes(self, desk):  # P8
        testomat = SchemaProfile.objects.get(key="testomat")
        answer = self.save(desk, testomat, described=[{"name": "costCode", "carrier": "group"}])
        assert "enter its schema above" in answer.content.decode()
        assert (
            self.save(desk, testomat, described=[{"name": "LambdatestGroup"}, {"name": "department"}]).status_code
            == 302
        )

    def test_knows_the_names_of_core(self):  # P8
        for carrier, schema in ((Carrier.USER, core.USER), (Carrier.GROUP, core.GROUP)):
            names = {attribute.name.lower() for attribute in (*core.COMMON, *schema.attributes)}
            assert names == profiles.CORE_NAMES[carrier]

    def test_edited_is_a_new_revision(self, desk, profile):
        assert self.save(desk, profile, name="LambdaTest").status_code == 302
        before = profile.revision
        profile.refresh_from_db()
        assert (profile.name, profile.revision) == ("LambdaTest", before + 1)

    def test_gets_a_role_that_counts_at_once(self, desk, profile):
        assert roles.catalogue(profile).keys == ("Admin", "User", "Guest")
        assert self.save(desk, profile, ("Auditor", 25, "")).status_code == 302
        profile.refresh_from_db()
        assert roles.catalogue(profile).keys == ("Admin", "Auditor", "User", "Guest")

    def test_with_other_roles_has_everybody_settled(self, desk, profile):  # R1
        ann = UserFactory.create(org=OrganizationFactory.create(dialect="lambdatest"))
        UserFactory.create(org=OrganizationFactory.create(dialect="testomat"))
        self.save(desk, profile, name="LambdaTest")
        assert not Mark.objects.exists()
        self.save(desk, profile, ("Auditor", 25, ""))
        change = Change.objects.get(verb="profile.changed")
        assert [(mark.user, mark.change) for mark in Mark.objects.all()] == [(ann, change)]
        self.save(desk, profile, role_policy="union")
        assert Change.objects.filter(verb="profile.changed").count() == 2

    def test_lets_roles_swap_ranks(self, desk, profile):
        changed = self.save(desk, profile, ("User", 10, ""), ("Guest", 20, "default"))
        assert changed.status_code == 302
        profile.refresh_from_db()
        assert roles.catalogue(profile).keys == ("Admin", "Guest", "User")
        assert roles.catalogue(profile).default == "Guest"

    @pytest.mark.parametrize("wrong", [("Guest", 20, ""), ("Guest", 10, "default"), ("User", 20, "")])
    def test_refuses_equal_ranks_and_other_than_one_default(self, desk, profile, wrong):
        response = self.save(desk, profile, wrong)
        assert "Mark one default role" in response.content.decode()
        before = profile.revision
        profile.refresh_from_db()
        assert profile.revision == before

    def test_keeps_the_keys_of_its_roles(self, desk, profile):
        admin_role = profile.roles.get(key="Admin")
        assert self.save(desk, profile, **{"roles-0-key": "Boss"}).status_code == 302
        admin_role.refresh_from_db()
        assert admin_role.key == "Admin"

    @pytest.mark.parametrize("facts", [{"idp_roles": ["Guest"]}, {"manual_roles": ["Guest"]}])
    def test_keeps_a_role_that_somebody_has(self, desk, profile, facts):
        UserFactory.create(org=OrganizationFactory.create(dialect="lambdatest"), **facts)
        response = self.save(desk, profile, gone=("Guest",))
        assert "The role Guest is in use" in response.content.decode()
        assert profile.roles.filter(key="Guest").exists()

    def test_loses_a_role_that_nobody_has(self, desk, profile):
        UserFactory.create(org=OrganizationFactory.create(dialect="standard"), idp_roles=["Guest"])
        assert self.save(desk, profile, gone=("Guest",)).status_code == 302
        assert not profile.roles.filter(key="Guest").exists()

    def test_is_deleted_only_while_no_org_uses_it(self, desk, profile):
        org = OrganizationFactory.create(dialect="lambdatest")
        assert desk.post(page(SchemaProfile, profile.pk, verb="delete"), {"post": "yes"}).status_code == 403
        org.turn.delete()
        org.delete()
        assert desk.post(page(SchemaProfile, profile.pk, verb="delete"), {"post": "yes"}).status_code == 302
        assert not Role.objects.filter(profile=profile.pk).exists()

    def test_can_be_added_with_its_roles(self, desk):
        data = {
            "name": "Ours",
            "key": "ours",
            "role_attribute": "roles",
            "role_policy": "union",
            "roles-TOTAL_FORMS": 1,
            "roles-INITIAL_FORMS": 0,
            "roles-0-key": "All",
            "roles-0-rank": 1,
            "roles-0-is_default": "on",
            "roles-0-is_admin": "on",
            "founding_rules-TOTAL_FORMS": 0,
            "founding_rules-INITIAL_FORMS": 0,
            "attributes-TOTAL_FORMS": 0,
            "attributes-INITIAL_FORMS": 0,
        }
        assert desk.post(page(SchemaProfile, verb="add"), data).status_code == 302
        profile = SchemaProfile.objects.get(key="ours")
        assert (profile.revision, roles.catalogue(profile).keys) == (1, ("All",))


class TestAPerson:
    @pytest.fixture
    def ann(self):
        return UserFactory.create(user_name="Ann@Acme.example", external_id="00u1", display_name="Ann")

    @pytest.mark.parametrize("term", ["ann@acme.example", "ANN@", "00u1", " Ann@acme "])
    def test_is_found_by_what_support_is_told(self, desk, ann, term):
        UserFactory.create_batch(2)
        assert rows(desk.get(page(User, verb="changelist"), {"q": term})) == [ann]

    def test_is_found_by_id_and_after_deletion(self, desk, ann):
        User.objects.filter(pk=ann.pk).update(deleted_at=timezone.now(), active=False, login_email=None)
        for term in (str(ann.pk), "ann@acme"):
            assert rows(desk.get(page(User, verb="changelist"), {"q": term})) == [ann]

    def test_is_shown_but_not_edited(self, desk, ann, django_assert_max_num_queries):
        # Roles, assignments and groups are explained, each from few tables.
        with django_assert_max_num_queries(20):
            shown = desk.get(page(User, ann.pk))
        assert "Ann@Acme.example" in shown.content.decode()
        assert ann.password not in shown.content.decode() or not ann.password
        assert desk.post(page(User, ann.pk), {"user_name": "eve"}).status_code == 403
        assert desk.get(page(User, verb="add")).status_code == 403
        assert desk.post(page(User, ann.pk, verb="delete"), {"post": "yes"}).status_code == 403

    def test_is_deactivated_with_all_sessions(self, desk, support, ann):
        browser = signed_in(ann)
        response = act(desk, User, "deactivate", ann)
        assert says(response) == "1 of 1 done."
        ann.refresh_from_db()
        assert (ann.active, ann.session_epoch, ann.revision, ann.scim_managed) == (False, 1, 1, True)
        assert is_signed_out(browser)
        change = Change.objects.get(verb="user.deactivated")
        assert (change.org, change.by_person, change.door) == (ann.org, support, Door.ADMIN)
        entry = LedgerEntry.objects.get(change=change)
        assert (entry.user, entry.was, entry.now) == (ann, "active", "inactive")

    def test_stays_signed_out_when_activated_again(self, desk, ann):
        browser = signed_in(ann)
        act(desk, User, "deactivate", ann)
        act(desk, User, "activate", ann)
        ann.refresh_from_db()
        assert ann.active
        assert is_signed_out(browser)

    def test_that_is_already_inactive_changes_nothing(self, desk, ann):
        bob = UserFactory.create(active=False)
        assert says(act(desk, User, "deactivate", ann, bob)) == "1 of 2 done. The rest needed no change."
        assert Change.objects.filter(verb="user.deactivated").count() == 1

    def test_that_scim_deleted_is_left_alone(self, desk, ann):
        User.objects.filter(pk=ann.pk).update(deleted_at=timezone.now(), active=False, login_email=None)
        assert "only SCIM can restore them" in says(act(desk, User, "activate", ann))
        ann.refresh_from_db()
        assert not ann.active

    def test_loses_the_sessions_and_keeps_the_account(self, desk, ann):
        browser = signed_in(ann)
        act(desk, User, "end_sessions", ann)
        ann.refresh_from_db()
        assert (ann.active, ann.revision) == (True, 1)
        assert is_signed_out(browser)
        assert Change.objects.filter(verb="user.signed_out").exists()

    def test_of_the_staff_can_be_deactivated_by_another(self, desk, support):
        former = StaffFactory.create()
        act(desk, User, "deactivate", former)
        former.refresh_from_db()
        assert not former.active
        assert LogEntry.objects.get().object_id == str(former.pk)

    def test_of_the_staff_does_not_lock_itself_out(self, desk, support):
        assert "your own account" in says(act(desk, User, "deactivate", support))
        support.refresh_from_db()
        assert support.active

    def test_is_only_touched_when_ticked(self, desk, ann):
        bob = UserFactory.create()
        act(desk, User, "deactivate", ann, select_across="1")
        bob.refresh_from_db()
        assert bob.active


class TestTheStatusOfPeople:
    def test_is_that_of_the_organizations_page_and_filters_the_list(self, desk):  # N4, U12
        org = OrganizationFactory.create()
        ann = UserFactory.create(org=org, user_name="ann@corp.example")
        bo = UserFactory.create(org=org, user_name="bo@corp.example", active=False)
        cy = UserFactory.create(org=org, user_name="cy@corp.example", active=False, idp_active=True)
        di = UserFactory.create(
            org=org, user_name="di@corp.example", active=False, login_email=None, deleted_at=timezone.now()
        )
        shown = {"active": [ann], "deactivated": [cy, bo], "deleted": [di]}
        for status, wanted in shown.items():
            listed = desk.get(page(User, verb="changelist"), {"status": status, "org__id__exact": str(org.pk)})
            assert rows(listed) == wanted
        told = text(desk.get(page(User, verb="changelist"), {"org__id__exact": str(org.pk)}))
        for name, status in (("ann", "Active"), ("bo", "Deactivated"), ("cy", "Deactivated by hand")):
            assert re.search(rf"{name}@corp.example .{{0,60}} {status}\b", told)
        assert "Deleted by SCIM" in told


class TestSearchingPeople:
    def test_uses_the_indexes(self, desk):
        orgs = [OrganizationFactory.create() for _ in range(5)]
        with connection.cursor() as cursor:
            for n, org in enumerate(orgs):
                cursor.execute(
                    "INSERT INTO orgs_user (password, id, is_staff, is_owner, user_name, user_name_key, login_email,"
                    " external_id, display_name, given_name, family_name, email_keys, attributes, folded,"
                    " extension_urn, active, deactivated_at, scim_managed, created_at, modified_at, revision,"
                    " session_epoch, org_id)"
                    " SELECT '', gen_random_uuid(), false, false, name, name, name, name, '', '', '', '{}', '{}', '{}',"
                    " '', true, '{}', true, now(), now(), 1, 0, %s"
                    " FROM (SELECT 'p' || n || '@' || %s AS name FROM generate_series(1, 4000) AS n) AS people",
                    [org.pk, f"org{n}.example"],
                )
            cursor.execute("ANALYZE orgs_user, orgs_organization")
        for search in people._searches("p77@org3"):
            plan = search.explain()
            assert "Seq Scan on orgs_user" not in plan, plan
        assert [user.user_name for user in rows(desk.get(page(User, verb="changelist"), {"q": "p77@org3"}))] == [
            "p77@org3.example"
        ]


class TestAToken:
    def test_is_revoked(self, desk, support):
        issued = issue_token(OrganizationFactory.create())
        assert says(act(desk, type(issued.token), "revoke", issued.token)) == "1 of 1 done."
        assert Idp(issued.secret).get("/Users").status_code == 401
        assert Change.objects.get(verb="token.revoked").by_person == support
        assert "needed no change" in says(act(desk, type(issued.token), "revoke", issued.token))

    def test_that_waits_is_confirmed_by_who_has_just_signed_in(self, desk, support):  # L6, L8
        org = OrganizationFactory.create()
        cause = Cause(Door.ADMIN, timezone.now(), person=support)
        link = setup_links.make(org=org, purpose=Purpose.SCIM, recipient="Carol Diaz", cause=cause).link
        issued = setup_links.issue_token(link=link, name="Okta", cause=cause)
        assert "Waits to be confirmed" in desk.get(page(ScimToken, verb="changelist")).content.decode()
        session = desk.session
        session[SIGNED_IN_AT] -= RECENT.total_seconds() + 1
        session.save()
        assert "asks for a sign-in" in says(act(desk, ScimToken, "confirm", issued.token))
        assert ScimToken.objects.get().waits
        session[SIGNED_IN_AT] = timezone.now().timestamp()
        session.save()
        assert says(act(desk, ScimToken, "confirm", issued.token)) == "1 of 1 done."
        assert Idp(issued.secret).post("/Users", {"userName": "ada@corp.example"}).status_code == 201
        assert Change.objects.get(verb="token.confirmed").by_person == support
        assert "needed no change" in says(act(desk, ScimToken, "confirm", issued.token))

    def test_shows_no_digest_and_no_secret(self, desk):
        issued = issue_token(OrganizationFactory.create(), lifetime=timedelta(days=1))
        shown = desk.get(page(type(issued.token), issued.token.pk)).content.decode()
        assert issued.token.hint in shown
        assert issued.secret not in shown
        assert "digest" not in shown.lower()

    def test_is_found_by_its_last_characters(self, desk):
        issued, _ = issue_token(OrganizationFactory.create()), issue_token(OrganizationFactory.create())
        found = rows(desk.get(page(type(issued.token), verb="changelist"), {"q": issued.secret[-4:]}))
        assert found == [issued.token]


class TestTheQueryString:
    def test_finds_nothing_by_a_column_that_no_filter_offers(self, desk):  # whoever guesses reads the column
        lookups = itertools.cycle(["__startswith", "__gte", "__regex"])
        lists = [(model, shown) for model, shown in admin.site._registry.items() if isinstance(shown, BigTable)]
        assert {User, ScimToken} <= {model for model, _ in lists}
        for model, shown in lists:
            columns = [chosen for chosen in shown.list_filter if not isinstance(chosen, type)]
            offered = {name if isinstance(name, str) else name[0] for name in columns} | {*shown.linked_by}
            for field in model._meta.concrete_fields:
                for lookup in (next(lookups), *([] if field.name in offered else [""])):
                    answer = desk.get(page(model, verb="changelist"), {f"{field.name}{lookup}": "a"})
                    assert answer.status_code == 400, f"{model.__name__}.{field.name}{lookup}"

    def test_finds_nothing_by_a_column_of_another_table(self, desk):
        assert (
            desk.get(page(ScimToken, verb="changelist"), {"org__users__password__startswith": "a"}).status_code == 400
        )


class TestHistory:
    def test_of_changes_and_effects_can_be_read_and_not_touched(self, desk):
        org = OrganizationFactory.create()
        ann = UserFactory.create(org=org)
        act(desk, User, "deactivate", ann)
        change = Change.objects.get(verb="user.deactivated")
        shown = desk.get(page(Change, change.pk)).content.decode()
        assert f"{page(LedgerEntry, verb='changelist')}?change={change.pk}" in shown
        assert len(rows(desk.get(page(LedgerEntry, verb="changelist"), {"change": change.pk}))) == 1
        assert desk.post(page(Change, change.pk), {"verb": "nothing"}).status_code == 403
        with pytest.raises(NoReverseMatch):
            reverse("admin:auth_group_changelist")


class TestTheQueue:
    @pytest.fixture
    def held(self, org: Organization) -> Organization:
        """An org on hold, with somebody waiting."""
        now = timezone.now()
        Turn.objects.filter(org=org).update(served_at=now, held_reason="Boom: x", retry_at=now + timedelta(minutes=5))
        change = Change.objects.create(org=org, at=now, door=Door.COMMAND, verb="test")
        Mark.objects.create(org=org, user=UserFactory.create(org=org), change=change)
        return org

    def test_says_which_org_is_on_hold_and_why_and_how_many_wait(self, desk, held):
        OrganizationFactory.create()
        shown = desk.get(page(Turn, verb="changelist"), {"held": "yes"})
        assert [(turn.org, turn.marks) for turn in rows(shown)] == [(held, 1)]
        assert "Boom: x" in shown.content.decode()
        assert held not in [turn.org for turn in rows(desk.get(page(Turn, verb="changelist"), {"held": "no"}))]

    def test_counts_only_so_far(self, desk, held, monkeypatch):
        monkeypatch.setattr("orgs.admin.queue.MOST", 1)
        assert "1+" in desk.get(page(Turn, verb="changelist"), {"q": str(held.pk)}).content.decode()

    def test_lets_support_settle_an_org_now(self, desk, held, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks() as told:
            assert "1 of 1 done" in says(act(desk, Turn, "settle_now", held.turn))
        assert nudge.wake in told
        assert Turn.objects.get(org=held).retry_at is None
        assert "needed no change" in says(act(desk, Turn, "settle_now", held.turn))

    def test_shows_who_waits(self, desk, held):
        assert [mark.org for mark in rows(desk.get(page(Mark, verb="changelist")))] == [held]
