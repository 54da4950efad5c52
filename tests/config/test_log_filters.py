"""What no log line may have (SPEC L8)."""

import logging
from io import StringIO

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from config.log_filters import WithoutSecrets
from orgs import invitations, setup_links, sign_in

SECRET = "nobody-may-read-this-0123456789-0123456789"
ADDRESSES = {
    "setup": reverse("setup", args=[SECRET]),
    "invitation": reverse("invitation", args=[SECRET]),
    "set-password": reverse("set-password", args=["MTIz", SECRET]),
}


@pytest.fixture
def lines() -> StringIO:
    """What is logged, as the portal's handler has it."""
    assert settings.LOGGING["root"]["handlers"] == ["stderr"]
    assert settings.LOGGING["handlers"]["stderr"]["filters"] == ["without_secrets"]
    handler = logging.StreamHandler(written := StringIO())
    handler.addFilter(WithoutSecrets())
    logging.getLogger("django").addHandler(handler)
    yield written
    logging.getLogger("django").removeHandler(handler)


@pytest.mark.parametrize("name", ADDRESSES)
class TestTheSecretOfALink:
    def test_is_hidden_where_a_form_is_forged(self, db: None, lines: StringIO, name: str) -> None:
        assert Client(enforce_csrf_checks=True).post(ADDRESSES[name]).status_code == 403
        assert "CSRF cookie not set" in lines.getvalue()
        assert SECRET not in lines.getvalue()

    def test_is_hidden_where_the_page_fails(
        self, db: None, lines: StringIO, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise OperationalError("away")

        monkeypatch.setattr(setup_links, "of_secret", fail)
        monkeypatch.setattr(invitations, "of_secret", fail)
        monkeypatch.setattr(sign_in.reset_links, "check_token", fail)
        monkeypatch.setattr("django.contrib.auth.views.PasswordResetConfirmView.get_user", fail)
        client = Client(raise_request_exception=False)
        assert client.get(ADDRESSES[name]).status_code >= 400
        assert SECRET not in lines.getvalue()


def test_other_lines_stay_as_they_are() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "GET %s", ("/settings/setup-links/",), None)
    assert WithoutSecrets().filter(record)
    assert record.getMessage() == "GET /settings/setup-links/"
