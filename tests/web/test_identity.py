"""The ladder of trust, rung by rung."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from posthog_web._web.identity import UNKNOWN, UserIds, claimed_id, first_usable, user_id


@pytest.mark.parametrize(
    ("values", "usable"),
    [
        ([], None),
        (["user-1"], "user-1"),
        (["  user-1\t"], "user-1"),
        (["us\x00er\x7f-\x9f1"], "user-1"),
        (["", " \x01 ", "second"], "second"),
        (["x" * 2000], "x" * 1000),
        (["\xff\xfe"], "\xff\xfe"),
        (["us\u2028er"], "us\u2028er"),
    ],
    ids=["none", "plain", "trimmed", "control", "second", "long", "bytes", "separator"],
)
@pytest.mark.spec("SRV-265")
def test_the_first_usable_value_is_cleaned(values: list[str], usable: str | None) -> None:
    """Control characters go, blanks are trimmed, a thousand characters are enough."""
    assert first_usable(values) == usable


@pytest.mark.parametrize(
    "word", ["null", "undefined", " None ", "0", "ANONYMOUS", "[object Object]", str(UUID(int=0))]
)
def test_some_ids_name_nobody(word: str) -> None:
    """What programs send when they mean nobody is nobody; the next value may still be somebody."""
    assert claimed_id([word]) is None
    assert claimed_id([word, "user-1"]) == "user-1"


class _Method:
    is_authenticated = True

    def get_id(self) -> str:
        return "from-method"


class _Chosen:
    """A user model that says itself who its users are."""

    is_authenticated = True
    pk = 7

    def posthog_distinct_id(self) -> str:
        return "from-model"


class _Declared:
    """Like Starlette's BaseUser: what it does not have raises."""

    is_authenticated = True
    username = "ada"

    @property
    def identity(self) -> str:
        raise NotImplementedError


class _Key:
    """A key of a database's own type, as MongoDB has them."""

    def __str__(self) -> str:
        return "507f1f77"


class _Related:
    """A user that has something else under a name that other frameworks have for its id."""

    is_authenticated = True
    pk = 7

    @property
    def identity(self) -> str:
        msg = "this is a query"
        raise RuntimeError(msg)


@pytest.mark.parametrize(
    ("user", "found"),
    [
        (None, None),
        (SimpleNamespace(), None),
        (SimpleNamespace(is_authenticated=False, pk=1), None),
        (SimpleNamespace(is_authenticated=lambda: True, pk=1), "1"),
        (SimpleNamespace(is_authenticated=True, pk=UUID(int=7)), str(UUID(int=7))),
        (SimpleNamespace(is_authenticated=True, pk=None, id="x"), "x"),
        (SimpleNamespace(is_authenticated=True, pk=" ", username="ada"), None),
        (SimpleNamespace(is_authenticated=True, username="ada"), "ada"),
        (SimpleNamespace(is_authenticated=True, pk=object()), None),
        (SimpleNamespace(is_authenticated=True, pk=None, username="ada@shop.test"), None),
        (SimpleNamespace(is_authenticated=True, pk=_Key()), "507f1f77"),
        (SimpleNamespace(is_authenticated=True, identity=_Key()), None),
        (_Related(), "7"),
        (_Method(), "from-method"),
        (_Declared(), "ada"),
        (_Chosen(), "from-model"),
        (SimpleNamespace(is_authenticated=True, pk=7, posthog_distinct_id="u-7"), "u-7"),
        (SimpleNamespace(is_authenticated=True, pk=7, posthog_distinct_id=""), "7"),
        (SimpleNamespace(is_authenticated=False, posthog_distinct_id="u-7"), None),
    ],
    ids=[
        "no-user",
        "unknown",
        "anonymous",
        "called",
        "uuid",
        "no-pk",
        "blank-pk",
        "name-only",
        "odd-pk",
        "unsaved",
        "database-key",
        "odd-identity",
        "pk-suffices",
        "method",
        "declared",
        "chosen-by-method",
        "chosen-by-attribute",
        "chosen-blank",
        "chosen-anonymous",
    ],
)
def test_a_user_is_told_apart_by_what_its_framework_has(user: Any, found: str | None) -> None:
    """Only an authenticated user has an id: pk, get_id, identity, id; or only then a name."""
    assert user_id(user) == found


def test_a_function_comes_before_the_model() -> None:
    """What the application's own function says wins; its None leaves it to the model."""
    assert user_id(_Chosen(), lambda user: user.pk + 1) == "8"
    assert user_id(_Chosen(), lambda _user: None) == "from-model"


class _Asynchronous:
    is_authenticated = True
    pk = 7

    async def posthog_distinct_id(self) -> str:
        return "never"


def test_what_must_be_awaited_is_no_answer() -> None:
    """A model's or a function's coroutine is closed and told of; the usual id stands."""
    made: list[Coroutine[Any, Any, str]] = []
    named: list[str] = []

    def ask(user: _Asynchronous) -> object:
        made.append(user.posthog_distinct_id())
        return made[-1]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert user_id(_Asynchronous(), ask, named.append) == "7"

    assert named == ["distinct_id", "posthog_distinct_id"]
    assert [inspect.getcoroutinestate(one) for one in made] == [inspect.CORO_CLOSED]


def test_each_user_is_asked_once() -> None:
    """An answer stays for the same user; another user, or nobody, is seen at once."""
    asked: list[int] = []

    def ask(user: Any) -> str:
        asked.append(user.pk)
        if user.pk == 2:
            raise LookupError
        return f"u-{user.pk}"

    ids = UserIds(ask, str)
    one, two, nobody = (
        SimpleNamespace(is_authenticated=bool(number), pk=number) for number in (1, 2, 0)
    )

    assert [ids.read(user) for user in (one, one, None, nobody, one)] == [
        "u-1", "u-1", None, None, "u-1",
    ]  # fmt: skip
    with pytest.raises(LookupError):
        ids.read(two)
    assert [ids.read(two), ids.read(two), ids.read(object())] == [UNKNOWN] * 3
    assert ids.read(one) == "u-1"
    one.is_authenticated = False
    assert ids.read(one) is None
    assert asked == [1, 2, 1]
