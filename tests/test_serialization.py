"""JSON out of anything: always valid, always bounded, the same by both ways of writing it."""

from __future__ import annotations

import copy
import json
import math
import subprocess
import sys
import textwrap
import tracemalloc
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from enum import Enum
from typing import Any, NoReturn
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_web._serialization import (
    CYCLE,
    MAX_CONTAINERS,
    MAX_DEPTH,
    TOO_DEEP,
    TOO_MANY,
    _exact,
    _is_native,
    dumps,
    dumps_portable,
    loads,
    loads_portable,
)

Write = Callable[[object], bytes]
Read = Callable[[bytes | str], Any]

EVENT = {
    "event": "order placed",
    "distinct_id": "user_1234567890",
    "timestamp": "2025-11-22T10:11:12.123456+00:00",
    "properties": {
        "total": 99.5,
        "items": 3,
        "coupon": None,
        "first": True,
        "tags": ["a", "b"],
        "$groups": {"company": "acme"},
        "when": datetime(2025, 11, 22, tzinfo=UTC),
        "naïve": datetime(2025, 11, 22),  # noqa: DTZ001 - applications have these
    },
}


@pytest.fixture(params=[dumps, dumps_portable], ids=["dumps", "dumps_portable"])
def write(request: pytest.FixtureRequest) -> Write:
    """Return either way of writing JSON."""
    return request.param


@pytest.fixture(params=[loads, loads_portable], ids=["loads", "loads_portable"])
def read(request: pytest.FixtureRequest) -> Read:
    """Return either way of reading JSON."""
    return request.param


def strict(data: bytes) -> Any:
    """Read JSON as a strict parser does, and check what such a parser minds."""
    value = json.loads(
        data.decode(), parse_constant=pytest.fail, object_pairs_hook=without_duplicates
    )
    check(value, 0)
    return value


def without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return the object of *pairs*, whose keys must differ."""
    result = dict(pairs)
    assert len(pairs) == len(result)
    return result


def check(value: object, depth: int) -> None:
    """Check that *value*, in *depth* containers, fits the limits of strict parsers."""
    match value:
        case str():
            value.encode()
        case bool() | None:
            pass
        case int() | float():
            assert math.isfinite(float(value))
        case list():
            assert depth < MAX_DEPTH
            for item in value:
                check(item, depth + 1)
        case dict():
            check(list(value), depth)
            check(list(value.values()), depth)
        case _:
            pytest.fail(f"no JSON: {type(value)}")


def nested(levels: int, innermost: object = None) -> object:
    """Return *innermost* in as many *levels* of lists and dicts."""
    value = innermost
    for level in range(levels):
        value = [value] if level % 2 else {"k": value}
    return value


# Values that do their worst. None of them may cost more than itself.


class Fails:
    """Whatever is asked, the answer is an exception."""

    def fail(self, *_: object, **__: object) -> NoReturn:
        """Fail."""
        raise ArithmeticError

    __str__ = __repr__ = __getattr__ = __iter__ = __len__ = __bool__ = __eq__ = fail
    __class__ = property(fail)  # type: ignore[assignment]
    __hash__ = object.__hash__


class FailsOnEverything(Fails):
    """Also on what every object has."""

    __getattribute__ = Fails.fail


class Liar:
    """Says it is a dict."""

    __class__ = dict  # type: ignore[assignment]


class HostileDict(dict[str, object]):
    """A dict that can be read only as the dict it is."""

    __iter__ = __len__ = __getitem__ = keys = values = items = copy = get = Fails.fail


class HostileList(list[object]):
    """A list that can be read only as the list it is."""

    __iter__ = __len__ = __getitem__ = copy = Fails.fail


class HostileTuple(tuple[object, ...]):
    """A tuple that can be read only as the tuple it is."""

    __slots__ = ()
    __iter__ = __len__ = __getitem__ = Fails.fail


class HostileText(str):
    """A text that can be read only as the text it is, and equals none."""

    __slots__ = ()
    __str__ = __repr__ = __len__ = __iter__ = encode = isascii = Fails.fail
    __hash__ = object.__hash__
    __eq__ = object.__eq__


class HostileInteger(int):
    """An integer that can be read only as the integer it is."""

    __int__ = __index__ = __str__ = __repr__ = __le__ = __ge__ = bit_length = Fails.fail


class HostileFloat(float):
    """A float that can be read only as the float it is."""

    __float__ = __str__ = __repr__ = Fails.fail


class HostileMapping(Mapping[str, object]):
    """A mapping that has nothing to say."""

    __getitem__ = __iter__ = __len__ = Fails.fail  # type: ignore[assignment]


class Metaclass(type):
    """A class of classes that cannot be compared, kept in a dict, or named."""

    __hash__ = __eq__ = Fails.fail  # type: ignore[assignment]
    __name__ = __mro__ = property(Fails.fail)  # type: ignore[assignment]


class Unnameable(metaclass=Metaclass):
    """An instance of the above."""


class Broken(Enum):
    """An Enum whose value cannot be read; orjson ends the process over it."""

    A = 1

    @property
    def value(self) -> NoReturn:
        """Fail."""
        raise ArithmeticError


class BrokenZone(tzinfo):
    """A time zone that does not know; orjson ends the process over it."""

    utcoffset = Fails.fail


class Itself:
    """A Pydantic-like model that dumps to itself."""

    __slots__ = ()
    __module__ = "pydantic.main"
    __qualname__ = "BaseModel"

    def model_dump(self, **_: object) -> object:
        """Return what must be dumped in turn."""
        return self


class Another(Itself):
    """One that dumps to a new one, without end."""

    __slots__ = ()

    def model_dump(self, **_: object) -> object:
        """Return what must be dumped in turn."""
        return Another()


class Deeper(Itself):
    """One that dumps to a level more, without end."""

    __slots__ = ()

    def model_dump(self, **_: object) -> object:
        """Return what must be dumped in turn."""
        return {"deeper": Deeper()}


class EndlessText:
    """One whose text is that of its text."""

    def __str__(self) -> str:
        return str(self)


@dataclass
class Node:
    """A dataclass that may refer to itself."""

    next: object = None
    _hidden: object = None


def a_ring() -> Node:
    """Return a dataclass that refers to itself over another one."""
    ring = Node()
    ring.next = Node(next=ring)
    return ring


# What makes each of them, and what it becomes. By name: pytest itself trips over some.
HOSTILE: dict[str, tuple[Callable[[], object], object]] = {
    "fails": (Fails, "<unprintable Fails>"),
    "fails on everything": (FailsOnEverything, "<unprintable FailsOnEverything>"),
    "liar": (Liar, f"<{__name__}.Liar>"),
    "dict": (lambda: HostileDict(a=1), {"a": 1}),
    "list": (lambda: HostileList([1, HostileList()]), [1, []]),
    "tuple": (lambda: HostileTuple([1]), [1]),
    "text": (lambda: HostileText("text"), "text"),
    "text as keys": (lambda: {HostileText("k"): 1, HostileText("k"): 2}, {"k": 2}),
    "integer": (lambda: HostileInteger(5), 5),
    "float": (lambda: HostileFloat(0.5), 0.5),
    "mapping": (HostileMapping, "<unprintable HostileMapping>"),
    "unnameable": (Unnameable, "<unprintable Unnameable>"),
    "unnameable class": (lambda: Unnameable, f"{__name__}.Unnameable"),
    "Enum": (lambda: Broken.A, "<unprintable Broken>"),
    "time zone": (lambda: datetime(2025, 1, 1, tzinfo=BrokenZone()), "<unprintable datetime>"),
    "UUID never initialised": (lambda: UUID.__new__(UUID), "<unprintable UUID>"),
    "dumps to itself": (Itself, CYCLE),
    "dumps to another": (Another, TOO_DEEP),
    "endless text": (EndlessText, "<unprintable EndlessText>"),
    "private field": (lambda: Node(_hidden=Fails()), {"next": None}),
    "ring": (a_ring, {"next": {"next": CYCLE}}),
}


class TestHostileValues:
    """One bad value never loses the rest."""

    @pytest.mark.parametrize("name", HOSTILE)
    def test_only_itself(self, name: str, write: Write) -> None:
        """It becomes a marker or what it is underneath, and what is around it stays."""
        make, expected = HOSTILE[name]
        value = {"before": 1, "bad": make(), "list": [make(), 2], "after": {"ok": True}}

        assert {
            "before": 1,
            "bad": expected,
            "list": [expected, 2],
            "after": {"ok": True},
        } == strict(write(value))

    @pytest.mark.parametrize("name", ["fails", "fails on everything", "Enum"])
    def test_as_a_key(self, name: str, write: Write) -> None:
        """A key that cannot be read is a marker too, and the other keys stay."""
        make, expected = HOSTILE[name]

        assert {expected: 1, "k": 2} == strict(write({make(): 1, "k": 2}))

    def test_endless_depth(self, write: Write) -> None:
        """Values that go a level deeper without end are cut at the limit."""
        assert nested_dicts(MAX_DEPTH, "deeper", TOO_DEEP) == strict(write(Deeper()))

    def test_changed_while_written(self, write: Write) -> None:
        """A conversion may change what it is in (so may threads that run meanwhile)."""

        class Saboteur:
            def __str__(self) -> str:
                inner.clear()
                outer.clear()
                # What is freed is used again, so that a reader with stale pointers would see it.
                outer.extend([str(number) for number in range(1000)])
                return "sabotage"

        inner = {f"key {number}": [Saboteur(), f"text {number}"] for number in range(20)}
        outer: list[object] = [inner, "end", {1, 2}]

        result = strict(write({"value": outer}))["value"]

        assert [f"key {number}" for number in range(20)] == list(result[0])
        assert ["end", [1, 2]] == result[1:]

    def test_end_of_the_stack(self, write: Write) -> None:
        """Where hardly any stack is left there is still valid JSON."""
        value = {"plain": 1, "set": {1}, "enum": Broken.A, "deep": [[[[Decimal(1)]]]]}
        results = []

        def descend() -> None:
            try:
                descend()
            except RecursionError:
                results.append(write(value))

        descend()

        assert [strict(result) for result in results]


def nested_dicts(levels: int, key: str, innermost: object) -> object:
    """Return *innermost* in as many dicts."""
    value = innermost
    for _ in range(levels):
        value = {key: value}
    return value


class TestKeys:
    """JSON's keys are text."""

    @pytest.mark.parametrize("key", [True, False, None, 1, -5, 1.5, 1e16, "text", 2**70])
    def test_as_the_standard_library(self, key: object, write: Write) -> None:
        """What the standard library takes as a key is written as it does."""
        assert json.loads(json.dumps({key: 1})) == strict(write({key: 1}))

    @pytest.mark.parametrize(
        ("key", "expected"),
        [
            (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
            (datetime(2025, 1, 2, tzinfo=UTC), "2025-01-02T00:00:00+00:00"),
            (("a", 1, None), '["a",1,null]'),
            (frozenset({1}), "[1]"),
            (b"bytes", "bytes"),
            (Decimal("1.5"), "1.5"),
            (Broken.A, "<unprintable Broken>"),
            (float("nan"), "null"),
            (10**400, str(10**400)),
            (("\ud800", 10**400), f'["\ufffd","{10**400}"]'),
            ("a\ud800", "a\ufffd"),
            (int, "int"),
        ],
    )
    def test_of_their_value(self, key: object, expected: str, write: Write) -> None:
        """Any other key is the text of what it is as a value."""
        assert {expected: [1]} == strict(write({key: (1,)}))

    def test_last_wins(self, write: Write) -> None:
        """Of keys that become equal the last one stays."""
        assert {"1": "b"} == strict(write({1: "a", "1": "b"}))
        assert {"�": 2} == strict(write(dict.fromkeys(["\ud800", "\udfff"], 2)))


class TestText:
    """Text is valid Unicode."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("\ud800", "�"),
            ("a\udfffb", "a�b"),
            ("\udc00\ud800", "��"),
            ("é\ud800é", "é�é"),
            ("\ud83d\ude00", "😀"),
            ('\x00\x1f\x7f\u2028"\\', '\x00\x1f\x7f\u2028"\\'),
        ],
    )
    def test_surrogates(self, text: str, expected: str, write: Write) -> None:
        """A lone surrogate is U+FFFD; two that belong together are their character."""
        assert [expected, {expected: expected}] == strict(write([text, {text: text}]))


class TestLimits:
    """A strict server refuses a whole batch over one value beyond its limits."""

    def test_depth(self, write: Write) -> None:
        """As many levels as the limit stay as they are; what is deeper is a marker."""
        assert nested(MAX_DEPTH) == strict(write(nested(MAX_DEPTH)))
        assert nested(MAX_DEPTH, TOO_DEEP) == strict(write(nested(MAX_DEPTH, [])))
        assert nested(MAX_DEPTH, TOO_DEEP) == strict(write(nested(MAX_DEPTH, {"k": 1})))
        assert nested(MAX_DEPTH, TOO_DEEP) == strict(write(nested(10_000 + MAX_DEPTH)))

    def test_depth_of_objects(self, write: Write) -> None:
        """The levels are those of the JSON: a dataclass counts once."""
        value: object = "end"
        for _ in range(MAX_DEPTH):
            value = Node(value)

        assert nested_dicts(MAX_DEPTH, "next", "end") == strict(write(value))
        assert nested_dicts(MAX_DEPTH, "next", TOO_DEEP) == strict(write(Node(value)))

    def test_wide_is_not_deep(self, write: Write) -> None:
        """Many lists and dicts side by side, and brackets in text, are no matter."""
        value = [{"k": [[], {}], "text": "[{" * 100} for _ in range(100)]

        assert value == strict(write(value))

    def test_cycles(self, write: Write) -> None:
        """What contains itself is a marker within, however it does so."""
        items: list[object] = [1]
        items += [items, {"k": items}, deque([items]), (items,)]

        assert [1, CYCLE, {"k": CYCLE}, [CYCLE], [CYCLE]] == strict(write(items))

    def test_shared_is_no_cycle(self, write: Write) -> None:
        """What occurs twice side by side is written twice."""
        shared = {"k": ()}

        assert [{"k": []}] * 3 == strict(write([shared, shared, shared]))

    def test_number_of_containers(self, write: Write) -> None:
        """A few lists that refer to each other cannot become more than memory holds."""
        bomb: list[object] = []
        for _ in range(MAX_DEPTH - 1):
            bomb = [bomb, bomb]
        data = write(bomb)

        assert MAX_CONTAINERS == data.count(b"[")
        assert TOO_MANY.encode() in data

    def test_most_containers(self, write: Write) -> None:
        """As many as the limit are written, and the one more is a marker."""
        value: list[object] = [[] for _ in range(MAX_CONTAINERS - 1)]
        assert value == json.loads(write(value))

        value.append([])
        assert [*value[:-1], TOO_MANY] == json.loads(write(value))


class TestSnapshot:
    """The bytes are all that is left."""

    def test_later_changes(self, write: Write) -> None:
        """A change afterwards does not reach the bytes, and writing changes nothing."""
        value = copy.deepcopy(EVENT)
        data = write(value)
        assert EVENT == value

        value["properties"].clear()
        assert strict(write(EVENT)) == strict(data)

    @pytest.mark.parametrize("value", [EVENT, EVENT | {"price": Decimal(1)}, EVENT | {"n": 2**70}])
    def test_size(self, value: object, write: Write) -> None:
        """A result takes the memory of its bytes, not of the buffer it was written in."""
        write(value)
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            held = [write(value) for _ in range(1000)]
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert (after - before) / len(held) < len(held[0]) + 200 < 1024

    def test_exact(self) -> None:
        """The copy is a copy, also of nothing."""
        data = bytes(range(200))

        assert data == _exact(data)
        assert data is not _exact(data)
        assert b"" == _exact(b"")


class TestTheShortWay:
    """What goes to orjson as it is."""

    @pytest.mark.parametrize(
        "value", [EVENT, [], "text", None, (1, ((),)), {"k": [{"k": 1.5}]}, {1: 2}]
    )
    def test_taken(self, value: object) -> None:
        """Built-in types, and moments in UTC or in no zone, are taken; keys are not asked."""
        assert _is_native(value)

    def test_refused(self) -> None:
        """What would make orjson run Python code is not taken, wherever it is."""
        moment = datetime(2025, 1, 1, tzinfo=BrokenZone())
        values = [Broken.A, UUID(int=1), HostileText(), HostileDict(), moment, Node(), {1}]

        assert not any(_is_native(value) for value in values)
        assert not any(_is_native({"k": [1, (value,)]}) for value in values)

    def test_without_orjson(self) -> None:
        """Where orjson is not installed the same comes out."""
        code = """
            import sys
            sys.modules["orjson"] = None
            from posthog_web._serialization import dumps, loads
            assert loads(b"[1e3, 18446744073709551616]") == [1000.0, 2.0**64]
            print(dumps({"a": [1, {2}, float("nan")], 3: "\\ud800"}).decode())
        """
        command = [sys.executable, "-X", "utf8", "-W", "error", "-c", textwrap.dedent(code)]
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", timeout=60, check=False
        )

        assert ("", '{"a":[1,[2],null],"3":"�"}\n') == (done.stderr, done.stdout)


class TestLoads:
    """Reading JSON."""

    def test_values(self, read: Read) -> None:
        """Text and bytes are read alike."""
        assert {"a": [1, 1.5, None, "é"]} == read('{"a": [1, 1.5, null, "é"]}')
        assert {"a": [1, 1.5, None, "é"]} == read('{"a": [1, 1.5, null, "é"]}'.encode())

    @pytest.mark.parametrize("number", [2**64 - 1, -(2**63), 2**64, -(2**63) - 1, 2**70, 10**300])
    def test_integers(self, number: int, read: Read) -> None:
        """An integer within 64 bits is one, and a float beyond."""
        result = read(str(number))

        assert float(number) == float(result)
        assert isinstance(result, int) == (-(2**63) <= number < 2**64)

    def test_very_long_integer(self, read: Read) -> None:
        """Digits without end are no error, as little as 1e999."""
        assert math.inf == read("9" * 10_000)

    def test_lone_surrogate(self, read: Read) -> None:
        """Half a character in one text does not make the rest unreadable."""
        assert ["\ud83d", 1] == read(b'["\\ud83d", 1]')

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"{",
            b"[1,]",
            b"NaN",
            b"-Infinity",
            b"'a'",
            b"\xff",
            b'"\xed\xa0\x80"',
            b"[" * 10**5,
        ],
    )
    def test_refused(self, data: bytes, read: Read) -> None:
        """What is not strict JSON is a ValueError."""
        with pytest.raises(ValueError):  # noqa: PT011 - there is no more to say
            read(data)


# Anything at all. Hypothesis looks at what it makes, so values that do their worst are recipes.


@dataclass(frozen=True)
class Recipe:
    """How a value is made, once Hypothesis is done."""

    make: Callable[..., object]
    parts: tuple[object, ...] = ()


def cooked(value: object) -> Any:
    """Return *value* with what its recipes make."""
    match value:
        case Recipe():
            return value.make(*map(cooked, value.parts))
        case list() | tuple() | frozenset() | deque():
            return type(value)(map(cooked, value))
        case dict():
            return {cooked(key): cooked(item) for key, item in value.items()}
        case _:
            return value


def recipes(make: Callable[..., object], *parts: st.SearchStrategy[Any]) -> Any:
    """Return a strategy of recipes."""
    return st.builds(Recipe, st.just(make), st.tuples(*parts))


any_text = st.text(st.characters(exclude_categories=()))
any_integer = st.integers() | st.integers(0, 5000).map(lambda digits: 3 - 10**digits)


# Functions, as Hypothesis describes these in a word.
@st.composite
def atoms(draw: st.DrawFn) -> object:
    """Return a value, or a recipe of one, that has a hash and no members."""
    zones = st.none() | st.just(UTC) | st.timezones()
    return draw(
        st.none()
        | st.booleans()
        | any_integer
        | st.floats()
        | any_text
        | st.binary()
        | st.uuids()
        | st.dates()
        | st.times(timezones=zones)
        | st.datetimes(timezones=zones)
        | st.timedeltas()
        | st.decimals().filter(lambda number: not number.is_snan())  # these have no hash
        | st.fractions()
        | st.sampled_from([*Broken, int, len])
        | st.builds(object)
        | st.builds(ValueError, any_text)
        | recipes(HostileText, any_text)
        | recipes(HostileInteger, any_integer)
        | recipes(Fails)
    )


@st.composite
def hashables(draw: st.DrawFn) -> object:
    """Return what can be a key or in a set."""
    pairs = st.tuples(atoms(), atoms())
    return draw(atoms() | pairs | st.frozensets(atoms() | pairs, max_size=3))


@st.composite
def hostile(draw: st.DrawFn) -> Recipe:
    """Return the recipe of a value that does its worst."""
    return Recipe(HOSTILE[draw(st.sampled_from(sorted(HOSTILE)))][0])


anything = st.recursive(
    hashables() | hostile() | st.just(range(3)) | st.builds(bytearray, st.binary()),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(hashables(), inner, max_size=4)
        | st.lists(inner, max_size=3).map(deque)
        | recipes(HostileList, st.lists(inner, max_size=3))
        | recipes(HostileTuple, st.lists(inner, max_size=3))
        | recipes(HostileDict, st.dictionaries(any_text, inner, max_size=3))
        | recipes(Node, inner)
        | recipes(nested, st.integers(60, 70), inner)
    ),
    max_leaves=20,
)
native_text = st.text()
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | native_text,
    lambda inner: st.lists(inner) | st.dictionaries(native_text, inner),
)


class TestAnyValue:
    """What holds for whatever is handed over."""

    @settings(deadline=None)
    @given(anything)
    def test_valid(self, recipe: object) -> None:
        """Both ways give strict JSON, and the same."""
        value = cooked(recipe)

        assert strict(dumps_portable(value)) == strict(dumps(value))

    @settings(deadline=None)
    @given(anything)
    def test_repeatable(self, recipe: object) -> None:
        """Writing leaves the value as it was: the second time gives the same bytes."""
        value = cooked(recipe)

        assert dumps(value) == dumps(value)

    @settings(deadline=None)
    @given(json_values)
    def test_round_trip(self, value: object) -> None:
        """What JSON has itself comes back equal, by any way of writing and reading."""
        for data in (dumps(value), dumps_portable(value)):
            assert value == strict(data) == loads(data) == loads_portable(data)

    @settings(deadline=None)
    @given(st.datetimes(timezones=st.none() | st.timezones()) | st.dates() | st.times())
    def test_moments(self, moment: Any) -> None:
        """Every moment is its ISO text."""
        assert [moment.isoformat()] == strict(dumps([moment])) == strict(dumps_portable([moment]))
