"""What is in ``$exception_list``: which exceptions, in which order, and how they hang together."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

import pytest

from posthog_web import Client
from posthog_web._exceptions.chain import (
    MAX_ENTRIES,
    MAX_INSPECTED,
    describe_exception,
    describe_message,
)
from posthog_web._exceptions.files import Files
from posthog_web._exceptions.frames import Stacks
from posthog_web._exceptions.metadata import Boundary
from posthog_web.testing import RecordedEvents

STACKS = Stacks(files=Files(__file__.rpartition("/tests/")[0], ()))

Entry = dict[str, Any]


def described(error: BaseException, boundary: Boundary | None = None) -> list[Entry]:
    """Return the entries about *error*."""
    arguments = [] if boundary is None else [boundary]
    entries: list[Entry] = describe_exception(error, STACKS, *arguments)["$exception_list"]
    return entries


def tree(error: BaseException) -> list[tuple[str, int | None, str | None]]:
    """Return of each entry what it says, its parent's number, and how it came about."""
    entries = described(error)
    assert [entry["mechanism"]["exception_id"] for entry in entries] == list(range(len(entries)))
    return [
        (entry["value"], entry["mechanism"].get("parent_id"), entry["mechanism"].get("source"))
        for entry in entries
    ]


def linked(
    name: str,
    *,
    cause: BaseException | None = None,
    context: BaseException | None = None,
    members: list[Exception] | None = None,
) -> Exception:
    """Return an exception that others led to."""
    error = ValueError(name) if members is None else ExceptionGroup(name, members)
    error.__context__ = context
    if cause is not None:
        error.__cause__ = cause
    return error


@pytest.mark.spec("SRV-287", "SRV-297", "SRV-299")
def test_causes_follow_what_they_led_to() -> None:
    """The caught exception comes first, then each cause, the root last, each with its parent."""
    root = linked("root")
    middle = linked("middle", context=root)

    assert tree(linked("caught", cause=middle)) == [
        ("caught", None, None),
        ("middle", 0, "cause"),
        ("root", 1, "context"),
    ]


@pytest.mark.spec("SRV-299")
def test_a_suppressed_context_is_not_told() -> None:
    """``raise … from None`` hides what was being handled, and a cause stands before a context."""
    hidden = linked("caught", context=linked("hidden"))
    hidden.__suppress_context__ = True

    assert tree(hidden) == [("caught", None, None)]
    assert tree(linked("caught", cause=linked("cause"), context=linked("context"))) == [
        ("caught", None, None),
        ("cause", 0, "cause"),
    ]


@pytest.mark.spec("SRV-300", "SRV-299", "SRV-297")
def test_groups_are_walked_depth_first() -> None:
    """A group's cause comes first, then each member with all that led to it, in their order."""
    inner = linked("inner", members=[linked("third"), linked("fourth")])
    first = linked("first", cause=linked("why first"))
    outer = linked("outer", cause=linked("why outer"), members=[first, inner, linked("fifth")])

    assert tree(outer) == [
        ("outer (3 sub-exceptions)", None, None),
        ("why outer", 0, "cause"),
        ("first", 0, "member"),
        ("why first", 2, "cause"),
        ("inner (2 sub-exceptions)", 0, "member"),
        ("third", 4, "member"),
        ("fourth", 4, "member"),
        ("fifth", 0, "member"),
    ]


@pytest.mark.spec("SRV-301")
def test_circles_end() -> None:
    """An exception that led to itself, directly or through a group, is told once."""
    first, second = linked("first"), linked("second")
    first.__context__, second.__context__ = second, first
    member = linked("member")
    group = linked("group", members=[member, member])
    member.__cause__ = group

    assert [value for value, *_ in tree(first)] == ["first", "second"]
    assert [value for value, *_ in tree(group)] == ["group (2 sub-exceptions)", "member"]


@pytest.mark.spec("SRV-302", "SRV-300")
def test_fifty_are_enough() -> None:
    """The caught one and the first forty-nine, depth first, whatever the tree's shape."""
    chain = linked("0")
    for number in range(1, 100):
        chain = linked(str(number), cause=chain)
    crowd = linked("crowd", members=[linked("deep", cause=chain), linked("not reached")])
    nested: Exception = linked("leaf")
    for _ in range(2000):
        nested = linked("nest", members=[nested])

    assert [value for value, *_ in tree(crowd)][:4] == [
        "crowd (2 sub-exceptions)",
        "deep",
        "99",
        "98",
    ]
    assert len(tree(crowd)) == len(tree(nested)) == len(tree(chain)) == MAX_ENTRIES


def test_a_thousand_are_looked_at() -> None:
    """A group may have the same member without end; what comes late enough is not found."""
    same, late = linked("same"), linked("late")

    found = tree(linked("found", members=[*[same] * (MAX_INSPECTED - 3), late]))
    missed = tree(linked("missed", members=[*[same] * 1_000_000, late]))

    assert [value for value, *_ in found][1:] == ["same", "late"]
    assert [value for value, *_ in missed][1:] == ["same"]


@pytest.mark.spec("SRV-298", "SRV-296", "SRV-312")
def test_what_led_there_is_chained_and_says_no_more() -> None:
    """A nested entry's type is chained; whether it was handled is known of the outermost alone."""
    boundary = Boundary(kind="middleware", handled=False, source="django.middleware")

    outer, group, member = described(
        linked("outer", cause=linked("group", members=[linked("member")])), boundary
    )

    assert outer["mechanism"] == {
        "synthetic": True,
        "type": "middleware",
        "handled": False,
        "exception_id": 0,
    }
    assert group["mechanism"] == {
        "synthetic": False,
        "type": "chained",
        "source": "cause",
        "parent_id": 0,
        "is_exception_group": True,
        "exception_id": 1,
    }
    assert member["mechanism"]["type"] == "chained"
    assert "handled" not in member["mechanism"]


@pytest.mark.spec("SRV-303", "SRV-309")
def test_what_the_boundary_does_not_know_is_left_out() -> None:
    """No placeholder stands for a type, a disposition, a level or a source that nobody knows."""
    event = describe_exception(
        ValueError("no"), STACKS, Boundary(kind=None, handled=None, level=None)
    )

    assert event["$exception_list"][0]["mechanism"] == {"synthetic": True, "exception_id": 0}
    assert event.keys() == {"$exception_list", "$exception_type", "$exception_message"}


@pytest.mark.spec("SRV-307", "SRV-311", "SRV-319", "SRV-320", "SRV-323")
@pytest.mark.parametrize(
    ("source", "level"),
    [("python.sys_excepthook", "fatal"), ("python.threading_excepthook", "error")],
)
def test_a_boundary_decides_level_and_disposition(source: str, level: str) -> None:
    """What a hook knows is told as it knows it: the process ends, or only a thread does."""
    boundary = Boundary(kind="onuncaughtexception", handled=False, source=source, level=level)

    event = describe_exception(ValueError("no"), STACKS, boundary)

    mechanism = event["$exception_list"][0]["mechanism"]
    assert (mechanism["type"], mechanism["handled"]) == ("onuncaughtexception", False)
    assert (event["$exception_source"], event["$exception_level"]) == (source, level)


@pytest.mark.spec("SRV-314", "SRV-315", "SRV-316")
def test_each_stack_says_whether_it_was_made_up() -> None:
    """Ours, where an exception has none, is synthetic; what led there has its own, or none."""
    raised = failure("raised")

    fresh, cause = described(linked("fresh", cause=raised))
    [alone] = described(raised)
    whole, bare = described(linked("whole", cause=linked("bare")))

    assert (fresh["mechanism"]["synthetic"], cause["mechanism"]["synthetic"]) == (True, False)
    assert alone["mechanism"]["synthetic"] is False
    assert whole["stacktrace"]["frames"][-1]["filename"].endswith("test_chain.py")
    assert bare["mechanism"]["synthetic"] is False
    assert "stacktrace" not in bare


class OutOfStock(Exception):  # noqa: N818 - a name as applications have them
    """Of this module."""


@pytest.mark.spec("SRV-295", "SRV-303")
def test_an_entry_has_type_value_and_module() -> None:
    """A module is named, but for what is built in."""

    class Local(Exception):  # noqa: N818 - as above
        pass

    class Odd(Exception):  # noqa: N818 - as above
        __module__ = 7  # type: ignore[assignment]

    [built_in], [own], [local], [odd] = map(
        described, [ValueError(), OutOfStock("book"), Local(), Odd()]
    )

    assert (built_in["type"], built_in["value"]) == ("ValueError", "")
    assert "module" not in built_in
    assert "module" not in odd
    assert (own["type"], own["value"], own["module"]) == ("OutOfStock", "book", __name__)
    assert local["type"] == "test_an_entry_has_type_value_and_module.<locals>.Local"


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (FileNotFoundError(errno.ENOENT, "no such file"), errno.ENOENT),
        (ConnectionResetError(errno.ECONNRESET, "reset"), errno.ECONNRESET),
        (OSError("no number"), None),
        (OSError("text", "no number"), None),
        (ValueError(2, "no"), None),
    ],
)
def test_an_error_of_the_system_has_its_number(error: Exception, number: int | None) -> None:
    """It is told in the mechanism, in a place of its own."""
    [entry] = described(error)

    expected = None if number is None else {"errno": {"number": number}}
    assert entry["mechanism"].get("meta") == expected


@pytest.mark.spec("SRV-286", "SRV-327", "SRV-326")
def test_frames_run_from_the_first_call_to_the_failure() -> None:
    """The outermost call comes first, the raise point last; nothing else is derived."""

    def outer() -> None:
        inner()

    def inner() -> None:
        raise LookupError

    try:
        outer()
    except LookupError as error:
        event = describe_exception(error, STACKS)

    functions = [frame["function"] for frame in event["$exception_list"][0]["stacktrace"]["frames"]]
    assert [name.rpartition(".")[2] for name in functions] == [
        "test_frames_run_from_the_first_call_to_the_failure",
        "outer",
        "inner",
    ]
    assert event.keys() == {
        "$exception_list",
        "$exception_type",
        "$exception_message",
        "$exception_level",
    }


# Local variables: who reads them, and in which order


def failure(name: str, cause: BaseException | None = None) -> Exception:
    """Return an exception that was raised two calls down."""

    def inner() -> None:
        where = f"{name}, inside"
        raise LookupError(where) from cause

    where = f"{name}, outside"
    try:
        inner()
    except LookupError as error:
        assert where
        return error
    raise AssertionError


class Reader:
    """Reads variables as a function does."""

    def __init__(self, read: Callable[[FrameType], dict[str, Any] | None]) -> None:
        self.read = read

    def follow(self, stack: Iterable[FrameType]) -> None:
        """Need to know no callers."""


def read_with(read: Callable[[FrameType], dict[str, Any] | None]) -> tuple[Stacks, list[int]]:
    """Return stacks whose variables *read* reads, and a list that grows with each event."""
    made: list[int] = []

    def make() -> Reader:
        made.append(1)
        return Reader(read)

    return Stacks(files=STACKS.files, variables=make), made


def test_variables_are_read_from_the_raise_point_outwards() -> None:
    """The outermost exception's first, once per event, and only of the application's frames."""
    asked: list[str] = []

    def read(frame: FrameType) -> dict[str, Any] | None:
        asked.append(frame.f_locals["where"])
        return {"where": frame.f_locals["where"]} if "inside" in asked[-1] else None

    stacks, made = read_with(read)
    error = failure("late", failure("early"))

    entries = describe_exception(error, stacks)["$exception_list"]

    assert asked == ["late, inside", "late, outside", "early, inside", "early, outside"]
    assert len(made) == 1
    outside, inside = entries[0]["stacktrace"]["frames"]
    assert inside["code_variables"] == {"where": "late, inside"}
    assert "code_variables" not in outside


def test_other_peoples_variables_are_not_read() -> None:
    """Frames that are not known to be the application's keep theirs."""

    def read(frame: FrameType) -> dict[str, Any] | None:
        raise AssertionError(frame)

    stacks, _ = read_with(read)
    elsewhere = Stacks(files=Files("/nowhere", ()), variables=stacks.variables)

    [entry] = describe_exception(failure("late"), elsewhere)["$exception_list"]

    assert len(entry["stacktrace"]["frames"]) == 2


def test_a_message_may_have_a_boundary_too() -> None:
    """What a log says, without an exception, is told with what the log knows."""
    boundary = Boundary(kind="logger", source="python.logging", level="CRITICAL")

    event = describe_message("disk is full", STACKS, boundary)

    assert event["$exception_level"] == "fatal"
    assert event["$exception_source"] == "python.logging"
    assert event["$exception_list"][0]["mechanism"]["type"] == "logger"
    assert event["$exception_list"][0]["mechanism"]["handled"] is True


class Foreign(Exception):  # noqa: N818 - an error of another language
    """What brings along its stack as text."""

    def __init__(self, stack: str) -> None:
        """Keep *stack* as other runtimes' errors do."""
        super().__init__("it failed there")
        self.stack = stack


def test_a_stack_that_came_as_text_is_masked_and_bounded(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """It is what its writers wanted to be seen, and no more than an event can hold."""
    client.capture_exception(Foreign("at login (app.js:1) password=hunter2"))
    crowd = [Foreign("\U0001f600" * 20_000) for _ in range(60)]
    assert client.capture_exception(ExceptionGroup("crowd", crowd))

    one, many = posthog_events
    [entry] = one.properties["$exception_list"]
    assert entry["mechanism"]["meta"]["stack"].startswith("at login (app.js:1) password=")
    assert "hunter2" not in str(one.properties)
    assert len(many.properties["$exception_list"]) == 50


def test_a_property_of_an_error_is_not_asked(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """What an error computes when asked for its stack is anybody's code."""

    class Lazy(Exception):  # noqa: N818 - as above
        @property
        def stack(self) -> str:
            raise SystemExit

    assert client.capture_exception(Lazy("boom"))

    assert len(posthog_events) == 1


def test_three_of_anything_are_no_exc_info(client: Client, posthog_events: RecordedEvents) -> None:
    """A tuple is taken for a triple only if it can be one; else it is a message."""
    try:
        raise KeyError("unrelated")  # noqa: EM101, TRY301 - what is being handled meanwhile
    except KeyError:
        client.capture_exception(("quota exceeded", None, 3))

    assert "quota exceeded" in posthog_events.one("$exception").properties["$exception_message"]
