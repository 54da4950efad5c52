"""What the DNS says, and whom the system trusts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from orgs import guarded_http
from tests.sso.oidc.issuer import AT
from tests.sso.open_id_provider import HOST, OpenIdProvider, open_id_provider
from tests.sso.servers import LOCAL, Names


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


@pytest.fixture
def trusting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose ca.pem is trusted, and nothing else."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    guarded_http._tls.cache_clear()
    yield tmp_path
    guarded_http._tls.cache_clear()


@pytest.fixture
def idp(names: Names, trusting: Path, settings: Settings) -> Iterator[OpenIdProvider]:
    """A provider that can be reached, by https."""
    settings.IDP_NETWORKS = LOCAL
    names.answers[HOST] = [["127.0.0.1"]]
    with open_id_provider(trusting, AT) as provider:
        yield provider
