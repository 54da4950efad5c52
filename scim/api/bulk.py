"""`/Bulk` (RFC 7644 §3.7): each operation is a request of its own, with its own transaction and status (SPEC S7)."""

from typing import Any, cast

from django.conf import settings

from scim.api import news
from scim.api.answers import ScimResponse
from scim.api.base import ScimView
from scim.api.resources import Requests
from scim.mapping import group_requests, user_requests
from scim.mapping.etags import revisions
from scim.protocol.budget import Budget
from scim.protocol.bulk import Done, Operation, read_bulk, run


class Bulk(ScimView):
    """Operations on users and groups."""

    operation = "bulk"

    def post(self, request: Any) -> ScimResponse:
        self.by_kind = {requests.kind(self.org): requests for requests in (user_requests, group_requests)}
        self.budget = Budget()
        bulk = read_bulk(self.message(), self.by_kind, max_operations=settings.SCIM_MAX_OPERATIONS)
        return ScimResponse(run(bulk, self._execute, self.call.base_url))

    def _execute(self, operation: Operation) -> Done:
        try:
            return self._carry_out(operation)
        except Exception as error:
            answer, _ = self.explain(error)
            requests = self._requests(operation)
            if operation.method == "POST":
                name = operation.data.get(requests.naming) if isinstance(operation.data, dict) else None
                news.tell_refused(self.call, requests, name if isinstance(name, str) else "", error, answer)
            elif operation.resource_id is not None:
                news.tell_unwritten(self.call, requests, operation.resource_id, error, answer)
            raise answer from error

    def _carry_out(self, operation: Operation) -> Done:
        requests = self._requests(operation)
        expected = revisions(operation.version)
        if operation.method == "POST":
            row = requests.create(self.org, operation.data, self.cause())
            news.tell_written(self.call, requests, row)
            return Done(201, str(row.id), requests.etag(row))
        assert operation.resource_id is not None
        if operation.method == "DELETE":
            requests.delete(self.org, operation.resource_id, self.cause(), expected)
            news.tell_deleted(self.call, requests, operation.resource_id)
            return Done(204, operation.resource_id)
        given = (self.org, operation.resource_id, operation.data, self.cause(), expected)
        row = requests.replace(*given) if operation.method == "PUT" else requests.patch(*given, self.budget)
        news.tell_written(self.call, requests, row)
        return Done(200, str(row.id), requests.etag(row))

    def _requests(self, operation: Operation) -> Requests:
        assert operation.kind is not None
        return cast(Requests, self.by_kind[operation.kind])
