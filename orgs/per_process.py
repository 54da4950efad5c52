"""Background threads of a process: each works beside the requests, on its own queue of work."""

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Own = TypeVar("Own", bound="Background")


class Background:
    """Work in a separate thread, started when it is first needed. It ends with the process, even if work is left."""

    thread_name: str

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, unless it is running."""
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    thread = threading.Thread(target=self.run, name=self.thread_name, daemon=True)
                    thread.start()
                    self._thread = thread

    def run(self) -> None:
        """What the thread does, until the process ends."""
        raise NotImplementedError


class PerProcess(Generic[Own]):
    """One `Background` for each process.

    A forked child gets a new one: it has no copy of the thread, and the waiting work remains with the parent.
    """

    def __init__(self, make: Callable[[], Own]) -> None:
        self._make = make
        self.renew()
        os.register_at_fork(after_in_child=self.renew)

    def __call__(self) -> Own:
        return self._own

    def renew(self) -> None:
        self._own = self._make()
