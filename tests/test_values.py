# ruff: noqa: D103 - the examples' names say what they are.
"""What single Python values become in JSON."""

from __future__ import annotations

import asyncio
import functools
import io
import json
import pathlib
import subprocess
import sys
import textwrap
import types
from collections import ChainMap, Counter, OrderedDict, UserDict, defaultdict, deque, namedtuple
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum
from fractions import Fraction
from ipaddress import ip_address
from typing import NoReturn, Self
from unittest import mock  # noqa: TID251 - an application's tests may hand us one
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import numpy as np
import pydantic
import pytest

from posthog_web._serialization import dumps, dumps_portable
from posthog_web._values import MAX_EXPANDED, _listed, plain

SOME_UUID = UUID("0198c0de-1234-7abc-8def-0123456789ab")


class Plan(Enum):
    FREE = "free"
    LIMITS = (1, 2)


class Size(IntEnum):
    LARGE = 3


class Colour(StrEnum):
    RED = "red"


class Right(Flag):
    READ = 1
    WRITE = 2


class Mixed(str, Enum):  # noqa: UP042 - not what StrEnum is
    """An Enum whose value is not the text it also is."""

    def __new__(cls, content: str) -> Self:
        member = str.__new__(cls, "content")
        member._value_ = content
        return member

    A = "value"


Point = namedtuple("Point", "x y")  # noqa: PYI024 - the kind without types is common


@dataclass
class Order:
    total: Decimal
    lines: list[object] = field(default_factory=list)
    _secret: str = "hidden"


@dataclass(slots=True)
class Unfinished:
    name: str
    total: int = field(init=False)


@dataclass
class Half:
    good: int = 1
    bad: int = 2

    def __getattribute__(self, name: str) -> object:
        if name == "bad":
            raise ValueError(name)
        return object.__getattribute__(self, name)


@attrs.define
class Part:
    number: int
    _secret: str = "hidden"


class Product(pydantic.BaseModel):
    name: str
    price: Decimal
    secret: pydantic.SecretStr = pydantic.SecretStr("hidden")
    internal: str = pydantic.Field("hidden", exclude=True)


class Tags(pydantic.RootModel[list[str]]):
    pass


class Silent:
    """A class without a text of its own."""


class Speaking:
    def __str__(self) -> str:
        return "spoken"


class Represented:
    def __repr__(self) -> str:
        return f"<Represented at {id(self):#x}>"


class Safe(str):
    """Like Django's SafeString."""

    __slots__ = ()


class Whole(int):
    pass


class Share(float):
    pass


class Lookup(dict[str, object]):
    pass


class Row(list[object]):
    pass


class LastWeek(datetime):
    pass


class Filelike:
    def __fspath__(self) -> bytes:
        return b"/tmp/\xff"


def function() -> None: ...


async def coroutine_function() -> None: ...


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


HERE = __name__

EXAMPLES = {
    # Of JSON itself, and what is one of these.
    "text": ("text", "text"),
    "true": (True, True),
    "none": (None, None),
    "str subclass": (Safe("safe"), "safe"),
    "int subclass": (Whole(3), 3),
    "float subclass": (Share(0.5), 0.5),
    "dict subclass": (Lookup(a=1), {"a": 1}),
    "list subclass": (Row([1]), [1]),
    "OrderedDict": (OrderedDict(a=1), {"a": 1}),
    "defaultdict": (defaultdict(int, a=1), {"a": 1}),
    "Counter": (Counter("aab"), {"a": 2, "b": 1}),
    # Numbers.
    "Decimal": (Decimal("19.99"), 19.99),
    "whole Decimal": (Decimal(5), 5),
    "Decimal NaN": (Decimal("NaN"), None),
    "Decimal sNaN": (Decimal("sNaN"), None),
    "Decimal infinity": (Decimal("-Infinity"), None),
    "Decimal beyond floats": (Decimal("1E+400"), "1E+400"),
    "NaN": (float("nan"), None),
    "infinity": (float("-inf"), None),
    "NaN of a subclass": (Share("nan"), None),
    "64 bits": (2**64 - 1, 2**64 - 1),
    "beyond 64 bits": (-(2**70), -(2**70)),
    "largest number": (10**308, 10**308),
    "beyond floats": (10**308 + 1, str(10**308 + 1)),
    "too long for str()": (-(16**5000), "-0x1" + "0" * 5000),
    "int subclass beyond 64 bits": (Whole(2**70), 2**70),
    "Fraction": (Fraction(1, 3), "1/3"),
    "complex": (1 + 2j, "(1+2j)"),
    # Identities and time.
    "UUID": (SOME_UUID, str(SOME_UUID)),
    "date": (date(2025, 1, 2), "2025-01-02"),
    "datetime": (datetime(2025, 1, 2, 3, 4, 5, 6), "2025-01-02T03:04:05.000006"),  # noqa: DTZ001
    "datetime in UTC": (datetime(25, 1, 2, tzinfo=UTC), "0025-01-02T00:00:00+00:00"),
    "datetime in a zone": (
        datetime(2025, 7, 2, tzinfo=ZoneInfo("Europe/Berlin")),
        "2025-07-02T00:00:00+02:00",
    ),
    "offset with seconds": (
        datetime(2025, 1, 2, tzinfo=timezone(timedelta(hours=23, minutes=59, seconds=59))),
        "2025-01-02T00:00:00+23:59:59",
    ),
    "datetime subclass": (LastWeek(2025, 1, 2, tzinfo=UTC), "2025-01-02T00:00:00+00:00"),
    "time": (time(1, 2, 3), "01:02:03"),
    "time in a zone": (time(1, 2, tzinfo=UTC), "01:02:00+00:00"),
    "timedelta": (timedelta(minutes=1, milliseconds=500), 60.5),
    # Enums.
    "Enum": (Plan.FREE, "free"),
    "Enum of a tuple": (Plan.LIMITS, [1, 2]),
    "IntEnum": (Size.LARGE, 3),
    "StrEnum": (Colour.RED, "red"),
    "Flag": (Right.READ | Right.WRITE, 3),
    "Enum beside str": (Mixed.A, "value"),
    # Collections.
    "tuple": ((1, "a"), [1, "a"]),
    "namedtuple": (Point(1, 2), [1, 2]),
    "set": ({1}, [1]),
    "frozenset": (frozenset({"a"}), ["a"]),
    "set of sets": ({frozenset({1})}, [[1]]),
    "deque": (deque([1, 2]), [1, 2]),
    "range": (range(3), [0, 1, 2]),
    "endless range": (range(10**30), f"range(0, {10**30})"),
    "keys": ({"a": 1}.keys(), ["a"]),
    "values": ({"a": 1}.values(), [1]),
    "items": (OrderedDict(a=1).items(), [["a", 1]]),
    "mapping proxy": (types.MappingProxyType({"a": 1}), {"a": 1}),
    "ChainMap": (ChainMap({"a": 1}, {"b": 2}), {"a": 1, "b": 2}),
    "UserDict": (UserDict(a=1), {"a": 1}),
    # Bytes and paths.
    "bytes": (b"caf\xc3\xa9", "café"),
    "bytes that are no text": (b"a\xff", "a\\xff"),
    "bytearray": (bytearray(b"a"), "a"),
    "memoryview": (memoryview(b"a\xff"), "a\\xff"),
    "Path": (pathlib.PurePosixPath("/srv/shop"), "/srv/shop"),
    "path of bytes": (Filelike(), "/tmp/\\xff"),  # noqa: S108 - nothing is written there
    "address": (ip_address("::1"), "::1"),
    # Objects with fields.
    "dataclass": (Order(Decimal("1.5"), [Plan.FREE]), {"total": 1.5, "lines": ["free"]}),
    "field never set": (Unfinished("a"), {"name": "a"}),
    "field that fails": (Half(), {"good": 1, "bad": "<unreadable>"}),
    "attrs": (Part(7), {"number": 7}),
    "Pydantic": (
        Product(name="tea", price=Decimal(3)),
        {"name": "tea", "price": 3, "secret": "**********"},
    ),
    "Pydantic with a wrong field": (
        Product.model_construct(name=1, price="x", secret=None),
        {"name": 1, "price": "x", "secret": None},
    ),
    "Pydantic root model": (Tags(["a"]), ["a"]),
    # Exceptions, code, and what is read only once.
    "exception": (ValueError("no stock"), "ValueError: no stock"),
    "exception without a message": (KeyboardInterrupt(), "KeyboardInterrupt"),
    "class": (Order, f"{HERE}.Order"),
    "Enum class": (Plan, f"{HERE}.Plan"),
    "built-in class": (int, "int"),
    "function": (function, f"{HERE}.function"),
    "built-in function": (len, "len"),
    "method": (Speaking().__str__, f"{HERE}.Speaking.__str__"),
    "built-in method": ([].append, "list.append"),
    "partial": (functools.partial(function), "functools.partial(<function function>)"),
    "module": (json, "json"),
    "generator": (generator(), "<generator>"),
    "iterator": (map(str, [1]), "<map>"),
    "async generator": (async_generator(), "<async_generator>"),
    "file": (io.StringIO("never read"), "<StringIO>"),
    # Anything else.
    "object()": (object(), "<object>"),
    "no text of its own": (Silent(), f"<{HERE}.Silent>"),
    "__str__": (Speaking(), "spoken"),
    "__repr__ with an address": (Represented(), "<Represented>"),
    "ellipsis": (..., "Ellipsis"),
    # NumPy.
    "NumPy integer": (np.int64(3), 3),
    "NumPy float": (np.float64("nan"), None),
    "NumPy float32": (np.float32(0.5), 0.5),
    "NumPy boolean": (np.bool_(1), True),
    "NumPy text": (np.str_("a"), "a"),
    "NumPy bytes": (np.bytes_(b"a"), "a"),
    "NumPy long double": (np.longdouble("1.5"), "1.5"),
    "NumPy time": (np.datetime64("2025-01-02"), "2025-01-02"),
    "NumPy array": (np.array([[1.0, float("nan")]]), [[1.0, None]]),
    "NumPy array without axes": (np.array(3), 3),
    "NumPy array of objects": (np.array([Plan.FREE, None]), ["free", None]),
    "NumPy picture": (np.zeros((1000, 1000), "uint8"), "<ndarray 1000x1000 uint8>"),
}


@pytest.mark.parametrize("write", [dumps, dumps_portable])
@pytest.mark.parametrize(("value", "expected"), EXAMPLES.values(), ids=EXAMPLES)
def test_examples(value: object, expected: object, write: Callable[[object], bytes]) -> None:
    """Each value reads back from JSON as the table says, whichever encoder wrote it."""
    assert [expected, {"k": expected}] == json.loads(write([value, {"k": value}]))


@pytest.mark.parametrize("value", [value for value, _ in EXAMPLES.values()], ids=EXAMPLES)
def test_exact_types(value: object) -> None:
    """What ``plain`` returns is of an exact built-in type, or converts to one in turn."""
    for _ in range(3):
        value = plain(value)

    assert type(value) in {str, int, float, bool, type(None), dict, list}


class TestNothingIsConsumed:
    """What can be read only once belongs to the application."""

    def test_generator(self) -> None:
        """A generator still has all its items."""
        numbers = generator()
        dumps({"numbers": numbers})

        assert [1] == list(numbers)

    def test_file(self) -> None:
        """A file stays where it was."""
        file = io.BytesIO(b"content")
        dumps([file])

        assert b"content" == file.read()

    def test_coroutine(self) -> None:
        """A coroutine can still be awaited."""
        waiting = coroutine_function()

        assert b'"<coroutine>"' == dumps(waiting)
        assert asyncio.run(waiting) is None

    def test_expanded_size(self) -> None:
        """A range and an array are written out up to the documented size."""
        assert MAX_EXPANDED == len(plain(range(MAX_EXPANDED)))
        assert MAX_EXPANDED == len(plain(np.zeros(MAX_EXPANDED)))
        assert isinstance(plain(range(MAX_EXPANDED + 1)), str)
        assert isinstance(plain(np.zeros(MAX_EXPANDED + 1)), str)


class TestMocks:
    """A mock says yes to every question about its attributes."""

    @pytest.mark.parametrize(
        "double",
        [
            mock.Mock(),
            mock.MagicMock(),
            mock.AsyncMock(),
            mock.NonCallableMagicMock(),
            mock.Mock(spec=dict),
            mock.MagicMock(spec=Order),
            mock.MagicMock(spec=Product),
            mock.MagicMock(spec=datetime),
        ],
        ids=repr,
    )
    def test_by_type(self, double: mock.Mock) -> None:
        """A mock is named by its type, whatever it stands in for, and no attribute is called."""
        assert f"<unittest.mock.{type(double).__name__}>" == plain(double)
        assert [] == double.mock_calls


class TestWithoutImporting:
    """Types of libraries are known by name."""

    def test_werkzeug_proxy(self) -> None:
        """Werkzeug's proxy is what it stands for."""

        def current(_: object) -> Order:
            return Order(Decimal(1))

        proxy = type(
            "LocalProxy", (), {"__module__": "werkzeug.local", "__qualname__": "LocalProxy"}
        )
        proxy._get_current_object = current

        assert {"total": 1, "lines": []} == json.loads(dumps(proxy()))

    def test_pydantic_v1(self) -> None:
        """Models of Pydantic 1, under either of its names, give their fields."""
        for module in ("pydantic.main", "pydantic.v1.main"):
            base = type("BaseModel", (), {"__module__": module, "__qualname__": "BaseModel"})
            base.dict = lambda _: {"total": Decimal(1)}

            assert {"total": 1} == json.loads(dumps(type("Bill", (base,), {})()))

    def test_no_imports(self) -> None:
        """The module imports none of the libraries it knows."""
        code = """
            import sys, posthog_web._values
            print([name for name in ("django", "numpy", "pydantic", "attr", "werkzeug")
                   if name in sys.modules])
        """

        assert "[]" == run(code)


def test_django() -> None:
    """Django's values are read without a query; a proxy is what it stands for."""
    code = """
        import django
        from django.conf import settings
        settings.configure(
            INSTALLED_APPS=["django.contrib.contenttypes"], USE_I18N=False,
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        )
        django.setup()
        from django.contrib.contenttypes.models import ContentType
        from django.db import connection, models
        from django.utils.functional import SimpleLazyObject, lazystr
        from django.utils.safestring import mark_safe
        from django.utils.translation import gettext_lazy
        from posthog_web._serialization import dumps, dumps_portable

        class Size(models.TextChoices):
            SMALL = "S", gettext_lazy("small")

        class Count(models.IntegerChoices):
            ONE = 1

        def fail():
            raise LookupError

        values = {
            "model": ContentType(pk=7, app_label="shop"),
            "unsaved": ContentType(),
            "queryset": ContentType.objects.all(),
            "values": ContentType.objects.values_list("pk"),
            "raw": ContentType.objects.raw("SELECT 1"),
            "manager": ContentType.objects,
            "lazy text": gettext_lazy("small"),
            "lazy str": lazystr(3),
            "lazy object": SimpleLazyObject(lambda: ContentType(pk=8)),
            "lazy dict": SimpleLazyObject(lambda: {"a": 1}),
            "lazy failure": SimpleLazyObject(fail),
            "safe": mark_safe("<b>"),
            mark_safe("safe key"): 1,
            gettext_lazy("lazy key"): 2,
            "choice": Size.SMALL,
            "label": Size.SMALL.label,
            "number": Count.ONE,
        }
        connection.force_debug_cursor = True
        assert dumps(values) == dumps_portable(values)
        assert not connection.queries, connection.queries
        print(dumps(values).decode())
    """

    assert {
        "model": 7,
        "unsaved": None,
        "queryset": "<QuerySet contenttypes.ContentType>",
        "values": "<QuerySet contenttypes.ContentType>",
        "raw": "<RawQuerySet contenttypes.ContentType>",
        "manager": "contenttypes.ContentType.objects",
        "lazy text": "small",
        "lazy str": "3",
        "lazy object": 8,
        "lazy dict": {"a": 1},
        "lazy failure": "<unprintable SimpleLazyObject>",
        "safe": "<b>",
        "safe key": 1,
        "lazy key": 2,
        "choice": "S",
        "label": "small",
        "number": 1,
    } == json.loads(run(code))


def test_old_pydantic() -> None:
    """Models of the Pydantic 1 within Pydantic 2 give their fields, where it still runs."""
    code = """
        import warnings
        warnings.simplefilter("ignore")
        try:
            from pydantic.v1 import BaseModel
            class Bill(BaseModel):
                total: int
        except Exception as error:
            print("pytest.skip", type(error).__name__)
        else:
            from posthog_web._serialization import dumps
            print(dumps(Bill(total=3)).decode())
    """
    answer = run(code)
    if answer.startswith("pytest.skip"):
        pytest.skip(answer)

    assert '{"total":3}' == answer


class TestFailures:
    """A conversion that fails costs the value, and nothing else."""

    def test_marker(self) -> None:
        """The marker names the type of the value."""

        class Money:
            def __str__(self) -> str:
                raise ArithmeticError

        assert "<unprintable Money>" == plain(Money())

    def test_no_text(self) -> None:
        """A ``__repr__`` that returns no text is a failure."""

        class Wrong:
            def __repr__(self) -> str:
                return None

        assert "<unprintable Wrong>" == plain(Wrong())

    @pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
    def test_endings_pass(self, ending: type[BaseException]) -> None:
        """What ends a task or the process is not held up, by ``plain`` nor by ``dumps``."""

        class Last:
            def __str__(self) -> str:
                raise ending

        for write in (plain, dumps, dumps_portable):
            with pytest.raises(ending):
                write(Last())

    def test_read_again(self) -> None:
        """A collection that another thread changes while it is read is read again."""
        answers = iter([RuntimeError("changed size during iteration"), [1, 2]])

        def iterate(_: object) -> list[int]:
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

        assert [1, 2] == _listed(iterate)(set())

    def test_never_at_rest(self) -> None:
        """A collection that changes at every attempt is given up."""

        def iterate(_: object) -> NoReturn:
            attempts.append(1)
            msg = "changed size during iteration"
            raise RuntimeError(msg)

        attempts: list[int] = []

        with pytest.raises(RuntimeError):
            _listed(iterate)(set())
        assert 1 < len(attempts) < 10


def run(code: str) -> str:
    """Return what *code* prints in a Python process of its own."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert "" == done.stderr
    return done.stdout.strip()
