"""What all verbs have in common: whom they act on, when they do nothing, that they never raise."""

from __future__ import annotations

import difflib
import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, NoReturn, ParamSpec, cast

from posthog_web._config import ClientOptions
from posthog_web._events import Flaw
from posthog_web._guard import report_fault

P = ParamSpec("P")


class Verbs(ABC):
    """Something one can capture on: a client, or the module, which finds a client.

    The rest of a verb runs on the client found, which supplies these.
    """

    options: ClientOptions
    _accepts: Callable[[], bool]
    _decline: Callable[[str, str], None]
    _emit: Callable[..., str | None]
    _remind: Callable[[str, str], None]
    _read_properties: Callable[[str, object], dict[Any, Any]]
    _read_groups: Callable[[str, object], dict[str, str]]

    @abstractmethod
    def _target(self) -> Verbs | None:
        """Return the client that is meant; None when there is none to be had."""


def verb(
    build: Callable[Concatenate[Any, P], str | None],
) -> Callable[Concatenate[Any, P], str | None]:
    """Make a verb of *build*, a method that reads its arguments and emits an event.

    *build* runs on the client that is meant, and only while that client accepts events (consent and
    switches come before anything else, SRV-015). A ``Flaw`` it raises declines the event.
    """
    name = build.__name__

    @functools.wraps(build)
    def call(self: Verbs, /, *args: P.args, **kwargs: P.kwargs) -> str | None:
        try:
            client = self._target()
            if client is None or not client._accepts():
                return None
            try:
                return build(client, *args, **kwargs)
            except Flaw as flaw:
                client._decline(name, str(flaw))
            except TypeError as error:
                client._decline(name, explain_misuse(build, args, kwargs) or _rethrow(error))
        except Exception as error:  # noqa: BLE001 - the guard, see _guard.safely
            report_fault(error, name)
        return None

    return call


def explain_misuse(
    build: Callable[..., object], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> str | None:
    """Return what is wrong with a call that the method *build* cannot take; None if it can."""
    signature = inspect.signature(build)
    try:
        signature.bind(None, *args, **kwargs)
    except TypeError as error:
        known = [name for name in signature.parameters if name not in {"self", "positional"}]
        unknown = [name for name in kwargs if name not in known]
        near = next((_nearest(name, known) for name in unknown), None)
        return f"{error}; did you mean {near}?" if near else str(error)
    return None


def _nearest(name: str, known: list[str]) -> str | None:
    """Return the one of *known* that begins like *name*, or else looks like it."""
    alike = [one for one in known if one.startswith(name[:3])]
    return next(iter(alike or difflib.get_close_matches(name, known, n=1)), None)


def _rethrow(error: Exception) -> NoReturn:
    raise error


# For verbs with overloads, whose implementation is too loose for a ParamSpec to describe.
overloaded_verb = cast("Callable[[Callable[..., str | None]], Callable[..., str | None]]", verb)
