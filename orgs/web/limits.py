"""Rate limits for clients: token buckets, kept in Valkey, so that several web processes keep one limit (SPEC S9).

They protect the service from a runaway client and secrets from being guessed; they are not a quota. A process takes
tokens by the hundredth of a bucket, so that few requests talk to Valkey at all. Where Valkey does not answer at once,
each process counts by itself for some seconds, and no request waits for it again meanwhile.
"""

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv6Address, ip_address
from threading import Lock
from typing import ClassVar, TypeVar
from weakref import WeakSet

import redis
import structlog
from django.conf import settings
from django.http import HttpRequest
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

PATIENCE = 0.1  # seconds that a request may wait for Valkey
PAUSE = 5.0  # seconds that Valkey is left alone after it has not answered
LEASE = 1.0  # seconds after which tokens that a process took and did not use are lost

# Takes ARGV[3] tokens, or as many as there are; a negative number gives some back. By Valkey's clock alone.
_TAKE = """
local rate, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local kept = redis.call('HMGET', KEYS[1], 'level', 'at')
local level, at = tonumber(kept[1] or burst), tonumber(kept[2] or now)
level = math.min(burst, level + math.max(0, now - at) * rate)
local taken = math.min(wanted, math.floor(level))
level = math.min(burst, level - taken)
redis.call('HSET', KEYS[1], 'level', string.format('%.6f', level), 'at', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], math.ceil(burst / rate) + 1)
return {taken, string.format('%.6f', (1 - level) / rate), string.format('%.6f', level)}
"""

T = TypeVar("T")
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Own:
    """What a process has of a bucket: tokens that it took, until when, and a bucket of its own without Valkey.

    shared, shared_at: how full the bucket in Valkey was, and when.
    """

    level: float
    at: float
    leased: int = 0
    until: float = 0
    shared: float | None = None
    shared_at: float = 0


class Buckets:
    """One bucket per key: `rate` calls a second, `burst` of them at once. name: theirs in Valkey."""

    _all: ClassVar[WeakSet["Buckets"]] = WeakSet()

    def __init__(self, name: str, *, keys: int = 10_000) -> None:
        self._name = name
        self._keys = keys
        self.clear()
        self._all.add(self)

    def take(self, key: object, *, rate: float, burst: float) -> float:
        """Take one call from the bucket of `key`. Returns the seconds until a retry; 0 if it may go ahead."""
        with self._lock:
            own = self._own_of(key, rate, burst)
            if own.leased and time.monotonic() < own.until:
                own.leased -= 1
                return 0
        wanted = max(1, int(burst / 100))
        answer = shared.take(f"{self._name}:{key}", rate, burst, wanted)
        with self._lock:
            own = self._own_of(key, rate, burst)
            if answer is None:
                own.shared = None
                allowed = own.level >= 1
                own.level -= 1 if allowed else 0
                return 0 if allowed else (1 - own.level) / rate
            taken, wait, own.shared = answer
            own.shared_at = time.monotonic()
            own.leased, own.until = max(0, taken - 1), own.shared_at + LEASE
        return 0 if taken else wait

    def give_back(self, key: object, *, rate: float, burst: float) -> None:
        """Undo `take`: the call turned out not to count."""
        if shared.take(f"{self._name}:{key}", rate, burst, -1) is None:
            with self._lock:
                own = self._own_of(key, rate, burst)
                own.level = min(burst, own.level + 1)

    def left(self, key: object, *, rate: float, burst: float) -> int:
        """How many calls the bucket of `key` has left, as far as this process knows."""
        with self._lock:
            own = self._own_of(key, rate, burst)
            if own.shared is None:
                return int(own.level)
            now = time.monotonic()
            leased = own.leased if now < own.until else 0
            return int(min(burst, own.shared + (now - own.shared_at) * rate + leased))

    def _own_of(self, key: object, rate: float, burst: float) -> _Own:
        now = time.monotonic()
        own = self._owns.pop(key, None) or _Own(burst, now)
        own.level, own.at = min(burst, own.level + (now - own.at) * rate), now
        self._owns[key] = own
        if len(self._owns) > self._keys:
            self._owns.popitem(last=False)
        return own

    def clear(self) -> None:
        """Forget what this process has counted and taken."""
        self._owns: OrderedDict[object, _Own] = OrderedDict()
        self._lock = Lock()

    @classmethod
    def clear_all(cls) -> None:
        """Forget all that this process has counted and taken."""
        for buckets in cls._all:
            buckets.clear()
        shared.resume()


def forget(text: str) -> None:
    """Delete every key of Valkey that contains this, such as an org's id. Raises redis.RedisError."""
    client = valkey()
    for key in client.scan_iter(match=f"*{text}*", count=1000):
        client.delete(key)


class _Shared:
    """The buckets in Valkey, which is left alone for a while whenever it has not answered."""

    prefix = "muster:limit:"

    def __init__(self) -> None:
        self.resume()

    def resume(self) -> None:
        self._resumes_at = 0.0
        self._lock = Lock()

    def take(self, key: str, rate: float, burst: float, wanted: int) -> tuple[int, float, float] | None:
        """How many tokens were taken, the seconds until the next, and how many are left; None while Valkey is away."""
        answer = self.ask(lambda: _script()(keys=[self.prefix + key], args=[rate, burst, wanted]))
        return None if answer is None else (int(answer[0]), float(answer[1]), float(answer[2]))

    def ask(self, question: Callable[[], T]) -> T | None:
        """What Valkey answers; None while it is away."""
        with self._lock:
            if (now := time.monotonic()) < self._resumes_at:
                return None
            if self._resumes_at:  # one request tries, the others do not wait for it
                self._resumes_at = now + PAUSE
        try:
            answer = question()
        except (redis.RedisError, OSError) as error:
            self._resumes_at = time.monotonic() + PAUSE
            log.warning("limits.each_process_counts", error=f"{type(error).__name__}: {error}", seconds=PAUSE)
            return None
        self._resumes_at = 0.0
        return answer


@cache
def valkey() -> redis.Redis:
    """A client that gives up soon; questions go through `shared.ask`."""
    patience = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
    once = Retry(NoBackoff(), 0)
    if (watched := settings.SENTINELS) is None:
        return redis.Redis.from_url(settings.REDIS_URL, retry=once, **patience)
    sentinels = Sentinel(watched.hosts, sentinel_kwargs=patience)
    own = {"db": watched.db, "username": watched.user, "password": watched.password, "retry": once}
    return sentinels.master_for(watched.master, **own, **patience)


@cache
def _script() -> "redis.commands.core.Script":
    return valkey().register_script(_TAKE)


shared = _Shared()
os.register_at_fork(after_in_child=Buckets.clear_all)


def client_address(request: HttpRequest) -> str:
    """The client's IP address, as seen by the outermost of our own proxies; the peer's where they say no address."""
    peer: str = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXIES:
        seen = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(seen) >= settings.TRUSTED_PROXIES:
            return _address(seen[-settings.TRUSTED_PROXIES].strip()) or peer
    return peer


def _address(text: str) -> str:
    """An address as a proxy writes it, some with a port; empty if it is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


def client_network(address: str) -> str:
    """What limits count a client by: an IPv6 client has a whole /64 to choose addresses from."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
