"""Functions as options: what they must be able to take, and how settings name them."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable, Sequence
from typing import Any

from posthog_web._config.kinds import Kind, Unfit, accept_each, demand, require


def accept_function(value: object, arguments: Sequence[str] = ()) -> Callable[..., Any]:
    """Return *value* if it is a function that is not asynchronous and takes *arguments*.

    Without arguments it is not looked at what it takes; nor where Python cannot tell.
    """
    require(holds=callable(value))
    function: Callable[..., Any] = value  # type: ignore[assignment]  # checked above
    demand("it is asynchronous", holds=not _is_asynchronous(function))
    if arguments and not _takes(function, len(arguments)):
        reason = f"it is called with ({', '.join(arguments)}), which it does not take"
        raise Unfit(reason)
    return function


def _is_asynchronous(function: Callable[..., Any]) -> bool:
    return any(
        inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one)
        for one in (function, type(function).__call__)
    )


def _takes(function: Callable[..., Any], number: int) -> bool:
    """Return whether *function* can be called with *number* arguments, as far as one can tell."""
    try:
        signature = inspect.signature(function)
    except Exception:  # noqa: BLE001 - some have none, and a signature may be anybody's code
        return True
    try:
        signature.bind(*[None] * number)
    except TypeError:
        return False
    return True


def _hooks(value: object) -> tuple[Callable[..., Any], ...]:
    if callable(value):
        return (_hook(value),)
    return accept_each(value, _hook, "function")


def _hook(value: object) -> Callable[..., Any]:
    return accept_function(value, ("event",))


def _import(path: str) -> object:
    module, _, name = path.strip().rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:  # noqa: BLE001 - the application's module runs here
        # What it raises may quote anything, its type does not.
        reason = f"what it names cannot be imported ({type(error).__name__})"
        raise Unfit(reason) from None


def _import_all(text: str) -> object:
    if not text.lstrip().startswith("["):
        return _import(text)
    try:
        paths = json.loads(text)
    except ValueError:
        paths = None
    demand(
        """several are written as JSON: '["shop.tracking.scrub", "shop.tracking.thin_out"]'""",
        holds=isinstance(paths, list) and all(isinstance(path, str) for path in paths),
    )
    return tuple(_import(path) for path in paths)


def plain_function(*arguments: str) -> Kind:
    """Return the kind of functions that are called with *arguments*; any, if there are none."""
    return Kind(
        expected="a function that is not asynchronous",
        accept=lambda value: accept_function(value, arguments),
        parse=_import,
        from_text=True,
    )


HOOKS = Kind(
    expected="a function or a list of functions",
    accept=_hooks,
    parse=_import_all,
    from_text=True,
)
