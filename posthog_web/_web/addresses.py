"""Whose address a request came from, and how much of it is said."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Chains are short; what a client writes into the header need not be.
MAX_HOPS = 64
MAX_HOP = 64
_LOOPBACK = ipaddress.IPv4Address("127.0.0.1")
# What is kept of a truncated address: a network, no household.
_KEPT_BITS = {4: 24, 6: 48}


def client_address(
    peer: str, forwarded_for: Sequence[str], trusted_proxies: int | Sequence[str]
) -> Address | None:
    """Return the address of the client, believing only proxies that are ours.

    Each proxy appends the address it was called from, so the list is read from the right: past as
    many entries as there are proxies, or past those within the given networks. What is further to
    the left anybody can write. None: that entry is no address, and no other may stand in for it.
    """
    hops = _from_the_right(peer, forwarded_for)
    if isinstance(trusted_proxies, int):
        *_, hop = islice(hops, trusted_proxies + 1)
        return read_address(hop)
    networks = _networks(tuple(trusted_proxies))
    address = None
    for hop in hops:
        address = read_address(hop)
        # A peer without an address is on a socket of this machine.
        judged = _LOOPBACK if hop is peer and not peer else address
        if judged is None or not any(judged in network for network in networks):
            break
    return address


def read_address(hop: str) -> Address | None:
    """Return the address in *hop*, without port, brackets and zone; None if there is none."""
    text = hop[:MAX_HOP].strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def truncated(address: Address) -> Address:
    """Return the network of *address* in place of it: /24 for IPv4, /48 for IPv6."""
    network = ipaddress.ip_network((address, _KEPT_BITS[address.version]), strict=False)
    return network.network_address


def _from_the_right(peer: str, forwarded_for: Sequence[str]) -> Iterator[str]:
    yield peer
    hops = (
        part
        for value in reversed(forwarded_for)
        for part in reversed(value.split(","))
        if part.strip()
    )
    yield from islice(hops, MAX_HOPS)


@lru_cache(maxsize=64)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)
