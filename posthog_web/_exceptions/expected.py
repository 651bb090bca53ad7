"""Which exceptions are no failures, and are not reported by themselves."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from posthog_web._exceptions.anatomy import bases_of, exit_code_of, is_a, members_of
from posthog_web._exceptions.message import module_name, type_name
from posthog_web._guard import describe_fault
from posthog_web._log import Notices

# By name, since most of these modules are not there in most processes: how a task, a process or a
# connection ends that should end.
_ENDINGS = (
    "asyncio.exceptions.CancelledError",
    "builtins.BrokenPipeError",
    "builtins.GeneratorExit",
    "builtins.KeyboardInterrupt",
    "django.http.request.UnreadablePostError",
    "greenlet.GreenletExit",
    "starlette.requests.ClientDisconnect",
    "starlette.websockets.WebSocketDisconnect",
    "trio.Cancelled",
)

_SUCCESS = (None, 0)

Ignored = type[BaseException] | str | Callable[[BaseException], object]


class Expected:
    """Tells exceptions that somebody expects from those that nobody does."""

    def __init__(self, ignored: Iterable[Ignored], notices: Notices) -> None:
        """Expect what is *ignored* too; warn of a function among it that fails."""
        every = (*_ENDINGS, *ignored)
        self._classes = tuple(one for one in every if isinstance(one, type))
        self._names = frozenset(one for one in every if isinstance(one, str))
        self._judges = tuple(one for one in every if not isinstance(one, type | str))
        self._notices = notices

    def __contains__(self, error: BaseException) -> bool:
        """Return whether *error* is expected; of a group, whether all its members are."""
        try:
            return self._covers(error, {})
        except RecursionError:  # groups within groups without end
            return False

    def _covers(self, error: BaseException, known: dict[int, bool]) -> bool:
        """Return whether *error* is expected; *known* holds what was found out of its members."""
        if id(error) not in known:
            members = members_of(error)
            known[id(error)] = self._is_expected(error) or (
                bool(members) and all(self._covers(member, known) for member in members)
            )
        return known[id(error)]

    def _is_expected(self, error: BaseException) -> bool:
        return (
            is_a(error, self._classes)
            or (is_a(error, SystemExit) and exit_code_of(error) in _SUCCESS)
            or any(_is_named(kind, self._names) for kind in bases_of(type(error)))
            or self._is_named_elsewhere(error)
            or any(self._says_so(judge, error) for judge in self._judges)
        )

    def _is_named_elsewhere(self, error: BaseException) -> bool:
        """Return whether *error* is known by the name of a module that only imports its class."""
        return any(kind is not None and is_a(error, kind) for kind in map(_find, self._names))

    def _says_so(self, judge: Callable[[BaseException], object], error: BaseException) -> bool:
        try:
            return bool(judge(error))
        except Exception as fault:  # noqa: BLE001 - the application's own code
            self._notices.warn(
                "ignore_exceptions",
                "posthog_web: a function of ignore_exceptions failed: %s",
                describe_fault(fault),
            )
            return False


def _is_named(kind: type, names: frozenset[str]) -> bool:
    module, name = module_name(kind), type_name(kind)
    return f"{module or 'builtins'}.{name}" in names or (module is None and name in names)


def _find(name: str) -> type | None:
    """Return the class of that dotted *name*, if its module was imported."""
    module, _, attribute = name.rpartition(".")
    # Not getattr: a module may import, when it is asked for what it does not have.
    found = getattr(sys.modules.get(module), "__dict__", {}).get(attribute)
    return found if isinstance(found, type) else None
