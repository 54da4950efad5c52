"""`/Bulk` (RFC 7644 §3.7): each operation is a request of its own, with its own transaction and status (SPEC S7)."""

from typing import Any

from django.conf import settings

from scim.api.base import ScimResponse, ScimView
from scim.mapping import user_requests
from scim.mapping.etags import etag, revisions
from scim.mapping.profiles import dialect
from scim.protocol.bulk import Done, Operation, read_bulk, run
from scim.protocol.errors import ScimError


class Bulk(ScimView):
    """Operations on users."""

    operations = {"POST": "bulk"}

    def post(self, request: Any) -> ScimResponse:
        kinds = [dialect(self.org.profile).user]
        bulk = read_bulk(self.message(), kinds, max_operations=settings.SCIM_MAX_OPERATIONS)
        return ScimResponse(run(bulk, self._execute, self.call.base_url))

    def _execute(self, operation: Operation) -> Done:
        try:
            return self._carry_out(operation)
        except ScimError:
            raise
        except Exception as error:
            answer, _ = self.explain(error)
            raise answer from error

    def _carry_out(self, operation: Operation) -> Done:
        org, cause, expected = self.org, self.cause(), revisions(operation.version)
        if operation.method == "POST":
            user = user_requests.create(org, operation.data, cause)
            return Done(201, str(user.id), etag(user.revision))
        assert operation.resource_id is not None
        if operation.method == "DELETE":
            user_requests.delete(org, operation.resource_id, cause, expected)
            return Done(204, operation.resource_id)
        change = user_requests.replace if operation.method == "PUT" else user_requests.patch
        user = change(org, operation.resource_id, operation.data, cause, expected)
        return Done(200, str(user.id), etag(user.revision))
