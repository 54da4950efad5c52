"""Load on a server from several callers at once, and the CPU time that it takes from /proc."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType

from benchmarks.portal import Client

Send = Callable[[Client, int], object]
"""One request of a kind; the number is that of no other request of this kind."""

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """What requests of one kind took: seconds of CPU each, and how many came back in a second."""

    server: float
    database: float
    rate: float

    @property
    def cpu(self) -> float:
        return self.server + self.database


def cpu_seconds(root: int) -> float:
    """The CPU time that a process and its descendants have used, those included that have ended."""
    return sum(sum(int(ticks) for ticks in fields[11:15]) for fields in family(root).values()) / _TICKS


def family(root: int) -> dict[int, list[str]]:
    """A process and its descendants, each with the fields of /proc/…/stat that follow its name."""
    stats: dict[int, list[str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stats[int(entry.name)] = (entry / "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue  # it has ended meanwhile, and its parent has its time
    found = {root}
    while more := {pid for pid, fields in stats.items() if int(fields[1]) in found} - found:
        found |= more
    return {pid: stats[pid] for pid in found if pid in stats}


class Callers:
    """Clients in processes of their own, which send requests of one kind at the same time."""

    def __init__(self, kinds: dict[str, Send], connect: Callable[[], Client], count: int) -> None:
        self.kinds, self.numbers = list(kinds), dict.fromkeys(kinds, 0)
        self._pipes: list[Connection] = []
        self._processes = []
        for _ in range(count):
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.Process(target=_call, args=(theirs, kinds, connect), daemon=True)
            process.start()
            self._pipes.append(ours)
            self._processes.append(process)

    def send(self, kind: str, each: int) -> float:
        """Each caller sends so many requests of a kind. Returns the seconds until the last answer."""
        started = time.perf_counter()
        for pipe in self._pipes:
            pipe.send((kind, self.numbers[kind], each))
            self.numbers[kind] += each
        for pipe in self._pipes:
            if error := pipe.recv():
                raise RuntimeError(error)
        return time.perf_counter() - started

    def measure(self, kind: str, each: int, *, server: int, database: int) -> Cost:
        """server, database: the process ids at the roots of the two."""
        before = cpu_seconds(server), cpu_seconds(database)
        seconds = self.send(kind, each)
        after = cpu_seconds(server), cpu_seconds(database)
        count = each * len(self._pipes)
        return Cost((after[0] - before[0]) / count, (after[1] - before[1]) / count, count / seconds)

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
            process.join()


@contextmanager
def callers(kinds: dict[str, Send], connect: Callable[[], Client], count: int) -> Iterator[Callers]:
    crowd = Callers(kinds, connect, count)
    try:
        yield crowd
    finally:
        crowd.stop()


def rounds(
    crowd: Callers,
    each: dict[str, int],
    times: int,
    *,
    server: int,
    database: int,
    before: Mapping[str, Callable[[], object]] = MappingProxyType({}),
) -> dict[str, list[Cost]]:
    """The kinds in turn, again and again, so that a slow moment of the machine meets all of them.

    each: how many of a kind. before: what is done before a kind, and is not measured.
    """
    found: dict[str, list[Cost]] = {kind: [] for kind in each}
    for number in range(times + 1):
        for kind, count in each.items():
            if kind in before:
                before[kind]()
            cost = crowd.measure(kind, count, server=server, database=database)
            if number:  # the first round warms up
                found[kind].append(cost)
    return found


def _call(pipe: Connection, kinds: dict[str, Send], connect: Callable[[], Client]) -> None:
    client = connect()
    while True:
        kind, number, count = pipe.recv()
        error = ""
        try:
            for turn in range(number, number + count):
                kinds[kind](client, turn)
        except Exception as failure:
            error = repr(failure)
        pipe.send(error)
