"""What an operator is told about settings that are easily forgotten."""

from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from config import environment
from orgs import erasures
from orgs.db.keys import uuid7
from tests.factories import OrganizationFactory

PUBLIC = {"MUSTER_URL": "https://muster.example.org"}
COMPLETE = PUBLIC | {
    "EMAIL_URL": "smtp://mail.example.org",
    "SUPPORT_EMAIL": "support@example.org",
    "TRUSTED_PROXIES": "1",
}


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        pytest.param({}, set(), id="on one's own machine"),
        pytest.param(COMPLETE, set(), id="complete"),
        pytest.param(COMPLETE | {"EMAIL_URL": ""}, {"muster.W001"}, id="no mail"),
        pytest.param(COMPLETE | {"TRUSTED_PROXIES": "0"}, {"muster.W002"}, id="no proxy"),
        pytest.param(COMPLETE | {"DATABASE_URL": "postgresql:///muster"}, {"muster.W008"}, id="a key of this machine"),
        pytest.param(COMPLETE | {"SUPPORT_EMAIL": ""}, {"muster.W009"}, id="no support"),
        pytest.param(PUBLIC, {"muster.W001", "muster.W002", "muster.W009"}, id="nothing"),
        pytest.param({"WEBHOOK_ALLOWED_NETWORKS": "10.0.0.0/8,127.0.0.0/8"}, set(), id="networks of one's own"),
        pytest.param({"WEBHOOK_ALLOWED_NETWORKS": "169.254.0.0/16"}, {"muster.W003"}, id="a cloud's metadata"),
        pytest.param({"WEBHOOK_ALLOWED_NETWORKS": "::/0"}, {"muster.W003"}, id="everything"),
    ],
)
def test_a_public_portal_is_told_what_it_lacks(
    tmp_path: Path, settings, environ: dict[str, str], told: set[str]
) -> None:
    settings.ENVIRONMENT = environment.read({"MUSTER_VAR": str(tmp_path), **environ})
    assert {message.id for message in run_checks() if str(message.id).startswith("muster.")} == told


def told_of_the_database() -> list[str]:
    return [str(message.id) for message in run_checks(databases=["default"]) if str(message.id).startswith("muster.")]


@pytest.mark.django_db
class TestARestoredDatabase:  # U5; secrets: tests/docs/test_backup.py
    @pytest.fixture(autouse=True)
    def _receipts(self, settings: Settings, tmp_path: Path) -> None:
        settings.RECEIPTS = tmp_path

    def test_does_not_know_who_was_erased_until_receipts_are_played(self, tmp_path: Path) -> None:
        receipt = erasures.Receipt(
            uuid7(), OrganizationFactory.create().id, timezone.now(), timezone.now(), bytes(32), {}
        )
        receipt.write()
        assert told_of_the_database() == ["muster.W005"]
        call_command("erase", receipts=tmp_path)
        assert told_of_the_database() == []

    def test_of_other_organizations_knows_nobody(self) -> None:
        erasures.Receipt(uuid7(), uuid7(), timezone.now(), timezone.now(), bytes(32), {}).write()
        assert told_of_the_database() == []

    def test_is_compared_with_receipts_that_can_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "x.json").write_text("{")
        assert told_of_the_database() == ["muster.W006"]
