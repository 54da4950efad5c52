"""A program with a key to the API, and what stands in the database before and after it asks something."""

import json
from typing import Any

from django.db import connection
from django.http import HttpResponse
from django.test import Client

from orgs import api_keys
from orgs.models import Organization, Scope
from tests.api.consumer import key_of

ALL = tuple(Scope)


class Program:
    """org: whose key it has; None for the operator's. scopes: all there are, where none are named."""

    def __init__(self, org: Organization | None, *scopes: Scope, issued: api_keys.Issued | None = None) -> None:
        issued = issued or key_of(org, *(scopes or ALL))
        self.key = issued.key
        self.http = Client(headers={"Authorization": f"Bearer {issued.secret}"})
        self("GET", "/")  # from now on nothing is noted of its use, for a minute

    def __call__(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **query: str
    ) -> HttpResponse:
        """Send a request; `body` is JSON. path: below /api/v1."""
        data = b"" if body is None else json.dumps(body, default=str).encode()
        asked = {"query_params": query} if query else {}
        return self.http.generic(
            method, f"/api/v1{path}", data, content_type="application/json", headers=headers, **asked
        )

    def preview(self, method: str, path: str, body: Any = None, **query: str) -> HttpResponse:
        return self(method, path, body, preview="true", **query)


def problem(answer: HttpResponse) -> tuple[int, str]:
    """The status of a problem, and its kind; about:blank has none."""
    assert answer["Content-Type"] == "application/problem+json", answer.content
    told = answer.json()
    assert told["detail"]
    assert told["status"] == answer.status_code
    return answer.status_code, told["type"].rpartition("/")[2].removeprefix("about:blank")


def contents() -> dict[str, str]:
    """A digest of the rows of each table, without the log of SCIM's requests, which a thread writes."""
    with connection.cursor() as cursor:
        names = connection.introspection.django_table_names(only_existing=True, include_views=False)
        names = [name for name in names if not name.startswith("scim_requestlog")]
        digest = "SELECT '{0}', md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {0} t"
        cursor.execute(" UNION ALL ".join(digest.format(name) for name in names))
        return dict(cursor.fetchall())
