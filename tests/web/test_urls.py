"""Addresses of pages."""

from __future__ import annotations

import pytest

from posthog_web._web.urls import (
    MAX_HOST,
    MAX_PARAMETERS,
    MAX_VALUE,
    bound_url,
    clean_host,
    encode_pieces,
    kept_query,
    server_address,
)


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("shop.test", "shop.test"),
        ("shop.test:8443", "shop.test:8443"),
        ("[2001:db8::1]:8443", "[2001:db8::1]:8443"),
        ("ann:SECRET@shop.test", "shop.test"),
        ("shop.test/reset?token=SECRET", "shop.test"),
        ("shop.test#SECRET", "shop.test"),
        ("shop.test\\SECRET", "shop.test"),
        ("shop.test SECRET", "shop.test"),
        ("sh\x00op.test\x7f", "shop.test"),
        ("sh\u00f6p.test", "sh\u00f6p.test"),
        ("sh\udcffp.test", "sh\udcffp.test"),
        ("", ""),
        ("@", ""),
        ("ann:SEC/RET@shop.test", ""),
        ("ann:SEC RET@shop.test:80", ""),
        (f"ann:{'SECRET' * 200}@shop.test", "shop.test"),
        ("shop.test/reset@SECRET", ""),
        ("h" * 9999, "h" * MAX_HOST),
    ],
)
def test_a_host_is_a_host(header: str, host: str) -> None:
    """Credentials, paths and what else a client writes into the header are left out."""
    assert clean_host(header) == host


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        ({"SERVER_NAME": "shop.test", "SERVER_PORT": "80"}, "shop.test:80"),
        ({"SERVER_NAME": "::1", "SERVER_PORT": "80"}, "[::1]:80"),
        ({"SERVER_NAME": "shop.test", "SERVER_PORT": ""}, "shop.test"),
        (
            {"SERVER_NAME": "shop.test", "SERVER_PORT": "80", "wsgi.url_scheme": "http"},
            "shop.test",
        ),
        (
            {"SERVER_NAME": "shop.test", "SERVER_PORT": "443", "wsgi.url_scheme": "https"},
            "shop.test",
        ),
        (
            {"SERVER_NAME": "shop.test", "SERVER_PORT": "80", "wsgi.url_scheme": "https"},
            "shop.test:80",
        ),
        ({"SERVER_PORT": "80"}, ""),
        ({}, ""),
    ],
)
def test_a_server_has_a_place(environ: dict[str, str], address: str) -> None:
    """Without a Host header it is the server's own name, and its port if a URL needs it."""
    assert server_address(environ) == address


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("", ""),
        ("token=SECRET", ""),
        ("ref=a", "ref=a"),
        ("q=2&token=SECRET&ref=a&q=1", "q=2&ref=a&q=1"),
        ("ref", "ref="),
        ("ref=a=b", "ref=a%3Db"),
        ("r%65f=%61+b%20c", "ref=a%20b%20c"),
        ("ref=%26token%3DSECRET", "ref=%26token%3DSECRET"),
        ("ref=a;token=SECRET", "ref=a%3Btoken%3DSECRET"),
        ("Ref=a&ref[]=b&xref=c&=d&&&", ""),
        ("ref=%C3%BC&q=\u00c3\u00bc", "ref=%C3%BC&q=%C3%BC"),
        ("ref=%ff", "ref=%EF%BF%BD"),
        ("ref=%00a%0Ab", "ref=ab"),
        ("ref=%zz", "ref=%25zz"),
        ("ref=\udcff", "ref=%3F"),
        ("r b=1&ref=<b>", "ref=%3Cb%3E"),
        (f"ref={'x' * 5000}", f"ref={'x' * MAX_VALUE}"),
        (f"{'&' * MAX_PARAMETERS}ref=a", ""),
        (f"a={'x' * 9000}&ref=a", ""),
    ],
)
def test_a_query_shows_what_was_asked_for(query: str, kept: str) -> None:
    """Only the named parameters, in their order, encoded anew, and never endless."""
    assert kept_query(query, ("ref", "q")) == kept
    assert kept_query(query, ()) == ""


@pytest.mark.parametrize(
    ("pieces", "path"),
    [
        (("/a/b-c_d.e~f",), "/a/b-c_d.e~f"),
        (("/a b?c#d%e",), "/a%20b%3Fc%23d%25e"),
        (("/\u00fc\ufffd",), "/%C3%BC%EF%BF%BD"),
        (("/\udcff",), "/%EF%BF%BD"),
        (("/a\x00\nb",), "/ab"),
        (("/a b/", "<token>", "/\u00fc"), "/a%20b/<token>/%C3%BC"),
    ],
)
def test_a_path_is_encoded(pieces: tuple[str, ...], path: str) -> None:
    """What has a meaning of its own in a URL, or is no ASCII, is encoded; placeholders are not."""
    assert encode_pieces(pieces) == path


def test_a_url_is_not_cut_inside_an_escape() -> None:
    """What is too long is cut, and what is left can be decoded."""
    for length, end in ((2044, "%20a"), (2045, "%20"), (2046, ""), (2047, ""), (2048, "")):
        assert bound_url("x" * length + "%20abc") == "x" * length + end
