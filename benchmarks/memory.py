"""Memory of the web processes and of the worker under mixed load: `python -m benchmarks.memory [MINUTES]`.

Two web processes, which are not replaced meanwhile, and one worker. Two callers send look-ups, creates, changes of
people and of members, pages and large groups, at a pace that leaves the machine half idle. Printed each minute: the
proportional set size (PSS) of each process, MB; at the end, by how much it grew after the first sixth of the time.
"""

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.load import family
from benchmarks.portal import Client, Portal, portal, serving
from benchmarks.requests import groups, people, requests

PAUSE = 0.1
"""Seconds between two requests of a caller."""


def main() -> None:
    minutes = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with portal() as muster:
        ids = people(muster)
        with muster.web() as client:
            kinds = requests(ids, groups(client))
        settings = muster.environment | {"DJANGO_SETTINGS_MODULE": "benchmarks.settings", "WEB_CONCURRENCY": "2"}
        options = ("-c", "config/gunicorn.py", "--max-requests", "0")
        with worker(muster) as at_work, serving(*options, environment=settings) as (port, server):
            stop = threading.Event()
            callers = [
                threading.Thread(target=call, args=(Client(port, muster.token), kinds, ids, number, stop), daemon=True)
                for number in range(2)
            ]
            for caller in callers:
                caller.start()
            samples = []
            for minute in range(minutes + 1):
                samples.append({"web": total_pss(server), "worker": total_pss(at_work)})
                print(minute, *(f"{name} {size:.1f}" for name, size in samples[-1].items()), flush=True)
                time.sleep(60 if minute < minutes else 0)
            stop.set()
    begin = samples[max(1, minutes // 6)]
    for name, size in samples[-1].items():
        print(f"{name}: {size / begin[name] - 1:+.1%} (aim: 5 %)")


def call(client: Client, kinds: dict, ids: list[str], number: int, stop: threading.Event) -> None:
    for turn in itertools.count(number, 2):
        if stop.is_set():
            return
        kind = list(kinds)[turn % len(kinds)]
        if not kind.startswith("floor"):
            kinds[kind](client, turn)
        if turn % 1000 == number:
            members = [{"value": id_} for id_ in ids[: 500 + turn % 500]]
            made = client("POST", "/api/scim/Groups", {"displayName": f"Large {turn}", "members": members})[1]["id"]
            client("GET", f"/api/scim/Groups/{made}")
            client("DELETE", f"/api/scim/Groups/{made}")
        time.sleep(PAUSE)


@contextmanager
def worker(muster: Portal) -> Iterator[int]:
    """The process id of a Celery worker."""
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--loglevel", "ERROR", "--concurrency", "2"]
    process = subprocess.Popen(
        [*command, "--beat", "-s", str(muster.state / "beat")], env=os.environ | muster.environment
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def total_pss(root: int) -> float:
    """MB of a process and its descendants; what they share is counted once."""
    sizes = 0
    for pid in family(root):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                sizes += int(line.split()[1])
    return sizes / 1024


if __name__ == "__main__":
    main()
