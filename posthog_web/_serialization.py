"""Turns any Python value into JSON bytes, and JSON back into values.

`dumps` never fails: what JSON cannot say becomes the nearest thing it can (`posthog_web._values`
decides what), what cannot be read becomes a marker text. One bad property must not cost an event,
and one bad event must not cost the batch it travels in.

orjson is given values of exact built-in types only, in one call. Asked to convert anything else it
runs Python code, and with it other threads, while it holds bare pointers into the caller's dicts
and lists: changing one of these then ends the process (orjson 3.13: segmentation fault), as does an
exception in an Enum's ``value`` or a time zone. Everything else is first copied into such values.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any

from posthog_web._values import plain, unprintable

try:
    import orjson
except ImportError:
    _write: Callable[[object], bytes] | None = None
    _read: Callable[[bytes | str], Any] | None = None
else:
    _write, _read = orjson.dumps, orjson.loads

# Lists and dicts within each other, the outermost included. Strict parsers stop at 128, and the
# batch around an event has levels too; one level too many and the server refuses the whole batch.
MAX_DEPTH = 64

# Lists and dicts in one value. Few objects that refer to each other often enough (or that make new
# ones when asked) would otherwise give more JSON than there is memory.
MAX_CONTAINERS = 100_000

TOO_DEEP = "<nested too deeply>"
TOO_MANY = "<too many values>"
CYCLE = "<cycle>"

# Larger numbers do not fit a 64-bit float, which is all that most parsers have for them.
_LARGEST = 10**308

# str() of an integer is refused beyond 4,300 digits, and slow before.
_MAX_BITS_IN_DIGITS = 14_000

_MOST_DIGITS = len(str(-(2**63)))

_TOO_DEEP_JSON = b'"<nested too deeply>"'

_encoder = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
)


def dumps(value: object) -> bytes:
    """Return *value* as JSON in UTF-8. Never fails, and keeps no reference to *value*.

    Lists and dicts nested beyond `MAX_DEPTH` become the text `TOO_DEEP`, those beyond the first
    `MAX_CONTAINERS` `TOO_MANY`, those that contain themselves `CYCLE`. Integers are numbers up to
    1e308 and text beyond, NaN and infinity are null, lone surrogates are U+FFFD. Keys that are not
    text become the text of what they are as a value; of keys that become equal the last one wins.
    """
    if _write is None:
        return dumps_portable(value)
    try:
        if _is_native(value):
            return _exact(_write(value))
    except Exception:  # noqa: BLE001, S110 - the long way has the last word
        pass
    try:
        return _exact(_write(_Normaliser(_NATIVE_IDS).tree(value, 0)))
    except (TypeError, RecursionError):  # a lone surrogate, or an integer beyond 64 bits
        return dumps_portable(value)


def dumps_portable(value: object) -> bytes:
    """Do what `dumps` does with the standard library alone: slower, with the same meaning."""
    try:
        return _encoder.encode(_careful_copy(value)).encode()
    except RecursionError:
        return _TOO_DEEP_JSON


def loads(data: bytes | str) -> Any:  # noqa: ANN401 - the reader knows what it asked for
    """Return the value that the JSON text *data* means.

    Integers beyond 64 bits are read as floats. Raises ValueError if *data* is not strict JSON.
    """
    if _read is not None:
        try:
            return _read(data)
        except ValueError:  # also for lone surrogates, which clients in other languages do write
            pass
    return loads_portable(data)


def loads_portable(data: bytes | str) -> Any:  # noqa: ANN401 - as `loads`
    """Do what `loads` does with the standard library alone."""
    text = data if isinstance(data, str) else data.decode()
    try:
        return json.loads(text, parse_int=_parsed_integer, parse_constant=_refuse_constant)
    except RecursionError as error:
        msg = "JSON nested too deeply"
        raise ValueError(msg) from error


def _parsed_integer(digits: str) -> float:
    """Return an int within 64 bits, else the float that orjson gives."""
    number = int(digits) if len(digits) <= _MOST_DIGITS else math.inf
    return number if -(2**63) <= number < 2**64 else float(digits)


def _refuse_constant(name: str) -> None:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


# The short way: what orjson can be given as it is


def _exact(data: bytes) -> bytes:
    """Return a copy of *data* of its own size.

    orjson's result keeps the buffer it grew in: 4 KB for 200 bytes.
    """
    return b"".join((data, b""))


def _is_native(value: object) -> bool:
    """Return whether *value* is of exact built-in types throughout, and within the limits.

    Keys are not looked at, as orjson itself refuses all but text. Goes level by level: the cheapest
    walk there is, and a cycle ends at one of the limits.
    """
    level: list[Any] = [(value,)]
    left = MAX_CONTAINERS
    for _ in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for container in level:
            for item in container.values() if type(container) is dict else container:
                kind = type(item)
                if kind in _NATIVE_ATOMS:
                    continue
                if kind in _NATIVE_CONTAINERS:
                    below.append(item)
                elif kind is not datetime or not _has_plain_zone(item):
                    return False
        if not below:
            return True
        left -= len(below)
        if left < 0:
            return False
        level = below
    return False


def _has_plain_zone(moment: datetime) -> bool:
    """Return whether orjson reads *moment* without asking a time zone."""
    zone = moment.tzinfo
    return zone is None or zone is UTC


# The long way: a copy made of exact built-in types


class _Normaliser:
    """Copies one value into dicts, lists and what JSON has beside them. Not to be used twice.

    *as_is* are the ids of the types that need no care: all that orjson takes or refuses by itself,
    or only those that cannot go wrong in any encoder. Ids, as there are classes without a hash.
    """

    __slots__ = ("_as_is", "_left", "_path")

    def __init__(self, as_is: frozenset[int]) -> None:
        self._as_is = as_is
        self._left = MAX_CONTAINERS
        self._path: set[int] = set()

    def tree(self, value: object, depth: int) -> object:
        """Return the copy of *value*, which stands in *depth* lists and dicts."""
        try:
            kind = type(value)
            if id(kind) in self._as_is:
                return value
            atom = _ATOMS.get(kind)
            return self._branch(value, depth) if atom is None else atom(value)
        except RecursionError:
            return TOO_DEEP
        except Exception:  # noqa: BLE001 - one value must not cost the others
            return unprintable(value)

    def _branch(self, value: object, depth: int) -> object:
        """Copy a value that may have members."""
        marker = self._marker(value, depth)
        if marker is not None:
            return marker
        self._path.add(id(value))
        try:
            read = _SNAPSHOTS.get(type(value))
            if read is None:
                return self.tree(plain(value), depth)
            self._left -= 1
            members = read(value)
            as_is, tree, depth = self._as_is, self.tree, depth + 1
            if type(value) is not dict:
                return [item if id(type(item)) in as_is else tree(item, depth) for item in members]
            return {
                self._key(key): item if id(type(item)) in as_is else tree(item, depth)
                for key, item in members
            }
        finally:
            self._path.discard(id(value))

    def _marker(self, value: object, depth: int) -> str | None:
        """Return what stands for *value* if a limit is reached, else None."""
        path = self._path
        if id(value) in path:
            return CYCLE
        # A value that becomes another one, and so on without end, never goes a level deeper.
        if len(path) > 2 * MAX_DEPTH:
            return TOO_DEEP
        if type(value) not in _SNAPSHOTS:
            return None
        if depth >= MAX_DEPTH:
            return TOO_DEEP
        return TOO_MANY if self._left == 0 else None

    def _key(self, key: object) -> str:
        """Return the text of a key: as in the standard library, else of what it is as a value."""
        if type(key) is str:
            return _clean(key)
        # The inner copy is made of built-in types; the outer makes sure that it can be written.
        copy = _careful_copy(self.tree(key, 0))
        return copy if isinstance(copy, str) else _encoder.encode(copy)


def _careful_copy(value: object) -> object:
    return _Normaliser(_HARMLESS_IDS).tree(value, 0)


def _clean(text: str) -> str:
    """Return *text* with lone surrogates replaced; two that make a pair become what they mean."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _integer(number: int) -> int | str:
    if -_LARGEST <= number <= _LARGEST:
        return number
    return str(number) if number.bit_length() <= _MAX_BITS_IN_DIGITS else hex(number)


def _float(number: float) -> float | None:
    return number if math.isfinite(number) else None


_HARMLESS: frozenset[type] = frozenset({bool, type(None)})
_HARMLESS_IDS = frozenset(map(id, _HARMLESS))

_ATOMS: dict[type, Callable[[Any], Any]] = {
    str: _clean,
    int: _integer,
    float: _float,
}

# Read at once: another thread may change a container while its members are copied.
_SNAPSHOTS: dict[type, Callable[[Any], Iterable[Any]]] = {
    dict: lambda value: value.copy().items(),
    list: list.copy,
    tuple: tuple,
}

# What orjson reads without running Python code. An Enum, a UUID and a datetime in any time zone
# are not among it: it asks them for attributes, and ends the process if that fails.
_NATIVE_ATOMS = frozenset({*_HARMLESS, *_ATOMS, date})
_NATIVE_IDS = frozenset(map(id, _NATIVE_ATOMS))
_NATIVE_CONTAINERS = frozenset(_SNAPSHOTS)
