"""Compressed bodies."""

from __future__ import annotations

import gzip

import pytest

from posthog_web.inspector.encodings import MAX_BODY_BYTES, decompress
from posthog_web.inspector.refusal import Refusal


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
