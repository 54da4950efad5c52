"""Every table of facts has triggers that keep what its rows were before, and no other table has (SPEC T3)."""

import re

import pytest
from django.apps import apps
from django.db import connection, models

from groups_provisioning import models as groups
from orgs import models as orgs
from orgs.models import FactKind

FACTS: dict[type[models.Model], FactKind | None] = {
    orgs.User: FactKind.USER,
    orgs.HandPlacement: FactKind.HAND,
    orgs.LastAdmin: FactKind.LAST_ADMIN,
    orgs.Entity: FactKind.ENTITY,
    orgs.Organization: FactKind.ORGANIZATION,
    orgs.SchemaProfile: FactKind.PROFILE,
    orgs.Role: FactKind.ROLE,
    groups.PushedGroup: FactKind.GROUP,
    groups.NestedGroup: FactKind.NESTED,
    groups.GroupMapping: FactKind.MAPPING,
    groups.MappingRule: FactKind.RULE,
    groups.Decision: FactKind.DECISION,
    groups.GroupMember: None,  # has a table of its own, `MemberPast`
}

EFFECT = "an effect, which follows from facts"
RECORD = "a record of what happened, which is never changed"
SET_UP = "how the portal is reached or what it shows: nobody's role or place follows from it"
WORK = "work that is under way, or waits: of then, the ledger tells"
NOT_FACTS = {
    EFFECT: {orgs.Standing, groups.Membership, groups.Conflict},
    RECORD: {
        orgs.Change,
        orgs.LedgerEntry,
        orgs.SupportNotice,
        orgs.FeedItem,
        orgs.FeedTouch,
        orgs.FeedHead,
        orgs.HistoryItem,
        orgs.Past,
        orgs.PastBegin,
        groups.MemberPast,
        orgs.Erasure,
        orgs.SsoSignIn,
        orgs.SignInFailures,
        orgs.SupportView,
        orgs.OrgDeletion,
        orgs.MailedMatter,
    },
    SET_UP: {
        orgs.ScimToken,
        orgs.ApiKey,
        orgs.VerifiedDomain,
        orgs.PendingDomain,
        orgs.ProfileAttribute,
        groups.StartingRule,
        orgs.IdentityLink,
        orgs.Session,
        orgs.SecondFactor,
        orgs.RecoveryCode,
        orgs.MailChoices,
        orgs.Matter,
    },
    WORK: {
        orgs.Mark,
        orgs.Turn,
        orgs.Invitation,
        orgs.SetupLink,
        orgs.Proposal,
        orgs.Mail,
        orgs.MatterRound,
        groups.Import,
        groups.ImportRow,
        groups.Preview,
        groups.EndedGroup,
        groups.EndedMember,
        groups.EndedMapping,
        groups.Breach,
        groups.Hold,
        groups.Taken,
        groups.Excess,
    },
}
NOT_KEPT = {
    orgs.User: {
        *("password", "last_login", "session_epoch", "time_zone", "is_staff", "is_superuser"),  # secret, or no facts
        *("revision", "modified_at", "folded", "email_keys", "user_name_key"),  # follow from others
    },
    orgs.Entity: {"name_key"},
    orgs.Organization: {"name_key"},
    orgs.SchemaProfile: {"revision"},
    groups.PushedGroup: {"revision", "modified_at", "member_count", "folded", "display_name_key"},
    groups.MappingRule: {"gives_role"},
}
OF_A_TABLE = """
SELECT tgname, tgenabled, proname, prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
WHERE tgrelid = %s::regclass AND NOT tgisinternal ORDER BY tgname
"""


def triggers(model: type[models.Model]) -> list[tuple[str, str, str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(OF_A_TABLE, [model._meta.db_table])
        return cursor.fetchall()


def test_somebody_decided_on_every_table() -> None:
    ours = {model for app in ("orgs", "groups_provisioning") for model in apps.get_app_config(app).get_models()}
    decided = [*FACTS, *(model for models in NOT_FACTS.values() for model in models)]
    assert {model.__name__ for model in ours} == {model.__name__ for model in decided}
    assert len(decided) == len(set(decided))


@pytest.mark.parametrize("model", FACTS, ids=lambda model: model.__name__)
def test_a_table_of_facts_keeps_its_past(db: None, model: type[models.Model]) -> None:
    found, kind = triggers(model), FACTS[model]
    if kind is None:
        assert [name for name, *_ in found] == ["begin_member_anew", "keep_members_delete", "keep_members_update"]
        return
    assert [name for name, *_ in found] == ["keep_past_delete", "keep_past_insert", "keep_past_update"]
    assert {enabled for _, enabled, *_ in found} == {"O"}
    assert {function for *_, function, _ in found} == {f"keep_past_of_{kind}"}


@pytest.mark.parametrize("model", [model for model, kind in FACTS.items() if kind], ids=lambda model: model.__name__)
def test_every_column_is_kept_or_left_out_on_purpose(db: None, model: type[models.Model]) -> None:
    wanted = {field.column for field in model._meta.concrete_fields} - NOT_KEPT.get(model, set())
    source = triggers(model)[0][-1]
    update, delete = source.split("ELSIF")
    differing = re.findall(
        r"WHEN o\.(\w+) IS DISTINCT FROM n\.(\w+) THEN jsonb_build_object\('(\w+)', o\.(\w+)\)", update
    )
    assert sorted(differing) == sorted((name,) * 4 for name in wanted)
    old, new = re.findall(r"\(((?:[on]\.\w+(?:, )?)+)\)", update.split("WHERE")[1])
    assert (set(old.split(", ")), set(new.split(", "))) == ({f"o.{n}" for n in wanted}, {f"n.{n}" for n in wanted})
    assert sorted(re.findall(r"'(\w+)', o\.(\w+)", delete.split("jsonb_build_object")[1])) == sorted(
        (name, name) for name in wanted
    )


def test_no_other_table_has_triggers(db: None) -> None:
    others = [model for models in NOT_FACTS.values() for model in models]
    assert {model.__name__: found for model in others if (found := triggers(model))} == {}
