"""How gunicorn serves the portal: `gunicorn -c config/gunicorn.py config.wsgi`. WEB_CONCURRENCY sets the processes."""

import json
import os
import socket
from http import HTTPStatus
from pathlib import Path

from gunicorn import util  # type: ignore[import-untyped]

from config import environment

_environment = environment.read(os.environ)

bind = (
    f"[{_environment.bind}]:{_environment.port}"
    if ":" in _environment.bind
    else f"{_environment.bind}:{_environment.port}"
)
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
threads = 4
preload_app = True  # imported once, before the fork: quicker to start, and the processes share its memory

# The longest that gunicorn accepts without lifting the limit. A filter that needs more has `POST /.search`.
limit_request_line = 8190
limit_request_field_size = 8190

# Longer than the idle time of common load balancers (60 s), so that they and not we close a connection first.
keepalive = 65
timeout = 60  # a worker whose main thread is stuck; a request is bounded by statement_timeout
graceful_timeout = 8  # less than what the supervisor grants

# The heartbeat is a file: on a busy disk it would stall the worker.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - gunicorn makes a file of its own
control_socket_disable = True
accesslog = None


def _write_scim_error(client: socket.socket, status: int, reason: str, message: str) -> None:
    """Answer what never became a request in the form that SCIM clients parse (RFC 7644, 3.12)."""
    error = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": str(status),
        "detail": message or HTTPStatus(status).description or reason,
    }
    body = json.dumps(error).encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/scim+json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "\r\n"
    )
    util.write_nonblock(client, head.encode("latin-1") + body)


# gunicorn's own answers (a bad request line, too long a header) are HTML, and this is the one place that makes them.
util.write_error = _write_scim_error
