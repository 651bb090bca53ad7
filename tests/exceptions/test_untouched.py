"""What is never done to a value that is told of, and what never stays behind."""

from __future__ import annotations

import asyncio
import collections
import socket
import subprocess
import sys
import threading
import types
import weakref
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import NoReturn

from posthog_web._exceptions.snapshots import copy_variables
from tests.exceptions import traps
from tests.exceptions.reading import frames_of, reader, told


class Book:
    def __init__(self, title: str) -> None:
        self.title = title


def test_no_code_of_a_value_runs() -> None:
    """Not one method, property or lie about its class; what can be read without is told."""
    traps.Trap.sprung.clear()

    for value, expected in traps.values():
        found = told(value)

        assert not traps.Trap.sprung
        assert found == expected


def test_what_is_read_only_once_is_not_read() -> None:
    """Generators, coroutines, files and sockets go on as if nobody had looked."""

    async def later() -> int:
        return 5

    generator = (number for number in range(3))
    coroutine = later()
    with socket.socket() as connection, open(__file__, encoding="utf-8") as file:  # noqa: PTH123
        values = [told(value) for value in (generator, coroutine, connection, file, iter([1]))]

        assert file.tell() == 0
    assert values == [
        "<generator>",
        "<coroutine>",
        "<socket.socket>",
        "<_io.TextIOWrapper>",
        "<list_iterator>",
    ]
    assert list(generator) == [0, 1, 2]
    assert asyncio.run(coroutine) == 5


def test_a_module_that_loads_itself_when_it_is_used_is_not_loaded(tmp_path: Path) -> None:
    """importlib's lazy modules stay what they are."""
    code = """
        import importlib.util, sys
        from posthog_web._config.options import ClientOptions
        from posthog_web._exceptions.files import Files
        from posthog_web._exceptions.variables import make_reader

        spec = importlib.util.find_spec("wave")
        spec.loader = importlib.util.LazyLoader(spec.loader)
        wave = importlib.util.module_from_spec(spec)
        sys.modules["wave"] = wave
        spec.loader.exec_module(wave)

        class FromLazy:
            def __init__(self):
                self.a = 1
        FromLazy.__module__ = "wave"

        def fail(module, thing):
            raise LookupError

        try:
            fail(wave, FromLazy())
        except LookupError as error:
            frame = error.__traceback__.tb_next.tb_frame
        options = ClientOptions(capture_exception_code_variables=True)
        print(make_reader(options, Files(sys.path[0], ()))().read(frame))
        print("Wave_read" in object.__getattribute__(wave, "__dict__"))
    """

    assert run(code, tmp_path) == [
        "{'module': '<module wave>', 'thing': '<wave.FromLazy>'}",
        "False",
    ]


def test_mocks_are_not_asked(tmp_path: Path) -> None:
    """A mock has an answer to every question, and remembers that it was asked."""
    code = """
        import sys
        from unittest.mock import MagicMock
        from posthog_web._config.options import ClientOptions
        from posthog_web._exceptions.files import Files
        from posthog_web._exceptions.variables import make_reader

        def fail(mock):
            raise LookupError

        mock = MagicMock(spec=dict)
        try:
            fail(mock)
        except LookupError as error:
            frame = error.__traceback__.tb_next.tb_frame
        options = ClientOptions(capture_exception_code_variables=True)
        print(make_reader(options, Files(sys.path[0], ()))().read(frame))
        print(mock.mock_calls)
    """

    assert run(code, tmp_path) == ["{'mock': '<unittest.mock.MagicMock>'}", "[]"]


def run(code: str, folder: Path) -> list[str]:
    """Return the lines that *code* prints, as a program in *folder* that nobody traces."""
    lines = ["import sys", "sys.settrace(None)", *(line[8:] for line in code.splitlines())]
    folder.joinpath("program.py").write_text("\n".join(lines))
    done = subprocess.run(
        [sys.executable, "program.py"], check=True, capture_output=True, text=True, cwd=folder
    )
    return done.stdout.splitlines()


def test_what_other_threads_change_is_read_as_far_as_that_goes() -> None:
    """A dict, a set and a deque that change all the time cost a word at worst."""
    stop = threading.Event()
    shared: dict[int, int] = {}
    numbers: set[int] = set()
    queue: collections.deque[int] = collections.deque()

    def change() -> None:
        for number in count():
            if stop.is_set():
                return
            shared[number % 40] = numbers.add(number % 37) or number
            queue.append(number)
            if number % 3 == 0:
                shared.pop(number % 39, None)
                numbers.discard(number % 31)
            if len(queue) > 30:
                queue.popleft()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        found = [told(value) for _ in range(300) for value in (shared, numbers, queue)]
    finally:
        stop.set()
        thread.join()

    assert all(text.startswith(("{", "[", "<unreadable ")) for text in found)
    assert any(text.startswith("{") for text in found)


# What stays behind


def test_nothing_is_kept_alive() -> None:
    """When the report is written, the reader may live on, and nothing it read does."""
    read = reader()
    reference = _read_and_forget(read)

    assert reference() is None
    assert read is not None


def _read_and_forget(read: Callable[[types.FrameType], object]) -> weakref.ref[Book]:
    book = Book("short-lived")

    def fail(book: Book) -> NoReturn:
        raise LookupError(book.title)

    read(frames_of(lambda: fail(book))[0])
    return weakref.ref(book)


def test_a_frame_that_goes_on_keeps_nothing_either(tmp_path: Path) -> None:
    """An exception that was caught and reported is gone though its function goes on, and what
    the function keeps in its own ``locals`` is not.
    """
    code = """
        import gc, weakref
        from posthog_web import Client
        from posthog_web.testing import record_events

        class Failure(Exception):
            pass

        def fail(number):
            raise Failure

        def serve(client):
            try:
                fail(1)
            except Failure as error:
                client.capture_exception(error)
                reference = weakref.ref(error)
            print(reference() is None)

        def show(client, there):
            context = locals()
            exec("extra = 5")
            before = locals().get("extra")
            try:
                fail(2)
            except Failure as error:
                client.capture_exception(error)
            print(context["there"], locals().get("extra") == before)

        gc.disable()
        with record_events() as events:
            client = Client("phc_test", capture_exception_code_variables=True)
            serve(client)
            show(client, "still here")
            for event in events:
                outer, inner = event.properties["$exception_list"][0]["stacktrace"]["frames"][-2:]
                print(inner["code_variables"], list(outer["code_variables"])[-1])
    """

    assert run(code, tmp_path) == [
        "True",
        "still here True",
        "{'number': 1} error",
        "{'number': 2} error",
    ]


def test_copying_variables_leaves_those_of_the_function_alone() -> None:
    """The function goes on with the values it had."""

    def go_on() -> list[int]:
        numbers = [1]
        copied = copy_variables(sys._getframe())
        numbers.append(2)
        assert copied["numbers"] is numbers
        return numbers

    assert go_on() == [1, 2]


def test_what_a_debugger_may_write_back_stays_where_it_is(tmp_path: Path) -> None:
    """A function goes on with its variables though a tracer had them copied, however it traces."""
    code = """
        from posthog_web._exceptions.snapshots import copy_variables

        def go_on(number):
            other = number + 1
            return other + number

        def at_the_call(frame, event, argument):
            if frame.f_code is go_on.__code__:
                assert frame.f_trace is None
                copied.append(copy_variables(frame)["number"])

        def at_a_line(frame, event, argument):
            if frame.f_code is go_on.__code__ and event == "line" and frame.f_lineno == last:
                sys.settrace(None)  # as pdb when it is told to continue
                copied.append(copy_variables(frame)["number"])
            return at_a_line

        last = go_on.__code__.co_firstlineno + 2
        copied = []
        for trace in (at_the_call, at_a_line):
            sys.settrace(trace)
            try:
                print(go_on(5))
            finally:
                sys.settrace(None)
        print(copied)
    """

    assert run(code, tmp_path) == ["11", "11", "[5, 5]"]


def test_a_hidden_frame_keeps_nothing_and_is_not_asked(tmp_path: Path) -> None:
    """What a frame with ``__tracebackhide__`` dropped is gone; no truth of an object is asked."""
    code = """
        import gc, weakref
        from posthog_web import Client
        from posthog_web.testing import record_events

        class Failure(Exception):
            pass

        class Odd:
            def __bool__(self):
                print("asked")
                return True

        def fail(hidden):
            __tracebackhide__ = hidden
            raise Failure

        def serve(client):
            __tracebackhide__ = True
            try:
                fail(1)
            except Failure as error:
                client.capture_exception(error)
                reference = weakref.ref(error)
            print(reference() is None)

        gc.disable()
        with record_events() as events:
            client = Client("phc_test")
            serve(client)
            try:
                fail(Odd())
            except Failure as error:
                client.capture_exception(error)
            for event in events:
                stack = event.properties["$exception_list"][0].get("stacktrace")
                print(stack and [frame["function"] for frame in stack["frames"]])
    """

    assert run(code, tmp_path) == ["True", "None", "['<module>', 'fail']"]
