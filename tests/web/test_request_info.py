"""What a request tells of itself."""

from __future__ import annotations

import pytest

from posthog_web._config import WebOptions
from posthog_web._guard import loud
from posthog_web._web.paths import Parameter, Route, make_shape
from posthog_web._web.request_info import RequestInfo, RequestProperties, read_info

OPTIONS = WebOptions()
EMPTY = RequestInfo(method="", scheme="", host="", path="")


def properties_of(info: RequestInfo, options: WebOptions = OPTIONS) -> dict[str, object]:
    """Return the properties of a request that leads nowhere."""
    return RequestProperties(info, options).read(None)


def test_properties_have_one_set_of_keys_and_no_query() -> None:
    """Every known part of a request is a property; what is not known is left out."""
    info = RequestInfo(
        method="GET",
        scheme="https",
        host="shop.example.org:8443",
        path="/books/7",
        query="token=SECRET",
        peer="192.0.2.1",
        user_agent="Mozilla/5.0",
    )

    assert properties_of(info) == {
        "$current_url": "https://shop.example.org:8443/books/7",
        "$host": "shop.example.org:8443",
        "$pathname": "/books/7",
        "$request_method": "GET",
        "$request_path": "/books/7",
        "$raw_user_agent": "Mozilla/5.0",
        "$user_agent": "Mozilla/5.0",
        "$ip": "192.0.2.1",
    }
    assert properties_of(EMPTY) == {}
    assert "SECRET" not in repr(info)


def test_lengths_are_bounded() -> None:
    """A client cannot make events large by what it sends."""
    info = RequestInfo(
        method="X" * 9999,
        scheme="http" * 999,
        host="h" * 9999,
        path="/é" * 9999,
        query="&".join(["ref=" + "x" * 100] * 99),
        user_agent="u" * 9999,
    )

    properties = properties_of(info, WebOptions(captured_query_params=("ref",)))

    assert len(str(properties["$request_method"])) == 32
    assert all(len(str(value)) <= 2048 for value in properties.values())


def test_control_characters_go() -> None:
    """Nothing that a client sends can forge a line of a log."""
    ugly = "a\x00\n\r\t\x1b[2J\x7f\x85\u2028b"
    info = RequestInfo(method=ugly, scheme=ugly, host=ugly, path=f"/{ugly}", user_agent=ugly)

    for value in properties_of(info).values():
        assert str(value).isprintable()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("full", {"$ip": "192.0.2.1"}),
        ("truncated", {"$ip": "192.0.2.0"}),
        ("off", {"$geoip_disable": True}),
    ],
)
def test_an_address_may_be_kept_back(told: str, expected: dict[str, object]) -> None:
    """Its network only, or nothing; then PostHog must not look for a place either."""
    info = RequestInfo(method="", scheme="", host="", path="", peer="192.0.2.1")
    options = WebOptions(capture_ip=told)  # type: ignore[arg-type]  # one of its values

    assert properties_of(info, options) == expected


def test_a_route_may_become_known_later() -> None:
    """The path is told as of now; the rest stays."""
    info = RequestInfo(method="GET", scheme="http", host="shop.test", path="/abc", query="ref=a")
    properties = RequestProperties(info, WebOptions(captured_query_params=("ref",)))
    shape = make_shape("/<token>", "/(?P<p0>.+)", [Parameter(name="token")])

    before, after = properties.read(None), properties.read(Route(shape=shape))

    assert before["$current_url"] == "http://shop.test/abc?ref=a"
    assert after["$current_url"] == "http://shop.test/<token>?ref=a"
    assert after["$pathname"] == after["$request_path"] == "/<token>"
    assert properties.read(None) == before


class Odd(str):
    """A text that cannot be read."""

    __slots__ = ()

    def __getitem__(self, _index: object) -> str:
        """Fail."""
        raise RuntimeError

    def strip(self, _characters: str | None = None, /) -> str:
        """Fail."""
        raise RuntimeError


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        ("method", {"$request_method"}),
        ("host", {"$host", "$current_url"}),
        ("scheme", {"$current_url"}),
        ("user_agent", {"$user_agent", "$raw_user_agent"}),
        ("peer", {"$ip"}),
    ],
)
def test_what_cannot_be_told_costs_itself_only(part: str, lost: set[str]) -> None:
    """One part of a request that breaks when it is used leaves the others, and is reported."""
    whole = RequestInfo(
        method="GET", scheme="http", host="shop.test", path="/a", peer="192.0.2.1", user_agent="b"
    )
    parts = {name: getattr(whole, name) for name in RequestInfo.__slots__}
    broken = RequestInfo(**{**parts, part: Odd("x")})

    assert properties_of(whole).keys() - properties_of(broken).keys() == lost
    with loud(), pytest.raises(RuntimeError):
        properties_of(broken)


def test_what_cannot_be_read_costs_itself_only() -> None:
    """A reader that fails leaves its part empty, whichever it is, and is reported."""
    readers = {
        "method": lambda _request: "GET",
        "host": lambda _request: 1 // 0,
        "user_agent": lambda request: request["nothing"],
        "path": lambda _request: "/a",
    }

    assert read_info(readers, {}) == RequestInfo(method="GET", scheme="", host="", path="/a")
    with loud(), pytest.raises(ZeroDivisionError):
        read_info(readers, {})
