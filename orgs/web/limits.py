"""Rate limits for clients: token buckets, kept in each process.

They are in memory, since a request must not wait for a broker; with several processes a limit is that many times as
generous. They protect the service from a runaway client; they are not a quota.
"""

import os
import time
from collections import OrderedDict
from threading import Lock
from typing import ClassVar
from weakref import WeakSet

from django.conf import settings
from django.http import HttpRequest


class Buckets:
    """One bucket per key: `rate` calls a second, `burst` of them at once."""

    _all: ClassVar[WeakSet["Buckets"]] = WeakSet()

    def __init__(self, *, keys: int = 10_000) -> None:
        self._keys = keys
        self.clear()
        self._all.add(self)

    def take(self, key: object, *, rate: float, burst: float) -> float:
        """Take one call from the bucket of `key`. Returns the seconds until a retry; 0 if it may go ahead."""
        now = time.monotonic()
        with self._lock:
            level, at = self._levels.pop(key, (burst, now))
            level = min(burst, level + (now - at) * rate)
            allowed = level >= 1
            self._levels[key] = (level - 1 if allowed else level, now)
            if len(self._levels) > self._keys:
                self._levels.popitem(last=False)
        return 0 if allowed else (1 - level) / rate

    def clear(self) -> None:
        """Forget everything."""
        self._levels: OrderedDict[object, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    @classmethod
    def clear_all(cls) -> None:
        """Forget all that this process has counted."""
        for buckets in cls._all:
            buckets.clear()


os.register_at_fork(after_in_child=Buckets.clear_all)


def client_address(request: HttpRequest) -> str:
    """The client's IP address, as seen by the outermost of our own proxies."""
    if settings.TRUSTED_PROXIES:
        seen = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(seen) >= settings.TRUSTED_PROXIES:
            return seen[-settings.TRUSTED_PROXIES].strip()
    return request.META.get("REMOTE_ADDR", "")
