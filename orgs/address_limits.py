"""The networks from which a token may be used (SPEC O4). Plain Python."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

MOST = 50  # networks of one token
_MAPPED = IPv6Network("::ffff:0:0/96")


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
    """Not what `admits` could never find an address in: one with a zone, or an IPv4 one that is written as IPv6."""
    try:
        network = ip_network(text.partition("%")[0], strict=False)
    except ValueError:
        raise BadNetwork(text) from None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        network = ip_network((network.network_address.packed[12:], network.prefixlen - 96))
    try:
        if ip_network(text) == network and "%" not in text:
            return network
    except ValueError:
        pass
    raise BadNetwork(text, str(network))


@lru_cache(maxsize=4096)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)
