"""What is known of a request, in no framework's words, and the properties events get from it.

The keys are the same whatever the framework. Cookies and bodies are not here at all, and of a
query only the parameters that were asked for by name: what is never read cannot leak.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from posthog_web._config import WebOptions
from posthog_web._guard import report_fault
from posthog_web._web.addresses import client_address, truncated
from posthog_web._web.paths import Route, split_secrets
from posthog_web._web.text import clean
from posthog_web._web.urls import bound_url, clean_host, encode_pieces, kept_query

MAX_METHOD = 32
MAX_SCHEME = 16

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestInfo:
    """A request, as an adapter read it.

    Attributes:
        method: GET, POST, …, as the client wrote it; empty for what has none, like a websocket.
        scheme: http, https, ws or wss.
        host: What the client called us, port included; empty if it did not say.
        path: The whole path, decoded, with any prefix the application is mounted under.
        query: What follows the question mark, as it was sent; bytes are letters in Latin-1.
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
    query: str = field(default="", repr=False)
    peer: str = ""
    forwarded_for: Sequence[str] = ()
    user_agent: str = ""
    distinct_ids: Sequence[str] = ()
    session_ids: Sequence[str] = ()
    window_ids: Sequence[str] = ()


Readers = Mapping[str, Callable[[R], Any]]


def read_info(readers: Readers[R], request: R) -> RequestInfo:
    """Read each part of *request* with its reader; one that fails costs that part only."""
    parts: dict[str, Any] = {"method": "", "scheme": "", "host": "", "path": ""}
    for name, read in readers.items():
        try:
            parts[name] = read(request)
        except Exception as error:  # noqa: BLE001 - requests can be malformed in any way
            report_fault(error, f"request {name}")
    return RequestInfo(**parts)


class RequestProperties:
    """The properties of one request: most are found once, those of its path with its route."""

    __slots__ = ("_fixed", "_info", "_options", "_placed", "_route")

    def __init__(self, info: RequestInfo, options: WebOptions) -> None:
        """Find what cannot change any more."""
        self._info = info
        self._options = options
        self._fixed = _find(_FIXED, info, options)
        self._route: Route | None = None
        self._placed: dict[str, Any] | None = None

    def read(self, route: Route | None) -> dict[str, Any]:
        """Return the properties as of now, with the *route*; what is not known is left out."""
        if self._placed is None or route is not self._route:
            self._placed, self._route = self._place(route), route
        return self._fixed | self._placed

    def _place(self, route: Route | None) -> dict[str, Any]:
        """Return what depends on where the path leads."""
        try:
            pieces = split_secrets(self._info.path, route, self._options.masked_route_params)
        except Exception as error:  # noqa: BLE001 - routes are the application's objects
            report_fault(error, "request path")
            return {}
        return _find(_PLACED, pieces, self)

    def find_url(self, pieces: Sequence[str]) -> str:
        """Return the address of the page; its path is in *pieces*."""
        host = self._fixed.get("$host")
        if not host:
            return ""
        info = self._info
        query = kept_query(info.query, self._options.captured_query_params)
        path = encode_pieces(pieces)
        return bound_url(f"{clean(info.scheme, MAX_SCHEME)}://{host}{path}{query and '?'}{query}")


S = TypeVar("S")
T = TypeVar("T")


def _find(table: Mapping[str, Callable[[S, T], Any]], source: S, other: T) -> dict[str, Any]:
    """Return what the functions of *table* find; one that fails costs its own property only."""
    found = {}
    for name, find in table.items():
        try:
            value = find(source, other)
        except Exception as error:  # noqa: BLE001 - requests can be malformed in any way
            report_fault(error, f"request {name}")
            continue
        if value:
            found[name] = value
    return found


def _method(info: RequestInfo, _options: WebOptions) -> str:
    return clean(info.method, MAX_METHOD)


def _host(info: RequestInfo, _options: WebOptions) -> str:
    return clean_host(info.host)


def _user_agent(info: RequestInfo, _options: WebOptions) -> str:
    return clean(info.user_agent)


def _address(info: RequestInfo, options: WebOptions) -> str | None:
    if options.capture_ip == "off":
        return None
    address = client_address(info.peer, info.forwarded_for, options.trusted_proxies)
    if address is None:
        return None
    return str(truncated(address) if options.capture_ip == "truncated" else address)


def _is_placeless(_info: RequestInfo, options: WebOptions) -> bool:
    """Return whether PostHog must not look for a place: it would find our own server's."""
    return options.capture_ip == "off"


_FIXED: Mapping[str, Callable[[RequestInfo, WebOptions], Any]] = {
    "$host": _host,
    "$request_method": _method,
    "$raw_user_agent": _user_agent,
    "$user_agent": _user_agent,
    "$ip": _address,
    "$geoip_disable": _is_placeless,
}


def _path(pieces: Sequence[str], _properties: RequestProperties) -> str:
    return clean("".join(pieces))


_PLACED: Mapping[str, Callable[[Sequence[str], RequestProperties], Any]] = {
    "$current_url": lambda pieces, properties: properties.find_url(pieces),
    "$pathname": _path,
    "$request_path": _path,
}
