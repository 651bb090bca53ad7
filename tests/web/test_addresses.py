"""Whose address a request came from."""

from __future__ import annotations

import pytest

from posthog_web._web.addresses import client_address, read_address, truncated

PRIVATE = ("10.0.0.0/8", "fd00::/8")


@pytest.mark.parametrize(
    ("forwarded", "trusted", "address"),
    [
        ((), 0, "10.0.0.9"),
        (("6.6.6.6, 203.0.113.5",), 0, "10.0.0.9"),
        (("6.6.6.6, 203.0.113.5",), 1, "203.0.113.5"),
        (("6.6.6.6", "203.0.113.5, 10.0.0.8"), 2, "203.0.113.5"),
        (("6.6.6.6, , 203.0.113.5",), 1, "203.0.113.5"),
        (("203.0.113.5",), 9, "203.0.113.5"),
        (("6.6.6.6, 203.0.113.5, 10.0.0.8",), PRIVATE, "203.0.113.5"),
        (("6.6.6.6, 203.0.113.5, [fd00::8]:443",), PRIVATE, "203.0.113.5"),
        (("6.6.6.6, 203.0.113.5, ::ffff:10.0.0.8",), PRIVATE, "203.0.113.5"),
        (("10.0.0.7",), PRIVATE, "10.0.0.7"),
        ((), PRIVATE, "10.0.0.9"),
        (("6.6.6.6",), ("192.0.2.0/24",), "10.0.0.9"),
        (("6.6.6.6",), (), "10.0.0.9"),
        (("6.6.6.6, nonsense, 10.0.0.8",), PRIVATE, None),
        (("6.6.6.6, unknown",), 1, None),
        (("6.6.6.6, _hidden",), 1, None),
        ((f"203.0.113.5, {', '.join(['10.0.0.8'] * 5000)}",), PRIVATE, "10.0.0.8"),
    ],
)
def test_the_address_is_counted_from_the_right(
    forwarded: tuple[str, ...], trusted: int | tuple[str, ...], address: str | None
) -> None:
    """Only as many hops as there are proxies of ours are believed; the rest anybody can write."""
    found = client_address("10.0.0.9", forwarded, trusted)

    assert (found and str(found)) == address


@pytest.mark.parametrize(
    ("trusted", "address"),
    [(0, None), (1, "203.0.113.5"), (("127.0.0.0/8",), "203.0.113.5"), (PRIVATE, None)],
)
def test_a_peer_on_a_socket_is_this_machine(
    trusted: int | tuple[str, ...], address: str | None
) -> None:
    """Who connects by a Unix socket has no address, and is trusted where loopback is."""
    found = client_address("", ("6.6.6.6, 203.0.113.5",), trusted)

    assert (found and str(found)) == address


@pytest.mark.parametrize(
    ("hop", "address"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("203.0.113.5:4711", "203.0.113.5"),
        (" 203.0.113.5\t", "203.0.113.5"),
        ('"203.0.113.5"', "203.0.113.5"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ('"[2001:db8::1]:4711"', "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("testclient", None),
        ("unknown", None),
        ("", None),
        ("[", None),
        ("203.0.113.5.6", None),
        ("203.0.113.5\x00", None),
        ("1" * 100_000, None),
    ],
)
def test_what_is_no_address_is_none(hop: str, address: str | None) -> None:
    """Ports, brackets, quotes and zones go; IPv4 stays IPv4; nothing else passes."""
    found = read_address(hop)

    assert (found and str(found)) == address


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.5", "203.0.113.0"),
        ("::ffff:203.0.113.5", "203.0.113.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
    ],
)
def test_a_truncated_address_is_its_network(address: str, network: str) -> None:
    """Of IPv4 three bytes are left, of IPv6 the site's 48 bits."""
    found = read_address(address)

    assert found is not None
    assert str(truncated(found)) == network
