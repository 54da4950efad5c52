"""What is a public address; `tests/sso/test_fetching.py` and `tests/api/webhooks` have the requests."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgs.guarded_http import Address, is_public

V4 = st.ip_addresses(v=4)


def embedded(inside: ipaddress.IPv4Address) -> list[Address]:
    """Addresses of IPv6 that lead to one of IPv4."""
    four = int(inside)
    return [
        ipaddress.IPv6Address(each)
        for each in (
            0xFFFF << 32 | four,  # mapped
            four,  # compatible
            0x64FF9B << 96 | four,  # NAT64
            0x64FF9B0001 << 80 | four,  # NAT64 of one's own
            0x2002 << 112 | four << 80,  # 6to4
            0x20010000 << 96 | four << 64,  # Teredo, by its server
            0x20010000 << 96 | four ^ 0xFFFFFFFF,  # Teredo, by its client
        )
    ]


class TestAnAddress:
    @given(address=st.ip_addresses())
    def test_that_is_for_no_use_in_public_is_not_public(self, address: Address) -> None:  # L2
        if not address.is_global or address.is_multicast:
            assert not is_public(address)

    @given(address=V4)
    def test_that_hides_another_is_not_public(self, address: ipaddress.IPv4Address) -> None:  # L2
        assert not [each for each in embedded(address) if is_public(each)]

    @pytest.mark.parametrize(
        "address", ["8.8.8.8", "93.184.215.14", "100.63.255.255", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"]
    )
    def test_of_a_public_server_is_public(self, address: str) -> None:
        assert is_public(ipaddress.ip_address(address))
