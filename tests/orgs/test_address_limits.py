"""The networks from which a token may be used (SPEC O4)."""

import pytest

from orgs.address_limits import BadNetwork, admits, read


@pytest.mark.parametrize(
    ("networks", "address", "admitted"),
    [
        ([], "192.0.2.7", True),
        ([], "", True),
        (["192.0.2.0/24"], "192.0.2.7", True),
        (["192.0.2.0/24"], "192.0.3.7", False),
        (["192.0.2.7/32", "2001:db8::/32"], "2001:db8::1", True),
        (["192.0.2.7/32", "2001:db8::/32"], "2001:db9::1", False),
        (["192.0.2.0/24"], "::ffff:192.0.2.7", True),
        (["fe80::/10"], "fe80::1%eth0", True),
        (["0.0.0.0/0"], "", False),
        (["0.0.0.0/0"], "unix:", False),
        (["0.0.0.0/0"], "2001:db8::1", False),
    ],
)
def test_an_address_is_in_the_networks_or_not(networks: list[str], address: str, admitted: bool) -> None:  # O4
    assert admits(networks, address) is admitted


def test_networks_are_stored_in_one_spelling_and_once() -> None:
    assert read(["192.0.2.7", "192.0.2.7/32", "2001:DB8::/32"]) == ["192.0.2.7/32", "2001:db8::/32"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("192.0.2.7/24", "192.0.2.0/24"),
        ("192.0.2.0/33", ""),
        ("corp.example", ""),
        ("", ""),
        ("1", ""),
        ("::1/0", "::/0"),
        ("fe80::1%eth0", "fe80::1/128"),
        ("fe80::/64%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
    ],
)
def test_what_is_no_network_is_refused_with_what_was_meant(text: str, meant: str) -> None:
    with pytest.raises(BadNetwork) as refused:
        read([text])
    assert refused.value.meant == meant
