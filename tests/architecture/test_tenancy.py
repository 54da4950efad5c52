"""Every table says whose its rows are, and the database keeps them apart (SPEC O7)."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from groups_provisioning.models import Import, StartingRule
from orgs.db.keys import uuid7
from orgs.db.tenancy import TenantKey
from orgs.models import (
    Change,
    Door,
    FeedHead,
    LedgerEntry,
    Mail,
    OrgDeletion,
    Past,
    PastBegin,
    ProfileAttribute,
    RecoveryCode,
    Role,
    SchemaProfile,
    SecondFactor,
    Session,
    SignInFailures,
    SupportNotice,
    User,
)
from scim.models import RequestLog, RequestLogBody
from sso.models import IssuerDocument, SeenToken
from tests.factories import OrganizationFactory, UserFactory

SOME_ORG = uuid7()
ROOT = Path(__file__).parents[2]
APPS = ("orgs", "groups_provisioning", "scim", "sso", "api")
OURS = [model for app in APPS for model in apps.get_app_config(app).get_models()]

SHARED = {
    apps.get_model("orgs", "Organization"): "is the tenant",
    SchemaProfile: "belongs to the operator, and serves many orgs",
    Role: "belongs to a profile",
    ProfileAttribute: "belongs to a profile",
    StartingRule: "belongs to a profile, and is copied to its new orgs",
    SignInFailures: "counts what is typed before anybody is known; no page shows it",
    OrgDeletion: "is the operator's record that an org was deleted, and outlives it",
    Session: "belongs to a person, of an org or of support, or to nobody yet",
    PastBegin: "is one row, for the past of all orgs",
    FeedHead: "is one row, for the feed of all orgs",
    SupportNotice: "belongs to its ledger entry, and has its id",
    IssuerDocument: "is public, and the same whoever reads it",
    SeenToken: "holds digests of what came once, for minutes, and nobody reads it",
    RequestLogBody: "belongs to its row in the request log, and has its id",
}
LOOSE = {
    (User, "org"): "support staff belong to no org",
    (SecondFactor, "org"): "support staff belong to no org",
    (RecoveryCode, "org"): "support staff belong to no org",
    (Mail, "org"): "support staff belong to no org, and neither do those who ask where they can sign in",
    (Past, "org"): "profiles and their roles belong to the operator",
    (RequestLog, "org"): "a call that was not authenticated belongs to none",
    (RequestLog, "token"): "nothing keeps a token or an org alive for the log's sake",
    (Change, "by_person"): "support staff belong to no org",
    (Change, "by_key"): "it may be a key of the operator's",
    (apps.get_model("orgs", "ApiKey"), "org"): "the operator's keys belong to none",
    (apps.get_model("api", "Endpoint"), "org"): "the operator's webhooks belong to none",
    (apps.get_model("api", "Attempt"), "org"): "the operator's webhooks belong to none",
    (apps.get_model("orgs", "ApiKey"), "created_by"): "support staff may have made it",
    (apps.get_model("orgs", "ApiKey"), "revoked_by"): "support staff may have revoked it",
    (Import, "by_person"): "support staff may have given it",
    (Import, "by_key"): "the operator's keys belong to no org",
    (apps.get_model("orgs", "ScimToken"), "created_by"): "support staff may have made it",
    (apps.get_model("orgs", "ScimToken"), "taken_over_by"): "as who made it",
    (apps.get_model("orgs", "ApiKey"), "taken_over_by"): "as who made it",
    (apps.get_model("orgs", "SupportView"), "person"): "support staff belong to no org",
    (apps.get_model("orgs", "Proposal"), "decided_by"): "support may be the second admin",
    (apps.get_model("orgs", "SetupLink"), "made_by"): "support staff may have made it",
    (apps.get_model("orgs", "ScimToken"), "revoked_by"): "support staff may have revoked it",
}


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_table_belongs_to_an_org_or_says_why_not(model: type[models.Model]) -> None:
    if model in SHARED:
        return
    org = model._meta.get_field("org")
    assert not org.null or (model, "org") in LOOSE


@pytest.mark.parametrize("model", [model for model in OURS if model not in SHARED], ids=lambda model: model.__name__)
def test_every_table_of_an_org_is_asked_by_one_verb(model: type[models.Model]) -> None:
    rows = model._default_manager
    assert str(rows.for_org(SOME_ORG).query) == str(rows.filter(org=SOME_ORG).query)  # type: ignore[attr-defined]


def test_no_module_asks_in_other_words() -> None:
    asked = re.compile(r"\b(filter|get|exclude)\((\w+, )*org(_id)?=(?!OuterRef)")
    found = {
        f"{path.name}: {line.strip()}"
        for app in APPS
        for path in (ROOT / app).rglob("*.py")
        if "migrations" not in path.parts
        for line in path.read_text().splitlines()
        if asked.search(line)
    }
    assert found == {
        "tenancy.py: return self.filter(org=org)",
    }


@pytest.mark.parametrize("model", [model for model in OURS if model not in SHARED], ids=lambda model: model.__name__)
def test_every_reference_inside_an_org_is_kept_inside_by_the_database(model: type[models.Model]) -> None:
    kept = {constraint.field for constraint in model._meta.constraints if isinstance(constraint, TenantKey)}
    references = {
        field.name
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey) and field.related_model not in SHARED and field.name != "org"
    }
    loose = {name for owner, name in LOOSE if owner is model}
    assert references - loose == kept


def test_a_row_cannot_point_into_another_org(db: None) -> None:
    here, stranger = OrganizationFactory.create(), UserFactory.create()
    change = Change.objects.create(org=here, at=timezone.now(), door=Door.COMMAND, verb="x")
    with pytest.raises(IntegrityError, match="ledger_user"), transaction.atomic():
        LedgerEntry.objects.create(org=here, change=change, user=stranger, slot="roles")
