"""What an operator is told about settings that are easily forgotten."""

from pathlib import Path

import pytest
from django.core.checks import run_checks

from config import environment

PUBLIC = {"MUSTER_URL": "https://muster.example.org"}
COMPLETE = PUBLIC | {"EMAIL_URL": "smtp://mail.example.org", "TRUSTED_PROXIES": "1"}


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        pytest.param({}, set(), id="on one's own machine"),
        pytest.param(COMPLETE, set(), id="complete"),
        pytest.param(COMPLETE | {"EMAIL_URL": ""}, {"muster.W001"}, id="no mail"),
        pytest.param(COMPLETE | {"TRUSTED_PROXIES": "0"}, {"muster.W002"}, id="no proxy"),
        pytest.param(PUBLIC, {"muster.W001", "muster.W002"}, id="neither"),
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
