"""How gunicorn serves the portal: `gunicorn -c config/gunicorn.py config.wsgi`. WEB_CONCURRENCY: its processes."""

import fcntl
import gc
import json
import os
import select
import socket
import sys
import termios
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import run_checks
from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.http.errors import NoMoreData  # type: ignore[import-untyped]

from config import environment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_environment = environment.read(os.environ)

bind = (
    f"[{_environment.bind}]:{_environment.port}"
    if ":" in _environment.bind
    else f"{_environment.bind}:{_environment.port}"
)
worker_class = "config.web_worker.WebWorker"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
threads = 20  # enough for several orgs that use all that orgs.web.in_flight lets each of them have
preload_app = True  # imported once, before the fork: quicker to start, and the processes share its memory

# The longest that gunicorn accepts without removing the limit. Longer filters can use `POST /.search`.
limit_request_line = 8190
limit_request_field_size = 8190

# Longer than the idle timeout of common load balancers (60 s), so that they close connections before we do.
keepalive = 65
timeout = 60  # for a worker whose main thread is stuck; statement_timeout limits a request
graceful_timeout = 8  # less than the supervisor allows

# What a process once needed for a moment it keeps: so it is replaced after so many requests, each after another number.
max_requests = 20_000
max_requests_jitter = 10_000

# The heartbeat is a file: a busy disk would stall the worker.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - gunicorn makes its own file there
control_socket_disable = True
accesslog = None
# What gunicorn says itself is a line like all others.
_loggers = {"gunicorn.error": {"handlers": ["stderr"], "level": _environment.log_level, "propagate": False}}
logconfig_dict = settings.LOGGING | {"loggers": settings.LOGGING["loggers"] | _loggers}


def when_ready(server: Any) -> None:
    """Say what is wrong with the settings, which gunicorn itself never asks; then make ready to fork.

    The garbage collector passes over all that is there by then. It would go through it now and again, and meanwhile no
    thread of a process computes (SPEC S9).
    """
    if apps.ready:
        for message in run_checks():
            if not message.is_silenced():
                server.log.warning("%s", message)
    gc.collect()
    gc.freeze()


def pre_request(worker: Any, request: Any) -> None:
    """Drop a write whose client hung up while it waited for a thread: a newer one may have been carried out already."""
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        hung_up = select.poll()
        hung_up.register(request.unreader.sock, select.POLLRDHUP)  # seen even behind a body that was not read yet
        if hung_up.poll(0) and _has_come(request):
            raise NoMoreData


def _has_come(request: Any) -> bool:
    """Whether the body is complete. One that breaks off is never carried out, and whoever sent it is told so."""
    length = next((int(value) for name, value in request.headers if name == "CONTENT-LENGTH"), 0)
    waiting = int.from_bytes(fcntl.ioctl(request.unreader.sock, termios.FIONREAD, bytes(4)), sys.byteorder)
    return len(request.unreader.buf.getvalue()) + waiting >= length


def _write_scim_error(client: socket.socket, status: int, reason: str, message: str) -> None:
    """Answer what never became a request in a form that SCIM clients can parse (RFC 7644, 3.12)."""
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


# gunicorn's own responses (bad request line, header too long) are HTML; this function alone produces them.
util.write_error = _write_scim_error
