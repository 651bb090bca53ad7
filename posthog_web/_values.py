# ruff: noqa: ANN401 - a conversion is only called with what the table gives it.
"""What a Python value becomes in JSON.

One table decides: by type, by the name of a type whose library must not be imported for this,
and by shape. Only the type of a value is asked, never the value itself: a mock, or an object that
lies about its class, has an answer for every question. Nothing lazy is consumed or evaluated,
but for Django's and Werkzeug's proxies, which stand for one object.
"""

from __future__ import annotations

import io
import math
import os
import re
import types
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

# A range costs nothing until it is written out, and an array is often a whole picture.
MAX_EXPANDED = 10_000

# A set or deque that other threads keep changing is read again this often.
_ATTEMPTS = 5

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

# type.__mro__ and the like, past a metaclass that overrides them.
_mro_of: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_name_of: Callable[[type], str] = type.__dict__["__name__"].__get__

_Convert = Callable[[Any], object]


def plain(value: object) -> object:
    """Return what *value* is in JSON, one level down.

    The members of the list or dict returned are as they were and may need converting in turn.
    What JSON has itself comes back as it is, of its exact built-in type. A conversion that fails
    gives a text like ``<unprintable Money>``; only a BaseException that is no Exception passes.
    """
    try:
        kind = type(value)
        return _converter(kind, _mro_of(kind))(value)
    except Exception:  # noqa: BLE001 - any code of the application's may have run
        return unprintable(value)


def unprintable(value: object) -> str:
    """Return the text that stands for a value whose conversion failed."""
    return f"<unprintable {_name_of(type(value))}>"


def _converter(kind: type, mro: tuple[type, ...]) -> _Convert:
    """Return the table's entry for *kind*."""
    # An Enum is often a str or an int too, and these come first in its bases.
    if Enum in mro:
        return _BY_TYPE[Enum]
    for base in mro:
        found = _BY_TYPE.get(base) or _BY_NAME.get((base.__module__, base.__qualname__))
        if found is not None:
            return found
    for has_shape, convert in _BY_SHAPE:
        if has_shape(kind, mro):
            return convert
    return _text if _describes_itself(mro) else _type_tag


def _describes_itself(mro: tuple[type, ...]) -> bool:
    """Return whether a class before ``object`` defines how its instances read as text."""
    return any("__str__" in vars(base) or "__repr__" in vars(base) for base in mro[:-1])


# Names and text


def _qualified_name(named: Any) -> str:
    """Return ``module.name`` of a class or function, without the module if it is built in."""
    module = named.__module__
    prefix = "" if module in {None, "builtins"} else f"{module}."
    return f"{prefix}{named.__qualname__}"


def _type_tag(value: object) -> str:
    """Describe a value that has no text of its own, without its address."""
    return f"<{_qualified_name(type(value))}>"


def _short_tag(value: object) -> str:
    """Describe a value that can be read only once, or that belongs to the system."""
    return f"<{_name_of(type(value))}>"


def _text(value: object) -> str:
    """Return the text a value gives itself, without addresses: they differ in every process."""
    text = str(value)
    return _ADDRESS.sub("", text) if " at 0x" in text else text


def _decoded(value: bytes | bytearray) -> str:
    return value.decode("utf-8", "backslashreplace")


def _path(value: os.PathLike[Any]) -> str:
    path = os.fspath(value)
    return _decoded(path) if isinstance(path, bytes) else path


def _exception(value: BaseException) -> str:
    name, message = _name_of(type(value)), str(value)
    return f"{name}: {message}" if message else name


# Numbers


def _decimal(value: Decimal) -> float | str | None:
    """Return a number, as a shop's totals are summed up; text only beyond what a float holds."""
    if not value.is_finite():
        return None
    number = float(value)
    return number if math.isfinite(number) else str(value)


# Collections


def _listed(iterate: Callable[[Any], Iterable[object]]) -> _Convert:
    """Return a conversion to a list that reads through *iterate* of the built-in type.

    A subclass may have an ``__iter__`` that fails, or that is endless.
    """

    def convert(value: object) -> list[object]:
        for _ in range(_ATTEMPTS - 1):
            try:
                return list(iterate(value))
            except RuntimeError:  # changed size during iteration
                continue
        return list(iterate(value))

    return convert


def _dict(value: dict[Any, object]) -> dict[Any, object]:
    # dict.copy() would ask a subclass for its keys.
    return dict(dict.items(value))


def _range(value: range) -> list[int] | str:
    return repr(value) if value[MAX_EXPANDED:] else list(value)


def _mapping(value: Mapping[Any, object]) -> dict[Any, object]:
    return dict(value.items())


def _instance_of_dataclass(value: Any) -> dict[str, object]:
    return _public(value, (field.name for field in fields(type(value))))


def _instance_of_attrs(value: Any) -> dict[str, object]:
    return _public(value, (attribute.name for attribute in type(value).__attrs_attrs__))


def _public(value: object, names: Iterable[str]) -> dict[str, object]:
    """Return the attributes *names* that are not private. One that was never set is left out."""
    found: dict[str, object] = {}
    for name in names:
        if name.startswith("_"):
            continue
        try:
            found[name] = getattr(value, name)
        except AttributeError:
            continue
        except Exception:  # noqa: BLE001 - one field must not cost the others
            found[name] = "<unreadable>"
    return found


# Other libraries


def _pydantic(value: Any) -> object:
    # Pydantic warns of a field that holds another type than declared; not this code's business,
    # and an error where warnings are errors.
    return value.model_dump(warnings=False) if hasattr(type(value), "model_dump") else value.dict()


def _django_lazy_object(value: Any) -> object:
    _ = value.__class__  # any proxied attribute makes it find what it stands for
    return object.__getattribute__(value, "__dict__")["_wrapped"]


def _django_queryset(value: Any) -> str:
    return f"<{_name_of(type(value))} {value.model._meta.label}>"  # noqa: SLF001 - documented


def _numpy_scalar(value: Any) -> object:
    item = value.item()
    # A number wider than Python's, such as longdouble, gives itself.
    return str(value) if type(item) is type(value) else item


def _numpy_array(value: Any) -> object:
    if value.size <= MAX_EXPANDED:
        return value.tolist()
    return f"<ndarray {'x'.join(map(str, value.shape))} {value.dtype}>"


# The table. The nearest base of a type that has an entry decides, except that Enum always does.

_BY_TYPE: dict[type, _Convert] = {
    # Of JSON itself. Subclasses are read through the built-in type, whatever they override.
    str: str.__str__,
    int: int.__int__,
    bool: bool,
    float: float.__float__,
    type(None): lambda _: None,
    dict: _dict,
    list: list.copy,
    tuple: _listed(tuple.__iter__),
    # Scalars.
    Enum: lambda value: value.value,
    Decimal: _decimal,
    UUID: str,
    datetime: lambda value: value.isoformat(),
    date: lambda value: value.isoformat(),
    time: lambda value: value.isoformat(),
    timedelta: timedelta.total_seconds,
    bytes: _decoded,
    bytearray: _decoded,
    memoryview: lambda value: _decoded(value.tobytes()),
    BaseException: _exception,
    # Collections.
    set: _listed(set.__iter__),
    frozenset: _listed(frozenset.__iter__),
    deque: _listed(deque.__iter__),
    range: _range,
    type({}.keys()): _listed(iter),
    type({}.values()): _listed(iter),
    type({}.items()): _listed(iter),
    # Code.
    type: _qualified_name,
    types.FunctionType: _qualified_name,
    types.BuiltinFunctionType: _qualified_name,
    types.MethodType: lambda value: _qualified_name(value.__func__),
    types.ModuleType: lambda value: value.__name__,
    # What the system holds open.
    io.IOBase: _short_tag,
}

_BY_NAME: dict[tuple[str, str], _Convert] = {
    ("django.db.models.base", "Model"): lambda value: value.pk,
    ("django.db.models.query", "QuerySet"): _django_queryset,
    ("django.db.models.query", "RawQuerySet"): _django_queryset,
    ("django.utils.functional", "LazyObject"): _django_lazy_object,
    ("django.utils.functional", "Promise"): str,
    ("numpy", "generic"): _numpy_scalar,
    ("numpy", "ndarray"): _numpy_array,
    ("pydantic.main", "BaseModel"): _pydantic,
    ("pydantic.v1.main", "BaseModel"): _pydantic,
    ("unittest.mock", "NonCallableMock"): _type_tag,
    ("werkzeug.local", "LocalProxy"): lambda value: value._get_current_object(),  # noqa: SLF001
}

_HasShape = Callable[[type, tuple[type, ...]], bool]


def _defines(name: str) -> _HasShape:
    return lambda _, mro: any(name in vars(base) for base in mro)


def _derives_from(*abstract: type) -> _HasShape:
    return lambda kind, _: issubclass(kind, abstract)


_BY_SHAPE: tuple[tuple[_HasShape, _Convert], ...] = (
    (_defines("__dataclass_fields__"), _instance_of_dataclass),
    (_defines("__attrs_attrs__"), _instance_of_attrs),
    (_derives_from(Mapping), _mapping),
    (_derives_from(os.PathLike), _path),
    (_derives_from(Iterator, AsyncIterator, Awaitable), _short_tag),
)
