"""A consumer of the feed: it keeps what it read by the rules for consumers, and nothing else."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from groups_provisioning.models import PushedGroup
from orgs import api_keys
from orgs.history import Cause
from orgs.models import Door, Entity, Organization, Scope, User


def key_of(org: Organization | None = None, *scopes: Scope) -> api_keys.Issued:
    cause = Cause(Door.COMMAND, timezone.now())
    return api_keys.issue(org=org, name="consumer", scopes=scopes or [Scope.READ], cause=cause)


def everything_in(org: Organization) -> set[tuple[str, str]]:
    """The kind and the id of every resource that an org has or had."""
    people = {("person", str(id_)) for id_ in User.objects.for_org(org).values_list("id", flat=True)}
    entities = {(kind, str(id_)) for kind, id_ in Entity.objects.for_org(org).values_list("kind", "id")}
    groups = {("group", str(id_)) for id_ in PushedGroup.objects.for_org(org).values_list("id", flat=True)}
    return people | entities | groups


class Consumer:
    """table: by kind and id, the last item of each resource. org: whose feed it reads; None for that of all orgs."""

    def __init__(self, org: Organization | None, secret: str = "", *, limit: int = 1000, kinds: str = "") -> None:
        self.secret = secret or key_of(org).secret
        self.http = Client(headers={"Authorization": f"Bearer {self.secret}"})
        self.path = f"/api/v1/organizations/{org.id}/changes" if org else "/api/v1/changes"
        self.asked = {"limit": limit} | ({"kinds": kinds} if kinds else {})
        self.after: str | None = None
        self.table: dict[tuple[str, str], dict[str, Any]] = {}

    def get(self, **more: Any) -> HttpResponse:
        return self.http.get(self.path, self.asked | ({"after": self.after} if self.after else {}) | more)

    def page(self) -> dict[str, Any]:
        """Read a page, and go on after it."""
        answer = self.get()
        assert answer.status_code == 200, answer.content
        told: dict[str, Any] = answer.json()
        for item in told["items"]:
            known = self.table.get((item["kind"], item["id"]))
            assert known is None or known["position"] < item["position"]
            self.table[item["kind"], item["id"]] = item
        self.after = told["next"]
        return told

    def receive(self, items: Iterable[dict[str, Any]]) -> None:
        """Take what webhooks brought, however often and in whatever order it came."""
        for item in items:
            known = self.table.get((item["kind"], item["id"]))
            if known is None or known["position"] < item["position"]:
                self.table[item["kind"], item["id"]] = item

    def poll(self) -> list[dict[str, Any]]:
        """Read everything that is new."""
        items = []
        has_more = True
        while has_more:
            told = self.page()
            items += told["items"]
            has_more = told["has_more"]
        return items

    def states(self) -> dict[tuple[str, str], Any]:
        """What there is, by the table; without what is gone."""
        return {resource: dict(item["state"]) for resource, item in self.table.items() if not item["deleted"]}

    def state(self, kind: str, id_: UUID | str) -> Any:
        return self.table[kind, str(id_)]["state"]
