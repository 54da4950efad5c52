"""Requests to addresses that somebody else chose: to public addresses only (SPEC L2, E3).

A name is looked up once, every address it has is judged, and the connection goes to an address that was judged, so that
no second answer of the DNS leads elsewhere. Redirects are answers like any other, and proxies of the environment are
not used: both would go around that. A request has seconds and bytes in all, whatever the server does.
"""

import functools
import ipaddress
import queue
import re
import socket
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from threading import Thread
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpcore2
import structlog

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST_URL = 2048

_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")

# From IANA's registries of special-purpose addresses. `is_global` of the standard library is not enough: it takes the
# tunnels in which an IPv4 address hides for global, and differs between versions of Python. Of IPv6, only 2000::/3 was
# ever assigned; NAT64 (64:ff9b::/96), local and mapped addresses are outside of it.
_ASSIGNED = ipaddress.IPv6Network("2000::/3")
_SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
        *("192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        *("224.0.0.0/4", "240.0.0.0/4"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),  # Teredo and ORCHID, examples, 6to4, examples
    )
)

log = structlog.get_logger(__name__)


class Fault(StrEnum):
    """Why there is no answer."""

    BAD_ADDRESS = auto()
    NO_PUBLIC_ADDRESS = auto()
    TLS = auto()
    UNREACHABLE = auto()
    TOO_SLOW = auto()


class Failed(Exception):
    """detail: what was asked, or what exactly went wrong."""

    def __init__(self, fault: Fault, detail: str) -> None:
        self.fault, self.detail = fault, detail
        super().__init__(fault, detail)


@dataclass(frozen=True, slots=True)
class Answer:
    """headers: by their names in lower case; of several with a name the first. is_whole: whether that is all of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool


def exchange(
    url: str,
    *,
    networks: Sequence[Network],
    headers: Mapping[str, str],
    content: bytes | None = None,
    seconds: float,
    longest: int,
) -> Answer:
    """What is at a URL, with whatever status.

    networks: of the operator's choice, allowed although they are not public; only there may a URL be plain http.
    content: sent by POST. headers: in ASCII. seconds: for everything from the look-up of the name to the last byte.
    longest: bytes of the body after which no more is read. Raises Failed.
    """
    parts = split(url)
    assert parts.hostname
    backend = _Guard(networks, _Deadline(seconds), plain=parts.scheme == "http")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        with (
            httpcore2.ConnectionPool(ssl_context=_tls(), network_backend=backend) as connections,
            connections.stream(
                "GET" if content is None else "POST",
                httpcore2.URL(scheme=parts.scheme, host=parts.hostname, port=parts.port, target=target),
                headers=[*({"Host": parts.netloc, "Accept-Encoding": "identity"} | dict(headers)).items()],
                content=content,
            ) as response,
        ):
            body, is_whole = _body(response.iter_stream(), longest)
            named = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in reversed(response.headers)
            }
            return Answer(response.status, named, body, is_whole)
    except httpcore2.TimeoutException:
        raise Failed(Fault.TOO_SLOW, url) from None
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        insecure = any(isinstance(cause, ssl.SSLError) for cause in error.args)
        raise Failed(Fault.TLS if insecure else Fault.UNREACHABLE, f"{url}: {error}") from error


def split(url: str) -> SplitResult:
    """The parts of an absolute http or https URL. Raises Failed: BAD_ADDRESS."""
    try:
        parts = urlsplit(url)
        good = (
            len(url) <= LONGEST_URL
            and re.fullmatch(r"[!-~]+", url)  # urlsplit drops line breaks and tabs
            and "\\" not in url
            and parts.scheme in ("http", "https")
            and "@" not in parts.netloc
            and _HOST.fullmatch(parts.hostname or "")
            and parts.port != 0
        )
    except ValueError:
        good = False
    if not good:
        raise Failed(Fault.BAD_ADDRESS, url)
    return parts


def is_public(address: Address) -> bool:
    """Whether it is the address of one machine that everybody reaches, and leads to no other."""
    if isinstance(address, ipaddress.IPv6Address) and address not in _ASSIGNED:
        return False
    return not any(address in network for network in _SPECIAL)


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds, more than none. Raises httpcore2.TimeoutException."""
        if (left := self._at - time.monotonic()) <= 0:
            raise httpcore2.TimeoutException
        return left


class _Guard(httpcore2.NetworkBackend):
    """Connects to addresses that it judged, before the deadline. plain: what is connected to will not speak TLS."""

    def __init__(self, networks: Sequence[Network], deadline: _Deadline, *, plain: bool) -> None:
        self._networks = networks
        self._deadline = deadline
        self._plain = plain
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        addresses = self._judged(host, self._looked_up(host, port))
        for others, address in zip(range(len(addresses) - 1, -1, -1), addresses, strict=True):
            try:
                # One address that nobody answers at, such as IPv6 without a route, leaves time for the others.
                patience = self._deadline.left() / (others + 1)
                return _Stream(self._inner.connect_tcp(str(address), port, patience), self._deadline)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if not others:
                    raise
        raise AssertionError("a name without addresses was refused")

    def _looked_up(self, host: str, port: int) -> list[Address]:
        """getaddrinfo knows no deadline, so a thread asks, and is left to itself where that takes too long."""
        found: queue.SimpleQueue[list[Address]] = queue.SimpleQueue()

        def ask() -> None:
            try:
                infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError):
                infos = []
            found.put(list(dict.fromkeys(ipaddress.ip_address(info[4][0]) for info in infos)))

        Thread(target=ask, daemon=True).start()
        try:
            return found.get(timeout=self._deadline.left())
        except queue.Empty:
            raise httpcore2.ConnectTimeout from None

    def _judged(self, host: str, addresses: list[Address]) -> list[Address]:
        """The addresses, if all may be connected to.

        Whoever gave the name is told neither that it exists nor what addresses it has: it may be one of ours inside.
        """
        for address in addresses:
            chosen = any(address in network for network in self._networks)
            if not chosen and (self._plain or not is_public(address)):
                log.warning("address_refused", host=host, address=str(address))
                raise Failed(Fault.NO_PUBLIC_ADDRESS, host)
        if not addresses:
            raise Failed(Fault.NO_PUBLIC_ADDRESS, host)
        return addresses


class _Stream(httpcore2.NetworkStream):
    """A connection whose reads and writes end with the deadline."""

    def __init__(self, inner: httpcore2.NetworkStream, deadline: _Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, self._deadline.left()), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


@functools.cache
def _tls() -> ssl.SSLContext:
    """The system's certificates, or those of SSL_CERT_FILE. Loading them takes as long as some requests."""
    return httpcore2.default_ssl_context()


def _body(chunks: Iterable[bytes], longest: int) -> tuple[bytes, bool]:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > longest:
            return bytes(body[:longest]), False
    return bytes(body), True
