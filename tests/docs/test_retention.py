"""docs/retention.md says of every table how long its rows are kept."""

import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.conf import settings

from docs.from_code import ROOT
from groups_provisioning.actions import imports
from groups_provisioning.preview import runs
from orgs import matter_mail, matters, outbox, sign_in_failures, sso_sign_ins
from scim import request_days, rhythm
from sso import issuers
from tests.docs.test_from_code import rows

DOCUMENT = (ROOT / "docs" / "retention.md").read_text()
ROWS = [row for head in DOCUMENT.split("\n## ")[1:] for row in rows(f"\n## {head}", "what")]

# Of Django, with as many rows as the code defines.
FIXED = {"auth_group", "auth_permission", "django_content_type"}

KEPT = {
    "scim_requestlog": timedelta(days=settings.SCIM_LOG_DAYS),
    "orgs_past": timedelta(days=settings.PAST_DAYS),
    "scim_idpday": rhythm.DAYS_KEPT,
    "scim_requestday": request_days.KEPT,
    "orgs_session": timedelta(seconds=settings.SESSION_COOKIE_AGE),
    "orgs_signinfailures": sign_in_failures.OF_AN_ACCOUNT.fades,
    "orgs_ssosignin": sso_sign_ins.KEPT,
    "sso_issuerdocument": issuers.KEPT,
    "orgs_mail": outbox.KEPT,
    "orgs_matter": matters.FORGOTTEN,
    "orgs_mailedmatter": matter_mail.OVER,
    "groups_provisioning_preview": runs.KEPT,
    "groups_provisioning_import": imports.KEPT,
}


def tables(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def test_every_table_has_its_row() -> None:
    told = [table for row in ROWS for table in tables(row[-1])]
    assert sorted(told) == sorted({model._meta.db_table for model in apps.get_models()} - FIXED)


@pytest.mark.parametrize("table", KEPT)
def test_times_are_those_of_the_code(table: str) -> None:
    (kept,) = (row[1] for row in ROWS if table in tables(row[-1]))
    days, hours = re.search(r"(\d+) days?", kept), re.search(r"(\d+) hours?", kept)
    assert KEPT[table] == timedelta(days=int(days[1]) if days else 0, hours=int(hours[1]) if hours else 0)
