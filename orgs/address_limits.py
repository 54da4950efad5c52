"""The networks from which a token may be used (SPEC O4). Plain Python."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

MOST = 50  # networks of one token


class BadNetwork(ValueError):
    """A text is no network in CIDR notation. meant: the one that was probably meant; empty if there is none."""

    def __init__(self, text: str, meant: str = "") -> None:
        super().__init__(text)
        self.text, self.meant = text, meant


def read(texts: Iterable[str]) -> list[str]:
    """Networks as they are stored, each once; a bare address is a network of one. Raises BadNetwork."""
    return list(dict.fromkeys(str(_read(text)) for text in texts))


def admits(networks: Sequence[str], address: str) -> bool:
    """Whether an address is in one of these networks; no networks mean any. What is no address is in none."""
    if not networks:
        return True
    try:
        client = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(client, IPv6Address) and client.ipv4_mapped:  # a socket for both kinds shows IPv4 so
        client = client.ipv4_mapped
    return any(client in _network(text) for text in networks)


def _read(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        meant = str(ip_network(text, strict=False))
    except ValueError:
        meant = ""
    raise BadNetwork(text, meant)


@lru_cache(maxsize=4096)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)
