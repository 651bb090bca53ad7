"""install_signal_handlers: a signal that ends a process lets it send what is left first."""

from __future__ import annotations

import signal
import subprocess
from time import monotonic

import pytest

from posthog_web.inspector import Inspector
from tests.delivery.servers import free_port
from tests.process.program import Ended, running

# Captures, says so, and waits for the signal; a handler may end the wait.
WAITING = """
import posthog_web
{before}
client = Client("phc_test", url, flush_interval=60, flush_at=1000, shutdown_timeout=1.5)
posthog_web.install_signal_handlers()
posthog_web.install_signal_handlers()
for _ in range(3):
    client.capture("user123", "early")
stopped = threading.Event()
say(ready=True)
stopped.wait(10)
{after}
"""

TERM, HUP = signal.SIGTERM, signal.SIGHUP


def send(
    number: signal.Signals, url: str, *, before: str = "", after: str = "", text: str = WAITING
) -> Ended:
    """Run the program, send it the signal, and wait for its end."""
    with running(text.format(before=before, after=after), url) as program:
        program.hear()
        program.process.send_signal(number)
        return program.end()


def names(inspector: Inspector) -> list[str]:
    """Return the names of what arrived; fail if anything came twice."""
    assert {event["deliveries"] for event in inspector.events()} <= {1}
    return [event["event"] for event in inspector.events()]


@pytest.mark.parametrize("number", [TERM, HUP])
def test_a_signal_nobody_handles_ends_the_process_as_before(
    inspector: Inspector, number: signal.Signals
) -> None:
    """All events arrive, from a slow server too; the exit code is still that of the signal."""
    inspector.answer(status=200, delay=0.3)

    ended = send(number, inspector.url)

    assert (ended.code, ended.errors) == (-number, "")
    assert names(inspector) == ["early"] * 3


def test_without_them_a_script_loses(inspector: Inspector) -> None:
    """SIGTERM's default action runs no Python at all: this cannot hold by itself."""
    text = WAITING.replace("posthog_web.install_signal_handlers()", "")

    ended = send(TERM, inspector.url, text=text)

    assert (ended.code, ended.errors) == (-TERM, "")
    assert names(inspector) == []


def test_a_handler_that_was_there_decides(inspector: Inspector) -> None:
    """Events leave, then it is told: it may exit with its own code, and capture once more."""
    ended = send(
        TERM,
        inspector.url,
        before="""
def on_signal(number, frame):
    client.capture("user123", "handler")
    sys.exit(7)
signal.signal(signal.SIGTERM, on_signal)
""",
    )

    assert (ended.code, ended.errors) == (7, "")
    assert names(inspector) == ["early"] * 3 + ["handler"]


def test_a_handler_that_leaves_at_once_costs_nothing(inspector: Inspector) -> None:
    """Even if it calls os._exit: what was captured before the signal has left by then."""
    ended = send(
        TERM,
        inspector.url,
        before="signal.signal(signal.SIGTERM, lambda *_: os._exit(9))",
    )

    assert (ended.code, ended.errors) == (9, "")
    assert names(inspector) == ["early"] * 3


def test_a_process_that_survives_works_as_before(inspector: Inspector) -> None:
    """A handler that only notes the signal: later events are queued again, and arrive."""
    ended = send(
        HUP,
        inspector.url,
        before="signal.signal(signal.SIGHUP, lambda *_: stopped.set())",
        after="""
began = time.monotonic()
client.capture("user123", "later")
say(queued=client.queue.qsize(), seconds=time.monotonic() - began)
""",
    )

    assert (ended.code, ended.errors) == (0, "")
    assert ended.said[-1]["queued"] == 1
    assert names(inspector) == ["early"] * 3 + ["later"]


def test_a_process_that_survives_an_outage_gives_nothing_up(inspector: Inspector) -> None:
    """PostHog fails while the signal is handled: the events arrive later, all the same."""
    inspector.answer(status=503, times=2)

    ended = send(
        HUP,
        inspector.url,
        before="signal.signal(signal.SIGHUP, lambda *_: stopped.set())",
        after="client.flush(timeout=10)",
        text=WAITING.replace("shutdown_timeout=1.5", "shutdown_timeout=0.05"),
    )

    assert (ended.code, ended.errors) == (0, "")
    assert names(inspector) == ["early"] * 3


def test_each_signal_has_the_whole_budget(inspector: Inspector) -> None:
    """A process that outlives many slow drains can still send what is left at its end."""
    inspector.answer(status=200, delay=0.7)
    before = """
def on_signal(number, frame):
    client.capture("user123", "handler")
    stopped.set()
signal.signal(signal.SIGHUP, on_signal)
"""
    after = """
for _ in range(2):
    stopped.clear()
    say(ready=True)
    stopped.wait(10)
"""
    with running(WAITING.format(before=before, after=after), inspector.url) as program:
        for _ in range(3):
            program.hear()
            program.process.send_signal(HUP)
        ended = program.end()

    assert (ended.code, ended.errors) == (0, "")
    assert names(inspector) == ["early"] * 3 + ["handler"] * 3


def test_an_ignored_signal_stays_ignored(inspector: Inspector) -> None:
    """As under nohup: SIGHUP changes nothing, and SIGTERM still ends it."""
    with running(
        WAITING.format(before="signal.signal(signal.SIGHUP, signal.SIG_IGN)", after=""),
        inspector.url,
    ) as program:
        program.hear()
        program.process.send_signal(HUP)
        program.process.send_signal(TERM)
        ended = program.end()

    assert (ended.code, ended.errors) == (-TERM, "")
    assert names(inspector) == ["early"] * 3


def test_a_dead_server_costs_the_budget_and_is_said() -> None:
    """Nobody listens: the process is gone within shutdown_timeout, and says what was lost."""
    told = monotonic()

    ended = send(
        TERM,
        f"http://127.0.0.1:{free_port()}",
        before='logging.basicConfig(format="%(message)s")',
    )

    assert ended.code == -TERM
    assert ended.at - told < 6
    assert ended.errors.count("3 event(s) could not be sent") == 1
    assert "Traceback" not in ended.errors


def test_a_second_signal_does_not_wait() -> None:
    """Whoever sends SIGTERM again while events are being sent has it obeyed at once."""
    text = WAITING.replace("shutdown_timeout=1.5", "shutdown_timeout=15")
    with running(text.format(before="", after=""), f"http://127.0.0.1:{free_port()}") as program:
        program.hear()
        told = monotonic()
        program.process.send_signal(TERM)
        with pytest.raises(subprocess.TimeoutExpired):
            program.process.wait(0.5)
        program.process.send_signal(TERM)
        ended = program.end()

    assert ended.code == -TERM
    assert ended.at - told < 5


def test_another_thread_may_not_install_them(inspector: Inspector) -> None:
    """Python allows it on the main thread only: it says so, and the signals stay as they were."""
    with running(
        """
        import posthog_web
        logging.basicConfig(format="%(message)s")
        def install():
            say(installed=posthog_web.install_signal_handlers())
        thread = threading.Thread(target=install)
        thread.start()
        thread.join()
        say(default=signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
        """,
        inspector.url,
    ) as program:
        ended = program.end()

    assert ended.said == [{"installed": False}, {"default": True}]
    assert ended.errors.count("must be called on the main thread") == 1


def test_a_signal_in_the_middle_of_captures_loses_nothing(inspector: Inspector) -> None:
    """SIGTERM inside a loop of captures: what was said to be accepted before it has arrived."""
    with running(
        """
        import posthog_web
        # Thousands of events wait by then, for a server that shares its processor with the tests.
        client = Client("phc_test", url, flush_at=50, shutdown_timeout=15)
        posthog_web.install_signal_handlers()
        pause = threading.Event()
        for number in range(1_000_000):
            if client.capture("user123", "more", {"number": number}):
                os.write(1, b"{}\\n")
            if number % 100 == 0:
                pause.wait(0.001)
        """,
        inspector.url,
    ) as program:
        inspector.wait_for(200)
        program.process.send_signal(TERM)
        ended = program.end()

    assert (ended.code, ended.errors) == (-TERM, "")
    assert len(names(inspector)) - len(ended.said) in {0, 1}
