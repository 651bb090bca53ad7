"""Compressed bodies."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from urllib.parse import quote

import pytest
import zstandard

from posthog_web.inspector.encodings import MAX_BODY_BYTES, decompress, decompress_v1
from posthog_web.inspector.refusal import Refusal

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
}

JSON = json.dumps([{"event": f"e{number}", "name": "é+/?"} for number in range(200)]).encode()


def raw_deflate(plain: bytes) -> bytes:
    """Return *plain* as deflate without the zlib wrapping."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(plain) + packer.flush()


class TestDecompress:
    """The body as it was before compression."""

    @pytest.mark.parametrize("encoding", ["gzip", "GZIP", ""])
    def test_gzip(self, encoding: str) -> None:
        """Gzip is recognised with its header and without."""
        assert decompress(gzip.compress(b"{}"), encoding) == b"{}"

    def test_plain(self) -> None:
        """A plain body is left alone."""
        assert decompress(b"{}") == b"{}"

    @pytest.mark.parametrize(
        ("body", "encoding"),
        [(b"{}", "gzip"), (gzip.compress(b"{}" * 99)[:-9], ""), (b"\x1f\x8b\x00\x00", "")],
    )
    def test_broken(self, body: bytes, encoding: str) -> None:
        """Broken gzip is refused with 400."""
        with pytest.raises(Refusal) as caught:
            decompress(body, encoding)

        assert caught.value.status == 400

    def test_bomb(self) -> None:
        """A small body that unpacks to a huge one is refused with 413, and not unpacked."""
        with pytest.raises(Refusal) as caught:
            decompress(gzip.compress(bytes(MAX_BODY_BYTES + 1)))

        assert caught.value.status == 413

    @pytest.mark.parametrize("encoding", ["deflate", "zstd", "br", "x" * 99])
    def test_other(self, encoding: str) -> None:
        """Anything but gzip is refused with 400, which names it."""
        with pytest.raises(Refusal, match=encoding[:40]) as caught:
            decompress(PACKERS.get(encoding, bytes)(b"{}"), encoding)

        assert caught.value.status == 400

    @pytest.mark.parametrize("safe", ["", "+/="])
    @pytest.mark.parametrize("pack", [bytes, gzip.compress])
    def test_form(self, safe: str, pack: Callable[[bytes], bytes]) -> None:
        """The form of older browser libraries is unpacked, base64 or not, gzipped or not."""
        encoded = quote(base64.b64encode(JSON).decode(), safe=safe).encode()

        assert decompress(pack(b"data=" + encoded + b"&ver=1")) == JSON
        assert decompress(pack(b"data=" + encoded.rstrip(b"=").removesuffix(b"%3D"))) == JSON
        assert decompress(pack(b"data=" + quote(JSON).encode())) == JSON

    @pytest.mark.parametrize("body", [b"data=!!!!", b"data=eA=x", b"data=%FF"])
    def test_broken_form(self, body: bytes) -> None:
        """A form that holds neither JSON nor base64 is refused with 400."""
        with pytest.raises(Refusal, match="base64") as caught:
            decompress(body)

        assert caught.value.status == 400


class TestDecompressV1:
    """The same for protocol v1."""

    @pytest.mark.parametrize("encoding", PACKERS)
    def test_packed(self, encoding: str) -> None:
        """What the header says is unpacked, whatever its case."""
        packed = PACKERS[encoding](JSON)

        assert decompress_v1(packed, encoding) == JSON
        assert decompress_v1(packed, f" {encoding.upper()} ") == JSON

    @pytest.mark.parametrize("encoding", ["", "identity"])
    def test_plain(self, encoding: str) -> None:
        """The header alone decides: a body without one is left alone."""
        packed = gzip.compress(JSON)

        assert decompress_v1(packed, encoding) == packed

    @pytest.mark.parametrize("cut", [-1, -20, 30, 1, 0])
    @pytest.mark.parametrize("encoding", PACKERS)
    def test_cut_short(self, encoding: str, cut: int) -> None:
        """A body cut anywhere is refused with 400."""
        with pytest.raises(Refusal) as caught:
            decompress_v1(PACKERS[encoding](JSON)[:cut], encoding)

        assert caught.value.status == 400

    @pytest.mark.parametrize("encoding", PACKERS)
    def test_not_packed(self, encoding: str) -> None:
        """A body that is not what the header says is refused with 400, which names it."""
        with pytest.raises(Refusal, match=encoding) as caught:
            decompress_v1(JSON, encoding)

        assert caught.value.status == 400

    def test_raw_deflate(self) -> None:
        """Deflate without the zlib wrapping is refused, and told which one is meant."""
        with pytest.raises(Refusal, match="RFC 1950") as caught:
            decompress_v1(raw_deflate(JSON), "deflate")

        assert caught.value.status == 400

    @pytest.mark.parametrize("encoding", ["br", "lz4", "gzip, gzip", "x" * 99])
    def test_unknown(self, encoding: str) -> None:
        """An encoding the inspector cannot unpack is refused with 415, which names those it can."""
        with pytest.raises(Refusal, match="gzip, deflate, zstd") as caught:
            decompress_v1(JSON, encoding)

        assert (caught.value.status, caught.value.code) == (415, "unsupported_encoding")

    @pytest.mark.parametrize("encoding", PACKERS)
    def test_limit(self, encoding: str) -> None:
        """A body may unpack to exactly the limit, and to not one byte more."""
        pack = PACKERS[encoding]

        assert len(decompress_v1(pack(bytes(MAX_BODY_BYTES)), encoding)) == MAX_BODY_BYTES
        with pytest.raises(Refusal) as caught:
            decompress_v1(pack(bytes(MAX_BODY_BYTES + 1)), encoding)
        assert caught.value.status == 413

    @pytest.mark.skipif(sys.version_info >= (3, 14), reason="Python 3.14 has zstd itself")
    def test_zstd_without_its_package(self) -> None:
        """Without the package zstd is refused with 415, which says what to install."""
        program = (
            "import sys; sys.modules['zstandard'] = None\n"
            "from posthog_web.inspector.encodings import decompress_v1\n"
            "from posthog_web.inspector.refusal import Refusal\n"
            "try: decompress_v1(b'', 'zstd')\n"
            "except Refusal as refusal: print(refusal.status, refusal.detail)\n"
        )
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, check=True)

        assert done.stdout.startswith("415 ")
        assert 'pip install "posthog-web[zstd]"' in done.stdout
