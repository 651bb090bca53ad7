"""Secrets in paths."""

from __future__ import annotations

import re

import pytest

from posthog_web._web.paths import (
    UNTOLD,
    Parameter,
    Route,
    Shape,
    make_shape,
    sounds_secret,
    split_secrets,
)

RESET = make_shape(
    "/reset/<uidb64>/<token>/",
    "/reset/(?P<p0>[^/]+)/(?P<p1>[^/]+)/?",
    [Parameter(name="uidb64"), Parameter(name="token")],
)
OWNED = make_shape(
    "/<owner>/<token>",
    "/(?P<p0>[^/]+)/(?P<p1>[^/]+)",
    [Parameter(name="owner"), Parameter(name="token")],
)


@pytest.mark.parametrize(
    "name",
    [
        "token", "TOKEN", "reset_token", "resetToken", "ResetToken", "reset-token", "token2",
        "apiKey", "APIKey", "api_key", "apikey", "key", "secret", "client_secret", "password",
        "code", "verificationCode", "signature", "uidb64", "otp", "hash", "nonce", "jwt", "JWT",
    ],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    """A word that means a secret may stand alone or among others, however they are joined."""
    assert sounds_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "id", "pk", "slug", "number", "owner", "year", "path", "filename", "page", "keyboard",
        "monkey", "codec", "hashtag", "barcode", "tokenizer", "keynote", "spin", "int", "uuid", "",
    ],
)  # fmt: skip
def test_names_of_other_things(name: str) -> None:
    """A word counts as a whole only."""
    assert not sounds_secret(name)


@pytest.mark.parametrize(
    ("path", "pieces"),
    [
        ("/reset/a/b/", ("/reset/", "<uidb64>", "/", "<token>", "/")),
        ("/reset/reset/reset", ("/reset/", "<uidb64>", "/", "<token>", "")),
        ("/reset/a/a/", ("/reset/", "<uidb64>", "/", "<token>", "/")),
    ],
)
def test_secrets_are_replaced_where_they_are(path: str, pieces: tuple[str, ...]) -> None:
    """The place in the template decides, not the text."""
    assert split_secrets(path, Route(shape=RESET)) == pieces


def test_a_route_may_begin_inside_the_path() -> None:
    """What the application is mounted under stays as it is."""
    pieces = split_secrets("/reset/x/reset/a/b", Route(shape=RESET, start=8))

    assert "".join(pieces) == "/reset/x/reset/<uidb64>/<token>"


@pytest.mark.parametrize(
    "route",
    [
        Route(shape=OWNED, values={"token": "another"}),
        Route(shape=OWNED, start=3),
        Route(shape=OWNED, start=99),
        Route(shape=make_shape(OWNED.template, "/(broken", OWNED.parameters)),
    ],
    ids=["not what the framework read", "not there", "nowhere", "no pattern"],
)
def test_a_secret_without_a_place_hides_the_path(route: Route) -> None:
    """Where it is not certain what the secret is, the template stands for all of it."""
    assert "".join(split_secrets("/ann/SECRET", route)) == "/<owner>/<token>"
    assert "".join(split_secrets("/ann/SECRET", Route(shape=OWNED))) == "/ann/<token>"


def test_nothing_is_shown_of_a_path_that_nobody_can_judge() -> None:
    """Where looking for the route failed, there may be secrets anywhere."""
    assert "".join(split_secrets("/reset/a/SECRET/", UNTOLD)) == ""
    assert UNTOLD.template is None


def test_what_the_framework_read_may_be_anything() -> None:
    """A value that is no text any more is no reason for doubt."""
    route = Route(shape=RESET, values={"uidb64": 7, "token": "b"})

    assert "".join(split_secrets("/reset/7/b/", route)) == "/reset/<uidb64>/<token>/"


def test_a_converter_may_tell() -> None:
    """A parameter of any name is a secret if its converter is called like one."""
    shape = Shape(
        template="/<token:which>",
        pattern=re.compile("/(?P<p0>[^/]+)"),
        parameters=(Parameter(name="which", converter="token"),),
    )

    assert "".join(split_secrets("/abc", Route(shape=shape))) == "/<which>"


def test_a_part_that_is_not_there_is_not_shown() -> None:
    """An optional parameter without a value leaves the path as it is."""
    shape = make_shape("/a<token>", "/a(?P<p0>-b)?", [Parameter(name="token")])

    assert "".join(split_secrets("/a", Route(shape=shape))) == "/a"


def test_without_secrets_a_path_stays() -> None:
    """No route, or one without secrets: the path is what it is."""
    plain = make_shape("/<owner>", "/(?P<p0>[^/]+)", [Parameter(name="owner")])

    assert split_secrets("/reset/a/b/", None) == ("/reset/a/b/",)
    assert split_secrets("/ann", Route(shape=plain)) == ("/ann",)
    assert split_secrets("/ann", Route(shape=plain), ("OWNER",)) == ("/", "<owner>", "")
