"""An exception's parts, and a class's, read where Python keeps them.

A class may put a property in the place of each of them, and one that raises would cost the report.
A type is asked, never an instance: what an instance says of its class may be anything too.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType, ModuleType, TracebackType
from typing import Any

cause_of: Callable[[BaseException], BaseException | None]
cause_of = BaseException.__dict__["__cause__"].__get__
context_of: Callable[[BaseException], BaseException | None]
context_of = BaseException.__dict__["__context__"].__get__
suppresses_context: Callable[[BaseException], bool]
suppresses_context = BaseException.__dict__["__suppress_context__"].__get__
traceback_of: Callable[[BaseException], TracebackType | None]
traceback_of = BaseException.__dict__["__traceback__"].__get__
args_of: Callable[[BaseException], tuple[Any, ...]] = BaseException.__dict__["args"].__get__
attributes_of: Callable[[BaseException], dict[str, Any]]
attributes_of = BaseException.__dict__["__dict__"].__get__

# Of classes, past a metaclass.
bases_of: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
qualname_of: Callable[[type], str] = type.__dict__["__qualname__"].__get__
module_of: Callable[[type], object] = type.__dict__["__module__"].__get__
namespace_of: Callable[[type], MappingProxyType[str, Any]] = type.__dict__["__dict__"].__get__

# Of modules, past what one does that is loaded when it is first used.
globals_of: Callable[[ModuleType], dict[str, Any]] = vars(ModuleType)["__dict__"].__get__

_members_of: Callable[[BaseException], tuple[BaseException, ...]]
_members_of = BaseExceptionGroup.__dict__["exceptions"].__get__
_errno_of: Callable[[BaseException], object] = OSError.__dict__["errno"].__get__
_code_of: Callable[[BaseException], object] = SystemExit.__dict__["code"].__get__


def is_a(error: BaseException, kinds: type | tuple[type, ...]) -> bool:
    """Return whether *error* is one of *kinds*, whatever it says."""
    return issubclass(type(error), kinds)


def members_of(error: BaseException) -> tuple[BaseException, ...]:
    """Return the exceptions that *error* is a group of; nothing if it is none."""
    return _members_of(error) if is_a(error, BaseExceptionGroup) else ()


def errno_of(error: BaseException) -> object:
    """Return the number of an error of the system; None if it has none, or is none."""
    return _errno_of(error) if is_a(error, OSError) else None


def exit_code_of(error: BaseException) -> object:
    """Return what a process that ends by *error* answers; None if it does not end by it."""
    return _code_of(error) if is_a(error, SystemExit) else None
