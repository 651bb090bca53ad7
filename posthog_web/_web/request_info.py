"""What is known of a request, in no framework's words, and the properties events get from it.

The keys are the same whatever the framework. Query strings, cookies and bodies are not here at all:
what is never read cannot leak.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_TEXT = 2048
MAX_METHOD = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestInfo:
    """A request, as an adapter read it.

    Attributes:
        method: GET, POST, …; empty for what has none, such as a websocket.
        scheme: http, https, ws or wss.
        host: What the client called us, port included; empty if it did not say.
        path: The whole path, decoded, with any prefix the application is mounted under.
        peer: The address of whoever connected; empty if unknown.
        forwarded_for: The values of X-Forwarded-For, in order.
        user_agent: The browser's own words about itself.
        distinct_ids: The values of X-POSTHOG-DISTINCT-ID, in order.
        session_ids: The same of X-POSTHOG-SESSION-ID.
        window_ids: The same of X-POSTHOG-WINDOW-ID.
    """

    method: str
    scheme: str
    host: str
    path: str
    peer: str = ""
    forwarded_for: Sequence[str] = ()
    user_agent: str = ""
    distinct_ids: Sequence[str] = ()
    session_ids: Sequence[str] = ()
    window_ids: Sequence[str] = ()


def server_address(environ: Mapping[str, Any]) -> str:
    """Return where a WSGI server listens, for requests that do not say whom they call."""
    name, port = environ.get("SERVER_NAME", ""), environ.get("SERVER_PORT", "")
    return f"{name}:{port}" if name and port else str(name)


def request_properties(
    info: RequestInfo, *, trusted_proxies: int | Sequence[str] = 0
) -> dict[str, Any]:
    """Return the properties of a request; what is not known is left out."""
    path = info.path[:MAX_TEXT]
    properties = {
        "$current_url": f"{info.scheme}://{info.host}{path}"[:MAX_TEXT] if info.host else "",
        "$host": info.host[:MAX_TEXT],
        "$pathname": path,
        "$request_method": info.method[:MAX_METHOD],
        "$request_path": path,
        "$raw_user_agent": info.user_agent[:MAX_TEXT],
        "$user_agent": info.user_agent[:MAX_TEXT],
        "$ip": client_address(info.peer, info.forwarded_for, trusted_proxies),
    }
    return {name: value for name, value in properties.items() if value}


def client_address(
    peer: str, forwarded_for: Sequence[str], trusted_proxies: int | Sequence[str]
) -> str:
    """Return the address of the client, believing only proxies that are ours.

    Each proxy appends the address it was called from, so the list is read from the right: past as
    many entries as there are proxies, or past those within the given networks. What is further to
    the left anybody can write.
    """
    hops = [hop for value in forwarded_for for part in value.split(",") if (hop := part.strip())]
    chain = [*hops, peer]
    if isinstance(trusted_proxies, int):
        return _bare(chain[max(len(chain) - 1 - trusted_proxies, 0)])
    networks = _networks(trusted_proxies)
    for hop in reversed(chain):
        if not _within(hop, networks):
            return _bare(hop)
    return _bare(chain[0])


def _networks(
    trusted_proxies: Sequence[str],
) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(network, strict=False) for network in trusted_proxies]


def _within(hop: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        address = ipaddress.ip_address(_bare(hop))
    except ValueError:
        return False
    return any(address in network for network in networks)


def _bare(hop: str) -> str:
    """Return the address in *hop* without a port or brackets."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
