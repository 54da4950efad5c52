"""A program with a key, and what it leaves in the database."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from orgs import api_keys
from orgs.models import Organization, Scope
from tests.api.consumer import key_of

MANAGE = (Scope.READ, Scope.MANAGE)
ALL = tuple(Scope)


class Program:
    """org: whose API it calls. key: with it; by default one of this org that may do everything."""

    def __init__(self, org: Organization, key: api_keys.Issued | None = None) -> None:
        self.org = org
        issued = key or key_of(org, *ALL)
        self.key = issued.key
        self.http = Client(headers={"Authorization": f"Bearer {issued.secret}"})
        self("GET", "nothing")  # from now on its key was used

    def __call__(
        self, method: str, path: str, body: Any = None, *, preview: bool = False, **headers: str
    ) -> HttpResponse:
        """path: below the org's. Header names in Python spelling: if_match."""
        return self.http.generic(
            method,
            f"/api/v1/organizations/{self.org.id}/{path}" + ("?preview=true" if preview else ""),
            b"" if body is None else json.dumps(body, default=str).encode(),
            content_type="application/json",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
