"""Values that run code, and say so, whatever is done to them.

No test module has them as its own: pytest looks at what is in one.
"""

from __future__ import annotations

import types
import weakref
from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any, NoReturn

HERE = __name__


class Trap:
    """Runs code, and says so, whatever is done to it."""

    sprung: list[str] = []  # noqa: RUF012 - it is what all of them share

    def __init__(self) -> None:
        object.__setattr__(self, "plain", "kept")

    def __getattribute__(self, name: str) -> Any:
        self._spring(f"__getattribute__ {name}")

    def __getattr__(self, name: str) -> Any:
        self._spring(f"__getattr__ {name}")

    @property
    def costly(self) -> Any:
        return self._spring("property")

    @staticmethod
    def _spring(what: str) -> NoReturn:
        Trap.sprung.append(what)
        raise SystemExit(what)

    __class__ = property(lambda _: Trap._spring("__class__"))  # type: ignore[assignment]


def _set_traps() -> None:
    for name in (
        *("__repr__", "__str__", "__len__", "__iter__", "__next__", "__getitem__", "__bool__"),
        *("__hash__", "__eq__", "__format__", "__contains__", "__call__", "__dir__", "__index__"),
        *("__float__", "__int__", "__bytes__", "__fspath__", "__sizeof__", "__reduce_ex__"),
        *("__length_hint__", "__missing__", "keys", "items", "values", "copy", "isoformat"),
    ):
        setattr(Trap, name, lambda *_, name=name: Trap._spring(name))


_set_traps()


class TrapMeta(type):
    def __getattribute__(cls, name: str) -> Any:
        Trap._spring(f"meta {name}")

    def __hash__(cls) -> int:
        return int(Trap._spring("meta hash"))

    def __eq__(cls, other: object) -> bool:
        Trap._spring("meta eq")

    def __instancecheck__(cls, _: object) -> bool:
        Trap._spring("meta instancecheck")


class OddlyMade(metaclass=TrapMeta):
    plain = 1


class TrapDict(Trap, dict[Any, Any]):  # type: ignore[misc]
    pass


class TrapList(Trap, list[Any]):  # type: ignore[misc]
    pass


class TrapText(Trap, str):  # type: ignore[misc]
    __slots__ = ()


class TrapNumber(Trap, int):  # type: ignore[misc]
    pass


class TrapError(Trap, Exception):  # type: ignore[misc]
    pass


class FalseDict:
    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        return Trap._spring("__dict__")


class Zone(tzinfo):
    def utcoffset(self, _: datetime | None) -> NoReturn:
        Trap._spring("utcoffset")

    tzname = dst = utcoffset


class Kept:
    pass


_KEPT = Kept()


def values() -> Iterator[tuple[object, object]]:
    """Yield each value, and what it is told as."""
    yield Trap(), f'{{"__class__":"{HERE}.Trap","plain":"kept"}}'
    yield [Trap()], f'[{{"__class__":"{HERE}.Trap","plain":"kept"}}]'
    yield {5: Trap()}, f'{{"5":{{"__class__":"{HERE}.Trap","plain":"kept"}}}}'
    made = TrapDict.__new__(TrapDict)
    dict.__setitem__(made, "a", 1)
    yield made, '{"a":1}'
    listed = TrapList.__new__(TrapList)
    list.append(listed, 5)
    yield listed, "[5]"
    yield str.__new__(TrapText, "some text"), "some text"
    yield int.__new__(TrapNumber, 7), 7  # type: ignore[misc]
    failed = TrapError.__new__(TrapError, "what", 3)
    yield failed, f'{{"__class__":"{HERE}.TrapError","args":["what",3]}}'
    yield FalseDict(), f"<{HERE}.FalseDict>"
    yield object.__new__(OddlyMade), f"<{HERE}.OddlyMade>"
    yield OddlyMade, f"<class {HERE}.OddlyMade>"
    yield datetime(2026, 5, 17, tzinfo=Zone()), f"2026-05-17T00:00:00 <{HERE}.Zone>"
    yield weakref.proxy(_KEPT), "<weakref.ProxyType>"
    yield types.MappingProxyType(made), "<mappingproxy>"
