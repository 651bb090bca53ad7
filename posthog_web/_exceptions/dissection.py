"""What a value is made of, found out without running any code of its own.

Only the type of a value is asked, through ``type``'s own descriptors, and only the built-in type
below a class is used to read it: no ``__repr__``, ``__len__``, ``__iter__``, ``__getattr__`` or
property of a class ever runs, ``__class__`` is not believed, and nothing lazy is evaluated. What
cannot be read that way stands there as its class: ``<shop.models.BookQuerySet>``.
"""

from __future__ import annotations

import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from itertools import islice
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from sys import getsizeof
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from posthog_web._exceptions.anatomy import args_of, bases_of, module_of, namespace_of, qualname_of
from posthog_web._exceptions.origins import Origins

MAX_TEXT = 2048
MAX_MEMBERS = 50
MAX_NAME = 256

# Integers that every parser of JSON reads; larger ones become text, if they are not huge.
_NUMBER_BITS = 53
_MOST_BITS = 3400

# What another thread keeps changing is read again this often.
_ATTEMPTS = 3

Leaf = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Tag:
    """Text of ours that stands for a value, such as its class in pointed brackets."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a list and its kin, in their order if they have one."""

    items: list[Any]


@dataclass(frozen=True, slots=True)
class Members:
    """What a value holds by name: a dict's items, or an object's attributes and its class."""

    pairs: list[tuple[Any, Any]]
    kind: str | None = None


class TooLargeError(Exception):
    """A value is larger than what is shown of any."""


Part = Leaf | Tag | Items | Members


def read(value: object, origins: Origins) -> Part:
    """Return what *value* is made of, one level down.

    Text comes back as text of at most MAX_TEXT characters, and has not been masked. Raises
    TooLargeError, and what goes wrong in reading a value that another thread changes.
    """
    kind = type(value)
    exact = _EXACT.get(id(kind))
    if exact is not None:
        return exact(value)
    mro = bases_of(kind)
    if any(base is Enum for base in mro):  # often a str or an int, too
        return _enum_member(value, kind)
    for base in mro:
        builtin = _BUILTINS.get(id(base))
        if builtin is not None:
            is_ours = base is kind or base in _ATOMS or origins.may_open(_module_names(mro))
            return builtin(value) if is_ours else Tag(tag(kind))
        if base is BaseException:
            return _exception(value, kind, mro, origins)
    if not origins.may_open(_module_names(mro)):
        return Tag(tag(kind))
    return _object(value, kind, mro, origins)


def is_of(kind: type, module: str, name: str) -> bool:
    """Return whether *kind* is the class *name* of *module*, or derives from it."""
    return any(qualname_of(base) == name and module_of(base) == module for base in bases_of(kind))


def tag(kind: type) -> str:
    """Return the text that stands for a value of *kind*."""
    return f"<{class_name(kind)}>"


def class_name(kind: type) -> str:
    """Return ``module.Class``, without the module if it is built in."""
    module = _said(module_of(kind))
    prefix = f"{module}." if module not in {"", "builtins"} else ""
    return f"{prefix}{_said(qualname_of(kind))}"


def attributes(value: object) -> dict[str, Any] | None:
    """Return the very ``__dict__`` of *value*; None where there is none that is genuine."""
    for base in bases_of(type(value)):
        found = namespace_of(base).get("__dict__")
        if found is not None:
            # A property of that name is code of the class's.
            return found.__get__(value) if type(found) in _GENUINE else None
    return None


_GENUINE = {types.GetSetDescriptorType, types.MemberDescriptorType}


def _module_names(mro: tuple[type, ...]) -> list[str]:
    return [_said(module_of(base)) for base in mro]


def _said(name: object) -> str:
    """Return a name as text proper, which nobody's ``__format__`` can replace."""
    return str.__getitem__(name, slice(MAX_NAME)) if issubclass(type(name), str) else ""  # type: ignore[index]


# Objects


def _object(value: object, kind: type, mro: tuple[type, ...], origins: Origins) -> Part:
    pairs = _slots(value, mro, origins)
    own = attributes(value)
    if own is not None:
        pairs += _pairs(own)
    return Members(pairs[:MAX_MEMBERS], class_name(kind)) if pairs else Tag(tag(kind))


def _slots(value: object, mro: tuple[type, ...], origins: Origins) -> list[tuple[Any, Any]]:
    """Return what the application's own classes keep in slots."""
    pairs: list[tuple[Any, Any]] = []
    for base in mro:
        namespace = namespace_of(base)
        if "__slots__" not in namespace or not origins.is_own(_said(module_of(base))):
            continue
        for name, member in islice(list(namespace.items()), 4 * MAX_MEMBERS):
            # Of this type are slots only, and reading one runs no Python.
            if type(member) is types.MemberDescriptorType:
                try:
                    pairs.append((name, member.__get__(value)))
                except (AttributeError, TypeError):  # never set, or another class's
                    continue
    return pairs


def _exception(value: Any, kind: type, mro: tuple[type, ...], origins: Origins) -> Members:  # noqa: ANN401
    args = args_of(value)
    pairs = [("args", args)] if args else []
    if origins.may_open(_module_names(mro)):
        pairs += _pairs(attributes(value) or {})
    return Members(pairs, class_name(kind))


def _enum_member(value: object, kind: type) -> Tag:
    name = _said((attributes(value) or {}).get("_name_"))
    return Tag(f"{_said(qualname_of(kind))}.{name}" if name else tag(kind))


# Collections


def _first(iterate: Callable[[Any], Iterable[Any]], size: Callable[[Any], int]) -> Any:  # noqa: ANN401
    """Return a reader of the items of a built-in type; none are looked at where there are many."""

    def first(value: object) -> list[Any]:
        if size(value) > MAX_MEMBERS:
            raise TooLargeError
        for _ in range(_ATTEMPTS - 1):
            try:
                return list(islice(iterate(value), MAX_MEMBERS))
            except RuntimeError:  # changed size during iteration
                continue
        return list(islice(iterate(value), MAX_MEMBERS))

    return first


_pairs: Callable[[dict[Any, Any]], list[tuple[Any, Any]]] = _first(dict.items, dict.__len__)
_tuple_items: Callable[[Any], list[Any]] = _first(tuple.__iter__, tuple.__len__)


def _listed(iterate: Callable[[Any], Iterable[Any]], size: Callable[[Any], int]) -> _Read:
    first = _first(iterate, size)
    return lambda value: Items(first(value))


def _mapping(value: dict[Any, Any]) -> Members:
    return Members(_pairs(value))


def _named_tuple(value: Any) -> Part:  # noqa: ANN401
    """Return a tuple's items, by their names if its class gives them any."""
    items = _tuple_items(value)
    for base in bases_of(type(value)):
        namespace = namespace_of(base)
        names = namespace.get("_fields") or namespace.get("__match_args__")
        if type(names) is tuple and names and all(type(name) is str for name in names):
            rest = items[len(names) :]
            pairs = list(zip(names, items, strict=False))
            return Members([*pairs, ("…", rest)] if rest else pairs, class_name(type(value)))
    return Items(items)


# Single values


def _text(value: str) -> str:
    if str.__len__(value) > MAX_TEXT:
        raise TooLargeError
    return str.__str__(value)


def _integer(value: int) -> int | str:
    bits = int.bit_length(value)
    if bits > _MOST_BITS:
        raise TooLargeError
    return int.__int__(value) if bits <= _NUMBER_BITS else int.__repr__(value)


def _bytes(value: bytes | bytearray) -> str | Tag:
    """Return bytes as the text they are; what is no text may be a key, and tells nothing else.

    Text in UTF-16 reads as letters with zeros between them, in which nobody finds a name.
    """
    kind = bytes if isinstance(value, bytes) else bytearray
    if kind.__len__(value) > MAX_TEXT:  # type: ignore[arg-type]
        raise TooLargeError
    try:
        text = kind.decode(value)  # type: ignore[arg-type]
    except UnicodeDecodeError:
        text = "\0"
    return text if "\0" not in text else Tag(f"<{kind.__len__(value)} bytes>")  # type: ignore[arg-type]


def _decimal(value: Decimal) -> str:
    if getsizeof(value) > MAX_TEXT:
        raise TooLargeError
    return str(value)


def _moment(value: datetime | time) -> str:
    """Return a moment in ISO's form; a time zone of the application's own is not asked."""
    zone = value.tzinfo
    if zone is None or type(zone) is timezone or type(zone) is ZoneInfo:
        return value.isoformat()
    return f"{value.replace(tzinfo=None).isoformat()} {tag(type(zone))}"


def _function(value: types.FunctionType) -> Tag:
    return Tag(f"<function {_said(value.__module__)}.{_said(value.__qualname__)}>")


def _module(value: types.ModuleType) -> Tag:
    # A module that is loaded when it is first used has a __getattribute__.
    return Tag(f"<module {_said((attributes(value) or {}).get('__name__'))}>")


def _same(value: Any) -> Any:  # noqa: ANN401
    return value


_Read = Callable[[Any], Part]

# By id: a metaclass may define equality, or forbid hashing. Atoms are read whoever derives from
# them; a collection that a library derives is its own business.
_ATOMS: dict[type, _Read] = {
    str: _text,
    int: _integer,
    float: float.__float__,
    complex: complex.__repr__,
    bytes: _bytes,
    bytearray: _bytes,
    type: lambda value: Tag(f"<class {class_name(value)}>"),
    types.ModuleType: _module,
}
_COLLECTIONS: dict[type, _Read] = {
    dict: _mapping,
    list: _listed(list.__iter__, list.__len__),
    tuple: _named_tuple,
    set: _listed(set.__iter__, set.__len__),
    frozenset: _listed(frozenset.__iter__, frozenset.__len__),
    deque: _listed(deque.__iter__, deque.__len__),
}
_ONLY_EXACT: dict[type, _Read] = {
    bool: _same,
    type(None): _same,
    range: range.__repr__,
    Decimal: _decimal,
    UUID: str,
    datetime: _moment,
    date: date.isoformat,
    time: _moment,
    timedelta: str,
    types.FunctionType: _function,
    types.SimpleNamespace: lambda value: Members(
        _pairs(attributes(value) or {}), "SimpleNamespace"
    ),
    **dict.fromkeys((OrderedDict, defaultdict, Counter), _mapping),
    **dict.fromkeys(
        (PosixPath, PurePosixPath, PureWindowsPath, WindowsPath), lambda path: _text(str(path))
    ),
}
_BUILTINS = {id(kind): reader for kind, reader in {**_ATOMS, **_COLLECTIONS}.items()}
_EXACT = _BUILTINS | {id(kind): reader for kind, reader in _ONLY_EXACT.items()}
