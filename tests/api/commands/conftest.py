"""The scene of commands, and the DNS as it is in it."""

from collections.abc import Iterator

import pytest
from dns import resolver

from tests.api.commands.scene import Scene
from tests.factories import OrganizationFactory
from tests.orgs.name_server import NameServer


@pytest.fixture
def scene(db: None) -> Scene:
    return Scene(OrganizationFactory.create(slug="acme"))


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    with NameServer() as server:
        monkeypatch.setattr(resolver, "default_resolver", server.resolver())
        yield server
