"""A program that sends commands about one org."""

from typing import Any

from django.http import HttpResponse

from orgs import api_keys
from orgs.models import Organization, Scope
from tests.api import program
from tests.api.program import ALL as ALL

MANAGE = (Scope.READ, Scope.MANAGE)


class Program:
    """org: whose API it calls. key: with it; by default one of this org that may do everything."""

    def __init__(self, org: Organization, key: api_keys.Issued | None = None) -> None:
        self.org = org
        self._program = program.Program(org, issued=key)
        self.key, self.http = self._program.key, self._program.http

    def __call__(
        self, method: str, path: str, body: Any = None, *, preview: bool = False, **headers: str
    ) -> HttpResponse:
        """path: below the org's. Header names in Python spelling: if_match."""
        return self._program(
            method,
            f"/organizations/{self.org.id}/{path}",
            body,
            {name.replace("_", "-"): value for name, value in headers.items()},
            **({"preview": "true"} if preview else {}),
        )
