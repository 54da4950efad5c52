"""SCIM errors (RFC 7644 §3.12): what every refusal of the protocol layer is.

The detail is read by an IdP administrator in a provisioning log: it says what was wrong and what to do about it.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

ERROR_URN = "urn:ietf:params:scim:api:messages:2.0:Error"


class ScimError(Exception):
    """An HTTP status with an optional scimType; raised as it is where RFC 7644 names no scimType."""

    status: int = 400
    scim_type: ClassVar[str | None] = None

    def __init__(self, detail: str, *, status: int | None = None) -> None:
        # A detail may quote what a client sent, and half a surrogate pair could not be encoded into the answer.
        self.detail = detail if detail.isascii() else detail.encode("utf-8", "replace").decode()
        if status is not None:
            self.status = status
        super().__init__(self.detail)

    def body(self) -> dict[str, Any]:
        """The JSON object of the answer; the status is a string (SPEC S2)."""
        body: dict[str, Any] = {"schemas": [ERROR_URN], "status": str(self.status), "detail": self.detail}
        if self.scim_type is not None:
            body["scimType"] = self.scim_type
        return body


class InvalidFilter(ScimError):
    scim_type = "invalidFilter"


class InvalidPath(ScimError):
    scim_type = "invalidPath"


class InvalidSyntax(ScimError):
    scim_type = "invalidSyntax"


class InvalidValue(ScimError):
    scim_type = "invalidValue"


class InvalidCursor(ScimError):
    """RFC 9865 §2.1."""

    scim_type = "invalidCursor"


class Mutability(ScimError):
    scim_type = "mutability"


class NoTarget(ScimError):
    scim_type = "noTarget"


class TooMany(ScimError):
    scim_type = "tooMany"


class Uniqueness(ScimError):
    status = 409
    scim_type = "uniqueness"


def quote(value: object) -> str:
    """A client's value for use inside a detail: as JSON, and short."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= 80 else text[:77] + "..."
