"""Bulk requests (RFC 7644 §3.7): operations checked one by one, put in order, and run with bulkIds replaced.

What is wrong with one operation is that operation's result; only a broken envelope fails the request.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .errors import InvalidSyntax, InvalidValue, ScimError, quote
from .schema import ResourceType

RESPONSE_URN = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
MAX_DEPTH = 50
_METHODS = frozenset(("POST", "PUT", "PATCH", "DELETE"))
_REFERENCE = "bulkId:"
_IN_A_PATH = re.compile(r'\beq\s+"bulkId:([^"\\]+)"', re.IGNORECASE)  # members[value eq "bulkId:ada"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `resource_id` is None for a POST; `references` are the bulkIds that it needs the ids of.

    One with an `error` is not to be executed, and its other fields hold what could be read.
    """

    index: int
    method: str = ""
    bulk_id: str | None = None
    kind: ResourceType | None = None
    resource_id: str | None = None
    data: Any = None
    version: str | None = None
    references: frozenset[str] = frozenset()
    error: ScimError | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What executing an operation came to: the HTTP status, the id of the resource, its ETag."""

    status: int
    resource_id: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Bulk:
    """The operations in the order of execution: each after those it refers to, otherwise as they came."""

    operations: tuple[Operation, ...]
    fail_on_errors: int | None


def read_bulk(body: Any, kinds: Iterable[ResourceType], *, max_operations: int) -> Bulk:
    """The operations of a BulkRequest. Raises InvalidSyntax, InvalidValue, and 413 for too many."""
    given = {key.lower(): value for key, value in body.items()} if isinstance(body, dict) else {}
    sent = given.get("operations")
    if not isinstance(sent, list):
        raise InvalidSyntax("A bulk request needs Operations, an array.")
    if len(sent) > max_operations:
        raise ScimError(f"A bulk request may have at most {max_operations} operations; send several.", status=413)
    fail_on_errors = given.get("failonerrors")
    if fail_on_errors is not None and (type(fail_on_errors) is not int or fail_on_errors < 0):
        raise InvalidValue(f"failOnErrors has to be a positive integer, or 0 for none, not {quote(fail_on_errors)}.")
    endpoints = {kind.endpoint.strip("/").lower(): kind for kind in kinds}
    operations: list[Operation] = []
    known: set[str] = set()
    for index, item in enumerate(sent):
        operation = _read_operation(index, item, endpoints)
        if operation.bulk_id in known:
            error = InvalidValue(f"bulkId {quote(operation.bulk_id)} occurs twice; each operation needs its own.")
            operation = replace(operation, error=error)
        elif operation.bulk_id:
            known.add(operation.bulk_id)
        operations.append(operation)
    return Bulk(tuple(_ordered([_checked(operation, known) for operation in operations])), fail_on_errors or None)


def run(bulk: Bulk, execute: Callable[[Operation], Done], base: str) -> dict[str, Any]:
    """Execute the operations until failOnErrors is reached; the BulkResponse, in the order of the request.

    execute: carries out one operation or raises ScimError. base: the URL below which the endpoints are.
    """
    ids: dict[str, str] = {}
    results: dict[int, dict[str, Any]] = {}
    errors = 0
    for operation in bulk.operations:
        if bulk.fail_on_errors is not None and errors >= bulk.fail_on_errors:
            break
        try:
            operation = _resolved(operation, ids)
            done = execute(operation)
        except ScimError as error:
            errors += 1
            results[operation.index] = _failure(operation, error, base)
            continue
        if operation.bulk_id:
            ids[operation.bulk_id] = done.resource_id
        result = _result(operation, done.status, done.resource_id, base)
        if done.version is not None:
            result["version"] = done.version
        results[operation.index] = result
    return {"schemas": [RESPONSE_URN], "Operations": [results[index] for index in sorted(results)]}


def _read_operation(index: int, item: Any, endpoints: Mapping[str, ResourceType]) -> Operation:
    if not isinstance(item, dict):
        return Operation(index, error=InvalidSyntax("Each bulk operation has to be a JSON object."))
    given = {key.lower(): value for key, value in item.items()}
    method, path, data = given.get("method"), given.get("path"), given.get("data")
    bulk_id, version = given.get("bulkid"), given.get("version")
    method = method.upper() if isinstance(method, str) else ""
    path = path.partition("?")[0].strip("/") if isinstance(path, str) else ""
    endpoint, _, resource_id = path.partition("/")
    kind = endpoints.get(endpoint.lower())
    operation = Operation(
        index,
        method,
        bulk_id if isinstance(bulk_id, str) else None,
        kind,
        resource_id or None,
        data,
        version if isinstance(version, str) else None,
    )
    if method not in _METHODS:
        error: ScimError = InvalidSyntax(
            f"method has to be POST, PUT, PATCH or DELETE, not {quote(given.get('method'))}."
        )
    elif kind is None or "/" in resource_id:
        error = ScimError(f"{quote(given.get('path'))} is no endpoint for bulk operations.", status=404)
    elif (method == "POST") is bool(resource_id):
        error = InvalidSyntax(f"{method} to {quote(given.get('path'))} is not possible: only POST goes without an id.")
    elif method == "POST" and not operation.bulk_id:
        error = InvalidSyntax("A POST in a bulk request needs a bulkId.")
    elif method != "DELETE" and not isinstance(data, dict):
        error = InvalidSyntax(f"{method} needs data, an object.")
    elif any(value is not None and not isinstance(value, str) for value in (bulk_id, version)):
        error = InvalidSyntax("bulkId and version have to be strings.")
    else:
        return operation
    return replace(operation, error=error)


def _checked(operation: Operation, known: set[str]) -> Operation:
    """The operation with the references in its path and data, all of which have to be known."""
    if operation.error:
        return operation
    try:
        references = frozenset(_references([operation.resource_id, operation.data]))
    except ScimError as error:
        return replace(operation, error=error)
    if unknown := sorted(references - known):
        detail = f"{quote(_REFERENCE + unknown[0])} refers to no operation of this request."
        return replace(operation, error=InvalidValue(detail))
    return replace(operation, references=references)


def _references(data: Any) -> Iterable[str]:
    level = [data]
    for _ in range(MAX_DEPTH):
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, str) and item.startswith(_REFERENCE):
                yield item.removeprefix(_REFERENCE)
            elif isinstance(item, str):
                yield from _IN_A_PATH.findall(item)
            elif isinstance(item, dict):
                deeper += item.values()
            elif isinstance(item, list):
                deeper += item
        if not deeper:
            return
        level = deeper
    raise InvalidSyntax(f"The data is nested deeper than {MAX_DEPTH} levels.")


def _ordered(operations: list[Operation]) -> Iterable[Operation]:
    """Each operation after those it refers to, otherwise as they came; those in a circle last, as errors.

    RFC 7644 §3.7.1 allows 409 where references are circular.
    """
    index_of = {operation.bulk_id: operation.index for operation in reversed(operations)}
    waiting = {operation.index: len(operation.references) for operation in operations}
    followers: dict[int, list[int]] = {}
    for operation in operations:
        for reference in operation.references:
            followers.setdefault(index_of[reference], []).append(operation.index)
    ready = [index for index, count in waiting.items() if count == 0]
    while ready:
        index = heapq.heappop(ready)
        del waiting[index]
        yield operations[index]
        for follower in followers.get(index, ()):
            waiting[follower] -= 1
            if waiting[follower] == 0:
                heapq.heappush(ready, follower)
    for index in waiting:
        error = ScimError("Its bulkId references go in a circle; add the members in a later request.", status=409)
        yield replace(operations[index], error=error)


def _resolved(operation: Operation, ids: Mapping[str, str]) -> Operation:
    """The operation with ids in the place of bulkIds. Raises its error, or 409 where what it needs has failed."""
    if operation.error:
        raise operation.error
    if not operation.references:
        return operation
    if failed := sorted(operation.references - ids.keys()):
        raise ScimError(f"The operation with bulkId {quote(failed[0])}, which this one refers to, failed.", status=409)
    return replace(operation, resource_id=_replaced(operation.resource_id, ids), data=_replaced(operation.data, ids))


def _replaced(data: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(data, str):
        if data.startswith(_REFERENCE):
            return ids[data.removeprefix(_REFERENCE)]
        return _IN_A_PATH.sub(lambda found: found[0].replace(_REFERENCE + found[1], ids[found[1]]), data)
    if isinstance(data, dict):
        return {key: _replaced(value, ids) for key, value in data.items()}
    if isinstance(data, list):
        return [_replaced(item, ids) for item in data]
    return data


def _failure(operation: Operation, error: ScimError, base: str) -> dict[str, Any]:
    return _result(operation, error.status, operation.resource_id, base) | {"response": error.body()}


def _result(operation: Operation, status: int, resource_id: str | None, base: str) -> dict[str, Any]:
    result: dict[str, Any] = {"method": operation.method}
    if operation.bulk_id:
        result["bulkId"] = operation.bulk_id
    if operation.kind and resource_id:
        result["location"] = f"{base}{operation.kind.endpoint}/{resource_id}"
    return result | {"status": str(status)}
