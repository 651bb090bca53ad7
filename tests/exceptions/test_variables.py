"""Local variables: how they are told, within which limits, and what is never done to them."""

from __future__ import annotations

import collections
import dataclasses
import enum
import io
import json
import math
import threading
import types
import weakref
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path, PurePosixPath
from time import thread_time
from typing import Any, NamedTuple, NoReturn
from uuid import UUID

import attrs
import numpy as np
import pydantic
import pytest

from posthog_web import Client
from posthog_web._config.options import ClientOptions
from posthog_web._exceptions import dissection
from posthog_web._exceptions.budget import Limits, Stopwatch
from posthog_web._exceptions.files import MAX_KNOWN, Files
from posthog_web._exceptions.origins import Origins
from posthog_web._exceptions.redaction import REDACTED
from posthog_web._exceptions.rendering import CIRCULAR, TOO_LONG
from posthog_web._exceptions.variables import make_reader
from posthog_web.errors import ConfigurationError
from posthog_web.testing import RecordedEvents
from tests.exceptions.reading import files_of, frames_of, reader, told

HERE = __name__


class Size(enum.Enum):
    SMALL = "hunter2"


class Place(NamedTuple):
    city: str
    password: str


@dataclasses.dataclass
class Book:
    title: str
    api_key: str = "hunter2"


@dataclasses.dataclass(slots=True)
class Slotted:
    title: str
    api_key: str = "hunter2"


@attrs.define
class Defined:
    title: str
    api_key: str = "hunter2"


class Model(pydantic.BaseModel):
    title: str
    api_key: str = "hunter2"


class Secret:
    def __init__(self, value: str) -> None:
        self._value = value


class Password(str):
    __slots__ = ()


# How values are told


VALUES: list[tuple[object, object]] = [
    (1, 1),
    (-3.5, -3.5),
    (None, "None"),
    (True, "True"),
    ("some text", "some text"),
    (math.nan, "nan"),
    (-math.inf, "-inf"),
    (2**60, str(2**60)),
    (10**5_000, TOO_LONG),
    (1 + 2j, "(1+2j)"),
    (b"bytes", "bytes"),
    (b"\xff\x00\x80", "<3 bytes>"),
    ([1, "a", None, True, 2.5], '[1,"a",null,true,2.5]'),
    ((1, (2, 3)), "[1,[2,3]]"),
    ({"a": {"b": [1]}, 5: 6, (1, 2): 3}, '{"a":{"b":[1]},"5":6,"[1,2]":3}'),
    ({7}, "[7]"),
    (collections.OrderedDict(a=1), '{"a":1}'),
    (collections.defaultdict(list, a=1), '{"a":1}'),
    (collections.deque([1, 2]), "[1,2]"),
    (range(5), "range(0, 5)"),
    (Decimal("1.50"), "1.50"),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (datetime(2026, 5, 17, 12, tzinfo=UTC), "2026-05-17T12:00:00+00:00"),
    (date(2026, 5, 17), "2026-05-17"),
    (timedelta(seconds=5), "0:00:05"),
    (Path("/srv/shop"), "/srv/shop"),
    (PurePosixPath("a/b"), "a/b"),
    (Size.SMALL, "Size.SMALL"),
    (
        Place("Berlin", "hunter2"),
        f'{{"__class__":"{HERE}.Place","city":"Berlin","password":"$"}}',
    ),
    (Book("Emma"), f'{{"__class__":"{HERE}.Book","title":"Emma","api_key":"$"}}'),
    (Slotted("Emma"), f'{{"__class__":"{HERE}.Slotted","api_key":"$","title":"Emma"}}'),
    (Defined("Emma"), f'{{"__class__":"{HERE}.Defined","api_key":"$","title":"Emma"}}'),
    (Model(title="Emma"), f'{{"__class__":"{HERE}.Model","title":"Emma","api_key":"$"}}'),
    (Secret("hunter2"), f'{{"__class__":"{HERE}.Secret","_value":"$"}}'),
    (Password("hunter2"), "$"),
    (
        types.SimpleNamespace(a=1, token="x"),
        '{"__class__":"SimpleNamespace","a":1,"token":"$"}',
    ),
    (KeyError("a", 1), '{"__class__":"KeyError","args":["a",1]}'),
    (Book, f"<class {HERE}.Book>"),
    (json, "<module json>"),
    (told, "<function tests.exceptions.reading.told>"),
    (Book("x").__init__, "<method>"),
    (len, "<builtin_function_or_method>"),
    (object(), "<object>"),
    (np.arange(10), "<numpy.ndarray>"),
    (np.float64(1.5), 1.5),
    (io.BytesIO(b"hunter2"), "<_io.BytesIO>"),
    (threading.Lock(), "<_thread.lock>"),
    (weakref.ref(Book), "<weakref.ReferenceType>"),
]


@pytest.mark.parametrize(("value", "expected"), VALUES, ids=map(str, range(len(VALUES))))
def test_values_are_told_as_posthog_shows_them(value: object, expected: object) -> None:
    """Finite numbers are numbers, all else is text; containers and own objects are JSON."""
    if isinstance(expected, str) and expected != TOO_LONG:
        expected = expected.replace("$", REDACTED)

    assert told(value) == expected


def test_simple_variables_come_first_and_by_name() -> None:
    """Names in order, what is cheap to read before what is not; dunders are left out."""

    def fail() -> NoReturn:
        zebra, apple, basket, __hidden__ = 1, "text", [1], 2
        raise LookupError(zebra, apple, basket, __hidden__)

    found = reader()(frames_of(fail)[0])

    assert found is not None
    assert list(found) == ["apple", "zebra", "basket"]


def test_off_by_default() -> None:
    """Nobody's variables are read unless that was asked for."""
    assert make_reader(ClientOptions(), files_of(ClientOptions())) is None


def test_a_report_has_variables_of_own_frames_only(posthog_events: RecordedEvents) -> None:
    """A frame of the application has its variables, one of a library in between has none."""
    client = Client("phc_test", capture_exception_code_variables=True)

    def fail(match: object) -> NoReturn:
        raise LookupError(match)

    try:
        json.loads("5", parse_int=fail)
    except LookupError as error:
        client.capture_exception(error)

    entry = posthog_events.one("$exception").properties["$exception_list"][0]
    frames = entry["stacktrace"]["frames"]
    assert frames[-1]["code_variables"] == {"match": "5"}
    assert any("json" in frame["filename"] for frame in frames)
    assert all("code_variables" not in frame for frame in frames if not frame.get("in_app"))


def test_what_is_missing_is_told_though_its_name_is_secret() -> None:
    """That there is no token, or that there is one, is no secret; the token is."""

    def fail() -> NoReturn:
        token, has_password, api_key = None, False, ""
        cookie = {"a": 1}
        raise LookupError(token, has_password, api_key, cookie)

    found = reader()(frames_of(fail)[0])

    assert found == {
        "api_key": REDACTED,
        "cookie": REDACTED,
        "has_password": "False",
        "token": "None",
    }


# The client's own rules


def test_patterns_of_ones_own_replace_ours() -> None:
    """What is masked and what is left out is up to the application."""

    def fail() -> NoReturn:
        Pin, password, _private = "1234", "shown", 1  # noqa: N806 - either case is meant
        raise LookupError(Pin, password, _private)

    options: dict[str, Any] = {
        "code_variables_mask_patterns": ("^pin$",),
        "code_variables_ignore_patterns": ("^_",),
    }

    assert reader(**options)(frames_of(fail)[0]) == {"Pin": REDACTED, "password": "shown"}


def test_detection_and_addresses_can_be_switched_off() -> None:
    """Whoever wants to see tokens and addresses whole may."""
    token = "aB3dE6gH9jK2mN5pQ8sT1v"
    address = "postgres://bob:hunter2@db/shop"

    assert told(token) == REDACTED
    assert told(token, code_variables_detect_secrets=False) == token
    assert told(address) == f"postgres://{REDACTED}@db/shop"
    assert told(address, code_variables_mask_url_credentials=False) == address


@pytest.mark.parametrize("pattern", ["(", "a{99999999999}", "(?P<x"])
def test_a_bad_pattern_is_refused_at_the_start(pattern: str) -> None:
    """A mask that would mask nothing is an error before there is anything to hide."""
    with pytest.raises(ConfigurationError, match="code_variables_mask_patterns"):
        Client("phc_test", code_variables_mask_patterns=[pattern])


# Limits


def test_large_values_cost_nothing() -> None:
    """A hundred megabytes of text, a list and a dict of a million are not looked at."""
    values = {
        "text": "hunter2 " * 12_500_000,
        "bytes": b"hunter2 " * 12_500_000,
        "list": list(range(1_000_000)),
        "dict": dict.fromkeys(range(1_000_000)),
        "set": set(range(1_000_000)),
        "deep": [[["hunter2 " * 12_500_000]]],
    }
    frames = frames_of(lambda: _fail_with(values))
    times: list[float] = []
    for _ in range(5):
        read = reader()
        start = thread_time()
        found = read(frames[0])
        times.append(thread_time() - start)

    assert min(times) < 0.025
    assert found is not None
    assert json.loads(found["values"]) == {
        **dict.fromkeys(("text", "bytes", "list", "dict", "set"), TOO_LONG),
        "deep": [[[TOO_LONG]]],
    }


def _fail_with(values: object) -> NoReturn:
    raise LookupError(len(str(type(values))))


def test_depth_nodes_circles_and_length_are_bounded() -> None:
    """What is too deep, too much or endless ends in a word for it; a long text is cut."""
    deep: list[Any] = []
    for _ in range(30):
        deep = [deep]
    circle: dict[str, Any] = {}
    circle["self"] = circle
    wide = [[0] * 40 for _ in range(40)]

    assert told(deep).count("[") == 13
    assert TOO_LONG in told(deep)
    assert told(circle) == f'{{"self":"{CIRCULAR}"}}'
    assert told(wide).count("0") < 110
    assert TOO_LONG in told(wide)
    assert told("ab " * 500) == f"{('ab ' * 500)[:1021]}..."
    assert told("ab " * 1_000) == TOO_LONG
    assert len(told({f"key {n}": "some words " * 10 for n in range(40)})) == 1024


def test_the_frame_that_raised_comes_first_and_leaves_something() -> None:
    """It may have half of the event's text, its callers the rest; an event has ten kilobytes."""

    def descend(depth: int) -> None:
        filler = [f"{letter} " * 400 for letter in "abcdefghijkl"]
        a, b, c, d, e, f, g, h, i, j, k, m = filler
        if depth:
            descend(depth - 1)
        raise LookupError(a, b, c, d, e, f, g, h, i, j, k, m)

    read = reader()
    sizes = [_size(read(frame)) for frame in frames_of(lambda: descend(12))]

    assert sizes[0] > 4_500
    assert sizes[1] > 2_000
    assert sum(sizes) <= 10 * 1024 + 200
    assert sizes[-1] == 0


def _size(found: dict[str, Any] | None) -> int:
    return sum(len(name) + len(str(value)) for name, value in (found or {}).items())


def test_time_is_bounded() -> None:
    """When the time of an event is over nothing more is read, in this frame and the others."""

    def fail(depth: int = 3) -> None:
        a, b, c, d = 1, 2, 3, 4
        if depth:
            fail(depth - 1)
        raise LookupError(a, b, c, d)

    ticks = count()
    options = ClientOptions(capture_exception_code_variables=True)
    make = make_reader(
        options,
        files_of(options),
        limits=Limits(seconds=4),
        clock=lambda: float(next(ticks)),
    )
    assert make is not None
    reader = make()

    found = [reader.read(frame) for frame in frames_of(fail)]

    assert found[0] is not None
    assert 0 < len(found[0]) < 5
    assert found[1:] == [None, None, None]


def test_an_event_has_few_milliseconds_by_default() -> None:
    """At a millisecond for each look at the clock, little is told of what would fit otherwise."""
    options = ClientOptions(capture_exception_code_variables=True)
    make = make_reader(
        options, files_of(options), clock=(number / 1000 for number in count()).__next__
    )
    assert make is not None

    found = make().read(frames_of(lambda: _fail_with_many(*range(16)))[0])

    assert found is not None
    assert 4 <= len(found) <= 8


def _fail_with_many(
    a: int, b: int, c: int, d: int, e: int, f: int, g: int, h: int, *_: int
) -> NoReturn:
    i = j = k = m = n = o = p = q = a + b + c + d + e + f + g + h
    raise LookupError(i, j, k, m, n, o, p, q)


def test_one_interruption_does_not_cost_the_rest() -> None:
    """What takes as long as half of all is a collection of garbage, say; the next one counts."""
    times = iter([0.0, 0.001, 0.9, 0.901, 1.8])
    watch = Stopwatch(lambda: next(times), 0.008)
    watch.start()

    assert [watch.is_over() for _ in range(4)] == [False, False, False, True]


def test_a_function_of_many_variables_takes_little_time() -> None:
    """Twenty thousand, as a compiler of templates may write, are not all judged and sorted."""
    names = [f"name_{number}" for number in range(20_000)]
    code = "\n".join(("def fail():", *(f" {name} = 1" for name in names), " raise LookupError"))
    namespace: dict[str, Any] = {"__name__": HERE, "__file__": __file__}
    exec(code, namespace)  # noqa: S102
    frame = frames_of(namespace["fail"])[0]
    times: list[float] = []
    for _ in range(5):
        read = reader()
        start = thread_time()
        found = read(frame)
        times.append(thread_time() - start)

    assert found is not None
    assert len(found) == 50
    assert min(times) < 0.04


def test_what_is_missing_beside_its_name_is_told() -> None:
    """That a password is None, or that there is one, is no secret in a pair either."""
    assert told(["password", None]) == f'["{REDACTED}",null]'
    assert told([("token", True)]) == f'[["{REDACTED}",true]]'


def test_what_changed_while_it_was_read_is_read_again() -> None:
    """A dict that another thread changes once costs nothing."""
    failures = [RuntimeError("changed size"), RuntimeError("changed size")]

    def iterate(value: list[int]) -> Iterator[int]:
        if failures:
            raise failures.pop()
        return iter(value)

    assert dissection._first(iterate, len)([1, 2]) == [1, 2]
    assert not failures


def test_what_is_known_of_modules_is_bounded() -> None:
    """Modules that are made up do not pile up."""
    origins = Origins(Files("/app", ()))
    for number in range(MAX_KNOWN + 10):
        origins.is_own(f"made_{number}")

    assert len(origins._known) == 10


def test_a_frame_is_told_of_once() -> None:
    """A frame that stands in the stacks of several exceptions costs its text once."""
    frames = frames_of(lambda: _fail_with(1))
    read = reader()

    assert read(frames[0]) == {"values": 1}
    assert read(frames[0]) is None
    assert reader()(frames[0]) == {"values": 1}


def test_modules_and_classes_have_no_local_variables() -> None:
    """The globals of a module are not walked, nor the namespace of a class being made."""
    code = compile("class X:\n    password_like = 1\n    raise LookupError", __file__, "exec")

    frames = frames_of(lambda: exec(code, {"__name__": HERE, "__file__": __file__}))  # noqa: S102

    assert [reader()(frame) for frame in frames[:2]] == [None, None]
