"""Signals: handlers that capture, flush and end the client, wherever they interrupt."""

from __future__ import annotations

import signal
import textwrap
from typing import Any

import pytest

from posthog_web.inspector import Inspector
from tests.process.program import Ended, running

CAPTURE_WITHOUT_END = """
atexit.register(lambda: say_stats(client))
client = Client("phc_test", url, flush_at=20, max_queue_size=500)
client.capture("user123", "first")
say(ready=True)
pause = threading.Event()
while True:
    for _ in range(100):
        client.capture("user123", "more")
    pause.wait(0.001)  # A program that did nothing but capture would starve its own worker.
"""

SHUT_DOWN_ON_SIGTERM = """
def on_signal(number, frame):
    client.shutdown(timeout=5)
    say(now=time.monotonic())
    sys.exit(0)
signal.signal(signal.SIGTERM, on_signal)
"""

# Runs a capture again and again, and interrupts it at its first, second, third … moment: Python
# runs signal handlers when a function begins and when a call of a built-in one returns.
INTERRUPT_EVERY_MOMENT = """
class Stop(BaseException):
    pass

def interrupted_at(moment, client):
    moments = 0
    def watch(frame, event, argument):
        nonlocal moments
        if frame.f_code.co_name == until:
            sys.setprofile(None)
            return
        moments += event in {"call", "c_return"}
        if moments == moment:
            moments += 1
            signal.raise_signal(signal.SIGUSR1)
    sys.setprofile(watch)
    try:
        client.capture("user123", "interrupted")
    except Stop:
        return True
    finally:
        sys.setprofile(None)
    return moments >= moment

def on_signal(number, frame):
    act()
    raise Stop

signal.signal(signal.SIGUSR1, on_signal)
until = globals().get("until")
moment = 0
while True:
    moment += 1
    client = Client("phc_test", url, flush_at=1, sync_mode=until is not None)
    more = interrupted_at(moment, client)
    check()
    if not more:
        break
say(moments=moment)
"""


def assert_counted_once(said: dict[str, Any], inspector: Inspector) -> None:
    """Fail unless every event is somewhere; the one being captured may be nowhere yet."""
    somewhere = said["sent"] + said["queued"] + said["in_flight"] + sum(said["dropped"].values())
    assert 0 <= said["captured"] - somewhere <= 1
    events = inspector.events()
    assert said["sent"] == len(events)
    assert {event["deliveries"] for event in events} == {1}
    assert set(said["dropped"]) <= {"queue_full"}
    assert (said["queued"], said["in_flight"]) == (0, 0)


def stop_in_the_middle(inspector: Inspector, text: str, number: signal.Signals) -> Ended:
    """Start capturing without end, send the signal once events arrive, and wait for the end."""
    inspector.clear()
    with running(text + CAPTURE_WITHOUT_END, inspector.url) as program:
        program.hear()
        inspector.wait_for(200)
        program.process.send_signal(number)
        return program.end()


@pytest.mark.spec("SRV-104", "SRV-113")
def test_a_handler_may_end_the_client_in_the_middle_of_a_capture(inspector: Inspector) -> None:
    """SIGTERM inside a loop of captures: it exits promptly, silently, and every event counts."""
    ended = stop_in_the_middle(inspector, SHUT_DOWN_ON_SIGTERM, signal.SIGTERM)

    assert (ended.code, ended.errors) == (0, "")
    assert ended.at - ended.said[1]["now"] < 1.0
    assert_counted_once(ended.said[-1], inspector)


@pytest.mark.slow
def test_a_handler_may_end_the_client_wherever_it_interrupts(inspector: Inspector) -> None:
    """The same ten times over, wherever the signal falls."""
    for _ in range(10):
        ended = stop_in_the_middle(inspector, SHUT_DOWN_ON_SIGTERM, signal.SIGTERM)

        assert (ended.code, ended.errors) == (0, "")
        assert_counted_once(ended.said[-1], inspector)


def test_an_interrupt_from_the_keyboard_is_what_it_was(inspector: Inspector) -> None:
    """SIGINT inside a loop of captures: KeyboardInterrupt ends the program, events are sent."""
    ended = stop_in_the_middle(inspector, "", signal.SIGINT)

    assert ended.code == -signal.SIGINT
    assert ended.errors.rstrip().endswith("KeyboardInterrupt")
    assert "internal error" not in ended.errors
    assert_counted_once(ended.said[-1], inspector)


@pytest.mark.spec("SRV-104", "SRV-116")
def test_shutdown_works_from_every_moment_of_a_capture(inspector: Inspector) -> None:
    """A handler that shuts down, at each moment in turn: nothing is raised, nothing hangs."""
    ended = stepped(
        """
        def act():
            began = time.monotonic()
            client.shutdown(timeout=2)
            assert time.monotonic() - began < 1.5, f"slow at moment {moment}"
        def check():
            client.shutdown(timeout=2)
            stats = client.stats()
            assert stats.queued == stats.in_flight == 0, f"left at moment {moment}: {stats}"
        """,
        inspector,
    )

    assert (ended.code, ended.errors) == (0, "")
    assert ended.said[-1]["moments"] > 50


@pytest.mark.spec("SRV-104")
def test_delivery_survives_an_exception_at_every_moment_of_a_capture(inspector: Inspector) -> None:
    """A handler that raises, as time limits do, at each moment in turn: the next event arrives."""
    ended = stepped(
        """
        def act():
            pass
        def check():
            assert client.capture("user123", "next"), f"refused at moment {moment}"
            assert client.join(2), f"not delivered after moment {moment}: {client.stats()}"
            client.shutdown(timeout=2)
        """,
        inspector,
    )

    assert (ended.code, ended.errors) == (0, "")
    assert len(inspector.events("next")) == ended.said[-1]["moments"]


@pytest.mark.spec("SRV-104")
def test_a_handler_may_capture_and_flush_at_every_moment_of_a_capture(inspector: Inspector) -> None:
    """A handler that captures and flushes, at each moment in turn: its event arrives."""
    ended = stepped(
        """
        def act():
            began = time.monotonic()
            assert client.capture("user123", "handler"), f"refused at moment {moment}"
            client.flush(timeout=2)
            assert time.monotonic() - began < 1.5, f"slow at moment {moment}: {client.stats()}"
        def check():
            client.shutdown(timeout=2)
        """,
        inspector,
    )

    assert (ended.code, ended.errors) == (0, "")
    assert len(inspector.events("handler")) == ended.said[-1]["moments"] - 1


@pytest.mark.spec("SRV-104")
def test_an_interrupted_capture_in_sync_mode_leaves_nothing_under_way(inspector: Inspector) -> None:
    """An exception at each moment before the request: what was accepted is sent by a flush."""
    ended = stepped(
        """
        until = "post"
        def act():
            pass
        def check():
            assert client.flush(1), f"stuck after moment {moment}: {client.stats()}"
            assert client.stats().in_flight == 0
        """,
        inspector,
    )

    assert (ended.code, ended.errors) == (0, "")


def test_a_handler_may_capture_in_the_middle_of_a_request_of_sync_mode(
    inspector: Inspector,
) -> None:
    """A handler that interrupts a request, where it holds a lock of its session, may send too."""
    with running(
        """
        signal.alarm(5)
        client = Client("phc_test", url, sync_mode=True)
        client.capture("user123", "first")
        def watch(frame, event, argument):
            # urllib3 takes a connection out of its pool, which is a queue.
            inside = frame.f_code.co_filename, frame.f_back and frame.f_back.f_code.co_filename
            if event == "c_return" and inside == (threading.__file__, queue.__file__):
                sys.setprofile(None)
                signal.raise_signal(signal.SIGUSR1)
        def on_signal(number, frame):
            client.capture("user123", "handler")
        import queue
        signal.signal(signal.SIGUSR1, on_signal)
        sys.setprofile(watch)
        client.capture("user123", "interrupted")
        """,
        inspector.url,
    ) as program:
        ended = program.end()

    assert (ended.code, ended.errors) == (0, "")
    names = [event["event"] for event in inspector.events()]
    assert names == ["first", "handler", "interrupted"]


def stepped(actions: str, inspector: Inspector) -> Ended:
    """Run the program that interrupts a capture at each of its moments."""
    with running(textwrap.dedent(actions) + INTERRUPT_EVERY_MOMENT, inspector.url) as program:
        return program.end()


TIMER = """
signal.alarm(30)
client = Client("phc_test", url, flush_at=20, max_queue_size=100_000, shutdown_timeout=10)
ticks = 0
def on_tick(number, frame):
    global ticks
    ticks += 1
    client.capture("user123", "tick", {"number": ticks})
    if ticks % 7 == 0:
        client.flush(timeout=0)
    if ticks % 501 == 0:
        client.flush(timeout=0.01)
    if time.monotonic() > end and not client.is_opted_out():
        signal.setitimer(signal.ITIMER_REAL, 0)
        client.shutdown(timeout=10)
signal.signal(signal.SIGALRM, on_tick)
end = time.monotonic() + 5
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
numbers = 0
pause = threading.Event()
while not client.is_opted_out():
    numbers += 1
    client.capture("user123", "loop")
    if numbers % 10 == 0:
        pause.wait(0.001)  # The inspector keeps 50,000 events.
    if numbers % 50 == 0:
        client.flush(timeout=0.02)
say(ticks=ticks, numbers=numbers)
say_stats(client)
"""


@pytest.mark.slow
@pytest.mark.spec("SRV-104")
def test_a_timer_whose_handler_does_everything(inspector: Inspector) -> None:
    """For 5 s a handler captures, flushes and at last shuts down each millisecond: it adds up."""
    with running(TIMER, inspector.url) as program:
        ended = program.end()

    assert (ended.code, ended.errors) == (0, "")
    counts, stats = ended.said
    assert counts["ticks"] > 1_000
    assert stats["captured"] == stats["sent"] + sum(stats["dropped"].values())
    assert (stats["queued"], stats["in_flight"]) == (0, 0)
    assert stats["sent"] == len(inspector.events())
    assert {event["deliveries"] for event in inspector.events()} == {1}
    assert set(stats["dropped"]) <= {"queue_full", "closed"}
