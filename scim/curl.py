"""A logged request as a command for a shell."""

import json
import shlex
from typing import NamedTuple

from django.conf import settings

from scim.models import RequestLog


class Curl(NamedTuple):
    """command: with the token as $TOKEN. needs_body: the log has not all of the body, which is read from body.json."""

    command: str
    needs_body: bool


def curl(call: RequestLog, body: str) -> Curl:
    """The call for curl, over several lines. body: what the log has of it, which is JSON only if it is whole."""
    first = "curl" if call.method == "GET" else f"curl -X {shlex.quote(call.method)}"
    parts = [f'{first} -H "Authorization: Bearer $TOKEN"']
    needs_body = bool(call.request_size) and not _is_json(body)
    if call.request_size:
        parts += ["-H 'Content-Type: application/scim+json'"]
        parts += ["--data-binary @body.json" if needs_body else f"--data-raw {shlex.quote(body)}"]
    parts.append(shlex.quote(settings.MUSTER_URL + call.path))
    return Curl(" \\\n  ".join(parts), needs_body)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
