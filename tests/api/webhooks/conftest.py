"""Receivers that can be reached, and webhooks to them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from api.models import Endpoint
from api.webhooks import endpoints
from orgs import guarded_http
from orgs.models import Organization
from tests.api.webhooks.receiver import HOST, Receiver, receiving
from tests.groups_provisioning.world import by_command
from tests.sso.conftest import names, trusting
from tests.sso.servers import LOCAL, Names

__all__ = ["names", "trusting"]

Make = Callable[..., Endpoint]


@pytest.fixture
def receiver(names: Names, trusting: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """This machine is in a network that the operator allows, and at a public address for everybody else."""
    settings.WEBHOOK_ALLOWED_NETWORKS = LOCAL
    names.answers[HOST] = [["127.0.0.1"]]
    is_public = guarded_http.is_public
    monkeypatch.setattr(guarded_http, "is_public", lambda address: address.is_loopback or is_public(address))
    with receiving(trusting) as receiver:
        monkeypatch.setattr(endpoints, "PORTS", (443, receiver.port))
        yield receiver


@pytest.fixture
def make(receiver: Receiver) -> Make:
    """A webhook, of the operator unless an org is named, that has told nothing yet."""

    def make(org: Organization | None = None, path: str = "/", **facts: Any) -> Endpoint:
        about = {"kinds": endpoints.kinds_for(org), "max_items": 50} | facts
        url = about.pop("url", receiver.url(path))
        endpoint = endpoints.create(org=org, url=url, **about, cause=by_command()).endpoint
        Endpoint.objects.filter(id=endpoint.id).update(position=0)
        return endpoint

    return make
