"""Addresses of pages: the host, and of the query what was asked for by name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from posthog_web._web.text import MAX_TEXT, clean

MAX_HOST = 255
MAX_QUERY = 8192
MAX_PARAMETERS = 100
MAX_VALUE = 200

# Ports that a URL leaves out.
_USUAL_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443"}
# What ends a host in a URL. A header is whatever a client writes.
_AFTER_HOST = re.compile(r"[/?#\\\s]")
# What may stand in a path as it is, beside letters, digits and "_.-~".
_PATH_SAFE = "/:@!$&'()*+,;="
# What a server that decodes carelessly makes of bytes that are no text.
_SURROGATE = re.compile("[\ud800-\udfff]")
_HALF_ESCAPE = re.compile(r"%[0-9A-F]?\Z")
_HARMLESS = re.compile(r"[\w/:@!$&'()*+,;=.~-]*", re.ASCII)


def server_address(environ: Mapping[str, Any]) -> str:
    """Return where a WSGI server listens, for requests that do not say whom they call."""
    scheme = str(environ.get("wsgi.url_scheme", ""))
    return join_port(str(environ.get("SERVER_NAME", "")), environ.get("SERVER_PORT", ""), scheme)


def join_port(name: str, port: object, scheme: str) -> str:
    """Return name and port of a server as a URL of *scheme* has them."""
    if ":" in name:
        name = f"[{name}]"
    is_needed = name and port and str(port) != _USUAL_PORTS.get(scheme)
    return f"{name}:{port}" if is_needed else name


def clean_host(host: str) -> str:
    """Return host and port, without credentials before and anything after them.

    Where what stands before the @ may be a path as well as a password, neither side is told.
    """
    credentials, _, rest = host.strip().rpartition("@")
    if _AFTER_HOST.search(credentials):
        return ""
    return clean(_AFTER_HOST.split(rest[: 2 * MAX_HOST], maxsplit=1)[0], MAX_HOST)


def encode_pieces(pieces: Sequence[str]) -> str:
    """Return a decoded path as it stands in a URL; every second piece stays as it is."""
    return "".join(
        piece if number % 2 else _encode(piece[:MAX_TEXT]) for number, piece in enumerate(pieces)
    )


def _encode(text: str) -> str:
    if _HARMLESS.fullmatch(text):
        return text
    return quote(_SURROGATE.sub("\ufffd", clean(text)), _PATH_SAFE)


def bound_url(url: str) -> str:
    """Return the first MAX_TEXT characters of *url*, and no half of an escape."""
    return url if len(url) <= MAX_TEXT else _HALF_ESCAPE.sub("", url[:MAX_TEXT])


def kept_query(query: str, names: Collection[str]) -> str:
    """Return the parameters of *query* that are called one of *names*, encoded anew.

    Their order stays; a value is cut after MAX_VALUE characters. Of a query longer than MAX_QUERY,
    or with more parameters than MAX_PARAMETERS, the rest is not read.
    """
    if not names or not query:
        return ""
    return "&".join(
        f"{quote(name, safe='', errors='replace')}={quote(value[:MAX_VALUE], safe='')}"
        for name, value in _parameters(query)
        if name in names
    )


def _parameters(query: str) -> Iterator[tuple[str, str]]:
    parts = query[:MAX_QUERY].split("&", MAX_PARAMETERS)
    for part in parts[:MAX_PARAMETERS]:
        name, _, value = part.partition("=")
        yield _decoded(name), _decoded(value)


def _decoded(text: str) -> str:
    """Return what form encoding means; a server hands on bytes as Latin-1."""
    raw = text.replace("+", " ").encode("latin-1", "replace")
    return clean(unquote_to_bytes(raw).decode("utf-8", "replace"), MAX_QUERY)
