"""The document of the API: it has every operation, is valid, and is what is answered (SPEC E2)."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from openapi_spec_validator import validate

from api import openapi
from api.base import Unknown
from api.openapi import Undescribed
from api.problem_kinds import KINDS
from api.urls import urlpatterns


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(openapi.as_json())


def handlers() -> Iterator[tuple[str, str]]:
    """Every path and method of the URLconf that views have a handler for."""
    for pattern in urlpatterns:
        view = getattr(pattern.callback, "cls", None)
        if view is not None and view is not Unknown:
            path = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern))
            yield from ((path, method.lower()) for method in view().allowed_methods if method != "HEAD")


class TestTheDocument:
    def test_is_valid_openapi_3_1_without_a_warning(self, document: Any) -> None:  # E2
        validate(document)
        assert document["openapi"].startswith("3.1")
        assert not GENERATOR_STATS._warn_cache
        assert not GENERATOR_STATS._error_cache

    def test_has_every_operation(self, document: Any) -> None:  # E2
        assert {(path, method) for path, item in document["paths"].items() for method in item} == set(handlers())

    def test_refuses_a_handler_that_says_nothing_of_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        view = next(pattern.callback.cls for pattern in urlpatterns if hasattr(pattern.callback, "cls"))
        monkeypatch.delattr(view.get, "operation")
        openapi.document.cache_clear()
        with pytest.raises(Undescribed, match="GET /changes: AllChanges"):
            openapi.document()

    def test_names_each_operation_once_and_what_it_needs(self, document: Any) -> None:
        operations = [operation for item in document["paths"].values() for operation in item.values()]
        names = [operation["operationId"] for operation in operations]
        assert len(set(names)) == len(names)
        for operation in operations:
            assert operation["security"] == [{"key": []}]
            assert "Needs the scope `" in operation["description"]
            assert operation["responses"].keys() >= {"401", "403", "404", "429", "503"}
            assert set(operation["x-problems"]) <= KINDS.keys()

    def test_says_what_every_parameter_is(self, document: Any) -> None:
        silent = [
            (operation["operationId"], parameter["name"])
            for item in document["paths"].values()
            for operation in item.values()
            for parameter in operation.get("parameters", ())
            if not parameter.get("description")
        ]
        assert silent == []

    def test_speaks_to_its_readers(self, document: Any) -> None:
        text = json.dumps(document)
        assert not re.search(r"SPEC|\bself\b|x-spec|Raises ", text)

    def test_tells_the_items_of_the_feed_apart_by_their_kind(self, document: Any) -> None:  # E1
        item = document["components"]["schemas"]["Item"]
        assert item["discriminator"]["propertyName"] == "kind"
        for kind, reference in item["discriminator"]["mapping"].items():
            schema = document["components"]["schemas"][reference.rpartition("/")[2]]
            assert schema["properties"]["kind"]["enum"] == [kind]

    def test_is_served_to_anybody(self, document: Any, db: None) -> None:  # E2
        answer = Client().get("/api/v1/openapi.json")
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
        assert answer.json() == document
        assert document["servers"] == [{"url": f"{settings.MUSTER_URL}/api/v1"}]
