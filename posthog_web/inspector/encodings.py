"""The body of a delivery as it was before compression.

Pure, and bounded: a small body that unpacks to a huge one is never unpacked further than the limit.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import sys
import zlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from posthog_web.inspector.refusal import Refusal

# What PostHog itself takes in one request, before and after decompression.
MAX_BODY_BYTES = 20 * 1024 * 1024

GZIP_MAGIC = b"\x1f\x8b"
FORM = b"data="

TOO_LARGE = Refusal(
    413, "payload_too_large", f"The body is larger than {MAX_BODY_BYTES // 1024 // 1024} MiB."
)

# A window larger than the largest body is of no use but to fill the memory.
_ZSTD_WINDOW_LOG = MAX_BODY_BYTES.bit_length()

_UNCOMPRESSED = frozenset({"", "identity"})


def decompress(body: bytes, content_encoding: str = "") -> bytes:
    """Return *body* unpacked as the endpoints of protocol v0 do it.

    They know gzip only, recognised by its first bytes or by *content_encoding*, and the form older
    browser libraries send: `data=`, then the JSON, mostly in base64.

    Raises:
        Refusal: The body is broken, packed otherwise (400) or too large (413).
    """
    encoding = content_encoding.strip().lower()
    if encoding not in _UNCOMPRESSED | {"gzip"}:
        detail = f"Protocol v0 takes gzip only, not Content-Encoding: {encoding[:40]}."
        raise Refusal(400, "invalid_payload", detail)
    packed = body.startswith(GZIP_MAGIC) or encoding == "gzip"
    plain = _unpack_gzip(body) if packed else body
    return _unpack_form(plain) if plain.startswith(FORM) else plain


def decompress_v1(body: bytes, content_encoding: str = "") -> bytes:
    """Return *body* unpacked as protocol v1 does it: *content_encoding* alone decides.

    Raises:
        Refusal: The body is broken (400), packed in a way nobody here knows (415) or too large
            (413).
    """
    encoding = content_encoding.strip().lower()
    if encoding in _UNCOMPRESSED:
        return body
    unpack = _UNPACKERS.get(encoding)
    if unpack is None:
        known = ", ".join(_UNPACKERS)
        detail = f"The inspector cannot unpack Content-Encoding: {encoding[:40]}; it knows {known}."
        raise Refusal(415, "unsupported_encoding", detail)
    return unpack(body)


def _unpack_gzip(body: bytes) -> bytes:
    if not body.startswith(GZIP_MAGIC):
        raise Refusal(400, "invalid_payload", "Content-Encoding says gzip; the body is not.")
    return _inflate(body, zlib.MAX_WBITS | 16, "gzip")


def _unpack_form(body: bytes) -> bytes:
    value = unquote_to_bytes(body.removeprefix(FORM).partition(b"&")[0])
    if value.lstrip()[:1] in {b"{", b"["}:
        return value
    try:
        # Not every library escapes the plus, which then looks like a space.
        return base64.b64decode(value.replace(b" ", b"+") + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error as error:
        detail = f"The form's `data` is neither JSON nor base64: {error}."
        raise Refusal(400, "invalid_payload", detail) from error


def _unpack_deflate(body: bytes) -> bytes:
    # The first two bytes of RFC 1950: method 8 (deflate), and together a multiple of 31.
    if len(body) < 2 or body[0] & 0x0F != 8 or int.from_bytes(body[:2]) % 31:  # noqa: PLR2004
        detail = (
            "Content-Encoding deflate means zlib-wrapped (RFC 1950, Python's zlib.compress);"
            " the body is raw deflate or something else."
        )
        raise Refusal(400, "invalid_payload", detail)
    return _inflate(body, zlib.MAX_WBITS, "deflate")


def _inflate(body: bytes, window: int, name: str) -> bytes:
    stream = zlib.decompressobj(window)
    try:
        plain = stream.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise Refusal(400, "invalid_payload", f"The body is broken {name}: {error}.") from error
    if len(plain) > MAX_BODY_BYTES:
        raise TOO_LARGE
    if not stream.eof:
        raise Refusal(400, "invalid_payload", f"The {name} body ends too early.")
    return plain


def _unpack_zstd(body: bytes) -> bytes:
    read = _read_zstd if sys.version_info >= (3, 14) else _read_zstandard
    plain, is_whole = read(body)
    if len(plain) > MAX_BODY_BYTES:
        raise TOO_LARGE
    if not is_whole:
        raise Refusal(400, "invalid_payload", "The zstd body ends too early.")
    return plain


def _read_zstd(body: bytes) -> tuple[bytes, bool]:
    zstd: Any = importlib.import_module("compression.zstd")
    options = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    decompressor = zstd.ZstdDecompressor(options=options)
    try:
        return decompressor.decompress(body, MAX_BODY_BYTES + 1), decompressor.eof
    except zstd.ZstdError as error:
        raise Refusal(400, "invalid_payload", f"The body is broken zstd: {error}.") from error


def _read_zstandard(body: bytes) -> tuple[bytes, bool]:
    zstandard = _zstandard()
    decompressor = zstandard.ZstdDecompressor(max_window_size=2**_ZSTD_WINDOW_LOG)
    try:
        plain: bytes = decompressor.stream_reader(body).read(MAX_BODY_BYTES + 1)
        if len(plain) > MAX_BODY_BYTES:
            return plain, False
        # Only the reader stops at a limit, but it does not say that a frame was cut short.
        whole = decompressor.decompressobj()
        whole.decompress(body)
    except zstandard.ZstdError as error:
        raise Refusal(400, "invalid_payload", f"The body is broken zstd: {error}.") from error
    return plain, whole.eof


def _zstandard() -> Any:  # noqa: ANN401 (an optional module)
    try:
        return importlib.import_module("zstandard")
    except ModuleNotFoundError:
        detail = 'The inspector unpacks zstd with a package: pip install "posthog-web[zstd]".'
        raise Refusal(415, "unsupported_encoding", detail) from None


_UNPACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": _unpack_gzip,
    "deflate": _unpack_deflate,
    "zstd": _unpack_zstd,
}
