"""A portal with minimal children, under the real supervisor: `python -m tests.config.small_portal JOB...`.

Jobs are run as children, except those whose name starts with `prepare`.
"""

import os
import signal
import sys
import threading

from config import environment, supervisor
from config.supervisor import Job

WEB = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def shell(script: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", script)


COMMANDS = {
    "web": (sys.executable, "-c", WEB),
    "family": shell("sleep 1001 & sleep 1002 & wait"),
    "stubborn": shell("trap '' TERM; while true; do sleep 1; done"),
    "broken-web": shell("echo out of cheese; exit 3"),
    "broken": shell("echo out of cheese; exit 3"),
    "reloaded": supervisor.reloaded(shell("echo started; sleep 1004"), [os.environ.get("MUSTER_VAR", "")]),
    "prepare": shell("echo owner@demo.example"),
    "prepare-slowly": shell("sleep 1003"),
    "prepare-badly": shell("echo no such table >&2; exit 1"),
}


def main(names: list[str]) -> int:
    supervisor.TERMINATE = 1
    supervisor.QUICK_DEATHS = 3
    threading.Thread(target=leave_with_the_test, daemon=True).start()
    jobs = [Job(name, COMMANDS[name], says=f"Running {name}") for name in names]
    return supervisor.run(
        environment.read(os.environ),
        preparations=[job for job in jobs if job.name.startswith("prepare")],
        children=[job for job in jobs if not job.name.startswith("prepare")],
    )


def leave_with_the_test() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
