"""Exceptions and code that nobody would write on purpose: each is one report, and unharmed."""

from __future__ import annotations

import concurrent.futures
import gc
import linecache
import os
import sys
import textwrap
import weakref
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from posthog_web import Client
from posthog_web._exceptions.message import MAX_MESSAGE, MAX_NAME
from posthog_web._exceptions.metadata import IN_CODE, Boundary
from posthog_web._exceptions.source_lines import MAX_FILE, MAX_LINE
from posthog_web._serialization import dumps
from posthog_web.testing import RecordedEvents

Entry = dict[str, Any]


@pytest.fixture
def entry_of(client: Client, posthog_events: RecordedEvents) -> Callable[[object], Entry]:
    """Report something; return the first entry of its event."""

    def report(error: object) -> Entry:
        assert client.capture_exception(error)
        entry: Entry = posthog_events[-1].properties["$exception_list"][0]
        return entry

    return report


def failure_of(call: Callable[..., object], *arguments: object) -> BaseException:
    """Return what *call* raises."""
    try:
        call(*arguments)
    except BaseException as error:  # noqa: BLE001 - any of them
        return error
    raise AssertionError


def _raising(*_: object) -> Any:
    raise RuntimeError


class Hostile(Exception):  # noqa: N818 - it is named for what it does
    """Raises whatever it is asked."""

    __str__ = __repr__ = __bool__ = __len__ = __eq__ = __getattr__ = _raising
    __hash__ = None  # type: ignore[assignment]
    __class__ = property(_raising)  # type: ignore[assignment]
    __cause__ = property(_raising)  # type: ignore[assignment]
    __context__ = property(_raising)  # type: ignore[assignment]
    __suppress_context__ = property(_raising)  # type: ignore[assignment]
    __traceback__ = property(_raising)  # type: ignore[assignment]
    __notes__ = property(_raising)  # type: ignore[assignment]


class HostileGroup(ExceptionGroup[Exception]):
    """Does not tell of its members."""

    exceptions = property(_raising)  # type: ignore[assignment]


class Secretive(Exception):  # noqa: N818 - as above
    """Answers no question at all."""

    __getattribute__ = _raising


class _Meta(type):
    __getattribute__ = __eq__ = __repr__ = _raising
    __hash__ = type.__hash__


class OddClass(Exception, metaclass=_Meta):  # noqa: N818 - as above
    """Belongs to a class that raises whatever it is asked."""


class _Text(str):
    __slots__ = ()
    __getitem__ = __len__ = __iter__ = __eq__ = __add__ = count = split = strip = _raising  # type: ignore[assignment]
    __hash__ = str.__hash__


class OddText(Exception):  # noqa: N818 - as above
    """Says what it has to say in a text that raises whatever it is asked."""

    def __str__(self) -> str:
        return _Text("odd")


# Made by the test: pytest itself asks parameters more than these answer.
ODD_EXCEPTIONS: dict[str, tuple[Callable[[], BaseException], str, str]] = {
    "hostile": (Hostile, "Hostile", "<unprintable Hostile>"),
    "group": (
        lambda: HostileGroup("group", [ValueError()]),
        "HostileGroup",
        "group (1 sub-exception)",
    ),
    "secretive": (lambda: Secretive("said"), "Secretive", "said"),
    "class": (lambda: OddClass("said"), "OddClass", "said"),
    "text": (OddText, "OddText", "odd"),
    "surrogate": (lambda: ValueError("\ud800 lone"), "ValueError", "\ufffd lone"),
    "nul": (lambda: ValueError("nul \0"), "ValueError", "nul \0"),
    "bytes": (lambda: ValueError(b"\xff"), "ValueError", "b'\\xff'"),
    "key": (lambda: KeyError("name"), "KeyError", "'name'"),
    "empty": (ValueError, "ValueError", ""),
    "unnamed": (lambda: type("", (Exception,), {})("x"), "Exception", "x"),
    "long": (
        lambda: type("Long" * 1000, (Exception,), {})("x"),
        ("Long" * 1000)[:MAX_NAME],
        "x",
    ),
}


@pytest.mark.parametrize("kind", ODD_EXCEPTIONS)
@pytest.mark.spec("SRV-293", "SRV-295")
def test_an_exception_may_misbehave(kind: str, entry_of: Callable[[object], Entry]) -> None:
    """Raised or not, it has a type and a message, and its own stack where it has one."""
    make, name, message = ODD_EXCEPTIONS[kind]

    def fail() -> None:
        raise make()

    for entry in (entry_of(make()), raised := entry_of(failure_of(fail))):
        assert (entry["type"], entry["value"]) == (name, message)
    assert raised["mechanism"]["synthetic"] is False
    assert raised["stacktrace"]["frames"][-1]["function"].endswith("fail")


@pytest.mark.parametrize("kind", ODD_EXCEPTIONS)
def test_an_exception_that_nobody_caught_may_misbehave_too(
    kind: str, posthog_events: RecordedEvents
) -> None:
    """Whether it is expected, known or one too many is found out past its class."""
    make, name, _ = ODD_EXCEPTIONS[kind]
    client = Client("phc_test", ignore_exceptions=[KeyboardInterrupt, "decimal.InvalidOperation"])
    boundary = Boundary(kind="middleware", handled=False, source="django.middleware")

    assert client._report_uncaught(BaseExceptionGroup("group", [make()]), boundary)
    assert client._report_uncaught(make(), boundary)

    group, alone = posthog_events
    assert group.properties["$exception_list"][1]["type"] == name
    assert alone.properties["$exception_type"] == name


def test_groups_may_lead_to_themselves(posthog_events: RecordedEvents) -> None:
    """Through a member's cause, or so deep that Python gives up: they are reported once."""
    client = Client("phc_test")
    member = ValueError("member")
    circle = ExceptionGroup("circle", [member])
    member.__cause__ = circle
    deep: Exception = ValueError("deep")
    for _ in range(5000):
        deep = ExceptionGroup("nest", [deep])
    twice = ValueError("twice")
    client.capture_exception(twice)

    assert client._report_uncaught(circle, IN_CODE)
    assert client._report_uncaught(circle, IN_CODE) is None
    assert client._report_uncaught(deep, IN_CODE)
    assert client._report_uncaught(ExceptionGroup("same", [twice, twice]), IN_CODE) is None

    assert len(posthog_events) == 3


class _Endless:
    """As a mock: there is an answer to every question, and it is another one."""

    def __getattr__(self, name: str) -> object:
        return self

    def __repr__(self) -> str:
        return "a mock"


class _Claimant(_Endless):
    __class__ = ValueError  # type: ignore[assignment]


class _Lazy:
    __getattribute__ = __str__ = __repr__ = _raising


ODD_THINGS: dict[str, tuple[Callable[[], object], str]] = {
    "mock": (_Endless, "a mock"),
    "claimant": (_Claimant, "a mock"),
    "lazy": (_Lazy, "<unprintable _Lazy>"),
    "class": (lambda: ValueError, "<class 'ValueError'>"),
    "triple": (lambda: (ValueError, "text", None), "(<class 'ValueError'>, 'text', None)"),
    "huge": (lambda: "x" * 20_000_000, "x" * MAX_MESSAGE),
    "bytes": (lambda: b"bytes", "b'bytes'"),
    "empty": (list, "[]"),
}


@pytest.mark.parametrize("kind", ODD_THINGS)
@pytest.mark.spec("SRV-285", "SRV-315")
def test_what_is_no_exception_may_misbehave_too(
    kind: str, entry_of: Callable[[object], Entry]
) -> None:
    """It becomes one report that says it was no exception."""
    make, message = ODD_THINGS[kind]
    entry = entry_of(make())

    assert (entry["type"], entry["value"]) == ("Error", message)
    assert entry["mechanism"] == {
        "type": "generic",
        "handled": True,
        "synthetic": True,
        "exception_id": 0,
    }


@pytest.mark.parametrize(
    ("notes", "value"),
    [
        (["more", "and more"], "said\nmore\nand more"),
        (("more",), "said\nmore"),
        ([7, _Lazy()], "said\n7\n<unprintable _Lazy>"),
        ("text", "said"),
        (None, "said"),
        ([f"{number}" for number in range(99)], "said\n" + "\n".join(map(str, range(20)))),
        (["x" * 10_000_000], "said\n" + "x" * (MAX_MESSAGE - 5)),
    ],
    ids=["list", "tuple", "odd", "text", "none", "many", "huge"],
)
def test_notes_are_part_of_the_message(
    notes: object, value: str, entry_of: Callable[[object], Entry]
) -> None:
    """They stand below it, as in a traceback, and are bounded with it."""
    error = ValueError("said")
    error.__notes__ = notes  # type: ignore[assignment]

    assert entry_of(error)["value"] == value


def test_a_long_recursion_is_told_by_its_ends(entry_of: Callable[[object], Entry]) -> None:
    """Of thousands of frames there are a hundred: how it began, and where it ended."""

    def begin(depth: int) -> None:
        again(depth)

    def again(depth: int) -> None:
        if depth:
            again(depth - 1)
        raise ValueError(depth)

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + 5000)
    try:
        error = failure_of(begin, 4000)
        frames = entry_of(error)["stacktrace"]["frames"]
    finally:
        sys.setrecursionlimit(limit)

    functions = [frame["function"].rpartition(".")[2] for frame in frames]
    assert functions == ["failure_of", "begin", *["again"] * 98]
    assert frames[-1]["context_line"].strip() == "raise ValueError(depth)"


# Code that is in no file, or in an odd one


def run(source: str, name: str, namespace: dict[str, Any] | None = None) -> BaseException:
    """Return what *source* raises when it runs as code of a file called *name*."""
    # compile() refuses some names; code objects from elsewhere may have them all the same.
    code = compile(textwrap.dedent(source), "", "exec").replace(co_filename=name)
    # What measures coverage trips over such names and namespaces itself.
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        return failure_of(exec, code, {} if namespace is None else namespace)
    finally:
        sys.settrace(tracer)


@pytest.mark.spec("SRV-290", "SRV-303")
def test_code_without_source_has_no_lines(entry_of: Callable[[object], Entry]) -> None:
    """What exec runs has a frame; the fields of its source, module and path are not there."""
    frame = entry_of(run("1 / 0", "<string>"))["stacktrace"]["frames"][-1]

    assert frame == {
        "platform": "python",
        "filename": "<string>",
        "function": "<module>",
        "lineno": 1,
    }


class _OddDict(dict[str, Any]):
    get = __getitem__ = __contains__ = _raising  # type: ignore[assignment]


@pytest.mark.parametrize(
    "name",
    ["", "<string>", "odd\0name", "\udcff.py", "/" + "x" * 100_000, "C:\\x\\y.pyx", ".", "/", "//"],
    ids=["empty", "pseudo", "nul", "surrogate", "long", "windows", "dot", "root", "slashes"],
)
@pytest.mark.parametrize(
    "make",
    [
        dict,
        lambda: {"__name__": 7, "__file__": 7, "__spec__": 7, "__loader__": 7},
        lambda: {"__name__": "__main__", "__spec__": Hostile(), "__loader__": Hostile()},
        lambda: {"__name__": _Text("odd"), "__file__": _Text("odd")},
        lambda: _OddDict(__name__="odd"),
    ],
    ids=["nothing", "numbers", "hostile", "text", "dict"],
)
def test_code_may_have_any_name_and_globals(
    name: str, make: Callable[[], dict[str, Any]], entry_of: Callable[[object], Entry]
) -> None:
    """Its frame is told with what can be known."""
    frame = entry_of(run("1 / 0", name, make()))["stacktrace"]["frames"][-1]

    assert frame["function"] == "<module>"
    assert frame["filename"]
    assert len(frame["filename"]) <= MAX_NAME
    assert "context_line" not in frame


@pytest.fixture
def imported(tmp_path: Path) -> Iterator[Callable[[str, str], ModuleType]]:
    """Import modules from files of a folder; forget them afterwards."""
    import importlib

    before = set(sys.modules)
    sys.path.insert(0, str(tmp_path))

    def load(name: str, source: str) -> ModuleType:
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield load
    sys.path.remove(str(tmp_path))
    for name in set(sys.modules) - before:
        del sys.modules[name]


FAILING = """
def fail():
    raise ValueError("here")
"""


@pytest.mark.spec("SRV-288", "SRV-289", "SRV-286")
def test_the_source_around_is_in_the_order_of_the_file(
    imported: Callable[[str, str], ModuleType], entry_of: Callable[[object], Entry]
) -> None:
    """Five lines before and five after, the nearest at the inner ends; fewer at the file's ends."""
    lines = [f"# {number}" for number in range(1, 21)]
    lines[9] = "1 / 0"
    middle = entry_of(failure_of(imported, "middle", "\n".join(lines)))
    first = entry_of(failure_of(imported, "first", "1 / 0\n# 2\n# 3"))

    def shown(entry: Entry) -> tuple[object, ...]:
        frame = entry["stacktrace"]["frames"][-1]
        return frame["pre_context"], frame["context_line"], frame["post_context"]

    assert shown(middle) == (lines[4:9], "1 / 0", lines[10:15])
    assert shown(first) == ([], "1 / 0", ["# 2", "# 3"])


def test_a_module_in_an_archive_shows_its_source(
    tmp_path: Path, entry_of: Callable[[object], Entry]
) -> None:
    """Its loader reads what is no file."""
    archive = tmp_path / "library.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("packed_shop/__init__.py", "")
        packed.writestr("packed_shop/pay.py", FAILING)
    sys.path.insert(0, str(archive))
    try:
        from packed_shop.pay import fail  # type: ignore[import-not-found]

        frame = entry_of(failure_of(fail))["stacktrace"]["frames"][-1]
    finally:
        sys.path.remove(str(archive))
        del sys.modules["packed_shop"], sys.modules["packed_shop.pay"]

    assert frame["filename"] == "packed_shop/pay.py"
    assert frame["context_line"] == '    raise ValueError("here")'


def test_a_file_that_changed_costs_its_lines_at_most(
    imported: Callable[[str, str], ModuleType], entry_of: Callable[[object], Entry], tmp_path: Path
) -> None:
    """What was read once is shown again; a file that is gone or shorter by then shows nothing."""
    changed, gone, shorter = (imported(name, FAILING) for name in ("changed", "gone", "shorter"))
    entry_of(failure_of(changed.fail))
    (tmp_path / "changed.py").write_text("something else\n" * 9)
    (tmp_path / "gone.py").unlink()
    (tmp_path / "shorter.py").write_text("")

    def line_of(module: ModuleType) -> object:
        frame = entry_of(failure_of(module.fail))["stacktrace"]["frames"][-1]
        assert frame["lineno"] == 3
        return frame.get("context_line")

    assert line_of(changed) == '    raise ValueError("here")'
    assert line_of(gone) is None
    assert line_of(shorter) is None


def test_an_endless_line_is_cut(
    imported: Callable[[str, str], ModuleType], entry_of: Callable[[object], Entry]
) -> None:
    """A megabyte in one line is not sent."""
    module = imported("minified", f"def fail(): 1 / 0; x = {'y' * 1_000_000!r}\n# next")

    frame = entry_of(failure_of(module.fail))["stacktrace"]["frames"][-1]

    assert len(frame["context_line"]) == MAX_LINE
    assert frame["post_context"] == ["# next"]


def test_a_pipe_and_a_huge_file_are_not_read(
    tmp_path: Path, entry_of: Callable[[object], Entry]
) -> None:
    """Code may claim to be of any file; of these, one would never end and one never fit."""
    pipe, huge = tmp_path / "pipe.py", tmp_path / "huge.py"
    os.mkfifo(pipe)
    with huge.open("wb") as file:
        file.truncate(MAX_FILE + 1)

    for path in (pipe, huge):
        frame = entry_of(run("1 / 0", str(path)))["stacktrace"]["frames"][-1]
        assert "context_line" not in frame
        assert str(path) not in linecache.cache


def test_a_loader_does_not_answer_for_other_files(
    imported: Callable[[str, str], ModuleType], entry_of: Callable[[object], Entry]
) -> None:
    """Code that a module makes under another name does not show that module's lines."""
    module = imported("maker", "# first\n# second\n# third")

    frame = entry_of(run("\n1 / 0", "/nowhere/made.py", vars(module)))["stacktrace"]["frames"][-1]

    assert frame["lineno"] == 2
    assert "context_line" not in frame


@pytest.mark.parametrize("name", ["__tracebackhide__", "__traceback_hide__"])
def test_frames_that_hide_are_left_out(name: str, entry_of: Callable[[object], Entry]) -> None:
    """In functions and modules alike; one that says it does not hide is shown."""
    source = f"""
    if module_hides:
        {name} = True
    def inner(hides):
        {name} = hides
        1 / 0
    def outer(hides):
        inner(hides)
    outer(hides)
    """

    def functions(*, hides: object, module_hides: bool = False) -> list[str]:
        names = {"hides": hides, "module_hides": module_hides}
        frames = entry_of(run(source, "<string>", names))["stacktrace"]["frames"]
        return [frame["function"] for frame in frames[1:]]

    assert functions(hides=True) == ["<module>", "outer"]
    assert functions(hides=False) == ["<module>", "outer", "inner"]
    assert functions(hides=Hostile()) == ["<module>", "outer", "inner"]
    assert functions(hides=True, module_hides=True) == ["outer"]


@pytest.mark.spec("SRV-291", "SRV-314")
def test_a_stack_that_hides_altogether_is_not_replaced(entry_of: Callable[[object], Entry]) -> None:
    """An exception that was raised has no stack of our making, even if it shows none itself."""

    def fail() -> None:
        __tracebackhide__ = True
        raise ValueError

    error = failure_of(fail)
    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
    entry = entry_of(error)

    assert "stacktrace" not in entry
    assert entry["mechanism"]["synthetic"] is False


# Syntax errors


def test_a_syntax_error_shows_where_it_is(
    imported: Callable[[str, str], ModuleType], entry_of: Callable[[object], Entry], tmp_path: Path
) -> None:
    """Below the code that imported it stands the file with the error, as in a traceback."""
    frames = entry_of(failure_of(imported, "broken", "# one\nif True\n"))["stacktrace"]["frames"]

    assert frames[-1] == {
        "platform": "python",
        "filename": "broken.py",
        "abs_path": str(tmp_path / "broken.py"),
        "function": "<module>",
        "lineno": 2,
        "pre_context": [],
        "context_line": "if True",
        "post_context": [],
    }
    assert frames[0]["function"] == "failure_of"


def test_a_syntax_error_in_a_text_does_not_show_the_text(
    entry_of: Callable[[object], Entry],
) -> None:
    """What was to be evaluated may have come from a user."""
    entry = entry_of(failure_of(eval, "password = 'hunter2'"))

    assert "hunter2" not in str(entry)
    assert entry["stacktrace"]["frames"][-1]["filename"] == "<string>"


@pytest.mark.parametrize(
    "attributes",
    [
        {"filename": None},
        {"filename": b"bytes", "lineno": 1},
        {"filename": _Lazy(), "lineno": _Lazy(), "text": _Lazy()},
        {"filename": "a\0b", "lineno": 1, "text": "x"},
        {"filename": "x.py", "lineno": "1"},
        {"filename": "x.py", "lineno": 10**30, "text": "x" * 1_000_000},
    ],
    ids=["none", "bytes", "hostile", "nul", "text", "large"],
)
def test_a_syntax_error_may_say_anything_of_its_place(
    attributes: dict[str, Any], entry_of: Callable[[object], Entry]
) -> None:
    """Parsers of other languages raise it too, with whatever they have."""
    error = SyntaxError("no")
    for name, value in attributes.items():
        setattr(error, name, value)

    entry = entry_of(error)

    assert entry["type"] == "SyntaxError"
    assert len(str(entry)) < 100_000


# Stacks that somebody else took


class RemoteError:
    """As queues and other processes hand on: what failed there, with its stack as text."""

    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)

    def __str__(self) -> str:
        return "failed over there"


PRINTED = """Traceback (most recent call last):
  File "/srv/worker/tasks.py", line 7, in pay
    charge(card)
  File "/etc/passwd", line 1, in charge
ValueError: no
"""


@pytest.mark.parametrize("attribute", ["stack", "traceback", "tb"])
@pytest.mark.spec("SRV-291")
def test_a_stack_that_came_as_text_is_kept(
    attribute: str, entry_of: Callable[[object], Entry]
) -> None:
    """Its frames are told as the text has them; no file is opened because a text names it."""
    entry = entry_of(RemoteError(**{attribute: PRINTED}))

    assert (entry["type"], entry["value"]) == ("RemoteError", "failed over there")
    assert entry["mechanism"]["synthetic"] is True
    assert entry["stacktrace"]["frames"] == [
        {
            "platform": "python",
            "filename": "tasks.py",
            "abs_path": "/srv/worker/tasks.py",
            "function": "pay",
            "lineno": 7,
            "pre_context": [],
            "context_line": "charge(card)",
            "post_context": [],
        },
        {
            "platform": "python",
            "filename": "passwd",
            "abs_path": "/etc/passwd",
            "function": "charge",
            "lineno": 1,
        },
    ]


@pytest.mark.spec("SRV-291")
def test_a_stack_of_another_language_is_kept_as_it_is(entry_of: Callable[[object], Entry]) -> None:
    """It is not replaced by ours, which would say something else."""
    entry = entry_of(RemoteError(stack="Error: no\n    at pay (shop.js:3:1)"))

    assert "stacktrace" not in entry
    assert entry["mechanism"]["meta"] == {"stack": "Error: no\n    at pay (shop.js:3:1)"}


@pytest.mark.spec("SRV-291")
def test_a_traceback_counts_wherever_it_is(client: Client, posthog_events: RecordedEvents) -> None:
    """On an object that is no exception, and beside an exception that has lost it."""
    error = failure_of(lambda: 1 / 0)
    trace = error.__traceback__
    client.capture_exception(RemoteError(__traceback__=trace))
    client.capture_exception((ValueError, ValueError("bare"), trace))

    for event in posthog_events:
        [entry] = event.properties["$exception_list"]
        assert entry["stacktrace"]["frames"][-1]["context_line"].endswith("lambda: 1 / 0)")


def _divide_by_zero() -> None:
    _ = 1 / 0


def test_a_failure_in_another_process_comes_with_its_stack(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """concurrent.futures hands it on as a cause that is a text."""
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        error = pool.submit(_divide_by_zero).exception(timeout=60)

    client.capture_exception(error)

    failure, remote = posthog_events.one("$exception").properties["$exception_list"]
    assert failure["type"] == "ZeroDivisionError"
    assert remote["type"] == "_RemoteTraceback"
    assert remote["stacktrace"]["frames"][-1]["function"] == "_divide_by_zero"
    assert remote["stacktrace"]["frames"][-1]["context_line"] == "_ = 1 / 0"


# Many, and large


def test_an_event_is_never_too_large(
    imported: Callable[[str, str], ModuleType], client: Client, posthog_events: RecordedEvents
) -> None:
    """Fifty exceptions with long messages, stacks and lines are less than PostHog takes."""
    comment = "\n".join(["# " + "\N{CJK UNIFIED IDEOGRAPH-8AA4}" * 300] * 9)
    source = f"""
{comment}
def deep(depth):
    if depth:
        deep(depth - 1)
    raise ValueError("\N{CJK UNIFIED IDEOGRAPH-8AA4}" * 100_000)
{comment}
"""
    deep = imported("wordy", source).deep
    members = [failure_of(deep, 200) for _ in range(100)]

    assert client.capture_exception(ExceptionGroup("many", members))  # type: ignore[type-var]

    event = posthog_events.one("$exception")
    entries = event.properties["$exception_list"]
    assert len(entries) == 50
    assert len(dumps(event.raw)) < 900_000
    assert len(entries[1]["value"]) == MAX_MESSAGE
    assert len(entries[1]["stacktrace"]["frames"]) == 100
    assert entries[1]["stacktrace"]["frames"][-1]["context_line"].startswith("    raise")
    assert all(entry["stacktrace"]["frames"][-1]["function"] == "deep" for entry in entries[1:])
    assert all(entry["value"] for entry in entries)


# Nothing is kept, nothing is changed


class Treasure:
    """Something in a frame; its death can be waited for."""


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Let things die of themselves alone: what is in a circle stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("given", ["an exception", "one never raised", "a text"])
def test_no_frame_is_kept(client: Client, posthog_events: RecordedEvents, given: str) -> None:
    """When the report is made, nothing of ours holds what was on the stack."""

    def report() -> weakref.ref[Treasure]:
        treasure = Treasure()
        match given:
            case "an exception":
                try:
                    raise ValueError  # noqa: TRY301 - it is caught here, with the treasure
                except ValueError as error:
                    client.capture_exception(error)
            case "one never raised":
                client.capture_exception(ValueError())
            case _:
                client.capture_exception("text")
        return weakref.ref(treasure)

    kept = report()

    assert len(posthog_events) == 1
    assert kept() is None


@pytest.mark.usefixtures("no_collector")
def test_no_exception_is_kept(client: Client, posthog_events: RecordedEvents) -> None:
    """Nor what it was raised from, nor the members of a group."""

    class Plain(Exception):  # noqa: N818 - an exception that can be referred to weakly
        pass

    cause, member = Plain(), Plain()
    group = ExceptionGroup("two", [member])
    group.__cause__ = cause
    client.capture_exception(group)
    kept = [weakref.ref(cause), weakref.ref(member)]
    del cause, member, group

    assert len(posthog_events) == 1
    assert [one() for one in kept] == [None, None]


def test_nothing_of_an_exception_is_changed(client: Client, posthog_events: RecordedEvents) -> None:
    """Its stack, causes, arguments and notes are what they were."""
    error = run("1 / 0", "<string>")
    outer = failure_of(_raise_from, error)
    outer.add_note("note")

    def state(one: BaseException) -> list[object]:
        return [
            one.args, one.__traceback__, one.__cause__, one.__context__,
            one.__suppress_context__, dict(vars(one)),
        ]  # fmt: skip

    before = [state(error), state(outer)]
    client.capture_exception(error)
    client.capture_exception(outer)

    assert "$exception" in posthog_events.names
    after = [state(error), state(outer)]
    for old, new in zip(before, after, strict=True):
        old_names, new_names = old.pop(), new.pop()
        assert old == new
        assert isinstance(old_names, dict)
        assert isinstance(new_names, dict)
        # One of Python's own cannot be referred to weakly; see marks.py.
        assert new_names.keys() - old_names.keys() <= {"__posthog_captured__"}


def _raise_from(error: BaseException) -> None:
    msg = "outer"
    raise ValueError(msg) from error
