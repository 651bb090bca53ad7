"""The current scope: who is acting, in which session, with which tags.

One ContextVar holds it. A ``Scope`` is frozen: changing something makes a new one current, so two
tasks started inside the same ``new_context()`` cannot overwrite each other. Values not set here are
read from the scope around, at the moment they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Protocol, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom an event is about.

    Attributes:
        distinct_id: Who; None for nobody.
        claimed: Whether only a stranger says so: a browser, by header or cookie.
        anonymous: Whether it is a browser nobody has logged in with yet.
    """

    distinct_id: str | None = None
    claimed: bool = False
    anonymous: bool = False


NOBODY = Person()


class ClaimedId(str):
    """An id that only a browser has named, which shows wherever it is passed on to.

    Attributes:
        anonymous: As of a person.
    """

    __slots__ = ("anonymous",)

    anonymous: bool

    def __new__(cls, text: str, *, anonymous: bool = False) -> Self:
        """Return *text* as such an id."""
        claimed = super().__new__(cls, text)
        claimed.anonymous = anonymous
        return claimed


class Surroundings(Protocol):
    """What can be asked of a scope, whoever keeps it."""

    def read_person(self) -> Person:
        """Return whom events are about, as of now."""

    def read_session_id(self) -> str | None:
        """Return the session's id, if any."""

    def read_tags(self) -> Mapping[str, Any]:
        """Return all tags in force; inner ones win."""

    def read_properties(self) -> Mapping[str, Any]:
        """Return what is known of the surroundings themselves: the request, if there is one."""

    def read_client(self) -> Any:  # noqa: ANN401 - clients are made above this layer
        """Return the client chosen for this scope, None for the default one."""

    def read_place(self) -> int:
        """Return a token of the outermost scope around: the request, if there is one."""

    def read_nobody(self) -> str | None:
        """Return the id that all events about nobody share here; None: each has its own."""

    def is_opted_out(self) -> bool:
        """Return whether nothing shall be captured here."""

    def awaits_person(self) -> bool:
        """Return whether the person will be known soon, but cannot be asked for now."""

    def defer(self, complete: Callable[[Person], object]) -> bool:
        """Call *complete* with the person when that is known; return False if too many wait."""

    def hold(self) -> None:
        """Find out now what cannot be found out from elsewhere, or later."""

    def changed(self, **values: Any) -> Surroundings:  # noqa: ANN401 - as dataclasses.replace
        """Return the scope in which *values* hold: another one, or itself."""

    def with_tag(self, name: str, value: object) -> Surroundings:
        """Return the scope in which a tag is set: another one, or itself."""


new_token = count(1).__next__
"""Return a number that stands for something in this process, and holds nothing."""


@dataclass(eq=False, slots=True, kw_only=True)
class Entry:
    """One time a block was entered, shared by all scopes it has in turn.

    Attributes:
        before: What was current then.
        over: Whether the block was left.
        token: Stands for the block with those who must not keep it alive.
    """

    before: Surroundings | None = None
    over: bool = False
    token: int = field(default_factory=new_token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One level of context, made by ``new_context()``."""

    parent: Surroundings | None = None
    entry: Entry = field(default_factory=Entry)
    distinct_id: str | None = None
    session_id: str | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)
    client: Any = None

    def read_person(self) -> Person:
        """Return the person named here, else the one around."""
        if self.distinct_id is not None:
            return Person(distinct_id=self.distinct_id)
        return NOBODY if self.parent is None else self.parent.read_person()

    def read_session_id(self) -> str | None:
        """Return the session set here, else the one around."""
        if self.session_id is not None or self.parent is None:
            return self.session_id
        return self.parent.read_session_id()

    def read_tags(self) -> Mapping[str, Any]:
        """Return the tags set here over those around."""
        if self.parent is None:
            return self.tags
        return {**self.parent.read_tags(), **self.tags}

    def read_client(self) -> Any:  # noqa: ANN401 - clients are made above this layer
        """Return the client chosen here, else the one around."""
        if self.client is not None or self.parent is None:
            return self.client
        return self.parent.read_client()

    def read_properties(self) -> Mapping[str, Any]:
        """Return what is known of the surroundings, if there are any."""
        return {} if self.parent is None else self.parent.read_properties()

    def read_place(self) -> int:
        """Return the token of the outermost scope; a fresh one lies where it was entered."""
        around = self.around
        return self.entry.token if around is None else around.read_place()

    def read_nobody(self) -> str | None:
        """Return the id shared by all that is about nobody, if there is one around."""
        return None if self.parent is None else self.parent.read_nobody()

    @property
    def around(self) -> Surroundings | None:
        """What this was entered in: a fresh scope reads nothing there, but escapes nothing."""
        return self.entry.before if self.parent is None else self.parent

    def is_opted_out(self) -> bool:
        """Return whether nothing shall be captured around."""
        return self.around is not None and self.around.is_opted_out()

    def awaits_person(self) -> bool:
        """Return whether the person comes from around, and is not known there yet."""
        if self.distinct_id is not None or self.parent is None:
            return False
        return self.parent.awaits_person()

    def defer(self, complete: Callable[[Person], object]) -> bool:
        """Let the scope around see to it."""
        return self.parent is not None and self.parent.defer(complete)

    def hold(self) -> None:
        """Let the scope around find out what it must."""
        if self.parent is not None:
            self.parent.hold()

    def changed(self, **values: Any) -> Scope:  # noqa: ANN401 - as dataclasses.replace
        """Return this scope with *values*, still the same entry."""
        return replace(self, **values)

    def with_tag(self, name: str, value: object) -> Scope:
        """Return this scope with one more tag."""
        return replace(self, tags={**self.tags, name: value})


_current: ContextVar[Surroundings | None] = ContextVar("posthog_web_scope", default=None)

current = _current.get
"""Return the current scope, None outside any."""


def enter(*, fresh: bool, client: Any = None) -> Scope:  # noqa: ANN401 - see above
    """Make a new scope current, a *fresh* one blind to those around; return it."""
    before = _current.get()
    scope = Scope(parent=None if fresh else before, client=client, entry=Entry(before=before))
    _current.set(scope)
    return scope


def leave(scope: Scope) -> None:
    """Leave the block that *scope* was made for, in whatever order blocks are left.

    What is current is restored to the innermost block that goes on. Code in another task, which
    closes a generator say, has a block of its own that is current, and keeps it.
    """
    scope.entry.over = True
    now = around = _current.get()
    while isinstance(around, Scope) and around.entry.over:
        around = around.entry.before
    if around is not now:
        _current.set(around)


def enter_as(scope: Surroundings) -> Surroundings | None:
    """Make *scope* current; return the one to restore with ``restore``."""
    before = _current.get()
    _current.set(scope)
    return before


def enter_below(parent: Surroundings) -> Surroundings | None:
    """Make a new scope inside *parent* current; return what to ``put_back``."""
    before = _current.get()
    _current.set(Scope(parent=parent, entry=Entry(before=before)))
    return before


def put_back(before: Surroundings | None) -> None:
    """Make *before* current again, whatever was left open meanwhile."""
    _current.set(before)


def restore(scope: Surroundings, before: Surroundings | None) -> None:
    """Make *before* current again where *scope*, or a context left open inside it, still is."""
    if lies_within(_current.get(), scope, even_fresh=True):
        _current.set(before)


def lies_within(
    scope: Surroundings | None, outer: Surroundings, *, even_fresh: bool = False
) -> bool:
    """Return whether *scope* is *outer*, or a context inside it.

    A fresh one, which reads nothing of *outer*, counts with *even_fresh*.
    """
    while isinstance(scope, Scope) and scope is not outer:
        scope = scope.around if even_fresh else scope.parent
    return scope is outer


def clear() -> None:
    """Leave every scope: a forked child starts with none."""
    _current.set(None)


def change(**values: Any) -> None:  # noqa: ANN401 - as dataclasses.replace
    """Set *values* on the current scope; do nothing outside any."""
    if (scope := _current.get()) is not None:
        _current.set(scope.changed(**values))


def add_tag(name: str, value: object) -> None:
    """Set one tag on the current scope; do nothing outside any."""
    if (scope := _current.get()) is not None:
        _current.set(scope.with_tag(name, value))


def place() -> int | None:
    """Return a token of where this runs: the outermost scope around; None outside any."""
    scope = _current.get()
    return None if scope is None else scope.read_place()


def get_distinct_id() -> str | None:
    """Return the person of the current context; None outside any, or when nobody is named."""
    scope = _current.get()
    return None if scope is None else scope.read_person().distinct_id


def get_tags() -> dict[str, Any]:
    """Return a copy of all tags in force; empty outside any context."""
    scope = _current.get()
    return {} if scope is None else dict(scope.read_tags())
