"""What a request tells of itself."""

from __future__ import annotations

import pytest

from posthog_web._web.request_info import RequestInfo, client_address, request_properties


def test_properties_have_one_set_of_keys_and_no_query() -> None:
    """Every known part of a request is a property; what is not known is left out."""
    info = RequestInfo(
        method="GET",
        scheme="https",
        host="shop.example.org:8443",
        path="/books/7",
        peer="192.0.2.1",
        user_agent="Mozilla/5.0",
    )

    assert request_properties(info) == {
        "$current_url": "https://shop.example.org:8443/books/7",
        "$host": "shop.example.org:8443",
        "$pathname": "/books/7",
        "$request_method": "GET",
        "$request_path": "/books/7",
        "$raw_user_agent": "Mozilla/5.0",
        "$user_agent": "Mozilla/5.0",
        "$ip": "192.0.2.1",
    }
    assert request_properties(RequestInfo(method="", scheme="", host="", path="")) == {}


def test_lengths_are_bounded() -> None:
    """A client cannot make events large by what it sends."""
    info = RequestInfo(
        method="X" * 9999, scheme="http", host="h" * 9999, path="/" * 9999, user_agent="u" * 9999
    )

    properties = request_properties(info)

    assert len(properties["$request_method"]) == 32
    assert all(len(value) <= 2048 for value in properties.values())


@pytest.mark.parametrize(
    ("forwarded", "trusted", "address"),
    [
        ((), 0, "10.0.0.9"),
        (("6.6.6.6, 203.0.113.5",), 0, "10.0.0.9"),
        (("6.6.6.6, 203.0.113.5",), 1, "203.0.113.5"),
        (("6.6.6.6", "203.0.113.5, 10.0.0.8"), 2, "203.0.113.5"),
        (("203.0.113.5",), 9, "203.0.113.5"),
        (("6.6.6.6, 203.0.113.5, 10.0.0.8",), ("10.0.0.0/8",), "203.0.113.5"),
        (("10.0.0.7",), ("10.0.0.0/8",), "10.0.0.7"),
        (("nonsense, 10.0.0.8",), ("10.0.0.0/8",), "nonsense"),
        (("203.0.113.5:4711",), 1, "203.0.113.5"),
        (("[2001:db8::1]:4711",), 1, "2001:db8::1"),
        (("2001:db8::1",), 1, "2001:db8::1"),
    ],
)
def test_the_address_is_counted_from_the_right(
    forwarded: tuple[str, ...], trusted: int | tuple[str, ...], address: str
) -> None:
    """Only as many hops as there are proxies of ours are believed; the rest anybody can write."""
    assert client_address("10.0.0.9", forwarded, trusted) == address
